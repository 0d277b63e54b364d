//! `tickring ann`: the nearest-neighbour consumer as a process.

use crate::duration;
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
use tickring_ann::{
    Corpus, Matcher, MatcherOptions, MatcherSpec, Metric, Progress, RecallEstimate,
};

/// Steps between two looks at signals. A step may be a scan of the whole window.
const BUDGET: usize = 16;

/// Runs the nearest-neighbour consumer over the vectors of a bus
///
/// Finds the nearest neighbours of every vector of BUS/vectors among those before it, or of given
/// queries, or the patterns that it is near to, and publishes them to BUS/matches. Exact unless
/// another index is chosen. With --requests it answers the queries of other processes, too.
///
/// Stopped by a signal it leaves the ring open for the next consumer; at the end of the vectors it
/// closes it.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The bus, such as demo
    bus: String,
    /// Read a specification: TOML, with the options below as keys; flags go before it
    #[arg(long, value_name = "FILE.toml")]
    spec: Option<PathBuf>,
    /// Neighbours of each query [default: 10]
    #[arg(long, value_name = "K")]
    k: Option<u16>,
    /// Distance: l2 (squared), inner-product or ip (negative), cosine (one minus it) [default: l2]
    #[arg(long, value_name = "METRIC")]
    metric: Option<Metric>,
    /// How to search: in-place (the ring, exactly), exact, auto or lists [default: in-place]
    #[arg(long, value_name = "INDEX")]
    index: Option<String>,
    /// Lists of the index lists
    #[arg(long, value_name = "N")]
    lists: Option<u32>,
    /// Ask for these vectors instead of for each one that comes: rows of a .npy file, or a column
    /// of lists of a Parquet or Arrow file
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// Vectors from one answer to the queries of the file to the next [default: 1000]
    #[arg(long, value_name = "N", requires = "queries")]
    every: Option<u64>,
    /// Match each vector that comes against these patterns, of such a file
    #[arg(long, value_name = "FILE", conflicts_with = "queries")]
    patterns: Option<PathBuf>,
    /// Greatest distance of a vector from a pattern that it matches
    #[arg(long, value_name = "DISTANCE", requires = "patterns")]
    threshold: Option<f32>,
    /// Answer the queries in rings of the bus whose names begin like this
    #[arg(long, value_name = "PREFIX", num_args = 0..=1, default_missing_value = "queries")]
    requests: Option<String>,
    /// Answer them with so many threads beside the one that takes vectors in: answers then see the
    /// vectors up to the watermark that they carry
    #[arg(long, value_name = "N", requires = "requests")]
    #[arg(value_parser = clap::value_parser!(u16).range(..=256))]
    search_threads: Option<u16>,
    /// Only answer other processes
    #[arg(long, requires = "requests", conflicts_with_all = ["queries", "patterns"])]
    quiet: bool,
    /// Vectors that are searched, the newest ones [default: seven eighths of the ring]
    #[arg(long, value_name = "N")]
    window: Option<u64>,
    /// How long vectors are searched, by their event times
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    ttl: Option<Duration>,
    /// Search these vectors too, of such a file; they never leave
    #[arg(long, value_name = "FILE")]
    pinned: Option<PathBuf>,
    /// How to search those: usearch, if built with the feature of that name; else as the window
    #[arg(long, value_name = "INDEX", requires = "pinned")]
    pinned_index: Option<String>,
    /// What recall should be where searches are approximate, in thousandths [default: 950]
    #[arg(long, value_name = "N")]
    recall_target: Option<u16>,
    /// Save the state here and go on from it
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// Vectors from one snapshot to the next [default: 100000]
    #[arg(long, value_name = "N", requires = "snapshot")]
    snapshot_every: Option<u64>,
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
    /// Slots of the ring of matches, a power of two [default: 65536]
    #[arg(long, value_name = "SLOTS")]
    capacity: Option<u64>,
    /// Write 0 for the latency of each match: the same vectors then give the same bytes
    #[arg(long)]
    no_latency: bool,
    #[command(flatten)]
    reports: Reports,
}

impl Arguments {
    /// What the flags say, as a specification.
    fn flags(&self) -> MatcherSpec {
        let ttl_ms = self.ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        MatcherSpec {
            k: self.k,
            metric: self.metric.map(|metric| metric.to_string()),
            index: self.index.clone(),
            lists: self.lists,
            window: self.window,
            ttl_ms,
            pinned: self.pinned.clone(),
            pinned_index: self.pinned_index.clone(),
            queries: self.queries.clone(),
            every: self.every,
            patterns: self.patterns.clone(),
            threshold: self.threshold,
            requests: self.requests.clone(),
            search_threads: self.search_threads,
            quiet: self.quiet.then_some(true),
            recall_target: self.recall_target,
            snapshot: self.snapshot.clone(),
            snapshot_every: self.snapshot_every,
            capacity: self.capacity,
            ..MatcherSpec::default()
        }
    }
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
    let file = arguments.spec.as_deref().map(MatcherSpec::load).transpose()?;
    let options = MatcherOptions {
        start: arguments.from,
        latency: !arguments.no_latency,
        ..arguments.flags().or(file.unwrap_or_default()).options()?
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
        self.save()?;
        Ok(())
    }

    fn text(&self) -> String {
        let stats = self.stats();
        let mut text = format!(
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
        );
        if let Some(recall) = self.corpus().and_then(Corpus::recall) {
            let RecallEstimate { low, mean, high, .. } = recall;
            text.push_str(&format!(", recall {mean:.3} ({low:.3} to {high:.3})"));
        }
        if let Some(askers) = self.asker_stats() {
            let (answered, rings) = (Grouped(stats.answered), Grouped(askers.rings));
            text.push_str(&format!(", {answered} requests from {rings} rings"));
        }
        text
    }

    fn json(&self) -> Value {
        let (stats, replay) = (self.stats(), self.replay_stats());
        let recall = self.corpus().and_then(Corpus::recall);
        let lists = self.corpus().and_then(Corpus::list_stats);
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
            "answered": stats.answered,
            "snapshots": stats.snapshots,
            "restored": stats.restored,
            "suppressed": replay.suppressed,
            "diverged": replay.diverged,
            "unverified": replay.unverified,
            "requests_missed": self.asker_stats().map_or(0, |askers| askers.missed),
            "recall": recall.map(|recall| recall.mean),
            "recall_low": recall.map(|recall| recall.low),
            "recall_high": recall.map(|recall| recall.high),
            "lists": lists.map(|lists| lists.lists),
            "probe_permille": lists.map(|lists| lists.probe_permille),
        })
    }
}
