//! The instrument directory of the ring of ticks, from the records that tell of instruments.
//!
//! An instrument for which there is no room is counted by the ring ([`RingInfo::unlisted`]) and
//! told in full in the ring of definitions.
//!
//! [`RingInfo::unlisted`]: tickring::RingInfo::unlisted

use std::any::Any;

use tickring::record::{InstrumentDef, Record, RecordHeader, Status, SymbolMapping, status_action};
use tickring::{Instrument, Writer};

/// Notes what a record tells of an instrument; nothing for most kinds, at no cost.
#[inline]
pub(super) fn note<R: Record>(ticks: &mut Writer, record: &R) {
    let record = record as &dyn Any;
    if let Some(definition) = record.downcast_ref::<InstrumentDef>() {
        define(ticks, definition);
    } else if let Some(mapping) = record.downcast_ref::<SymbolMapping>() {
        name(ticks, mapping);
    } else if let Some(status) = record.downcast_ref::<Status>() {
        note_status(ticks, status);
    }
}

/// Lists an instrument that was defined.
fn define(ticks: &mut Writer, definition: &InstrumentDef) {
    let Some(mut instrument) = named(ticks, &definition.header, &definition.raw_symbol) else {
        return;
    };
    instrument.tick = definition.min_price_increment;
    instrument.lot = definition.min_lot_size_round_lot.into();
    instrument.ts_defined = definition.ts_recv;
    let _ = ticks.define(&instrument);
}

/// Lists an instrument that a symbol was mapped to.
fn name(ticks: &mut Writer, mapping: &SymbolMapping) {
    if let Some(instrument) = named(ticks, &mapping.header, &mapping.stype_out_symbol) {
        let _ = ticks.define(&instrument);
    }
}

/// Notes the trading status of an instrument that is listed. A record about short sales, or about
/// nothing, says none.
fn note_status(ticks: &mut Writer, status: &Status) {
    if matches!(status.action, status_action::NONE | status_action::SSR_CHANGE) {
        return;
    }
    if let Some(mut instrument) = ticks.instrument(status.header.instrument_id) {
        (instrument.status_action, instrument.status_reason) = (status.action, status.reason);
        let _ = ticks.define(&instrument);
    }
}

/// The instrument of a header as it is listed, or a new one, with its symbol.
fn named(ticks: &Writer, header: &RecordHeader, symbol: &[u8]) -> Option<Instrument> {
    let symbol = symbol.split(|byte| *byte == 0).next().unwrap_or(&[]);
    let symbol = String::from_utf8_lossy(symbol);
    let new = Instrument::new(header.publisher_id, header.instrument_id, symbol.trim_end()).ok()?;
    let mut instrument = ticks.instrument(header.instrument_id).unwrap_or(new);
    instrument.raw_symbol = new.raw_symbol;
    Some(instrument)
}
