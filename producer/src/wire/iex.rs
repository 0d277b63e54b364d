//! IEX TOPS 1.6 and DEEP 1.0: one view per message type.
//!
//! A view is a `#[repr(C)]` struct of little-endian, unaligned fields that lies over the first
//! bytes of one message, type byte included. [`parse`] picks the view by the type byte and checks
//! that there are enough bytes; every byte pattern is a valid value (codes are bytes, not enums),
//! so a hostile message can be wrong but never undefined. A message may be longer than its view:
//! IEX adds fields at the end without a new version.
//!
//! Both feeds share their messages, but for quotes (TOPS), and price levels and security events
//! (DEEP).
//!
//! Units: sizes are shares; [`Price`] is dollars x 10^4, where 0 means that there is none; times
//! are ns since the Unix epoch, UTC; symbols are ASCII, padded on the right with spaces.
//!
//! Source: Investors Exchange TOPS specification, version 1.66; Investors Exchange DEEP
//! specification, version 1.08.

mod admin;
mod auction;
mod trading;

use thiserror::Error;
use zerocopy::byteorder::little_endian::I64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use admin::{
    OperationalHalt, RetailLiquidity, SecurityDirectory, SecurityEvent, ShortSalePriceTest,
    SystemEvent, TradingStatus,
};
pub use auction::{AuctionInformation, OfficialPrice};
pub use trading::{PriceLevelUpdate, QuoteUpdate, TradeReport};

/// Dollars x 10^4; 0 if there is none.
pub type Price = I64;

/// A symbol: eight ASCII bytes, padded on the right with spaces.
pub type Symbol = [u8; 8];

/// Starts every message: 10 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Header {
    /// Message type, an ASCII character.
    pub message_type: u8,
    /// A code or bits; each message type says which.
    pub code: u8,
    /// When it happened, in ns since the Unix epoch, UTC.
    pub timestamp: I64,
}

/// Says why bytes are not a message of TOPS 1.6 or DEEP 1.0.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum IexError {
    /// There is no type byte.
    #[error("empty message: expected at least a type byte, found 0 bytes")]
    Empty,
    /// The type is of a later version.
    #[error("unknown message type {found:#04x}: expected one of SDHIOPEQ85TXBA")]
    UnknownType {
        /// The type byte.
        found: u8,
    },
    /// The message is shorter than its type.
    #[error(
        "message of type '{}': expected {expected} bytes or more, found {found}",
        char::from(*message_type)
    )]
    TooShort {
        /// The type byte.
        message_type: u8,
        /// Bytes of the type.
        expected: usize,
        /// Bytes that there are.
        found: usize,
    },
}

/// One table for everything that depends on the message type.
macro_rules! messages {
    ($($code:literal $name:ident $view:ident $doc:literal)*) => {
        /// A checked reference to one message.
        #[derive(Clone, Copy, Debug)]
        pub enum Message<'a> {
            $(#[doc = $doc] $name(&'a $view),)*
        }

        impl Message<'_> {
            /// Returns what all messages start with.
            #[must_use]
            pub fn header(&self) -> &Header {
                match self {
                    $(Message::$name(message) => &message.header,)*
                }
            }
        }

        /// Every message type with its length in bytes.
        pub const TYPES: &[(u8, usize)] = &[$(($code, size_of::<$view>()),)*];

        /// Views `bytes` as one message.
        ///
        /// Cost: a jump by the type byte and a compare of the length; no copy.
        ///
        /// # Errors
        /// [`IexError`] if the type is unknown or the message is shorter than the type. Total: any
        /// bytes give a message or an error.
        #[inline]
        pub fn parse(bytes: &[u8]) -> Result<Message<'_>, IexError> {
            let Some(&code) = bytes.first() else {
                return Err(IexError::Empty);
            };
            match code {
                $($code => match $view::ref_from_prefix(bytes) {
                    Ok((message, _)) => Ok(Message::$name(message)),
                    Err(_) => Err(IexError::TooShort {
                        message_type: code,
                        expected: size_of::<$view>(),
                        found: bytes.len(),
                    }),
                },)*
                found => Err(IexError::UnknownType { found }),
            }
        }
    };
}

messages! {
    b'S' SystemEvent SystemEvent "System event."
    b'D' SecurityDirectory SecurityDirectory "Security directory entry."
    b'H' TradingStatus TradingStatus "Trading status of a security."
    b'I' RetailLiquidity RetailLiquidity "Retail liquidity indicator."
    b'O' OperationalHalt OperationalHalt "Operational halt status."
    b'P' ShortSalePriceTest ShortSalePriceTest "Short sale price test status."
    b'E' SecurityEvent SecurityEvent "Security event (DEEP)."
    b'Q' QuoteUpdate QuoteUpdate "Quote update (TOPS)."
    b'8' PriceLevelBuy PriceLevelUpdate "Price level update on the buy side (DEEP)."
    b'5' PriceLevelSell PriceLevelUpdate "Price level update on the sell side (DEEP)."
    b'T' TradeReport TradeReport "Trade report."
    b'X' OfficialPrice OfficialPrice "Official price."
    b'B' TradeBreak TradeReport "Trade break."
    b'A' AuctionInformation AuctionInformation "Auction information."
}

#[cfg(test)]
mod tests;
