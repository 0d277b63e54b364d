//! What a message of a crypto venue costs from its text to records, beside what it costs to parse
//! it with general parsers and do nothing with it.
//!
//! All figures are for one message. Messages lie in memory, generated in the shape of recorded
//! ones, or recorded ones where TICKRING_DATA names their folder.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};
use tickring::record::{DeltaW, Gap, QuoteW, Record, TradeW};
use tickring::{Directory, RingName, RingSpec, Writer, WrongKind};
use tickring_producer::source::Sink;
use tickring_producer::venue::{Message, Normaliser, Venue};

#[path = "venues/generate.rs"]
mod generate;

/// Messages between two movements of the ring's `published`, as the command line has it.
const BUDGET: usize = 256;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .sample_size(10)
        .configure_from_args();
    let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let root = root.expect("a temporary directory");
    for (name, venue, messages) in generate::all() {
        let mut group = criterion.benchmark_group(format!("venue/{name}"));
        measure(&mut group, root.path(), venue, &messages);
        match venue {
            Venue::Kraken => {}
            _ => typed(&mut group, &messages),
        }
        group.finish();
    }
    for (name, venue, file) in [
        ("binance-coinm", Venue::BinanceCoinM, "hftbacktest/cm_btcusd_perp_20240808.gz"),
        ("binance", Venue::Binance, "hftbacktest/spot_btcusdt_20240808.gz"),
        ("kraken", Venue::Kraken, "cryptofeed/KRAKEN.ws.50.0.gz"),
        ("coinbase", Venue::Coinbase, "cryptofeed/COINBASE.ws.28.0.gz"),
    ] {
        let Some(messages) = recorded(file) else { continue };
        let mut group = criterion.benchmark_group(format!("venue/recorded {name}"));
        measure(&mut group, root.path(), venue, &messages);
        group.finish();
    }
    criterion.final_summary();
}

/// The messages of a recording, without their times; `None` if it is absent.
fn recorded(file: &str) -> Option<Vec<String>> {
    let path = Path::new(&std::env::var_os("TICKRING_DATA")?).join("crypto").join(file);
    let mut text = String::new();
    MultiGzDecoder::new(File::open(path).ok()?).read_to_string(&mut text).expect("a recording");
    let message = |line: &str| {
        let (_, message) = line.split_once(' ')?;
        matches!(message.as_bytes().first(), Some(b'{' | b'[')).then(|| message.to_owned())
    };
    Some(text.lines().filter_map(message).collect())
}

/// Our own path, and parsers of any JSON.
fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    root: &Path,
    venue: Venue,
    messages: &[String],
) {
    group.throughput(Throughput::Elements(1));
    let mut run = |name: &str, pass: &mut dyn FnMut()| {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iters| {
                let passes = iters.div_ceil(messages.len() as u64);
                let mut elapsed = Duration::ZERO;
                for _ in 0..passes {
                    let begin = Instant::now();
                    pass();
                    elapsed += begin.elapsed();
                }
                elapsed.mul_f64(iters as f64 / (passes * messages.len() as u64) as f64)
            });
        });
    };
    run("to records", &mut || normalise(venue, messages, &mut Records(0)));
    run("to ring", &mut || normalise(venue, messages, &mut Ring::open(root)));
    run("serde_json, a tree", &mut || {
        for message in messages {
            black_box(serde_json::from_str::<serde_json::Value>(message).expect("JSON"));
        }
    });
    run("sonic-rs, a tree", &mut || {
        for message in messages {
            black_box(sonic_rs::from_str::<sonic_rs::Value>(message).expect("JSON"));
        }
    });
}

/// Parsers that know the fields of a message, and leave numbers as text.
fn typed(group: &mut BenchmarkGroup<'_, WallTime>, messages: &[String]) {
    let is_wrapped = |message: &&String| message.starts_with("{\"stream\"");
    let wrapped: Vec<&String> = messages.iter().filter(is_wrapped).collect();
    group.bench_function("serde_json, typed", |bencher| {
        let mut lines = wrapped.iter().cycle();
        bencher.iter(|| {
            let line = lines.next().expect("an endless iterator");
            black_box(serde_json::from_str::<Wrapped<'_>>(line).expect("a message"));
        });
    });
    group.bench_function("sonic-rs, typed", |bencher| {
        let mut lines = wrapped.iter().cycle();
        bencher.iter(|| {
            let line = lines.next().expect("an endless iterator");
            black_box(sonic_rs::from_str::<Wrapped<'_>>(line).expect("a message"));
        });
    });
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is parsed is not used")]
struct Wrapped<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

/// The fields that records are made of.
#[derive(Deserialize)]
#[expect(dead_code, reason = "what is parsed is not used")]
struct Data<'a> {
    e: Option<&'a str>,
    #[serde(rename = "E")]
    sent: Option<u64>,
    #[serde(rename = "T")]
    time: Option<u64>,
    s: Option<&'a str>,
    #[serde(rename = "U")]
    first: Option<u64>,
    u: Option<u64>,
    pu: Option<u64>,
    t: Option<u64>,
    p: Option<&'a str>,
    q: Option<&'a str>,
    m: Option<bool>,
    #[serde(borrow, default)]
    b: Side<'a>,
    #[serde(borrow, default)]
    a: Side<'a>,
    #[serde(rename = "B")]
    bid_qty: Option<&'a str>,
    #[serde(rename = "A")]
    ask_qty: Option<&'a str>,
}

/// Levels of one side, or a price.
#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "what is parsed is not used")]
enum Side<'a> {
    Levels(#[serde(borrow)] Vec<[Cow<'a, str>; 2]>),
    Price(Cow<'a, str>),
}

impl Default for Side<'_> {
    fn default() -> Self {
        Self::Levels(Vec::new())
    }
}

/// Gives all messages to a new normaliser.
fn normalise<S: Flush>(venue: Venue, messages: &[String], sink: &mut S) {
    let mut normaliser = Normaliser::new(venue);
    let mut ts_recv = 1_900_000_000_000_000_000;
    for batch in messages.chunks(BUDGET) {
        for message in batch {
            ts_recv += 1_000;
            let message = Message { ts_recv, bytes: black_box(message.as_bytes()) };
            normaliser.message(message, sink).expect("a kind of the venue");
            while normaliser.drop_request() {}
        }
        sink.flush();
    }
    let malformed = normaliser.report().anomalies.iter().any(|c| c.name == "malformed message");
    assert!(!malformed, "all messages were understood");
}

trait Flush: Sink {
    fn flush(&mut self);
}

/// Takes records and does nothing with them.
struct Records(u64);

impl Sink for Records {
    #[inline]
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.0 += 1;
        black_box(record);
        Ok(())
    }

    fn definition<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        Ok(())
    }

    fn statistic<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        Ok(())
    }
}

impl Flush for Records {
    fn flush(&mut self) {}
}

/// Publishes records to a ring.
struct Ring(Writer);

impl Ring {
    fn open(root: &Path) -> Self {
        let kinds = [TradeW::kinds(), QuoteW::kinds(), DeltaW::kinds(), Gap::kinds()].concat();
        let spec = RingSpec::new(kinds).expect("built-in kinds");
        let name = RingName::new("bench", "ticks").expect("a name");
        let directory = Directory::at(root.join("bus"));
        Self(Writer::open(&directory, &name, &spec).expect("a ring of its own"))
    }
}

impl Sink for Ring {
    #[inline]
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.0.stage(record).map(drop)
    }

    fn definition<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        Ok(())
    }

    fn statistic<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        Ok(())
    }
}

impl Flush for Ring {
    fn flush(&mut self) {
        self.0.flush();
    }
}

/// Appends a number with so many decimals.
fn decimal(text: &mut String, mantissa: u64, decimals: usize) {
    let one = 10_u64.pow(u32::try_from(decimals).unwrap_or(0));
    let (whole, part) = (mantissa / one, mantissa % one);
    let _ = match decimals {
        0 => write!(text, "{whole}"),
        _ => write!(text, "{whole}.{part:0decimals$}"),
    };
}
