//! `tickring simulate`: a simulated market as files, with the truth about them.

mod draft;
mod files;
mod truth;

use crate::failure::Failure;
use crate::market::Market;
use crate::notation::Grouped;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::service::{self, Reports, Service, Step};
use crate::signals::Signals;
use clap::ArgGroup;
use draft::Done;
use files::Files;
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::time::Duration;
use tickring_producer::sink::mold::Chaos;
use tickring_producer::source::simulator::{Simulator, SimulatorOptions};
use tickring_producer::source::{Progress, Source};

/// Simulated events between two looks at signals.
const BUDGET: usize = 4096;

/// Simulates a market into files, with the truth about them
///
/// The files hold the same market in different formats: Databento, Nasdaq ITCH 5.0, and ITCH in
/// MoldUDP64 packets on two lines, captured, with what went wrong on each by a script. The truth is
/// a JSON object: counts, sums, the SHA-256 of each file, what the lines lost, and the last book of
/// each instrument. The same options give the same files.
///
/// The files appear when all of them are complete; a signal before that leaves none.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("files").multiple(true).required(true))]
#[command(group = ArgGroup::new("end").multiple(true).required(true).args(["seconds", "count"]))]
pub(crate) struct Arguments {
    #[command(flatten)]
    market: Market,
    #[command(flatten)]
    paths: Paths,
    #[command(flatten)]
    mishaps: Mishaps,
    /// Overwrite files that exist
    #[arg(long, short)]
    force: bool,
    #[command(flatten)]
    reports: Reports,
}

/// What is to be written.
#[derive(Clone, Debug, clap::Args)]
struct Paths {
    /// Write a Databento file, version 3, uncompressed
    #[arg(long, value_name = "FILE", group = "files")]
    dbn: Option<PathBuf>,
    /// Write a Nasdaq ITCH 5.0 file (BinaryFILE)
    #[arg(long, value_name = "FILE", group = "files")]
    itch: Option<PathBuf>,
    /// Write line A of MoldUDP64 packets, a pcap file
    #[arg(long, value_name = "FILE", group = "files", requires = "mold_b")]
    mold_a: Option<PathBuf>,
    /// Write line B of MoldUDP64 packets, a pcap file
    #[arg(long, value_name = "FILE", requires = "mold_a")]
    mold_b: Option<PathBuf>,
    /// Write the truth about the other files, a JSON file
    #[arg(long, value_name = "FILE", group = "files")]
    truth: Option<PathBuf>,
}

/// What goes wrong on the lines.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Mishaps {
    /// Part of the packets that a line loses
    #[arg(long, value_name = "P", requires = "mold_a", default_value_t = 0.0)]
    loss: f64,
    /// Part of the packets that both lines lose
    #[arg(long, value_name = "P", requires = "mold_a", default_value_t = 0.0)]
    loss_both: f64,
    /// Part of the packets that a line carries twice
    #[arg(long, value_name = "P", requires = "mold_a", default_value_t = 0.0)]
    duplicate: f64,
    /// Part of the packets that a line carries one to four packets late
    #[arg(long, value_name = "P", requires = "mold_a", default_value_t = 0.0)]
    reorder: f64,
    /// Part of the packets that a line damages
    #[arg(long, value_name = "P", requires = "mold_a", default_value_t = 0.0)]
    corrupt: f64,
}

impl Mishaps {
    fn chaos(self, seed: u64) -> Chaos {
        let Self { loss, loss_both, duplicate, reorder, corrupt } = self;
        Chaos { seed, loss, loss_both, duplicate, reorder, corrupt }
    }
}

pub(super) fn run(arguments: Arguments, output: &mut Output) -> Result<Outcome, Failure> {
    let signals = Signals::catch()?;
    let options = arguments.market.options();
    let simulator = Simulator::new(&options)?;
    let chaos = arguments.mishaps.chaos(options.seed);
    let kinds = simulator.kinds();
    let files = Files::create(&arguments.paths, arguments.force, kinds, &options, chaos)?;
    let simulation = Simulation { simulator, options, chaos, files: Some(files), done: Vec::new() };
    service::run(simulation, &signals, arguments.reports, output)
}

/// A simulation at work.
struct Simulation {
    simulator: Simulator,
    options: SimulatorOptions,
    chaos: Chaos,
    /// `None` at the end.
    files: Option<Files>,
    /// What was written; nothing before the end.
    done: Vec<Done>,
}

impl Service for Simulation {
    const NAME: &'static str = "simulate";

    fn step(&mut self) -> Result<Step, Failure> {
        let Some(files) = &mut self.files else { return Ok(Step::Ended) };
        let progress = self.simulator.poll(files, BUDGET)?;
        files.check()?;
        if progress != Progress::End {
            return Ok(Step::Advanced);
        }
        if let Some(files) = self.files.take() {
            self.done = files.finish(&self.options, self.chaos)?;
        }
        Ok(Step::Ended)
    }

    fn wait(&mut self, _: Duration) {}

    fn stop(&mut self) -> Result<(), Failure> {
        self.files = None;
        Ok(())
    }

    fn text(&self) -> String {
        let inputs = self.simulator.report().inputs;
        let counts = inputs.iter().map(|count| format!("{} {}s", Grouped(count.count), count.name));
        let mut lines = vec![counts.collect::<Vec<_>>().join(", ")];
        lines.extend(self.done.iter().map(Done::text));
        lines.join("\n")
    }

    fn json(&self) -> Value {
        let inputs = self.simulator.report().inputs.into_iter();
        let counts = inputs.map(|count| (format!("{}s", count.name), count.count.into()));
        let files = ("files".to_owned(), files::entries(&self.done).into());
        counts.chain([files]).collect::<Map<String, Value>>().into()
    }
}
