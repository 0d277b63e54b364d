//! Distance kernels over memory of one's own: sums over lanes of f32, inner products of codes of
//! one byte, which are integers, and what follows from those. Of codes everything is the same on
//! every processor: sums and products of f32 one by one, in one order, never fused.
//!
//! The sums over f32 are made in the order in which [`tickring::Lanes`] makes them in place, so
//! that a vector has the same distance, to the last bit, in the ring and in the window.
//!
//! # Invariants
//!
//! - The functions marked with a target feature are called only when the processor has it. Inside
//!   them nothing is unsafe: they load from arrays.

#![expect(unsafe_code, reason = "calls of functions for processors with AVX2 or AVX-512 VNNI")]

use crate::code::Measure;
use crate::codes::Coded;
use crate::metric::Metric;

/// Lanes of a code are padded to a multiple of this, a register of AVX-512.
pub(crate) const CODE_BLOCK: usize = 64;

/// What is summed over the lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// The inner product.
    Dot,
    /// The squared Euclidean distance.
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

/// Folds each row of `rows`, which has as many lanes as `query`, into its place of `out`.
///
/// Cost: one pass over the rows, no allocation.
#[inline]
pub(crate) fn fold_rows(rows: &[f32], query: &[f32], operation: Operation, out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor has AVX2 and FMA.
        return unsafe { avx2::fold_rows(rows, query, operation, out) };
    }
    for (row, out) in rows.chunks_exact(query.len().max(1)).zip(out) {
        *out = fold_one_by_one(row, query, operation);
    }
}

/// Folds one row, as [`fold_rows`] does.
#[inline]
pub(crate) fn fold(row: &[f32], query: &[f32], operation: Operation) -> f32 {
    let mut out = [0.0];
    fold_rows(row, query, operation, &mut out);
    let [sum] = out;
    sum
}

/// Gives the inner product of each code with `query`: codes are unsigned bytes, the query's are
/// signed, and both have a multiple of [`CODE_BLOCK`] of them.
///
/// Cost: one pass over the codes, no allocation.
#[inline]
pub(crate) fn dot_codes(codes: &[u8], query: &[i8], out: &mut [i32]) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni") {
            // SAFETY: the processor has AVX-512 F and VNNI.
            return unsafe { vnni::dot_codes(codes, query, out) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return unsafe { avx2::dot_codes(codes, query, out) };
        }
    }
    dot_codes_one_by_one(codes, query, out);
}

/// How the inner products of codes with that of a query become ranks, of which the lower is the
/// nearer: the squared distance of what the codes stand for, or their negative inner product.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ranking {
    is_product: bool,
    /// What the products have too much, because one side of them is unsigned.
    excess: i32,
    lanes: f32,
    middle: f32,
    step: f32,
    sum: f32,
    square: f32,
}

impl Ranking {
    /// Prepares for a query of `lanes` lanes, by what is known of its code.
    pub(crate) fn new(metric: Metric, lanes: usize, query: &Measure, excess: i32) -> Self {
        let is_product = metric == Metric::InnerProduct;
        let Measure { middle, step, sum, square, .. } = *query;
        Self { is_product, excess, lanes: lanes as f32, middle, step, sum, square }
    }

    /// The difference of two vectors is that of their middles, in all lanes, and that of their
    /// codes times their steps: of both no term is great where the vectors are near to each other,
    /// however far from zero they lie.
    #[inline]
    fn rank(&self, dot: i32, Measure { middle, step, sum, square, .. }: Measure) -> f32 {
        let dot = (dot - self.excess) as f32 * self.step;
        if self.is_product {
            let of_query = self.lanes * self.middle + self.sum;
            return 0.0 - (of_query * middle + (self.middle * sum + step * dot));
        }
        let apart = middle - self.middle;
        let sums = sum - self.sum;
        let squares = (square + self.square) - step * (dot + dot);
        (self.lanes * apart + (sums + sums)) * apart + squares
    }
}

/// Gives the rank of each code, by its inner product.
#[inline]
pub(crate) fn rank(dots: &[i32], coded: &Coded<'_>, ranking: &Ranking, ranks: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if dots.len() >= wide::WIDTH && is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has AVX-512 F.
        return unsafe { wide::rank(dots, coded, ranking, ranks) };
    }
    for (at, (dot, rank)) in dots.iter().zip(ranks).enumerate() {
        *rank = ranking.rank(*dot, coded.measure(at));
    }
}

/// The place of the least number and the number, of equal ones the first; infinity if there is none
/// below that.
pub(crate) fn least(numbers: &[f32]) -> (usize, f32) {
    // As many at once as compilers make registers of.
    const AT_ONCE: usize = 16;
    let lower = |a: f32, b: f32| if b < a { b } else { a };
    let (runs, rest) = numbers.as_chunks::<AT_ONCE>();
    let mut least = [f32::INFINITY; AT_ONCE];
    for run in runs {
        least.iter_mut().zip(run).for_each(|(least, number)| *least = lower(*least, *number));
    }
    let least = rest.iter().chain(&least).fold(f32::INFINITY, |a, b| lower(a, *b));
    let has_it = |run: &[f32; AT_ONCE]| run.iter().fold(false, |has, own| has | (*own == least));
    let from = runs.iter().position(has_it).unwrap_or(runs.len()) * AT_ONCE;
    let mut behind = numbers.iter().skip(from);
    (behind.position(|number| *number == least).map_or(0, |at| from + at), least)
}

/// Gives a bit for each of up to 64 ranks that is at most `limit`, the lowest for the first.
#[inline]
pub(crate) fn at_most(ranks: &[f32], limit: f32) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if ranks.len() >= wide::WIDTH && is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has AVX-512 F.
        return unsafe { wide::at_most(ranks, limit) };
    }
    ranks.iter().enumerate().fold(0, |bits, (at, rank)| bits | u64::from(*rank <= limit) << at)
}

/// The places of the bits that are set.
pub(crate) fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (at < u64::BITS).then_some(at as usize)
    })
}

/// How far codes may be from that of a query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Within {
    /// Without the slack of the code.
    pub(crate) reach: f32,
    /// Of the query's code.
    pub(crate) square: f32,
    /// What the squares of both, together, and the square of the reach are wrong by, as a part.
    pub(crate) rounding: f32,
    pub(crate) loose: f32,
}

impl Within {
    #[inline]
    pub(crate) fn admits(&self, rank: f32, square: f32, slack: f32) -> bool {
        let (most, both) = (self.reach + slack, square + self.square);
        // Where that is no number nothing is proved.
        let is_beyond = rank - both * self.rounding > most * most * self.loose;
        !is_beyond
    }
}

/// Gives a bit for each of up to 64 codes whose vector may be as near, by its squared distance.
#[inline]
pub(crate) fn within(ranks: &[f32], coded: &Coded<'_>, limits: &Within) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if ranks.len() >= wide::WIDTH && is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has AVX-512 F.
        return unsafe { wide::within(ranks, coded, limits) };
    }
    let measures = coded.squares.iter().zip(coded.slacks);
    let each = ranks.iter().zip(measures).map(|(rank, (a, b))| limits.admits(*rank, *a, *b));
    each.enumerate().fold(0, |bits, (at, is_near)| bits | u64::from(is_near) << at)
}

/// The squared distance of lanes, each times a scale and less a shift, from the unsigned codes that
/// they got: the same on every processor.
///
/// Cost: one pass, no allocation.
#[inline]
pub(crate) fn gap_squared(lanes: &[f32], code: &[u8], [scale, shift]: [f64; 2]) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::gap_squared(lanes, code, [scale, shift]) };
    }
    gap_squared_of_eight(lanes, code, [scale, shift])
}

/// Eight sums, which compilers make of as many lanes at once as the processor can.
#[inline(always)]
fn gap_squared_of_eight(lanes: &[f32], code: &[u8], [scale, shift]: [f64; 2]) -> f64 {
    const AT_ONCE: usize = 8;
    let square = |lane: f32, code: u8| {
        let gap = f64::from(lane) * scale - shift - f64::from(code);
        gap * gap
    };
    let mut sums = [0.0; AT_ONCE];
    let (runs, rest) = lanes.as_chunks::<AT_ONCE>();
    let (codes, _) = code.as_chunks::<AT_ONCE>();
    for (lanes, codes) in runs.iter().zip(codes) {
        for ((sum, lane), code) in sums.iter_mut().zip(lanes).zip(codes) {
            *sum += square(*lane, *code);
        }
    }
    let rest = rest.iter().zip(code.iter().skip(runs.len() * AT_ONCE));
    sums.iter().sum::<f64>() + rest.map(|(lane, code)| square(*lane, *code)).sum::<f64>()
}

/// The portable form, and the tail of the vectorised one.
fn fold_one_by_one(row: &[f32], query: &[f32], operation: Operation) -> f32 {
    row.iter().zip(query).fold(0.0, |sum, (lane, query)| sum + operation.term(*lane, *query))
}

/// The portable form.
fn dot_codes_one_by_one(codes: &[u8], query: &[i8], out: &mut [i32]) {
    for (code, out) in codes.chunks_exact(query.len().max(1)).zip(out) {
        *out = code.iter().zip(query).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{Operation, fold_one_by_one, gap_squared_of_eight};
    use core::arch::x86_64::{
        __m256, _mm256_add_epi32, _mm256_add_ps, _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16,
        _mm256_fmadd_ps, _mm256_madd_epi16, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_sub_ps,
    };

    /// Lanes of f32 in one register.
    const WIDTH: usize = 8;

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn step(lanes: __m256, query: __m256, sum: __m256, operation: Operation) -> __m256 {
        match operation {
            Operation::Dot => _mm256_fmadd_ps(lanes, query, sum),
            Operation::L2Squared => {
                let difference = _mm256_sub_ps(lanes, query);
                _mm256_fmadd_ps(difference, difference, sum)
            }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn fold_rows(rows: &[f32], query: &[f32], operation: Operation, out: &mut [f32]) {
        let (blocks, rest) = query.as_chunks::<WIDTH>();
        let (queries, odd_block) = blocks.as_chunks::<2>();
        let done = queries.len() * 2 * WIDTH;
        let is_whole = odd_block.is_empty() && rest.is_empty();
        for (row, out) in rows.chunks_exact(query.len().max(1)).zip(out) {
            let (lines, _) = row.as_chunks::<WIDTH>();
            let (lines, _) = lines.as_chunks::<2>();
            // Two sums, so that one addition need not wait for the one before.
            let (mut even, mut odd) = (_mm256_setzero_ps(), _mm256_setzero_ps());
            for ([low, high], [query_low, query_high]) in lines.iter().zip(queries) {
                even = step(bytemuck::cast(*low), bytemuck::cast(*query_low), even, operation);
                odd = step(bytemuck::cast(*high), bytemuck::cast(*query_high), odd, operation);
            }
            let [a, b, c, d, e, f, g, h]: [f32; WIDTH] = bytemuck::cast(_mm256_add_ps(even, odd));
            let sum = ((a + e) + (c + g)) + ((b + f) + (d + h));
            *out = if is_whole {
                sum
            } else {
                let (row, query) = (row.get(done..), query.get(done..));
                sum + fold_one_by_one(row.unwrap_or(&[]), query.unwrap_or(&[]), operation)
            };
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn gap_squared(lanes: &[f32], code: &[u8], by: [f64; 2]) -> f64 {
        gap_squared_of_eight(lanes, code, by)
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn dot_codes(codes: &[u8], query: &[i8], out: &mut [i32]) {
        let (queries, _) = query.as_chunks::<16>();
        for (code, out) in codes.chunks_exact(query.len().max(1)).zip(out) {
            let mut sum = _mm256_setzero_si256();
            for (lanes, query) in code.as_chunks::<16>().0.iter().zip(queries) {
                let lanes = _mm256_cvtepu8_epi16(bytemuck::cast(*lanes));
                let query = _mm256_cvtepi8_epi16(bytemuck::cast(*query));
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(lanes, query));
            }
            let sums: [i32; 8] = bytemuck::cast(sum);
            *out = sums.iter().sum();
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod vnni {
    use core::arch::x86_64::{
        __m256i, __m512i, _mm_add_epi32, _mm256_add_epi32, _mm256_castsi256_si128,
        _mm256_extracti128_si256, _mm256_hadd_epi32, _mm512_castsi512_si256, _mm512_dpbusd_epi32,
        _mm512_extracti64x4_epi64, _mm512_set_epi64, _mm512_setzero_si512,
    };

    /// Words of 8 bytes in one register.
    const WORDS: usize = 8;
    /// Codes whose sums are made together.
    const TOGETHER: usize = 4;

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load(words: [i64; WORDS]) -> __m512i {
        let [a, b, c, d, e, f, g, h] = words;
        _mm512_set_epi64(h, g, f, e, d, c, b, a)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vnni")]
    fn step(sum: __m512i, lanes: &[u8; 64], query: &[i8; 64]) -> __m512i {
        _mm512_dpbusd_epi32(sum, load(bytemuck::cast(*lanes)), load(bytemuck::cast(*query)))
    }

    /// The products of one code, summed to eight numbers.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vnni")]
    fn products(code: &[u8], queries: &[[i8; 64]]) -> __m256i {
        let zero = _mm512_setzero_si512();
        let (blocks, _) = code.as_chunks::<64>();
        let sum = match (blocks, queries) {
            // The most usual lengths, without a loop.
            ([lanes], [query]) => step(zero, lanes, query),
            ([low, high], [query_low, query_high]) => {
                step(step(zero, low, query_low), high, query_high)
            }
            _ => {
                blocks.iter().zip(queries).fold(zero, |sum, (lanes, query)| step(sum, lanes, query))
            }
        };
        _mm256_add_epi32(_mm512_castsi512_si256(sum), _mm512_extracti64x4_epi64::<1>(sum))
    }

    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) fn dot_codes(codes: &[u8], query: &[i8], out: &mut [i32]) {
        let (queries, _) = query.as_chunks::<64>();
        let stride = query.len().max(1);
        let groups = codes.chunks_exact(stride * TOGETHER);
        let rest = groups.remainder().chunks_exact(stride);
        let (outs, _) = out.as_chunks_mut::<TOGETHER>();
        let mut done = 0;
        for (codes, out) in groups.zip(outs) {
            let (front, back) = codes.split_at(2 * stride);
            let (first, second) = front.split_at(stride);
            let (third, fourth) = back.split_at(stride);
            let front = _mm256_hadd_epi32(products(first, queries), products(second, queries));
            let back = _mm256_hadd_epi32(products(third, queries), products(fourth, queries));
            let halves = _mm256_hadd_epi32(front, back);
            let low = _mm256_castsi256_si128(halves);
            let high = _mm256_extracti128_si256::<1>(halves);
            *out = bytemuck::cast(_mm_add_epi32(low, high));
            done += TOGETHER;
        }
        for (code, out) in rest.zip(out.iter_mut().skip(done)) {
            let sums: [i32; 8] = bytemuck::cast(products(code, queries));
            *out = sums.iter().sum();
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use super::{Coded, Ranking, Within};
    use core::arch::x86_64::{
        __m512, __m512i, _CMP_LE_OQ, _CMP_NGT_UQ, _mm512_add_ps, _mm512_cmp_ps_mask,
        _mm512_cvtepi32_ps, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
        _mm512_sub_epi32, _mm512_sub_ps,
    };

    /// Numbers in one register.
    pub(super) const WIDTH: usize = 16;

    /// So many numbers from `at` on; zeros where there are not as many.
    #[inline]
    fn block<T: Copy + Default>(from: &[T], at: usize) -> [T; WIDTH] {
        let block = from.get(at..).and_then(|rest| rest.first_chunk());
        block.copied().unwrap_or([T::default(); WIDTH])
    }

    #[inline]
    fn floats(from: &[f32], at: usize) -> __m512 {
        bytemuck::cast(block(from, at))
    }

    /// Where blocks begin that are all of `count` numbers, at least one block: the last block may
    /// lie over the one before.
    #[inline]
    fn blocks(count: usize) -> impl Iterator<Item = usize> {
        let last = count.saturating_sub(WIDTH);
        (0..count.div_ceil(WIDTH)).map(move |block| last.min(block * WIDTH))
    }

    /// As [`Ranking::rank`], in the same order. There are numbers for one register at least.
    #[target_feature(enable = "avx512f")]
    pub(super) fn rank(dots: &[i32], coded: &Coded<'_>, ranking: &Ranking, ranks: &mut [f32]) {
        let all = |number: f32| _mm512_set1_ps(number);
        let excess = _mm512_set1_epi32(ranking.excess);
        let (own_middle, own_step) = (all(ranking.middle), all(ranking.step));
        let (own_sum, own_square) = (all(ranking.sum), all(ranking.square));
        let lanes = all(ranking.lanes);
        let of_query = _mm512_add_ps(_mm512_mul_ps(lanes, own_middle), own_sum);
        for at in blocks(dots.len()) {
            let dot: __m512i = bytemuck::cast(block(dots, at));
            let dot = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(dot, excess)), own_step);
            let (middle, step) = (floats(coded.middles, at), floats(coded.steps, at));
            let (sum, square) = (floats(coded.sums, at), floats(coded.squares, at));
            let rank = if ranking.is_product {
                let rest = _mm512_add_ps(_mm512_mul_ps(own_middle, sum), _mm512_mul_ps(step, dot));
                let product = _mm512_add_ps(_mm512_mul_ps(of_query, middle), rest);
                _mm512_sub_ps(_mm512_setzero_ps(), product)
            } else {
                let apart = _mm512_sub_ps(middle, own_middle);
                let sums = _mm512_sub_ps(sum, own_sum);
                let twice = _mm512_mul_ps(step, _mm512_add_ps(dot, dot));
                let squares = _mm512_sub_ps(_mm512_add_ps(square, own_square), twice);
                let shift = _mm512_add_ps(_mm512_mul_ps(lanes, apart), _mm512_add_ps(sums, sums));
                _mm512_add_ps(_mm512_mul_ps(shift, apart), squares)
            };
            if let Some(to) = ranks.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
                *to = bytemuck::cast::<_, [f32; WIDTH]>(rank);
            }
        }
    }

    /// There are numbers for one register at least.
    #[target_feature(enable = "avx512f")]
    pub(super) fn at_most(ranks: &[f32], limit: f32) -> u64 {
        let limit = _mm512_set1_ps(limit);
        blocks(ranks.len()).fold(0, |found, at| {
            found | u64::from(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(floats(ranks, at), limit)) << at
        })
    }

    /// As [`Within::admits`]. There are numbers for one register at least.
    #[target_feature(enable = "avx512f")]
    pub(super) fn within(ranks: &[f32], coded: &Coded<'_>, limits: &Within) -> u64 {
        let all = |number: f32| _mm512_set1_ps(number);
        let (reach, loose) = (all(limits.reach), all(limits.loose));
        let (own_square, rounding) = (all(limits.square), all(limits.rounding));
        blocks(ranks.len()).fold(0, |found, at| {
            let most = _mm512_add_ps(reach, floats(coded.slacks, at));
            let most = _mm512_mul_ps(_mm512_mul_ps(most, most), loose);
            let both = _mm512_add_ps(floats(coded.squares, at), own_square);
            let far = _mm512_sub_ps(floats(ranks, at), _mm512_mul_ps(both, rounding));
            found | u64::from(_mm512_cmp_ps_mask::<_CMP_NGT_UQ>(far, most)) << at
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::{Signed, encode};
    use crate::codes::Codes;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_forms_give_the_inner_products_of_a_plain_loop(
            codes in prop::collection::vec(any::<u8>(), 0..1_000),
            query in prop::collection::vec(-127i8..=127, 1..200),
        ) {
            let mut query = query;
            query.resize(query.len().next_multiple_of(CODE_BLOCK), 0);
            let rows = codes.len() / query.len();
            let (mut expected, mut found) = (vec![0; rows], vec![0; rows]);
            dot_codes_one_by_one(&codes, &query, &mut expected);
            dot_codes(&codes, &query, &mut found);
            prop_assert_eq!(&found, &expected);
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has AVX2.
                unsafe { avx2::dot_codes(&codes, &query, &mut found) };
                prop_assert_eq!(&found, &expected);
            }
        }

        #[test]
        fn gaps_are_the_same_with_and_without_wide_registers(
            pairs in prop::collection::vec((-10f32..10.0, any::<u8>()), 0..150),
        ) {
            let (lanes, code): (Vec<f32>, Vec<u8>) = pairs.iter().copied().unzip();
            let found = gap_squared(&lanes, &code, [12.5, -3.0]);
            prop_assert_eq!(found, gap_squared_of_eight(&lanes, &code, [12.5, -3.0]));
            let gap = |(lane, code): &(f32, u8)| f64::from(*lane) * 12.5 + 3.0 - f64::from(*code);
            let plain: f64 = pairs.iter().map(|pair| gap(pair).powi(2)).sum();
            prop_assert!((found - plain).abs() <= 1e-9 * (1.0 + plain));
        }

        #[test]
        fn the_least_is_the_first_of_those(
            numbers in prop::collection::vec(
                prop_oneof![9 => (0i8..40).prop_map(f32::from), 1 => Just(f32::NAN)],
                0..70,
            ),
        ) {
            let (mut at, mut expected) = (0, f32::INFINITY);
            for (place, number) in numbers.iter().enumerate() {
                if *number < expected {
                    (at, expected) = (place, *number);
                }
            }
            prop_assert_eq!(least(&numbers), (at, expected));
        }

        #[test]
        fn ranks_are_what_the_codes_stand_for_and_the_same_with_and_without_wide_registers(
            rows in prop::collection::vec(prop::collection::vec(-9f32..9.0, 20), 1..66),
            shift in prop::sample::select(vec![0.0_f32, 1_000.0]),
            is_product: bool,
            reach in prop_oneof![3 => 0f32..30.0, 1 => Just(f32::INFINITY), 1 => Just(f32::NAN)],
        ) {
            let metric = if is_product { Metric::InnerProduct } else { Metric::L2 };
            let (mut codes, mut code) = (Codes::new(CODE_BLOCK), vec![0; CODE_BLOCK]);
            for row in &rows {
                let row: Vec<f32> = row.iter().map(|lane| lane + shift).collect();
                let measure = encode(&row, 1.0, &mut code);
                codes.push(&code, measure);
            }
            let (query, mut signed) = (codes.all().measure(0), Signed::new(CODE_BLOCK));
            signed.set(codes.code(0));
            let ranking = Ranking::new(metric, 20, &query, signed.excess);
            let coded = codes.runs(64).next().unwrap();
            let (mut dots, mut ranks) = (vec![0; coded.len()], vec![0.0; coded.len()]);
            dot_codes(coded.codes, signed.lanes(), &mut dots);
            rank(&dots, &coded, &ranking, &mut ranks);
            let limits = Within { reach, square: query.square, rounding: 1e-5, loose: 1.5 };
            let (low, near) = (at_most(&ranks, ranks[0]), within(&ranks, &coded, &limits));
            let value = |measure: Measure, code: &[u8], lane: usize| {
                let signed = f64::from(code[lane]) - 128.0;
                f64::from(measure.middle) + f64::from(measure.step) * signed
            };
            for (at, found) in ranks.iter().enumerate() {
                let measure = coded.measure(at);
                prop_assert_eq!(found.to_bits(), ranking.rank(dots[at], measure).to_bits());
                prop_assert_eq!(low >> at & 1 == 1, *found <= ranks[0]);
                let is_near = limits.admits(*found, measure.square, measure.slack);
                prop_assert_eq!(near >> at & 1 == 1, is_near);
                let pairs = (0..20).map(|lane| {
                    (value(measure, codes.code(at), lane), value(query, codes.code(0), lane))
                });
                let (exact, size) = if is_product {
                    let exact = pairs.map(|(a, b)| -a * b).sum::<f64>();
                    (exact, f64::from(measure.norm(20) * query.norm(20)))
                } else {
                    let exact = pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
                    (exact, exact + f64::from(measure.square + query.square))
                };
                prop_assert!((exact - f64::from(*found)).abs() <= 6e-6 * size, "{exact} {found}");
            }
            let found = u64::BITS - (low | near).leading_zeros();
            prop_assert!(found as usize <= coded.len(), "no bit of what is not there");
        }

        #[test]
        fn folds_equal_those_of_a_plain_loop_up_to_rounding(
            pairs in prop::collection::vec((-10f32..10.0, -10f32..10.0), 1..150),
        ) {
            let (row, query): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            for operation in [Operation::Dot, Operation::L2Squared] {
                let expected = fold_one_by_one(&row, &query, operation);
                let rows = [row.clone(), query.clone(), row.clone()].concat();
                let mut out = [0.0; 3];
                fold_rows(&rows, &query, operation, &mut out);
                prop_assert!((out[0] - expected).abs() <= 1e-3 * (1.0 + expected.abs()));
                prop_assert_eq!(out[0].to_bits(), out[2].to_bits());
                prop_assert_eq!(out[0].to_bits(), fold(&row, &query, operation).to_bits());
            }
        }
    }
}
