//! What codes prove: which vectors cannot be as near to a query as some distance.
//!
//! A code stands for a point, and how far its vector lies from that point is kept beside it, the
//! *slack*. So the distance of two codes, less both slacks, is a bound below which that of the
//! vectors does not lie; for inner products the same follows from the inequality of Cauchy and
//! Schwarz. Everything here is in steps of the quantiser, and a little loose, so that rounding
//! never makes a bound too narrow.

use crate::kernel;
use crate::metric::Metric;
use crate::posting::{Measure, Run};

/// Looser by this part than the exact bound.
const LOOSE: f32 = 1.0 + 1e-4;
/// What a term of a sum may be wrong by where numbers end.
const UNDERFLOW: f32 = 1e-44;

/// A query's code, without its lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Asked {
    /// The step that its code was made with.
    pub(super) step: f32,
    /// What is known of it.
    pub(super) measure: Measure,
}

/// How far codes may be from that of a query, for their vectors to be within a distance of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    is_product: bool,
    /// For distances: how far the point of a code may be, less the slack of the code. For inner
    /// products: what the rank of a code may be, less what its slack allows.
    reach: f32,
    /// Of the query.
    square: i32,
    slack: f32,
    /// What the norm of the query is at most, in its steps.
    norm: f32,
}

impl Reach {
    /// Prepares for codes with `step`, and vectors of `lanes` lanes that are no farther away than
    /// `limit`, NaN being any distance.
    pub(super) fn new(
        metric: Metric,
        step: f32,
        asked: Asked,
        (limit, lanes): (f32, usize),
    ) -> Self {
        // What summing in f32, eight lanes or more at once, may be wrong by, as a part of the sum.
        let rounding = f32::EPSILON * (lanes as f32 / 8.0 + 16.0);
        let Measure { square, slack } = asked.measure;
        let norm = ((square as f32).sqrt() + slack) * LOOSE;
        let limit = limit + lanes as f32 * UNDERFLOW;
        let reach = match metric {
            _ if !limit.is_finite() => f32::INFINITY,
            Metric::L2 => limit.sqrt() / step * LOOSE + slack,
            // Of directions, half the squared distance is one minus the cosine.
            Metric::Cosine => (2.0 * (limit + rounding)).sqrt() / step * LOOSE + slack,
            Metric::InnerProduct => limit / step / asked.step,
        };
        let slack = slack * LOOSE + norm * rounding;
        Self { is_product: metric == Metric::InnerProduct, reach, square, slack, norm }
    }

    /// Which vectors of a chunk can be within the distance, a bit for each: by the ranks of their
    /// codes, the squares and the slacks.
    #[inline]
    pub(super) fn admits(&self, ranks: &[i32], run: &Run<'_>) -> u64 {
        if !self.is_product {
            return kernel::within(ranks, self.square, run.slacks, [self.reach, LOOSE]);
        }
        let mut bits = 0;
        let measures = run.squares.iter().zip(run.slacks);
        for (at, (rank, (square, slack))) in ranks.iter().zip(measures).enumerate() {
            let least = *rank as f32 - (*square as f32).sqrt() * self.slack;
            let is_beyond = least > self.reach + slack * self.norm;
            // Where that is no number nothing is proved.
            bits |= u64::from(!is_beyond) << at;
        }
        bits
    }
}
