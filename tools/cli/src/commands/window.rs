//! `tickring window`: the window consumer as a process.

use crate::failure::Failure;
use crate::note::note;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::service::{self, Reports};
use crate::signals::Signals;
use crate::start;
use stdout::Stdout;
use tickring::{Directory, RingName, Start};
use tickring_window::{WindowConsumer, WindowRings};
use work::Work;

mod backfill;
mod calendar;
mod exact;
mod files;
mod spec;
mod stdout;
mod work;

/// Slots of the ring of late records at most, unless the ring of bars has fewer.
const LATE_CAPACITY: u64 = 1 << 14;

/// Every key of a specification.
const SPEC: &str = include_str!("window/spec.toml");

const BEFORE_SPEC: &str = "\
The file for --spec, with every key; those with a value in [brackets] may be left out:

";

/// Runs the window consumer: bars of event time, trades or volume over the ticks of a bus
///
/// Reads the trades of BUS/ticks and publishes a bar for every instrument and window to BUS/bars;
/// what comes too late for its window goes to BUS/bars-late with the reason. Which windows, options
/// say, or a file with --spec; options count more than the file. With --files bars go to files too,
/// with --stdout they are printed.
///
/// A window of event time is published when an event behind its end, and the delay, has been seen.
/// Stopped by a signal it leaves open windows unpublished and the rings open for the next consumer;
/// at the end of the ticks it publishes what is left and closes the rings.
///
/// With --checkpoint a consumer that was killed, or stopped, goes on where it was when it is
/// started again in the same way: no bar is lost, doubled or different. Bars that it had published
/// already are compared, and a difference is an error.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{BEFORE_SPEC}{SPEC}"))]
pub(crate) struct Arguments {
    /// The bus, such as demo
    bus: String,
    #[command(flatten)]
    windows: spec::Options,
    #[command(flatten)]
    calendar: calendar::Options,
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
    files: files::Options,
    /// Print bars as they are published, as `tickring tail` does; reports go to stderr
    #[arg(long, value_name = "FORMAT", conflicts_with = "json")]
    stdout: Option<stdout::Format>,
    #[command(flatten)]
    exact: Box<exact::Options>,
    #[command(flatten)]
    reports: Reports,
}

pub(super) fn run(
    arguments: Arguments,
    directory: &Directory,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let mut spec = arguments.windows.spec()?;
    if let Some(sessions) = arguments.calendar.sessions()? {
        spec.calendar = sessions;
    }
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
    let backfill = arguments.exact.backfill()?;
    let ticks = ring(&arguments.ticks)?;
    let input = arguments.exact.input(ticks, arguments.from, backfill.as_ref());
    let checkpoints = arguments.exact.checkpoints();
    let consumer =
        WindowConsumer::open_with(directory, &input, &rings, &spec, checkpoints.as_ref())?;
    let found = consumer.checkpoint_stats().and_then(|stats| stats.fell_back.as_ref());
    if let Some(found) = found {
        note(
            "window",
            format_args!("the older checkpoint is used, the newest is damaged: {found}"),
        );
    }
    let former = consumer.stats().former_rings;
    if former > 0 {
        note(
            "window",
            format_args!(
                "the ring of ticks is another one than that of the checkpoint: what followed in \
                 {former} before it is read in their journals"
            ),
        );
    }
    let files = arguments.files.open(directory, (&rings.bars, &rings.late), &spec)?;
    let stdout = arguments.stdout.map(|format| Stdout::open(directory, &rings.bars, format));
    let work = Work { consumer, files, stdout: stdout.transpose()? };
    service::run(work, &signals, arguments.reports, output)
}
