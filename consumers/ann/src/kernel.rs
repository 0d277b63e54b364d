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
