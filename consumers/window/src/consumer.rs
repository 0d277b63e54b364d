//! A process's worth of windows: reads a ticks ring, publishes a bars ring and a late ring.

use crate::error::WindowError;
use crate::output::Output;
use crate::shared::Counts;
use crate::spec::WindowSpec;
use crate::windows::Windows;
use hdrhistogram::Histogram;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tickring::record::{BarStats, Late, Record, WindowBar};
use tickring::{
    Batch, Directory, Poll, Reader, ReaderOptions, RingName, RingSpec, Start, Writer, WrongKind,
};

/// Records taken from the ring at once.
const BATCH: usize = 1024;
/// Sequences for which the ring keeps a publish time.
const TIMED: u64 = 64;

/// What one step of a consumer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// Took this many records.
    Advanced(usize),
    /// There was nothing to take.
    Idle,
    /// The input has ended, everything has fired, and the bars ring is closed.
    Ended,
}

/// What a consumer has seen.
#[derive(Clone, Debug)]
pub struct WindowStats {
    /// Records, trades, corrections, late ones and bars.
    pub counts: Counts,
    /// Records of the input that were overwritten before they were read.
    pub missed: u64,
    /// Restarts of the input's writer.
    pub restarts: u64,
    /// Records that died half written with the input's writer.
    pub tombstones: u64,
    /// From publication of a tick to its having been applied, in nanoseconds; one in 64 at most
    /// is sampled, and the clock is that of the machine.
    pub latency_ns: Histogram<u64>,
}

/// The rings that a consumer writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowRings {
    /// The ring of bars, and of their further aggregates if any are asked for.
    pub bars: RingName,
    /// Slots of the ring of bars, a power of two.
    pub bars_capacity: u64,
    /// The ring of what went into no window.
    pub late: RingName,
    /// Slots of the ring of late records, a power of two.
    pub late_capacity: u64,
}

/// A reader of a ticks ring that publishes its windows to a bars ring, and what went into none to a
/// late ring.
#[derive(Debug)]
pub struct WindowConsumer {
    reader: Reader,
    /// `None` once the input has ended and the rings are closed.
    rings: Option<Rings>,
    windows: Windows,
    batch: Batch,
    stats: WindowStats,
}

/// The writers of the rings.
#[derive(Debug)]
struct Rings {
    bars: Writer,
    late: Writer,
    /// The first refusal, to be reported.
    refused: Option<WrongKind>,
}

impl Rings {
    fn open(
        directory: &Directory,
        names: &WindowRings,
        spec: &WindowSpec,
    ) -> Result<Self, WindowError> {
        let mut kinds = WindowBar::kinds();
        if spec.wanted() != 0 {
            kinds.extend(BarStats::kinds());
        }
        let bars = RingSpec { capacity: names.bars_capacity, ..RingSpec::new(kinds)? };
        let late = RingSpec { capacity: names.late_capacity, ..RingSpec::new(Late::kinds())? };
        Ok(Self {
            bars: Writer::open(directory, &names.bars, &bars)?,
            late: Writer::open(directory, &names.late, &late)?,
            refused: None,
        })
    }

    #[inline]
    fn stage(&mut self, output: Output<'_>) {
        let staged = match output {
            Output::Bar(bar) => self.bars.stage(bar),
            Output::Stats(stats) => self.bars.stage(stats),
            Output::Late(late) => self.late.stage(late),
        };
        if let Err(error) = staged {
            self.refused.get_or_insert(error);
        }
    }
}

impl WindowConsumer {
    /// Attaches to `ticks` at `start` and creates or takes over the rings.
    ///
    /// # Errors
    ///
    /// [`WindowError::Spec`], [`WindowError::Delay`], or the errors of the rings.
    pub fn open(
        directory: &Directory,
        (ticks, start): (&RingName, Start),
        rings: &WindowRings,
        spec: &WindowSpec,
    ) -> Result<Self, WindowError> {
        let mut windows = Windows::new(spec)?;
        let joining = ReaderOptions::named("window", start);
        let reader = Reader::open_with(directory, ticks, &joining)?;
        if reader.cursor() > 0 {
            windows.attached_late();
        }
        let rings = Some(Rings::open(directory, rings, spec)?);
        let stats = WindowStats {
            counts: Counts::default(),
            missed: 0,
            restarts: 0,
            tombstones: 0,
            latency_ns: histogram(),
        };
        Ok(Self { reader, rings, windows, batch: Batch::new(), stats })
    }

    /// Takes what is there, at most 1,024 records, and publishes the bars that are due.
    ///
    /// # Errors
    ///
    /// [`WindowError::WrongKind`] if a ring refuses a record.
    pub fn run_once(&mut self) -> Result<Progress, WindowError> {
        match self.reader.poll_batch(&mut self.batch, BATCH) {
            Poll::Record(count) => {
                self.apply();
                self.settle()?;
                Ok(Progress::Advanced(count))
            }
            Poll::Empty => Ok(Progress::Idle),
            Poll::Lapped { missed, .. } => {
                self.windows.missed(missed);
                self.stats.missed += missed;
                Ok(Progress::Advanced(0))
            }
            Poll::Restarted { .. } => {
                self.stats.restarts += 1;
                Ok(Progress::Advanced(0))
            }
            Poll::Tombstone { .. } => {
                self.stats.tombstones += 1;
                Ok(Progress::Advanced(0))
            }
            Poll::Closed(_) => {
                self.end()?;
                Ok(Progress::Ended)
            }
        }
    }

    /// Waits until there is something to take, for `limit` at most; see
    /// [`Reader::wait`](tickring::Reader::wait).
    pub fn wait(&mut self, limit: Duration) -> bool {
        self.reader.wait(limit)
    }

    /// Fires everything and closes the rings, as at the end of the input. Further calls do
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`WindowError::WrongKind`] if a ring refuses a record.
    pub fn end(&mut self) -> Result<(), WindowError> {
        let Self { windows, rings, .. } = self;
        if let Some(rings) = rings {
            windows.finish(&mut |output| rings.stage(output));
        }
        self.settle()?;
        if let Some(rings) = self.rings.take() {
            rings.bars.close();
            rings.late.close();
        }
        Ok(())
    }

    /// What was seen so far.
    #[must_use]
    pub fn stats(&self) -> &WindowStats {
        &self.stats
    }

    /// The time up to which nothing is expected any more, in nanoseconds since the Unix epoch;
    /// `None` before the first record.
    #[must_use]
    pub fn watermark_ns(&self) -> Option<i64> {
        self.windows.watermark_ns()
    }

    /// How far the consumer is behind its input, in records.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.reader.lag()
    }

    fn apply(&mut self) {
        let Self { windows, rings, batch, .. } = self;
        let Some(rings) = rings else { return };
        let mut out = |output: Output<'_>| rings.stage(output);
        for record in batch.iter() {
            windows.record(&record, &mut out);
        }
        self.sample_latency();
    }

    /// Makes outputs and figures visible.
    fn settle(&mut self) -> Result<(), WindowError> {
        self.stats.counts = self.windows.counts();
        let Some(rings) = &mut self.rings else { return Ok(()) };
        let counts = &self.stats.counts;
        let watermark_ns = self.windows.watermark_ns().and_then(|ns| u64::try_from(ns).ok());
        for writer in [&mut rings.bars, &mut rings.late] {
            writer.flush();
            writer.set_watermark(watermark_ns.unwrap_or(0));
            writer.heartbeat();
        }
        rings.bars.set_dropped(counts.late + counts.untimed);
        match rings.refused.take() {
            Some(refused) => Err(refused.into()),
            None => Ok(()),
        }
    }

    /// Takes the publish time of the last record of the batch that has one.
    fn sample_latency(&mut self) {
        let behind = self.batch.first_seq() + self.batch.len() as u64;
        let timed = behind.saturating_sub(1) / TIMED * TIMED;
        if timed < self.batch.first_seq() {
            return;
        }
        if let Some(published_ns) = self.reader.published_at_ns(timed) {
            let now_ns = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
            self.stats.latency_ns.saturating_record(now_ns.saturating_sub(published_ns));
        }
    }
}

/// From a nanosecond to a minute with three significant digits.
fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "fails for impossible bounds only, and these are fixed")]
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds are valid")
}
