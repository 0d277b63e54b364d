//! Ring names with `*` and `?`.

use crate::failure::Failure;
use glob::{MatchOptions, Pattern};
use tickring::{Directory, ReaderOptions, RingName, Start};

/// `*` and `?` stand for characters of one part of a name, not for the slash between them.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// A pattern over names `bus/ring`. Without a slash it is a pattern over buses, and all their
/// rings match.
#[derive(Clone, Debug)]
pub(crate) struct NamePattern {
    pattern: Pattern,
}

impl NamePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// [`Failure::Pattern`].
    pub(crate) fn new(text: &str) -> Result<Self, Failure> {
        let whole = if text.contains('/') { text.to_owned() } else { format!("{text}/*") };
        match Pattern::new(&whole) {
            Ok(pattern) => Ok(Self { pattern }),
            Err(source) => Err(Failure::Pattern { found: text.to_owned(), source }),
        }
    }

    /// Whether the name matches.
    pub(crate) fn matches(&self, name: &RingName) -> bool {
        self.pattern.matches_with(&name.to_string(), OPTIONS)
    }
}

/// Finds the one ring that `text`, a name or a pattern, stands for. A name is not looked up.
///
/// # Errors
///
/// [`Failure::NoMatch`] and [`Failure::SeveralMatches`]; [`Failure::Bus`] if it is no name.
pub(crate) fn find_one(directory: &Directory, text: &str) -> Result<RingName, Failure> {
    if !text.contains(['*', '?', '[']) {
        return Ok(text.parse()?);
    }
    let pattern = NamePattern::new(text)?;
    let mut names = directory.list()?;
    names.retain(|name| pattern.matches(name));
    let found = text.to_owned();
    match (names.pop(), names.len()) {
        (None, _) => Err(Failure::NoMatch { found }),
        (Some(name), 0) => Ok(name),
        (Some(last), _) => {
            let names = names.iter().chain([&last]).map(RingName::to_string).collect();
            Err(Failure::SeveralMatches { found, names })
        }
    }
}

/// A look is no reading: it does not show among the readers.
pub(crate) fn unlisted() -> ReaderOptions {
    ReaderOptions::named("", Start::Latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_within_the_parts_of_a_name() {
        let cases = [
            ("demo/ticks", "demo/ticks", true),
            ("demo/*", "demo/ticks", true),
            ("*/ticks", "demo/ticks", true),
            ("*/*", "demo/ticks", true),
            ("demo", "demo/ticks", true),
            ("*", "demo/ticks", true),
            ("d?mo/t*s", "demo/ticks", true),
            ("demo/t[ij]cks", "demo/ticks", true),
            ("demo/tick", "demo/ticks", false),
            ("demo/tick?", "demo/tick", false),
            ("*ticks", "demo/ticks", false),
            ("demo", "demo2/ticks", false),
        ];
        for (pattern, name, expected) in cases {
            let found = NamePattern::new(pattern).unwrap().matches(&name.parse().unwrap());
            assert_eq!(found, expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn a_broken_pattern_is_named_in_the_error() {
        let error = NamePattern::new("demo/[a").unwrap_err().to_string();
        assert!(error.contains("demo/[a"), "{error}");
    }
}
