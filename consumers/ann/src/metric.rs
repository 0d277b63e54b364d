//! What "near" means.

use crate::error::Error;
use crate::kernel::Operation;
use std::fmt;
use std::str::FromStr;

/// The measure of distance. Smaller is nearer, whichever it is.
///
/// | metric | published distance | text |
/// |---|---|---|
/// | `L2` | squared Euclidean distance, without the root | `l2` |
/// | `InnerProduct` | negative inner product | `inner-product`, `ip` |
/// | `Cosine` | one minus the cosine of the angle, at least 0 | `cosine` |
///
/// These are the conventions of [`Vector::metric`](tickring::record::Vector::metric) and of the
/// ground-truth files of the ANN benchmarks. The root is left out of L2 because it changes no
/// order and loses exactness: sums of small integers stay integers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Squared Euclidean distance.
    #[default]
    L2,
    /// Negative inner product.
    InnerProduct,
    /// One minus the cosine of the angle. A vector of norm zero is at distance 1 from all.
    Cosine,
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::L2 => "l2",
            Self::InnerProduct => "inner-product",
            Self::Cosine => "cosine",
        })
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "l2" => Ok(Self::L2),
            "inner-product" | "ip" => Ok(Self::InnerProduct),
            "cosine" => Ok(Self::Cosine),
            _ => Err(Error::Metric { found: text.to_owned() }),
        }
    }
}

/// How far a cosine may lie beyond one by rounding alone.
const COSINE_SLACK: f64 = 1e-3;

/// The Euclidean norm of `lanes`.
pub(crate) fn norm(lanes: &[f32]) -> f64 {
    lanes.iter().map(|lane| f64::from(*lane).powi(2)).sum::<f64>().sqrt()
}

impl Metric {
    /// What of a query beside its lanes enters its distances: its norm for cosine.
    #[must_use]
    pub(crate) fn norm_of(self, query: &[f32]) -> f64 {
        if self == Self::Cosine { norm(query) } else { 0.0 }
    }

    /// The sum over lanes that this metric is made of.
    pub(crate) fn operation(self) -> Operation {
        match self {
            Self::L2 => Operation::L2Squared,
            Self::InnerProduct | Self::Cosine => Operation::Dot,
        }
    }

    /// The distance that follows from such a sum and the norms of both.
    #[inline]
    pub(crate) fn distance(self, sum: f32, norm: f32, query_norm: f64) -> f32 {
        match self {
            Self::L2 => sum,
            // Not `-sum`, which makes a zero negative.
            Self::InnerProduct => 0.0 - sum,
            Self::Cosine => cosine_distance(sum, norm, query_norm),
        }
    }
}

/// The cosine distance of two vectors with this inner product and these norms.
///
/// NaN if the norms cannot be those of such vectors: negative, not finite, or so small that the
/// cosine would be above one.
#[inline]
pub(crate) fn cosine_distance(dot: f32, norm: f32, query_norm: f64) -> f32 {
    let scale = f64::from(norm) * query_norm;
    let cosine = f64::from(dot) / scale;
    // One branch that is always taken, instead of one for each condition; a NaN fails it.
    let fits = (norm > 0.0) & (norm <= f32::MAX) & (cosine.abs() <= 1.0 + COSINE_SLACK);
    if !fits {
        return if scale == 0.0 { 1.0 } else { f32::NAN };
    }
    #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
    let distance = (1.0 - cosine) as f32;
    if distance > 0.0 { distance } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_is_parsed_from_the_text_it_prints() {
        for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
            assert_eq!(metric.to_string().parse::<Metric>().unwrap(), metric);
        }
        assert_eq!("ip".parse::<Metric>().unwrap(), Metric::InnerProduct);
        let error = "manhattan".parse::<Metric>().unwrap_err().to_string();
        assert!(error.contains("manhattan") && error.contains("cosine"), "{error}");
    }

    #[test]
    fn cosine_distance_follows_the_angle_and_is_one_for_zero_vectors() {
        let cases = [
            (6.0, 2.0, 3.0, 0.0),
            (0.0, 2.0, 3.0, 1.0),
            (-6.0, 2.0, 3.0, 2.0),
            (6.000_001, 2.0, 3.0, 0.0),
            (0.0, 0.0, 3.0, 1.0),
            (0.0, 2.0, 0.0, 1.0),
        ];
        for (dot, norm, query_norm, expected) in cases {
            let found = cosine_distance(dot, norm, query_norm);
            assert!((found - expected).abs() < 1e-6, "{dot} {norm} {query_norm}: {found}");
            assert!(found >= 0.0);
        }
    }

    #[test]
    fn a_norm_that_cannot_belong_to_the_lanes_gives_no_distance() {
        let wrong = [f32::NAN, f32::INFINITY, -2.0, 1e-20];
        for norm in wrong {
            assert!(cosine_distance(6.0, norm, 3.0).is_nan(), "{norm}");
        }
        assert!(cosine_distance(f32::NAN, 2.0, 3.0).is_nan());
        assert!(cosine_distance(6.0, 2.0, f64::NAN).is_nan());
    }
}
