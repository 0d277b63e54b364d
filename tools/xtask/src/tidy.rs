//! `cargo xtask tidy`: the house rules that no compiler checks, as one table.
//!
//! A rule is a name, the files it is for, and a function that names the lines that break it.
//! The rules on text are in [`text`], those on `unsafe` in [`unsafety`], those on the paths
//! of files in [`place`].

use crate::failure::Failure;
use crate::finding::{self, Finding};
use crate::process;
use crate::tree::{Source, Tree};

mod place;
#[cfg(test)]
mod tests;
mod text;
mod unsafety;

/// A rule on single files.
struct Rule {
    name: &'static str,
    /// Which files it is for.
    applies: fn(&Source) -> bool,
    /// The lines, from 1, that break it, each with what to do.
    check: fn(&Source) -> Vec<(usize, String)>,
}

const RULES: [Rule; 16] = [
    Rule { name: "root-entry", applies: |_| true, check: place::root_entry },
    Rule { name: "file-name", applies: |_| true, check: place::file_name },
    Rule { name: "file-length", applies: is_code, check: text::file_length },
    Rule { name: "line-length", applies: is_code, check: text::line_length },
    Rule { name: "tab", applies: is_written, check: text::tab },
    Rule { name: "trailing-space", applies: is_written, check: text::trailing_space },
    Rule { name: "final-newline", applies: is_written, check: text::final_newline },
    Rule { name: "unfinished", applies: is_written, check: text::unfinished },
    Rule { name: "ignored-test", applies: is_rust, check: text::ignored_test },
    Rule { name: "machine-path", applies: |_| true, check: text::machine_path },
    Rule { name: "registry-host", applies: is_not_lock, check: text::registry_host },
    Rule { name: "lock-source", applies: is_cargo_lock, check: text::lock_source },
    Rule { name: "unsafe-place", applies: is_rust, check: unsafety::place },
    Rule { name: "unsafe-proof", applies: is_rust, check: unsafety::proof },
    Rule { name: "unsafe-invariants", applies: is_bus, check: unsafety::invariants },
    Rule { name: "unsafe-allow", applies: is_rust, check: unsafety::allow },
];

/// Checks the real tree and prints what it finds.
///
/// # Errors
/// `Usage` for any argument, `Findings` when something is found, `Command` when git cannot be
/// asked.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    Failure::unless_empty(arguments)?;
    finding::report("tidy", &check(&Tree::load(process::root())?))
}

/// Applies every rule to every file it is for.
fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in &tree.files {
        for rule in RULES.iter().filter(|rule| (rule.applies)(file)) {
            found.extend((rule.check)(file).into_iter().map(|(line, advice)| Finding {
                path: file.path.clone(),
                line,
                rule: rule.name,
                advice,
            }));
        }
    }
    found
}

fn is_rust(file: &Source) -> bool {
    file.extension() == "rs"
}

fn is_bus(file: &Source) -> bool {
    is_rust(file) && file.path.starts_with("bus/src/")
}

/// Program text, whose shape is ours to choose.
fn is_code(file: &Source) -> bool {
    ["rs", "py", "pyi"].contains(&file.extension())
}

/// Text that people write here, as against locks, licences, golden files and data.
fn is_written(file: &Source) -> bool {
    is_code(file)
        || ["toml", "md", "sh", "yml", "yaml", "service"].contains(&file.extension())
        || file.path.starts_with(".ci/")
}

fn is_cargo_lock(file: &Source) -> bool {
    file.path == "Cargo.lock" || file.path.ends_with("/Cargo.lock")
}

/// Lock files name hosts by design; `lock-source` looks at cargo's.
fn is_not_lock(file: &Source) -> bool {
    file.extension() != "lock"
}
