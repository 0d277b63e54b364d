//! From a struct written once to its rows in the schema table.
//!
//! [`Describe`] says how a field type appears in the table: a number is one row, an array is one
//! row with a count, a struct inside a record (the header, a book level) is one row for each of
//! its fields. `part!` writes such an inner struct, `record!` a whole record.

use core::mem::size_of;

use zerocopy::FromZeros;

use crate::schema::{Field, FieldType, Unit};

/// Says how a type appears in the schema table.
pub(crate) trait Describe: FromZeros + Sized {
    /// Appends the rows of one field of this type.
    ///
    /// `row` comes with name, offset, unit, null and doc filled in.
    fn describe(rows: &mut Vec<Field>, row: Field);

    /// Returns the value that means "nothing here".
    fn blank() -> Self {
        Self::new_zeroed()
    }
}

/// Is a number that a field may hold.
pub(crate) trait Scalar: FromZeros + Copy {
    /// The code of this type in the table.
    const TYPE: FieldType;

    /// Returns the bit pattern, zero-extended.
    fn bits(self) -> u64;
}

macro_rules! scalars {
    ($($ty:ident => $code:ident, |$value:ident| $bits:expr;)+) => {$(
        impl Scalar for $ty {
            const TYPE: FieldType = FieldType::$code;

            fn bits(self) -> u64 {
                let $value = self;
                $bits
            }
        }

        impl Describe for $ty {
            fn describe(rows: &mut Vec<Field>, row: Field) {
                rows.push(Field { ty: Self::TYPE, ..row });
            }
        }
    )+};
}

scalars! {
    u8 => U8, |v| u64::from(v);
    u16 => U16, |v| u64::from(v);
    u32 => U32, |v| u64::from(v);
    u64 => U64, |v| v;
    i8 => I8, |v| u64::from(v.cast_unsigned());
    i16 => I16, |v| u64::from(v.cast_unsigned());
    i32 => I32, |v| u64::from(v.cast_unsigned());
    i64 => I64, |v| v.cast_unsigned();
    f32 => F32, |v| u64::from(v.to_bits());
    f64 => F64, |v| v.to_bits();
}

impl<T: Scalar, const N: usize> Describe for [T; N] {
    fn describe(rows: &mut Vec<Field>, row: Field) {
        let ty = if row.unit == Unit::Text { FieldType::Bytes } else { T::TYPE };
        rows.push(Field { ty, count: const { narrow(N) }, ..row });
    }
}

/// Returns a size, offset or count of a record as the table writes it.
///
/// # Panics
/// When the value does not fit into 16 bits, which no record comes near; callers evaluate it at
/// compile time.
#[expect(clippy::cast_possible_truncation, reason = "checked in the line above")]
pub(crate) const fn narrow(value: usize) -> u32 {
    assert!(value <= 0xFFFF, "a record is far smaller than 64 KiB");
    value as u32
}

/// Returns the size of a record in 4-byte words, as `RecordHeader::length` holds it.
///
/// # Panics
/// When the record is longer than 1,020 bytes; callers evaluate it at compile time.
#[expect(clippy::cast_possible_truncation, reason = "checked in the line above")]
pub(crate) const fn length_words<R>() -> u8 {
    assert!(size_of::<R>().is_multiple_of(4) && size_of::<R>() / 4 <= 0xFF);
    (size_of::<R>() / 4) as u8
}

/// Defines a struct that stands inside records, with its schema rows.
///
/// Syntax and meaning of the fields are those of `record!`. The names of its rows end in the name
/// of the field that holds it (`_00` for the first book level, nothing for the header).
macro_rules! part {
    (
        $(#[$meta:meta])*
        pub struct $part:ident {$(
            #[doc = $doc:literal] $(#[doc = $more:literal])*
            $field:ident: $ty:ty => $unit:ident $((null $null:expr))? $((empty $empty:expr))?,
        )+}
    ) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[derive(
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout,
        )]
        pub struct $part {$(
            #[doc = $doc] $(#[doc = $more])*
            pub $field: $ty,
        )+}

        impl $crate::record::describe::Describe for $part {
            fn describe(
                rows: &mut Vec<$crate::schema::Field>,
                row: $crate::schema::Field,
            ) {$(
                let name = format!("{}{}", stringify!($field), row.name);
                let offset = const {
                    $crate::record::describe::narrow(core::mem::offset_of!($part, $field))
                };
                let own = $crate::record::describe::row!(
                    name, row.offset + offset, $ty, $unit, $doc $(, $null)?
                );
                <$ty as $crate::record::describe::Describe>::describe(rows, own);
            )+}

            fn blank() -> Self {
                Self {$(
                    $field: $crate::record::describe::blank!($ty $(, $null)? $(, $empty)?),
                )+}
            }
        }
    };
}

/// Defines a record: the struct, its [`Record`](crate::record::Record) implementation and with it
/// its schema rows.
///
/// ```text
/// record! {
///     /// What the record says.
///     pub struct Name(rtype::NAME = "name") {
///         /// First line: the row's text in the schema table, at most 96 bytes.
///         ///
///         /// Further lines are for the reader of the source only.
///         field: type => Unit (null UNDEFINED_VALUE),
///         other: type => Unit (empty VALUE_IN_AN_EMPTY_RECORD),
///         third: type => Unit,
///     }
/// }
/// ```
///
/// `null` goes into the schema table and is what `empty` writes; `empty` alone is a value that
/// readers show like any other.
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $record:ident(
            $rtype:path = $name:literal $(, $more_rtype:path = $more_name:literal)*
        ) {$(
            #[doc = $doc:literal] $(#[doc = $more:literal])*
            $field:ident: $ty:ty => $unit:ident $((null $null:expr))? $((empty $empty:expr))?,
        )+}
    ) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[derive(
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout,
        )]
        pub struct $record {
            /// Length, record type, publisher, instrument, event time.
            pub header: $crate::record::RecordHeader,
            $(
                #[doc = $doc] $(#[doc = $more])*
                pub $field: $ty,
            )+
        }

        const _: () = assert!(
            size_of::<$record>().is_multiple_of(8) && align_of::<$record>() == 8,
            "a record is copied in words of 8 bytes"
        );

        impl $crate::record::Record for $record {
            const RTYPE: u8 = $rtype;
            const NAME: &'static str = $name;
            const KINDS: &'static [(u8, &'static str)] =
                &[($rtype, $name) $(, ($more_rtype, $more_name))*];

            fn kind() -> $crate::schema::Kind {
                let mut fields = $crate::record::RecordHeader::fields();
                $(
                    let offset = const {
                        $crate::record::describe::narrow(core::mem::offset_of!($record, $field))
                    };
                    let row = $crate::record::describe::row!(
                        stringify!($field), offset, $ty, $unit, $doc $(, $null)?
                    );
                    <$ty as $crate::record::describe::Describe>::describe(&mut fields, row);
                )+
                $crate::schema::Kind {
                    name: $name.into(),
                    rtype: $rtype,
                    size_bytes: const {
                        $crate::record::describe::narrow(size_of::<$record>())
                    },
                    fields,
                }
            }

            fn header(&self) -> &$crate::record::RecordHeader {
                &self.header
            }

            fn empty(publisher_id: u16, instrument_id: u32, ts_event: u64) -> Self {
                Self {
                    header: $crate::record::RecordHeader::new::<Self>(
                        publisher_id, instrument_id, ts_event,
                    ),
                    $($field: $crate::record::describe::blank!($ty $(, $null)? $(, $empty)?),)+
                }
            }
        }
    };
}

/// Builds the row that is handed to [`Describe::describe`].
macro_rules! row {
    ($name:expr, $offset:expr, $ty:ty, $unit:ident, $doc:literal $(, $null:expr)?) => {
        $crate::schema::Field {
            name: $name.into(),
            offset: $offset,
            ty: $crate::schema::FieldType::U8,
            count: 1,
            unit: $crate::schema::Unit::$unit,
            null: None::<u64>
                $(.or(Some(<$ty as $crate::record::describe::Scalar>::bits($null))))?,
            doc: $doc.trim().into(),
        }
    };
}

/// Gives the value of a field that holds nothing.
macro_rules! blank {
    ($ty:ty) => {
        <$ty as $crate::record::describe::Describe>::blank()
    };
    ($ty:ty, $value:expr) => {
        $value
    };
}

pub(crate) use {blank, part, record, row};
