//! Ranks: what the distances of codes are, by their inner products, and what is low among them.
//!
//! They are sums and products of f32 one by one, in one order, never fused, so that they are the
//! same on every processor.
//!
//! # Invariants
//!
//! - The functions marked with a target feature are called only when the processor has it. Inside
//!   them nothing is unsafe: they load from arrays.

#![expect(unsafe_code, reason = "calls of functions for processors with AVX-512")]

use crate::code::Measure;
use crate::codes::Coded;
use crate::metric::Metric;

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
    // Side by side, so that compilers make it of as many at once as the processor can.
    let lines = coded.middles.iter().zip(coded.steps);
    let sums = coded.sums.iter().zip(coded.squares);
    for (((rank, dot), line), sums) in ranks.iter_mut().zip(dots).zip(lines).zip(sums) {
        let ((middle, step), (sum, square)) = (line, sums);
        let (middle, step, sum, square) = (*middle, *step, *sum, *square);
        *rank = ranking.rank(*dot, Measure { middle, step, sum, square, slack: 0.0 });
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

/// A whole number in the order of ranks; what is no number, of whatever sign, comes last.
#[inline]
pub(crate) fn key(rank: f32) -> i32 {
    let bits = if rank.is_nan() { f32::NAN } else { rank }.to_bits().cast_signed();
    // As `f32::total_cmp` has it.
    bits ^ (bits >> 31).cast_unsigned().wrapping_shr(1).cast_signed()
}

/// The rank of a key.
#[inline]
pub(crate) fn rank_of(key: i32) -> f32 {
    let bits = key ^ (key >> 31).cast_unsigned().wrapping_shr(1).cast_signed();
    f32::from_bits(bits.cast_unsigned())
}

/// Gives a bit for each of up to 64 ranks that does not lie above `limit`, the lowest for the
/// first. What is no number lies above nothing.
#[inline]
pub(crate) fn not_above(ranks: &[f32], limit: f32) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if ranks.len() >= wide::WIDTH && is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has AVX-512 F.
        return unsafe { wide::not_above(ranks, limit) };
    }
    let is_above = |rank: &f32| *rank > limit;
    let each = ranks.iter().map(|rank| u64::from(!is_above(rank)));
    each.enumerate().fold(0, |bits, (at, bit)| bits | bit << at)
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

#[cfg(target_arch = "x86_64")]
mod wide {
    use super::{Coded, Ranking, Within};
    use core::arch::x86_64::{
        __m512, __m512i, _CMP_NGT_UQ, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_cvtepi32_ps,
        _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_sub_epi32,
        _mm512_sub_ps,
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
    pub(super) fn not_above(ranks: &[f32], limit: f32) -> u64 {
        let limit = _mm512_set1_ps(limit);
        blocks(ranks.len()).fold(0, |found, at| {
            found | u64::from(_mm512_cmp_ps_mask::<_CMP_NGT_UQ>(floats(ranks, at), limit)) << at
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
    use crate::kernel::{CODE_BLOCK, dot_codes};
    use proptest::prelude::*;

    proptest! {
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
        fn keys_have_the_order_of_their_ranks_and_what_is_no_number_is_last(a: f32, b: f32) {
            for rank in [a, b, -f32::NAN, f32::INFINITY, -0.0, 0.0] {
                let same = rank_of(key(rank));
                prop_assert!(same.to_bits() == rank.to_bits() || rank.is_nan() && same.is_nan());
                prop_assert!(key(rank) <= key(-f32::NAN) && key(-f32::NAN) == key(f32::NAN));
            }
            if !a.is_nan() && !b.is_nan() {
                prop_assert_eq!(key(a).cmp(&key(b)), a.total_cmp(&b));
            }
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
            let (low, near) = (not_above(&ranks, ranks[0]), within(&ranks, &coded, &limits));
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
    }
}
