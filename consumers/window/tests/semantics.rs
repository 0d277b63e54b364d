//! What a window is, when it fires and what is late; each statement is one of Flink's.

use crate::support::{Run, trade};
use tickring::record::{Gap, Heartbeat, Record, feed_state, gap_state, late_reason, window_flag};
use tickring_window::{
    EmptyWindows, Mode, Session, Sources, WindowError, WindowKind, WindowSpec, WindowTrade, Windows,
};

const FINAL: u32 = window_flag::FINAL;

/// Start times of the bars that each trade makes fire, then those of the end; and what was late.
fn fired(delay_ns: u64, times: &[i64]) -> (Vec<Vec<i64>>, usize) {
    let mut run = Run::new(&WindowSpec { delay_ns, ..WindowSpec::tumbling(100) });
    let mut steps = Vec::new();
    let mut step = |run: &Run| {
        let before: usize = steps.iter().map(Vec::len).sum();
        steps.push(run.outputs.spans()[before..].iter().map(|span| span.0).collect());
    };
    for ts in times {
        run.trades_at(&[*ts]);
        step(&run);
    }
    run.finish();
    step(&run);
    (steps, run.outputs.late.len())
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
    let far = i64::MAX / 2;
    assert_eq!(
        fired(100, &[50, 120, far]),
        (vec![vec![], vec![], vec![0, 100], vec![far / 100 * 100]], 0)
    );
}

#[test]
fn times_at_both_ends_of_the_clock_are_handled() {
    assert_eq!(fired(1000, &[0, 1, -1]), (vec![vec![], vec![], vec![], vec![-100, 0]], 0));
    let last = i64::MAX - 1;
    assert_eq!(fired(0, &[last]), (vec![vec![], vec![last / 100 * 100]], 0));
    let first = i64::MIN + 50;
    assert_eq!(fired(0, &[first]).0.concat().len(), 1);
}

#[test]
fn a_trade_without_a_time_is_counted_and_given_out() {
    let mut run = Run::new(&WindowSpec::tumbling(100));
    run.trade(&WindowTrade { instrument_id: 5, ..WindowTrade::default() });
    assert_eq!(run.finish().reasons(), [late_reason::UNTIMED]);
    let counts = run.windows.counts();
    assert_eq!((counts.untimed, counts.trades, run.windows.late_of(5)), (1, 0, 1));
}

#[test]
fn bars_come_in_order_of_end_start_and_instrument() {
    let mut run = Run::new(&WindowSpec { delay_ns: 1_000, ..WindowSpec::tumbling(100) });
    for (seq, id) in [70_000, 3, 900, 1, 70_000].into_iter().enumerate() {
        run.trade(&trade(310 - 100 * (seq as i64 % 2), seq as u64, id));
    }
    run.finish();
    let order = run.outputs.bars.iter().map(|bar| (bar.start_ns, bar.header.instrument_id));
    assert_eq!(order.collect::<Vec<_>>(), [(200, 1), (200, 3), (300, 900), (300, 70_000)]);
}

#[test]
fn a_late_but_allowed_trade_makes_the_next_revision_with_all_contents() {
    let spec = WindowSpec { lateness_ns: 50, ..WindowSpec::tumbling(100) };
    let mut run = Run::new(&spec);
    run.trades_at(&[10, 100, 20, 149, 30, 150, 40]);
    run.finish();
    assert_eq!(run.outputs.revisions(), [(0, 0, 1), (0, 1, 2), (0, 2, 3), (100, 0, 3)]);
    assert_eq!(run.outputs.reasons(), [late_reason::LATE]);
    let flags: Vec<u32> = run.outputs.bars.iter().map(|bar| bar.flags).collect();
    assert_eq!(flags, [0, 0, 0, FINAL], "what can be revised is not final");

    let mut run = Run::new(&WindowSpec { mode: Mode::Discarding, ..spec });
    run.trades_at(&[10, 100, 20, 149, 30]);
    run.finish();
    assert_eq!(run.outputs.revisions(), [(0, 0, 1), (0, 1, 1), (0, 2, 1), (100, 0, 2)]);
}

#[test]
fn a_late_but_allowed_trade_of_an_empty_window_fires_at_once() {
    let mut run = Run::new(&WindowSpec { lateness_ns: 1_000, ..WindowSpec::tumbling(100) });
    run.trades_at(&[500, 10, 20]);
    assert_eq!(run.outputs.revisions(), [(0, 0, 1), (0, 1, 2)]);
}

#[test]
fn hopping_windows_have_partial_ones_at_both_ends() {
    let kind = WindowKind::Hopping { size_ns: 30, hop_ns: 10, offset_ns: 0 };
    let mut run = Run::new(&WindowSpec::new(kind));
    run.trades_at(&[5, 25]);
    run.finish();
    assert_eq!(
        run.outputs.revisions(),
        [(-20, 0, 1), (-10, 0, 1), (0, 0, 2), (10, 0, 1), (20, 0, 1)]
    );
}

#[test]
fn impossible_specifications_are_refused_with_the_field() {
    let refused = |spec: &WindowSpec| Windows::new(spec).err().map(|error| error.to_string());
    let kind = |window| refused(&WindowSpec::new(window)).unwrap_or_default();
    assert!(kind(WindowKind::Tumbling { size_ns: 0, offset_ns: 0 }).contains("0 ns"));
    assert!(kind(WindowKind::Session { gap_ns: 0 }).contains("window.gap"));
    for hop_ns in [0, 11] {
        let hopping = WindowKind::Hopping { size_ns: 10, hop_ns, offset_ns: 0 };
        assert!(kind(hopping).contains("window.hop"));
    }
    assert!(kind(WindowKind::Count { size: 0, slide: 1 }).contains("window.size"));
    assert!(kind(WindowKind::Volume { size: 0 }).contains("window.size"));
    let long = WindowSpec { delay_ns: 1 << 40, ..WindowSpec::tumbling(1) };
    assert!(matches!(Windows::new(&long), Err(WindowError::Delay { .. })));
    assert!(refused(&WindowSpec { delay_ns: 4_000, ..WindowSpec::tumbling(1) }).is_none());
    let empty = EmptyWindows::Zero;
    let session = WindowSpec { empty, ..WindowSpec::new(WindowKind::Session { gap_ns: 1 }) };
    assert!(refused(&session).unwrap().contains("empty is zero"));
    let calendar = vec![Session { open: 5, close: 9 }, Session { open: 8, close: 12 }];
    let overlapping = WindowSpec { calendar, ..WindowSpec::tumbling(1) };
    assert!(refused(&overlapping).unwrap().contains("calendar"));
}

#[test]
fn windows_that_a_loss_can_touch_are_incomplete_with_count_and_bound_and_no_others() {
    let mut run = Run::new(&WindowSpec { delay_ns: 50, ..WindowSpec::tumbling(100) });
    run.trades_at(&[10, 120, 210]);
    // Window 0 has fired. 100 and 200 are open; the loss can reach 300 by the delay.
    run.windows.missed(9);
    run.trades_at(&[260, 310, 420, 530]);
    run.finish();
    let incomplete = FINAL | window_flag::INCOMPLETE;
    let found: Vec<_> = run
        .outputs
        .bars
        .iter()
        .map(|bar| (bar.start_ns, bar.flags, bar.missed, bar.missed_until_ns))
        .collect();
    assert_eq!(
        found,
        [
            (0, FINAL, 0, u64::MAX),
            (100, incomplete, 9, 310),
            (200, incomplete, 9, 310),
            (300, incomplete, 9, 310),
            (400, FINAL, 0, u64::MAX),
            (500, FINAL, 0, u64::MAX),
        ]
    );
}

#[test]
fn a_gap_of_the_source_makes_windows_incomplete_unless_it_is_filled() {
    let gap = |state| Gap { state, first_missing: 5, end_missing: 8, ..Gap::empty(1, 0, 0) };
    let flags = |states: &[u8]| {
        let mut run = Run::new(&WindowSpec::tumbling(100));
        run.trades_at(&[10]);
        states.iter().for_each(|state| run.windows.gap(&gap(*state)));
        run.trades_at(&[20, 110]);
        run.finish().bars.iter().map(|bar| (bar.flags & !FINAL, bar.missed)).collect::<Vec<_>>()
    };
    assert_eq!(flags(&[gap_state::OPEN]), [(window_flag::INCOMPLETE, 3), (0, 0)]);
    assert_eq!(flags(&[gap_state::OPEN, gap_state::FILLED]), [(0, 0), (0, 0)]);
    let lost = [gap_state::OPEN, gap_state::REQUESTED, gap_state::UNRECOVERABLE];
    assert_eq!(flags(&lost), [(window_flag::INCOMPLETE, 3), (0, 0)]);
}

#[test]
fn the_first_windows_after_joining_in_the_middle_are_partial() {
    let mut run = Run::new(&WindowSpec::tumbling(100));
    run.windows.attached_late();
    run.trades_at(&[150, 250]);
    let flags = run.finish().bars.iter().map(|bar| bar.flags & window_flag::PARTIAL);
    assert_eq!(flags.collect::<Vec<_>>(), [window_flag::PARTIAL, 0]);
}

#[test]
fn empty_windows_are_published_as_asked_for() {
    let closes = |empty| {
        let mut run = Run::new(&WindowSpec { empty, ..WindowSpec::tumbling(100) });
        run.trade(&WindowTrade { price_e9: 7, ..trade(10, 1, 1) });
        run.trade(&WindowTrade { price_e9: 9, ..trade(20, 2, 2) });
        run.trade(&WindowTrade { price_e9: 8, ..trade(210, 3, 1) });
        let bars = run.finish().bars.iter();
        bars.map(|bar| (bar.start_ns, bar.header.instrument_id, bar.count, bar.close))
            .collect::<Vec<_>>()
    };
    assert_eq!(closes(EmptyWindows::None), [(0, 1, 1, 7), (0, 2, 1, 9), (200, 1, 1, 8)]);
    let with = |price: [i64; 3]| {
        vec![
            (0, 1, 1, 7),
            (0, 2, 1, 9),
            (100, 1, 0, price[0]),
            (100, 2, 0, price[1]),
            (200, 1, 1, 8),
            (200, 2, 0, price[2]),
        ]
    };
    assert_eq!(closes(EmptyWindows::Zero), with([i64::MAX; 3]));
    assert_eq!(closes(EmptyWindows::Carry), with([7, 9, 9]));
}

#[test]
fn a_leap_of_the_watermark_publishes_a_bounded_number_of_empty_windows_and_counts_the_rest() {
    let mut run = Run::new(&WindowSpec { empty: EmptyWindows::Zero, ..WindowSpec::tumbling(1) });
    run.trades_at(&[0]);
    run.advance(i64::MAX / 2);
    let counts = run.windows.counts();
    let windows = (i64::MAX / 2 + 1).cast_unsigned();
    assert_eq!(counts.bars + counts.skipped, windows);
    assert!(counts.bars > 1_000 && counts.bars < 1_000_000);
}

#[test]
fn sessions_of_a_calendar_begin_their_windows_and_what_lies_outside_is_late() {
    let calendar = vec![Session { open: 105, close: 130 }, Session { open: 200, close: 210 }];
    let mut run = Run::new(&WindowSpec { calendar, ..WindowSpec::tumbling(10) });
    run.trades_at(&[104, 105, 114, 115, 129, 130, 199, 205, 220]);
    run.finish();
    assert_eq!(run.outputs.spans(), [(105, 115), (115, 125), (125, 130), (200, 210)]);
    assert_eq!(run.outputs.reasons(), [late_reason::CLOSED; 4]);
}

#[test]
fn the_slowest_source_holds_the_watermark_until_it_is_idle() {
    let of = |publisher_id, ts| WindowTrade { publisher_id, ..trade(ts, 1, 1) };
    let mut run = Run::new(&WindowSpec::tumbling(100));
    run.trade(&of(1, 10));
    run.trade(&of(2, 20));
    run.trade(&of(1, 500));
    assert_eq!(run.windows.watermark_ns(), Some(19));
    let stale = |state| Heartbeat { state, ..Heartbeat::empty(2, 0, u64::MAX) };
    let Run { windows, outputs } = &mut run;
    windows.heartbeat(&stale(feed_state::LIVE), &mut |output| outputs.take(output));
    assert_eq!(windows.watermark_ns(), Some(19));
    windows.heartbeat(&stale(feed_state::STALE), &mut |output| outputs.take(output));
    assert_eq!((windows.watermark_ns(), outputs.bars.len()), (Some(499), 1));

    let sources = Sources::Ring;
    let mut run = Run::new(&WindowSpec { sources, ..WindowSpec::tumbling(100) });
    run.trade(&of(1, 10));
    run.trade(&of(2, 500));
    assert_eq!(run.windows.watermark_ns(), Some(499));
}

#[test]
fn a_trade_too_far_ahead_of_the_watermark_is_given_out_and_not_kept() {
    let mut run = Run::new(&WindowSpec { delay_ns: u64::MAX, ..WindowSpec::tumbling(1) });
    run.trades_at(&[0, 4_000, 5_000]);
    assert_eq!(run.finish().reasons(), [late_reason::AHEAD]);
}

#[test]
fn a_late_trade_before_a_window_is_due_does_not_make_it_go_by() {
    let window = WindowKind::Hopping { size_ns: 100, hop_ns: 50, offset_ns: 0 };
    let mut run = Run::new(&WindowSpec { lateness_ns: 200, ..WindowSpec::new(window) });
    run.advance(120);
    // The window 0..100 with the late trade at 20 holds the pane in which that at 90 then is.
    run.trades_at(&[20, 90, 200]);
    assert_eq!(run.outputs.spans(), [(-50, 50), (0, 100), (0, 100), (50, 150)]);
}
