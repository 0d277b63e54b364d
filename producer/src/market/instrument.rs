//! One instrument: where its prices come from, its book, and the event that is under way.

use tickring::record::{
    DeltaW, Level, LevelW, Mbo, Quote, QuoteW, UNDEF_PRICE, action, book_state, flag, side,
    status_action,
};

use super::sync::Sync;
use super::wide;
use crate::book::{self, Book, Side};

/// Levels of a side that a market can tell.
pub const DEPTH: usize = 10;

/// The best levels of both sides. Of a market with [fractional quantities](Market::is_wide) sizes
/// are in units of 10^[`qty_exp`](Market::qty_exp), `u64::MAX` where a quantity is no whole number
/// of these.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Top {
    /// The highest bid.
    pub bid: Option<book::Level>,
    /// The lowest ask.
    pub ask: Option<book::Level>,
}

impl Top {
    /// Returns whether the bid is at or above the ask.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        matches!((self.bid, self.ask), (Some(bid), Some(ask)) if bid.price >= ask.price)
    }

    pub(super) fn of(level: &Level) -> Self {
        let side = |price, size: u32, orders| {
            (price != UNDEF_PRICE).then_some(book::Level { price, size: size.into(), orders })
        };
        Self {
            bid: side(level.bid_px, level.bid_sz, level.bid_ct),
            ask: side(level.ask_px, level.ask_sz, level.ask_ct),
        }
    }
}

/// What an event is about: its trade, or the last of its records that concerns the book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cause {
    /// `A`, `C`, `M`, `R`, `T`, or `N` for none.
    pub action: u8,
    /// `A`, `B` or `N`; of a trade, the aggressor.
    pub side: u8,
    /// Price, 1e-9, or undefined.
    pub price: i64,
    /// Quantity, in units as those of [`Top`].
    pub size: u64,
}

/// Where prices come from.
#[derive(Clone, Debug)]
pub(super) enum Prices {
    /// There are none.
    None,
    Orders,
    Best(Top),
    Levels(Box<[Level; DEPTH]>),
    /// Levels with fractional quantities.
    WideLevels(Box<wide::Levels>),
    /// A best bid and offer with fractional quantities.
    WideBest(Top),
}

/// One instrument.
#[derive(Clone, Debug)]
pub struct Market {
    pub(super) book: Book,
    pub(super) prices: Prices,
    pub(super) sync: Sync,
    /// The state of the book that was last told, a value of [`book_state`].
    pub(super) told: u8,
    pub(super) publisher_id: u16,
    /// The last trading status, 0 if none was told.
    pub(super) status: u16,
    /// What the event under way is about.
    pub(super) cause: Option<Cause>,
    /// Exponent of fractional quantities, as the directory has it.
    pub(super) qty_exp: i8,
    /// The source says the state of the book itself, in the directory.
    pub(super) is_told_state: bool,
    /// A record of the event of levels under way is flagged MAYBE_BAD_BOOK; one of the last event.
    is_event_doubted: bool,
    is_doubted: bool,
}

impl Market {
    pub(super) fn new(publisher_id: u16, sync: Sync) -> Self {
        let (book, prices) = (Book::new(), Prices::None);
        Self {
            book,
            prices,
            sync,
            told: book_state::UNSYNCED,
            publisher_id,
            status: status_action::NONE,
            cause: None,
            qty_exp: 0,
            is_told_state: false,
            is_event_doubted: false,
            is_doubted: false,
        }
    }

    /// Returns whether quantities are fractional: in units of 10^[`qty_exp`](Self::qty_exp).
    #[must_use]
    #[inline]
    pub fn is_wide(&self) -> bool {
        matches!(self.prices, Prices::WideLevels(_) | Prices::WideBest(_))
    }

    /// Returns whether the last event of levels, or a level that could not be taken, makes the
    /// levels doubtful.
    pub(super) fn is_doubtful(&self) -> bool {
        match &self.prices {
            Prices::WideLevels(levels) => self.is_doubted || !levels.is_whole(),
            _ => false,
        }
    }

    /// Returns the exponent of fractional quantities, that of the instrument directory.
    #[must_use]
    pub fn qty_exp(&self) -> i8 {
        self.qty_exp
    }

    /// Returns the best levels.
    #[must_use]
    #[inline]
    pub fn top(&self) -> Top {
        match &self.prices {
            Prices::None => Top::default(),
            Prices::Orders => Top { bid: self.book.best_bid(), ask: self.book.best_ask() },
            Prices::Best(top) | Prices::WideBest(top) => *top,
            Prices::Levels(levels) => {
                let [top, ..] = &**levels;
                Top::of(top)
            }
            Prices::WideLevels(levels) => levels.top(self.qty_exp),
        }
    }

    /// Returns whether there are, or were, prices other than those of trades.
    #[must_use]
    pub fn is_quoted(&self) -> bool {
        !matches!(self.prices, Prices::None)
    }

    /// Writes the ten best levels, undefined where there are fewer; `false` where the source tells
    /// no more than one, and where quantities are [fractional](Self::wide_levels).
    pub fn levels(&self, to: &mut [Level; DEPTH]) -> bool {
        match &self.prices {
            Prices::None | Prices::Best(_) | Prices::WideLevels(_) | Prices::WideBest(_) => {
                return false;
            }
            Prices::Levels(levels) => *to = **levels,
            Prices::Orders => {
                let sides = (self.book.levels(Side::Bid), self.book.levels(Side::Ask));
                let (mut bids, mut asks) = sides;
                for to in to {
                    *to = level(bids.next(), asks.next());
                }
            }
        }
        true
    }

    /// Returns whether the source tells levels with fractional quantities.
    #[must_use]
    pub fn has_wide_levels(&self) -> bool {
        matches!(self.prices, Prices::WideLevels(_))
    }

    /// Writes the ten best levels with fractional quantities, undefined where there are fewer, and
    /// returns their exponent: [`qty_exp`](Self::qty_exp), or a finer one where it is needed.
    /// `None` where the source tells no such levels, and if no exponent holds all of them.
    pub fn wide_levels(&self, to: &mut [LevelW; DEPTH]) -> Option<i8> {
        match &self.prices {
            Prices::WideLevels(levels) => levels.best(self.qty_exp, to),
            _ => None,
        }
    }

    /// Returns the book of orders; empty where the source tells levels.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Takes one order record.
    pub(super) fn order(&mut self, record: &Mbo) {
        let applied = self.book.apply(record);
        self.prices = Prices::Orders;
        self.sync = self.sync.after_order(record.action, record.flags, applied);
        self.note(record.action, record.side, record.price, record.size.into());
    }

    /// Takes one level with a fractional quantity.
    pub(super) fn wide_level(&mut self, record: &DeltaW) {
        if !matches!(self.prices, Prices::WideLevels(_)) {
            self.prices = Prices::WideLevels(Box::new(wide::Levels::new()));
        }
        let Prices::WideLevels(levels) = &mut self.prices else { return };
        let applied = levels.apply(record);
        self.is_event_doubted |= record.flags & flag::MAYBE_BAD_BOOK != 0;
        if record.flags & flag::LAST != 0 {
            self.is_doubted = std::mem::take(&mut self.is_event_doubted);
        }
        if !self.is_told_state {
            self.sync = self.sync.after_order(record.action, record.flags, applied);
        }
        let size = wide::size(record.qty, record.qty_exp, self.qty_exp);
        self.note(record.action, record.side, record.price, size);
    }

    /// Takes a quote of the source's with fractional quantities; `false` if the source tells
    /// levels, which tell more.
    pub(super) fn wide_quote(&mut self, quote: &QuoteW) -> bool {
        if matches!(self.prices, Prices::WideLevels(_)) {
            return false;
        }
        self.prices = Prices::WideBest(wide::top_of(quote));
        if !self.is_told_state {
            self.sync = Sync::after_levels(0);
        }
        self.note(action::NONE, side::NONE, UNDEF_PRICE, 0);
        true
    }

    /// Takes the best level.
    pub(super) fn best(&mut self, top: Top, flags: u8) {
        self.prices = Prices::Best(top);
        self.sync = Sync::after_levels(flags);
    }

    /// Takes all levels.
    pub(super) fn tell(&mut self, levels: &[Level; DEPTH], flags: u8) {
        match &mut self.prices {
            Prices::Levels(own) => **own = *levels,
            other => *other = Prices::Levels(Box::new(*levels)),
        }
        self.sync = Sync::after_levels(flags);
    }

    /// Takes a quote of the source's.
    pub(super) fn quote(&mut self, quote: &Quote) {
        let side = |price, size: u32| {
            let size = size.into();
            (price != UNDEF_PRICE).then_some(book::Level { price, size, orders: 0 })
        };
        let bid = side(quote.bid_px, quote.bid_sz);
        let ask = side(quote.ask_px, quote.ask_sz);
        self.best(Top { bid, ask }, quote.flags);
        self.note(quote.action, quote.side, UNDEF_PRICE, 0);
    }

    /// Empties the book for a new session, in which it begins in this state.
    pub(super) fn reset(&mut self, sync: Sync) {
        self.book.clear();
        self.sync = sync;
        self.status = status_action::NONE;
        self.cause = None;
        match &mut self.prices {
            Prices::None | Prices::Orders => {}
            Prices::Best(top) | Prices::WideBest(top) => *top = Top::default(),
            Prices::WideLevels(levels) => levels.clear(),
            Prices::Levels(levels) => levels.fill(level(None, None)),
        }
    }

    /// Notes what the event under way is about: nothing outdoes a trade.
    #[inline]
    pub(super) fn note(&mut self, action: u8, side: u8, price: i64, size: u64) {
        let is_trade = |cause: &Cause| cause.action == action::TRADE;
        if self.cause.as_ref().is_some_and(is_trade) {
            return;
        }
        let (action, side) = match (action, Side::from_letter(side)) {
            // Told by the order that was hit.
            (action::FILL, Some(resting)) => (action::TRADE, resting.opposite().letter()),
            (action::FILL, None) => (action::TRADE, side),
            _ => (action, side),
        };
        self.cause = Some(Cause { action, side, price, size });
    }
}

/// Returns both sides of a level as records have them.
pub(crate) fn level(bid: Option<book::Level>, ask: Option<book::Level>) -> Level {
    let none = book::Level { price: UNDEF_PRICE, size: 0, orders: 0 };
    let (bid, ask) = (bid.unwrap_or(none), ask.unwrap_or(none));
    let narrow = |size| u32::try_from(size).unwrap_or(u32::MAX);
    Level {
        bid_px: bid.price,
        ask_px: ask.price,
        bid_sz: narrow(bid.size),
        ask_sz: narrow(ask.size),
        bid_ct: bid.orders,
        ask_ct: ask.orders,
    }
}
