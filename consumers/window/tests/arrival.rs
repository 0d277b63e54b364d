//! Windows in order of arrival: bars of trades, volume and value, and the last trades.

use crate::support::{Outputs, Run, trade};
use proptest::prelude::*;
use tickring::record::{WindowBar, window_flag};
use tickring_window::{WindowKind, WindowSpec, WindowTrade};

fn sized(seq: u64, price: i64, size: u64) -> WindowTrade {
    let ts = 10 * seq.cast_signed();
    WindowTrade { price_e9: price * 1_000_000_000, size, ..trade(ts, seq, 1) }
}

fn bars(kind: WindowKind, trades: &[WindowTrade]) -> Outputs {
    let mut run = Run::new(&WindowSpec::new(kind));
    trades.iter().for_each(|trade| run.trade(trade));
    run.finish().clone()
}

/// Count, volume, first and last sequence, and whether it is cut off.
fn told(outputs: &Outputs) -> Vec<(u64, u64, u64, u64, bool)> {
    let partial = |bar: &WindowBar| bar.flags & window_flag::PARTIAL != 0;
    let bars = outputs.bars.iter();
    bars.map(|bar| (bar.count, bar.volume, bar.first_seq, bar.last_seq, partial(bar))).collect()
}

#[test]
fn a_bar_of_trades_is_full_with_the_last_of_them() {
    let trades: Vec<_> = (1..=5).map(|seq| sized(seq, 1, seq)).collect();
    let outputs = bars(WindowKind::Ticks { size: 2 }, &trades);
    let expected = [(2, 3, 1, 2, false), (2, 7, 3, 4, false), (1, 5, 5, 5, true)];
    assert_eq!(told(&outputs), expected);
    assert_eq!(outputs.spans(), [(10, 21), (30, 41), (50, 51)]);
}

#[test]
fn the_trade_that_overfills_a_bar_of_volume_is_split() {
    let trades = [sized(1, 1, 7), sized(2, 2, 25), sized(3, 3, 8), sized(4, 4, 1)];
    let outputs = bars(WindowKind::Volume { size: 10 }, &trades);
    // 7 + 3, 10, 10, 2 + 8, 1.
    assert_eq!(
        told(&outputs),
        [
            (2, 10, 1, 2, false),
            (1, 10, 2, 2, false),
            (1, 10, 2, 2, false),
            (2, 10, 2, 3, false),
            (1, 1, 4, 4, true),
        ]
    );
    let volume: u64 = outputs.bars.iter().map(|bar| bar.volume).sum();
    assert_eq!(volume, 41);
    assert!(outputs.bars.iter().rev().skip(1).all(|bar| bar.volume == 10));
}

#[test]
fn a_bar_of_value_is_full_at_a_whole_quantity() {
    let outputs = bars(WindowKind::Value { size: 100 }, &[sized(1, 30, 5), sized(2, -40, 2)]);
    // 4 x 30 reach 100; 1 x 30 and 2 x 40 reach it again.
    assert_eq!(told(&outputs), [(1, 4, 1, 1, false), (2, 3, 1, 2, false)]);
}

#[test]
fn a_trade_that_fills_very_many_bars_is_cut_off_and_flagged() {
    let outputs = bars(WindowKind::Volume { size: 1 }, &[sized(1, 1, u64::MAX)]);
    let last = outputs.bars.last().unwrap();
    assert_eq!(outputs.bars.len(), 1 << 16);
    assert_eq!(last.flags & window_flag::OVERFLOW, window_flag::OVERFLOW);
    assert_eq!(last.volume, u64::MAX - (1 << 16) + 1);
}

proptest! {
    /// Every bar but the last is full to the unit, and all trades are in them, in order.
    #[test]
    fn bars_of_volume_hold_everything_and_are_full(
        size in 1_u64..50,
        trades in prop::collection::vec((0_u64..120, 1_u32..4), 1..100),
    ) {
        let mut run = Run::new(&WindowSpec::new(WindowKind::Volume { size }));
        for ((size, instrument), seq) in trades.iter().zip(0_u64..) {
            if seq % 7 == 3 {
                run.reload();
            }
            run.trade(&WindowTrade { size: *size, ..trade(seq.cast_signed(), seq, *instrument) });
        }
        run.finish();
        for instrument in 1..4 {
            let given: u64 = trades.iter().filter(|t| t.1 == instrument).map(|t| t.0).sum();
            let bars = run.outputs.bars.iter().filter(|b| b.header.instrument_id == instrument);
            let volumes: Vec<u64> = bars.map(|bar| bar.volume).collect();
            prop_assert_eq!(volumes.iter().sum::<u64>(), given);
            prop_assert!(volumes.iter().rev().skip(1).all(|volume| *volume == size));
            prop_assert!(volumes.last().is_none_or(|volume| *volume <= size));
        }
    }

    /// The last trades slide as if each window were computed anew.
    #[test]
    fn count_windows_equal_their_recomputation(
        size in 1_u32..20,
        slide in 1_u32..8,
        trades in prop::collection::vec((0_i64..100, 1_u32..3), 1..200),
        reload_at in 0_u64..200,
    ) {
        let mut run = Run::new(&WindowSpec::new(WindowKind::Count { size, slide }));
        let mut model: Vec<Vec<WindowTrade>> = vec![Vec::new(); 3];
        for ((ts, instrument), seq) in trades.iter().zip(0_u64..) {
            if seq == reload_at {
                run.reload();
            }
            let trade = trade(*ts, seq, *instrument);
            let before = run.outputs.bars.len();
            run.trade(&trade);
            let seen = &mut model[*instrument as usize];
            seen.push(trade);
            let is_due = seen.len().is_multiple_of(slide as usize);
            prop_assert_eq!(run.outputs.bars.len() - before, usize::from(is_due));
            if is_due {
                let window = &seen[seen.len().saturating_sub(size as usize)..];
                let bar = run.outputs.bars[before];
                let first = window.iter().min_by_key(|t| (t.ts_event_ns, t.seq)).unwrap();
                let last = window.iter().max_by_key(|t| (t.ts_event_ns, t.seq)).unwrap();
                let volume: u64 = window.iter().map(|t| t.size).sum();
                let high = window.iter().map(|t| t.price_e9).max().unwrap();
                let low = window.iter().map(|t| t.price_e9).min().unwrap();
                prop_assert_eq!((bar.count, bar.volume), (window.len() as u64, volume));
                prop_assert_eq!((bar.open, bar.close), (first.price_e9, last.price_e9));
                prop_assert_eq!((bar.high, bar.low), (high, low));
            }
        }
        prop_assert_eq!(run.finish().late.len(), 0);
    }
}
