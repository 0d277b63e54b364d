//! Records that carry price levels after the event that changed them.

use crate::record::describe::{Describe, Shape, builtin, part};
use crate::record::{UNDEF_PRICE, UNDEF_TIME, action, rtype, side};

part! {
    /// One level of a book: both sides at the same distance from the top.
    ///
    /// Shape: 32 bytes, alignment 8, identical to DBN `BidAskPair`. In the schema table each of
    /// its fields is a row of its own, its name ending in the level (`bid_px_00`).
    #[derive(Eq, Hash)]
    pub struct Level {
        /// Bid price, fixed-point 1e-9.
        bid_px: i64 => PriceE9 (null UNDEF_PRICE),
        /// Ask price, fixed-point 1e-9.
        ask_px: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity at the bid, in whole units.
        bid_sz: u32 => Count,
        /// Quantity at the ask, in whole units.
        ask_sz: u32 => Count,
        /// Number of orders at the bid.
        bid_ct: u32 => Count,
        /// Number of orders at the ask.
        ask_ct: u32 => Count,
    }
}

impl<const N: usize> Describe for [Level; N] {
    const SHAPE: Shape = Shape::levels::<Level, N>();

    fn blank() -> Self {
        [Level::blank(); N]
    }
}

part! {
    /// One level of a book with fractional quantities: both sides at the same distance from the
    /// top.
    ///
    /// Shape: 40 bytes, alignment 8. In the schema table each of its fields is a row of its own,
    /// its name ending in the level (`bid_px_00`).
    #[derive(Eq, Hash)]
    pub struct LevelW {
        /// Bid price, fixed-point 1e-9.
        bid_px: i64 => PriceE9 (null UNDEF_PRICE),
        /// Ask price, fixed-point 1e-9.
        ask_px: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity at the bid: mantissa, times 10^qty_exp.
        bid_qty: i64 => QtyMantissa,
        /// Quantity at the ask: mantissa, times 10^qty_exp.
        ask_qty: i64 => QtyMantissa,
        /// Number of orders at the bid; 0 where the venue does not tell.
        bid_ct: u32 => Count,
        /// Number of orders at the ask; 0 where the venue does not tell.
        ask_ct: u32 => Count,
    }
}

impl<const N: usize> Describe for [LevelW; N] {
    const SHAPE: Shape = Shape::levels::<LevelW, N>();

    fn blank() -> Self {
        [LevelW::blank(); N]
    }
}

builtin! {
    /// An event and the best level after it (market by price, one level).
    ///
    /// Shape: 80 bytes, identical to DBN `Mbp1Msg`.
    pub struct Mbp1(rtype::MBP_1 = "mbp_1") {
        /// Price of the event, fixed-point 1e-9.
        price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity of the event, in whole units.
        size: u32 => Count,
        /// A add, C cancel, M modify, R clear book, T trade, N none.
        action: u8 => Ascii (empty action::NONE),
        /// A ask (sell), B bid (buy), N none; of a trade, the aggressor.
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
        /// Best level after the event.
        levels: [Level; 1] => None,
    }
}

builtin! {
    /// An event and the ten best levels after it (market by price, ten levels).
    ///
    /// Shape: 368 bytes, identical to DBN `Mbp10Msg`.
    pub struct Mbp10(rtype::MBP_10 = "mbp_10") {
        /// Price of the event, fixed-point 1e-9.
        price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity of the event, in whole units.
        size: u32 => Count,
        /// A add, C cancel, M modify, R clear book, T trade, N none.
        action: u8 => Ascii (empty action::NONE),
        /// A ask (sell), B bid (buy), N none; of a trade, the aggressor.
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
        /// Ten best levels after the event, the best first.
        levels: [Level; 10] => None,
    }
}

builtin! {
    /// The ten best levels of each side after an event, with fractional quantities.
    ///
    /// Shape: 440 bytes: with the stamp of the slot, seven cache lines. Units: quantity = mantissa
    /// × 10^`qty_exp`, one exponent for all levels of the record.
    pub struct DepthW(rtype::DEPTH_W = "depth_w") {
        /// Time of receipt by the capturing host's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// Sequence number of the update at the venue.
        sequence: u64 => Sequence,
        /// Bits LAST, TOB, SNAPSHOT, MBP, BAD_TS_RECV, MAYBE_BAD_BOOK.
        flags: u8 => Flags,
        /// Event behind the change: A add, C cancel, M modify, R clear book, T trade, N none.
        action: u8 => Ascii (empty action::NONE),
        /// Side of that event: A ask, B bid, N none.
        side: u8 => Ascii (empty side::NONE),
        /// Decimal exponent of the quantities.
        qty_exp: i8 => Exponent,
        /// Best level that the event changed, counted from 0.
        depth: u8 => None,
        /// Reserved, zero.
        _reserved: [u8; 3] => None,
        /// Ten best levels after the event, the best first.
        levels: [LevelW; 10] => None,
    }
}

builtin! {
    /// The best level at the end of an interval that the record type names, and the last trade
    /// before it.
    ///
    /// Shape: 80 bytes, identical to DBN `BboMsg`. Units: `ts_recv` is the end of the interval,
    /// `header.ts_event` the time of the last trade. The record type is that of one second unless
    /// it is [set](crate::record::RecordHeader::with_rtype).
    pub struct Bbo(rtype::BBO_1S = "bbo_1s", rtype::BBO_1M = "bbo_1m") {
        /// Price of the last trade, fixed-point 1e-9.
        price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity of the last trade, in whole units.
        size: u32 => Count,
        /// Reserved, zero.
        _reserved1: u8 => None,
        /// Aggressor of the last trade: A sell, B buy, N not known.
        side: u8 => Ascii (empty side::NONE),
        /// Bits LAST, TOB, SNAPSHOT, MBP, BAD_TS_RECV, MAYBE_BAD_BOOK.
        flags: u8 => Flags,
        /// Reserved, zero.
        _reserved2: u8 => None,
        /// End of the interval by the capturing host's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// Reserved, zero.
        _reserved3: [u8; 4] => None,
        /// Sequence number of the last update at the venue.
        sequence: u32 => Sequence,
        /// Best level at the end of the interval.
        levels: [Level; 1] => None,
    }
}
