//! What publishing costs a writer that nobody reads from, beside a copy of the same bytes.
//!
//! All figures are for one record.

use criterion::{BenchmarkId, Criterion, Throughput};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tickring::record::{Mbo, Vector};
use tickring::{Start, Writer};
use tickring_benches::workload::{self, Load};

/// Ticks that are prepared before the clock runs.
const PREPARED: u64 = 1024;
/// Records between two movements of `published`.
const BATCH: usize = 256;
/// As many bytes as a ring of ticks holds.
const RING_BYTES: usize = 4 << 20;
const TICK_BYTES: usize = 64;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .configure_from_args();
    ticks(&mut criterion);
    for dim in [128, 768] {
        vectors(&mut criterion, dim);
    }
    criterion.final_summary();
}

/// A ring of its own, in memory where there is a file system for that.
fn ring(load: Load) -> (TempDir, Writer) {
    let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let root = root.expect("a temporary directory");
    let writer = load.writer(root.path()).expect("a new ring");
    (root, writer)
}

fn prepared() -> Vec<Mbo> {
    (0..PREPARED).map(|seq| workload::tick(seq, 0)).collect()
}

/// Publishes `iters` of the prepared records with `publish` and says how long that took.
fn time(iters: u64, records: &[Mbo], mut publish: impl FnMut(&Mbo)) -> Duration {
    let records = black_box(records);
    let begin = Instant::now();
    for record in records.iter().cycle().take(usize::try_from(iters).unwrap_or(usize::MAX)) {
        publish(record);
    }
    begin.elapsed()
}

/// The last record that was published is the one that a reader finds.
fn check_last(root: &TempDir, next_seq: u64, expected: &Mbo) {
    let mut reader = Load::Ticks.reader(root.path()).expect("the ring");
    assert_eq!(reader.published(), next_seq, "everything is published");
    reader.seek(Start::Sequence(next_seq - 1)).expect("only tokens are refused");
    let last = reader.poll().record().and_then(|record| record.get::<Mbo>().copied());
    assert_eq!(last.as_ref(), Some(expected));
}

fn ticks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("publish/tick");
    group.throughput(Throughput::Bytes(TICK_BYTES as u64));
    let (root, mut writer) = ring(Load::Ticks);
    let records = prepared();
    let publish = |writer: &mut Writer, record: &Mbo| {
        writer.publish(record).expect("the ring holds ticks");
    };

    group.bench_function("settled", |bencher| {
        bencher.iter_custom(|iters| time(iters, &records, |record| publish(&mut writer, record)));
    });
    group.bench_function("built", |bencher| {
        bencher.iter_custom(|iters| {
            let begin = Instant::now();
            for _ in 0..iters {
                let seq = black_box(writer.next_seq());
                publish(&mut writer, &workload::tick(seq, seq));
            }
            begin.elapsed()
        });
    });
    group.bench_function("batch 256", |bencher| {
        bencher.iter_custom(|iters| {
            let records = black_box(records.as_slice());
            let batches = records.chunks(BATCH).cycle();
            let mut left = usize::try_from(iters).unwrap_or(usize::MAX);
            let begin = Instant::now();
            for batch in batches {
                let batch = batch.get(..left.min(batch.len())).unwrap_or(batch);
                for record in batch {
                    writer.stage(record).expect("the ring holds ticks");
                }
                writer.flush();
                left -= batch.len();
                if left == 0 {
                    break;
                }
            }
            begin.elapsed()
        });
    });
    let last = workload::tick(7, 7);
    publish(&mut writer, &last);
    check_last(&root, writer.next_seq(), &last);

    let source: Vec<[u8; TICK_BYTES]> = vec![[1; TICK_BYTES]; RING_BYTES / TICK_BYTES];
    let mut target = vec![[0; TICK_BYTES]; RING_BYTES / TICK_BYTES];
    group.bench_function("memcpy", |bencher| {
        bencher.iter_custom(|iters| copy(iters, &source, &mut target));
        assert!(target == source, "the bytes were copied");
    });
    group.finish();
}

/// Copies `iters` elements, in turns of the whole slice, and says how long that took.
fn copy<T: Copy>(iters: u64, source: &[T], target: &mut [T]) -> Duration {
    // Everything once, so that a result can be checked however few iterations there are.
    target.copy_from_slice(source);
    let mut left = usize::try_from(iters).unwrap_or(usize::MAX);
    let begin = Instant::now();
    while left > 0 {
        let count = left.min(source.len());
        for (to, from) in target.iter_mut().zip(black_box(source)).take(count) {
            *to = *from;
        }
        black_box(&mut *target);
        left -= count;
    }
    begin.elapsed()
}

fn vectors(criterion: &mut Criterion, dim: u16) {
    let load = Load::Vectors(dim);
    let mut group = criterion.benchmark_group("publish/vector");
    group.throughput(Throughput::Bytes(load.slot_bytes()));
    let (root, mut writer) = ring(load);
    let all = workload::lanes(dim);
    group.bench_function(BenchmarkId::new("claim", dim), |bencher| {
        bencher.iter_custom(|iters| {
            let begin = Instant::now();
            for lanes in all.iter().cycle().take(usize::try_from(iters).unwrap_or(usize::MAX)) {
                publish_vector(&mut writer, dim, black_box(lanes));
            }
            begin.elapsed()
        });
    });
    let next_seq = writer.next_seq();
    let lanes = all.last().expect("there are patterns");
    publish_vector(&mut writer, dim, lanes);
    let reader = load.reader(root.path()).expect("the ring");
    let seen = reader.view_at(next_seq, 1, |view| {
        let mut copy = vec![0.0; usize::from(dim)];
        for record in view.iter() {
            record.lanes().copy_to(&mut copy);
            assert_eq!(record.read::<Vector>().vec_id, next_seq);
        }
        copy
    });
    assert_eq!(seen.as_ref(), Some(lanes), "a reader finds the lanes");

    let slots = 4096;
    let mut target = vec![vec![0.0_f32; usize::from(dim)]; slots];
    group.bench_function(BenchmarkId::new("memcpy", dim), |bencher| {
        bencher.iter_custom(|iters| {
            let mut left = usize::try_from(iters).unwrap_or(usize::MAX);
            let begin = Instant::now();
            while left > 0 {
                let count = left.min(slots);
                for (to, from) in target.iter_mut().zip(all.iter().cycle()).take(count) {
                    to.copy_from_slice(black_box(from));
                }
                black_box(&mut target);
                left -= count;
            }
            begin.elapsed()
        });
        assert_eq!(target.first(), all.first(), "the lanes were copied");
    });
    group.finish();
}

fn publish_vector(writer: &mut Writer, dim: u16, lanes: &[f32]) {
    let fixed = workload::vector(writer.next_seq(), dim);
    let mut claim = writer.claim();
    claim.write(&fixed).expect("the ring holds vectors");
    claim.write_lanes(lanes).expect("the slot holds the lanes");
    claim.commit();
}
