//! What windows take from a record.

use std::hint::select_unpredictable;
use tickring::RecordRef;
use tickring::record::{
    Level, Mbo, Mbp1, Mbp10, Quote, QuoteW, Trade, TradeW, UNDEF_PRICE, action, rtype, side,
};

/// The value of a time field that holds no time.
pub(crate) const UNTIMED: i64 = i64::MAX;

/// A trade or a correction of one, taken from whichever kind of record told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowTrade {
    /// Sequence of the record in its ring.
    pub seq: u64,
    /// Venue or dataset.
    pub publisher_id: u16,
    /// Instrument.
    pub instrument_id: u32,
    /// Event time, in nanoseconds since the Unix epoch; `i64::MAX` if there is none.
    pub ts_event_ns: i64,
    /// Price, in units of 1e-9.
    pub price_e9: i64,
    /// Quantity, in whole units, or as a mantissa for an instrument of the wide family.
    pub size: u64,
    /// Aggressor: `A` sell, `B` buy, anything else is neither.
    pub side: u8,
    /// `T` trade; `C` the venue broke the trade with this id, or without one with this sequence;
    /// `M` it changed its price, size and side to these.
    pub action: u8,
    /// The venue's id of the trade; 0 where there is none.
    pub trade_id: u64,
    /// The venue's sequence of the trade; of a correction without a trade id, of the original.
    pub sequence: u32,
}

impl Default for WindowTrade {
    /// A trade without a time, a price and a size: the base of a struct update.
    fn default() -> Self {
        Self {
            seq: 0,
            publisher_id: 0,
            instrument_id: 0,
            ts_event_ns: UNTIMED,
            price_e9: UNDEF_PRICE,
            size: 0,
            side: side::NONE,
            action: action::TRADE,
            trade_id: 0,
            sequence: 0,
        }
    }
}

impl WindowTrade {
    /// The trade, or correction of one, in a record; `None` for a record of another sort, and for
    /// a trade without a price.
    ///
    /// An [`Mbo`] is a trade with action T alone: F tells of the resting order's side of the same
    /// trade and would count it twice, C and M are about orders. A [`Trade`] or [`TradeW`] is one
    /// with action T, a correction with action C or M.
    #[inline(always)]
    #[must_use]
    pub fn of(record: &RecordRef<'_>) -> Option<Self> {
        match record.rtype() {
            rtype::MBO => record.get().and_then(|mbo| Self::of_mbo(record.seq(), mbo)),
            rtype::TRADE => record.get().and_then(|trade| Self::of_trade(record.seq(), trade)),
            rtype::TRADE_W => record.get().and_then(|trade| Self::of_wide(record.seq(), trade)),
            _ => None,
        }
    }

    #[inline(always)]
    fn of_mbo(seq: u64, mbo: &Mbo) -> Option<Self> {
        if mbo.action != action::TRADE || mbo.price == UNDEF_PRICE {
            return None;
        }
        Some(Self {
            seq,
            publisher_id: mbo.header.publisher_id,
            instrument_id: mbo.header.instrument_id,
            ts_event_ns: time_ns(mbo.header.ts_event),
            price_e9: mbo.price,
            size: mbo.size.into(),
            side: mbo.side,
            action: action::TRADE,
            trade_id: 0,
            sequence: mbo.sequence,
        })
    }

    #[inline(always)]
    fn of_trade(seq: u64, trade: &Trade) -> Option<Self> {
        is_told(trade.action, trade.price).then_some(Self {
            seq,
            publisher_id: trade.header.publisher_id,
            instrument_id: trade.header.instrument_id,
            ts_event_ns: time_ns(trade.header.ts_event),
            price_e9: trade.price,
            size: trade.size.into(),
            side: trade.side,
            action: trade.action,
            trade_id: trade.trade_id,
            sequence: trade.sequence,
        })
    }

    #[inline(always)]
    fn of_wide(seq: u64, trade: &TradeW) -> Option<Self> {
        let size = u64::try_from(trade.qty).ok()?;
        is_told(trade.action, trade.price).then_some(Self {
            seq,
            publisher_id: trade.header.publisher_id,
            instrument_id: trade.header.instrument_id,
            ts_event_ns: time_ns(trade.header.ts_event),
            price_e9: trade.price,
            size,
            side: trade.side,
            action: trade.action,
            trade_id: trade.trade_id,
            sequence: 0,
        })
    }

    /// Quantity bought by the aggressor.
    #[inline(always)]
    pub(crate) fn bought(&self) -> u64 {
        select_unpredictable(self.side == side::BID, self.size, 0)
    }

    /// Quantity sold by the aggressor.
    #[inline(always)]
    pub(crate) fn sold(&self) -> u64 {
        select_unpredictable(self.side == side::ASK, self.size, 0)
    }
}

/// Whether a record of this action is a trade with a price, or a correction.
#[inline]
fn is_told(letter: u8, price: i64) -> bool {
    match letter {
        action::TRADE => price != UNDEF_PRICE,
        action::CANCEL | action::MODIFY => true,
        _ => false,
    }
}

/// The best bid and ask of an instrument at a time, from whichever kind of record told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowQuote {
    /// Instrument.
    pub instrument_id: u32,
    /// Event time, in nanoseconds since the Unix epoch; `i64::MAX` if there is none.
    pub ts_event_ns: i64,
    /// Ask less bid, in units of 1e-9; negative where they cross.
    pub spread_e9: i64,
}

impl WindowQuote {
    /// The quote in a record; `None` for a record of another sort, or with one side only.
    #[must_use]
    pub fn of(record: &RecordRef<'_>) -> Option<Self> {
        let (bid, ask) = match record.rtype() {
            rtype::QUOTE => record.get::<Quote>().map(|quote| (quote.bid_px, quote.ask_px)),
            rtype::QUOTE_W => record.get::<QuoteW>().map(|quote| (quote.bid_px, quote.ask_px)),
            rtype::MBP_1 => record.get::<Mbp1>().and_then(|book| best(&book.levels)),
            rtype::MBP_10 => record.get::<Mbp10>().and_then(|book| best(&book.levels)),
            _ => None,
        }?;
        if bid == UNDEF_PRICE || ask == UNDEF_PRICE {
            return None;
        }
        let header = record.header()?;
        Some(Self {
            instrument_id: header.instrument_id,
            ts_event_ns: time_ns(header.ts_event),
            spread_e9: ask.saturating_sub(bid),
        })
    }
}

fn best(levels: &[Level]) -> Option<(i64, i64)> {
    levels.first().map(|level| (level.bid_px, level.ask_px))
}

/// A time of a record; one beyond the year 2262 is none.
#[inline]
pub(crate) fn time_ns(ts_event: u64) -> i64 {
    i64::try_from(ts_event).unwrap_or(UNTIMED)
}
