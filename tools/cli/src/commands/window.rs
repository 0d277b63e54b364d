//! `tickring window`: the window consumer as a process.

use crate::failure::Failure;
use crate::notation::{Age, Grouped};
use crate::outcome::Outcome;
use crate::output::Output;
use crate::service::{self, Reports, Service, Step};
use crate::signals::Signals;
use crate::{duration, start};
use serde_json::{Value, json};
use std::time::Duration;
use tickring::{Directory, RingName, Start};
use tickring_window::{Progress, WindowConsumer, WindowOptions};

/// Runs the window consumer: bars of fixed event time over the ticks of a bus
///
/// Reads the trades of BUS/ticks and publishes a bar for every instrument and window of event time
/// to BUS/bars.
///
/// A window is published when an event behind its end, and the delay, has been seen. Stopped by a
/// signal it leaves open windows unpublished and the ring open for the next consumer; at the end
/// of the ticks it publishes what is left and closes the ring.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The bus, such as demo
    bus: String,
    /// Length of a window
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "1s")]
    size: Duration,
    /// How far events may be out of order before they are late
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "0s")]
    delay: Duration,
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
    // Before the rings appear: who sees them may send one.
    let signals = Signals::catch()?;
    let ticks = RingName::new(&arguments.bus, &arguments.ticks)?;
    let bars = RingName::new(&arguments.bus, &arguments.bars)?;
    let nanoseconds = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    let options = WindowOptions {
        size_ns: nanoseconds(arguments.size),
        delay_ns: nanoseconds(arguments.delay),
    };
    let source = (&ticks, arguments.from);
    let sink = (&bars, arguments.capacity);
    let consumer = WindowConsumer::open(directory, source, sink, options)?;
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
            "{} records, {} trades, {} bars, {} late, {} untimed, {} missed, {} restarts, \
             {} tombstones, lag {}, latency p50 {} p99 {}",
            Grouped(counts.records),
            Grouped(counts.trades),
            Grouped(counts.bars),
            Grouped(counts.late),
            Grouped(counts.untimed),
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
            "bars": counts.bars,
            "missed": stats.missed,
            "restarts": stats.restarts,
            "tombstones": stats.tombstones,
            "lag": self.lag(),
            "latency_ns_p50": stats.latency_ns.value_at_quantile(0.5),
            "latency_ns_p99": stats.latency_ns.value_at_quantile(0.99),
        })
    }
}
