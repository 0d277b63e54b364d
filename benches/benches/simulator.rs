//! What a simulated record costs, beside publishing the same records alone.
//!
//! All figures are for one record of the ring of ticks. `made` gives the records to nobody,
//! `published` to a ring, and `publish` takes them ready from memory to a ring.

use criterion::{BenchmarkId, Criterion, Throughput};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tickring::record::{Mbo, Record};
use tickring::{Writer, WrongKind};
use tickring_benches::workload::Load;
use tickring_producer::sink::tape::Tape;
use tickring_producer::source::simulator::{Simulator, SimulatorOptions};
use tickring_producer::source::{Sink, Source};

/// Events between two movements of `published`, as in a feed.
const BUDGET: usize = 256;
/// Records that are prepared to be published alone.
const PREPARED: usize = 1 << 16;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30)
        .configure_from_args();
    for instruments in [1, 100, 8_000] {
        records(&mut criterion, instruments);
    }
    criterion.final_summary();
}

/// Takes the records, to a ring if there is one.
struct Taker {
    writer: Option<Writer>,
    records: u64,
}

impl Sink for Taker {
    #[inline]
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.records += 1;
        match &mut self.writer {
            Some(writer) => writer.stage(record).map(drop),
            None => {
                black_box(record);
                Ok(())
            }
        }
    }

    fn definition<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        Ok(())
    }

    fn statistic<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        Ok(())
    }
}

impl Taker {
    /// Lets the simulator make `records` more, or a few above that.
    fn take(&mut self, simulator: &mut Simulator, records: u64) {
        let end = self.records + records;
        while self.records < end {
            let _ = simulator.poll(self, BUDGET).expect("a market without end");
            if let Some(writer) = &mut self.writer {
                writer.flush();
            }
        }
    }

    /// Says how long `records` take.
    fn time(&mut self, simulator: &mut Simulator, records: u64) -> Duration {
        let (before, begin) = (self.records, Instant::now());
        self.take(simulator, records);
        let made = self.records - before;
        begin.elapsed().mul_f64(records as f64 / made as f64)
    }
}

/// A market that is past its opening, with books of the usual size.
fn market(instruments: u32) -> Simulator {
    let options = SimulatorOptions { instruments, ..SimulatorOptions::default() };
    let mut simulator = Simulator::new(&options).expect("valid options");
    let opening = 1_000_000 + 50 * u64::from(instruments);
    Taker { writer: None, records: 0 }.take(&mut simulator, opening);
    simulator
}

/// A ring of its own, in memory where there is a file system for that.
fn ring() -> (TempDir, Writer) {
    let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let root = root.expect("a temporary directory");
    let writer = Load::Ticks.writer(root.path()).expect("a new ring");
    (root, writer)
}

fn records(criterion: &mut Criterion, instruments: u32) {
    let mut group = criterion.benchmark_group("simulator");
    group.throughput(Throughput::Elements(1));
    let mut simulator = market(instruments);
    group.bench_function(BenchmarkId::new("made", instruments), |bencher| {
        let mut taker = Taker { writer: None, records: 0 };
        bencher.iter_custom(|iters| taker.time(&mut simulator, iters));
    });
    group.bench_function(BenchmarkId::new("published", instruments), |bencher| {
        let (_root, writer) = ring();
        let mut taker = Taker { writer: Some(writer), records: 0 };
        bencher.iter_custom(|iters| taker.time(&mut simulator, iters));
    });
    let mut tape = Tape::default();
    while tape.records.len() < PREPARED {
        let _ = simulator.poll(&mut tape, BUDGET).expect("a market without end");
    }
    let prepared = tape.of::<Mbo>();
    let (_root, mut writer) = ring();
    group.bench_function(BenchmarkId::new("publish", instruments), |bencher| {
        bencher.iter_custom(|iters| {
            let records = black_box(prepared.as_slice()).iter().cycle();
            let begin = Instant::now();
            for (number, record) in (1..=iters).zip(records) {
                writer.stage(record).expect("the ring holds ticks");
                if number.is_multiple_of(BUDGET as u64) {
                    writer.flush();
                }
            }
            writer.flush();
            begin.elapsed()
        });
    });
    group.finish();
}
