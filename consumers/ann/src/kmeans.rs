//! Centroids by k-means over codes, in integers only: the same codes and the same seed give the
//! same centroids on every processor.

use crate::kernel;
use crate::quantiser::Signed;

/// Rounds of Lloyd's algorithm: of each the step from one code of the sample to the next. The first
/// rounds need not look at all to go into the right direction, but at [`ENOUGH`] for each centroid.
const SKIPS: [usize; 8] = [8, 8, 8, 4, 4, 2, 1, 1];
const ENOUGH: usize = 8;
/// The seed of the first choice.
const SEED: u64 = 0x7469_636b_7269_6e67;

/// The centroids, one behind the other, and the squares of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Centroids {
    pub(crate) codes: Vec<u8>,
    pub(crate) squares: Vec<i32>,
}

impl Centroids {
    /// One centroid in the middle: all are near to it.
    pub(crate) fn single(stride: usize) -> Self {
        Self { codes: vec![128; stride], squares: vec![0] }
    }

    /// Takes centroids whose squares are computed.
    pub(crate) fn from_codes(codes: Vec<u8>, stride: usize) -> Self {
        let mut signed = Signed::new(stride);
        let squares = codes.chunks_exact(stride).map(|code| {
            signed.set(code);
            signed.square
        });
        Self { squares: squares.collect(), codes }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.squares.len()
    }

    /// The nearest centroid, of equally near ones the first, and the squared distance less the
    /// code's own square. `dots` has a place for each centroid.
    #[inline]
    pub(crate) fn nearest(&self, code: &Signed, dots: &mut [i32]) -> (usize, i32) {
        if self.squares.len() == 1 {
            return (0, 0);
        }
        kernel::dot_codes(&self.codes, code.lanes(), dots);
        let far = |(square, dot): (&i32, &i32)| square - 2 * code.corrected(*dot);
        let mut best = (0, i32::MAX);
        for (at, far) in self.squares.iter().zip(dots.iter()).map(far).enumerate() {
            if far < best.1 {
                best = (at, far);
            }
        }
        best
    }
}

/// Finds `count` centroids of `sample`, codes of `stride` bytes one behind the other; fewer if
/// there are not as many codes.
///
/// Cost: allocates; some three and a half passes over all pairs of code and centroid, up to eight
/// where the sample is small.
pub(crate) fn train(sample: &[u8], stride: usize, count: usize) -> Centroids {
    let total = sample.len() / stride;
    let count = count.min(total).max(1);
    if total == 0 || count == 1 {
        return Centroids::single(stride);
    }
    let row = |at: usize| sample.get(at * stride..(at + 1) * stride).unwrap_or(&[]);
    let codes: Vec<u8> = chosen(total, count).into_iter().flat_map(|at| row(at).to_vec()).collect();
    let mut centroids = Centroids::from_codes(codes, stride);
    let mut signed = Signed::new(stride);
    let mut dots = vec![0; count];
    let (mut sums, mut counts) = (vec![0_i64; count * stride], vec![0_i64; count]);
    for skip in SKIPS {
        let skip = skip.min(total / (ENOUGH * count)).max(1);
        sums.fill(0);
        counts.fill(0);
        // The code that is farthest from its centroid takes the place of one that nobody is near.
        let mut farthest = (0, i32::MIN);
        for (at, code) in sample.chunks_exact(stride).enumerate().step_by(skip) {
            signed.set(code);
            let (home, far) = centroids.nearest(&signed, &mut dots);
            let far = far + signed.square;
            if far > farthest.1 {
                farthest = (at, far);
            }
            if let Some(count) = counts.get_mut(home) {
                *count += 1;
            }
            let sum = sums.get_mut(home * stride..(home + 1) * stride).unwrap_or(&mut []);
            sum.iter_mut().zip(code).for_each(|(sum, lane)| *sum += i64::from(*lane));
        }
        let mut codes = Vec::with_capacity(count * stride);
        for (sum, count) in sums.chunks_exact(stride).zip(&counts) {
            match count {
                0 => codes.extend_from_slice(row(farthest.0)),
                count => codes.extend(sum.iter().map(|sum| mean(*sum, *count))),
            }
        }
        let moved = Centroids::from_codes(codes, stride);
        if moved == centroids && skip == 1 {
            break;
        }
        centroids = moved;
    }
    centroids
}

/// The mean of codes, rounded.
fn mean(sum: i64, count: i64) -> u8 {
    u8::try_from((2 * sum + count) / (2 * count)).unwrap_or(u8::MAX)
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

    #[test]
    fn every_code_is_near_to_a_centroid_and_they_are_always_the_same_ones() {
        let groups = [30_u8, 90, 160, 230];
        let sample: Vec<u8> = (0..400_usize)
            .flat_map(|at| [groups[at % 4] + u8::try_from(at / 4 % 5).unwrap(); 64])
            .collect();
        let found = train(&sample, 64, 24);
        assert_eq!(found, train(&sample, 64, 24));
        for group in groups {
            let near = |code: &[u8]| code[0].abs_diff(group + 2) < 6;
            assert!(found.codes.chunks(64).any(near), "{group}: {:?}", found.codes);
        }
    }

    #[test]
    fn there_are_never_more_centroids_than_codes() {
        assert_eq!(train(&[], 64, 4), Centroids::single(64));
        assert_eq!(train(&[7; 64 * 3], 64, 10).len(), 3);
        assert_eq!(train(&[7; 64 * 3], 64, 1).len(), 1);
    }

    #[test]
    fn the_choice_has_no_number_twice() {
        let mut all = chosen(100, 100);
        all.sort_unstable();
        assert!(all.into_iter().eq(0..100));
    }
}
