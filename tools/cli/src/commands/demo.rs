//! `tickring demo`: a whole bus for a while, every part a process of its own.

use crate::failure::Failure;
use crate::notation::{Age, Grouped};
use crate::note::note;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::signals::{Request, Signals};
use part::{Part, Report};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use tickring::{Directory, Reader, RingName, Start};

mod part;

const BUS: &str = "demo";
/// How long a part may take to start, or to end once it was asked to.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(100);
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// Runs a simulated feed, the window consumer and the nearest-neighbour consumer as processes on a
/// bus of its own in /dev/shm, shows their figures every second, and removes everything at the end.
///
/// ticks are orders and trades, bars come from the window consumer, matches from the
/// nearest-neighbour consumer; missed counts what the two were too slow to read. The latencies
/// are those from the publication of a tick to its being part of a window, and from reading a
/// vector to the publication of its neighbours.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// End after so many seconds [default: at Ctrl-C]
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Simulated events per second; an event is 1.3 records on average
    #[arg(long, value_name = "EVENTS", default_value_t = 50_000)]
    rate: u32,
    /// Simulated instruments
    #[arg(long, value_name = "N", default_value_t = 20)]
    symbols: u32,
    /// Lanes of a vector, a multiple of 4 such as 32 or 128
    #[arg(long, value_name = "DIM", default_value_t = 32)]
    dim: u16,
    /// Vectors that are searched for neighbours, the newest ones
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    window: u32,
    /// The same seed simulates the same market
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome, Failure> {
    let signals = Signals::catch()?;
    let root = part::directory().map_err(Failure::io("make a directory for the demo"))?;
    let directory = Directory::at(root.path());
    note(
        "demo",
        format_args!("look at it with: TICKRING_DIR={} tickring tail demo/ticks -f", {
            root.path().display()
        }),
    );
    let mut demo = Demo::start(arguments, &directory, &signals)?;
    let ran = demo.show(arguments.seconds, &signals, output);
    let ended = demo.end();
    ran.and_then(|outcome| {
        ended?;
        demo.total(output)?;
        Ok(outcome)
    })
}

/// The parts at work, the rings between them, and what the parts last said.
struct Demo {
    parts: Vec<Part>,
    rings: BTreeMap<&'static str, Reader>,
    reports: mpsc::Receiver<Report>,
    latest: BTreeMap<&'static str, Value>,
    since: Instant,
}

impl Demo {
    fn start(
        arguments: &Arguments,
        directory: &Directory,
        signals: &Signals,
    ) -> Result<Self, Failure> {
        let (sender, reports) = mpsc::channel();
        let mut parts = Vec::new();
        let mut rings = BTreeMap::new();
        let window = arguments.window.to_string();
        let plan: [(_, _, &[_]); 3] = [
            ("feed", arguments.feed(), &["ticks", "vectors"]),
            ("window", words(&["window", BUS, "--delay", "10ms"]), &["bars"]),
            ("ann", words(&["ann", BUS, "--from", "oldest", "--window", &window]), &["matches"]),
        ];
        for (name, words, makes) in plan {
            let mut part = Part::start(name, words, directory, sender.clone())?;
            for ring in makes {
                rings.insert(*ring, await_ring(directory, ring, &mut part, signals)?);
            }
            parts.push(part);
        }
        Ok(Self { parts, rings, reports, latest: BTreeMap::new(), since: Instant::now() })
    }

    /// Shows a line a second until it is time to end.
    fn show(
        &mut self,
        seconds: Option<u64>,
        signals: &Signals,
        output: &mut Output,
    ) -> Result<Outcome, Failure> {
        let end = seconds.map(|seconds| self.since + Duration::from_secs(seconds));
        let mut next = self.since + SHOW_EVERY;
        let mut shown = self.published("ticks");
        loop {
            match signals.request() {
                Some(Request::Interrupt) => return Ok(Outcome::Interrupted),
                Some(Request::End) => return Ok(Outcome::Done),
                None => {}
            }
            match self.reports.recv_timeout(LOOK_EVERY) {
                Ok(report) => self.take(report),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            for part in &mut self.parts {
                part.check()?;
            }
            let now = Instant::now();
            if now >= next {
                next += SHOW_EVERY;
                let ticks = self.published("ticks");
                let elapsed = self.since.elapsed().as_secs();
                let rate = ticks.saturating_sub(shown);
                writeln!(output, "{elapsed:>4} s  {:>9} ticks/s  {}", Grouped(rate), self.line())?;
                output.flush()?;
                shown = ticks;
            }
            if end.is_some_and(|end| now >= end) {
                return Ok(Outcome::Done);
            }
        }
    }

    /// Ends the feed, by which the consumers end too, and waits for all.
    fn end(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        let mut result = Ok(());
        for part in &mut self.parts {
            if part.name() == "feed" {
                part.ask_to_end();
            }
            let ended = part.wait(deadline);
            result = result.and(ended);
        }
        while let Ok(report) = self.reports.recv_timeout(LOOK_EVERY) {
            self.take(report);
        }
        result
    }

    fn total(&self, output: &mut Output) -> Result<(), Failure> {
        let total = Grouped(self.published("ticks"));
        writeln!(output, "  total  {total} ticks  {}", self.line())?;
        output.flush()
    }

    fn take(&mut self, report: Report) {
        self.latest.insert(report.part, report.value);
    }

    fn line(&self) -> String {
        let published = |ring| Grouped(self.published(ring));
        let time = |part, key| Age(self.figure(part, key));
        let missed = self.figure("window", "missed") + self.figure("ann", "missed");
        format!(
            "{:>6} bars  {:>7} vectors  {:>9} matches  {} missed  {} late  \
             ticks p50 {} p99 {}  matches p50 {} p99 {}",
            published("bars"),
            published("vectors"),
            published("matches"),
            Grouped(missed),
            Grouped(self.figure("window", "late")),
            time("window", "latency_ns_p50"),
            time("window", "latency_ns_p99"),
            time("ann", "latency_ns_p50"),
            time("ann", "latency_ns_p99"),
        )
    }

    fn published(&self, ring: &str) -> u64 {
        self.rings.get(ring).map_or(0, Reader::published)
    }

    fn figure(&self, part: &str, key: &str) -> u64 {
        self.latest.get(part).and_then(|value| value.get(key)).and_then(Value::as_u64).unwrap_or(0)
    }
}

impl Arguments {
    fn feed(&self) -> Vec<String> {
        let numbers = [
            ("--rate", u64::from(self.rate)),
            ("--instruments", self.symbols.into()),
            ("--seed", self.seed),
            ("--vectors", self.dim.into()),
            ("--vector-every", 20),
        ];
        let mut feed = words(&["feed", "simulate", "--to", BUS]);
        for (option, number) in numbers {
            feed.extend([option.to_owned(), number.to_string()]);
        }
        feed
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Waits until a part has made its ring.
fn await_ring(
    directory: &Directory,
    ring: &'static str,
    part: &mut Part,
    signals: &Signals,
) -> Result<Reader, Failure> {
    let name = RingName::new(BUS, ring)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Reader::open(directory, &name, Start::Latest) {
            Err(tickring::Error::NotFound { .. }) if Instant::now() < deadline => {}
            opened => return Ok(opened?),
        }
        part.check()?;
        if signals.request().is_some() {
            return Err(Failure::Part { name: part.name(), status: "interrupted".to_owned() });
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
