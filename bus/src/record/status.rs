//! Records about the state of an instrument: trading status, auctions, statistics.

use crate::record::describe::builtin;
use crate::record::{UNDEF_PRICE, UNDEF_SIZE, UNDEF_TIME, rtype, side};

builtin! {
    /// A change of the trading status.
    ///
    /// Shape: 40 bytes, identical to DBN `StatusMsg`.
    pub struct Status(rtype::STATUS = "status") {
        /// Time of receipt by the capturing host's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// New status in DBN's numbering: 7 trading, 8 halt, 9 pause, 12 close and others.
        action: u16 => Enum,
        /// Reason for the change, in DBN's numbering.
        reason: u16 => Enum,
        /// Effect on trading, in DBN's numbering.
        trading_event: u16 => Enum,
        /// Whether it is traded: Y, N, or ~ not known.
        is_trading: u8 => Ascii (empty b'~'),
        /// Whether it is quoted: Y, N, or ~ not known.
        is_quoting: u8 => Ascii (empty b'~'),
        /// Whether short selling is restricted: Y, N, or ~ not known.
        is_short_sell_restricted: u8 => Ascii (empty b'~'),
        /// Reserved, zero.
        _reserved: [u8; 7] => None,
    }
}

builtin! {
    /// An auction imbalance.
    ///
    /// Shape: 112 bytes, identical to DBN `ImbalanceMsg`.
    pub struct Imbalance(rtype::IMBALANCE = "imbalance") {
        /// Time of receipt by the capturing host's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// Price at which the imbalance is reckoned, fixed-point 1e-9.
        ref_price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Expected time of the auction, ns since the Unix epoch, UTC.
        auction_time: u64 => NanosEpoch (null UNDEF_TIME),
        /// Clearing price of auction and continuous orders together, fixed-point 1e-9.
        cont_book_clr_price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Clearing price of auction orders alone, fixed-point 1e-9.
        auct_interest_clr_price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Price for short sales under a short-sale restriction, fixed-point 1e-9.
        ssr_filling_price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Price at which most would trade within the collars, fixed-point 1e-9.
        ind_match_price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Upper limit of the auction collar, fixed-point 1e-9.
        upper_collar: i64 => PriceE9 (null UNDEF_PRICE),
        /// Lower limit of the auction collar, fixed-point 1e-9.
        lower_collar: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity that can be matched at ref_price.
        paired_qty: u32 => Count (null UNDEF_SIZE),
        /// Quantity that is left over at ref_price.
        total_imbalance_qty: u32 => Count (null UNDEF_SIZE),
        /// Market-order quantity that is left over at ref_price.
        market_imbalance_qty: u32 => Count (null UNDEF_SIZE),
        /// Closing auction: unpaired quantity at ref_price or better.
        unpaired_qty: u32 => Count (null UNDEF_SIZE),
        /// Type of the auction, the venue's letter; ~ where there is none.
        auction_type: u8 => Ascii (empty b'~'),
        /// Side of total_imbalance_qty: A ask, B bid, N none.
        side: u8 => Ascii (empty side::NONE),
        /// Status of the auction, the venue's number.
        auction_status: u8 => Enum,
        /// Status of a freeze, the venue's number.
        freeze_status: u8 => Enum,
        /// Number of times the halt was extended.
        num_extensions: u8 => Count,
        /// Side of unpaired_qty: A ask, B bid, N none.
        unpaired_side: u8 => Ascii (empty side::NONE),
        /// The venue's letter; Nasdaq: price variation indicator.
        significant_imbalance: u8 => Ascii (empty b'~'),
        /// Reserved, zero.
        _reserved: [u8; 1] => None,
    }
}

builtin! {
    /// A statistic that the venue disseminates; `stat_type` says which.
    ///
    /// Shape: 80 bytes, identical to DBN `StatMsg`.
    pub struct Stat(rtype::STAT = "stat") {
        /// Time of receipt by the capturing host's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// Time the statistic refers to, ns since the Unix epoch, UTC.
        ts_ref: u64 => NanosEpoch (null UNDEF_TIME),
        /// Value of a statistic that is a price, fixed-point 1e-9.
        price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Value of a statistic that is not a price.
        quantity: i64 => Count (null i64::MAX),
        /// Sequence number of the message at the venue.
        sequence: u32 => Sequence,
        /// Time of sending at the venue, in ns before ts_recv.
        ts_in_delta: i32 => Nanos,
        /// Which statistic, in DBN's numbering.
        stat_type: u16 => Enum,
        /// Channel of the feed, counted from 0; 65535 where there is none.
        channel_id: u16 => None (null u16::MAX),
        /// 1 new, 2 deleted.
        update_action: u8 => Enum (empty 1),
        /// Flags of some statistics.
        stat_flags: u8 => Flags,
        /// Reserved, zero.
        _reserved: [u8; 18] => None,
    }
}
