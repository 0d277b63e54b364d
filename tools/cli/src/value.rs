//! The values in a record, found by nothing but the rows of a schema.

use crate::notation::{Price, Time};
use std::fmt::Write;
use tickring::f16;
use tickring::schema::{Field, FieldType, Unit};

/// One value of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// The field says that it holds none.
    Null,
    /// Any whole number without a notation of its own.
    Integer(i128),
    /// A set of bits.
    Flags(u64),
    /// A price in units of 1e-9.
    Price(i128),
    /// A time in nanoseconds since the Unix epoch.
    Time(i128),
    /// One character of ASCII, or a byte that is none.
    Letter(u8),
    /// Text without the NULs behind its end. Untrusted: it may hold anything.
    Text(&'a [u8]),
    /// 32 bits of floating point.
    Single(f32),
    /// 64 bits of floating point.
    Double(f64),
}

/// The value at `index` of a field. `record` holds at least the bytes that the schema speaks of;
/// what lies outside is [`Value::Null`].
pub(crate) fn value_of<'a>(field: &Field, record: &'a [u8], index: u32) -> Value<'a> {
    let start = offset(field.offset)
        .saturating_add(offset(index).saturating_mul(offset(field.ty.size_bytes())));
    let Some(bytes) = record.get(start..) else { return Value::Null };
    read(field, bytes).unwrap_or(Value::Null)
}

/// How many values a field has: a text is one.
pub(crate) fn count_of(field: &Field) -> u32 {
    if field.ty == FieldType::Bytes { 1 } else { field.count }
}

/// Reads the value at the start of `bytes`; `None` where they are too short.
fn read<'a>(field: &Field, bytes: &'a [u8]) -> Option<Value<'a>> {
    let (bits, number) = match field.ty {
        FieldType::Bytes => {
            let text = bytes.get(..offset(field.count))?;
            let end = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            return text.get(..end).map(Value::Text);
        }
        FieldType::F32 => {
            let value = f32::from_le_bytes(*bytes.first_chunk()?);
            let is_null = field.null == Some(value.to_bits().into());
            return Some(if is_null { Value::Null } else { Value::Single(value) });
        }
        FieldType::F16 => {
            let value = f16::from_le_bytes(*bytes.first_chunk()?);
            let is_null = field.null == Some(value.to_bits().into());
            return Some(if is_null { Value::Null } else { Value::Single(value.into()) });
        }
        FieldType::F64 => {
            let value = f64::from_le_bytes(*bytes.first_chunk()?);
            let is_null = field.null == Some(value.to_bits());
            return Some(if is_null { Value::Null } else { Value::Double(value) });
        }
        FieldType::U8 => unsigned(u8::from_le_bytes(*bytes.first_chunk()?).into()),
        FieldType::U16 => unsigned(u16::from_le_bytes(*bytes.first_chunk()?).into()),
        FieldType::U32 => unsigned(u32::from_le_bytes(*bytes.first_chunk()?).into()),
        FieldType::U64 => unsigned(u64::from_le_bytes(*bytes.first_chunk()?)),
        FieldType::I8 => {
            let value = i8::from_le_bytes(*bytes.first_chunk()?);
            (value.cast_unsigned().into(), value.into())
        }
        FieldType::I16 => {
            let value = i16::from_le_bytes(*bytes.first_chunk()?);
            (value.cast_unsigned().into(), value.into())
        }
        FieldType::I32 => {
            let value = i32::from_le_bytes(*bytes.first_chunk()?);
            (value.cast_unsigned().into(), value.into())
        }
        FieldType::I64 => {
            let value = i64::from_le_bytes(*bytes.first_chunk()?);
            (value.cast_unsigned(), value.into())
        }
    };
    Some(if field.null == Some(bits) { Value::Null } else { whole(field.unit, bits, number) })
}

fn unsigned(bits: u64) -> (u64, i128) {
    (bits, bits.into())
}

fn whole(unit: Unit, bits: u64, number: i128) -> Value<'static> {
    match unit {
        Unit::PriceE9 => Value::Price(number),
        Unit::NanosEpoch => Value::Time(number),
        Unit::Flags => Value::Flags(bits),
        Unit::Ascii => match u8::try_from(bits) {
            Ok(0) => Value::Null,
            Ok(letter) => Value::Letter(letter),
            Err(_) => Value::Integer(number),
        },
        _ => Value::Integer(number),
    }
}

/// An offset or count of a schema. Where usize is shorter than u32, one that does not fit lies
/// outside of every record.
fn offset(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

impl Value<'_> {
    /// Appends the value as people read it: nothing is `-`, flags are hexadecimal.
    pub(crate) fn push_text(&self, out: &mut String) {
        match self {
            Self::Null => out.push('-'),
            Self::Flags(bits) => push(out, format_args!("{bits:#04x}")),
            Self::Text(bytes) => {
                let text = lossless(bytes);
                out.extend(text.chars().flat_map(|c| {
                    let escape = c.is_control().then(|| c.escape_default());
                    escape.into_iter().flatten().chain(Some(c).filter(|c| !c.is_control()))
                }));
            }
            _ => self.push_plain(out),
        }
    }

    /// Appends the value as a cell of CSV: nothing is empty, flags are decimal.
    pub(crate) fn push_csv(&self, out: &mut String) {
        match self {
            Self::Null => {}
            Self::Text(bytes) => push_quoted(out, &lossless(bytes)),
            Self::Letter(letter @ (b',' | b'"')) => {
                push_quoted(out, &char::from(*letter).to_string())
            }
            _ => self.push_plain(out),
        }
    }

    /// Appends the value as JSON: prices, times, letters and text are strings; numbers are numbers,
    /// exact even above 2^53; nothing, NaN and infinity are null.
    pub(crate) fn push_json(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Single(value) if !value.is_finite() => out.push_str("null"),
            Self::Double(value) if !value.is_finite() => out.push_str("null"),
            Self::Price(_) | Self::Time(_) => {
                out.push('"');
                self.push_plain(out);
                out.push('"');
            }
            Self::Letter(_) => {
                let mut letter = String::new();
                self.push_plain(&mut letter);
                push(out, format_args!("{}", serde_json::Value::String(letter)));
            }
            Self::Text(bytes) => {
                push(out, format_args!("{}", serde_json::Value::String(lossless(bytes))));
            }
            _ => self.push_plain(out),
        }
    }

    /// The whole number behind a price.
    pub(crate) fn raw(&self) -> Self {
        match *self {
            Self::Price(price) => Self::Integer(price),
            other => other,
        }
    }

    fn push_plain(&self, out: &mut String) {
        match self {
            Self::Null => {}
            Self::Integer(number) => push(out, format_args!("{number}")),
            Self::Flags(bits) => push(out, format_args!("{bits}")),
            Self::Price(price) => push(out, format_args!("{}", Price(*price))),
            Self::Time(time) => push(out, format_args!("{}", Time(*time))),
            Self::Letter(letter) if letter.is_ascii_graphic() => out.push(char::from(*letter)),
            Self::Letter(letter) => push(out, format_args!("\\x{letter:02x}")),
            Self::Text(bytes) => out.push_str(&lossless(bytes)),
            // The shortest digits that give the same number again, with an exponent when long.
            Self::Single(value) => push(out, format_args!("{value:?}")),
            Self::Double(value) => push(out, format_args!("{value:?}")),
        }
    }
}

/// Text as it is, or with its bytes escaped where it is not UTF-8.
fn lossless(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

/// Quotes a cell by RFC 4180 where it needs it.
fn push_quoted(out: &mut String, text: &str) {
    if text.contains([',', '"', '\n', '\r']) {
        push(out, format_args!("\"{}\"", text.replace('"', "\"\"")));
    } else {
        out.push_str(text);
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(ty: FieldType, unit: Unit, null: Option<u64>, count: u32) -> Field {
        Field { name: "f".into(), offset: 0, ty, count, unit, null, doc: "".into() }
    }

    fn shown(field: &Field, bytes: &[u8]) -> [String; 3] {
        let value = value_of(field, bytes, 0);
        let mut shown = [const { String::new() }; 3];
        let [text, csv, json] = &mut shown;
        value.push_text(text);
        value.push_csv(csv);
        value.push_json(json);
        shown
    }

    #[test]
    fn every_type_and_unit_is_shown_in_its_notation() {
        use FieldType::{Bytes, F16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
        let max = i64::MAX.cast_unsigned();
        let nan = f32::NAN.to_bits();
        // Type, unit, null, bytes; as text, CSV and JSON.
        type Case<'a> = (FieldType, Unit, Option<u64>, &'a [u8], [&'a str; 3]);
        let cases: &[Case<'_>] = &[
            (U8, Unit::None, None, &[200], ["200", "200", "200"]),
            (U16, Unit::Enum, None, &[1, 2], ["513", "513", "513"]),
            (U32, Unit::Count, Some(7), &[7, 0, 0, 0], ["-", "", "null"]),
            (U64, Unit::Sequence, None, &[255; 8], ["18446744073709551615"; 3]),
            (I8, Unit::Exponent, None, &[0xF8], ["-8", "-8", "-8"]),
            (I8, Unit::None, Some(0xFF), &[0xFF], ["-", "", "null"]),
            (I16, Unit::None, Some(0xFFFE), &[0xFE, 0xFF], ["-", "", "null"]),
            (I32, Unit::Nanos, None, &[255; 4], ["-1", "-1", "-1"]),
            (I64, Unit::HighWord, None, &[255; 8], ["-1", "-1", "-1"]),
            (U64, Unit::LowWord, None, &[255; 8], ["18446744073709551615"; 3]),
            (I64, Unit::QtyMantissa, None, &[5, 0, 0, 0, 0, 0, 0, 0], ["5", "5", "5"]),
            (
                I64,
                Unit::PriceE9,
                Some(max),
                &4_810_250_000_000_i64.to_le_bytes(),
                ["4810.250000000", "4810.250000000", "\"4810.250000000\""],
            ),
            (I64, Unit::PriceE9, Some(max), &max.to_le_bytes(), ["-", "", "null"]),
            (
                U64,
                Unit::NanosEpoch,
                Some(u64::MAX),
                &[0; 8],
                [
                    "1970-01-01T00:00:00.000000000Z",
                    "1970-01-01T00:00:00.000000000Z",
                    "\"1970-01-01T00:00:00.000000000Z\"",
                ],
            ),
            (U64, Unit::NanosEpoch, Some(u64::MAX), &[255; 8], ["-", "", "null"]),
            (U8, Unit::Ascii, None, b"A", ["A", "A", "\"A\""]),
            (U8, Unit::Ascii, None, b"\0", ["-", "", "null"]),
            (U8, Unit::Ascii, None, b"\"", ["\"", "\"\"\"\"", "\"\\\"\""]),
            (U8, Unit::Ascii, None, &[7], ["\\x07", "\\x07", "\"\\\\x07\""]),
            (U8, Unit::Flags, None, &[0x82], ["0x82", "130", "130"]),
            (F32, Unit::None, None, &[0, 0, 0x80, 0x3F], ["1.0", "1.0", "1.0"]),
            (F32, Unit::None, None, &nan.to_le_bytes(), ["NaN", "NaN", "null"]),
            (F32, Unit::None, Some(nan.into()), &nan.to_le_bytes(), ["-", "", "null"]),
            (F16, Unit::None, None, &[0, 0x3C], ["1.0", "1.0", "1.0"]),
            (F16, Unit::None, Some(0x3C00), &[0, 0x3C], ["-", "", "null"]),
            (F64, Unit::None, None, &1e300_f64.to_le_bytes(), ["1e300", "1e300", "1e300"]),
        ];
        for (ty, unit, null, bytes, expected) in cases {
            assert_eq!(shown(&field(*ty, *unit, *null, 1), bytes), *expected, "{ty} {unit}");
        }
        let texts: &[(&[u8], [&str; 3])] = &[
            (b"ESZ6\0\0\0\0", ["ESZ6", "ESZ6", "\"ESZ6\""]),
            (b"a\0b\0\0\0\0\0", ["a\\u{0}b", "a\0b", "\"a\\u0000b\""]),
            (b"x,\"y\"\0\0\0", ["x,\"y\"", "\"x,\"\"y\"\"\"", "\"x,\\\"y\\\"\""]),
            (b"\xFF\xFE\0\0\0\0\0\0", ["\\xff\\xfe", "\\xff\\xfe", "\"\\\\xff\\\\xfe\""]),
            (b"\0\0\0\0\0\0\0\0", ["", "", "\"\""]),
        ];
        for (bytes, expected) in texts {
            assert_eq!(shown(&field(Bytes, Unit::Text, None, 8), bytes), *expected);
        }
    }

    #[test]
    fn a_record_that_is_too_short_has_no_value() {
        let field = Field { offset: 8, ..field(FieldType::U64, Unit::None, None, 1) };
        for length in 0..16 {
            assert_eq!(value_of(&field, &vec![1; length], 0), Value::Null, "{length}");
        }
        assert_eq!(value_of(&field, &[1; 16], 0), Value::Integer(0x0101_0101_0101_0101));
    }
}
