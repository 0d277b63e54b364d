//! What a window is, when it fires and what is late; each statement is one of Flink's.

use proptest::prelude::*;
use std::collections::BTreeMap;
use tickring::record::{WindowBar, window_flag};
use tickring_window::{WindowError, WindowOptions, WindowTrade, Windows};

const SIZE_NS: u64 = 100;

fn trade(ts_event_ns: u64, seq: u64, instrument_id: u32) -> WindowTrade {
    let price_e9 = i64::try_from(seq * 7 % 50).unwrap() - 10;
    let side = [b'A', b'B', b'N'][usize::try_from(seq % 3).unwrap()];
    WindowTrade { seq, publisher_id: 1, instrument_id, ts_event_ns, price_e9, size: seq % 9, side }
}

fn windows(delay_ns: u64) -> Windows {
    Windows::new(WindowOptions { size_ns: SIZE_NS, delay_ns }).unwrap()
}

/// Start times of the bars that each trade makes fire, then those of the end.
fn fired(delay_ns: u64, times: &[u64]) -> (Vec<Vec<u64>>, u64) {
    let mut windows = windows(delay_ns);
    let mut steps = Vec::new();
    for (seq, ts) in times.iter().enumerate() {
        let mut step = Vec::new();
        windows.trade(&trade(*ts, seq as u64, 1), &mut |bar| step.push(bar.start_ns));
        steps.push(step);
    }
    let mut end = Vec::new();
    windows.finish(&mut |bar| end.push(bar.start_ns));
    steps.push(end);
    (steps, windows.counts().late)
}

#[test]
fn a_window_fires_when_the_watermark_reaches_its_last_nanosecond() {
    // Without delay the watermark is one below the highest time: 100 completes [0, 100).
    assert_eq!(fired(0, &[0, 99, 100]), (vec![vec![], vec![], vec![0], vec![100]], 0));
    assert_eq!(fired(50, &[0, 149, 150]), (vec![vec![], vec![], vec![0], vec![100]], 0));
}

#[test]
fn a_trade_for_a_window_that_has_fired_is_late_and_changes_nothing() {
    assert_eq!(fired(0, &[50, 100, 99]), (vec![vec![], vec![0], vec![], vec![100]], 1));
}

#[test]
fn a_trade_behind_the_watermark_whose_window_is_open_is_accepted() {
    assert_eq!(fired(0, &[150, 110]), (vec![vec![], vec![], vec![100]], 0));
    assert_eq!(fired(60, &[150, 95]), (vec![vec![], vec![], vec![0, 100]], 0));
}

#[test]
fn a_jump_in_time_fires_what_is_open_and_nothing_for_empty_windows() {
    assert_eq!(
        fired(100, &[50, 120, u64::MAX / 2]),
        (vec![vec![], vec![], vec![0, 100], vec![u64::MAX / 2 / 100 * 100]], 0)
    );
}

#[test]
fn times_at_both_ends_of_the_clock_are_handled() {
    assert_eq!(fired(1000, &[0, 1]), (vec![vec![], vec![], vec![0]], 0));
    let last = u64::MAX - 1;
    assert_eq!(fired(0, &[last]), (vec![vec![], vec![last / 100 * 100]], 0));
}

#[test]
fn a_trade_without_a_time_is_counted_and_belongs_to_no_window() {
    let mut windows = windows(0);
    windows.trade(&trade(u64::MAX, 1, 1), &mut |_| panic!("no window"));
    windows.finish(&mut |_| panic!("no window"));
    let counts = windows.counts();
    assert_eq!((counts.untimed, counts.trades), (1, 0));
}

#[test]
fn bars_of_one_window_come_in_order_of_their_instruments() {
    let mut windows = windows(0);
    for (seq, id) in [70_000, 3, 900, 1, 70_000].into_iter().enumerate() {
        windows.trade(&trade(10, seq as u64, id), &mut |_| panic!("too early"));
    }
    let mut ids = Vec::new();
    windows.finish(&mut |bar| ids.push(bar.header.instrument_id));
    assert_eq!(ids, [1, 3, 900, 70_000]);
}

#[test]
fn impossible_options_are_refused() {
    let refused = |size_ns, delay_ns| Windows::new(WindowOptions { size_ns, delay_ns }).err();
    assert!(matches!(refused(0, 0), Some(WindowError::Size)));
    assert!(matches!(refused(1, 1 << 40), Some(WindowError::Delay { .. })));
    assert!(refused(1, 4000).is_none());
}

#[test]
fn windows_that_a_loss_can_touch_are_incomplete_and_no_others() {
    let mut windows = windows(50);
    let mut bars = Vec::new();
    let mut take = |bar: &WindowBar| bars.push((bar.start_ns, bar.flags, bar.missed));
    for (seq, ts) in [10, 120, 210].into_iter().enumerate() {
        windows.trade(&trade(ts, seq as u64, 1), &mut take);
    }
    // Window 0 has fired. 100 and 200 are open; the loss can reach 300 by the delay.
    windows.missed(9);
    for (seq, ts) in [260, 310, 420, 530].into_iter().enumerate() {
        windows.trade(&trade(ts, 10 + seq as u64, 1), &mut take);
    }
    windows.finish(&mut take);
    let (whole, incomplete) = (window_flag::FINAL, window_flag::FINAL | window_flag::INCOMPLETE);
    assert_eq!(
        bars,
        [
            (0, whole, 0),
            (100, incomplete, 9),
            (200, incomplete, 9),
            (300, incomplete, 9),
            (400, whole, 0),
            (500, whole, 0),
        ]
    );
}

#[test]
fn the_first_windows_after_joining_in_the_middle_are_partial() {
    let mut windows = windows(0);
    windows.attached_late();
    let mut bars = Vec::new();
    let mut take = |bar: &WindowBar| bars.push((bar.start_ns, bar.flags & window_flag::PARTIAL));
    for (seq, ts) in [150, 250].into_iter().enumerate() {
        windows.trade(&trade(ts, seq as u64, 1), &mut take);
    }
    windows.finish(&mut take);
    assert_eq!(bars, [(100, window_flag::PARTIAL), (200, 0)]);
}

/// The final windows, recomputed in one batch from the accepted trades.
fn batch(trades: &[WindowTrade]) -> BTreeMap<(u64, u32), Vec<&WindowTrade>> {
    let mut windows: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for trade in trades {
        let start = trade.ts_event_ns / SIZE_NS * SIZE_NS;
        windows.entry((start, trade.instrument_id)).or_default().push(trade);
    }
    windows
}

fn check_bar(bar: &WindowBar, trades: &mut Vec<&WindowTrade>) {
    trades.sort_by_key(|trade| (trade.ts_event_ns, trade.seq));
    let prices = || trades.iter().map(|trade| trade.price_e9);
    let size = |side: Option<u8>| -> u64 {
        trades.iter().filter(|t| side.is_none_or(|s| t.side == s)).map(|t| t.size).sum()
    };
    let (first, last) = (trades[0], trades[trades.len() - 1]);
    assert_eq!((bar.open, bar.close), (first.price_e9, last.price_e9));
    assert_eq!((Some(bar.high), Some(bar.low)), (prices().max(), prices().min()));
    assert_eq!(bar.count, trades.len() as u64);
    assert_eq!((bar.volume, bar.buy_volume, bar.sell_volume), {
        (size(None), size(Some(b'B')), size(Some(b'A')))
    });
    let notional: i128 = trades.iter().map(|t| i128::from(t.price_e9) * i128::from(t.size)).sum();
    assert_eq!(bar.notional(), notional);
    assert_eq!((bar.first_seq, bar.last_seq), (first.seq, last.seq));
}

proptest! {
    /// accepted + late = input, and the accepted trades recomputed in batch are the windows.
    #[test]
    fn windows_equal_their_batch_recomputation(
        steps in prop::collection::vec((0u64..60, 0u64..300, 1u32..4), 1..200),
        delay_ns in 0u64..250,
    ) {
        let mut windows = windows(delay_ns);
        let mut bars: Vec<WindowBar> = Vec::new();
        let mut accepted = Vec::new();
        let mut clock = 1_000;
        for (seq, (forward, back, instrument)) in steps.iter().enumerate() {
            clock += forward;
            let trade = trade(clock - back, seq as u64, *instrument);
            let before = windows.counts();
            windows.trade(&trade, &mut |bar| bars.push(*bar));
            let after = windows.counts();
            prop_assert_eq!(after.accepted + after.late, before.accepted + before.late + 1);
            if after.accepted > before.accepted {
                accepted.push(trade);
            } else {
                let end = trade.ts_event_ns / SIZE_NS * SIZE_NS + SIZE_NS;
                prop_assert!(windows.watermark_ns() >= Some(end - 1), "late without a reason");
            }
        }
        windows.finish(&mut |bar| bars.push(*bar));
        let mut expected = batch(&accepted);
        prop_assert_eq!(bars.len(), expected.len());
        prop_assert_eq!(windows.counts().bars, bars.len() as u64);
        for pair in bars.windows(2) {
            let key = |bar: &WindowBar| (bar.end_ns, bar.header.instrument_id);
            prop_assert!(key(&pair[0]) < key(&pair[1]), "out of order");
        }
        for bar in &bars {
            let key = (bar.start_ns, bar.header.instrument_id);
            let mut trades = expected.remove(&key).expect("a bar without trades");
            check_bar(bar, &mut trades);
        }
    }
}
