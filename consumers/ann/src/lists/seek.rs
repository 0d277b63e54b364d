//! The search in lists: of an index as it is, or of one that stands still for another thread.

#[cfg(doc)]
use super::ListStats;
use super::reach::{Asked, Reach};
use super::{Body, Generation, encode};
use crate::filter::Filter;
use crate::index::{Ask, Exact, Index};
use crate::kernel::{self, Ranking};
use crate::metric::{Metric, norm};
use crate::nearest::Nearest;
use crate::posting::{CHUNK, Posting};
use crate::quantiser::{Extremes, Quantiser, Signed};
use crate::scan::Scan;
use crate::shortlist::Shortlist;
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
    asked: Asked,
    /// Inner products with centroids, or with codes of which they then become ranks.
    dots: Vec<i32>,
    /// Centroids by rank: (rank, list).
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
            asked: Asked::default(),
            dots: vec![0; CHUNK],
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
        self.compare(body.metric, window, ask, nearest);
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
        let quantiser = match body.quantiser {
            Some(quantiser) if window.len() as u64 > body.choice.exact_up_to => quantiser,
            _ => return self.exact.search(window, ask, nearest),
        };
        self.begin(body, 1, ask, nearest);
        let (metric, filter) = (body.metric, ask.filter);
        let mut seen = 0;
        for generation in body.generations() {
            seen += self.look(&generation.lists, (metric, filter), window, Some(seen));
        }
        self.compare(metric, window, ask, nearest);
        let limit = (nearest.limit(), ask.query.len());
        let reach = Reach::new(metric, quantiser.step, self.asked, limit);
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
        self.code_query(body, ask.query);
        let rerank = usize::try_from(rerank).unwrap_or(usize::MAX);
        self.shortlist.begin(nearest.room().saturating_mul(rerank));
    }

    /// Compares the candidates.
    fn compare(&mut self, metric: Metric, window: &Window, ask: &Ask<'_>, nearest: &mut Nearest) {
        let query = (ask.query, metric.norm_of(ask.query));
        for position in self.shortlist.positions() {
            Exact::offer(metric, window, position, query, nearest);
        }
    }

    /// Notes, in ascending order, all positions within reach, by the ranks of all codes;
    /// `false` if they are a large part of all.
    fn reach(&mut self, body: &Body, window: &Window, reach: Reach, filter: Filter) -> bool {
        let (admits_all, stride) = (filter.admits_all(), self.code.len());
        let most = window.len() / MOST_PART;
        self.near.clear();
        let mut dots = self.dots.as_slice();
        for run in body
            .generations()
            .flat_map(|generation| &generation.lists)
            .flat_map(|list| list.runs(stride))
        {
            let Some((own, rest)) = dots.split_at_checked(run.positions.len()) else {
                return false;
            };
            dots = rest;
            let near = bits(reach.admits(own, &run)).filter_map(|at| run.positions.get(at));
            let admitted = |at: &&u64| admits_all || filter.admits(&window.mark(**at));
            self.near.extend(near.filter(admitted));
            if self.near.len() > most {
                return false;
            }
        }
        self.near.sort_unstable();
        true
    }

    /// The list whose centroid is nearest to the code in the scratch.
    pub(super) fn list_of_code(&mut self, generation: &Generation) -> usize {
        self.signed.set(&self.code);
        let most = generation.centroids.len();
        self.dots.resize(most.max(self.dots.len()), 0);
        generation.centroids.nearest(&self.signed, &mut self.dots).0
    }

    /// Makes the query the signed side of inner products.
    fn code_query(&mut self, body: &Body, query: &[f32]) {
        let unused = Quantiser::new(Extremes::NONE, false);
        let quantiser = match body.metric {
            // An inner product scales with the query, so the query has a range of its own.
            Metric::InnerProduct => {
                let mut extremes = Extremes::NONE;
                extremes.see(query, 1.0);
                Quantiser::new(extremes, true)
            }
            Metric::L2 | Metric::Cosine => body.quantiser.unwrap_or(unused),
        };
        #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
        let norm = norm(query) as f32;
        let (measure, _) = encode(body.metric, quantiser, (query, norm), &mut self.code);
        self.signed.set(&self.code);
        self.asked = Asked { step: quantiser.step, measure };
    }

    fn ranking(&self, metric: Metric) -> Ranking {
        Ranking { excess: self.signed.excess, is_product: metric == Metric::InnerProduct }
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
        self.rank_centroids(generation, metric, &mut near);
        let share = (near.len() as u64 * permille).div_ceil(1_000);
        let (mut seen, mut sorted, mut first) = (0, 0, 0.0);
        let mut is_all = true;
        for place in 0..near.len() {
            if place == sorted {
                sorted = sort_more(&mut near, sorted);
            }
            let Some((rank, at)) = near.get(place).copied() else { break };
            if place == 0 {
                first = self.distance(rank);
            } else if match metric {
                Metric::InnerProduct => place as u64 >= share,
                Metric::L2 | Metric::Cosine => {
                    self.is_beyond(self.distance(rank) - first, permille)
                }
            } {
                is_all = false;
                break;
            }
            seen += self.look(generation.lists.get(at), (metric, filter), window, None);
        }
        self.centroids = near;
        (seen, is_all)
    }

    /// Whether a centroid that is so much farther than the nearest is too far.
    fn is_beyond(&self, farther: f32, permille: u64) -> bool {
        let limit = self.shortlist.limit();
        limit != i32::MAX && farther > self.distance(limit) * permille as f32 / 1e3
    }

    /// The distance that a rank stands for, in steps. Roots of whole numbers are the same on every
    /// processor.
    fn distance(&self, rank: i32) -> f32 {
        (rank.saturating_add(self.asked.measure.square).max(0) as f32).sqrt()
    }

    /// Ranks the centroids of lists that have entries.
    fn rank_centroids(
        &mut self,
        generation: &Generation,
        metric: Metric,
        near: &mut Vec<(i32, usize)>,
    ) {
        near.clear();
        let Generation { centroids, lists } = generation;
        self.dots.resize(lists.len().max(self.dots.len()), 0);
        let ranking = self.ranking(metric);
        let dots = self.dots.get_mut(..lists.len()).unwrap_or(&mut []);
        kernel::dot_codes(&centroids.codes, self.signed.lanes(), dots);
        let squares = dots.iter().zip(&centroids.squares);
        for (at, ((dot, square), list)) in squares.zip(lists).enumerate() {
            if list.len() > 0 {
                near.push((ranking.rank(*dot, *square), at));
            }
        }
    }

    /// Looks through lists for the shortlist and gives the number of codes. Their ranks are kept,
    /// in `dots` from `kept` on, where that is given.
    fn look<'l>(
        &mut self,
        lists: impl IntoIterator<Item = &'l Arc<Posting>>,
        (metric, filter): (Metric, Filter),
        window: &Window,
        kept: Option<usize>,
    ) -> usize {
        let (admits_all, stride) = (filter.admits_all(), self.code.len());
        let ranking = self.ranking(metric);
        let mut seen = 0;
        for run in lists.into_iter().flat_map(|list| list.runs(stride)) {
            let at = kept.map_or(0, |kept| kept + seen);
            let end = at + run.positions.len();
            if self.dots.len() < end {
                self.dots.resize(end.max(window.len()), 0);
            }
            let dots = self.dots.get_mut(at..end).unwrap_or(&mut []);
            kernel::dot_codes(run.codes, self.signed.lanes(), dots);
            seen += run.positions.len();
            let good = kernel::rank(dots, run.squares, ranking, self.shortlist.limit());
            for at in bits(good) {
                let (Some(rank), Some(position)) = (dots.get(at), run.positions.get(at)) else {
                    break;
                };
                if *rank <= self.shortlist.limit()
                    && (admits_all || filter.admits(&window.mark(*position)))
                {
                    self.shortlist.offer(*rank, *position);
                }
            }
        }
        seen
    }
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

/// The places of the bits that are set.
fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (at < u64::BITS).then_some(at as usize)
    })
}
