//! The arguments of `waiting`.

use super::wake::RATES;
use super::{Plan, record, sleeper};
use crate::failure::Failure;
use crate::harness::{self, Common};
use clap::Parser;
use std::process::ExitCode;
use std::time::Duration;

/// A real-time process must leave the core to others after half a second at most.
const LONGEST_BURST: Duration = Duration::from_millis(400);
/// Shorter bursts would consist of their beginning.
const SHORTEST_BURST: Duration = Duration::from_millis(5);
/// Waiters: a pipe and three strategies.
const WAITERS: u32 = 4;
/// Length of a burst at full speed.
const FULL: Duration = Duration::from_millis(40);
/// How long an idle reader waits.
const IDLE: Duration = Duration::from_secs(1);

/// Measures wake-up latency, what waiting readers cost a writer, and how long it takes to create
/// and attach a ring. Takes less than a minute by default.
///
/// To keep other processes out of the bursts, run the built binary under `chrt -f 10` where that
/// is permitted: each burst is shorter than half a second and followed by as long a rest.
#[derive(Clone, Debug, Parser)]
#[command(name = "waiting")]
pub struct Options {
    /// Length of all bursts at a schedule together, in seconds.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub seconds: u32,
    /// Rounds; each takes one sample of each case.
    #[arg(long, value_name = "N", default_value_t = 7)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// How often a ring is created and attached.
    #[arg(long, value_name = "N", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub tries: u32,
    /// Ends in seconds: the shortest bursts, once. Says that it works, not how well.
    #[arg(long, conflicts_with_all = ["seconds", "rounds", "tries"])]
    pub short: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl Options {
    /// Measures, prints and exits, or is the reading process of another.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        harness::run("waiting", &self.repeat(), &self.common, sleeper::run, || {
            Ok(record::findings(&self.plan()?.run()?))
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
            let (paced, full, idle) = (SHORTEST_BURST, SHORTEST_BURST / 5, SHORTEST_BURST * 4);
            return Ok(Plan { cores, rounds: 1, paced, full, idle, tries: 1 });
        }
        let rates = u32::try_from(RATES.len()).unwrap_or(u32::MAX);
        let bursts = self.rounds.saturating_mul(WAITERS * rates);
        let paced = Duration::from_secs(self.seconds.into()) / bursts.max(1);
        let paced = paced.clamp(SHORTEST_BURST, LONGEST_BURST);
        let (rounds, tries) = (self.rounds, self.tries);
        Ok(Plan { cores, rounds, paced, full: FULL, idle: IDLE, tries })
    }

    /// The arguments that measure the same again.
    fn repeat(&self) -> String {
        if self.short {
            return "--short".to_owned();
        }
        let Self { seconds, rounds, tries, .. } = self;
        format!("--seconds {seconds} --rounds {rounds} --tries {tries}")
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
        let paced = |args: &[&str]| {
            let args = ["waiting", "--cores", "0,1"].iter().chain(args);
            Options::parse_from(args).plan().unwrap().paced
        };
        assert_eq!(paced(&["--seconds", "8", "--rounds", "10"]), Duration::from_millis(100));
        assert_eq!(paced(&["--seconds", "9000"]), LONGEST_BURST);
        assert_eq!(paced(&["--seconds", "0"]), SHORTEST_BURST);
        assert_eq!(paced(&["--short"]), SHORTEST_BURST);
    }
}
