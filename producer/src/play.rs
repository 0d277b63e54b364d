//! Plays recordings to the network, the other way round from a source: for tests, for rehearsals,
//! and for developing without an exchange.

mod recording;
pub mod udp;
pub mod soup;

pub use recording::Recording;
