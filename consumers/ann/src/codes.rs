//! Codes one behind the other, with what is known of each.

use crate::code::Measure;
use std::ops::Range;

/// Codes with what is known of them, as they are looked at: those of a chunk, or of all centroids.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Coded<'c> {
    pub(crate) codes: &'c [u8],
    pub(crate) middles: &'c [f32],
    pub(crate) steps: &'c [f32],
    pub(crate) sums: &'c [f32],
    pub(crate) squares: &'c [f32],
    pub(crate) slacks: &'c [f32],
}

impl<'c> Coded<'c> {
    /// Those at these places, of codes of `stride` bytes.
    #[inline]
    pub(crate) fn part(self, places: Range<usize>, stride: usize) -> Self {
        let bytes = places.start * stride..places.end * stride;
        let of = |all: &'c [f32]| all.get(places.clone()).unwrap_or(&[]);
        Self {
            codes: self.codes.get(bytes).unwrap_or(&[]),
            middles: of(self.middles),
            steps: of(self.steps),
            sums: of(self.sums),
            squares: of(self.squares),
            slacks: of(self.slacks),
        }
    }

    /// How many there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.middles.len()
    }

    /// What is known of one; nothing, and that it may be anywhere, of one that is not there.
    #[inline]
    pub(crate) fn measure(&self, at: usize) -> Measure {
        let of = |all: &[f32]| all.get(at).copied();
        Measure {
            middle: of(self.middles).unwrap_or_default(),
            step: of(self.steps).unwrap_or_default(),
            sum: of(self.sums).unwrap_or_default(),
            square: of(self.squares).unwrap_or_default(),
            slack: of(self.slacks).unwrap_or(f32::INFINITY),
        }
    }
}

/// Codes of one's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Codes {
    stride: usize,
    bytes: Vec<u8>,
    middles: Vec<f32>,
    steps: Vec<f32>,
    sums: Vec<f32>,
    squares: Vec<f32>,
    slacks: Vec<f32>,
}

impl Codes {
    /// None yet, of so many bytes each.
    pub(crate) fn new(stride: usize) -> Self {
        Self { stride, ..Self::default() }
    }

    pub(crate) fn push(&mut self, code: &[u8], measure: Measure) {
        self.bytes.extend_from_slice(code);
        self.middles.push(measure.middle);
        self.steps.push(measure.step);
        self.sums.push(measure.sum);
        self.squares.push(measure.square);
        self.slacks.push(measure.slack);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.middles.len()
    }

    /// Bytes of each.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// One of them.
    pub(crate) fn code(&self, at: usize) -> &[u8] {
        self.bytes.get(at * self.stride..(at + 1) * self.stride).unwrap_or(&[])
    }

    /// All of them.
    #[inline]
    pub(crate) fn all(&self) -> Coded<'_> {
        Coded {
            codes: &self.bytes,
            middles: &self.middles,
            steps: &self.steps,
            sums: &self.sums,
            squares: &self.squares,
            slacks: &self.slacks,
        }
    }

    /// `most` at a time.
    pub(crate) fn runs(&self, most: usize) -> impl Iterator<Item = Coded<'_>> {
        let all = self.all();
        (0..self.len())
            .step_by(most.max(1))
            .map(move |from| all.part(from..(from + most).min(all.len()), self.stride))
    }
}
