//! Tests of windows against batch recomputation, and of the consumer between two rings.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod consumer;
mod semantics;
