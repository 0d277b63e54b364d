//! Where to join a ring, on the command line.

use tickring::Start;

/// Reads `oldest`, `latest` or a sequence; for clap.
///
/// # Errors
///
/// A sentence that says what is expected.
pub(crate) fn parse(text: &str) -> Result<Start, String> {
    match text {
        "oldest" => Ok(Start::Oldest),
        "latest" => Ok(Start::Latest),
        _ => match text.parse() {
            Ok(seq) => Ok(Start::Sequence(seq)),
            Err(_) => Err(format!("expected oldest, latest or a sequence, found {text:?}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_word_or_a_sequence() {
        assert_eq!(parse("oldest"), Ok(Start::Oldest));
        assert_eq!(parse("latest"), Ok(Start::Latest));
        assert_eq!(parse("88210"), Ok(Start::Sequence(88_210)));
        for text in ["", "-1", "newest", "1.5"] {
            assert!(parse(text).unwrap_err().contains("oldest, latest"), "{text}");
        }
    }
}
