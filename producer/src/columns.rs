//! Market data in rows of text: which cell of a row is which field of a record.
//!
//! ```text
//! line ──► cells (CSV: by header or position, JSON: by pointer) ──► ColumnMap ──► record
//! ```
//!
//! A [`ColumnMap`] names the kind of the rows, the cell of each [`Field`], and how times and
//! quantities are written; [`preset()`] has some for well-known files. Numbers are read from their
//! text, exactly; a row that cannot be a record is refused and counted, with its line.
//!
//! | kind of rows | needs | may have | record |
//! |---|---|---|---|
//! | `trade` | ts, price, size | side or buyer_maker, id, sequence | `trade_w`, or `trade` |
//! | `quote` | ts, bid, ask | bid_size, ask_size, sequence | `quote_w`, or `quote` |
//! | `delta` | ts, price, size, side | sequence, snapshot | `delta_w`, one level a row |
//! | `book` | ts, bid, ask, bid_size, ask_size | sequence | `delta_w`, a whole book a row |
//!
//! All may have `ts_recv` and `symbol`. Quantities with decimals are records of the wide family
//! with one exponent for the file, which the instrument directory tells; whole ones
//! ([`ColumnMap::qty_decimals`] 0), and quotes without any, are records as in DBN.
//!
//! Rows of `delta` that follow each other with the same times, symbol and sequence are one event:
//! its last record is flagged LAST. The first row of a snapshot is preceded by a record that clears
//! the book, and so is each row of `book`.

mod decimal;
mod fault;
pub(crate) mod lines;
mod map;
mod preset;
pub(crate) mod rows;
mod shape;
mod time;

use std::borrow::Cow;

use thiserror::Error;

pub use fault::Fault;
pub use map::{Column, ColumnMap, RowKind};
pub use preset::{PRESETS, preset};
pub use time::TimeFormat;

/// Says why a text file cannot be published, or not further.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file has no bytes.
    #[error("empty file: expected rows, found 0 bytes; get the file again")]
    Empty,
    /// The file does not have a column of the map.
    #[error(
        "no column {name:?} for {field}: expected one of the first row's cells: {found}; name a \
         column of the file, or its number such as #1"
    )]
    Column {
        /// The column that the map names.
        name: String,
        /// The field it is for.
        field: &'static str,
        /// What the first row has.
        found: String,
    },
    /// A row cannot be a record, and the caller wanted to know at once.
    #[error("line {line}, {field}: {fault}, found {found:?}; correct the map or the file")]
    Row {
        /// Number of the line, from 1.
        line: u64,
        /// The field, or `row`.
        field: &'static str,
        /// What is wrong with it.
        fault: Fault,
        /// The line, as far as its first 200 bytes.
        found: String,
    },
}

/// What a cell of a row is to a record.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Field {
    /// Time of the event by the venue's clock.
    Ts,
    /// Time of receipt by the capturing host's clock.
    TsRecv,
    /// Symbol of the instrument.
    Symbol,
    /// Price of a trade or a level.
    Price,
    /// Quantity of a trade or a level; of a level, 0 deletes it.
    Size,
    /// Aggressor of a trade, or side of a level.
    Side,
    /// Whether the buyer was the resting side of a trade.
    BuyerMaker,
    /// Trade id of the venue, a number.
    Id,
    /// Sequence number of the venue.
    Sequence,
    /// Best bid price; of a book, the bid price of level `{}`.
    Bid,
    /// Best ask price; of a book, the ask price of level `{}`.
    Ask,
    /// Quantity at the best bid; of a book, at level `{}`.
    BidSize,
    /// Quantity at the best ask; of a book, at level `{}`.
    AskSize,
    /// Whether the row is of a snapshot.
    Snapshot,
}

impl Field {
    /// All fields.
    pub const ALL: [Self; 14] = [
        Self::Ts,
        Self::TsRecv,
        Self::Symbol,
        Self::Price,
        Self::Size,
        Self::Side,
        Self::BuyerMaker,
        Self::Id,
        Self::Sequence,
        Self::Bid,
        Self::Ask,
        Self::BidSize,
        Self::AskSize,
        Self::Snapshot,
    ];

    /// Returns the name that maps use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ts => "ts",
            Self::TsRecv => "ts_recv",
            Self::Symbol => "symbol",
            Self::Price => "price",
            Self::Size => "size",
            Self::Side => "side",
            Self::BuyerMaker => "buyer_maker",
            Self::Id => "id",
            Self::Sequence => "sequence",
            Self::Bid => "bid",
            Self::Ask => "ask",
            Self::BidSize => "bid_size",
            Self::AskSize => "ask_size",
            Self::Snapshot => "snapshot",
        }
    }
}

/// The cells of one row.
#[derive(Debug, Default)]
pub(crate) struct Row<'a> {
    /// The text of each field, empty where there is none.
    pub(crate) cells: [Cow<'a, [u8]>; Field::ALL.len()],
    /// Of a book, what its levels are made of.
    pub(crate) levels: Levels<'a>,
}

impl<'a> Row<'a> {
    /// Returns the text of a field, empty if there is none.
    fn get(&self, field: Field) -> &[u8] {
        self.cells.get(field as usize).map_or(&[], |cell| cell)
    }

    pub(crate) fn set(&mut self, field: Field, text: Cow<'a, [u8]>) {
        if let Some(cell) = self.cells.get_mut(field as usize) {
            *cell = text;
        }
    }
}

/// The cells of the levels of a book, which are as many as the file has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Levels<'a> {
    /// The texts of the whole row, without delimiters.
    pub(crate) text: &'a [u8],
    /// Where each cell ends in it.
    pub(crate) ends: &'a [usize],
    /// Of each level the numbers of its cells: bid and quantity, ask and quantity.
    pub(crate) columns: &'a [[usize; 4]],
}

impl<'a> Levels<'a> {
    /// Returns the text of a cell, empty if the row does not have it.
    pub(crate) fn cell(self, number: usize) -> &'a [u8] {
        let start = match number.checked_sub(1) {
            None => Some(0),
            Some(before) => self.ends.get(before).copied(),
        };
        let end = self.ends.get(number).copied();
        start.zip(end).and_then(|(start, end)| self.text.get(start..end)).unwrap_or_default()
    }
}
