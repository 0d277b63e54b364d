//! The producer against real rings: layouts, whole feeds, and recorded market data.
//!
//! Recorded data lies in the folder that TICKRING_DATA names, or in `shared/data` beside the
//! repository. Tests that need it say so and pass when it is absent; the same ground is covered on
//! generated data here and beside the code.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../bus/tests/allocations.rs"]
mod allocations;
mod bus;
mod dbn_files;
mod derived;
mod derived_cost;
mod derived_wide;
mod feed;
mod file_cost;
mod fuzz;
mod hand;
mod itch_files;
mod itch_peers;
mod layout;
#[path = "../../bus/tests/mutation.rs"]
mod mutation;
mod pcap_files;
mod quote_stats;
mod replay;
mod simulated_files;
mod soup;
mod text_files;
mod udp;
mod venue;
mod venue_files;
mod venue_market;
mod venue_versions;
mod ws;
