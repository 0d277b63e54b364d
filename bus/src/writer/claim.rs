//! A slot that is written in parts.

use super::{Writer, words_of};
use crate::error::WrongKind;
use crate::record::{Lane, Record, Vector};

/// Words of a vector record in front of its lanes.
const VECTOR_WORDS: usize = size_of::<Vector>() / 8;

/// A claimed slot. Written in parts, then committed.
#[derive(Debug)]
#[must_use = "a claim that is not committed publishes nothing"]
pub struct Claim<'w> {
    pub(super) writer: &'w mut Writer,
    /// Words written so far, from the first on.
    pub(super) filled: usize,
}

impl Claim<'_> {
    /// Writes a record, or its fixed part, at the start of the slot.
    ///
    /// # Errors
    ///
    /// [`WrongKind`] if the ring's schema has no such kind; nothing was written then.
    #[inline]
    pub fn write<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.writer.check(record)?;
        self.writer.segment.slot(self.writer.next).put(0, words_of(record));
        self.filled = self.filled.max(size_of::<R>() / 8);
        Ok(())
    }

    /// Writes the lanes of a vector behind its fixed part, which is written before; zeros follow up
    /// to the end of the last word.
    ///
    /// # Errors
    ///
    /// [`WrongKind`] if the slot is too short for them; nothing was written then.
    #[inline]
    pub fn write_lanes<L: Lane>(&mut self, lanes: &[L]) -> Result<(), WrongKind> {
        let first_bytes = VECTOR_WORDS * 8;
        let (words, rest) = bytemuck::cast_slice::<L, u8>(lanes).as_chunks::<8>();
        let found_bytes = first_bytes + (words.len() + usize::from(!rest.is_empty())) * 8;
        let most_bytes = self.writer.payload_bytes;
        if found_bytes > most_bytes {
            let rtype = Vector::RTYPE;
            return Err(WrongKind { rtype, found_bytes, most_bytes });
        }
        let slot = self.writer.segment.slot(self.writer.next);
        let first = first_bytes / 8;
        slot.put(self.filled, core::iter::repeat_n(0, first.saturating_sub(self.filled)));
        slot.put(first, words.iter().map(|word| u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        let last = (!rest.is_empty()).then_some(u64::from_le_bytes(last));
        slot.put(first + words.len(), last.into_iter());
        self.filled = self.filled.max(found_bytes / 8);
        Ok(())
    }

    /// Publishes the slot and returns its sequence.
    #[inline]
    pub fn commit(self) -> u64 {
        let (seq, slots) = (self.writer.next, *self.writer.segment.slots());
        let slot = slots.slot(seq);
        slot.clear(self.filled);
        self.writer.seal(seq, slot);
        self.writer.flush();
        seq
    }
}
