//! The graph of usearch as an index of vectors that never leave.
//!
//! It is told what the others are told. What it finds is compared again by the kernels of this
//! crate, so that distances are the same whichever index found them, and where it finds too few all
//! are compared.

use crate::error::Error;
use crate::index::{Ask, Exact, Index};
use crate::lists::Choice;
use crate::metric::Metric;
use crate::nearest::Nearest;
use crate::recall::Verdict;
use crate::scan::Scan;
use crate::window::Window;
use std::fmt;
use usearch::{IndexOptions, MetricKind, ScalarKind};

/// Connections of a vector, and how far the graph is followed when one is added.
const CONNECTIONS: usize = 16;
const EXPANSION_ADD: usize = 128;
/// How far it is followed by a search: at first, and the bounds of what recall leads to.
const EXPANSION: usize = 64;
const EXPANSIONS: (u64, u64) = (16, 2_048);

/// The index.
pub(crate) struct Graph {
    graph: usearch::Index,
    exact: Exact,
    /// Whether a vector could not be added: then all are compared from there on.
    is_broken: bool,
    is_last_exact: bool,
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expansion = self.graph.expansion_search();
        let mut debug = f.debug_struct("Graph");
        debug.field("exact", &self.exact).field("expansion", &expansion);
        debug.field("is_broken", &self.is_broken).finish_non_exhaustive()
    }
}

impl Graph {
    /// Makes the index of a window that is empty. Cost: allocates for all that it has room for.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] if usearch refuses, for want of memory.
    pub(crate) fn new(window: &Window, metric: Metric) -> Result<Self, Error> {
        let refused = |error: cxx::Exception| Error::Graph { found: error.to_string() };
        let graph = usearch::Index::new(&IndexOptions {
            dimensions: window.dim(),
            metric: match metric {
                Metric::L2 => MetricKind::L2sq,
                Metric::InnerProduct => MetricKind::IP,
                Metric::Cosine => MetricKind::Cos,
            },
            quantization: ScalarKind::F32,
            connectivity: CONNECTIONS,
            expansion_add: EXPANSION_ADD,
            expansion_search: EXPANSION,
            ..IndexOptions::default()
        });
        let graph = graph.map_err(refused)?;
        graph.reserve(window.room()).map_err(refused)?;
        let exact = Exact::new(metric);
        Ok(Self { graph, exact, is_broken: false, is_last_exact: true })
    }

    /// Whether the last search compared every vector.
    pub(crate) fn is_last_exact(&self) -> bool {
        self.is_last_exact
    }

    /// Changes how far a search goes.
    pub(crate) fn follow(&mut self, verdict: Verdict) {
        let now = self.graph.expansion_search() as u64;
        let next = verdict.step(now).clamp(EXPANSIONS.0, EXPANSIONS.1);
        self.graph.change_expansion_search(usize::try_from(next).unwrap_or(EXPANSION));
    }
}

impl Index for Graph {
    fn insert(&mut self, window: &Window, position: u64) {
        self.is_broken |= self.graph.add(position, window.lanes(position)).is_err();
    }

    fn expire(&mut self, _: &Window, position: u64) {
        self.is_broken |= self.graph.remove(position).is_err();
    }

    fn search_all(&mut self, window: &Window, ask: &Ask<'_>, nearest: &mut Nearest) -> Scan {
        self.exact.search_all(window, ask, nearest)
    }

    fn search(&mut self, window: &Window, ask: &Ask<'_>, nearest: &mut Nearest) -> Scan {
        let is_few = window.len() as u64 <= Choice::EXACT.exact_up_to;
        self.is_last_exact = is_few || self.is_broken || nearest.has_radius();
        if self.is_last_exact {
            return self.search_all(window, ask, nearest);
        }
        let live = window.live();
        let admits = |key: u64| live.contains(&key) && ask.filter.admits(&window.mark(key));
        let found = self.graph.filtered_search(ask.query, nearest.room(), admits);
        let mut positions = found.map_or(Vec::new(), |found| found.keys);
        positions.sort_unstable();
        let scan = self.exact.search_at(window, positions.into_iter(), ask, nearest);
        if nearest.is_full() {
            return scan;
        }
        nearest.clear();
        self.is_last_exact = true;
        self.search_all(window, ask, nearest)
    }
}
