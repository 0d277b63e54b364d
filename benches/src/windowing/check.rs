//! Every integer of every bar against two batch engines.

use crate::failure::Failure;
use crate::windowing::columns;
use crate::windowing::market::{Event, Market};
use crate::windowing::options::Span;
use crate::windowing::ours::{self, Made, Shape};
use clap::Args;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use tickring::record::{Record, WindowBar};
use tickring_window::sink::{FileSink, Rotation, SinkOptions};
use zerocopy::IntoBytes;

/// A check of all bars.
#[derive(Clone, Debug, Args)]
pub struct Check {
    #[command(flatten)]
    market: Market,
    #[command(flatten)]
    span: Span,
    /// Where ticks and bars go
    #[arg(long)]
    folder: PathBuf,
    /// A Python that has polars and DuckDB
    #[arg(long)]
    python: PathBuf,
    /// The script that compares
    #[arg(long)]
    script: PathBuf,
    /// A second opinion: a script with the arguments of `duck_windows.py`
    #[arg(long)]
    oracle: Option<PathBuf>,
}

/// Windows that overlap begin so many times in the length of one.
const HOPS: u64 = 4;

/// Makes the bars, writes them with the ticks to the folder, and lets the scripts compare: for
/// windows side by side, and for windows that overlap.
///
/// # Errors
///
/// [`Failure::Engine`] if they differ; those of the files.
pub fn run(check: &Check) -> Result<(), Failure> {
    let ticks = check.market.generate();
    let events = check.market.events(&ticks);
    let folder = check.folder.as_path();
    empty(folder)?;
    columns::write(&ticks, &folder.join("ticks.parquet"))?;
    drop(ticks);
    let tumbling = check.span.shape();
    check.windows(&events, tumbling)?;
    check.windows(&events, Shape { hop_ns: tumbling.size_ns / HOPS, ..tumbling })
}

impl Check {
    /// Checks the windows of one shape.
    fn windows(&self, events: &[Event], shape: Shape) -> Result<(), Failure> {
        let bars = self.folder.join("bars");
        empty(&bars)?;
        let made = ours::from_events(events, shape)?;
        let absent = absent(events, &made);
        println!(
            "windows of {} ns every {} ns: {} ticks are late, busted or lost; {} bars; {} gaps",
            shape.size_ns,
            shape.hop_ns,
            absent.len(),
            made.bars.len(),
            made.gaps.len()
        );
        let rows = absent.iter().map(|seq| format!("{seq}\n"));
        write(&self.folder.join("absent.csv"), "seq", rows)?;
        let rows = made.gaps.iter().map(|(low, high)| format!("{low},{high}\n"));
        write(&self.folder.join("gaps.csv"), "lo_ts,hi_ts", rows)?;
        keep(&made.bars, &bars)?;
        self.ask_oracle(shape)?;
        let mut compare = Command::new(&self.python);
        compare.arg(&self.script).arg(&self.folder);
        let span = [shape.size_ns.to_string(), shape.hop_ns.to_string()];
        ask("the comparison", compare.args(span))
    }

    /// Lets the oracle answer, if there is one, and compares it with polars where it can.
    fn ask_oracle(&self, shape: Shape) -> Result<(), Failure> {
        let Some(oracle) = &self.oracle else { return Ok(()) };
        let folder = &self.folder;
        let script = |out: &str| {
            let mut command = Command::new(&self.python);
            command.arg(oracle).arg(folder.join("ticks.parquet")).arg(folder.join(out));
            command.args(["--size", &shape.size_ns.to_string()]);
            command.args(["--hop", &shape.hop_ns.to_string()]);
            command.arg("--busts").arg(folder.join("absent.csv"));
            command
        };
        if shape.hop_ns == shape.size_ns {
            ask("the oracle and polars", script("whole.csv").arg("--check-polars"))?;
        }
        ask("the oracle", script("oracle.csv").arg("--gaps").arg(folder.join("gaps.csv")))
    }
}

/// Makes a folder with nothing in it.
fn empty(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            return Err(Failure::io("remove", folder, source));
        }
        _ => {}
    }
    fs::create_dir_all(folder).map_err(|source| Failure::io("create", folder, source))
}

/// The ticks that are in no bar: lost, late, and those that were taken back.
fn absent(events: &[Event], made: &Made) -> BTreeSet<u64> {
    let mut absent: BTreeSet<u64> = made.late.iter().copied().collect();
    for event in events {
        match event {
            Event::Lost(first, count) => absent.extend(*first..first + count),
            Event::Bust(seq, _) => _ = absent.insert(*seq),
            Event::Tick(..) => {}
        }
    }
    absent
}

/// Writes the bars to one file.
fn keep(bars: &[WindowBar], folder: &Path) -> Result<(), Failure> {
    let rotation = Rotation::default();
    let options = SinkOptions { folder: folder.to_owned(), rotation, ..SinkOptions::default() };
    let mut sink = FileSink::open(&options, &WindowBar::kind()).map_err(Failure::columns)?;
    for (seq, bar) in (0..).zip(bars) {
        let _ = sink.push(seq, bar.as_bytes()).map_err(Failure::columns)?;
    }
    sink.commit().map(|_| ()).map_err(Failure::columns)
}

fn write(path: &Path, head: &str, rows: impl Iterator<Item = String>) -> Result<(), Failure> {
    let text = std::iter::once(format!("{head}\n")).chain(rows).collect::<String>();
    fs::write(path, text).map_err(|source| Failure::io("write", path, source))
}

fn ask(engine: &str, command: &mut Command) -> Result<(), Failure> {
    let status = command
        .status()
        .map_err(|source| Failure::io("start", Path::new(command.get_program()), source))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Engine {
        engine: engine.to_owned(),
        expected: "the same bars".to_owned(),
        found: status.to_string(),
    })
}
