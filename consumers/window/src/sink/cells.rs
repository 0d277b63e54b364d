//! The values of one field in a batch of records, as an array.

use super::columns::{Shown, elements};
use super::error::SinkError;
use super::rows::Rows;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, Decimal128Array, PrimitiveArray, StringArray};
use arrow_schema::{DataType, TimeUnit};
use std::sync::Arc;
use tickring::f16;
use tickring::record::describe::Scalar;
use tickring::schema::{Field, FieldType};

/// Decimals of a price.
pub(super) const PRICE_DECIMALS: i8 = 9;
/// Digits of a decimal that holds every u64 and every i64.
const PRICE_DIGITS: u8 = 20;
/// Digits of the widest decimal.
pub(super) const WORDS_DIGITS: u8 = 38;
/// The first number that has more.
const WORDS_LIMIT: u128 = 10_u128.pow(WORDS_DIGITS as u32);

/// Where the values of a field are: one behind the other, record by record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cells<'a> {
    field: &'a Field,
    rows: &'a Rows,
}

impl<'a> Cells<'a> {
    /// The values of `field` in `rows`.
    pub(super) fn new(field: &'a Field, rows: &'a Rows) -> Self {
        Self { field, rows }
    }

    /// For each value, the bytes of its record from the value on.
    fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let place = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
        let (start, size) = (place(self.field.offset), place(self.field.ty.size_bytes()));
        let count = elements(self.field);
        self.rows.iter().flat_map(move |row| {
            (0..count).map(move |at| {
                row.get(start.saturating_add(at.saturating_mul(size))..).unwrap_or_default()
            })
        })
    }

    /// The values as whole numbers; none where the field says so, or holds no whole number.
    fn numbers(self) -> impl Iterator<Item = Option<i128>> {
        let Field { ty, null, .. } = *self.field;
        self.iter().map(move |cell| {
            let (bits, number) = number(ty, cell)?;
            (null != Some(bits)).then_some(number)
        })
    }
}

/// The type of one value.
pub(super) fn data_type(ty: FieldType, shown: Shown) -> DataType {
    match (shown, ty) {
        (Shown::Price, _) => DataType::Decimal128(PRICE_DIGITS, PRICE_DECIMALS),
        (Shown::Time, _) => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        (Shown::Letter | Shown::Text, _) | (_, FieldType::Bytes) => DataType::Utf8,
        (_, FieldType::U8) => DataType::UInt8,
        (_, FieldType::U16) => DataType::UInt16,
        (_, FieldType::U32) => DataType::UInt32,
        (_, FieldType::U64) => DataType::UInt64,
        (_, FieldType::I8) => DataType::Int8,
        (_, FieldType::I16) => DataType::Int16,
        (_, FieldType::I32) => DataType::Int32,
        (_, FieldType::I64) => DataType::Int64,
        (_, FieldType::F16) => DataType::Float16,
        (_, FieldType::F32) => DataType::Float32,
        (_, FieldType::F64) => DataType::Float64,
    }
}

/// The array of all values of a field.
pub(super) fn values(
    cells: Cells<'_>,
    shown: Shown,
    out_of_range: &mut u64,
) -> Result<ArrayRef, SinkError> {
    Ok(match shown {
        Shown::Plain => plain(cells),
        Shown::Price => decimal(cells.numbers(), PRICE_DIGITS, PRICE_DECIMALS)?,
        Shown::Time => {
            let times = cells.numbers().map(|time| fitting(time?, out_of_range));
            let times: PrimitiveArray<TimestampNanosecondType> = times.collect();
            Arc::new(times.with_timezone("UTC"))
        }
        Shown::Letter => {
            let letter = |cell: &[u8]| cell.first().filter(|byte| **byte != 0).copied();
            let letters =
                cells.iter().map(|cell| letter(cell).map(|it| char::from(it).to_string()));
            Arc::new(letters.collect::<StringArray>())
        }
        Shown::Text => {
            let room = usize::try_from(cells.field.count).unwrap_or(usize::MAX);
            let texts = cells.iter().map(|cell| Some(text(cell.get(..room)?)));
            Arc::new(texts.collect::<StringArray>())
        }
    })
}

/// The array of the i128 whose words are these.
pub(super) fn words(
    (low, high): (Cells<'_>, Cells<'_>),
    scale: i8,
    out_of_range: &mut u64,
) -> Result<ArrayRef, SinkError> {
    let numbers = low.numbers().zip(high.numbers()).map(|(low, high)| {
        let number = (high? << 64) | low?;
        let fits = number.unsigned_abs() < WORDS_LIMIT;
        *out_of_range += u64::from(!fits);
        fits.then_some(number)
    });
    decimal(numbers, WORDS_DIGITS, scale)
}

fn decimal(
    numbers: impl Iterator<Item = Option<i128>>,
    digits: u8,
    scale: i8,
) -> Result<ArrayRef, SinkError> {
    let numbers: PrimitiveArray<Decimal128Type> = numbers.collect();
    let numbers: Decimal128Array =
        numbers.with_precision_and_scale(digits, scale).map_err(SinkError::format)?;
    Ok(Arc::new(numbers))
}

fn fitting(number: i128, out_of_range: &mut u64) -> Option<i64> {
    let fitting = i64::try_from(number).ok();
    *out_of_range += u64::from(fitting.is_none());
    fitting
}

/// Text as it is, or with its bytes escaped where it is not UTF-8.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let bytes = bytes.get(..end).unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

macro_rules! numbers {
    ($($variant:ident $native:ident $arrow:ident, $whole:literal;)+) => {
        /// The numbers as they are.
        fn plain(cells: Cells<'_>) -> ArrayRef {
            match cells.field.ty {
                $(FieldType::$variant => primitive::<$arrow>(cells, |cell| {
                    Some($native::from_le_bytes(*cell.first_chunk()?))
                }),)+
                FieldType::F16 => primitive::<Float16Type>(cells, |cell| {
                    Some(f16::from_le_bytes(*cell.first_chunk()?))
                }),
                FieldType::Bytes => primitive::<UInt8Type>(cells, |cell| cell.first().copied()),
            }
        }

        /// The bit pattern and the value of a whole number at the start of `cell`.
        #[expect(clippy::cast_possible_truncation, reason = "the float arms are never taken")]
        fn number(ty: FieldType, cell: &[u8]) -> Option<(u64, i128)> {
            match ty {
                $(FieldType::$variant if $whole => {
                    let value = $native::from_le_bytes(*cell.first_chunk()?);
                    Some((value.bits(), value as i128))
                })+
                _ => None,
            }
        }
    };
}

numbers! {
    U8 u8 UInt8Type, true;
    U16 u16 UInt16Type, true;
    U32 u32 UInt32Type, true;
    U64 u64 UInt64Type, true;
    I8 i8 Int8Type, true;
    I16 i16 Int16Type, true;
    I32 i32 Int32Type, true;
    I64 i64 Int64Type, true;
    F32 f32 Float32Type, false;
    F64 f64 Float64Type, false;
}

fn primitive<T>(cells: Cells<'_>, read: impl Fn(&[u8]) -> Option<T::Native>) -> ArrayRef
where
    T: ArrowPrimitiveType,
    T::Native: Scalar,
{
    let null = cells.field.null;
    let values = cells.iter().map(|cell| read(cell).filter(|value| null != Some(value.bits())));
    Arc::new(values.collect::<PrimitiveArray<T>>())
}
