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
//! - A load reads 64 bytes, all inside the words of the [`Lanes`], from a 16-byte aligned
//!   address; both are checked before the loop.
//! - The functions marked with a target feature are called only when the processor has it.

#![expect(unsafe_code, reason = "vector loads that mean relaxed atomic loads")]

use crate::record::Lane;
use crate::slot::load;
use crate::sync::AtomicU64;

/// The lanes of a vector record in a live slot: of `f32`, two to a word, unless they are
/// [widened](Self::widen_to).
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
        self.widen_to::<f32>(out);
    }

    /// Copies the first lanes into `out`, as lanes of a ring whose lanes are of another type.
    ///
    /// Cost: one pass, no allocation.
    pub fn widen_to<L: Lane>(self, out: &mut [f32]) {
        /// Words that are copied before they are widened.
        const AT_ONCE: usize = 16;
        let lanes = AT_ONCE * size_of::<u64>() / size_of::<L>();
        for (out, words) in out.chunks_mut(lanes).zip(self.words.chunks(AT_ONCE)) {
            let mut copied = [0; AT_ONCE];
            copied.iter_mut().zip(words).for_each(|(to, from)| *to = load(from));
            let copied = copied.get(..words.len()).unwrap_or(&[]);
            L::widen(bytemuck::cast_slice(copied), out);
        }
    }

    /// Gives `each` the inner product of each vector with `query`, together with the value that
    /// came with the vector.
    ///
    /// Each product equals that of [`dot`](Self::dot) to the last bit. Cost: less than as many
    /// of those, because the processor's abilities are asked for once.
    #[inline]
    pub fn dot_each<T>(
        vectors: impl Iterator<Item = (T, Self)>,
        query: &[f32],
        each: impl FnMut(T, f32),
    ) {
        Self::fold_each(vectors, query, Operation::Dot, each);
    }

    /// Gives `each` the squared Euclidean distance of each vector to `query`, together with the
    /// value that came with the vector.
    ///
    /// Each distance equals that of [`l2_squared`](Self::l2_squared) to the last bit. Cost: as
    /// [`dot_each`](Self::dot_each).
    #[inline]
    pub fn l2_squared_each<T>(
        vectors: impl Iterator<Item = (T, Self)>,
        query: &[f32],
        each: impl FnMut(T, f32),
    ) {
        Self::fold_each(vectors, query, Operation::L2Squared, each);
    }

    #[inline]
    fn fold(self, query: &[f32], operation: Operation) -> f32 {
        let mut folded = 0.0;
        Self::fold_each(core::iter::once(((), self)), query, operation, |(), sum| folded = sum);
        folded
    }

    #[inline]
    fn fold_each<T>(
        vectors: impl Iterator<Item = (T, Self)>,
        query: &[f32],
        operation: Operation,
        mut each: impl FnMut(T, f32),
    ) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA.
            return unsafe { avx2::fold_each(vectors, query, operation, each) };
        }
        for (with, vector) in vectors {
            each(with, fold_words(vector.words, query, operation));
        }
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
    use super::{AtomicU64, Lanes, Operation, fold_words};
    use core::arch::asm;
    use core::arch::x86_64::{
        __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps, _mm256_sub_ps,
    };

    /// Lanes in one register.
    const WIDTH: usize = 8;
    /// Words in a cache line, which is loaded as a whole: two registers.
    const LINE: usize = 8;

    /// Loads eight neighbouring words as sixteen lanes, by four 16-byte aligned loads.
    ///
    /// # Safety
    ///
    /// The processor has AVX, `words` is aligned to 16 bytes.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn load(words: &[AtomicU64; LINE]) -> [__m256; 2] {
        let (low, high): (__m256, __m256);
        // SAFETY: reads the 64 bytes of `words`, aligned to 16 by the caller's promise, and
        // touches neither stack nor flags. Not `pure`, so each execution loads anew.
        unsafe {
            asm!(
                "vmovaps {low:x}, xmmword ptr [{from}]",
                "vinsertf128 {low:y}, {low:y}, xmmword ptr [{from} + 16], 1",
                "vmovaps {high:x}, xmmword ptr [{from} + 32]",
                "vinsertf128 {high:y}, {high:y}, xmmword ptr [{from} + 48], 1",
                low = out(ymm_reg) low,
                high = out(ymm_reg) high,
                from = in(reg) words.as_ptr(),
                options(nostack, preserves_flags, readonly),
            );
        }
        [low, high]
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

    /// Gives `each` the sum of `operation` over all lanes of each vector.
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn fold_each<'a, T>(
        vectors: impl Iterator<Item = (T, Lanes<'a>)>,
        query: &[f32],
        operation: Operation,
        mut each: impl FnMut(T, f32),
    ) {
        for (with, vector) in vectors {
            let sum = if vector.words.as_ptr().addr().is_multiple_of(16) {
                // SAFETY: this function needs AVX2 and FMA as well; the words are aligned.
                unsafe { fold(vector.words, query, operation) }
            } else {
                fold_words(vector.words, query, operation)
            };
            each(with, sum);
        }
    }

    /// Sums `operation` over all lanes.
    ///
    /// # Safety
    ///
    /// The processor has AVX2 and FMA, and `words` is aligned to 16 bytes.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn fold(words: &[AtomicU64], query: &[f32], operation: Operation) -> f32 {
        let (lines, _) = words.as_chunks::<LINE>();
        let (blocks, _) = query.as_chunks::<WIDTH>();
        let (queries, _) = blocks.as_chunks::<2>();
        let count = lines.len().min(queries.len());
        // Two sums, so that one addition need not wait for the one before; those of the next
        // vector, which do not depend on these, fill the rest of the time.
        let (mut even, mut odd) = (_mm256_setzero_ps(), _mm256_setzero_ps());
        for (line, [low, high]) in lines.iter().zip(queries) {
            // SAFETY: `line` begins a multiple of 64 bytes behind the aligned start.
            let lanes = unsafe { load(line) };
            even = step(lanes[0], low, even, operation);
            odd = step(lanes[1], high, odd, operation);
        }
        let sums: [f32; WIDTH] = bytemuck::cast(_mm256_add_ps(even, odd));
        let [a, b, c, d, e, f, g, h] = sums;
        let sum = ((a + e) + (c + g)) + ((b + f) + (d + h));
        // Where the lanes fill their lines, which is the rule, nothing is left.
        if count * 2 * WIDTH == query.len() {
            return sum;
        }
        let rest = words.get(count * LINE..).unwrap_or(&[]);
        sum + fold_words(rest, query.get(count * 2 * WIDTH..).unwrap_or(&[]), operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;
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

    /// Lanes as they stand in a slot.
    fn packed<L: Lane>(lanes: &[L]) -> Vec<AtomicU64> {
        let bytes: &[u8] = bytemuck::cast_slice(lanes);
        let word = |bytes: &[u8]| {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            AtomicU64::new(u64::from_le_bytes(word))
        };
        bytes.chunks(8).map(word).collect()
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
            // Each of several, aligned or not, gives what it gives alone.
            let several = [(0, lanes), (1, Lanes::new(words.get(1..).unwrap_or(&[]))), (2, lanes)];
            let mut found = Vec::new();
            Lanes::dot_each(several.into_iter(), query, |at, dot| found.push((at, dot)));
            Lanes::l2_squared_each(several.into_iter(), query, |at, l2| found.push((at, l2)));
            let alone = several.map(|(at, lanes)| (at, lanes.dot(query)));
            let alone_l2 = several.map(|(at, lanes)| (at, lanes.l2_squared(query)));
            prop_assert_eq!(found, [alone, alone_l2].concat());
            let mut copy = vec![0.0; values.len()];
            lanes.copy_to(&mut copy);
            prop_assert_eq!(&copy, values);
            let half: Vec<f16> = values.iter().map(|value| f16::from_f32(*value)).collect();
            let low = |value: &f16| i8::from_le_bytes([value.to_le_bytes()[0]]);
            let whole: Vec<i8> = half.iter().map(low).collect();
            let mut found = [copy.clone(), copy];
            Lanes::new(&packed(&whole)).widen_to::<i8>(&mut found[0]);
            Lanes::new(&packed(&half)).widen_to::<f16>(&mut found[1]);
            let expected = whole.into_iter().map(f32::from);
            prop_assert!(found[0].iter().copied().eq(expected));
            prop_assert!(found[1].iter().copied().eq(half.into_iter().map(f16::to_f32)));
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
