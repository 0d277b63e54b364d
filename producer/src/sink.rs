//! Where records go when they leave the bus again, or never entered it.

pub mod binary_file;
pub mod dbn;
pub mod itch;
pub mod mold;
pub mod pcap;
pub mod raw;
pub mod tape;
pub mod truth;
