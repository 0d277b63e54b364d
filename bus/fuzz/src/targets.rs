//! What is fuzzed: functions of bytes that must come back, whatever the bytes are.
//!
//! A target is a row of the table and a file of its own. The fuzzers in `bin` and the tests of
//! the bus run the very same functions; a new target is a row here and a file there.

use std::fs;
use std::path::Path;

mod attach;
mod schema;

/// A function of bytes, and bytes to begin with.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&[u8]),
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
}

pub(crate) const TARGETS: [Target; 2] = [
    Target { name: "attach", run: attach::run, seeds: attach::seeds },
    Target { name: "schema", run: schema::run, seeds: schema::seeds },
];

/// The target of a name.
pub(crate) fn find(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).expect("the name of a target")
}

/// Writes the seeds of a target into the directory that a fuzzer is about to read.
pub(crate) fn write_seeds(target: &Target, directory: &Path) {
    for (number, seed) in (target.seeds)().iter().enumerate() {
        fs::write(directory.join(format!("seed-{number}")), seed).expect("a writable corpus");
    }
}
