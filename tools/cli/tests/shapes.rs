//! Shapes of bars and the matcher, joined by a ring: a market that repeats itself is recognised.

use std::collections::HashMap;
use tickring::record::{Match, Record, WindowBar};
use tickring::{Directory, Poll, Reader, RingName, RingSpec, Start, Writer};
use tickring_ann::{Matcher, MatcherOptions, Metric};
use tickring_window::shape::{ShapeConsumer, ShapeOptions, ShapeRings};

/// Bars of a shape.
const BARS: u64 = 16;
/// Bars of each instrument.
const COUNT: u64 = 200;
const INSTRUMENTS: u32 = 5;
/// Where the pattern ends, first in one instrument and later in another.
const PLANTED: [(u32, u64); 2] = [(2, 60), (4, 150)];

/// Numbers that look random, from 0 to 199.
fn noise(instrument: u32, n: u64) -> i64 {
    // The end of SplitMix64: neighbours have nothing in common.
    let mut z = (u64::from(instrument) * 1_000_003 + n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    i64::try_from((z >> 40) % 200).unwrap()
}

fn bar(instrument: u32, n: u64, close: i64, volume: i64) -> WindowBar {
    WindowBar {
        start_ns: n * 1_000,
        end_ns: (n + 1) * 1_000,
        close,
        volume: volume.unsigned_abs(),
        ..WindowBar::empty(1, instrument, (n + 1) * 1_000)
    }
}

/// Close and volume of a bar: noise, but for the pattern, which the second instrument shows at
/// another price level, in another scale and in other numbers of shares.
fn point(instrument: u32, n: u64) -> (i64, i64) {
    for (repeat, (planted, end)) in (0..).zip(PLANTED) {
        let begin = end + 1 - BARS;
        if instrument == planted && (begin..=end).contains(&n) {
            let close = 10_000 + noise(99, n - begin);
            let volume = 1 + noise(98, n - begin);
            return if repeat == 0 { (close, volume) } else { (close * 7 - 33_000, volume * 40) };
        }
    }
    (10_000 + noise(instrument, n), 1 + noise(instrument + 50, n))
}

#[test]
fn a_shape_that_repeats_is_found_first() {
    let root = tempfile::tempdir().unwrap();
    let directory = Directory::at(root.path());
    let name = |ring| RingName::new("test", ring).unwrap();
    let (bars, vectors) = (name("bars"), name("vectors"));
    let spec = RingSpec { capacity: 1 << 11, ..RingSpec::new(WindowBar::kinds()).unwrap() };
    let mut writer = Writer::open(&directory, &bars, &spec).unwrap();
    let mut seqs = HashMap::new();
    for n in 0..COUNT {
        for instrument in 0..INSTRUMENTS {
            let (close, volume) = point(instrument, n);
            let seq = writer.publish(&bar(instrument, n, close, volume)).unwrap();
            seqs.insert((instrument, n), seq);
        }
    }
    writer.close();

    let bars_of = u16::try_from(BARS).unwrap();
    let options = ShapeOptions { bars: bars_of, volumes: 1.0, ..ShapeOptions::default() };
    let rings =
        ShapeRings { bars: &bars, start: Start::Oldest, vectors: &vectors, capacity: 1 << 11 };
    let mut shapes = ShapeConsumer::open(&directory, rings, options).unwrap();
    while shapes.run_once().unwrap() != tickring_window::Progress::Ended {}

    for (metric, ring) in [(Metric::L2, "nearest"), (Metric::Cosine, "similar")] {
        let matches = name(ring);
        let options = MatcherOptions {
            k: 3,
            metric,
            capacity: 1 << 13,
            start: Start::Oldest,
            ..MatcherOptions::default()
        };
        let mut matcher = Matcher::open(&directory, &vectors, &matches, options).unwrap();
        while matcher.run_once(1_000).unwrap() != tickring_ann::Progress::Ended {}
        let mut answers = Reader::open(&directory, &matches, Start::Oldest).unwrap();
        let mut found = Vec::new();
        while let Poll::Record(record) = answers.poll() {
            let answer = record.get::<Match>().unwrap();
            if answer.query_id == seqs[&PLANTED[1]] {
                found.push((answer.rank, answer.match_id, answer.distance));
            }
        }
        let [(_, first, near), (_, _, next), _] = found[..] else { panic!("{found:?}") };
        assert_eq!(first, seqs[&PLANTED[0]], "{metric}");
        assert!(near < 1e-6 && next > 0.1, "{metric}: {found:?}");
    }
}
