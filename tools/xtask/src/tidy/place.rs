//! Rules on where files stand and what they are called.

use crate::tree::Source;

/// What the root of the repository holds besides files and folders that begin with a dot.
const ROOT: [&str; 13] = [
    "bus",
    "producer",
    "consumers",
    "python",
    "tools",
    "benches",
    "README.md",
    "Cargo.toml",
    "Cargo.lock",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "rust-toolchain.toml",
];

/// Names that say nothing about what a file holds.
const VAGUE: [&str; 6] = ["util", "utils", "common", "misc", "helpers", "prelude"];

/// The root of the repository holds what ARCHITECTURE lists.
pub(super) fn root_entry(file: &Source) -> Vec<(usize, String)> {
    let entry = file.path.split('/').next().unwrap_or_default();
    if entry.starts_with('.') || ROOT.contains(&entry) {
        return Vec::new();
    }
    vec![(1, format!("move it: the root holds only dot files and {}", ROOT.join(", ")))]
}

/// A file or folder is named after the noun it holds.
pub(super) fn file_name(file: &Source) -> Vec<(usize, String)> {
    let stems = file.path.split('/').map(|part| part.split('.').next().unwrap_or_default());
    stems
        .filter(|stem| VAGUE.contains(stem))
        .map(|stem| (1, format!("name it after what it holds, not `{stem}`")))
        .collect()
}
