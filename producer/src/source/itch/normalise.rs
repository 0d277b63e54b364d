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
mod state;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tickring::WrongKind;
use tickring::record::{Mbo, Record, Trade, UNDEF_PRICE, UNDEF_SIZE};
use tickring::record::{action, flag, side};
use zerocopy::byteorder::big_endian::U64;

use crate::book::{Order, Side};
use crate::order_id::OrderIdHash;
use crate::source::{Report, Sink};
use crate::wire::itch50::{
    BrokenTrade, CrossTrade, Header, Message, OrderCancel, OrderDelete, OrderExecuted,
    OrderExecutedWithPrice, OrderReplace, Price4, Trade as HiddenTrade,
};
use count::{Anomaly, Counts};

/// DBN's publisher number of Nasdaq TotalView.
pub(crate) const XNAS: u16 = dbn::Publisher::XnasItchXnas as u16;

/// Turns messages into records. Holds the resting orders, as executions and cancels name only
/// their id.
#[derive(Debug)]
pub struct Normaliser {
    midnight_ns: u64,
    orders: HashMap<u64, Order, OrderIdHash>,
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
    fn mbo(self, action: u8, order_id: u64, order: Option<Order>, size: u32) -> Mbo {
        let (price, side) = match order {
            Some(order) => (order.price, order.side.letter()),
            None => (UNDEF_PRICE, side::NONE),
        };
        Mbo {
            order_id,
            price,
            size,
            action,
            side,
            sequence: self.sequence,
            ..Mbo::empty(XNAS, self.instrument_id, self.ts_event)
        }
    }

    fn trade(self, price: i64, size: u32, trade_id: u64) -> Trade {
        Trade {
            price,
            size,
            action: action::TRADE,
            side: side::NONE,
            flags: flag::LAST,
            sequence: self.sequence,
            trade_id,
            ..Trade::empty(XNAS, self.instrument_id, self.ts_event)
        }
    }
}

/// What came of taking quantity off an order.
struct Taken {
    order: Option<Order>,
    flags: u8,
}

impl Normaliser {
    /// Creates a normaliser without orders. `midnight_ns` is the session's midnight in New York,
    /// in ns since the Unix epoch.
    #[must_use]
    pub fn new(midnight_ns: u64) -> Self {
        Self { midnight_ns, orders: HashMap::default(), counts: Counts::default() }
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

    /// Returns the messages by type and the anomalies.
    ///
    /// Cost: allocates.
    #[must_use]
    pub fn report(&self) -> Report {
        self.counts.report()
    }

    fn add<S: Sink>(
        &mut self,
        stamp: Stamp,
        order_reference: U64,
        letter: u8,
        size: u32,
        price: Price4,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let order_id = order_reference.get();
        let price = price_e9(price);
        let mut record = stamp.mbo(action::ADD, order_id, None, size);
        record.price = price;
        record.flags = flag::LAST;
        match side_of(letter) {
            Some(side) => {
                record.side = side.letter();
                if self.orders.insert(order_id, Order { price, size, side }).is_some() {
                    record.flags |= self.counts.anomaly(Anomaly::DuplicateOrder);
                }
            }
            None => record.flags |= self.counts.anomaly(Anomaly::BadSide),
        }
        sink.tick(&record)
    }

    fn execute<S: Sink>(
        &mut self,
        stamp: Stamp,
        message: &OrderExecuted,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let (order_id, size) = (message.order_reference.get(), message.executed_shares.get());
        let Taken { order, flags } = self.take(order_id, size);
        let price = order.map_or(UNDEF_PRICE, |order| order.price);
        let trade = stamp.trade(price, size, message.match_number.get());
        sink.tick(&Trade { side: aggressor(order), flags, ..trade })?;
        let fill = stamp.mbo(action::FILL, order_id, order, size);
        sink.tick(&Mbo { flags: flags | flag::LAST, ..fill })
    }

    fn execute_with_price<S: Sink>(
        &mut self,
        stamp: Stamp,
        message: &OrderExecutedWithPrice,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let (order_id, size) = (message.order_reference.get(), message.executed_shares.get());
        let Taken { order, flags } = self.take(order_id, size);
        if message.printable == b'N' {
            self.counts.not_printable();
        } else {
            let price = price_e9(message.execution_price);
            let trade = stamp.trade(price, size, message.match_number.get());
            sink.tick(&Trade { side: aggressor(order), flags, ..trade })?;
        }
        let fill = stamp.mbo(action::FILL, order_id, order, size);
        sink.tick(&Mbo { flags: flags | flag::LAST, ..fill })
    }

    fn cancel<S: Sink>(
        &mut self,
        stamp: Stamp,
        message: &OrderCancel,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let (order_id, size) = (message.order_reference.get(), message.cancelled_shares.get());
        let Taken { order, flags } = self.take(order_id, size);
        let record = stamp.mbo(action::CANCEL, order_id, order, size);
        sink.tick(&Mbo { flags: flags | flag::LAST, ..record })
    }

    fn delete<S: Sink>(
        &mut self,
        stamp: Stamp,
        message: &OrderDelete,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let record = self.remove(stamp, message.order_reference.get());
        sink.tick(&Mbo { flags: record.flags | flag::LAST, ..record })
    }

    fn replace<S: Sink>(
        &mut self,
        stamp: Stamp,
        message: &OrderReplace,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let old = self.remove(stamp, message.original_order_reference.get());
        sink.tick(&old)?;
        let order_id = message.new_order_reference.get();
        let (price, size) = (price_e9(message.price), message.shares.get());
        let mut flags = old.flags;
        if let Some(side) = Side::from_letter(old.side)
            && self.orders.insert(order_id, Order { price, size, side }).is_some()
        {
            flags |= self.counts.anomaly(Anomaly::DuplicateOrder);
        }
        let new = stamp.mbo(action::ADD, order_id, None, size);
        sink.tick(&Mbo { price, side: old.side, flags: flags | flag::LAST, ..new })
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
        sink.tick(&stamp.trade(price_e9(message.cross_price), size, message.match_number.get()))
    }

    /// Takes an order out whole, and returns the cancel that says so.
    fn remove(&mut self, stamp: Stamp, order_id: u64) -> Mbo {
        let order = self.orders.remove(&order_id);
        let mut record =
            stamp.mbo(action::CANCEL, order_id, order, order.map_or(UNDEF_SIZE, |o| o.size));
        if order.is_none() {
            record.flags = self.counts.anomaly(Anomaly::UnknownOrder);
        }
        record
    }

    /// Takes `size` off an order; returns the order as it was.
    #[inline]
    fn take(&mut self, order_id: u64, size: u32) -> Taken {
        let Entry::Occupied(mut entry) = self.orders.entry(order_id) else {
            return Taken { order: None, flags: self.counts.anomaly(Anomaly::UnknownOrder) };
        };
        let order = *entry.get();
        let mut flags = 0;
        if order.size > size {
            entry.get_mut().size -= size;
        } else {
            entry.remove();
            if order.size < size {
                flags = self.counts.anomaly(Anomaly::TooMuchTaken);
            }
        }
        Taken { order: Some(order), flags }
    }
}

/// Returns the trade of a `P`. Its side is always `B` since 2014, so the aggressor is not known.
fn hidden_trade(stamp: Stamp, message: &HiddenTrade) -> Trade {
    stamp.trade(price_e9(message.price), message.shares.get(), message.match_number.get())
}

/// Returns the record of a broken trade: it has a trade id and nothing else.
fn broken_trade(stamp: Stamp, message: &BrokenTrade) -> Trade {
    let trade = stamp.trade(UNDEF_PRICE, 0, message.match_number.get());
    Trade { action: action::CANCEL, ..trade }
}

/// Returns the letter of the side that hit a resting order.
fn aggressor(resting: Option<Order>) -> u8 {
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
fn price_e9(price: Price4) -> i64 {
    i64::from(price.get()) * 100_000
}

/// Returns the low 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "the high bits are dropped on purpose")]
const fn low_word(number: u64) -> u32 {
    number as u32
}
