//! The schema: a field table that stands in every segment and says what its records are made of.
//!
//! A [`Schema`] is a list of [`Kind`]s, a kind a list of [`Field`]s. From this table alone a reader
//! that was compiled without the record's struct can show, filter and convert records: the CLI, the
//! numpy dtype, the Arrow schema and the C header are all derived from it.
//!
//! A kind covers its record without holes: fields stand in order of offset, each begins where the
//! one before ended, reserved bytes are fields too (their names start with `_`). Offsets count from
//! the start of the record body, the word after the slot's stamp. [`Schema::new`] and
//! [`Schema::decode`] admit nothing else, so whoever holds a `Schema` may rely on it.
//!
//! # Bytes in the segment
//!
//! Little endian, no padding between the parts: one table header, then every kind, then every
//! field, the fields of the first kind first. Text is UTF-8, filled up with NUL; a text that fills
//! its slot has no NUL. All reserved bytes are zero.
//!
//! ```text
//! table header, 32 bytes
//!   0  magic        8 bytes  "TRSCHEMA"
//!   8  version      u32      1
//!  12  kind_count   u32      1 ..= 256
//!  16  field_count  u32      1 ..= 4096, over all kinds
//!  20  size_bytes   u32      32 + 64 * kind_count + 160 * field_count
//!  24  reserved     u64
//!
//! kind, 64 bytes
//!   0  name         40 bytes [a-z0-9_]+, unique in the table
//!  40  size_bytes   u32      size of a record, multiple of 8, 8 ..= 1 MiB
//!  44  field_count  u32      1 ..= 4096
//!  48  rtype        u8       unique in the table
//!  49  reserved     15 bytes
//!
//! field, 160 bytes
//!   0  name         40 bytes [a-z0-9_]+, unique in the kind
//!  40  null         u64      bit pattern of "no value", zero-extended; 0 unless has_null
//!  48  offset       u32      from the start of the record body, a multiple of the type's size
//!  52  count        u32      elements, at least 1
//!  56  type         u8       FieldType::code
//!  57  unit         u8       Unit::code
//!  58  has_null     u8       0 or 1; 1 only where count is 1 and the type is a number
//!  59  reserved     5 bytes
//!  64  doc          96 bytes one line of UTF-8 without control characters
//! ```

mod check;
mod codec;
mod define;
mod difference;
mod error;
mod field;
mod layout;

#[cfg(test)]
mod tests;

pub use codec::{DOC_BYTES, FIELD_BYTES, HEADER_BYTES, KIND_BYTES, NAME_BYTES};
pub use error::SchemaError;
pub use field::{Field, FieldType, Unit};
pub(crate) use layout::{LayoutHash, Layouts, key};

use std::borrow::Cow;

use crate::record::rtype;

/// The largest number of kinds in a schema: one for each `rtype`.
pub const MAX_KINDS: usize = 256;
/// The largest number of fields in a schema, over all kinds.
pub const MAX_FIELDS: usize = 4096;
/// The largest size of a record, in bytes.
pub const MAX_SIZE_BYTES: u32 = 1 << 20;

/// Describes one record kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Name of the kind, `[a-z0-9_]+`, at most 40 bytes.
    pub name: Cow<'static, str>,
    /// Record type that marks records of this kind.
    pub rtype: u8,
    /// Size of a record in bytes, a multiple of 8.
    pub size_bytes: u32,
    /// Fields in order of offset, without holes.
    pub fields: Vec<Field>,
}

impl Kind {
    /// Returns the field of this name.
    ///
    /// Cost: linear in the number of fields; look up once, outside of loops.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns the fields that hold data: all but the reserved ones.
    pub fn data_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| !field.is_reserved())
    }

    /// Returns whether records of this kind tell about the ring and not about a market.
    #[must_use]
    pub const fn is_control(&self) -> bool {
        rtype::is_control(self.rtype)
    }
}

/// Lists the kinds of records that may stand in a ring.
///
/// Every value of this type has passed the checks of [`new`](Self::new).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    kinds: Vec<Kind>,
}

impl Schema {
    /// Creates a schema from its kinds, in the given order.
    ///
    /// # Errors
    /// [`SchemaError`] names the kind and field that break a rule of the module's first lines:
    /// names, sizes, alignment, overlap, holes, uniqueness, limits of the table.
    pub fn new(kinds: Vec<Kind>) -> Result<Self, SchemaError> {
        check::kinds(&kinds)?;
        Ok(Self { kinds })
    }

    /// Returns all kinds.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Returns the kinds that are not control kinds.
    pub fn data_kinds(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.iter().filter(|kind| !kind.is_control())
    }

    /// Returns the kind that this record type marks.
    ///
    /// Cost: linear in the number of kinds; per record, use a table of 256 entries made once.
    #[must_use]
    pub fn kind_by_rtype(&self, rtype: u8) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.rtype == rtype)
    }

    /// Returns the kind of this name.
    #[must_use]
    pub fn kind_by_name(&self, name: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }

    /// Returns whether records of this type may stand in the ring.
    #[must_use]
    pub fn contains(&self, rtype: u8) -> bool {
        self.kind_by_rtype(rtype).is_some()
    }

    /// Returns the size of the largest record, in bytes.
    #[must_use]
    pub fn max_size_bytes(&self) -> u32 {
        self.kinds.iter().map(|kind| kind.size_bytes).max().unwrap_or(0)
    }
}
