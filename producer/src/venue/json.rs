//! Reading JSON in one pass, without a tree and without copies.
//!
//! The parser is a maintained one; what is here are the types of the venues' messages for it. Text
//! and numbers borrow from the message, and levels go into an array that is used again, so a
//! message costs no allocation. A number is read from its text, never through a binary float.
//!
//! An object is read into what takes its [`Fields`], an array into what takes its [`Items`].
//!
//! Hostile input: the parser limits how deep a message is nested, also in what is skipped. That is
//! why it is `serde_json`: the faster `sonic-rs` skips without a limit, and a message of nothing
//! but brackets ends its thread.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use serde_json::value::RawValue;

use super::market::Row;
use crate::book::Side;
use crate::book::levels::PriceLevel;
use crate::decimal::Decimal;

/// Reads a whole message with `seed`; `None` if it is not JSON, or not what `seed` takes.
pub(super) fn read<'de, T: DeserializeSeed<'de>>(bytes: &'de [u8], seed: T) -> Option<T::Value> {
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let value = seed.deserialize(&mut parser).ok()?;
    parser.end().ok()?;
    Some(value)
}

/// Takes the fields of an object, one by one.
pub(super) trait Fields<'de> {
    /// Takes the value of the field with this key out of `map`.
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Reads an object into what takes its fields.
#[derive(Debug)]
pub(super) struct Object<'f, F>(pub(super) &'f mut F);

impl<'de, F: Fields<'de>> DeserializeSeed<'de> for Object<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_map(self)
    }
}

impl<'de, F: Fields<'de>> Visitor<'de> for Object<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text<'de>>()? {
            self.0.field(key.as_str(), &mut map)?;
        }
        Ok(())
    }
}

/// Takes the elements of an array, one by one.
pub(super) trait Items<'de> {
    /// Takes the next element out of `seq`; `false` at the end.
    fn item<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error>;
}

/// Reads an array into what takes its elements.
#[derive(Debug)]
pub(super) struct Array<'f, I>(pub(super) &'f mut I);

impl<'de, I: Items<'de>> DeserializeSeed<'de> for Array<'_, I> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_seq(self)
    }
}

impl<'de, I: Items<'de>> Visitor<'de> for Array<'_, I> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while self.0.item(&mut seq)? {}
        Ok(())
    }
}

/// Passes over the value of a field.
pub(super) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<Skip>().map(drop)
}

/// A decimal number, as text or as a number of JSON, read from its digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact(pub(super) Decimal);

impl Exact {
    /// The number, if it can be a quantity: one that is not negative.
    pub(super) fn quantity(self) -> Option<Decimal> {
        Some(self.0).filter(|qty| qty.mantissa >= 0)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(parser)?.get();
        let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let number = Decimal::parse(digits.unwrap_or(text).as_bytes());
        number.map(Self).ok_or_else(|| de::Error::custom("no decimal number"))
    }
}

/// A value that is of no interest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Skip;

impl<'de> Deserialize<'de> for Skip {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        parser.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Skip {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<Self, A::Error> {
        while cells.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        while fields.next_key::<Text<'de>>()?.is_some() {
            let _ = fields.next_value::<Self>()?;
        }
        Ok(self)
    }
}

/// Text, borrowed unless it has escapes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    pub(super) fn borrowed(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    pub(super) fn owned(text: &str) -> Self {
        Self(Cow::Owned(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text::borrowed(text))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text::owned(text))
            }
        }
        parser.deserialize_str(Reading)
    }
}

/// A price or a quantity, as text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) Decimal);

impl<'de> Deserialize<'de> for Number {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        struct Reading;
        impl Visitor<'_> for Reading {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number as text")
            }

            #[inline]
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                let number = Decimal::parse(text.as_bytes());
                number.map(Number).ok_or_else(|| E::custom("no decimal number"))
            }
        }
        parser.deserialize_str(Reading)
    }
}

/// The value of a field, without its parts if it has any. What it is asked for it may not be: then
/// it is `None`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) enum Scalar<'a> {
    /// Nothing, or something with parts, or a number with a fraction or beyond 63 bits.
    #[default]
    Other,
    Flag(bool),
    Whole(i64),
    Text(Text<'a>),
}

impl Scalar<'_> {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            Self::Other | Self::Flag(_) | Self::Whole(_) => None,
        }
    }

    /// The text, empty if it is none.
    pub(super) fn word(&self) -> &str {
        self.text().unwrap_or("")
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Other | Self::Whole(_) | Self::Text(_) => None,
        }
    }

    /// The integer, sent as a number or as text.
    pub(super) fn whole(&self) -> Option<i64> {
        match self {
            Self::Whole(whole) => Some(*whole),
            Self::Text(text) => text.as_str().parse().ok(),
            Self::Other | Self::Flag(_) => None,
        }
    }

    /// The integer as an id or a count.
    pub(super) fn unsigned(&self) -> Option<u64> {
        u64::try_from(self.whole()?).ok()
    }

    /// The time of so many milliseconds.
    pub(super) fn milliseconds(&self) -> Option<u64> {
        super::time::milliseconds(self.unsigned()?)
    }

    pub(super) fn decimal(&self) -> Option<Decimal> {
        Decimal::parse(self.text()?.as_bytes())
    }

    /// The number, if it can be a quantity: one that is not negative.
    pub(super) fn quantity(&self) -> Option<Decimal> {
        self.decimal().filter(|qty| qty.mantissa >= 0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        parser.deserialize_any(Field { levels: None })
    }
}

/// Reads the value of a field that may be an array of levels.
#[derive(Debug)]
pub(super) struct Field<'r> {
    /// Where the levels go; an array is skipped without.
    pub(super) levels: Option<Levels<'r>>,
}

impl<'de> DeserializeSeed<'de> for Field<'_> {
    type Value = Scalar<'de>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Scalar<'de>, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Field<'_> {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Other)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Other)
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Flag(flag))
    }

    fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Whole(whole))
    }

    fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Scalar<'de>, E> {
        Ok(i64::try_from(whole).map_or(Scalar::Other, Scalar::Whole))
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Text::borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Text::owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, cells: A) -> Result<Scalar<'de>, A::Error> {
        match self.levels {
            Some(levels) => levels.visit_seq(cells)?,
            None => drop(Skip.visit_seq(cells)?),
        }
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Scalar<'de>, A::Error> {
        let _ = Skip.visit_map(fields)?;
        Ok(Scalar::Other)
    }
}

/// How a level stands in an array.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cells {
    /// Price, quantity.
    PriceQty,
    /// Price, quantity, time in seconds.
    PriceQtyTime,
    /// Price, quantity, a cell of no use, number of orders.
    PriceQtyOrders,
    /// `buy` or `sell`, price, quantity.
    SidePriceQty,
}

/// Reads an array of levels into `rows`.
#[derive(Debug)]
pub(super) struct Levels<'r> {
    pub(super) cells: Cells,
    /// Their side, unless the cells say it.
    pub(super) side: Side,
    pub(super) ts_event: u64,
    pub(super) rows: &'r mut Vec<Row>,
}

impl<'de> DeserializeSeed<'de> for Levels<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Levels<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of levels")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut levels: A) -> Result<(), A::Error> {
        let Self { cells, side, ts_event, rows } = self;
        while let Some(row) = levels.next_element_seed(Level { cells, side, ts_event })? {
            rows.push(row);
        }
        Ok(())
    }
}

/// Reads one level.
struct Level {
    cells: Cells,
    side: Side,
    ts_event: u64,
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Row;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Row, D::Error> {
        parser.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a level: an array with price and quantity")
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<Row, A::Error> {
        let Self { cells: shape, mut side, mut ts_event } = self;
        if shape == Cells::SidePriceQty {
            side = match cell::<Text<'de>, A>(&mut cells)?.as_str() {
                "buy" => Side::Bid,
                "sell" => Side::Ask,
                _ => return Err(de::Error::custom("expected buy or sell")),
            };
        }
        let Number(price) = cell(&mut cells)?;
        let Number(qty) = cell(&mut cells)?;
        if qty.mantissa < 0 {
            return Err(de::Error::custom("expected a quantity of 0 or more"));
        }
        let mut orders = 0;
        match shape {
            Cells::PriceQty | Cells::SidePriceQty => {}
            Cells::PriceQtyTime => {
                let time: Text<'de> = cell(&mut cells)?;
                ts_event = super::time::seconds(time.as_str())
                    .ok_or_else(|| de::Error::custom("expected a time in seconds"))?;
            }
            Cells::PriceQtyOrders => {
                let _: Skip = cell(&mut cells)?;
                let count = cell::<Scalar<'de>, A>(&mut cells)?.unsigned();
                orders = count
                    .and_then(|count| u32::try_from(count).ok())
                    .ok_or_else(|| de::Error::custom("expected a number of orders"))?;
            }
        }
        while cells.next_element::<Skip>()?.is_some() {}
        Ok(Row { side, level: PriceLevel { price, qty, orders }, ts_event })
    }
}

/// The next cell of an array that must have one.
#[inline]
pub(super) fn cell<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    cells: &mut A,
) -> Result<T, A::Error> {
    cells.next_element()?.ok_or_else(|| de::Error::custom("too few cells"))
}
