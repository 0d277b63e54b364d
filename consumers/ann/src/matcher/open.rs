//! How a matcher begins: with what the ring still has, or where a snapshot stands.

use super::saving::Saving;
use super::search::Search;
use super::slot::{Found, Slot, shape_of};
use super::{Matcher, Newest, Registered, Task};
use crate::askers::Askers;
use crate::corpus::Corpus;
use crate::crew::Crew;
use crate::error::Error;
use crate::metric::Metric;
use crate::options::{MatcherOptions, Mode};
use crate::outlet::Outlet;
use crate::patterns::PatternScan;
use crate::queries::Queries;
use crate::scan::ExactScan;
use crate::shape::Shape;
use crate::snapshot::{self, Stand};
use crate::stats::Stats;
use hdrhistogram::Histogram;
use std::time::Instant;
use tickring::record::{Answer, Match, Record, UNDEF_TIME};
use tickring::{Directory, Reader, ReaderOptions, RingInfo, RingName, RingSpec, Start, Writer};

/// Latencies above this are counted as this, in nanoseconds.
const LATENCY_MAX_NS: u64 = 60_000_000_000;
/// Decimal digits that are kept of a latency.
const LATENCY_DIGITS: u8 = 3;

impl Matcher {
    /// Joins the ring `vectors` and creates the ring `matches`, or goes on with it. With a snapshot
    /// it goes on where that was made, whatever [`start`](MatcherOptions::start) is; where there is
    /// none yet the first is written before anything is published.
    ///
    /// Cost: allocates; the birth of the matches ring touches all its pages; the first snapshot
    /// waits for the disk.
    ///
    /// # Errors
    ///
    /// [`Error::NotVectors`], [`Error::OutOfRange`], [`Error::Dimension`],
    /// [`Error::NeedsWindow`], those of a snapshot, and [`Error::Bus`] if one of the rings cannot
    /// be opened, among others because another matcher writes to it.
    pub fn open(
        directory: &Directory,
        vectors: &RingName,
        matches: &RingName,
        options: MatcherOptions,
    ) -> Result<Self, Error> {
        let info = RingInfo::read(directory, vectors)?;
        let probe = Reader::open(directory, vectors, Start::Latest)?;
        let shape = shape_of(vectors, probe.schema())?;
        drop(probe);
        let dim = shape.dim;
        let window = options.checked_window(info.capacity)?;
        options.check_dim(vectors, dim)?;
        let config = options.config(dim, window);
        let restored = match &options.snapshot {
            Some(saved) => snapshot::read(&saved.path, &config, |stand| {
                if stand.ring_id != info.ring_id {
                    return Ok(None);
                }
                let index = options.index.resolved(dim, stand.choice);
                options.corpus(window, index).map(|own| Corpus::new(dim, own)).transpose()
            })?,
            None => None,
        };
        let stand = restored.as_ref().map(|own| own.0);
        let start = stand.map_or(options.start, |stand| Start::Sequence(stand.next));
        let joining = ReaderOptions::named("ann", start);
        let reader = Reader::open_with(directory, vectors, &joining)?;
        let mut outlet = Outlet::new(Writer::open(directory, matches, &options.matches_spec()?)?);
        let matches_id = RingInfo::read(directory, matches)?.ring_id;
        let askers = options.askers(directory, (vectors, matches), dim)?;
        if let Some(stand) = stand.filter(|stand| stand.matches_id == matches_id) {
            outlet.remember(directory, matches, stand.matches_next, stand.matches_epoch)?;
        }
        let mut search = match restored {
            Some((_, corpus)) => Search::Corpus(Box::new(corpus)),
            None => options.search(&reader, shape, window)?,
        };
        let saving = options.snapshot.map(|saved| Saving {
            path: saved.path,
            every: saved.every.max(1),
            since: 0,
            config,
            matches_id,
            thread: None,
        });
        let task = task(options.mode, options.metric, stand.as_ref());
        let crew = crew(options.search_threads, &mut search, &task)?;
        let mut matcher = Self {
            outlet,
            search,
            task,
            k: options.k,
            publishes_latency: options.latency,
            slot: Slot::blank(shape),
            newest: Newest { seq: 0, ts_event: UNDEF_TIME, read_at: Instant::now() },
            askers,
            unasked: 0,
            saving,
            epoch: stand.map_or(1, |stand| stand.epoch),
            hole: stand.map_or(0, |stand| stand.hole),
            whole_from: 0,
            crew,
            stats: Stats { restored: u64::from(stand.is_some()), ..Stats::default() },
            latency_ns: histogram(),
            vectors: reader,
        };
        if stand.is_none() && matcher.saving.is_some() {
            matcher.save_beginning()?;
        }
        Ok(matcher)
    }
}

impl MatcherOptions {
    /// The ring of matches, to be created.
    fn matches_spec(&self) -> Result<RingSpec, Error> {
        let mut kinds = Match::kinds();
        if self.requests.is_some() {
            kinds.extend(Answer::kinds());
        }
        Ok(RingSpec { capacity: self.capacity, ..RingSpec::new(kinds)? })
    }

    /// Those whose queries are answered, by what was answered before.
    fn askers(
        &self,
        directory: &Directory,
        (vectors, matches): (&RingName, &RingName),
        dim: usize,
    ) -> Result<Option<Askers>, Error> {
        let Some(prefix) = &self.requests else { return Ok(None) };
        let mut askers = Askers::new(directory, vectors.bus(), prefix, dim);
        askers.learn(&mut Reader::open(directory, matches, Start::Oldest)?);
        Ok(Some(askers))
    }

    /// What is searched by a matcher that begins without a snapshot: what stands in the ring before
    /// its first vector is part of it.
    fn search(&self, reader: &Reader, shape: Shape, window: u64) -> Result<Search, Error> {
        let floor = reader.resident().start;
        let index = self.index.resolved(shape.dim, None);
        let Some(own) = self.corpus(window, index) else {
            let scan = ExactScan::new(self.metric, self.k.into());
            return Ok(Search::InPlace { scan, window, floor });
        };
        let mut corpus = Corpus::new(shape.dim, own)?;
        let mut slot = Slot::blank(shape);
        for seq in floor..reader.cursor().min(reader.published()) {
            let found = reader.view_at(seq, 1, |view| slot.take(view.iter().next()));
            if found == Some(Found::Vector) {
                corpus.advance(&slot.vector);
                corpus.insert(slot.seq, &slot.vector, &slot.lanes);
            }
        }
        Ok(Search::Corpus(Box::new(corpus)))
    }

    /// Checks that everything that is compared has as many lanes as the vectors.
    fn check_dim(&self, vectors: &RingName, dim: usize) -> Result<(), Error> {
        let asked = match &self.mode {
            Mode::EachVector | Mode::Quiet => None,
            Mode::Registered { queries, .. } => Some(queries),
            Mode::Standing { patterns } => Some(patterns.rows()),
        };
        let pinned = self.pinned.as_ref().map(|pinned| &pinned.rows);
        match [asked, pinned].into_iter().flatten().find(|rows| rows.dim() != dim) {
            None => Ok(()),
            Some(rows) => {
                let (name, found) = (vectors.to_string(), Queries::dim(rows));
                Err(Error::Dimension { name, expected: dim, found })
            }
        }
    }
}

/// Starts the search threads.
fn crew(count: u16, search: &mut Search, task: &Task) -> Result<Option<Crew>, Error> {
    let Some(corpus) = search.corpus_mut().filter(|_| count > 0) else { return Ok(None) };
    let searcher = corpus.searcher();
    let searcher = if Matcher::may_learn(task) { searcher } else { searcher.without_comparing() };
    let started = Crew::start(count, &searcher);
    started.map(Some).map_err(|source| Error::Thread { source })
}

fn task(mode: Mode, metric: Metric, stand: Option<&Stand>) -> Task {
    match mode {
        Mode::EachVector => Task::EachVector,
        Mode::Registered { queries, every } => {
            let fresh = stand.map_or(0, |stand| stand.fresh);
            Task::Registered(Registered { queries, every, fresh, row: None })
        }
        Mode::Standing { patterns } => Task::Standing(Box::new(PatternScan::new(metric, patterns))),
        Mode::Quiet => Task::Quiet,
    }
}

/// A histogram of latencies that never grows.
fn histogram() -> Histogram<u64> {
    let fixed = Histogram::new_with_bounds(1, LATENCY_MAX_NS, LATENCY_DIGITS);
    fixed.unwrap_or_else(|_| unreachable!("constant bounds of a histogram are valid"))
}
