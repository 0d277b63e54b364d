//! What a window takes from a record.

use tickring::RecordRef;
use tickring::record::{Mbo, Trade, TradeW, UNDEF_PRICE, action, side};

/// A trade, taken from whichever kind of record told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowTrade {
    /// Sequence of the record in its ring.
    pub seq: u64,
    /// Venue or dataset.
    pub publisher_id: u16,
    /// Instrument.
    pub instrument_id: u32,
    /// Event time, in nanoseconds since the Unix epoch.
    pub ts_event_ns: u64,
    /// Price, in units of 1e-9.
    pub price_e9: i64,
    /// Quantity, in whole units, or as a mantissa for an instrument of the wide family.
    pub size: u64,
    /// Aggressor: `A` sell, `B` buy, anything else is neither.
    pub side: u8,
}

impl WindowTrade {
    /// The trade in a record; `None` for a record of another sort, and for one without a price.
    ///
    /// An [`Mbo`] is a trade with action T alone: F tells of the resting order's side of the same
    /// trade and would count it twice. A [`Trade`] that the venue broke later (action C) is none.
    #[inline]
    #[must_use]
    pub fn of(record: &RecordRef<'_>) -> Option<Self> {
        let (header, price_e9, size, side) = if let Some(mbo) = record.get::<Mbo>() {
            if mbo.action != action::TRADE {
                return None;
            }
            (mbo.header, mbo.price, u64::from(mbo.size), mbo.side)
        } else if let Some(trade) = record.get::<Trade>() {
            if trade.action != action::TRADE {
                return None;
            }
            (trade.header, trade.price, u64::from(trade.size), trade.side)
        } else {
            let trade = record.get::<TradeW>()?;
            (trade.header, trade.price, u64::try_from(trade.qty).ok()?, trade.side)
        };
        let known = price_e9 != UNDEF_PRICE;
        known.then_some(Self {
            seq: record.seq(),
            publisher_id: header.publisher_id,
            instrument_id: header.instrument_id,
            ts_event_ns: header.ts_event,
            price_e9,
            size,
            side,
        })
    }

    /// Quantity bought by the aggressor.
    pub(crate) fn bought(&self) -> u64 {
        if self.side == side::BID { self.size } else { 0 }
    }

    /// Quantity sold by the aggressor.
    pub(crate) fn sold(&self) -> u64 {
        if self.side == side::ASK { self.size } else { 0 }
    }
}
