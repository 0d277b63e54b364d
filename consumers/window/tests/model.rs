//! Each kind of windows against a naive model that keeps every trade, with disorder, lateness,
//! broken trades, losses, and states that are saved and restored in the midst of it.

use crate::support::{Run, check_bar, span, trade};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tickring::record::{WindowBar, action, late_reason, window_flag};
use tickring_window::{
    Aggregate, Corrections, EmptyWindows, Mode, WindowKind, WindowSpec, WindowTrade,
};

/// Start, end and instrument.
type Key = (i64, i64, u32);

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Trade { forward: i64, back: i64, instrument: u32 },
    Bust { of: prop::sample::Index },
    Amend { of: prop::sample::Index, price: i64 },
    Missed,
    Reload,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => (0_i64..60, 0_i64..300, 1_u32..4)
            .prop_map(|(forward, back, instrument)| Step::Trade { forward, back, instrument }),
        2 => any::<prop::sample::Index>().prop_map(|of| Step::Bust { of }),
        1 => (any::<prop::sample::Index>(), -50_i64..50)
            .prop_map(|(of, price)| Step::Amend { of, price }),
        1 => Just(Step::Missed),
        1 => Just(Step::Reload),
    ];
    prop::collection::vec(step, 1..200)
}

fn kinds() -> impl Strategy<Value = WindowKind> {
    prop_oneof![
        (1_u64..150, -50_i64..50)
            .prop_map(|(size_ns, offset_ns)| WindowKind::Tumbling { size_ns, offset_ns }),
        (1_u64..60, 1_u64..5, -50_i64..50).prop_map(|(hop_ns, times, offset_ns)| {
            WindowKind::Hopping { size_ns: hop_ns * times, hop_ns, offset_ns }
        }),
        Just(WindowKind::Hopping { size_ns: 50, hop_ns: 20, offset_ns: 7 }),
        (1_u64..120).prop_map(|gap_ns| WindowKind::Session { gap_ns }),
    ]
}

fn specs() -> impl Strategy<Value = WindowSpec> {
    let corrections = prop::option::of(
        (0_u64..400).prop_map(|horizon_ns| Corrections { horizon_ns, log: 1_000 }),
    );
    (kinds(), 0_u64..250, 0_u64..200, corrections).prop_map(
        |(window, delay_ns, lateness_ns, corrections)| WindowSpec {
            delay_ns,
            lateness_ns,
            corrections,
            aggregates: vec![Aggregate::Twap, Aggregate::Quantiles, Aggregate::Flow],
            ..WindowSpec::new(window)
        },
    )
}

/// What the model keeps: trades that were accepted, as they are after all corrections.
#[derive(Default)]
struct Model {
    accepted: Vec<WindowTrade>,
    /// All trades, accepted or not.
    all: Vec<WindowTrade>,
    /// What each window of fixed times holds.
    windows: BTreeMap<Key, Vec<WindowTrade>>,
}

/// The windows of fixed times that a time belongs to.
fn windows_of(kind: WindowKind, ts: i64) -> Vec<(i64, i64)> {
    let (size, hop, offset) = match kind {
        WindowKind::Tumbling { size_ns, offset_ns } => (size_ns, size_ns, offset_ns),
        WindowKind::Hopping { size_ns, hop_ns, offset_ns } => (size_ns, hop_ns, offset_ns),
        _ => unreachable!("only of fixed times"),
    };
    let (size, hop) = (size.cast_signed(), hop.cast_signed());
    let last = (ts - offset).div_euclid(hop) * hop + offset;
    (0..)
        .map(|n| last - n * hop)
        .take_while(|start| start + size > ts)
        .map(|s| (s, s + size))
        .collect()
}

/// Whether a window with this end can still change.
fn is_alive(end: i64, after_ns: u64, run: &Run) -> bool {
    let watermark = run.windows.watermark_ns().unwrap();
    end - 1 + after_ns.cast_signed() > watermark
}

impl Model {
    /// Adds a trade that was accepted to those of its windows whose lateness is not over.
    fn accept(&mut self, spec: &WindowSpec, run: &Run, trade: &WindowTrade) {
        self.accepted.push(*trade);
        if let WindowKind::Session { .. } = spec.window {
            return;
        }
        for (start, end) in windows_of(spec.window, trade.ts_event_ns) {
            if is_alive(end, spec.lateness_ns, run) {
                self.windows.entry((start, end, trade.instrument_id)).or_default().push(*trade);
            }
        }
    }

    /// Applies a correction that was accepted to those windows that are kept: they hold what was
    /// accepted then.
    fn correct(&mut self, spec: &WindowSpec, run: &Run, correction: &WindowTrade) {
        let of = |t: &WindowTrade| t.trade_id == correction.trade_id;
        let original = *self.accepted.iter().find(|trade| of(trade)).unwrap();
        if correction.action == action::CANCEL {
            self.accepted.retain(|trade| !of(trade));
        } else if let Some(trade) = self.accepted.iter_mut().find(|trade| of(trade)) {
            (trade.price_e9, trade.size, trade.side) =
                (correction.price_e9, correction.size, correction.side);
        }
        if let WindowKind::Session { .. } = spec.window {
            return;
        }
        let horizon_ns = spec.corrections.unwrap().horizon_ns;
        for (start, end) in windows_of(spec.window, original.ts_event_ns) {
            if is_alive(end, horizon_ns.max(spec.lateness_ns), run) {
                let is_in = |t: &&WindowTrade| {
                    t.instrument_id == original.instrument_id
                        && (start..end).contains(&t.ts_event_ns)
                };
                let trades = self.accepted.iter().filter(is_in).copied().collect();
                self.windows.insert((start, end, original.instrument_id), trades);
            }
        }
    }
}

/// Runs the steps, with reloads or without, and checks after each that nothing is unaccounted for.
fn run(spec: &WindowSpec, steps: &[Step], reloads: bool) -> (Run, Model) {
    let (mut run, mut model, mut clock) = (Run::new(spec), Model::default(), 1_000);
    let mut lost = false;
    for (step, seq) in steps.iter().zip(0_u64..) {
        let before = run.windows.counts();
        match step {
            Step::Trade { forward, back, instrument } => {
                clock += forward;
                let trade = trade(clock - back, seq, *instrument);
                let trade = WindowTrade { trade_id: 1_000 + seq, ..trade };
                run.trade(&trade);
                let after = run.windows.counts();
                assert_eq!(after.accepted + after.late, before.accepted + before.late + 1);
                model.all.push(trade);
                if after.accepted > before.accepted {
                    model.accept(spec, &run, &trade);
                } else {
                    check_late(spec, &run, &trade);
                }
            }
            Step::Bust { of } | Step::Amend { of, .. } if !model.all.is_empty() => {
                let original = model.all[of.index(model.all.len())];
                let mut correction = WindowTrade { seq, sequence: 0, ..original };
                correction.ts_event_ns = clock;
                correction.action = action::CANCEL;
                if let Step::Amend { price, .. } = step {
                    correction.action = action::MODIFY;
                    correction.price_e9 = *price;
                }
                run.trade(&correction);
                let after = run.windows.counts();
                if after.corrected > before.corrected {
                    model.correct(spec, &run, &correction);
                } else {
                    assert_eq!(after.refused, before.refused + 1);
                }
            }
            Step::Missed => {
                run.windows.missed(3);
                lost = true;
            }
            Step::Reload if reloads => run.reload(),
            _ => {}
        }
    }
    run.finish();
    let flagged = run.outputs.bars.iter().any(|bar| bar.flags & window_flag::INCOMPLETE != 0);
    assert!(lost || !flagged, "nothing was lost");
    (run, model)
}

/// A trade is late only if all its windows are over, lateness included.
fn check_late(spec: &WindowSpec, run: &Run, trade: &WindowTrade) {
    let late = run.outputs.late.last().unwrap();
    assert_eq!((late.reason, late.src_seq), (late_reason::LATE, trade.seq));
    let end = match spec.window {
        WindowKind::Session { gap_ns } => trade.ts_event_ns + gap_ns.cast_signed(),
        kind => windows_of(kind, trade.ts_event_ns)[0].1,
    };
    let watermark = run.windows.watermark_ns().unwrap();
    assert!(end - 1 + spec.lateness_ns.cast_signed() <= watermark, "late without a reason");
}

/// Revisions of a window count up from 0.
fn last_revisions(bars: &[WindowBar]) -> BTreeMap<Key, WindowBar> {
    let mut last: BTreeMap<Key, WindowBar> = BTreeMap::new();
    for bar in bars {
        let (start, end) = span(bar);
        let key = (start, end, bar.header.instrument_id);
        let expected = last.get(&key).map_or(0, |bar| bar.revision + 1);
        assert_eq!(bar.revision, expected, "{bar:?}");
        last.insert(key, *bar);
    }
    last
}

/// Sessions by Flink's rule, in one batch: correct without late trades that were let in.
fn sessions(trades: &[WindowTrade], gap: i64) -> BTreeMap<Key, Vec<WindowTrade>> {
    let mut by_instrument: BTreeMap<u32, Vec<WindowTrade>> = BTreeMap::new();
    for trade in trades {
        by_instrument.entry(trade.instrument_id).or_default().push(*trade);
    }
    let mut sessions = BTreeMap::new();
    for (instrument, mut trades) in by_instrument {
        trades.sort_by_key(|trade| trade.ts_event_ns);
        for group in trades.chunk_by(|a, b| b.ts_event_ns - a.ts_event_ns <= gap) {
            let key = (group[0].ts_event_ns, group[group.len() - 1].ts_event_ns + gap, instrument);
            sessions.insert(key, group.to_vec());
        }
    }
    sessions
}

proptest! {
    /// accepted + late = input, and the accepted trades recomputed in batch, after all
    /// corrections, are the last revisions of the windows.
    #[test]
    fn windows_equal_their_batch_recomputation(spec in specs(), steps in steps()) {
        let (run, model) = run(&spec, &steps, false);
        if let WindowKind::Session { .. } = spec.window {
            // Those have tests of their own.
            return Ok(());
        }
        let mut expected = model.windows;
        for (key, bar) in last_revisions(&run.outputs.bars) {
            check_bar(&bar, &expected.remove(&key).expect("a window without trades"));
        }
        let lacking: Vec<_> = expected.iter().filter(|(_, trades)| !trades.is_empty()).collect();
        prop_assert!(lacking.is_empty(), "windows lack bars: {lacking:?}");
    }

    /// The same input gives the same output, whenever the state is saved and restored.
    #[test]
    fn a_restored_state_goes_on_as_if_nothing_had_been(spec in specs(), steps in steps()) {
        let (straight, _) = run(&spec, &steps, false);
        let (reloaded, _) = run(&spec, &steps, true);
        prop_assert_eq!(straight.outputs, reloaded.outputs);
        prop_assert_eq!(straight.windows.counts(), reloaded.windows.counts());
    }

    /// Sessions whose trades are in time are those of a batch.
    #[test]
    fn sessions_equal_their_batch_recomputation(
        gap_ns in 1_u64..120,
        trades in prop::collection::vec((0_i64..60, 0_i64..200, 1_u32..4), 1..200),
    ) {
        let kind = WindowKind::Session { gap_ns };
        let mut run = Run::new(&WindowSpec { delay_ns: 200, ..WindowSpec::new(kind) });
        let (mut clock, mut accepted) = (1_000, Vec::new());
        for ((forward, back, instrument), seq) in trades.into_iter().zip(0..) {
            clock += forward;
            let trade = trade(clock - back, seq, instrument);
            run.trade(&trade);
            accepted.push(trade);
        }
        run.finish();
        prop_assert_eq!(run.windows.counts().late, 0);
        let mut expected = sessions(&accepted, gap_ns.cast_signed());
        for pair in run.outputs.bars.windows(2) {
            let key = |bar: &WindowBar| (bar.end_ns, bar.start_ns, bar.header.instrument_id);
            prop_assert!(key(&pair[0]) < key(&pair[1]), "out of order");
        }
        for bar in &run.outputs.bars {
            let (start, end) = span(bar);
            let trades = expected.remove(&(start, end, bar.header.instrument_id));
            check_bar(bar, &trades.expect("a session without trades"));
        }
        prop_assert!(expected.is_empty());
    }

    /// Purged windows hold each accepted trade once, over all their revisions.
    #[test]
    fn discarded_contents_are_published_once(
        size_ns in 1_u64..150, lateness_ns in 0_u64..200, steps in steps(),
    ) {
        let mode = Mode::Discarding;
        let spec = WindowSpec { mode, lateness_ns, ..WindowSpec::tumbling(size_ns) };
        let (run, model) = run(&spec, &steps, false);
        for (key, trades) in model.windows {
            let bars = run.outputs.bars.iter().filter(|bar| (span(bar).0, bar.header.instrument_id)
                == (key.0, key.2));
            let (count, volume) = bars.fold((0, 0), |(count, volume), bar| {
                (count + bar.count, volume + bar.volume)
            });
            let expected: u64 = trades.iter().map(|trade| trade.size).sum();
            prop_assert_eq!((count, volume), (trades.len() as u64, expected));
        }
    }

    /// Windows without trades are there, each once, and the others are what they are without.
    #[test]
    fn empty_windows_add_bars_and_change_none(steps in steps(), delay_ns in 0_u64..200) {
        let spec = WindowSpec { delay_ns, ..WindowSpec::tumbling(40) };
        let (plain, _) = run(&spec, &steps, false);
        let (filled, _) =
            run(&WindowSpec { empty: EmptyWindows::Carry, ..spec }, &steps, true);
        let traded: Vec<WindowBar> =
            filled.outputs.bars.iter().filter(|bar| bar.count > 0).copied().collect();
        prop_assert_eq!(&traded, &plain.outputs.bars);
        for instrument in 1..4 {
            let starts: Vec<i64> = filled.outputs.bars.iter()
                .filter(|bar| bar.header.instrument_id == instrument)
                .map(|bar| span(bar).0)
                .collect();
            for pair in starts.windows(2) {
                prop_assert_eq!(pair[1] - pair[0], 40, "one after the other");
            }
        }
    }
}
