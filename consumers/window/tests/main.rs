//! Tests of windows against batch recomputation, and of the consumer between rings.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod aggregates;
#[path = "../../../bus/tests/allocations.rs"]
mod allocations;
mod arrival;
mod arrived;
mod consumer;
mod corrections;
mod exact;
mod model;
mod scenarios;
mod semantics;
mod shape;
#[cfg(feature = "files")]
mod sink;
mod support;
mod torture;
