//! Binance: spot, USD-margined futures and coin-margined futures.
//!
//! Messages come alone or as `{"stream": …, "data": …}`:
//!
//! | message | records | times |
//! |---|---|---|
//! | `depthUpdate` | a DeltaW for each level, the last flagged LAST | event `T`, on spot `E` |
//! | `bookTicker` | QuoteW | `T`; spot sends none |
//! | `trade`, `aggTrade` | TradeW; none without a quantity | `T`, sent `E` |
//! | depth snapshot (REST, or in a recording) | the joined book, between R and LAST | `T` or none |
//!
//! Joining follows Binance's page "How to manage a local order book correctly": updates are kept
//! until a snapshot comes; those that it covers (`u` ≤ `lastUpdateId`) are dropped, the next must
//! not begin beyond it (spot: `U` - 1, futures: `pu`), or a newer snapshot is asked for. Updates
//! before the snapshot are published when they come, labelled MAYBE_BAD_BOOK; the snapshot is
//! published with the kept ones applied. From then on an update that begins beyond the last one is
//! a gap; one that ends before it is old, and is dropped and counted.
//!
//! Source: developers.binance.com, "WebSocket Market Streams", 2025.

mod message;

use std::collections::VecDeque;

use tickring::WrongKind;
use tickring::record::{book_state, side};

use super::count::Anomaly;
use super::json::Scalar;
use super::market::{Deal, Loss, Market, Row, Stamp};
use super::{Message, Outcome};
use crate::book::Side;
use crate::book::levels::{LevelBook, PriceLevel};
use crate::source::Sink;
use message::Fields;

/// Levels that are kept of one instrument while its snapshot is awaited; older updates give way,
/// and a snapshot that needed them is too old then.
const MOST_KEPT: usize = 1 << 17;

/// What this venue needs to know of each instrument.
#[derive(Debug, Default)]
pub(super) struct Binance {
    joins: Vec<Join>,
    merged: Vec<Row>,
}

/// How far the book of one instrument is.
#[derive(Debug, Default)]
struct Join {
    /// Last update id in the book, if there is one.
    last: Option<u64>,
    /// Updates that a snapshot will be joined with, without a hole.
    kept: VecDeque<Update>,
    levels: usize,
}

#[derive(Debug)]
struct Update {
    ids: Ids,
    ts_event: u64,
    rows: Vec<Row>,
}

/// The range of an update: it follows `before`, and the book is at `last` after it.
#[derive(Clone, Copy, Debug)]
struct Ids {
    before: u64,
    last: u64,
}

impl Binance {
    /// Reads one message. `symbol` is that of a snapshot that was asked for.
    pub(super) fn message<S: Sink>(
        &mut self,
        market: &mut Market,
        rows: &mut Vec<Row>,
        message: Message<'_>,
        symbol: Option<&str>,
        sink: &mut S,
    ) -> Result<Outcome, WrongKind> {
        let mut fields = Fields::default();
        if fields.read(message.bytes, rows).is_none() {
            return Ok(Outcome::Malformed);
        }
        let stamp = fields.stamp(message.ts_recv);
        rows.iter_mut().for_each(|row| row.ts_event = stamp.ts_event);
        match fields.kind() {
            "depthUpdate" => self.depth_update(market, rows, &fields, stamp, sink),
            "snapshot" => {
                market.counts.input("snapshot", 1);
                let Some(id) = fields.snapshot.unsigned() else {
                    return Ok(Outcome::Malformed);
                };
                let named = symbol.or_else(|| fields.symbol.text());
                let Some(index) = snapshot_of(market, named, fields.stream.text(), sink) else {
                    return Ok(Outcome::Taken);
                };
                self.snapshot(market, index, id, stamp, rows, sink).map(|()| Outcome::Taken)
            }
            "bookTicker" => quote(market, &fields, stamp, sink),
            "trade" => trade(market, "trade", &fields.trade, &fields, stamp, sink),
            "aggTrade" => trade(market, "aggTrade", &fields.ask, &fields, stamp, sink),
            _ if fields.is_refusal => Ok(Outcome::Refused),
            "kline" => {
                market.counts.input("kline", 1);
                Ok(Outcome::Taken)
            }
            _ => {
                market.counts.input("other", 1);
                Ok(Outcome::Taken)
            }
        }
    }

    /// Forgets everything that joins books: a new connection begins anew.
    pub(super) fn reset(&mut self) {
        self.joins.clear();
    }

    fn join(&mut self, index: usize) -> &mut Join {
        if self.joins.len() <= index {
            self.joins.resize_with(index + 1, Join::default);
        }
        // Just made long enough: the fallback is never taken.
        let end = self.joins.len() - 1;
        let at = index.min(end);
        #[expect(clippy::indexing_slicing, reason = "the array was made longer than this above")]
        &mut self.joins[at]
    }

    fn depth_update<S: Sink>(
        &mut self,
        market: &mut Market,
        rows: &[Row],
        fields: &Fields<'_>,
        stamp: Stamp,
        sink: &mut S,
    ) -> Result<Outcome, WrongKind> {
        market.counts.input("depthUpdate", 1);
        let before = match fields.previous.unsigned() {
            Some(previous) => Some(previous),
            None => fields.first.unsigned().and_then(|first| first.checked_sub(1)),
        };
        let (Some(before), Some(last), Some(symbol)) =
            (before, fields.last.unsigned(), fields.symbol.text())
        else {
            return Ok(Outcome::Malformed);
        };
        let Some(index) = market.instrument(symbol, sink) else { return Ok(Outcome::Taken) };
        let join = self.join(index);
        let is_synced = market.state(index) == book_state::SYNCED;
        let highest = if is_synced { join.last } else { join.kept.back().map(|u| u.ids.last) };
        if let Some(highest) = highest {
            if last <= highest {
                market.counts.anomaly(Anomaly::OldUpdate);
                return Ok(Outcome::Taken);
            }
            if before > highest {
                market.counts.anomaly(Anomaly::SequenceJump);
                *join = Join::default();
                let loss = Loss::jump(highest.saturating_add(1), before.saturating_add(1));
                market.lose(index, loss, stamp.ts_recv, sink)?;
            }
        }
        join.last = Some(last);
        if market.state(index) != book_state::SYNCED {
            if market.state(index) != book_state::SYNCING {
                market.request(index);
                market.set_state(index, book_state::SYNCING, sink);
            }
            join.keep(Ids { before, last }, stamp.ts_event, rows);
        }
        market.book_event(index, stamp, rows, false, |_| true, sink)?;
        if market.state(index) == book_state::UNSYNCED {
            *self.join(index) = Join::default();
        }
        Ok(Outcome::Taken)
    }

    fn snapshot<S: Sink>(
        &mut self,
        market: &mut Market,
        index: usize,
        id: u64,
        stamp: Stamp,
        rows: &[Row],
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let join = self.join(index);
        let is_synced = market.state(index) == book_state::SYNCED;
        while join.kept.front().is_some_and(|update| update.ids.last <= id) {
            join.levels -= join.kept.pop_front().map_or(0, |update| update.rows.len());
            market.counts.anomaly(Anomaly::OldUpdate);
        }
        let is_old = if is_synced {
            join.last.is_some_and(|last| id < last)
        } else {
            join.kept.front().is_some_and(|update| update.ids.before > id)
        };
        if is_old {
            market.counts.anomaly(Anomaly::OldSnapshot);
            if !is_synced {
                market.request(index);
            }
            return Ok(());
        }
        let sequence = join.kept.back().map_or(id, |update| update.ids.last);
        let ts_event = join.kept.back().map_or(stamp.ts_event, |update| update.ts_event);
        let stamp = Stamp { ts_event, sequence, ..stamp };
        let kept = std::mem::take(join);
        join.last = Some(sequence);
        let rows = if kept.kept.is_empty() {
            rows
        } else {
            merge(rows, &kept.kept, ts_event, &mut self.merged);
            &self.merged
        };
        market.book_event(index, stamp, rows, true, |_| true, sink)?;
        if market.state(index) == book_state::UNSYNCED {
            *self.join(index) = Join::default();
        }
        Ok(())
    }
}

impl Join {
    /// Keeps an update for the snapshot to come.
    fn keep(&mut self, ids: Ids, ts_event: u64, rows: &[Row]) {
        self.levels += rows.len();
        self.kept.push_back(Update { ids, ts_event, rows: rows.to_vec() });
        while self.levels > MOST_KEPT || self.kept.len() > MOST_KEPT {
            self.levels -= self.kept.pop_front().map_or(0, |update| update.rows.len());
        }
    }
}

/// Applies the kept updates to a snapshot.
fn merge(rows: &[Row], kept: &VecDeque<Update>, ts_event: u64, merged: &mut Vec<Row>) {
    let mut book = LevelBook::new(usize::MAX);
    let mut unheld = Vec::new();
    for row in rows.iter().chain(kept.iter().flat_map(|update| &update.rows)) {
        if book.set(row.side, &row.level) == crate::book::levels::LevelChange::Refused {
            unheld.push(*row);
        }
    }
    merged.clear();
    for side in [Side::Bid, Side::Ask] {
        merged.extend(book.levels(side).map(|level| Row { side, level, ts_event }));
    }
    // The book that is to hold them will refuse them too, and say so.
    merged.extend(unheld);
}

/// Returns whose snapshot it is: named, or by its stream, or there is only one instrument.
fn snapshot_of<S: Sink>(
    market: &mut Market,
    named: Option<&str>,
    stream: Option<&str>,
    sink: &mut S,
) -> Option<usize> {
    if let Some(symbol) = named {
        return market.instrument(symbol, sink);
    }
    if let Some((symbol, _)) = stream.and_then(|stream| stream.split_once('@')) {
        return market.instrument(&symbol.to_ascii_uppercase(), sink);
    }
    if market.len() == 1 {
        return Some(0);
    }
    market.counts.anomaly(Anomaly::Unnamed);
    None
}

fn quote<S: Sink>(
    market: &mut Market,
    fields: &Fields<'_>,
    stamp: Stamp,
    sink: &mut S,
) -> Result<Outcome, WrongKind> {
    market.counts.input("bookTicker", 1);
    let level = |price: &Scalar<'_>, qty: &Scalar<'_>| {
        let (price, qty) = (price.decimal()?, qty.quantity()?);
        Some((qty.mantissa != 0).then_some(PriceLevel { price, qty, orders: 0 }))
    };
    let bid = level(&fields.bid, &fields.bid_qty);
    let ask = level(&fields.ask, &fields.ask_qty);
    let (Some(bid), Some(ask), Some(symbol)) = (bid, ask, fields.symbol.text()) else {
        return Ok(Outcome::Malformed);
    };
    match market.instrument(symbol, sink) {
        Some(index) => market.quote(index, stamp, [bid, ask], sink).map(|()| Outcome::Taken),
        None => Ok(Outcome::Taken),
    }
}

fn trade<S: Sink>(
    market: &mut Market,
    kind: &'static str,
    id: &Scalar<'_>,
    fields: &Fields<'_>,
    stamp: Stamp,
    sink: &mut S,
) -> Result<Outcome, WrongKind> {
    market.counts.input(kind, 1);
    let (Some(price), Some(qty), Some(trade_id), Some(symbol)) =
        (fields.price.decimal(), fields.qty.quantity(), id.unsigned(), fields.symbol.text())
    else {
        return Ok(Outcome::Malformed);
    };
    if qty.mantissa == 0 {
        market.counts.input("trade without a quantity", 1);
        return Ok(Outcome::Taken);
    }
    // The buyer was the maker: the seller took.
    let aggressor = match fields.maker.flag() {
        Some(true) => side::ASK,
        Some(false) => side::BID,
        None => side::NONE,
    };
    let deal = Deal { price, qty, trade_id, aggressor };
    match market.instrument(symbol, sink) {
        Some(index) => market.trade(index, stamp, &deal, 0, sink).map(|()| Outcome::Taken),
        None => Ok(Outcome::Taken),
    }
}
