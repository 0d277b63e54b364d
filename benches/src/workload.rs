//! What is sent: records whose every field follows from their sequence, so that a reader can
//! tell a record that is torn, stale or out of place.

use crate::failure::Failure;
use std::path::Path;
use tickring::record::{Mbo, Record, Vector};
use tickring::{Directory, Reader, RingName, RingSpec, Start, Writer};

/// Slots of a ring of ticks: 4 MiB, more than a core's own cache and less than the shared one.
const TICK_SLOTS: u64 = 1 << 16;
/// Slots of a ring of vectors: between 2 and 13 MB for the lengths measured here.
const VECTOR_SLOTS: u64 = 1 << 12;
/// Vectors whose lanes differ.
const PATTERNS: u64 = 16;

/// The kind of record that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// `mbo` records, 64 bytes with their stamp.
    Ticks,
    /// `vector` records with this many lanes.
    Vectors(u16),
}

impl Load {
    /// The bytes of a slot, which is what crosses from core to core.
    #[must_use]
    pub fn slot_bytes(self) -> u64 {
        match self {
            Self::Ticks => 64,
            Self::Vectors(dim) => (64 + 4 * u64::from(dim)).next_multiple_of(64),
        }
    }

    /// The name of the ring of this load.
    ///
    /// # Errors
    ///
    /// None in practice: the names are valid.
    pub fn name(self) -> Result<RingName, tickring::Error> {
        match self {
            Self::Ticks => RingName::new("benches", "ticks"),
            Self::Vectors(dim) => RingName::new("benches", &format!("vectors-{dim}")),
        }
    }

    /// What the ring of this load is made of.
    ///
    /// # Errors
    ///
    /// None in practice: the kinds form a valid schema.
    pub fn spec(self) -> Result<RingSpec, tickring::Error> {
        Ok(match self {
            Self::Ticks => RingSpec { capacity: TICK_SLOTS, ..RingSpec::new(Mbo::kinds())? },
            Self::Vectors(dim) => RingSpec {
                capacity: VECTOR_SLOTS,
                ..RingSpec::new(vec![Vector::kind_with_dim(dim)])?
            },
        })
    }

    /// Opens the ring of this load under `root` for writing.
    ///
    /// # Errors
    ///
    /// [`Failure::Bus`].
    pub fn writer(self, root: &Path) -> Result<Writer, Failure> {
        Ok(Writer::open(&Directory::at(root), &self.name()?, &self.spec()?)?)
    }

    /// Opens the ring of this load under `root` for reading, at its end.
    ///
    /// # Errors
    ///
    /// [`Failure::Bus`].
    pub fn reader(self, root: &Path) -> Result<Reader, Failure> {
        Ok(Reader::open(&Directory::at(root), &self.name()?, Start::Latest)?)
    }
}

/// The tick of sequence `seq`, due at `due_ticks`.
#[inline]
#[must_use]
pub fn tick(seq: u64, due_ticks: u64) -> Mbo {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
    let low = seq as u32;
    Mbo {
        order_id: seq,
        price: price(seq),
        size: low,
        sequence: low,
        ts_recv: due_ticks,
        ..Mbo::empty(1, low, seq)
    }
}

/// Whether `found` is the tick of sequence `seq`, whenever it was due.
#[inline]
#[must_use]
pub fn is_tick(seq: u64, found: &Mbo) -> bool {
    let low = u64::from(found.size);
    found.order_id == seq
        && found.price == price(seq)
        && low == seq & u64::from(u32::MAX)
        && found.sequence == found.size
        && found.header.ts_event == seq
}

#[inline]
pub(crate) fn price(seq: u64) -> i64 {
    seq.wrapping_mul(1_000_003).cast_signed()
}

/// The fixed part of the vector of sequence `seq`.
#[inline]
#[must_use]
pub fn vector(seq: u64, dim: u16) -> Vector {
    Vector { vec_id: seq, src_seq: seq, dim, ..Vector::empty(1, 0, seq) }
}

/// The lanes of all vectors of `dim` lanes: sequence `n` has those at `n` modulo the length.
#[must_use]
pub fn lanes(dim: u16) -> Vec<Vec<f32>> {
    (0..PATTERNS).map(|pattern| vec![lane(pattern); usize::from(dim)]).collect()
}

/// Every lane of the vector of sequence `seq`: small enough that sums of them are exact.
fn lane(seq: u64) -> f32 {
    let lane = (seq % PATTERNS) as u16;
    f32::from(lane + 1)
}

/// The inner product of the vector of sequence `seq` with as many ones as it has lanes.
#[must_use]
pub fn sum_of_lanes(seq: u64, dim: u16) -> f32 {
    lane(seq) * f32::from(dim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_of_another_sequence_or_with_a_foreign_word_is_found_out() {
        let good = tick(5_000_000_000, 1);
        assert!(is_tick(5_000_000_000, &good));
        assert!(is_tick(5_000_000_000, &tick(5_000_000_000, 2)));
        assert!(!is_tick(5_000_000_001, &good));
        assert!(!is_tick(5_000_000_000, &Mbo { price: good.price + 1, ..good }));
        assert!(!is_tick(5_000_000_000, &Mbo { sequence: 0, ..good }));
    }

    #[test]
    fn a_slot_is_as_long_as_the_ring_says() {
        let root = tempfile::tempdir().unwrap();
        for load in [Load::Ticks, Load::Vectors(32), Load::Vectors(128), Load::Vectors(768)] {
            let mut writer = load.writer(root.path()).unwrap();
            let mut reader = load.reader(root.path()).unwrap();
            writer.claim().commit();
            let stride_bytes = reader.extent(1).unwrap().stride_bytes as u64;
            assert_eq!(load.slot_bytes(), stride_bytes, "{load:?}");
            assert!(reader.poll().record().is_some());
        }
    }

    #[test]
    fn the_sum_of_lanes_is_exact() {
        for dim in [32_u16, 128, 768] {
            let all = lanes(dim);
            for (seq, lanes) in (32..).zip(&all) {
                let sum: f32 = lanes.iter().sum();
                assert_eq!(sum.to_bits(), sum_of_lanes(seq, dim).to_bits(), "{seq} {dim}");
            }
        }
    }
}
