//! The arguments of the latency harness.

use crate::case::CASES;
use crate::failure::Failure;
use crate::peer::Errand;
use crate::pin::Cores;
use crate::run::Plan;
use clap::Parser;
use std::path::PathBuf;
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
    /// Writes a dated record in markdown to this file.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// The cores of the sending and of the reading process; the first two allowed by default.
    #[arg(long, value_name = "A,B", value_parser = parse_cores)]
    pub cores: Option<Cores>,
    /// Is the reading process of a run in this directory.
    #[arg(long, hide = true, requires_all = ["parent", "core"])]
    reads: Option<PathBuf>,
    /// The sending process.
    #[arg(long, hide = true)]
    parent: Option<u32>,
    /// The core of the reading process.
    #[arg(long, hide = true)]
    core: Option<usize>,
}

impl Options {
    /// What this process does if it was started as a reading process.
    #[must_use]
    pub fn errand(&self) -> Option<Errand> {
        Some(Errand { root: self.reads.clone()?, parent: self.parent?, core: self.core? })
    }

    /// What is to be measured.
    ///
    /// # Errors
    ///
    /// [`Failure::Cores`] if there are not two cores.
    pub fn plan(&self) -> Result<Plan, Failure> {
        let cores = self.cores.map_or_else(Cores::first_two, Ok)?;
        if self.short {
            return Ok(Plan { cores, rounds: 2, burst: SHORTEST_BURST, ping: PING / 5 });
        }
        let bursts = self.rounds.saturating_mul(u32::try_from(CASES.len()).unwrap_or(u32::MAX));
        let burst = Duration::from_secs(self.seconds.into()) / bursts.max(1);
        let burst = burst.clamp(SHORTEST_BURST, LONGEST_BURST);
        Ok(Plan { cores, rounds: self.rounds, burst, ping: PING })
    }

    /// Whether each sample is to be printed.
    #[must_use]
    pub fn shows_samples(&self) -> bool {
        self.samples || self.short
    }

    /// The command that measures the same again.
    #[must_use]
    pub fn repeat(&self) -> String {
        let mut command = "cargo run --release -p tickring-benches --bin latency --".to_owned();
        if self.short {
            command.push_str(" --short");
        } else {
            command.push_str(&format!(" --seconds {} --rounds {}", self.seconds, self.rounds));
        }
        if let Some(Cores { sender, receiver }) = self.cores {
            command.push_str(&format!(" --cores {sender},{receiver}"));
        }
        command
    }
}

pub(crate) fn parse_cores(text: &str) -> Result<Cores, String> {
    let parse = |core: &str| core.trim().parse().ok();
    let cores = text.split_once(',').and_then(|(a, b)| Some((parse(a)?, parse(b)?)));
    match cores {
        Some((sender, receiver)) if sender != receiver => Ok(Cores { sender, receiver }),
        _ => Err(format!("expected two different cores such as `0,1`, found `{text}`")),
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

    #[test]
    fn cores_are_two_different_numbers() {
        assert_eq!(parse_cores("2, 5"), Ok(Cores { sender: 2, receiver: 5 }));
        for bad in ["", "1", "1,1", "a,b", "1,2,3", "-1,2"] {
            assert!(parse_cores(bad).is_err(), "{bad}");
        }
    }
}
