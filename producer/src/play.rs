//! Plays recordings to the network, the other way round from a source: for tests, for rehearsals,
//! and for developing without an exchange.

mod recording;
pub mod soup;
pub mod udp;

pub use recording::Recording;
