//! What is fuzzed of the bus: functions of bytes that must come back, whatever the bytes are.
//!
//! A target is a row of the table and a file of its own in `targets`. The fuzzer and the tests of
//! the bus run the very same functions; a new target is a row here and a file there.

use super::target::Target;
use std::ops::Range;
use tempfile::TempDir;

mod attach;
mod journal;
mod schema;

pub(crate) static TARGETS: [Target; 3] = [
    Target { name: "attach", run: attach::run, seeds: attach::seeds },
    Target { name: "journal", run: journal::run, seeds: journal::seeds },
    Target { name: "schema", run: schema::run, seeds: schema::seeds },
];

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
