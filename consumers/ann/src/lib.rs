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

mod error;
mod matcher;
mod metric;
mod nearest;
mod options;
mod queries;
mod scan;
mod stats;

pub use crate::{
    error::Error,
    matcher::{Matcher, Progress},
    metric::Metric,
    nearest::Neighbour,
    options::{MatcherOptions, Mode},
    queries::Queries,
    scan::{ExactScan, Scan},
    stats::Stats,
};
