//! The order book of one instrument, order by order (L3).
//!
//! [`Book::apply`] takes the records of a ring as they come. What changes the book, and what does
//! not, follows DBN, with one addition for venues that say a fill in one message:
//!
//! | action | effect |
//! |---|---|
//! | `A` | the order is added; an id that is there already is replaced and counted |
//! | `C` | `size` is taken off the order, which leaves the book at 0 |
//! | `M` | the order has this price, side and size from now on |
//! | `R` | the book is empty |
//! | `T`, `N` | none: a trade names the aggressor, which never rested |
//! | `F` without LAST | none: the `C` or `M` that follows in the same event takes the quantity off |
//! | `F` with LAST | as `C`: nothing follows that could take the quantity off |
//!
//! The last two rows agree on every input. CME's data in DBN follows each fill by `C` or `M` and
//! never flags a fill LAST (6,371 of 6,371 fills of the session in the tests); ITCH says execution
//! and reduction in one message, which becomes a trade and a fill flagged LAST.
//!
//! A crossed or locked book is a state like any other (auctions have them): [`Book::is_crossed`]
//! tells.
//!
//! Cost of an update: one hash look-up and one look at the level, which is found by its distance in
//! ticks from the best one; no allocation once the arrays have grown to the session's size.

mod ladder;
pub mod levels;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tickring::record::{Mbo, UNDEF_PRICE};
use tickring::record::{action, flag, side};

pub use ladder::Level;

use crate::order_id::OrderIdHash;
use ladder::Ladder;

/// A side of the book.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Side {
    /// Buy orders.
    Bid,
    /// Sell orders.
    Ask,
}

impl Side {
    /// Returns the side that a record's letter names, `None` for neither.
    #[must_use]
    pub const fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            side::BID => Some(Self::Bid),
            side::ASK => Some(Self::Ask),
            _ => None,
        }
    }

    /// Returns the letter of this side in a record.
    #[must_use]
    pub const fn letter(self) -> u8 {
        match self {
            Self::Bid => side::BID,
            Self::Ask => side::ASK,
        }
    }

    /// Returns the other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }
}

/// A resting order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Order {
    /// Limit price, 1e-9.
    pub price: i64,
    /// Quantity left.
    pub size: u32,
    /// Side.
    pub side: Side,
}

/// What a record did to the book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Applied {
    /// The book changed.
    Changed,
    /// The record says nothing about resting orders.
    Unchanged,
    /// The record names an order that is not in the book, or more than is left of it. `M` put the
    /// order in, as it says all about it; `C` and `F` did what they could.
    Unknown,
    /// The record cannot be applied: no side, no price, or an unknown action.
    Refused,
}

/// The orders of one instrument with the levels that they make.
#[derive(Clone, Debug)]
pub struct Book {
    orders: HashMap<u64, Order, OrderIdHash>,
    /// Bids, then asks.
    ladders: [Ladder; 2],
    /// The best level that has changed, counted from 0; [`UNCHANGED`] if none has.
    changed: usize,
    unknown: u64,
    refused: u64,
}

/// No level.
const UNCHANGED: usize = usize::MAX;

impl Book {
    /// Creates an empty book.
    #[must_use]
    pub fn new() -> Self {
        Self {
            orders: HashMap::default(),
            ladders: [Ladder::new(Side::Bid), Ladder::new(Side::Ask)],
            changed: UNCHANGED,
            unknown: 0,
            refused: 0,
        }
    }

    /// Applies one record; the caller sees to it that it is one of this instrument.
    pub fn apply(&mut self, record: &Mbo) -> Applied {
        let applied = match record.action {
            action::ADD => self.add(record),
            action::CANCEL => self.reduce(record),
            action::MODIFY => self.modify(record),
            action::CLEAR => {
                self.clear();
                Applied::Changed
            }
            action::FILL if record.flags & flag::LAST != 0 => self.reduce(record),
            action::FILL | action::TRADE | action::NONE => Applied::Unchanged,
            _ => Applied::Refused,
        };
        match applied {
            Applied::Unknown => self.unknown += 1,
            Applied::Refused => self.refused += 1,
            Applied::Changed | Applied::Unchanged => {}
        }
        applied
    }

    /// Takes out all orders.
    pub fn clear(&mut self) {
        self.orders.clear();
        self.ladders.iter_mut().for_each(Ladder::clear);
        self.changed = 0;
    }

    /// Returns the highest bid level.
    #[must_use]
    pub fn best_bid(&self) -> Option<Level> {
        self.ladder(Side::Bid).best()
    }

    /// Returns the lowest ask level.
    #[must_use]
    pub fn best_ask(&self) -> Option<Level> {
        self.ladder(Side::Ask).best()
    }

    /// Returns whether the best bid is at or above the best ask.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        match (self.best_bid(), self.best_ask()) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            _ => false,
        }
    }

    /// Returns the levels of a side, the best first.
    pub fn levels(&self, side: Side) -> impl ExactSizeIterator<Item = Level> {
        self.ladder(side).iter()
    }

    /// Returns the best level of either side that was touched since the last call, counted from 0:
    /// those before it are what they were. `None` if none was.
    pub fn take_changed(&mut self) -> Option<usize> {
        Some(std::mem::replace(&mut self.changed, UNCHANGED)).filter(|at| *at != UNCHANGED)
    }

    /// Returns the order with this id.
    #[must_use]
    pub fn order(&self, order_id: u64) -> Option<&Order> {
        self.orders.get(&order_id)
    }

    /// Returns how many orders rest.
    #[must_use]
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// Returns how many records named an order that was not there, or was there already, or had
    /// less left.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Returns how many records could not be applied.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn add(&mut self, record: &Mbo) -> Applied {
        let Some(order) = resting(record) else {
            return Applied::Refused;
        };
        let (applied, changed) = match self.orders.insert(record.order_id, order) {
            None => (Applied::Changed, self.ladder_mut(order.side).add(order.price, order.size)),
            Some(old) if (old.side, old.price) == (order.side, order.price) => {
                let ladder = self.ladder_mut(old.side);
                (Applied::Unknown, ladder.resize(old.price, old.size, order.size))
            }
            Some(old) => {
                let left = self.ladder_mut(old.side).take(old.price, old.size, true);
                let entered = self.ladder_mut(order.side).add(order.price, order.size);
                (Applied::Unknown, left.min(entered))
            }
        };
        self.changed = self.changed.min(changed);
        applied
    }

    fn modify(&mut self, record: &Mbo) -> Applied {
        match self.add(record) {
            // To modify is to replace: an id that is there already is the normal case.
            Applied::Unknown => Applied::Changed,
            Applied::Changed => Applied::Unknown,
            other => other,
        }
    }

    fn reduce(&mut self, record: &Mbo) -> Applied {
        let Entry::Occupied(mut entry) = self.orders.entry(record.order_id) else {
            return Applied::Unknown;
        };
        let order = *entry.get();
        let taken = record.size.min(order.size);
        let gone = taken == order.size;
        if gone {
            entry.remove();
        } else {
            entry.get_mut().size -= taken;
        }
        let changed = self.ladder_mut(order.side).take(order.price, taken, gone);
        self.changed = self.changed.min(changed);
        if taken == record.size { Applied::Changed } else { Applied::Unknown }
    }

    #[inline]
    fn ladder(&self, side: Side) -> &Ladder {
        let [bids, asks] = &self.ladders;
        if side == Side::Bid { bids } else { asks }
    }

    #[inline]
    fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        let [bids, asks] = &mut self.ladders;
        if side == Side::Bid { bids } else { asks }
    }
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the order that a record describes, `None` if it has no side or no price.
fn resting(record: &Mbo) -> Option<Order> {
    let side = Side::from_letter(record.side)?;
    (record.price != UNDEF_PRICE).then_some(Order { price: record.price, size: record.size, side })
}

#[cfg(test)]
mod tests;
