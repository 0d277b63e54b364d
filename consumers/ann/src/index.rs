//! What every index of a window can do, and the base of them all: comparing with every vector.

use crate::filter::Filter;
use crate::kernel;
use crate::metric::Metric;
use crate::nearest::{Nearest, Neighbour};
use crate::scan::Scan;
use crate::window::Window;

/// Vectors that are compared between two looks at what was found.
const RUN: usize = 256;

/// What is asked of an index.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'q> {
    /// The query's lanes, as many as the window's vectors have.
    pub query: &'q [f32],
    /// What a neighbour must be like.
    pub filter: Filter,
}

/// An index of a window: told of every vector that comes and goes, asked for those near a query.
///
/// Whatever it is, what it finds is live and admitted by the filter, none twice, in the order of
/// [`Nearest`]; and it finds as many as there is room for whenever so many there are.
pub trait Index {
    /// Learns of the vector that just came to `position`.
    fn insert(&mut self, window: &Window, position: u64);

    /// Forgets the vector at `position`, the oldest one, which is about to leave.
    fn expire(&mut self, window: &Window, position: u64);

    /// Offers `nearest` what is nearest of all to a query.
    fn search_all(&mut self, window: &Window, ask: &Ask<'_>, nearest: &mut Nearest) -> Scan;

    /// Offers `nearest` what is near to a query.
    fn search(&mut self, window: &Window, ask: &Ask<'_>, nearest: &mut Nearest) -> Scan;
}

/// The exact index: nothing is kept, every live vector is compared. Of equal distances the lower
/// sequence comes first.
#[derive(Clone, Debug)]
pub struct Exact {
    metric: Metric,
    sums: Vec<f32>,
}

impl Exact {
    /// Prepares searches by `metric`.
    #[must_use]
    pub fn new(metric: Metric) -> Self {
        Self { metric, sums: vec![0.0; RUN] }
    }

    /// Compares one vector, whose filter was asked before.
    #[inline]
    pub(crate) fn offer(
        metric: Metric,
        window: &Window,
        position: u64,
        (query, query_norm): (&[f32], f64),
        nearest: &mut Nearest,
    ) {
        let mark = window.mark(position);
        let sum = kernel::fold(window.lanes(position), query, metric.operation());
        let distance = metric.distance(sum, mark.norm, query_norm);
        nearest.offer(Neighbour { seq: mark.seq, id: mark.id, distance });
    }

    /// Compares the vectors at these positions, which ascend.
    pub(crate) fn search_at(
        &mut self,
        window: &Window,
        positions: impl Iterator<Item = u64>,
        ask: &Ask<'_>,
        nearest: &mut Nearest,
    ) -> Scan {
        let query = (ask.query, self.metric.norm_of(ask.query));
        let mut scan = Scan::default();
        for position in positions {
            scan.scanned += 1;
            if ask.filter.admits(&window.mark(position)) {
                Self::offer(self.metric, window, position, query, nearest);
            }
        }
        scan
    }
}

impl Index for Exact {
    fn insert(&mut self, _: &Window, _: u64) {}

    fn expire(&mut self, _: &Window, _: u64) {}

    fn search(&mut self, window: &Window, ask: &Ask<'_>, nearest: &mut Nearest) -> Scan {
        self.search_all(window, ask, nearest)
    }

    fn search_all(&mut self, window: &Window, ask: &Ask<'_>, nearest: &mut Nearest) -> Scan {
        let (metric, query_norm) = (self.metric, self.metric.norm_of(ask.query));
        let admits_all = ask.filter.admits_all();
        let mut scan = Scan::default();
        let mut position = window.live().start;
        loop {
            let (lanes, marks) = window.run(position, RUN);
            if marks.is_empty() {
                return scan;
            }
            kernel::fold_rows(lanes, ask.query, metric.operation(), &mut self.sums);
            for (sum, mark) in self.sums.iter().zip(marks) {
                let distance = metric.distance(*sum, mark.norm, query_norm);
                if distance >= nearest.limit() {
                    continue;
                }
                scan.not_numbers += u64::from(distance.is_nan());
                if admits_all || ask.filter.admits(mark) {
                    nearest.offer(Neighbour { seq: mark.seq, id: mark.id, distance });
                }
            }
            scan.scanned += marks.len() as u64;
            position += marks.len() as u64;
        }
    }
}
