//! Inner products in place, beside the same arithmetic over an ordinary slice, the same after a
//! copy, and the copy alone. All in the first cache, all for one vector.

use criterion::{BenchmarkId, Criterion, Throughput};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tickring::{Reader, View};
use tickring_benches::plain;
use tickring_benches::workload::{self, Load};

/// Vectors that are looked at again and again: 25 KiB of slots at 768 lanes.
const HOT: u64 = 8;
const HOT_VECTORS: usize = 8;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .configure_from_args();
    for dim in [32, 128, 768] {
        dot(&mut criterion, dim);
    }
    criterion.final_summary();
}

/// A ring with the hot vectors, and a reader of it.
fn filled(load: Load, dim: u16, all: &[Vec<f32>]) -> (TempDir, Reader) {
    let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let root = root.expect("a temporary directory");
    let mut writer = load.writer(root.path()).expect("a new ring");
    for (seq, lanes) in (0..HOT).zip(all) {
        let mut claim = writer.claim();
        claim.write(&workload::vector(seq, dim)).expect("the ring holds vectors");
        claim.write_lanes(lanes).expect("the slot holds the lanes");
        claim.commit();
    }
    let reader = load.reader(root.path()).expect("the ring");
    (root, reader)
}

/// Runs `pass` over all hot vectors often enough for `iters` of them, checks the sum of the
/// inner products that it gives, and says how long one took, times `iters`.
fn time(iters: u64, expected: f32, mut pass: impl FnMut() -> f32) -> Duration {
    let passes = iters.div_ceil(HOT);
    let begin = Instant::now();
    for _ in 0..passes {
        // Sums of small integers: exact in whatever order they are made.
        assert_eq!(black_box(pass()).to_bits(), expected.to_bits());
    }
    begin.elapsed().mul_f64(iters as f64 / (passes * HOT) as f64)
}

fn dot(criterion: &mut Criterion, dim: u16) {
    let load = Load::Vectors(dim);
    let all = workload::lanes(dim);
    let (_root, reader) = filled(load, dim, &all);
    let plain: Vec<f32> = all.iter().take(HOT_VECTORS).flatten().copied().collect();
    let query = vec![1.0_f32; usize::from(dim)];
    let expected: f32 = (0..HOT).map(|seq| workload::sum_of_lanes(seq, dim)).sum();
    let length = usize::from(dim);

    let mut group = criterion.benchmark_group("dot");
    group.throughput(Throughput::Bytes(4 * u64::from(dim)));
    let in_place = |view: &View<'_>| -> f32 {
        view.iter().map(|record| record.lanes().dot(black_box(&query))).sum()
    };
    group.bench_function(BenchmarkId::new("in place", dim), |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, expected, || reader.view_at(0, HOT_VECTORS, in_place).unwrap_or(0.0))
        });
    });
    group.bench_function(BenchmarkId::new("plain slice", dim), |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, expected, || {
                let vectors = black_box(plain.as_slice()).chunks_exact(length);
                vectors.map(|lanes| plain::dot(lanes, black_box(&query))).sum()
            })
        });
    });
    let mut copy = vec![0.0; length];
    group.bench_function(BenchmarkId::new("copied first", dim), |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, expected, || {
                let sum = reader.view_at(0, HOT_VECTORS, |view| {
                    let mut sum = 0.0;
                    for record in view.iter() {
                        record.lanes().copy_to(&mut copy);
                        sum += plain::dot(black_box(&copy), black_box(&query));
                    }
                    sum
                });
                sum.unwrap_or(0.0)
            })
        });
    });
    let mut target = vec![0.0; plain.len()];
    group.bench_function(BenchmarkId::new("memcpy", dim), |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, expected, || {
                for (to, from) in target.chunks_mut(length).zip(plain.chunks(length)) {
                    black_box(to).copy_from_slice(black_box(from));
                }
                expected
            })
        });
        assert_eq!(target, plain, "the lanes were copied");
    });
    group.finish();
}
