//! From a struct written once to its rows in the schema table: what [`record!`](crate::record!)
//! writes its code with. Programs use the macro and do not name what is here.
//!
//! [`Describe`] says how a field type appears in the table: a number is one row, an array is one
//! row with a count, a struct inside a record (the header, a book level) is one row for each of
//! its fields. All of it is constant, so that a record's layout is one number at compile time and
//! reading a record costs a comparison with it.

use core::mem::size_of;
use half::f16;

/// The crate whose derives prove that a record has no padding.
pub use zerocopy;
use zerocopy::FromZeros;

use crate::schema::{Field, FieldType, Kind, LayoutHash, Unit};

mod macros;

pub(crate) use macros::{builtin, part};

/// Says how a type appears in the schema table.
pub trait Describe: FromZeros + Sized {
    /// The rows of one field of this type.
    const SHAPE: Shape;

    /// Returns the value that means "nothing here".
    #[must_use]
    fn blank() -> Self {
        Self::new_zeroed()
    }
}

/// Is a number that a field may hold.
pub trait Scalar: FromZeros + Copy {
    /// The code of this type in the table.
    const TYPE: FieldType;

    /// Returns the bit pattern, zero-extended.
    fn bits(self) -> u64;
}

/// The rows of a field: one for a number, several for a struct, again for each level of an array
/// of structs.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Rows of one element.
    pub rows: &'static [Row],
    /// Number of levels, whose rows end in `_00`, `_01`, …; 0 where there is no array of structs.
    pub levels: u8,
    /// Distance of two levels, in bytes.
    pub step_bytes: u32,
}

/// One row of a shape.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Name and meaning in a struct; of a number or an array it is the field that has them.
    pub named: Option<(&'static str, Meaning)>,
    /// Offset from the start of the field, in bytes.
    pub offset: u32,
    /// Type of one element.
    pub ty: FieldType,
    /// Number of elements.
    pub count: u32,
}

/// What the number in a field means.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// Its unit.
    pub unit: Unit,
    /// The pattern that means "no value".
    pub null: Option<fn() -> u64>,
    /// One line about it.
    pub doc: &'static str,
}

/// One field of a record's struct.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Name of the field.
    pub name: &'static str,
    /// Offset from the start of the record, in bytes.
    pub offset: u32,
    /// What it means.
    pub meaning: Meaning,
    /// How its type appears.
    pub shape: Shape,
}

impl Member {
    /// The 16 bytes every record begins with.
    pub const HEADER: Self = Self {
        name: "",
        offset: 0,
        meaning: Meaning { unit: Unit::None, null: None, doc: "" },
        shape: <crate::record::RecordHeader as Describe>::SHAPE,
    };
}

/// Returns the number that stands for the layout of a record with these fields, the same that
/// [`Kind::layout_hash`] gives for its kind.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "below the length, and at compile time")]
pub const fn layout_hash(members: &[Member]) -> u64 {
    let mut hash = LayoutHash::new();
    let mut at = 0;
    while at < members.len() {
        let member = &members[at];
        let mut level = 0;
        loop {
            let mut row = 0;
            while row < member.shape.rows.len() {
                hash = of_row(hash, member, level, &member.shape.rows[row]);
                row += 1;
            }
            level += 1;
            if level >= member.shape.levels {
                break;
            }
        }
        at += 1;
    }
    hash.value()
}

const fn of_row(hash: LayoutHash, member: &Member, level: u8, row: &Row) -> LayoutHash {
    let (name, unit) = match &row.named {
        Some((name, meaning)) => (*name, meaning.unit),
        None => (member.name, member.meaning.unit),
    };
    let hash = hash.text(name.as_bytes());
    let hash = if member.shape.levels > 0 { hash.text(&suffix(level)) } else { hash };
    let offset = member.offset + member.shape.step_bytes * level as u32 + row.offset;
    hash.rest(offset, row.type_for(unit), row.count, unit)
}

/// The end of the names of a level's rows.
const fn suffix(level: u8) -> [u8; 3] {
    [b'_', b'0' + level / 10 % 10, b'0' + level % 10]
}

impl Shape {
    /// Rows that stand once.
    #[must_use]
    pub const fn once(rows: &'static [Row]) -> Self {
        Self { rows, levels: 0, step_bytes: 0 }
    }

    /// The rows of a struct, once for each of `N` levels.
    #[expect(clippy::cast_possible_truncation, reason = "checked in the line above")]
    pub(crate) const fn levels<T: Describe, const N: usize>() -> Self {
        assert!(1 <= N && N <= 100, "the names of levels end in two digits");
        Self { levels: N as u8, step_bytes: narrow(size_of::<T>()), ..T::SHAPE }
    }
}

impl Row {
    /// The row of `count` numbers that have name and meaning from their field.
    const fn of_numbers<T: Scalar>(count: u32) -> Self {
        Self { named: None, offset: 0, ty: T::TYPE, count }
    }

    /// The type in the table: bytes that are a text have one of their own.
    const fn type_for(&self, unit: Unit) -> FieldType {
        if matches!(unit, Unit::Text) { FieldType::Bytes } else { self.ty }
    }
}

/// Appends the rows of one field. Cost: allocates.
pub(crate) fn rows_of(member: &Member, rows: &mut Vec<Field>) {
    for level in 0..member.shape.levels.max(1) {
        for row in member.shape.rows {
            let (name, meaning) = row.named.unwrap_or((member.name, member.meaning));
            let mut name = name.to_owned();
            if member.shape.levels > 0 {
                name.extend(suffix(level).map(char::from));
            }
            rows.push(Field {
                name: name.into(),
                offset: member.offset + member.shape.step_bytes * u32::from(level) + row.offset,
                ty: row.type_for(meaning.unit),
                count: row.count,
                unit: meaning.unit,
                null: meaning.null.map(|null| null()),
                doc: meaning.doc.trim().into(),
            });
        }
    }
}

/// Returns the kind of a record with these fields. Cost: allocates.
pub(crate) fn kind((rtype, name): (u8, &'static str), size_bytes: u32, members: &[Member]) -> Kind {
    let mut fields = Vec::new();
    members.iter().for_each(|member| rows_of(member, &mut fields));
    Kind { name: name.into(), rtype, size_bytes, fields }
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
            const SHAPE: Shape = Shape::once(&[Row::of_numbers::<$ty>(1)]);
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
    f16 => F16, |v| u64::from(v.to_bits());
    f32 => F32, |v| u64::from(v.to_bits());
    f64 => F64, |v| v.to_bits();
}

impl<T: Scalar, const N: usize> Describe for [T; N] {
    const SHAPE: Shape = Shape::once(&[Row::of_numbers::<T>(narrow(N))]);
}

/// Returns a size, offset or count of a record as the table writes it.
///
/// # Panics
/// When the value does not fit into 16 bits, which no record comes near; callers evaluate it at
/// compile time.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "checked in the line above")]
pub const fn narrow(value: usize) -> u32 {
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
