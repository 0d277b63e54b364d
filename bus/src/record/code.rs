//! Values of the enumerated fields and flag fields, grouped by field.
//!
//! They are constants and not enums because a record is untrusted bytes: every bit pattern may
//! occur, and a reader compares instead of converting.

/// Bits of the DBN field `flags`.
pub mod flag {
    /// Last record of an event of one instrument.
    pub const LAST: u8 = 0x80;
    /// Top of book, not a single order.
    pub const TOB: u8 = 0x40;
    /// Came from a replay or a snapshot server.
    pub const SNAPSHOT: u8 = 0x20;
    /// Aggregated price level, not a single order.
    pub const MBP: u8 = 0x10;
    /// `ts_recv` is inaccurate (clock trouble or packet reordering).
    pub const BAD_TS_RECV: u8 = 0x08;
    /// An unrecoverable gap came before: the book may be wrong.
    pub const MAYBE_BAD_BOOK: u8 = 0x04;
}

/// Letters of the field `action`.
pub mod action {
    /// A new order, or a new level.
    pub const ADD: u8 = b'A';
    /// An order, or part of one, was taken back.
    pub const CANCEL: u8 = b'C';
    /// Price or size of an order changed.
    pub const MODIFY: u8 = b'M';
    /// The whole book of the instrument is void.
    pub const CLEAR: u8 = b'R';
    /// An aggressing order traded; the book does not change by this record.
    pub const TRADE: u8 = b'T';
    /// A resting order was filled; the book does not change by this record.
    pub const FILL: u8 = b'F';
    /// No action.
    pub const NONE: u8 = b'N';
}

/// Letters of the field `side`.
pub mod side {
    /// Sell order, or sell aggressor of a trade.
    pub const ASK: u8 = b'A';
    /// Buy order, or buy aggressor of a trade.
    pub const BID: u8 = b'B';
    /// Neither, or not known.
    pub const NONE: u8 = b'N';
}

/// Values of [`Status::action`](super::Status::action), as in DBN.
pub mod status_action {
    /// No change.
    pub const NONE: u16 = 0;
    /// Before the open.
    pub const PRE_OPEN: u16 = 1;
    /// Before an auction.
    pub const PRE_CROSS: u16 = 2;
    /// Quoted but not traded.
    pub const QUOTING: u16 = 3;
    /// In an auction.
    pub const CROSS: u16 = 4;
    /// Being opened by rotation.
    pub const ROTATION: u16 = 5;
    /// A new price indication is there.
    pub const NEW_PRICE_INDICATION: u16 = 6;
    /// Traded.
    pub const TRADING: u16 = 7;
    /// Trading is halted.
    pub const HALT: u16 = 8;
    /// Trading is paused.
    pub const PAUSE: u16 = 9;
    /// Trading is suspended.
    pub const SUSPEND: u16 = 10;
    /// Before the close.
    pub const PRE_CLOSE: u16 = 11;
    /// Closed.
    pub const CLOSE: u16 = 12;
    /// After the close.
    pub const POST_CLOSE: u16 = 13;
    /// Short-sale restrictions changed.
    pub const SSR_CHANGE: u16 = 14;
    /// Closed or halted, the venue does not say which.
    pub const NOT_AVAILABLE: u16 = 15;
}

/// Values of [`Instrument::book_state`](crate::Instrument::book_state).
pub mod book_state {
    /// Nothing is known of the book.
    pub const UNSYNCED: u8 = 0;
    /// A snapshot is awaited, changes are kept.
    pub const SYNCING: u8 = 1;
    /// The book follows the venue's.
    pub const SYNCED: u8 = 2;
    /// Changes were lost: the book may be wrong.
    pub const STALE: u8 = 3;
}

/// Values of [`Instrument::family`](crate::Instrument::family).
pub mod family {
    /// Records as in DBN: sizes and sequences of 32 bits.
    pub const DBN: u8 = b'D';
    /// Wide records: quantities with an exponent, ids of 64 bits.
    pub const WIDE: u8 = b'W';
}

/// Values of [`Heartbeat::state`](super::Heartbeat::state).
pub mod feed_state {
    /// The source has not begun.
    pub const STARTING: u8 = 0;
    /// Records arrive in order.
    pub const LIVE: u8 = 1;
    /// Nothing arrives although the venue is open.
    pub const STALE: u8 = 2;
    /// Lost records are being fetched.
    pub const RECOVERING: u8 = 3;
    /// The source came to its end.
    pub const ENDED: u8 = 4;
}

/// Values of [`Gap::state`](super::Gap::state).
pub mod gap_state {
    /// Records are missing.
    pub const OPEN: u8 = 0;
    /// Missing records were asked for.
    pub const REQUESTED: u8 = 1;
    /// All missing records were published.
    pub const FILLED: u8 = 2;
    /// The rest will not come.
    pub const UNRECOVERABLE: u8 = 3;
    /// The venue began a new session; its sequences start again.
    pub const SESSION_RESET: u8 = 4;
    /// The connection was lost and opened again.
    pub const RECONNECT: u8 = 5;
}

/// Values of [`Gap::cause`](super::Gap::cause).
pub mod gap_cause {
    /// Not known.
    pub const UNKNOWN: u16 = 0;
    /// The venue's sequence jumped.
    pub const SEQUENCE: u16 = 1;
    /// A receive buffer overflowed: the kernel's, or the source's own.
    pub const SOCKET_OVERFLOW: u16 = 2;
    /// A connection ended.
    pub const DISCONNECT: u16 = 3;
    /// Bytes could not be decoded.
    pub const MALFORMED: u16 = 4;
    /// The book is not the one that the venue's checksum is of.
    pub const CHECKSUM: u16 = 5;
}

/// Values of [`Raw::proto`](super::Raw::proto).
pub mod raw_proto {
    /// Not known.
    pub const UNKNOWN: u16 = 0;
    /// Nasdaq TotalView-ITCH 5.0, one message.
    pub const ITCH_50: u16 = 1;
}

/// Values of [`Restart::cause`](super::Restart::cause) and
/// [`Tombstone::cause`](super::Tombstone::cause).
pub mod restart_cause {
    /// Not known.
    pub const UNKNOWN: u16 = 0;
    /// The previous writer had closed the ring.
    pub const CLOSED: u16 = 1;
    /// The previous writer died.
    pub const DIED: u16 = 2;
    /// The machine was restarted.
    pub const REBOOT: u16 = 3;
}

/// Bits of [`WindowBar::flags`](super::WindowBar::flags).
pub mod window_flag {
    /// The window is not at its end: more records may come.
    pub const PARTIAL: u32 = 1;
    /// Source records of this window were missed.
    pub const INCOMPLETE: u32 = 2;
    /// A sum did not fit and is held at its limit.
    pub const OVERFLOW: u32 = 4;
    /// No later revision of this window will come.
    pub const FINAL: u32 = 8;
    /// Trades of this window were forgotten before their time: it cannot be corrected any more.
    pub const UNCORRECTABLE: u32 = 16;
    /// The window has no trade; its prices are undefined, or carried from the one before.
    pub const EMPTY: u32 = 32;
}

/// Bits of [`BarStats::wanted`](super::BarStats::wanted).
pub mod bar_stat {
    /// Mean of the price over time.
    pub const TWAP: u32 = 1;
    /// Sum of squared price steps.
    pub const REALISED: u32 = 2;
    /// Exponentially weighted mean of the price.
    pub const EWMA: u32 = 4;
    /// Statistics of ask less bid.
    pub const SPREAD: u32 = 8;
    /// Quantiles of price and size.
    pub const QUANTILES: u32 = 16;
    /// Bought less sold quantity.
    pub const FLOW: u32 = 32;
}

/// Values of [`Late::reason`](super::Late::reason).
pub mod late_reason {
    /// Every window of the trade is over, its allowed lateness included.
    pub const LATE: u8 = 1;
    /// So far ahead of the watermark that too many windows would be open.
    pub const AHEAD: u8 = 2;
    /// Outside the sessions of the calendar.
    pub const CLOSED: u8 = 3;
    /// Without an event time.
    pub const UNTIMED: u8 = 4;
    /// A correction of a trade that is not known, or not any more: the horizon is over.
    pub const UNKNOWN_TRADE: u8 = 5;
    /// A correction in a window of which trades were forgotten, as the log was full.
    pub const FORGOTTEN: u8 = 6;
    /// A correction, and none are wanted.
    pub const NO_CORRECTIONS: u8 = 7;
}

/// Values of [`QuoteStats::phase`](super::QuoteStats::phase).
pub mod session_phase {
    /// The venue's hours are not known.
    pub const UNKNOWN: u8 = 0;
    /// Nothing is traded, and orders are not taken or only kept.
    pub const CLOSED: u8 = 1;
    /// Orders are taken for the opening auction.
    pub const PRE_OPEN: u8 = 2;
    /// Traded before the regular hours.
    pub const PRE_MARKET: u8 = 3;
    /// The regular hours.
    pub const REGULAR: u8 = 4;
    /// Traded after the regular hours.
    pub const POST_MARKET: u8 = 5;
}

/// Bits of [`QuoteStats::labels`](super::QuoteStats::labels).
pub mod quote_label {
    /// The bid is no multiple of the tick.
    pub const BID_OFF_TICK: u16 = 1;
    /// The ask is no multiple of the tick.
    pub const ASK_OFF_TICK: u16 = 2;
    /// The bid's quantity is less than a round lot.
    pub const BID_ODD_LOT: u16 = 4;
    /// The ask's quantity is less than a round lot.
    pub const ASK_ODD_LOT: u16 = 8;
    /// The bid is above the ask.
    pub const CROSSED: u16 = 16;
    /// The bid is at the ask.
    pub const LOCKED: u16 = 32;
    /// The closing price was told by the venue; else it is the session's last trade.
    pub const OFFICIAL_CLOSE: u16 = 64;
}

/// Values of [`Vector::dtype`](super::Vector::dtype).
pub mod lane_type {
    use crate::schema::FieldType;

    /// 32-bit floating point.
    pub const F32: u8 = 0;
    /// 16-bit floating point.
    pub const F16: u8 = 1;
    /// 8-bit signed integer.
    pub const I8: u8 = 2;

    /// The value for lanes of a type of the schema; `None` if lanes are never of that type.
    #[must_use]
    pub const fn of(ty: FieldType) -> Option<u8> {
        match ty {
            FieldType::F32 => Some(F32),
            FieldType::F16 => Some(F16),
            FieldType::I8 => Some(I8),
            _ => None,
        }
    }
}

/// Values of [`Vector::metric`](super::Vector::metric).
pub mod metric {
    /// Squared Euclidean distance.
    pub const L2: u8 = 0;
    /// One minus the cosine of the angle.
    pub const COSINE: u8 = 1;
    /// Negative inner product.
    pub const DOT: u8 = 2;
}
