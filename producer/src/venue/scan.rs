//! Reading JSON in the one form in which venues send nearly all of it: no white space, no escapes,
//! no letters beyond ASCII, and integers without sign.
//!
//! Whatever is written otherwise is `None`, right or wrong, and the caller reads the message again
//! with the [parser of all JSON](super::json). What is read here is what that parser would read.
//!
//! Eight bytes are looked at in one step, as integers: where the first byte is that is no digit, or
//! ends a text, and what number the digits before it are.

use super::json::{Scalar, Text};
use super::market::Row;
use crate::book::Side;
use crate::book::levels::PriceLevel;
use crate::decimal::Decimal;

/// Each byte 1, and each byte's highest bit.
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = ONES << 7;
/// Digits that every `i64` can hold.
const SAFE_DIGITS: usize = 18;

/// A place in a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Takes these bytes.
    #[inline]
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(bytes)?;
        Some(())
    }

    /// Takes what stands between the elements of an object or an array: `true` for a comma, `false`
    /// for this end.
    #[inline]
    pub(super) fn goes_on(&mut self, end: u8) -> Option<bool> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        match *first {
            b',' => Some(true),
            first if first == end => Some(false),
            _ => None,
        }
    }

    /// Takes a key with its colon.
    #[inline]
    pub(super) fn key(&mut self) -> Option<&'a [u8]> {
        // Nearly all keys are one letter.
        if let Some(([b'"', key, b'"', b':'], rest)) = self.rest.split_first_chunk()
            && !matches!(key, 0..0x20 | b'"' | b'\\' | 0x80..)
        {
            self.rest = rest;
            return Some(std::slice::from_ref(key));
        }
        let key = self.text()?;
        self.take(b":")?;
        Some(key)
    }

    /// Takes a text with its quotes.
    #[inline]
    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        self.take(b"\"")?;
        let mut length = 0;
        while let Some(chunk) = self.rest.get(length..)?.first_chunk() {
            let plain = plain_bytes(u64::from_le_bytes(*chunk));
            length += plain;
            if plain < 8 {
                break;
            }
        }
        let is_plain = |byte: &u8| !matches!(byte, 0..0x20 | b'"' | b'\\' | 0x80..);
        length += self.rest.get(length..)?.iter().take_while(|byte| is_plain(byte)).count();
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        self.take(b"\"")?;
        Some(text)
    }

    /// Takes a value without parts.
    #[inline]
    pub(super) fn scalar(&mut self) -> Option<Scalar<'a>> {
        match self.peek()? {
            b'"' => {
                let text = std::str::from_utf8(self.text()?).ok()?;
                Some(Scalar::Text(Text::borrowed(text)))
            }
            b'0'..=b'9' => Some(Scalar::Whole(self.whole()?)),
            b't' => self.take(b"true").map(|()| Scalar::Flag(true)),
            b'f' => self.take(b"false").map(|()| Scalar::Flag(false)),
            b'n' => self.take(b"null").map(|()| Scalar::Other),
            _ => None,
        }
    }

    /// Takes an integer.
    #[inline]
    fn whole(&mut self) -> Option<i64> {
        let begins_with_zero = self.peek() == Some(b'0');
        let (value, count) = self.digits()?;
        let is_plain = (1..=SAFE_DIGITS).contains(&count) && !(begins_with_zero && count > 1);
        i64::try_from(value).ok().filter(|_| is_plain)
    }

    /// Takes a decimal number with its quotes.
    #[inline]
    pub(super) fn decimal(&mut self) -> Option<Decimal> {
        self.take(b"\"")?;
        let (whole, count) = self.digits()?;
        let (part, decimals) = match self.take(b".") {
            Some(()) => self.digits()?,
            None => (0, 0),
        };
        self.take(b"\"")?;
        if count + decimals == 0 || count + decimals > SAFE_DIGITS {
            return None;
        }
        let power = POWERS.get(decimals)?;
        // At most 18 digits: no overflow.
        let mantissa = i64::try_from(whole * power + part).ok()?;
        let decimals = u8::try_from(decimals).ok()?;
        Some(Decimal { mantissa, decimals, sent: decimals })
    }

    /// Takes digits, up to 18 with a little more left if there are more; gives their value and how
    /// many they were.
    #[inline]
    fn digits(&mut self) -> Option<(u64, usize)> {
        let (mut value, mut count) = (0, 0);
        while let Some(chunk) = self.rest.first_chunk() {
            let (found, digits) = leading_digits(u64::from_le_bytes(*chunk));
            if count + digits > SAFE_DIGITS {
                return None;
            }
            value = value * POWERS.get(digits)? + found;
            count += digits;
            self.rest = self.rest.get(digits..)?;
            if digits < 8 {
                return Some((value, count));
            }
        }
        // The end of the message is near.
        while let Some((digit @ b'0'..=b'9', rest)) = self.rest.split_first() {
            if count == SAFE_DIGITS {
                return None;
            }
            value = value * 10 + u64::from(digit - b'0');
            count += 1;
            self.rest = rest;
        }
        Some((value, count))
    }

    /// Takes an array of levels, each of price and quantity.
    #[inline]
    pub(super) fn levels(&mut self, side: Side, rows: &mut Vec<Row>) -> Option<()> {
        self.take(b"[")?;
        if self.take(b"]").is_some() {
            return Some(());
        }
        loop {
            self.take(b"[")?;
            let price = self.decimal()?;
            self.take(b",")?;
            let qty = self.decimal().filter(|qty| qty.mantissa >= 0)?;
            self.take(b"]")?;
            rows.push(Row { side, level: PriceLevel { price, qty, orders: 0 }, ts_event: 0 });
            if !self.goes_on(b']')? {
                return Some(());
            }
        }
    }
}

/// Powers of ten that eighteen digits can need.
const POWERS: [u64; SAFE_DIGITS + 1] = {
    let mut powers = [1; SAFE_DIGITS + 1];
    let mut at = 1;
    while at <= SAFE_DIGITS {
        #[expect(clippy::indexing_slicing, reason = "within bounds, or it does not compile")]
        {
            powers[at] = 10 * powers[at - 1];
        }
        at += 1;
    }
    powers
};

/// Returns the number that the first bytes are, lowest byte first, up to the first that is no
/// digit, and how many digits it has.
#[inline]
fn leading_digits(chunk: u64) -> (u64, usize) {
    // A digit becomes its value; 0x76 more leaves it below 0x80, and nothing else.
    let values = chunk ^ (ONES * u64::from(b'0'));
    let others = (values.wrapping_add(ONES * 0x76) | values) & HIGHS;
    let count = others.trailing_zeros() / 8;
    let count = count.min(8);
    // Zeros in front; of no digit nothing is left.
    let digits = values.checked_shl(64 - 8 * count).unwrap_or(0);
    (eight_digits(digits), count as usize)
}

/// Returns the number of eight digits, given by value, the first in the lowest byte: pairs, then
/// fours, then all.
#[inline]
fn eight_digits(digits: u64) -> u64 {
    const ODD: u64 = 0x0000_00FF_0000_00FF;
    const FIRST: u64 = 100 + (1_000_000 << 32);
    const SECOND: u64 = 1 + (10_000 << 32);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let first = (pairs & ODD).wrapping_mul(FIRST);
    let second = ((pairs >> 16) & ODD).wrapping_mul(SECOND);
    first.wrapping_add(second) >> 32
}

/// Returns how many bytes, lowest first, stand before one that ends a text or is not plain.
#[inline]
fn plain_bytes(chunk: u64) -> usize {
    let is_zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let quote = is_zero(chunk ^ (ONES * u64::from(b'"')));
    let backslash = is_zero(chunk ^ (ONES * u64::from(b'\\')));
    let control = chunk.wrapping_sub(ONES * 0x20) & !chunk;
    let others = (quote | backslash | control | chunk) & HIGHS;
    (others.trailing_zeros() / 8).min(8) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk(text: &str) -> u64 {
        u64::from_le_bytes(text.as_bytes().try_into().unwrap())
    }

    #[test]
    fn leading_digits_are_the_number_before_the_first_other_byte() {
        for (text, expected) in [
            ("12345678", (12_345_678, 8)),
            ("00000000", (0, 8)),
            ("1234567.", (1_234_567, 7)),
            ("1\",\"2345", (1, 1)),
            (".1234567", (0, 0)),
            ("9:999999", (9, 1)),
            ("9/999999", (9, 1)),
            ("99\u{80}9999", (99, 2)),
        ] {
            assert_eq!(leading_digits(chunk(text)), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_in_the_one_form_is_left_to_the_parser_of_all_json() {
        let numbers =
            ["1e3", "-1", "", ".", "1.2.3", "1234567890123456789", "1,5", " 1", "1 ", "1\\u0030"];
        for text in numbers {
            let quoted = format!("\"{text}\"");
            assert!(Scanner::new(quoted.as_bytes()).decimal().is_none(), "{text}");
        }
        for text in ["01", "-1", "\"a\\n\"", "\"\u{e9}\"", "\"open", "[1]", "{}", "tru", "x"] {
            assert!(Scanner::new(text.as_bytes()).scalar().is_none(), "{text}");
        }
        // The fraction is left over, and no comma or end.
        let mut scanner = Scanner::new(b"1.5,");
        assert!(scanner.scalar().is_some() && scanner.goes_on(b'}').is_none());
    }

    proptest! {
        #[test]
        fn decimals_are_those_of_the_parser_of_numbers(
            text in "[0-9]{0,20}\\.?[0-9]{0,20}",
            after in "[,\\]]{0,9}",
        ) {
            let quoted = format!("\"{text}\"{after}");
            let mut scanner = Scanner::new(quoted.as_bytes());
            if let Some(found) = scanner.decimal() {
                prop_assert_eq!(Some(found), Decimal::parse(text.as_bytes()));
                prop_assert_eq!(scanner.rest, after.as_bytes());
            } else {
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                prop_assert!(digits == 0 || digits > SAFE_DIGITS);
            }
        }

        #[test]
        fn texts_end_at_their_quote(text in "[ -!#-\\[\\]-~]{0,40}", after in "[ -~]{0,9}") {
            let quoted = format!("\"{text}\"{after}");
            let mut scanner = Scanner::new(quoted.as_bytes());
            prop_assert_eq!(scanner.text(), Some(text.as_bytes()));
            prop_assert_eq!(scanner.rest, after.as_bytes());
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let scanner = || Scanner::new(&bytes);
            let mut rows = Vec::new();
            let _ = (scanner().text(), scanner().scalar(), scanner().decimal(), scanner().key());
            let _ = scanner().levels(Side::Bid, &mut rows);
        }
    }
}
