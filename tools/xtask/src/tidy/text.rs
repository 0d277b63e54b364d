//! Rules on the text of files.

use crate::tree::Source;

const MAX_LINES: usize = 600;
const MAX_COLUMNS: usize = 100;

/// Marks of unfinished work. Each is put together here, or this file would break its own rule.
const UNFINISHED: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
];

/// Beginnings of paths that exist on one machine only.
const MACHINE_PATHS: [&str; 3] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Hosts of package registries and options that choose one: where packages come from is the
/// business of whoever builds.
const REGISTRIES: [&str; 11] = [
    concat!("static.", "crates.io"),
    concat!("index.", "crates.io"),
    concat!("py", "pi.org"),
    concat!("files.python", "hosted.org"),
    concat!("registry.", "npmjs.org"),
    concat!("proxy.", "golang.org"),
    concat!("arti", "factory"),
    concat!("nex", "us."),
    concat!("index", "-url"),
    concat!("replace", "-with"),
    concat!("trusted", "-host"),
];

/// The one source that packages of a `Cargo.lock` come from.
const LOCK_SOURCE: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

fn lines(file: &Source) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(file.text.lines())
}

/// The lines that hold something, with the advice for each.
fn lines_where(file: &Source, holds: impl Fn(&str) -> Option<String>) -> Vec<(usize, String)> {
    lines(file).filter_map(|(line, text)| Some((line, holds(text)?))).collect()
}

/// A file can be read in one sitting.
pub(super) fn file_length(file: &Source) -> Vec<(usize, String)> {
    let length = file.text.lines().count();
    if length <= MAX_LINES {
        return Vec::new();
    }
    let advice = format!("split it: {length} lines, of which {MAX_LINES} may be in one file");
    vec![(MAX_LINES + 1, advice)]
}

/// A line fits the page, unless it is an address, a row of a table or a raw string, which cannot be
/// broken.
pub(super) fn line_length(file: &Source) -> Vec<(usize, String)> {
    lines_where(file, |line| {
        let columns = line.chars().count();
        let is_row = line.trim_start().trim_start_matches(['/', '!', '#']).trim().starts_with('|');
        let is_raw = line.trim_start().starts_with("r#\"");
        let may_be_long = line.contains("://") || is_row || is_raw;
        (columns > MAX_COLUMNS && !may_be_long)
            .then(|| format!("break it: {columns} columns, of which {MAX_COLUMNS} fit"))
    })
}

/// Spaces, not tabs.
pub(super) fn tab(file: &Source) -> Vec<(usize, String)> {
    lines_where(file, |line| line.contains('\t').then(|| "write spaces, or `\\t`".to_owned()))
}

/// No blank behind the last word of a line.
pub(super) fn trailing_space(file: &Source) -> Vec<(usize, String)> {
    lines_where(file, |line| {
        (line.trim_end() != line).then(|| "delete the space at the end".to_owned())
    })
}

/// The last line ends, and no empty line follows it.
pub(super) fn final_newline(file: &Source) -> Vec<(usize, String)> {
    let text = &file.text;
    let ends_well = text.ends_with('\n') && !text.ends_with("\n\n") && text != "\n";
    if text.is_empty() || ends_well {
        return Vec::new();
    }
    vec![(text.lines().count().max(1), "end the file with one newline".to_owned())]
}

/// Work is finished, or is not there.
pub(super) fn unfinished(file: &Source) -> Vec<(usize, String)> {
    lines_where(file, |line| {
        let mark = UNFINISHED.iter().find(|mark| has_whole(line, mark))?;
        Some(format!("finish it or delete it: `{mark}`"))
    })
}

/// A test runs.
pub(super) fn ignored_test(file: &Source) -> Vec<(usize, String)> {
    let mark = concat!("#[ign", "ore");
    lines_where(file, |line| {
        line.contains(mark).then(|| "let the test run, or delete it".to_owned())
    })
}

/// Nothing names a place on one machine.
pub(super) fn machine_path(file: &Source) -> Vec<(usize, String)> {
    lines_where(file, |line| {
        let path = MACHINE_PATHS.iter().find(|path| starts_path(line, path))?;
        Some(format!("name it relative to the repository, or by a variable, not under {path}"))
    })
}

/// Nothing says which registry packages come from.
pub(super) fn registry_host(file: &Source) -> Vec<(usize, String)> {
    lines_where(file, |line| {
        let host = REGISTRIES.iter().find(|host| line.contains(*host))?;
        Some(format!("leave the choice of a registry to whoever builds: `{host}`"))
    })
}

/// Packages of a lock file come from the one public registry.
pub(super) fn lock_source(file: &Source) -> Vec<(usize, String)> {
    lines_where(file, |line| {
        let is_other = line.starts_with("source = ") && line != LOCK_SOURCE;
        is_other.then(|| "depend on a released version from crates.io".to_owned())
    })
}

/// Whether the line holds `word` with no letter or digit at either side.
fn has_whole(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        // A mark such as a macro's ends itself: what follows its `!` does not matter.
        !joins(before) && (word.ends_with('!') || !joins(after))
    })
}

/// Whether an absolute path that begins with `path` stands in the line.
fn starts_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "._-}/*".contains(c))
    })
}
