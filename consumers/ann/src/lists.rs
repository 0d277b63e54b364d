//! The approximate index: an inverted file whose posting lists are queues, over codes of one byte.
//!
//! Each vector's code stands in the list of its nearest centroid. A vector that comes is appended
//! to its list, one that leaves is the oldest of its list: both cost the same however many there
//! are, and nothing is ever marked as deleted. A query looks through the lists of the nearest
//! centroids, takes the best by code, and compares those with the lanes in the window.
//!
//! With one list, which is how an index begins, all codes are looked at, and nothing is missed:
//! what the codes of the others prove (`reach`) decides whose lanes are read beside those.
//!
//! Everything up to the last comparison is arithmetic that IEEE 754 rounds in one way, so that the
//! same vectors give the same candidates on every processor.
//! Centroids are trained aside and take over at a position that is fixed when training begins;
//! after that the entries of the older lists move to the new ones, a few with each vector that
//! comes. While there are two generations of lists a query looks into both.

mod reach;
mod seek;
mod train;

use crate::code::{Measure, encode_for, stride_of};
use crate::codes::Codes;
use crate::index::{Ask, Index};
use crate::kmeans;
use crate::metric::Metric;
use crate::nearest::Nearest;
use crate::posting::{Entry, Pool, Posting};
use crate::scan::Scan;
use crate::window::Window;
use std::sync::Arc;
use train::{Older, Training};

pub(crate) use reach::Bounds;
pub(crate) use seek::{Effort, Found, Seeker};

/// Set in a home if it is one of the generation of odd number.
const ODD: u32 = 1 << 31;

/// How far searches look at first, and at most.
const FIRST_PERMILLE: u64 = 350;
pub(crate) const MOST_PERMILLE: u64 = 2_000;
/// Candidates for each neighbour that measured recall leads to, at most.
const MOST_RERANK: u64 = 64;

/// When all lanes are read, when all codes, and when some lists of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Live vectors up to which every search compares all lanes. Beyond, codes say which lanes need
    /// not be read, with the same answers.
    pub exact_up_to: u64,
    /// Live vectors from which on there are lists, of which a search looks through some; up to
    /// there it is exact.
    pub lists_from: u64,
    /// Lists at most, up to 65,536. A few hundred for many updates, a thousand for fast queries.
    pub lists: u32,
    /// Vectors for each list, at least: where there are not as many, there are fewer lists.
    pub per_list: u32,
    /// Candidates whose lanes are compared, for each neighbour asked for.
    pub rerank: u32,
}

/// What an index of lists has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListStats {
    /// Lists of the newest generation.
    pub lists: u64,
    /// How far a search looks: through the lists whose centroids are not farther from the query
    /// than the nearest by more than so many thousandths of the distance of the best candidates so
    /// far. 2,000 are enough for all neighbours. Of inner products, the share of the lists.
    pub probe_permille: u64,
    /// Candidates whose lanes are compared, for each neighbour asked for.
    pub rerank: u64,
    /// Generations of centroids so far.
    pub generation: u32,
    /// Searches that found too few in the lists and compared all vectors.
    pub fell_back: u64,
}

/// The lists of one set of centroids. A clone shares them: what changes is copied first.
#[derive(Clone, Debug)]
pub(crate) struct Generation {
    pub(crate) centroids: Arc<Codes>,
    pub(crate) lists: Vec<Arc<Posting>>,
}

impl Generation {
    pub(crate) fn new(centroids: Codes) -> Self {
        let lists = (0..centroids.len()).map(|_| Arc::default()).collect();
        Self { centroids: Arc::new(centroids), lists }
    }

    /// A list, to be changed.
    fn list_mut(&mut self, list: usize) -> Option<&mut Posting> {
        self.lists.get_mut(list).map(Arc::make_mut)
    }
}

/// What a search looks at. A clone costs a pointer for each list, shares everything, and stands
/// still while the index goes on: it is what other threads search, and what snapshots are made of.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) metric: Metric,
    pub(crate) choice: Choice,
    pub(crate) stride: usize,
    pub(crate) newest: Generation,
    older: Option<Older>,
    pub(crate) stats: ListStats,
    /// Whether new centroids are wanted.
    pub(crate) is_stale: bool,
    /// The position at which training began last, 0 before.
    pub(crate) trained_at: u64,
}

impl Choice {
    /// Exact always, by codes where there are more than a few hundred vectors; with fewer, looking
    /// at the codes first takes as long as comparing all lanes.
    pub const EXACT: Self =
        Self { exact_up_to: 512, lists_from: u64::MAX, lists: 1, per_list: 1, rerank: 2 };

    /// Vectors of one instrument up to which they are compared one by one, wherever they stand.
    pub(crate) fn few(&self) -> u64 {
        self.exact_up_to.saturating_mul(8)
    }
}

impl Body {
    /// The lists of the newest centroids, and of those before, if entries are still moving.
    fn generations(&self) -> impl Iterator<Item = &Generation> {
        let older = self.older.as_ref().map(|older| &older.generation);
        std::iter::once(&self.newest).chain(older)
    }

    /// How far a search goes.
    pub(crate) fn effort(&self) -> Effort {
        Effort { probe_permille: self.stats.probe_permille, rerank: self.stats.rerank }
    }
}

/// The index.
#[derive(Debug)]
pub struct Lists {
    pub(crate) body: Body,
    training: Option<Training>,
    /// For each slot of the window: the list, with the generation's parity.
    homes: Vec<u32>,
    pool: Pool,
    seeker: Seeker,
    is_last_exact: bool,
}

impl Lists {
    /// Makes the index of a window that is empty.
    ///
    /// Cost: allocates. Chunks of the lists are allocated as they are needed and then kept.
    #[must_use]
    pub fn new(window: &Window, metric: Metric, choice: Choice) -> Self {
        let stride = stride_of(window.dim());
        let rerank = choice.rerank.into();
        let body = Body {
            metric,
            choice,
            stride,
            newest: Generation::new(kmeans::single(stride)),
            older: None,
            stats: ListStats {
                lists: 1,
                probe_permille: FIRST_PERMILLE,
                rerank,
                ..ListStats::default()
            },
            is_stale: false,
            trained_at: 0,
        };
        Self {
            body,
            training: None,
            homes: vec![0; window.room()],
            pool: Pool::new(stride),
            seeker: Seeker::new(metric, stride),
            is_last_exact: true,
        }
    }

    /// The counts.
    #[must_use]
    pub fn stats(&self) -> &ListStats {
        &self.body.stats
    }

    /// Whether the last search compared every vector.
    #[must_use]
    pub fn is_last_exact(&self) -> bool {
        self.is_last_exact
    }

    /// Whether neither training nor moving is under way, so that the index can be saved.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.training.is_none() && self.body.older.is_none()
    }

    /// Sets how far a search looks, from 1 up to 2,000, with which nothing is missed but what codes
    /// hide; see [`ListStats::probe_permille`].
    pub fn set_probe_permille(&mut self, permille: u64) {
        self.body.stats.probe_permille = permille.clamp(1, MOST_PERMILLE);
    }

    /// Sets how many candidates are compared for each neighbour, at least as many as were chosen
    /// and at most [`MOST_RERANK`], unless more were chosen.
    pub(crate) fn set_rerank(&mut self, rerank: u64) {
        let least = u64::from(self.body.choice.rerank).max(1);
        self.body.stats.rerank = rerank.clamp(least, least.max(MOST_RERANK));
    }

    /// Has new centroids trained as soon as there is time.
    pub fn retrain(&mut self) {
        self.body.is_stale = true;
    }

    /// Codes the vector at `position` into the scratch and gives what is known of the code, and its
    /// list of the newest generation.
    fn code(&mut self, window: &Window, position: u64) -> (Measure, usize) {
        let Self { body, seeker, .. } = self;
        let (lanes, norm) = (window.lanes(position), window.mark(position).norm);
        let measure = encode_for(body.metric, (lanes, norm), &mut seeker.code);
        (measure, seeker.list_of_code(&body.newest, lanes.len(), &measure))
    }

    /// The home of a list of the newest generation.
    fn home_of(&self, list: usize) -> u32 {
        let parity = if self.body.stats.generation.is_multiple_of(2) { 0 } else { ODD };
        u32::try_from(list).unwrap_or(0) | parity
    }

    /// Restores an entry whose list of the newest generation is known.
    pub(crate) fn adopt(&mut self, window: &Window, position: u64, list: u32) -> bool {
        let (measure, _) = self.code(window, position);
        let list = usize::try_from(list).unwrap_or(usize::MAX);
        let home = self.home_of(list);
        let entry = Entry { position, measure, code: &self.seeker.code };
        let Some(posting) = self.body.newest.list_mut(list) else { return false };
        posting.push_back(&mut self.pool, entry);
        self.homes.get_mut(window.slot(position)).is_some_and(|at| {
            *at = home;
            true
        })
    }

    /// Takes over centroids and counts from a snapshot, before entries are adopted.
    pub(crate) fn begin_at(&mut self, centroids: Codes, stats: ListStats) {
        self.pool.keep_for(centroids.len());
        self.body.newest = Generation::new(centroids);
        self.body.stats = stats;
    }
}

impl Index for Lists {
    fn insert(&mut self, window: &Window, position: u64) {
        self.swap_if_due(window, position);
        let (measure, list) = self.code(window, position);
        let home = self.home_of(list);
        let entry = Entry { position, measure, code: &self.seeker.code };
        if let Some(posting) = self.body.newest.list_mut(list) {
            posting.push_back(&mut self.pool, entry);
        }
        if let Some(at) = self.homes.get_mut(window.slot(position)) {
            *at = home;
        }
        self.migrate(window);
        self.train_if_due(window, position);
    }

    fn expire(&mut self, window: &Window, position: u64) {
        let home = self.homes.get(window.slot(position)).copied().unwrap_or(0);
        let is_newest = home == self.home_of(usize::try_from(home & !ODD).unwrap_or(0));
        let generation = match &mut self.body.older {
            Some(older) if !is_newest => &mut older.generation,
            _ => &mut self.body.newest,
        };
        let list = usize::try_from(home & !ODD).unwrap_or(usize::MAX);
        let posting = generation.list_mut(list);
        let was_there = posting.is_some_and(|list| list.pop_front(&mut self.pool, position));
        debug_assert!(was_there, "position {position} is the oldest of its list");
    }

    fn search_all(&mut self, window: &Window, ask: &Ask<'_>, nearest: &mut Nearest) -> Scan {
        let Self { body, seeker, .. } = self;
        seeker.search_all(body, window, ask, nearest)
    }

    fn search(&mut self, window: &Window, ask: &Ask<'_>, nearest: &mut Nearest) -> Scan {
        let effort = self.body.effort();
        let (scan, found) = self.seeker.search(&self.body, window, effort, ask, nearest);
        self.is_last_exact = found != Found::Approximate;
        self.body.stats.fell_back += u64::from(found == Found::FellBack);
        scan
    }
}
