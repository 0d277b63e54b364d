//! Durations on the command line.

use jiff::SignedDuration;
use std::time::Duration;

/// Reads a duration such as `5s`, `250ms` or `1m 30s`; for clap.
///
/// # Errors
///
/// A sentence that says what is expected.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let duration: SignedDuration = text.parse().map_err(|_| expected(text))?;
    Duration::try_from(duration).map_err(|_| expected(text))
}

/// Reads a number of seconds such as `60` or `0.5`; for clap.
///
/// # Errors
///
/// A sentence that says what is expected.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| format!("expected seconds such as 60 or 0.5, found {text:?}"))
}

fn expected(text: &str) -> String {
    format!("expected a duration such as 5s, 250ms or 1m30s, found {text:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let cases = [
            ("5s", 5_000),
            ("250ms", 250),
            ("1m30s", 90_000),
            ("1m 30s", 90_000),
            ("0s", 0),
            ("1.5s", 1_500),
        ];
        for (text, milliseconds) in cases {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "5", "-5s", "soon", "1 parsec"] {
            assert!(parse(text).unwrap_err().contains("such as 5s"), "{text}");
        }
    }

    #[test]
    fn seconds_are_plain_numbers() {
        assert_eq!(seconds("60"), Ok(Duration::from_secs(60)));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["", "-1", "nan", "inf", "5s"] {
            assert!(seconds(text).unwrap_err().contains("60 or 0.5"), "{text}");
        }
    }
}
