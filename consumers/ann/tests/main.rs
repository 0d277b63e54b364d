//! Tests of the corpus and of matching through real rings: against a naive model, against published
//! ground truth, with hostile records, and while a writer overwrites what is being searched.

#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test data is small, and a test fails by panicking"
)]

mod client;
mod codes;
mod corpus;
mod graph;
mod hostile;
mod lap;
mod matcher;
mod model;
mod requests;
mod resume;
mod rings;
mod searcher;
#[cfg(feature = "files")]
mod tables;
mod torture;
mod truth;
mod windowed;
