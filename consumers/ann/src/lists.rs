//! The approximate index: an inverted file whose posting lists are queues, over codes of one byte.
//!
//! Each vector's code stands in the list of its nearest centroid. A vector that comes is appended
//! to its list, one that leaves is the oldest of its list: both cost the same however many there
//! are, and nothing is ever marked as deleted. A query looks through the lists of the nearest
//! centroids, takes the best by code, and compares those with the lanes in the window. With one
//! list, which is how an index begins, that is a flat scan over codes.
//!
//! Everything up to the last comparison is integer arithmetic, so that the same vectors give the
//! same candidates on every processor. Centroids are trained aside and take over at a position that
//! is fixed when training begins; after that the entries of the older lists move to the new ones, a
//! few with each vector that comes. While there are two generations of lists a query looks into
//! both.

mod train;

use crate::filter::Filter;
use crate::index::{Ask, Exact, Index};
use crate::kernel;
use crate::kmeans::Centroids;
use crate::metric::Metric;
use crate::nearest::Nearest;
use crate::posting::{CHUNK, Entry, Pool, Posting};
use crate::quantiser::{Extremes, Quantiser, Signed, stride_of};
use crate::scan::Scan;
use crate::shortlist::Shortlist;
use crate::window::Window;
use train::{Older, Training};

/// Set in a home if it is one of the generation of odd number.
const ODD: u32 = 1 << 31;

/// Candidates for each neighbour that measured recall leads to, at most.
const MOST_RERANK: u64 = 64;

/// When an index is exact, when it is one list of codes, and when it has many lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Live vectors up to which every search compares all lanes.
    pub exact_up_to: u64,
    /// Live vectors from which on there are lists; up to there all codes are looked at.
    pub lists_from: u64,
    /// Lists, at most 65,536. A few hundred for many updates, a thousand for fast queries.
    pub lists: u32,
    /// Candidates whose lanes are compared, for each neighbour asked for.
    pub rerank: u32,
}

/// What an index of lists has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListStats {
    /// Lists of the newest generation.
    pub lists: u64,
    /// Lists that a query looks through.
    pub probes: u64,
    /// Candidates whose lanes are compared, for each neighbour asked for.
    pub rerank: u64,
    /// Generations of centroids so far.
    pub generation: u32,
    /// Vectors of which lanes were clipped when their code was made.
    pub clipped: u64,
    /// How often the range of the codes was widened.
    pub widened: u64,
    /// Searches that found too few in the lists and compared all vectors.
    pub fell_back: u64,
}

/// The lists of one set of centroids.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) centroids: Centroids,
    pub(crate) lists: Vec<Posting>,
}

impl Generation {
    pub(crate) fn new(centroids: Centroids) -> Self {
        let lists = (0..centroids.len()).map(|_| Posting::default()).collect();
        Self { centroids, lists }
    }
}

/// The index.
#[derive(Debug)]
pub struct Lists {
    pub(crate) metric: Metric,
    pub(crate) choice: Choice,
    pub(crate) stride: usize,
    pub(crate) quantiser: Option<Quantiser>,
    pub(crate) extremes: Extremes,
    pub(crate) newest: Generation,
    older: Option<Older>,
    training: Option<Training>,
    /// For each slot of the window: the list, with the generation's parity.
    pub(crate) homes: Vec<u32>,
    pub(crate) stats: ListStats,
    /// Vectors, and those with clipped lanes, since the range was last looked at.
    pub(crate) lately: (u64, u64),
    /// Whether new centroids are wanted.
    pub(crate) is_stale: bool,
    exact: Exact,
    pool: Pool,
    scratch: Scratch,
    is_last_exact: bool,
}

/// Room that searches and inserts use.
#[derive(Debug)]
struct Scratch {
    code: Vec<u8>,
    signed: Signed,
    dots: Vec<i32>,
    /// Lists to be looked through: (distance, list).
    probes: Vec<(i32, usize)>,
    shortlist: Shortlist,
}

impl Lists {
    /// Makes the index of a window that is empty.
    ///
    /// Cost: allocates. Chunks of the lists are allocated as they are needed and then kept.
    #[must_use]
    pub fn new(window: &Window, metric: Metric, choice: Choice) -> Self {
        let stride = stride_of(window.dim());
        Self {
            metric,
            choice,
            stride,
            quantiser: None,
            extremes: Extremes::NONE,
            newest: Generation::new(Centroids::single(stride)),
            older: None,
            training: None,
            homes: vec![0; window.room()],
            stats: ListStats {
                lists: 1,
                probes: 1,
                rerank: choice.rerank.into(),
                ..ListStats::default()
            },
            lately: (0, 0),
            is_stale: false,
            exact: Exact::new(metric),
            pool: Pool::new(stride),
            scratch: Scratch {
                code: vec![0; stride],
                signed: Signed::new(stride),
                dots: vec![0; 1],
                probes: Vec::new(),
                shortlist: Shortlist::default(),
            },
            is_last_exact: true,
        }
    }

    /// The counts.
    #[must_use]
    pub fn stats(&self) -> &ListStats {
        &self.stats
    }

    /// Whether the last search compared every vector.
    #[must_use]
    pub fn is_last_exact(&self) -> bool {
        self.is_last_exact
    }

    /// Whether neither training nor moving is under way, so that the index can be saved.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.training.is_none() && self.older.is_none()
    }

    /// Sets how many lists a query looks through, between one and all.
    pub fn set_probes(&mut self, probes: u64) {
        self.stats.probes = probes.clamp(1, self.stats.lists);
    }

    /// Sets how many candidates are compared for each neighbour, at least as many as were chosen
    /// and at most [`MOST_RERANK`], unless more were chosen.
    pub(crate) fn set_rerank(&mut self, rerank: u64) {
        let least = u64::from(self.choice.rerank).max(1);
        self.stats.rerank = rerank.clamp(least, least.max(MOST_RERANK));
    }

    /// Has new centroids trained as soon as there is time.
    pub fn retrain(&mut self) {
        self.is_stale = true;
    }

    /// Codes the vector at `position` into the scratch and gives its square and its list of the
    /// newest generation.
    fn code(&mut self, window: &Window, position: u64) -> (i32, usize) {
        let factor = factor(self.metric, window.mark(position).norm);
        let quantiser = self.quantiser_for(window, position, factor);
        let Scratch { code, signed, dots, .. } = &mut self.scratch;
        let coded = quantiser.encode(window.lanes(position), factor, code);
        self.lately.0 += 1;
        if coded.clipped > 0 {
            self.extremes.see(window.lanes(position), factor);
            self.lately.1 += 1;
        }
        signed.set(code);
        (coded.square, self.newest.centroids.nearest(signed, dots).0)
    }

    fn quantiser_for(&mut self, window: &Window, position: u64, factor: f32) -> Quantiser {
        if self.quantiser.is_none() {
            self.extremes.see(window.lanes(position), factor);
        }
        let (extremes, is_centred) = (self.extremes, self.metric == Metric::InnerProduct);
        *self.quantiser.get_or_insert_with(|| Quantiser::new(extremes, is_centred))
    }

    /// The home of a list of the newest generation.
    fn home_of(&self, list: usize) -> u32 {
        let parity = if self.stats.generation.is_multiple_of(2) { 0 } else { ODD };
        u32::try_from(list).unwrap_or(0) | parity
    }

    /// Makes the query the signed side of inner products.
    fn code_query(&mut self, query: &[f32]) {
        let Scratch { code, signed, .. } = &mut self.scratch;
        let (quantiser, factor) = match self.metric {
            // An inner product scales with the query, so the query has a range of its own.
            Metric::InnerProduct => {
                let mut extremes = Extremes::NONE;
                extremes.see(query, 1.0);
                (Quantiser::new(extremes, true), 1.0)
            }
            Metric::L2 | Metric::Cosine => {
                let norm = self.metric.norm_of(query);
                let factor = if norm > 0.0 { norm.recip() } else { 1.0 };
                #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
                let factor = factor as f32;
                let unused = Quantiser::new(Extremes::NONE, false);
                (self.quantiser.unwrap_or(unused), factor)
            }
        };
        quantiser.encode(query, factor, code);
        signed.set(code);
    }

    /// Restores an entry whose list of the newest generation is known.
    pub(crate) fn adopt(&mut self, window: &Window, position: u64, list: u32) -> bool {
        let lately = self.lately;
        let (square, _) = self.code(window, position);
        self.lately = lately;
        let list = usize::try_from(list).unwrap_or(usize::MAX);
        let home = self.home_of(list);
        let entry = Entry { position, square, code: &self.scratch.code };
        let Some(posting) = self.newest.lists.get_mut(list) else { return false };
        posting.push_back(&mut self.pool, entry);
        self.homes.get_mut(window.slot(position)).is_some_and(|at| {
            *at = home;
            true
        })
    }

    /// Takes over centroids and counts from a snapshot, before entries are adopted.
    pub(crate) fn begin_at(&mut self, centroids: Centroids, stats: ListStats) {
        self.scratch.dots.resize(centroids.len().max(1), 0);
        self.newest = Generation::new(centroids);
        self.stats = stats;
    }

    /// Whether the home of the vector at `position` is its list, for snapshots.
    pub(crate) fn list_of(&self, window: &Window, position: u64) -> u32 {
        self.homes.get(window.slot(position)).map_or(0, |home| home & !ODD)
    }
}

impl Index for Lists {
    fn insert(&mut self, window: &Window, position: u64) {
        self.swap_if_due(window, position);
        let (square, list) = self.code(window, position);
        let home = self.home_of(list);
        let entry = Entry { position, square, code: &self.scratch.code };
        if let Some(posting) = self.newest.lists.get_mut(list) {
            posting.push_back(&mut self.pool, entry);
        }
        if let Some(at) = self.homes.get_mut(window.slot(position)) {
            *at = home;
        }
        self.migrate(window);
        self.widen_if_due(window);
        self.train_if_due(window, position);
    }

    fn expire(&mut self, window: &Window, position: u64) {
        let home = self.homes.get(window.slot(position)).copied().unwrap_or(0);
        let is_newest = home == self.home_of(usize::try_from(home & !ODD).unwrap_or(0));
        let generation = match &mut self.older {
            Some(older) if !is_newest => &mut older.generation,
            _ => &mut self.newest,
        };
        let list = usize::try_from(home & !ODD).unwrap_or(usize::MAX);
        let posting = generation.lists.get_mut(list);
        let was_there = posting.is_some_and(|list| list.pop_front(&mut self.pool, position));
        debug_assert!(was_there, "position {position} is the oldest of its list");
    }

    fn search(&mut self, window: &Window, ask: &Ask<'_>, nearest: &mut Nearest) -> Scan {
        self.is_last_exact = window.len() as u64 <= self.choice.exact_up_to;
        if self.is_last_exact || nearest.has_radius() {
            self.is_last_exact = true;
            return self.exact.search(window, ask, nearest);
        }
        self.code_query(ask.query);
        let rerank = usize::try_from(self.stats.rerank).unwrap_or(usize::MAX);
        self.scratch.shortlist.begin(nearest.room().saturating_mul(rerank));
        let mut scan = Scan::default();
        let mut is_all = true;
        let older = self.older.as_ref().map(|older| &older.generation);
        for generation in std::iter::once(&self.newest).chain(older) {
            is_all &= self.scratch.choose(generation, self.metric, self.stats.probes);
            scan.scanned += self.scratch.look(generation, self.metric, window, ask.filter);
        }
        let query = (ask.query, self.metric.norm_of(ask.query));
        for position in self.scratch.shortlist.positions() {
            Exact::offer(self.metric, window, position, query, nearest);
        }
        if nearest.is_full() || is_all {
            return scan;
        }
        self.stats.fell_back += 1;
        self.is_last_exact = true;
        nearest.clear();
        self.exact.search(window, ask, nearest)
    }
}

impl Scratch {
    /// Chooses the lists to look through and says whether they are all that have entries.
    fn choose(&mut self, generation: &Generation, metric: Metric, most: u64) -> bool {
        self.probes.clear();
        let Generation { centroids, lists } = generation;
        if lists.len() == 1 {
            self.probes.push((0, 0));
            return true;
        }
        let dots = self.dots.get_mut(..lists.len()).unwrap_or(&mut []);
        kernel::dot_codes(&centroids.codes, self.signed.lanes(), dots);
        for (at, ((dot, square), list)) in
            dots.iter().zip(&centroids.squares).zip(lists).enumerate()
        {
            if list.len() > 0 {
                self.probes.push((score(metric, self.signed.corrected(*dot), *square), at));
            }
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX).max(1);
        if self.probes.len() <= most {
            return true;
        }
        self.probes.select_nth_unstable(most - 1);
        self.probes.truncate(most);
        false
    }

    /// Looks through the chosen lists and gives the number of codes seen.
    fn look(
        &mut self,
        generation: &Generation,
        metric: Metric,
        window: &Window,
        filter: Filter,
    ) -> u64 {
        let admits_all = filter.admits_all();
        let stride = self.code.len();
        let mut dots = [0; CHUNK];
        let mut seen = 0;
        let lists = self.probes.iter().filter_map(|(_, at)| generation.lists.get(*at));
        for run in lists.flat_map(|list| list.runs(stride)) {
            kernel::dot_codes(run.codes, self.signed.lanes(), &mut dots);
            seen += run.positions.len() as u64;
            for ((dot, square), position) in dots.iter().zip(run.squares).zip(run.positions) {
                let score = score(metric, self.signed.corrected(*dot), *square);
                if score > self.shortlist.limit() {
                    continue;
                }
                if admits_all || filter.admits(&window.mark(*position)) {
                    self.shortlist.offer(score, *position);
                }
            }
        }
        seen
    }
}

/// What lanes are multiplied with before they are coded: cosine codes directions.
fn factor(metric: Metric, norm: f32) -> f32 {
    match metric {
        Metric::L2 | Metric::InnerProduct => 1.0,
        Metric::Cosine if norm > 0.0 && norm.recip().is_finite() => norm.recip(),
        Metric::Cosine => 0.0,
    }
}

/// The rank of a code by its inner product with the query: the lower the nearer.
#[inline]
fn score(metric: Metric, dot: i32, square: i32) -> i32 {
    match metric {
        Metric::InnerProduct => -dot,
        Metric::L2 | Metric::Cosine => square - 2 * dot,
    }
}
