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
use tickring::record::{UNDEF_TIME, flag, side};

use super::count::Anomaly;
use super::elements::Elements;
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
    room: Elements<Item>,
}

/// A trade, or the levels of one event, without what borrows from the message.
#[derive(Clone, Copy, Debug)]
struct Item {
    deal: Option<(Deal, u64)>,
    is_snapshot: bool,
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
        self.room.clear();
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
        let loss = Loss::jump(next, sequence);
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
        for (item, symbol, own) in self.room.iter() {
            let own = rows.get_mut(own).unwrap_or(&mut []);
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
        for (item, symbol, _) in self.room.iter() {
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
    room: &'r mut Elements<Item>,
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
    room: &'r mut Elements<Item>,
}

impl<'de> Items<'de> for Events<'_> {
    fn item<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let first = self.room.len();
        let (rows, room) = (&mut *self.rows, &mut *self.room);
        let [kind, symbol] = [const { Scalar::Other }; 2];
        let mut event = Event { kind, symbol, has_levels: false, rows, room };
        if seq.next_element_seed(Object(&mut event))?.is_none() {
            return Ok(false);
        }
        let Event { kind, symbol, has_levels, .. } = event;
        let is_snapshot = kind.word() == "snapshot";
        self.room.tail_mut(first).for_each(|item| item.is_snapshot = is_snapshot);
        if has_levels {
            let item = Item { deal: None, is_snapshot };
            self.room.push(item, symbol.word(), self.rows.len());
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
    room: &'r mut Elements<Item>,
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
struct Trades<'r>(&'r mut Elements<Item>);

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
        // A trade has no levels.
        self.0.push(Item { deal, is_snapshot: false }, numbers.symbol.word(), 0);
        Ok(true)
    }
}
