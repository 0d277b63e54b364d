//! Vectors in place: distances computed straight from the words of a live slot.
//!
//! A loop over relaxed `u64` loads is sound but does not vectorise. The loads here are inline
//! assembly whose meaning is that of relaxed `u64` loads of neighbouring words: a 16-byte
//! aligned vector load, which x86 processors with AVX document as atomic. The compiler
//! cannot split, repeat or invent them, and what they return is garbage until the slot has been
//! validated, as with every other load from a slot.
//!
//! # Invariants
//!
//! - A load reads 32 bytes, all inside the words of the [`Lanes`], from a 16-byte aligned
//!   address; both are checked before the loop.
//! - The functions marked with a target feature are called only when the processor has it.

#![expect(unsafe_code, reason = "vector loads that mean relaxed atomic loads")]

use crate::slot::load;
use crate::sync::AtomicU64;

/// The `f32` lanes of a vector record in a live slot, two to a word.
///
/// Everything that is computed from them is garbage until the view they came from has been
/// validated; all functions are total on garbage.
#[derive(Clone, Copy, Debug)]
pub struct Lanes<'a> {
    words: &'a [AtomicU64],
}

impl<'a> Lanes<'a> {
    /// Takes the lanes that begin at the first of `words`.
    pub(crate) fn new(words: &'a [AtomicU64]) -> Self {
        Self { words }
    }

    /// How many lanes there are, padding at the end of the slot included.
    #[must_use]
    pub fn len(self) -> usize {
        self.words.len() * 2
    }

    /// Whether there is no lane.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.words.is_empty()
    }

    /// The inner product with `query`, over the lanes that both have.
    ///
    /// Cost: one pass over the slot, no copy, no allocation.
    #[inline]
    #[must_use]
    pub fn dot(self, query: &[f32]) -> f32 {
        self.fold(query, Operation::Dot)
    }

    /// The squared Euclidean distance to `query`, over the lanes that both have.
    ///
    /// Cost: one pass over the slot, no copy, no allocation.
    #[inline]
    #[must_use]
    pub fn l2_squared(self, query: &[f32]) -> f32 {
        self.fold(query, Operation::L2Squared)
    }

    /// Copies the first lanes into `out`.
    pub fn copy_to(self, out: &mut [f32]) {
        for (pair, word) in out.chunks_mut(2).zip(self.words) {
            for (to, from) in pair.iter_mut().zip(halves(load(word))) {
                *to = from;
            }
        }
    }

    #[inline]
    fn fold(self, query: &[f32], operation: Operation) -> f32 {
        #[cfg(target_arch = "x86_64")]
        if self.words.as_ptr().addr().is_multiple_of(16)
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
        {
            // SAFETY: the processor has AVX2 and FMA, and the words are aligned to 16 bytes.
            return unsafe { avx2::fold(self.words, query, operation) };
        }
        fold_words(self.words, query, operation)
    }
}

/// What is summed over the lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Dot,
    L2Squared,
}

impl Operation {
    #[inline]
    fn term(self, lane: f32, query: f32) -> f32 {
        match self {
            Self::Dot => lane * query,
            Self::L2Squared => (lane - query) * (lane - query),
        }
    }
}

/// The two lanes of a word, the lower address first.
#[inline]
fn halves(word: u64) -> [f32; 2] {
    bytemuck::cast(word)
}

/// The portable form, and the tail of the vectorised one.
fn fold_words(words: &[AtomicU64], query: &[f32], operation: Operation) -> f32 {
    let mut sum = 0.0;
    for (word, pair) in words.iter().zip(query.chunks(2)) {
        for (lane, query) in halves(load(word)).into_iter().zip(pair) {
            sum += operation.term(lane, *query);
        }
    }
    sum
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{AtomicU64, Operation, fold_words};
    use core::arch::asm;
    use core::arch::x86_64::{
        __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps, _mm256_sub_ps,
    };

    /// Lanes in one load.
    const WIDTH: usize = 8;
    /// Sums that are kept apart, so that one addition need not wait for the one before.
    const CHAINS: usize = 4;

    /// Loads four neighbouring words as eight lanes, by two 16-byte aligned loads.
    ///
    /// # Safety
    ///
    /// The processor has AVX, `words` is aligned to 16 bytes.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn load(words: &[AtomicU64; 4]) -> __m256 {
        let lanes: __m256;
        // SAFETY: reads the 32 bytes of `words`, aligned to 16 by the caller's promise, and
        // touches neither stack nor flags. Not `pure`, so each execution loads anew.
        unsafe {
            asm!(
                "vmovaps {lanes:x}, xmmword ptr [{from}]",
                "vinsertf128 {lanes:y}, {lanes:y}, xmmword ptr [{from} + 16], 1",
                lanes = out(ymm_reg) lanes,
                from = in(reg) words.as_ptr(),
                options(nostack, preserves_flags, readonly),
            );
        }
        lanes
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn step(lanes: __m256, query: &[f32; WIDTH], sum: __m256, operation: Operation) -> __m256 {
        // SAFETY: an unaligned load of the eight floats of `query`, which is an ordinary array.
        let query = unsafe { _mm256_loadu_ps(query.as_ptr()) };
        match operation {
            Operation::Dot => _mm256_fmadd_ps(lanes, query, sum),
            Operation::L2Squared => {
                let difference = _mm256_sub_ps(lanes, query);
                _mm256_fmadd_ps(difference, difference, sum)
            }
        }
    }

    /// Sums `operation` over all lanes.
    ///
    /// # Safety
    ///
    /// The processor has AVX2 and FMA, and `words` is aligned to 16 bytes.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn fold(words: &[AtomicU64], query: &[f32], operation: Operation) -> f32 {
        let (blocks, _) = words.as_chunks::<4>();
        let (queries, _) = query.as_chunks::<WIDTH>();
        let count = blocks.len().min(queries.len());
        let (blocks, queries) =
            (blocks.get(..count).unwrap_or(&[]), queries.get(..count).unwrap_or(&[]));
        let mut sums = [_mm256_setzero_ps(); CHAINS];
        let (wide_blocks, last_blocks) = blocks.as_chunks::<CHAINS>();
        let (wide_queries, last_queries) = queries.as_chunks::<CHAINS>();
        for (blocks, queries) in wide_blocks.iter().zip(wide_queries) {
            for ((block, query), sum) in blocks.iter().zip(queries).zip(&mut sums) {
                // SAFETY: `block` begins a multiple of 32 bytes behind the aligned start.
                let lanes = unsafe { load(block) };
                *sum = step(lanes, query, *sum, operation);
            }
        }
        for ((block, query), sum) in last_blocks.iter().zip(last_queries).zip(&mut sums) {
            // SAFETY: `block` begins a multiple of 32 bytes behind the aligned start.
            let lanes = unsafe { load(block) };
            *sum = step(lanes, query, *sum, operation);
        }
        let [a, b, c, d] = sums;
        let sum = _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d));
        let lanes: [f32; WIDTH] = bytemuck::cast(sum);
        let tail = fold_words(
            words.get(count * 4..).unwrap_or(&[]),
            query.get(count * WIDTH..).unwrap_or(&[]),
            operation,
        );
        lanes.iter().sum::<f32>() + tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn live(values: &[f32]) -> Vec<AtomicU64> {
        values
            .chunks(2)
            .map(|pair| {
                let pair = [pair[0], pair.get(1).copied().unwrap_or(0.0)];
                AtomicU64::new(bytemuck::cast(pair))
            })
            .collect()
    }

    fn close(found: f32, expected: f64) -> bool {
        (f64::from(found) - expected).abs() <= 1e-4 * (1.0 + expected.abs())
    }

    proptest! {
        #[test]
        fn distances_in_place_equal_those_of_a_plain_loop(
            pairs in prop::collection::vec((-10f32..10.0, -10f32..10.0), 0..200),
            skip in 0usize..3,
        ) {
            let (values, query): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let words = live(&values);
            let words = &words[skip.min(words.len())..];
            let values = &values[(2 * skip).min(values.len())..];
            let query = &query[..values.len()];
            let lanes = Lanes::new(words);
            let dot: f64 =
                values.iter().zip(query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let l2: f64 =
                values.iter().zip(query).map(|(a, b)| f64::from(*a - *b).powi(2)).sum();
            prop_assert!(close(lanes.dot(query), dot), "{} {dot}", lanes.dot(query));
            prop_assert!(close(lanes.l2_squared(query), l2), "{} {l2}", lanes.l2_squared(query));
            prop_assert!(close(fold_words(words, query, Operation::Dot), dot));
            let mut copy = vec![0.0; values.len()];
            lanes.copy_to(&mut copy);
            prop_assert_eq!(&copy, values);
        }
    }

    #[test]
    fn a_query_longer_or_shorter_than_the_slot_uses_the_common_lanes() {
        let words = live(&[1.0, 2.0, 3.0, 4.0]);
        let lanes = Lanes::new(&words);
        assert!((lanes.dot(&[1.0; 100]) - 10.0).abs() < 1e-6);
        assert!((lanes.dot(&[1.0; 3]) - 6.0).abs() < 1e-6);
        assert!(lanes.dot(&[]).abs() < 1e-6);
    }
}
