//! Mapped memory as live `u64` words, and words as the bytes of a record.
//!
//! # Invariants
//!
//! - A [`Words`] is made only from a mapping that outlives it: [`Segment`](crate::segment) owns
//!   both and hands out words for no longer than it is borrowed.
//! - No reference to anything but `AtomicU64` ever points into a mapping: a plain reference to
//!   memory that another process writes would be undefined behaviour even if its value were
//!   thrown away afterwards.
//! - Words of a read-only mapping are only loaded, relaxed, eight bytes at a time.

#![expect(unsafe_code, reason = "mapped memory as atomics is what this module is for")]

use crate::slot::Slot;
use crate::sync::AtomicU64;
use core::ptr::NonNull;
use core::slice;

/// A run of live words inside a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    base: NonNull<AtomicU64>,
    count: usize,
}

// SAFETY: a Words is a pointer to atomics and nothing else; atomics may be used from any thread.
unsafe impl Send for Words {}
// SAFETY: as for Send: all access goes through `&AtomicU64`.
unsafe impl Sync for Words {}

impl Words {
    /// Takes `count` words from `base` on.
    ///
    /// # Safety
    ///
    /// `base` is aligned to eight bytes, `count` words from it on are mapped for at least
    /// reading for as long as the result or a copy of it is used, and everybody in every
    /// process accesses them as atomic `u64` only.
    pub(crate) unsafe fn new(base: NonNull<AtomicU64>, count: usize) -> Self {
        Self { base, count }
    }

    /// Words in ordinary memory that stays for good.
    #[cfg(test)]
    pub(crate) fn leaked(count: usize) -> Self {
        let cells: Box<[AtomicU64]> = (0..count).map(|_| AtomicU64::new(0)).collect();
        Self { base: NonNull::from(&*Box::leak(cells)).cast(), count }
    }

    /// All words, for no longer than the owner of the mapping is borrowed.
    #[inline]
    pub(crate) fn all(&self) -> &[AtomicU64] {
        // SAFETY: `new` was promised that the words are mapped, aligned and accessed as atomics
        // only, so shared references to them may exist.
        unsafe { slice::from_raw_parts(self.base.as_ptr(), self.count) }
    }
}

/// The slots of a ring inside a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slots {
    words: Words,
    mask: u64,
    stride_words: usize,
}

impl Slots {
    /// Divides `words` into `capacity` slots of `stride_words`; `None` unless the capacity is a
    /// power of two, a slot has at least one payload word, and the words are enough.
    pub(crate) fn new(words: Words, capacity: u64, stride_words: usize) -> Option<Self> {
        let needed = usize::try_from(capacity).ok()?.checked_mul(stride_words)?;
        let fits = capacity.is_power_of_two() && stride_words >= 2 && needed <= words.count;
        fits.then_some(Self { words, mask: capacity - 1, stride_words })
    }

    /// The slot of sequence `seq`.
    #[inline]
    pub(crate) fn slot(&self, seq: u64) -> Slot<'_> {
        // The masked sequence is below the capacity, which `new` found to fit a usize.
        #[expect(clippy::cast_possible_truncation, reason = "below the capacity, which fits")]
        let first = (seq & self.mask) as usize * self.stride_words;
        // SAFETY: `first` is at most `(capacity - 1) * stride_words`, and `new` checked that
        // `capacity * stride_words` words are there.
        let words = unsafe { self.words.all().get_unchecked(first..first + self.stride_words) };
        match words {
            [stamp, payload @ ..] => Slot::new(stamp, payload),
            // `new` refused strides below two words.
            [] => unreachable!("a slot has a stamp"),
        }
    }

    /// Payload words of a slot.
    pub(crate) fn payload_words(&self) -> usize {
        self.stride_words - 1
    }

    /// Address of the first slot's stamp and distance of slots, in bytes: for readers outside
    /// Rust that look at the ring in place.
    pub(crate) fn address(&self) -> usize {
        self.words.base.as_ptr().addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::Entry;

    fn with_slots(capacity: u64, stride_words: usize, count: usize, check: fn(Option<Slots>)) {
        check(Slots::new(Words::leaked(count), capacity, stride_words));
    }

    #[test]
    fn slots_that_do_not_fit_are_refused() {
        with_slots(4, 8, 32, |slots| assert!(slots.is_some()));
        with_slots(4, 8, 31, |slots| assert!(slots.is_none()));
        with_slots(3, 8, 32, |slots| assert!(slots.is_none()));
        with_slots(4, 1, 32, |slots| assert!(slots.is_none()));
        with_slots(u64::MAX, 8, 32, |slots| assert!(slots.is_none()));
    }

    #[test]
    fn a_sequence_and_its_successor_a_lap_later_share_a_slot() {
        with_slots(4, 8, 32, |slots| {
            let slots = slots.unwrap();
            slots.slot(6).claim(6);
            slots.slot(6).put(0, [1, 2, 3].into_iter());
            slots.slot(6).commit(6);
            assert_eq!(slots.slot(6).enter(6), Entry::Ready);
            assert_eq!(slots.slot(10).enter(10), Entry::NotYet);
            assert_eq!(slots.slot(2).enter(2), Entry::Lapped { by: 6 });
            assert_eq!(slots.slot(7).enter(7), Entry::NotYet);
        });
    }
}
