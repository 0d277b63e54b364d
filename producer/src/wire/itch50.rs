//! Nasdaq TotalView-ITCH 5.0: one view per message type.
//!
//! A view is a `#[repr(C)]` struct of big-endian, unaligned fields that lies exactly over the
//! bytes of one message, type byte included. [`parse`] picks the view by the type byte and checks
//! the length; after that every field is read in place, and every byte pattern is a valid value
//! (codes are bytes, not enums), so a hostile message can be wrong but never undefined.
//!
//! Units: shares are whole shares; `Price4` is dollars x 10^4 and `Price8` is dollars x 10^8;
//! times are nanoseconds since midnight in New York, 48 bits; symbols are ASCII, padded on the
//! right with spaces.
//!
//! Source: Nasdaq TotalView-ITCH 5.0 specification, section 1 (message formats).

mod admin;
mod auction;
mod order;

use thiserror::Error;
use zerocopy::byteorder::big_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use admin::{
    AuctionCollar, IpoQuotingPeriod, MarketParticipantPosition, MwcbDeclineLevel, MwcbStatus,
    OperationalHalt, RegShoRestriction, StockDirectory, SystemEvent, TradingAction,
};
pub use auction::{DirectListing, NetOrderImbalance, RetailInterest};
pub use order::{
    AddOrder, AddOrderAttributed, BrokenTrade, CrossTrade, OrderCancel, OrderDelete, OrderExecuted,
    OrderExecutedWithPrice, OrderReplace, Trade,
};

/// Dollars x 10^4.
pub type Price4 = U32;

/// Dollars x 10^8.
pub type Price8 = U64;

/// A stock symbol: eight ASCII bytes, padded on the right with spaces.
pub type Symbol = [u8; 8];

/// Starts every message: 11 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Header {
    /// Message type, an ASCII letter.
    pub message_type: u8,
    /// Day-unique number of the stock; 0 when the message is about no single stock.
    pub stock_locate: U16,
    /// Nasdaq's internal tracking number.
    pub tracking_number: U16,
    /// Nanoseconds since midnight in New York.
    pub timestamp: [u8; 6],
}

impl Header {
    /// Returns the time in nanoseconds since midnight in New York.
    #[must_use]
    pub fn timestamp_ns(&self) -> u64 {
        let [a, b, c, d, e, f] = self.timestamp;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }
}

/// Says why bytes are not an ITCH 5.0 message.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ItchError {
    /// There is no type byte.
    #[error("empty message: expected at least a type byte, found 0 bytes")]
    Empty,
    /// The type byte is none of ITCH 5.0.
    #[error(
        "unknown message type {found:#04x}: expected one of SRHYLVWKJhAFECXDUPQBINO; \
         check that the file is ITCH 5.0 and not another version"
    )]
    UnknownType {
        /// The type byte.
        found: u8,
    },
    /// The length is not the one of the type.
    #[error(
        "message of type '{}': expected {expected} bytes, found {found}; \
         check that the file is ITCH 5.0 and not another version",
        char::from(*message_type)
    )]
    WrongLength {
        /// The type byte.
        message_type: u8,
        /// Bytes that the type table gives.
        expected: usize,
        /// Bytes in the frame.
        found: usize,
    },
}

/// One table for everything that depends on the message type.
macro_rules! messages {
    ($($code:literal $name:ident $doc:literal)*) => {
        /// A checked reference to one message.
        #[derive(Clone, Copy, Debug)]
        pub enum Message<'a> {
            $(#[doc = $doc] $name(&'a $name),)*
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

        /// Every message type with its length in bytes, in the order of the specification.
        pub const TYPES: &[(u8, usize)] = &[$(($code, size_of::<$name>()),)*];

        /// Returns the length in bytes of messages of type `code`, or `None` if there is no such.
        #[must_use]
        pub const fn message_len(code: u8) -> Option<usize> {
            match code {
                $($code => Some(size_of::<$name>()),)*
                _ => None,
            }
        }

        /// Views `bytes` as one message.
        ///
        /// Cost: a jump by the type byte and a compare of the length; no copy.
        ///
        /// # Errors
        /// [`ItchError`] if the type is unknown or the length is not the one of the type. Total:
        /// any bytes give a message or an error.
        #[inline]
        pub fn parse(bytes: &[u8]) -> Result<Message<'_>, ItchError> {
            let Some(&code) = bytes.first() else {
                return Err(ItchError::Empty);
            };
            match code {
                $($code => match $name::ref_from_bytes(bytes) {
                    Ok(message) => Ok(Message::$name(message)),
                    Err(_) => Err(ItchError::WrongLength {
                        message_type: code,
                        expected: size_of::<$name>(),
                        found: bytes.len(),
                    }),
                },)*
                found => Err(ItchError::UnknownType { found }),
            }
        }
    };
}

messages! {
    b'S' SystemEvent "System event."
    b'R' StockDirectory "Stock directory entry."
    b'H' TradingAction "Trading action of a stock."
    b'Y' RegShoRestriction "Short sale price test restriction."
    b'L' MarketParticipantPosition "Market participant position."
    b'V' MwcbDeclineLevel "Market-wide circuit breaker levels."
    b'W' MwcbStatus "Market-wide circuit breaker status."
    b'K' IpoQuotingPeriod "IPO quoting period update."
    b'J' AuctionCollar "LULD auction collar."
    b'h' OperationalHalt "Operational halt."
    b'A' AddOrder "Order added, no attribution."
    b'F' AddOrderAttributed "Order added, with the participant's name."
    b'E' OrderExecuted "Order executed at its price."
    b'C' OrderExecutedWithPrice "Order executed at another price."
    b'X' OrderCancel "Order cancelled in part."
    b'D' OrderDelete "Order deleted."
    b'U' OrderReplace "Order replaced."
    b'P' Trade "Trade against a hidden order."
    b'Q' CrossTrade "Auction trade."
    b'B' BrokenTrade "Trade broken."
    b'I' NetOrderImbalance "Auction imbalance."
    b'N' RetailInterest "Retail price improvement interest."
    b'O' DirectListing "Direct listing with capital raise price discovery."
}

#[cfg(test)]
mod tests;
