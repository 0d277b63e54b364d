//! Further aggregates: against recomputation, and independent of the order of arrival.

use crate::support::{ALL, Run, trade};
use proptest::prelude::*;
use tickring::record::UNDEF_PRICE;
use tickring_window::{Aggregate, WindowKind, WindowQuote, WindowSpec, WindowTrade};

fn spec(kind: WindowKind) -> WindowSpec {
    let sampling_ns = 10;
    WindowSpec { aggregates: ALL.to_vec(), sampling_ns, ewma_shift: 1, ..WindowSpec::new(kind) }
}

fn priced(ts: i64, seq: u64, price_e9: i64, size: u64, side: u8) -> WindowTrade {
    WindowTrade { price_e9, size, side, ..trade(ts, seq, 1) }
}

#[test]
fn stats_follow_their_bar_and_are_what_their_definitions_say() {
    let mut run = Run::new(&spec(WindowKind::Tumbling { size_ns: 100, offset_ns: 0 }));
    run.trade(&priced(0, 1, 10, 5, b'B'));
    for (ts, spread) in [(5, 4), (6, -2), (150, 9)] {
        let quote = WindowQuote { instrument_id: 1, ts_event_ns: ts, spread_e9: spread };
        run.windows.quote(&quote);
    }
    run.trade(&priced(30, 2, 20, 7, b'A'));
    run.trade(&priced(40, 3, 0, 1, b'N'));
    run.finish();
    let stats = run.outputs.stats[0];
    // On the grid: 10 10 10 20 0.
    assert_eq!((stats.twap, stats.ewma, stats.realised()), (10, 7, 500));
    assert_eq!(stats.order_flow, -2);
    assert_eq!((stats.quotes, stats.spread_sum()), (2, 2));
    assert_eq!((stats.spread_min, stats.spread_max), (-2, 4));
    assert_eq!((stats.price_p05, stats.price_p50, stats.price_p95), (0, 10, 20));
    assert_eq!((stats.size_p50, stats.size_p99), (5, 7));
    assert_eq!(run.windows.counts().quotes, 3);
}

#[test]
fn what_is_not_asked_for_is_undefined() {
    let aggregates = vec![Aggregate::Flow];
    let mut run = Run::new(&WindowSpec { aggregates, ..WindowSpec::tumbling(100) });
    run.trade(&priced(0, 1, 10, 5, b'B'));
    let stats = run.finish().stats[0];
    assert_eq!((stats.wanted, stats.order_flow), (32, 5));
    let undefined = [stats.twap, stats.ewma, stats.price_p50, stats.spread_min];
    assert_eq!((undefined, stats.realised(), stats.quotes), ([UNDEF_PRICE; 4], 0, 0));
}

proptest! {
    /// Within the delay the order of arrival changes no byte, neither of bars nor of stats.
    #[test]
    fn the_order_of_arrival_changes_nothing(
        trades in prop::collection::vec((0_i64..400, -500_i64..500, 1_u64..200), 1..150),
        seed in any::<u64>(),
        kind in prop_oneof![
            Just(WindowKind::Tumbling { size_ns: 100, offset_ns: 3 }),
            Just(WindowKind::Hopping { size_ns: 100, hop_ns: 20, offset_ns: 0 }),
            Just(WindowKind::Session { gap_ns: 9 }),
        ],
    ) {
        let trades: Vec<WindowTrade> = trades
            .into_iter()
            .zip(0_u64..)
            .map(|((ts, price, size), seq)| {
                priced(ts, seq, price, size, [b'A', b'B', b'N'][usize::try_from(seq % 3).unwrap()])
            })
            .collect();
        let outputs = |trades: &[WindowTrade]| {
            let mut run = Run::new(&WindowSpec { delay_ns: 1_000, ..spec(kind) });
            trades.iter().for_each(|trade| run.trade(trade));
            run.finish().clone()
        };
        let mut shuffled = trades.clone();
        shuffled.sort_by_key(|trade| (trade.seq ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        prop_assert_eq!(outputs(&trades), outputs(&shuffled));
    }
}
