//! A hash for order ids.
//!
//! Venues number orders almost consecutively, and a book looks up one id per event, so the hash is
//! one multiplication. It does not defend against chosen ids: a hostile file can make a feed slow,
//! never wrong.

use std::hash::{BuildHasherDefault, Hasher};

/// An odd constant with no pattern in its bits: 2^64 divided by the golden ratio.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// Hashes one integer by a folded multiplication.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OrderIdHasher {
    state: u64,
}

/// Builds the hasher of a map whose keys are integers.
pub(crate) type OrderIdHash = BuildHasherDefault<OrderIdHasher>;

impl Hasher for OrderIdHasher {
    fn finish(&self) -> u64 {
        self.state
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.state ^ value) * u128::from(FACTOR);
        // The high half carries the low bits' influence and the other way round.
        let [low, high] = halves(product);
        self.state = low ^ high;
    }
}

/// Splits a product into its low and high word.
#[expect(clippy::cast_possible_truncation, reason = "the value is split into its two words")]
const fn halves(product: u128) -> [u64; 2] {
    [product as u64, (product >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn hash(value: u64) -> u64 {
        let mut hasher = OrderIdHasher::default();
        hasher.write_u64(value);
        hasher.finish()
    }

    #[test]
    fn consecutive_ids_differ_in_low_and_in_high_bits() {
        let low: HashSet<u64> = (0..4096).map(|id| hash(id) & 0xFFFF).collect();
        let high: HashSet<u64> = (0..4096).map(|id| hash(id) >> 48).collect();
        assert!(low.len() > 3500, "{}", low.len());
        assert!(high.len() > 3500, "{}", high.len());
    }
}
