//! What is fuzzed: functions of bytes that must come back, whatever the bytes are.
//!
//! A target is a row of the table and a file of its own. The fuzzers in `bin` and the tests of
//! the bus run the very same functions; a new target is a row here and a file there.

use std::fs;
use std::ops::Range;
use std::path::Path;
use tempfile::TempDir;

mod attach;
mod journal;
mod schema;

/// A function of bytes, and bytes to begin with.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&[u8]),
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
}

pub(crate) const TARGETS: [Target; 3] = [
    Target { name: "attach", run: attach::run, seeds: attach::seeds },
    Target { name: "journal", run: journal::run, seeds: journal::seeds },
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

/// The little-endian number at a place, zero behind the end.
fn number(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u64::from_le_bytes(*word))
}

/// Stores the CRC32C of a range at a place, if both are there.
fn seal(bytes: &mut [u8], range: Range<usize>, at: usize) {
    let Some(checksum) = bytes.get(range).map(crc32c::crc32c) else { return };
    if let Some(place) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = checksum.to_le_bytes();
    }
}

/// A directory of its own, in memory where there is such a place.
fn fresh() -> TempDir {
    let made = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    made.expect("a temporary directory")
}
