//! Bars: prices and volume of an interval, and what belongs to them.

use crate::record::describe::builtin;
use crate::record::{UNDEF_PRICE, UNDEF_TIME, action, rtype, side};

builtin! {
    /// Open, high, low, close and volume of an interval that the record type names.
    ///
    /// Shape: 56 bytes, identical to DBN `OhlcvMsg`. Units: `header.ts_event` is the start of the
    /// interval. [`RecordHeader::new`](crate::record::RecordHeader::new) writes the record type of
    /// one second; another interval is set with
    /// [`RecordHeader::with_rtype`](crate::record::RecordHeader::with_rtype).
    pub struct Bar(
        rtype::BAR_1S = "bar_1s",
        rtype::BAR_1M = "bar_1m",
        rtype::BAR_1H = "bar_1h",
        rtype::BAR_1D = "bar_1d",
        rtype::BAR_EOD = "bar_eod"
    ) {
        /// First price of the interval, fixed-point 1e-9.
        open: i64 => PriceE9 (null UNDEF_PRICE),
        /// Highest price of the interval, fixed-point 1e-9.
        high: i64 => PriceE9 (null UNDEF_PRICE),
        /// Lowest price of the interval, fixed-point 1e-9.
        low: i64 => PriceE9 (null UNDEF_PRICE),
        /// Last price of the interval, fixed-point 1e-9.
        close: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity traded in the interval, in whole units.
        volume: u64 => Count,
    }
}

builtin! {
    /// One revision of one window of one instrument: the output of the window consumer.
    ///
    /// Shape: 184 bytes, a slot of 192. Units: prices 1e-9; the volume fields count whole units,
    /// or mantissas for an instrument of the wide family. `notional_lo` and `notional_hi` are the
    /// two halves of one i128, see [`notional`](Self::notional).
    pub struct WindowBar(rtype::WINDOW_BAR = "window_bar") {
        /// Start of the window, inclusive, event time in ns since the Unix epoch, UTC.
        start_ns: u64 => NanosEpoch (null UNDEF_TIME),
        /// End of the window, exclusive, event time in ns since the Unix epoch, UTC.
        end_ns: u64 => NanosEpoch (null UNDEF_TIME),
        /// Number of this revision, counted from 0; the highest one counts.
        revision: u32 => Count,
        /// Bits PARTIAL 1, INCOMPLETE 2, OVERFLOW 4, FINAL 8, UNCORRECTABLE 16, EMPTY 32.
        flags: u32 => Flags,
        /// First price of the window, fixed-point 1e-9.
        open: i64 => PriceE9 (null UNDEF_PRICE),
        /// Highest price of the window, fixed-point 1e-9.
        high: i64 => PriceE9 (null UNDEF_PRICE),
        /// Lowest price of the window, fixed-point 1e-9.
        low: i64 => PriceE9 (null UNDEF_PRICE),
        /// Last price of the window, fixed-point 1e-9.
        close: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity traded.
        volume: u64 => Count,
        /// Low 64 bits of the sum of price times quantity, an i128 in units of 1e-9.
        notional_lo: u64 => LowWord,
        /// High 64 bits of the sum of price times quantity.
        notional_hi: i64 => HighWord,
        /// Number of trades.
        count: u64 => Count,
        /// Quantity whose aggressor was a buyer.
        buy_volume: u64 => Count,
        /// Quantity whose aggressor was a seller.
        sell_volume: u64 => Count,
        /// Sequence in the source ring of the first record of the window.
        first_seq: u64 => Sequence,
        /// Sequence in the source ring of the last record of the window.
        last_seq: u64 => Sequence,
        /// Number of source records that were missed and may belong to the window.
        missed: u64 => Count,
        /// Watermark when this revision was written, event time in ns since the Unix epoch, UTC.
        watermark_ns: u64 => NanosEpoch (null UNDEF_TIME),
        /// Event time up to which the missed records can reach, ns since the Unix epoch, UTC.
        missed_until_ns: u64 => NanosEpoch (null UNDEF_TIME),
        /// Number of the window among those of its instrument, from 0, where windows are in order
        /// of arrival and several may have the same times; 0 where they are of time.
        ordinal: u64 => Sequence,
        /// Reserved, zero.
        _reserved: [u64; 2] => None,
    }
}

builtin! {
    /// Further aggregates of one revision of a window; it stands right behind its `window_bar`.
    ///
    /// Shape: 184 bytes, a slot of 192. Units: prices 1e-9; quantities as in the bar. What was not
    /// asked for, and what the window has no data for, is undefined or zero. The sums of 128 bits
    /// are split in two words, see [`realised`](Self::realised) and
    /// [`spread_sum`](Self::spread_sum).
    pub struct BarStats(rtype::BAR_STATS = "bar_stats") {
        /// Start of the window, inclusive, event time in ns since the Unix epoch, UTC.
        start_ns: u64 => NanosEpoch (null UNDEF_TIME),
        /// End of the window, exclusive, event time in ns since the Unix epoch, UTC.
        end_ns: u64 => NanosEpoch (null UNDEF_TIME),
        /// Number of the bar's revision.
        revision: u32 => Count,
        /// Bits of what was asked for: TWAP 1, REALISED 2, EWMA 4, SPREAD 8, QUANTILES 16, FLOW 32.
        wanted: u32 => Flags,
        /// Mean of the price over the sampling grid, fixed-point 1e-9.
        twap: i64 => PriceE9 (null UNDEF_PRICE),
        /// Exponentially weighted mean of the price over the sampling grid, fixed-point 1e-9.
        ewma: i64 => PriceE9 (null UNDEF_PRICE),
        /// Low 64 bits of the sum of squared price steps on the grid, a u128 in units of 1e-18.
        realised_lo: u64 => LowWord,
        /// High 64 bits of the sum of squared price steps on the grid.
        realised_hi: u64 => HighWord,
        /// Quantity bought less quantity sold by aggressors.
        order_flow: i64 => Count,
        /// Number of quotes with both sides.
        quotes: u64 => Count,
        /// Low 64 bits of the sum of ask less bid over the quotes, an i128 in units of 1e-9.
        spread_lo: u64 => LowWord,
        /// High 64 bits of the sum of ask less bid.
        spread_hi: i64 => HighWord,
        /// Smallest ask less bid, fixed-point 1e-9.
        spread_min: i64 => PriceE9 (null UNDEF_PRICE),
        /// Largest ask less bid, fixed-point 1e-9.
        spread_max: i64 => PriceE9 (null UNDEF_PRICE),
        /// Price that 5 per cent of the trades do not exceed, fixed-point 1e-9.
        price_p05: i64 => PriceE9 (null UNDEF_PRICE),
        /// Price that 25 per cent of the trades do not exceed, fixed-point 1e-9.
        price_p25: i64 => PriceE9 (null UNDEF_PRICE),
        /// Price that 50 per cent of the trades do not exceed, fixed-point 1e-9.
        price_p50: i64 => PriceE9 (null UNDEF_PRICE),
        /// Price that 75 per cent of the trades do not exceed, fixed-point 1e-9.
        price_p75: i64 => PriceE9 (null UNDEF_PRICE),
        /// Price that 95 per cent of the trades do not exceed, fixed-point 1e-9.
        price_p95: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity that 50 per cent of the trades do not exceed.
        size_p50: u64 => Count,
        /// Quantity that 90 per cent of the trades do not exceed.
        size_p90: u64 => Count,
        /// Quantity that 99 per cent of the trades do not exceed.
        size_p99: u64 => Count,
    }
}

builtin! {
    /// A trade, or a correction of one, that went into no window of the window consumer.
    ///
    /// Shape: 64 bytes. The header's event time is that of the record it came from.
    pub struct Late(rtype::LATE = "late") {
        /// Price of the trade, fixed-point 1e-9.
        price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Quantity of the trade, whole units, or the mantissa for the wide family.
        size: u64 => Count,
        /// Sequence of the record in the source ring.
        src_seq: u64 => Sequence,
        /// Trade id assigned by the venue; 0 where there is none.
        trade_id: u64 => None,
        /// Watermark when it was refused, event time in ns since the Unix epoch, UTC.
        watermark_ns: u64 => NanosEpoch (null UNDEF_TIME),
        /// Sequence number of the message at the venue (low 32 bits where it is longer).
        sequence: u32 => Sequence,
        /// 1 late, 2 ahead, 3 closed, 4 untimed, 5 unknown trade, 6 forgotten, 7 no corrections.
        reason: u8 => Enum,
        /// T trade, C broken by the venue, M changed by the venue.
        action: u8 => Ascii (empty action::TRADE),
        /// Aggressor: A sell, B buy, N not known.
        side: u8 => Ascii (empty side::NONE),
        /// Reserved, zero.
        _reserved: [u8; 1] => None,
    }
}

impl BarStats {
    /// Returns the sum of squared price steps on the sampling grid, in units of 1e-18.
    #[must_use]
    pub fn realised(&self) -> u128 {
        (u128::from(self.realised_hi) << 64) | u128::from(self.realised_lo)
    }

    /// Stores the sum of squared price steps, in units of 1e-18.
    #[expect(clippy::cast_possible_truncation, reason = "the value is split into its two words")]
    pub fn set_realised(&mut self, realised: u128) {
        self.realised_lo = realised as u64;
        self.realised_hi = (realised >> 64) as u64;
    }

    /// Returns the sum of ask less bid over the quotes, in units of 1e-9.
    #[must_use]
    pub fn spread_sum(&self) -> i128 {
        (i128::from(self.spread_hi) << 64) | i128::from(self.spread_lo)
    }

    /// Stores the sum of ask less bid, in units of 1e-9.
    #[expect(clippy::cast_possible_truncation, reason = "the value is split into its two words")]
    pub fn set_spread_sum(&mut self, sum: i128) {
        self.spread_lo = sum as u64;
        self.spread_hi = (sum >> 64) as i64;
    }
}

impl WindowBar {
    /// Returns the sum of price times quantity, in units of 1e-9.
    #[must_use]
    pub fn notional(&self) -> i128 {
        (i128::from(self.notional_hi) << 64) | i128::from(self.notional_lo)
    }

    /// Stores the sum of price times quantity, in units of 1e-9.
    #[expect(clippy::cast_possible_truncation, reason = "the value is split into its two words")]
    pub fn set_notional(&mut self, notional: i128) {
        self.notional_lo = notional as u64;
        self.notional_hi = (notional >> 64) as i64;
    }
}
