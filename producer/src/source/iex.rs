//! IEX TOPS 1.6 and DEEP 1.0: from messages to records.
//!
//! | message | records | remarks |
//! |---|---|---|
//! | `S` | Status of instrument 0 | pre-open, trading, close, post-close; `O`, `C` no change |
//! | `D` | InstrumentDef | flags in inst_attrib_value; adjusted close and LULD tier: no field |
//! | `H` | Status | halt, pause, trading; `O` (order acceptance) is DBN's pre-cross |
//! | `O` | Status, reason operational | `O` halt; `N` after it what `H` said last, else no change |
//! | `P` | Status, SSR change | |
//! | `E` | Status | `O` trading, `C` close |
//! | `I` | none | counted |
//! | `Q` | Quote LAST TOB | no price where the size is 0 and the price too |
//! | `8` `5` | DeltaW MBP | quantity in shares; action `M`, or `C` for a level that is gone |
//! | `T` | Trade | aggressor unknown; the sale conditions have no field |
//! | `B` | Trade with action `C` | price, size and id of the trade that is broken |
//! | `X` | Stat | opening or closing price |
//! | `A` | Imbalance | the collar's reference price has no field |
//!
//! The levels of DEEP are DeltaW, the record of one price level: its quantity is the level's new
//! one, with the exponent 0. Levels that change by one event of the venue arrive one by one; the
//! last of them has the flag that the event is complete, and its record has LAST. A trade within
//! an event has no LAST, any other has. After a hole in the stream levels have MAYBE_BAD_BOOK,
//! because what is missing is not told again; quotes are whole and do not.
//!
//! publisher_id is DBN's number of IEX's own feeds, for DEEP too. instrument_id is a number by
//! first sight of the symbol, because the feeds have none, and is told to the instrument
//! directory. sequence is the low 32 bits of the message's number, all of them in DeltaW. ts_event
//! is the message's time, ts_recv the capture's, ts_in_delta the difference of ts_recv and the
//! sending of the segment.
//!
//! Nothing is invented. A quote whose bid is above its ask has MAYBE_BAD_BOOK and is counted; a
//! message of an unknown type, as the venue may add, is counted and passed over.

mod count;
mod state;

use tickring::record::{DeltaW, Quote, Record, Trade, UNDEF_PRICE, UNDEF_TIME};
use tickring::record::{action, flag, side};
use tickring::{Instrument, WrongKind};

use crate::instrument::{Numbered, Symbols};
use crate::source::{Report, Sink};
use crate::wire::iex::{self, Message, Price, PriceLevelUpdate, QuoteUpdate, Symbol, TradeReport};
use count::{Anomaly, Counts};
use state::State;

/// DBN's publisher number of IEX's own feeds.
pub const PUBLISHER: u16 = dbn::Publisher::IexgTopsIexg as u16;

/// How the messages of one segment came.
#[derive(Clone, Copy, Debug)]
pub struct Receipt {
    /// When it was received, in ns since the Unix epoch, UTC; undefined as `u64::MAX`.
    pub ts_recv: u64,
    /// How long before that it was sent, in ns.
    pub ts_in_delta: i32,
    /// Channel of the feed, counted from 0.
    pub channel_id: u8,
    /// Whether messages of the session are missing that the book is made of.
    pub is_doubtful: bool,
}

/// Turns messages into records. Numbers the symbols, and holds for each what later messages refer
/// to.
#[derive(Debug, Default)]
pub struct Normaliser {
    symbols: Symbols,
    /// By instrument number less 1.
    states: Vec<State>,
    counts: Counts,
}

/// What is the same in all records of one message.
#[derive(Clone, Copy, Debug)]
struct Stamp {
    receipt: Receipt,
    sequence: u64,
    ts_event: u64,
    instrument_id: u32,
    /// BAD_TS_RECV if the message was received before it happened.
    flags: u8,
}

impl Normaliser {
    /// Gives the records of one message to `sink`. `sequence` is its number in the session.
    ///
    /// Cost: one look-up of the symbol; no allocation for symbols seen before.
    ///
    /// # Errors
    /// [`WrongKind`] if the sink refuses a record.
    #[inline]
    pub fn message<S: Sink>(
        &mut self,
        sequence: u64,
        receipt: Receipt,
        bytes: &[u8],
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let message = match iex::parse(bytes) {
            Ok(message) => message,
            Err(error) => {
                self.counts.refused(error);
                return Ok(());
            }
        };
        let header = message.header();
        self.counts.message(header.message_type);
        let ts_event = self.time(header.timestamp.get());
        let instrument_id = symbol(&message).map_or(0, |symbol| self.number(symbol, sink));
        let mut stamp = Stamp { receipt, sequence, ts_event, instrument_id, flags: 0 };
        // An undefined time is the highest.
        if receipt.ts_recv < ts_event && ts_event != UNDEF_TIME {
            stamp.flags = self.counts.anomaly(Anomaly::ReceivedBefore);
        }
        match message {
            Message::QuoteUpdate(m) => sink.tick(&self.quote(stamp, m)),
            Message::PriceLevelBuy(m) => sink.tick(&self.level(stamp, side::BID, m)),
            Message::PriceLevelSell(m) => sink.tick(&self.level(stamp, side::ASK, m)),
            Message::TradeReport(m) => sink.tick(&self.trade(stamp, action::TRADE, m)),
            Message::TradeBreak(m) => sink.tick(&self.trade(stamp, action::CANCEL, m)),
            Message::RetailLiquidity(_) => Ok(()),
            other => {
                let state = self.states.get_mut(instrument_id.wrapping_sub(1) as usize);
                state::message(stamp, &other, state, &mut self.counts, sink)
            }
        }
    }

    /// Returns the messages by type and the anomalies.
    ///
    /// Cost: allocates.
    #[must_use]
    pub fn report(&self) -> Report {
        self.counts.report()
    }

    /// Returns the number of a symbol, and tells of it if it is new.
    fn number<S: Sink>(&mut self, symbol: &Symbol, sink: &mut S) -> u32 {
        let symbol = symbol.trim_ascii_end();
        let Numbered { instrument_id, is_new } = self.symbols.number(symbol);
        if is_new {
            self.states.push(State::default());
            let symbol = String::from_utf8_lossy(symbol);
            if let Ok(mut instrument) = Instrument::new(PUBLISHER, instrument_id, &symbol) {
                (instrument.price_decimals, instrument.qty_decimals) = (4, 0);
                sink.instrument(&instrument);
            }
        }
        instrument_id
    }

    fn quote(&mut self, stamp: Stamp, message: &QuoteUpdate) -> Quote {
        let (bid_px, ask_px) = (self.price(message.bid_price), self.price(message.ask_price));
        let mut flags = stamp.flags | flag::LAST | flag::TOB;
        if bid_px > ask_px && bid_px != UNDEF_PRICE {
            flags |= self.counts.anomaly(Anomaly::CrossedQuote);
        }
        Quote {
            bid_px,
            ask_px,
            bid_sz: message.bid_size.get(),
            ask_sz: message.ask_size.get(),
            ts_recv: stamp.receipt.ts_recv,
            sequence: low_word(stamp.sequence),
            flags,
            channel_id: stamp.receipt.channel_id,
            ..Quote::empty(PUBLISHER, stamp.instrument_id, stamp.ts_event)
        }
    }

    fn level(&mut self, stamp: Stamp, side: u8, message: &PriceLevelUpdate) -> DeltaW {
        let is_complete = message.header.code & PriceLevelUpdate::EVENT_COMPLETE != 0;
        if let Some(state) = self.state(stamp) {
            state.is_in_event = !is_complete;
        }
        let size = message.size.get();
        let mut flags = stamp.flags | flag::MBP;
        if is_complete {
            flags |= flag::LAST;
        }
        if stamp.receipt.is_doubtful {
            flags |= flag::MAYBE_BAD_BOOK;
        }
        DeltaW {
            price: self.price(message.price),
            qty: size.into(),
            ts_recv: stamp.receipt.ts_recv,
            sequence: stamp.sequence,
            flags,
            action: if size == 0 { action::CANCEL } else { action::MODIFY },
            side,
            ..DeltaW::empty(PUBLISHER, stamp.instrument_id, stamp.ts_event)
        }
    }

    fn trade(&mut self, stamp: Stamp, action: u8, message: &TradeReport) -> Trade {
        let is_in_event = self.state(stamp).is_some_and(|state| state.is_in_event);
        Trade {
            price: self.price(message.price),
            size: message.size.get(),
            action,
            side: side::NONE,
            flags: stamp.flags | if is_in_event { 0 } else { flag::LAST },
            ts_recv: stamp.receipt.ts_recv,
            ts_in_delta: stamp.receipt.ts_in_delta,
            sequence: low_word(stamp.sequence),
            trade_id: message.trade_id.get().cast_unsigned(),
            ..Trade::empty(PUBLISHER, stamp.instrument_id, stamp.ts_event)
        }
    }

    /// Returns the state of a message's instrument; none for instrument 0.
    fn state(&mut self, stamp: Stamp) -> Option<&mut State> {
        self.states.get_mut(stamp.instrument_id.wrapping_sub(1) as usize)
    }

    fn price(&mut self, price: Price) -> i64 {
        self.counts.price_or_none(price)
    }

    /// Returns a time of the venue; one before 1970 is undefined, and counted.
    fn time(&mut self, timestamp: i64) -> u64 {
        u64::try_from(timestamp).unwrap_or_else(|_| {
            let _ = self.counts.anomaly(Anomaly::BadTime);
            UNDEF_TIME
        })
    }
}

/// Returns the symbol of a message that is about one security.
fn symbol<'a>(message: &Message<'a>) -> Option<&'a Symbol> {
    Some(match message {
        Message::SystemEvent(_) => return None,
        Message::SecurityDirectory(m) => &m.symbol,
        Message::TradingStatus(m) => &m.symbol,
        Message::RetailLiquidity(m) => &m.symbol,
        Message::OperationalHalt(m) => &m.symbol,
        Message::ShortSalePriceTest(m) => &m.symbol,
        Message::SecurityEvent(m) => &m.symbol,
        Message::QuoteUpdate(m) => &m.symbol,
        Message::PriceLevelBuy(m) | Message::PriceLevelSell(m) => &m.symbol,
        Message::TradeReport(m) | Message::TradeBreak(m) => &m.symbol,
        Message::OfficialPrice(m) => &m.symbol,
        Message::AuctionInformation(m) => &m.symbol,
    })
}

/// Returns the low 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "the high bits are dropped on purpose")]
const fn low_word(number: u64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests;
