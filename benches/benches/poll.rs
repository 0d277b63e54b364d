//! What polling costs when the records are in the cache, beside a copy of the same bytes.
//!
//! All figures are for one record, but `empty`, which is for one poll.

use criterion::{Criterion, Throughput};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tickring::record::Mbo;
use tickring::{Batch, Poll, Reader, Start};
use tickring_benches::workload::{self, Load};

/// Records that are read again and again: 16 KiB of slots, half of the first cache.
const HOT: u64 = 256;
const HOT_RECORDS: usize = 256;
const TICK_BYTES: usize = 64;
/// The sum of the sequences of all hot records.
const SUM: u64 = HOT * (HOT - 1) / 2;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .configure_from_args();
    let (_root, mut reader) = filled();
    hot(&mut criterion, &mut reader);
    limit(&mut criterion, &mut reader);
    empty(&mut criterion, &mut reader);
    criterion.final_summary();
}

/// A ring with the hot records, and a reader of it.
fn filled() -> (TempDir, Reader) {
    let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let root = root.expect("a temporary directory");
    let mut writer = Load::Ticks.writer(root.path()).expect("a new ring");
    for seq in 0..HOT {
        writer.publish(&workload::tick(seq, 0)).expect("the ring holds ticks");
    }
    let reader = Load::Ticks.reader(root.path()).expect("the ring");
    (root, reader)
}

/// Runs `pass` over all hot records often enough for `iters` of them, checks the sum that it
/// gives, and says how long one record took, times `iters`.
fn time(iters: u64, reader: &mut Reader, mut pass: impl FnMut(&mut Reader) -> u64) -> Duration {
    let passes = iters.div_ceil(HOT);
    let begin = Instant::now();
    for _ in 0..passes {
        reader.seek(Start::Sequence(0)).expect("only tokens are refused");
        assert_eq!(black_box(pass(reader)), SUM);
    }
    begin.elapsed().mul_f64(iters as f64 / (passes * HOT) as f64)
}

fn order_id(found: Option<&Mbo>) -> u64 {
    found.map_or(u64::MAX, |tick| tick.order_id)
}

fn hot(criterion: &mut Criterion, reader: &mut Reader) {
    let mut group = criterion.benchmark_group("poll");
    group.throughput(Throughput::Bytes(TICK_BYTES as u64));
    group.bench_function("copy", |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, reader, |reader| {
                let mut sum = 0_u64;
                while let Poll::Record(record) = reader.poll() {
                    sum = sum.wrapping_add(order_id(record.get::<Mbo>()));
                }
                sum
            })
        });
    });
    // Whole records, so that what the copy is for is part of the time.
    group.bench_function("copy and keep", |bencher| {
        let mut kept = vec![workload::tick(0, 0); HOT_RECORDS];
        bencher.iter_custom(|iters| {
            time(iters, reader, |reader| {
                for to in &mut kept {
                    if let Some(tick) = reader.poll().record().and_then(|r| r.get::<Mbo>().copied())
                    {
                        *to = tick;
                    }
                }
                black_box(&kept).iter().map(|tick| tick.order_id).sum()
            })
        });
    });
    let mut batch = Batch::new();
    group.bench_function("batch 256", |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, reader, |reader| {
                assert_eq!(reader.poll_batch(&mut batch, HOT_RECORDS), Poll::Record(HOT_RECORDS));
                batch.iter().map(|record| order_id(record.get::<Mbo>())).sum()
            })
        });
    });
    group.bench_function("view 256", |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, reader, |reader| {
                // Word 2 of the record is the order id, behind the header's two.
                let sum = reader.view(HOT_RECORDS, |view| {
                    view.iter().map(|record| record.word(2)).fold(0, u64::wrapping_add)
                });
                sum.record().unwrap_or(0)
            })
        });
    });
    group.bench_function("view 256 and keep", |bencher| {
        let mut kept = vec![workload::tick(0, 0); HOT_RECORDS];
        bencher.iter_custom(|iters| {
            time(iters, reader, |reader| {
                let done = reader.view(HOT_RECORDS, |view| {
                    for (to, record) in kept.iter_mut().zip(view.iter()) {
                        *to = record.read();
                    }
                });
                assert_eq!(done, Poll::Record(()));
                black_box(&kept).iter().map(|tick| tick.order_id).sum()
            })
        });
    });
    group.finish();
}

fn limit(criterion: &mut Criterion, reader: &mut Reader) {
    let mut group = criterion.benchmark_group("poll");
    group.throughput(Throughput::Bytes(TICK_BYTES as u64));
    let source = vec![[1_u64; TICK_BYTES / 8]; HOT_RECORDS];
    let mut target = vec![[0_u64; TICK_BYTES / 8]; HOT_RECORDS];
    group.bench_function("memcpy", |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, reader, |_| {
                black_box(&mut target).copy_from_slice(black_box(&source));
                SUM
            })
        });
        assert!(target == source, "the bytes were copied");
    });
    group.finish();
}

fn empty(criterion: &mut Criterion, reader: &mut Reader) {
    reader.seek(Start::Latest).expect("only tokens are refused");
    criterion.bench_function("poll/empty", |bencher| {
        bencher.iter_custom(|iters| {
            let begin = Instant::now();
            let empty = (0..iters).filter(|_| matches!(reader.poll(), Poll::Empty)).count();
            let elapsed = begin.elapsed();
            assert_eq!(empty as u64, iters);
            elapsed
        });
    });
}
