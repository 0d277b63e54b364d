//! A hash for order ids.
//!
//! Venues number orders almost consecutively, and a book looks up one id per event, most often one
//! of the newest. So ids that differ in their low four bits only get neighbouring places of a
//! table, which lie in the same cache lines, and blocks of sixteen are scattered by one
//! multiplication. It does not defend against chosen ids: a hostile file can make a feed slow,
//! never wrong.

use std::hash::{BuildHasherDefault, Hasher};

/// An odd constant with no pattern in its bits: 2^64 divided by the golden ratio.
pub(crate) const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
/// Low bits of an id that say its place in a block.
const BLOCK_BITS: u32 = 4;

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
        let product = u128::from(self.state ^ value >> BLOCK_BITS) * u128::from(FACTOR);
        // The high half carries the low bits' influence and the other way round.
        let [low, high] = halves(product);
        let within = value & ((1 << BLOCK_BITS) - 1);
        // A table takes the place from the low bits and a tag, by which it tells neighbours apart,
        // from the high ones.
        self.state = ((low ^ high) << BLOCK_BITS | within) ^ within << (u64::BITS - BLOCK_BITS);
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
    fn ids_of_one_block_are_neighbours_and_have_tags_of_their_own() {
        for block in [0, 16, 6_412_777_285_104] {
            let hashes: Vec<u64> = (block..block + 16).map(hash).collect();
            let low = |hash: u64| hash & 0xFFFF_FFFF;
            assert!(hashes.windows(2).all(|pair| low(pair[1]) == low(pair[0]) + 1), "{hashes:x?}");
            assert_eq!(hashes.iter().map(|hash| hash >> 57).collect::<HashSet<_>>().len(), 16);
        }
    }

    #[test]
    fn ids_in_steps_of_a_power_of_two_are_scattered() {
        for step in [16, 1 << 16, 1 << 32] {
            let places: HashSet<u64> = (0..4096).map(|id| hash(id * step) >> 4 & 0xFFF).collect();
            assert!(places.len() > 2300, "{}", places.len());
        }
    }

    #[test]
    fn consecutive_ids_differ_in_low_and_in_high_bits() {
        let low: HashSet<u64> = (0..4096).map(|id| hash(id) & 0xFFFF).collect();
        let high: HashSet<u64> = (0..4096).map(|id| hash(id) >> 48).collect();
        assert!(low.len() > 3500, "{}", low.len());
        assert!(high.len() > 3500, "{}", high.len());
    }
}
