//! Orders, trades and states as Nasdaq TotalView-ITCH 5.0 messages.
//!
//! | records | messages |
//! |---|---|
//! | InstrumentDef | `R` |
//! | Mbo `A` | `A`; every 16th is `F`, with a participant's name |
//! | Mbo `M` | `X` if the order only shrinks, else `U` |
//! | Mbo `C` | `D`, or `X` for a part |
//! | Mbo `T` of a side, `F`… | `E` for each fill, `C` for one at another price than its order's |
//! | Mbo `T` of no side, `F`… | `C` for each fill, not printable, and then `Q` |
//! | Mbo `T` alone | `P` |
//! | Status of instrument 0 | `S` |
//! | Status | `H` |
//! | Imbalance | `I` |
//!
//! This is the way back from CME's manner of telling trades, in which `C` and `M` behind the fills
//! say what these left: ITCH leaves that to the reader, so there is no message for them. The first
//! message is `S` `O`, the last `S` `C`. ITCH numbers a replaced order anew, and so do we; numbers
//! of orders and matches count from 1.
//!
//! What ITCH cannot say is an error, see [`EncodeError`]; kinds of records that it does not have
//! are counted.

mod states;

use std::any::Any;
use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use thiserror::Error as ThisError;
use tickring::WrongKind;
use tickring::record::{Imbalance, InstrumentDef, Mbo, Record, Status, action, flag, side};
use zerocopy::{Immutable, IntoBytes};

use crate::error::Error;
use crate::order_id::OrderIdHash;
use crate::source::itch::new_york_midnight_ns;
use crate::source::{Count, Sink};
use crate::wire::itch50::{
    AddOrder, AddOrderAttributed, CrossTrade, Header, OrderCancel, OrderDelete, OrderExecuted,
    OrderExecutedWithPrice, OrderReplace, Price4, Symbol, TYPES, Trade,
};

/// Of so many orders one carries a name.
const ATTRIBUTED: u64 = 16;
/// The name.
const PARTICIPANT: [u8; 4] = *b"SIMM";
/// What a price of 1e-9 is divided by to give dollars x 10^4.
const PRICE4_E9: i64 = 100_000;

/// Takes messages, in order.
pub trait Messages {
    /// Takes one message, which a receiver got at `ts_recv` (ns since the Unix epoch).
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    fn take(&mut self, message: &[u8], ts_recv: u64) -> Result<(), Error>;
}

impl<M: Messages> Messages for Option<M> {
    fn take(&mut self, message: &[u8], ts_recv: u64) -> Result<(), Error> {
        self.as_mut().map_or(Ok(()), |output| output.take(message, ts_recv))
    }
}

/// Both get every message.
impl<A: Messages, B: Messages> Messages for (A, B) {
    fn take(&mut self, message: &[u8], ts_recv: u64) -> Result<(), Error> {
        self.0.take(message, ts_recv)?;
        self.1.take(message, ts_recv)
    }
}

/// Says what ITCH 5.0 cannot say.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ThisError)]
#[non_exhaustive]
pub enum EncodeError {
    /// The number of an instrument is no stock locate.
    #[error("instrument {found}: ITCH numbers stocks from 1 to 65535; use fewer instruments")]
    Instrument {
        /// The number.
        found: u32,
    },
    /// No definition came before the first record of an instrument.
    #[error("instrument {found}: expected its definition before its first record, found none")]
    NotDefined {
        /// The number.
        found: u32,
    },
    /// A symbol is too long.
    #[error("instrument {instrument_id}: ITCH symbols have 8 letters, found {found}")]
    Symbol {
        /// The instrument.
        instrument_id: u32,
        /// Letters of its symbol.
        found: usize,
    },
    /// A price is not a whole number of 0.0001 up to 429,496.7295.
    #[error(
        "price {found} x 1e-9: ITCH has multiples of 0.0001 from 0 to 429496.7295; write DBN \
         instead"
    )]
    Price {
        /// The price, 1e-9.
        found: i64,
    },
    /// A time is not within the 78 hours from the first record's midnight that 48 bits hold.
    #[error(
        "time {found} ns: ITCH has 78 hours from midnight in New York on the day of the first \
         record; end the input before"
    )]
    Time {
        /// The time, ns since the Unix epoch.
        found: u64,
    },
    /// A record is about an order that was not added.
    #[error("order {found}: expected an order that was added and not deleted; begin at the open")]
    Order {
        /// The order's id.
        found: u64,
    },
}

/// An order that rests, as readers of the messages know it.
#[derive(Clone, Copy, Debug)]
struct Resting {
    reference: u64,
    price: i64,
    size: u32,
}

/// A trade whose event is not over.
#[derive(Clone, Copy, Debug)]
struct Traded {
    price: i64,
    size: u32,
    side: u8,
    fills: u32,
}

/// What is known of an instrument.
#[derive(Clone, Copy, Debug)]
struct Stock {
    locate: u16,
    symbol: Symbol,
    /// Whether it was halted since it last traded.
    is_halted: bool,
}

/// Gives the messages that records stand for.
///
/// Cost: one look-up in a map of orders for most records; no allocation but the maps' growth.
#[derive(Debug)]
pub struct ItchWriter<M> {
    output: M,
    midnight_ns: Option<u64>,
    stocks: HashMap<u32, Stock, OrderIdHash>,
    orders: HashMap<u64, Resting, OrderIdHash>,
    trade: Option<Traded>,
    /// Whether the market as a whole is in its trading hours.
    is_open: bool,
    references: u64,
    matches: u64,
    last_ns: (u64, u64),
    counts: [u64; 256],
    refused: u64,
    error: Option<Error>,
}

impl<M: Messages> ItchWriter<M> {
    /// Creates a writer of messages to `output`.
    #[must_use]
    pub fn new(output: M) -> Self {
        Self {
            output,
            midnight_ns: None,
            stocks: HashMap::default(),
            orders: HashMap::default(),
            trade: None,
            is_open: false,
            references: 0,
            matches: 0,
            last_ns: (0, 0),
            counts: [0; 256],
            refused: 0,
            error: None,
        }
    }

    /// Returns how many messages were written, by type.
    fn counts(&self) -> Vec<Count> {
        let counts = TYPES.iter().map(|&(code, _)| {
            let count = self.counts.get(usize::from(code)).copied().unwrap_or_default();
            Count::new(char::from(code), count)
        });
        counts.filter(|count| count.count > 0).collect()
    }

    /// Returns how many records were of kinds or actions that ITCH does not have.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Tells the first error, after which nothing was written. The caller is to stop then.
    ///
    /// # Errors
    /// That error.
    pub fn check(&mut self) -> Result<(), Error> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// Writes the end of the messages and returns the output, with how many messages of each type
    /// it was given.
    ///
    /// # Errors
    /// The first error of all, as [`check`](Self::check).
    pub fn finish(mut self) -> Result<(M, Vec<Count>), Error> {
        self.check()?;
        if self.midnight_ns.is_some() {
            let (ts_event, ts_recv) = self.last_ns;
            self.system_event(b'C', ts_event, ts_recv)?;
        }
        let counts = self.counts();
        Ok((self.output, counts))
    }

    /// Encodes a record unless there was an error before, and keeps its error.
    fn encode<R: Record>(&mut self, record: &R) {
        if self.error.is_none()
            && let Err(error) = self.record(record as &dyn Any, record.header().ts_event)
        {
            self.error = Some(error);
        }
    }

    fn record(&mut self, record: &dyn Any, ts_event: u64) -> Result<(), Error> {
        if let Some(mbo) = record.downcast_ref::<Mbo>() {
            self.begin(ts_event, mbo.ts_recv)?;
            self.order(mbo)
        } else if let Some(status) = record.downcast_ref::<Status>() {
            self.begin(ts_event, status.ts_recv)?;
            self.status(status)
        } else if let Some(imbalance) = record.downcast_ref::<Imbalance>() {
            self.begin(ts_event, imbalance.ts_recv)?;
            self.imbalance(imbalance)
        } else if let Some(definition) = record.downcast_ref::<InstrumentDef>() {
            self.begin(ts_event, definition.ts_recv)?;
            self.definition_of(definition)
        } else {
            self.refused += 1;
            Ok(())
        }
    }

    /// Notes the time, and writes the start of the messages before the first.
    fn begin(&mut self, ts_event: u64, ts_recv: u64) -> Result<(), Error> {
        self.last_ns = (ts_event, ts_recv);
        if self.midnight_ns.is_some() {
            return Ok(());
        }
        let time = Timestamp::from_nanosecond(ts_event.into());
        let zone = TimeZone::get("America/New_York");
        let (Ok(time), Ok(zone)) = (time, zone) else {
            return Err(EncodeError::Time { found: ts_event }.into());
        };
        self.midnight_ns = Some(new_york_midnight_ns(time.to_zoned(zone).date())?);
        self.system_event(b'O', ts_event, ts_recv)
    }

    fn order(&mut self, record: &Mbo) -> Result<(), Error> {
        match record.action {
            action::ADD => self.add(record)?,
            action::TRADE => {
                let Mbo { price, size, side, .. } = *record;
                self.trade = Some(Traded { price, size, side, fills: 0 });
            }
            action::FILL => self.execute(record)?,
            // What the fills of a trade left: the executions have said it.
            action::MODIFY | action::CANCEL if self.trade.is_some() => {}
            action::MODIFY => self.modify(record)?,
            action::CANCEL => self.cancel(record)?,
            _ => self.refused += 1,
        }
        if record.flags & flag::LAST != 0
            && let Some(trade) = self.trade.take()
        {
            self.end_trade(record, trade)?;
        }
        Ok(())
    }

    fn add(&mut self, record: &Mbo) -> Result<(), Error> {
        let stock = self.stock(record.header.instrument_id)?;
        self.references += 1;
        let reference = self.references;
        let header = self.header(b'A', stock.locate, record.header.ts_event)?;
        let message = AddOrder {
            header,
            order_reference: reference.into(),
            side: letter(record.side),
            shares: record.size.into(),
            stock: stock.symbol,
            price: price4(record.price)?,
        };
        let Mbo { order_id, price, size, ts_recv, .. } = *record;
        self.orders.insert(order_id, Resting { reference, price, size });
        if !reference.is_multiple_of(ATTRIBUTED) {
            return self.send(&message, ts_recv);
        }
        let AddOrder { order_reference, side, shares, stock, price, .. } = message;
        let header = Header { message_type: b'F', ..header };
        let attribution = PARTICIPANT;
        let message =
            AddOrderAttributed { header, order_reference, side, shares, stock, price, attribution };
        self.send(&message, ts_recv)
    }

    fn execute(&mut self, record: &Mbo) -> Result<(), Error> {
        let stock = self.stock(record.header.instrument_id)?;
        let order = self.resting(record.order_id)?;
        let trade = self.trade.as_mut().map(|trade| {
            trade.fills += 1;
            *trade
        });
        let left = order.size.saturating_sub(record.size);
        if left == 0 {
            self.orders.remove(&record.order_id);
        } else {
            self.orders.insert(record.order_id, Resting { size: left, ..order });
        }
        self.matches += 1;
        let (order_reference, executed_shares) = (order.reference.into(), record.size.into());
        let match_number = self.matches.into();
        let price = trade.map_or(order.price, |trade| trade.price);
        let is_cross = trade.is_some_and(|trade| trade.side == side::NONE);
        if price == order.price && !is_cross {
            let header = self.header(b'E', stock.locate, record.header.ts_event)?;
            let message = OrderExecuted { header, order_reference, executed_shares, match_number };
            return self.send(&message, record.ts_recv);
        }
        let message = OrderExecutedWithPrice {
            header: self.header(b'C', stock.locate, record.header.ts_event)?,
            order_reference,
            executed_shares,
            match_number,
            printable: if is_cross { b'N' } else { b'Y' },
            execution_price: price4(price)?,
        };
        self.send(&message, record.ts_recv)
    }

    /// Writes the trade of an auction, or of a hidden order, at the end of its event.
    fn end_trade(&mut self, record: &Mbo, trade: Traded) -> Result<(), Error> {
        let stock = self.stock(record.header.instrument_id)?;
        let ts_event = record.header.ts_event;
        if trade.fills == 0 {
            self.matches += 1;
            let message = Trade {
                header: self.header(b'P', stock.locate, ts_event)?,
                order_reference: 0.into(),
                side: b'B',
                shares: trade.size.into(),
                stock: stock.symbol,
                price: price4(trade.price)?,
                match_number: self.matches.into(),
            };
            return self.send(&message, record.ts_recv);
        }
        if trade.side != side::NONE {
            return Ok(());
        }
        self.matches += 1;
        let message = CrossTrade {
            header: self.header(b'Q', stock.locate, ts_event)?,
            shares: u64::from(trade.size).into(),
            stock: stock.symbol,
            cross_price: price4(trade.price)?,
            match_number: self.matches.into(),
            cross_type: match (stock.is_halted, self.is_open) {
                (true, _) => b'H',
                (false, false) => b'O',
                (false, true) => b'C',
            },
        };
        self.send(&message, record.ts_recv)
    }

    fn modify(&mut self, record: &Mbo) -> Result<(), Error> {
        let stock = self.stock(record.header.instrument_id)?;
        let order = self.resting(record.order_id)?;
        let Mbo { order_id, price, size, ts_recv, .. } = *record;
        if price == order.price && (1..order.size).contains(&size) {
            return self.take(record, order, order.size - size);
        }
        self.references += 1;
        let reference = self.references;
        self.orders.insert(order_id, Resting { reference, price, size });
        let message = OrderReplace {
            header: self.header(b'U', stock.locate, record.header.ts_event)?,
            original_order_reference: order.reference.into(),
            new_order_reference: reference.into(),
            shares: size.into(),
            price: price4(price)?,
        };
        self.send(&message, ts_recv)
    }

    fn cancel(&mut self, record: &Mbo) -> Result<(), Error> {
        let stock = self.stock(record.header.instrument_id)?;
        let order = self.resting(record.order_id)?;
        if record.size < order.size {
            return self.take(record, order, record.size);
        }
        self.orders.remove(&record.order_id);
        let header = self.header(b'D', stock.locate, record.header.ts_event)?;
        let message = OrderDelete { header, order_reference: order.reference.into() };
        self.send(&message, record.ts_recv)
    }

    /// Takes a part off an order.
    fn take(&mut self, record: &Mbo, order: Resting, size: u32) -> Result<(), Error> {
        let stock = self.stock(record.header.instrument_id)?;
        self.orders.insert(record.order_id, Resting { size: order.size - size, ..order });
        let message = OrderCancel {
            header: self.header(b'X', stock.locate, record.header.ts_event)?,
            order_reference: order.reference.into(),
            cancelled_shares: size.into(),
        };
        self.send(&message, record.ts_recv)
    }

    fn resting(&self, order_id: u64) -> Result<Resting, EncodeError> {
        self.orders.get(&order_id).copied().ok_or(EncodeError::Order { found: order_id })
    }

    fn stock(&self, instrument_id: u32) -> Result<Stock, EncodeError> {
        let stock = self.stocks.get(&instrument_id).copied();
        stock.ok_or(EncodeError::NotDefined { found: instrument_id })
    }

    fn header(&self, message_type: u8, locate: u16, ts_event: u64) -> Result<Header, EncodeError> {
        let midnight_ns = self.midnight_ns.unwrap_or_default();
        let since = ts_event.checked_sub(midnight_ns).map(u64::to_be_bytes);
        let Some([0, 0, timestamp @ ..]) = since else {
            return Err(EncodeError::Time { found: ts_event });
        };
        let (stock_locate, tracking_number) = (locate.into(), 0.into());
        Ok(Header { message_type, stock_locate, tracking_number, timestamp })
    }

    fn send<T: IntoBytes + Immutable>(&mut self, message: &T, ts_recv: u64) -> Result<(), Error> {
        let bytes = message.as_bytes();
        let code = bytes.first().copied().unwrap_or_default();
        if let Some(count) = self.counts.get_mut(usize::from(code)) {
            *count += 1;
        }
        self.output.take(bytes, ts_recv)
    }
}

impl<M: Messages> Sink for ItchWriter<M> {
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.encode(record);
        Ok(())
    }

    fn definition<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.encode(record);
        Ok(())
    }

    fn statistic<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.encode(record);
        Ok(())
    }
}

/// Converts a price in 1e-9 to dollars x 10^4.
fn price4(price: i64) -> Result<Price4, EncodeError> {
    let whole = (price % PRICE4_E9 == 0).then_some(price / PRICE4_E9);
    let price4 = whole.and_then(|price| u32::try_from(price).ok());
    price4.map(Price4::new).ok_or(EncodeError::Price { found: price })
}

/// Returns ITCH's letter of a side.
fn letter(side: u8) -> u8 {
    if side == side::BID { b'B' } else { b'S' }
}

#[cfg(test)]
mod tests;
