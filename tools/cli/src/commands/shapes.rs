//! `tickring shapes`: the last bars of each instrument as vectors, as a process.

use crate::failure::Failure;
use crate::notation::Grouped;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::service::{self, Reports, Service, Step};
use crate::signals::Signals;
use crate::start;
use serde_json::{Value, json};
use std::str::FromStr;
use std::time::Duration;
use tickring::{Directory, RingName, Start};
use tickring_window::shape::{ShapeConsumer, ShapeOptions, ShapeRings};

const AFTER_HELP: &str = "\
Parts, in their order in a vector, for shapes of N bars: closes, N lanes, the close less the mean; \
returns, N - 1 lanes, the logarithm of a close over the one before; volumes, N lanes. Lanes go \
from the oldest bar to the newest, and each part is scaled to its weight as Euclidean norm. A \
vector has 8 to 4,096 lanes.

vec_id and src_seq of a vector are the sequence of its last bar. `tickring ann BUS --vectors \
shapes --matches similar` finds the shapes that are alike.

JSON keys: bars, vectors, revised, ignored, unpriced, unlisted, missed.";

/// Encodes the last bars of each instrument as a vector, for `tickring ann`
///
/// Reads BUS/bars and publishes a vector to BUS/shapes for every bar that is at least the N-th of
/// its instrument. A revision of a bar counts in the vectors that come after; where bars were
/// missed all instruments begin anew.
///
/// Stopped by a signal it leaves the ring open for the next one; at the end of the bars it closes
/// it.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The bus, such as demo
    bus: String,
    /// Bars of a shape, the last N of an instrument
    #[arg(long, value_name = "N", default_value_t = ShapeOptions::default().bars)]
    last: u16,
    /// What a shape is made of, with weights other than 1: closes, returns, volumes
    #[arg(long, value_name = "PART=WEIGHT", value_delimiter = ',')]
    #[arg(default_value = "closes,volumes=0.5")]
    parts: Vec<Part>,
    /// Leave out bars that may be revised still
    #[arg(long)]
    only_final: bool,
    /// Instruments at most; bars of further ones are counted and give no vectors
    #[arg(long, value_name = "N", default_value_t = ShapeOptions::default().instruments)]
    instruments: u32,
    /// The model_id of the vectors, to tell shapes of different options apart
    #[arg(long, value_name = "ID", default_value_t = 0)]
    model_id: u16,
    /// Where to begin: oldest, latest or a sequence; vectors that are there are not repeated
    #[arg(long, value_name = "START", value_parser = start::parse, default_value = "oldest")]
    #[arg(allow_hyphen_values = true)]
    from: Start,
    /// The ring of the bus to be read
    #[arg(long, value_name = "RING", default_value = "bars")]
    bars: String,
    /// The ring of the bus to be written
    #[arg(long, value_name = "RING", default_value = "shapes")]
    vectors: String,
    /// Slots of the ring of vectors, a power of two
    #[arg(long, value_name = "SLOTS", default_value_t = tickring::DEFAULT_CAPACITY)]
    capacity: u64,
    #[command(flatten)]
    reports: Reports,
}

/// A part of a shape, and how much it weighs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Closes(f32),
    Returns(f32),
    Volumes(f32),
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected a part such as closes or volumes=0.5, found {text:?}");
        let (name, weight) = text.split_once('=').unwrap_or((text, "1"));
        let weight: f32 = weight.parse().map_err(|_| expected())?;
        match name {
            "closes" => Ok(Self::Closes(weight)),
            "returns" => Ok(Self::Returns(weight)),
            "volumes" => Ok(Self::Volumes(weight)),
            _ => Err(expected()),
        }
    }
}

impl Arguments {
    fn options(&self) -> ShapeOptions {
        let mut options = ShapeOptions {
            bars: self.last,
            closes: 0.0,
            returns: 0.0,
            volumes: 0.0,
            instruments: self.instruments,
            only_final: self.only_final,
            model_id: self.model_id,
            ..ShapeOptions::default()
        };
        for part in &self.parts {
            match *part {
                Part::Closes(weight) => options.closes = weight,
                Part::Returns(weight) => options.returns = weight,
                Part::Volumes(weight) => options.volumes = weight,
            }
        }
        options
    }
}

pub(super) fn run(
    arguments: Arguments,
    directory: &Directory,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    // Before the ring appears: who sees it may send one.
    let signals = Signals::catch()?;
    let bars = RingName::new(&arguments.bus, &arguments.bars)?;
    let vectors = RingName::new(&arguments.bus, &arguments.vectors)?;
    let rings = ShapeRings {
        bars: &bars,
        start: arguments.from,
        vectors: &vectors,
        capacity: arguments.capacity,
    };
    let consumer = ShapeConsumer::open(directory, rings, arguments.options())?;
    service::run(consumer, &signals, arguments.reports, output)
}

impl Service for ShapeConsumer {
    const NAME: &'static str = "shapes";

    fn step(&mut self) -> Result<Step, Failure> {
        Ok(self.run_once()?.into())
    }

    fn wait(&mut self, limit: Duration) {
        let _ = Self::wait(self, limit);
    }

    fn stop(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn text(&self) -> String {
        let counts = self.counts();
        format!(
            "{} bars, {} vectors, {} revised, {} ignored, {} unpriced, {} unlisted, {} missed",
            Grouped(counts.bars),
            Grouped(counts.vectors),
            Grouped(counts.revised),
            Grouped(counts.ignored),
            Grouped(counts.unpriced),
            Grouped(counts.unlisted),
            Grouped(self.missed()),
        )
    }

    fn json(&self) -> Value {
        let counts = self.counts();
        json!({
            "bars": counts.bars,
            "vectors": counts.vectors,
            "revised": counts.revised,
            "ignored": counts.ignored,
            "unpriced": counts.unpriced,
            "unlisted": counts.unlisted,
            "missed": self.missed(),
        })
    }
}
