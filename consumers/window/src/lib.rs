//! Event-time windows over a ticks ring: a reader of `BUS/ticks`, a writer of `BUS/bars`.
//!
//! # Concepts
//!
//! - A *window* is a half-open span `[start, end)` of event time of one instrument. What windows
//!   there are, a [`WindowSpec`] says: tumbling, hopping, sessions, the last trades, bars of so
//!   many trades or so much volume or value.
//! - The *watermark* W says that nothing at or before W is expected any more. Each source has one,
//!   the highest event time seen, less a delay, less one nanosecond; the least of the active ones
//!   counts. It moves with every record.
//! - A window *fires* when `end - 1 <= W`: its bar is published. It is gone when
//!   `end - 1 + lateness <= W`; a trade that comes in between makes the next *revision* of it,
//!   with its full contents. A trade that comes later is *late*: it goes to the late output with
//!   the reason, is counted, and changes nothing.
//! - A *correction* takes a trade back or changes it, within a horizon, and makes the next revision
//!   of its windows. Where windows are in order of arrival, every trade stays in the windows into
//!   which it came: only what they hold changes.
//! - The first and last trade of a window are those lowest and highest by (event time, sequence),
//!   so a bar does not depend on the order of arrival. What is late does.
//!
//! The state never reads the wall clock: bars are a function of the specification and the records
//! read, so a replay at any speed gives the same bytes. The semantics are those of Apache Flink's
//! event-time windows.
//!
//! So a consumer that was killed goes on from its last checkpoint as if nothing had happened: it
//! reads again what came since, and compares what follows with what it had published
//! ([`WindowConsumer::open_with`]).
//!
//! [`Windows`] is that function; [`WindowConsumer`] joins it with the rings.

mod axis;
mod cell;
mod checkpoint;
mod clock;
mod consumer;
mod counted;
mod error;
mod grid;
mod input;
mod instruments;
mod kept;
mod log;
mod loss;
mod output;
mod rings;
mod session;
pub mod shape;
mod shared;
#[cfg(feature = "files")]
pub mod sink;
mod sketch;
mod sliding;
mod spec;
mod state;
mod stats;
mod store;
mod timed;
mod trade;
mod windows;

pub use checkpoint::{CheckpointEvery, CheckpointOptions, CheckpointStats};
pub use consumer::{Progress, WindowConsumer};
pub use error::WindowError;
pub use input::{WindowHistory, WindowInput};
pub use output::Output;
pub use rings::WindowRings;
pub use shared::Counts;
pub use spec::{
    Aggregate, Corrections, EmptyWindows, Mode, Session, Sources, WindowKind, WindowSpec,
};
pub use stats::WindowStats;
pub use trade::{WindowQuote, WindowTrade};
pub use windows::Windows;
