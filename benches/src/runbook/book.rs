//! The file.

use crate::failure::Failure;
use crate::stream::{Spec, Stream};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tickring_ann::Metric;

/// Steps that a run may have at most.
const MOST_STEPS: usize = 100_000;
/// The engine that goes first and needs not be named.
pub const EXACT: &str = "exact";

/// A runbook. Its keys have hyphens: `ttl-s`, `ask-every`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Book {
    /// What the run shows, in a line.
    pub title: String,
    /// Lanes of a vector.
    pub dim: usize,
    /// The measure of distance; L2 if left out.
    #[serde(default = "l2")]
    pub metric: String,
    /// Neighbours of each query.
    #[serde(default = "ten")]
    pub k: usize,
    /// The most live vectors.
    pub window: u64,
    /// How long vectors live, in seconds of stream time; until their room is needed if left out.
    pub ttl_s: Option<f64>,
    /// Vectors in a second of stream time.
    #[serde(default = "thousand")]
    pub rate: f64,
    /// What recall should be, in thousandths.
    #[serde(default = "target")]
    pub target: u16,
    /// Streams by their names.
    pub streams: BTreeMap<String, Spec>,
    /// Engines beside the exact one, by their names.
    #[serde(default)]
    pub engines: BTreeMap<String, Engine>,
    /// The steps, repetitions as they are written.
    pub steps: Vec<Step>,
    /// Where the file is, for paths in it.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// How an engine searches.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "index", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
#[serde(deny_unknown_fields)]
pub enum Engine {
    /// Exactly, always.
    Exact {},
    /// As this machine's speed suggests.
    Auto {
        /// Approximate searches from one that recall is measured by to the next.
        #[serde(default = "hundred")]
        recall_every: u64,
    },
    /// Lists of codes, as these numbers say.
    Lists {
        /// Lists.
        lists: u32,
        /// Candidates for each neighbour.
        #[serde(default = "two")]
        rerank: u32,
        /// Live vectors up to which all are compared.
        #[serde(default)]
        exact_up_to: u64,
        /// Live vectors from which on there are lists; half the window if left out.
        lists_from: Option<u64>,
        /// Lists looked through at first; the index decides if left out.
        probe_permille: Option<u64>,
        /// Approximate searches from one that recall is measured by to the next; 0 leaves
        /// everything as it was chosen.
        #[serde(default = "hundred")]
        recall_every: u64,
    },
}

/// A step.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// Vectors come.
    Insert(Insert),
    /// Time passes and no vector comes.
    Expire(Expire),
    /// Vectors are looked for that are not inserted.
    Query(Draw),
    /// It is noted how things stand, under this name.
    Checkpoint(String),
    /// The corpus is saved, and one that is restored from its state goes on; it is noted under this
    /// name how large the state was and how long that took.
    Restart(String),
    /// Steps happen several times.
    Repeat(Repeat),
}

/// Vectors of a stream.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Draw {
    /// The stream.
    pub stream: String,
    /// So many, the next ones.
    pub count: Option<u64>,
    /// Or these rows: from, to (which is left out).
    pub range: Option<[u64; 2]>,
}

/// Vectors that come.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Insert {
    /// The stream.
    pub stream: String,
    /// So many, the next ones.
    pub count: Option<u64>,
    /// Or these rows: from, to (which is left out).
    pub range: Option<[u64; 2]>,
    /// Each so manieth is looked for before it comes, as a consumer does; none if left out. The
    /// time is not counted.
    pub ask_every: Option<u64>,
}

/// Time passes.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Expire {
    /// So much, in stream time.
    pub seconds: f64,
}

/// Steps that happen several times.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Repeat {
    /// So many times.
    pub times: u32,
    /// These steps.
    pub steps: Vec<Step>,
}

fn l2() -> String {
    Metric::L2.to_string()
}

fn ten() -> usize {
    10
}

fn thousand() -> f64 {
    1_000.0
}

fn target() -> u16 {
    950
}

fn hundred() -> u64 {
    100
}

fn two() -> u32 {
    2
}

impl Insert {
    /// Which vectors.
    #[must_use]
    pub fn draw(&self) -> Draw {
        let Self { stream, count, range, .. } = self;
        Draw { stream: stream.clone(), count: *count, range: *range }
    }
}

impl Draw {
    /// How many vectors.
    #[must_use]
    pub fn len(&self) -> u64 {
        match (self.count, self.range) {
            (Some(count), _) => count,
            (None, Some([from, to])) => to.saturating_sub(from),
            (None, None) => 0,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Book {
    /// Reads a runbook, and sees that it can be followed.
    ///
    /// # Errors
    ///
    /// [`Failure::Io`], [`Failure::RunbookText`] for what is no runbook, with the place, and
    /// [`Failure::Runbook`] for one that cannot be followed, with what would do.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|source| Failure::io("read", path, source))?;
        Self::parse(&text, path)
    }

    /// Reads the text of a runbook that stands in the file `path`.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        let failed = |error: toml::de::Error| Failure::RunbookText {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let mut book: Self = toml::from_str(text).map_err(failed)?;
        book.folder = path.parent().unwrap_or(Path::new("")).to_owned();
        book.check().map_err(|wrong| wrong.at(path))?;
        Ok(book)
    }

    /// All steps, repetitions written out.
    #[must_use]
    pub fn plan(&self) -> Vec<&Step> {
        let mut plan = Vec::new();
        write_out(&self.steps, &mut plan);
        plan
    }

    /// How long vectors live, in nanoseconds of stream time.
    #[must_use]
    pub fn stay_ns(&self) -> Option<u64> {
        self.ttl_s.map(nanoseconds)
    }

    /// Vectors of a turnover: the most that can be live.
    #[must_use]
    pub fn turnover(&self) -> f64 {
        let window = self.window as f64;
        self.ttl_s.map_or(window, |ttl_s| window.min((ttl_s * self.rate).max(1.0)))
    }

    /// Begins the stream of a name.
    ///
    /// # Errors
    ///
    /// [`Failure::Stream`].
    pub fn begin(&self, name: &str) -> Result<Stream, Failure> {
        let Some(spec) = self.streams.get(name) else {
            return Err(Failure::Stream {
                key: "stream",
                expected: names(self.streams.keys()),
                found: name.to_owned(),
            });
        };
        spec.begin(self.dim, &self.folder)
    }

    /// The names of the engines, the exact one first.
    #[must_use]
    pub fn engine_names(&self) -> Vec<&str> {
        let named = self.engines.keys().map(String::as_str).filter(|name| *name != EXACT);
        std::iter::once(EXACT).chain(named).collect()
    }

    fn check(&self) -> Result<(), Wrong> {
        let Self { dim, k, window, rate, target, .. } = self;
        let metrics = "l2, inner-product or cosine";
        let is_metric = self.metric.parse::<Metric>().is_ok();
        ensure(is_metric, "metric", metrics, &self.metric)?;
        let is_dim = (1..=4_096).contains(dim);
        ensure(is_dim, "dim", "1 to 4096 lanes", &dim.to_string())?;
        ensure((1..=1_000).contains(k), "k", "1 to 1000 neighbours", &k.to_string())?;
        let is_window = (1..=1 << 28).contains(window);
        ensure(is_window, "window", "1 to 268435456 vectors", &window.to_string())?;
        let is_rate = (1e-3..=1e9).contains(rate);
        ensure(is_rate, "rate", "0.001 to 1e9 vectors a second", &rate.to_string())?;
        ensure(*target <= 1_000, "target", "0 to 1000 thousandths", &target.to_string())?;
        if let Some(ttl_s) = self.ttl_s {
            let is_ttl = (1e-6..=1e9).contains(&ttl_s);
            ensure(is_ttl, "ttl-s", "0.000001 to 1e9 seconds", &ttl_s.to_string())?;
        }
        for engine in self.engines.values() {
            if let Engine::Lists { lists, rerank, .. } = engine {
                let is_lists = (1..=1 << 16).contains(lists);
                ensure(is_lists, "lists", "1 to 65536", &lists.to_string())?;
                let is_rerank = (1..=1_000).contains(rerank);
                ensure(is_rerank, "rerank", "1 to 1000", &rerank.to_string())?;
            }
        }
        if let Some(other) = self.engines.get(EXACT).filter(|own| **own != Engine::Exact {}) {
            let expected = "the engine of the name exact to have index = \"exact\"";
            return Err(Wrong::new("engines", expected, &format!("{other:?}")));
        }
        let count = count(&self.steps);
        let steps = format!("1 to {MOST_STEPS} steps, repetitions written out");
        ensure((1..=MOST_STEPS).contains(&count), "steps", &steps, &count.to_string())?;
        let plan = self.plan();
        plan.iter().try_for_each(|step| self.check_step(step))?;
        let has_query = plan.iter().any(|step| matches!(step, Step::Query(_)));
        let found = "none: nothing would be measured";
        ensure(has_query, "steps", "at least one step of queries", found)
    }

    fn check_step(&self, step: &Step) -> Result<(), Wrong> {
        match step {
            Step::Insert(insert) => {
                let is_some = insert.ask_every != Some(0);
                let expected = "at least 1, or no such key";
                ensure(is_some, "ask-every", expected, "0")?;
                self.check_draw(&insert.draw())
            }
            Step::Query(draw) => self.check_draw(draw),
            Step::Expire(Expire { seconds }) => {
                let is_time = (0.0..=1e9).contains(seconds);
                ensure(is_time, "seconds", "0 to 1e9 seconds", &seconds.to_string())?;
                let has_ttl = self.ttl_s.is_some();
                let expected = "the key ttl-s, without which nothing expires by time";
                ensure(has_ttl, "expire", expected, "no such key")
            }
            Step::Checkpoint(_) | Step::Restart(_) | Step::Repeat(_) => Ok(()),
        }
    }

    fn check_draw(&self, draw: &Draw) -> Result<(), Wrong> {
        let known = self.streams.get(&draw.stream);
        ensure(known.is_some(), "stream", &names(self.streams.keys()), &draw.stream)?;
        let is_one = draw.count.is_some() != draw.range.is_some();
        ensure(is_one, "count", "a count or a range, one of the two", "both or none")?;
        let is_long = (1..=1 << 40).contains(&draw.len());
        ensure(is_long, "count", "at least one vector", &draw.len().to_string())?;
        let is_endless = !matches!(known, Some(Spec::Quotes { .. } | Spec::Npy { .. }));
        let has_rows = draw.range.is_none() || !is_endless;
        ensure(has_rows, "range", "a stream of kind quotes or npy", "a stream without rows")
    }
}

/// What is wrong with a runbook.
struct Wrong {
    key: &'static str,
    expected: String,
    found: String,
}

impl Wrong {
    fn new(key: &'static str, expected: &str, found: &str) -> Self {
        Self { key, expected: expected.to_owned(), found: found.to_owned() }
    }

    fn at(self, path: &Path) -> Failure {
        let Self { key, expected, found } = self;
        Failure::Runbook { path: path.to_owned(), key, expected, found }
    }
}

fn ensure(holds: bool, key: &'static str, expected: &str, found: &str) -> Result<(), Wrong> {
    if holds { Ok(()) } else { Err(Wrong::new(key, expected, found)) }
}

fn names<'n>(names: impl Iterator<Item = &'n String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    format!("a stream of the file: {}", names.join(", "))
}

/// Nanoseconds of seconds that are in range.
pub(super) fn nanoseconds(seconds: f64) -> u64 {
    std::time::Duration::try_from_secs_f64(seconds)
        .map_or(u64::MAX, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// Steps, repetitions written out.
fn count(steps: &[Step]) -> usize {
    let of = |step: &Step| match step {
        Step::Repeat(Repeat { times, steps }) => {
            usize::try_from(*times).unwrap_or(usize::MAX).saturating_mul(count(steps))
        }
        _ => 1,
    };
    steps.iter().map(of).fold(0, usize::saturating_add)
}

fn write_out<'s>(steps: &'s [Step], plan: &mut Vec<&'s Step>) {
    for step in steps {
        match step {
            Step::Repeat(Repeat { times, steps }) => {
                (0..*times).for_each(|_| write_out(steps, plan));
            }
            other => plan.push(other),
        }
    }
}

#[cfg(test)]
mod tests;
