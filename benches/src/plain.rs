//! The yardstick for inner products in place: the same arithmetic over an ordinary slice.
//!
//! # Invariants
//!
//! - The functions marked with a target feature are called only when the processor has it.

#![expect(unsafe_code, reason = "the call of a function for processors with AVX2")]

/// The inner product of two slices, over the lanes that both have: four chains of eight lanes
/// with AVX2 and FMA, as the bus computes it in place.
#[inline]
#[must_use]
pub fn dot(lanes: &[f32], query: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor has AVX2 and FMA.
        return unsafe { avx2::dot(lanes, query) };
    }
    dot_one_by_one(lanes, query)
}

/// The portable form, and the tail of the vectorised one.
fn dot_one_by_one(lanes: &[f32], query: &[f32]) -> f32 {
    lanes.iter().zip(query).map(|(lane, query)| lane * query).sum()
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::dot_one_by_one;
    use core::arch::x86_64::{_mm256_add_ps, _mm256_fmadd_ps, _mm256_setzero_ps};

    const WIDTH: usize = 8;
    const CHAINS: usize = 4;

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn dot(lanes: &[f32], query: &[f32]) -> f32 {
        let (blocks, _) = lanes.as_chunks::<WIDTH>();
        let (queries, _) = query.as_chunks::<WIDTH>();
        let count = blocks.len().min(queries.len());
        let (blocks, queries) =
            (blocks.get(..count).unwrap_or(&[]), queries.get(..count).unwrap_or(&[]));
        let mut sums = [_mm256_setzero_ps(); CHAINS];
        let (wide_blocks, last_blocks) = blocks.as_chunks::<CHAINS>();
        let (wide_queries, last_queries) = queries.as_chunks::<CHAINS>();
        for (blocks, queries) in wide_blocks.iter().zip(wide_queries) {
            for ((block, query), sum) in blocks.iter().zip(queries).zip(&mut sums) {
                *sum = _mm256_fmadd_ps(bytemuck::cast(*block), bytemuck::cast(*query), *sum);
            }
        }
        for ((block, query), sum) in last_blocks.iter().zip(last_queries).zip(&mut sums) {
            *sum = _mm256_fmadd_ps(bytemuck::cast(*block), bytemuck::cast(*query), *sum);
        }
        let [a, b, c, d] = sums;
        let sum: [f32; WIDTH] =
            bytemuck::cast(_mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d)));
        let tail = dot_one_by_one(
            lanes.get(count * WIDTH..).unwrap_or(&[]),
            query.get(count * WIDTH..).unwrap_or(&[]),
        );
        sum.iter().sum::<f32>() + tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_give_the_exact_product_of_small_integers() {
        for length in [0, 1, 7, 8, 31, 32, 33, 100, 128, 768] {
            let lanes: Vec<f32> = (0..length).map(|n| (n % 7) as f32).collect();
            let query: Vec<f32> = (0..length).map(|n| (n % 5) as f32).collect();
            let expected: i32 = (0..length).map(|n| (n % 7) * (n % 5)).sum();
            assert_eq!(dot(&lanes, &query), expected as f32, "{length}");
            assert_eq!(dot_one_by_one(&lanes, &query), expected as f32, "{length}");
        }
        assert_eq!(dot(&[1.0; 20], &[2.0; 9]), 18.0);
    }
}
