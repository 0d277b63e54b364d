//! The truth about a simulation as JSON.

use serde_json::{Map, Value, json};
use std::ops::Range;
use tickring::record::RecordHeader;
use tickring_producer::book::{Book, Level, Side};
use tickring_producer::sink::mold::{Chaos, LineTruth, MoldTruth};
use tickring_producer::sink::truth::{InstrumentTruth, Sums, Truth};
use tickring_producer::source::Count;
use tickring_producer::source::simulator::SimulatorOptions;

/// Everything. Prices are integers of 1e-9; sums that may not fit 64 bits are strings of digits.
pub(super) fn json(
    options: &SimulatorOptions,
    truth: &Truth,
    files: Map<String, Value>,
    mold: Option<&(MoldTruth, Chaos)>,
) -> Value {
    let instruments: Vec<Value> =
        truth.instruments().map(|(id, own)| instrument(id, own)).collect();
    let (first, last) = truth.ends().map(|(first, last)| (header(&first), header(&last))).unzip();
    json!({
        "options": {
            "seed": options.seed,
            "instruments": options.instruments,
            "events_per_second": options.events_per_second,
            "start_ns": options.start_ns,
            "count": options.count,
            "duration_ns": options.duration.map(|duration| duration.as_nanos().to_string()),
            "session": options.session.is_some(),
        },
        "records": counts(&truth.kinds()),
        "actions": counts(&truth.actions()),
        "orders": sums(truth.orders()),
        "trades": sums(truth.trades()),
        "first": first,
        "last": last,
        "files": files,
        "mold": mold.map(|(truth, chaos)| lines(truth, chaos)),
        "instruments": instruments,
    })
}

fn counts(counts: &[Count]) -> Map<String, Value> {
    counts.iter().map(|Count { name, count }| (name.clone(), (*count).into())).collect()
}

fn sums(Sums { size, price_e9, notional_e9 }: Sums) -> Value {
    json!({
        "size": size,
        "price_e9": price_e9.to_string(),
        "notional_e9": notional_e9.to_string(),
    })
}

fn header(header: &RecordHeader) -> Value {
    json!({
        "rtype": header.rtype,
        "instrument_id": header.instrument_id,
        "ts_event_ns": header.ts_event,
    })
}

fn instrument(id: u32, own: &InstrumentTruth) -> Value {
    json!({
        "instrument_id": id,
        "symbol": own.symbol,
        "trades": own.trades,
        "traded": sums(own.traded),
        "orders": own.book.order_count(),
        "unknown": own.book.unknown() + own.book.refused(),
        "bids": levels(&own.book, Side::Bid),
        "asks": levels(&own.book, Side::Ask),
    })
}

/// The levels of a side, the best first, each as price, size and number of orders.
fn levels(book: &Book, side: Side) -> Vec<Value> {
    let levels = book.levels(side);
    levels.map(|Level { price, size, orders }| json!([price, size, orders])).collect()
}

fn lines(truth: &MoldTruth, chaos: &Chaos) -> Value {
    let MoldTruth { messages, packets, heartbeats, lines: [a, b], gaps } = truth;
    json!({
        "seed": chaos.seed,
        "messages": messages,
        "packets": packets,
        "heartbeats": heartbeats,
        "gaps": ranges(gaps),
        "a": line(a),
        "b": line(b),
    })
}

fn line(truth: &LineTruth) -> Value {
    let LineTruth { written, lost, corrupted, duplicated, delayed } = truth;
    json!({
        "datagrams": written,
        "lost": ranges(lost),
        "corrupted": ranges(corrupted),
        "duplicated": ranges(duplicated),
        "delayed": ranges(delayed),
    })
}

/// Ranges of message numbers: the first, and the one after the last.
fn ranges(ranges: &[Range<u64>]) -> Vec<Value> {
    ranges.iter().map(|range| json!([range.start, range.end])).collect()
}
