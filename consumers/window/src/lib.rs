//! Event-time windows over a ticks ring: a reader of `BUS/ticks`, a writer of `BUS/bars`.
//!
//! # Concepts
//!
//! - A *window* is the half-open span `[start, end)` of event time, aligned to the Unix epoch by
//!   floor division. Each instrument has its own.
//! - The *watermark* W says that nothing at or before W is expected any more. It is the highest
//!   event time seen, less a delay, less one nanosecond, and moves with every record.
//! - A window *fires* when `end - 1 <= W`: its bar is published, and it is gone. A trade for a
//!   window that has fired is *late*: it is counted, and changes nothing.
//! - The first and last trade of a window are those lowest and highest by (event time, sequence),
//!   so a bar does not depend on the order of arrival. What is late does.
//!
//! The state never reads the wall clock: bars are a function of the options and the records
//! read, so a replay at any speed gives the same bytes. These are the semantics of Apache
//! Flink's event-time tumbling windows with bounded out-of-orderness and no allowed lateness.
//!
//! [`Windows`] is that function; [`WindowConsumer`] joins it with the two rings.

mod aggregate;
mod consumer;
mod error;
mod instruments;
mod loss;
mod options;
mod output;
mod pane;
mod spec;
mod trade;
mod windows;

pub use consumer::{Progress, WindowConsumer, WindowStats};
pub use error::WindowError;
pub use options::WindowOptions;
pub use output::Output;
pub use spec::{
    Aggregate, Corrections, EmptyWindows, Mode, Session, Sources, WindowKind, WindowSpec,
};
pub use trade::WindowTrade;
pub use windows::{Counts, Windows};
