//! What a feed knows of each instrument: its book, whether that can be trusted, and the event that
//! is under way.
//!
//! [`Markets::apply`] takes the records of a ring of ticks as they come, and says in an [`Update`]
//! what that made of the instrument's [`Market`]. What is derived from ticks (quotes, levels,
//! features) follows from updates alone, so that one set of books serves all of it.
//!
//! A market takes its prices from what the source has: from orders ([`Mbo`]), from levels
//! ([`Mbp1`], [`Mbp10`]) or from quotes ([`Quote`]); what came last counts. With fractional
//! quantities it is levels told one by one ([`DeltaW`]), or quotes ([`QuoteW`]) of instruments that
//! never had such levels: a venue's own quotes come before or after its levels, and would make two
//! books of one. An event is what happened to one instrument at one time: its records up to one
//! flagged LAST. A trade of an instrument that has only trades is an event of its own.
//!
//! The state of each book is a value of [`book_state`]:
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
//! A source of fractional quantities that tells the state of a book in the directory
//! ([`Markets::define`]), as crypto venues do, is believed, and the table does not apply to it.
//!
//! A gap that tells sequences of which none is missing changes nothing, and neither does a trading
//! status: the book of a halted instrument is a good one.
//!
//! Cost of an update: a look at the instrument and one at its book, no allocation but for an
//! instrument that is seen for the first time and while a book grows.

mod instrument;
mod sync;
mod wide;

use std::any::Any;
use std::collections::HashMap;

use tickring::Instrument;
use tickring::record::{
    DeltaW, Gap, Mbo, Mbp1, Mbp10, Quote, QuoteW, Record, RecordHeader, Status, Trade, TradeW,
    UNDEF_TIME,
};
use tickring::record::{action, book_state, family, flag, status_action};

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
    /// Quantity, in units as those of [`Top`].
    pub size: u64,
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
    pub sequence: u64,
    /// The record's channel.
    pub channel_id: u8,
    /// The record's flags.
    pub flags: u8,
    /// State of the book, a value of [`book_state`].
    pub state: u8,
    /// Whether the last event of levels with fractional quantities says that they may be bad, or
    /// one of them could not be taken.
    pub is_doubted: bool,
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
    sequence: u64,
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
            sequence: $record.sequence.into(),
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
            let traded = traded(mbo.action, mbo.side, mbo.price, mbo.size.into());
            let common = common!(mbo, mbo.channel_id, mbo.ts_in_delta);
            self.update(common, traded, |market| market.order(mbo))
        } else if let Some(trade) = record.downcast_ref::<Trade>() {
            let (action, side, price) = (trade.action, trade.side, trade.price);
            let size = trade.size.into();
            let common = common!(trade, NO_CHANNEL, trade.ts_in_delta);
            self.update(common, traded(action, side, price, size), |market| {
                market.note(action, side, price, size);
            })
        } else if let Some(book) = record.downcast_ref::<Mbp1>() {
            let (action, side, price) = (book.action, book.side, book.price);
            let size = book.size.into();
            let [top] = &book.levels;
            let common = common!(book, NO_CHANNEL, book.ts_in_delta);
            self.update(common, traded(action, side, price, size), |market| {
                market.best(Top::of(top), book.flags);
                market.note(action, side, price, size);
            })
        } else if let Some(book) = record.downcast_ref::<Mbp10>() {
            let (action, side, price) = (book.action, book.side, book.price);
            let size = book.size.into();
            let common = common!(book, NO_CHANNEL, book.ts_in_delta);
            self.update(common, traded(action, side, price, size), |market| {
                market.tell(&book.levels, book.flags);
                market.note(action, side, price, size);
            })
        } else if let Some(quote) = record.downcast_ref::<Quote>() {
            self.update(common!(quote, quote.channel_id, 0), None, |market| {
                market.quote(quote);
            })
        } else if let Some(delta) = record.downcast_ref::<DeltaW>() {
            self.update(common!(delta, NO_CHANNEL, 0), None, |market| market.wide_level(delta))
        } else if let Some(trade) = record.downcast_ref::<TradeW>() {
            self.wide_trade(trade)
        } else if let Some(quote) = record.downcast_ref::<QuoteW>() {
            self.wide_quote(quote)
        } else {
            if let Some(status) = record.downcast_ref::<Status>() {
                self.note_status(status);
            }
            None
        }
    }

    /// Takes a trade with a fractional quantity.
    fn wide_trade(&mut self, trade: &TradeW) -> Option<Update<'_>> {
        let place = self.place(&trade.header);
        let exponent = self.markets.get(place)?.qty_exp;
        let size = wide::size(trade.qty, trade.qty_exp, exponent);
        let (action, side, price) = (trade.action, trade.side, trade.price);
        let TradeW { header, ts_recv, ts_in_delta, flags, .. } = *trade;
        let (sequence, channel_id) = (0, NO_CHANNEL);
        let common = Common { header, ts_recv, ts_in_delta, sequence, channel_id, flags };
        self.update(common, traded(action, side, price, size), |market| {
            market.note(action, side, price, size);
        })
    }

    /// Takes a quote with fractional quantities. It has no flags, and is an event of its own.
    fn wide_quote(&mut self, quote: &QuoteW) -> Option<Update<'_>> {
        let place = self.place(&quote.header);
        let is_taken = self.markets.get_mut(place)?.wide_quote(quote);
        let QuoteW { header, ts_recv, .. } = *quote;
        let (sequence, channel_id, flags) = (0, NO_CHANNEL, flag::LAST);
        let common = Common { header, ts_recv, ts_in_delta: 0, sequence, channel_id, flags };
        if is_taken { self.update(common, None, |_| {}) } else { None }
    }

    /// Takes what the directory is told of an instrument; returns its place if it has fractional
    /// quantities. Once the source has told a state of its book other than Unsynced, it is the
    /// source that says it.
    pub fn define(&mut self, instrument: &Instrument) -> Option<usize> {
        if instrument.family != family::WIDE {
            return None;
        }
        let Instrument { publisher_id, instrument_id, book_state, .. } = *instrument;
        let place = self.place(&RecordHeader::new::<DeltaW>(publisher_id, instrument_id, 0));
        let market = self.markets.get_mut(place)?;
        market.qty_exp = instrument.qty_exp;
        market.is_told_state |= book_state != book_state::UNSYNCED;
        if market.is_told_state {
            market.sync = Sync::told(book_state);
            market.told = self.whole.state(market.sync);
        }
        Some(place)
    }

    /// Returns place and header of the instruments with fractional quantities whose books are not
    /// Synced: of all, or of one if it is such.
    pub fn unsynced(
        &self,
        instrument_id: Option<u32>,
    ) -> impl Iterator<Item = (usize, RecordHeader)> {
        let one = instrument_id.and_then(|id| self.places.get_key_value(&id));
        let all = self.places.iter().filter(move |_| instrument_id.is_none());
        one.into_iter().chain(all).filter_map(|(id, place)| {
            let market = self.markets.get(*place)?;
            let is_bad = self.whole.state(market.sync) != book_state::SYNCED;
            let header = RecordHeader::new::<QuoteW>(market.publisher_id, *id, UNDEF_TIME);
            (market.is_wide() && is_bad).then_some((*place, header))
        })
    }

    /// Takes a gap record; `true` if the states of books may have changed.
    pub fn gap(&mut self, gap: &Gap) -> bool {
        if gap.header.instrument_id != 0 {
            let place = self.place(&gap.header);
            if let Some(market) = self.markets.get_mut(place) {
                if !market.is_told_state {
                    market.sync = market.sync.after_gap(gap);
                }
                market.told = self.whole.state(market.sync);
            }
            return true;
        }
        let loss = self.whole.gap(gap);
        for market in &mut self.markets {
            match loss {
                Loss::Lost if market.is_told_state => {}
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
        let is_doubted = market.is_doubtful();
        if ends_event {
            cause = market.cause.take();
            changed = match &mut market.prices {
                Prices::Orders => market.book.take_changed(),
                Prices::None => None,
                Prices::Best(_) | Prices::Levels(_) | Prices::WideBest(_) => Some(0),
                Prices::WideLevels(levels) => levels.take_changed(),
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
            is_doubted,
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
fn traded(action: u8, side: u8, price: i64, size: u64) -> Option<Traded> {
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
