//! One line of a recording.

use crate::venue::time;

/// What a line holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Line<'a> {
    /// A connection was made.
    Connected { url: &'a [u8] },
    /// The recorder sent something.
    Sent,
    /// A message was received.
    Received(&'a [u8]),
    /// An HTTP request was answered.
    Fetched { url: &'a [u8], bytes: &'a [u8] },
    /// The recorder notes something for itself.
    Note,
    /// None of these.
    Unknown(&'a [u8]),
}

impl<'a> Line<'a> {
    /// Reads a line, and its time if it has one.
    pub(super) fn read(line: &'a [u8]) -> (Option<u64>, Self) {
        Self::received(line).or_else(|| Self::with_url(line)).unwrap_or_else(|| {
            let is_note = line.starts_with(b"configuration: ");
            (None, if is_note { Self::Note } else { Self::Unknown(line) })
        })
    }

    /// Reads `TIME: message` or `NANOSECONDS message`.
    fn received(line: &'a [u8]) -> Option<(Option<u64>, Self)> {
        let end = line.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'.'))?;
        let (time, rest) = line.split_at_checked(end)?;
        let time = str::from_utf8(time).ok()?;
        if let Some(message) = rest.strip_prefix(b": ") {
            return Some((Some(time::seconds(time)?), Self::Received(message)));
        }
        let message = rest.strip_prefix(b" ")?;
        Some((Some(time.parse().ok()?), Self::Received(message)))
    }

    /// Reads what begins with a URL.
    fn with_url(line: &'a [u8]) -> Option<(Option<u64>, Self)> {
        let end = line.iter().position(|byte| *byte == b' ')?;
        let (url, rest) = line.split_at_checked(end)?;
        if !url.windows(3).any(|part| part == b"://") {
            return None;
        }
        if let Some(time) = rest.strip_prefix(b" <-> ") {
            let time = time::seconds(str::from_utf8(time).ok()?)?;
            return Some((Some(time), Self::Connected { url }));
        }
        let (is_sent, rest) = match rest.strip_prefix(b" <- ") {
            Some(rest) => (true, rest),
            None => (false, rest.strip_prefix(b" -> ")?),
        };
        let end = rest.iter().position(|byte| *byte == b':')?;
        let (time, bytes) = rest.split_at_checked(end)?;
        let time = time::seconds(str::from_utf8(time).ok()?)?;
        let bytes = bytes.strip_prefix(b":")?.trim_ascii_start();
        Some((Some(time), if is_sent { Self::Sent } else { Self::Fetched { url, bytes } }))
    }
}

/// Returns the symbol that a URL asks for.
pub(super) fn symbol(url: &[u8]) -> Option<&str> {
    let url = str::from_utf8(url).ok()?;
    let (_, query) = url.split_once('?')?;
    query.split('&').find_map(|part| part.strip_prefix("symbol="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_of_line_is_told_by_its_beginning() {
        let url = &b"wss://ws.kraken.com"[..];
        let cases: [(&str, Option<u64>, Line<'_>); 11] = [
            ("1618678134.213106: [992]", Some(1_618_678_134_213_106_000), Line::Received(b"[992]")),
            ("1618678134: {}", Some(1_618_678_134_000_000_000), Line::Received(b"{}")),
            ("1723161256172216566 {}", Some(1_723_161_256_172_216_566), Line::Received(b"{}")),
            ("wss://ws.kraken.com <-> 1.5", Some(1_500_000_000), Line::Connected { url }),
            ("wss://ws.kraken.com <- 1.5: {}", Some(1_500_000_000), Line::Sent),
            (
                "wss://ws.kraken.com -> 2.5: {\"a\":1}",
                Some(2_500_000_000),
                Line::Fetched { url, bytes: b"{\"a\":1}" },
            ),
            ("configuration: {}", None, Line::Note),
            ("time,price", None, Line::Unknown(b"time,price")),
            ("1.5 {}", None, Line::Unknown(b"1.5 {}")),
            ("99999999999999999999 {}", None, Line::Unknown(b"99999999999999999999 {}")),
            ("no url <-> 1.5", None, Line::Unknown(b"no url <-> 1.5")),
        ];
        for (text, time, line) in cases {
            assert_eq!(Line::read(text.as_bytes()), (time, line), "{text}");
        }
    }

    #[test]
    fn a_snapshot_is_of_the_symbol_that_its_url_asks_for() {
        assert_eq!(symbol(b"https://a/depth?symbol=NKNUSDT&limit=1000"), Some("NKNUSDT"));
        assert_eq!(symbol(b"https://a/depth?limit=1000&symbol=X"), Some("X"));
        assert_eq!(symbol(b"https://a/symbol=X"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_line(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Line::read(&bytes);
            let _ = symbol(&bytes);
        }
    }
}
