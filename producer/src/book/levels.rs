//! The order book of one instrument, level by level (L2).
//!
//! A venue that tells quantities by price says for each level the quantity that it has now; 0
//! deletes it. [`LevelBook`] keeps them exactly: prices as integers with as many decimals as the
//! instrument needs, quantities as they were sent, and for both how many decimals they were sent
//! with, as the checksums of the venues are made of that text.
//!
//! Venues that send the best N levels only say so: what falls out at the far end is no longer
//! theirs to delete. [`LevelBook::take_beyond`] takes those levels out, one by one, so that the
//! caller can tell its readers.
//!
//! Cost of an update: one search in a sorted array whose best level is last, where nearly all
//! changes are; no allocation once the array has grown.

use super::Side;
use crate::decimal::{Decimal, power_of_ten};

/// The quantity at one price.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Row {
    /// Price, with the book's decimals.
    price: i64,
    qty: i64,
    orders: u32,
    /// Decimals of the quantity, and those that it was sent with.
    qty_decimals: u8,
    qty_sent: u8,
    /// Decimals that the price was sent with.
    sent: u8,
}

/// As small as it can be: a new level moves all that are better.
const _: () = assert!(size_of::<Row>() == 24);

impl Row {
    #[inline]
    fn new(price: i64, level: &PriceLevel) -> Self {
        let Decimal { mantissa, decimals, sent } = level.qty;
        Self {
            price,
            qty: mantissa,
            orders: level.orders,
            qty_decimals: decimals,
            qty_sent: sent,
            sent: level.price.sent,
        }
    }
}

/// A level of the book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PriceLevel {
    /// Its price, as it was sent.
    pub price: Decimal,
    /// Its quantity, as it was sent.
    pub qty: Decimal,
    /// Number of orders; 0 where the venue does not tell.
    pub orders: u32,
}

/// What an update did to the book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum LevelChange {
    /// A level is new.
    Added,
    /// A level has another quantity.
    Modified,
    /// A level is gone.
    Removed,
    /// A level that was not there was deleted: venues do that, and it changes nothing.
    Absent,
    /// The price has more digits than the book can hold.
    Refused,
}

/// The levels of one instrument.
#[derive(Clone, Debug)]
pub struct LevelBook {
    bids: Vec<Row>,
    asks: Vec<Row>,
    decimals: u8,
    depth: usize,
    /// The best level that was touched, counted from 0; [`UNCHANGED`] if none was.
    changed: usize,
}

/// No level.
const UNCHANGED: usize = usize::MAX;

impl LevelBook {
    /// Creates an empty book that holds `depth` levels a side.
    #[must_use]
    pub fn new(depth: usize) -> Self {
        Self { bids: Vec::new(), asks: Vec::new(), decimals: 0, depth, changed: UNCHANGED }
    }

    /// Takes all levels out.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
        self.changed = 0;
    }

    /// Changes how many levels a side holds.
    pub fn set_depth(&mut self, depth: usize) {
        self.depth = depth;
    }

    /// Gives a level its quantity; 0 deletes it.
    pub fn set(&mut self, side: Side, level: &PriceLevel) -> LevelChange {
        let Some(price) = self.price(level.price) else {
            return LevelChange::Refused;
        };
        let rows = match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        };
        let at = match side {
            Side::Bid => position(rows, |row| row.price < price),
            Side::Ask => position(rows, |row| row.price > price),
        };
        let before = rows.len();
        let row = Row::new(price, level);
        let change = match rows.get_mut(at).filter(|found| found.price == price) {
            Some(_) if level.qty.mantissa == 0 => {
                rows.remove(at);
                LevelChange::Removed
            }
            Some(found) => {
                *found = row;
                LevelChange::Modified
            }
            None if level.qty.mantissa == 0 => LevelChange::Absent,
            None => {
                rows.insert(at, row);
                LevelChange::Added
            }
        };
        if change != LevelChange::Absent {
            self.changed = self.changed.min(before.max(rows.len()) - 1 - at);
        }
        change
    }

    /// Returns the best level of either side that was touched since the last call, counted from 0:
    /// those before it are what they were. `None` if none was.
    pub fn take_changed(&mut self) -> Option<usize> {
        Some(std::mem::replace(&mut self.changed, UNCHANGED)).filter(|at| *at != UNCHANGED)
    }

    /// Takes out one level that is beyond the depth, the farthest of its side.
    pub fn take_beyond(&mut self) -> Option<(Side, PriceLevel)> {
        let decimals = self.decimals;
        for (side, rows) in [(Side::Bid, &mut self.bids), (Side::Ask, &mut self.asks)] {
            if rows.len() > self.depth {
                return Some((side, level(&rows.remove(0), decimals)));
            }
        }
        None
    }

    /// Returns the best level of a side.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<PriceLevel> {
        self.levels(side).next()
    }

    /// Returns the levels of a side, the best first.
    pub fn levels(&self, side: Side) -> impl ExactSizeIterator<Item = PriceLevel> {
        self.rows(side).iter().rev().map(|row| level(row, self.decimals))
    }

    /// Returns whether the best bid is at or above the best ask.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        match (self.bids.last(), self.asks.last()) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            _ => false,
        }
    }

    /// Returns whether a price has come that has more decimals than these.
    #[must_use]
    pub fn has_more_decimals_than(&self, decimals: u8) -> bool {
        self.decimals > decimals
    }

    fn rows(&self, side: Side) -> &[Row] {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    /// Returns the price with the book's decimals, after giving the book as many as it needs.
    fn price(&mut self, price: Decimal) -> Option<i64> {
        if let Some(more) = price.decimals.checked_sub(self.decimals)
            && more > 0
        {
            let factor = power_of_ten(more)?;
            let mut rows = self.bids.iter().chain(&self.asks);
            if !rows.all(|row| row.price.checked_mul(factor).is_some()) {
                return None;
            }
            for row in self.bids.iter_mut().chain(&mut self.asks) {
                row.price *= factor;
            }
            self.decimals = price.decimals;
        }
        price.rescaled(self.decimals)
    }
}

/// Returns how many rows are worse, which come first. Most changes are near the best.
#[inline]
fn position(rows: &[Row], is_worse: impl Fn(&Row) -> bool) -> usize {
    let mut from = 0;
    for near in [NEAR, FAR] {
        let begin = rows.len().saturating_sub(near);
        if rows.get(begin).is_none_or(&is_worse) {
            from = begin;
            break;
        }
    }
    from + rows.get(from..).unwrap_or_default().partition_point(is_worse)
}

/// Levels from the best among which a level is looked for first, and then.
const NEAR: usize = 32;
const FAR: usize = 256;

/// The level of a row in a book with these decimals.
fn level(row: &Row, decimals: u8) -> PriceLevel {
    let own = decimals.min(row.sent);
    let divisor = power_of_ten(decimals - own).unwrap_or(1);
    let qty = Decimal { mantissa: row.qty, decimals: row.qty_decimals, sent: row.qty_sent };
    let price = Decimal { mantissa: row.price / divisor, decimals: own, sent: row.sent };
    PriceLevel { price, qty, orders: row.orders }
}

#[cfg(test)]
mod tests;
