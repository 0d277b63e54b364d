//! Records in place as addresses, for readers outside Rust.

use super::Reader;
use crate::slot::Entry;

/// A run of records in place, as addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Sequence of the first record.
    pub first: u64,
    /// Number of records.
    pub count: usize,
    /// Address of the first record's stamp; the record body is 8 bytes behind it.
    pub stamp_address: usize,
    /// Distance from one stamp to the next, in bytes.
    pub stride_bytes: usize,
}

impl Reader {
    /// Where up to `max` of the next records stand in memory, for readers outside Rust; `None`
    /// if there is none yet. The extent ends at the end of the ring. What is read there counts
    /// only if [`validate`](Self::validate) agrees afterwards.
    #[must_use]
    pub fn extent(&self, max: usize) -> Option<Extent> {
        let first = self.cursor;
        let geometry = self.segment.geometry();
        let index = first & (geometry.capacity - 1);
        let available = self.published().saturating_sub(first).min(geometry.capacity - index);
        let count = usize::try_from(available).unwrap_or(usize::MAX).min(max);
        if count == 0 || self.segment.slot(first).enter(first) != Entry::Ready {
            return None;
        }
        let stride_bytes = usize::try_from(geometry.stride_bytes).ok()?;
        let index = usize::try_from(index).ok()?;
        let address =
            self.segment.slots().address().checked_add(index.checked_mul(stride_bytes)?)?;
        Some(Extent { first, count, stamp_address: address, stride_bytes })
    }

    /// Says whether everything loaded from `extent` since it was made is whole, and if so moves
    /// the cursor behind it.
    #[must_use]
    pub fn validate(&mut self, extent: &Extent) -> bool {
        let whole = self.segment.slot(extent.first).leave(extent.first);
        if whole && self.cursor == extent.first {
            self.advance(extent.first.wrapping_add(extent.count as u64));
        }
        whole
    }
}
