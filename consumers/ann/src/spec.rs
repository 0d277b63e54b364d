//! What a matcher should do, in words: as a TOML file has it, or the options of a command.
//!
//! Every key may be left out. Of two specifications one can be laid over the other, so that flags
//! go before a file.

use crate::error::Error;
use crate::lists::Choice;
use crate::metric::Metric;
use crate::options::{IndexChoice, MatcherOptions, Mode, SnapshotOptions};
use crate::patterns::Patterns;
use crate::pinned::{Pinned, PinnedIndex};
use crate::queries::Queries;
use crate::recall::RecallOptions;
use crate::window::{Clock, Ttl};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Vectors from one snapshot to the next, if nothing else is said.
const SNAPSHOT_EVERY: u64 = 100_000;
/// Vectors from one answer to registered queries to the next, if nothing else is said.
const ANSWER_EVERY: u64 = 1_000;
/// Lists, if nothing else is said.
const LISTS: u32 = 256;
/// From so many on it has more than one list.
const LISTS_FROM: u64 = 50_000;

/// The specification. The keys of a file have hyphens: `ttl-ms`, `recall-target`.
///
/// # Examples
///
/// ```
/// use tickring_ann::{IndexChoice, MatcherSpec, Mode};
///
/// let spec: MatcherSpec = MatcherSpec::parse(
///     "k = 5\nmetric = 'cosine'\nindex = 'exact'\nwindow = 20_000\nttl-ms = 900_000\n\
///      requests = 'queries'\nquiet = true\n",
/// )?;
/// let options = spec.options()?;
/// assert_eq!((options.k, options.index, options.mode), (5, IndexChoice::Exact, Mode::Quiet));
/// # Ok::<(), tickring_ann::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct MatcherSpec {
    /// Neighbours of each query.
    pub k: Option<u16>,
    /// The measure of distance: `l2`, `inner-product` or `cosine`.
    pub metric: Option<String>,
    /// How vectors are searched: `in-place`, `exact`, `auto` or `lists`.
    pub index: Option<String>,
    /// Lists of an index of lists.
    pub lists: Option<u32>,
    /// Candidates for each neighbour of an index of lists.
    pub rerank: Option<u32>,
    /// Vectors up to which an index of lists searches exactly.
    pub exact_up_to: Option<u64>,
    /// Vectors from which on it has more than one list.
    pub lists_from: Option<u64>,
    /// The most vectors that are searched.
    pub window: Option<u64>,
    /// How long vectors are searched, in milliseconds.
    pub ttl_ms: Option<u64>,
    /// By which time: `event` or `receive`.
    pub ttl_clock: Option<String>,
    /// A .npy file of vectors that are searched too and never leave.
    pub pinned: Option<PathBuf>,
    /// How they are searched: as the window, or `usearch`.
    pub pinned_index: Option<String>,
    /// A .npy file of queries that are answered again and again.
    pub queries: Option<PathBuf>,
    /// Vectors from one answer to the next.
    pub every: Option<u64>,
    /// A .npy file of patterns that each vector is matched against.
    pub patterns: Option<PathBuf>,
    /// The greatest distance at which a vector matches a pattern.
    pub threshold: Option<f32>,
    /// That of each pattern.
    pub thresholds: Option<Vec<f32>>,
    /// What the names of the rings of queries begin with.
    pub requests: Option<String>,
    /// Threads that answer those queries beside the one that inserts.
    pub search_threads: Option<u16>,
    /// Whether vectors are only kept, to answer other processes.
    pub quiet: Option<bool>,
    /// Approximate searches from one that recall is measured by to the next.
    pub recall_every: Option<u64>,
    /// What recall should be, in thousandths.
    pub recall_target: Option<u16>,
    /// The file of snapshots.
    pub snapshot: Option<PathBuf>,
    /// Vectors from one snapshot to the next.
    pub snapshot_every: Option<u64>,
    /// Slots of the matches ring.
    pub capacity: Option<u64>,
}

impl MatcherSpec {
    /// Reads a specification from TOML.
    ///
    /// # Errors
    ///
    /// [`Error::Spec`] with the place.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let failed = |error: toml::de::Error| Error::Spec { message: error.to_string() };
        toml::from_str(text).map_err(failed)
    }

    /// Reads a specification from a file.
    ///
    /// # Errors
    ///
    /// [`Error::QueryFile`] if it cannot be read, and those of [`parse`](Self::parse).
    pub fn load(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::QueryFile { path: path.to_owned(), source };
        Self::parse(&std::fs::read_to_string(path).map_err(failed)?)
    }

    /// This specification, and where it says nothing, the other one.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            k: self.k.or(other.k),
            metric: self.metric.or(other.metric),
            index: self.index.or(other.index),
            lists: self.lists.or(other.lists),
            rerank: self.rerank.or(other.rerank),
            exact_up_to: self.exact_up_to.or(other.exact_up_to),
            lists_from: self.lists_from.or(other.lists_from),
            window: self.window.or(other.window),
            ttl_ms: self.ttl_ms.or(other.ttl_ms),
            ttl_clock: self.ttl_clock.or(other.ttl_clock),
            pinned: self.pinned.or(other.pinned),
            pinned_index: self.pinned_index.or(other.pinned_index),
            queries: self.queries.or(other.queries),
            every: self.every.or(other.every),
            patterns: self.patterns.or(other.patterns),
            threshold: self.threshold.or(other.threshold),
            thresholds: self.thresholds.or(other.thresholds),
            requests: self.requests.or(other.requests),
            search_threads: self.search_threads.or(other.search_threads),
            quiet: self.quiet.or(other.quiet),
            recall_every: self.recall_every.or(other.recall_every),
            recall_target: self.recall_target.or(other.recall_target),
            snapshot: self.snapshot.or(other.snapshot),
            snapshot_every: self.snapshot_every.or(other.snapshot_every),
            capacity: self.capacity.or(other.capacity),
        }
    }

    /// The options that it comes to. Files that it names are read.
    ///
    /// # Errors
    ///
    /// [`Error::Spec`] for words that mean nothing and for what contradicts itself, and those of
    /// [`Queries::load`].
    pub fn options(self) -> Result<MatcherOptions, Error> {
        let base = MatcherOptions::default();
        let recall = RecallOptions {
            every: self.recall_every.unwrap_or(base.recall.every),
            target_permille: self.recall_target.unwrap_or(base.recall.target_permille),
        };
        let every = self.snapshot_every.unwrap_or(SNAPSHOT_EVERY);
        Ok(MatcherOptions {
            k: self.k.unwrap_or(base.k),
            metric: self.metric.as_deref().map_or(Ok(base.metric), str::parse::<Metric>)?,
            index: self.index()?,
            window: self.window,
            ttl: self.ttl()?,
            pinned: self.pinned()?,
            recall,
            mode: self.mode()?,
            requests: self.requests,
            search_threads: self.search_threads.unwrap_or(base.search_threads),
            snapshot: self.snapshot.map(|path| SnapshotOptions { path, every }),
            capacity: self.capacity.unwrap_or(base.capacity),
            ..base
        })
    }

    fn index(&self) -> Result<IndexChoice, Error> {
        match self.index.as_deref() {
            None | Some("in-place") => Ok(IndexChoice::InPlace),
            Some("exact") => Ok(IndexChoice::Exact),
            Some("auto") => Ok(IndexChoice::Auto),
            Some("lists") => Ok(IndexChoice::Lists(Choice {
                exact_up_to: self.exact_up_to.unwrap_or(Choice::EXACT.exact_up_to),
                lists_from: self.lists_from.unwrap_or(LISTS_FROM),
                lists: self.lists.unwrap_or(LISTS),
                per_list: 1,
                rerank: self.rerank.unwrap_or(Choice::EXACT.rerank),
            })),
            Some(found) => Err(refusal(format!(
                "{found:?} is not an index: expected in-place, exact, auto or lists"
            ))),
        }
    }

    fn pinned(&self) -> Result<Option<Pinned>, Error> {
        let index = match self.pinned_index.as_deref() {
            None => PinnedIndex::AsWindow,
            Some("usearch") => PinnedIndex::Usearch,
            Some(found) => {
                let message = format!(
                    "{found:?} is not an index of pinned vectors: expected usearch, or none, which \
                     searches them as the window"
                );
                return Err(refusal(message));
            }
        };
        let rows = self.pinned.as_deref().map(Queries::load).transpose()?;
        Ok(rows.map(|rows| Pinned { rows, index }))
    }

    fn ttl(&self) -> Result<Option<Ttl>, Error> {
        let clock = match self.ttl_clock.as_deref() {
            None | Some("event") => Clock::Event,
            Some("receive") => Clock::Receive,
            Some(found) => {
                let message = format!("{found:?} is not a clock: expected event or receive");
                return Err(refusal(message));
            }
        };
        Ok(self.ttl_ms.map(|ms| Ttl { stay_ns: ms.saturating_mul(1_000_000), clock }))
    }

    fn mode(&self) -> Result<Mode, Error> {
        let is_quiet = self.quiet == Some(true);
        match (&self.queries, &self.patterns) {
            (None, None) if is_quiet => Ok(Mode::Quiet),
            (None, None) => Ok(Mode::EachVector),
            (Some(path), None) if !is_quiet => {
                let every = self.every.unwrap_or(ANSWER_EVERY);
                Ok(Mode::Registered { queries: Queries::load(path)?, every })
            }
            (None, Some(path)) if !is_quiet => {
                let rows = Queries::load(path)?;
                let patterns = match (self.threshold, &self.thresholds) {
                    (None, Some(each)) => Patterns::new(rows, each.clone())?,
                    (Some(all), None) => Patterns::with_threshold(rows, all),
                    _ => {
                        let message = "patterns need a threshold, or thresholds: one of the two";
                        return Err(refusal(message.to_owned()));
                    }
                };
                Ok(Mode::Standing { patterns })
            }
            _ => {
                let message = "of queries, patterns and quiet there can be one only";
                Err(refusal(message.to_owned()))
            }
        }
    }
}

fn refusal(message: String) -> Error {
    Error::Spec { message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_nowhere_is_the_default_and_flags_go_before_a_file() {
        let options = MatcherSpec::parse("").unwrap().options().unwrap();
        assert_eq!(options, MatcherOptions::default());
        let file = MatcherSpec::parse("k = 3\nindex = 'lists'\nlists = 9\nttl-ms = 2").unwrap();
        let flags = MatcherSpec { k: Some(7), ..MatcherSpec::default() };
        let options = flags.or(file).options().unwrap();
        let choice =
            Choice { exact_up_to: 512, lists_from: 50_000, lists: 9, per_list: 1, rerank: 2 };
        assert_eq!((options.k, options.index), (7, IndexChoice::Lists(choice)));
        assert_eq!(options.ttl, Some(Ttl { stay_ns: 2_000_000, clock: Clock::Event }));
    }

    #[test]
    fn words_that_mean_nothing_are_refused_by_name() {
        let cases = [
            ("nearest = 5", "nearest"),
            ("k = 'many'", "many"),
            ("index = 'hnsw'", "hnsw"),
            ("pinned-index = 'faiss'", "faiss"),
            ("metric = 'l1'", "l1"),
            ("ttl-clock = 'wall'", "wall"),
            ("quiet = true\nqueries = 'a.npy'", "one only"),
            ("queries = 'a.npy'\npatterns = 'b.npy'", "one only"),
            ("queries = '/none/a.npy'", "/none/a.npy"),
        ];
        for (text, expected) in cases {
            let error = MatcherSpec::parse(text).and_then(MatcherSpec::options).unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
        }
    }
}
