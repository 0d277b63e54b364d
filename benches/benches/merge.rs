//! What the order costs: merging rings by event time, beside polling the same records of the same
//! rings in turn.
//!
//! All figures are for one record.

use criterion::{BenchmarkId, Criterion, Throughput};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tickring::merge::{Merge, MergeOptions, Merged};
use tickring::record::{Mbo, Record};
use tickring::{Directory, Poll, Reader, RingName, RingSpec, Start, Writer};
use tickring_benches::workload;

/// Records in all rings together: 512 KiB of slots.
const RECORDS: u64 = 8192;
/// The sum of the order ids of all records.
const SUM: u64 = RECORDS * (RECORDS - 1) / 2;
const TICK_BYTES: u64 = 64;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .configure_from_args();
    for count in [2, 8, 64] {
        let rings = Rings::new(count);
        compare(&mut criterion, &rings);
    }
    criterion.final_summary();
}

/// Rings that have ended, whose records interleave in time.
struct Rings {
    _root: TempDir,
    directory: Directory,
    names: Vec<RingName>,
}

impl Rings {
    fn new(count: u64) -> Self {
        let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let root = root.expect("a temporary directory");
        let directory = Directory::at(root.path());
        let each = RECORDS / count;
        let spec = RingSpec::new(Mbo::kinds()).expect("a schema");
        let spec = RingSpec { capacity: each, ..spec };
        let name = |ring| RingName::new("merge", &format!("r{ring}")).expect("a name");
        let names: Vec<RingName> = (0..count).map(name).collect();
        for (ring, name) in (0..count).zip(&names) {
            let mut writer = Writer::open(&directory, name, &spec).expect("a new ring");
            for n in 0..each {
                // In each round all rings have one record, in an order that changes.
                let place = (ring + n * n % 31) % count;
                let id = n * count + place;
                let mut tick = workload::tick(id, 0);
                tick.header.ts_event = 1_700_000_000_000_000_000 + id;
                tick.order_id = id;
                writer.publish(&tick).expect("the ring holds ticks");
            }
            writer.close();
        }
        Self { _root: root, directory, names }
    }

    fn readers(&self) -> Vec<Reader> {
        let open = |name| Reader::open(&self.directory, name, Start::Sequence(0));
        self.names.iter().map(|name| open(name).expect("the ring")).collect()
    }
}

fn order_id(found: Option<&Mbo>) -> u64 {
    found.map_or(u64::MAX, |tick| tick.order_id)
}

/// Gives readers to `pass` often enough for `iters` records, checks the sum that it gives, and
/// says how long one record took, times `iters`. Mapping the rings takes no part in it, nor does
/// unmapping what the pass gives back.
fn time<T>(iters: u64, rings: &Rings, mut pass: impl FnMut(Vec<Reader>) -> (u64, T)) -> Duration {
    let passes = iters.div_ceil(RECORDS);
    let mut elapsed = Duration::ZERO;
    for _ in 0..passes {
        let readers = rings.readers();
        let begin = Instant::now();
        let (sum, used) = black_box(pass(readers));
        elapsed += begin.elapsed();
        assert_eq!(sum, SUM);
        drop(used);
    }
    elapsed.mul_f64(iters as f64 / (passes * RECORDS) as f64)
}

fn compare(criterion: &mut Criterion, rings: &Rings) {
    let count = rings.names.len();
    let mut group = criterion.benchmark_group("merge");
    group.throughput(Throughput::Bytes(TICK_BYTES));
    group.bench_function(BenchmarkId::new("by time", count), |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, rings, |readers| {
                let mut merge = Merge::new(readers, MergeOptions::default());
                let mut sum = 0_u64;
                loop {
                    match merge.poll() {
                        Merged::Record { record, .. } => {
                            sum = sum.wrapping_add(order_id(record.get::<Mbo>()));
                        }
                        Merged::Ended => break,
                        _ => {}
                    }
                }
                (sum, merge)
            })
        });
    });
    group.bench_function(BenchmarkId::new("in turn", count), |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, rings, |mut readers| {
                let mut sum = 0_u64;
                let mut open = readers.len();
                while open > 0 {
                    open = readers.len();
                    for reader in &mut readers {
                        match reader.poll() {
                            Poll::Record(record) => {
                                sum = sum.wrapping_add(order_id(record.get::<Mbo>()));
                            }
                            _ => open -= 1,
                        }
                    }
                }
                (sum, readers)
            })
        });
    });
    group.finish();
}
