//! One burst between two measurements of the ping-pong.

use crate::case::Case;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::memory::CopyRate;
use crate::ping::State;
use crate::receiver::Tally;
use crate::sender::Sent;

/// One burst of a case and what belongs to it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The round, from 0 on.
    pub round: u32,
    /// What was measured.
    pub case: Case,
    /// pp right before the burst.
    pub before_ns: f64,
    /// pp right after it.
    pub after_ns: f64,
    /// What the sending side saw.
    pub sent: Sent,
    /// What the reading side saw; `None` if nobody read.
    pub tally: Option<Tally>,
    /// What a copy achieved in the same round.
    pub copy: CopyRate,
}

impl Sample {
    /// Checks that what was read is what was sent.
    ///
    /// # Errors
    ///
    /// [`Failure::Wrong`] or [`Failure::Unaccounted`].
    pub fn check(&self) -> Result<(), Failure> {
        let Some(Tally { read, missed, wrong, disorder, .. }) = self.tally else {
            return Ok(());
        };
        let case = self.case.name;
        if wrong > 0 || disorder > 0 {
            return Err(Failure::Wrong { case, wrong, disorder });
        }
        let sent = self.sent.records;
        if sent != read + missed {
            return Err(Failure::Unaccounted { case, sent, read, missed });
        }
        Ok(())
    }

    /// Where the two cores were.
    #[must_use]
    pub fn state(&self) -> State {
        State::of(self.before_ns, self.after_ns)
    }

    /// pp: the mean of before and after.
    #[must_use]
    pub fn pp_ns(&self) -> f64 {
        f64::midpoint(self.before_ns, self.after_ns)
    }

    /// The latency that the share `quantile` does not exceed; `None` if none was taken.
    #[must_use]
    pub fn latency_ns(&self, quantile: f64, clock: &Clock) -> Option<f64> {
        let latency = &self.tally.as_ref()?.latency;
        (!latency.is_empty()).then(|| clock.ns(latency.quantile(quantile)))
    }

    /// Time of the sending side for a record, over the whole burst.
    #[must_use]
    pub fn ns_per_record(&self, clock: &Clock) -> f64 {
        clock.ns(self.sent.elapsed_ticks) / self.sent.records.max(1) as f64
    }

    /// Records that arrived, or were sent if nobody read.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.tally.as_ref().map_or(self.sent.records, |tally| tally.read)
    }

    /// Bytes of slots that arrived in a nanosecond, which is GB/s.
    #[must_use]
    pub fn delivered_rate(&self, clock: &Clock) -> f64 {
        let bytes = self.delivered() * self.case.load.slot_bytes();
        bytes as f64 / clock.ns(self.sent.elapsed_ticks)
    }

    /// The sample as one line of `name=value`. `ratio` is the median latency, or the time for a
    /// record at full speed, over pp.
    #[must_use]
    pub fn line(&self, clock: &Clock) -> String {
        let mut line = format!(
            "sample round={} case={:?} state={} pp_ns={:.1} sent={}",
            self.round,
            self.case.name,
            self.state(),
            self.pp_ns(),
            self.sent.records
        );
        if let Some(Tally { read, missed, wrong, disorder, .. }) = self.tally {
            line += &format!(" read={read} missed={missed} wrong={wrong} disorder={disorder}");
        }
        let (what, ns) = match self.latency_ns(0.5, clock) {
            Some(ns) => ("p50_ns", ns),
            None => ("ns_per_record", self.ns_per_record(clock)),
        };
        line + &format!(" {what}={ns:.1} ratio={:.3}", ns / self.pp_ns())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::CASES;
    use crate::distribution::Distribution;

    fn sample(read: u64, missed: u64, wrong: u64, disorder: u64) -> Sample {
        let gaps = Distribution::new();
        Sample {
            round: 0,
            case: CASES[0],
            before_ns: 30.0,
            after_ns: 34.0,
            sent: Sent { records: 10, elapsed_ticks: 1, best_ns_per_record: 1.0, gaps },
            tally: Some(Tally { read, missed, wrong, disorder, ..Tally::default() }),
            copy: CopyRate { l3: 40.0, dram: 9.0 },
        }
    }

    #[test]
    fn a_sample_with_lost_torn_or_disordered_records_is_refused() {
        assert!(sample(10, 0, 0, 0).check().is_ok());
        assert!(sample(4, 6, 0, 0).check().is_ok());
        assert!(matches!(sample(9, 0, 0, 0).check(), Err(Failure::Unaccounted { .. })));
        assert!(matches!(sample(10, 1, 0, 0).check(), Err(Failure::Unaccounted { .. })));
        assert!(matches!(sample(10, 0, 1, 0).check(), Err(Failure::Wrong { .. })));
        assert!(matches!(sample(10, 0, 0, 1).check(), Err(Failure::Wrong { .. })));
    }
}
