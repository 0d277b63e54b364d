//! A number that stands for a layout: what a reader compares before it takes bytes for a struct.

use super::{Kind, Unit};
use crate::schema::FieldType;
use std::sync::Arc;

/// FNV-1a, 64 bits, over name, offset, type, count and unit of each row; at compile time too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LayoutHash(u64);

impl LayoutHash {
    /// The hash of no rows.
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Takes in the name of the next row, or a part of it.
    #[expect(clippy::indexing_slicing, reason = "below the length")]
    pub(crate) const fn text(self, text: &[u8]) -> Self {
        let mut hash = self;
        let mut at = 0;
        while at < text.len() {
            hash = hash.byte(text[at]);
            at += 1;
        }
        hash
    }

    /// Takes in what a row has besides its name.
    pub(crate) const fn rest(self, offset: u32, ty: FieldType, count: u32, unit: Unit) -> Self {
        self.byte(0)
            .text(&offset.to_le_bytes())
            .text(&count.to_le_bytes())
            .text(&[ty.code(), unit.code()])
    }

    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3))
    }

    /// The number.
    pub(crate) const fn value(self) -> u64 {
        self.0
    }
}

impl Kind {
    /// Returns a number that is the same for two kinds whose records have the same layout: name,
    /// offset, type, count and unit of every field in front of the first lanes. A struct's own is
    /// [`Record::LAYOUT_HASH`](crate::record::Record::LAYOUT_HASH).
    ///
    /// Lanes do not count, because their number is a ring's own: a vector's fixed part is read as
    /// one struct whatever its dimension.
    #[must_use]
    pub fn layout_hash(&self) -> u64 {
        let rows = self.fields.iter().take_while(|field| field.unit != Unit::Lanes);
        let hash = rows.fold(LayoutHash::new(), |hash, field| {
            hash.text(field.name.as_bytes()).rest(field.offset, field.ty, field.count, field.unit)
        });
        hash.value()
    }

    /// Returns the part of this kind in front of its first lanes: all of it where there are none.
    ///
    /// Cost: allocates.
    #[must_use]
    pub fn fixed_part(&self) -> Self {
        let fixed = self.fields.iter().take_while(|field| field.unit != Unit::Lanes);
        Self {
            name: self.name.clone(),
            rtype: self.rtype,
            size_bytes: self.fixed_bytes(),
            fields: fixed.cloned().collect(),
        }
    }

    /// Returns the size of the part in front of the first lanes, in bytes.
    #[must_use]
    pub fn fixed_bytes(&self) -> u32 {
        let lanes = self.fields.iter().find(|field| field.unit == Unit::Lanes);
        lanes.map_or(self.size_bytes, |lanes| lanes.offset)
    }
}

/// What each record type of a ring is, as one number, for one comparison per record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layouts([u64; 256]);

/// The number of a kind with this record type and layout.
#[inline]
pub(crate) const fn key(rtype: u8, layout_hash: u64) -> u64 {
    // An odd factor: two record types of one layout have different keys.
    layout_hash ^ (rtype as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Layouts {
    /// The layouts of no ring: no struct has them.
    pub(crate) const NONE: &'static Self = &Self([ABSENT; 256]);

    /// The layouts of these kinds. Cost: allocates.
    pub(crate) fn of(kinds: &[Kind]) -> Arc<Self> {
        let mut keys = [ABSENT; 256];
        for kind in kinds {
            if let Some(own) = keys.get_mut(usize::from(kind.rtype)) {
                *own = key(kind.rtype, kind.layout_hash());
            }
        }
        Arc::new(Self(keys))
    }

    /// The [`key`] of records of this type; a number that no struct has if there is none.
    #[inline]
    pub(crate) fn key(&self, rtype: u8) -> u64 {
        self.0.get(usize::from(rtype)).copied().unwrap_or(ABSENT)
    }
}

/// The key of a record type that the schema does not have.
const ABSENT: u64 = 0;
