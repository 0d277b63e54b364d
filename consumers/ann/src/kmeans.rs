//! Centroids by k-means over codes, by sums of f64 in one order: the same codes and the same seed
//! give the same centroids on every processor.

use crate::code::{MIDDLE, Measure, Signed, encode};
use crate::codes::Codes;
use crate::kernel;
use crate::metric::Metric;
use crate::ranking::{self, Ranking};

/// Rounds of Lloyd's algorithm: of each the step from one code of the sample to the next. The first
/// rounds need not look at all to go into the right direction, but at [`ENOUGH`] for each centroid.
const SKIPS: [usize; 8] = [8, 8, 8, 4, 4, 2, 1, 1];
const ENOUGH: usize = 8;
/// The seed of the first choice.
const SEED: u64 = 0x7469_636b_7269_6e67;

/// One centroid in the middle: all are near to it.
pub(crate) fn single(stride: usize) -> Codes {
    let mut codes = Codes::new(stride);
    codes.push(&vec![MIDDLE; stride], Measure::default());
    codes
}

/// Finds `count` centroids of `sample`, codes of `dim` lanes; fewer if there are not as many.
///
/// Cost: allocates; some three and a half passes over all pairs of code and centroid, up to eight
/// where the sample is small.
pub(crate) fn train(sample: &Codes, dim: usize, count: usize) -> Codes {
    let (total, stride) = (sample.len(), sample.stride());
    let count = count.min(total).max(1);
    if total == 0 || count == 1 {
        return single(stride);
    }
    let mut centroids = Codes::new(stride);
    let mut code = vec![0; stride];
    for at in chosen(total, count) {
        centroids.push(sample.code(at), sample.all().measure(at));
    }
    let mut signed = Signed::new(stride);
    let (mut dots, mut ranks) = (vec![0; count], vec![0.0; count]);
    let (mut sums, mut counts) = (vec![0.0_f64; count * dim], vec![0_u32; count]);
    let mut lanes = vec![0.0_f32; dim];
    for skip in SKIPS {
        let skip = skip.min(total / (ENOUGH * count)).max(1);
        sums.fill(0.0);
        counts.fill(0);
        // The code that is farthest from its centroid takes the place of one that nobody is near.
        let mut farthest = (0, f32::NEG_INFINITY);
        for at in (0..total).step_by(skip) {
            let measure = sample.all().measure(at);
            signed.set(sample.code(at));
            let ranking = Ranking::new(Metric::L2, dim, &measure, signed.excess);
            kernel::dot_codes(centroids.all().codes, signed.lanes(), &mut dots);
            ranking::rank(&dots, &centroids.all(), &ranking, &mut ranks);
            let (home, far) = ranking::least(&ranks);
            if far > farthest.1 {
                farthest = (at, far);
            }
            if let Some(count) = counts.get_mut(home) {
                *count += 1;
            }
            let sum = sums.get_mut(home * dim..(home + 1) * dim).unwrap_or(&mut []);
            let (middle, step) = (f64::from(measure.middle), f64::from(measure.step));
            for (sum, lane) in sum.iter_mut().zip(signed.lanes()) {
                *sum += middle + step * f64::from(*lane);
            }
        }
        let mut moved = Codes::new(stride);
        for (sum, count) in sums.chunks_exact(dim).zip(&counts) {
            if *count == 0 {
                moved.push(sample.code(farthest.0), sample.all().measure(farthest.0));
                continue;
            }
            for (lane, sum) in lanes.iter_mut().zip(sum) {
                #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
                let mean = (sum / f64::from(*count)) as f32;
                *lane = mean;
            }
            let measure = encode(&lanes, 1.0, &mut code);
            moved.push(&code, measure);
        }
        if moved == centroids && skip == 1 {
            break;
        }
        centroids = moved;
    }
    centroids
}

/// `count` different numbers below `total`, by the seed.
fn chosen(total: usize, count: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..total).collect();
    let mut state = SEED;
    for at in 0..count {
        // SplitMix64, by Steele, Lea and Flood.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let left = (total - at) as u64;
        let other = at + usize::try_from((mixed ^ (mixed >> 31)) % left).unwrap_or(0);
        all.swap(at, other);
    }
    all.truncate(count);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(rows: impl Iterator<Item = [f32; 3]>) -> Codes {
        let (mut codes, mut code) = (Codes::new(64), vec![0; 64]);
        for row in rows {
            let measure = encode(&row, 1.0, &mut code);
            codes.push(&code, measure);
        }
        codes
    }

    #[test]
    fn every_code_is_near_to_a_centroid_and_they_are_always_the_same_ones() {
        let groups = [-300.0_f32, 9.0, 160.0, 2_300.0];
        let row = |at: usize| [groups[at % 4], groups[at % 4] + (at / 4 % 5) as f32, 1.0];
        let sample = sample((0..400).map(row));
        let found = train(&sample, 3, 24);
        assert_eq!(found, train(&sample, 3, 24));
        for group in groups {
            let value = |at: usize| {
                let measure = found.all().measure(at);
                measure.middle + measure.step * (f32::from(found.code(at)[0]) - 128.0)
            };
            let is_near = |at: usize| (value(at) - group).abs() < 10.0;
            assert!((0..found.len()).any(is_near), "{group}");
        }
    }

    #[test]
    fn there_are_never_more_centroids_than_codes() {
        assert_eq!(train(&Codes::new(64), 3, 4), single(64));
        let three = sample([[7.0, 1.0, 2.0]; 3].into_iter());
        assert_eq!(train(&three, 3, 10).len(), 3);
        assert_eq!(train(&three, 3, 1).len(), 1);
    }

    #[test]
    fn the_choice_has_no_number_twice() {
        let mut all = chosen(100, 100);
        all.sort_unstable();
        assert!(all.into_iter().eq(0..100));
    }
}
