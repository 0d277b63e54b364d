//! The files of the repository, as the checks see them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failure::Failure;
use crate::process;
use crate::rust_code::{self, Line};

/// One file of the repository.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Path from the root of the repository, with `/`.
    pub(crate) path: String,
    /// Text of the file; empty when it is not UTF-8, so that no rule on text applies.
    pub(crate) text: String,
    /// Lines of a `.rs` file, told apart into code and comment; empty for other files.
    pub(crate) rust: Vec<Line>,
    /// First line, from 0, that is compiled for tests only; the number of lines if none is.
    pub(crate) tests_from: usize,
}

impl Source {
    fn new(path: &str, text: String) -> Self {
        let rust = if path.ends_with(".rs") { rust_code::lines(&text) } else { Vec::new() };
        let tests_from = inline_tests(&rust).unwrap_or(rust.len());
        Self { path: path.to_owned(), text, rust, tests_from }
    }

    /// What stands behind the last dot of the path, or nothing.
    pub(crate) fn extension(&self) -> &str {
        Path::new(&self.path).extension().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// The lines of code that ship, numbered from 1.
    pub(crate) fn shipped(&self) -> impl Iterator<Item = (usize, &Line)> {
        (1..).zip(&self.rust).take(self.tests_from)
    }
}

/// All files of the repository.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    /// The files, by path.
    pub(crate) files: Vec<Source>,
}

impl Tree {
    /// Reads the files that git tracks or would track.
    ///
    /// # Errors
    /// `Start` or `Command` when git cannot list them.
    pub(crate) fn load(root: &Path) -> Result<Self, Failure> {
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = process::capture(git.current_dir(root))?;
        let paths: BTreeSet<&str> = listed.split_terminator('\0').collect();
        // A file that was deleted but not yet from the index is no longer part of the tree.
        let read = |path: &str| Some((path.to_owned(), fs::read(root.join(path)).ok()?));
        let files = paths.into_iter().filter_map(read);
        let text = |bytes| String::from_utf8(bytes).unwrap_or_default();
        Ok(Self::of(files.map(|(path, bytes)| (path, text(bytes)))))
    }

    /// A tree of these paths and texts.
    pub(crate) fn of<P: AsRef<str>>(files: impl IntoIterator<Item = (P, String)>) -> Self {
        let mut files: Vec<_> =
            files.into_iter().map(|(path, text)| Source::new(path.as_ref(), text)).collect();
        let tests: Vec<String> = files.iter().flat_map(test_modules).collect();
        for file in &mut files {
            if is_test(&file.path, &tests) {
                file.tests_from = 0;
            }
        }
        Self { files }
    }

    /// The real tree, or a printed message when this is not a git checkout.
    #[cfg(test)]
    pub(crate) fn real() -> Option<Self> {
        Self::load(crate::process::root())
            .map_err(|failure| eprintln!("skipped, not a git checkout: {failure}"))
            .ok()
    }

    /// The Rust files.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().filter(|file| file.extension() == "rs")
    }
}

/// Whether the file belongs to tests only: by its folder, or as a module declared for tests.
fn is_test(path: &str, modules: &[String]) -> bool {
    path.split('/').rev().skip(1).any(|folder| folder == "tests")
        || modules.iter().any(|module| {
            path.strip_prefix(module.as_str())
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        })
}

/// Whether the line is an attribute that compiles what follows for tests or models only.
fn is_test_attribute(line: &Line) -> bool {
    let Some(condition) = line.code.trim().strip_prefix("#[cfg(") else {
        return false;
    };
    // Cut out what stands inside `not(…)`; the rest asks for something.
    let mut parts = condition.split("not(");
    let first = parts.next();
    let behind = parts.filter_map(|part| part.split_once(')')).map(|(_, rest)| rest);
    let asks = |part: &str| ["test", "loom"].iter().any(|name| rust_code::has_word(part, name));
    first.into_iter().chain(behind).any(asks)
}

/// The line of the attribute before an inline test module, which by custom ends the file.
fn inline_tests(lines: &[Line]) -> Option<usize> {
    let module = |line: &Line| line.code.starts_with("mod ") && line.code.trim_end().ends_with('{');
    lines.windows(2).position(|pair| match pair {
        [attribute, next] => is_test_attribute(attribute) && module(next),
        _ => false,
    })
}

/// Paths, without `.rs`, of the modules that the file declares for tests only.
fn test_modules(file: &Source) -> Vec<String> {
    let stem = file.path.trim_end_matches(".rs");
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let folder = if ["lib", "main", "mod"].contains(&name) { folder } else { stem };
    let declared = file.rust.windows(2).filter_map(|pair| match pair {
        [attribute, next] if is_test_attribute(attribute) => {
            next.code.trim().strip_prefix("mod ")?.strip_suffix(';')
        }
        _ => None,
    });
    declared.map(|module| format!("{folder}/{module}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(tree: &Tree, path: &str) -> usize {
        tree.files.iter().find(|file| file.path == path).unwrap().shipped().count()
    }

    #[test]
    fn test_code_is_told_apart_by_folder_declaration_and_inline_module() {
        let files = [
            ("bus/src/lib.rs", "mod slot;\n#[cfg(all(test, loom))]\nmod model;\n"),
            (
                "bus/src/slot.rs",
                "fn a() {}\n#[cfg(all(not(loom), test))]\nmod tests;\n#[cfg(not(loom))]\nmod b;\n",
            ),
            ("bus/src/slot/tests.rs", "fn b() {}\n"),
            ("bus/src/slot/tests/more.rs", "fn b() {}\n"),
            ("bus/src/slot/b.rs", "fn b() {}\n"),
            ("bus/src/model.rs", "fn c() {}\n"),
            ("bus/src/models.rs", "fn c() {}\n"),
            ("bus/tests/main.rs", "fn d() {}\n"),
            ("bus/src/words.rs", "fn e() {}\n\n#[cfg(test)]\nmod tests {\n}\n"),
        ];
        let tree = Tree::of(files.map(|(path, text)| (path, text.to_owned())));
        let expected = [
            ("bus/src/lib.rs", 3),
            ("bus/src/slot.rs", 5),
            ("bus/src/slot/tests.rs", 0),
            ("bus/src/slot/tests/more.rs", 0),
            ("bus/src/slot/b.rs", 1),
            ("bus/src/model.rs", 0),
            ("bus/src/models.rs", 1),
            ("bus/tests/main.rs", 0),
            ("bus/src/words.rs", 2),
        ];
        for (path, lines) in expected {
            assert_eq!(shipped(&tree, path), lines, "{path}");
        }
    }

    #[test]
    fn the_real_tree_holds_this_file() {
        let Some(tree) = Tree::real() else { return };
        assert!(tree.rust().any(|file| file.path == "tools/xtask/src/tree.rs"));
        assert!(!tree.files.iter().any(|file| file.path.starts_with("target/")));
    }
}
