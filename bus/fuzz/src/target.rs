//! What a fuzzer runs, in this folder and in those of other crates.

use std::fs;
use std::path::Path;

/// A function of bytes, and bytes to begin with.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&[u8]),
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
}

/// The target of a name.
pub(crate) fn find<'a>(targets: &'a [Target], name: &str) -> &'a Target {
    targets.iter().find(|target| target.name == name).expect("the name of a target")
}

/// Writes the seeds of a target into the directory that a fuzzer is about to read.
pub(crate) fn write_seeds(target: &Target, directory: &Path) {
    for (number, seed) in (target.seeds)().iter().enumerate() {
        fs::write(directory.join(format!("seed-{number}")), seed).expect("a writable corpus");
    }
}
