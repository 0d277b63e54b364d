//! What stands in an output ring behind a checkpoint.

use crate::checkpoint::Key;
use crate::error::WindowError;
use std::collections::BTreeSet;
use std::fmt::Debug;
use tickring::record::{BarStats, Late, Record, WindowBar};
use tickring::{Poll, Reader};

/// The records of windows in a ring from a place on, to be compared with a replay.
#[derive(Debug)]
pub(super) struct Standing {
    reader: Reader,
    /// The sequence behind the last of them.
    end: u64,
    /// The next of them, and its sequence.
    next: Vec<u8>,
    seq: u64,
    is_over: bool,
    /// How many of them the ring may have overwritten before the next: so many outputs may come
    /// before one is equal to it.
    may_pass: u64,
}

impl Standing {
    /// What stands from the reader's place up to `end`; `None` if nothing does.
    pub(super) fn new(reader: Reader, end: u64) -> Option<Self> {
        let next = Vec::new();
        let mut standing = Self { reader, end, next, seq: 0, is_over: false, may_pass: 0 };
        standing.step();
        (!standing.is_over).then_some(standing)
    }

    /// Whether the replay has given everything.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Compares an output of the replay with the next record that stands.
    ///
    /// # Errors
    ///
    /// [`WindowError::Diverged`].
    pub(super) fn compare(&mut self, output: &[u8]) -> Result<(), WindowError> {
        let (found, padding) = self.next.split_at_checked(output.len()).unwrap_or((&[], &[]));
        if found == output && padding.iter().all(|byte| *byte == 0) {
            self.may_pass = 0;
            self.step();
            return Ok(());
        }
        match self.may_pass.checked_sub(1) {
            Some(left) => {
                self.may_pass = left;
                Ok(())
            }
            None => Err(self.diverged(text_of(output))),
        }
    }

    /// The error that the replay gave something else than what stands next.
    pub(super) fn diverged(&self, replayed: String) -> WindowError {
        let ring = self.reader.info().name.to_string();
        WindowError::Diverged { ring, seq: self.seq, there: text_of(&self.next), replayed }
    }

    /// Adds the names of all that still stands, and says how many there are.
    pub(super) fn names(mut self, to: &mut BTreeSet<Key>) -> u64 {
        let mut count = 0;
        while !self.is_over {
            to.extend(key_of(&self.next));
            count += 1;
            self.step();
        }
        count
    }

    /// Goes to the next record of windows.
    fn step(&mut self) {
        while self.reader.cursor() < self.end {
            match self.reader.poll() {
                Poll::Record(record) => {
                    self.seq = record.seq();
                    self.next.clear();
                    self.next.extend_from_slice(record.bytes());
                    return;
                }
                // Only once: nothing is published while something stands.
                Poll::Lapped { missed, .. } => self.may_pass += missed,
                Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
                Poll::Empty | Poll::Closed(_) => break,
            }
        }
        self.is_over = true;
    }
}

/// The name of an output: what tells it from all others. In the place of their end, windows in
/// order of arrival have their ordinal, since several may have the same times. Their further
/// aggregates do not tell it: of those with the same times one stands for all.
pub(super) fn key_of(record: &[u8]) -> Option<Key> {
    let kind = |rtype: u8, instrument_id: u32| u64::from(rtype) << 32 | u64::from(instrument_id);
    if let Some(bar) = of::<WindowBar>(record) {
        let (header, revision) = (bar.header, bar.revision.into());
        let name = kind(header.rtype, header.instrument_id);
        let which = if bar.ordinal > 0 { bar.ordinal } else { bar.end_ns };
        return Some([name, bar.start_ns, which, revision]);
    }
    if let Some(stats) = of::<BarStats>(record) {
        let (header, revision) = (stats.header, stats.revision.into());
        let name = kind(header.rtype, header.instrument_id);
        return Some([name, stats.start_ns, stats.end_ns, revision]);
    }
    let late = of::<Late>(record)?;
    Some([kind(late.header.rtype, late.header.instrument_id), late.src_seq, 0, 0])
}

fn of<R: Record>(record: &[u8]) -> Option<R> {
    let (record, _) = R::read_from_prefix(record).ok()?;
    R::accepts(record.header().rtype).then_some(record)
}

fn text_of(record: &[u8]) -> String {
    let text = |record: &dyn Debug| format!("{record:?}");
    of::<WindowBar>(record)
        .map(|bar| text(&bar))
        .or_else(|| of::<BarStats>(record).map(|stats| text(&stats)))
        .or_else(|| of::<Late>(record).map(|late| text(&late)))
        .unwrap_or_else(|| format!("{record:02x?}"))
}
