//! What decoding, normalising and publishing a file costs, beside peers that decode it only.
//!
//! All figures are for one message or record: files lie in memory, rings are there already.

use criterion::{Criterion, Throughput};
use dbn::decode::{DbnMetadata, DecodeRecord, DynDecoder};
use dbn::encode::dbn::MetadataEncoder;
use dbn::{MetadataBuilder, SType, Schema, VersionUpgradePolicy, v3};
use itch5::messages::{AddOrderNoMPIDAttribution, OrderExecuted};
use std::fs;
use std::hint::black_box;
use std::io::Cursor;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tickring::Directory;
use tickring_benches::workload;
use tickring_producer::pace::Pace;
use tickring_producer::pipeline::{Feed, FeedOptions};
use tickring_producer::play::udp::{UdpPlayer, UdpPlayerOptions};
use tickring_producer::sink::binary_file::BinaryFileWriter;
use tickring_producer::sink::itch::ItchWriter;
use tickring_producer::source::dbn::DbnSource;
use tickring_producer::source::itch::{ItchOptions, ItchSource};
use tickring_producer::source::simulator::{Simulator, SimulatorOptions};
use tickring_producer::source::udp::{LineOptions, UdpOptions, UdpSource};
use tickring_producer::source::{Progress, Source};
use zerocopy::IntoBytes;

/// Records of a DBN file.
const COUNT: u64 = 1 << 19;
/// Messages of an ITCH file that take no part: orders that rest when the day begins, for which
/// tables grow. They are whole steps of a feed.
const OPENING: u32 = 1 << 20;
/// Inputs between two movements of `published`, as the command line has it.
const BUDGET: usize = 256;

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
    udp(&mut criterion, &root);
    criterion.final_summary();
}

/// Runs `pass`, which takes `whole` inputs, often enough for `iters`, and says how long one took,
/// times `iters`. What it gives is how long it took, and what it counted.
fn time(iters: u64, whole: u64, mut pass: impl FnMut() -> (Duration, u64)) -> Duration {
    let passes = iters.div_ceil(whole);
    let mut elapsed = Duration::ZERO;
    for _ in 0..passes {
        let (took, count) = black_box(pass());
        assert_eq!(count, whole, "all was read");
        elapsed += took;
    }
    elapsed.mul_f64(iters as f64 / (passes * whole) as f64)
}

/// Feeds a source to its rings; opening it and them takes no part, and neither do the first
/// `before` inputs.
fn feed<S: Source>(bus: (&Path, &str), source: S, before: u64) -> (Duration, u64) {
    let options = FeedOptions::new(Directory::at(bus.0), bus.1);
    let mut feed = Feed::open(source, &options).expect("rings of its own");
    let mut run = |most: u64| {
        let mut count = 0;
        while count < most
            && let Progress::Advanced(inputs) = feed.run_once(BUDGET).expect("a whole file")
        {
            count += inputs as u64;
        }
        count
    };
    run(before);
    let begin = Instant::now();
    let count = run(u64::MAX);
    (begin.elapsed(), count)
}

fn itch(criterion: &mut Criterion, root: &TempDir) {
    for instruments in [100, 8_000] {
        let bytes = simulated_day(instruments);
        let path = root.path().join("day.itch");
        fs::write(&path, &bytes).expect("room for a file");
        let (_, whole) = itchy(&bytes);
        let session = behind_opening(&bytes);
        assert_eq!(lengths(session).1, whole, "the same messages");
        let mut group = criterion.benchmark_group(format!("source/itch/{instruments} stocks"));
        group.throughput(Throughput::Elements(1));
        group.bench_function("to ring", |bencher| {
            bencher.iter_custom(|iters| {
                time(iters, whole, || {
                    let source = ItchSource::open(&path, &ItchOptions::default());
                    feed((root.path(), "itch"), source.expect("the file"), OPENING.into())
                })
            });
        });
        group.bench_function("itchy, decoding only", |bencher| {
            bencher.iter_custom(|iters| time(iters, whole, || itchy(&bytes)));
        });
        group.bench_function("itch5, two types viewed only", |bencher| {
            bencher.iter_custom(|iters| time(iters, whole, || (itch5(session), whole)));
        });
        group.bench_function("lengths only", |bencher| {
            bencher.iter_custom(|iters| time(iters, whole, || lengths(session)));
        });
        group.finish();
    }
}

/// Decodes a file, behind its opening, by the library that is named so.
fn itchy(bytes: &[u8]) -> (Duration, u64) {
    let mut messages = itchy::MessageStream::from_reader(Cursor::new(black_box(bytes)));
    for _ in 0..OPENING {
        black_box(messages.next().expect("enough messages").expect("a message"));
    }
    let begin = Instant::now();
    let mut count = 0;
    for message in messages {
        black_box(message.expect("a message"));
        count += 1;
    }
    (begin.elapsed(), count)
}

/// What stands in a file behind its opening.
fn behind_opening(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    for _ in 0..OPENING {
        rest = behind_message(rest).expect("enough messages");
    }
    rest
}

/// What stands behind the first message; `None` where there is none.
fn behind_message(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.get(usize::from(u16::from_be_bytes(*length))..)
}

/// Goes over messages by their lengths, and looks at none.
fn lengths(session: &[u8]) -> (Duration, u64) {
    let begin = Instant::now();
    let (mut rest, mut count) = (black_box(session), 0);
    while let Some(behind) = behind_message(rest) {
        rest = behind;
        count += 1;
    }
    (begin.elapsed(), count)
}

/// Adds and executions, as the library that is named so views them; all else it passes over.
#[derive(Default)]
struct Volume(u64);

impl itch5::MessageHandler for Volume {
    fn on_add_order_no_mpid_attribution(
        &mut self,
        message: &AddOrderNoMPIDAttribution,
    ) -> ControlFlow<()> {
        self.0 += u64::from(message.shares());
        ControlFlow::Continue(())
    }

    fn on_order_executed(&mut self, message: &OrderExecuted) -> ControlFlow<()> {
        self.0 += u64::from(message.executed_shares());
        ControlFlow::Continue(())
    }
}

fn itch5(session: &[u8]) -> Duration {
    let mut volume = Volume::default();
    let begin = Instant::now();
    itch5::Parser::new(black_box(session)).parse_stream(&mut volume).expect("messages");
    black_box(volume.0);
    begin.elapsed()
}

/// Packets of 40 messages, of which the kernel holds 32 before the first is taken: what one core
/// takes in while nothing is lost. Sending takes no part. Beside it the system call alone, with one
/// call a packet.
fn udp(criterion: &mut Criterion, root: &TempDir) {
    let path = root.path().join("day.itch");
    fs::write(&path, simulated_day(100)).expect("room for a file");
    let mut group = criterion.benchmark_group("source/udp");
    group.throughput(Throughput::Elements(1));
    group.bench_function("to ring", |bencher| bencher.iter_custom(|iters| received(&path, iters)));
    group.bench_function("recv, nothing else", |bencher| {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("a socket that does not block");
        bencher.iter_custom(|iters| {
            let mut player = player(&path, socket.local_addr().expect("its address"));
            let mut packet = [0; 2048];
            rounds(iters, &mut player, || while socket.recv(black_box(&mut packet)).is_ok() {})
        });
    });
    group.finish();
}

/// Takes `iters` messages from a socket to the ring, and says how long that took.
fn received(path: &Path, iters: u64) -> Duration {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let folder = folder.expect("a temporary directory");
    let line = LineOptions::new(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
    let source = UdpOptions { first: Some(1), ..UdpOptions::new(vec![line]) };
    let source = UdpSource::open(&source).expect("a socket");
    let address = source.addresses().expect("its address").remove(0);
    let options = FeedOptions::new(Directory::at(folder.path()), "udp");
    let mut feed = Feed::open(source, &options).expect("rings of its own");
    let mut player = player(path, address);
    let took = rounds(iters, &mut player, || {
        while let Progress::Advanced(_) = feed.run_once(BUDGET).expect("packets") {}
    });
    let summary = feed.close();
    assert!(summary.source.anomalies.is_empty(), "nothing was lost: {:?}", summary.source);
    took
}

fn player(path: &Path, address: SocketAddr) -> UdpPlayer {
    let SocketAddr::V4(address) = address else { unreachable!("it was opened so") };
    let options =
        UdpPlayerOptions { pace: Pace::Max, ..UdpPlayerOptions::new(path, vec![address]) };
    let mut player = UdpPlayer::open(&options).expect("a file and a socket");
    // The first step sends a heartbeat, the second begins to play.
    let _ = player.run_once(0).expect("a heartbeat");
    player
}

/// Sends messages by packets and times what takes them, for `iters` of them.
fn rounds(iters: u64, player: &mut UdpPlayer, mut take: impl FnMut()) -> Duration {
    const MESSAGES: usize = 32 * 40;
    let (mut sent, mut elapsed) = (0, Duration::ZERO);
    while sent < iters {
        match player.run_once(MESSAGES).expect("a line") {
            Progress::Advanced(messages) => sent += messages as u64,
            Progress::Idle => {}
            Progress::End => break,
        }
        let begin = Instant::now();
        take();
        elapsed += begin.elapsed();
    }
    elapsed.mul_f64(iters as f64 / sent as f64)
}

/// A session of stocks of which some trade often and most seldom.
fn simulated_day(instruments: u32) -> Vec<u8> {
    let options = SimulatorOptions {
        instruments,
        events_per_second: 1_000_000.0,
        count: Some(3 * u64::from(OPENING)),
        ..SimulatorOptions::default()
    };
    let mut simulator = Simulator::new(&options).expect("options in range");
    let file = BinaryFileWriter::new(Path::new("in memory"), Vec::new());
    let mut writer = ItchWriter::new(file);
    while simulator.poll(&mut writer, BUDGET).expect("a market") != Progress::End {}
    let (file, _) = writer.finish().expect("messages");
    let mut bytes = file.finish().expect("bytes");
    // The peer takes the mark at the end for a message.
    bytes.truncate(bytes.len() - 2);
    bytes
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
                time(iters, COUNT, || {
                    feed((root.path(), "dbn"), DbnSource::open(&path).expect("the file"), 0)
                })
            });
        });
        group.bench_function("dbn, decoding only", |bencher| {
            bencher.iter_custom(|iters| time(iters, COUNT, || decode(&path)));
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
