//! What decoding, normalising and publishing a file costs, beside peers that decode it only.
//!
//! All figures are for one message or record: files lie in memory, rings are there already.

use criterion::{Criterion, Throughput};
use dbn::decode::{DbnMetadata, DecodeRecord, DynDecoder};
use dbn::encode::dbn::MetadataEncoder;
use dbn::{MetadataBuilder, SType, Schema, VersionUpgradePolicy, v3};
use std::fs;
use std::hint::black_box;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tickring::Directory;
use tickring_benches::workload;
use tickring_producer::pipeline::{Feed, FeedOptions};
use tickring_producer::source::dbn::DbnSource;
use tickring_producer::source::itch::{ItchOptions, ItchSource};
use tickring_producer::source::{Progress, Source};
use tickring_producer::wire::itch50::{
    AddOrder, Header, OrderCancel, OrderDelete, OrderExecuted, OrderReplace,
};
use zerocopy::IntoBytes;

/// Messages and records of a file.
const COUNT: u64 = 1 << 19;
/// Inputs between two movements of `published`, as the command line has it.
const BUDGET: usize = 256;
/// Orders that rest at any time, at most.
const RESTING: usize = 20_000;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .sample_size(10)
        .configure_from_args();
    let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let root = root.expect("a temporary directory");
    itch(&mut criterion, &root);
    dbn(&mut criterion, &root);
    criterion.final_summary();
}

/// Runs `pass` over a whole file often enough for `iters` inputs, and says how long one took,
/// times `iters`. What it gives is how long it took, and what it counted.
fn time(iters: u64, mut pass: impl FnMut() -> (Duration, u64)) -> Duration {
    let passes = iters.div_ceil(COUNT);
    let mut elapsed = Duration::ZERO;
    for _ in 0..passes {
        let (took, count) = black_box(pass());
        assert_eq!(count, COUNT, "the whole file was read");
        elapsed += took;
    }
    elapsed.mul_f64(iters as f64 / (passes * COUNT) as f64)
}

/// Feeds a source to its rings; opening it and them takes no part.
fn feed<S: Source>(root: &Path, source: S) -> (Duration, u64) {
    let options = FeedOptions::new(Directory::at(root.join("bus")), "bench");
    let mut feed = Feed::open(source, &options).expect("rings of its own");
    let begin = Instant::now();
    let mut count = 0;
    while let Progress::Advanced(inputs) = feed.run_once(BUDGET).expect("a whole file") {
        count += inputs as u64;
    }
    (begin.elapsed(), count)
}

fn itch(criterion: &mut Criterion, root: &TempDir) {
    let path = root.path().join("day.itch");
    let bytes = itch_day();
    fs::write(&path, &bytes).expect("room for a file");
    let mut group = criterion.benchmark_group("source/itch");
    group.throughput(Throughput::Elements(1));
    group.bench_function("to ring", |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, || {
                let source = ItchSource::open(&path, &ItchOptions::default()).expect("the file");
                feed(root.path(), source)
            })
        });
    });
    group.bench_function("itchy, decoding only", |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, || {
                let begin = Instant::now();
                let mut count = 0;
                for message in itchy::MessageStream::from_reader(Cursor::new(black_box(&bytes))) {
                    black_box(message.expect("a message"));
                    count += 1;
                }
                (begin.elapsed(), count)
            })
        });
    });
    group.finish();
}

fn dbn(criterion: &mut Criterion, root: &TempDir) {
    let plain = root.path().join("session.dbn");
    let bytes = dbn_session();
    fs::write(&plain, &bytes).expect("room for a file");
    let compressed = root.path().join("session.dbn.zst");
    let frame = zstd::encode_all(bytes.as_slice(), 0).expect("compressed bytes");
    fs::write(&compressed, frame).expect("room for a file");
    for (name, path) in [("source/dbn", plain), ("source/dbn.zst", compressed)] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(1));
        group.bench_function("to ring", |bencher| {
            bencher.iter_custom(|iters| {
                time(iters, || feed(root.path(), DbnSource::open(&path).expect("the file")))
            });
        });
        group.bench_function("dbn, decoding only", |bencher| {
            bencher.iter_custom(|iters| time(iters, || decode(&path)));
        });
        group.finish();
    }
}

/// Decodes a file by the library that the format comes with.
fn decode(path: &PathBuf) -> (Duration, u64) {
    let mut decoder = DynDecoder::from_file(path, VersionUpgradePolicy::AsIs).expect("the file");
    assert_eq!(decoder.metadata().version, 3);
    let begin = Instant::now();
    let mut count = 0;
    while let Some(record) = decoder.decode_record::<v3::MboMsg>().expect("a record") {
        black_box(record.order_id);
        count += 1;
    }
    (begin.elapsed(), count)
}

/// Orders as a version 3 file.
fn dbn_session() -> Vec<u8> {
    let metadata = MetadataBuilder::new()
        .version(3)
        .dataset("XNAS.ITCH".to_owned())
        .schema(Some(Schema::Mbo))
        .start(1)
        .stype_in(Some(SType::RawSymbol))
        .stype_out(SType::InstrumentId)
        .build();
    let mut bytes = Vec::new();
    MetadataEncoder::new(&mut bytes).encode(&metadata).expect("metadata");
    for seq in 0..COUNT {
        let tick = workload::tick(seq, seq);
        bytes.extend_from_slice(tick.as_bytes());
    }
    bytes
}

/// A day of orders that rest, are executed, cancelled and replaced, with true ids throughout.
fn itch_day() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut resting: Vec<u64> = Vec::new();
    let mut random = 1_u64;
    for number in 0..COUNT {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let choice = (random >> 33) % 100;
        let place = (random >> 40) as usize % resting.len().max(1);
        let header = |code| header(code, number, random >> 48);
        let is_full = resting.len() >= RESTING;
        let order = resting.get(place).copied();
        match order {
            Some(order) if choice < 8 => {
                let (order_reference, match_number) = (order.into(), number.into());
                let executed_shares = 1.into();
                let header = header(b'E');
                let body = OrderExecuted { header, order_reference, executed_shares, match_number };
                frame(&mut bytes, body.as_bytes());
            }
            Some(order) if choice < 12 => {
                let (order_reference, cancelled_shares) = (order.into(), 1.into());
                let body = OrderCancel { header: header(b'X'), order_reference, cancelled_shares };
                frame(&mut bytes, body.as_bytes());
            }
            Some(order) if choice < 20 => {
                if let Some(order) = resting.get_mut(place) {
                    *order = number;
                }
                let body = OrderReplace {
                    header: header(b'U'),
                    original_order_reference: order.into(),
                    new_order_reference: number.into(),
                    shares: 1_000_000.into(),
                    price: 1_000_100.into(),
                };
                frame(&mut bytes, body.as_bytes());
            }
            Some(order) if choice < 55 || is_full => {
                resting.swap_remove(place);
                let body = OrderDelete { header: header(b'D'), order_reference: order.into() };
                frame(&mut bytes, body.as_bytes());
            }
            _ => {
                resting.push(number);
                let body = AddOrder {
                    header: header(b'A'),
                    order_reference: number.into(),
                    side: if choice.is_multiple_of(2) { b'B' } else { b'S' },
                    shares: 1_000_000.into(),
                    stock: *b"TICKRING",
                    price: 1_000_000.into(),
                };
                frame(&mut bytes, body.as_bytes());
            }
        }
    }
    bytes
}

fn header(message_type: u8, number: u64, stock: u64) -> Header {
    let [_, _, timestamp @ ..] = (number * 1_000).to_be_bytes();
    let stock_locate = u16::try_from(stock % 8_000).unwrap_or(0).into();
    Header { message_type, stock_locate, tracking_number: 0.into(), timestamp }
}

/// Puts a message into a BinaryFILE.
fn frame(bytes: &mut Vec<u8>, message: &[u8]) {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(message);
}
