//! What happens to packets on their way, by a seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::chaos::Chaos;

/// 2^-53: the distance of the numbers that are drawn.
const UNIT: f64 = 1.0 / 9_007_199_254_740_992.0;

/// By how many packets a packet is late, at most.
const MOST_LATE: u64 = 4;

/// What happens to one packet on one line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Fate {
    pub(super) is_lost: bool,
    pub(super) is_twice: bool,
    /// Packets by which it is late.
    pub(super) late: u64,
    /// Which byte is changed, modulo the packet's length, and what it is xored with.
    pub(super) damage: Option<(u64, u8)>,
}

/// The mishaps of one line, or of all together.
#[derive(Clone, Debug)]
pub(super) struct Script {
    stream: ChaCha8Rng,
    chaos: Chaos,
}

impl Script {
    /// `number` tells scripts of one seed apart.
    pub(super) fn new(chaos: Chaos, number: u64) -> Self {
        let mut stream = ChaCha8Rng::seed_from_u64(chaos.seed);
        stream.set_stream(number);
        Self { stream, chaos }
    }

    /// Draws whether all lines lose the next packet.
    pub(super) fn loses_all(&mut self) -> bool {
        self.chance(self.chaos.loss_both)
    }

    /// Draws what happens to the next packet. It takes as many numbers for each packet.
    pub(super) fn fate(&mut self) -> Fate {
        let Chaos { loss, duplicate, reorder, corrupt, .. } = self.chaos;
        let is_lost = self.chance(loss);
        let is_twice = self.chance(duplicate);
        let is_late = self.chance(reorder);
        let is_damaged = self.chance(corrupt);
        let late = self.stream.next_u64() % MOST_LATE + 1;
        let place = self.stream.next_u64();
        // Never 0, which would change nothing.
        let [bits, ..] = self.stream.next_u64().to_le_bytes();
        Fate {
            is_lost,
            is_twice,
            late: if is_late { late } else { 0 },
            damage: is_damaged.then_some((place, bits.max(1))),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    fn chance(&mut self, p: f64) -> bool {
        let unit = (self.stream.next_u64() >> 11) as f64 * UNIT;
        unit < p
    }
}
