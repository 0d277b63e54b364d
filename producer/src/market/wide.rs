//! Prices with fractional quantities: levels that are told one by one, or a best bid and offer.
//!
//! Each level has an exponent of its own in its record, and is kept exactly. What is told of a
//! market has one exponent for all its quantities, that of the instrument directory: a quantity
//! that is no whole number of such units is told as [`UNHELD`].

use tickring::record::{DeltaW, LevelW, QuoteW, UNDEF_PRICE, action, flag};

use super::DEPTH;
use super::instrument::Top;
use crate::book::levels::{LevelBook, LevelChange, PriceLevel};
use crate::book::{self, Applied, Side};
use crate::decimal::{Decimal, power_of_ten};

/// The size of a level whose quantity is no whole number of the instrument's units.
pub(crate) const UNHELD: u64 = u64::MAX;
/// Decimals of prices in records.
const PRICE_DECIMALS: u8 = 9;
/// Levels of a side that are kept, at most: as many as sources tell.
const MOST_LEVELS: usize = 1 << 16;

/// The levels of one instrument.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    book: LevelBook,
    /// Every level since the last clear has been taken.
    is_whole: bool,
}

impl Levels {
    pub(super) fn new() -> Self {
        Self { book: LevelBook::new(MOST_LEVELS), is_whole: true }
    }

    /// Takes one level.
    pub(super) fn apply(&mut self, record: &DeltaW) -> Applied {
        if record.action == action::CLEAR {
            self.book.clear();
            self.is_whole = true;
            return Applied::Changed;
        }
        if record.price == UNDEF_PRICE && record.flags & flag::MAYBE_BAD_BOOK != 0 {
            // A price that records cannot hold. Where it is among the best, the source says so with
            // each event.
            return Applied::Unchanged;
        }
        let level = level(record).and_then(|(side, level)| match self.book.set(side, &level) {
            LevelChange::Refused => None,
            change => Some(change),
        });
        let is_beyond = std::iter::from_fn(|| self.book.take_beyond()).count() > 0;
        self.is_whole &= level.is_some() && !is_beyond;
        if level.is_some() { Applied::Changed } else { Applied::Refused }
    }

    pub(super) fn clear(&mut self) {
        self.book.clear();
        self.is_whole = true;
    }

    /// Returns whether nothing that was told is missing.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Returns the best level that was touched since the last call, counted from 0.
    pub(super) fn take_changed(&mut self) -> Option<usize> {
        self.book.take_changed()
    }

    /// Returns the best levels, sizes in units of 10^`exponent`.
    pub(super) fn top(&self, exponent: i8) -> Top {
        let best = |side| {
            let level = self.book.best(side)?;
            let size = units(level.qty, exponent).unwrap_or(UNHELD);
            Some(book::Level { price: price(&level), size, orders: level.orders })
        };
        Top { bid: best(Side::Bid), ask: best(Side::Ask) }
    }

    /// Writes the best levels, undefined where there are fewer, and returns their exponent:
    /// `exponent`, or a finer one that holds them all exactly. `None` if none does.
    pub(super) fn best(&self, exponent: i8, to: &mut [LevelW; DEPTH]) -> Option<i8> {
        if self.write(exponent, to).is_some() {
            return Some(exponent);
        }
        let best = [Side::Bid, Side::Ask].map(|side| self.book.levels(side).take(DEPTH));
        let finest = best.into_iter().flatten().map(|level| level.qty.decimals).max()?;
        let exponent = i8::try_from(finest).ok()?.checked_neg()?;
        self.write(exponent, to).map(|()| exponent)
    }

    fn write(&self, exponent: i8, to: &mut [LevelW; DEPTH]) -> Option<()> {
        let (mut bids, mut asks) = (self.book.levels(Side::Bid), self.book.levels(Side::Ask));
        let side = |level: Option<PriceLevel>| {
            let Some(level) = level else { return Some((UNDEF_PRICE, 0, 0)) };
            let qty = i64::try_from(units(level.qty, exponent)?).ok()?;
            Some((price(&level), qty, level.orders))
        };
        for to in to {
            let (bid_px, bid_qty, bid_ct) = side(bids.next())?;
            let (ask_px, ask_qty, ask_ct) = side(asks.next())?;
            *to = LevelW { bid_px, ask_px, bid_qty, ask_qty, bid_ct, ask_ct };
        }
        Some(())
    }
}

/// Returns the best levels that a quote tells, sizes in the instrument's units.
pub(super) fn top_of(quote: &QuoteW) -> Top {
    let side = |price: i64, qty: i64| {
        let size = u64::try_from(qty).unwrap_or(UNHELD);
        (price != UNDEF_PRICE).then_some(book::Level { price, size, orders: 0 })
    };
    Top { bid: side(quote.bid_px, quote.bid_qty), ask: side(quote.ask_px, quote.ask_qty) }
}

/// Returns a quantity of a record in units of 10^`exponent`; [`UNHELD`] if it is no whole number
/// of them.
pub(super) fn size(qty: i64, qty_exp: i8, exponent: i8) -> u64 {
    decimal(qty, qty_exp).and_then(|qty| units(qty, exponent)).unwrap_or(UNHELD)
}

/// Returns the level that a record tells; `None` if it has no side, no price or no quantity.
fn level(record: &DeltaW) -> Option<(Side, PriceLevel)> {
    let side = Side::from_letter(record.side)?;
    let qty = decimal(record.qty, record.qty_exp).filter(|qty| qty.mantissa >= 0)?;
    let decimals = PRICE_DECIMALS;
    let price = Decimal { mantissa: record.price, decimals, sent: decimals };
    let level = PriceLevel { price, qty, orders: record.order_ct };
    (record.price != UNDEF_PRICE).then_some((side, level))
}

fn price(level: &PriceLevel) -> i64 {
    level.price.rescaled(PRICE_DECIMALS).unwrap_or(UNDEF_PRICE)
}

/// Returns mantissa × 10^exponent, if that has a [`Decimal`].
fn decimal(mantissa: i64, exponent: i8) -> Option<Decimal> {
    let (mantissa, decimals) = match u8::try_from(exponent) {
        Ok(zeros) => (mantissa.checked_mul(power_of_ten(zeros)?)?, 0),
        Err(_) => (mantissa, exponent.unsigned_abs()),
    };
    power_of_ten(decimals).map(|_| Decimal { mantissa, decimals, sent: decimals })
}

/// Returns a quantity in units of 10^`exponent`, if it is a whole number of them.
fn units(qty: Decimal, exponent: i8) -> Option<u64> {
    let mantissa = match u8::try_from(exponent) {
        Ok(zeros) => {
            let (whole, unit) = (qty.rescaled(0)?, power_of_ten(zeros)?);
            (whole % unit == 0).then_some(whole / unit)?
        }
        Err(_) => qty.rescaled(exponent.unsigned_abs())?,
    };
    u64::try_from(mantissa).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickring::record::{Record, side};

    fn delta(side: u8, price: i64, qty: i64, qty_exp: i8) -> DeltaW {
        DeltaW { action: action::ADD, side, price, qty, qty_exp, ..DeltaW::empty(1, 7, 5) }
    }

    #[test]
    fn quantities_are_told_in_the_units_of_the_instrument_or_not_at_all() {
        // Quantity, its exponent, the instrument's, units.
        let cases = [
            (15, -1, -8, 150_000_000),
            (150, -2, -1, 15),
            (15, -2, -1, UNHELD),
            (15, 2, 0, 1_500),
            (1_500, 0, 2, 15),
            (1_501, 0, 2, UNHELD),
            (0, -8, 0, 0),
            (-1, 0, 0, UNHELD),
            (i64::MAX, 0, -1, UNHELD),
            (1, -19, -8, UNHELD),
            (1, 19, 0, UNHELD),
        ];
        for (qty, qty_exp, exponent, expected) in cases {
            assert_eq!(size(qty, qty_exp, exponent), expected, "{qty}e{qty_exp} in e{exponent}");
        }
    }

    #[test]
    fn levels_that_the_exponent_cannot_hold_get_a_finer_one() {
        let mut levels = Levels::new();
        let blank = LevelW { bid_px: 0, ask_px: 0, bid_qty: 0, ask_qty: 0, bid_ct: 0, ask_ct: 0 };
        let mut found = [blank; DEPTH];
        assert_eq!(levels.apply(&delta(side::BID, 100, 5, 0)), Applied::Changed);
        assert_eq!(levels.best(-2, &mut found), Some(-2));
        assert_eq!((found[0].bid_qty, found[0].ask_px), (500, UNDEF_PRICE));
        assert_eq!(levels.apply(&delta(side::ASK, 101, 5, -3)), Applied::Changed);
        assert_eq!(levels.best(-2, &mut found), Some(-3));
        assert_eq!((found[0].bid_qty, found[0].ask_qty), (5_000, 5));
        assert_eq!(levels.top(-2).ask.map(|level| level.size), Some(UNHELD));
        // One that is too large for the exponent that another needs.
        assert_eq!(levels.apply(&delta(side::BID, 99, i64::MAX, 0)), Applied::Changed);
        assert_eq!(levels.best(-2, &mut found), None);
    }

    #[test]
    fn a_level_that_cannot_be_taken_makes_the_book_incomplete_until_it_is_cleared() {
        let mut levels = Levels::new();
        assert!(levels.is_whole());
        for bad in [
            delta(side::NONE, 100, 1, 0),
            delta(side::BID, UNDEF_PRICE, 1, 0),
            delta(side::BID, 100, -1, 0),
            delta(side::BID, 100, 1, -20),
        ] {
            assert_eq!(levels.apply(&bad), Applied::Refused, "{bad:?}");
            assert!(!levels.is_whole());
            let clear = DeltaW { action: action::CLEAR, ..DeltaW::empty(1, 7, 5) };
            assert_eq!(levels.apply(&clear), Applied::Changed);
            assert!(levels.is_whole());
        }
    }
}
