//! System, directory and trading state.

use zerocopy::byteorder::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{Header, Price, Symbol};

/// `S`: an event of the market or of the feed. 10 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct SystemEvent {
    /// What all messages start with. Code: `O` start of messages, `S` start of system hours, `R`
    /// start of regular market hours, `M` end of regular market hours, `E` end of system hours,
    /// `C` end of messages.
    pub header: Header,
}

/// `D`: one security of the day. 31 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct SecurityDirectory {
    /// What all messages start with. Code: bits 0x80 test security, 0x40 when issued, 0x20
    /// exchange-traded product.
    pub header: Header,
    /// Symbol.
    pub symbol: Symbol,
    /// Shares of a round lot.
    pub round_lot_size: U32,
    /// Previous official closing price, adjusted for corporate actions.
    pub adjusted_close: Price,
    /// Limit-up limit-down tier: 0 none, 1, 2.
    pub luld_tier: u8,
}

/// `H`: trading in a security was halted, paused or resumed. 22 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct TradingStatus {
    /// What all messages start with. Code: `H` halted on all markets, `O` halt released into an
    /// order acceptance period, `P` paused with an order acceptance period, `T` trading.
    pub header: Header,
    /// Symbol.
    pub symbol: Symbol,
    /// Reason, ASCII.
    pub reason: [u8; 4],
}

/// `I`: whether there is retail interest. 18 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RetailLiquidity {
    /// What all messages start with. Code: `A` to buy, `B` to sell, `C` both, space none.
    pub header: Header,
    /// Symbol.
    pub symbol: Symbol,
}

/// `O`: IEX halted a security for reasons of its own, or resumed it. 18 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct OperationalHalt {
    /// What all messages start with. Code: `O` halted on IEX, `N` not.
    pub header: Header,
    /// Symbol.
    pub symbol: Symbol,
}

/// `P`: the short sale price test of a security. 19 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ShortSalePriceTest {
    /// What all messages start with. Code: 0 not in effect, 1 in effect.
    pub header: Header,
    /// Symbol.
    pub symbol: Symbol,
    /// `A` activated, `C` continued, `D` deactivated, `N` not known, space no price test.
    pub detail: u8,
}

/// `E`: an event of a security (DEEP). 18 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct SecurityEvent {
    /// What all messages start with. Code: `O` opening process complete, `C` closing process
    /// complete.
    pub header: Header,
    /// Symbol.
    pub symbol: Symbol,
}
