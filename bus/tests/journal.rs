//! The journal: what was published is read back, whatever happened to whom meanwhile.

mod follow;
mod inline;
pub(crate) mod lossless;
mod recorder;
mod seek;
mod torn;

use crate::support::{Bench, drain_by, id, trade};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tickring::{JournalReader, JournalSpec, JournalStart, Poll, RecordRef, Writer};

/// A ring and a directory for its journal.
pub(crate) struct Desk {
    _root: TempDir,
    pub(crate) bench: Bench,
    pub(crate) spec: JournalSpec,
}

impl Desk {
    /// A ring of `capacity` slots; files of 256 KiB, so that a test sees several of them.
    pub(crate) fn new(capacity: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("journal");
        let spec = JournalSpec { rotate_bytes: 256 << 10, ..JournalSpec::new(directory) };
        Self { _root: root, bench: Bench::new(capacity), spec }
    }

    /// The same with a journal that the writer keeps.
    pub(crate) fn inline(capacity: u64) -> Self {
        let mut desk = Self::new(capacity);
        desk.bench.spec.journal = Some(desk.spec.clone());
        desk
    }

    pub(crate) fn path(&self) -> &Path {
        &self.spec.directory
    }

    pub(crate) fn reader(&self, start: JournalStart) -> JournalReader {
        JournalReader::open(self.path(), Some(&self.bench.name), start).unwrap()
    }

    /// The files of the journal in order.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "journal"));
        files.sort();
        files
    }
}

/// Publishes trades: the record at sequence n is the trade n.
pub(crate) fn publish(writer: &mut Writer, count: u64) {
    for _ in 0..count {
        let n = writer.next_seq();
        writer.publish(&trade(n)).unwrap();
    }
}

/// The outcomes until the journal has nothing more, records by their sequences.
pub(crate) fn drain(reader: &mut JournalReader) -> Vec<Poll<u64>> {
    drain_by(|| reader.poll().unwrap().map(seq))
}

/// The sequence of a record that is to be the trade of that sequence.
pub(crate) fn seq(record: RecordRef<'_>) -> u64 {
    assert_eq!(id(record), record.seq());
    record.seq()
}

/// Records with these sequences.
pub(crate) fn records(seqs: std::ops::Range<u64>) -> Vec<Poll<u64>> {
    seqs.map(Poll::Record).collect()
}
