//! The stamp protocol: how one writer and any number of readers share one slot.
//!
//! # Concepts
//!
//! A slot is a *stamp* followed by *payload words*, all of them `u64` atomics. The stamp says
//! which sequence the slot holds and whether it is whole:
//!
//! | stamp    | meaning                      |
//! |----------|------------------------------|
//! | `0`      | never written                |
//! | `2n + 1` | sequence `n` is being written |
//! | `2n + 2` | sequence `n` is there        |
//!
//! A slot of a ring with `c` slots holds the sequences `i, i + c, i + 2c, …` in turn, so its
//! stamp only ever grows. A reader that wants sequence `n` needs no more than the stamp: below
//! `2n + 2` it is too early, above it is too late.
//!
//! # Protocol
//!
//! | row | code | partner | what goes wrong without it |
//! |-----|------|---------|----------------------------|
//! | W1 | `stamp = 2n+1`, relaxed | R4 | a reader takes a half-overwritten record for the old one |
//! | W2 | release fence | R3 | a payload word becomes visible before the busy mark of W1 |
//! | W3 | payload words, relaxed | R2 | – (a data race, if they were not atomic) |
//! | W4 | `stamp = 2n+2`, release | R1 | the stamp becomes visible before the payload |
//! | R1 | load stamp, relaxed, then acquire fence | W4 | a payload older than the stamp is read |
//! | R2 | payload words, relaxed | W3 | – |
//! | R3 | acquire fence | W2 | the check of R4 is done before the loads of R2 |
//! | R4 | load stamp again: unchanged? | W1 | a record is accepted that changed during R2 |
//!
//! The loads are relaxed with a fence beside them, rather than acquire loads, because readers
//! map the segment read-only and `core` guarantees only relaxed loads of at most eight bytes to
//! be plain reads. Whatever was loaded between R1 and R4 is garbage until R4 has held.
//!
//! Each row is removed and weakened in turn by `cargo xtask ordering-mutants`, and for each of
//! these mutants a loom test in this module's `tests` must fail.

use crate::sync::{AtomicU64, Ordering, fence};

#[cfg(all(test, loom))]
mod tests;

/// Payload words of a slot that is one cache line.
const TICK_WORDS: usize = 7;

/// One slot of a ring: a stamp and the payload words that it guards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot<'a> {
    stamp: &'a AtomicU64,
    payload: &'a [AtomicU64],
}

/// What the stamp of a slot says about one sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The record is there; what is loaded now counts once [`Slot::leave`] has agreed.
    Ready,
    /// The record is not written yet, or is being written.
    NotYet,
    /// The slot holds a later sequence, or is being overwritten by it.
    Lapped {
        /// The sequence that the slot holds or is about to hold.
        by: u64,
    },
}

/// The stamp of a slot in which sequence `seq` is being written.
const fn writing(seq: u64) -> u64 {
    seq.wrapping_mul(2).wrapping_add(1)
}

/// The stamp of a slot that holds sequence `seq`.
const fn written(seq: u64) -> u64 {
    seq.wrapping_mul(2).wrapping_add(2)
}

/// The sequence that a stamp other than zero speaks of.
const fn sequence_of(stamp: u64) -> u64 {
    stamp.wrapping_sub(1) >> 1
}

/// Stores a word that a stamp guards, or that is for display only.
#[inline]
pub(crate) fn store(word: &AtomicU64, value: u64) {
    word.store(value, Ordering::Relaxed); // row W3 (covered by W4)
}

/// Loads a word that a stamp guards, or that is for display only.
#[inline]
pub(crate) fn load(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed) // row R2 (covered by R3)
}

/// Loads the payload of a tick.
#[inline]
fn copy_tick(payload: &[AtomicU64; TICK_WORDS], out: &mut [u64; TICK_WORDS]) {
    for (value, cell) in out.iter_mut().zip(payload) {
        *value = load(cell);
    }
}

/// Loads as many words as both have.
#[inline(never)]
fn copy(payload: &[AtomicU64], out: &mut [u64]) {
    for (value, cell) in out.iter_mut().zip(payload) {
        *value = load(cell);
    }
}

/// Stores zeros. A function of its own, so that records that fill their slot do not carry it.
#[inline(never)]
fn zero(words: &[AtomicU64]) {
    for word in words {
        store(word, 0);
    }
}

/// What a stamp says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Residue {
    /// Never written.
    Blank,
    /// Holds this sequence.
    Whole(u64),
    /// This sequence is being written, or a writer died while it wrote it.
    Torn(u64),
}

impl<'a> Slot<'a> {
    /// Joins a stamp with the payload words behind it.
    pub(crate) fn new(stamp: &'a AtomicU64, payload: &'a [AtomicU64]) -> Self {
        Self { stamp, payload }
    }

    /// Marks the slot as being written with `seq`. Only the one writer calls this.
    #[inline]
    pub(crate) fn claim(self, seq: u64) {
        self.stamp.store(writing(seq), Ordering::Relaxed); // row W1
        fence(Ordering::Release); // row W2
    }

    /// Stores `values` into the payload words of a claimed slot, from word `first` on; values
    /// that do not all fit are ignored.
    #[inline]
    pub(crate) fn put(self, first: usize, values: impl ExactSizeIterator<Item = u64>) {
        // A sub-slice exactly as long as the values: for a record of constant size the loop
        // unrolls, and one that was just built is stored from registers, never through memory.
        let cells = self.payload.get(first..first.saturating_add(values.len()));
        for (cell, value) in cells.unwrap_or(&[]).iter().zip(values) {
            store(cell, value);
        }
    }

    /// Stores zero into the payload words of a claimed slot, from word `first` on.
    #[inline]
    pub(crate) fn clear(self, first: usize) {
        match self.payload.get(first..) {
            None | Some([]) => {}
            Some(rest) => zero(rest),
        }
    }

    /// Makes the claimed slot visible as holding `seq`.
    #[inline]
    pub(crate) fn commit(self, seq: u64) {
        self.stamp.store(written(seq), Ordering::Release); // row W4
    }

    /// Asks whether the slot holds `seq`; the loads that follow are ordered behind the answer.
    #[inline]
    pub(crate) fn enter(self, seq: u64) -> Entry {
        let stamp = self.stamp.load(Ordering::Relaxed); // row R1 => written(seq)
        fence(Ordering::Acquire); // row R1
        match stamp.cmp(&written(seq)) {
            core::cmp::Ordering::Equal => Entry::Ready,
            core::cmp::Ordering::Less => Entry::NotYet,
            core::cmp::Ordering::Greater => Entry::Lapped { by: sequence_of(stamp) },
        }
    }

    /// Loads the first payload words into `out`.
    #[inline]
    pub(crate) fn copy_to(self, out: &mut [u64]) {
        // A tick's seven words by a loop of constant length, which unrolls.
        match (<&mut [u64; TICK_WORDS]>::try_from(&mut *out), self.payload.first_chunk()) {
            (Ok(out), Some(payload)) => copy_tick(payload, out),
            _ => copy(self.payload, out),
        }
    }

    /// The payload words themselves, for loads in place.
    pub(crate) fn payload(self) -> &'a [AtomicU64] {
        self.payload
    }

    /// Says whether the slot held `seq` during all loads since [`Slot::enter`].
    #[inline]
    #[must_use]
    pub(crate) fn leave(self, seq: u64) -> bool {
        fence(Ordering::Acquire); // row R3
        self.stamp.load(Ordering::Relaxed) == written(seq) // row R4 => true
    }

    /// Reads the stamp as it is, and orders nothing by it: for recovery, when the caller holds
    /// the writer lock, and to learn which sequence may be [entered](Self::enter).
    pub(crate) fn residue(self) -> Residue {
        match self.stamp.load(Ordering::Relaxed) {
            0 => Residue::Blank,
            stamp if stamp % 2 == 1 => Residue::Torn(sequence_of(stamp)),
            stamp => Residue::Whole(sequence_of(stamp)),
        }
    }
}
