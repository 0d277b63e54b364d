//! A process's worth of windows: reads a ticks ring, publishes a bars ring and a late ring.

mod open;

use crate::checkpoint::{CheckpointStats, Checkpoints, Place, Source, Spot};
use crate::error::WindowError;
use crate::input::Input;
use crate::output::Output;
use crate::rings::Rings;
use crate::stats::WindowStats;
use crate::windows::{TOUCHED, Windows};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tickring::{Batch, Poll};

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

/// A reader of a ticks ring that publishes its windows to a bars ring, and what went into none to a
/// late ring.
///
/// With checkpoints ([`open_with`](Self::open_with)) its outputs are exact over crashes: killed at
/// any moment and opened again, it leaves in both rings the records that it would have published
/// uninterrupted, each once. Only restart and tombstone records, which takeovers leave in any
/// ring, stand between them.
#[derive(Debug)]
pub struct WindowConsumer {
    input: Input,
    /// `None` once the input has ended and the rings are closed.
    rings: Option<Rings>,
    windows: Windows,
    batch: Batch,
    stats: WindowStats,
    checkpoints: Option<Checkpoints>,
    /// The specification in its canonical form.
    canonical: String,
}

impl WindowConsumer {
    /// Takes what is there, at most 1,024 records, and publishes the bars that are due.
    ///
    /// # Errors
    ///
    /// [`WindowError::WrongKind`] if a ring refuses a record, [`WindowError::Diverged`] if the
    /// replay behind a crash gives something else than what was published before, and those of
    /// reading a journal.
    pub fn run_once(&mut self) -> Result<Progress, WindowError> {
        match self.input.poll_batch(&mut self.batch, BATCH)? {
            Poll::Record(count) => {
                self.apply();
                // What is before the ring has no times of publication.
                if !self.input.is_before() {
                    self.sample_latency();
                }
                self.settle()?;
                Ok(Progress::Advanced(count))
            }
            Poll::Empty => {
                self.idle()?;
                Ok(Progress::Idle)
            }
            Poll::Lapped { missed, .. } => {
                self.lapped(missed);
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
        self.input.wait(limit)
    }

    /// Fires everything and closes the rings, as at the end of the input. Further calls do
    /// nothing.
    ///
    /// With checkpoints the last one, of windows without any trade, is on the disk before the
    /// rings are closed: should the input go on after all, a consumer that is opened again begins
    /// new windows behind the end.
    ///
    /// # Errors
    ///
    /// As [`run_once`](Self::run_once), and those of writing the checkpoint.
    pub fn end(&mut self) -> Result<(), WindowError> {
        let Self { windows, rings, .. } = self;
        let Some(rings) = rings else { return Ok(()) };
        windows.finish(&mut |output| rings.stage(output));
        self.publish()?;
        if let Some(rings) = &self.rings {
            rings.expect_nothing()?;
        }
        if self.checkpoints.is_some() {
            let mut fresh = Windows::new(self.windows.spec())?;
            fresh.attached_late();
            self.checkpoint_now(Some(&fresh))?;
        }
        if let Some(rings) = self.rings.take() {
            rings.close();
        }
        Ok(())
    }

    /// Stops before the end of the input: takes a last checkpoint, from which a consumer that is
    /// opened again goes on without a replay. Open windows stay unpublished, the rings open.
    ///
    /// # Errors
    ///
    /// Those of writing the checkpoint.
    pub fn stop(&mut self) -> Result<(), WindowError> {
        self.publish()?;
        if !self.may_checkpoint() {
            return Ok(());
        }
        self.checkpoint_now(None)
    }

    /// What was seen so far.
    #[must_use]
    pub fn stats(&self) -> &WindowStats {
        &self.stats
    }

    /// What became of checkpoints, as far as it is known; `None` if none are taken.
    #[must_use]
    pub fn checkpoint_stats(&self) -> Option<&CheckpointStats> {
        self.checkpoints.as_ref().map(Checkpoints::stats)
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
        self.input.lag()
    }

    fn apply(&mut self) {
        let Self { windows, rings, batch, input, .. } = self;
        let Some(rings) = rings else { return };
        let mut out = |output: Output<'_>| rings.stage(output);
        let history = input.history();
        let mut ahead = batch.iter();
        for (at, record) in batch.iter().enumerate() {
            if at % TOUCHED == 0 {
                windows.touch(ahead.by_ref().take(TOUCHED));
            }
            match history {
                None => windows.record(&record, &mut out),
                Some(history) => windows.record(&history.placed(record), &mut out),
            }
        }
    }

    /// Makes outputs and figures visible, and takes a checkpoint if one is due.
    fn settle(&mut self) -> Result<(), WindowError> {
        self.publish()?;
        if self.checkpoints.is_some() {
            self.checkpoint();
        }
        Ok(())
    }

    fn publish(&mut self) -> Result<(), WindowError> {
        self.stats.counts = self.windows.counts();
        let Some(rings) = &mut self.rings else { return Ok(()) };
        let counts = &self.stats.counts;
        let watermark_ns = self.windows.watermark_ns().and_then(|ns| u64::try_from(ns).ok());
        (self.stats.replayed, self.stats.left_out) = rings.suppressed();
        rings.flush(watermark_ns.unwrap_or(0), counts.late + counts.untimed)
    }

    /// Notes a loss of the input.
    #[cold]
    fn lapped(&mut self, missed: u64) {
        self.windows.missed(missed);
        self.stats.missed += missed;
        if let Some(rings) = &mut self.rings
            && rings.input_lost()
        {
            self.stats.output_epoch += 1;
            rings.show_count("output_epoch", self.stats.output_epoch);
        }
        if let Some(checkpoints) = &mut self.checkpoints {
            // A replay of what was lost is not possible: let there be none.
            checkpoints.ask();
        }
    }

    /// There is nothing to read: so the replay has given all it can.
    fn idle(&mut self) -> Result<(), WindowError> {
        match &self.rings {
            Some(rings) if !self.input.is_waiting() => rings.expect_nothing(),
            _ => Ok(()),
        }
    }

    /// Whether the state can be told by a place in the input and in the outputs.
    fn may_checkpoint(&self) -> bool {
        self.checkpoints.is_some()
            && !self.input.is_before()
            && self.rings.as_ref().is_some_and(|rings| !rings.is_replaying())
    }

    /// Takes a checkpoint if one is due and the last one is on the disk.
    fn checkpoint(&mut self) {
        let (records, watermark_ns) = (self.stats.counts.records, self.windows.watermark_ns());
        let is_half_full = self.rings.as_ref().is_some_and(Rings::is_half_full);
        let is_due = is_half_full
            || self.checkpoints.as_ref().is_some_and(|own| own.is_due(records, watermark_ns));
        if !is_due || !self.may_checkpoint() {
            return;
        }
        let place = self.place();
        let Self { checkpoints, rings, windows, canonical, .. } = self;
        if let (Some(checkpoints), Some(rings)) = (checkpoints, rings) {
            let source = Source { place, spec: canonical, known: rings.known(), windows };
            if checkpoints.take(records, watermark_ns, &source) {
                rings.saved();
            }
        }
    }

    /// Takes a checkpoint, of other windows if any are given, and waits until it is on the disk.
    fn checkpoint_now(&mut self, others: Option<&Windows>) -> Result<(), WindowError> {
        let place = self.place();
        let Self { checkpoints, rings, windows, canonical, .. } = self;
        let windows = others.unwrap_or(windows);
        let (records, watermark_ns) = (windows.counts().records, windows.watermark_ns());
        if let (Some(checkpoints), Some(rings)) = (checkpoints, rings) {
            rings.saved();
            let source = Source { place, spec: canonical, known: rings.known(), windows };
            checkpoints.take_now(records, watermark_ns, &source)?;
        }
        Ok(())
    }

    /// Where everything stands.
    fn place(&self) -> Place {
        let token = self.input.token();
        let [bars, late] = self.rings.as_ref().map(Rings::spots).unwrap_or_default();
        Place {
            input: Spot::new(token.ring_id, token.seq, token.epoch),
            bars,
            late,
            seam: self.input.history().map(|history| (history.end(), token.seq)),
            output_epoch: self.stats.output_epoch,
        }
    }

    /// Takes the publish time of the last record of the batch that has one.
    fn sample_latency(&mut self) {
        let behind = self.batch.first_seq() + self.batch.len() as u64;
        let timed = behind.saturating_sub(1) / TIMED * TIMED;
        if timed < self.batch.first_seq() {
            return;
        }
        if let Some(published_ns) = self.input.ring().published_at_ns(timed) {
            let now_ns = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
            self.stats.latency_ns.saturating_record(now_ns.saturating_sub(published_ns));
        }
    }
}
