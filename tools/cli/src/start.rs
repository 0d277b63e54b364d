//! Where to join a ring, on the command line.

use crate::duration;
use jiff::Timestamp;
use tickring::{Start, Token};

const EXPECTED: &str = "oldest, latest, a sequence, an age such as -5s, a time such as \
                        2026-01-05T14:30:00Z, or a token";

/// Reads `oldest`, `latest`, a sequence, an age, a time or a token; for clap.
///
/// # Errors
///
/// A sentence that says what is expected.
pub(crate) fn parse(text: &str) -> Result<Start, String> {
    let start = match text {
        "oldest" => Some(Start::Oldest),
        "latest" => Some(Start::Latest),
        _ => match text.strip_prefix('-') {
            Some(age) => duration::parse(age).ok().map(Start::Ago),
            None => sequence(text).or_else(|| token(text)).or_else(|| time(text)),
        },
    };
    start.ok_or_else(|| format!("expected {EXPECTED}, found {text:?}"))
}

fn sequence(text: &str) -> Option<Start> {
    text.parse().ok().map(Start::Sequence)
}

fn token(text: &str) -> Option<Start> {
    text.parse::<Token>().ok().map(Start::Token)
}

fn time(text: &str) -> Option<Start> {
    let time: Timestamp = text.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok().map(Start::Time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_start_is_a_word_a_sequence_an_age_a_time_or_a_token() {
        assert_eq!(parse("oldest"), Ok(Start::Oldest));
        assert_eq!(parse("latest"), Ok(Start::Latest));
        assert_eq!(parse("88210"), Ok(Start::Sequence(88_210)));
        assert_eq!(parse("-5s"), Ok(Start::Ago(Duration::from_secs(5))));
        assert_eq!(parse("-1m30s"), Ok(Start::Ago(Duration::from_secs(90))));
        let at_ns = 1_767_623_400_000_000_001;
        assert_eq!(parse("2026-01-05T14:30:00.000000001Z"), Ok(Start::Time(at_ns)));
        assert_eq!(parse("2026-01-05T15:30:00.000000001+01:00"), Ok(Start::Time(at_ns)));
        let token = Token { ring_id: 5, epoch: 2, seq: 77 };
        assert_eq!(parse(&token.to_string()), Ok(Start::Token(token)));
        for text in ["", "-1", "newest", "1.5", "--5s", "1969-01-01T00:00:00Z", "2026-01-05"] {
            assert!(parse(text).unwrap_err().contains("oldest, latest"), "{text}");
        }
    }
}
