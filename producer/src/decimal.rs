//! Decimal numbers as their text says them.
//!
//! Venues send prices and quantities as text with a point. A number read through a binary float
//! is another number, and its checksum another checksum; a [`Decimal`] keeps every digit, and how
//! many decimals there were.

/// Digits that every `i64` can hold.
const SAFE_DIGITS: usize = 18;
/// The most decimals that are read: ten to a higher power is no `i64`.
const MOST_DECIMALS: u8 = 18;

/// A number: `mantissa` × 10^-`decimals`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Decimal {
    /// All its digits, as an integer.
    pub mantissa: i64,
    /// How many of them stand behind the point.
    pub decimals: u8,
    /// How many decimals the text had: more than `decimals` where the mantissa had no room for
    /// zeros at the end.
    pub sent: u8,
}

impl Decimal {
    /// Reads digits with an optional sign, an optional point, and an optional exponent.
    ///
    /// `None` if the text is anything else, or the number does not fit 63 bits or has more than 18
    /// decimals.
    #[must_use]
    #[inline]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > SAFE_DIGITS {
            return Self::parse_long(text);
        }
        let mut mantissa = 0_i64;
        let mut decimals = 0_u8;
        let mut has_point = false;
        for &byte in text {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                // At most 18 digits: no overflow.
                mantissa = mantissa * 10 + i64::from(digit);
                decimals += u8::from(has_point);
            } else if byte == b'.' && !has_point {
                has_point = true;
            } else {
                return Self::parse_long(text);
            }
        }
        let has_digit = text.len() > usize::from(has_point);
        has_digit.then_some(Self { mantissa, decimals, sent: decimals })
    }

    /// Reads what is longer, or signed, or has an exponent.
    fn parse_long(text: &[u8]) -> Option<Self> {
        let (negative, text) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            _ => (false, text),
        };
        let is_exponent = |byte: &u8| matches!(byte, b'e' | b'E');
        let (digits, exponent) = match text.iter().position(is_exponent) {
            Some(at) => {
                let exponent = str::from_utf8(text.get(at + 1..)?).ok()?.parse::<i16>().ok()?;
                (text.get(..at)?, exponent)
            }
            None => (text, 0),
        };
        let (mut value, mut decimals, mut has_point, mut has_digit) = (0_i128, 0_i16, false, false);
        for &byte in digits {
            match byte {
                b'0'..=b'9' => {
                    value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                    decimals = decimals.checked_add(i16::from(has_point))?;
                    has_digit = true;
                }
                b'.' if !has_point => has_point = true,
                _ => return None,
            }
        }
        if !has_digit {
            return None;
        }
        decimals = decimals.checked_sub(exponent)?;
        while decimals < 0 {
            value = value.checked_mul(10)?;
            decimals += 1;
        }
        let sent = u8::try_from(decimals).ok()?;
        let mut decimals = sent;
        while (i64::try_from(value).is_err() || decimals > MOST_DECIMALS)
            && decimals > 0
            && value % 10 == 0
        {
            value /= 10;
            decimals -= 1;
        }
        if decimals > MOST_DECIMALS {
            return None;
        }
        let mantissa = i64::try_from(value).ok()?;
        Some(Self { mantissa: if negative { -mantissa } else { mantissa }, decimals, sent })
    }

    /// Returns the mantissa with this many decimals; `None` unless it is exact and fits.
    #[must_use]
    #[inline]
    pub fn rescaled(self, decimals: u8) -> Option<i64> {
        if decimals >= self.decimals {
            return self.mantissa.checked_mul(power_of_ten(decimals - self.decimals)?);
        }
        let Some(divisor) = power_of_ten(self.decimals - decimals) else {
            return (self.mantissa == 0).then_some(0);
        };
        (self.mantissa % divisor == 0).then(|| self.mantissa / divisor)
    }

    /// Appends the number as it was sent, without leading zeros beyond the one before the point.
    pub fn write(self, to: &mut Vec<u8>) {
        if self.mantissa < 0 {
            to.push(b'-');
        }
        let mut buffer = [0; 20];
        let digits = digits(self.mantissa.unsigned_abs(), &mut buffer);
        let decimals = usize::from(self.decimals);
        let whole = digits.len().saturating_sub(decimals);
        let (before, after) = digits.split_at(whole);
        to.extend_from_slice(if before.is_empty() { b"0" } else { before });
        if self.sent > 0 {
            to.push(b'.');
            to.resize(to.len() + decimals.saturating_sub(digits.len()), b'0');
            to.extend_from_slice(after);
            self.write_end(to);
        }
    }

    /// Appends the digits as they were sent, without point and leading zeros; nothing for zero.
    pub fn write_digits(self, to: &mut Vec<u8>) {
        if self.mantissa != 0 {
            let mut buffer = [0; 20];
            to.extend_from_slice(digits(self.mantissa.unsigned_abs(), &mut buffer));
            self.write_end(to);
        }
    }

    /// Appends the zeros at the end that the mantissa had no room for.
    fn write_end(self, to: &mut Vec<u8>) {
        to.resize(to.len() + usize::from(self.sent.saturating_sub(self.decimals)), b'0');
    }
}

/// Returns ten to a power, `None` if that is no `i64`.
pub(crate) fn power_of_ten(exponent: u8) -> Option<i64> {
    const POWERS: [i64; 19] = [
        1,
        10,
        100,
        1_000,
        10_000,
        100_000,
        1_000_000,
        10_000_000,
        100_000_000,
        1_000_000_000,
        10_000_000_000,
        100_000_000_000,
        1_000_000_000_000,
        10_000_000_000_000,
        100_000_000_000_000,
        1_000_000_000_000_000,
        10_000_000_000_000_000,
        100_000_000_000_000_000,
        1_000_000_000_000_000_000,
    ];
    POWERS.get(usize::from(exponent)).copied()
}

/// Writes a number into the end of a buffer, and returns its digits.
fn digits(mut number: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut first = buffer.len();
    for (at, place) in buffer.iter_mut().enumerate().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
        first = at;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    buffer.get(first..).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Option<(i64, u8, u8)> {
        let number = Decimal::parse(text.as_bytes())?;
        Some((number.mantissa, number.decimals, number.sent))
    }

    fn written(number: Decimal) -> (String, String) {
        let (mut text, mut digits) = (Vec::new(), Vec::new());
        number.write(&mut text);
        number.write_digits(&mut digits);
        (String::from_utf8(text).unwrap(), String::from_utf8(digits).unwrap())
    }

    #[test]
    fn numbers_are_read_as_their_text_says_them() {
        let cases = [
            ("0", Some((0, 0, 0))),
            ("61737.63000000", Some((6_173_763_000_000, 8, 8))),
            ("0.00001306", Some((1_306, 8, 8))),
            (".5", Some((5, 1, 1))),
            ("5.", Some((5, 0, 0))),
            ("-1.50", Some((-150, 2, 2))),
            ("1e-7", Some((1, 7, 7))),
            ("1.5E3", Some((1_500, 0, 0))),
            ("9223372036854775807", Some((i64::MAX, 0, 0))),
            ("9223372036854775808", None),
            // More digits than fit, but zeros at the end.
            ("100000000000.00000000", Some((1_000_000_000_000_000_000, 7, 8))),
            ("123456789012.10000000", Some((1_234_567_890_121_000_000, 7, 8))),
            ("0.0000000000000000001", None),
            ("0.10000000000000000000", Some((100_000_000_000_000_000, 18, 20))),
            ("123456789012.12345678", None),
            ("", None),
            (".", None),
            ("-", None),
            ("1.2.3", None),
            ("1,5", None),
            ("NaN", None),
            ("1e", None),
            ("1e99", None),
            ("e5", None),
            ("\u{661}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parsed(text), expected, "{text}");
        }
        let long = "0".repeat(70_000);
        assert_eq!(parsed(&long), Some((0, 0, 0)));
        assert_eq!(parsed(&format!("0.{long}")), None);
    }

    #[test]
    fn numbers_are_written_as_they_were_sent() {
        let cases = [
            ("0.00000000", "0.00000000", ""),
            ("13.284500", "13.284500", "13284500"),
            ("0.042870", "0.042870", "42870"),
            ("-0.5", "-0.5", "5"),
            ("123456789012.10000000", "123456789012.10000000", "12345678901210000000"),
            ("7", "7", "7"),
        ];
        for (text, whole, digits) in cases {
            let number = Decimal::parse(text.as_bytes()).unwrap();
            assert_eq!(written(number), (whole.to_owned(), digits.to_owned()), "{text}");
        }
    }

    #[test]
    fn another_scale_is_exact_or_refused() {
        let number = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
        assert_eq!(number("61737.63000000").rescaled(9), Some(61_737_630_000_000));
        assert_eq!(number("61737.63000000").rescaled(2), Some(6_173_763));
        assert_eq!(number("61737.63000000").rescaled(1), None);
        assert_eq!(number("9223372036").rescaled(9), Some(9_223_372_036_000_000_000));
        assert_eq!(number("9223372037").rescaled(9), None);
        assert_eq!(number("0.0000000001").rescaled(9), None);
        assert_eq!(number("0").rescaled(18), Some(0));
    }

    proptest! {
        #[test]
        fn any_number_is_read_back(mantissa in any::<i64>(), decimals in 0..18_u8) {
            prop_assume!(mantissa != i64::MIN);
            let number = Decimal { mantissa, decimals, sent: decimals };
            let (text, _) = written(number);
            prop_assert_eq!(Decimal::parse(text.as_bytes()), Some(number));
        }

        #[test]
        fn any_bytes_are_a_number_or_none(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(number) = Decimal::parse(&bytes) {
                prop_assert!(number.decimals <= number.sent);
            }
        }
    }
}
