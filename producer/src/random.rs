//! Random numbers that are the same on every machine.
//!
//! All draws come from one ChaCha8 stream. Logarithms and powers come from `libm`, not from the
//! system's mathematics library, whose last digits differ between versions.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// 2^-53: the distance of the numbers that [`Random::unit`] gives.
const UNIT: f64 = 1.0 / 9_007_199_254_740_992.0;

/// A seeded stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    stream: ChaCha8Rng,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { stream: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Returns a number of [0, 1).
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.stream.next_u64() >> 11) as f64 * UNIT
    }

    /// Returns an exponential variate with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }

    /// Returns a number of [0, `n`); 0 if `n` is 0.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        let high = self.stream.next_u64() >> 32;
        // The product is below n * 2^32.
        u32::try_from((high * u64::from(n)) >> 32).unwrap_or_default()
    }

    /// Returns a number of [0, `n`); 0 if `n` is 0. For lengths of arrays.
    pub(crate) fn index(&mut self, n: usize) -> usize {
        self.below(u32::try_from(n).unwrap_or(u32::MAX)) as usize
    }

    /// Returns `true` with probability `p`.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Returns how often a trial of probability `p` succeeds before it fails, at most `most`.
    pub(crate) fn successes(&mut self, p: f64, most: u32) -> u32 {
        let mut count = 0;
        while count < most && self.chance(p) {
            count += 1;
        }
        count
    }
}

/// A discrete distribution over 0 .. n, drawn in constant time (Walker's alias method, as Vose
/// builds it).
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    columns: Vec<Column>,
}

/// One column of the alias table: itself with probability `keep`, else `other`.
#[derive(Clone, Copy, Debug)]
struct Column {
    keep: f64,
    other: u32,
}

impl Choice {
    /// Creates the distribution of 0 .. `n` with weights (i + 1)^-`exponent`.
    pub(crate) fn power_law(n: u32, exponent: f64) -> Self {
        let weights: Vec<f64> = (1..=n).map(|rank| libm::pow(f64::from(rank), -exponent)).collect();
        Self::new(&weights)
    }

    fn new(weights: &[f64]) -> Self {
        let n = u32::try_from(weights.len()).unwrap_or(u32::MAX);
        let mean = weights.iter().sum::<f64>() / f64::from(n.max(1));
        let mut scaled: Vec<(u32, f64)> =
            (0..n).zip(weights).map(|(index, weight)| (index, weight / mean)).collect();
        let mut columns: Vec<Column> = (0..n).map(|other| Column { keep: 1.0, other }).collect();
        let (mut small, mut large): (Vec<_>, Vec<_>) =
            scaled.drain(..).partition(|&(_, weight)| weight < 1.0);
        while let (Some((index, weight)), Some((donor, left))) = (small.pop(), large.pop()) {
            if let Some(column) = columns.get_mut(index as usize) {
                *column = Column { keep: weight, other: donor };
            }
            let left = left - (1.0 - weight);
            if left < 1.0 { &mut small } else { &mut large }.push((donor, left));
        }
        Self { columns }
    }

    /// Draws a number.
    pub(crate) fn draw(&self, random: &mut Random) -> u32 {
        let index = random.index(self.columns.len());
        match self.columns.get(index) {
            Some(column) if random.unit() >= column.keep => column.other,
            _ => u32::try_from(index).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_law_is_drawn_with_its_weights() {
        let choice = Choice::power_law(8, 1.0);
        let mut random = Random::new(7);
        let mut counts = [0u32; 8];
        for _ in 0..800_000 {
            counts[choice.draw(&mut random) as usize] += 1;
        }
        let total: f64 = (1..=8).map(|rank| 1.0 / f64::from(rank)).sum();
        for (rank, count) in (1..).zip(counts) {
            let expected = 800_000.0 / f64::from(rank) / total;
            let error = (f64::from(count) - expected).abs() / expected;
            assert!(error < 0.02, "rank {rank}: {count} for {expected}");
        }
    }

    #[test]
    fn exponentials_have_mean_one() {
        let mut random = Random::new(7);
        let sum: f64 = (0..100_000).map(|_| random.exponential()).sum();
        assert!((sum / 100_000.0 - 1.0).abs() < 0.02, "{sum}");
    }

    #[test]
    fn the_stream_is_fixed_by_its_seed() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            [random.below(1 << 30), random.below(1 << 30), random.below(1 << 30)]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
