//! Record types: the second byte of every record.
//!
//! Values below 0xC8 keep their meaning in DBN, values from 0xC8 to 0xDF are left to the programs
//! that use this bus ([`USER`]), values from 0xE0 on belong to the bus itself. Of these,
//! 0xF0 to 0xF3 are control records: they tell about the ring or its source, not about a market,
//! and may stand in any ring beside its data kinds.

/// Trade, DBN `trades`.
pub const TRADE: u8 = 0x00;
/// Market by price, one level, DBN `mbp-1`.
pub const MBP_1: u8 = 0x01;
/// Market by price, ten levels, DBN `mbp-10`.
pub const MBP_10: u8 = 0x0A;
/// Trading status, DBN `status`.
pub const STATUS: u8 = 0x12;
/// Instrument definition, DBN `definition`.
pub const INSTRUMENT_DEF: u8 = 0x13;
/// Auction imbalance, DBN `imbalance`.
pub const IMBALANCE: u8 = 0x14;
/// Error that a live gateway tells its client, as DBN live sessions send it.
pub const GATEWAY_ERROR: u8 = 0x15;
/// Symbol mapping, as DBN live sessions send it.
pub const SYMBOL_MAPPING: u8 = 0x16;
/// Notice or heartbeat of a live gateway, as DBN live sessions send it.
pub const GATEWAY_NOTICE: u8 = 0x17;
/// Venue statistic, DBN `statistics`.
pub const STAT: u8 = 0x18;
/// Bar of one second, DBN `ohlcv-1s`.
pub const BAR_1S: u8 = 0x20;
/// Bar of one minute, DBN `ohlcv-1m`.
pub const BAR_1M: u8 = 0x21;
/// Bar of one hour, DBN `ohlcv-1h`.
pub const BAR_1H: u8 = 0x22;
/// Bar of one UTC day, DBN `ohlcv-1d`.
pub const BAR_1D: u8 = 0x23;
/// Bar of one trading session, DBN `ohlcv-eod`.
pub const BAR_EOD: u8 = 0x24;
/// Market by order, DBN `mbo`.
pub const MBO: u8 = 0xA0;
/// Consolidated market by price, one level, DBN `cmbp-1`.
pub const CMBP_1: u8 = 0xB1;
/// Consolidated best bid and offer each second, DBN `cbbo-1s`.
pub const CBBO_1S: u8 = 0xC0;
/// Consolidated best bid and offer each minute, DBN `cbbo-1m`.
pub const CBBO_1M: u8 = 0xC1;
/// Trade with the consolidated best bid and offer before it, DBN `tcbbo`.
pub const TCBBO: u8 = 0xC2;
/// Best bid and offer each second, DBN `bbo-1s`.
pub const BBO_1S: u8 = 0xC3;
/// Best bid and offer each minute, DBN `bbo-1m`.
pub const BBO_1M: u8 = 0xC4;
/// Vector of lanes with its instrument and source.
pub const VECTOR: u8 = 0xE0;
/// One neighbour of a query.
pub const MATCH: u8 = 0xE1;
/// Trade with a wide quantity and trade id.
pub const TRADE_W: u8 = 0xE2;
/// Best bid and offer.
pub const QUOTE: u8 = 0xE3;
/// Best bid and offer with wide quantities.
pub const QUOTE_W: u8 = 0xE4;
/// Change of one price level with a wide quantity.
pub const DELTA_W: u8 = 0xE5;
/// Result of the window consumer.
pub const WINDOW_BAR: u8 = 0xE6;
/// What follows from a quote and its instrument.
pub const QUOTE_STATS: u8 = 0xE7;
/// Further aggregates of a window.
pub const BAR_STATS: u8 = 0xE8;
/// What went into no window.
pub const LATE: u8 = 0xE9;
/// Ten levels of each side with wide quantities.
pub const DEPTH_W: u8 = 0xEA;
/// What a process asks of the nearest-neighbour consumer.
pub const QUERY: u8 = 0xEB;
/// The head of an answer to it.
pub const ANSWER: u8 = 0xEC;
/// Control: the writer lives, and how far it is.
pub const HEARTBEAT: u8 = 0xF0;
/// Control: the source lost records, or filled a loss.
pub const GAP: u8 = 0xF1;
/// Control: a new writer took over the ring.
pub const RESTART: u8 = 0xF2;
/// Control: a writer died inside this slot; there is no record.
pub const TOMBSTONE: u8 = 0xF3;
/// Bytes of the wire as they came.
pub const RAW: u8 = 0xF4;

/// The record types of user-defined records: free in DBN (which uses values up to 0xC5) and here.
pub const USER: core::ops::RangeInclusive<u8> = 0xC8..=0xDF;

/// Returns whether this record type is one of [`USER`].
#[must_use]
pub const fn is_user(rtype: u8) -> bool {
    *USER.start() <= rtype && rtype <= *USER.end()
}

/// Returns whether records of this type are control records.
#[must_use]
pub const fn is_control(rtype: u8) -> bool {
    matches!(rtype, HEARTBEAT..=TOMBSTONE)
}
