//! How a matcher works.

use crate::corpus::{CorpusOptions, Indexing};
use crate::error::Error;
use crate::lists::Choice;
use crate::metric::Metric;
use crate::patterns::Patterns;
use crate::pinned::Pinned;
use crate::queries::Queries;
use crate::recall::RecallOptions;
use crate::window::{MOST, Ttl};
use std::path::PathBuf;
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
    /// Every vector that arrives is matched against these patterns. The `query_id` of a match is
    /// the pattern's row, its `match_id` the vector; its `k` is 0, since all that are near are
    /// told.
    Standing {
        /// The patterns with their thresholds.
        patterns: Patterns,
    },
    /// Vectors are only kept, to answer other processes.
    Quiet,
}

/// How the vectors are searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IndexChoice {
    /// Exactly, where they stand in the ring.
    #[default]
    InPlace,
    /// Exactly, in a window of one's own: by codes of one byte, and by the lanes of what they do
    /// not prove to be too far.
    Exact,
    /// As many as there are suggest, by what distances cost on this machine.
    Auto,
    /// As many as there are suggest, by these numbers.
    Lists(Choice),
}

impl IndexChoice {
    /// What it comes to for vectors of `dim` lanes; `None` for searching in place. What `Auto` came
    /// to before, it comes to again.
    pub(crate) fn resolved(self, dim: usize, before: Option<Choice>) -> Option<Indexing> {
        match self {
            Self::InPlace => None,
            Self::Exact => Some(Indexing::Lists(Choice::EXACT)),
            Self::Auto => {
                let choice = before.unwrap_or_else(|| Choice::calibrated(dim));
                Some(Indexing::Lists(choice))
            }
            Self::Lists(choice) => Some(Indexing::Lists(choice)),
        }
    }
}

/// Where the state is saved, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// The file. Its folder must be writable, because the file is replaced by a new one each time.
    pub path: PathBuf,
    /// Vectors from one snapshot to the next.
    pub every: u64,
}

/// How a matcher works. All have defaults: name those that differ.
#[derive(Clone, Debug, PartialEq)]
pub struct MatcherOptions {
    /// Neighbours to be found for each query, from 1 up to the capacity of the matches ring.
    pub k: u16,
    /// The measure of distance.
    pub metric: Metric,
    /// How the vectors are searched.
    pub index: IndexChoice,
    /// How many are searched. In place these are sequences of the vectors ring, counted back from
    /// the query, of which a control record takes one, and seven eighths of the ring at most, the
    /// rest being where the writer may overwrite. A window of one's own holds so many vectors,
    /// however large the ring is. `None` is seven eighths of the ring.
    pub window: Option<u64>,
    /// How long vectors are searched, in a window of one's own.
    pub ttl: Option<Ttl>,
    /// Vectors that are searched beside the window and never leave it.
    pub pinned: Option<Pinned>,
    /// How recall is measured where searches are approximate.
    pub recall: RecallOptions,
    /// The rings of the bus whose names begin like this are queries of other processes, which are
    /// answered from a window of one's own. The matches ring then has the kind `answer`, too.
    pub requests: Option<String>,
    /// Threads that answer the queries of other processes beside the one that inserts; 0 answers
    /// them in between. Such an answer sees what its watermark says, which is some hundred vectors
    /// behind while vectors come, and it stands as it is after a restart, because what it saw
    /// depended on when it was asked.
    pub search_threads: u16,
    /// Where the state is saved, so that the next matcher goes on from there.
    pub snapshot: Option<SnapshotOptions>,
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
            index: IndexChoice::default(),
            window: None,
            ttl: None,
            pinned: None,
            recall: RecallOptions::default(),
            requests: None,
            search_threads: 0,
            snapshot: None,
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
        if self.index == IndexChoice::InPlace {
            let needs = [
                ("ttl", self.ttl.is_some()),
                ("pinned", self.pinned.is_some()),
                ("requests", self.requests.is_some()),
                ("snapshot", self.snapshot.is_some()),
            ];
            if let Some((option, _)) = needs.into_iter().find(|(_, is_set)| *is_set) {
                return Err(Error::NeedsWindow { option });
            }
        }
        if let IndexChoice::Lists(choice) = self.index {
            let hint = "a few hundred for many updates, a thousand for fast queries";
            check("lists", 1, 1 << 16, choice.lists.into(), hint)?;
            check("rerank", 1, 1_000, choice.rerank.into(), "candidates for each neighbour")?;
        }
        let most = if self.requests.is_some() { 256 } else { 0 };
        let hint =
            "they answer `requests`, so ask for those, too; and more threads than cores idle";
        check("search-threads", 0, most, self.search_threads.into(), hint)?;
        check("recall", 0, 1_000, self.recall.target_permille.into(), "in thousandths")?;
        // An eighth is what readers keep away from the writer, see `Start::Oldest`.
        let most = capacity - capacity / 8;
        let window = self.window.unwrap_or(most);
        if self.index != IndexChoice::InPlace {
            check("window", 1, MOST, window, "all of it is kept in memory")?;
            return Ok(window);
        }
        let hint = "at most seven eighths of the vectors ring: make that ring larger";
        check("window", 1, most, window, hint)?;
        Ok(window)
    }

    /// What the corpus is made of; `None` for searching in place.
    pub(crate) fn corpus(&self, window: u64, indexing: Option<Indexing>) -> Option<CorpusOptions> {
        Some(CorpusOptions {
            metric: self.metric,
            window,
            ttl: self.ttl,
            indexing: indexing?,
            recall: self.recall,
            pinned: self.pinned.clone(),
        })
    }

    /// Everything that the output depends on, in words: a snapshot is of use to a matcher of the
    /// same only.
    pub(crate) fn config(&self, dim: usize, window: u64) -> String {
        let rows = |rows: &Queries| format!("{} rows, {:08x}", rows.len(), rows.checksum());
        let mode = match &self.mode {
            Mode::EachVector => "each vector".to_owned(),
            Mode::Quiet => "quiet".to_owned(),
            Mode::Registered { queries, every } => format!("{} every {every}", rows(queries)),
            Mode::Standing { patterns } => {
                let thresholds = patterns.thresholds().iter().flat_map(|own| own.to_le_bytes());
                let sum = crc32c::crc32c(&thresholds.collect::<Vec<u8>>());
                format!("{} within {sum:08x}", rows(patterns.rows()))
            }
        };
        let ttl = self.ttl.map_or("none".to_owned(), |ttl| format!("{ttl:?}"));
        let pinned = self.pinned.as_ref().map_or("none".to_owned(), |pinned| {
            format!("{} {:?}", rows(&pinned.rows), pinned.index)
        });
        format!(
            "dim {dim}, k {}, metric {}, window {window}, index {:?}, ttl {ttl}, recall {:?}, mode \
             {mode}, pinned {pinned}",
            self.k, self.metric, self.index, self.recall
        )
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
            ("search-threads", MatcherOptions { search_threads: 1, ..ok.clone() }),
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
