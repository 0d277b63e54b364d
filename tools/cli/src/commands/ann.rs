//! `tickring ann`: the nearest-neighbour consumer as a process.

use crate::failure::Failure;
use crate::notation::{Age, Grouped};
use crate::outcome::Outcome;
use crate::output::Output;
use crate::service::{self, Reports, Service, Step};
use crate::signals::Signals;
use crate::start;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tickring::{Directory, RingName, Start};
use tickring_ann::{Matcher, MatcherOptions, Metric, Mode, Progress, Queries};

/// Steps between two looks at signals. A step may be a scan of the whole window.
const BUDGET: usize = 16;

/// Runs the nearest-neighbour consumer over the vectors of a bus
///
/// Finds the nearest neighbours of every vector of BUS/vectors among those before it, or of given
/// queries, by exact search, and publishes them to BUS/matches.
///
/// Stopped by a signal it leaves the ring open for the next consumer; at the end of the vectors it
/// closes it.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The bus, such as demo
    bus: String,
    /// Neighbours of each query
    #[arg(long, value_name = "K", default_value_t = 10)]
    k: u16,
    /// Distance: l2 (squared), inner-product (negative; or ip) or cosine (one minus it)
    #[arg(long, value_name = "METRIC", default_value_t = Metric::L2)]
    metric: Metric,
    /// Ask for these vectors, rows of a float32 or uint8 array, instead of for each one that comes
    #[arg(long, value_name = "FILE.npy")]
    queries: Option<PathBuf>,
    /// Vectors from one answer to the queries of the file to the next
    #[arg(long, value_name = "N", default_value_t = 1_000, requires = "queries")]
    every: u64,
    /// Vectors that are searched, the newest ones [default: as many as the ring keeps]
    #[arg(long, value_name = "N")]
    window: Option<u64>,
    /// Where to begin: oldest, latest or a sequence
    #[arg(long, value_name = "START", value_parser = start::parse, default_value = "latest")]
    #[arg(allow_hyphen_values = true)]
    from: Start,
    /// The ring of the bus to be read
    #[arg(long, value_name = "RING", default_value = "vectors")]
    vectors: String,
    /// The ring of the bus to be written
    #[arg(long, value_name = "RING", default_value = "matches")]
    matches: String,
    /// Slots of the ring of matches, a power of two
    #[arg(long, value_name = "SLOTS", default_value_t = tickring::DEFAULT_CAPACITY)]
    capacity: u64,
    /// Write 0 for the latency of each match: the same vectors then give the same bytes
    #[arg(long)]
    no_latency: bool,
    #[command(flatten)]
    reports: Reports,
}

pub(super) fn run(
    arguments: Arguments,
    directory: &Directory,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    // Before the rings appear: who sees them may send one.
    let signals = Signals::catch()?;
    let vectors = RingName::new(&arguments.bus, &arguments.vectors)?;
    let matches = RingName::new(&arguments.bus, &arguments.matches)?;
    let mode = match &arguments.queries {
        Some(path) => Mode::Registered { queries: Queries::load(path)?, every: arguments.every },
        None => Mode::EachVector,
    };
    let options = MatcherOptions {
        k: arguments.k,
        metric: arguments.metric,
        window: arguments.window,
        capacity: arguments.capacity,
        mode,
        start: arguments.from,
        latency: !arguments.no_latency,
    };
    let matcher = Matcher::open(directory, &vectors, &matches, options)?;
    service::run(matcher, &signals, arguments.reports, output)
}

impl Service for Matcher {
    const NAME: &'static str = "ann";

    fn step(&mut self) -> Result<Step, Failure> {
        Ok(match self.run_once(BUDGET)? {
            Progress::Advanced(_) => Step::Advanced,
            Progress::Idle => Step::Idle,
            Progress::Ended => Step::Ended,
        })
    }

    fn wait(&mut self, limit: Duration) {
        let _ = Self::wait(self, limit);
    }

    fn stop(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn text(&self) -> String {
        let stats = self.stats();
        format!(
            "{} vectors, {} queries, {} matches, {} incomplete, {} missed, {} other records, \
             {} restarts, {} tombstones, lag {} (most {}), latency p50 {} p99 {}",
            Grouped(stats.vectors),
            Grouped(stats.queries),
            Grouped(stats.matches),
            Grouped(stats.incomplete),
            Grouped(stats.missed),
            Grouped(stats.not_vectors),
            Grouped(stats.restarts),
            Grouped(stats.tombstones),
            Grouped(self.lag()),
            Grouped(stats.lag_max),
            Age(self.latency_ns_at(0.5)),
            Age(self.latency_ns_at(0.99)),
        )
    }

    fn json(&self) -> Value {
        let stats = self.stats();
        json!({
            "vectors": stats.vectors,
            "queries": stats.queries,
            "matches": stats.matches,
            "incomplete": stats.incomplete,
            "missed": stats.missed,
            "not_vectors": stats.not_vectors,
            "restarts": stats.restarts,
            "tombstones": stats.tombstones,
            "lag": self.lag(),
            "lag_max": stats.lag_max,
            "latency_ns_p50": self.latency_ns_at(0.5),
            "latency_ns_p99": self.latency_ns_at(0.99),
        })
    }
}
