//! Orders and trades: what the book is made of.

use zerocopy::byteorder::big_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{Header, Price4, Symbol};

/// `A`: an order was added, without attribution. 36 bytes.
///
/// Source: specification 1.3.1.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct AddOrder {
    /// What all messages start with.
    pub header: Header,
    /// Day-unique order id.
    pub order_reference: U64,
    /// `B` buy, `S` sell.
    pub side: u8,
    /// Shares.
    pub shares: U32,
    /// Symbol.
    pub stock: Symbol,
    /// Limit price, dollars x 10^4.
    pub price: Price4,
}

/// `F`: an order was added, with the participant's name. 40 bytes.
///
/// Source: specification 1.3.2.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct AddOrderAttributed {
    /// What all messages start with.
    pub header: Header,
    /// Day-unique order id.
    pub order_reference: U64,
    /// `B` buy, `S` sell.
    pub side: u8,
    /// Shares.
    pub shares: U32,
    /// Symbol.
    pub stock: Symbol,
    /// Limit price, dollars x 10^4.
    pub price: Price4,
    /// Market participant identifier, ASCII.
    pub attribution: [u8; 4],
}

/// `E`: a resting order was executed at its own price. 31 bytes.
///
/// Source: specification 1.4.1.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct OrderExecuted {
    /// What all messages start with.
    pub header: Header,
    /// Id of the resting order.
    pub order_reference: U64,
    /// Shares executed, to be taken off the order.
    pub executed_shares: U32,
    /// Day-unique match number.
    pub match_number: U64,
}

/// `C`: a resting order was executed at a price that is not its own. 36 bytes.
///
/// Source: specification 1.4.2.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct OrderExecutedWithPrice {
    /// What all messages start with.
    pub header: Header,
    /// Id of the resting order.
    pub order_reference: U64,
    /// Shares executed, to be taken off the order.
    pub executed_shares: U32,
    /// Day-unique match number.
    pub match_number: U64,
    /// `Y` if the execution counts in time and sales and volume, `N` if a cross reports it.
    pub printable: u8,
    /// Execution price, dollars x 10^4.
    pub execution_price: Price4,
}

/// `X`: part of an order was cancelled. 23 bytes.
///
/// Source: specification 1.4.3.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct OrderCancel {
    /// What all messages start with.
    pub header: Header,
    /// Id of the order.
    pub order_reference: U64,
    /// Shares to be taken off the order.
    pub cancelled_shares: U32,
}

/// `D`: an order was deleted, whatever was left of it. 19 bytes.
///
/// Source: specification 1.4.4.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct OrderDelete {
    /// What all messages start with.
    pub header: Header,
    /// Id of the order.
    pub order_reference: U64,
}

/// `U`: an order was replaced by a new one of the same stock and side. 35 bytes.
///
/// Source: specification 1.4.5.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct OrderReplace {
    /// What all messages start with.
    pub header: Header,
    /// Id of the order that ends.
    pub original_order_reference: U64,
    /// Id of the order that begins.
    pub new_order_reference: U64,
    /// Shares of the new order.
    pub shares: U32,
    /// Limit price of the new order, dollars x 10^4.
    pub price: Price4,
}

/// `P`: a trade against an order that the book does not display. 44 bytes.
///
/// Source: specification 1.5.1.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Trade {
    /// What all messages start with.
    pub header: Header,
    /// Zero since 2010: the hidden order's id is not published.
    pub order_reference: U64,
    /// Side of the resting order; always `B` since 2014, whatever the truth.
    pub side: u8,
    /// Shares.
    pub shares: U32,
    /// Symbol.
    pub stock: Symbol,
    /// Trade price, dollars x 10^4.
    pub price: Price4,
    /// Day-unique match number.
    pub match_number: U64,
}

/// `Q`: the bulk trade of an auction. 40 bytes.
///
/// Source: specification 1.5.2.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct CrossTrade {
    /// What all messages start with.
    pub header: Header,
    /// Shares matched; 64 bits, and zero for an auction without a match.
    pub shares: U64,
    /// Symbol.
    pub stock: Symbol,
    /// Price of the cross, dollars x 10^4.
    pub cross_price: Price4,
    /// Day-unique match number.
    pub match_number: U64,
    /// `O` opening, `C` closing, `H` IPO or halted stock, `A` extended trading close.
    pub cross_type: u8,
}

/// `B`: a trade is broken, as if it had not been. 19 bytes.
///
/// Source: specification 1.5.3.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct BrokenTrade {
    /// What all messages start with.
    pub header: Header,
    /// Match number of the execution, trade or cross that is broken.
    pub match_number: U64,
}
