//! Distance kernels over memory of one's own: sums over lanes of f32, and inner products of codes
//! of one byte, which are integers and therefore the same on every processor.
//!
//! The sums over f32 are made in the order in which [`tickring::Lanes`] makes them in place, so
//! that a vector has the same distance, to the last bit, in the ring and in the window.
//!
//! # Invariants
//!
//! - The functions marked with a target feature are called only when the processor has it. Inside
//!   them nothing is unsafe: they load from arrays.

#![expect(unsafe_code, reason = "calls of functions for processors with AVX2 or AVX-512 VNNI")]

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

/// How the inner products of codes become ranks, of which the lower is the nearer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranking {
    /// What the products have too much, because one side of them is unsigned.
    pub(crate) excess: i32,
    /// Whether a rank is the negative product, instead of what the squared distance has beside the
    /// square of the query.
    pub(crate) is_product: bool,
}

impl Ranking {
    #[inline]
    pub(crate) fn rank(self, dot: i32, square: i32) -> i32 {
        let dot = dot - self.excess;
        if self.is_product { -dot } else { square - 2 * dot }
    }
}

/// Makes ranks of up to 64 inner products, in place, and gives a bit for each that is at most
/// `limit`, the lowest for the first.
#[inline]
pub(crate) fn rank(dots: &mut [i32], squares: &[i32], ranking: Ranking, limit: i32) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has AVX-512 F.
        return unsafe { wide::rank(dots, squares, ranking, limit) };
    }
    let mut bits = 0;
    for (at, (dot, square)) in dots.iter_mut().zip(squares).enumerate() {
        *dot = ranking.rank(*dot, *square);
        bits |= u64::from(*dot <= limit) << at;
    }
    bits
}

/// Gives a bit for each of up to 64 squared distances, `plus` added to them first, that does not
/// lie beyond the square of `reach` and its slack; each square is made greater by `loose`.
#[inline]
pub(crate) fn within(ranks: &[i32], plus: i32, slacks: &[f32], [reach, loose]: [f32; 2]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has AVX-512 F.
        return unsafe { wide::within(ranks, plus, slacks, [reach, loose]) };
    }
    let mut bits = 0;
    for (at, (rank, slack)) in ranks.iter().zip(slacks).enumerate() {
        let most = reach + slack;
        let is_beyond = (rank + plus) as f32 > most * most * loose;
        bits |= u64::from(!is_beyond) << at;
    }
    bits
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
    use super::Ranking;
    use core::arch::x86_64::{
        __m512, __m512i, _CMP_NGT_UQ, _mm512_add_epi32, _mm512_add_ps, _mm512_cmp_ps_mask,
        _mm512_cmple_epi32_mask, _mm512_cvtepi32_ps, _mm512_mul_ps, _mm512_set1_epi32,
        _mm512_set1_ps, _mm512_setzero_si512, _mm512_slli_epi32, _mm512_sub_epi32,
    };

    /// Numbers in one register.
    const WIDTH: usize = 16;

    /// Takes numbers from the front, and zeros where there are no more.
    #[inline]
    fn take<T: Copy + Default>(from: &mut &[T]) -> [T; WIDTH] {
        let mut taken = [T::default(); WIDTH];
        match from.split_first_chunk::<WIDTH>() {
            Some((whole, rest)) => {
                taken = *whole;
                *from = rest;
            }
            None => {
                taken.iter_mut().zip(from.iter()).for_each(|(to, from)| *to = *from);
                *from = &[];
            }
        }
        taken
    }

    /// The bits of so many numbers.
    #[inline]
    fn bits(count: usize) -> u16 {
        if count >= WIDTH {
            return u16::MAX;
        }
        (0..count).fold(0, |bits, at| bits | 1 << at)
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn rank(dots: &mut [i32], squares: &[i32], ranking: Ranking, limit: i32) -> u64 {
        let (excess, limit) = (_mm512_set1_epi32(ranking.excess), _mm512_set1_epi32(limit));
        let mut squares = squares;
        let mut found = 0;
        for (at, dots) in dots.chunks_mut(WIDTH).enumerate() {
            let square: __m512i = bytemuck::cast(take(&mut squares));
            let dot: __m512i = bytemuck::cast(take(&mut &*dots));
            let dot = _mm512_sub_epi32(dot, excess);
            let rank = if ranking.is_product {
                _mm512_sub_epi32(_mm512_setzero_si512(), dot)
            } else {
                _mm512_sub_epi32(square, _mm512_slli_epi32::<1>(dot))
            };
            let own = _mm512_cmple_epi32_mask(rank, limit) & bits(dots.len());
            found |= u64::from(own) << (at * WIDTH);
            let ranks: [i32; WIDTH] = bytemuck::cast(rank);
            match dots.as_mut_array::<WIDTH>() {
                Some(dots) => *dots = ranks,
                None => dots.iter_mut().zip(ranks).for_each(|(to, rank)| *to = rank),
            }
        }
        found
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn within(
        ranks: &[i32],
        plus: i32,
        slacks: &[f32],
        [reach, loose]: [f32; 2],
    ) -> u64 {
        let plus = _mm512_set1_epi32(plus);
        let (reach, loose) = (_mm512_set1_ps(reach), _mm512_set1_ps(loose));
        let (mut ranks, mut slacks) = (ranks, slacks);
        let mut found = 0;
        for at in 0..ranks.len().div_ceil(WIDTH) {
            let left = ranks.len();
            let rank: __m512i = bytemuck::cast(take(&mut ranks));
            let slack: __m512 = bytemuck::cast(take(&mut slacks));
            let most = _mm512_add_ps(reach, slack);
            let most = _mm512_mul_ps(_mm512_mul_ps(most, most), loose);
            let far = _mm512_cvtepi32_ps(_mm512_add_epi32(rank, plus));
            let own = _mm512_cmp_ps_mask::<_CMP_NGT_UQ>(far, most) & bits(left);
            found |= u64::from(own) << (at * WIDTH);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        fn ranks_are_those_of_a_plain_loop(
            entries in prop::collection::vec((-9_999i32..9_999, 0i32..9_999, 0f32..99.0), 0..65),
            excess in -99i32..99,
            is_product: bool,
            limit in -9_999i32..9_999,
            reach in prop_oneof![3 => 0f32..200.0, 1 => Just(f32::INFINITY)],
        ) {
            let ranking = Ranking { excess, is_product };
            let mut ranks: Vec<i32> = entries.iter().map(|entry| entry.0).collect();
            let squares: Vec<i32> = entries.iter().map(|entry| entry.1).collect();
            let slacks: Vec<f32> = entries.iter().map(|entry| entry.2).collect();
            let bits = rank(&mut ranks, &squares, ranking, limit);
            let near = within(&ranks, 77, &slacks, [reach, 1.5]);
            for (at, (dot, square, slack)) in entries.iter().enumerate() {
                prop_assert_eq!(ranks[at], ranking.rank(*dot, *square));
                prop_assert_eq!(bits >> at & 1 == 1, ranks[at] <= limit);
                let most = (reach + slack) * (reach + slack) * 1.5;
                prop_assert_eq!(near >> at & 1 == 1, (ranks[at] + 77) as f32 <= most);
            }
            let found = u64::BITS - (bits | near).leading_zeros();
            prop_assert!(found as usize <= entries.len(), "no bit of what is not there");
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
