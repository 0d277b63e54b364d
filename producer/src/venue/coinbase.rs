//! Coinbase Exchange, public WebSocket feed.
//!
//! | message | records | times |
//! |---|---|---|
//! | `snapshot` | the book, between R and LAST | `time`, where it is sent |
//! | `l2update` | a DeltaW for each change, the last flagged LAST | `time` |
//! | `match` | TradeW; the aggressor is the side that the maker was not | `time` |
//! | `last_match` | the same, flagged SNAPSHOT: it was before the subscription | `time` |
//! | `ticker`, `heartbeat`, `subscriptions` | none: trades and quotes come of the above | |
//!
//! The messages of the book have no sequence and no checksum, so only the connection vouches for
//! it: any message that cannot be read costs all books.
//!
//! Source: Coinbase Exchange documentation, "WebSocket channels", 2025.

use serde::de::MapAccess;
use tickring::WrongKind;
use tickring::record::{UNDEF_TIME, flag, side};

use super::json::{self, Cells, Levels, Object, Scalar, skip};
use super::market::{Deal, Market, Row, Stamp};
use super::{Message, Outcome, time};
use crate::book::Side;
use crate::source::Sink;

/// The fields of a message that are of interest.
#[derive(Debug, Default)]
struct Fields<'a> {
    kind: Scalar<'a>,
    symbol: Scalar<'a>,
    time: Scalar<'a>,
    price: Scalar<'a>,
    size: Scalar<'a>,
    side: Scalar<'a>,
    trade: Scalar<'a>,
}

/// Reads one message.
pub(super) fn message<S: Sink>(
    market: &mut Market,
    rows: &mut Vec<Row>,
    message: Message<'_>,
    sink: &mut S,
) -> Result<Outcome, WrongKind> {
    let mut fields = Fields::default();
    let mut reading = Reading { fields: &mut fields, rows };
    if json::read(message.bytes, Object(&mut reading)).is_none() {
        return Ok(Outcome::Malformed);
    }
    let ts_event = fields.time.text().and_then(time::rfc3339);
    let is_timed = ts_event.is_some();
    let ts_event = ts_event.unwrap_or(UNDEF_TIME);
    rows.iter_mut().for_each(|row| row.ts_event = ts_event);
    let stamp = Stamp { ts_event, ts_sent: UNDEF_TIME, ts_recv: message.ts_recv, sequence: 0 };
    let kind = name(fields.kind.word());
    market.counts.input(kind, 1);
    let is_snapshot = kind == "snapshot";
    match (kind, fields.symbol.text()) {
        ("snapshot", Some(symbol)) => {
            let Some(index) = market.instrument(symbol, sink) else { return Ok(Outcome::Taken) };
            market
                .book_event(index, stamp, rows, is_snapshot, |_| true, sink)
                .map(|()| Outcome::Taken)
        }
        ("l2update", Some(symbol)) if is_timed => {
            let Some(index) = market.instrument(symbol, sink) else { return Ok(Outcome::Taken) };
            market
                .book_event(index, stamp, rows, is_snapshot, |_| true, sink)
                .map(|()| Outcome::Taken)
        }
        ("match" | "last_match", Some(symbol)) if is_timed => {
            let Some(deal) = deal(&fields) else { return Ok(Outcome::Malformed) };
            let flags = if kind == "last_match" { flag::SNAPSHOT } else { 0 };
            match market.instrument(symbol, sink) {
                Some(index) => {
                    market.trade(index, stamp, &deal, flags, sink).map(|()| Outcome::Taken)
                }
                None => Ok(Outcome::Taken),
            }
        }
        ("snapshot" | "l2update" | "match" | "last_match", _) => Ok(Outcome::Malformed),
        ("error", _) => Ok(Outcome::Refused),
        _ => Ok(Outcome::Taken),
    }
}

/// Returns a message type as it is counted.
fn name(kind: &str) -> &'static str {
    const KNOWN: [&str; 8] = [
        "snapshot",
        "l2update",
        "match",
        "last_match",
        "ticker",
        "heartbeat",
        "subscriptions",
        "error",
    ];
    KNOWN.into_iter().find(|known| *known == kind).unwrap_or("other")
}

fn deal(fields: &Fields<'_>) -> Option<Deal> {
    let (price, qty) = (fields.price.decimal()?, fields.size.quantity()?);
    let trade_id = fields.trade.unsigned()?;
    // The message tells the side of the order that rested.
    let aggressor = match fields.side.word() {
        "buy" => side::ASK,
        "sell" => side::BID,
        _ => side::NONE,
    };
    Some(Deal { price, qty, trade_id, aggressor })
}

/// Reads a message into its fields and levels.
struct Reading<'f, 'a, 'r> {
    fields: &'f mut Fields<'a>,
    rows: &'r mut Vec<Row>,
}

impl<'de: 'a, 'a> json::Fields<'de> for Reading<'_, 'a, '_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let Self { fields, rows } = self;
        match key {
            "type" => fields.kind = map.next_value()?,
            "product_id" => fields.symbol = map.next_value()?,
            "time" => fields.time = map.next_value()?,
            "price" => fields.price = map.next_value()?,
            "size" => fields.size = map.next_value()?,
            "side" => fields.side = map.next_value()?,
            "trade_id" => fields.trade = map.next_value()?,
            "bids" => map.next_value_seed(levels(Cells::PriceQty, Side::Bid, rows))?,
            "asks" => map.next_value_seed(levels(Cells::PriceQty, Side::Ask, rows))?,
            "changes" => map.next_value_seed(levels(Cells::SidePriceQty, Side::Bid, rows))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

fn levels(cells: Cells, side: Side, rows: &mut Vec<Row>) -> Levels<'_> {
    Levels { cells, side, ts_event: 0, rows }
}
