//! The search in lists: of an index as it is, or of one that stands still for another thread.

#[cfg(doc)]
use super::ListStats;
use super::reach::Bounds;
use super::{Body, Generation};
use crate::code::{self, Measure, Signed};
use crate::filter::Filter;
use crate::index::{Ask, Exact, Index};
use crate::kernel;
use crate::metric::Metric;
use crate::nearest::Nearest;
use crate::posting::{CHUNK, Posting};
use crate::ranking::{self, Ranking, bits, key, rank_of};
use crate::scan::Scan;
use crate::shortlist::{Candidate, Shortlist};
use crate::window::Window;
use std::sync::Arc;

/// The part of all vectors, one in so many, from which on lanes are not read one by one.
const MOST_PART: usize = 8;

/// How far a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effort {
    /// How much farther than the nearest a centroid may be, see [`ListStats::probe_permille`].
    pub(crate) probe_permille: u64,
    /// Candidates whose lanes are compared, for each neighbour asked for.
    pub(crate) rerank: u64,
}

/// What a search was like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// All vectors were compared, or their codes prove that they are too far.
    Exact,
    /// The lists had too few, so that all were looked at.
    FellBack,
    /// Neighbours may have been missed.
    Approximate,
}

/// Room that searches use, and inserts for codes. Each thread that searches has its own.
#[derive(Debug)]
pub(crate) struct Seeker {
    exact: Exact,
    pub(super) code: Vec<u8>,
    signed: Signed,
    ranking: Ranking,
    bounds: Bounds,
    /// Inner products with centroids, or with the codes of a chunk.
    dots: Vec<i32>,
    /// Their ranks.
    ranks: Vec<f32>,
    /// Centroids by rank: (its key, list).
    centroids: Vec<(i32, usize)>,
    shortlist: Shortlist,
    /// Positions that may be near enough.
    near: Vec<u64>,
}

impl Seeker {
    pub(crate) fn new(metric: Metric, stride: usize) -> Self {
        Self {
            exact: Exact::new(metric),
            code: vec![0; stride],
            signed: Signed::new(stride),
            ranking: Ranking::default(),
            bounds: Bounds::default(),
            dots: vec![0; CHUNK],
            ranks: vec![0.0; CHUNK],
            centroids: Vec::new(),
            shortlist: Shortlist::default(),
            near: Vec::new(),
        }
    }

    /// Offers `nearest` what is near to a query.
    pub(crate) fn search(
        &mut self,
        body: &Body,
        window: &Window,
        effort: Effort,
        ask: &Ask<'_>,
        nearest: &mut Nearest,
    ) -> (Scan, Found) {
        let is_flat = body.older.is_none() && body.newest.lists.len() == 1;
        let is_few = window.len() as u64 <= body.choice.exact_up_to;
        if is_few || is_flat || nearest.has_radius() {
            return (self.search_all(body, window, ask, nearest), Found::Exact);
        }
        self.begin(body, effort.rerank, ask, nearest);
        let (metric, filter) = (body.metric, ask.filter);
        let mut scan = Scan::default();
        let mut is_all = true;
        for generation in body.generations() {
            let wanted = (metric, filter);
            let (seen, all) = self.look_near(generation, wanted, effort.probe_permille, window);
            scan.scanned += seen as u64;
            is_all &= all;
        }
        self.compare(body, window, ask, nearest);
        if nearest.is_full() || is_all {
            return (scan, Found::Approximate);
        }
        nearest.clear();
        scan += self.search_all(body, window, ask, nearest);
        (scan, Found::FellBack)
    }

    /// Offers `nearest` what is nearest of all.
    ///
    /// Where there are many, all codes are looked at and the k best compared; what is found bounds
    /// what can be nearer still, and of that nothing is left out. So it is what a search of all
    /// lanes finds, to the last bit, of which it reads a few.
    pub(crate) fn search_all(
        &mut self,
        body: &Body,
        window: &Window,
        ask: &Ask<'_>,
        nearest: &mut Nearest,
    ) -> Scan {
        if window.len() as u64 <= body.choice.exact_up_to {
            return self.exact.search(window, ask, nearest);
        }
        self.begin(body, 1, ask, nearest);
        let (metric, filter) = (body.metric, ask.filter);
        let mut seen = 0;
        for generation in body.generations() {
            seen += self.look(&generation.lists, filter, window, Some(seen));
        }
        self.compare(body, window, ask, nearest);
        let reach = self.bounds.reach(nearest.limit());
        if !self.reach(body, window, reach, filter) {
            // So many that lanes are read faster one after the other.
            nearest.clear();
            return self.exact.search(window, ask, nearest);
        }
        nearest.clear();
        let query = (ask.query, metric.norm_of(ask.query));
        for position in &self.near {
            Exact::offer(metric, window, *position, query, nearest);
        }
        Scan { scanned: seen as u64, ..Scan::default() }
    }

    /// Prepares for a query.
    fn begin(&mut self, body: &Body, rerank: u64, ask: &Ask<'_>, nearest: &Nearest) {
        let measure = code::encode_new(body.metric, ask.query, &mut self.code);
        self.bounds = Bounds::new(body.metric, ask.query.len(), &measure);
        self.rank_by(body.metric, ask.query.len(), &measure);
        let rerank = usize::try_from(rerank).unwrap_or(usize::MAX);
        self.shortlist.begin(nearest.room().saturating_mul(rerank));
    }

    /// Compares the candidates: the k best, and of the others those that may be as near.
    fn compare(&mut self, body: &Body, window: &Window, ask: &Ask<'_>, nearest: &mut Nearest) {
        let metric = body.metric;
        let query = (ask.query, metric.norm_of(ask.query));
        let (best, others) = self.shortlist.best(nearest.room());
        for candidate in best {
            Exact::offer(metric, window, candidate.position, query, nearest);
        }
        let reach = self.bounds.reach(nearest.limit());
        self.near.clear();
        let beyond = |own: &&Candidate| own.least > reach;
        self.near.extend(others.iter().filter(|own| !beyond(own)).map(|own| own.position));
        if self.near.is_empty() {
            return;
        }
        // Of equal distances the first that is offered leads.
        self.near.extend(best.iter().map(|own| own.position));
        self.near.sort_unstable();
        nearest.clear();
        for position in &self.near {
            Exact::offer(metric, window, *position, query, nearest);
        }
    }

    /// Notes, in ascending order, all positions within reach, by the ranks of all codes;
    /// `false` if they are a large part of all.
    fn reach(&mut self, body: &Body, window: &Window, reach: f32, filter: Filter) -> bool {
        let (admits_all, stride) = (filter.admits_all(), self.code.len());
        let most = window.len() / MOST_PART;
        self.near.clear();
        let mut ranks = self.ranks.as_slice();
        for run in body
            .generations()
            .flat_map(|generation| &generation.lists)
            .flat_map(|list| list.runs(stride))
        {
            let Some((own, rest)) = ranks.split_at_checked(run.positions.len()) else {
                return false;
            };
            ranks = rest;
            let near = bits(self.bounds.admits(reach, own, &run.coded))
                .filter_map(|at| run.positions.get(at));
            let admitted = |at: &&u64| admits_all || filter.admits(&window.mark(**at));
            self.near.extend(near.filter(admitted));
            if self.near.len() > most {
                return false;
            }
        }
        self.near.sort_unstable();
        true
    }

    /// The list whose centroid is nearest to the vector whose code is in the scratch.
    pub(super) fn list_of_code(
        &mut self,
        generation: &Generation,
        lanes: usize,
        measure: &Measure,
    ) -> usize {
        if generation.centroids.len() == 1 {
            return 0;
        }
        // Lists hold what is near to each other, whatever is asked for.
        self.rank_by(Metric::L2, lanes, measure);
        self.ranks_of_centroids(generation);
        ranking::least(self.ranks.get(..generation.centroids.len()).unwrap_or(&[])).0
    }

    /// Makes the code in the scratch the one that ranks are for.
    fn rank_by(&mut self, metric: Metric, lanes: usize, measure: &Measure) {
        self.signed.set(&self.code);
        self.ranking = Ranking::new(metric, lanes, measure, self.signed.excess);
    }

    fn ranks_of_centroids(&mut self, generation: &Generation) {
        let centroids = generation.centroids.all();
        let count = centroids.len();
        if self.dots.len() < count {
            self.dots.resize(count, 0);
        }
        if self.ranks.len() < count {
            self.ranks.resize(count, 0.0);
        }
        let dots = self.dots.get_mut(..count).unwrap_or(&mut []);
        kernel::dot_codes(centroids.codes, self.signed.lanes(), dots);
        ranking::rank(dots, &centroids, &self.ranking, &mut self.ranks);
    }

    /// Looks through the lists of the nearest centroids; gives the number of codes and whether
    /// those were all lists.
    ///
    /// A vector of a list whose centroid is farther from the query than the nearest centroid by
    /// twice the distance D is itself farther than D: by the triangle inequality, since it is
    /// nearer to its own centroid than to that one. With D of the best so far `permille` says how
    /// much of that is thought to be enough, 2,000 being all. So a query among many neighbours
    /// looks through few lists, and one that is far from everything through many. Inner products
    /// have no such bound: for them it is a share of the lists.
    fn look_near(
        &mut self,
        generation: &Generation,
        (metric, filter): (Metric, Filter),
        permille: u64,
        window: &Window,
    ) -> (usize, bool) {
        let mut near = std::mem::take(&mut self.centroids);
        self.rank_centroids(generation, &mut near);
        let share = (near.len() as u64 * permille).div_ceil(1_000);
        let (mut seen, mut sorted, mut first) = (0, 0, 0.0);
        let mut is_all = true;
        for place in 0..near.len() {
            if place == sorted {
                sorted = sort_more(&mut near, sorted);
            }
            let Some((key, at)) = near.get(place).copied() else { break };
            let rank = rank_of(key);
            if place == 0 {
                first = distance(rank);
            } else if match metric {
                Metric::InnerProduct => place as u64 >= share,
                Metric::L2 | Metric::Cosine => self.is_beyond(distance(rank) - first, permille),
            } {
                is_all = false;
                break;
            }
            seen += self.look(generation.lists.get(at), filter, window, None);
        }
        self.centroids = near;
        (seen, is_all)
    }

    /// Whether a centroid that is so much farther than the nearest is too far.
    fn is_beyond(&self, farther: f32, permille: u64) -> bool {
        farther > distance(self.shortlist.limit()) * permille as f32 / 1e3
    }

    /// Ranks the centroids of lists that have entries.
    fn rank_centroids(&mut self, generation: &Generation, near: &mut Vec<(i32, usize)>) {
        near.clear();
        self.ranks_of_centroids(generation);
        for (at, (rank, list)) in self.ranks.iter().zip(&generation.lists).enumerate() {
            if list.len() > 0 {
                near.push((key(*rank), at));
            }
        }
    }

    /// Looks through lists for the shortlist and gives the number of codes. Their ranks are kept,
    /// from `kept` on, where that is given.
    fn look<'l>(
        &mut self,
        lists: impl IntoIterator<Item = &'l Arc<Posting>>,
        filter: Filter,
        window: &Window,
        kept: Option<usize>,
    ) -> usize {
        let (admits_all, stride) = (filter.admits_all(), self.code.len());
        let mut seen = 0;
        for run in lists.into_iter().flat_map(|list| list.runs(stride)) {
            let count = run.positions.len();
            let at = kept.map_or(0, |kept| kept + seen);
            if self.ranks.len() < at + count {
                self.ranks.resize((at + count).max(window.len()), 0.0);
            }
            let dots = self.dots.get_mut(..count).unwrap_or(&mut []);
            let ranks = self.ranks.get_mut(at..at + count).unwrap_or(&mut []);
            kernel::dot_codes(run.coded.codes, self.signed.lanes(), dots);
            ranking::rank(dots, &run.coded, &self.ranking, ranks);
            seen += count;
            for at in bits(ranking::not_above(ranks, self.shortlist.limit())) {
                let (Some(rank), Some(position)) = (ranks.get(at), run.positions.get(at)) else {
                    break;
                };
                let is_above = *rank > self.shortlist.limit();
                if !is_above && (admits_all || filter.admits(&window.mark(*position))) {
                    let least = self.bounds.least(*rank, &run.coded.measure(at));
                    self.shortlist.offer(Candidate::new(*rank, least, *position));
                }
            }
        }
        seen
    }
}

/// The distance that a rank stands for: any, if it is no number.
fn distance(rank: f32) -> f32 {
    if rank.is_nan() { f32::INFINITY } else { rank.max(0.0).sqrt() }
}

/// Puts the next nearest behind those that are sorted, about as many again, and gives how many are
/// sorted then.
fn sort_more(near: &mut [(i32, usize)], sorted: usize) -> usize {
    let next = (2 * sorted).max(8).min(near.len());
    let rest = near.get_mut(sorted..).unwrap_or(&mut []);
    if next < sorted + rest.len() {
        rest.select_nth_unstable(next - sorted - 1);
    }
    rest.get_mut(..next - sorted).unwrap_or(&mut []).sort_unstable();
    next
}
