//! The sending side of a burst.

use crate::case::{Case, Pace};
use crate::clock::Clock;
use crate::distribution::Distribution;
use crate::failure::Failure;
use crate::shared::{Line, Shared, ticks};
use crate::workload::{self, Load};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tickring::{Writer, WrongKind};

/// From the last ping to the first record: time for the other side to begin reading.
const RUN_UP: Duration = Duration::from_micros(20);
/// Records that are timed together at full speed.
const CHUNK: u64 = 4096;
/// A look at the clock that comes this much after the one before shows an interruption.
pub const GAP: Duration = Duration::from_nanos(500);

/// The writer of one load.
#[derive(Debug)]
pub struct Sender {
    writer: Writer,
    load: Load,
    lanes: Vec<Vec<f32>>,
}

/// How a burst went, as the sending side saw it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Records sent.
    pub records: u64,
    /// How long that took.
    pub elapsed_ticks: u64,
    /// The quickest 4096 records at full speed; the whole burst where it was shorter or paced.
    pub best_ns_per_record: f64,
    /// Times in which the sending side did not run, while it waited for a scheduled time.
    pub gaps: Distribution,
}

impl Sender {
    /// Opens the ring of `load` under `root`.
    ///
    /// # Errors
    ///
    /// [`Failure::Bus`].
    pub fn open(load: Load, root: &Path) -> Result<Self, Failure> {
        let lanes = match load {
            Load::Ticks => Vec::new(),
            Load::Vectors(dim) => workload::lanes(dim),
        };
        Ok(Self { writer: load.writer(root)?, load, lanes })
    }

    /// What this sender sends.
    #[must_use]
    pub fn load(&self) -> Load {
        self.load
    }

    /// Sends for about `length` and then tells the other side where the burst ends.
    ///
    /// # Errors
    ///
    /// [`Failure::Refused`] if the ring does not take the records.
    pub fn burst(
        &mut self,
        case: &Case,
        length: Duration,
        shared: &Shared,
        clock: &Clock,
    ) -> Result<Sent, Failure> {
        let begin = ticks() + clock.ticks(RUN_UP);
        let sent = match case.pace {
            Pace::Rate { per_second } => {
                let count = count_of(per_second, length);
                let step = clock.ticks(Duration::from_secs(1) / per_second);
                self.paced(begin, step, count, clock)?
            }
            Pace::Full { batch } => self.full(begin, clock.ticks(length), batch, clock)?,
        };
        shared.word(Line::End).store(self.writer.next_seq(), Ordering::Release);
        Ok(sent)
    }

    fn paced(&mut self, begin: u64, step: u64, count: u64, clock: &Clock) -> Result<Sent, Failure> {
        let gap_ticks = clock.ticks(GAP);
        let mut gaps = Distribution::new();
        let mut last = ticks();
        for number in 0..count {
            let due = begin + number * step;
            loop {
                let now = ticks();
                let gap = now.saturating_sub(last);
                if gap > gap_ticks {
                    gaps.record(gap);
                }
                last = now;
                if now >= due {
                    break;
                }
            }
            self.writer.publish(&workload::tick(self.writer.next_seq(), due))?;
        }
        let elapsed_ticks = ticks().saturating_sub(begin).max(1);
        let best_ns_per_record = clock.ns(elapsed_ticks) / count as f64;
        Ok(Sent { records: count, elapsed_ticks, best_ns_per_record, gaps })
    }

    fn full(
        &mut self,
        begin: u64,
        length_ticks: u64,
        batch: u64,
        clock: &Clock,
    ) -> Result<Sent, Failure> {
        while ticks() < begin {
            std::hint::spin_loop();
        }
        let begin = ticks();
        let (mut records, mut best_ticks, mut now) = (0, u64::MAX, begin);
        while now.saturating_sub(begin) < length_ticks || records == 0 {
            let before = now;
            match (self.load, batch) {
                (Load::Vectors(dim), _) => self.send_vectors(dim)?,
                (Load::Ticks, 1) => self.send_ticks()?,
                (Load::Ticks, batch) => self.send_batches(batch)?,
            }
            now = ticks();
            best_ticks = best_ticks.min(now.saturating_sub(before));
            records += CHUNK;
        }
        Ok(Sent {
            records,
            elapsed_ticks: now.saturating_sub(begin).max(1),
            best_ns_per_record: clock.ns(best_ticks) / CHUNK as f64,
            gaps: Distribution::new(),
        })
    }

    fn send_ticks(&mut self) -> Result<(), WrongKind> {
        for _ in 0..CHUNK {
            self.writer.publish(&workload::tick(self.writer.next_seq(), 0))?;
        }
        Ok(())
    }

    fn send_batches(&mut self, batch: u64) -> Result<(), WrongKind> {
        for number in 1..=CHUNK {
            self.writer.stage(&workload::tick(self.writer.next_seq(), 0))?;
            if number.is_multiple_of(batch) {
                self.writer.flush();
            }
        }
        self.writer.flush();
        Ok(())
    }

    fn send_vectors(&mut self, dim: u16) -> Result<(), WrongKind> {
        for _ in 0..CHUNK {
            let seq = self.writer.next_seq();
            let pattern = seq % (self.lanes.len() as u64).max(1);
            let lanes = usize::try_from(pattern).ok().and_then(|at| self.lanes.get(at));
            let mut claim = self.writer.claim();
            claim.write(&workload::vector(seq, dim))?;
            claim.write_lanes(lanes.map_or(&[], Vec::as_slice))?;
            claim.commit();
        }
        Ok(())
    }
}

/// How many records are due within `length`, at least one.
#[must_use]
pub fn count_of(per_second: u32, length: Duration) -> u64 {
    let count = length.as_nanos() * u128::from(per_second) / 1_000_000_000;
    u64::try_from(count).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paced_burst_has_as_many_records_as_its_length_holds() {
        assert_eq!(count_of(10_000, Duration::from_millis(50)), 500);
        assert_eq!(count_of(1_000_000, Duration::from_micros(1_999)), 1_999);
        assert_eq!(count_of(10_000, Duration::ZERO), 1);
    }
}
