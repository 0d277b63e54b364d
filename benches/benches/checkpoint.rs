//! How long a checkpoint keeps the thread that makes bars: the copy of the state, beside a plain
//! copy of as many bytes in the same round.
//!
//! 8,000 instruments with open windows make a state of about 4 MB. In each round some ticks are
//! taken and one checkpoint; its bytes go to a disk meanwhile, by the other thread.
//! `TICKRING_BENCH_CHECKPOINTS` names the directory, `TICKRING_BENCH_ROUNDS` says how many.

use hdrhistogram::Histogram;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tickring::record::{Record, Trade};
use tickring::{Directory, RingName, RingSpec, Start, Writer};
use tickring_window::{
    CheckpointEvery, CheckpointOptions, Progress, WindowConsumer, WindowInput, WindowRings,
    WindowSpec,
};

const INSTRUMENTS: u64 = 8_000;
/// Ticks from one checkpoint to the next.
const TICKS: u64 = 16_000;
/// Event time from one tick to the next, in nanoseconds.
const STEP_NS: u64 = 10_000;

fn main() {
    let rounds = std::env::var("TICKRING_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok());
    let rounds: u64 = rounds.unwrap_or(500);
    let memory = || tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let root = memory().expect("a temporary directory");
    let chosen = std::env::var_os("TICKRING_BENCH_CHECKPOINTS").map(PathBuf::from);
    let files = chosen.map_or_else(tempfile::tempdir, tempfile::tempdir_in);
    let files = files.expect("a directory for checkpoints");
    let directory = Directory::at(root.path());
    let name = |ring| RingName::new("bench", ring).expect("a valid name");
    let spec =
        RingSpec { capacity: 1 << 16, ..RingSpec::new(Trade::kinds()).expect("a valid schema") };
    let mut ticks = Writer::open(&directory, &name("ticks"), &spec).expect("a new ring");
    let mut consumer = WindowConsumer::open_with(
        &directory,
        &WindowInput::new(name("ticks"), Start::Oldest),
        &WindowRings {
            bars: name("bars"),
            bars_capacity: 1 << 18,
            late: name("bars-late"),
            late_capacity: 1 << 10,
        },
        &WindowSpec { delay_ns: 2_500_000_000, ..WindowSpec::tumbling(1_000_000_000) },
        Some(&CheckpointOptions {
            directory: files.path().to_owned(),
            every: CheckpointEvery::Records(TICKS),
        }),
    )
    .expect("a consumer");
    let mut plain = Plain::default();
    let mut copies = histogram();
    let mut stalls = histogram();
    for round in 0..rounds {
        publish(&mut ticks, round);
        while let Progress::Advanced(_) = consumer.run_once().expect("rings") {}
        let stats = consumer.checkpoint_stats().expect("checkpoints");
        let bytes = usize::try_from(stats.bytes).unwrap_or(0);
        // The first ones are small, and find no buffer of their size.
        if round == rounds / 10 {
            stalls = stats.stall_ns.clone();
        }
        copies.saturating_record(ns(plain.copy(bytes)));
    }
    let stats = consumer.checkpoint_stats().expect("checkpoints");
    let mut warm = stats.stall_ns.clone();
    warm.subtract(&stalls).expect("an earlier state of the same");
    println!(
        "checkpoint: {} bytes, {} written, {} put off, {} failed",
        stats.bytes, stats.written, stats.deferred, stats.failed
    );
    show("stall", &warm);
    show("stall, the first tenth", &stalls);
    show("memcpy", &copies);
    let us = |histogram: &Histogram<u64>| histogram.value_at_quantile(0.5) as f64;
    println!("ratio of the medians {:.2}", us(&warm) / us(&copies));
    let scale = 4_000_000.0 / stats.bytes as f64;
    println!("median per 4 MB {:.0} us (goal 150)", us(&warm) * scale / 1e3);
}

fn publish(ticks: &mut Writer, round: u64) {
    for n in round * TICKS..(round + 1) * TICKS {
        let instrument_id = u32::try_from(1 + n * 7_919 % INSTRUMENTS).unwrap_or(1);
        let price = i64::try_from(1_000 + n % 97).unwrap_or(1);
        let trade = Trade { price, size: 3, ..Trade::empty(1, instrument_id, n * STEP_NS) };
        ticks.stage(&trade).expect("the ring holds trades");
    }
    ticks.flush();
}

/// A plain copy to a buffer that is there.
#[derive(Default)]
struct Plain {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Plain {
    fn copy(&mut self, bytes: usize) -> Duration {
        if self.from.len() < bytes {
            self.from.resize(bytes, 1);
            self.to.resize(bytes, 0);
        }
        let Self { from, to } = self;
        let from = from.get(..bytes).unwrap_or(from);
        let began = Instant::now();
        to.clear();
        to.extend_from_slice(black_box(from));
        black_box(to);
        began.elapsed()
    }
}

fn ns(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds are valid")
}

fn show(what: &str, histogram: &Histogram<u64>) {
    let us = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
    println!(
        "{what}: {} times, p50 {:.1} us, p99 {:.1} us, max {:.1} us",
        histogram.len(),
        us(0.5),
        us(0.99),
        histogram.max() as f64 / 1e3
    );
}
