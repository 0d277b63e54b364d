//! The instruments of one venue: their books, their states, and the records that tell of them.
//!
//! This is what all venues have in common. A venue's own module reads its messages and calls one
//! of four things: [`trade`](Market::trade), [`quote`](Market::quote),
//! [`book_event`](Market::book_event) and [`lose`](Market::lose). The records themselves are made
//! in [`records`](super::records).

use std::collections::VecDeque;

use tickring::record::{Gap, Record, UNDEF_TIME};
use tickring::record::{action, book_state, family, flag, gap_cause, gap_state, side};
use tickring::{Instrument, WrongKind};

use super::count::{Anomaly, Counts};
use super::scale::Scale;
use super::{Request, Venue};
use crate::book::Side;
use crate::book::levels::{LevelBook, LevelChange, PriceLevel};
use crate::decimal::Decimal;
use crate::instrument::Symbols;
use crate::source::Sink;

/// Instruments that a venue may name. A venue that names more is not one that we know.
const MOST_INSTRUMENTS: usize = 1 << 16;

/// When something happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// By the venue's clock, or [`UNDEF_TIME`].
    pub(super) ts_event: u64,
    /// When the venue sent it, by its clock, or [`UNDEF_TIME`].
    pub(super) ts_sent: u64,
    pub(super) ts_recv: u64,
    pub(super) sequence: u64,
}

/// A level in a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Row {
    pub(super) side: Side,
    pub(super) level: PriceLevel,
    pub(super) ts_event: u64,
}

/// A trade in a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deal {
    pub(super) price: Decimal,
    pub(super) qty: Decimal,
    pub(super) trade_id: u64,
    /// The side that took: a letter of [`side`].
    pub(super) aggressor: u8,
}

/// What was lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    pub(super) cause: u16,
    pub(super) state: u8,
    pub(super) first_missing: u64,
    pub(super) end_missing: u64,
}

impl Loss {
    /// A loss of no known extent, of which nothing will come.
    pub(super) const fn of(cause: u16) -> Self {
        Self { cause, state: gap_state::UNRECOVERABLE, first_missing: 0, end_missing: 0 }
    }

    /// A jump of sequences from `next`, which was expected, to `found`. One that leads back has no
    /// extent.
    pub(super) const fn jump(next: u64, found: u64) -> Self {
        let loss = Self::of(gap_cause::SEQUENCE);
        if found > next { Self { first_missing: next, end_missing: found, ..loss } } else { loss }
    }
}

/// One instrument.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) definition: Instrument,
    pub(super) scale: Scale,
    pub(super) book: LevelBook,
    /// Whether anything was ever said of its book.
    pub(super) has_book: bool,
    /// The best levels of the last quote made from the book.
    pub(super) best: [Option<PriceLevel>; 2],
}

/// All instruments of a venue.
#[derive(Debug)]
pub(super) struct Market {
    pub(super) venue: Venue,
    depth: usize,
    symbols: Symbols,
    /// The symbol that was last asked for, and its index: often the next one too.
    last_symbol: String,
    last_index: usize,
    pub(super) tracked: Vec<Tracked>,
    pub(super) counts: Counts,
    requests: VecDeque<usize>,
    /// The actions of the event at hand, level by level.
    pub(super) actions: Vec<u8>,
    /// The levels that fell out of the book in the event at hand.
    pub(super) fallen: Vec<Row>,
}

impl Market {
    pub(super) fn new(venue: Venue, depth: usize) -> Self {
        Self {
            venue,
            depth,
            symbols: Symbols::default(),
            last_symbol: String::new(),
            last_index: 0,
            tracked: Vec::new(),
            counts: Counts::default(),
            requests: VecDeque::new(),
            actions: Vec::new(),
            fallen: Vec::new(),
        }
    }

    pub(super) fn venue(&self) -> Venue {
        self.venue
    }

    pub(super) fn len(&self) -> usize {
        self.tracked.len()
    }

    /// Returns the index of a symbol's instrument, and tells of it if it is new. `None`, counted,
    /// if there can be no such instrument.
    pub(super) fn instrument<S: Sink>(&mut self, symbol: &str, sink: &mut S) -> Option<usize> {
        if self.last_symbol == symbol && !symbol.is_empty() {
            return Some(self.last_index);
        }
        let index = self.listed(symbol, sink)?;
        symbol.clone_into(&mut self.last_symbol);
        self.last_index = index;
        Some(index)
    }

    fn listed<S: Sink>(&mut self, symbol: &str, sink: &mut S) -> Option<usize> {
        if let Some(id) = self.symbols.get(symbol.as_bytes()) {
            return usize::try_from(id).ok()?.checked_sub(1);
        }
        let id = u32::try_from(self.tracked.len() + 1).unwrap_or(u32::MAX);
        let definition = Instrument::new(self.venue.publisher_id(), id, symbol).ok();
        let has_room = self.tracked.len() < MOST_INSTRUMENTS && !symbol.is_empty();
        let Some(mut definition) = definition.filter(|_| has_room) else {
            self.counts.anomaly(Anomaly::Unnamed);
            return None;
        };
        definition.instrument_id = self.symbols.number(symbol.as_bytes()).instrument_id;
        definition.family = family::WIDE;
        sink.instrument(&definition);
        let scale = Scale::new(self.venue.has_varying_decimals());
        let (book, best) = (LevelBook::new(self.depth), [None; 2]);
        self.tracked.push(Tracked { definition, scale, book, has_book: false, best });
        Some(self.tracked.len() - 1)
    }

    /// Returns the state of an instrument's book.
    pub(super) fn state(&self, index: usize) -> u8 {
        self.tracked.get(index).map_or(book_state::UNSYNCED, |t| t.definition.book_state)
    }

    /// Sets the state of an instrument's book, and tells of it if it is another one.
    pub(super) fn set_state<S: Sink>(&mut self, index: usize, state: u8, sink: &mut S) {
        if let Some(tracked) = self.tracked.get_mut(index) {
            tracked.has_book = true;
            if tracked.definition.book_state != state {
                tracked.definition.book_state = state;
                sink.instrument(&tracked.definition);
            }
        }
    }

    /// Sets how many levels the venue sends of an instrument's book.
    pub(super) fn set_depth(&mut self, index: usize, depth: usize) {
        if let Some(tracked) = self.tracked.get_mut(index) {
            tracked.book.set_depth(depth.clamp(1, self.depth));
        }
    }

    /// Asks for a new snapshot of an instrument.
    pub(super) fn request(&mut self, index: usize) {
        if !self.requests.contains(&index) {
            self.requests.push_back(index);
        }
    }

    /// Returns what is to be asked of the venue next. The instrument awaits it from now on.
    pub(super) fn take_request<S: Sink>(&mut self, sink: &mut S) -> Option<Request> {
        let index = self.requests.pop_front()?;
        self.set_state(index, book_state::SYNCING, sink);
        let symbol = self.tracked.get(index)?.definition.symbol().into_owned();
        Some(Request { symbol })
    }

    /// Drops what is to be asked of the venue next; `false` if nothing is.
    pub(super) fn drop_request(&mut self) -> bool {
        self.requests.pop_front().is_some()
    }

    /// Forgets what was to be asked, as the connection it was to be asked on is gone.
    pub(super) fn forget_requests(&mut self) {
        self.requests.clear();
    }

    /// Says that records of an instrument were lost, or its book is wrong: a Gap record, and no
    /// book until the next snapshot.
    pub(super) fn lose<S: Sink>(
        &mut self,
        index: usize,
        loss: Loss,
        ts_recv: u64,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let Some(tracked) = self.tracked.get_mut(index) else { return Ok(()) };
        tracked.book.clear();
        tracked.best = [None; 2];
        let instrument_id = tracked.definition.instrument_id;
        if tracked.has_book {
            self.set_state(index, book_state::UNSYNCED, sink);
            self.request(index);
        }
        self.gap(instrument_id, loss, ts_recv, sink)
    }

    /// Publishes a Gap record; `instrument_id` 0 where it is not known whose.
    pub(super) fn gap<S: Sink>(
        &mut self,
        instrument_id: u32,
        loss: Loss,
        ts_recv: u64,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let Loss { cause, state, first_missing, end_missing } = loss;
        sink.tick(&Gap {
            ts_detect: ts_recv,
            first_missing,
            end_missing,
            state,
            cause,
            ..Gap::empty(self.venue.publisher_id(), instrument_id, UNDEF_TIME)
        })
    }

    /// Applies an event of the book and publishes it; a snapshot replaces the book.
    ///
    /// `is_right` looks at the book after the event. Where it is not right, and where it cannot
    /// hold the event, the book is lost; the event is published, labelled, after the Gap record.
    pub(super) fn book_event<S: Sink>(
        &mut self,
        index: usize,
        stamp: Stamp,
        rows: &[Row],
        is_snapshot: bool,
        is_right: impl FnOnce(&LevelBook) -> bool,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        self.learn(index, rows, sink);
        let Some(tracked) = self.tracked.get_mut(index) else { return Ok(()) };
        let was_synced = tracked.definition.book_state == book_state::SYNCED;
        let mut flags = if is_snapshot { flag::SNAPSHOT } else { 0 };
        self.fallen.clear();
        self.actions.clear();
        if is_snapshot || was_synced {
            if is_snapshot {
                tracked.book.clear();
                tracked.best = [None; 2];
            }
            let holds = apply(&mut tracked.book, rows, &mut self.actions);
            let book = &mut tracked.book;
            self.fallen.extend(std::iter::from_fn(|| book.take_beyond()).map(
                |(side, PriceLevel { price, orders, .. })| {
                    let level = PriceLevel { price, qty: Decimal::default(), orders };
                    Row { side, level, ts_event: stamp.ts_event }
                },
            ));
            let is_crossed = tracked.book.is_crossed();
            let loss = if !holds {
                self.counts.anomaly(Anomaly::Malformed);
                Some(gap_cause::MALFORMED)
            } else if !is_right(&tracked.book) {
                self.counts.anomaly(Anomaly::WrongChecksum);
                Some(gap_cause::CHECKSUM)
            } else {
                None
            };
            if let Some(cause) = loss {
                tracked.has_book = true;
                self.lose(index, Loss::of(cause), stamp.ts_recv, sink)?;
            } else if is_snapshot {
                self.set_state(index, book_state::SYNCED, sink);
            }
            if loss.is_none() && self.tracked.get(index).is_some_and(|t| has_fine_price(&t.book)) {
                flags |= flag::MAYBE_BAD_BOOK;
            }
            if is_crossed && loss.is_none() {
                self.counts.anomaly(Anomaly::CrossedBook);
                flags |= flag::MAYBE_BAD_BOOK;
            }
        } else {
            tracked.has_book = true;
            self.counts.anomaly(Anomaly::NoBook);
            self.actions.extend(rows.iter().map(|row| match row.level.qty.mantissa {
                0 => action::CANCEL,
                _ => action::MODIFY,
            }));
        }
        self.publish(index, stamp, rows, flags, sink)?;
        self.quote_of_book(index, stamp, sink)
    }

    /// Notes the decimals of a message's levels before any of them is published.
    fn learn<S: Sink>(&mut self, index: usize, rows: &[Row], sink: &mut S) {
        let Some(tracked) = self.tracked.get_mut(index) else { return };
        let Tracked { scale, definition, .. } = tracked;
        let mut is_told = false;
        for row in rows {
            is_told |= scale.learn_level(definition, &row.level);
        }
        scale.settle();
        if is_told {
            sink.instrument(definition);
        }
    }
}

/// Decimals of prices in records.
const PRICE_DECIMALS: u8 = 9;
/// Levels of a side whose prices must fit into records, or each event is labelled: those that a
/// reader of the best levels is told.
const SHOWN: usize = crate::market::DEPTH;

/// Returns whether one of the best levels has a price that records cannot hold.
fn has_fine_price(book: &LevelBook) -> bool {
    let best = |side| book.levels(side).take(SHOWN);
    book.has_more_decimals_than(PRICE_DECIMALS)
        && best(Side::Bid)
            .chain(best(Side::Ask))
            .any(|level| level.price.rescaled(PRICE_DECIMALS).is_none())
}

/// Gives the levels to the book and notes what each did; `false` if one has no room.
fn apply(book: &mut LevelBook, rows: &[Row], actions: &mut Vec<u8>) -> bool {
    let mut holds = true;
    for Row { side, level, .. } in rows {
        actions.push(match book.set(*side, level) {
            LevelChange::Added => action::ADD,
            LevelChange::Modified => action::MODIFY,
            LevelChange::Removed | LevelChange::Absent => action::CANCEL,
            LevelChange::Refused => {
                holds = false;
                action::NONE
            }
        });
    }
    holds
}

/// Returns the letter of the side that took, from a letter of the taker's or a word.
pub(super) fn aggressor(word: &str) -> u8 {
    match word {
        "buy" | "b" | "BUY" => side::BID,
        "sell" | "s" | "SELL" => side::ASK,
        _ => side::NONE,
    }
}
