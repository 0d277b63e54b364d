//! Tests of the ring through its public interface, in one and in several processes.

#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test data is small, and a test fails by panicking"
)]

mod allocations;
mod attach;
mod clock;
mod cost;
mod examples;
mod fork;
mod forked;
mod fuzz;
mod hostile;
mod instruments;
mod join;
mod journal;
mod lap;
mod memory;
mod merge;
mod mutation;
mod own;
mod pressure;
mod process;
mod read;
mod recovery;
mod registry;
mod replace;
mod role;
mod support;
mod torture;
mod truncation;
mod wait;
