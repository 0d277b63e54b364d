//! What a feed knows of each instrument: its book, whether that can be trusted, and the event that
//! is under way.
//!
//! [`Markets::apply`] takes the records of a ring of ticks as they come, and says in an [`Update`]
//! what that made of the instrument's [`Market`]. What is derived from ticks (quotes, levels,
//! features) follows from updates alone, so that one set of books serves all of it.
//!
//! A market takes its prices from what the source has: from orders ([`Mbo`]), from levels
//! ([`Mbp1`], [`Mbp10`]) or from quotes ([`Quote`]); what came last counts. An event is what
//! happened to one instrument at one time: its records up to one flagged LAST. A trade of an
//! instrument that has only trades is an event of its own.
//!
//! The state of each book is a value of [`book_state`](tickring::record::book_state):
//!
//! | what comes | state |
//! |---|---|
//! | its first order, with nothing lost before | Synced: the feed is taken to begin with the session |
//! | its first order after a loss | Stale |
//! | a clear | Synced: the book is known to be empty |
//! | a clear or an order flagged SNAPSHOT | Syncing, up to a record flagged LAST or not SNAPSHOT |
//! | an order that names one which is not there | Stale: the feed began too late, or lost something |
//! | a record flagged MAYBE_BAD_BOOK | Stale |
//! | a record that tells its levels in full | Synced |
//! | a gap: open | all Stale until it is filled |
//! | a gap: filled | all what they would be without it: what was missing has come |
//! | a gap: unrecoverable, reconnect | all Stale until a clear or a snapshot |
//! | a gap: session reset | all empty and as at the beginning |
//! | a gap of this instrument alone, but filled | Stale until a clear or a snapshot |
//! | silence of a live source | all Stale until it is heard again |
//!
//! A gap that tells sequences of which none is missing changes nothing, and neither does a trading
//! status: the book of a halted instrument is a good one.
//!
//! Cost of an update: a look at the instrument and one at its book, no allocation but for an
//! instrument that is seen for the first time and while a book grows.

mod instrument;
mod sync;

use std::any::Any;
use std::collections::HashMap;

use tickring::record::{Gap, Mbo, Mbp1, Mbp10, Quote, Record, RecordHeader, Status, Trade};
use tickring::record::{action, flag, status_action};

pub use instrument::{Cause, DEPTH, Market, Top};

use crate::book::Book;
use crate::order_id::OrderIdHash;
use instrument::Prices;
pub(crate) use instrument::level;
use sync::{Loss, Sync, Whole};

/// A trade, as features and closing prices need it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Traded {
    /// Price, 1e-9, or undefined.
    pub price: i64,
    /// Quantity.
    pub size: u32,
    /// The aggressor: `A` sold, `B` bought, `N` not known.
    pub side: u8,
}

/// What a record made of a market.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// The market after it.
    pub market: &'a Market,
    /// The number of the instrument: from 0 in the order in which instruments were first seen.
    pub place: usize,
    /// The record's header.
    pub header: RecordHeader,
    /// When the record was received.
    pub ts_recv: u64,
    /// The record's time of sending, in ns before `ts_recv`.
    pub ts_in_delta: i32,
    /// The record's sequence at the venue.
    pub sequence: u32,
    /// The record's channel.
    pub channel_id: u8,
    /// The record's flags.
    pub flags: u8,
    /// State of the book, a value of [`book_state`](tickring::record::book_state).
    pub state: u8,
    /// Whether this record changed that state.
    pub is_new_state: bool,
    /// The trade that it tells of.
    pub traded: Option<Traded>,
    /// Whether it ends an event.
    pub ends_event: bool,
    /// What the event is about that it ends.
    pub cause: Option<Cause>,
    /// The best level that has changed in this event, counted from 0; `None` if none has.
    pub changed: Option<usize>,
    /// Whether orders are collected without being matched, as before an auction, so that a crossed
    /// book is to be expected; `None` if no trading status was told.
    pub is_collecting: Option<bool>,
}

impl Update<'_> {
    /// Returns whether the record is part of a snapshot.
    #[must_use]
    pub fn is_snapshot(&self) -> bool {
        self.flags & flag::SNAPSHOT != 0
    }
}

/// All instruments of a feed.
#[derive(Clone, Debug)]
pub struct Markets {
    places: HashMap<u32, usize, OrderIdHash>,
    markets: Vec<Market>,
    whole: Whole,
    /// The last trading status of the venue.
    status: u16,
}

/// What the records of all kinds that change a market have in common.
struct Common {
    header: RecordHeader,
    ts_recv: u64,
    ts_in_delta: i32,
    sequence: u32,
    channel_id: u8,
    flags: u8,
}

/// Reads the common fields of a record that has them all but perhaps a channel.
macro_rules! common {
    ($record:expr, $channel_id:expr, $ts_in_delta:expr) => {
        Common {
            header: $record.header,
            ts_recv: $record.ts_recv,
            ts_in_delta: $ts_in_delta,
            sequence: $record.sequence,
            channel_id: $channel_id,
            flags: $record.flags,
        }
    };
}

/// The channel of a record that does not tell it.
const NO_CHANNEL: u8 = u8::MAX;

impl Markets {
    /// Creates markets of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        let (places, markets) = (HashMap::default(), Vec::new());
        Self { places, markets, whole: Whole::new(), status: status_action::NONE }
    }

    /// Takes one record, and says what it made of its instrument. `None` for kinds that change no
    /// market; of these, trading statuses are noted.
    #[inline]
    pub fn apply<R: Record>(&mut self, record: &R) -> Option<Update<'_>> {
        let record = record as &dyn Any;
        if let Some(mbo) = record.downcast_ref::<Mbo>() {
            let traded = traded(mbo.action, mbo.side, mbo.price, mbo.size);
            let common = common!(mbo, mbo.channel_id, mbo.ts_in_delta);
            self.update(common, traded, |market| market.order(mbo))
        } else if let Some(trade) = record.downcast_ref::<Trade>() {
            let (action, side, price, size) = (trade.action, trade.side, trade.price, trade.size);
            let common = common!(trade, NO_CHANNEL, trade.ts_in_delta);
            self.update(common, traded(action, side, price, size), |market| {
                market.note(action, side, price, size);
            })
        } else if let Some(book) = record.downcast_ref::<Mbp1>() {
            let (action, side, price, size) = (book.action, book.side, book.price, book.size);
            let [top] = &book.levels;
            let common = common!(book, NO_CHANNEL, book.ts_in_delta);
            self.update(common, traded(action, side, price, size), |market| {
                market.best(Top::of(top), book.flags);
                market.note(action, side, price, size);
            })
        } else if let Some(book) = record.downcast_ref::<Mbp10>() {
            let (action, side, price, size) = (book.action, book.side, book.price, book.size);
            let common = common!(book, NO_CHANNEL, book.ts_in_delta);
            self.update(common, traded(action, side, price, size), |market| {
                market.tell(&book.levels, book.flags);
                market.note(action, side, price, size);
            })
        } else if let Some(quote) = record.downcast_ref::<Quote>() {
            self.update(common!(quote, quote.channel_id, 0), None, |market| {
                market.quote(quote);
            })
        } else {
            if let Some(status) = record.downcast_ref::<Status>() {
                self.note_status(status);
            }
            None
        }
    }

    /// Takes a gap record; `true` if the states of books may have changed.
    pub fn gap(&mut self, gap: &Gap) -> bool {
        if gap.header.instrument_id != 0 {
            let place = self.place(&gap.header);
            if let Some(market) = self.markets.get_mut(place) {
                market.sync = market.sync.after_gap(gap);
                market.told = self.whole.state(market.sync);
            }
            return true;
        }
        let loss = self.whole.gap(gap);
        for market in &mut self.markets {
            match loss {
                Loss::Lost => market.sync = Sync::Stale,
                Loss::Reset => market.reset(self.whole.first()),
                Loss::None | Loss::Suspended => {}
            }
            market.told = self.whole.state(market.sync);
        }
        loss != Loss::None
    }

    /// Notes whether a live source is silent; `true` if the states of books have changed by it.
    pub fn set_silent(&mut self, silent: bool) -> bool {
        let is_new = self.whole.hear(silent);
        if is_new {
            for market in &mut self.markets {
                market.told = self.whole.state(market.sync);
            }
        }
        is_new
    }

    /// Returns the publisher, the id and the state of the book of every instrument, in no order.
    pub fn states(&self) -> impl Iterator<Item = (u16, u32, u8)> {
        self.places.iter().filter_map(|(id, place)| {
            let market = self.markets.get(*place)?;
            Some((market.publisher_id, *id, self.whole.state(market.sync)))
        })
    }

    /// Returns how many order records named an order that was not there, and how many could not
    /// be applied, see [`Book::unknown`] and [`Book::refused`].
    #[must_use]
    pub fn misfits(&self) -> (u64, u64) {
        let books = || self.markets.iter().map(|market| &market.book);
        (books().map(Book::unknown).sum(), books().map(Book::refused).sum())
    }

    #[inline]
    fn update(
        &mut self,
        common: Common,
        traded: Option<Traded>,
        apply: impl FnOnce(&mut Market),
    ) -> Option<Update<'_>> {
        let place = self.place(&common.header);
        let market = self.markets.get_mut(place)?;
        apply(market);
        let state = self.whole.state(market.sync);
        let is_new_state = std::mem::replace(&mut market.told, state) != state;
        let ends_event = common.flags & flag::LAST != 0 || !market.is_quoted();
        let (mut cause, mut changed) = (None, None);
        if ends_event {
            cause = market.cause.take();
            changed = match market.prices {
                Prices::Orders => market.book.take_changed(),
                Prices::None => None,
                Prices::Best(_) | Prices::Levels(_) => Some(0),
            };
        }
        let status = if market.status == status_action::NONE { self.status } else { market.status };
        let Common { header, ts_recv, ts_in_delta, sequence, channel_id, flags } = common;
        Some(Update {
            market,
            place,
            header,
            ts_recv,
            ts_in_delta,
            sequence,
            channel_id,
            flags,
            state,
            is_new_state,
            traded,
            ends_event,
            cause,
            changed,
            is_collecting: (status != status_action::NONE).then(|| collects(status)),
        })
    }

    /// Returns the place of an instrument, which it gets now if it was not known.
    #[inline]
    fn place(&mut self, header: &RecordHeader) -> usize {
        match self.places.get(&header.instrument_id) {
            Some(place) => *place,
            None => self.add(header),
        }
    }

    #[cold]
    fn add(&mut self, header: &RecordHeader) -> usize {
        let place = self.markets.len();
        self.markets.push(Market::new(header.publisher_id, self.whole.first()));
        self.places.insert(header.instrument_id, place);
        place
    }

    /// Notes a trading status; one of no instrument is the venue's.
    fn note_status(&mut self, status: &Status) {
        if matches!(status.action, status_action::NONE | status_action::SSR_CHANGE) {
            return;
        }
        if status.header.instrument_id == 0 {
            self.status = status.action;
            return;
        }
        let place = self.place(&status.header);
        if let Some(market) = self.markets.get_mut(place) {
            market.status = status.action;
        }
    }
}

impl Default for Markets {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the trade that a record with this action tells of.
#[inline]
fn traded(action: u8, side: u8, price: i64, size: u32) -> Option<Traded> {
    (action == action::TRADE).then_some(Traded { price, size, side })
}

/// Returns whether orders are collected and not matched at this trading status.
fn collects(status: u16) -> bool {
    matches!(
        status,
        status_action::PRE_OPEN
            | status_action::PRE_CROSS
            | status_action::QUOTING
            | status_action::CROSS
            | status_action::ROTATION
            | status_action::NEW_PRICE_INDICATION
            | status_action::HALT
            | status_action::PAUSE
            | status_action::SUSPEND
    )
}

#[cfg(test)]
mod tests;
