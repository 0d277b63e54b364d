//! The journal that a ring's writer keeps itself: complete by construction.
//!
//! The writer calls once in 64 records, at the moment when it notes the publish time. Whenever
//! enough records have gathered they are appended, long before the ring comes round to them. If
//! the disk refuses, the writer goes on; the records that are overwritten before it recovers are
//! counted, and the next block begins behind a visible gap.

use super::JournalSpec;
use super::block::stamp_of;
use super::format::{BlockHeader, BlockKind, MAX_BLOCK_RECORDS, Origin};
use super::writer::{self, JournalWriter};
use crate::directory::RingName;
use crate::error::Error;
use crate::geometry::TIME_EVERY;
use crate::segment::Segment;
use crate::slot::load;
use crate::words::Slots;

/// Smallest ring whose writer can journal: it looks once in 64 records, and by then may overwrite
/// one record that was published 64 ago.
const LEAST_CAPACITY: u64 = 2 * TIME_EVERY;
/// How long a journal that failed is left alone.
const RETRY_NS: u64 = 100_000_000;

/// How the journal of a [`Writer`](crate::Writer) does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalStatus {
    /// The sequence behind the last one in the journal.
    pub next_seq: u64,
    /// Bytes appended by this writer.
    pub bytes: u64,
    /// Records that were overwritten while the journal could not be written: they are in neither.
    pub missed: u64,
    /// Appends that failed.
    pub failures: u64,
    /// Whether something half written was cut from the journal when it was opened.
    pub was_cut: bool,
}

/// The journal of a ring's writer.
#[derive(Debug)]
pub(crate) struct InlineJournal {
    writer: JournalWriter,
    /// The first sequence that is not in the journal.
    next: u64,
    /// So many records are waited for.
    gather: u64,
    capacity: u64,
    /// Publish time of every 64th sequence, as the ring's time index has it.
    times: Box<[u64]>,
    /// The life that began last, and its first sequence.
    epoch: (u64, u64),
    created_ns: u64,
    flush_ns: u64,
    appended_ns: u64,
    retry_ns: u64,
    missed: u64,
    failures: u64,
    error: Option<Error>,
}

impl InlineJournal {
    /// Finds out what can be found out before the ring `name` of `capacity` slots is born.
    ///
    /// # Errors
    ///
    /// [`Error::JournalOption`] for a ring below 128 slots; [`Error::NoSpace`]; [`Error::Io`].
    pub(crate) fn check(spec: &JournalSpec, name: &RingName, capacity: u64) -> Result<(), Error> {
        if capacity < LEAST_CAPACITY {
            return Err(too_small(capacity));
        }
        writer::check_room(spec, name)
    }

    /// Opens the journal of a ring that this process writes, whose next sequence is `next`, and
    /// appends what the ring holds and the journal lacks.
    ///
    /// # Errors
    ///
    /// [`Error::JournalOption`] for a ring below 128 slots, and those of
    /// [`JournalWriter::open`].
    pub(crate) fn open(spec: &JournalSpec, segment: &Segment, next: u64) -> Result<Self, Error> {
        let capacity = segment.geometry().capacity;
        if capacity < LEAST_CAPACITY {
            return Err(too_small(capacity));
        }
        let writer = JournalWriter::open(spec, &Origin::of(segment))?;
        let entries = usize::try_from(capacity / TIME_EVERY).unwrap_or(0);
        let epoch = segment.header().epoch();
        let mut journal = Self {
            // What was overwritten before there was a journal is no loss of the journal's.
            next: writer.next_seq().unwrap_or((next + 1).saturating_sub(capacity)).min(next),
            writer,
            gather: MAX_BLOCK_RECORDS.min(capacity / 2),
            capacity,
            times: vec![0; entries].into_boxed_slice(),
            epoch: (epoch.number.max(1), epoch.start),
            created_ns: segment.identity().created_ns,
            flush_ns: u64::try_from(spec.flush_every.as_nanos()).unwrap_or(u64::MAX),
            appended_ns: crate::now_ns(),
            retry_ns: 0,
            missed: 0,
            failures: 0,
            error: None,
        };
        let first = next.saturating_sub(capacity).next_multiple_of(TIME_EVERY);
        for seq in (first..next).filter(|seq| seq.is_multiple_of(TIME_EVERY)) {
            if let Some(time) = segment.time(seq) {
                journal.note(seq, load(time));
            }
        }
        // A full disk is no reason not to take over: it is told as at any later time.
        let now_ns = crate::now_ns();
        if let Err(error) = journal.append_to(next, segment.slots(), now_ns) {
            journal.fail(error, now_ns);
        }
        Ok(journal)
    }

    /// Begins a life of the writer with sequence `start`.
    pub(crate) fn begin_epoch(&mut self, number: u64, start: u64) {
        self.epoch = (number, start);
    }

    /// Takes note of the time at which `seq`, a 64th sequence, is published. Its slot is claimed;
    /// all before it are complete. Appends them if they are enough.
    pub(crate) fn step(&mut self, seq: u64, now_ns: u64, slots: &Slots) {
        if seq - self.next.min(seq) >= self.gather {
            self.try_append(seq, slots, now_ns);
        }
        self.note(seq, now_ns);
    }

    /// Appends everything below `end` if that has waited long enough.
    pub(crate) fn tick(&mut self, end: u64, now_ns: u64, slots: &Slots) {
        if now_ns.saturating_sub(self.appended_ns) >= self.flush_ns && self.next < end {
            self.try_append(end, slots, now_ns);
        }
        if let Err(error) = self.writer.sync_if_due() {
            self.fail(error, now_ns);
        }
    }

    /// Appends everything below `end` now.
    ///
    /// # Errors
    ///
    /// [`Error::NoSpace`] or [`Error::Io`].
    pub(crate) fn flush(&mut self, end: u64, slots: &Slots) -> Result<(), Error> {
        self.append_to(end, slots, crate::now_ns())?;
        self.error = None;
        self.retry_ns = 0;
        Ok(())
    }

    /// Appends everything below `end` and marks the end of the ring.
    pub(crate) fn close(&mut self, end: u64, slots: &Slots) {
        let now_ns = crate::now_ns();
        let appended = self.append_to(end, slots, now_ns);
        if let Err(error) = appended.and_then(|()| self.writer.finish(BlockKind::Ended)) {
            self.fail(error, now_ns);
        }
    }

    pub(crate) fn status(&self) -> JournalStatus {
        JournalStatus {
            next_seq: self.next,
            bytes: self.writer.bytes(),
            missed: self.missed,
            failures: self.failures,
            was_cut: self.writer.was_cut(),
        }
    }

    /// Why the last append failed, unless one has succeeded since.
    pub(crate) fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    fn try_append(&mut self, end: u64, slots: &Slots, now_ns: u64) {
        if now_ns < self.retry_ns {
            return;
        }
        match self.append_to(end, slots, now_ns) {
            Ok(()) => self.error = None,
            Err(error) => self.fail(error, now_ns),
        }
    }

    fn fail(&mut self, error: Error, now_ns: u64) {
        self.failures += 1;
        self.retry_ns = now_ns.saturating_add(RETRY_NS);
        self.error = Some(error);
        // Readers that lag are told not to wait; a disk that refuses this too cannot be helped.
        let _ = self.writer.mark(BlockKind::Paused);
    }

    /// Appends the records below `end`, which are all complete.
    fn append_to(&mut self, end: u64, slots: &Slots, now_ns: u64) -> Result<(), Error> {
        // The slot of `end` may be claimed, which has destroyed what it held before.
        let oldest = (end + 1).saturating_sub(self.capacity);
        self.missed += oldest.saturating_sub(self.next);
        self.next = self.next.max(oldest);
        while self.next < end {
            let first = self.next;
            let count = self.writer.origin().block_records().min(end - first);
            let behind = first + count;
            let header = BlockHeader {
                kind: BlockKind::Records,
                first_seq: first,
                count,
                epoch: self.epoch_of(first),
                first_ns: self.noted_before(first, end),
                last_ns: self.noted_behind(behind, end).unwrap_or(now_ns),
                payload_crc32c: 0,
            };
            let stride_words = slots.payload_words() + 1;
            let noted = &self.times;
            self.writer.append(header, |times, copies| {
                let seqs = (first.div_ceil(TIME_EVERY)..).map(|index| index * TIME_EVERY);
                for (time, seq) in times.iter_mut().zip(seqs) {
                    *time = lookup(noted, seq);
                }
                for (seq, copy) in (first..).zip(copies.chunks_exact_mut(stride_words)) {
                    if let [stamp, payload @ ..] = copy {
                        *stamp = stamp_of(seq);
                        slots.slot(seq).copy_to(payload);
                    }
                }
            })?;
            self.next = behind;
            self.appended_ns = now_ns;
        }
        Ok(())
    }

    fn epoch_of(&self, seq: u64) -> u64 {
        let (number, start) = self.epoch;
        if seq >= start { number } else { number.saturating_sub(1).max(1) }
    }

    fn note(&mut self, seq: u64, at_ns: u64) {
        let index = index_of(&self.times, seq);
        if let Some(time) = self.times.get_mut(index) {
            *time = at_ns;
        }
    }

    /// When the last noted sequence up to `seq` was published, as of sequence `end`.
    fn noted_before(&self, seq: u64, end: u64) -> u64 {
        let noted = seq / TIME_EVERY * TIME_EVERY;
        if noted + self.capacity >= end { lookup(&self.times, noted) } else { self.created_ns }
    }

    /// When the first noted sequence from `behind` on was published, if that is below `end`.
    fn noted_behind(&self, behind: u64, end: u64) -> Option<u64> {
        let seq = behind.next_multiple_of(TIME_EVERY);
        (seq < end).then(|| lookup(&self.times, seq))
    }
}

fn too_small(found: u64) -> Error {
    let name = "capacity of a ring whose writer keeps a journal:";
    Error::JournalOption { name, least: LEAST_CAPACITY, found }
}

fn index_of(times: &[u64], seq: u64) -> usize {
    usize::try_from(seq / TIME_EVERY % (times.len().max(1) as u64)).unwrap_or(0)
}

fn lookup(times: &[u64], seq: u64) -> u64 {
    times.get(index_of(times, seq)).copied().unwrap_or(0)
}
