//! Engines that take turns over the same ticks.

use crate::failure::Failure;
use crate::machine::Machine;
use crate::spread::Spread;
use crate::table::Table;
use crate::windowing::engine::{Told, Totals};
use crate::windowing::market::Market;
use crate::windowing::options::{Span, prepare};
use clap::Args;
use jiff::Timestamp;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What Java must be told so that Flink may look into its own classes.
const OPENED: [&str; 4] = ["java.lang", "java.util", "java.time", "java.nio"];

/// A comparison of engines.
#[derive(Clone, Debug, Args)]
pub struct Comparison {
    #[command(flatten)]
    market: Market,
    #[command(flatten)]
    span: Span,
    /// Times that each engine has its turn
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Where the ticks go
    #[arg(long)]
    folder: PathBuf,
    /// A Python that has polars and DuckDB; without it they are left out
    #[arg(long)]
    python: Option<PathBuf>,
    /// The script that drives them
    #[arg(long, requires = "python")]
    script: Option<PathBuf>,
    /// A class path with Flink and `FlinkWindows`; without it Flink is left out
    #[arg(long)]
    flink: Option<String>,
    /// Writes a dated record in markdown to this file
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// The command that the record names
    #[arg(long, default_value = "cargo xtask bench window")]
    command: String,
}

/// An engine and how it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Engine {
    name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// This program, with the name of the engine.
    Own(&'static str),
    /// The script, with the name of the engine.
    Script(&'static str),
    Flink,
}

const ENGINES: [Engine; 10] = [
    Engine { name: "scan of time and price", kind: Kind::Own("scan") },
    Engine { name: "floor: dense state, 4 windows", kind: Kind::Own("floor") },
    Engine { name: "tickring, from memory", kind: Kind::Own("windows") },
    Engine { name: "tickring, from memory, in order", kind: Kind::Own("ordered") },
    Engine { name: "tickring, ring to ring", kind: Kind::Own("ring") },
    Engine { name: "polars group_by", kind: Kind::Script("polars-group-by") },
    Engine { name: "polars group_by, with sides", kind: Kind::Script("polars-group-by-sides") },
    Engine { name: "polars group_by_dynamic", kind: Kind::Script("polars-group-by-dynamic") },
    Engine { name: "DuckDB", kind: Kind::Script("duckdb") },
    Engine { name: "Flink DataStream", kind: Kind::Flink },
];

/// The engine without windows: it makes no bars.
const SCAN: usize = 0;
/// The engines that the others are divided by, and what their column is called.
const UNITS: [(usize, &str); 3] = [(1, "/ floor"), (2, "/ memory"), (4, "/ ring")];

/// Measures, prints, and writes the record.
///
/// # Errors
///
/// [`Failure::Engine`] if an engine fails or disagrees with the first; those of the files.
pub fn run(comparison: &Comparison) -> Result<(), Failure> {
    let machine = Machine::inspect()?;
    prepare(&comparison.market, &comparison.folder)?;
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); ENGINES.len()];
    let mut agreed = None;
    for round in 1..=comparison.rounds {
        for (number, engine) in ENGINES.iter().enumerate() {
            let Some(command) = comparison.command(engine)? else { continue };
            let told = ask(engine, command)?;
            if number != SCAN {
                agree(engine, told.totals, agreed.get_or_insert(told.totals))?;
            }
            let ns = per_tick(told.cpu_ns, comparison.market.ticks);
            eprintln!("round {round}: {}: {ns:.1} ns a tick", engine.name);
            if let Some(times) = times.get_mut(number) {
                times.push(ns);
            }
        }
    }
    let table = table(&times).text();
    // Somebody who closes the pipe has read enough.
    let _ = io::stdout().write_all(table.as_bytes());
    let Some(path) = &comparison.record else { return Ok(()) };
    let text = comparison.markdown(&machine, agreed.unwrap_or_default(), &table);
    fs::write(path, text).map_err(|source| Failure::io("write", path, source))
}

impl Comparison {
    /// How an engine is run; `None` if what it needs is not there.
    fn command(&self, engine: &Engine) -> Result<Option<Command>, Failure> {
        let Span { size_ms, delay_ms } = self.span;
        Ok(match engine.kind {
            Kind::Own(name) => {
                let binary = env::current_exe()
                    .map_err(|source| Failure::io("find", Path::new("this program"), source))?;
                let mut command = Command::new(binary);
                command.args(["run", name, "--folder"]).arg(&self.folder);
                command.args(["--symbols", &self.market.symbols.to_string()]);
                command.args(["--size-ms", &size_ms.to_string()]);
                command.args(["--delay-ms", &delay_ms.to_string()]);
                Some(command)
            }
            Kind::Script(name) => {
                self.python.as_ref().zip(self.script.as_ref()).map(|(python, script)| {
                    let mut command = Command::new(python);
                    command.arg(script).arg(name).arg(self.folder.join("ticks.parquet"));
                    command.arg(self.span.shape().size_ns.to_string());
                    command
                })
            }
            Kind::Flink => self.flink.as_ref().map(|classes| {
                let mut command = Command::new("java");
                for package in OPENED {
                    command.args(["--add-opens", &format!("java.base/{package}=ALL-UNNAMED")]);
                }
                command.args(["-cp", classes, "FlinkWindows"]);
                command.arg(self.folder.join("ticks.bin"));
                command.args([size_ms.to_string(), delay_ms.to_string()]);
                command
            }),
        })
    }

    fn markdown(&self, machine: &Machine, totals: Totals, table: &str) -> String {
        let Market { ticks, symbols, rate, disorder_ms, seed, .. } = self.market;
        let Totals { bars, trades, .. } = totals;
        format!(
            "# Windows beside other engines, {date}\n\n\
             - Processor: {processor}; cores allowed: {cores}; kernel: Linux {kernel}; load \
             average before the run: {load}\n\
             - Ticks: {ticks} at {rate} a second of event time, {symbols} instruments by Zipf's \
             law, event times out of order by up to {disorder_ms} ms, seed {seed}\n\
             - Windows: {size_ms} ms, tumbling, the watermark {delay_ms} ms behind; all engines \
             made {bars} bars of {trades} trades and the same volume\n\
             - Rounds: {rounds}, in which all engines take turns\n\
             - Command: `{command}`\n\n\
             {READING}\n\n{table}",
            date = Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
            processor = machine.processor,
            cores = machine.cores,
            kernel = machine.kernel,
            load = machine.load_average,
            size_ms = self.span.size_ms,
            delay_ms = self.span.delay_ms,
            rounds = self.rounds,
            command = self.command,
        )
    }
}

const READING: &str = "\
Figures are nanoseconds of processor time a tick, of the whole process with all its threads, from
the time when the ticks are in its memory: medians over the rounds with [smallest..largest]. A
ratio is one within a round. Every engine has one thread for the work.

- The floor is a loop over an array with a line of 64 bytes for each instrument and open window:
  no table of ids, no sequences, no flags, open and close in order of arrival.
- From memory is the operator alone; in order is the same with the ticks sorted by event time;
  ring to ring is the consumer as it runs, its reads and the publication of bars included and the
  writer of the ticks not. It shares the core's cache with that writer.
- polars and DuckDB answer once, at the end, over all ticks; nothing of theirs could be late or
  be revised. polars takes open and close in order of arrival and sums in 64 bits;
  group_by_dynamic is spared the sorting. The volumes bought and sold are in the row with sides.
- Flink is a general distributed engine, with state that survives and scales: here it runs in one
  process with one slot, heap state, objects reused, no checkpoints, warmed up by a job before.";

fn per_tick(ns: u64, ticks: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let (ns, ticks) = (ns as f64, ticks.max(1) as f64);
    ns / ticks
}

/// Runs an engine and takes what it says.
fn ask(engine: &Engine, mut command: Command) -> Result<Told, Failure> {
    let failure = |expected: &str, found: String| Failure::Engine {
        engine: engine.name.to_owned(),
        expected: expected.to_owned(),
        found,
    };
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Failure::io("start", Path::new(command.get_program()), source))?;
    if !output.status.success() {
        return Err(failure("success", output.status.to_string()));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().last().unwrap_or_default();
    serde_json::from_str(line).map_err(|_| failure("a line of JSON", line.to_owned()))
}

fn agree(engine: &Engine, found: Totals, expected: &Totals) -> Result<(), Failure> {
    if found == *expected {
        return Ok(());
    }
    Err(Failure::Engine {
        engine: engine.name.to_owned(),
        expected: format!("{expected:?} as the first engine"),
        found: format!("{found:?}"),
    })
}

/// A row for each engine that ran.
fn table(times: &[Vec<f64>]) -> Table {
    let mut head = vec!["engine", "ns a tick", "best"];
    head.extend(UNITS.map(|(_, name)| name));
    let mut table = Table::new(&head);
    let shown = |spread: Option<Spread>| spread.map_or("-".to_owned(), |it| it.to_string());
    for (engine, own) in ENGINES.iter().zip(times) {
        let Some(spread) = Spread::of(own.iter().copied()) else { continue };
        let mut row =
            vec![engine.name.to_owned(), shown(Some(spread)), format!("{:.1}", spread.min)];
        for (unit, _) in UNITS {
            let unit = times.get(unit).into_iter().flatten();
            row.push(shown(Spread::of(own.iter().zip(unit).map(|(own, unit)| own / unit))));
        }
        table.rows.push(row);
    }
    table
}
