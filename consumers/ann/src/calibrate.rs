//! Which index suits how many vectors, on this machine.

use crate::code::stride_of;
use crate::kernel::{self, Operation};
use crate::lists::Choice;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Vectors of the sample: more than the first cache holds, as in use.
const SAMPLE: usize = 2_048;
/// Passes over the sample, of which the fastest counts.
const PASSES: usize = 5;
/// The time that comparing all lanes may take; where it takes longer, codes are looked at first.
const LANES: Duration = Duration::from_micros(5);
/// The time that the inner products of all codes may take, a third of what an exact search by codes
/// does; where it takes longer there are lists, and searches are approximate.
const ONE_LIST: Duration = Duration::from_micros(5);
/// Bounds of what is chosen, so that a disturbed measurement does little harm.
const EXACT_BOUNDS: (u64, u64) = (200, 2_000);
const LIST_BOUNDS: (u64, u64) = (2_000, 50_000);
/// Lists: few enough that an update stays cheap, and that there are more codes in those that are
/// looked through than centroids.
const LISTS: u32 = 256;
const PER_LIST: u32 = 64;

impl Choice {
    /// Measures distances of `dim` lanes and chooses: all lanes while that takes 5 µs at most, all
    /// codes while that takes 5 µs, lists beyond. Cost: allocates; some milliseconds.
    #[must_use]
    pub fn calibrated(dim: usize) -> Self {
        let rows = vec![1.0_f32; dim * SAMPLE];
        let query = vec![0.5_f32; dim];
        let mut sums = vec![0.0; SAMPLE];
        let exact = fastest(|| {
            kernel::fold_rows(&rows, black_box(&query), Operation::L2Squared, &mut sums);
            _ = black_box(&mut sums);
        });
        let stride = stride_of(dim);
        let codes = vec![200_u8; stride * SAMPLE];
        let signed = vec![3_i8; stride];
        let mut dots = vec![0; SAMPLE];
        let coded = fastest(|| {
            kernel::dot_codes(&codes, black_box(&signed), &mut dots);
            _ = black_box(&mut dots);
        });
        let exact_up_to = within(LANES, exact, EXACT_BOUNDS);
        let lists_from = within(ONE_LIST, coded, LIST_BOUNDS).max(exact_up_to + 1);
        Self { exact_up_to, lists_from, lists: LISTS, per_list: PER_LIST, ..Self::EXACT }
    }
}

/// The shortest time that `pass` took.
fn fastest(mut pass: impl FnMut()) -> Duration {
    let time = |_| {
        let begin = Instant::now();
        pass();
        begin.elapsed()
    };
    (0..PASSES).map(time).min().unwrap_or_default()
}

/// How many vectors can be compared in `limit`, if a sample takes `pass`.
fn within(limit: Duration, pass: Duration, bounds: (u64, u64)) -> u64 {
    let vectors = limit.as_nanos() * SAMPLE as u128 / pass.as_nanos().max(1);
    u64::try_from(vectors).unwrap_or(u64::MAX).clamp(bounds.0, bounds.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_keeps_its_order_and_its_bounds() {
        for dim in [8, 128, 768] {
            let choice = Choice::calibrated(dim);
            assert!(choice.exact_up_to < choice.lists_from, "{choice:?}");
            assert!(choice.exact_up_to >= 200 && choice.lists_from <= 50_000, "{choice:?}");
        }
        let ten = Duration::from_micros(10);
        assert_eq!(within(ten * 2, ten, (1, u64::MAX)), 2 * SAMPLE as u64);
        assert_eq!(within(ten, Duration::ZERO, (1, 77)), 77);
    }
}
