//! The consumer as a whole: modes, end of input, restarts, determinism, refusals.

use crate::rings::{Rings, publish, run, vector};
use tickring::record::{Match, Record, Trade};
use tickring::{Poll, Reader, RingName, RingSpec, Start, Writer};
use tickring_ann::{Error, Matcher, MatcherOptions, Metric, Mode, Progress, Queries};

/// Ten lanes that follow from the id and repeat themselves only after a long while.
fn lanes(id: u64) -> [f32; 10] {
    std::array::from_fn(|lane| (((id + 1) * (7 + 13 * lane as u64)) % 101) as f32)
}

fn feed(writer: &mut Writer, ids: std::ops::Range<u64>) {
    for id in ids {
        publish(writer, &vector(id, &lanes(id)), &lanes(id));
    }
}

fn from_oldest() -> MatcherOptions {
    MatcherOptions { k: 3, start: Start::Oldest, ..MatcherOptions::default() }
}

#[test]
fn registered_queries_are_answered_every_so_often_and_at_the_end() {
    let rings = Rings::new(10, 64);
    let mut writer = rings.writer();
    let queries = Queries::new(10, [lanes(4), lanes(22)].concat()).unwrap();
    let mode = Mode::Registered { queries, every: 10 };
    let mut matcher = rings.matcher(MatcherOptions { mode, ..from_oldest() });
    feed(&mut writer, 0..25);
    assert!(!run(&mut matcher));
    writer.close();
    assert!(run(&mut matcher));
    assert_eq!(matcher.run_once(1).unwrap(), Progress::Ended, "and stays ended");

    let found = rings.matches().drain();
    let asked: Vec<_> = found.chunks(3).map(|a| (a[0].query_id, a[0].ts_query)).collect();
    let (first, second, end) = (1_009, 1_019, 1_024);
    assert_eq!(
        asked,
        [(0, first), (1, first), (0, second), (1, second), (0, end), (1, end)],
        "by the event times of the vectors that caused the answers"
    );
    assert!(found.chunks(3).all(|a| a.iter().map(|m| m.rank).eq(0..3)));
    let nearest = |answer: usize| (found[answer * 3].match_id, found[answer * 3].distance);
    assert_eq!(nearest(0), (4, 0.0), "vector 4 was there at the first answer");
    assert_ne!(nearest(1).0, 22, "vector 22 was not");
    assert_eq!(nearest(5), (22, 0.0), "but was at the end");
    assert_eq!(matcher.stats().queries, 6);
}

#[test]
fn the_last_answer_is_not_given_twice() {
    let rings = Rings::new(10, 64);
    let mut writer = rings.writer();
    let queries = Queries::new(10, lanes(4).to_vec()).unwrap();
    let mode = Mode::Registered { queries, every: 5 };
    let mut matcher = rings.matcher(MatcherOptions { mode, ..from_oldest() });
    feed(&mut writer, 0..10);
    writer.close();
    assert!(run(&mut matcher));
    assert_eq!(matcher.stats().queries, 2);
}

#[test]
fn the_end_of_the_vectors_closes_the_matches() {
    let rings = Rings::new(10, 64);
    let mut writer = rings.writer();
    let mut matcher = rings.matcher(from_oldest());
    feed(&mut writer, 0..5);
    let mut matches = rings.matches();
    run(&mut matcher);
    assert_eq!(matches.drain().len(), 1 + 2 + 3 + 3);
    assert_eq!(matches.0.poll().map(|_| ()), Poll::Empty);
    writer.close();
    assert!(run(&mut matcher));
    assert!(matches!(matches.0.poll(), Poll::Closed(_)));
}

#[test]
fn a_budget_is_kept_and_a_second_call_goes_on() {
    let rings = Rings::new(10, 64);
    let mut writer = rings.writer();
    let mut matcher = rings.matcher(from_oldest());
    feed(&mut writer, 0..5);
    assert_eq!(matcher.run_once(3).unwrap(), Progress::Advanced(3));
    assert_eq!((matcher.cursor(), matcher.lag()), (3, 2));
    assert_eq!(matcher.run_once(3).unwrap(), Progress::Advanced(2));
    assert_eq!(matcher.run_once(3).unwrap(), Progress::Idle);
}

#[test]
fn a_match_says_who_asked_and_how_long_it_took() {
    let rings = Rings::new(10, 64);
    let mut writer = rings.writer();
    let mut matcher = rings.matcher(from_oldest());
    feed(&mut writer, 0..2);
    run(&mut matcher);
    let found = rings.matches().drain();
    let [one] = found[..] else { panic!("expected one match, found {found:?}") };
    let expected = Match {
        ts_query: 1_001,
        query_id: 1,
        match_id: 0,
        distance: lanes(0).iter().zip(lanes(1)).map(|(a, b)| (a - b) * (a - b)).sum(),
        rank: 0,
        k: 3,
        latency_ns: one.latency_ns,
        ..Match::empty(3, 7, 1_001)
    };
    assert_eq!(one, expected);
    assert!(one.latency_ns > 0 && matcher.latency_ns_at(1.0) > 0);
}

#[test]
fn without_latency_the_matches_are_the_same_bytes_at_any_pace() {
    let rings = Rings::new(10, 256);
    let mut writer = rings.writer();
    let options = MatcherOptions { latency: false, metric: Metric::Cosine, ..from_oldest() };
    let other = RingName::new("test", "again").unwrap();
    let (directory, vectors) = (&rings.directory, &rings.vectors);
    let mut at_once = rings.matcher(options.clone());
    let mut later = Matcher::open(directory, vectors, &other, options).unwrap();
    let (mut found, mut again) = (Vec::new(), Vec::new());
    let mut readers = [rings.matches().0, Reader::open(directory, &other, Start::Oldest).unwrap()];
    for round in 0..40 {
        for id in round * 30..(round + 1) * 30 {
            feed(&mut writer, id..id + 1);
            run(&mut at_once);
        }
        run(&mut later);
        for (reader, bytes) in readers.iter_mut().zip([&mut found, &mut again]) {
            while let Poll::Record(record) = reader.poll() {
                bytes.extend_from_slice(record.bytes());
            }
        }
    }
    assert_eq!(found.len(), (1 + 2 + 3 * 1197) * 56);
    assert_eq!(found, again);
}

#[test]
fn a_new_matcher_goes_on_in_the_same_ring_from_where_it_is_told() {
    let rings = Rings::new(10, 64);
    let mut writer = rings.writer();
    let mut first = rings.matcher(from_oldest());
    feed(&mut writer, 0..10);
    run(&mut first);
    let mut matches = rings.matches();
    let before = matches.drain();
    drop(first);

    feed(&mut writer, 10..15);
    let mut latest = rings.matcher(MatcherOptions { start: Start::Latest, ..from_oldest() });
    feed(&mut writer, 15..16);
    run(&mut latest);
    let after = matches.drain();
    assert!(after.iter().all(|m| m.query_id == 15) && after.len() == 3);
    let mut near: Vec<(f32, u64)> = (0..15)
        .map(|id| (lanes(id).iter().zip(lanes(15)).map(|(a, b)| (a - b).powi(2)).sum(), id))
        .collect();
    near.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let expected: Vec<u64> = near.iter().take(3).map(|(_, id)| *id).collect();
    let found: Vec<u64> = after.iter().map(|m| m.match_id).collect();
    assert_eq!(found, expected, "what was resident when it joined is searched too");
    drop(latest);

    let mut oldest = rings.matcher(from_oldest());
    run(&mut oldest);
    let repeated = matches.drain();
    let strip = |m: &Match| (m.query_id, m.match_id, m.rank, m.distance.to_bits());
    assert!(repeated.iter().map(strip).take(before.len()).eq(before.iter().map(strip)));
    assert_eq!(oldest.stats().vectors, 16);
}

#[test]
fn new_writers_of_the_vectors_are_counted_and_matching_goes_on() {
    let rings = Rings::new(10, 64);
    let mut writer = rings.writer();
    let mut matcher = rings.matcher(from_oldest());
    for round in 0..3 {
        feed(&mut writer, round * 5..round * 5 + 5);
        run(&mut matcher);
        drop(writer);
        writer = rings.writer();
    }
    run(&mut matcher);
    let stats = matcher.stats();
    assert_eq!((stats.vectors, stats.restarts, stats.not_vectors), (15, 3, 0));
    // Overrun the restart record, so that it is told by the lap.
    drop(writer);
    let mut writer = rings.writer();
    feed(&mut writer, 15..200);
    run(&mut matcher);
    assert_eq!(matcher.stats().restarts, 4);
}

/// The text of the error that opening gives.
fn refusal(rings: &Rings, vectors: &RingName, options: MatcherOptions) -> Error {
    Matcher::open(&rings.directory, vectors, &rings.matches, options).unwrap_err()
}

#[test]
fn what_cannot_work_is_refused_at_the_start() {
    let rings = Rings::new(10, 64);
    let _writer = rings.writer();
    let trades = RingName::new("test", "ticks").unwrap();
    let spec = RingSpec { capacity: 64, ..RingSpec::new(Trade::kinds()).unwrap() };
    let _trades = Writer::open(&rings.directory, &trades, &spec).unwrap();
    let none = RingName::new("test", "none").unwrap();
    let vectors = &rings.vectors;

    let error = refusal(&rings, &trades, from_oldest());
    assert!(matches!(error, Error::NotVectors { .. }), "{error}");
    assert!(error.to_string().contains("test/ticks") && error.to_string().contains("trade"));
    let error = refusal(&rings, &none, from_oldest());
    assert!(matches!(error, Error::Bus(tickring::Error::NotFound { .. })), "{error}");
    let queries = Queries::new(9, vec![0.0; 9]).unwrap();
    let mode = Mode::Registered { queries, every: 1 };
    let error = refusal(&rings, vectors, MatcherOptions { mode, ..from_oldest() });
    assert!(matches!(error, Error::Dimension { expected: 10, found: 9, .. }), "{error}");
    let error = refusal(&rings, vectors, MatcherOptions { window: Some(60), ..from_oldest() });
    assert!(matches!(error, Error::OutOfRange { option: "window", most: 56, .. }), "{error}");

    let matcher = rings.matcher(from_oldest());
    let error = refusal(&rings, vectors, from_oldest());
    assert!(matches!(error, Error::Bus(tickring::Error::AlreadyOwned { .. })), "{error}");
    drop(matcher);
    let error = refusal(&rings, vectors, MatcherOptions { capacity: 128, ..from_oldest() });
    assert!(matches!(error, Error::Bus(tickring::Error::CapacityMismatch { .. })), "{error}");
}
