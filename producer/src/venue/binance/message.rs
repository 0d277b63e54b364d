//! The fields of Binance's messages.
//!
//! A message is read by a [scanner](super::super::scan) of the form in which nearly all are
//! written, and again by a parser of all JSON if it is in another one. Both give the same.

use serde::de::MapAccess;
use tickring::record::UNDEF_TIME;

use crate::book::Side;
use crate::venue::json::{self, Cells, Field, Levels, Object, Scalar, skip};
use crate::venue::market::{Row, Stamp};
use crate::venue::scan::Scanner;

/// A combined stream wraps a message once.
const MOST_WRAPS: u8 = 2;

/// The fields of a message that are of interest.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fields<'a> {
    pub(super) stream: Scalar<'a>,
    pub(super) kind: Scalar<'a>,
    pub(super) symbol: Scalar<'a>,
    pub(super) first: Scalar<'a>,
    pub(super) last: Scalar<'a>,
    pub(super) previous: Scalar<'a>,
    pub(super) snapshot: Scalar<'a>,
    pub(super) sent: Scalar<'a>,
    pub(super) time: Scalar<'a>,
    pub(super) trade: Scalar<'a>,
    pub(super) price: Scalar<'a>,
    pub(super) qty: Scalar<'a>,
    pub(super) bid: Scalar<'a>,
    pub(super) bid_qty: Scalar<'a>,
    pub(super) ask: Scalar<'a>,
    pub(super) ask_qty: Scalar<'a>,
    pub(super) maker: Scalar<'a>,
    pub(super) is_refusal: bool,
}

impl<'a> Fields<'a> {
    /// Reads a message and its levels into these fields, which are all blank; `None` if it is not
    /// JSON, or no object.
    pub(super) fn read(&mut self, message: &'a [u8], rows: &mut Vec<Row>) -> Option<()> {
        scan(message, self, rows).or_else(|| {
            // What was read before it was clear that the message is not written as usual.
            *self = Self::default();
            rows.clear();
            parse(message, self, rows)
        })
    }

    /// The field of a key that has no levels; `None` for what is of no interest, after noting
    /// that the venue refuses something.
    #[inline]
    fn field(&mut self, key: &[u8]) -> Option<&mut Scalar<'a>> {
        Some(match key {
            b"stream" => &mut self.stream,
            b"e" => &mut self.kind,
            b"s" | b"symbol" => &mut self.symbol,
            b"U" => &mut self.first,
            b"u" => &mut self.last,
            b"pu" => &mut self.previous,
            b"lastUpdateId" => &mut self.snapshot,
            b"E" => &mut self.sent,
            b"T" => &mut self.time,
            b"t" => &mut self.trade,
            b"p" => &mut self.price,
            b"q" => &mut self.qty,
            b"m" => &mut self.maker,
            b"b" | b"bids" => &mut self.bid,
            b"a" | b"asks" => &mut self.ask,
            b"B" => &mut self.bid_qty,
            b"A" => &mut self.ask_qty,
            b"error" | b"code" => {
                self.is_refusal = true;
                return None;
            }
            _ => return None,
        })
    }

    pub(super) fn kind(&self) -> &str {
        match self.kind.text() {
            Some(kind) => kind,
            None if self.snapshot.unsigned().is_some() => "snapshot",
            None if self.bid.text().is_some() && self.ask.text().is_some() => "bookTicker",
            None => "",
        }
    }

    pub(super) fn stamp(&self, ts_recv: u64) -> Stamp {
        let sent = self.sent.milliseconds();
        Stamp {
            ts_event: self.time.milliseconds().or(sent).unwrap_or(UNDEF_TIME),
            ts_sent: sent.unwrap_or(UNDEF_TIME),
            ts_recv,
            sequence: self.last.unsigned().unwrap_or(0),
        }
    }
}

/// Reads a message that is written as nearly all are; `None` for any other.
fn scan<'a>(message: &'a [u8], fields: &mut Fields<'a>, rows: &mut Vec<Row>) -> Option<()> {
    let mut scanner = Scanner::new(message);
    scan_object(&mut scanner, fields, rows, 0)?;
    scanner.is_at_end().then_some(())
}

/// Reads the fields of an object, as [`Reading`] does.
fn scan_object<'a>(
    scanner: &mut Scanner<'a>,
    fields: &mut Fields<'a>,
    rows: &mut Vec<Row>,
    wraps: u8,
) -> Option<()> {
    scanner.take(b"{")?;
    loop {
        let key = scanner.key()?;
        match (key, scanner.peek()?) {
            (b"data", _) if wraps + 1 < MOST_WRAPS => {
                scan_object(scanner, fields, rows, wraps + 1)?;
            }
            (b"b" | b"bids", b'[') => {
                scanner.levels(Side::Bid, rows)?;
                fields.bid = Scalar::Other;
            }
            (b"a" | b"asks", b'[') => {
                scanner.levels(Side::Ask, rows)?;
                fields.ask = Scalar::Other;
            }
            _ => {
                let value = scanner.scalar()?;
                if let Some(field) = fields.field(key) {
                    *field = value;
                }
            }
        }
        if !scanner.goes_on(b'}')? {
            return Some(());
        }
    }
}

/// Reads any message.
fn parse<'a>(message: &'a [u8], fields: &mut Fields<'a>, rows: &mut Vec<Row>) -> Option<()> {
    json::read(message, Object(&mut Reading { fields, rows, wraps: 0 }))
}

/// Reads a message into its fields and levels.
struct Reading<'f, 'a, 'r> {
    fields: &'f mut Fields<'a>,
    rows: &'r mut Vec<Row>,
    wraps: u8,
}

impl<'de: 'a, 'a> json::Fields<'de> for Reading<'_, 'a, '_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let Self { fields, rows, wraps } = self;
        match key {
            "data" if *wraps + 1 < MOST_WRAPS => {
                let wraps = *wraps + 1;
                map.next_value_seed(Object(&mut Reading { fields, rows, wraps }))?;
            }
            "b" | "bids" => fields.bid = map.next_value_seed(levels(Side::Bid, rows))?,
            "a" | "asks" => fields.ask = map.next_value_seed(levels(Side::Ask, rows))?,
            key => match fields.field(key.as_bytes()) {
                Some(field) => *field = map.next_value()?,
                None => skip(map)?,
            },
        }
        Ok(())
    }
}

/// A field that may be one side of a book.
fn levels(side: Side, rows: &mut Vec<Row>) -> Field<'_> {
    Field { levels: Some(Levels { cells: Cells::PriceQty, side, ts_event: 0, rows }) }
}

#[cfg(test)]
mod tests;
