//! What a window remembers of one instrument.

use crate::trade::WindowTrade;
use tickring::record::{WindowBar, window_flag};

/// Place of a trade in its window: event time first, then sequence.
type Place = (u64, u64);

/// The running sums of one instrument in one window. Integers only: a replay gives the same.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Aggregate {
    count: u64,
    publisher_id: u16,
    overflow: bool,
    first: Place,
    last: Place,
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    volume: u64,
    bought: u64,
    sold: u64,
    notional: i128,
}

impl Aggregate {
    /// Whether no trade was added yet.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a trade. A sum that does not fit stays where it was and the bar is flagged.
    #[inline]
    pub(crate) fn add(&mut self, trade: &WindowTrade) {
        let place = (trade.ts_event_ns, trade.seq);
        let price = trade.price_e9;
        if self.is_empty() {
            *self = Self {
                publisher_id: trade.publisher_id,
                first: place,
                last: place,
                open: price,
                high: price,
                low: price,
                close: price,
                ..Self::default()
            };
        } else {
            self.high = self.high.max(price);
            self.low = self.low.min(price);
            if place > self.last {
                self.last = place;
                self.close = price;
            } else if place < self.first {
                self.first = place;
                self.open = price;
            }
        }
        self.count += 1;
        // At most 2^63 * 2^64 = 2^127: a single product always fits an i128.
        let notional = i128::from(price) * i128::from(trade.size);
        let sums = (
            self.volume.checked_add(trade.size),
            self.bought.checked_add(trade.bought()),
            self.sold.checked_add(trade.sold()),
            self.notional.checked_add(notional),
        );
        if let (Some(volume), Some(bought), Some(sold), Some(notional)) = sums {
            self.volume = volume;
            self.bought = bought;
            self.sold = sold;
            self.notional = notional;
        } else {
            self.overflow = true;
        }
    }

    /// The bar of `instrument_id` for the window `start_ns..end_ns`, published when the
    /// watermark stood at `watermark_ns`.
    pub(crate) fn bar(
        &self,
        instrument_id: u32,
        (start_ns, end_ns): (u64, u64),
        watermark_ns: u64,
        loss: BarLoss,
    ) -> WindowBar {
        use tickring::record::Record;
        let overflow = if self.overflow { window_flag::OVERFLOW } else { 0 };
        let mut bar = WindowBar {
            start_ns,
            end_ns,
            revision: 0,
            flags: window_flag::FINAL | overflow | loss.flags,
            open: self.open,
            high: self.high,
            low: self.low,
            close: self.close,
            volume: self.volume,
            count: self.count,
            buy_volume: self.bought,
            sell_volume: self.sold,
            first_seq: self.first.1,
            last_seq: self.last.1,
            missed: loss.missed,
            watermark_ns,
            ..WindowBar::empty(self.publisher_id, instrument_id, end_ns)
        };
        bar.set_notional(self.notional);
        bar
    }
}

/// What is known to be missing from a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BarLoss {
    /// PARTIAL, INCOMPLETE or both or none.
    pub(crate) flags: u32,
    /// Records of the input that were missed and may have belonged to the window.
    pub(crate) missed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(ts_event_ns: u64, seq: u64, price_e9: i64, size: u64) -> WindowTrade {
        WindowTrade {
            seq,
            publisher_id: 1,
            instrument_id: 2,
            ts_event_ns,
            price_e9,
            size,
            side: b'B',
        }
    }

    fn bar_of(trades: &[WindowTrade]) -> WindowBar {
        let mut aggregate = Aggregate::default();
        for trade in trades {
            aggregate.add(trade);
        }
        aggregate.bar(2, (0, 10), 9, BarLoss::default())
    }

    #[test]
    fn open_and_close_follow_event_time_then_sequence_and_not_arrival() {
        let trades =
            [trade(5, 1, 50, 1), trade(2, 2, 20, 1), trade(9, 3, 90, 1), trade(9, 4, 91, 1)];
        let in_order = bar_of(&trades);
        assert_eq!((in_order.open, in_order.close), (20, 91));
        assert_eq!((in_order.first_seq, in_order.last_seq), (2, 4));
        for rotation in 1..4 {
            let mut arrived = trades;
            arrived.rotate_left(rotation);
            assert_eq!(bar_of(&arrived), in_order);
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_flagged_and_the_others_stay_consistent() {
        let bar = bar_of(&[trade(1, 1, 7, u64::MAX), trade(2, 2, 7, 1)]);
        assert_eq!(bar.flags & window_flag::OVERFLOW, window_flag::OVERFLOW);
        assert_eq!((bar.volume, bar.count), (u64::MAX, 2));
        assert_eq!(bar.notional(), 7 * i128::from(u64::MAX));
        let bar = bar_of(&[trade(1, 1, i64::MIN, u64::MAX), trade(2, 2, i64::MIN, u64::MAX)]);
        assert_eq!(bar.flags & window_flag::OVERFLOW, window_flag::OVERFLOW);
    }

    #[test]
    fn negative_prices_are_prices() {
        let bar = bar_of(&[trade(1, 1, -37_630_000_000, 3), trade(2, 2, 10_000_000_000, 1)]);
        assert_eq!((bar.low, bar.high), (-37_630_000_000, 10_000_000_000));
        assert_eq!(bar.notional(), -102_890_000_000);
    }
}
