//! A reader that follows through everything and remembers each sequence it was given.

use crate::support::{Bench, trade};
use std::fs::File;
use std::os::unix::fs::FileExt;
use tickring::record::Trade;
use tickring::{Poll, Reader, Start};

/// What became of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Record,
    Tombstone,
    Restart,
}

/// A reader of a ring from its first sequence on; record n of the ring must be trade n.
pub(super) struct Follower {
    reader: Reader,
    facts: Vec<Fact>,
}

impl Follower {
    pub(super) fn new(bench: &Bench) -> Self {
        Self { reader: bench.reader(Start::Sequence(0)), facts: Vec::new() }
    }

    /// Begins at the next record, without what was before.
    pub(super) fn at_the_end(bench: &Bench) -> Self {
        let reader = bench.reader(Start::Latest);
        let before = vec![Fact::Record; reader.cursor() as usize];
        Self { reader, facts: before }
    }

    /// Reads all there is. Every sequence comes exactly once, in order, whole.
    pub(super) fn catch_up(&mut self) -> &[Fact] {
        while let Some(fact) = next_fact(&mut self.reader) {
            assert_eq!(self.reader.cursor(), self.next() + 1, "skipped or repeated");
            self.facts.push(fact);
        }
        &self.facts
    }

    /// The sequence that comes next.
    pub(super) fn next(&self) -> u64 {
        self.facts.len() as u64
    }

    pub(super) fn facts_from(&self, seq: u64) -> &[Fact] {
        &self.facts[seq as usize..]
    }

    /// Lets a reader that joins now tell the same story, as far as it is still in the ring.
    pub(super) fn compare_with_a_late_reader(&self, bench: &Bench) {
        let mut late = bench.reader(Start::Oldest);
        let first = late.cursor();
        let told: Vec<Fact> = std::iter::from_fn(|| next_fact(&mut late)).collect();
        assert_eq!(told, self.facts_from(first), "a published record was lost or has changed");
    }
}

/// The next fact that a reader is told; `None` if there is nothing more.
fn next_fact(reader: &mut Reader) -> Option<Fact> {
    match reader.poll() {
        Poll::Record(record) => {
            assert_eq!(record.get::<Trade>(), Some(&trade(record.seq())), "torn");
            Some(Fact::Record)
        }
        Poll::Tombstone { .. } => Some(Fact::Tombstone),
        Poll::Restarted { .. } => Some(Fact::Restart),
        Poll::Empty => None,
        other => panic!("nobody laps or ends this ring: {:?}", other.map(|_| ())),
    }
}

/// The stamps of a ring as they stand in memory, behind the back of every protocol.
pub(super) struct Stamps {
    memory: File,
    first_address: u64,
    stride_bytes: u64,
    capacity: u64,
    // Keeps the ring mapped.
    _reader: Reader,
}

/// What a writer left behind: whole records from a sequence on, and perhaps a torn one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Left {
    pub(super) whole: u64,
    pub(super) torn: bool,
}

impl Stamps {
    /// Finds the stamps of a ring that has a record.
    pub(super) fn of(bench: &Bench) -> Self {
        let reader = bench.reader(Start::Oldest);
        let extent = reader.extent(1).unwrap();
        let (capacity, stride_bytes) = (bench.spec.capacity, extent.stride_bytes as u64);
        let first_address = extent.stamp_address as u64 - extent.first % capacity * stride_bytes;
        let memory = File::open("/proc/self/mem").unwrap();
        Self { memory, first_address, stride_bytes, capacity, _reader: reader }
    }

    fn stamp(&self, seq: u64) -> u64 {
        let mut bytes = [0; 8];
        let at = self.first_address + seq % self.capacity * self.stride_bytes;
        self.memory.read_exact_at(&mut bytes, at).unwrap();
        u64::from_le_bytes(bytes)
    }

    /// What stands in the ring from sequence `next` on.
    pub(super) fn left_from(&self, next: u64) -> Left {
        let mut whole = 0;
        while self.stamp(next + whole) == 2 * (next + whole) + 2 {
            whole += 1;
        }
        Left { whole, torn: self.stamp(next + whole) == 2 * (next + whole) + 1 }
    }
}
