//! Records where they stand: what a closure of [`Reader::view`](crate::Reader::view) sees.

use crate::lanes::Lanes;
use crate::poll::rtype_of;
use crate::record::{Record, Vector};
use crate::segment::Segment;
use crate::slot::{Slot, load};

/// Consecutive records in place. Garbage until validated.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    segment: &'a Segment,
    first: u64,
    count: usize,
}

impl<'a> View<'a> {
    /// Looks at `count` records from `first` on.
    pub(crate) fn new(segment: &'a Segment, first: u64, count: usize) -> Self {
        Self { segment, first, count }
    }

    /// How many records there are, at least one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no record, which no view is given out with.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The records in order of their sequences.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = LiveRecord<'a>> {
        let Self { segment, first, count } = *self;
        (0..count as u64).map(move |offset| {
            let seq = first.wrapping_add(offset);
            LiveRecord { seq, slot: segment.slot(seq) }
        })
    }
}

/// One record in place. Whatever it returns is garbage until the view has been validated.
#[derive(Clone, Copy, Debug)]
pub struct LiveRecord<'a> {
    seq: u64,
    slot: Slot<'a>,
}

impl<'a> LiveRecord<'a> {
    /// The record's sequence, which is not garbage.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The word at `index` behind the stamp; zero outside the slot.
    #[inline]
    #[must_use]
    pub fn word(&self, index: usize) -> u64 {
        self.slot.payload().get(index).map_or(0, load)
    }

    /// How many words there are behind the stamp.
    #[inline]
    pub(crate) fn payload_words(&self) -> usize {
        self.slot.payload().len()
    }

    /// Copies the words behind the stamp.
    #[inline]
    pub(crate) fn copy_to(&self, out: &mut [u64]) {
        self.slot.copy_to(out);
    }

    /// The record type.
    #[inline]
    #[must_use]
    pub fn rtype(&self) -> u8 {
        rtype_of(&[self.word(0)])
    }

    /// Copies the record, or its fixed part, as an `R`, whatever kind it is of. Of a kind that the
    /// reader [expects](crate::Reader::expect) the layout is known to be that of `R`.
    #[inline]
    #[must_use]
    pub fn read<R: Record>(&self) -> R {
        let mut record = R::new_zeroed();
        // Of constant length where the record fits, so that it is put together in registers.
        let words = self.slot.payload().get(..size_of::<R>() / 8).unwrap_or(&[]);
        let (bytes, _) = record.as_mut_bytes().as_chunks_mut::<8>();
        for (to, word) in bytes.iter_mut().zip(words) {
            *to = load(word).to_le_bytes();
        }
        record
    }

    /// The lanes behind the fixed part of a vector record.
    #[inline]
    #[must_use]
    pub fn lanes(&self) -> Lanes<'a> {
        Lanes::new(self.slot.payload().get(size_of::<Vector>() / 8..).unwrap_or(&[]))
    }
}
