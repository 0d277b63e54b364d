//! A process's worth of windows: reads a ticks ring, publishes a bars ring.

use crate::error::WindowError;
use crate::options::WindowOptions;
use crate::windows::{Counts, Windows};
use hdrhistogram::Histogram;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tickring::record::{Record, WindowBar};
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
    /// Records, trades, late trades and bars.
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

/// A reader of a ticks ring that publishes its windows to a bars ring.
#[derive(Debug)]
pub struct WindowConsumer {
    reader: Reader,
    /// `None` once the input has ended and the ring is closed.
    writer: Option<Writer>,
    windows: Windows,
    batch: Batch,
    stats: WindowStats,
    refused: Option<WrongKind>,
}

impl WindowConsumer {
    /// Attaches to `ticks` at `start` and creates or takes over `bars` with `capacity` slots.
    ///
    /// # Errors
    ///
    /// [`WindowError::Size`], [`WindowError::Delay`], or the errors of both rings.
    pub fn open(
        directory: &Directory,
        (ticks, start): (&RingName, Start),
        (bars, capacity): (&RingName, u64),
        options: WindowOptions,
    ) -> Result<Self, WindowError> {
        let mut windows = Windows::new(options)?;
        let joining = ReaderOptions::named("window", start);
        let reader = Reader::open_with(directory, ticks, &joining)?;
        if reader.cursor() > 0 {
            windows.attached_late();
        }
        let spec = RingSpec { capacity, ..RingSpec::new(WindowBar::kinds())? };
        let writer = Writer::open(directory, bars, &spec)?;
        let stats = WindowStats {
            counts: Counts::default(),
            missed: 0,
            restarts: 0,
            tombstones: 0,
            latency_ns: histogram(),
        };
        Ok(Self {
            reader,
            writer: Some(writer),
            windows,
            batch: Batch::new(),
            stats,
            refused: None,
        })
    }

    /// Takes what is there, at most 1,024 records, and publishes the bars that are due.
    ///
    /// # Errors
    ///
    /// [`WindowError::WrongKind`] if the bars ring refuses a bar.
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

    /// Fires everything and closes the bars ring, as at the end of the input. Further calls do
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`WindowError::WrongKind`] if the bars ring refuses a bar.
    pub fn end(&mut self) -> Result<(), WindowError> {
        let Self { windows, writer, refused, .. } = self;
        windows.finish(&mut |bar| stage(writer, refused, bar));
        self.settle()?;
        if let Some(writer) = self.writer.take() {
            writer.close();
        }
        Ok(())
    }

    /// What was seen so far.
    #[must_use]
    pub fn stats(&self) -> &WindowStats {
        &self.stats
    }

    /// How far the consumer is behind its input, in records.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.reader.lag()
    }

    fn apply(&mut self) {
        let Self { windows, writer, refused, batch, .. } = self;
        for record in batch.iter() {
            windows.record(&record, &mut |bar| stage(writer, refused, bar));
        }
        self.sample_latency();
    }

    /// Makes bars and figures visible.
    fn settle(&mut self) -> Result<(), WindowError> {
        self.stats.counts = self.windows.counts();
        if let Some(writer) = &mut self.writer {
            writer.flush();
            writer.set_watermark(self.windows.watermark_ns().unwrap_or(0));
            writer.set_dropped(self.stats.counts.late + self.stats.counts.untimed);
            writer.heartbeat();
        }
        match self.refused.take() {
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

/// Puts a bar into the ring; the first refusal is kept to be reported.
fn stage(writer: &mut Option<Writer>, refused: &mut Option<WrongKind>, bar: &WindowBar) {
    if let Some(Err(error)) = writer.as_mut().map(|writer| writer.stage(bar)) {
        refused.get_or_insert(error);
    }
}

/// From a nanosecond to a minute with three significant digits.
fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "fails for impossible bounds only, and these are fixed")]
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds are valid")
}
