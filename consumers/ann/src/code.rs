//! From lanes of f32 to codes of one byte.
//!
//! Each vector has a range of its own, from its least lane to its greatest: its middle is code 128,
//! its ends are 1 and 255. So a code is as fine as its vector allows, whatever else there is; one
//! range for all would be as coarse for each of them as the widest asks for. Middle and step stand
//! beside the code, and with them the distance of two codes follows from their inner product, by
//! arithmetic that IEEE 754 rounds in one way: the same order on every processor.

use crate::kernel::{self, CODE_BLOCK};
use crate::metric::{Metric, norm};

/// The code of the middle of the range.
pub(crate) const MIDDLE: u8 = 128;
/// Codes on either side of it.
const REACH: f32 = 127.0;
/// Added to a small number, it leaves the nearest integer in the low bits.
const ROUNDING: f32 = 12_582_912.0;
/// What a slack is made greater by, so that no rounding makes it too small.
const SLACKER: f64 = 1.0 + 1e-6;

/// What is known of a code beside itself: a lane `c` of it, taken as a signed distance from 128,
/// stands for `middle + step * c`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Measure {
    pub(crate) middle: f32,
    pub(crate) step: f32,
    /// The sum of `step * c`.
    pub(crate) sum: f32,
    /// The sum of their squares.
    pub(crate) square: f32,
    /// How far the vector lies from what its code stands for; infinite where that cannot be said.
    pub(crate) slack: f32,
}

impl Measure {
    /// What follows from a code, its middle and its step; without slack.
    pub(crate) fn of(code: &[u8], middle: f32, step: f32) -> Self {
        let (mut sum, mut square) = (0, 0);
        for lane in code.iter().map(|lane| i32::from((lane ^ MIDDLE).cast_signed())) {
            sum += lane;
            square += lane * lane;
        }
        // In this order no factor is so small that it is rounded to fewer bits.
        let square = step * (step * square as f32);
        Self { middle, step, sum: step * sum as f32, square, slack: 0.0 }
    }

    /// No less than the norm of what the code of `lanes` lanes stands for.
    pub(crate) fn norm(&self, lanes: usize) -> f32 {
        (lanes as f32).sqrt() * self.middle.abs() + self.square.sqrt()
    }
}

/// Writes the code of `lanes`, each times `factor`; what is behind them is set to the middle.
#[inline]
pub(crate) fn encode(lanes: &[f32], factor: f32, code: &mut [u8]) -> Measure {
    let [least, most] = extremes(lanes).map(|lane| lane * factor);
    let middle = least / 2.0 + most / 2.0;
    let step = (most - middle).max(middle - least) / REACH;
    let step = if step.is_normal() { step } else { 1.0 };
    let per_step = step.recip();
    for (code, lane) in code.iter_mut().zip(lanes) {
        let near = ((lane * factor - middle) * per_step).clamp(-REACH, REACH);
        let [low, ..] = (near + ROUNDING).to_bits().to_le_bytes();
        *code = low ^ MIDDLE;
    }
    code.iter_mut().skip(lanes.len()).for_each(|code| *code = MIDDLE);
    // In steps.
    let (wide, scale) = (f64::from(step), f64::from(factor) / f64::from(step));
    let shift = f64::from(middle) / wide - f64::from(MIDDLE);
    let gap = kernel::gap_squared(lanes, code, [scale, shift]).sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "made greater than what is cut off")]
    let slack = ((gap * SLACKER + 1e-6) * wide) as f32;
    let measure = Measure::of(code, middle, step);
    // Where they are no numbers nothing is known.
    let is_known = slack.is_finite() && measure.square.is_finite() && middle.is_finite();
    Measure { slack: if is_known { slack } else { f32::INFINITY }, ..measure }
}

/// Codes a vector with this norm as its metric wants it.
pub(crate) fn encode_for(metric: Metric, (lanes, norm): (&[f32], f32), code: &mut [u8]) -> Measure {
    let measure = encode(lanes, factor(metric, norm), code);
    // Of others the sums that distances are made of might be no numbers, and codes prove nothing.
    let is_tame = match metric {
        Metric::L2 => true,
        Metric::InnerProduct => norm < 1e15,
        Metric::Cosine => (1e-15..1e15).contains(&norm),
    };
    Measure { slack: if is_tame { measure.slack } else { f32::INFINITY }, ..measure }
}

/// Codes a vector whose norm is not known; that is computed only if the metric wants it.
pub(crate) fn encode_new(metric: Metric, lanes: &[f32], code: &mut [u8]) -> Measure {
    let norm = if metric == Metric::L2 { 0.0 } else { norm_of(lanes) };
    encode_for(metric, (lanes, norm), code)
}

/// The norm of lanes, rounded.
pub(crate) fn norm_of(lanes: &[f32]) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
    let norm = norm(lanes) as f32;
    norm
}

/// What lanes are multiplied with before they are coded: cosine codes directions.
fn factor(metric: Metric, norm: f32) -> f32 {
    match metric {
        Metric::L2 | Metric::InnerProduct => 1.0,
        Metric::Cosine if norm > 0.0 && norm.recip().is_finite() => norm.recip(),
        Metric::Cosine => 0.0,
    }
}

/// The least lane and the greatest; zeros of none.
fn extremes(lanes: &[f32]) -> [f32; 2] {
    const AT_ONCE: usize = 16;
    let first = lanes.first().copied().unwrap_or(0.0);
    let (mut least, mut most) = ([first; AT_ONCE], [first; AT_ONCE]);
    let (runs, rest) = lanes.as_chunks::<AT_ONCE>();
    let mut see = |run: &[f32]| {
        for ((least, most), lane) in least.iter_mut().zip(&mut most).zip(run) {
            *least = if *lane < *least { *lane } else { *least };
            *most = if *lane > *most { *lane } else { *most };
        }
    };
    runs.iter().for_each(|run| see(run));
    see(rest);
    [least.into_iter().fold(first, f32::min), most.into_iter().fold(first, f32::max)]
}

/// A code as the signed side of an inner product.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signed {
    lanes: Vec<i8>,
    /// What an inner product with unsigned codes has too much.
    pub(crate) excess: i32,
}

impl Signed {
    pub(crate) fn new(stride: usize) -> Self {
        Self { lanes: vec![0; stride], excess: 0 }
    }

    /// Takes a code.
    pub(crate) fn set(&mut self, code: &[u8]) {
        let mut sum = 0;
        for (lane, code) in self.lanes.iter_mut().zip(code) {
            *lane = (code ^ MIDDLE).cast_signed();
            sum += i32::from(*lane);
        }
        self.excess = i32::from(MIDDLE) * sum;
    }

    /// The signed lanes.
    pub(crate) fn lanes(&self) -> &[i8] {
        &self.lanes
    }
}

/// The bytes of a code for this many lanes.
pub(crate) fn stride_of(dim: usize) -> usize {
    dim.next_multiple_of(CODE_BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(code: u8, measure: Measure) -> f64 {
        f64::from(measure.middle) + f64::from(measure.step) * (f64::from(code) - 128.0)
    }

    proptest! {
        #[test]
        fn a_code_stands_for_its_lane_up_to_half_a_step(
            lanes in prop::collection::vec(-50f32..50.0, 1..80),
            shift in prop::sample::select(vec![0.0_f32, 300.0]),
            factor in prop::sample::select(vec![1.0_f32, 0.02]),
        ) {
            let lanes: Vec<f32> = lanes.iter().map(|lane| lane + shift).collect();
            let mut code = vec![0; stride_of(lanes.len())];
            let measure = encode(&lanes, factor, &mut code);
            let far = |(lane, code): (&f32, &u8)| {
                (f64::from(*lane) * f64::from(factor) - decoded(*code, measure)).abs()
            };
            for far in lanes.iter().zip(&code).map(far) {
                prop_assert!(far <= f64::from(measure.step) * 0.51 + 1e-5, "{far} {measure:?}");
            }
            let slack = lanes.iter().zip(&code).map(far).map(|far| far * far).sum::<f64>().sqrt();
            let found = f64::from(measure.slack);
            prop_assert!(found >= slack && found <= slack * 1.001 + f64::from(measure.step) * 1e-5);
            prop_assert!(code[lanes.len()..].iter().all(|code| *code == MIDDLE));
            let again = Measure::of(&code, measure.middle, measure.step);
            prop_assert_eq!(Measure { slack: 0.0, ..measure }, again);
            let norm = lanes.iter().zip(&code).map(|(_, code)| decoded(*code, measure).powi(2));
            let norm = norm.sum::<f64>().sqrt();
            prop_assert!(f64::from(measure.norm(lanes.len())) >= norm * 0.99999);
            let mut signed = Signed::new(code.len());
            signed.set(&code);
            let mut dot = [0];
            kernel::dot_codes(&code, signed.lanes(), &mut dot);
            let square = (dot[0] - signed.excess) as f32 * measure.step * measure.step;
            prop_assert!((square - measure.square).abs() <= 1e-5 * square);
        }
    }

    #[test]
    fn a_range_without_extent_still_has_a_code() {
        for lanes in [[3.0; 4], [0.0; 4], [-1e-44; 4]] {
            let mut code = [0; 4];
            let measure = encode(&lanes, 1.0, &mut code);
            assert_eq!((code, measure.square), ([MIDDLE; 4], 0.0));
            assert!((measure.middle - lanes[0]).abs() < 1e-43 && measure.slack < 1e-5);
        }
    }

    #[test]
    fn of_lanes_whose_squares_are_no_numbers_nothing_is_known() {
        let mut code = [0; 2];
        let measure = encode(&[3e38, -3e38], 1.0, &mut code);
        assert_eq!((code, measure.slack), ([255, 1], f32::INFINITY));
        let of = |metric, norm| encode_for(metric, (&[1.0, 2.0], norm), &mut [0; 2]).slack;
        assert!(of(Metric::L2, 1e20).is_finite());
        assert!(of(Metric::InnerProduct, 1e20).is_infinite());
        assert!(of(Metric::Cosine, 1e-20).is_infinite() && of(Metric::Cosine, 1.0).is_finite());
    }
}
