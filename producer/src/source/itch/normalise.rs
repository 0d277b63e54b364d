//! From ITCH 5.0 messages to records.
//!
//! | message | records | remarks |
//! |---|---|---|
//! | `A` `F` | Mbo `A` | |
//! | `E` | Trade, Mbo `F` LAST | at the order's price; aggressor is the other side |
//! | `C` | Trade, Mbo `F` LAST | at the execution price; no Trade if not printable: a cross tells |
//! | `X` | Mbo `C` LAST | |
//! | `D` | Mbo `C` LAST | size is what was left |
//! | `U` | Mbo `C`, Mbo `A` LAST | |
//! | `P` `Q` | Trade LAST | aggressor unknown; a cross without shares gives no record |
//! | `B` | Trade LAST with action `C` | only the trade id is known |
//! | `R` | InstrumentDef | |
//! | `S` `H` `Y` `K` `W` `h` | Status | |
//! | `V` `J` | Status and three Stat | levels, collar |
//! | `I` `O` | Imbalance | |
//! | `L` `N` | none | counted |
//!
//! Every event ends with a record flagged LAST. instrument_id is the stock locate, publisher_id is
//! DBN's number of the venue, sequence is the low 32 bits of the message's number counted from 1
//! (as MoldUDP64 counts), ts_event is New York midnight + the 48-bit time, and ts_recv is
//! undefined: a file says nothing about receipt.
//!
//! Nothing is invented. A message that names an order which was never added gives its records with
//! an undefined price, side `N` and the flag MAYBE_BAD_BOOK, and is counted.

mod count;
mod orders;
mod state;

use tickring::WrongKind;
use tickring::record::{Mbo, Record, Trade, UNDEF_PRICE, UNDEF_SIZE};
use tickring::record::{action, flag, side};
use zerocopy::byteorder::big_endian::U64;

use crate::book::Side;
use crate::source::{Report, Sink};
use crate::wire::itch50::{
    BrokenTrade, CrossTrade, Header, Message, OrderCancel, OrderDelete, OrderExecuted,
    OrderExecutedWithPrice, OrderReplace, Price4, Trade as HiddenTrade,
};
use count::{Anomaly, Counts};
use orders::{Orders, Resting};

/// DBN's publisher number of Nasdaq TotalView.
pub(crate) const XNAS: u16 = dbn::Publisher::XnasItchXnas as u16;

/// Where the number of an order stands, in bytes from the beginning of a message.
const ORDER_AT: usize = size_of::<Header>();

/// Turns messages into records. Holds the resting orders, as executions and cancels name only
/// their id.
#[derive(Debug)]
pub struct Normaliser {
    midnight_ns: u64,
    orders: Orders,
    counts: Counts,
}

/// What is the same in all records of one message.
#[derive(Clone, Copy, Debug)]
struct Stamp {
    instrument_id: u32,
    ts_event: u64,
    sequence: u32,
}

impl Stamp {
    /// What happened to an order, of which `told` is what is known.
    #[inline(always)]
    fn mbo(self, action: u8, order_id: u64, told: Told, size: u32) -> Mbo {
        Mbo {
            order_id,
            price: told.price,
            size,
            flags: told.flags,
            action,
            side: told.side,
            sequence: self.sequence,
            ..Mbo::empty(XNAS, self.instrument_id, self.ts_event)
        }
    }

    #[inline(always)]
    fn trade(self, Told { price, side, flags }: Told, size: u32, trade_id: u64) -> Trade {
        Trade {
            price,
            size,
            action: action::TRADE,
            side,
            flags,
            sequence: self.sequence,
            trade_id,
            ..Trade::empty(XNAS, self.instrument_id, self.ts_event)
        }
    }
}

/// What a record tells of an order or a trade. Records are made of it in one go, as one that is
/// changed in memory is slow to copy from there.
#[derive(Clone, Copy)]
struct Told {
    price: i64,
    side: u8,
    flags: u8,
}

impl Told {
    /// The order that a message names; one that is not there is told as such.
    #[inline(always)]
    fn of(order: Option<Resting>, flags: u8) -> Self {
        match order {
            Some(order) => Self { price: price_e9(order.price), side: order.side.letter(), flags },
            None => Self { price: UNDEF_PRICE, side: side::NONE, flags },
        }
    }

    /// A trade of which no aggressor is known.
    fn traded(price: i64) -> Self {
        Self { price, side: side::NONE, flags: flag::LAST }
    }

    #[inline(always)]
    fn with(self, flags: u8) -> Self {
        Self { flags: self.flags | flags, ..self }
    }
}

impl Normaliser {
    /// Creates a normaliser without orders. `midnight_ns` is the session's midnight in New York,
    /// in ns since the Unix epoch.
    #[must_use]
    pub fn new(midnight_ns: u64) -> Self {
        Self { midnight_ns, orders: Orders::default(), counts: Counts::default() }
    }

    /// Forgets the orders: a new session begins, at this midnight. What was counted stays.
    pub(crate) fn begin_session(&mut self, midnight_ns: u64) {
        self.midnight_ns = midnight_ns;
        self.orders.clear();
    }

    /// Returns the time of a message, in ns since the Unix epoch, UTC.
    #[must_use]
    pub fn time_ns(&self, header: &Header) -> u64 {
        self.midnight_ns + header.timestamp_ns()
    }

    /// Gives the records of one message to `sink`. `number` counts messages from 0.
    ///
    /// Cost: at most one look-up in the map of orders; no allocation but the map's growth.
    ///
    /// # Errors
    /// [`WrongKind`] if the sink refuses a record.
    #[inline]
    pub fn message<S: Sink>(
        &mut self,
        number: u64,
        message: &Message<'_>,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let header = message.header();
        self.counts.message(header.message_type);
        let stamp = Stamp {
            instrument_id: header.stock_locate.get().into(),
            ts_event: self.time_ns(header),
            sequence: low_word(number + 1),
        };
        match message {
            Message::AddOrder(m) => {
                self.add(stamp, m.order_reference, m.side, m.shares.get(), m.price, sink)
            }
            Message::AddOrderAttributed(m) => {
                self.add(stamp, m.order_reference, m.side, m.shares.get(), m.price, sink)
            }
            Message::OrderExecuted(m) => self.execute(stamp, m, sink),
            Message::OrderExecutedWithPrice(m) => self.execute_with_price(stamp, m, sink),
            Message::OrderCancel(m) => self.cancel(stamp, m, sink),
            Message::OrderDelete(m) => self.delete(stamp, m, sink),
            Message::OrderReplace(m) => self.replace(stamp, m, sink),
            Message::Trade(m) => sink.tick(&hidden_trade(stamp, m)),
            Message::CrossTrade(m) => self.cross(stamp, m, sink),
            Message::BrokenTrade(m) => sink.tick(&broken_trade(stamp, m)),
            Message::MarketParticipantPosition(_) | Message::RetailInterest(_) => Ok(()),
            other => state::message(self.midnight_ns, stamp, other, &mut self.counts, sink),
        }
    }

    /// Fetches what the records of a message that comes soon will need; some sixteen messages ahead
    /// is far enough. A message that is none does no harm.
    #[inline]
    pub fn foresee(&self, message: &[u8]) {
        // In all messages that name an order its number stands here, and others are rare.
        if let Some(&order_reference) = message.get(ORDER_AT..).and_then(|rest| rest.first_chunk())
        {
            self.orders.foresee(u64::from_be_bytes(order_reference));
        }
    }

    /// Returns the messages by type and the anomalies.
    ///
    /// Cost: allocates.
    #[must_use]
    pub fn report(&self) -> Report {
        self.counts.report()
    }

    #[inline]
    fn add<S: Sink>(
        &mut self,
        stamp: Stamp,
        order_reference: U64,
        letter: u8,
        size: u32,
        price: Price4,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let (order_id, price) = (order_reference.get(), price.get());
        let side = side_of(letter);
        let flags = match side {
            Some(side) => self.enter(order_id, Resting { price, size, side }),
            None => self.counts.anomaly(Anomaly::BadSide),
        };
        let side = side.map_or(side::NONE, Side::letter);
        let told = Told { price: price_e9(price), side, flags: flags | flag::LAST };
        sink.tick(&stamp.mbo(action::ADD, order_id, told, size))
    }

    #[inline]
    fn execute<S: Sink>(
        &mut self,
        stamp: Stamp,
        message: &OrderExecuted,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let (order_id, size) = (message.order_reference.get(), message.executed_shares.get());
        let (order, flags) = self.take(order_id, size);
        let told = Told::of(order, flags);
        let trade = Told { side: aggressor(order), ..told };
        sink.tick(&stamp.trade(trade, size, message.match_number.get()))?;
        sink.tick(&stamp.mbo(action::FILL, order_id, told.with(flag::LAST), size))
    }

    fn execute_with_price<S: Sink>(
        &mut self,
        stamp: Stamp,
        message: &OrderExecutedWithPrice,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let (order_id, size) = (message.order_reference.get(), message.executed_shares.get());
        let (order, flags) = self.take(order_id, size);
        if message.printable == b'N' {
            self.counts.not_printable();
        } else {
            let price = price_e9(message.execution_price.get());
            let trade = Told { price, side: aggressor(order), flags };
            sink.tick(&stamp.trade(trade, size, message.match_number.get()))?;
        }
        let told = Told::of(order, flags | flag::LAST);
        sink.tick(&stamp.mbo(action::FILL, order_id, told, size))
    }

    #[inline]
    fn cancel<S: Sink>(
        &mut self,
        stamp: Stamp,
        message: &OrderCancel,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let (order_id, size) = (message.order_reference.get(), message.cancelled_shares.get());
        let (order, flags) = self.take(order_id, size);
        let told = Told::of(order, flags | flag::LAST);
        sink.tick(&stamp.mbo(action::CANCEL, order_id, told, size))
    }

    #[inline]
    fn delete<S: Sink>(
        &mut self,
        stamp: Stamp,
        message: &OrderDelete,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let order_id = message.order_reference.get();
        let (told, size) = self.remove(order_id);
        sink.tick(&stamp.mbo(action::CANCEL, order_id, told.with(flag::LAST), size))
    }

    #[inline]
    fn replace<S: Sink>(
        &mut self,
        stamp: Stamp,
        message: &OrderReplace,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let old_id = message.original_order_reference.get();
        let (old, old_size) = self.remove(old_id);
        sink.tick(&stamp.mbo(action::CANCEL, old_id, old, old_size))?;
        let order_id = message.new_order_reference.get();
        let (price, size) = (message.price.get(), message.shares.get());
        let side = Side::from_letter(old.side);
        let flags = side.map_or(0, |side| self.enter(order_id, Resting { price, size, side }));
        let new = Told { price: price_e9(price), ..old }.with(flags | flag::LAST);
        sink.tick(&stamp.mbo(action::ADD, order_id, new, size))
    }

    fn cross<S: Sink>(
        &mut self,
        stamp: Stamp,
        message: &CrossTrade,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let shares = message.shares.get();
        if shares == 0 {
            self.counts.empty_cross();
            return Ok(());
        }
        let size = self.counts.narrow(shares);
        let told = Told::traded(price_e9(message.cross_price.get()));
        sink.tick(&stamp.trade(told, size, message.match_number.get()))
    }

    /// Puts an order in, and returns the flags that this gives.
    #[inline]
    fn enter(&mut self, order_id: u64, order: Resting) -> u8 {
        match self.orders.insert(order_id, order) {
            None => 0,
            Some(_) => self.counts.anomaly(Anomaly::DuplicateOrder),
        }
    }

    /// Takes an order out whole, and returns what it was.
    #[inline]
    fn remove(&mut self, order_id: u64) -> (Told, u32) {
        match self.orders.remove(order_id) {
            Some(order) => (Told::of(Some(order), 0), order.size),
            None => (Told::of(None, self.counts.anomaly(Anomaly::UnknownOrder)), UNDEF_SIZE),
        }
    }

    /// Takes `size` off an order; returns the order as it was, and the flags that this gives.
    #[inline]
    fn take(&mut self, order_id: u64, size: u32) -> (Option<Resting>, u8) {
        let order = self.orders.take(order_id, size);
        let flags = match order {
            None => self.counts.anomaly(Anomaly::UnknownOrder),
            Some(order) if order.size < size => self.counts.anomaly(Anomaly::TooMuchTaken),
            Some(_) => 0,
        };
        (order, flags)
    }
}

/// Returns the trade of a `P`. Its side is always `B` since 2014, so the aggressor is not known.
fn hidden_trade(stamp: Stamp, message: &HiddenTrade) -> Trade {
    let told = Told::traded(price_e9(message.price.get()));
    stamp.trade(told, message.shares.get(), message.match_number.get())
}

/// Returns the record of a broken trade: it has a trade id and nothing else.
fn broken_trade(stamp: Stamp, message: &BrokenTrade) -> Trade {
    let trade = stamp.trade(Told::traded(UNDEF_PRICE), 0, message.match_number.get());
    Trade { action: action::CANCEL, ..trade }
}

/// Returns the letter of the side that hit a resting order.
fn aggressor(resting: Option<Resting>) -> u8 {
    resting.map_or(side::NONE, |order| order.side.opposite().letter())
}

/// Returns the side that an ITCH letter names.
fn side_of(letter: u8) -> Option<Side> {
    match letter {
        b'B' => Some(Side::Bid),
        b'S' => Some(Side::Ask),
        _ => None,
    }
}

/// Converts dollars x 10^4 to a price in 1e-9.
fn price_e9(price: u32) -> i64 {
    i64::from(price) * 100_000
}

/// Returns the low 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "the high bits are dropped on purpose")]
const fn low_word(number: u64) -> u32 {
    number as u32
}
