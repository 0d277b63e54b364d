//! Stamps records with the time of their receipt, on their way to a sink.
//!
//! A normaliser of messages does not know how they came; whoever received them does.

use std::any::Any;

use tickring::record::{
    Imbalance, InstrumentDef, Mbo, Record, Stat, Status, Trade, UNDEF_TIME, flag,
};
use tickring::{Instrument, WrongKind};

use crate::source::Sink;

/// Gives records to a sink with the time of their receipt.
///
/// An order or a trade that was received before it happened, by the venue's clock, is flagged
/// BAD_TS_RECV; no time is changed. Cost: a copy of the record, in registers for small ones.
#[derive(Debug)]
pub(crate) struct Received<'a, S> {
    sink: &'a mut S,
    ts_recv: u64,
    flags: u8,
    early: u64,
}

impl<'a, S> Received<'a, S> {
    /// Gives records to `sink` that came at `ts_recv`, in ns since the Unix epoch. All orders and
    /// trades get these flags.
    pub(crate) fn new(sink: &'a mut S, ts_recv: u64, flags: u8) -> Self {
        Self { sink, ts_recv, flags, early: 0 }
    }

    /// Returns how many records were received before they happened.
    pub(crate) fn early(&self) -> u64 {
        self.early
    }

    fn stamped<R: Record>(&mut self, record: &R) -> R {
        let mut record = *record;
        let ts_event = record.header().ts_event;
        let is_early = self.ts_recv < ts_event && ts_event != UNDEF_TIME;
        self.early += u64::from(is_early);
        let flags = self.flags | if is_early { flag::BAD_TS_RECV } else { 0 };
        // Known when this is compiled: one store, or two, remain.
        let any = &mut record as &mut dyn Any;
        if let Some(order) = any.downcast_mut::<Mbo>() {
            order.ts_recv = self.ts_recv;
            order.flags |= flags;
        } else if let Some(trade) = any.downcast_mut::<Trade>() {
            trade.ts_recv = self.ts_recv;
            trade.flags |= flags;
        } else if let Some(status) = any.downcast_mut::<Status>() {
            status.ts_recv = self.ts_recv;
        } else if let Some(definition) = any.downcast_mut::<InstrumentDef>() {
            definition.ts_recv = self.ts_recv;
        } else if let Some(stat) = any.downcast_mut::<Stat>() {
            stat.ts_recv = self.ts_recv;
        } else if let Some(imbalance) = any.downcast_mut::<Imbalance>() {
            imbalance.ts_recv = self.ts_recv;
        }
        record
    }
}

impl<S: Sink> Sink for Received<'_, S> {
    #[inline]
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        let record = self.stamped(record);
        self.sink.tick(&record)
    }

    fn definition<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        let record = self.stamped(record);
        self.sink.definition(&record)
    }

    fn statistic<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        let record = self.stamped(record);
        self.sink.statistic(&record)
    }

    fn instrument(&mut self, instrument: &Instrument) {
        self.sink.instrument(instrument);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::tape::Tape;

    #[test]
    fn every_kind_of_record_gets_the_time_of_its_receipt() {
        let mut tape = Tape::default();
        let mut sink = Received::new(&mut tape, 77, 0);
        sink.tick(&Mbo { flags: flag::LAST, ..Mbo::empty(2, 7, 50) }).unwrap();
        sink.tick(&Trade::empty(2, 7, 50)).unwrap();
        sink.tick(&Status::empty(2, 7, 50)).unwrap();
        sink.definition(&InstrumentDef::empty(2, 7, 50)).unwrap();
        sink.statistic(&Stat::empty(2, 7, 50)).unwrap();
        sink.statistic(&Imbalance::empty(2, 7, 50)).unwrap();
        let mbo = Mbo { ts_recv: 77, flags: flag::LAST, ..Mbo::empty(2, 7, 50) };
        assert_eq!(tape.of::<Mbo>(), [mbo]);
        assert_eq!(tape.of::<Trade>(), [Trade { ts_recv: 77, ..Trade::empty(2, 7, 50) }]);
        assert_eq!(tape.of::<Status>()[0].ts_recv, 77);
        assert_eq!(tape.of::<InstrumentDef>()[0].ts_recv, 77);
        assert_eq!(tape.of::<Stat>()[0].ts_recv, 77);
        assert_eq!(tape.of::<Imbalance>()[0].ts_recv, 77);
        assert_eq!(tape.records.len(), 6);
    }

    #[test]
    fn what_was_received_before_it_happened_is_flagged_and_not_changed() {
        for (ts_recv, more, flags) in [
            (49, 0, flag::LAST | flag::BAD_TS_RECV),
            (50, 0, flag::LAST),
            (50, flag::MAYBE_BAD_BOOK, flag::LAST | flag::MAYBE_BAD_BOOK),
        ] {
            let mut tape = Tape::default();
            let mut sink = Received::new(&mut tape, ts_recv, more);
            sink.tick(&Mbo { flags: flag::LAST, ..Mbo::empty(2, 7, 50) }).unwrap();
            let early = sink.early();
            let mbo = tape.of::<Mbo>()[0];
            assert_eq!((mbo.flags, mbo.ts_recv, mbo.header.ts_event), (flags, ts_recv, 50));
            assert_eq!(early, u64::from(ts_recv < 50));
        }
    }
}
