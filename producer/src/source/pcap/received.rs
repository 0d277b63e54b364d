//! The time of receipt, put into records that were made without it.

use std::any::Any;

use tickring::record::{
    Imbalance, InstrumentDef, Mbo, Record, Stat, Status, Trade, UNDEF_TIME, flag,
};
use tickring::{Instrument, WrongKind};

use crate::source::Sink;

/// Passes records on with the time of receipt, and labels those that were received before they
/// happened, and orders after a hole in the stream.
#[derive(Debug)]
pub(super) struct Received<'a, S> {
    sink: &'a mut S,
    ts_recv: u64,
    /// Whether messages are missing that the book is made of.
    is_doubtful: bool,
    before: u64,
}

impl<'a, S: Sink> Received<'a, S> {
    pub(super) fn new(sink: &'a mut S, ts_recv: u64, is_doubtful: bool) -> Self {
        Self { sink, ts_recv, is_doubtful, before: 0 }
    }

    /// Returns how many records were received before they happened.
    pub(super) fn received_before(&self) -> u64 {
        self.before
    }

    /// Returns a record with the time; which kind it is is known when this is compiled.
    #[inline]
    fn stamp<R: Record>(&mut self, record: &R) -> R {
        let mut record = *record;
        let ts_event = record.header().ts_event;
        let is_before = self.ts_recv < ts_event && ts_event != UNDEF_TIME;
        self.before += u64::from(is_before);
        let label = if is_before { flag::BAD_TS_RECV } else { 0 };
        let ts_recv = self.ts_recv;
        let any: &mut dyn Any = &mut record;
        if let Some(record) = any.downcast_mut::<Mbo>() {
            record.ts_recv = ts_recv;
            record.flags |= label;
            record.flags |= if self.is_doubtful { flag::MAYBE_BAD_BOOK } else { 0 };
        } else if let Some(record) = any.downcast_mut::<Trade>() {
            record.ts_recv = ts_recv;
            record.flags |= label;
        } else if let Some(record) = any.downcast_mut::<Status>() {
            record.ts_recv = ts_recv;
        } else if let Some(record) = any.downcast_mut::<Stat>() {
            record.ts_recv = ts_recv;
        } else if let Some(record) = any.downcast_mut::<Imbalance>() {
            record.ts_recv = ts_recv;
        } else if let Some(record) = any.downcast_mut::<InstrumentDef>() {
            record.ts_recv = ts_recv;
        }
        record
    }
}

impl<S: Sink> Sink for Received<'_, S> {
    #[inline]
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        let record = self.stamp(record);
        self.sink.tick(&record)
    }

    fn definition<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        let record = self.stamp(record);
        self.sink.definition(&record)
    }

    fn statistic<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        let record = self.stamp(record);
        self.sink.statistic(&record)
    }

    fn instrument(&mut self, instrument: &Instrument) {
        self.sink.instrument(instrument);
    }
}
