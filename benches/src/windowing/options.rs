//! The command line of the binary `windows`.

use crate::failure::Failure;
use crate::windowing::check;
use crate::windowing::columns;
use crate::windowing::comparison::{self, Comparison};
use crate::windowing::course::{self, Instruments, Memory};
use crate::windowing::engine::{self, Own};
use crate::windowing::market::{self, Market};
use crate::windowing::ours::Shape;
use clap::{Args, Parser, Subcommand};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Windows over ticks, measured and checked beside other engines
///
/// `cargo xtask bench window` prepares what the other engines need and runs this.
#[derive(Debug, Parser)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lets engines take turns over the same ticks and compares their processor time
    Compare(Comparison),
    /// Compares every integer of every bar with two batch engines
    Check(check::Check),
    /// Measures the cost of a tick by the number of instruments
    Instruments(Instruments),
    /// Measures the memory that windows with all aggregates and corrections take over time
    Memory(Memory),
    /// Runs one engine of this program, and prints what it made and took as JSON
    Run(Run),
}

/// One run of an engine.
#[derive(Debug, Args)]
struct Run {
    engine: Own,
    /// The folder with the ticks
    #[arg(long)]
    folder: PathBuf,
    /// Instruments in them
    #[arg(long)]
    symbols: u32,
    #[command(flatten)]
    span: Span,
}

/// How ticks are divided.
#[derive(Clone, Copy, Debug, Args)]
pub struct Span {
    /// Length of a window, in milliseconds
    #[arg(long, default_value_t = 1_000)]
    pub size_ms: u64,
    /// How far the watermark stays behind, in milliseconds
    #[arg(long, default_value_t = 50)]
    pub delay_ms: u64,
}

impl Span {
    /// The same in nanoseconds; windows that do not overlap.
    #[must_use]
    pub fn shape(self) -> Shape {
        let nanoseconds = |ms: u64| ms.saturating_mul(1_000_000);
        let size_ns = nanoseconds(self.size_ms);
        Shape { size_ns, hop_ns: size_ns, delay_ns: nanoseconds(self.delay_ms) }
    }
}

impl Options {
    /// Does what was asked for.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Compare(comparison) => comparison::run(&comparison),
            Command::Check(check) => check::run(&check),
            Command::Instruments(instruments) => course::instruments(&instruments),
            Command::Memory(memory) => course::memory(&memory),
            Command::Run(run) => measure(&run),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("windows: {failure}");
                failure.exit_code()
            }
        }
    }
}

fn measure(run: &Run) -> Result<(), Failure> {
    let told = engine::run(run.engine, &run.folder, run.symbols, run.span.shape())?;
    let line = serde_json::to_string(&told).map_err(Failure::columns)?;
    crate::process::answer(&line)
}

/// Writes the ticks of a market to a folder, in both formats.
///
/// # Errors
///
/// [`Failure::Io`], [`Failure::Columns`].
pub(super) fn prepare(market: &Market, folder: &PathBuf) -> Result<Vec<market::Tick>, Failure> {
    fs::create_dir_all(folder).map_err(|source| Failure::io("create", folder, source))?;
    let ticks = market.generate();
    market::write(&ticks, &folder.join("ticks.bin"))?;
    columns::write(&ticks, &folder.join("ticks.parquet"))?;
    Ok(ticks)
}
