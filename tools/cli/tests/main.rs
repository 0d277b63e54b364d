//! Tests of the program `tickring` from outside: what it prints, and how it ends.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test data is small, and a test fails by panicking"
)]

mod ann;
mod demo;
mod feed;
mod feed_pcap;
mod follow;
mod help;
mod inspect;
mod journal;
mod ls;
mod own_kind;
mod plants;
mod shapes;
mod simulate;
mod soup;
mod support;
mod symbols;
mod tail;
mod udp;
mod window;
mod window_exact;
mod window_files;
mod window_venue;
