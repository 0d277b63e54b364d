//! Bars: prices and volume of an interval.

use crate::record::describe::builtin;
use crate::record::{UNDEF_PRICE, UNDEF_TIME, rtype};

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
        /// Bits PARTIAL 1, INCOMPLETE 2, OVERFLOW 4, FINAL 8.
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
        /// Number of source records that were missed while the window was open.
        missed: u64 => Count,
        /// Watermark when this revision was written, event time in ns since the Unix epoch, UTC.
        watermark_ns: u64 => NanosEpoch (null UNDEF_TIME),
        /// Reserved, zero.
        _reserved: [u64; 4] => None,
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
