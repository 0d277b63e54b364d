//! Market data sources, normalised into records and published to rings.
//!
//! ```text
//! source ──► Sink ──► ticks Writer ──► BUS/ticks
//!   │                   └─► features ──► BUS/vectors
//!   └─► definitions ─► BUS/definitions, statistics ─► BUS/statistics
//! ```
//!
//! - [`wire`] views exchange bytes in place and checks them.
//! - [`source`] turns an input into records: ITCH 5.0 files, multicast and sessions, captures of
//!   IEX TOPS and DEEP, WebSocket venues and recordings of them, DBN, CSV and JSON lines files, a
//!   simulated market.
//! - [`venue`] turns the JSON messages of crypto venues into records.
//! - [`columns`] says what the columns of text files are.
//! - [`arbiter`] puts the lines of a multicast feed together.
//! - [`book`] keeps the order book that a stream of records describes.
//! - [`market`] keeps the books of all instruments, and tells whether they can be trusted.
//! - [`calendar`] knows when venues trade.
//! - [`features`] turns books and trades into vectors.
//! - [`pipeline`] joins a source with its rings, at the speed that [`pace`] allows.
//! - [`replay`] publishes a journal again, records of any kind.
//! - [`pin`](mod@pin) binds the thread to a core.
//! - [`play`] plays recordings to the network, for a source to receive.
//! - [`sink`] writes records back into the format they came from, or keeps them.
//! - [`decimal`] keeps numbers as their text says them.
//! - [`instrument`] numbers instruments that have only names.
//!
//! The rule for all of them: nothing is invented. An anomaly is labelled and counted, never
//! patched; every parser is total; what cannot be read is an error that says where and why.

pub mod arbiter;
pub mod book;
pub mod calendar;
mod chaos;
pub mod columns;
pub mod decimal;
mod error;
pub mod features;
mod input;
pub mod instrument;
mod map;
pub mod market;
mod order_id;
pub mod pace;
pub mod pin;
pub mod pipeline;
pub mod play;
mod random;
pub mod replay;
pub mod sink;
pub mod source;
pub mod venue;
pub mod wire;

pub use columns::TableError;
pub use error::{DbnError, Error};
