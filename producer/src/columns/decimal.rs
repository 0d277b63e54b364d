//! Decimal numbers from their text, exactly.
//!
//! A floating-point number never stands between the text and the record: `0.1` is 100,000,000
//! billionths, and a number with more decimals than there is room for is refused, not rounded.

use super::fault::Fault;

/// Digits of a number, at most: more do not fit into an i64 anyway.
const DIGITS: usize = 40;

/// Returns the number in `text` times 10^`decimals`.
///
/// The text is an optional sign, digits with or without a point, and an optional exponent (`e-8`).
/// Zeros at the end of the decimals take no room.
///
/// # Errors
/// [`Fault::NotNumber`] if it is something else, [`Fault::Decimals`] if it has more decimals than
/// `decimals`, [`Fault::Range`] if it does not fit into an i64.
pub(crate) fn scaled(text: &[u8], decimals: u8) -> Result<i64, Fault> {
    let (is_negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let Number { mut mantissa, mut exponent } = number(text)?;
    exponent += i32::from(decimals);
    while exponent < 0 {
        // Only zeros may be given up; of zero itself any number of them.
        if mantissa % 10 != 0 {
            return Err(Fault::Decimals);
        }
        if mantissa == 0 {
            break;
        }
        mantissa /= 10;
        exponent += 1;
    }
    while exponent > 0 && mantissa != 0 {
        mantissa = mantissa.checked_mul(10).ok_or(Fault::Range)?;
        exponent -= 1;
    }
    let value = i64::try_from(mantissa).map_err(|_| Fault::Range)?;
    // The largest i64 means that there is no price.
    match value {
        i64::MAX => Err(Fault::Range),
        value if is_negative => Ok(-value),
        value => Ok(value),
    }
}

/// Returns the whole number in `text`, which has digits only.
///
/// # Errors
/// [`Fault::NotNumber`] if it has something else, [`Fault::Range`] if it does not fit.
pub(crate) fn whole(text: &[u8]) -> Result<u64, Fault> {
    if text.is_empty() {
        return Err(Fault::NotNumber);
    }
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = digit(*byte).ok_or(Fault::NotNumber)?;
        value.checked_mul(10).and_then(|value| value.checked_add(digit.into())).ok_or(Fault::Range)
    })
}

/// Returns the value of a decimal digit.
pub(super) fn digit(byte: u8) -> Option<u8> {
    byte.is_ascii_digit().then(|| byte - b'0')
}

/// A number without sign: mantissa times 10^exponent.
struct Number {
    mantissa: u128,
    exponent: i32,
}

fn number(text: &[u8]) -> Result<Number, Fault> {
    let (mut mantissa, mut exponent) = (0_u128, 0);
    let (mut digits, mut is_behind_point) = (0, false);
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        if let Some(digit) = digit(*byte) {
            if mantissa == 0 && digit == 0 {
                // Zeros in front take no room.
            } else {
                mantissa = mantissa.checked_mul(10).ok_or(Fault::Range)? + u128::from(digit);
            }
            exponent -= i32::from(is_behind_point);
            digits += 1;
            if digits > DIGITS {
                return Err(Fault::Range);
            }
        } else if *byte == b'.' && !is_behind_point {
            is_behind_point = true;
        } else if matches!(byte, b'e' | b'E') && digits > 0 {
            exponent += power(rest.as_slice())?;
            return Ok(Number { mantissa, exponent });
        } else {
            return Err(Fault::NotNumber);
        }
    }
    if digits == 0 {
        return Err(Fault::NotNumber);
    }
    Ok(Number { mantissa, exponent })
}

/// The exponent behind an `e`.
fn power(text: &[u8]) -> Result<i32, Fault> {
    let (sign, text) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    let power = whole(text)?;
    i32::try_from(power).ok().filter(|power| *power < 100).map(|p| sign * p).ok_or(Fault::Range)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_exact() {
        for (text, decimals, value) in [
            ("0", 9, 0),
            ("-0.0", 0, 0),
            ("0.1", 9, 100_000_000),
            ("1.", 2, 100),
            (".5", 1, 5),
            ("+2.50", 2, 250),
            ("-12.345", 3, -12_345),
            ("1.10000000000000000000", 1, 11),
            ("1e-9", 9, 1),
            ("2.5E+3", 0, 2_500),
            ("1200e-2", 0, 12),
            ("0e-99", 0, 0),
            ("9223372036.854775806", 9, i64::MAX - 1),
            ("0.000000000000000000000000000000000000", 9, 0),
        ] {
            assert_eq!(scaled(text.as_bytes(), decimals), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_or_has_no_room_is_refused() {
        for (text, decimals, fault) in [
            ("", 9, Fault::NotNumber),
            (".", 9, Fault::NotNumber),
            ("-", 9, Fault::NotNumber),
            ("1.2.3", 9, Fault::NotNumber),
            ("1,5", 9, Fault::NotNumber),
            (" 1", 9, Fault::NotNumber),
            ("0x10", 9, Fault::NotNumber),
            ("NaN", 9, Fault::NotNumber),
            ("inf", 9, Fault::NotNumber),
            ("e5", 9, Fault::NotNumber),
            ("1e", 9, Fault::NotNumber),
            ("1e1.5", 9, Fault::NotNumber),
            ("0.0000000001", 9, Fault::Decimals),
            ("1.5", 0, Fault::Decimals),
            ("1e-1", 0, Fault::Decimals),
            ("9223372036.854775807", 9, Fault::Range),
            ("1e30", 9, Fault::Range),
            ("1e999999999999999999999", 0, Fault::Range),
            ("11111111111111111111111111111111111111111111", 0, Fault::Range),
        ] {
            assert_eq!(scaled(text.as_bytes(), decimals), Err(fault), "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_digits_alone() {
        assert_eq!(whole(b"18446744073709551615"), Ok(u64::MAX));
        assert_eq!(whole(b"18446744073709551616"), Err(Fault::Range));
        for text in [&b""[..], b"-1", b"+1", b"1.0", b" 1"] {
            assert_eq!(whole(text), Err(Fault::NotNumber));
        }
    }

    proptest! {
        #[test]
        fn the_text_of_a_decimal_is_read_back(
            value in -i64::MAX + 1..i64::MAX,
            decimals in 0..19_u8,
        ) {
            let digits = format!("{:0>20}", value.unsigned_abs());
            let (whole, part) = digits.split_at(digits.len() - usize::from(decimals));
            let sign = if value < 0 { "-" } else { "" };
            let text = format!("{sign}{whole}.{part}");
            prop_assert_eq!(scaled(text.as_bytes(), decimals), Ok(value));
        }

        #[test]
        fn reading_is_total(
            text in prop::collection::vec(any::<u8>(), 0..64),
            decimals in any::<u8>(),
        ) {
            let _ = (scaled(&text, decimals), whole(&text));
        }
    }
}
