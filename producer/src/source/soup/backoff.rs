//! How long to wait before the next attempt to connect.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Waits that double from one failure to the next, up to a limit, each shortened by up to half at
/// random: clients that were cut off together do not come back together.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
    random: ChaCha8Rng,
}

impl Backoff {
    pub(super) fn new(first: Duration, most: Duration, seed: u64) -> Self {
        Self { first, most, failures: 0, random: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Returns how long to wait after one more failure.
    pub(super) fn next(&mut self) -> Duration {
        let doubled = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let longest = self.first.saturating_mul(doubled).min(self.most);
        self.failures = self.failures.saturating_add(1);
        longest - (longest / 2).saturating_mul(self.random.next_u32() >> 16) / (1 << 16)
    }

    /// Returns how many failures there were since the last success.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Begins anew after a success.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_differ_by_seed() {
        let (first, most) = (Duration::from_millis(100), Duration::from_secs(10));
        let waits = |seed| {
            let mut backoff = Backoff::new(first, most, seed);
            (0..200).map(|_| backoff.next()).collect::<Vec<_>>()
        };
        for seed in 0..20 {
            for (failure, wait) in (0u32..).zip(waits(seed)) {
                let longest = first.saturating_mul(1 << failure.min(20)).min(most);
                assert!(wait > longest / 2 - Duration::from_millis(1), "{failure}: {wait:?}");
                assert!(wait <= longest, "{failure}: {wait:?}");
            }
        }
        assert_ne!(waits(1), waits(2));
    }

    #[test]
    fn a_success_begins_anew() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10), 1);
        (0..9).for_each(|_| _ = backoff.next());
        assert_eq!(backoff.failures(), 9);
        backoff.reset();
        assert!(backoff.failures() == 0 && backoff.next() <= Duration::from_millis(100));
    }
}
