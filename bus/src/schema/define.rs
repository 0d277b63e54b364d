//! Kinds that are made at run time.

use super::{Field, FieldType, Kind, SchemaError, Unit, check};
use crate::record::{RecordHeader, rtype};

impl Kind {
    /// Makes a kind of user-defined records: the header that every record begins with, then these
    /// fields, each where the one before it ends. The offsets that the fields come with do not
    /// count.
    ///
    /// Nothing is filled up: where a field would not lie on a multiple of its size, or the record
    /// would end within a word of 8 bytes, the error says how many bytes to reserve, see
    /// [`Field::reserved`].
    ///
    /// Cost: allocates.
    ///
    /// # Errors
    ///
    /// [`SchemaError::UserRtype`] outside [`rtype::USER`], and the errors of
    /// [`Schema::new`](super::Schema::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use tickring::schema::{Field, FieldType, Kind, Unit};
    ///
    /// let signal = Kind::define("signal", 0xC8, vec![
    ///     Field::new("strength", FieldType::F64, Unit::None),
    ///     Field {
    ///         count: 3,
    ///         doc: "Horizon in seconds, shortest first.".into(),
    ///         ..Field::new("horizons", FieldType::U16, Unit::Count)
    ///     },
    ///     Field::reserved("_pad", 2),
    /// ])?;
    /// assert_eq!((signal.size_bytes, signal.field("strength").map(|f| f.offset)), (32, Some(16)));
    /// # Ok::<(), tickring::schema::SchemaError>(())
    /// ```
    pub fn define(
        name: impl Into<String>,
        rtype: u8,
        fields: Vec<Field>,
    ) -> Result<Self, SchemaError> {
        let name = name.into();
        let mut all = RecordHeader::fields();
        let mut end = all.iter().map(Field::size_bytes).sum::<u32>();
        for field in fields {
            let align = field.ty.size_bytes();
            if !end.is_multiple_of(align) {
                let field = field.name.to_string();
                return Err(SchemaError::Misaligned { kind: name, field, align, found: end });
            }
            let placed = Field { offset: end, ..field };
            end = end.saturating_add(placed.size_bytes());
            all.push(placed);
        }
        let kind = Self { name: name.into(), rtype, size_bytes: end, fields: all };
        kind.check_user()?;
        Ok(kind)
    }

    /// Checks a user-defined kind: its record type, its header, and everything that
    /// [`Schema::new`](super::Schema::new) demands.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    pub fn check_user(&self) -> Result<(), SchemaError> {
        if !rtype::is_user(self.rtype) {
            let kind = self.name.to_string();
            return Err(SchemaError::UserRtype { kind, found: self.rtype });
        }
        let header = RecordHeader::fields();
        if self.fields.get(..header.len()) != Some(header.as_slice()) {
            return Err(SchemaError::NoHeader { kind: self.name.to_string() });
        }
        check::kinds(core::slice::from_ref(self))
    }
}

impl Field {
    /// A field of one element at offset 0, without null value and text.
    #[must_use]
    pub fn new(name: impl Into<String>, ty: FieldType, unit: Unit) -> Self {
        let name = name.into().into();
        Self { name, offset: 0, ty, count: 1, unit, null: None, doc: "".into() }
    }

    /// A field of so many reserved bytes; its name begins with `_`.
    #[must_use]
    pub fn reserved(name: impl Into<String>, bytes: u32) -> Self {
        Self {
            count: bytes,
            doc: "Reserved, zero.".into(),
            ..Self::new(name, FieldType::U8, Unit::None)
        }
    }
}
