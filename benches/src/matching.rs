//! From a vector published by one process to its matches published by another.
//!
//! This process writes the vectors ring and reads the matches ring; between them stands `tickring
//! ann`, as a user starts it, on a core of its own. Vectors are sent when a schedule says so, and a
//! latency is the time from there to when the first match of that vector can be read, so that what
//! has to queue waits in the figures, too. Before anything is measured the window is full.

use crate::distribution::Distribution;
use crate::failure::Failure;
use crate::machine::Machine;
use crate::pin::{self, Cores};
use crate::place;
use crate::stream::Clouds;
use crate::table::Table;
use clap::Parser;
use jiff::Timestamp;
use std::fs;
use std::hint::spin_loop;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};
use tickring::record::{Match, Record, Vector};
use tickring::{Directory, Poll, Reader, RingName, RingSpec, Start, Writer};

/// Vectors sent before any is measured.
const WARM_UP: u64 = 200;
/// How long the consumer may take to open, or to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The variable that names the directory of rings.
const DIRECTORY_VARIABLE: &str = "TICKRING_DIR";
/// The bus.
const BUS: &str = "bench";

/// Measures from a vector published to its matches published by `tickring ann`
///
/// `cargo xtask bench match` builds the consumer and runs this.
#[derive(Clone, Debug, Parser)]
#[command(name = "matching")]
pub struct Options {
    /// The program `tickring`
    #[arg(long, value_name = "PROGRAM")]
    tickring: PathBuf,
    /// Vectors in the window
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(10..))]
    window: u64,
    /// Lanes of a vector
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u16).range(8..=1024))]
    dim: u16,
    /// How it searches: an index of `tickring ann`
    #[arg(long, default_value = "in-place")]
    index: String,
    /// Vectors a second; may be given several times [default: 100, 1000 and 2000]
    #[arg(long = "rate", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rates: Vec<u32>,
    /// Length of the measurement of each rate in each round
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Rounds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Write a dated record
    #[arg(long, value_name = "FILE.md")]
    record: Option<PathBuf>,
}

impl Options {
    /// Measures, prints and exits.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        match self.measure() {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("matching: {failure}");
                failure.exit_code()
            }
        }
    }

    fn rates(&self) -> Vec<u32> {
        if self.rates.is_empty() { vec![100, 1_000, 2_000] } else { self.rates.clone() }
    }

    fn measure(&self) -> Result<(), Failure> {
        let machine = Machine::inspect()?;
        let cores = Cores::first_two()?;
        let root = place::directory()?;
        let directory = Directory::at(root.path().join("tickring"));
        let mut sender = Sender::open(&directory, self.dim, self.window)?;
        // A process begins on the cores of the one that starts it.
        pin::pin(cores.receiver)?;
        let consumer = Consumer::start(self, &root.path().join("tickring"))?;
        pin::pin(cores.sender)?;
        let mut matches = matches(&directory)?;
        sender.send(&mut matches, 1_000, WARM_UP)?;
        let rates = self.rates();
        let mut latencies = vec![Distribution::new(); rates.len()];
        for _ in 0..self.rounds {
            for (rate, all) in rates.iter().zip(&mut latencies) {
                let count = Duration::from_secs_f64(self.seconds.clamp(0.01, 1e4)).as_nanos()
                    * u128::from(*rate)
                    / 1_000_000_000;
                let count = u64::try_from(count).unwrap_or(u64::MAX).max(1);
                all.merge(&sender.send(&mut matches, *rate, count)?);
            }
        }
        sender.writer.close();
        let status = consumer.end()?;
        if !status.success() {
            return Err(consumer_failed("to end with its input", &status.to_string()));
        }
        let table = table(&rates, &latencies).text();
        // Somebody who closes the pipe has read enough.
        let _ = io::stdout().write_all(table.as_bytes());
        let Some(path) = &self.record else { return Ok(()) };
        let text = self.markdown(&machine, cores, &table);
        fs::write(path, text).map_err(|source| Failure::io("write", path, source))
    }

    fn markdown(&self, machine: &Machine, cores: Cores, table: &str) -> String {
        let Machine { processor, kernel, load_average, .. } = machine;
        let Self { window, dim, index, seconds, rounds, .. } = self;
        let Cores { sender, receiver } = cores;
        format!(
            "# From a vector to its matches, {date}\n\n\
             - Processor: {processor}; kernel: Linux {kernel}; load average before the run: \
             {load_average}; sender and reader on core {sender}, `tickring ann` on {receiver}\n\
             - Window: {window} vectors of {dim} lanes, k = 10, index {index}; {rounds} rounds of \
             {seconds} s a rate\n\
             - Command: `cargo xtask bench match --window {window} --dim {dim} --index {index} \
             --seconds {seconds} --rounds {rounds}`\n\n{READING}\n\n{table}",
            date = Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
        )
    }
}

const READING: &str = "\
From the scheduled time of a vector, which is published then, to when its first match can be read
by a reader that spins. The consumer waits as it does by default: waking up is part of it.";

fn table(rates: &[u32], latencies: &[Distribution]) -> Table {
    let mut table =
        Table::new(&["vectors/s", "measured", "p50 µs", "p99 µs", "p99.9 µs", "max µs"]);
    for (rate, latency) in rates.iter().zip(latencies) {
        let micros = |ns: u64| format!("{:.1}", ns as f64 / 1e3);
        let mut row = vec![rate.to_string(), latency.len().to_string()];
        row.extend([0.5, 0.99, 0.999].map(|part| micros(latency.quantile(part))));
        row.push(micros(latency.max()));
        table.rows.push(row);
    }
    table
}

/// `tickring ann`, which ends when this is dropped.
struct Consumer(Child);

impl Consumer {
    fn start(options: &Options, directory: &Path) -> Result<Self, Failure> {
        let Options { tickring, window, index, .. } = options;
        let child = Command::new(tickring)
            .args(["ann", BUS, "--k", "10", "--index", index])
            .args(["--window", &window.to_string()])
            .env(DIRECTORY_VARIABLE, directory)
            .spawn()
            .map_err(|source| Failure::io("start", tickring, source))?;
        Ok(Self(child))
    }

    fn end(mut self) -> Result<ExitStatus, Failure> {
        self.0.wait().map_err(|source| Failure::io("wait for", Path::new("tickring ann"), source))
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left of it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn consumer_failed(expected: &str, found: &str) -> Failure {
    Failure::Engine {
        engine: "tickring ann".to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}

fn ring(name: &str) -> Result<RingName, Failure> {
    Ok(RingName::new(BUS, name)?)
}

/// Waits until the consumer has made its ring.
fn matches(directory: &Directory) -> Result<Reader, Failure> {
    let (name, begin) = (ring("matches")?, Instant::now());
    loop {
        match Reader::open(directory, &name, Start::Latest) {
            Ok(reader) => return Ok(reader),
            Err(error) if begin.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// What publishes vectors.
struct Sender {
    writer: Writer,
    clouds: Clouds,
    lanes: Vec<f32>,
    next_id: u64,
}

impl Sender {
    /// Makes the ring and fills the window.
    fn open(directory: &Directory, dim: u16, window: u64) -> Result<Self, Failure> {
        // The window is seven eighths of the ring at most, and no consumer is lapped at once.
        let capacity = (window.saturating_mul(8) / 7 + 1).next_power_of_two().max(1 << 14);
        let spec = RingSpec { capacity, ..RingSpec::new(vec![Vector::kind_with_dim(dim)])? };
        let writer = Writer::open(directory, &ring("vectors")?, &spec)?;
        let clouds = Clouds::new(dim.into(), 2_000, 0.5, 0.02, 5);
        let mut sender = Self { writer, clouds, lanes: vec![0.0; dim.into()], next_id: 0 };
        for _ in 0..window {
            sender.clouds.next(&mut sender.lanes);
            sender.publish()?;
        }
        Ok(sender)
    }

    fn publish(&mut self) -> Result<(), Failure> {
        let Self { writer, lanes, next_id, .. } = self;
        let dim = u16::try_from(lanes.len()).unwrap_or(u16::MAX);
        let mut claim = writer.claim();
        claim.write(&Vector { vec_id: *next_id, dim, ..Vector::empty(0, 1, *next_id) })?;
        claim.write_lanes(lanes)?;
        claim.commit();
        *next_id += 1;
        Ok(())
    }

    /// Sends `count` vectors at a rate, and gives how long after its scheduled time each was
    /// matched, in nanoseconds.
    fn send(
        &mut self,
        matches: &mut Reader,
        rate: u32,
        count: u64,
    ) -> Result<Distribution, Failure> {
        let mut latency = Distribution::new();
        let (first, apart_ns) = (self.next_id, 1_000_000_000 / u64::from(rate));
        self.clouds.next(&mut self.lanes);
        let begin = Instant::now();
        let mut answered_at = begin;
        while latency.len() < count {
            let sent = self.next_id - first;
            if sent < count && begin.elapsed() >= Duration::from_nanos(sent * apart_ns) {
                self.publish()?;
                // The next one is made while this one is looked for.
                self.clouds.next(&mut self.lanes);
            }
            let Some(found) = poll(matches)? else {
                if answered_at.elapsed() > PATIENCE + Duration::from_nanos(apart_ns) {
                    let found = format!("{} of {sent}", latency.len());
                    return Err(consumer_failed("an answer to every vector", &found));
                }
                spin_loop();
                continue;
            };
            if found.rank != 0 || found.query_id < first {
                continue;
            }
            answered_at = Instant::now();
            let due_ns = (found.query_id - first) * apart_ns;
            let after =
                answered_at.duration_since(begin).saturating_sub(Duration::from_nanos(due_ns));
            latency.record(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX));
        }
        Ok(latency)
    }
}

/// The next match, if it is there.
fn poll(matches: &mut Reader) -> Result<Option<Match>, Failure> {
    match matches.poll() {
        Poll::Record(record) => Ok(record.get::<Match>().copied()),
        Poll::Empty | Poll::Restarted { .. } | Poll::Tombstone { .. } => Ok(None),
        Poll::Lapped { missed, .. } => {
            Err(consumer_failed("no match to be missed", &format!("{missed} missed")))
        }
        Poll::Closed(reason) => {
            Err(consumer_failed("the ring of matches to go on", &format!("{reason:?}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickring_ann::{Matcher, MatcherOptions, Progress};

    #[test]
    fn each_vector_is_answered_once_and_the_ends_of_both_rings_agree() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::at(root.path().join("tickring"));
        let mut sender = Sender::open(&directory, 16, 50).unwrap();
        let (vectors, name) = (ring("vectors").unwrap(), ring("matches").unwrap());
        let options = MatcherOptions { window: Some(50), ..MatcherOptions::default() };
        let mut matcher = Matcher::open(&directory, &vectors, &name, options).unwrap();
        let consumer = std::thread::spawn(move || {
            loop {
                match matcher.run_once(16).unwrap() {
                    Progress::Ended => return matcher.stats().vectors,
                    Progress::Idle => _ = matcher.wait(Duration::from_millis(5)),
                    Progress::Advanced(_) => {}
                }
            }
        });
        let mut reader = matches(&directory).unwrap();
        let latency = sender.send(&mut reader, 10_000, 300).unwrap();
        assert_eq!(latency.len(), 300);
        assert!(latency.quantile(0.5) > 0);
        assert_eq!(sender.send(&mut reader, 100_000, 20).unwrap().len(), 20);
        sender.writer.close();
        assert_eq!(consumer.join().unwrap(), 320);
        let text = table(&[10_000], &[latency]).text();
        assert!(text.contains("| 10000") && text.contains("| 300"), "{text}");
    }
}
