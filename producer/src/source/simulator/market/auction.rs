//! Auctions: orders that crossed while they gathered are matched at one price.
//!
//! The price is the one at which most is matched; of several the one that leaves least of the
//! larger side, then the one nearest to the last middle, then the lowest. After it the book is not
//! crossed: a bid and an ask that were left and could trade would have been matched at a price
//! between them.
//!
//! An uncross is one event: `T` of no side with the price and the whole quantity, `F` for each
//! order at its own price, then `C` or `M` for what is left of each.
//!
//! Cost: proportional to the orders of the crossing levels times those levels; auctions are rare.

use std::cmp::Reverse;

use tickring::WrongKind;
use tickring::record::{Imbalance, Record, action, side};

use super::trade::Fill;
use super::{Cross, EventTime, Market, Phase, TICK_E9};
use crate::book::Side;
use crate::source::Sink;

/// What an auction would give now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Indication {
    ticks: i64,
    bought: u64,
    sold: u64,
}

impl Indication {
    fn paired(&self) -> u64 {
        self.bought.min(self.sold)
    }

    fn imbalance(&self) -> u64 {
        self.bought.abs_diff(self.sold)
    }
}

impl Cross {
    /// Returns Nasdaq's letter.
    fn letter(self) -> u8 {
        match self {
            Self::Opening => b'O',
            Self::Closing => b'C',
            Self::Halt => b'H',
        }
    }
}

impl Market {
    /// Returns the state of the coming auction; `None` if orders do not gather for one.
    pub(in crate::source::simulator) fn imbalance(&self, time: EventTime) -> Option<Imbalance> {
        let Phase::Gathering(cross) = self.phase else { return None };
        let empty = Imbalance {
            ts_recv: time.ts_recv,
            ref_price: self.middle_ticks * TICK_E9,
            paired_qty: 0,
            total_imbalance_qty: 0,
            auction_type: cross.letter(),
            side: side::NONE,
            // No band: there is no price that could deviate.
            significant_imbalance: b' ',
            ..Imbalance::empty(
                crate::source::simulator::PUBLISHER,
                self.instrument_id,
                time.ts_event,
            )
        };
        let Some(indication) = self.indication() else { return Some(empty) };
        let price = indication.ticks * TICK_E9;
        Some(Imbalance {
            ref_price: price,
            cont_book_clr_price: price,
            auct_interest_clr_price: price,
            paired_qty: narrow(indication.paired()),
            total_imbalance_qty: narrow(indication.imbalance()),
            side: match indication.bought.cmp(&indication.sold) {
                std::cmp::Ordering::Greater => side::BID,
                std::cmp::Ordering::Less => side::ASK,
                std::cmp::Ordering::Equal => side::NONE,
            },
            // Less than 1 %: it is the reference price.
            significant_imbalance: b'L',
            ..empty
        })
    }

    /// Holds the auction, if orders gathered for one, and returns how many records it has: none if
    /// nothing crosses.
    pub(in crate::source::simulator) fn uncross<S: Sink>(
        &mut self,
        time: EventTime,
        sink: &mut S,
    ) -> Result<u64, WrongKind> {
        let Phase::Gathering(_) = self.phase else { return Ok(0) };
        let Some(indication) = self.indication() else { return Ok(0) };
        let mut fills = self.fills(Side::Bid, indication.paired());
        fills.extend(self.fills(Side::Ask, indication.paired()));
        let (ticks, size) = (indication.ticks, narrow(indication.paired()));
        sink.tick(&self.mbo(time, action::TRADE, 0, None, ticks, size, 0))?;
        self.fill(time, &fills, sink)?;
        self.middle_ticks = ticks;
        Ok(1 + 2 * fills.len() as u64)
    }

    /// Returns the price of the auction; `None` if nothing crosses.
    fn indication(&self) -> Option<Indication> {
        let (bid, ask) = (self.queues.best(Side::Bid)?, self.queues.best(Side::Ask)?);
        let prices = [Side::Bid, Side::Ask].into_iter().flat_map(|side| self.queues.levels(side));
        let crossing = prices.map(|(ticks, _)| ticks).filter(|ticks| (ask..=bid).contains(ticks));
        let indications = crossing.map(|ticks| {
            let quantity = |side: Side, takes: fn(i64, i64) -> bool| {
                let levels = self.queues.levels(side);
                levels.take_while(|&(own, _)| takes(own, ticks)).map(|(_, size)| size).sum()
            };
            let bought = quantity(Side::Bid, |own, ticks| own >= ticks);
            let sold = quantity(Side::Ask, |own, ticks| own <= ticks);
            Indication { ticks, bought, sold }
        });
        indications.max_by_key(|indication| {
            let off = indication.ticks.abs_diff(self.middle_ticks);
            let left = indication.imbalance();
            (indication.paired(), Reverse((left, off, indication.ticks)))
        })
    }

    /// Returns what orders of a side give to make up `quantity`, in price-time priority.
    fn fills(&self, side: Side, quantity: u64) -> Vec<Fill> {
        let mut left = quantity;
        let mut fills = Vec::new();
        for slot in self.queues.priority(side) {
            if left == 0 {
                break;
            }
            let size = self.queues.order(slot).size.min(narrow(left));
            left -= u64::from(size);
            fills.push(Fill { slot, size });
        }
        fills
    }
}

/// Narrows a quantity; a simulated auction is far below the limit.
fn narrow(quantity: u64) -> u32 {
    u32::try_from(quantity).unwrap_or(u32::MAX)
}
