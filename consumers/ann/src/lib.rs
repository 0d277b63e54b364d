//! Nearest-neighbour matching over a vectors ring.
//!
//! The live window of a vectors ring is the corpus. Either it is searched where it stands: nothing
//! is copied, nothing is indexed, and what the writer overwrites leaves the corpus by that alone.
//! Or the matcher keeps a window of its own, which may be larger than the ring, and an index of it.
//! The k nearest are published to a matches ring, one [`Match`](tickring::record::Match) each.
//!
//! - [`Matcher`] is the consumer: reader of the vectors ring, writer of the matches ring. In
//!   [`Mode::EachVector`] every arriving vector is a query against those before it; in
//!   [`Mode::Registered`] a fixed set of [`Queries`] is answered again and again; in
//!   [`Mode::Standing`] every vector is matched against [`Patterns`]. Beside that it answers the
//!   [`Query`](tickring::record::Query) records of other processes.
//! - [`ExactScan`] is the search in place by itself, over any [`Reader`](tickring::Reader).
//! - [`Corpus`] is the window with its index by itself: a [`Window`], and an [`Index`] of it, which
//!   is [`Exact`] or [`Lists`]; a [`Searcher`] searches it from another thread.
//! - [`Client`] asks the matcher of another process.
//! - [`Metric`] says what "near" means and what number is published.
//!
//! # What is a function of what
//!
//! A search sees vectors that follow from its query's sequence alone, and gives equal distances to
//! the lower sequence first. So the matches of a given input are the same each time, except for
//! `latency_ns`, and for answers that lost part of their window to the writer, which are counted
//! ([`Stats::incomplete`]). That holds for approximate searches, too: codes, lists and centroids
//! follow from the vectors by arithmetic that is rounded alike everywhere, and centroids take over
//! at a sequence that is fixed beforehand. Only what [`IndexChoice::Auto`] measures may differ from
//! one start to the next; a snapshot keeps it. With [`MatcherOptions::latency`] off a replay on the
//! same processor kind gives the same bytes; without AVX2 the sums are added in another order and
//! may differ in their last bit.

mod askers;
mod calibrate;
mod client;
mod code;
mod codes;
mod corpus;
mod crew;
mod error;
mod filter;
mod frozen;
#[cfg(feature = "usearch")]
mod graph;
mod index;
mod kernel;
mod kmeans;
mod lists;
mod matcher;
mod metric;
mod nearest;
mod options;
mod outlet;
mod patterns;
mod pinned;
mod posting;
mod queries;
mod ranking;
mod recall;
mod scan;
mod searcher;
mod shape;
mod shortlist;
mod snapshot;
mod spec;
mod stats;
#[cfg(feature = "files")]
mod tables;
mod window;

pub use crate::{
    askers::{AskerStats, asker_number},
    client::{Client, ClientOptions, Reply},
    corpus::{Corpus, CorpusOptions, Indexing, Terms},
    error::Error,
    filter::Filter,
    index::{Ask, Exact, Index},
    lists::{Choice, ListStats, Lists},
    matcher::{Matcher, Progress},
    metric::Metric,
    nearest::{Nearest, Neighbour},
    options::{IndexChoice, MatcherOptions, Mode, SnapshotOptions},
    outlet::ReplayStats,
    patterns::{Hit, PatternScan, Patterns},
    pinned::{Pinned, PinnedIndex},
    queries::Queries,
    recall::{RecallEstimate, RecallOptions},
    scan::{ExactScan, Scan},
    searcher::Searcher,
    spec::MatcherSpec,
    stats::Stats,
    window::{Clock, Mark, PINNED, Ttl, Window},
};
