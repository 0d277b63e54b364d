//! Coinbase Advanced Trade, public WebSocket feed.
//!
//! Messages are `{"channel", "timestamp", "sequence_num", "events": […]}`:
//!
//! | channel | records | times |
//! |---|---|---|
//! | `l2_data`, snapshot | the book, between R and LAST | `timestamp` |
//! | `l2_data`, update | a DeltaW for each level, the last of an event flagged LAST | `event_time` |
//! | `market_trades` | a TradeW for each, flagged SNAPSHOT where they were before; the aggressor is the side that the maker was not | the trade's `time`, sent `timestamp` |
//! | `heartbeats`, `subscriptions`, others | none: quotes are made from the book | |
//!
//! `sequence_num` counts the messages of a connection, whatever their channel: where it jumps
//! something was lost, nobody knows of whom, and all books go. Heartbeats come every second, so a
//! loss is known by then.
//!
//! Source: docs.cdp.coinbase.com, "Advanced Trade WebSocket channels", 2026.

use serde::de::{Error as _, MapAccess, SeqAccess};
use tickring::WrongKind;
use tickring::record::{UNDEF_TIME, flag, gap_cause, gap_state, side};

use super::count::Anomaly;
use super::json::{self, Array, Exact, Fields, Items, Object, Scalar, skip};
use super::market::{Deal, Loss, Market, Row, Stamp};
use super::{Message, Outcome, time};
use crate::book::Side;
use crate::book::levels::PriceLevel;
use crate::decimal::Decimal;
use crate::source::Sink;

/// What this venue needs between messages, and room.
#[derive(Debug, Default)]
pub(super) struct Advanced {
    /// The number of the last message on this connection.
    last: Option<u64>,
    room: Room,
}

/// Events of a message, with the symbols of all in one text.
#[derive(Debug, Default)]
struct Room {
    items: Vec<Item>,
    symbols: String,
}

/// A trade, or the levels of one event, without what borrows from the message.
#[derive(Clone, Copy, Debug)]
struct Item {
    deal: Option<(Deal, u64)>,
    is_snapshot: bool,
    /// Where its levels and its symbol end.
    levels_end: usize,
    symbol_end: usize,
}

impl Advanced {
    /// Reads one message.
    pub(super) fn message<S: Sink>(
        &mut self,
        market: &mut Market,
        rows: &mut Vec<Row>,
        message: Message<'_>,
        sink: &mut S,
    ) -> Result<Outcome, WrongKind> {
        self.room.items.clear();
        self.room.symbols.clear();
        let [channel, kind, time, sequence] = [const { Scalar::Other }; 4];
        let room = &mut self.room;
        let mut parts = Parts { channel, kind, time, sequence, rows, room };
        if json::read(message.bytes, Object(&mut parts)).is_none() {
            return Ok(Outcome::Malformed);
        }
        let Parts { channel, kind, time, sequence, .. } = parts;
        if kind.word() == "error" {
            return Ok(Outcome::Refused);
        }
        let Some(sequence) = sequence.unsigned() else { return Ok(Outcome::Malformed) };
        self.follow(market, sequence, message.ts_recv, sink)?;
        let sent = time.text().and_then(time::rfc3339).unwrap_or(UNDEF_TIME);
        let stamp = Stamp { ts_event: sent, ts_sent: sent, ts_recv: message.ts_recv, sequence };
        match channel.word() {
            "l2_data" => self.books(market, rows, stamp, sink).map(|()| Outcome::Taken),
            "market_trades" => self.trades(market, stamp, sink),
            "" => Ok(Outcome::Malformed),
            channel => {
                let known = ["heartbeats", "subscriptions", "ticker", "status"];
                let known = known.into_iter().find(|known| *known == channel);
                market.counts.input(known.unwrap_or("other"), 1);
                Ok(Outcome::Taken)
            }
        }
    }

    /// Forgets the numbers of a connection that is gone.
    pub(super) fn reset(&mut self) {
        self.last = None;
    }

    /// Looks at the number of a message: after a hole no book is what it should be.
    fn follow<S: Sink>(
        &mut self,
        market: &mut Market,
        sequence: u64,
        ts_recv: u64,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let Some(last) = self.last.replace(sequence) else { return Ok(()) };
        let next = last.saturating_add(1);
        if sequence == next {
            return Ok(());
        }
        market.counts.anomaly(Anomaly::SequenceJump);
        let is_ahead = sequence > next;
        let loss = Loss {
            cause: gap_cause::SEQUENCE,
            state: gap_state::UNRECOVERABLE,
            first_missing: if is_ahead { next } else { 0 },
            end_missing: if is_ahead { sequence } else { 0 },
        };
        for index in 0..market.len() {
            market.lose(index, loss, ts_recv, sink)?;
        }
        Ok(())
    }

    fn books<S: Sink>(
        &self,
        market: &mut Market,
        rows: &mut [Row],
        stamp: Stamp,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let (mut begin, mut name) = (0, 0);
        for item in &self.room.items {
            let own = rows.get_mut(begin..item.levels_end).unwrap_or(&mut []);
            let symbol = self.room.symbols.get(name..item.symbol_end).unwrap_or("");
            (begin, name) = (item.levels_end, item.symbol_end);
            market.counts.input(if item.is_snapshot { "snapshot" } else { "l2_data" }, 1);
            for row in own.iter_mut().filter(|row| row.ts_event == UNDEF_TIME) {
                row.ts_event = stamp.ts_event;
            }
            let Some(index) = market.instrument(symbol, sink) else { continue };
            market.book_event(index, stamp, own, item.is_snapshot, |_| true, sink)?;
        }
        Ok(())
    }

    fn trades<S: Sink>(
        &self,
        market: &mut Market,
        stamp: Stamp,
        sink: &mut S,
    ) -> Result<Outcome, WrongKind> {
        let mut name = 0;
        for item in &self.room.items {
            let symbol = self.room.symbols.get(name..item.symbol_end).unwrap_or("");
            name = item.symbol_end;
            let Some((deal, ts_event)) = &item.deal else { return Ok(Outcome::Malformed) };
            market.counts.input("trade", 1);
            let Some(index) = market.instrument(symbol, sink) else { continue };
            let flags = if item.is_snapshot { flag::SNAPSHOT } else { 0 };
            let stamp = Stamp { ts_event: *ts_event, ..stamp };
            market.trade(index, stamp, deal, flags, sink)?;
        }
        Ok(Outcome::Taken)
    }
}

/// Takes the fields of a message.
struct Parts<'a, 'r> {
    channel: Scalar<'a>,
    kind: Scalar<'a>,
    time: Scalar<'a>,
    sequence: Scalar<'a>,
    rows: &'r mut Vec<Row>,
    room: &'r mut Room,
}

impl<'de: 'a, 'a> Fields<'de> for Parts<'a, '_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "channel" => self.channel = map.next_value()?,
            "type" => self.kind = map.next_value()?,
            "timestamp" => self.time = map.next_value()?,
            "sequence_num" => self.sequence = map.next_value()?,
            "events" => {
                let mut events = Events { rows: self.rows, room: self.room };
                map.next_value_seed(Array(&mut events))?;
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// Takes the events of a message.
struct Events<'r> {
    rows: &'r mut Vec<Row>,
    room: &'r mut Room,
}

impl<'de> Items<'de> for Events<'_> {
    fn item<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let first = self.room.items.len();
        let (rows, room) = (&mut *self.rows, &mut *self.room);
        let [kind, symbol] = [const { Scalar::Other }; 2];
        let mut event = Event { kind, symbol, has_levels: false, rows, room };
        if seq.next_element_seed(Object(&mut event))?.is_none() {
            return Ok(false);
        }
        let Event { kind, symbol, has_levels, .. } = event;
        let is_snapshot = kind.word() == "snapshot";
        self.room.items.iter_mut().skip(first).for_each(|item| item.is_snapshot = is_snapshot);
        if has_levels {
            self.room.symbols.push_str(symbol.word());
            let (levels_end, symbol_end) = (self.rows.len(), self.room.symbols.len());
            self.room.items.push(Item { deal: None, is_snapshot, levels_end, symbol_end });
        }
        Ok(true)
    }
}

/// Takes the fields of an event.
struct Event<'a, 'r> {
    kind: Scalar<'a>,
    symbol: Scalar<'a>,
    has_levels: bool,
    rows: &'r mut Vec<Row>,
    room: &'r mut Room,
}

impl<'de: 'a, 'a> Fields<'de> for Event<'a, '_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = map.next_value()?,
            "product_id" => self.symbol = map.next_value()?,
            "updates" => {
                self.has_levels = true;
                map.next_value_seed(Array(&mut Levels(self.rows)))?;
            }
            "trades" => map.next_value_seed(Array(&mut Trades(self.room)))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// The fields of a level or a trade.
#[derive(Debug, Default)]
struct Numbers<'a> {
    symbol: Scalar<'a>,
    side: Scalar<'a>,
    time: Scalar<'a>,
    trade: Scalar<'a>,
    price: Option<Decimal>,
    qty: Option<Decimal>,
}

impl Numbers<'_> {
    /// When it happened; the venue writes the epoch for what it does not know.
    fn ts_event(&self) -> u64 {
        let time = self.time.text().and_then(time::rfc3339);
        time.filter(|time| *time > 0).unwrap_or(UNDEF_TIME)
    }
}

impl<'de: 'a, 'a> Fields<'de> for Numbers<'a> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "product_id" => self.symbol = map.next_value()?,
            "side" => self.side = map.next_value()?,
            "event_time" | "time" => self.time = map.next_value()?,
            "trade_id" => self.trade = map.next_value()?,
            "price_level" | "price" => self.price = Some(map.next_value::<Exact>()?.0),
            "new_quantity" | "size" => self.qty = map.next_value::<Exact>()?.quantity(),
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// Takes levels.
struct Levels<'r>(&'r mut Vec<Row>);

impl<'de> Items<'de> for Levels<'_> {
    fn item<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let mut numbers = Numbers::default();
        if seq.next_element_seed(Object(&mut numbers))?.is_none() {
            return Ok(false);
        }
        let side = match numbers.side.word() {
            "bid" => Side::Bid,
            "offer" | "ask" => Side::Ask,
            _ => return Err(A::Error::custom("expected bid or offer")),
        };
        let none = || A::Error::custom("expected price and quantity");
        let (price, qty) = numbers.price.zip(numbers.qty).ok_or_else(none)?;
        let level = PriceLevel { price, qty, orders: 0 };
        self.0.push(Row { side, level, ts_event: numbers.ts_event() });
        Ok(true)
    }
}

/// Takes trades.
struct Trades<'r>(&'r mut Room);

impl<'de> Items<'de> for Trades<'_> {
    fn item<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let mut numbers = Numbers::default();
        if seq.next_element_seed(Object(&mut numbers))?.is_none() {
            return Ok(false);
        }
        let none = || A::Error::custom("expected price, size and trade id");
        let pair = numbers.price.zip(numbers.qty);
        let ((price, qty), trade_id) = pair.zip(numbers.trade.unsigned()).ok_or_else(none)?;
        // The message tells the side of the order that rested.
        let aggressor = match numbers.side.word() {
            "BUY" => side::ASK,
            "SELL" => side::BID,
            _ => side::NONE,
        };
        let deal = Some((Deal { price, qty, trade_id, aggressor }, numbers.ts_event()));
        self.0.symbols.push_str(numbers.symbol.word());
        let symbol_end = self.0.symbols.len();
        self.0.items.push(Item { deal, is_snapshot: false, levels_end: 0, symbol_end });
        Ok(true)
    }
}
