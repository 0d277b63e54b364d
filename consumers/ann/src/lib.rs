//! Exact nearest-neighbour matching over a vectors ring.
//!
//! The live window of a vectors ring is the corpus: nothing is copied, nothing is indexed, and
//! what the writer overwrites leaves the corpus by that alone. A query is compared with every
//! vector of its window where it stands in the ring, and its k nearest are published to a
//! matches ring, one [`Match`](tickring::record::Match) each.
//!
//! - [`Matcher`] is the consumer: reader of the vectors ring, writer of the matches ring. In
//!   [`Mode::EachVector`] every arriving vector is a query against those before it; in
//!   [`Mode::Registered`] a fixed set of [`Queries`] is answered again and again.
//! - [`ExactScan`] is the search by itself, over any [`Reader`](tickring::Reader) of vectors.
//! - [`Metric`] says what "near" means and what number is published.
//!
//! # What is a function of what
//!
//! A scan sees a range of sequences that follows from its query's sequence alone, takes vectors
//! in that order, and gives equal distances to the lower sequence first. So the matches of a
//! given input are the same each time, except for `latency_ns`, and for answers that lost part
//! of their window to the writer, which are counted ([`Stats::incomplete`]). With
//! [`MatcherOptions::latency`] off a replay on the same processor kind gives the same bytes;
//! without AVX2 the sums are added in another order and may differ in their last bit.

mod askers;
mod calibrate;
mod corpus;
mod error;
mod filter;
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
mod posting;
mod quantiser;
mod queries;
mod recall;
mod scan;
mod shortlist;
mod snapshot;
mod stats;
mod window;

pub use crate::{
    askers::{AskerStats, asker_number},
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
    queries::Queries,
    recall::{RecallEstimate, RecallOptions},
    scan::{ExactScan, Scan},
    stats::Stats,
    window::{Clock, Mark, PINNED, Ttl, Window},
};
