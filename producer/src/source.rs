//! Sources: where records come from.
//!
//! A [`Source`] turns its input into records and hands each to a [`Sink`], a bounded number of
//! inputs at a time. It owns no ring and no clock: the [`Feed`](crate::pipeline::Feed) asks when
//! the next input is due, polls, and publishes. Both traits are used as type parameters, so that
//! decoding and publishing are compiled into one loop.
//!
//! Records go to one of three rings, because a ring has one stride: `ticks` (one cache line a
//! record where the input allows it), `definitions` (instruments) and `statistics` (auction
//! imbalances and venue statistics).

pub mod csv;
pub mod dbn;
pub mod iex;
pub mod itch;
pub mod jsonl;
pub mod pcap;
pub mod recording;
pub mod simulator;
pub mod soup;
pub mod udp;
pub mod ws;

use std::time::Duration;

use tickring::record::Record;
use tickring::schema::Kind;
use tickring::{Instrument, WrongKind};

use crate::error::Error;

/// Receives the records of a source, in order.
pub trait Sink {
    /// Takes a record for the ring `ticks`.
    ///
    /// # Errors
    /// [`WrongKind`] if the source did not announce this kind in [`Source::kinds`].
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind>;

    /// Takes a record for the ring `definitions`.
    ///
    /// # Errors
    /// [`WrongKind`] if the source did not announce this kind in [`Source::kinds`].
    fn definition<R: Record>(&mut self, record: &R) -> Result<(), WrongKind>;

    /// Takes a record for the ring `statistics`.
    ///
    /// # Errors
    /// [`WrongKind`] if the source did not announce this kind in [`Source::kinds`].
    fn statistic<R: Record>(&mut self, record: &R) -> Result<(), WrongKind>;

    /// Notes what is known of an instrument, for sources whose records do not tell it.
    ///
    /// It goes to the instrument directory of the ring `ticks`; sinks without one pass over it.
    fn instrument(&mut self, _: &Instrument) {}
}

/// A sink that may not be there takes everything all the same.
impl<S: Sink> Sink for Option<S> {
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.as_mut().map_or(Ok(()), |sink| sink.tick(record))
    }

    fn definition<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.as_mut().map_or(Ok(()), |sink| sink.definition(record))
    }

    fn statistic<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.as_mut().map_or(Ok(()), |sink| sink.statistic(record))
    }

    fn instrument(&mut self, instrument: &Instrument) {
        if let Some(sink) = self {
            sink.instrument(instrument);
        }
    }
}

/// The kinds that a source gives, by ring. A ring without kinds is not opened.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    /// Of the ring `ticks`.
    pub ticks: Vec<Kind>,
    /// Of the ring `definitions`.
    pub definitions: Vec<Kind>,
    /// Of the ring `statistics`.
    pub statistics: Vec<Kind>,
}

/// How far a poll came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Progress {
    /// This many inputs (messages, records or simulated events) were consumed, at least one.
    Advanced(usize),
    /// Nothing is there now; more may come.
    Idle,
    /// The input is at its end; nothing will come.
    End,
}

/// A named count.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Count {
    /// What was counted, as people call it.
    pub name: String,
    /// How many.
    pub count: u64,
}

impl Count {
    /// Names a count.
    #[must_use]
    pub fn new(name: impl Into<String>, count: u64) -> Self {
        Self { name: name.into(), count }
    }
}

/// What a source has seen so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// Inputs by type, without those that did not occur.
    pub inputs: Vec<Count>,
    /// Anomalies by type, without those that did not occur. They were labelled and published.
    pub anomalies: Vec<Count>,
}

/// Gives records.
pub trait Source {
    /// Whether the input comes when it comes: from a network, not from a file.
    const IS_LIVE: bool = false;

    /// Returns the kinds of records that may come, by ring.
    ///
    /// Cost: allocates.
    fn kinds(&self) -> Kinds;

    /// Returns when the next input happened, in ns since the Unix epoch, UTC.
    ///
    /// This is the time a replay is paced by. `None` at the end, and where the input has no time.
    fn next_time_ns(&mut self) -> Option<u64>;

    /// Consumes up to `budget` inputs and gives their records to `sink`.
    ///
    /// Cost: no allocation per record once the working set has been seen; never blocks.
    ///
    /// # Errors
    /// [`Error`] if the input cannot be read further. Records before the error were given.
    fn poll<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<Progress, Error>;

    /// Returns what was seen so far.
    ///
    /// Cost: allocates.
    fn report(&self) -> Report;

    /// Waits until input may be there after [`Progress::Idle`], at most for `limit`.
    ///
    /// A source that is never idle has nothing to wait for.
    fn wait(&mut self, _limit: Duration) {}
}
