//! The arguments of the latency harness.

use crate::case::CASES;
use crate::failure::Failure;
use crate::harness::{self, Common};
use crate::peer::Errand;
use crate::record;
use crate::run::Plan;
use clap::Parser;
use std::process::ExitCode;
use std::time::Duration;

/// A real-time process must leave the core to others after half a second at most.
const LONGEST_BURST: Duration = Duration::from_millis(400);
/// Shorter bursts would consist of their beginning.
const SHORTEST_BURST: Duration = Duration::from_millis(2);
/// Length of the ping-pong before and after a burst.
const PING: Duration = Duration::from_micros(1_500);

/// Measures one-way latency and throughput between two processes, each on a core of its own,
/// beside the cache-line ping-pong and the memcpy of the same run.
///
/// To keep other processes out of the bursts, run the built binary under `chrt -f 10` where that
/// is permitted: each burst is shorter than half a second and followed by as long a rest.
#[derive(Clone, Debug, Parser)]
#[command(name = "latency")]
pub struct Options {
    /// Length of all bursts together, in seconds.
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub seconds: u32,
    /// Rounds; each takes one sample of each case.
    #[arg(long, value_name = "N", default_value_t = 15)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Ends in seconds: two rounds of the shortest bursts. Says that it works, not how well.
    #[arg(long, conflicts_with_all = ["seconds", "rounds"])]
    pub short: bool,
    /// Prints each sample as well; --short does so in any case.
    #[arg(long)]
    pub samples: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl Options {
    /// Measures, prints and exits, or is the reading process of another.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        harness::run("latency", &self.repeat(), &self.common, Errand::run, || {
            let outcome = self.plan()?.run()?;
            Ok(record::findings(&outcome, self.samples || self.short))
        })
    }

    /// What is to be measured.
    ///
    /// # Errors
    ///
    /// [`Failure::Cores`] if there are not two cores.
    pub fn plan(&self) -> Result<Plan, Failure> {
        let cores = self.common.cores()?;
        if self.short {
            return Ok(Plan { cores, rounds: 2, burst: SHORTEST_BURST, ping: PING / 5 });
        }
        let bursts = self.rounds.saturating_mul(u32::try_from(CASES.len()).unwrap_or(u32::MAX));
        let burst = Duration::from_secs(self.seconds.into()) / bursts.max(1);
        let burst = burst.clamp(SHORTEST_BURST, LONGEST_BURST);
        Ok(Plan { cores, rounds: self.rounds, burst, ping: PING })
    }

    /// The arguments that measure the same again.
    fn repeat(&self) -> String {
        if self.short {
            return "--short".to_owned();
        }
        format!("--seconds {} --rounds {}", self.seconds, self.rounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn bursts_share_the_seconds_and_stay_within_their_bounds() {
        let burst = |args: &[&str]| {
            let args = ["latency", "--cores", "0,1"].iter().chain(args);
            Options::parse_from(args).plan().unwrap().burst
        };
        assert_eq!(burst(&["--seconds", "9", "--rounds", "10"]), Duration::from_millis(100));
        assert_eq!(burst(&["--seconds", "9000"]), LONGEST_BURST);
        assert_eq!(burst(&["--seconds", "0"]), SHORTEST_BURST);
        assert_eq!(burst(&["--short"]), SHORTEST_BURST);
    }
}
