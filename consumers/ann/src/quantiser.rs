//! From lanes of f32 to codes of one byte.
//!
//! One range serves all lanes: its middle is code 128, its ends are 1 and 255. So the squared
//! distance of two vectors is, up to rounding, that of their codes times the square of the step,
//! and codes compare as integers: the same order on every processor. Lanes outside the range are
//! clipped and counted; the range is changed when that happens too often, or hardly ever could.

use crate::kernel::{self, CODE_BLOCK};

/// The code of the middle of the range.
const MIDDLE: u8 = 128;
/// Codes on either side of it.
const REACH: f32 = 127.0;
/// Added to a small number, it leaves the nearest integer in the low bits.
const ROUNDING: f32 = 12_582_912.0;

/// What a slack is made greater by, so that no rounding makes it too small.
const SLACKER: f64 = 1.0 + 1e-6;

/// The range of lanes and how it is divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quantiser {
    pub(crate) middle: f32,
    pub(crate) step: f32,
}

/// What is known of a code beside itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Coded {
    /// The sum of the squares of its signed lanes.
    pub(crate) square: i32,
    /// Lanes that were clipped.
    pub(crate) clipped: u32,
}

/// The least and the greatest lane of what has been seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extremes {
    pub(crate) least: f32,
    pub(crate) most: f32,
}

impl Extremes {
    pub(crate) const NONE: Self = Self { least: f32::INFINITY, most: f32::NEG_INFINITY };

    /// Takes lanes in, each times `factor`.
    pub(crate) fn see(&mut self, lanes: &[f32], factor: f32) {
        for lane in lanes {
            self.least = self.least.min(lane * factor);
            self.most = self.most.max(lane * factor);
        }
    }
}

impl Quantiser {
    /// The quantiser for lanes between two extremes. With `is_centred` the middle is zero.
    pub(crate) fn new(extremes: Extremes, is_centred: bool) -> Self {
        let Extremes { least, most } = extremes;
        if least > most {
            return Self { middle: 0.0, step: 1.0 };
        }
        let middle = if is_centred { 0.0 } else { least / 2.0 + most / 2.0 };
        let half = (most - middle).max(middle - least);
        let step = half / REACH;
        Self { middle, step: if step.is_normal() { step } else { 1.0 } }
    }

    /// What is coded without being clipped.
    pub(crate) fn range(&self) -> Extremes {
        let half = self.step * REACH;
        Extremes { least: self.middle - half, most: self.middle + half }
    }

    /// Writes the code of `lanes`, each times `factor`; what is behind them is set to the middle.
    #[inline]
    pub(crate) fn encode(&self, lanes: &[f32], factor: f32, code: &mut [u8]) -> Coded {
        let (scale, shift) = (factor / self.step, -self.middle / self.step);
        let mut coded = Coded::default();
        for (code, lane) in code.iter_mut().zip(lanes) {
            let exact = lane * scale + shift;
            let near = exact.clamp(-REACH, REACH);
            coded.clipped += u32::from((exact - near).abs() > 0.5);
            let [low, ..] = (near + ROUNDING).to_bits().to_le_bytes();
            *code = low ^ MIDDLE;
            let signed = i32::from(low.cast_signed());
            coded.square += signed * signed;
        }
        code.iter_mut().skip(lanes.len()).for_each(|code| *code = MIDDLE);
        coded
    }

    /// How far lanes, each times `factor`, lie from what their code stands for, in steps.
    ///
    /// Infinite for what has no code that stands for it.
    #[inline]
    pub(crate) fn slack(&self, lanes: &[f32], factor: f32, code: &[u8]) -> f32 {
        let step = f64::from(self.step);
        let scale = f64::from(factor) / step;
        let shift = f64::from(self.middle) / step - f64::from(MIDDLE);
        let square = kernel::gap_squared(lanes, code, [scale, shift]);
        #[expect(clippy::cast_possible_truncation, reason = "made greater than what is cut off")]
        let slack = (square.sqrt() * SLACKER + 1e-6) as f32;
        if slack.is_finite() { slack } else { f32::INFINITY }
    }

    /// The lane that a code stands for.
    pub(crate) fn decode(&self, code: u8) -> f32 {
        (f32::from(code) - f32::from(MIDDLE)) * self.step + self.middle
    }
}

/// A code as the signed side of an inner product.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signed {
    lanes: Vec<i8>,
    /// What an inner product with unsigned codes has too much.
    pub(crate) excess: i32,
    pub(crate) square: i32,
}

impl Signed {
    pub(crate) fn new(stride: usize) -> Self {
        Self { lanes: vec![0; stride], excess: 0, square: 0 }
    }

    /// Takes a code.
    pub(crate) fn set(&mut self, code: &[u8]) {
        let (mut sum, mut square) = (0, 0);
        for (lane, code) in self.lanes.iter_mut().zip(code) {
            *lane = (code ^ MIDDLE).cast_signed();
            sum += i32::from(*lane);
            square += i32::from(*lane) * i32::from(*lane);
        }
        self.excess = i32::from(MIDDLE) * sum;
        self.square = square;
    }

    /// The signed lanes.
    pub(crate) fn lanes(&self) -> &[i8] {
        &self.lanes
    }

    /// The signed inner product that follows from the one with an unsigned code.
    #[inline]
    pub(crate) fn corrected(&self, dot: i32) -> i32 {
        dot - self.excess
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

    proptest! {
        #[test]
        fn a_code_stands_for_its_lane_up_to_half_a_step(
            lanes in prop::collection::vec(-50f32..50.0, 1..80),
            is_centred: bool,
        ) {
            let mut extremes = Extremes::NONE;
            extremes.see(&lanes, 1.0);
            let quantiser = Quantiser::new(extremes, is_centred);
            let mut code = vec![0; stride_of(lanes.len())];
            let coded = quantiser.encode(&lanes, 1.0, &mut code);
            prop_assert_eq!(coded.clipped, 0);
            for (lane, code) in lanes.iter().zip(&code) {
                let far = (quantiser.decode(*code) - lane).abs();
                prop_assert!(far <= quantiser.step * 0.51 + 1e-5, "{lane} {code} {far}");
            }
            let far = |(lane, code): (&f32, &u8)| f64::from(quantiser.decode(*code) - lane).powi(2);
            let far = lanes.iter().zip(&code).map(far).sum::<f64>().sqrt();
            let slack = f64::from(quantiser.slack(&lanes, 1.0, &code) * quantiser.step);
            prop_assert!((slack - far).abs() <= 1e-3 * (1.0 + far), "{slack} and {far}");
            prop_assert!(code[lanes.len()..].iter().all(|code| *code == MIDDLE));
            let mut signed = Signed::new(code.len());
            signed.set(&code);
            let mut dot = [0];
            kernel::dot_codes(&code, signed.lanes(), &mut dot);
            prop_assert_eq!(signed.corrected(dot[0]), coded.square);
            prop_assert_eq!(signed.square, coded.square);
        }
    }

    #[test]
    fn lanes_out_of_the_range_are_clipped_and_counted() {
        let quantiser = Quantiser::new(Extremes { least: 0.0, most: 254.0 }, false);
        let mut code = [0; 5];
        let coded = quantiser.encode(&[-10.0, 0.0, 127.0, 254.0, 1e30], 1.0, &mut code);
        assert_eq!((code, coded.clipped), ([1, 1, 128, 255, 255], 2));
    }

    #[test]
    fn a_range_without_extent_still_divides() {
        for extremes in [Extremes::NONE, Extremes { least: 3.0, most: 3.0 }] {
            let quantiser = Quantiser::new(extremes, false);
            let mut code = [0; 1];
            quantiser.encode(&[3.0], 1.0, &mut code);
            assert!((quantiser.decode(code[0]) - 3.0).abs() < 1e-3, "{extremes:?}");
        }
    }
}
