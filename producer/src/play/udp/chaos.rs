//! What happens to packets on their way, by a seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::error::Error;

/// 2^-53: the distance of the numbers that are drawn.
const UNIT: f64 = 1.0 / 9_007_199_254_740_992.0;

/// By how many packets a packet is late, at most.
const MOST_LATE: u64 = 4;

/// Probabilities of the mishaps of a packet, from 0 to 1.
///
/// Each line draws for itself, but for [`loss_both`](Self::loss_both).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Chaos {
    /// Seed: the same mishaps for the same packets.
    pub seed: u64,
    /// A line loses the packet.
    pub loss: f64,
    /// All lines lose the packet.
    pub loss_both: f64,
    /// A line carries the packet twice.
    pub duplicate: f64,
    /// The packet comes one to four packets later.
    pub reorder: f64,
    /// One byte of the packet is another.
    pub corrupt: f64,
}

impl Chaos {
    /// Checks that all are probabilities.
    pub(super) fn check(&self) -> Result<(), Error> {
        let all = [
            ("loss", self.loss),
            ("loss of both lines", self.loss_both),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
            ("corrupt", self.corrupt),
        ];
        match all.into_iter().find(|(_, p)| !(0.0..=1.0).contains(p)) {
            Some((name, found)) => Err(Error::Option {
                name,
                expected: "a probability from 0 to 1",
                found: found.to_string(),
            }),
            None => Ok(()),
        }
    }
}

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
