//! Auctions and indications of interest.

use zerocopy::byteorder::big_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{Header, Price4, Symbol};

/// `I`: the imbalance of a coming auction. 50 bytes.
///
/// Source: specification 1.6.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct NetOrderImbalance {
    /// What all messages start with.
    pub header: Header,
    /// Shares that match at the current reference price.
    pub paired_shares: U64,
    /// Shares that do not.
    pub imbalance_shares: U64,
    /// `B` buy, `S` sell, `N` none, `O` too few orders, `P` paused.
    pub imbalance_direction: u8,
    /// Symbol.
    pub stock: Symbol,
    /// Clearing price of auction orders alone, dollars x 10^4; 0 if there is none.
    pub far_price: Price4,
    /// Clearing price of auction and continuous orders, dollars x 10^4; 0 if there is none.
    pub near_price: Price4,
    /// Reference price, dollars x 10^4.
    pub reference_price: Price4,
    /// `O` opening, `C` closing, `H` IPO or halted stock, `A` extended trading close.
    pub cross_type: u8,
    /// Band of the deviation of the near price, ASCII; space if it cannot be computed.
    pub price_variation: u8,
}

/// `N`: there is retail interest at better prices. 20 bytes.
///
/// Source: specification 1.7.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RetailInterest {
    /// What all messages start with.
    pub header: Header,
    /// Symbol.
    pub stock: Symbol,
    /// `B` buy, `S` sell, `A` both, `N` none.
    pub interest: u8,
}

/// `O`: price discovery of a direct listing with a capital raise. 48 bytes.
///
/// Source: specification 1.8.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct DirectListing {
    /// What all messages start with.
    pub header: Header,
    /// Symbol.
    pub stock: Symbol,
    /// `Y` if the stock may be released for trading.
    pub open_eligibility: u8,
    /// Lowest allowed price, dollars x 10^4.
    pub minimum_price: Price4,
    /// Highest allowed price, dollars x 10^4.
    pub maximum_price: Price4,
    /// Indicative price, dollars x 10^4.
    pub near_execution_price: Price4,
    /// When the indicative price was set, nanoseconds since midnight in New York.
    pub near_execution_time: U64,
    /// Lower collar, dollars x 10^4.
    pub lower_collar: Price4,
    /// Upper collar, dollars x 10^4.
    pub upper_collar: Price4,
}
