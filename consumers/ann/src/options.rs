//! How a matcher works.

use crate::error::Error;
use crate::metric::Metric;
use crate::queries::Queries;
use tickring::Start;

/// What a matcher asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Mode {
    /// Every vector that arrives is a query against the vectors before it.
    #[default]
    EachVector,
    /// These queries are answered after `every` so many vectors, against them and those before
    /// them, and once more at the end of the input if vectors came after the last answer.
    Registered {
        /// The queries; the `query_id` of an answer is the row.
        queries: Queries,
        /// Vectors from one answer to the next, at least one.
        every: u64,
    },
}

/// How a matcher works. All have defaults: name those that differ.
#[derive(Clone, Debug, PartialEq)]
pub struct MatcherOptions {
    /// Neighbours to be found for each query, from 1 up to the capacity of the matches ring.
    pub k: u16,
    /// The measure of distance.
    pub metric: Metric,
    /// How many sequences of the vectors ring are searched, counted back from the query; a
    /// control record among them takes one. `None` is the most that there can be: seven eighths
    /// of the ring, the rest being where the writer may overwrite.
    pub window: Option<u64>,
    /// Slots of the matches ring, a power of two from 64 on.
    pub capacity: u64,
    /// What is asked for.
    pub mode: Mode,
    /// Where the matcher joins the vectors ring. Vectors that are resident then and stand
    /// before the first one read are searched too.
    pub start: Start,
    /// Whether `latency_ns` is written to the matches, 0 otherwise. It is the only field that is
    /// not a function of the input: without it a replay gives the same bytes.
    pub latency: bool,
}

impl Default for MatcherOptions {
    /// Ten neighbours by L2 of each vector that arrives from now on.
    fn default() -> Self {
        Self {
            k: 10,
            metric: Metric::default(),
            window: None,
            capacity: tickring::DEFAULT_CAPACITY,
            mode: Mode::default(),
            start: Start::Latest,
            latency: true,
        }
    }
}

impl MatcherOptions {
    /// Checks all ranges and gives the window, for a vectors ring of `capacity` slots.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`].
    pub(crate) fn checked_window(&self, capacity: u64) -> Result<u64, Error> {
        let most = self.capacity.min(u16::MAX.into());
        let hint = "the matches ring must hold at least one whole answer";
        check("k", 1, most, self.k.into(), hint)?;
        if let Mode::Registered { every, .. } = self.mode {
            check("every", 1, u64::MAX, every, "answers come after at least one vector")?;
        }
        // An eighth is what readers keep away from the writer, see `Start::Oldest`.
        let most = capacity - capacity / 8;
        let window = self.window.unwrap_or(most);
        let hint = "at most seven eighths of the vectors ring: make that ring larger";
        check("window", 1, most, window, hint)?;
        Ok(window)
    }
}

fn check(
    option: &'static str,
    least: u64,
    most: u64,
    found: u64,
    hint: &'static str,
) -> Result<(), Error> {
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(Error::OutOfRange { option, least, most, found, hint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_out_of_range_are_refused_by_name() {
        let ok = MatcherOptions { capacity: 64, ..MatcherOptions::default() };
        assert_eq!(ok.checked_window(64).unwrap(), 56);
        let queries = Queries::new(1, vec![0.0]).unwrap();
        let mode = Mode::Registered { queries, every: 0 };
        let cases = [
            ("k", MatcherOptions { k: 0, ..ok.clone() }),
            ("k", MatcherOptions { k: 65, ..ok.clone() }),
            ("window", MatcherOptions { window: Some(0), ..ok.clone() }),
            ("window", MatcherOptions { window: Some(57), ..ok.clone() }),
            ("every", MatcherOptions { mode, ..ok.clone() }),
        ];
        for (expected, options) in cases {
            match options.checked_window(64) {
                Err(Error::OutOfRange { option, .. }) => assert_eq!(option, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
        assert_eq!(
            MatcherOptions { window: Some(56), k: 64, ..ok }.checked_window(64).unwrap(),
            56
        );
    }
}
