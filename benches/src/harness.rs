//! What the harnesses of two processes share: arguments, the run from start to exit, and what a
//! dated record says of the machine.

use crate::clock::Clock;
use crate::failure::Failure;
use crate::machine::{Machine, Scheduling};
use crate::peer::Errand;
use crate::pin::Cores;
use crate::shared::CLOCK_NAME;
use clap::Args;
use jiff::Timestamp;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of each harness.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Writes a dated record in markdown to this file.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// The cores of the sending and of the reading process; the first two allowed by default.
    #[arg(long, value_name = "A,B", value_parser = parse_cores)]
    pub cores: Option<Cores>,
    /// Is the reading process of a run in this directory.
    #[arg(long, hide = true, requires_all = ["parent", "core"])]
    reads: Option<PathBuf>,
    /// The sending process.
    #[arg(long, hide = true)]
    parent: Option<u32>,
    /// The core of the reading process.
    #[arg(long, hide = true)]
    core: Option<usize>,
}

impl Common {
    /// The cores to measure between.
    ///
    /// # Errors
    ///
    /// [`Failure::Cores`] if there are not two cores.
    pub fn cores(&self) -> Result<Cores, Failure> {
        self.cores.map_or_else(Cores::first_two, Ok)
    }

    /// What this process does if it was started as a reading process.
    fn errand(&self) -> Option<Errand> {
        Some(Errand { root: self.reads.clone()?, parent: self.parent?, core: self.core? })
    }
}

/// What came out of a measurement, as text.
#[derive(Clone, Debug)]
pub struct Findings {
    /// What was measured.
    pub title: &'static str,
    /// Where.
    pub machine: Machine,
    /// Between which cores.
    pub cores: Cores,
    /// By which clock.
    pub clock: Clock,
    /// How much was measured, and how: items of a list.
    pub extent: Vec<String>,
    /// How the figures are to be read.
    pub reading: &'static str,
    /// The samples, a line each, for the terminal only; may be empty.
    pub samples: String,
    /// The tables.
    pub tables: String,
}

impl Findings {
    /// The dated record in markdown. `command` is what measures the same again.
    #[must_use]
    pub fn markdown(&self, command: &str, now: Timestamp) -> String {
        let Machine { processor, kernel, cores, load_average, scheduling, .. } = &self.machine;
        let scheduling = match scheduling {
            Scheduling::Ordinary => "ordinary",
            Scheduling::RealTime => {
                "real-time (`chrt` before the command), a rest after each burst"
            }
        };
        format!(
            "# {title}, {date}\n\n\
             - Processor: {processor}; cores allowed: {cores}; sender on core {sender}, reader on \
             core {receiver}\n\
             - Kernel: Linux {kernel}\n\
             - Load average before the run: {load_average}; scheduling: {scheduling}\n\
             - Clock: {CLOCK_NAME}, {rate:.4} ticks a nanosecond\n\
             {extent}\
             - Command: `{command}`\n\n\
             {reading}\n\n{tables}",
            title = self.title,
            date = now.strftime("%Y-%m-%d %H:%M UTC"),
            sender = self.cores.sender,
            receiver = self.cores.receiver,
            rate = self.clock.ticks_per_ns(),
            extent = self.extent.iter().map(|item| format!("- {item}\n")).collect::<String>(),
            reading = self.reading,
            tables = self.tables,
        )
    }
}

/// Runs a harness to its exit code: as the reading process if it was started as one, else it
/// measures, prints and, if asked to, writes the record. `repeat` are the arguments that measure
/// the same again, but for the cores.
#[must_use]
pub fn run(
    name: &str,
    repeat: &str,
    common: &Common,
    read: impl FnOnce(&Errand) -> Result<(), Failure>,
    measure: impl FnOnce() -> Result<Findings, Failure>,
) -> ExitCode {
    let done = match common.errand() {
        Some(errand) => read(&errand),
        None => measure().and_then(|findings| show(name, repeat, common, &findings)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{name}: {failure}");
            failure.exit_code()
        }
    }
}

fn show(name: &str, repeat: &str, common: &Common, findings: &Findings) -> Result<(), Failure> {
    let text = [findings.samples.as_str(), findings.tables.as_str()].concat();
    // Somebody who closes the pipe has read enough.
    let _ = io::stdout().write_all(text.as_bytes());
    let Some(path) = &common.record else { return Ok(()) };
    let mut command = format!("cargo run --release -p tickring-benches --bin {name} -- {repeat}");
    if let Some(Cores { sender, receiver }) = common.cores {
        command += &format!(" --cores {sender},{receiver}");
    }
    let record = findings.markdown(&command, Timestamp::now());
    fs::write(path, record).map_err(|source| Failure::io("write", path, source))
}

fn parse_cores(text: &str) -> Result<Cores, String> {
    let parse = |core: &str| core.trim().parse().ok();
    let cores = text.split_once(',').and_then(|(a, b)| Some((parse(a)?, parse(b)?)));
    match cores {
        Some((sender, receiver)) if sender != receiver => Ok(Cores { sender, receiver }),
        _ => Err(format!("expected two different cores such as `0,1`, found `{text}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_two_different_numbers() {
        assert_eq!(parse_cores("2, 5"), Ok(Cores { sender: 2, receiver: 5 }));
        for bad in ["", "1", "1,1", "a,b", "1,2,3", "-1,2"] {
            assert!(parse_cores(bad).is_err(), "{bad}");
        }
    }
}
