//! OKX, public WebSocket version 5.
//!
//! Channel messages are `{"arg": {"channel", "instId"}, "action", "data": […]}`:
//!
//! | channel | records | times |
//! |---|---|---|
//! | `books`, `books-l2-tbt`, `books50-l2-tbt` | snapshot: the book, between R and LAST; update: a DeltaW for each level, the last flagged LAST | `ts` |
//! | `books5` | each message is a whole book | `ts` |
//! | `trades`, `trades-all` | a TradeW for each | `ts` |
//! | `bbo-tbt`, replies, `pong` | none: quotes are made from the book | |
//!
//! Each update names the one before it (`prevSeqId`); another one than the last seen is a gap.
//! Where the venue sends a checksum, it is the signed CRC32 of the 25 best levels as they were
//! sent, bid and ask in turn, with colons between price and quantity. Either failure costs the
//! book, and a new snapshot is asked for.
//!
//! Source: OKX API guide, "Order book channel", 2025.

use serde::de::{Error as _, MapAccess, SeqAccess};
use tickring::WrongKind;
use tickring::record::{UNDEF_TIME, book_state};

use super::count::Anomaly;
use super::json::{self, Array, Cells, Fields, Items, Levels, Object, Scalar, skip};
use super::market::{Deal, Loss, Market, Row, Stamp, aggressor};
use super::{Message, Outcome};
use crate::book::Side;
use crate::book::levels::{LevelBook, PriceLevel};
use crate::source::Sink;

/// Levels of a side that a checksum is made of.
const CHECKED: usize = 25;

/// What this venue needs to know of each instrument, and room.
#[derive(Debug, Default)]
pub(super) struct Okx {
    /// The last sequence of each instrument's book.
    last: Vec<Option<i64>>,
    items: Vec<Item>,
    text: Vec<u8>,
}

/// One element of a message's data, without what borrows from the message.
#[derive(Clone, Copy, Debug)]
struct Item {
    ts_event: u64,
    deal: Option<Deal>,
    /// Where its levels end in the array of all levels.
    end: usize,
    checksum: Option<i64>,
    previous: Option<i64>,
    sequence: Option<i64>,
}

#[derive(Debug, Default)]
struct Parts<'a> {
    event: Scalar<'a>,
    channel: Scalar<'a>,
    symbol: Scalar<'a>,
    action: Scalar<'a>,
}

impl Okx {
    /// Reads one message.
    pub(super) fn message<S: Sink>(
        &mut self,
        market: &mut Market,
        rows: &mut Vec<Row>,
        message: Message<'_>,
        sink: &mut S,
    ) -> Result<Outcome, WrongKind> {
        if message.bytes == b"pong" {
            market.counts.input("pong", 1);
            return Ok(Outcome::Taken);
        }
        self.items.clear();
        let mut parts = Parts::default();
        let mut reading = Reading { parts: &mut parts, rows, items: &mut self.items };
        if json::read(message.bytes, Object(&mut reading)).is_none() {
            return Ok(Outcome::Malformed);
        }
        if let Some(event) = parts.event.text() {
            market.counts.input(if event == "error" { "error" } else { "event" }, 1);
            return Ok(if event == "error" { Outcome::Refused } else { Outcome::Taken });
        }
        let (Some(channel), Some(symbol)) = (parts.channel.text(), parts.symbol.text()) else {
            return Ok(Outcome::Malformed);
        };
        match channel {
            "trades" | "trades-all" => self.trades(market, symbol, message.ts_recv, sink),
            "books" | "books-l2-tbt" | "books50-l2-tbt" | "books5" => {
                let is_whole = channel == "books5" || parts.action.word() == "snapshot";
                market.counts.input(if is_whole { "snapshot" } else { "update" }, 1);
                let Some(index) = market.instrument(symbol, sink) else {
                    return Ok(Outcome::Taken);
                };
                let mut begin = 0;
                for at in 0..self.items.len() {
                    let Some(&item) = self.items.get(at) else { break };
                    let own = rows.get(begin..item.end).unwrap_or(&[]);
                    begin = item.end;
                    self.book(market, index, (item, own), is_whole, message.ts_recv, sink)?;
                }
                Ok(Outcome::Taken)
            }
            "bbo-tbt" => {
                market.counts.input("bbo-tbt", 1);
                Ok(Outcome::Taken)
            }
            _ => {
                market.counts.input("other", 1);
                Ok(Outcome::Taken)
            }
        }
    }

    /// Forgets the sequences: a new connection begins anew.
    pub(super) fn reset(&mut self) {
        self.last.clear();
    }

    fn trades<S: Sink>(
        &mut self,
        market: &mut Market,
        symbol: &str,
        ts_recv: u64,
        sink: &mut S,
    ) -> Result<Outcome, WrongKind> {
        let Some(index) = market.instrument(symbol, sink) else { return Ok(Outcome::Taken) };
        for item in &self.items {
            let Some(deal) = &item.deal else { return Ok(Outcome::Malformed) };
            market.counts.input("trade", 1);
            market.trade(index, stamp(item, ts_recv), deal, 0, sink)?;
        }
        Ok(Outcome::Taken)
    }

    fn book<S: Sink>(
        &mut self,
        market: &mut Market,
        index: usize,
        (item, rows): (Item, &[Row]),
        is_whole: bool,
        ts_recv: u64,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        if self.last.len() <= index {
            self.last.resize(index + 1, None);
        }
        let last = self.last.get(index).copied().flatten();
        let is_synced = market.state(index) == book_state::SYNCED;
        if !is_whole
            && is_synced
            && let (Some(last), Some(previous)) = (last, item.previous)
            && last != previous
        {
            market.counts.anomaly(Anomaly::SequenceJump);
            let behind = |id: i64| u64::try_from(id.saturating_add(1)).unwrap_or(0);
            market.lose(index, Loss::jump(behind(last), behind(previous)), ts_recv, sink)?;
        }
        if let Some(last) = self.last.get_mut(index) {
            *last = item.sequence;
        }
        let text = &mut self.text;
        let is_right = |book: &LevelBook| {
            item.checksum.is_none_or(|sent| sent == i64::from(checksum(book, text)))
        };
        market.book_event(index, stamp(&item, ts_recv), rows, is_whole, is_right, sink)
    }
}

fn stamp(item: &Item, ts_recv: u64) -> Stamp {
    let sequence = item.sequence.and_then(|id| u64::try_from(id).ok()).unwrap_or(0);
    Stamp { ts_event: item.ts_event, ts_sent: UNDEF_TIME, ts_recv, sequence }
}

/// Returns the checksum that the venue would send for a book.
fn checksum(book: &LevelBook, text: &mut Vec<u8>) -> i32 {
    text.clear();
    let mut bids = book.levels(Side::Bid).take(CHECKED);
    let mut asks = book.levels(Side::Ask).take(CHECKED);
    loop {
        let pair = [bids.next(), asks.next()];
        if pair == [None, None] {
            break;
        }
        for PriceLevel { price, qty, .. } in pair.into_iter().flatten() {
            if !text.is_empty() {
                text.push(b':');
            }
            price.write(text);
            text.push(b':');
            qty.write(text);
        }
    }
    crc32fast::hash(text).cast_signed()
}

/// Takes the fields of a message.
struct Reading<'p, 'a, 'r> {
    parts: &'p mut Parts<'a>,
    rows: &'r mut Vec<Row>,
    items: &'r mut Vec<Item>,
}

impl<'de: 'a, 'a> Fields<'de> for Reading<'_, 'a, '_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "event" => self.parts.event = map.next_value()?,
            "action" => self.parts.action = map.next_value()?,
            "arg" => map.next_value_seed(Object(&mut Argument(self.parts)))?,
            "data" => {
                let mut data = Data { rows: self.rows, items: self.items };
                map.next_value_seed(Array(&mut data))?;
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// Takes which channel and instrument a message is of.
struct Argument<'p, 'a>(&'p mut Parts<'a>);

impl<'de: 'a, 'a> Fields<'de> for Argument<'_, 'a> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "channel" => self.0.channel = map.next_value()?,
            "instId" => self.0.symbol = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// Takes the elements of `data`.
struct Data<'r> {
    rows: &'r mut Vec<Row>,
    items: &'r mut Vec<Item>,
}

impl<'de> Items<'de> for Data<'_> {
    fn item<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let begin = self.rows.len();
        let [time, price, qty, id, taker] = [const { Scalar::Other }; 5];
        let [checksum, previous, sequence] = [None; 3];
        let rows = &mut *self.rows;
        let mut element =
            Element { time, price, qty, id, taker, checksum, previous, sequence, rows };
        if seq.next_element_seed(Object(&mut element))?.is_none() {
            return Ok(false);
        }
        let Element { time, price, qty, id, taker, checksum, previous, sequence, .. } = element;
        let none = || A::Error::custom("expected a time in milliseconds");
        let ts_event = time.milliseconds().ok_or_else(none)?;
        self.rows.iter_mut().skip(begin).for_each(|row| row.ts_event = ts_event);
        let numbers = price.decimal().zip(qty.quantity()).zip(id.unsigned());
        let deal = numbers.map(|((price, qty), trade_id)| {
            let aggressor = aggressor(taker.word());
            Deal { price, qty, trade_id, aggressor }
        });
        let end = self.rows.len();
        self.items.push(Item { ts_event, deal, end, checksum, previous, sequence });
        Ok(true)
    }
}

/// Takes the fields of a trade or a book.
struct Element<'a, 'r> {
    time: Scalar<'a>,
    price: Scalar<'a>,
    qty: Scalar<'a>,
    id: Scalar<'a>,
    taker: Scalar<'a>,
    checksum: Option<i64>,
    previous: Option<i64>,
    sequence: Option<i64>,
    rows: &'r mut Vec<Row>,
}

impl<'de: 'a, 'a> Fields<'de> for Element<'a, '_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "ts" => self.time = map.next_value()?,
            "px" => self.price = map.next_value()?,
            "sz" => self.qty = map.next_value()?,
            "tradeId" => self.id = map.next_value()?,
            "side" => self.taker = map.next_value()?,
            "checksum" => self.checksum = map.next_value::<Scalar<'de>>()?.whole(),
            "prevSeqId" => self.previous = map.next_value::<Scalar<'de>>()?.whole(),
            "seqId" => self.sequence = map.next_value::<Scalar<'de>>()?.whole(),
            "bids" | "asks" => {
                let side = if key == "bids" { Side::Bid } else { Side::Ask };
                let cells = Cells::PriceQtyOrders;
                map.next_value_seed(Levels { cells, side, ts_event: 0, rows: self.rows })?;
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}
