//! The command line of the binary `runbook`.

use super::book::{Book, EXACT};
use super::engine::{self, Row};
use super::report::{Course, Followed, Report, draw};
use crate::failure::Failure;
use crate::machine::Machine;
use clap::Parser;
use jiff::Timestamp;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Lets the nearest-neighbour corpus follow runbooks: vectors come and expire, queries are asked
///
/// Each engine of a runbook goes through all its steps in a process of its own, the exact one
/// first. Printed are, for each step of queries, the recall beside the exact answer, latencies,
/// updates a second and memory. `cargo xtask bench runbook` builds and runs this.
#[derive(Clone, Debug, Parser)]
#[command(name = "runbook")]
pub struct Options {
    /// Runbooks, such as those in benches/runbooks
    #[arg(required = true, value_name = "FILE.toml")]
    files: Vec<PathBuf>,
    /// Follow with this engine of the runbook, and not with all; may be given several times
    #[arg(long, value_name = "NAME")]
    engine: Vec<String>,
    /// Write a dated record
    #[arg(long, value_name = "FILE.md")]
    record: Option<PathBuf>,
    /// Draw the recall over time into this file
    #[arg(long, value_name = "FILE.svg")]
    recall: Option<PathBuf>,
    /// Draw the memory over time into this file
    #[arg(long, value_name = "FILE.svg")]
    memory: Option<PathBuf>,
    /// Follow with one engine and tell rows in JSON: what this program calls itself with
    #[arg(long, value_name = "NAME", hide = true, requires = "truth")]
    follow: Option<String>,
    /// The file with the truth
    #[arg(long, value_name = "FILE", hide = true)]
    truth: Option<PathBuf>,
}

impl Options {
    /// Does what was asked for.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        let done = match (&self.follow, &self.truth) {
            (Some(name), Some(truth)) => self.follow(name, truth),
            _ => self.report(),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("runbook: {failure}");
                failure.exit_code()
            }
        }
    }

    fn follow(&self, name: &str, truth: &Path) -> Result<(), Failure> {
        self.files.iter().try_for_each(|file| {
            engine::run(&Book::load(file)?, name, truth, &mut |row| {
                crate::process::answer(&serde_json::to_string(row).map_err(Failure::columns)?)
            })
        })
    }

    fn report(&self) -> Result<(), Failure> {
        let machine = Machine::inspect()?;
        // All are read before any is followed.
        let books: Vec<Book> =
            self.files.iter().map(|file| Book::load(file)).collect::<Result<_, _>>()?;
        let mut reports = Vec::new();
        for (file, book) in self.files.iter().zip(books) {
            let report = self.one(file, book)?;
            // Somebody who closes the pipe has read enough.
            let _ = writeln!(io::stdout(), "{}", report.text(true));
            reports.push(report);
        }
        if let Some(path) = &self.recall {
            draw(Course::Recall, &reports, path)?;
        }
        if let Some(path) = &self.memory {
            draw(Course::Memory, &reports, path)?;
        }
        let Some(path) = &self.record else { return Ok(()) };
        let text = self.markdown(&machine, &reports);
        fs::write(path, text).map_err(|source| Failure::io("write", path, source))
    }

    /// Lets the engines follow a book, one after the other.
    fn one(&self, file: &Path, book: Book) -> Result<Report, Failure> {
        let temporary = |source| Failure::io("create", Path::new("a temporary folder"), source);
        let folder = tempfile::tempdir().map_err(temporary)?;
        let truth = folder.path().join("truth");
        let names = book.engine_names();
        if let Some(unknown) = self.engine.iter().find(|name| !names.contains(&name.as_str())) {
            return Err(Failure::Engine {
                engine: unknown.clone(),
                expected: format!("one of {} in {}", names.join(", "), file.display()),
                found: "no such engine".to_owned(),
            });
        }
        let is_wanted = |name: &&&str| {
            **name == EXACT || self.engine.is_empty() || self.engine.iter().any(|own| own == *name)
        };
        let mut engines = Vec::new();
        for name in names.iter().filter(is_wanted) {
            eprintln!("{}: {name}", file.display());
            let rows = ask(file, name, &truth)?;
            engines.push(Followed { engine: (*name).to_owned(), rows });
        }
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Report { name, book, engines })
    }

    fn markdown(&self, machine: &Machine, reports: &[Report]) -> String {
        let Machine { processor, kernel, cores, load_average, .. } = machine;
        let texts: Vec<String> = reports.iter().map(|report| report.text(false)).collect();
        format!(
            "# Nearest neighbours by runbooks, {date}\n\n\
             - Processor: {processor}; cores allowed: {cores}; kernel: Linux {kernel}; load \
             average before the run: {load_average}\n\
             - Command: `{command}`\n\n\
             {READING}\n\n{plots}{texts}",
            date = Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
            command = self.repeat(),
            plots = self.plots(),
            texts = texts.join("\n"),
        )
    }

    /// The plots, as a record beside them shows them.
    fn plots(&self) -> String {
        let plots = [("Recall", &self.recall), ("Memory", &self.memory)];
        let shown = |(name, path): (&str, &Option<PathBuf>)| {
            let file = path.as_ref()?.file_name()?.to_string_lossy().into_owned();
            Some(format!("![{name} over time]({file})\n\n"))
        };
        plots.into_iter().filter_map(shown).collect()
    }

    /// The command that does the same again.
    fn repeat(&self) -> String {
        let mut command = "cargo xtask bench runbook".to_owned();
        let mut add = |option: &str, value: &str| {
            command.push_str(option);
            command.push_str(value);
        };
        self.files.iter().for_each(|file| add(" ", &file.to_string_lossy()));
        self.engine.iter().for_each(|name| add(" --engine ", name));
        for (option, path) in [(" --recall ", &self.recall), (" --memory ", &self.memory)] {
            if let Some(path) = path {
                add(option, &path.to_string_lossy());
            }
        }
        command
    }
}

const READING: &str = "\
Recall is the share of the true neighbours that was found, ties counting, in a step of queries that
are not inserted. Latencies are those of its single searches on one thread; one in so many searches
is also answered exactly to measure recall in use, and takes as long as both. Updates are insertions
with the expiry that they cause, made beforehand, between two rows. Memory is that of the process,
the generator of vectors included, and a vector's what came on top of that before the corpus. Plots
leave out engines that found everything all the time, and of several runs the exact ones' memory.";

/// Runs an engine in a process of its own and takes its rows.
fn ask(file: &Path, name: &str, truth: &Path) -> Result<Vec<Row>, Failure> {
    let failure = |expected: &str, found: String| Failure::Engine {
        engine: name.to_owned(),
        expected: expected.to_owned(),
        found,
    };
    let binary = env::current_exe()
        .map_err(|source| Failure::io("find", Path::new("this program"), source))?;
    let output = Command::new(&binary)
        .args(["--follow", name, "--truth"])
        .args([truth, file])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Failure::io("start", &binary, source))?;
    if !output.status.success() {
        return Err(failure("success", output.status.to_string()));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let row = |line: &str| {
        serde_json::from_str(line).map_err(|_| failure("a line of JSON", line.to_owned()))
    };
    said.lines().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent_and_the_command_repeats_them() {
        Options::command().debug_assert();
        let arguments = ["runbook", "a.toml", "b.toml", "--engine", "auto", "--recall", "r.svg"];
        let options = Options::parse_from(arguments);
        let expected = "cargo xtask bench runbook a.toml b.toml --engine auto --recall r.svg";
        assert_eq!(options.repeat(), expected);
        assert!(Options::try_parse_from(["runbook"]).is_err());
    }
}
