//! Records of single market events: orders, trades, quotes, level changes.
//!
//! All of them are 56 bytes: with the stamp of the slot, one cache line of 64.

use crate::record::describe::builtin;
use crate::record::{UNDEF_PRICE, UNDEF_TIME, action, rtype, side};

builtin! {
    /// An event of one order (market by order).
    ///
    /// Shape: 56 bytes, identical to DBN `MboMsg`.
    pub struct Mbo(rtype::MBO = "mbo") {
        /// Order id assigned by the venue.
        order_id: u64 => None,
        /// Price of the order, fixed-point 1e-9.
        price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity of the order, in whole units.
        size: u32 => Count,
        /// Bits LAST, TOB, SNAPSHOT, MBP, BAD_TS_RECV, MAYBE_BAD_BOOK.
        flags: u8 => Flags,
        /// Channel of the feed, counted from 0.
        channel_id: u8 => None (empty u8::MAX),
        /// A add, C cancel, M modify, R clear book, T trade, F fill, N none.
        action: u8 => Ascii (empty action::NONE),
        /// A ask (sell), B bid (buy), N none; of a trade, the aggressor.
        side: u8 => Ascii (empty side::NONE),
        /// Time of receipt by the capturing host's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// Time of sending at the venue, in ns before ts_recv.
        ts_in_delta: i32 => Nanos,
        /// Sequence number of the message at the venue (low 32 bits where it is longer).
        sequence: u32 => Sequence,
    }
}

builtin! {
    /// A trade.
    ///
    /// Shape: 56 bytes, the first 48 identical to DBN `TradeMsg`, then the venue's trade id.
    pub struct Trade(rtype::TRADE = "trade") {
        /// Price of the trade, fixed-point 1e-9.
        price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity of the trade, in whole units.
        size: u32 => Count,
        /// T, or C for a trade that the venue broke later.
        action: u8 => Ascii (empty action::TRADE),
        /// Aggressor: A sell, B buy, N not known.
        side: u8 => Ascii (empty side::NONE),
        /// Bits LAST, TOB, SNAPSHOT, MBP, BAD_TS_RECV, MAYBE_BAD_BOOK.
        flags: u8 => Flags,
        /// Book level where it happened, counted from 0.
        depth: u8 => None,
        /// Time of receipt by the capturing host's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// Time of sending at the venue, in ns before ts_recv.
        ts_in_delta: i32 => Nanos,
        /// Sequence number of the message at the venue (low 32 bits where it is longer).
        sequence: u32 => Sequence,
        /// Trade id assigned by the venue (ITCH: match number); 0 where there is none.
        trade_id: u64 => None,
    }
}

builtin! {
    /// A trade with a fractional quantity and a 64-bit trade id.
    ///
    /// Shape: 56 bytes. Units: quantity = `qty` × 10^`qty_exp`.
    pub struct TradeW(rtype::TRADE_W = "trade_w") {
        /// Price of the trade, fixed-point 1e-9.
        price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity of the trade: mantissa, times 10^qty_exp.
        qty: i64 => QtyMantissa,
        /// Time of receipt by the capturing host's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// Trade id assigned by the venue; 0 where there is none.
        trade_id: u64 => None,
        /// Bits LAST, TOB, SNAPSHOT, MBP, BAD_TS_RECV, MAYBE_BAD_BOOK.
        flags: u8 => Flags,
        /// T, or C for a trade that the venue broke later.
        action: u8 => Ascii (empty action::TRADE),
        /// Aggressor: A sell, B buy, N not known.
        side: u8 => Ascii (empty side::NONE),
        /// Decimal exponent of qty.
        qty_exp: i8 => Exponent,
        /// Time of sending at the venue, in ns before ts_recv.
        ts_in_delta: i32 => Nanos,
    }
}

builtin! {
    /// The best bid and offer after an event.
    ///
    /// Shape: 56 bytes: DBN `mbp-1` without order counts and without the event's own price.
    pub struct Quote(rtype::QUOTE = "quote") {
        /// Best bid price, fixed-point 1e-9.
        bid_px: i64 => PriceE9 (null UNDEF_PRICE),
        /// Best ask price, fixed-point 1e-9.
        ask_px: i64 => PriceE9 (null UNDEF_PRICE),
        /// Time of receipt by the capturing host's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// Quantity at the best bid, in whole units.
        bid_sz: u32 => Count,
        /// Quantity at the best ask, in whole units.
        ask_sz: u32 => Count,
        /// Sequence number of the message at the venue (low 32 bits where it is longer).
        sequence: u32 => Sequence,
        /// Bits LAST, TOB, SNAPSHOT, MBP, BAD_TS_RECV, MAYBE_BAD_BOOK.
        flags: u8 => Flags,
        /// Event behind the change: A add, C cancel, M modify, R clear book, T trade, N none.
        action: u8 => Ascii (empty action::NONE),
        /// Side of that event: A ask, B bid, N none.
        side: u8 => Ascii (empty side::NONE),
        /// Channel of the feed, counted from 0.
        channel_id: u8 => None,
    }
}

builtin! {
    /// The best bid and offer with fractional quantities.
    ///
    /// Shape: 56 bytes. Units: quantity = mantissa × 10^`qty_exp`, with the exponent from the
    /// instrument directory, which does not change while a feed publishes. There is no room for
    /// flags: a quote without prices says that there is none that could be told as good.
    pub struct QuoteW(rtype::QUOTE_W = "quote_w") {
        /// Best bid price, fixed-point 1e-9.
        bid_px: i64 => PriceE9 (null UNDEF_PRICE),
        /// Best ask price, fixed-point 1e-9.
        ask_px: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity at the best bid: mantissa, exponent in the instrument directory.
        bid_qty: i64 => QtyMantissa,
        /// Quantity at the best ask: mantissa, exponent in the instrument directory.
        ask_qty: i64 => QtyMantissa,
        /// Time of receipt by the capturing host's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
    }
}

builtin! {
    /// A change of one price level with a fractional quantity.
    ///
    /// Shape: 56 bytes. Units: quantity = `qty` × 10^`qty_exp`.
    pub struct DeltaW(rtype::DELTA_W = "delta_w") {
        /// Price of the level, fixed-point 1e-9.
        price: i64 => PriceE9 (null UNDEF_PRICE),
        /// New quantity of the level: mantissa, times 10^qty_exp; 0 deletes the level.
        qty: i64 => QtyMantissa,
        /// Time of receipt by the capturing host's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// Sequence number of the update at the venue.
        sequence: u64 => Sequence,
        /// Bits LAST, TOB, SNAPSHOT, MBP, BAD_TS_RECV, MAYBE_BAD_BOOK.
        flags: u8 => Flags,
        /// A add, C cancel, M modify, R clear book, N none.
        action: u8 => Ascii (empty action::NONE),
        /// Side of the level: A ask, B bid.
        side: u8 => Ascii (empty side::NONE),
        /// Decimal exponent of qty.
        qty_exp: i8 => Exponent,
        /// Number of orders at the level; 0 where the venue does not tell.
        order_ct: u32 => Count,
    }
}

builtin! {
    /// What follows from a quote and its instrument; it stands right behind the quote.
    ///
    /// Shape: 56 bytes. Prices are exact: a middle that lies between two units of 1e-9 is rounded
    /// to the even one.
    pub struct QuoteStats(rtype::QUOTE_STATS = "quote_stats") {
        /// Half the sum of bid and ask, fixed-point 1e-9.
        mid: i64 => PriceE9 (null UNDEF_PRICE),
        /// (bid × ask size + ask × bid size) / (bid size + ask size), fixed-point 1e-9.
        microprice: i64 => PriceE9 (null UNDEF_PRICE),
        /// Ask less bid, fixed-point 1e-9; negative where they cross.
        spread: i64 => PriceE9 (null UNDEF_PRICE),
        /// Closing price of the session before, fixed-point 1e-9.
        prev_close: i64 => PriceE9 (null UNDEF_PRICE),
        /// Sequence number of the quote's message at the venue.
        sequence: u32 => Sequence,
        /// Flags of the quote.
        flags: u8 => Flags,
        /// 0 not known, 1 closed, 2 pre-open, 3 pre-market, 4 regular, 5 post-market.
        phase: u8 => Enum,
        /// Bits off tick, odd lot (bid, ask each), crossed, locked, official close.
        labels: u16 => Flags,
    }
}
