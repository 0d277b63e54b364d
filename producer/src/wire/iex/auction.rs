//! Auctions and official prices.

use zerocopy::byteorder::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{Header, Price, Symbol};

/// `X`: an official price of an IEX-listed security. 26 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct OfficialPrice {
    /// What all messages start with. Code: `Q` opening, `M` closing.
    pub header: Header,
    /// Symbol.
    pub symbol: Symbol,
    /// Price.
    pub price: Price,
}

/// `A`: what is known of a coming auction of an IEX-listed security. 80 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct AuctionInformation {
    /// What all messages start with. Code: `O` opening, `C` closing, `I` IPO, `H` halt, `V`
    /// volatility.
    pub header: Header,
    /// Symbol.
    pub symbol: Symbol,
    /// Shares that match at the reference price.
    pub paired_shares: U32,
    /// Clearing price within the reference price range, of orders on the auction book.
    pub reference_price: Price,
    /// Clearing price of auction and continuous orders.
    pub indicative_price: Price,
    /// Shares that do not match at the reference price.
    pub imbalance_shares: U32,
    /// `B` buy, `S` sell, `N` none.
    pub imbalance_side: u8,
    /// How often the auction was extended.
    pub extension: u8,
    /// When the auction is expected, in seconds since the Unix epoch, UTC.
    pub scheduled_time: U32,
    /// Clearing price of orders on the auction book alone.
    pub book_price: Price,
    /// Price that the collar is derived from.
    pub collar_reference: Price,
    /// Lowest price of the auction.
    pub lower_collar: Price,
    /// Highest price of the auction.
    pub upper_collar: Price,
}
