//! A reader of a ring: polls by copy, in batches, or in place. How it joins, waits, and finds
//! instruments stands in the modules below.

mod extent;
mod join;
mod lookup;
mod waiting;

pub use extent::Extent;
pub use join::{ReaderOptions, Start, Token};
pub use waiting::wait_any;

use crate::batch::Batch;
use crate::enrolment::Enrolment;
use crate::error::Error;
use crate::geometry::SEQUENCE_LIMIT;
use crate::header::End;
use crate::info::RingInfo;
use crate::poll::{CloseReason, Poll, RecordRef, rtype_of};
use crate::record::{Record, Restart, Tombstone, rtype};
use crate::registry::Counters;
use crate::schema::{Layouts, Schema};
use crate::segment::Segment;
use crate::slot::{Entry, load};
use crate::view::View;
use crate::wait::Wait;
use std::ops::Range;
use std::sync::Arc;
use zerocopy::{FromBytes, IntoBytes};

/// A reader of one ring, with a cursor of its own. Any number of them may exist; none can be slowed
/// down or harmed by another, and the writer waits for none of them.
///
/// The ring is mapped read-only. A reader keeps its mapping over restarts of the writer. What it
/// tells about itself, for people to see ([`ReaderInfo`](crate::ReaderInfo)), stands in a control
/// segment beside the ring.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use tickring::{Directory, Poll, Reader, Start};
///
/// let name = "demo/ticks".parse()?;
/// let mut reader = Reader::open(&Directory::from_env(), &name, Start::Latest)?;
/// loop {
///     match reader.poll() {
///         Poll::Record(record) => println!("{} {:?}", record.seq(), record.header()),
///         Poll::Lapped { missed, .. } => eprintln!("missed {missed} records"),
///         Poll::Closed(_) => break,
///         _ => _ = reader.wait(Duration::from_secs(1)),
///     }
/// }
/// # Ok::<(), tickring::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    segment: Segment,
    cursor: u64,
    epoch: u64,
    /// An epoch whose restart record was among the missed ones, to be reported next.
    lapped_epoch: Option<u64>,
    scratch: Box<[u64]>,
    enrolment: Enrolment,
    counters: Counters,
    /// Polls that found nothing.
    empties: u64,
    /// Why the ring is gone although nobody closed it.
    vanished: Option<CloseReason>,
    wait: Wait,
    layouts: Arc<Layouts>,
}

impl Reader {
    /// Demands that the ring holds records of struct `R`, laid out as this program was compiled.
    ///
    /// To be called once, before the first record: afterwards no record of that kind can be taken
    /// for something that it is not. Without it [`RecordRef::get`] gives `None` for records of
    /// another layout.
    ///
    /// # Errors
    ///
    /// [`Error::KindMismatch`] with the difference field by field.
    pub fn expect<R: Record>(&self) -> Result<(), Error> {
        let difference = R::difference(self.segment.schema());
        if difference.is_empty() {
            return Ok(());
        }
        let name = self.segment.name().to_string();
        Err(Error::KindMismatch { name, kind: R::NAME.to_owned(), difference })
    }

    /// Copies the next record.
    ///
    /// Ordering: rows R1 to R4. Cost: a load per word of the slot and two more; no system call,
    /// no allocation, never blocks.
    #[inline(always)]
    pub fn poll(&mut self) -> Poll<RecordRef<'_>> {
        self.counters.polls = self.counters.polls.wrapping_add(1);
        if self.lapped_epoch.is_some() {
            return self.restarted();
        }
        let seq = self.cursor;
        let slot = self.segment.slot(seq);
        match slot.enter(seq) {
            Entry::Ready => {}
            Entry::NotYet => return self.nothing(),
            Entry::Lapped { by } => return self.lapped(by),
        }
        slot.copy_to(&mut self.scratch);
        if !slot.leave(seq) {
            return self.lapped(seq);
        }
        self.advance(seq.wrapping_add(1));
        if is_recovery(rtype_of(&self.scratch)) {
            return self.recovered(seq);
        }
        Poll::Record(RecordRef::new(seq, &self.scratch, &self.layouts))
    }

    /// The record that the last poll gave.
    #[inline]
    pub(crate) fn copied(&self) -> RecordRef<'_> {
        RecordRef::new(self.cursor.wrapping_sub(1), &self.scratch, &self.layouts)
    }

    /// Copies up to `max` records into `batch`, replacing what it held, and gives their number.
    ///
    /// Ends early in front of a restart or tombstone, which the next call reports. Ordering:
    /// rows P2 and, for every few records, R1 to R4 of the oldest one. Cost: as
    /// [`poll`](Self::poll) per record; allocates when `batch` was never as large before.
    pub fn poll_batch(&mut self, batch: &mut Batch, max: usize) -> Poll<usize> {
        self.counters.polls = self.counters.polls.wrapping_add(1);
        batch.restart(self.cursor, self.segment.slots().payload_words(), &self.layouts);
        if self.lapped_epoch.is_some() {
            return self.poll().map(|_| 0);
        }
        let mut outcome = None;
        while batch.len() < max && outcome.is_none() {
            let wanted = (max - batch.len()).min(CHUNK);
            match self.copy_chunk(batch, wanted) {
                Poll::Record(0) => break,
                Poll::Record(_) => {}
                other => outcome = Some(other),
            }
        }
        match outcome {
            _ if !batch.is_empty() => Poll::Record(batch.len()),
            Some(outcome) => outcome,
            // Nothing was copied: the single poll knows why.
            None if max > 0 => match self.poll() {
                Poll::Record(record) => {
                    let copied = batch.push(record.bytes());
                    Poll::Record(copied)
                }
                other => other.map(|_| 0),
            },
            None => Poll::Empty,
        }
    }

    /// Copies up to `wanted` published records and validates them by the oldest stamp. A lap
    /// found behind the first chunk of a batch is left for the next call.
    fn copy_chunk(&mut self, batch: &mut Batch, wanted: usize) -> Poll<usize> {
        let first = self.cursor;
        let available = self.segment.header().published().saturating_sub(first);
        let count = usize::try_from(available).unwrap_or(usize::MAX).min(wanted);
        if count == 0 {
            return Poll::Record(0);
        }
        let oldest = self.segment.slot(first);
        match oldest.enter(first) {
            Entry::Ready => {}
            Entry::NotYet => return Poll::Record(0),
            Entry::Lapped { by } if batch.is_empty() => return self.lapped(by),
            Entry::Lapped { .. } => return Poll::Record(0),
        }
        let before = batch.len();
        let mut whole = 0;
        for (seq, copy) in (first..).zip(batch.append(count)) {
            self.segment.slot(seq).copy_to(copy);
            if is_recovery(rtype_of(copy)) {
                break;
            }
            whole += 1;
        }
        batch.truncate(before + whole);
        if !oldest.leave(first) {
            batch.truncate(before);
            return if before == 0 { self.lapped(first) } else { Poll::Record(0) };
        }
        let copied = batch.len() - before;
        self.advance(first.wrapping_add(copied as u64));
        Poll::Record(copied)
    }

    /// Lets `f` look at up to `max` of the next records where they stand, without copying, and
    /// gives what it returned once that is known to be based on whole records.
    ///
    /// Until then everything loaded is garbage: `f` must be total on garbage and must not let
    /// anything out but by its result, which is thrown away when the writer has lapped the
    /// view. Restart and tombstone records stand among the others. Ordering: rows P2, R1 to
    /// R4 of the oldest record. Cost: four loads, however long the view is.
    #[inline]
    pub fn view<T>(&mut self, max: usize, f: impl FnOnce(&View<'_>) -> T) -> Poll<T> {
        self.counters.polls = self.counters.polls.wrapping_add(1);
        if self.lapped_epoch.is_some() {
            return self.restarted();
        }
        let first = self.cursor;
        match self.look(first, max, f) {
            Look::Seen(value, count) => {
                self.advance(first.wrapping_add(count as u64));
                Poll::Record(value)
            }
            Look::NotYet => self.nothing(),
            Look::Lapped(by) => self.lapped(by),
        }
    }

    /// Like [`view`](Self::view) for up to `max` records from `first` on, wherever the cursor
    /// is; neither cursor nor [`missed`](Self::missed) change. `None` if they are not all
    /// resident any more, or none is published yet.
    #[inline]
    pub fn view_at<T>(&self, first: u64, max: usize, f: impl FnOnce(&View<'_>) -> T) -> Option<T> {
        if first > SEQUENCE_LIMIT {
            return None;
        }
        match self.look(first, max, f) {
            Look::Seen(value, _) => Some(value),
            Look::NotYet | Look::Lapped(_) => None,
        }
    }

    #[inline]
    fn look<T>(&self, first: u64, max: usize, f: impl FnOnce(&View<'_>) -> T) -> Look<T> {
        let capacity = self.segment.geometry().capacity;
        let available = self.segment.header().published().saturating_sub(first).min(capacity);
        let count = usize::try_from(available).unwrap_or(usize::MAX).min(max);
        let Some(last) = count.checked_sub(1) else {
            // Nothing is published at `first`; a lap shows in its stamp all the same.
            return match self.segment.slot(first).enter(first) {
                Entry::Lapped { by } => Look::Lapped(by),
                Entry::Ready | Entry::NotYet => Look::NotYet,
            };
        };
        let oldest = self.segment.slot(first);
        let newest = first.wrapping_add(last as u64);
        match oldest.enter(first) {
            Entry::Ready => {}
            Entry::NotYet => return Look::NotYet,
            Entry::Lapped { by } => return Look::Lapped(by),
        }
        if let Entry::Lapped { by } = self.segment.slot(newest).enter(newest) {
            return Look::Lapped(by);
        }
        let value = f(&View::new(&self.segment, first, count));
        if oldest.leave(first) { Look::Seen(value, count) } else { Look::Lapped(first) }
    }

    /// The sequence that this reader will read next.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The next sequence that the writer will publish.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.segment.header().published()
    }

    /// How many records are published and not read. May be out of date at once.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.published().saturating_sub(self.cursor)
    }

    /// How many records this reader has missed since it was attached, in all.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.counters.missed
    }

    /// The sequences that a reader could read now, without the eighth next to the writer.
    #[must_use]
    pub fn resident(&self) -> Range<u64> {
        let published = self.segment.header().published();
        self.segment.geometry().oldest(published)..published
    }

    /// When `seq` was published, in nanoseconds since the Unix epoch. Kept for every 64th
    /// sequence (those divisible by 64) while it is resident; `None` for all others.
    #[must_use]
    pub fn published_at_ns(&self, seq: u64) -> Option<u64> {
        let time = self.segment.time(seq).filter(|_| seq <= SEQUENCE_LIMIT)?;
        let slot = self.segment.slot(seq);
        if slot.enter(seq) != Entry::Ready {
            return None;
        }
        let at_ns = load(time);
        slot.leave(seq).then_some(at_ns)
    }

    /// The ring's schema, as it stands in the segment.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        self.segment.schema()
    }

    /// What the ring is and how it does.
    #[must_use]
    pub fn info(&self) -> RingInfo {
        RingInfo::of(&self.segment)
    }

    /// The attached segment.
    pub(crate) fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Reports the restart that was among the missed records.
    #[cold]
    fn restarted<T>(&mut self) -> Poll<T> {
        Poll::Restarted { epoch: self.lapped_epoch.take().unwrap_or(self.epoch) }
    }

    /// Moves the cursor, and tells the registry about once in 64 records.
    #[inline(always)]
    fn advance(&mut self, to: u64) {
        let is_due = (self.cursor ^ to) >= REPORT_EVERY;
        self.cursor = to;
        if is_due {
            self.report();
        }
    }

    #[cold]
    #[inline(never)]
    fn report(&mut self) {
        self.counters.cursor = self.cursor;
        self.enrolment.report(&self.counters);
    }

    #[cold]
    fn nothing<T>(&mut self) -> Poll<T> {
        if self.segment.is_lost() {
            return Poll::Closed(CloseReason::Truncated);
        }
        if self.counters.cursor != self.cursor {
            self.report();
        }
        self.empties = self.empties.wrapping_add(1);
        if self.empties.is_multiple_of(LOOK_FOR_FILE_EVERY) {
            self.look_for_file();
        }
        let reason = match self.segment.header().end() {
            Some(End::Closed) => CloseReason::Ended,
            Some(End::Retired { successor }) => CloseReason::Retired { successor },
            None => match self.vanished {
                Some(reason) => reason,
                None => return Poll::Empty,
            },
        };
        // What was published before the end is read before it.
        match self.segment.slot(self.cursor).enter(self.cursor) {
            Entry::NotYet => Poll::Closed(reason),
            Entry::Ready | Entry::Lapped { .. } => Poll::Empty,
        }
    }

    /// Looks whether the file is still there. Cost: a system call.
    fn look_for_file(&mut self) {
        self.vanished = self.vanished.or_else(|| self.segment.vanished());
    }

    /// Resumes away from the writer and counts what was lost. `by` is a sequence that the
    /// writer has reached or that this reader wanted.
    #[cold]
    fn lapped<T>(&mut self, by: u64) -> Poll<T> {
        if self.segment.is_lost() {
            return Poll::Closed(CloseReason::Truncated);
        }
        let reached = self.segment.header().published().max(by);
        let oldest = self.segment.geometry().oldest(reached).min(SEQUENCE_LIMIT);
        let resume = oldest.max(self.cursor.wrapping_add(1));
        let missed = resume.wrapping_sub(self.cursor);
        self.counters.missed = self.counters.missed.wrapping_add(missed);
        self.counters.laps = self.counters.laps.wrapping_add(1);
        self.cursor = resume;
        self.report();
        let epoch = self.segment.header().epoch();
        if epoch.number > self.epoch && epoch.start < resume {
            self.epoch = epoch.number;
            self.lapped_epoch = Some(epoch.number);
        }
        Poll::Lapped { missed, resume }
    }

    /// Turns the copied restart or tombstone record into its outcome.
    #[cold]
    fn recovered<T>(&mut self, seq: u64) -> Poll<T> {
        match restart_epoch(self.scratch.as_bytes()) {
            Some(epoch) => {
                self.epoch = epoch;
                // The new writer may look at another registry.
                if !self.enrolment.is_current(&self.segment) {
                    self.enrolment.renew(&self.segment, &self.counters);
                }
                Poll::Restarted { epoch }
            }
            None => Poll::Tombstone { seq },
        }
    }
}

/// The life that begins with the ring's birth and has no restart record.
const FIRST_EPOCH: u64 = 1;
/// Records between two reports to the registry, a power of two.
const REPORT_EVERY: u64 = 64;
/// Polls that found nothing between two looks whether the file is still there: a system call is
/// spread over some 100 µs of polling.
const LOOK_FOR_FILE_EVERY: u64 = 1 << 16;
/// Records that are copied before the oldest of them is validated.
const CHUNK: usize = 64;

impl Drop for Reader {
    fn drop(&mut self) {
        self.enrolment.leave(&self.segment);
    }
}

const _: () = assert!(Restart::RTYPE == rtype::RESTART && Tombstone::RTYPE == rtype::TOMBSTONE);

/// Whether a record is one of those that recovery writes.
#[inline]
pub(crate) fn is_recovery(rtype: u8) -> bool {
    matches!(rtype, rtype::RESTART | rtype::TOMBSTONE)
}

/// The life that a restart record begins; `None` for any other record.
pub(crate) fn restart_epoch(record: &[u8]) -> Option<u64> {
    let (restart, _) = Restart::ref_from_prefix(record).ok()?;
    Restart::accepts(restart.header.rtype).then_some(restart.epoch)
}

enum Look<T> {
    Seen(T, usize),
    NotYet,
    Lapped(u64),
}
