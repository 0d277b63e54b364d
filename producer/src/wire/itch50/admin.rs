//! System, directory and trading state.

use zerocopy::byteorder::big_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{Header, Price4, Price8, Symbol};

/// `S`: an event of the market or of the feed handler. 12 bytes.
///
/// Source: specification 1.1.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct SystemEvent {
    /// What all messages start with.
    pub header: Header,
    /// `O` start of messages, `S` start of system hours, `Q` start of market hours, `M` end of
    /// market hours, `E` end of system hours, `C` end of messages.
    pub event_code: u8,
}

/// `R`: one stock of the day, with the number that all later messages use for it. 39 bytes.
///
/// Source: specification 1.2.1.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct StockDirectory {
    /// What all messages start with.
    pub header: Header,
    /// Symbol.
    pub stock: Symbol,
    /// Listing market: `Q` Global Select, `G` Global, `S` Capital, `N` NYSE, `A` NYSE American,
    /// `P` NYSE Arca, `Z` BATS, `V` IEX, space unknown.
    pub market_category: u8,
    /// Financial status: `N` normal, `D` deficient, `E` delinquent, `Q` bankrupt and others.
    pub financial_status: u8,
    /// Shares of a round lot.
    pub round_lot_size: U32,
    /// `Y` if only round lots are accepted.
    pub round_lots_only: u8,
    /// Class of the security, for instance `C` common stock.
    pub issue_classification: u8,
    /// Sub-type of the security, ASCII.
    pub issue_sub_type: [u8; 2],
    /// `P` live, `T` test.
    pub authenticity: u8,
    /// `Y` if on the short sale threshold list, space if unknown.
    pub short_sale_threshold: u8,
    /// `Y` if set up for an IPO.
    pub ipo_flag: u8,
    /// Limit-up limit-down tier: `1`, `2`, space none.
    pub luld_tier: u8,
    /// `Y` if an exchange-traded product.
    pub etp_flag: u8,
    /// Leverage of an exchange-traded product, a whole factor.
    pub etp_leverage: U32,
    /// `Y` if the product moves against its benchmark.
    pub inverse: u8,
}

/// `H`: trading in a stock was halted, paused or resumed. 25 bytes.
///
/// Source: specification 1.2.2.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct TradingAction {
    /// What all messages start with.
    pub header: Header,
    /// Symbol.
    pub stock: Symbol,
    /// `H` halted, `P` paused, `Q` quotation only, `T` trading.
    pub trading_state: u8,
    /// Reserved.
    pub reserved: u8,
    /// Reason, ASCII.
    pub reason: [u8; 4],
}

/// `Y`: the short sale price test restriction of a stock. 20 bytes.
///
/// Source: specification 1.2.3.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RegShoRestriction {
    /// What all messages start with.
    pub header: Header,
    /// Symbol.
    pub stock: Symbol,
    /// `0` no restriction, `1` in effect after an intraday fall, `2` still in effect.
    pub reg_sho_action: u8,
}

/// `L`: the state of a market participant in a stock. 26 bytes.
///
/// Source: specification 1.2.4.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct MarketParticipantPosition {
    /// What all messages start with.
    pub header: Header,
    /// Market participant identifier, ASCII.
    pub mpid: [u8; 4],
    /// Symbol.
    pub stock: Symbol,
    /// `Y` if a primary market maker.
    pub primary_market_maker: u8,
    /// `N` normal, `P` passive, `S` syndicate, `R` pre-syndicate, `L` penalty.
    pub market_maker_mode: u8,
    /// `A` active, `E` excused, `W` withdrawn, `S` suspended, `D` deleted.
    pub participant_state: u8,
}

/// `V`: the three levels of the market-wide circuit breaker. 35 bytes.
///
/// Source: specification 1.2.5.1.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct MwcbDeclineLevel {
    /// What all messages start with.
    pub header: Header,
    /// Level 1 of the S&P 500, points x 10^8.
    pub level_1: Price8,
    /// Level 2 of the S&P 500, points x 10^8.
    pub level_2: Price8,
    /// Level 3 of the S&P 500, points x 10^8.
    pub level_3: Price8,
}

/// `W`: a level of the market-wide circuit breaker was breached. 12 bytes.
///
/// Source: specification 1.2.5.2.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct MwcbStatus {
    /// What all messages start with.
    pub header: Header,
    /// The level: `1`, `2` or `3`.
    pub breached_level: u8,
}

/// `K`: when quotation of an IPO is expected to begin. 28 bytes.
///
/// Source: specification 1.2.6.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct IpoQuotingPeriod {
    /// What all messages start with.
    pub header: Header,
    /// Symbol.
    pub stock: Symbol,
    /// Seconds since midnight in New York.
    pub quotation_release_time: U32,
    /// `A` anticipated, `C` cancelled or postponed.
    pub quotation_release_qualifier: u8,
    /// IPO price, dollars x 10^4.
    pub ipo_price: Price4,
}

/// `J`: the price collar of an auction after a limit-up limit-down pause. 35 bytes.
///
/// Source: specification 1.2.7.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct AuctionCollar {
    /// What all messages start with.
    pub header: Header,
    /// Symbol.
    pub stock: Symbol,
    /// Reference price, dollars x 10^4.
    pub reference_price: Price4,
    /// Upper collar, dollars x 10^4.
    pub upper_price: Price4,
    /// Lower collar, dollars x 10^4.
    pub lower_price: Price4,
    /// Number of the extension, 0 first.
    pub extension: U32,
}

/// `h`: trading of a stock was interrupted on one market. 21 bytes.
///
/// Source: specification 1.2.8.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct OperationalHalt {
    /// What all messages start with.
    pub header: Header,
    /// Symbol.
    pub stock: Symbol,
    /// `Q` Nasdaq, `B` BX, `X` PSX.
    pub market_code: u8,
    /// `H` halted, `T` resumed.
    pub halt_action: u8,
}
