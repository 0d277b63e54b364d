//! Kraken, WebSocket version 1.
//!
//! Channel messages are arrays `[channel id, payload…, channel name, pair]`, others are objects:
//!
//! | message | records | times |
//! |---|---|---|
//! | `book-N` with `as` and `bs` | the book, between R and LAST | each level's own |
//! | `book-N` with `a` or `b` | a DeltaW for each level, the last flagged LAST | each level's own |
//! | `trade` | a TradeW for each | the trade's own |
//! | `spread`, events | none | |
//!
//! The book holds the best N levels, and what falls out at the far end is published as deleted: the
//! venue does not say it, but means it. Each update carries the CRC32 of the ten best asks and
//! bids, of which price and quantity are written without point and leading zeros; an update whose
//! checksum is not that of the book here costs the book, and a new snapshot is asked for.
//!
//! Source: docs.kraken.com, "WebSocket API v1" and "Spot Websockets (v1): Book Checksum", 2025.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use tickring::WrongKind;
use tickring::record::UNDEF_TIME;

use super::json::{self, Cells, Levels, Scalar, Skip, Text, cell};
use super::market::{Deal, Market, Row, Stamp, aggressor};
use super::{Message, Outcome, time};
use crate::book::Side;
use crate::book::levels::LevelBook;
use crate::decimal::Decimal;
use crate::source::Sink;

/// Levels of a side that a checksum is made of.
const CHECKED: usize = 10;

/// What this venue needs between messages: room.
#[derive(Debug, Default)]
pub(super) struct Kraken {
    deals: Vec<(Deal, u64)>,
}

/// The parts of a message that are of interest.
#[derive(Debug, Default)]
struct Parts<'a> {
    event: Scalar<'a>,
    status: Scalar<'a>,
    /// Name of the channel, and pair.
    words: [Option<Text<'a>>; 2],
    checksum: Option<u32>,
    is_snapshot: bool,
    is_book: bool,
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
        self.deals.clear();
        let mut parts = Parts::default();
        let reading = Reading { parts: &mut parts, rows, deals: &mut self.deals };
        if json::read(message.bytes, reading).is_none() {
            return Ok(Outcome::Malformed);
        }
        if parts.event.text().is_some() {
            return Ok(event(market, &parts));
        }
        let [Some(channel), Some(pair)] = &parts.words else {
            return Ok(Outcome::Malformed);
        };
        match channel.as_str().split_once('-') {
            Some(("book", depth)) if parts.is_book => {
                let Ok(depth) = depth.parse() else { return Ok(Outcome::Malformed) };
                let kind = if parts.is_snapshot { "snapshot" } else { "book" };
                market.counts.input(kind, 1);
                let Some(index) = market.instrument(pair.as_str(), sink) else {
                    return Ok(Outcome::Taken);
                };
                market.set_depth(index, depth);
                let ts_event = rows.iter().map(|row| row.ts_event).max();
                let stamp = stamp(ts_event, message.ts_recv);
                let is_right =
                    |book: &LevelBook| parts.checksum.is_none_or(|c| c == checksum(book));
                market
                    .book_event(index, stamp, rows, parts.is_snapshot, is_right, sink)
                    .map(|()| Outcome::Taken)
            }
            None if channel.as_str() == "trade" => {
                market.counts.input("trade", count(self.deals.len()));
                let Some(index) = market.instrument(pair.as_str(), sink) else {
                    return Ok(Outcome::Taken);
                };
                for (deal, ts_event) in &self.deals {
                    let stamp = stamp(Some(*ts_event), message.ts_recv);
                    market.trade(index, stamp, deal, 0, sink)?;
                }
                Ok(Outcome::Taken)
            }
            _ => {
                market.counts.input("other", 1);
                Ok(Outcome::Taken)
            }
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn stamp(ts_event: Option<u64>, ts_recv: u64) -> Stamp {
    let ts_event = ts_event.unwrap_or(UNDEF_TIME);
    Stamp { ts_event, ts_sent: UNDEF_TIME, ts_recv, sequence: 0 }
}

/// Counts a message about the connection.
fn event(market: &mut Market, parts: &Parts<'_>) -> Outcome {
    let name = match parts.event.word() {
        "heartbeat" => "heartbeat",
        "systemStatus" => "systemStatus",
        "subscriptionStatus" => "subscriptionStatus",
        "pong" => "pong",
        "error" => "error",
        _ => "other",
    };
    market.counts.input(name, 1);
    let is_refusal = parts.status.word() == "error" || name == "error";
    if is_refusal { Outcome::Refused } else { Outcome::Taken }
}

/// Returns the checksum that the venue would send for a book.
pub(super) fn checksum(book: &LevelBook) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    let mut digits = Vec::with_capacity(64);
    for side in [Side::Ask, Side::Bid] {
        for level in book.levels(side).take(CHECKED) {
            digits.clear();
            level.price.write_digits(&mut digits);
            level.qty.write_digits(&mut digits);
            hasher.update(&digits);
        }
    }
    hasher.finalize()
}

/// Reads a message into its parts.
struct Reading<'p, 'a, 'r> {
    parts: &'p mut Parts<'a>,
    rows: &'r mut Vec<Row>,
    deals: &'r mut Vec<(Deal, u64)>,
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for Reading<'_, 'a, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Reading<'_, 'a, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a message: an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match key.as_str() {
                "event" => self.parts.event = map.next_value()?,
                "status" => self.parts.status = map.next_value()?,
                _ => {
                    let _: Skip = map.next_value()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { parts, rows, deals } = self;
        while seq.next_element_seed(Part { parts, rows, deals })?.is_some() {}
        Ok(())
    }
}

/// Reads one element of a channel's message.
struct Part<'p, 'a, 'r> {
    parts: &'p mut Parts<'a>,
    rows: &'r mut Vec<Row>,
    deals: &'r mut Vec<(Deal, u64)>,
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for Part<'_, 'a, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Part<'_, 'a, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number, levels, trades or a name")
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, word: &'de str) -> Result<(), E> {
        self.parts.word(Text::borrowed(word));
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<(), E> {
        self.parts.word(Text::owned(word));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { parts, rows, .. } = self;
        parts.is_book = true;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let side = match key.as_str() {
                "b" | "bs" => Side::Bid,
                "a" | "as" => Side::Ask,
                "c" => {
                    let sent = map.next_value::<Scalar<'de>>()?.unsigned();
                    let sent = sent.and_then(|sent| u32::try_from(sent).ok());
                    let none = || serde::de::Error::custom("expected a checksum of 32 bits");
                    parts.checksum = Some(sent.ok_or_else(none)?);
                    continue;
                }
                _ => {
                    let _: Skip = map.next_value()?;
                    continue;
                }
            };
            parts.is_snapshot |= key.as_str().len() == 2;
            let cells = Cells::PriceQtyTime;
            map.next_value_seed(Levels { cells, side, ts_event: 0, rows })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(deal) = seq.next_element_seed(Trade)? {
            self.deals.extend(deal);
        }
        Ok(())
    }
}

impl<'a> Parts<'a> {
    /// Takes the name of the channel, then the pair.
    fn word(&mut self, word: Text<'a>) {
        let [channel, pair] = &mut self.words;
        *(if channel.is_none() { channel } else { pair }) = Some(word);
    }
}

/// Reads one trade; `None` for an element of something else.
struct Trade;

impl<'de> DeserializeSeed<'de> for Trade {
    type Value = Option<(Deal, u64)>;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Trade {
    type Value = Option<(Deal, u64)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a trade: an array, or a word")
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<Self::Value, A::Error> {
        let price: Scalar<'de> = cell(&mut cells)?;
        let qty: Scalar<'de> = cell(&mut cells)?;
        let time: Scalar<'de> = cell(&mut cells)?;
        let taker: Scalar<'de> = cell(&mut cells)?;
        while cells.next_element::<Skip>()?.is_some() {}
        let numbers: Option<(Decimal, Decimal)> = price.decimal().zip(qty.quantity());
        let trade = numbers.zip(time::seconds(time.word())).map(|((price, qty), ts_event)| {
            let aggressor = aggressor(taker.word());
            (Deal { price, qty, trade_id: 0, aggressor }, ts_event)
        });
        let none = || serde::de::Error::custom("expected price, quantity and time as text");
        Ok(Some(trade.ok_or_else(none)?))
    }
}
