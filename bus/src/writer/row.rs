//! Records given as bytes: for programs that know a kind from its schema only.
//!
//! A row is a record as it stands in a slot. What the kind fixes is not up to the caller: length
//! and type in the header, the number and type of a vector's lanes, and zeros in reserved bytes are
//! put in while the row goes into the slot, word by word.

use super::Writer;
use crate::error::WrongRow;
use crate::instruments::{VALUE_WORDS, sort_of};
use crate::record::{Record, Vector, lane_type, rtype};
use crate::schema::{Kind, Unit};
use core::mem::offset_of;
use zerocopy::IntoBytes;

/// How rows of one kind are written.
#[derive(Clone, Debug)]
pub(super) struct RowForm {
    rtype: u8,
    /// For each word the bits that are the caller's, and the value of the others.
    words: Box<[(u64, u64)]>,
}

impl RowForm {
    /// The form of a kind of a checked schema; `None` if only recovery writes it.
    pub(super) fn of(kind: &Kind) -> Option<Self> {
        if matches!(kind.rtype, rtype::RESTART | rtype::TOMBSTONE) {
            return None;
        }
        let size = at(kind.size_bytes);
        let (mut free, mut fixed) = (vec![0xFF; size], vec![0; size]);
        for field in kind.fields.iter().filter(|field| field.is_reserved()) {
            let bytes = at(field.offset)..at(field.offset.saturating_add(field.size_bytes()));
            free.get_mut(bytes).unwrap_or_default().fill(0);
        }
        let mut fix = |offset: usize, value: &[u8]| {
            let bytes = offset..offset + value.len();
            if let Some(fixed) = fixed.get_mut(bytes.clone()) {
                fixed.copy_from_slice(value);
            }
            free.get_mut(bytes).unwrap_or_default().fill(0);
        };
        fix(0, &[length_words(kind), kind.rtype]);
        if kind.rtype == Vector::RTYPE && kind.layout_hash() == Vector::LAYOUT_HASH {
            let lanes = kind.fields.iter().find(|field| field.unit == Unit::Lanes);
            let dim = lanes.and_then(|lanes| u16::try_from(lanes.count).ok()).unwrap_or(0);
            fix(offset_of!(Vector, dim), &dim.to_le_bytes());
            let dtype = lanes.and_then(|lanes| lane_type::of(lanes.ty)).unwrap_or(lane_type::F32);
            fix(offset_of!(Vector, dtype), &[dtype]);
        }
        let words = words_of(&free).zip(words_of(&fixed)).collect();
        Some(Self { rtype: kind.rtype, words })
    }

    fn size_bytes(&self) -> usize {
        self.words.len() * 8
    }
}

/// The size of a record's fixed part in words of 4 bytes, as the header says it; 0 if that is more
/// than it can say.
fn length_words(kind: &Kind) -> u8 {
    u8::try_from(kind.fixed_bytes() / 4).unwrap_or(0)
}

fn at(bytes: u32) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[inline]
fn words_of(bytes: &[u8]) -> impl ExactSizeIterator<Item = u64> {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word))
}

impl Writer {
    /// Publishes one record given as the bytes of a kind of the ring's schema, and returns its
    /// sequence.
    ///
    /// Shape: `row` has exactly the kind's size. Type and length in the header are filled in, and
    /// of a vector the number and type of its lanes; reserved bytes become zero whatever the row
    /// says. Cost: as [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// [`WrongRow`] if the schema has no such kind, if only recovery writes it, or if the size is
    /// another; nothing was written then.
    pub fn publish_row(&mut self, rtype: u8, row: &[u8]) -> Result<u64, WrongRow> {
        let seq = self.stage_row(rtype, row)?;
        self.flush();
        Ok(seq)
    }

    /// Publishes rows of one kind that stand one behind the other, telling readers of all of them
    /// at once, and returns the sequence behind the last.
    ///
    /// # Errors
    ///
    /// As [`publish_row`](Self::publish_row), also if the bytes are no whole number of rows;
    /// nothing was written then.
    pub fn publish_rows(&mut self, rtype: u8, rows: &[u8]) -> Result<u64, WrongRow> {
        let form = self.form(rtype, rows.len())?;
        let size_bytes = self.forms.get(form).map_or(0, RowForm::size_bytes);
        for row in rows.chunks_exact(size_bytes.max(1)) {
            self.put_row(form, row);
        }
        self.flush();
        Ok(self.next)
    }

    /// Puts one row into its slot, as [`stage`](Self::stage) does with a record.
    ///
    /// # Errors
    ///
    /// As [`publish_row`](Self::publish_row).
    pub fn stage_row(&mut self, rtype: u8, row: &[u8]) -> Result<u64, WrongRow> {
        let form = self.form(rtype, row.len())?;
        let expected_bytes = self.forms.get(form).map_or(0, RowForm::size_bytes);
        if row.len() != expected_bytes {
            return Err(WrongRow::Size { rtype, expected_bytes, found_bytes: row.len() });
        }
        Ok(self.put_row(form, row))
    }

    /// The place of the form for these rows.
    fn form(&self, rtype: u8, found_bytes: usize) -> Result<usize, WrongRow> {
        let Some(form) = self.forms.iter().position(|form| form.rtype == rtype) else {
            return Err(match rtype {
                rtype::RESTART | rtype::TOMBSTONE => WrongRow::Recovery { rtype },
                _ => WrongRow::NoKind { rtype },
            });
        };
        let expected_bytes = self.forms.get(form).map_or(0, RowForm::size_bytes);
        if !found_bytes.is_multiple_of(expected_bytes) {
            return Err(WrongRow::Size { rtype, expected_bytes, found_bytes });
        }
        Ok(form)
    }

    fn put_row(&mut self, form: usize, row: &[u8]) -> u64 {
        let seq = self.next;
        let Some(form) = self.forms.get(form) else { return seq };
        let (rtype, words) = (form.rtype, &form.words);
        let slots = *self.segment.slots();
        let slot = slots.slot(seq);
        slot.claim(seq);
        slot.put(0, words_of(row).zip(words).map(|(word, (free, fixed))| word & free | fixed));
        slot.clear(words.len());
        self.seal(seq, slot);
        if self.remembers
            && let Some(sort) = sort_of(rtype, row)
        {
            // As it was put there, with what the kind fixes.
            let mut copy = [0; VALUE_WORDS];
            slot.copy_to(&mut copy);
            self.remember(sort, seq, copy.as_bytes());
        }
        seq
    }
}
