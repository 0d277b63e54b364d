//! The consumer with a window of its own: as in place, and with what only a window can do.

use crate::rings::{Rings, publish, run, vector};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tickring::record::{Lane, Match, Vector, lane_type};
use tickring::{RingName, Start, f16};
use tickring_ann::{
    Choice, IndexChoice, Matcher, MatcherOptions, Metric, Mode, PINNED, Patterns, Queries, Ttl,
};

/// Twenty lanes that follow from the id.
fn lanes(id: u64) -> [f32; 20] {
    std::array::from_fn(|lane| (((id + 1) * (7 + 13 * lane as u64)) % 101) as f32)
}

fn options() -> MatcherOptions {
    MatcherOptions { k: 3, latency: false, start: Start::Oldest, ..MatcherOptions::default() }
}

fn lists(lists: u32) -> IndexChoice {
    IndexChoice::Lists(Choice { exact_up_to: 8, lists_from: 40, lists, per_list: 1, rerank: 3 })
}

#[test]
fn an_exact_window_gives_the_matches_of_the_ring_in_place_to_the_last_bit() {
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let rings = Rings::new(20, 256);
        let mut writer = rings.writer();
        let mut in_place = rings.matcher(MatcherOptions { metric, ..options() });
        let other = RingName::new("test", "other").unwrap();
        let windowed = MatcherOptions { metric, index: IndexChoice::Exact, ..options() };
        let (directory, vectors) = (&rings.directory, &rings.vectors);
        let mut windowed = Matcher::open(directory, vectors, &other, windowed).unwrap();
        let (mut found, mut again) = (Vec::new(), Vec::new());
        let mut matches = [rings.matches(), rings.reader_of("other")];
        for id in 0..600 {
            publish(&mut writer, &vector(id, &lanes(id)), &lanes(id));
            run(&mut in_place);
            run(&mut windowed);
            found.extend(matches[0].drain());
            again.extend(matches[1].drain());
        }
        assert_eq!(found.len(), 1 + 2 + 3 * 597, "{metric}");
        assert_eq!(found, again, "{metric}");
    }
}

/// Publishes the same whole numbers as lanes of a type, and gives all matches.
fn matches_of<L: Lane>(metric: Metric, index: IndexChoice, lane: impl Fn(f32) -> L) -> Vec<Match> {
    let rings = Rings::of::<L>(21, 256);
    let mut writer = rings.writer();
    let mut matcher = rings.matcher(MatcherOptions { metric, index, ..options() });
    let mut found = Vec::new();
    let mut matches = rings.matches();
    let dtype = lane_type::of(L::FIELD).unwrap();
    for id in 0..300 {
        let row: Vec<f32> = lanes(id).into_iter().chain([id as f32 % 9.0]).collect();
        let typed: Vec<L> = row.iter().map(|value| lane(*value)).collect();
        publish(&mut writer, &Vector { dtype, ..vector(id, &row) }, &typed);
        // Of another type than the ring's: skipped.
        publish(&mut writer, &Vector { dtype: dtype + 1, ..vector(id, &row) }, &typed);
        run(&mut matcher);
        found.extend(matches.drain());
    }
    assert_eq!((matcher.stats().vectors, matcher.stats().not_vectors), (300, 300));
    found
}

#[test]
fn lanes_of_two_bytes_and_of_one_give_the_matches_of_those_of_four() {
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        for index in [IndexChoice::InPlace, IndexChoice::Exact] {
            let expected = matches_of::<f32>(metric, index, |lane| lane);
            assert_eq!(expected.len(), 1 + 2 + 3 * 297, "{metric}");
            assert_eq!(matches_of(metric, index, f16::from_f32), expected, "{metric} {index:?}");
            assert_eq!(
                matches_of(metric, index, |lane| lane as i8),
                expected,
                "{metric} {index:?}"
            );
        }
    }
}

#[test]
fn lists_find_most_of_what_is_there_and_measure_it() {
    let rings = Rings::new(20, 2_048);
    let mut writer = rings.writer();
    let recall = tickring_ann::RecallOptions { every: 1, target_permille: 900 };
    let mut matcher = rings.matcher(MatcherOptions { index: lists(8), recall, ..options() });
    for id in 0..6_000_u64 {
        // Groups, as data has them.
        let row = lanes(id % 40).map(|lane| lane + (id % 7) as f32 * 0.25);
        publish(&mut writer, &vector(id, &row), &row);
        run(&mut matcher);
    }
    let corpus = matcher.corpus().unwrap();
    assert_eq!(corpus.len(), 1_792, "seven eighths of the ring");
    let stats = corpus.list_stats().unwrap();
    assert!(stats.lists == 8 && stats.generation >= 1, "{stats:?}");
    let found = corpus.recall().unwrap();
    assert!(found.mean > 0.9 && found.low <= found.mean && found.neighbours > 1_000, "{found:?}");
}

#[test]
fn the_same_vectors_give_the_same_approximate_matches() {
    let rings = Rings::new(20, 256);
    let mut writer = rings.writer();
    let index = lists(6);
    let recall = tickring_ann::RecallOptions { every: 3, target_permille: 990 };
    let options = MatcherOptions { index, recall, window: Some(500), ..options() };
    let other = RingName::new("test", "other").unwrap();
    let mut at_once = rings.matcher(options.clone());
    let (directory, vectors) = (&rings.directory, &rings.vectors);
    let mut later = Matcher::open(directory, vectors, &other, options).unwrap();
    let mut matches = [rings.matches(), rings.reader_of("other")];
    let (mut found, mut again) = (Vec::new(), Vec::new());
    for round in 0..60 {
        for id in round * 30..round * 30 + 30 {
            publish(&mut writer, &vector(id, &lanes(id)), &lanes(id));
            run(&mut at_once);
        }
        run(&mut later);
        found.extend(matches[0].drain());
        again.extend(matches[1].drain());
    }
    assert!(found.len() > 5_000);
    assert_eq!(found, again);
    assert_eq!(at_once.corpus().unwrap().len(), 500, "a window may be larger than the ring");
}

#[test]
fn pinned_vectors_are_found_beside_those_that_stay_for_a_while() {
    let rings = Rings::new(20, 64);
    let mut writer = rings.writer();
    let pinned = Queries::new(20, [lanes(100), lanes(5)].concat()).unwrap();
    let ttl = Ttl { stay_ns: 4, clock: tickring_ann::Clock::Event };
    let index = IndexChoice::Exact;
    let options =
        MatcherOptions { k: 9, pinned: Some(pinned.into()), ttl: Some(ttl), index, ..options() };
    let mut matcher = rings.matcher(options);
    for id in 0..10 {
        publish(&mut writer, &vector(id, &lanes(id)), &lanes(id));
    }
    run(&mut matcher);
    let found = rings.matches().drain();
    for id in 0..10_u64 {
        let mut near: Vec<&Match> = found.iter().filter(|m| m.query_id == id).collect();
        // Event times are a nanosecond apart: the three before are not too old.
        assert_eq!(near.len() as u64, id.min(3) + 2, "query {id}");
        let rows = near.extract_if(.., |m| m.match_id < 2 && (m.match_id == 1 || id > 4));
        assert!(rows.count() >= 1);
        assert!(near.iter().all(|m| m.match_id < id || m.match_id == 0), "{near:?}");
        let of_five = found.iter().find(|m| m.query_id == 5 && m.rank == 0).unwrap();
        assert_eq!((of_five.match_id, of_five.distance), (1, 0.0), "row 1 is vector 5");
    }
    assert_eq!(PINNED, 1 << 63);
}

#[test]
fn each_vector_is_matched_against_all_patterns() {
    let rings = Rings::new(20, 64);
    let mut writer = rings.writer();
    let rows = Queries::new(20, [lanes(3), lanes(7), lanes(3)].concat()).unwrap();
    let patterns = Patterns::new(rows, vec![0.0, 1.0, 40.0]).unwrap();
    let mode = Mode::Standing { patterns };
    let mut matcher = rings.matcher(MatcherOptions { mode, ..options() });
    for id in 0..20 {
        let mut row = lanes(id % 10);
        row[0] += if id >= 10 { 1.0 } else { 0.0 };
        publish(&mut writer, &vector(id, &row), &row);
    }
    run(&mut matcher);
    let found = rings.matches().drain();
    let found: Vec<_> =
        found.iter().map(|m| (m.match_id, m.query_id, m.distance, m.rank, m.ts_query)).collect();
    let expected = [
        (3, 0, 0.0, 0, 1_003),
        (3, 2, 0.0, 1, 1_003),
        (7, 1, 0.0, 0, 1_007),
        (13, 2, 1.0, 0, 1_013),
        (17, 1, 1.0, 0, 1_017),
    ];
    assert_eq!(found, expected);
    assert_eq!(matcher.stats().queries, 20);
}

/// Stops the writer also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_window_holds_no_torn_vector_although_the_writer_laps_its_reader() {
    let rings = Rings::new(64, 64);
    let mut writer = rings.writer();
    let stop = AtomicBool::new(false);
    let options = MatcherOptions { k: 4, index: lists(4), window: Some(100), ..options() };
    let mut matcher = rings.matcher(options);
    let value = |id: u64| (id % 113) as f32;
    publish(&mut writer, &vector(0, &[0.0; 64]), &[0.0; 64]);
    thread::scope(|scope| {
        let stopping = Stop(&stop);
        scope.spawn(|| {
            for id in 1.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let fixed = tickring::record::Vector { norm: 0.0, ..vector(id, &[0.0; 64]) };
                publish(&mut writer, &fixed, &[value(id); 64]);
            }
        });
        let mut matches = rings.matches();
        while matcher.stats().missed < 10_000 || matcher.stats().vectors < 3_000 {
            let _ = matcher.run_once(3).unwrap();
            for near in matches.drain() {
                assert!(near.match_id < near.query_id);
                let step = value(near.match_id) - value(near.query_id);
                assert_eq!(near.distance, 64.0 * step * step, "torn: {near:?}");
            }
        }
        drop(stopping);
    });
    let stats = matcher.stats();
    assert!(stats.incomplete > 0, "the window has holes");
    let info = tickring::RingInfo::read(&rings.directory, &rings.matches).unwrap();
    assert_eq!(info.dropped, stats.missed);
}
