//! Records of a market that several venues make together: the best bid and the best offer may stand
//! at different ones.

use crate::record::describe::{Describe, Shape, builtin, part};
use crate::record::{UNDEF_PRICE, UNDEF_TIME, action, rtype, side};

part! {
    /// The best bid and offer of all venues, and where they are.
    ///
    /// Shape: 32 bytes, alignment 8, identical to DBN `ConsolidatedBidAskPair`. In the schema table
    /// each of its fields is a row of its own, its name ending in the level (`bid_px_00`).
    #[derive(Eq, Hash)]
    pub struct ConsolidatedLevel {
        /// Bid price, fixed-point 1e-9.
        bid_px: i64 => PriceE9 (null UNDEF_PRICE),
        /// Ask price, fixed-point 1e-9.
        ask_px: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity at the bid, in whole units.
        bid_sz: u32 => Count,
        /// Quantity at the ask, in whole units.
        ask_sz: u32 => Count,
        /// Publisher with the best bid, in DBN's numbering.
        bid_pb: u16 => PublisherId,
        /// Reserved, zero.
        _reserved1: u16 => None,
        /// Publisher with the best ask, in DBN's numbering.
        ask_pb: u16 => PublisherId,
        /// Reserved, zero.
        _reserved2: u16 => None,
    }
}

impl<const N: usize> Describe for [ConsolidatedLevel; N] {
    const SHAPE: Shape = Shape::levels::<ConsolidatedLevel, N>();

    fn blank() -> Self {
        [ConsolidatedLevel::blank(); N]
    }
}

builtin! {
    /// An event and the consolidated best level: after it, or before it where the record type is
    /// that of `tcbbo`.
    ///
    /// Shape: 80 bytes, identical to DBN `Cmbp1Msg`.
    pub struct Cmbp1(rtype::CMBP_1 = "cmbp_1", rtype::TCBBO = "tcbbo") {
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
        /// Reserved, zero.
        _reserved1: u8 => None,
        /// Time of receipt by the capturing host's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// Time of sending at the venue, in ns before ts_recv.
        ts_in_delta: i32 => Nanos,
        /// Reserved, zero.
        _reserved2: [u8; 4] => None,
        /// Best level of all venues.
        levels: [ConsolidatedLevel; 1] => None,
    }
}

builtin! {
    /// The consolidated best level at the end of an interval that the record type names, and the
    /// last trade before it.
    ///
    /// Shape: 80 bytes, identical to DBN `CbboMsg`. Units: `ts_recv` is the end of the interval,
    /// `header.ts_event` the time of the last trade. The record type is that of one second unless
    /// it is [set](crate::record::RecordHeader::with_rtype).
    pub struct Cbbo(rtype::CBBO_1S = "cbbo_1s", rtype::CBBO_1M = "cbbo_1m") {
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
        _reserved3: [u8; 8] => None,
        /// Best level of all venues at the end of the interval.
        levels: [ConsolidatedLevel; 1] => None,
    }
}
