//! Trades of continuous trading.

use tickring::WrongKind;
use tickring::record::{Mbo, action, flag};

use super::{EventTime, FEWEST_ORDERS, Habits, Market, ROUND_LOT, TICK_E9};
use crate::book::Side;
use crate::random::Random;
use crate::source::Sink;

/// Records of the longest trade: with all its fills, and what they leave.
pub(super) const LONGEST: u64 = 1 + 2 * MOST_FILLS as u64;
/// Orders that one trade fills at most.
const MOST_FILLS: usize = 16;
/// Probability that a trade goes on to the next order.
const ANOTHER_FILL: f64 = 0.57;
/// Probability that a trade leaves a rest of its last order.
const PARTIAL_FILL: f64 = 0.35;
/// Probability that a trade repeats the sign of an earlier one.
const SIGN_MEMORY: f64 = 0.7;
/// Probability that a trade meets an order that the book does not display.
const HIDDEN: f64 = 0.04;

/// What a trade takes from one resting order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fill {
    pub(super) slot: u32,
    pub(super) size: u32,
}

impl Market {
    /// Makes a trade and returns how many records it has; `None` if the side that would be taken
    /// from has too few orders.
    pub(super) fn trade<S: Sink>(
        &mut self,
        time: EventTime,
        habits: &Habits,
        random: &mut Random,
        sink: &mut S,
    ) -> Result<Option<u64>, WrongKind> {
        if random.chance(HIDDEN) {
            return self.trade_hidden(time, random, sink);
        }
        let aggressor = self.sign(habits, random);
        if self.queues.side_len(aggressor.opposite()) <= FEWEST_ORDERS {
            return Ok(None);
        }
        self.take(time, aggressor, random, sink).map(Some)
    }

    /// Lets an aggressor take orders from the other side's best level.
    fn take<S: Sink>(
        &mut self,
        time: EventTime,
        aggressor: Side,
        random: &mut Random,
        sink: &mut S,
    ) -> Result<u64, WrongKind> {
        let resting = aggressor.opposite();
        let most = self.queues.side_len(resting).saturating_sub(FEWEST_ORDERS) as usize;
        let wanted = 1 + random.successes(ANOTHER_FILL, u32::MAX) as usize;
        let wanted = wanted.min(most).clamp(1, MOST_FILLS);
        let mut fills = [Fill::default(); MOST_FILLS];
        let mut count = 0;
        let mut slot = self.queues.front(resting);
        while let (Some(at), Some(fill)) = (slot, fills.get_mut(count).filter(|_| count < wanted)) {
            *fill = Fill { slot: at, size: self.queues.order(at).size };
            count += 1;
            slot = self.queues.behind(at);
        }
        let fills = fills.get_mut(..count).unwrap_or_default();
        if let Some(last) = fills.last_mut()
            && last.size > 1
            && random.chance(PARTIAL_FILL)
        {
            last.size = 1 + random.below(last.size - 1);
        }
        let ticks = self.queues.best(resting).unwrap_or(self.middle_ticks);
        let total = fills.iter().map(|fill| fill.size).sum();
        sink.tick(&self.mbo(time, action::TRADE, 0, Some(aggressor), ticks, total, 0))?;
        self.fill(time, fills, sink)?;
        Ok(1 + 2 * fills.len() as u64)
    }

    /// Gives the fills of a trade, and then what each left of its order.
    pub(super) fn fill<S: Sink>(
        &mut self,
        time: EventTime,
        fills: &[Fill],
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        for fill in fills {
            let order = *self.queues.order(fill.slot);
            let (id, side) = (order.order_id, Some(order.side));
            sink.tick(&self.mbo(time, action::FILL, id, side, order.ticks, fill.size, 0))?;
        }
        for (place, fill) in fills.iter().enumerate() {
            let order = *self.queues.order(fill.slot);
            let flags = if place + 1 == fills.len() { flag::LAST } else { 0 };
            let (action, size) = if fill.size == order.size {
                self.queues.remove(fill.slot);
                (action::CANCEL, fill.size)
            } else {
                let left = order.size - fill.size;
                self.queues.resize(fill.slot, left);
                (action::MODIFY, left)
            };
            let (id, side) = (order.order_id, Some(order.side));
            sink.tick(&self.mbo(time, action, id, side, order.ticks, size, flags))?;
        }
        Ok(())
    }

    /// Trades at the middle of the best prices with an order that nobody sees: the book stays as
    /// it is, and the aggressor is not told.
    fn trade_hidden<S: Sink>(
        &mut self,
        time: EventTime,
        random: &mut Random,
        sink: &mut S,
    ) -> Result<Option<u64>, WrongKind> {
        let (Some(bid), Some(ask)) = (self.queues.best(Side::Bid), self.queues.best(Side::Ask))
        else {
            return Ok(None);
        };
        let size = ROUND_LOT * (1 + random.successes(0.5, 20));
        let trade = self.mbo(time, action::TRADE, 0, None, 0, size, flag::LAST);
        sink.tick(&Mbo { price: i64::midpoint(bid * TICK_E9, ask * TICK_E9), ..trade })?;
        Ok(Some(1))
    }

    /// Draws who trades: often the same side as in an earlier trade.
    fn sign(&mut self, habits: &Habits, random: &mut Random) -> Side {
        let repeated = self.signs >> habits.sign_lag.draw(random) & 1 == 1;
        let buyer = if random.chance(SIGN_MEMORY) { repeated } else { random.chance(0.5) };
        self.signs = self.signs << 1 | u64::from(buyer);
        if buyer { Side::Bid } else { Side::Ask }
    }
}
