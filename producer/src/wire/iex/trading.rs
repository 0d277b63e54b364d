//! Quotes, price levels and trades.

use zerocopy::byteorder::little_endian::{I64, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{Header, Price, Symbol};

/// `Q`: the best bid and offer on IEX (TOPS). 42 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct QuoteUpdate {
    /// What all messages start with. Code: bits 0x80 security halted, paused or otherwise not
    /// available, 0x40 pre- or post-market session.
    pub header: Header,
    /// Symbol.
    pub symbol: Symbol,
    /// Shares bid for.
    pub bid_size: U32,
    /// Best bid.
    pub bid_price: Price,
    /// Best offer.
    pub ask_price: Price,
    /// Shares offered.
    pub ask_size: U32,
}

impl QuoteUpdate {
    /// Bit of the code: the security is halted, paused or otherwise not available.
    pub const NOT_AVAILABLE: u8 = 0x80;
}

/// `8` and `5`: one level of the book (DEEP). 30 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct PriceLevelUpdate {
    /// What all messages start with. Code: bit 0x01 the event that changed the book is complete.
    pub header: Header,
    /// Symbol.
    pub symbol: Symbol,
    /// Shares at the level; 0 if it is gone.
    pub size: U32,
    /// The level.
    pub price: Price,
}

impl PriceLevelUpdate {
    /// Bit of the code: the event that changed the book is complete.
    pub const EVENT_COMPLETE: u8 = 0x01;
}

/// `T` and `B`: a trade on IEX, and a trade that was broken. 38 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct TradeReport {
    /// What all messages start with. Code: bits 0x80 intermarket sweep, 0x40 extended hours, 0x20
    /// odd lot, 0x10 trade-through exempt, 0x08 single-price cross.
    pub header: Header,
    /// Symbol.
    pub symbol: Symbol,
    /// Shares.
    pub size: U32,
    /// Price.
    pub price: Price,
    /// Number of the trade, unique in the day.
    pub trade_id: I64,
}
