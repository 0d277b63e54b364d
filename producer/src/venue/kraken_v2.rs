//! Kraken, WebSocket version 2.
//!
//! Channel messages are `{"channel", "type", "data": […]}`, replies `{"method", "success", …}`:
//!
//! | message | records | times |
//! |---|---|---|
//! | `book`, snapshot | the book, between R and LAST | `timestamp`, where it is sent |
//! | `book`, update | a DeltaW for each level, the last flagged LAST | `timestamp` |
//! | `trade` | a TradeW for each; flagged SNAPSHOT where they were before | `timestamp` |
//! | `ticker`, `status`, `heartbeat`, replies | none: quotes are made from the book | |
//!
//! The rules of the book are those of [version 1](super::kraken), its checksum too, which comes
//! with the snapshot as well. Prices and quantities are numbers of JSON, and are read from their
//! digits: zeros at the end count. How many levels the venue sends is in its reply to the
//! subscription; where a recording has none, the snapshot's own number tells it.
//!
//! Source: docs.kraken.com, "Spot WebSocket v2: book, trade" and "Book checksum (WebSocket v2)",
//! 2026.

use serde::de::{Error as _, MapAccess, SeqAccess};
use tickring::WrongKind;
use tickring::record::{UNDEF_TIME, flag};

use super::elements::Elements;
use super::json::{self, Array, Exact, Fields, Items, Object, Scalar, skip};
use super::kraken::checksum;
use super::market::{Deal, Market, Row, Stamp, aggressor};
use super::{Message, Outcome, time};
use crate::book::Side;
use crate::book::levels::{LevelBook, PriceLevel};
use crate::decimal::Decimal;
use crate::source::Sink;

/// Levels of a side that can be subscribed.
const DEPTHS: [usize; 5] = [10, 25, 100, 500, 1_000];

/// What this venue needs to know of each instrument, and room.
#[derive(Debug, Default)]
pub(super) struct Kraken {
    /// Whether the number of levels of an instrument's book was told.
    told: Vec<bool>,
    room: Elements<Item>,
}

/// One element of a message's data, without what borrows from the message.
#[derive(Clone, Copy, Debug)]
struct Item {
    ts_event: Option<u64>,
    deal: Option<Deal>,
    checksum: Option<u32>,
}

impl Kraken {
    /// Reads one message.
    pub(super) fn message<S: Sink>(
        &mut self,
        market: &mut Market,
        rows: &mut Vec<Row>,
        message: Message<'_>,
        sink: &mut S,
    ) -> Result<Outcome, WrongKind> {
        self.room.clear();
        let [channel, kind, method, success] = [const { Scalar::Other }; 4];
        let (room, reply) = (&mut self.room, Reply::default());
        let mut parts = Parts { channel, kind, method, success, reply, rows, room };
        if json::read(message.bytes, Object(&mut parts)).is_none() {
            return Ok(Outcome::Malformed);
        }
        let Parts { channel, kind, method, success, reply, .. } = parts;
        if method.text().is_some() {
            market.counts.input("reply", 1);
            if success.flag() == Some(false) {
                return Ok(Outcome::Refused);
            }
            self.subscribed(market, &reply, sink);
            return Ok(Outcome::Taken);
        }
        let is_snapshot = kind.word() == "snapshot";
        match channel.word() {
            "book" => self.books(market, rows, is_snapshot, message.ts_recv, sink),
            "trade" => self.trades(market, is_snapshot, message.ts_recv, sink),
            "" => Ok(Outcome::Malformed),
            channel => {
                let known = ["heartbeat", "status", "ticker"].into_iter().find(|k| *k == channel);
                market.counts.input(known.unwrap_or("other"), 1);
                Ok(Outcome::Taken)
            }
        }
    }

    /// Notes how many levels the venue will send.
    fn subscribed<S: Sink>(&mut self, market: &mut Market, reply: &Reply<'_>, sink: &mut S) {
        let depth = reply.depth.unsigned().and_then(|depth| usize::try_from(depth).ok());
        if let ("book", Some(symbol), Some(depth)) =
            (reply.channel.word(), reply.symbol.text(), depth)
            && let Some(index) = market.instrument(symbol, sink)
        {
            tell(&mut self.told, index);
            market.set_depth(index, depth);
        }
    }

    fn books<S: Sink>(
        &mut self,
        market: &mut Market,
        rows: &[Row],
        is_snapshot: bool,
        ts_recv: u64,
        sink: &mut S,
    ) -> Result<Outcome, WrongKind> {
        market.counts.input(if is_snapshot { "snapshot" } else { "book" }, 1);
        let Self { told, room } = self;
        for (item, symbol, own) in room.iter() {
            let own = rows.get(own).unwrap_or(&[]);
            let Some(index) = market.instrument(symbol, sink) else { continue };
            if is_snapshot && !tell(told, index) {
                market.set_depth(index, depth_of(own));
            }
            let is_right =
                |book: &LevelBook| item.checksum.is_none_or(|sent| sent == checksum(book));
            market.book_event(index, stamp(item, ts_recv), own, is_snapshot, is_right, sink)?;
        }
        Ok(Outcome::Taken)
    }

    fn trades<S: Sink>(
        &self,
        market: &mut Market,
        is_snapshot: bool,
        ts_recv: u64,
        sink: &mut S,
    ) -> Result<Outcome, WrongKind> {
        let flags = if is_snapshot { flag::SNAPSHOT } else { 0 };
        for (item, symbol, _) in self.room.iter() {
            let Some(deal) = &item.deal else { return Ok(Outcome::Malformed) };
            market.counts.input("trade", 1);
            let Some(index) = market.instrument(symbol, sink) else { continue };
            market.trade(index, stamp(item, ts_recv), deal, flags, sink)?;
        }
        Ok(Outcome::Taken)
    }
}

/// Notes that the number of levels of an instrument was told, and says whether it was before.
fn tell(told: &mut Vec<bool>, index: usize) -> bool {
    if told.len() <= index {
        told.resize(index + 1, false);
    }
    told.get_mut(index).is_some_and(|told| std::mem::replace(told, true))
}

/// The number of levels that a snapshot with these was subscribed with.
fn depth_of(rows: &[Row]) -> usize {
    let bids = rows.iter().filter(|row| row.side == Side::Bid).count();
    let most = bids.max(rows.len() - bids);
    DEPTHS.into_iter().find(|depth| most <= *depth).unwrap_or(usize::MAX)
}

fn stamp(item: &Item, ts_recv: u64) -> Stamp {
    let ts_event = item.ts_event.unwrap_or(UNDEF_TIME);
    Stamp { ts_event, ts_sent: UNDEF_TIME, ts_recv, sequence: 0 }
}

/// Takes the fields of a message.
struct Parts<'a, 'r> {
    channel: Scalar<'a>,
    kind: Scalar<'a>,
    method: Scalar<'a>,
    success: Scalar<'a>,
    reply: Reply<'a>,
    rows: &'r mut Vec<Row>,
    room: &'r mut Elements<Item>,
}

impl<'de: 'a, 'a> Fields<'de> for Parts<'a, '_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "channel" => self.channel = map.next_value()?,
            "type" => self.kind = map.next_value()?,
            "method" => self.method = map.next_value()?,
            "success" => self.success = map.next_value()?,
            "result" => map.next_value_seed(Object(&mut self.reply))?,
            "data" => {
                let mut data = Data { rows: self.rows, room: self.room };
                map.next_value_seed(Array(&mut data))?;
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// Takes the fields of the venue's reply to a subscription.
#[derive(Debug, Default)]
struct Reply<'a> {
    channel: Scalar<'a>,
    symbol: Scalar<'a>,
    depth: Scalar<'a>,
}

impl<'de: 'a, 'a> Fields<'de> for Reply<'a> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "channel" => self.channel = map.next_value()?,
            "symbol" => self.symbol = map.next_value()?,
            "depth" => self.depth = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// Takes the elements of a message's data.
struct Data<'r> {
    rows: &'r mut Vec<Row>,
    room: &'r mut Elements<Item>,
}

impl<'de> Items<'de> for Data<'_> {
    fn item<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let begin = self.rows.len();
        let [symbol, taker, trade, time] = [const { Scalar::Other }; 4];
        let (price, qty, checksum) = (None, None, None);
        let rows = &mut *self.rows;
        let mut element = Element { symbol, taker, trade, time, price, qty, checksum, rows };
        if seq.next_element_seed(Object(&mut element))?.is_none() {
            return Ok(false);
        }
        let Element { symbol, taker, trade, time, price, qty, checksum, .. } = element;
        let ts_event = time.text().and_then(time::rfc3339);
        let of_levels = ts_event.unwrap_or(UNDEF_TIME);
        self.rows.iter_mut().skip(begin).for_each(|row| row.ts_event = of_levels);
        let deal = price.zip(qty).zip(trade.unsigned()).map(|((price, qty), trade_id)| {
            let aggressor = aggressor(taker.word());
            Deal { price, qty, trade_id, aggressor }
        });
        let item = Item { ts_event, deal, checksum };
        self.room.push(item, symbol.word(), self.rows.len());
        Ok(true)
    }
}

/// Takes the fields of a trade or a book.
struct Element<'a, 'r> {
    symbol: Scalar<'a>,
    taker: Scalar<'a>,
    trade: Scalar<'a>,
    time: Scalar<'a>,
    price: Option<Decimal>,
    qty: Option<Decimal>,
    checksum: Option<u32>,
    rows: &'r mut Vec<Row>,
}

impl<'de: 'a, 'a> Fields<'de> for Element<'a, '_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "symbol" => self.symbol = map.next_value()?,
            "side" => self.taker = map.next_value()?,
            "trade_id" => self.trade = map.next_value()?,
            "timestamp" => self.time = map.next_value()?,
            "price" => self.price = Some(map.next_value::<Exact>()?.0),
            "qty" => self.qty = map.next_value::<Exact>()?.quantity(),
            "bids" | "asks" => {
                let side = if key == "bids" { Side::Bid } else { Side::Ask };
                map.next_value_seed(Array(&mut Levels { side, rows: self.rows }))?;
            }
            "checksum" => {
                let sent = map.next_value::<Scalar<'de>>()?.unsigned();
                let sent = sent.and_then(|sent| u32::try_from(sent).ok());
                let none = || A::Error::custom("expected a checksum of 32 bits");
                self.checksum = Some(sent.ok_or_else(none)?);
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// Takes the levels of one side.
struct Levels<'r> {
    side: Side,
    rows: &'r mut Vec<Row>,
}

impl<'de> Items<'de> for Levels<'_> {
    fn item<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let mut level = Level::default();
        if seq.next_element_seed(Object(&mut level))?.is_none() {
            return Ok(false);
        }
        let none = || A::Error::custom("expected price and quantity");
        let (price, qty) = level.price.zip(level.qty).ok_or_else(none)?;
        let level = PriceLevel { price, qty, orders: 0 };
        self.rows.push(Row { side: self.side, level, ts_event: UNDEF_TIME });
        Ok(true)
    }
}

/// Takes the fields of a level.
#[derive(Debug, Default)]
struct Level {
    price: Option<Decimal>,
    qty: Option<Decimal>,
}

impl<'de> Fields<'de> for Level {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "price" => self.price = Some(map.next_value::<Exact>()?.0),
            "qty" => self.qty = map.next_value::<Exact>()?.quantity(),
            _ => skip(map)?,
        }
        Ok(())
    }
}
