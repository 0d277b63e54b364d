//! What our windows cost by the number of instruments, and what memory they take over time.

use crate::failure::Failure;
use crate::machine::resident_mib;
use crate::plot::{Line, Plot};
use crate::spread::Spread;
use crate::table::Table;
use crate::windowing::engine::processor_time;
use crate::windowing::market::Market;
use crate::windowing::options::Span;
use crate::windowing::{floor, ours};
use clap::Args;
use std::io::{self, Write};
use std::path::PathBuf;

/// Numbers of instruments that are measured.
const INSTRUMENTS: [u32; 7] = [1, 10, 100, 1_000, 8_000, 30_000, 100_000];
/// Ticks from one look at the memory to the next.
const LOOK_EVERY: u64 = 1_000_000;

/// Measures the cost of a tick by the number of instruments.
#[derive(Clone, Debug, Args)]
pub struct Instruments {
    /// Ticks of each measurement
    #[arg(long, default_value_t = 4_000_000)]
    ticks: u64,
    /// Times that each number has its turn
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Draws the medians into this file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    span: Span,
}

/// Measures the memory of this process while windows take ticks that are made one by one.
#[derive(Clone, Debug, Args)]
pub struct Memory {
    /// Ticks
    #[arg(long, default_value_t = 100_000_000)]
    ticks: u64,
    /// Instruments
    #[arg(long, default_value_t = 8_000)]
    symbols: u32,
    /// Draws the curve into this file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    span: Span,
}

fn market(ticks: u64, symbols: u32) -> Market {
    Market { ticks, symbols, rate: 200_000, disorder_ms: 10, seed: 42, faults: false }
}

/// Lets the numbers of instruments take turns, and prints a row for each.
///
/// # Errors
///
/// Those of the windows and their rings, and of the plot.
pub fn instruments(options: &Instruments) -> Result<(), Failure> {
    let shape = options.span.shape();
    let mut times = INSTRUMENTS.map(|_| [const { Vec::new() }; 3]);
    for _ in 0..options.rounds.max(1) {
        for (symbols, times) in INSTRUMENTS.into_iter().zip(&mut times) {
            let ticks = market(options.ticks, symbols).generate();
            let of = |ns: u128| ns as f64 / options.ticks.max(1) as f64;
            let begin = processor_time()?;
            let expected = floor::run(&ticks, symbols, shape);
            let floor = processor_time()?;
            let made = ours::from_memory(&ticks, shape)?;
            let memory = processor_time()?;
            let (published, ring) = ours::from_ring(&ticks, shape)?;
            if (made, published) != (expected, expected) {
                return Err(Failure::Engine {
                    engine: format!("windows of {symbols} instruments"),
                    expected: format!("{expected:?} as the floor"),
                    found: format!("{made:?} from memory, {published:?} from the ring"),
                });
            }
            let spent = [floor.saturating_sub(begin), memory.saturating_sub(floor), ring];
            for (times, spent) in times.iter_mut().zip(spent) {
                times.push(of(spent.as_nanos()));
            }
        }
    }
    let mut table = Table::new(&["instruments", "floor", "from memory", "ring to ring"]);
    let mut lines =
        ["floor", "from memory", "ring to ring"].map(|name| Line { name, points: Vec::new() });
    for (symbols, times) in INSTRUMENTS.into_iter().zip(&times) {
        let mut row = vec![symbols.to_string()];
        for (times, line) in times.iter().zip(&mut lines) {
            let Some(spread) = Spread::of(times.iter().copied()) else { continue };
            line.points.push((f64::from(symbols), spread.median));
            row.push(spread.to_string());
        }
        table.rows.push(row);
    }
    print(&table);
    let Some(path) = &options.plot else { return Ok(()) };
    let plot = Plot {
        title: "Bars of 1 s: processor time by the number of instruments",
        x: "instruments, by Zipf's law",
        y: "ns a tick",
        y_range: None,
        is_logarithmic: true,
    };
    plot.write(path, &lines)
}

/// Feeds windows, and prints the resident memory at every tenth look.
///
/// # Errors
///
/// Those of the windows and of the plot; [`Failure::Io`] if the system does not tell the memory.
pub fn memory(options: &Memory) -> Result<(), Failure> {
    let mut points = vec![(0.0, resident_mib()?)];
    let market = market(options.ticks, options.symbols);
    let (totals, late) = ours::full(market.stream(), options.span.shape(), &mut |taken| {
        if taken % LOOK_EVERY == 0 {
            points.push((taken as f64, resident_mib()?));
        }
        Ok(())
    })?;
    if totals.trades + late != options.ticks {
        return Err(Failure::Engine {
            engine: "windows".to_owned(),
            expected: format!("{} trades in bars or late", options.ticks),
            found: format!("{} in bars, {late} late", totals.trades),
        });
    }
    let mut table = Table::new(&["ticks", "MiB"]);
    let tenth = (points.len() / 10).max(1);
    for (ticks, mib) in points.iter().step_by(tenth) {
        table.rows.push(vec![format!("{ticks}"), format!("{mib:.1}")]);
    }
    print(&table);
    println!("{} bars of {} trades, {late} late", totals.bars, totals.trades);
    let Some(path) = &options.plot else { return Ok(()) };
    let plot = Plot {
        title: "Windows with all aggregates and corrections: memory",
        x: "ticks",
        y: "MiB resident",
        y_range: None,
        is_logarithmic: false,
    };
    plot.write(path, &[Line { name: "process", points }])
}

fn print(table: &Table) {
    // Somebody who closes the pipe has read enough.
    let _ = io::stdout().write_all(table.text().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::fs;

    #[derive(Parser)]
    enum Options {
        Instruments(Instruments),
        Memory(Memory),
    }

    #[test]
    fn both_courses_run_and_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plot.svg");
        let plot = path.to_str().unwrap();
        for arguments in [
            &["", "instruments", "--ticks", "2000", "--rounds", "1", "--plot", plot][..],
            &["", "memory", "--ticks", "2000000", "--symbols", "10", "--plot", plot],
        ] {
            match Options::parse_from(arguments) {
                Options::Instruments(options) => instruments(&options).unwrap(),
                Options::Memory(options) => memory(&options).unwrap(),
            }
            assert!(fs::read_to_string(&path).unwrap().contains("<polyline"));
            fs::remove_file(&path).unwrap();
        }
    }
}
