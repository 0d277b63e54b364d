//! Times as venues write them, in ns since the Unix epoch, UTC.

use jiff::Timestamp;

const SECOND_NS: u64 = 1_000_000_000;
const MILLISECOND_NS: u64 = 1_000_000;

/// Reads seconds with any number of decimals, such as `1618678133.365913`; what is finer than a
/// nanosecond is left away.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let seconds: u64 = whole.parse().ok()?;
    let mut nanos = 0;
    let mut digits = fraction.bytes();
    for _ in 0..9 {
        nanos = nanos * 10 + digits.next().map_or(0, |digit| u64::from(digit - b'0'));
    }
    seconds.checked_mul(SECOND_NS)?.checked_add(nanos)
}

/// Reads milliseconds.
pub(super) fn milliseconds(number: u64) -> Option<u64> {
    number.checked_mul(MILLISECOND_NS)
}

/// Reads a time such as `2021-04-17T16:43:30.244075Z`.
pub(super) fn rfc3339(text: &str) -> Option<u64> {
    let time: Timestamp = text.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_nanosecond() {
        let cases = [
            ("1618678133.365913", Some(1_618_678_133_365_913_000)),
            ("1633998512.0633569", Some(1_633_998_512_063_356_900)),
            ("1633998512", Some(1_633_998_512_000_000_000)),
            ("1.0000000019", Some(1_000_000_001)),
            ("1.5.5", None),
            ("-1.5", None),
            ("", None),
            (".5", None),
            ("99999999999999.0", None),
        ];
        for (text, expected) in cases {
            assert_eq!(seconds(text), expected, "{text}");
        }
        assert_eq!(milliseconds(1_723_161_257_440), Some(1_723_161_257_440_000_000));
        assert_eq!(milliseconds(u64::MAX), None);
        assert_eq!(rfc3339("2021-04-17T16:43:30.244075Z"), Some(1_618_677_810_244_075_000));
        assert_eq!(rfc3339("1890-04-17T16:43:30Z"), None);
        assert_eq!(rfc3339("yesterday"), None);
    }
}
