//! What codes prove: which vectors cannot be as near to a query as some distance.
//!
//! A code stands for a point, and how far its vector lies from that point is kept beside it, the
//! *slack*. So the distance of two codes, less both slacks, is a bound below which that of the
//! vectors does not lie; for inner products the same follows from the inequality of Cauchy and
//! Schwarz. Everything here is a little loose, so that rounding never makes a bound too narrow.

use crate::code::Measure;
use crate::codes::Coded;
use crate::metric::Metric;
use crate::ranking::{self, Within};

/// Looser by this part than the exact bound.
const LOOSE: f32 = 1.0 + 1e-4;
/// What a term of a sum may be wrong by where numbers end.
const UNDERFLOW: f32 = 1e-44;
/// What a rank may be wrong by: of distances as a part of the squares of both codes, of inner
/// products as a part of the product of the norms.
///
/// Six roundings of half an ulp each, at most, on any way through [`ranking::rank`]. Its terms are
/// together no more than twelve times the squares of both codes and four times the distance, by
/// the inequality of the means, or four times the product of the norms; and a half more.
const RANK_ROUNDING: f32 = 6e-6;

/// What is known of a query, to tell how near the vectors of codes can be to it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    metric: Metric,
    lanes: usize,
    /// Of the query's code.
    square: f32,
    slack: f32,
    /// No less than the norm of the query.
    norm: f32,
    /// What summing lanes in f32 may be wrong by, as a part of the sum.
    rounding: f32,
}

impl Bounds {
    /// Prepares for a query of `lanes` lanes of whose code this is known.
    pub(crate) fn new(metric: Metric, lanes: usize, query: &Measure) -> Self {
        // Eight lanes or more are summed at once.
        let rounding = f32::EPSILON * (lanes as f32 / 8.0 + 16.0);
        let norm = (query.norm(lanes) + query.slack) * (LOOSE + rounding);
        let Measure { square, slack, .. } = *query;
        Self { metric, lanes, square, slack, norm, rounding }
    }

    /// How far codes may be, less their slacks, of vectors no farther away than `limit`, NaN being
    /// any distance.
    pub(crate) fn reach(&self, limit: f32) -> f32 {
        let limit = limit + self.lanes as f32 * UNDERFLOW;
        match self.metric {
            _ if !limit.is_finite() => f32::INFINITY,
            Metric::L2 => (limit * (1.0 + self.rounding)).sqrt() * LOOSE + self.slack,
            // Of directions, half the squared distance is one minus the cosine.
            Metric::Cosine => (2.0 * (limit + self.rounding)).sqrt() * LOOSE + self.slack,
            Metric::InnerProduct => limit,
        }
    }

    /// How near the vector of a code can be, to be compared with a reach; NaN where nothing is
    /// known.
    #[inline]
    pub(crate) fn least(&self, rank: f32, code: &Measure) -> f32 {
        match self.metric {
            Metric::L2 | Metric::Cosine => {
                let square = rank - (code.square + self.square) * RANK_ROUNDING;
                (square.max(0.0) / LOOSE).sqrt() - code.slack
            }
            Metric::InnerProduct => {
                let off = self.slack * LOOSE + self.norm * (self.rounding + RANK_ROUNDING);
                rank - (code.norm(self.lanes) * LOOSE * off + code.slack * self.norm)
            }
        }
    }

    /// Which vectors of up to 64 are within a reach, a bit for each: by the ranks of their codes.
    #[inline]
    pub(crate) fn admits(&self, reach: f32, ranks: &[f32], coded: &Coded<'_>) -> u64 {
        if self.metric != Metric::InnerProduct {
            let (rounding, loose) = (RANK_ROUNDING, LOOSE);
            let within = Within { reach, square: self.square, rounding, loose };
            return ranking::within(ranks, coded, &within);
        }
        ranks.iter().enumerate().fold(0, |bits, (at, rank)| {
            // Where that is no number nothing is proved.
            let is_beyond = self.least(*rank, &coded.measure(at)) > reach;
            bits | u64::from(!is_beyond) << at
        })
    }
}
