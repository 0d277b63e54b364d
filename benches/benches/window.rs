//! What a trade costs the windows, beside the least that any of them could do: see
//! `tickring_benches::windowing::floor`.
//!
//! All figures are nanoseconds of CPU time of one thread for one trade, the median of the rounds;
//! each round runs every case once, one behind the other. Trades are of 8,000 instruments by Zipf's
//! law, 100,000 in a second of event time. `disorder` shuffles them by up to 10 ms and has a delay
//! of 10 ms. `ring` takes them from a ring by the consumer, which publishes the bars to another
//! one; the ring is as large as the trades are many.

#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "the numbers are this file's own, and a bench fails by panicking"
)]

use nix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use tickring::record::{Record, Trade};
use tickring::{Directory, RingName, RingSpec, Start, Writer};
use tickring_benches::windowing::floor;
use tickring_benches::windowing::market::Tick;
use tickring_benches::windowing::ours::Shape;
use tickring_window::{
    Aggregate, Corrections, Output, Progress, WindowConsumer, WindowKind, WindowRings, WindowSpec,
    WindowTrade, Windows,
};

const TRADES: usize = 1 << 21;
const INSTRUMENTS: usize = 8_000;
const STEP_NS: i64 = 10_000;
const SECOND_NS: u64 = 1_000_000_000;
const ROUNDS: usize = 7;

type Case<'a> = (&'static str, Box<dyn FnMut() -> f64 + 'a>);

fn main() {
    // Test runs start benches with an argument, and only want to see that they start.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let straight = trades(0);
    let disordered = trades(10_000_000);
    let delayed = || WindowSpec { delay_ns: 10_000_000, ..WindowSpec::tumbling(SECOND_NS) };
    let further = [Aggregate::Twap, Aggregate::Realised, Aggregate::Quantiles, Aggregate::Flow];
    let corrections = Some(Corrections { horizon_ns: SECOND_NS, log: 1 << 19 });
    let with = |window| WindowSpec::new(window);
    let hop_ns = SECOND_NS / 5;
    let specs = [
        ("tumbling 1s", &straight, WindowSpec::tumbling(SECOND_NS)),
        ("tumbling 1s, disorder", &disordered, delayed()),
        ("and lateness 1s", &disordered, WindowSpec { lateness_ns: SECOND_NS, ..delayed() }),
        ("and corrections", &disordered, WindowSpec { corrections, ..delayed() }),
        ("and aggregates", &disordered, WindowSpec { aggregates: further.to_vec(), ..delayed() }),
        (
            "hopping 1s by 200ms",
            &straight,
            with(WindowKind::Hopping { size_ns: SECOND_NS, hop_ns, offset_ns: 0 }),
        ),
        ("sessions of 100ms", &straight, with(WindowKind::Session { gap_ns: SECOND_NS / 10 })),
        ("volume 10,000", &straight, with(WindowKind::Volume { size: 10_000 })),
        (
            "and corrections",
            &straight,
            WindowSpec { corrections, ..with(WindowKind::Volume { size: 10_000 }) },
        ),
        ("last 64, every one", &straight, with(WindowKind::Count { size: 64, slide: 1 })),
        (
            "and corrections",
            &straight,
            WindowSpec { corrections, ..with(WindowKind::Count { size: 64, slide: 1 }) },
        ),
        (
            "every 16, aggregates",
            &straight,
            WindowSpec {
                aggregates: further.to_vec(),
                ..with(WindowKind::Count { size: 64, slide: 16 })
            },
        ),
    ];
    let mut cases: Vec<Case<'_>> = vec![("floor", Box::new(|| floor(&straight)))];
    for (name, trades, spec) in specs {
        cases.push((name, Box::new(move || measure(trades, &spec))));
    }
    let (root, ring) = ring(&straight);
    let directory = Directory::at(root.path());
    cases.push(("ring", Box::new(move || consume(&directory, &ring))));
    let mut found: Vec<Vec<f64>> = cases.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for ((_, case), found) in cases.iter_mut().zip(&mut found) {
            found.push(case());
        }
    }
    for ((name, _), found) in cases.iter().zip(&mut found) {
        found.sort_by(f64::total_cmp);
        println!("{name:24} {:7.2} ns ({:.2} to {:.2})", found[ROUNDS / 2], found[0], {
            found[ROUNDS - 1]
        });
    }
    for size in [256, 16_384, 262_144] {
        pauses(&straight, size);
    }
}

/// Nanoseconds of CPU time that this thread had.
fn cpu_ns() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock of the thread");
    time.tv_sec() as f64 * 1e9 + time.tv_nsec() as f64
}

/// CPU time of each trade of a run.
fn time(run: impl FnOnce()) -> f64 {
    let begin = cpu_ns();
    run();
    (cpu_ns() - begin) / TRADES as f64
}

/// Trades in order of arrival, out of order of time by up to `disorder_ns`.
fn trades(disorder_ns: i64) -> Vec<WindowTrade> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut sum = 0.0;
    let ranks = (1..=INSTRUMENTS).map(|rank| {
        sum += 1.0 / rank as f64;
        sum
    });
    let shares: Vec<f64> = ranks.collect();
    let base = 1_700_000_000_000_000_000;
    let trade = |n: usize| {
        let at = (random() >> 11) as f64 / (1_u64 << 53) as f64 * shares[INSTRUMENTS - 1];
        let rank = shares.partition_point(|share| *share < at);
        // Ranks are spread over the ids.
        let id = (rank * 4_999) % INSTRUMENTS + 1;
        let back = if disorder_ns == 0 { 0 } else { (random() >> 33) as i64 % disorder_ns };
        WindowTrade {
            seq: n as u64,
            publisher_id: 1,
            instrument_id: id as u32,
            ts_event_ns: base + n as i64 * STEP_NS - back,
            price_e9: 100_000_000_000 + (random() >> 40) as i64 % 500 * 10_000_000,
            size: 1 + (random() >> 40) % 300,
            side: if random() & 1 == 0 { b'A' } else { b'B' },
            ..WindowTrade::default()
        }
    };
    (0..TRADES).map(trade).collect()
}

fn measure(trades: &[WindowTrade], spec: &WindowSpec) -> f64 {
    let mut windows = Windows::new(spec).expect("a possible specification");
    let mut bars = 0_u64;
    let mut out = |output: Output<'_>| {
        if let Output::Bar(bar) = output {
            bars += black_box(bar.count);
        }
    };
    let per_trade = time(|| {
        for trade in trades {
            windows.trade(trade, &mut out);
        }
    });
    windows.finish(&mut out);
    assert_eq!(windows.counts().late, 0);
    per_trade
}

/// The least that windows can cost.
fn floor(trades: &[WindowTrade]) -> f64 {
    let tick = |trade: &WindowTrade| Tick {
        ts: trade.ts_event_ns.cast_unsigned(),
        price: trade.price_e9,
        sym: trade.instrument_id,
        size: trade.size as u32,
        ..Tick::default()
    };
    let ticks: Vec<Tick> = trades.iter().map(tick).collect();
    let shape = Shape { size_ns: SECOND_NS, hop_ns: SECOND_NS, delay_ns: 0 };
    time(|| _ = black_box(floor::run(&ticks, INSTRUMENTS as u32 + 1, shape)))
}

/// A closed ring with all trades.
fn ring(trades: &[WindowTrade]) -> (tempfile::TempDir, RingName) {
    let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a place");
    let name = RingName::new("bench", "ticks").expect("a name");
    let capacity = 2 * TRADES as u64;
    let spec = RingSpec { capacity, ..RingSpec::new(Trade::kinds()).expect("a kind") };
    let mut writer = Writer::open(&Directory::at(root.path()), &name, &spec).expect("a ring");
    for trade in trades {
        let time = trade.ts_event_ns as u64;
        let record = Trade {
            price: trade.price_e9,
            size: trade.size as u32,
            side: trade.side,
            ..Trade::empty(trade.publisher_id, trade.instrument_id, time)
        };
        writer.publish(&record).expect("the ring's kind");
    }
    writer.close();
    (root, name)
}

fn consume(directory: &Directory, ticks: &RingName) -> f64 {
    let name = |ring| RingName::new("bench", ring).expect("a name");
    let rings = WindowRings {
        bars: name("bars"),
        bars_capacity: 1 << 14,
        late: name("late"),
        late_capacity: 1 << 10,
    };
    let spec = WindowSpec::tumbling(SECOND_NS);
    let mut consumer =
        WindowConsumer::open(directory, (ticks, Start::Oldest), &rings, &spec).expect("rings");
    let per_trade = time(|| while consumer.run_once().expect("bars") != Progress::Ended {});
    assert_eq!(consumer.stats().counts.accepted, TRADES as u64);
    per_trade
}

/// The longest single trades of count windows: they must not grow with the window.
fn pauses(trades: &[WindowTrade], size: u32) {
    let window = WindowKind::Count { size, slide: 1 };
    let mut windows = Windows::new(&WindowSpec::new(window)).expect("a possible specification");
    let mut out = |output: Output<'_>| {
        black_box(&output);
    };
    let one: Vec<WindowTrade> =
        trades.iter().map(|trade| WindowTrade { instrument_id: 1, ..*trade }).collect();
    // A first pass fills the window and touches its memory.
    one.iter().for_each(|trade| windows.trade(trade, &mut out));
    let mut spans: Vec<u64> = Vec::with_capacity(one.len());
    let mean = time(|| {
        for trade in &one {
            windows.trade(trade, &mut out);
        }
    });
    for trade in &one {
        let begin = std::time::Instant::now();
        windows.trade(trade, &mut out);
        spans.push(begin.elapsed().as_nanos() as u64);
    }
    spans.sort_unstable();
    let at = |parts: f64| spans[((spans.len() - 1) as f64 * parts) as usize];
    println!(
        "last {size:<7} {mean:7.2} ns, p50 {} p99.99 {} p99.999 {} ns",
        at(0.5),
        at(0.9999),
        { at(0.999_99) }
    );
}
