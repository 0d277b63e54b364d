//! From the cells of a row to a record.

use tickring::Instrument;
use tickring::record::{
    DeltaW, Quote, QuoteW, Record, Trade, TradeW, UNDEF_PRICE, UNDEF_TIME, action, family, flag,
    side,
};
use tickring::schema::Kind;

use super::decimal::{scaled, whole};
use super::fault::{At, Fault};
use super::map::{ColumnMap, RowKind};
use super::time::Clock;
use super::{Field, Row};
use crate::instrument::{Numbered, Symbols};
use crate::source::Count;

/// Decimals of a price in a record.
const PRICE_DECIMALS: u8 = 9;

/// What tells the rows of one event from those of the next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Key {
    pub(super) instrument_id: u32,
    pub(super) ts_event: u64,
    pub(super) ts_recv: u64,
    sequence: u64,
    pub(super) is_snapshot: bool,
}

/// A row that can be a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shaped {
    pub(super) key: Key,
    pub(super) body: Body,
    /// The instrument, if this is its first row.
    pub(super) new: Option<Instrument>,
}

/// The record of a row, without the flags that tell of its neighbours.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    Trade(Trade),
    TradeW(TradeW),
    Quote(Quote),
    QuoteW(QuoteW),
    Delta(DeltaW),
    /// As many levels as the row has; they are given apart.
    Book,
}

/// Makes records of rows.
#[derive(Debug)]
pub(super) struct Shaper {
    kind: RowKind,
    clock: Clock,
    is_whole: bool,
    qty_decimals: u8,
    symbol: Vec<u8>,
    publisher_id: u16,
    symbols: Symbols,
    bad_ts_recv: u64,
    unknown_sides: u64,
    unknown_ids: u64,
    unlisted: u64,
}

impl Shaper {
    pub(super) fn new(map: &ColumnMap) -> Self {
        Self {
            kind: map.kind,
            clock: map.clock(),
            is_whole: map.is_whole(),
            qty_decimals: map.qty_decimals,
            symbol: map.symbol.clone().unwrap_or_default().into_bytes(),
            publisher_id: map.publisher_id,
            symbols: Symbols::default(),
            bad_ts_recv: 0,
            unknown_sides: 0,
            unknown_ids: 0,
            unlisted: 0,
        }
    }

    /// Returns the kinds of its records.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        match (self.kind, self.is_whole) {
            (RowKind::Trade, true) => Trade::kinds(),
            (RowKind::Trade, false) => TradeW::kinds(),
            (RowKind::Quote, true) => Quote::kinds(),
            (RowKind::Quote, false) => QuoteW::kinds(),
            (RowKind::Delta | RowKind::Book, _) => DeltaW::kinds(),
        }
    }

    /// Makes a row a record; the levels of a book go to `levels`.
    ///
    /// # Errors
    /// Which field is at fault, and how.
    pub(super) fn shape(&mut self, row: &Row<'_>, levels: &mut Vec<DeltaW>) -> Result<Shaped, At> {
        let ts_event = self.time(row, Field::Ts)?;
        let ts_recv = match row.get(Field::TsRecv) {
            [] => UNDEF_TIME,
            _ => self.time(row, Field::TsRecv)?,
        };
        let sequence = match row.get(Field::Sequence) {
            [] => 0,
            text => whole(text).map_err(|fault| fault.of(Field::Sequence))?,
        };
        let is_snapshot = self.kind == RowKind::Book || is_true(row)?;
        let key = Key { instrument_id: 0, ts_event, ts_recv, sequence, is_snapshot };
        let body = match (self.kind, self.is_whole) {
            (RowKind::Trade, is_whole) => self.trade(row, &key, is_whole)?,
            (RowKind::Quote, is_whole) => self.quote(row, &key, is_whole)?,
            (RowKind::Delta, _) => Body::Delta(self.delta(row, &key)?),
            (RowKind::Book, _) => {
                self.levels(row, &key, levels)?;
                Body::Book
            }
        };
        // Last: a row that is refused names no instrument.
        let symbol = match row.get(Field::Symbol) {
            [] => &self.symbol,
            symbol => symbol,
        };
        let Numbered { instrument_id, is_new } = self.symbols.number(symbol);
        let new = if is_new { self.instrument(instrument_id, row) } else { None };
        let mut shaped = Shaped { key: Key { instrument_id, ..key }, body, new };
        shaped.name(instrument_id);
        levels.iter_mut().for_each(|level| level.header.instrument_id = instrument_id);
        self.bad_ts_recv += u64::from(ts_recv < ts_event);
        Ok(shaped)
    }

    /// Returns what was odd about records that were given.
    pub(super) fn anomalies(&self) -> impl Iterator<Item = Count> {
        [
            ("ts_recv before ts_event", self.bad_ts_recv),
            ("side not known", self.unknown_sides),
            ("id is not a number of 64 bits", self.unknown_ids),
            ("symbol longer than 72 bytes or with a NUL", self.unlisted),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| Count::new(name, count))
    }

    fn time(&self, row: &Row<'_>, field: Field) -> Result<u64, At> {
        let text = present(row, field)?;
        let ns = self.clock.read(text).map_err(|fault| fault.of(field))?;
        if ns == UNDEF_TIME { Err(Fault::Range.of(field)) } else { Ok(ns) }
    }

    /// The instrument of a row as the directory lists it.
    fn instrument(&mut self, instrument_id: u32, row: &Row<'_>) -> Option<Instrument> {
        let symbol = match row.get(Field::Symbol) {
            [] => &self.symbol,
            symbol => symbol,
        };
        let symbol = String::from_utf8_lossy(symbol);
        let Ok(mut instrument) = Instrument::new(self.publisher_id, instrument_id, &symbol) else {
            self.unlisted += 1;
            return None;
        };
        if !self.is_whole {
            instrument.family = family::WIDE;
            instrument.qty_decimals = self.qty_decimals;
            instrument.qty_exp = self.qty_exp();
        }
        Some(instrument)
    }

    /// The exponent of quantities: at most 18 decimals.
    fn qty_exp(&self) -> i8 {
        i8::try_from(self.qty_decimals).map_or(0, |decimals| -decimals)
    }

    fn trade(&mut self, row: &Row<'_>, key: &Key, is_whole: bool) -> Result<Body, At> {
        let price = price(row, Field::Price)?;
        let size = self.size(present(row, Field::Size)?, Field::Size)?;
        let side = match row.get(Field::BuyerMaker) {
            [] => self.aggressor(row.get(Field::Side)),
            text => match truth(text).ok_or(Fault::Bool.of(Field::BuyerMaker))? {
                true => side::ASK,
                false => side::BID,
            },
        };
        let trade_id = match row.get(Field::Id) {
            [] => 0,
            text => whole(text).unwrap_or_else(|_| {
                self.unknown_ids += 1;
                0
            }),
        };
        let (flags, ts_recv) = (flag::LAST | clock_flag(key), key.ts_recv);
        if is_whole {
            let size = u32::try_from(size).map_err(|_| Fault::Range.of(Field::Size))?;
            let sequence = low_word(key.sequence);
            let empty = Trade::empty(self.publisher_id, 0, key.ts_event);
            let trade = Trade { price, size, side, flags, ts_recv, sequence, trade_id, ..empty };
            return Ok(Body::Trade(trade));
        }
        let (qty, qty_exp) = (size, self.qty_exp());
        let empty = TradeW::empty(self.publisher_id, 0, key.ts_event);
        Ok(Body::TradeW(TradeW { price, qty, ts_recv, trade_id, flags, side, qty_exp, ..empty }))
    }

    fn quote(&self, row: &Row<'_>, key: &Key, is_whole: bool) -> Result<Body, At> {
        // A side may be empty: there is none then.
        let price = |field| match row.get(field) {
            [] => Ok(UNDEF_PRICE),
            _ => price(row, field),
        };
        let size = |field| match row.get(field) {
            [] => Ok(0),
            text => self.size(text, field),
        };
        let (bid_px, ask_px) = (price(Field::Bid)?, price(Field::Ask)?);
        let (bid_qty, ask_qty) = (size(Field::BidSize)?, size(Field::AskSize)?);
        let ts_recv = key.ts_recv;
        if !is_whole {
            let empty = QuoteW::empty(self.publisher_id, 0, key.ts_event);
            return Ok(Body::QuoteW(QuoteW { bid_px, ask_px, bid_qty, ask_qty, ts_recv, ..empty }));
        }
        let narrow = |size, field: Field| u32::try_from(size).map_err(|_| Fault::Range.of(field));
        Ok(Body::Quote(Quote {
            bid_px,
            ask_px,
            ts_recv,
            bid_sz: narrow(bid_qty, Field::BidSize)?,
            ask_sz: narrow(ask_qty, Field::AskSize)?,
            sequence: low_word(key.sequence),
            flags: flag::LAST | flag::TOB | clock_flag(key),
            ..Quote::empty(self.publisher_id, 0, key.ts_event)
        }))
    }

    fn delta(&self, row: &Row<'_>, key: &Key) -> Result<DeltaW, At> {
        let side = side_of(present(row, Field::Side)?).ok_or(Fault::Side.of(Field::Side))?;
        let price = price(row, Field::Price)?;
        let qty = self.size(present(row, Field::Size)?, Field::Size)?;
        let action = match (qty, key.is_snapshot) {
            (0, _) => action::CANCEL,
            (_, true) => action::ADD,
            (_, false) => action::MODIFY,
        };
        Ok(DeltaW { price, qty, side, action, ..self.level(key) })
    }

    /// The levels of a book: those that have a price.
    fn levels(&self, row: &Row<'_>, key: &Key, levels: &mut Vec<DeltaW>) -> Result<(), At> {
        let cells = row.levels;
        for &[bid, bid_size, ask, ask_size] in cells.columns {
            let sides = [
                (side::BID, bid, Field::Bid, bid_size, Field::BidSize),
                (side::ASK, ask, Field::Ask, ask_size, Field::AskSize),
            ];
            for (side, price, price_field, size, size_field) in sides {
                let text = cells.cell(price);
                if text.is_empty() {
                    continue;
                }
                let price = scaled(text, PRICE_DECIMALS).map_err(|fault| fault.of(price_field))?;
                let qty = self.size(cells.cell(size), size_field)?;
                levels.push(DeltaW { price, qty, side, action: action::ADD, ..self.level(key) });
            }
        }
        Ok(())
    }

    /// A record of a level of the book of this event.
    fn level(&self, key: &Key) -> DeltaW {
        let snapshot = if key.is_snapshot { flag::SNAPSHOT } else { 0 };
        DeltaW {
            ts_recv: key.ts_recv,
            sequence: key.sequence,
            flags: snapshot | clock_flag(key),
            qty_exp: self.qty_exp(),
            ..DeltaW::empty(self.publisher_id, 0, key.ts_event)
        }
    }

    /// A record that clears the book before a snapshot.
    pub(super) fn clear(&self, key: &Key) -> DeltaW {
        let mut record = DeltaW { action: action::CLEAR, ..self.level(key) };
        record.header.instrument_id = key.instrument_id;
        record
    }

    fn size(&self, text: &[u8], field: Field) -> Result<i64, At> {
        let decimals = if self.is_whole { 0 } else { self.qty_decimals };
        match scaled(text, decimals) {
            Ok(size) if size >= 0 => Ok(size),
            Ok(_) => Err(Fault::Range.of(field)),
            Err(fault) => Err(fault.of(field)),
        }
    }

    fn aggressor(&mut self, text: &[u8]) -> u8 {
        side_of(text).unwrap_or_else(|| {
            self.unknown_sides += u64::from(!text.is_empty());
            side::NONE
        })
    }
}

impl Shaped {
    fn name(&mut self, instrument_id: u32) {
        let header = match &mut self.body {
            Body::Trade(record) => &mut record.header,
            Body::TradeW(record) => &mut record.header,
            Body::Quote(record) => &mut record.header,
            Body::QuoteW(record) => &mut record.header,
            Body::Delta(record) => &mut record.header,
            Body::Book => return,
        };
        header.instrument_id = instrument_id;
    }
}

/// The text of a field that must be there.
fn present<'r>(row: &'r Row<'_>, field: Field) -> Result<&'r [u8], At> {
    match row.get(field) {
        [] => Err(Fault::Missing.of(field)),
        text => Ok(text),
    }
}

fn price(row: &Row<'_>, field: Field) -> Result<i64, At> {
    scaled(present(row, field)?, PRICE_DECIMALS).map_err(|fault| fault.of(field))
}

/// The flag of records whose receipt is before their event.
fn clock_flag(key: &Key) -> u8 {
    if key.ts_recv < key.ts_event { flag::BAD_TS_RECV } else { 0 }
}

/// The low 32 bits of a sequence, as records of DBN have them.
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn low_word(sequence: u64) -> u32 {
    sequence as u32
}

fn side_of(text: &[u8]) -> Option<u8> {
    let is = |names: &[&str]| names.iter().any(|name| text.eq_ignore_ascii_case(name.as_bytes()));
    if is(&["b", "bid", "bids", "buy"]) {
        Some(side::BID)
    } else if is(&["a", "s", "ask", "asks", "offer", "sell"]) {
        Some(side::ASK)
    } else {
        None
    }
}

fn truth(text: &[u8]) -> Option<bool> {
    let is = |names: &[&str]| names.iter().any(|name| text.eq_ignore_ascii_case(name.as_bytes()));
    if is(&["true", "1", "t", "yes", "snap", "snapshot"]) {
        Some(true)
    } else if is(&["false", "0", "f", "no", "set", "update"]) {
        Some(false)
    } else {
        None
    }
}

/// Whether the row says that it is of a snapshot.
fn is_true(row: &Row<'_>) -> Result<bool, At> {
    match row.get(Field::Snapshot) {
        [] => Ok(false),
        text => truth(text).ok_or(Fault::Bool.of(Field::Snapshot)),
    }
}
