//! Runbooks: what happens to a corpus over time, as a file, in the manner of the streaming track of
//! NeurIPS'23.
//!
//! # Concepts
//!
//! - A [`book`] names streams of vectors, engines, and steps: vectors are inserted, time passes in
//!   which they expire, queries are asked, and at a checkpoint it is noted how things stand.
//! - An engine is a corpus with an index. It goes through all steps in a process of its own
//!   ([`engine`]), so that its memory is its own, and tells a [`Row`](engine::Row) for each step of
//!   queries and each checkpoint. Vectors are made before their insertion is timed.
//! - The exact engine goes first. How far its last neighbour is from each query is the truth
//!   that the others are measured by: of theirs all count that are not farther, so that of several
//!   at one distance any will do.
//! - A [`report`] has the rows of each engine, its recall by fifths of the run, and what a vector
//!   takes of memory, as text and as plots.

pub mod book;
pub mod engine;
pub mod options;
pub mod report;
mod truth;
