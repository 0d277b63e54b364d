//! `tickring window`: the window consumer as a process.

use crate::failure::Failure;
use crate::notation::{Age, Grouped};
use crate::outcome::Outcome;
use crate::output::Output;
use crate::service::{self, Reports, Service, Step};
use crate::signals::Signals;
use crate::start;
use serde_json::{Value, json};
use std::time::Duration;
use tickring::{Directory, RingName, Start};
use tickring_window::{Progress, WindowConsumer, WindowRings};

mod spec;

/// Slots of the ring of late records at most, unless the ring of bars has fewer.
const LATE_CAPACITY: u64 = 1 << 14;

/// Runs the window consumer: bars of event time, trades or volume over the ticks of a bus
///
/// Reads the trades of BUS/ticks and publishes a bar for every instrument and window to BUS/bars;
/// what comes too late for its window goes to BUS/bars-late with the reason. Which windows, options
/// say, or a file with --spec; options count more than the file.
///
/// A window of event time is published when an event behind its end, and the delay, has been seen.
/// Stopped by a signal it leaves open windows unpublished and the rings open for the next consumer;
/// at the end of the ticks it publishes what is left and closes the rings.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The bus, such as demo
    bus: String,
    #[command(flatten)]
    windows: spec::Options,
    /// Print the specification as TOML, for --spec, and end
    #[arg(long)]
    print_spec: bool,
    /// Where to begin: oldest, latest or a sequence
    #[arg(long, value_name = "START", value_parser = start::parse, default_value = "oldest")]
    #[arg(allow_hyphen_values = true)]
    from: Start,
    /// The ring of the bus to be read
    #[arg(long, value_name = "RING", default_value = "ticks")]
    ticks: String,
    /// The ring of the bus to be written
    #[arg(long, value_name = "RING", default_value = "bars")]
    bars: String,
    /// The ring of what went into no window [default: that of the bars and -late]
    #[arg(long, value_name = "RING")]
    late: Option<String>,
    /// Slots of the ring of bars, a power of two
    #[arg(long, value_name = "SLOTS", default_value_t = tickring::DEFAULT_CAPACITY)]
    capacity: u64,
    #[command(flatten)]
    reports: Reports,
}

pub(super) fn run(
    arguments: Arguments,
    directory: &Directory,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let spec = arguments.windows.spec()?;
    if arguments.print_spec {
        write!(output, "{}", spec.canonical())?;
        return Ok(Outcome::Done);
    }
    // Before the rings appear: who sees them may send one.
    let signals = Signals::catch()?;
    let ring = |name: &str| RingName::new(&arguments.bus, name);
    let late = arguments.late.unwrap_or_else(|| format!("{}-late", arguments.bars));
    let rings = WindowRings {
        bars: ring(&arguments.bars)?,
        bars_capacity: arguments.capacity,
        late: ring(&late)?,
        late_capacity: arguments.capacity.min(LATE_CAPACITY),
    };
    let source = (&ring(&arguments.ticks)?, arguments.from);
    let consumer = WindowConsumer::open(directory, source, &rings, &spec)?;
    service::run(consumer, &signals, arguments.reports, output)
}

impl Service for WindowConsumer {
    const NAME: &'static str = "window";

    fn step(&mut self) -> Result<Step, Failure> {
        Ok(match self.run_once()? {
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
        let counts = stats.counts;
        let quantile = |at| Age(stats.latency_ns.value_at_quantile(at));
        format!(
            "{} records, {} trades, {} bars, {} revisions, {} corrected, {} late, {} untimed, \
             {} refused, {} missed, {} restarts, {} tombstones, lag {}, latency p50 {} p99 {}",
            Grouped(counts.records),
            Grouped(counts.trades),
            Grouped(counts.bars),
            Grouped(counts.revisions),
            Grouped(counts.corrected),
            Grouped(counts.late),
            Grouped(counts.untimed),
            Grouped(counts.refused),
            Grouped(stats.missed),
            Grouped(stats.restarts),
            Grouped(stats.tombstones),
            Grouped(self.lag()),
            quantile(0.5),
            quantile(0.99),
        )
    }

    fn json(&self) -> Value {
        let stats = self.stats();
        let counts = stats.counts;
        json!({
            "records": counts.records,
            "trades": counts.trades,
            "accepted": counts.accepted,
            "late": counts.late,
            "untimed": counts.untimed,
            "corrected": counts.corrected,
            "refused": counts.refused,
            "quotes": counts.quotes,
            "bars": counts.bars,
            "revisions": counts.revisions,
            "forgotten": counts.forgotten,
            "skipped": counts.skipped,
            "watermark_ns": self.watermark_ns(),
            "missed": stats.missed,
            "restarts": stats.restarts,
            "tombstones": stats.tombstones,
            "lag": self.lag(),
            "latency_ns_p50": stats.latency_ns.value_at_quantile(0.5),
            "latency_ns_p99": stats.latency_ns.value_at_quantile(0.99),
        })
    }
}
