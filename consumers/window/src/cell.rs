//! The running sums of one instrument in one window or pane.

use crate::trade::WindowTrade;
use std::hint::select_unpredictable;
use tickring::record::{Record, UNDEF_PRICE, WindowBar, window_flag};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What every bar is made of. Integers only: a replay gives the same.
///
/// Shape: two cache lines: what each trade changes, then order and sides. Open and close are those
/// of the first and last trade by (event time, sequence), so that the order of arrival does not
/// matter.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub(crate) struct Cell {
    notional: i128,
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    volume: u64,
    pub(crate) count: u64,
    pub(crate) first_ns: i64,
    first_seq: u64,
    pub(crate) last_ns: i64,
    last_seq: u64,
    bought: u64,
    sold: u64,
    publisher_id: u16,
    _unused: u16,
    /// Bits of `window_flag`.
    pub(crate) flags: u32,
    _unused_too: u64,
}

impl Cell {
    /// No trade.
    pub(crate) const EMPTY: Self = Self {
        notional: 0,
        open: UNDEF_PRICE,
        high: UNDEF_PRICE,
        low: UNDEF_PRICE,
        close: UNDEF_PRICE,
        volume: 0,
        count: 0,
        first_ns: 0,
        first_seq: 0,
        last_ns: 0,
        last_seq: 0,
        bought: 0,
        sold: 0,
        publisher_id: 0,
        _unused: 0,
        flags: 0,
        _unused_too: 0,
    };

    /// Adds a trade. A sum that does not fit stays where it was and the bar is flagged.
    ///
    /// Cost: arrival out of order and sides cannot be predicted, so that neither is a branch.
    #[inline(always)]
    pub(crate) fn add(&mut self, trade: &WindowTrade) {
        let price = trade.price_e9;
        let (ts, seq) = (trade.ts_event_ns, trade.seq);
        if self.count == 0 {
            self.begin(trade);
        } else {
            self.high = self.high.max(price);
            self.low = self.low.min(price);
            let is_last = (ts > self.last_ns) | ((ts == self.last_ns) & (seq >= self.last_seq));
            self.last_ns = select_unpredictable(is_last, ts, self.last_ns);
            self.last_seq = select_unpredictable(is_last, seq, self.last_seq);
            self.close = select_unpredictable(is_last, price, self.close);
            if ts <= self.first_ns && (ts, seq) < (self.first_ns, self.first_seq) {
                (self.first_ns, self.first_seq, self.open) = (ts, seq, price);
            }
        }
        self.count += 1;
        // At most 2^63 * 2^64 = 2^127: a single product always fits an i128.
        let notional = i128::from(price) * i128::from(trade.size);
        self.sum(trade.size, trade.bought(), trade.sold(), notional);
    }

    #[cold]
    fn begin(&mut self, trade: &WindowTrade) {
        let price = trade.price_e9;
        let flags = self.flags;
        *self = Self {
            open: price,
            high: price,
            low: price,
            close: price,
            first_ns: trade.ts_event_ns,
            first_seq: trade.seq,
            last_ns: trade.ts_event_ns,
            last_seq: trade.seq,
            publisher_id: trade.publisher_id,
            flags,
            ..Self::EMPTY
        };
    }

    #[inline(always)]
    fn sum(&mut self, volume: u64, bought: u64, sold: u64, notional: i128) {
        let sums = (self.volume.checked_add(volume), self.notional.checked_add(notional));
        if let (Some(volume), Some(notional)) = sums {
            // Neither is above the volume, so both fit where it does.
            self.volume = volume;
            self.notional = notional;
            self.bought = self.bought.wrapping_add(bought);
            self.sold = self.sold.wrapping_add(sold);
        } else {
            self.flags |= window_flag::OVERFLOW;
        }
    }

    /// Loads both lines.
    #[inline]
    pub(crate) fn touch(&self) -> u64 {
        self.count ^ self.last_seq
    }

    /// Adds what another cell of the same instrument has.
    #[inline]
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            self.flags |= other.flags;
            return;
        }
        if self.count == 0 {
            let flags = self.flags;
            *self = *other;
            self.flags |= flags;
            return;
        }
        self.high = self.high.max(other.high);
        self.low = self.low.min(other.low);
        if (other.last_ns, other.last_seq) > (self.last_ns, self.last_seq) {
            (self.last_ns, self.last_seq) = (other.last_ns, other.last_seq);
            self.close = other.close;
        }
        if (other.first_ns, other.first_seq) < (self.first_ns, self.first_seq) {
            (self.first_ns, self.first_seq) = (other.first_ns, other.first_seq);
            self.open = other.open;
            self.publisher_id = other.publisher_id;
        }
        self.count += other.count;
        self.flags |= other.flags;
        self.sum(other.volume, other.bought, other.sold, other.notional);
    }

    /// Sets all prices, of a window that has no trade.
    pub(crate) fn set_prices(&mut self, price: i64) {
        (self.open, self.high, self.low, self.close) = (price, price, price, price);
    }

    /// The last trade: time, sequence and price.
    pub(crate) fn last(&self) -> (i64, u64, i64) {
        (self.last_ns, self.last_seq, self.close)
    }

    /// Bought less sold quantity; at its limit where it does not fit.
    pub(crate) fn flow(&self) -> i64 {
        let flow = i128::from(self.bought) - i128::from(self.sold);
        i64::try_from(flow).unwrap_or(if flow < 0 { i64::MIN } else { i64::MAX })
    }

    /// The bar of these sums; start, end, revision and the rest are the caller's.
    pub(crate) fn bar(&self, instrument_id: u32, end_ns: u64) -> WindowBar {
        let mut bar = WindowBar {
            end_ns,
            flags: self.flags,
            open: self.open,
            high: self.high,
            low: self.low,
            close: self.close,
            volume: self.volume,
            count: self.count,
            buy_volume: self.bought,
            sell_volume: self.sold,
            first_seq: self.first_seq,
            last_seq: self.last_seq,
            ..WindowBar::empty(self.publisher_id, instrument_id, end_ns)
        };
        bar.set_notional(self.notional);
        bar
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(ts_event_ns: i64, seq: u64, price_e9: i64, size: u64) -> WindowTrade {
        WindowTrade { seq, ts_event_ns, price_e9, size, side: b'B', ..WindowTrade::default() }
    }

    fn cell_of(trades: &[WindowTrade]) -> Cell {
        let mut cell = Cell::EMPTY;
        trades.iter().for_each(|trade| cell.add(trade));
        cell
    }

    #[test]
    fn a_cell_is_two_cache_lines() {
        assert_eq!((size_of::<Cell>(), align_of::<Cell>()), (128, 64));
    }

    #[test]
    fn open_and_close_follow_event_time_then_sequence_and_not_arrival() {
        let trades =
            [trade(5, 1, 50, 1), trade(2, 2, 20, 1), trade(9, 3, 90, 1), trade(9, 4, 91, 1)];
        let in_order = cell_of(&trades);
        assert_eq!((in_order.open, in_order.close), (20, 91));
        assert_eq!((in_order.first_seq, in_order.last_seq), (2, 4));
        for rotation in 1..4 {
            let mut arrived = trades;
            arrived.rotate_left(rotation);
            assert_eq!(cell_of(&arrived), in_order);
        }
    }

    #[test]
    fn merged_parts_are_the_whole() {
        let trades =
            [trade(5, 1, 50, 1), trade(2, 2, 20, 7), trade(9, 3, 90, 2), trade(9, 4, 9, 3)];
        for cut in 0..=trades.len() {
            let (one, other) = trades.split_at(cut);
            let (mut merged, mut turned) = (cell_of(one), cell_of(other));
            merged.merge(&cell_of(other));
            turned.merge(&cell_of(one));
            assert_eq!((merged, turned), (cell_of(&trades), cell_of(&trades)), "{cut}");
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_flagged_and_the_others_stay_consistent() {
        let cell = cell_of(&[trade(1, 1, 7, u64::MAX), trade(2, 2, 7, 1)]);
        assert_eq!(cell.flags, window_flag::OVERFLOW);
        assert_eq!((cell.volume, cell.count), (u64::MAX, 2));
        assert_eq!(cell.bar(1, 1).notional(), 7 * i128::from(u64::MAX));
        let most = trade(1, 1, i64::MIN, 1 << 63);
        let cell = cell_of(&[most, trade(2, 2, i64::MIN, (1 << 63) - 1), most]);
        assert_eq!(cell.flags, window_flag::OVERFLOW);
    }

    #[test]
    fn negative_prices_are_prices() {
        let bar =
            cell_of(&[trade(1, 1, -37_630_000_000, 3), trade(2, 2, 10_000_000_000, 1)]).bar(1, 1);
        assert_eq!((bar.low, bar.high), (-37_630_000_000, 10_000_000_000));
        assert_eq!(bar.notional(), -102_890_000_000);
    }
}
