//! Windows in order of arrival against a naive model that keeps every trade with the windows into
//! which it came, over broken and changed trades, and states saved and restored in the midst of it.

use crate::support::{ALL, Run, check_bar, span, trade};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use tickring::record::{BarStats, action, late_reason, window_flag};
use tickring_window::{Corrections, WindowKind, WindowQuote, WindowSpec, WindowTrade};

/// Units of price in a unit of the currency.
const UNIT: i128 = 1_000_000_000;
const TENTH: i64 = 100_000_000;
#[derive(Clone, Debug)]
enum Step {
    Trade { forward: i64, back: i64, instrument: u32, price: i64, size: u64 },
    Quote { instrument: u32, spread: i64 },
    Bust { of: prop::sample::Index },
    Amend { of: prop::sample::Index, price: i64, size: u64 },
    Reload,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<prop::sample::Index>;
    let step = prop_oneof![
        20 => (0_i64..60, 0_i64..300, 1_u32..4, -40_i64..40, 0_u64..9).prop_map(
            |(forward, back, instrument, price, size)| {
                Step::Trade { forward, back, instrument, price, size }
            }
        ),
        3 => (1_u32..4, -5_i64..50)
            .prop_map(|(instrument, spread)| Step::Quote { instrument, spread }),
        2 => index().prop_map(|of| Step::Bust { of }),
        2 => (index(), -40_i64..40, 0_u64..30)
            .prop_map(|(of, price, size)| Step::Amend { of, price, size }),
        1 => Just(Step::Reload),
    ];
    prop::collection::vec(step, 1..250)
}

fn kinds() -> impl Strategy<Value = WindowKind> {
    prop_oneof![
        (1_u32..40, 1_u32..9).prop_map(|(size, slide)| WindowKind::Count { size, slide }),
        (1_u32..4, 5_u32..9).prop_map(|(size, slide)| WindowKind::Count { size, slide }),
        (1_u64..9).prop_map(|size| WindowKind::Ticks { size }),
        (1_u64..20).prop_map(|size| WindowKind::Volume { size }),
        (1_u64..20).prop_map(|size| WindowKind::Value { size }),
    ]
}

fn specs() -> impl Strategy<Value = WindowSpec> {
    let horizon = prop_oneof![Just(1_u64 << 40), 0_u64..600];
    (kinds(), horizon, 0_u64..100, any::<bool>()).prop_map(
        |(window, horizon_ns, delay_ns, has_aggregates)| WindowSpec {
            delay_ns,
            corrections: Some(Corrections { horizon_ns, log: 10_000 }),
            aggregates: if has_aggregates { ALL.to_vec() } else { Vec::new() },
            sampling_ns: 10,
            ..WindowSpec::new(window)
        },
    )
}

/// A trade with what of it is in which window, and how much of it came there; of count windows it
/// is at its place, as a whole.
#[derive(Clone, Debug)]
struct Member {
    trade: WindowTrade,
    parts: Vec<(u64, u64)>,
    told: Vec<u64>,
    stands: bool,
}

#[derive(Clone, Debug, Default)]
struct Instrument {
    members: Vec<Member>,
    /// Quotes, with what was open: the bar, or the place of the trade before.
    quotes: Vec<(u64, i64)>,
    filled: i128,
    open: u64,
    /// What was published: bounds and the next revision.
    published: BTreeMap<u64, ((i64, i64), u32)>,
}

/// A bar as it must be.
#[derive(Debug)]
struct Expected {
    instrument: u32,
    ordinal: u64,
    revision: u32,
    span: (i64, i64),
    trades: Vec<WindowTrade>,
    quotes: Vec<i64>,
}

struct Model {
    kind: WindowKind,
    instruments: BTreeMap<u32, Instrument>,
    expected: Vec<Expected>,
}

impl Model {
    fn trade(&mut self, trade: &WindowTrade) {
        let own = self.instruments.entry(trade.instrument_id).or_default();
        let (mut parts, mut full) = (Vec::new(), Vec::new());
        // What one unit of quantity fills, and what a bar holds. A bar is full once it has that.
        let (each, most) = match self.kind {
            WindowKind::Volume { size } => (1, i128::from(size)),
            WindowKind::Value { size } => {
                (i128::from(trade.price_e9.abs()), i128::from(size) * UNIT)
            }
            WindowKind::Ticks { size } => (0, i128::from(size)),
            _ => (0, i128::MAX),
        };
        let begun = own.open;
        let mut part = 0;
        for _ in 0..trade.size {
            (part, own.filled) = (part + 1, own.filled + each);
            if each > 0 && own.filled >= most {
                parts.push((own.open, part));
                full.push(own.open);
                (part, own.filled, own.open) = (0, 0, own.open + 1);
            }
        }
        if part > 0 || begun == own.open {
            parts.push((own.open, part));
        }
        match self.kind {
            WindowKind::Ticks { .. } => {
                own.filled += 1;
                if own.filled == most {
                    full.push(own.open);
                    (own.filled, own.open) = (0, own.open + 1);
                }
            }
            WindowKind::Count { slide, .. } => {
                own.open += 1;
                if own.open.is_multiple_of(u64::from(slide)) {
                    full.push(own.open / u64::from(slide) - 1);
                }
            }
            _ => {}
        }
        let told = parts.iter().map(|(_, size)| *size).collect();
        own.members.push(Member { trade: *trade, parts, told, stands: true });
        for ordinal in full {
            self.publish(trade.instrument_id, ordinal);
        }
    }

    fn quote(&mut self, instrument: u32, spread: i64) {
        let own = self.instruments.entry(instrument).or_default();
        let is_count = matches!(self.kind, WindowKind::Count { .. });
        if let Some(at) = own.open.checked_sub(u64::from(is_count)) {
            own.quotes.push((at, spread));
        }
    }

    /// What is in a window: bars, or places of trades.
    fn within(&self, ordinal: u64) -> Range<u64> {
        let WindowKind::Count { size, slide } = self.kind else { return ordinal..ordinal + 1 };
        let end = (ordinal + 1) * u64::from(slide);
        end.saturating_sub(size.into())..end
    }

    fn publish(&mut self, instrument: u32, ordinal: u64) {
        let within = self.within(ordinal);
        // Of count windows a quote comes behind its trade: that behind the last one is not in it.
        let is_count = matches!(self.kind, WindowKind::Count { .. });
        let quoted = within.start..within.end - u64::from(is_count);
        let Some(own) = self.instruments.get_mut(&instrument) else { return };
        let parts = own.members.iter().filter(|member| member.stands).flat_map(|member| {
            member.parts.iter().map(|(at, size)| (*at, WindowTrade { size: *size, ..member.trade }))
        });
        let trades: Vec<WindowTrade> =
            parts.filter(|(at, _)| within.contains(at)).map(|(_, trade)| trade).collect();
        let quotes = own.quotes.iter().filter(|(at, _)| quoted.contains(at));
        let quotes = quotes.map(|(_, spread)| *spread).collect();
        let times = || trades.iter().map(|trade| trade.ts_event_ns);
        let (span, next) = own
            .published
            .entry(ordinal)
            .or_insert_with(|| ((times().min().unwrap(), times().max().unwrap() + 1), 0));
        let (span, revision) = (*span, *next);
        *next += 1;
        self.expected.push(Expected { instrument, ordinal, revision, span, trades, quotes });
    }

    /// Corrects a trade where that can be; says whether it was.
    fn correct(&mut self, correction: &WindowTrade, is_alive: impl Fn(i64) -> bool) -> bool {
        let instrument = correction.instrument_id;
        let own = &self.instruments[&instrument];
        let is_it = |member: &Member| member.trade.trade_id == correction.trade_id;
        let at = own.members.iter().position(is_it).unwrap();
        let alive = |ordinal: u64| own.published.get(&ordinal).map(|((_, end), _)| is_alive(*end));
        let parts = &own.members[at].parts;
        let windows: Vec<u64> = match self.kind {
            WindowKind::Count { .. } => (0..own.members.len() as u64)
                .filter(|ordinal| self.within(*ordinal).contains(&parts[0].0))
                .filter(|ordinal| alive(*ordinal) == Some(true))
                .collect(),
            _ => parts.iter().map(|(bar, _)| *bar).filter(|bar| alive(*bar).is_some()).collect(),
        };
        let can_be = match self.kind {
            WindowKind::Count { size, .. } => {
                !windows.is_empty() || own.members.len() - at <= size as usize
            }
            _ => windows.iter().all(|bar| alive(*bar) == Some(true)),
        };
        if !can_be || !own.members[at].stands {
            return false;
        }
        let member = &mut self.instruments.get_mut(&instrument).unwrap().members[at];
        if correction.action == action::CANCEL {
            member.stands = false;
        } else {
            (member.trade.price_e9, member.trade.side) = (correction.price_e9, correction.side);
            let (mut rest, last) = (correction.size, member.parts.len() - 1);
            for (at, (part, told)) in member.parts.iter_mut().zip(&member.told).enumerate() {
                part.1 = if at == last { rest } else { rest.min(*told) };
                rest -= part.1;
            }
        }
        for ordinal in windows {
            self.publish(instrument, ordinal);
        }
        true
    }
}

/// The further aggregates of these trades and quotes: those of one long window of time.
fn stats_of(spec: &WindowSpec, trades: &[WindowTrade], quotes: &[i64]) -> BarStats {
    let (aggregates, sampling_ns) = (spec.aggregates.clone(), spec.sampling_ns);
    let mut run =
        Run::new(&WindowSpec { aggregates, sampling_ns, ..WindowSpec::tumbling(1 << 40) });
    for spread_e9 in quotes {
        let (instrument_id, ts_event_ns) = (trades[0].instrument_id, trades[0].ts_event_ns);
        run.windows.quote(&WindowQuote { instrument_id, ts_event_ns, spread_e9: *spread_e9 });
    }
    trades.iter().for_each(|trade| run.trade(trade));
    run.finish().stats[0]
}

/// Runs the steps on windows and on the model, with reloads or without.
fn run(spec: &WindowSpec, steps: &[Step], reloads: bool) -> (Run, Model) {
    let mut run = Run::new(spec);
    let (instruments, expected) = (BTreeMap::new(), Vec::new());
    let mut model = Model { kind: spec.window, instruments, expected };
    let (mut all, mut clock): (Vec<WindowTrade>, i64) = (Vec::new(), 1_000);
    for (step, seq) in steps.iter().zip(0_u64..) {
        match step {
            Step::Trade { forward, back, instrument, price, size } => {
                clock += forward;
                let trade = WindowTrade {
                    price_e9: price * TENTH,
                    size: *size,
                    trade_id: 1_000 + seq,
                    ..trade(clock - back, seq, *instrument)
                };
                run.trade(&trade);
                model.trade(&trade);
                all.push(trade);
            }
            Step::Quote { instrument, spread } => {
                let quote = WindowQuote {
                    instrument_id: *instrument,
                    ts_event_ns: clock,
                    spread_e9: *spread,
                };
                run.windows.quote(&quote);
                model.quote(*instrument, *spread);
            }
            Step::Bust { of } | Step::Amend { of, .. } if !all.is_empty() => {
                let mut correction = WindowTrade { seq, sequence: 0, ..*of.get(&all) };
                correction.ts_event_ns = clock;
                correction.action = action::CANCEL;
                if let Step::Amend { price, size, .. } = step {
                    correction.action = action::MODIFY;
                    (correction.price_e9, correction.size) = (price * TENTH, *size);
                }
                let before = run.windows.counts();
                run.trade(&correction);
                let watermark = run.windows.watermark_ns().unwrap();
                let horizon = spec.corrections.unwrap().horizon_ns.cast_signed();
                let was = model.correct(&correction, |end| end - 1 + horizon > watermark);
                let after = run.windows.counts();
                let told = (after.corrected - before.corrected, after.refused - before.refused);
                assert_eq!(told, (u64::from(was), u64::from(!was)), "{correction:?}");
                if !was {
                    let reason = run.outputs.late.last().unwrap().reason;
                    assert_eq!(reason, late_reason::UNKNOWN_TRADE);
                }
            }
            Step::Reload if reloads => run.reload(),
            _ => {}
        }
    }
    (run, model)
}

proptest! {
    #[test]
    fn windows_in_order_of_arrival_equal_the_model_with_every_correction(
        spec in specs(), steps in steps(),
    ) {
        let (run, model) = run(&spec, &steps, false);
        prop_assert_eq!(run.outputs.bars.len(), model.expected.len());
        for (at, (bar, expected)) in run.outputs.bars.iter().zip(&model.expected).enumerate() {
            let name = (bar.header.instrument_id, bar.ordinal, bar.revision);
            prop_assert_eq!(name, (expected.instrument, expected.ordinal, expected.revision));
            prop_assert_eq!(span(bar), expected.span);
            check_bar(bar, &expected.trades);
            prop_assert_eq!(bar.flags & window_flag::EMPTY != 0, expected.trades.is_empty());
            if !spec.aggregates.is_empty() && !expected.trades.is_empty() {
                let stats = stats_of(&spec, &expected.trades, &expected.quotes);
                let found = run.outputs.stats[at];
                let (start_ns, end_ns) = (bar.start_ns, bar.end_ns);
                let revision = bar.revision;
                let stats = BarStats { header: found.header, start_ns, end_ns, revision, ..stats };
                prop_assert_eq!(found, stats);
            }
        }
    }

    #[test]
    fn a_restored_state_in_order_of_arrival_goes_on_as_if_nothing_had_been(
        spec in specs(), steps in steps(),
    ) {
        let (mut straight, _) = run(&spec, &steps, false);
        let (mut reloaded, _) = run(&spec, &steps, true);
        prop_assert_eq!(straight.finish(), reloaded.finish());
        prop_assert_eq!(straight.windows.counts(), reloaded.windows.counts());
    }
}

fn spec(window: WindowKind, log: u32) -> WindowSpec {
    let corrections = Some(Corrections { horizon_ns: 1_000, log });
    WindowSpec { corrections, ..WindowSpec::new(window) }
}

fn correction(action: u8, of: u64, size: u64) -> WindowTrade {
    WindowTrade { action, trade_id: of, size, price_e9: 10, sequence: 0, ..trade(100, 900, 1) }
}

fn sized(seq: u64, size: u64) -> WindowTrade {
    WindowTrade { size, trade_id: seq, price_e9: 10, ..trade(seq.cast_signed(), seq, 1) }
}

#[test]
fn a_split_trade_is_corrected_in_each_of_its_bars_and_none_moves() {
    let mut run = Run::new(&spec(WindowKind::Volume { size: 10 }, 100));
    run.trade(&sized(1, 6));
    run.trade(&sized(2, 17));
    run.trade(&sized(3, 7));
    run.trade(&correction(action::MODIFY, 2, 9));
    run.trade(&correction(action::CANCEL, 2, 0));
    let bars = &run.finish().bars;
    let told = bars.iter().map(|bar| (bar.ordinal, bar.revision, bar.volume, bar.count));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (0, 0, 10, 2),
            (1, 0, 10, 1),
            (2, 0, 10, 2),
            // Of 17 came 4, 10 and 3; of 9 are 4, 5 and nothing.
            (0, 1, 10, 2),
            (1, 1, 5, 1),
            (2, 1, 7, 2),
            (0, 2, 6, 1),
            (1, 2, 0, 0),
            (2, 2, 7, 1),
        ]
    );
}

#[test]
fn a_broken_trade_leaves_a_count_window_short_until_it_slides_out() {
    let mut run = Run::new(&spec(WindowKind::Count { size: 3, slide: 2 }, 100));
    (1..=4).for_each(|seq| run.trade(&sized(seq, seq)));
    run.trade(&correction(action::CANCEL, 2, 0));
    (5..=6).for_each(|seq| run.trade(&sized(seq, seq)));
    let told =
        run.outputs.bars.iter().map(|bar| (bar.ordinal, bar.revision, bar.count, bar.volume));
    let told: Vec<_> = told.collect();
    assert_eq!(told, [(0, 0, 2, 3), (1, 0, 3, 9), (0, 1, 1, 1), (1, 1, 2, 7), (2, 0, 3, 15)]);
}

#[test]
fn a_log_that_is_too_short_flags_the_window_and_refuses_its_corrections() {
    for window in [WindowKind::Ticks { size: 4 }, WindowKind::Count { size: 4, slide: 4 }] {
        let mut run = Run::new(&spec(window, 3));
        (1..=4).for_each(|seq| run.trade(&sized(seq, seq)));
        assert_eq!(run.outputs.bars[0].flags & window_flag::UNCORRECTABLE, 16, "{window:?}");
        run.trade(&correction(action::CANCEL, 3, 0));
        run.trade(&correction(action::CANCEL, 1, 0));
        let reasons = run.outputs.reasons();
        assert_eq!(reasons, [late_reason::FORGOTTEN, late_reason::UNKNOWN_TRADE], "{window:?}");
        assert_eq!(run.windows.counts().forgotten, 1);
    }
}
