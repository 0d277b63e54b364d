//! Standing queries: patterns with thresholds, which each arriving vector is matched against.
//!
//! The search turned round: the patterns lie still and the vector passes by. Patterns have codes
//! of one byte, and it is known how far each lies from its code; by the triangle inequality a
//! vector whose code is too far from that of a pattern cannot be near to the pattern. Only the rest
//! are compared lane by lane, so that what is found is exact.

use crate::code::{Measure, Signed, encode_new, norm_of, stride_of};
use crate::codes::Codes;
use crate::error::Error;
use crate::kernel;
use crate::lists::Bounds;
use crate::metric::Metric;
use crate::queries::Queries;
use crate::ranking::{self, Ranking};

/// Patterns that are looked at between two looks at what was found.
const RUN: usize = 64;

/// Patterns and how near a vector must be to each.
#[derive(Clone, Debug, PartialEq)]
pub struct Patterns {
    rows: Queries,
    thresholds: Vec<f32>,
}

/// A pattern that a vector is near to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The row of the pattern.
    pub row: usize,
    /// The distance of the two.
    pub distance: f32,
}

impl Patterns {
    /// Takes patterns that all have the same threshold: the greatest distance at which a vector
    /// matches.
    #[must_use]
    pub fn with_threshold(rows: Queries, threshold: f32) -> Self {
        let thresholds = vec![threshold; rows.len()];
        Self { rows, thresholds }
    }

    /// Takes patterns, each with a threshold of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Thresholds`] if there are not as many thresholds as patterns.
    pub fn new(rows: Queries, thresholds: Vec<f32>) -> Result<Self, Error> {
        if thresholds.len() != rows.len() {
            return Err(Error::Thresholds { expected: rows.len(), found: thresholds.len() });
        }
        Ok(Self { rows, thresholds })
    }

    /// The patterns.
    #[must_use]
    pub fn rows(&self) -> &Queries {
        &self.rows
    }

    /// The threshold of each pattern.
    #[must_use]
    pub fn thresholds(&self) -> &[f32] {
        &self.thresholds
    }
}

/// Patterns made ready for matching by one metric.
#[derive(Clone, Debug)]
pub struct PatternScan {
    metric: Metric,
    patterns: Patterns,
    norms: Vec<f32>,
    /// Codes; without any for metrics that the triangle inequality does not hold for.
    coded: Option<CodedPatterns>,
    hits: Vec<Hit>,
}

#[derive(Clone, Debug)]
struct CodedPatterns {
    /// Each with how far the code of a vector may be, less its slack, in place of its own slack.
    codes: Codes,
    code: Vec<u8>,
    signed: Signed,
}

impl PatternScan {
    /// Prepares `patterns` for matching by `metric`. Cost: allocates.
    #[must_use]
    pub fn new(metric: Metric, patterns: Patterns) -> Self {
        let rows = &patterns.rows;
        let norms = (0..).map_while(|row| Some(norm_of(rows.get(row)?))).collect();
        let coded = match metric {
            Metric::InnerProduct => None,
            Metric::L2 | Metric::Cosine => Some(CodedPatterns::new(metric, &patterns)),
        };
        Self { metric, norms, coded, hits: Vec::with_capacity(rows.len()), patterns }
    }

    /// How many patterns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.norms.len()
    }

    /// Whether there is no pattern, which cannot be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.norms.is_empty()
    }

    /// Finds the patterns that a vector is near enough to, the nearest first, of equally near ones
    /// the lower row first. A vector of another dimension, or with a lane that is not finite, is
    /// near to none.
    ///
    /// Cost: a pass over the codes, and over the lanes of the patterns that may match; no
    /// allocation.
    pub fn matches(&mut self, lanes: &[f32]) -> &[Hit] {
        self.hits.clear();
        let dim = self.patterns.rows.dim();
        if lanes.len() != dim || !lanes.iter().all(|lane| lane.is_finite()) {
            return &self.hits;
        }
        let exact = Comparison {
            metric: self.metric,
            norm: self.metric.norm_of(lanes),
            lanes,
            patterns: &self.patterns,
            norms: &self.norms,
        };
        match &mut self.coded {
            Some(coded) => coded.look(&exact, &mut self.hits),
            None => (0..self.norms.len()).for_each(|row| exact.take(row, &mut self.hits)),
        }
        self.hits.sort_unstable_by(|a, b| {
            a.distance.total_cmp(&b.distance).then_with(|| a.row.cmp(&b.row))
        });
        &self.hits
    }
}

/// A vector that is compared with patterns lane by lane.
struct Comparison<'c> {
    metric: Metric,
    lanes: &'c [f32],
    norm: f64,
    patterns: &'c Patterns,
    norms: &'c [f32],
}

impl Comparison<'_> {
    /// Keeps the pattern in `row` if the vector is near enough.
    fn take(&self, row: usize, hits: &mut Vec<Hit>) {
        let (Some(lanes), Some(norm), Some(threshold)) =
            (self.patterns.rows.get(row), self.norms.get(row), self.patterns.thresholds.get(row))
        else {
            return;
        };
        let sum = kernel::fold(lanes, self.lanes, self.metric.operation());
        let distance = self.metric.distance(sum, *norm, self.norm);
        if distance <= *threshold {
            hits.push(Hit { row, distance });
        }
    }
}

impl CodedPatterns {
    fn new(metric: Metric, patterns: &Patterns) -> Self {
        let (rows, stride) = (&patterns.rows, stride_of(patterns.rows.dim()));
        let (mut codes, mut code) = (Codes::new(stride), vec![0; stride]);
        for (row, threshold) in patterns.thresholds.iter().enumerate() {
            let lanes = rows.get(row).unwrap_or(&[]);
            let measure = encode_new(metric, lanes, &mut code);
            let slack = Bounds::new(metric, lanes.len(), &measure).reach(threshold.max(0.0));
            codes.push(&code, Measure { slack, ..measure });
        }
        Self { codes, code, signed: Signed::new(stride) }
    }

    /// Compares the vector with those patterns whose codes are near enough.
    fn look(&mut self, exact: &Comparison<'_>, hits: &mut Vec<Hit>) {
        let Self { codes, code, signed } = self;
        let lanes = exact.lanes;
        let own = encode_new(exact.metric, lanes, code);
        signed.set(code);
        let ranking = Ranking::new(exact.metric, lanes.len(), &own, signed.excess);
        let bounds = Bounds::new(exact.metric, lanes.len(), &own);
        let (mut dots, mut ranks) = ([0; RUN], [0.0; RUN]);
        for (number, run) in codes.runs(RUN).enumerate() {
            let (Some(dots), Some(ranks)) = (dots.get_mut(..run.len()), ranks.get_mut(..run.len()))
            else {
                return;
            };
            kernel::dot_codes(run.codes, signed.lanes(), dots);
            ranking::rank(dots, &run, &ranking, ranks);
            for at in ranking::bits(bounds.admits(own.slack, ranks, &run)) {
                exact.take(number * RUN + at, hits);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(dim: usize) -> impl Strategy<Value = Vec<Vec<f32>>> {
        prop::collection::vec(prop::collection::vec(-4f32..4.0, dim), 1..100)
    }

    proptest! {
        #[test]
        fn exactly_the_patterns_within_their_thresholds_are_found(
            (rows, vectors) in (1usize..20).prop_flat_map(|dim| (rows(dim), rows(dim))),
            thresholds in prop::collection::vec(0f32..60.0, 100),
            scale in prop::sample::select(vec![0.0, 0.01, 1.0, 1_000.0]),
        ) {
            let dim = rows[0].len();
            for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
                let narrow = if metric == Metric::Cosine { 0.03 } else { 1.0 };
                let own: Vec<f32> =
                    thresholds[..rows.len()].iter().map(|own| own * narrow).collect();
                let queries = Queries::new(dim, rows.concat()).unwrap();
                let patterns = Patterns::new(queries, own.clone()).unwrap();
                let mut scan = PatternScan::new(metric, patterns);
                for vector in &vectors {
                    let vector: Vec<f32> = vector.iter().map(|lane| lane * scale).collect();
                    let query_norm = metric.norm_of(&vector);
                    let mut expected: Vec<(f32, usize)> = rows
                        .iter()
                        .enumerate()
                        .map(|(row, lanes)| {
                            let sum = kernel::fold(lanes, &vector, metric.operation());
                            (metric.distance(sum, norm_of(lanes), query_norm), row)
                        })
                        .filter(|(far, row)| *far <= own[*row])
                        .collect();
                    expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
                    let found: Vec<(f32, usize)> =
                        scan.matches(&vector).iter().map(|hit| (hit.distance, hit.row)).collect();
                    prop_assert_eq!(found, expected, "{}", metric);
                }
            }
        }
    }

    #[test]
    fn what_is_no_vector_matches_nothing() {
        let rows = Queries::new(2, vec![0.0, 0.0]).unwrap();
        assert!(Patterns::new(rows.clone(), vec![]).is_err());
        let mut scan = PatternScan::new(Metric::L2, Patterns::with_threshold(rows, f32::INFINITY));
        for lanes in [&[1.0][..], &[f32::NAN, 0.0], &[f32::INFINITY, 0.0]] {
            assert_eq!(scan.matches(lanes), []);
        }
        assert_eq!(scan.matches(&[1e19, 1e19]).len(), 1);
    }
}
