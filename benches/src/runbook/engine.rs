//! An engine that follows a runbook.

use super::book::{Book, Draw, Engine, Expire, Insert, Step, nanoseconds};
use super::truth::{Truth, Truths};
use crate::failure::Failure;
use crate::machine::resident_mib;
use crate::stream::Stream;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};
use tickring::record::{Record, Vector};
use tickring_ann::{
    Choice, Corpus, CorpusOptions, Filter, Indexing, ListStats, Metric, RecallOptions, Terms, Ttl,
};

/// Vectors that are made before they are inserted.
const BATCH: u64 = 1_024;
/// The first instant of stream time: 2026-01-05 14:30 UTC.
const BEGIN_NS: u64 = 1_767_623_400_000_000_000;

/// How things stand after a step of queries or at a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Name of the checkpoint; `None` after queries.
    pub checkpoint: Option<String>,
    /// Vectors inserted so far.
    pub inserted: u64,
    /// Stream time so far, in seconds.
    pub stream_s: f64,
    /// Live vectors.
    pub live: u64,
    /// Queries of the step.
    pub queries: u64,
    /// Neighbours of these that were found.
    pub hits: u64,
    /// Neighbours of these that there are.
    pub wanted: u64,
    /// Latency of these queries, in nanoseconds: p50, p99, p99.9 and the longest.
    pub latency_ns: [u64; 4],
    /// Insertions a second since the row before, those and what they let go; 0 without any.
    pub updates: f64,
    /// Memory of the process, in MiB.
    pub rss_mib: f64,
    /// Lists, lists looked through, and candidates for each neighbour; 0 where all are compared.
    pub lists: [u64; 3],
    /// Centroids so far.
    pub generation: u64,
}

impl Row {
    /// The share of neighbours that were found; `None` if none was looked for.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        (self.wanted > 0).then(|| self.hits as f64 / self.wanted as f64)
    }
}

/// An engine at work.
struct Run<'b> {
    book: &'b Book,
    corpus: Corpus,
    options: CorpusOptions,
    terms: Terms,
    streams: BTreeMap<&'b str, Stream>,
    is_exact: bool,
    truths: Truths,
    batch: Vec<f32>,
    instruments: Vec<u32>,
    clock_ns: u64,
    inserted: u64,
    /// Insertions since the last row, and what they took.
    lately: (u64, Duration),
}

/// Follows the book with the engine `name`, and hands every row to `tell`. The first is from before
/// there is a corpus.
///
/// # Errors
///
/// [`Failure::Engine`] for a name that the book does not have, those of streams and of the file of
/// the truth, and those of `tell`.
pub fn run(
    book: &Book,
    name: &str,
    truth: &Path,
    tell: &mut dyn FnMut(&Row) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let is_exact = name == super::book::EXACT;
    let Some(engine) = book.engines.get(name).or(is_exact.then_some(&Engine::Exact {})) else {
        return Err(Failure::Engine {
            engine: name.to_owned(),
            expected: format!("one of {}", book.engine_names().join(", ")),
            found: "another name".to_owned(),
        });
    };
    let truths = if is_exact { Truths::create(truth)? } else { Truths::open(truth)? };
    let batch = vec![0.0; usize::try_from(BATCH).unwrap_or(0) * book.dim];
    let plan = book.plan();
    // What streams take is there before the corpus.
    let mut streams = BTreeMap::new();
    for step in &plan {
        let name = match step {
            Step::Insert(insert) => &insert.stream,
            Step::Query(draw) => &draw.stream,
            _ => continue,
        };
        if let Entry::Vacant(entry) = streams.entry(name.as_str()) {
            entry.insert(book.begin(name)?);
        }
    }
    tell(&Row { rss_mib: resident_mib()?, ..Row::default() })?;
    let options = options(book, engine)?;
    let mut corpus = Corpus::new(book.dim, options.clone()).map_err(impossible)?;
    if let Engine::Lists { probe_permille: Some(permille), .. } = engine {
        corpus.set_probe_permille(*permille);
    }
    let mut run = Run {
        book,
        corpus,
        options,
        terms: Terms { k: book.k, radius: None, filter: Filter::default() },
        streams,
        is_exact,
        truths,
        batch,
        instruments: Vec::new(),
        clock_ns: 0,
        inserted: 0,
        lately: (0, Duration::ZERO),
    };
    for step in plan {
        if let Some(row) = run.step(step)? {
            tell(&row)?;
        }
    }
    run.truths.end()
}

fn impossible(found: impl ToString) -> Failure {
    Failure::Engine {
        engine: "corpus".to_owned(),
        expected: "what the runbook says to be possible".to_owned(),
        found: found.to_string(),
    }
}

fn options(book: &Book, engine: &Engine) -> Result<CorpusOptions, Failure> {
    let (indexing, every) = match *engine {
        Engine::Exact {} => (Indexing::Exact, 0),
        Engine::Auto { recall_every } => {
            (Indexing::Lists(Choice::calibrated(book.dim)), recall_every)
        }
        Engine::Lists { lists, rerank, exact_up_to, lists_from, recall_every, .. } => {
            let lists_from = lists_from.unwrap_or(book.window / 2);
            let choice = Choice { exact_up_to, lists_from, lists, per_list: 1, rerank };
            (Indexing::Lists(choice), recall_every)
        }
    };
    Ok(CorpusOptions {
        metric: book.metric.parse::<Metric>().map_err(impossible)?,
        window: book.window,
        ttl: book.stay_ns().map(|stay_ns| Ttl { stay_ns, clock: Default::default() }),
        indexing,
        recall: RecallOptions { every, target_permille: book.target },
        pinned: None,
    })
}

impl Run<'_> {
    fn step(&mut self, step: &Step) -> Result<Option<Row>, Failure> {
        match step {
            Step::Insert(insert) => self.insert(insert)?,
            Step::Expire(Expire { seconds }) => {
                self.clock_ns += nanoseconds(*seconds);
                let vector = self.vector(0, 0);
                self.corpus.advance(&vector);
            }
            Step::Query(draw) => return self.query(draw).map(Some),
            Step::Checkpoint(name) => {
                let row = self.row()?;
                return Ok(Some(Row { checkpoint: Some(name.clone()), ..row }));
            }
            Step::Restart(name) => {
                let told = self.restart()?;
                let row = self.row()?;
                return Ok(Some(Row { checkpoint: Some(format!("{name}: {told}")), ..row }));
            }
            // Plans have none.
            Step::Repeat(_) => {}
        }
        Ok(None)
    }

    /// Goes on with a corpus that is made of the state of this one, and says how that went.
    fn restart(&mut self) -> Result<String, Failure> {
        let begin = Instant::now();
        let Some(state) = self.corpus.saved() else {
            return Ok("not restarted, lists are moving".to_owned());
        };
        let restored = Corpus::restored(self.book.dim, self.options.clone(), &state);
        let Some(corpus) = restored.map_err(impossible)? else {
            return Err(impossible("a state that cannot be restored"));
        };
        self.corpus = corpus;
        let (kib, took) = (state.len() / 1_024, begin.elapsed().as_secs_f64() * 1e3);
        Ok(format!("restarted from {kib} KiB in {took:.1} ms"))
    }

    /// The fixed part of a vector that comes now.
    fn vector(&self, seq: u64, instrument: u32) -> Vector {
        let time_ns = BEGIN_NS + self.clock_ns;
        Vector { vec_id: seq, ts_recv: time_ns, ..Vector::empty(0, instrument, time_ns) }
    }

    /// Fills the batch with the next vectors of a stream, so that nothing of that is timed.
    fn draw(&mut self, stream: &str, count: u64) -> Result<(), Failure> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.instruments.clear();
        let Some(stream) = self.streams.get_mut(stream) else { return Ok(()) };
        for lanes in self.batch.chunks_exact_mut(self.book.dim).take(count) {
            self.instruments.push(stream.next(lanes)?);
        }
        Ok(())
    }

    fn seek(&mut self, draw: &Draw) -> Result<(), Failure> {
        let Some([from, to]) = draw.range else { return Ok(()) };
        match self.streams.get_mut(draw.stream.as_str()) {
            Some(stream) => stream.seek(&(from..to)),
            None => Ok(()),
        }
    }

    fn insert(&mut self, insert: &Insert) -> Result<(), Failure> {
        let draw = insert.draw();
        self.seek(&draw)?;
        let apart_ns = nanoseconds(self.book.rate.recip()).max(1);
        let (mut left, mut unasked) = (draw.len(), 0);
        while left > 0 {
            let count = left.min(BATCH);
            self.draw(&insert.stream, count)?;
            left -= count;
            let (batch, instruments) =
                (std::mem::take(&mut self.batch), std::mem::take(&mut self.instruments));
            let rows = batch.chunks_exact(self.book.dim).zip(&instruments);
            let (begin, mut asked) = (Instant::now(), Duration::ZERO);
            for (lanes, instrument) in rows {
                self.clock_ns += apart_ns;
                let vector = self.vector(self.inserted, *instrument);
                self.corpus.advance(&vector);
                unasked += 1;
                if insert.ask_every.is_some_and(|every| unasked >= every) {
                    unasked = 0;
                    let begin = Instant::now();
                    if !self.is_exact {
                        black_box(self.corpus.search(lanes, &self.terms));
                    }
                    asked += begin.elapsed();
                }
                if !self.corpus.insert(self.inserted, &vector, lanes) {
                    return Err(Failure::Engine {
                        engine: "corpus".to_owned(),
                        expected: "to take every vector".to_owned(),
                        found: format!("number {} refused: a lane is not finite", self.inserted),
                    });
                }
                self.inserted += 1;
            }
            self.lately.0 += count;
            self.lately.1 += begin.elapsed().saturating_sub(asked);
            (self.batch, self.instruments) = (batch, instruments);
        }
        Ok(())
    }

    fn query(&mut self, draw: &Draw) -> Result<Row, Failure> {
        self.seek(draw)?;
        let (mut left, mut hits, mut wanted) = (draw.len(), 0, 0);
        let mut times = Vec::with_capacity(usize::try_from(left).unwrap_or(0));
        while left > 0 {
            let count = left.min(BATCH);
            self.draw(&draw.stream, count)?;
            left -= count;
            let batch = std::mem::take(&mut self.batch);
            for lanes in batch.chunks_exact(self.book.dim).take(self.instruments.len()) {
                let begin = Instant::now();
                black_box(self.corpus.search(lanes, &self.terms));
                times.push(begin.elapsed());
                let found = self.corpus.neighbours();
                let own = Truth {
                    count: u32::try_from(found.len()).unwrap_or(u32::MAX),
                    farthest: found.last().map_or(f32::NEG_INFINITY, |near| near.distance),
                };
                let truth = self.truths.next(own)?;
                let near = found.iter().filter(|near| near.distance <= truth.farthest).count();
                hits += (near as u64).min(truth.count.into());
                wanted += u64::from(truth.count);
            }
            self.batch = batch;
        }
        let latency_ns = quantiles_ns(&mut times);
        Ok(Row { queries: times.len() as u64, hits, wanted, latency_ns, ..self.row()? })
    }

    fn row(&mut self) -> Result<Row, Failure> {
        let (count, time) = std::mem::take(&mut self.lately);
        let updates = if count == 0 { 0.0 } else { count as f64 / time.as_secs_f64().max(1e-9) };
        let stats = self.corpus.list_stats();
        let of = |ListStats { lists, probe_permille, rerank, generation, .. }: &ListStats| {
            ([*lists, *probe_permille, *rerank], u64::from(*generation))
        };
        let (lists, generation) = stats.map_or_else(Default::default, of);
        Ok(Row {
            inserted: self.inserted,
            stream_s: self.clock_ns as f64 / 1e9,
            live: self.corpus.len() as u64,
            updates,
            rss_mib: resident_mib()?,
            lists,
            generation,
            ..Row::default()
        })
    }
}

/// p50, p99, p99.9 and the longest of some times, in nanoseconds; zeros without any.
#[must_use]
pub fn quantiles_ns(times: &mut [Duration]) -> [u64; 4] {
    times.sort_unstable();
    let at = |permille: usize| {
        let place = (times.len() * permille / 1_000).min(times.len().saturating_sub(1));
        times.get(place).map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    };
    [500, 990, 999, 1_000].map(at)
}
