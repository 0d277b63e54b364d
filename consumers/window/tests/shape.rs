//! Shapes: what they depend on and what they do not, and the consumer between two rings.

use crate::allocations;
use proptest::prelude::*;
use tickring::record::{Record, UNDEF_PRICE, Vector, WindowBar, window_flag};
use tickring::{Directory, Poll, Reader, RingName, RingSpec, Start, Writer};
use tickring_window::Progress;
use tickring_window::shape::{
    ShapeConsumer, ShapeCounts, ShapeEncoder, ShapeError, ShapeOptions, ShapeRings,
};

/// Shapes of all three parts.
fn all(bars: u16) -> ShapeOptions {
    ShapeOptions { bars, closes: 1.0, returns: 2.0, volumes: 0.5, ..ShapeOptions::default() }
}

fn bar(instrument_id: u32, n: u64, close: i64, volume: u64) -> WindowBar {
    let mut bar = WindowBar {
        start_ns: n * 100,
        end_ns: n * 100 + 100,
        close,
        volume,
        flags: window_flag::FINAL,
        ..WindowBar::empty(1, instrument_id, n * 100 + 100)
    };
    bar.count = 1;
    bar
}

/// The lanes after these bars, if there are any.
fn lanes(options: ShapeOptions, points: &[(i64, u64)]) -> Option<Vec<f32>> {
    let mut encoder = ShapeEncoder::new(options).unwrap();
    let mut found = None;
    for (n, (close, volume)) in (0..).zip(points) {
        found = encoder.push(n, &bar(7, n, *close, *volume)).map(|shape| shape.lanes.to_vec());
    }
    found
}

/// The lanes as the table in the module's documentation gives them.
fn model(options: &ShapeOptions, points: &[(i64, u64)]) -> Vec<f64> {
    let closes: Vec<f64> = points.iter().map(|(close, _)| *close as f64).collect();
    let mean = closes.iter().sum::<f64>() / closes.len() as f64;
    let parts = [
        (options.closes, closes.iter().map(|close| close - mean).collect::<Vec<_>>()),
        (options.returns, closes.windows(2).map(|pair| pair[1].ln() - pair[0].ln()).collect()),
        (options.volumes, points.iter().map(|(_, volume)| *volume as f64).collect()),
    ];
    let mut lanes = Vec::new();
    for (weight, values) in parts.into_iter().filter(|(weight, _)| *weight > 0.0) {
        let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
        let scale = if norm > 0.0 { f64::from(weight) / norm } else { 0.0 };
        lanes.extend(values.into_iter().map(|value| value * scale));
    }
    lanes
}

fn is_near(left: &[f32], right: impl IntoIterator<Item = f64>, limit: f64) -> bool {
    let right: Vec<f64> = right.into_iter().collect();
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| (f64::from(*left) - right).abs() <= limit)
}

fn points() -> impl Strategy<Value = Vec<(i64, u64)>> {
    proptest::collection::vec((1_000..100_000_000_i64, 0..1_000_000_u64), 8..40)
}

proptest! {
    #[test]
    fn lanes_are_those_of_the_plain_formula_over_the_last_bars(
        points in points(),
        bars in 4..9_u16,
    ) {
        let options = all(bars);
        let found = lanes(options, &points).unwrap();
        let last = &points[points.len() - usize::from(bars)..];
        // Small returns lose digits in a difference of logarithms.
        prop_assert!(is_near(&found, model(&options, last), 1e-5));
    }

    #[test]
    fn adding_to_all_prices_changes_no_bit_of_the_closes(
        points in points(),
        shift in -1_000..1_i64 << 40,
    ) {
        let options = ShapeOptions { bars: 8, volumes: 0.0, ..ShapeOptions::default() };
        let shifted: Vec<_> = points.iter().map(|(c, v)| (c + shift, *v)).collect();
        prop_assert_eq!(lanes(options, &shifted), lanes(options, &points));
    }

    #[test]
    fn the_scale_of_prices_and_of_volumes_does_not_matter(
        points in points(),
        price in 1..100_000_i64,
        volume in 1..100_000_u64,
    ) {
        let scaled: Vec<_> = points.iter().map(|(c, v)| (c * price, v * volume)).collect();
        let plain = lanes(all(8), &points).unwrap();
        let found = lanes(all(8), &scaled).unwrap();
        prop_assert!(is_near(&found, plain.into_iter().map(f64::from), 1e-6));
    }

    #[test]
    fn each_part_has_its_weight_as_norm_or_is_zero(points in points()) {
        let found = lanes(all(8), &points).unwrap();
        for (weight, part) in [(1.0, &found[..8]), (2.0, &found[8..15]), (0.5, &found[15..])] {
            let norm = part.iter().map(|lane| f64::from(*lane).powi(2)).sum::<f64>().sqrt();
            prop_assert!(norm == 0.0 || (norm - weight).abs() < 1e-6, "{norm} for {weight}");
        }
    }

    #[test]
    fn instruments_do_not_touch_each_other(points in points(), order in any::<u64>()) {
        let mut encoder = ShapeEncoder::new(all(8)).unwrap();
        let mut seq = 0;
        for (n, (close, volume)) in (0..).zip(&points) {
            for other in 0..order >> (n % 60) & 3 {
                let _ = encoder.push(seq, &bar(8, n * 4 + other, close * 3, 1));
                seq += 1;
            }
            let _ = encoder.push(seq, &bar(7, n, *close, *volume));
            seq += 1;
        }
        let (close, volume) = points[0];
        let n = points.len() as u64;
        let last = encoder.push(seq, &bar(7, n, close, volume)).unwrap().lanes.to_vec();
        let alone: Vec<_> = points.iter().copied().chain([points[0]]).collect();
        prop_assert_eq!(Some(last), lanes(all(8), &alone));
    }
}

#[test]
fn lanes_go_from_the_oldest_bar_to_the_newest() {
    let options = ShapeOptions { bars: 8, closes: 0.0, volumes: 1.0, ..ShapeOptions::default() };
    let mut points = [(5, 0); 10];
    points[9].1 = 9;
    assert_eq!(lanes(options, &points).unwrap(), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(lanes(options, &points[..9]).unwrap(), [0.0; 8], "no volume is no direction");
    assert_eq!(lanes(options, &points[..7]), None);
}

#[test]
fn a_flat_price_has_a_shape_of_zeros() {
    let options = ShapeOptions { bars: 8, returns: 1.0, volumes: 0.0, ..ShapeOptions::default() };
    assert_eq!(lanes(options, &[(5, 1); 8]).unwrap(), [0.0; 15]);
}

#[test]
fn a_vector_tells_its_bar_its_encoder_and_its_norm() {
    let options = ShapeOptions { model_id: 3, generation: 9, ..all(8) };
    let mut encoder = ShapeEncoder::new(options).unwrap();
    let mut last = None;
    for n in 0..8 {
        let shape = encoder.push(50 + n, &bar(7, n, 1 + i64::try_from(n * n).unwrap(), n));
        last = shape.map(|shape| (shape.vector, shape.lanes.to_vec()));
    }
    let (vector, lanes) = last.unwrap();
    assert_eq!((vector.vec_id, vector.src_seq), (57, 57));
    assert_eq!((vector.header.instrument_id, vector.header.ts_event), (7, 800));
    assert_eq!((vector.dim, lanes.len(), vector.dtype), (23, 23, 0));
    assert_eq!((vector.model_id, vector.generation), (3, 9));
    let norm = (1.0 + 4.0 + 0.25_f64).sqrt();
    assert!((f64::from(vector.norm) - norm).abs() < 1e-6, "{}", vector.norm);
}

#[test]
fn a_revision_gives_no_vector_and_counts_in_those_that_follow() {
    let mut encoder = ShapeEncoder::new(ShapeOptions { bars: 8, ..all(8) }).unwrap();
    let points: Vec<(i64, u64)> = (0..9).map(|n| (100 + n * n, 5)).collect();
    for n in 0..8_u64 {
        let (close, volume) = points[usize::try_from(n).unwrap()];
        assert_eq!(encoder.push(n, &bar(7, n, close, volume)).is_some(), n == 7);
    }
    let revised = WindowBar { revision: 1, ..bar(7, 4, 200, 6) };
    assert_eq!(encoder.push(8, &revised), None);
    let next = encoder.push(9, &bar(7, 8, points[8].0, 5)).unwrap().lanes.to_vec();
    let mut expected = points;
    expected[4] = (200, 6);
    assert_eq!(Some(next), lanes(all(8), &expected));
    assert_eq!(encoder.counts().revised, 1);
}

#[test]
fn what_gives_no_vector_is_counted() {
    let options = ShapeOptions { instruments: 1, only_final: true, ..all(8) };
    let mut encoder = ShapeEncoder::new(options).unwrap();
    for n in 0..8 {
        let close = if n == 3 { -5 } else { 100 };
        assert_eq!(encoder.push(n, &bar(7, n, close, 1)), None);
    }
    assert_eq!(encoder.push(8, &bar(8, 1, 5, 1)), None);
    assert_eq!(encoder.push(9, &WindowBar { flags: 0, ..bar(7, 9, 5, 1) }), None);
    assert_eq!(encoder.push(10, &WindowBar { close: UNDEF_PRICE, ..bar(7, 2, 5, 1) }), None);
    let expected =
        ShapeCounts { bars: 11, unpriced: 1, unlisted: 1, ignored: 2, ..ShapeCounts::default() };
    assert_eq!(encoder.counts(), expected);
}

#[test]
fn options_that_give_no_vector_are_refused() {
    let lanes = |options: ShapeOptions| ShapeEncoder::new(options).err();
    let only = ShapeOptions { closes: 1.0, returns: 0.0, volumes: 0.0, ..ShapeOptions::default() };
    for (bars, found) in [(7, 7), (0, 0), (4097, 4097)] {
        match lanes(ShapeOptions { bars, ..only }) {
            Some(ShapeError::Lanes { found: lanes, .. }) => assert_eq!(lanes, found),
            other => panic!("{bars}: {other:?}"),
        }
    }
    assert!(lanes(ShapeOptions { bars: 4096, instruments: 1, ..only }).is_none());
    assert!(lanes(ShapeOptions { closes: 0.0, ..only }).is_some(), "no part");
    for weight in [-1.0, f32::NAN, f32::INFINITY] {
        match lanes(ShapeOptions { volumes: weight, ..only }) {
            Some(ShapeError::Weight { part, .. }) => assert_eq!(part, "volumes"),
            other => panic!("{weight}: {other:?}"),
        }
    }
}

#[test]
fn bars_of_many_instruments_allocate_nothing() {
    let mut encoder = ShapeEncoder::new(ShapeOptions { instruments: 500, ..all(16) }).unwrap();
    let count = allocations::during(|| {
        for n in 0..40 {
            for instrument in 0..600 {
                let close = 1_000 + i64::from(instrument) + i64::try_from(n).unwrap();
                let _ = encoder.push(n, &bar(instrument, n, close, n));
            }
        }
    });
    assert_eq!(count, 0);
    assert_eq!((encoder.counts().vectors, encoder.counts().unlisted), (25 * 500, 40 * 100));
}

struct Bus {
    _root: tempfile::TempDir,
    directory: Directory,
    bars: RingName,
    vectors: RingName,
}

impl Bus {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::at(root.path());
        let name = |ring| RingName::new("test", ring).unwrap();
        Self { directory, bars: name("bars"), vectors: name("vectors"), _root: root }
    }

    fn writer(&self, capacity: u64) -> Writer {
        let spec = RingSpec { capacity, ..RingSpec::new(WindowBar::kinds()).unwrap() };
        Writer::open(&self.directory, &self.bars, &spec).unwrap()
    }

    fn consumer(&self) -> ShapeConsumer {
        let rings = ShapeRings {
            bars: &self.bars,
            start: Start::Oldest,
            vectors: &self.vectors,
            capacity: 256,
        };
        ShapeConsumer::open(&self.directory, rings, all(8)).unwrap()
    }

    fn sources(&self) -> Vec<u64> {
        let mut reader = Reader::open(&self.directory, &self.vectors, Start::Oldest).unwrap();
        let mut sources = Vec::new();
        loop {
            match reader.poll() {
                Poll::Record(record) => sources.extend(record.get::<Vector>().map(|it| it.src_seq)),
                Poll::Empty | Poll::Closed(_) => return sources,
                _ => {}
            }
        }
    }
}

fn run(consumer: &mut ShapeConsumer) -> Progress {
    loop {
        match consumer.run_once().unwrap() {
            Progress::Advanced(_) => {}
            other => return other,
        }
    }
}

#[test]
fn a_consumer_that_is_started_again_publishes_each_vector_once() {
    let bus = Bus::new();
    let mut writer = bus.writer(64);
    let mut consumer = bus.consumer();
    for n in 0..20 {
        writer.publish(&bar(7, n, 100 + i64::try_from(n % 5).unwrap(), n)).unwrap();
        if n == 12 {
            assert_eq!(run(&mut consumer), Progress::Idle);
            drop(consumer);
            consumer = bus.consumer();
        }
    }
    writer.close();
    assert_eq!(run(&mut consumer), Progress::Ended);
    assert_eq!(bus.sources(), (7..20).collect::<Vec<_>>());
}

#[test]
fn bars_that_were_missed_begin_the_shapes_anew() {
    let bus = Bus::new();
    let mut writer = bus.writer(64);
    let mut consumer = bus.consumer();
    for n in 0..10 {
        writer.publish(&bar(7, n, 100, n)).unwrap();
    }
    assert_eq!(run(&mut consumer), Progress::Idle);
    for n in 10..200 {
        writer.publish(&bar(7, n, 100, n)).unwrap();
    }
    assert_eq!(run(&mut consumer), Progress::Idle);
    let sources = bus.sources();
    assert!(consumer.missed() > 0);
    let resumed = 10 + consumer.missed();
    let expected: Vec<u64> = (7..10).chain(resumed + 7..200).collect();
    assert_eq!(sources, expected);
}
