//! The search in lists: of an index as it is, or of one that stands still for another thread.

use super::{Body, Generation};
use crate::filter::Filter;
use crate::index::{Ask, Exact, Index};
use crate::kernel;
use crate::metric::Metric;
use crate::nearest::Nearest;
use crate::posting::CHUNK;
use crate::quantiser::{Coded, Extremes, Quantiser, Signed};
use crate::scan::Scan;
use crate::shortlist::Shortlist;
use crate::window::Window;

/// How far a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effort {
    /// Lists that it looks through.
    pub(crate) probes: u64,
    /// Candidates whose lanes are compared, for each neighbour asked for.
    pub(crate) rerank: u64,
}

/// What a search was like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// All vectors were compared, as it is done where there are few.
    Exact,
    /// The lists had too few, so that all vectors were compared.
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
    dots: Vec<i32>,
    /// Lists to be looked through: (distance, list).
    probes: Vec<(i32, usize)>,
    shortlist: Shortlist,
}

impl Seeker {
    pub(crate) fn new(metric: Metric, stride: usize) -> Self {
        Self {
            exact: Exact::new(metric),
            code: vec![0; stride],
            signed: Signed::new(stride),
            dots: vec![0; 1],
            probes: Vec::new(),
            shortlist: Shortlist::default(),
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
        if window.len() as u64 <= body.choice.exact_up_to || nearest.has_radius() {
            return (self.exact.search(window, ask, nearest), Found::Exact);
        }
        self.code_query(body, ask.query);
        let rerank = usize::try_from(effort.rerank).unwrap_or(usize::MAX);
        self.shortlist.begin(nearest.room().saturating_mul(rerank));
        let mut scan = Scan::default();
        let mut is_all = true;
        let older = body.older.as_ref().map(|older| &older.generation);
        for generation in std::iter::once(&body.newest).chain(older) {
            is_all &= self.choose(generation, body.metric, effort.probes);
            scan.scanned += self.look(generation, body.metric, window, ask.filter);
        }
        let query = (ask.query, body.metric.norm_of(ask.query));
        for position in self.shortlist.positions() {
            Exact::offer(body.metric, window, position, query, nearest);
        }
        if nearest.is_full() || is_all {
            return (scan, Found::Approximate);
        }
        nearest.clear();
        (self.exact.search(window, ask, nearest), Found::FellBack)
    }

    /// Codes lanes and gives the code's square and its nearest centroid.
    pub(super) fn code(
        &mut self,
        quantiser: Quantiser,
        generation: &Generation,
        (lanes, factor): (&[f32], f32),
    ) -> (Coded, usize) {
        let coded = quantiser.encode(lanes, factor, &mut self.code);
        self.signed.set(&self.code);
        let most = generation.centroids.len();
        self.dots.resize(most.max(self.dots.len()), 0);
        (coded, generation.centroids.nearest(&self.signed, &mut self.dots).0)
    }

    /// Makes the query the signed side of inner products.
    fn code_query(&mut self, body: &Body, query: &[f32]) {
        let (quantiser, factor) = match body.metric {
            // An inner product scales with the query, so the query has a range of its own.
            Metric::InnerProduct => {
                let mut extremes = Extremes::NONE;
                extremes.see(query, 1.0);
                (Quantiser::new(extremes, true), 1.0)
            }
            Metric::L2 | Metric::Cosine => {
                let norm = body.metric.norm_of(query);
                let factor = if norm > 0.0 { norm.recip() } else { 1.0 };
                #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
                let factor = factor as f32;
                let unused = Quantiser::new(Extremes::NONE, false);
                (body.quantiser.unwrap_or(unused), factor)
            }
        };
        quantiser.encode(query, factor, &mut self.code);
        self.signed.set(&self.code);
    }

    /// Chooses the lists to look through and says whether they are all that have entries.
    fn choose(&mut self, generation: &Generation, metric: Metric, most: u64) -> bool {
        self.probes.clear();
        let Generation { centroids, lists } = generation;
        if lists.len() == 1 {
            self.probes.push((0, 0));
            return true;
        }
        self.dots.resize(lists.len().max(self.dots.len()), 0);
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

/// The rank of a code by its inner product with the query: the lower the nearer.
#[inline]
fn score(metric: Metric, dot: i32, square: i32) -> i32 {
    match metric {
        Metric::InnerProduct => -dot,
        Metric::L2 | Metric::Cosine => square - 2 * dot,
    }
}
