//! Wire formats: checked views of exchange bytes, in place.
//!
//! Everything here borrows the bytes it is given. Nothing allocates, nothing panics on hostile
//! input, and nothing knows about records: that is the business of [`crate::source`].

pub mod binary_file;
pub mod iex;
pub mod iextp;
pub mod itch50;
pub mod moldudp64;
pub mod packet;
pub mod pcap;
pub mod soupbintcp;
