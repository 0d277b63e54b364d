//! A reader of a ring: joins, polls by copy, in batches, or in place.

use crate::batch::Batch;
use crate::directory::{Directory, RingName};
use crate::error::Error;
use crate::info::RingInfo;
use crate::poll::{CloseReason, Poll, RecordRef, rtype_of};
use crate::record::{Record, Restart, Tombstone, rtype};
use crate::schema::Schema;
use crate::segment::{Access, Segment};
use crate::slot::{Entry, load};
use crate::view::View;
use std::ops::Range;

/// Where a reader joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the next record to be published.
    Latest,
    /// At the oldest record, an eighth of the ring away from where the writer overwrites.
    Oldest,
    /// At this sequence. If it is overwritten already the first poll says how many were missed;
    /// if it is still to come the reader waits for it.
    Sequence(u64),
}

/// A reader of one ring, with a cursor of its own. Any number of them may exist; none can be
/// seen, slowed down or harmed by another, and the writer does not know them.
///
/// The ring is mapped read-only. A reader keeps its mapping over restarts of the writer.
///
/// # Examples
///
/// ```no_run
/// use tickring::{Directory, Poll, Reader, Start};
///
/// let name = "demo/ticks".parse()?;
/// let mut reader = Reader::open(&Directory::from_env(), &name, Start::Latest)?;
/// loop {
///     match reader.poll() {
///         Poll::Record(record) => println!("{} {:?}", record.seq(), record.header()),
///         Poll::Lapped { missed, .. } => eprintln!("missed {missed} records"),
///         Poll::Closed(_) => break,
///         _ => std::thread::yield_now(),
///     }
/// }
/// # Ok::<(), tickring::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    segment: Segment,
    cursor: u64,
    missed: u64,
    epoch: u64,
    /// An epoch whose restart record was among the missed ones, to be reported next.
    lapped_epoch: Option<u64>,
    scratch: Box<[u64]>,
}

impl Reader {
    /// Attaches to ring `name`, read-only.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::NotASegment`], [`Error::LayoutVersion`],
    /// [`Error::Truncated`], [`Error::Corrupt`], [`Error::Schema`] or [`Error::Io`].
    pub fn open(directory: &Directory, name: &RingName, start: Start) -> Result<Self, Error> {
        let segment = Segment::attach(directory, name, Access::Read)?;
        let words = segment.slots().payload_words();
        let mut reader = Self {
            segment,
            cursor: 0,
            missed: 0,
            epoch: FIRST_EPOCH,
            lapped_epoch: None,
            scratch: vec![0; words].into_boxed_slice(),
        };
        reader.seek(start);
        Ok(reader)
    }

    /// Moves the cursor.
    pub fn seek(&mut self, start: Start) {
        let published = self.segment.header().published();
        self.cursor = match start {
            Start::Latest => published,
            Start::Oldest => self.segment.geometry().oldest(published),
            Start::Sequence(seq) => seq,
        };
        let epoch = self.segment.header().epoch();
        // The restart record of an epoch that began behind the cursor will not be met.
        self.epoch = if epoch.start < self.cursor { epoch.number } else { FIRST_EPOCH };
        self.lapped_epoch = None;
    }

    /// Copies the next record.
    ///
    /// Ordering: rows R1 to R4. Cost: a load per word of the slot and two more; no system call,
    /// no allocation, never blocks.
    #[inline(always)]
    pub fn poll(&mut self) -> Poll<RecordRef<'_>> {
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
        self.cursor = seq.wrapping_add(1);
        if is_recovery(rtype_of(&self.scratch)) {
            return self.recovered(seq);
        }
        Poll::Record(RecordRef::new(seq, &self.scratch))
    }

    /// Copies up to `max` records into `batch`, replacing what it held, and gives their number.
    ///
    /// Ends early in front of a restart or tombstone, which the next call reports. Ordering:
    /// rows P2 and, for every few records, R1 to R4 of the oldest one. Cost: as
    /// [`poll`](Self::poll) per record; allocates when `batch` was never as large before.
    pub fn poll_batch(&mut self, batch: &mut Batch, max: usize) -> Poll<usize> {
        batch.restart(self.cursor, self.segment.slots().payload_words());
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
        self.cursor = first.wrapping_add(copied as u64);
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
        if self.lapped_epoch.is_some() {
            return self.restarted();
        }
        let first = self.cursor;
        match self.look(first, max, f) {
            Look::Seen(value, count) => {
                self.cursor = first.wrapping_add(count as u64);
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
        self.missed
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
        let time = self.segment.time(seq)?;
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

    /// Where up to `max` of the next records stand in memory, for readers outside Rust; `None`
    /// if there is none yet. The extent ends at the end of the ring. What is read there counts
    /// only if [`validate`](Self::validate) agrees afterwards.
    #[must_use]
    pub fn extent(&self, max: usize) -> Option<Extent> {
        let first = self.cursor;
        let geometry = self.segment.geometry();
        let index = first & (geometry.capacity - 1);
        let available = self.published().saturating_sub(first).min(geometry.capacity - index);
        let count = usize::try_from(available).unwrap_or(usize::MAX).min(max);
        if count == 0 || self.segment.slot(first).enter(first) != Entry::Ready {
            return None;
        }
        let stride_bytes = usize::try_from(geometry.stride_bytes).ok()?;
        let index = usize::try_from(index).ok()?;
        let address =
            self.segment.slots().address().checked_add(index.checked_mul(stride_bytes)?)?;
        Some(Extent { first, count, stamp_address: address, stride_bytes })
    }

    /// Says whether everything loaded from `extent` since it was made is whole, and if so moves
    /// the cursor behind it.
    #[must_use]
    pub fn validate(&mut self, extent: &Extent) -> bool {
        let whole = self.segment.slot(extent.first).leave(extent.first);
        if whole && self.cursor == extent.first {
            self.cursor = extent.first.wrapping_add(extent.count as u64);
        }
        whole
    }

    /// Reports the restart that was among the missed records.
    #[cold]
    fn restarted<T>(&mut self) -> Poll<T> {
        Poll::Restarted { epoch: self.lapped_epoch.take().unwrap_or(self.epoch) }
    }

    #[cold]
    fn nothing<T>(&self) -> Poll<T> {
        let slot = self.segment.slot(self.cursor);
        let ended = self.segment.header().is_closed() && slot.enter(self.cursor) == Entry::NotYet;
        if ended { Poll::Closed(CloseReason::Ended) } else { Poll::Empty }
    }

    /// Resumes away from the writer and counts what was lost. `by` is a sequence that the
    /// writer has reached or that this reader wanted.
    #[cold]
    fn lapped<T>(&mut self, by: u64) -> Poll<T> {
        let reached = self.segment.header().published().max(by);
        let oldest = self.segment.geometry().oldest(reached);
        let resume = oldest.max(self.cursor.wrapping_add(1));
        let missed = resume.wrapping_sub(self.cursor);
        self.missed = self.missed.wrapping_add(missed);
        self.cursor = resume;
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
        let record = RecordRef::new(seq, &self.scratch);
        match record.get::<Restart>() {
            Some(restart) => {
                self.epoch = restart.epoch;
                Poll::Restarted { epoch: restart.epoch }
            }
            None => Poll::Tombstone { seq },
        }
    }
}

/// The life that begins with the ring's birth and has no restart record.
const FIRST_EPOCH: u64 = 1;
/// Records that are copied before the oldest of them is validated.
const CHUNK: usize = 64;

const _: () = assert!(Restart::RTYPE == rtype::RESTART && Tombstone::RTYPE == rtype::TOMBSTONE);

/// Whether a record is one of those that recovery writes.
#[inline]
fn is_recovery(rtype: u8) -> bool {
    matches!(rtype, rtype::RESTART | rtype::TOMBSTONE)
}

enum Look<T> {
    Seen(T, usize),
    NotYet,
    Lapped(u64),
}

/// A run of records in place, as addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Sequence of the first record.
    pub first: u64,
    /// Number of records.
    pub count: usize,
    /// Address of the first record's stamp; the record body is 8 bytes behind it.
    pub stamp_address: usize,
    /// Distance from one stamp to the next, in bytes.
    pub stride_bytes: usize,
}
