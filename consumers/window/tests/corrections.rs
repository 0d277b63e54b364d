//! Broken and changed trades: revisions within the horizon, late output beyond it.

use crate::support::{Run, trade};
use tickring::record::{UNDEF_PRICE, action, late_reason, window_flag};
use tickring_window::{Corrections, WindowKind, WindowSpec, WindowTrade};

fn spec(kind: WindowKind, horizon_ns: u64, log: u32) -> WindowSpec {
    WindowSpec { corrections: Some(Corrections { horizon_ns, log }), ..WindowSpec::new(kind) }
}

fn tumbling(horizon_ns: u64, log: u32) -> Run {
    Run::new(&spec(WindowKind::Tumbling { size_ns: 100, offset_ns: 0 }, horizon_ns, log))
}

fn priced(ts: i64, seq: u64, price_e9: i64) -> WindowTrade {
    WindowTrade { price_e9, size: 1, trade_id: 1_000 + seq, ..trade(ts, seq, 1) }
}

/// What ITCH tells of a broken trade: its id and nothing else.
fn bust(ts: i64, of: u64) -> WindowTrade {
    let (price_e9, size) = (UNDEF_PRICE, 0);
    let sequence = 0;
    let action = action::CANCEL;
    WindowTrade { price_e9, size, sequence, action, trade_id: 1_000 + of, ..trade(ts, 900, 1) }
}

#[test]
fn a_broken_trade_is_taken_out_of_its_window_before_and_after_it_fired() {
    let mut run = tumbling(1_000, 100);
    for (ts, seq, price) in [(10, 1, 50), (20, 2, 90), (30, 3, 60)] {
        run.trade(&priced(ts, seq, price));
    }
    run.trade(&bust(40, 1));
    assert!(run.outputs.bars.is_empty(), "the window has not fired: nothing to revise");
    run.trade(&priced(150, 4, 70));
    run.trade(&bust(160, 2));
    run.trade(&bust(170, 3));
    run.finish();
    let bars = &run.outputs.bars;
    let told: Vec<_> =
        bars.iter().map(|bar| (bar.revision, bar.count, bar.open, bar.high, bar.close)).collect();
    let none = UNDEF_PRICE;
    assert_eq!(
        told,
        [(0, 2, 90, 90, 60), (1, 1, 60, 60, 60), (2, 0, none, none, none), (0, 1, 70, 70, 70)]
    );
    assert_eq!(bars[2].flags, window_flag::EMPTY);
    assert_eq!(run.windows.counts().corrected, 3);
}

#[test]
fn a_changed_trade_is_changed_in_its_window_at_its_own_time() {
    let mut run = tumbling(1_000, 100);
    run.trade(&priced(10, 1, 50));
    run.trade(&priced(20, 2, 60));
    run.trade(&priced(150, 3, 70));
    let change = WindowTrade { action: action::MODIFY, price_e9: 5, size: 8, ..bust(160, 1) };
    run.trade(&change);
    let bar = run.outputs.bars[1];
    assert_eq!((bar.revision, bar.open, bar.low, bar.close, bar.volume), (1, 5, 5, 60, 9));
    assert_eq!(bar.notional(), 40 + 60);
}

#[test]
fn without_a_trade_id_the_sequence_of_the_original_counts() {
    let mut run = tumbling(1_000, 100);
    for seq in [7, 8] {
        run.trade(&WindowTrade { size: 1, ..trade(10, seq, 1) });
    }
    run.trade(&WindowTrade { action: action::CANCEL, ..trade(20, 7, 1) });
    run.finish();
    assert_eq!((run.outputs.bars[0].count, run.outputs.bars[0].first_seq), (1, 8));
}

#[test]
fn a_correction_beyond_the_horizon_or_of_nothing_known_is_late() {
    let mut run = tumbling(100, 100);
    run.trade(&priced(10, 1, 50));
    run.trade(&priced(199, 2, 60));
    run.trade(&bust(199, 1));
    assert_eq!(run.outputs.revisions(), [(0, 0, 1), (0, 1, 0)]);
    run.trade(&bust(199, 1));
    run.trade(&priced(205, 3, 50));
    run.trade(&priced(399, 4, 50));
    run.trade(&bust(399, 3));
    run.trade(&priced(400, 5, 50));
    run.trade(&bust(400, 3));
    let unknown = WindowTrade { instrument_id: 77, ..bust(400, 4) };
    run.trade(&unknown);
    run.finish();
    assert_eq!(run.outputs.reasons(), [late_reason::UNKNOWN_TRADE; 3]);
    let counts = run.windows.counts();
    assert_eq!((counts.corrected, counts.refused), (2, 3));
    let mut run = Run::new(&WindowSpec::tumbling(100));
    run.trade(&bust(10, 1));
    assert_eq!(run.finish().reasons(), [late_reason::NO_CORRECTIONS]);
}

#[test]
fn a_full_log_flags_the_windows_whose_trades_it_forgets() {
    let mut run = tumbling(1_000, 3);
    for seq in 1_u64..=4 {
        run.trade(&priced(10 * seq.cast_signed(), seq, 50));
    }
    assert_eq!(run.windows.counts().forgotten, 1);
    run.trade(&bust(50, 3));
    run.trade(&bust(50, 1));
    run.finish();
    assert_eq!(run.outputs.reasons(), [late_reason::FORGOTTEN, late_reason::UNKNOWN_TRADE]);
    let bar = run.outputs.bars[0];
    assert_eq!((bar.count, bar.flags & window_flag::UNCORRECTABLE), (4, 16));
    let mut run = tumbling(0, 3);
    for seq in 1_u64..=20 {
        run.trade(&priced(100 * seq.cast_signed(), seq, 50));
    }
    assert_eq!(run.windows.counts().forgotten, 0, "what is over may be forgotten");
}

#[test]
fn hopping_windows_and_sessions_are_corrected_too() {
    let hopping = WindowKind::Hopping { size_ns: 30, hop_ns: 10, offset_ns: 0 };
    let mut run = Run::new(&spec(hopping, 1_000, 100));
    run.trade(&priced(5, 1, 50));
    run.trade(&priced(6, 2, 50));
    run.trade(&priced(20, 3, 50));
    run.trade(&bust(21, 1));
    // The windows from -20 and -10 have fired, that from 0 has not.
    assert_eq!(run.outputs.revisions(), [(-20, 0, 2), (-10, 0, 2), (-20, 1, 1), (-10, 1, 1)]);

    let mut run = Run::new(&spec(WindowKind::Session { gap_ns: 10 }, 1_000, 100));
    for (ts, seq) in [(0, 1), (8, 2), (16, 3), (90, 4)] {
        run.trade(&priced(ts, seq, 50));
    }
    run.trade(&bust(91, 2));
    assert_eq!(run.outputs.revisions(), [(0, 0, 3), (0, 1, 2)]);
    assert_eq!(run.outputs.spans(), [(0, 26); 2], "the bounds stay");
}
