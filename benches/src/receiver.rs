//! The reading side of a burst.

use crate::distribution::Distribution;
use crate::failure::Failure;
use crate::shared::{Line, Shared, ticks, ticks_after_loads};
use crate::workload::{self, Load};
use std::path::Path;
use std::sync::atomic::Ordering;
use tickring::record::{Mbo, Vector};
use tickring::{Poll, Reader, RecordRef, Start, View};

/// Empty polls between two looks at the clock and at the end of the burst.
const LOOK_EVERY: u32 = 16;
/// Vectors that are looked at under one validation.
const VIEW: usize = 16;

/// The reader of one load.
#[derive(Debug)]
pub struct Receiver {
    reader: Reader,
    load: Load,
}

/// What the reading side does in a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whether latencies are taken; else only records are counted.
    pub is_timed: bool,
    /// Records at the beginning whose latency does not count.
    pub skip: u64,
    /// From here on the time between two looks at the clock counts as an interruption.
    pub gap_ticks: u64,
}

/// How a burst went, as the reading side saw it.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Records read.
    pub read: u64,
    /// Records that the reader reported as missed.
    pub missed: u64,
    /// Records whose content does not belong to their sequence, and outcomes that no burst has.
    pub wrong: u64,
    /// Records whose sequence was not above the one before.
    pub disorder: u64,
    /// From the scheduled time to the moment the record was there, in ticks.
    pub latency: Distribution,
    /// Times in which the reading side did not run, in ticks.
    pub gaps: Distribution,
    /// The sequence that was read last, if any.
    pub last: Option<u64>,
}

impl Receiver {
    /// Opens the ring of `load` under `root`, which the sending side has made.
    ///
    /// # Errors
    ///
    /// [`Failure::Bus`].
    pub fn open(load: Load, root: &Path) -> Result<Self, Failure> {
        Ok(Self { reader: load.reader(root)?, load })
    }

    /// What this receiver reads.
    #[must_use]
    pub fn load(&self) -> Load {
        self.load
    }

    /// Moves to the end of the ring: the next record is the first of the burst.
    pub fn prepare(&mut self) {
        let published = self.reader.published();
        // A seek to a sequence is never refused.
        let _ = self.reader.seek(Start::Sequence(published));
    }

    /// Reads until the burst has ended, spinning without a pause.
    pub fn burst(&mut self, order: Order, shared: &Shared) -> Tally {
        match self.load {
            Load::Ticks => self.ticks(order, shared),
            Load::Vectors(dim) => self.vectors(dim, shared),
        }
    }

    fn ticks(&mut self, order: Order, shared: &Shared) -> Tally {
        let mut tally = Tally::default();
        let counted_from = self.reader.cursor().saturating_add(order.skip);
        let mut empty_polls = 0_u32;
        let mut last_look = ticks();
        loop {
            match self.reader.poll() {
                Poll::Record(record) => {
                    if order.is_timed {
                        last_look = ticks_after_loads();
                        tally.time(&record, counted_from, last_look);
                    }
                    tally.take_tick(&record);
                }
                Poll::Empty => {
                    empty_polls = empty_polls.wrapping_add(1);
                    if !empty_polls.is_multiple_of(LOOK_EVERY) {
                        continue;
                    }
                    let now = ticks();
                    let gap = now.saturating_sub(last_look);
                    if order.is_timed && gap > order.gap_ticks {
                        tally.gaps.record(gap);
                    }
                    last_look = now;
                    if has_ended(shared, &self.reader) {
                        return tally;
                    }
                }
                other => tally.take_other(&other),
            }
        }
    }

    fn vectors(&mut self, dim: u16, shared: &Shared) -> Tally {
        let mut tally = Tally::default();
        let ones = vec![1.0; usize::from(dim)];
        loop {
            match self.reader.view(VIEW, |view| look(view, dim, &ones)) {
                Poll::Record(seen) => {
                    tally.read += seen.count;
                    tally.wrong += seen.wrong;
                    tally.step(seen.first, seen.count);
                }
                Poll::Empty => {
                    if has_ended(shared, &self.reader) {
                        return tally;
                    }
                }
                other => tally.take_other(&other),
            }
        }
    }
}

/// Whether everything that was sent in this burst has been read or missed.
fn has_ended(shared: &Shared, reader: &Reader) -> bool {
    let end = shared.word(Line::End).load(Ordering::Acquire);
    end != 0 && reader.cursor() >= end
}

/// What a view of vectors held.
#[derive(Clone, Copy, Debug)]
struct Seen {
    first: u64,
    count: u64,
    wrong: u64,
}

/// Computes an inner product with every vector in place. Total on garbage.
fn look(view: &View<'_>, dim: u16, ones: &[f32]) -> Seen {
    let mut seen = Seen { first: 0, count: view.len() as u64, wrong: 0 };
    for (number, record) in view.iter().enumerate() {
        let seq = record.seq();
        if number == 0 {
            seen.first = seq;
        }
        let sum = record.lanes().dot(ones);
        let is_right = record.read::<Vector>().vec_id == seq
            && sum.to_bits() == workload::sum_of_lanes(seq, dim).to_bits();
        seen.wrong += u64::from(!is_right);
    }
    seen
}

impl Tally {
    fn time(&mut self, record: &RecordRef<'_>, counted_from: u64, now: u64) {
        if record.seq() >= counted_from
            && let Some(tick) = record.get::<Mbo>()
        {
            self.latency.record(now.saturating_sub(tick.ts_recv));
        }
    }

    #[inline]
    fn take_tick(&mut self, record: &RecordRef<'_>) {
        let seq = record.seq();
        self.read += 1;
        self.wrong +=
            u64::from(!record.get::<Mbo>().is_some_and(|tick| workload::is_tick(seq, tick)));
        self.step(seq, 1);
    }

    /// Notes `count` records from `first` on: sequences may skip but never stand or go back.
    #[inline]
    fn step(&mut self, first: u64, count: u64) {
        self.disorder += u64::from(self.last.is_some_and(|last| first <= last));
        self.last = Some(first.wrapping_add(count.saturating_sub(1)));
    }

    #[cold]
    fn take_other<T>(&mut self, outcome: &Poll<T>) {
        match outcome {
            Poll::Lapped { missed, .. } => self.missed += missed,
            _ => self.wrong += 1,
        }
    }

    /// Writes it as one line.
    #[must_use]
    pub fn encode(&self) -> String {
        let Self { read, missed, wrong, disorder, latency, gaps, .. } = self;
        format!("{read} {missed} {wrong} {disorder}|{}|{}", latency.encode(), gaps.encode())
    }

    /// Reads what [`encode`](Self::encode) wrote; `None` if it is something else.
    #[must_use]
    pub fn decode(line: &str) -> Option<Self> {
        let mut parts = line.split('|');
        let mut counts = parts.next()?.split_whitespace().map(str::parse);
        let mut count = || counts.next()?.ok();
        let tally = Self {
            read: count()?,
            missed: count()?,
            wrong: count()?,
            disorder: count()?,
            latency: Distribution::decode(parts.next()?)?,
            gaps: Distribution::decode(parts.next()?)?,
            last: None,
        };
        (counts.next().is_none() && parts.next().is_none()).then_some(tally)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::tick;

    fn order() -> Order {
        Order { is_timed: true, skip: 2, gap_ticks: u64::MAX }
    }

    #[test]
    fn a_burst_is_read_to_its_end_and_its_first_records_are_not_timed() {
        let root = tempfile::tempdir().unwrap();
        let shared = Shared::create(&root.path().join("shared")).unwrap();
        let mut writer = Load::Ticks.writer(root.path()).unwrap();
        let mut receiver = Receiver::open(Load::Ticks, root.path()).unwrap();
        receiver.prepare();
        for seq in 0..10 {
            writer.publish(&tick(seq, ticks())).unwrap();
        }
        writer.publish(&Mbo { price: 1, ..tick(10, 0) }).unwrap();
        shared.word(Line::End).store(11, Ordering::Release);
        let tally = receiver.burst(order(), &shared);
        assert_eq!((tally.read, tally.missed, tally.wrong, tally.disorder), (11, 0, 1, 0));
        assert_eq!(tally.latency.len(), 9);
    }

    #[test]
    fn records_that_were_overwritten_are_counted_as_missed() {
        let root = tempfile::tempdir().unwrap();
        let shared = Shared::create(&root.path().join("shared")).unwrap();
        let mut writer = Load::Ticks.writer(root.path()).unwrap();
        let mut receiver = Receiver::open(Load::Ticks, root.path()).unwrap();
        receiver.prepare();
        for seq in 0..100_000 {
            writer.publish(&tick(seq, 0)).unwrap();
        }
        shared.word(Line::End).store(100_000, Ordering::Release);
        let tally = receiver.burst(Order { is_timed: false, ..order() }, &shared);
        assert_eq!(tally.read + tally.missed, 100_000);
        assert!(tally.missed >= 100_000 - (1 << 16), "{tally:?}");
        assert_eq!((tally.wrong, tally.disorder, tally.latency.len()), (0, 0, 0));
    }

    #[test]
    fn a_vector_with_a_foreign_lane_or_id_is_found_out() {
        let root = tempfile::tempdir().unwrap();
        let shared = Shared::create(&root.path().join("shared")).unwrap();
        let load = Load::Vectors(32);
        let mut writer = load.writer(root.path()).unwrap();
        let mut receiver = Receiver::open(load, root.path()).unwrap();
        receiver.prepare();
        let all = workload::lanes(32);
        for (seq, vec_id, pattern) in [(0, 0, 0), (1, 1, 1), (2, 2, 5), (3, 7, 3)] {
            assert_eq!(writer.next_seq(), seq);
            let mut claim = writer.claim();
            claim.write(&workload::vector(vec_id, 32)).unwrap();
            claim.write_lanes(&all[pattern]).unwrap();
            claim.commit();
        }
        shared.word(Line::End).store(4, Ordering::Release);
        let tally = receiver.burst(order(), &shared);
        assert_eq!((tally.read, tally.missed, tally.wrong, tally.disorder), (4, 0, 2, 0));
    }

    #[test]
    fn a_sequence_that_stands_or_goes_back_is_disorder() {
        let mut tally = Tally::default();
        for (first, count) in [(4, 1), (5, 16), (21, 1), (100, 1), (100, 1), (99, 1)] {
            tally.step(first, count);
        }
        assert_eq!(tally.disorder, 2);
    }

    #[test]
    fn a_tally_survives_being_written_and_read() {
        let mut one = Tally { read: 5, missed: 4, wrong: 3, disorder: 2, ..Tally::default() };
        one.latency.record(300);
        let other = Tally::decode(&one.encode()).unwrap();
        assert_eq!(other.encode(), one.encode());
        for bad in ["", "1 2 3|", "1 2 3||", "1 2 3 x||", "1 2 3 4||1:1|", "1 2 3 4 5||"] {
            assert!(Tally::decode(bad).is_none(), "{bad}");
        }
    }
}
