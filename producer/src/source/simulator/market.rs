//! One simulated instrument: an order book and the events that change it.
//!
//! Every event leaves a valid book: orders are cancelled, modified and filled only while they rest,
//! trades happen at the best price and take orders in price-time priority, no side runs empty, and
//! no order is entered at or through the other side, except before an [`auction`], which is what
//! the auction is for.
//!
//! An event is published as CME's feed is in DBN: a trade is `T` for the aggressor, `F` for each
//! resting order, then `C` or `M` for what each fill left of it; the last record of an event is
//! flagged LAST.

mod auction;
mod trade;

use tickring::WrongKind;
use tickring::record::{InstrumentDef, Mbo, Record, Status, action, flag, side, status_action};

use super::queues::Queues;
use crate::book::Side;
use crate::random::{Choice, Random};
use crate::source::Sink;

/// Orders of one instrument that its book tends to.
const USUAL_ORDERS: usize = 2_000;
/// Orders below which a side is not reduced.
const FEWEST_ORDERS: u32 = 8;
/// Levels of each side at the open, and orders at each.
const OPENING_LEVELS: i64 = 10;
const OPENING_ORDERS: i64 = 2;
/// Quantity of a round lot.
const ROUND_LOT: u32 = 100;
/// Price of a tick: 0.01.
const TICK_E9: i64 = 10_000_000;
/// The highest price, in ticks: what ITCH can say.
const MOST_TICKS: i64 = 19_999_999;

/// Shares of the events in a growing book: chosen so that of all records A are 34, C 30, M 20,
/// F 11 and T 5 % (an ES session), given that each trade brings its own C and M.
const SHARE_ADD: f64 = 34.0;
const SHARE_CANCEL: f64 = 20.6;
const SHARE_MODIFY: f64 = 18.4;
const SHARE_TRADE: f64 = 5.0;
/// How far cancels take over from adds, or the other way round, to keep the usual number of orders.
const SHARE_SHIFT: f64 = 6.0;
/// Probability that an order before an auction is entered through the middle.
const CROSSING: f64 = 0.35;
/// Ticks by which it is at most.
const CROSSING_TICKS: u32 = 8;

/// Distributions that all instruments share.
#[derive(Clone, Debug)]
pub(super) struct Habits {
    /// Distance of a new order from the best possible price, in ticks.
    distance: Choice,
    /// How many trades ago the sign was seen that is repeated.
    sign_lag: Choice,
}

impl Habits {
    pub(super) fn new() -> Self {
        Self { distance: Choice::power_law(200, 1.6), sign_lag: Choice::power_law(64, 1.3) }
    }
}

/// What all records of one event share.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventTime {
    pub(super) ts_event: u64,
    pub(super) ts_recv: u64,
    pub(super) ts_in_delta: i32,
    pub(super) sequence: u32,
}

/// An auction by its place in the day.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cross {
    Opening,
    Closing,
    Halt,
}

/// What may happen in a market.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Orders and trades.
    Trading,
    /// Orders only, at any price: they gather for an auction.
    Gathering(Cross),
    /// Cancels only.
    Halted,
    /// Nothing.
    Closed,
}

/// One instrument.
#[derive(Clone, Debug)]
pub(super) struct Market {
    instrument_id: u32,
    middle_ticks: i64,
    queues: Queues,
    /// Signs of the last 64 trades, the newest in bit 0; 1 is a buyer.
    signs: u64,
    phase: Phase,
}

impl Market {
    pub(super) fn new(instrument_id: u32, random: &mut Random) -> Self {
        // 10.00 to 500.00.
        let middle_ticks = 1_000 + i64::from(random.below(49_000));
        let signs = u64::from(random.below(u32::MAX));
        let (queues, phase) = (Queues::default(), Phase::Trading);
        Self { instrument_id, middle_ticks, queues, signs, phase }
    }

    /// Returns the definition of this instrument.
    pub(super) fn definition(&self, time: EventTime) -> InstrumentDef {
        let mut record = InstrumentDef {
            ts_recv: time.ts_recv,
            min_price_increment: TICK_E9,
            min_lot_size_round_lot: ROUND_LOT.cast_signed(),
            raw_instrument_id: self.instrument_id.into(),
            instrument_class: dbn::InstrumentClass::Stock as u8,
            security_update_action: b'A',
            ..InstrumentDef::empty(super::PUBLISHER, self.instrument_id, time.ts_event)
        };
        let symbol = format!("SIM{:05}", self.instrument_id);
        for (to, from) in record.raw_symbol.iter_mut().zip(symbol.bytes()) {
            *to = from;
        }
        record
    }

    /// Gives one order of the opening book; `None` when the book is complete.
    pub(super) fn open(&self, place: i64) -> Option<(Side, i64)> {
        let level = place / (2 * OPENING_ORDERS);
        let side = if place % 2 == 0 { Side::Bid } else { Side::Ask };
        (level < OPENING_LEVELS).then(|| (side, self.middle_ticks - outward(side) * (1 + level)))
    }

    /// Enters an order and gives its record.
    pub(super) fn enter<S: Sink>(
        &mut self,
        time: EventTime,
        order_id: u64,
        (side, ticks): (Side, i64),
        random: &mut Random,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let size = order_size(random);
        self.queues.add(order_id, side, ticks, size);
        sink.tick(&self.mbo(time, action::ADD, order_id, Some(side), ticks, size, flag::LAST))
    }

    /// Makes one event of at most `most` records, at least one, and returns how many it has: none
    /// where the phase forbids what was drawn.
    pub(super) fn event<S: Sink>(
        &mut self,
        time: EventTime,
        next_order_id: &mut u64,
        most: u64,
        habits: &Habits,
        random: &mut Random,
        sink: &mut S,
    ) -> Result<u64, WrongKind> {
        if self.phase == Phase::Closed {
            return Ok(0);
        }
        let is_halted = self.phase == Phase::Halted;
        let shift = if self.queues.len() > USUAL_ORDERS { SHARE_SHIFT } else { 0.0 };
        let draw = random.unit() * (SHARE_ADD + SHARE_CANCEL + SHARE_MODIFY + SHARE_TRADE);
        let trade_at = SHARE_TRADE;
        let modify_at = trade_at + SHARE_MODIFY;
        let cancel_at = modify_at + SHARE_CANCEL + shift;
        if draw < trade_at && most >= trade::LONGEST && self.phase == Phase::Trading {
            if let Some(records) = self.trade(time, habits, random, sink)? {
                return Ok(records);
            }
        } else if draw < cancel_at
            && let Some(slot) = self.queues.listed(random.index(self.queues.len()))
        {
            if (trade_at..modify_at).contains(&draw) && !is_halted {
                return self.modify(time, slot, habits, random, sink);
            }
            if self.queues.side_len(self.queues.order(slot).side) > FEWEST_ORDERS {
                return self.cancel(time, slot, sink);
            }
        }
        if is_halted {
            return Ok(0);
        }
        let side = if random.chance(0.5) { Side::Bid } else { Side::Ask };
        let (side, ticks) = self.place(side, habits, random);
        self.enter(time, *next_order_id, (side, ticks), random, sink)?;
        *next_order_id += 1;
        Ok(1)
    }

    /// Lets orders gather for an auction around the present middle, and says so.
    pub(super) fn gather(&mut self, time: EventTime, cross: Cross, reason: u16) -> Status {
        if let (Some(bid), Some(ask)) = (self.queues.best(Side::Bid), self.queues.best(Side::Ask)) {
            self.middle_ticks = i64::midpoint(bid, ask);
        }
        self.phase = Phase::Gathering(cross);
        status(time, self.instrument_id, status_action::QUOTING, reason)
    }

    /// Begins or resumes continuous trading, and says so.
    pub(super) fn resume(&mut self, time: EventTime, reason: u16) -> Status {
        self.phase = Phase::Trading;
        status(time, self.instrument_id, status_action::TRADING, reason)
    }

    /// Halts or pauses trading, and says so.
    pub(super) fn halt(&mut self, time: EventTime, action: u16, reason: u16) -> Status {
        self.phase = Phase::Halted;
        status(time, self.instrument_id, action, reason)
    }

    /// Ends the day: nothing happens any more.
    pub(super) fn close(&mut self) {
        self.phase = Phase::Closed;
    }

    fn cancel<S: Sink>(
        &mut self,
        time: EventTime,
        slot: u32,
        sink: &mut S,
    ) -> Result<u64, WrongKind> {
        let order = *self.queues.order(slot);
        self.queues.remove(slot);
        let (id, side, ticks) = (order.order_id, Some(order.side), order.ticks);
        sink.tick(&self.mbo(time, action::CANCEL, id, side, ticks, order.size, flag::LAST))?;
        Ok(1)
    }

    /// Changes the size of an order, or moves it to another price.
    fn modify<S: Sink>(
        &mut self,
        time: EventTime,
        slot: u32,
        habits: &Habits,
        random: &mut Random,
        sink: &mut S,
    ) -> Result<u64, WrongKind> {
        let order = *self.queues.order(slot);
        let mut size = order_size(random);
        let mut ticks = order.ticks;
        if random.chance(0.5) {
            let (side, moved) = self.place(order.side, habits, random);
            ticks = if side == order.side { moved } else { ticks };
        }
        if ticks == order.ticks && size == order.size {
            size += ROUND_LOT;
        }
        if ticks == order.ticks && size < order.size {
            self.queues.resize(slot, size);
        } else {
            self.queues.move_to(slot, ticks, size);
        }
        let (id, side) = (order.order_id, Some(order.side));
        sink.tick(&self.mbo(time, action::MODIFY, id, side, ticks, size, flag::LAST))?;
        Ok(1)
    }

    /// Returns a price for an order on `side`: a power-law distance from the best possible price.
    /// Below one tick there is none; such an order sells instead.
    fn place(&self, side: Side, habits: &Habits, random: &mut Random) -> (Side, i64) {
        let distance = i64::from(habits.distance.draw(random));
        if let Phase::Gathering(_) = self.phase {
            return (side, self.place_around(side, distance, random));
        }
        let best = |side: Side| self.queues.best(side).unwrap_or(self.middle_ticks);
        let ticks = best(side.opposite()) - outward(side) * (1 + distance);
        match ticks {
            1..=MOST_TICKS => (side, ticks),
            _ => (Side::Ask, (best(Side::Bid) + 1 + distance).min(MOST_TICKS)),
        }
    }

    /// Returns a price for an order before an auction: at a distance from the middle, and often
    /// through it.
    fn place_around(&self, side: Side, distance: i64, random: &mut Random) -> i64 {
        let through = match random.chance(CROSSING) {
            true => 1 + i64::from(random.below(CROSSING_TICKS)),
            false => 0,
        };
        let ticks = self.middle_ticks - outward(side) * (1 + distance - through);
        ticks.clamp(1, MOST_TICKS)
    }

    #[expect(clippy::too_many_arguments, reason = "one for each field that differs")]
    fn mbo(
        &self,
        time: EventTime,
        action: u8,
        order_id: u64,
        side: Option<Side>,
        ticks: i64,
        size: u32,
        flags: u8,
    ) -> Mbo {
        Mbo {
            order_id,
            price: ticks * TICK_E9,
            size,
            flags,
            channel_id: 0,
            action,
            side: side.map_or(side::NONE, Side::letter),
            ts_recv: time.ts_recv,
            ts_in_delta: time.ts_in_delta,
            sequence: time.sequence,
            ..Mbo::empty(super::PUBLISHER, self.instrument_id, time.ts_event)
        }
    }
}

/// Returns a status record; instrument 0 stands for the whole market.
pub(super) fn status(time: EventTime, instrument_id: u32, action: u16, reason: u16) -> Status {
    let (is_trading, is_quoting) = match action {
        _ if instrument_id == 0 => (b'~', b'~'),
        status_action::TRADING => (b'Y', b'Y'),
        status_action::QUOTING => (b'N', b'Y'),
        _ => (b'N', b'N'),
    };
    Status {
        ts_recv: time.ts_recv,
        action,
        reason,
        is_trading,
        is_quoting,
        ..Status::empty(super::PUBLISHER, instrument_id, time.ts_event)
    }
}

/// Returns the direction from the other side's prices into this side's: bids lie below.
fn outward(side: Side) -> i64 {
    match side {
        Side::Bid => 1,
        Side::Ask => -1,
    }
}

/// Returns an order's quantity: mostly round lots with a geometric tail, some odd lots.
fn order_size(random: &mut Random) -> u32 {
    if random.chance(0.85) {
        ROUND_LOT * (1 + random.successes(0.5, 20))
    } else {
        1 + random.below(ROUND_LOT - 1)
    }
}
