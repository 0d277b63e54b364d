//! Snapshots: a matcher that was killed anywhere goes on as if it had not been.

use crate::requests::{Client, answers};
use crate::rings::{Rings, publish, run, vector};
use proptest::prelude::*;
use std::path::PathBuf;
use tickring::record::{Query, Record};
use tickring::{Start, Writer};
use tickring_ann::{
    Choice, Error, IndexChoice, Matcher, MatcherOptions, Metric, Mode, Patterns, Progress, Queries,
    RecallOptions, SnapshotOptions,
};

pub(crate) fn lanes(id: u64) -> [f32; 6] {
    std::array::from_fn(|lane| (((id + 1) * (7 + 13 * lane as u64)) % 31) as f32)
}

pub(crate) fn feed(writer: &mut Writer, ids: std::ops::Range<u64>) {
    ids.for_each(|id| _ = publish(writer, &vector(id, &lanes(id)), &lanes(id)));
}

pub(crate) fn options(rings: &Rings, every: u64, mode: Mode, metric: Metric) -> MatcherOptions {
    let choice = Choice { exact_up_to: 10, lists_from: 30, lists: 5, per_list: 1, rerank: 2 };
    MatcherOptions {
        k: 3,
        metric,
        mode,
        index: IndexChoice::Lists(choice),
        window: Some(60),
        recall: RecallOptions { every: 4, target_permille: 950 },
        latency: false,
        start: Start::Oldest,
        snapshot: Some(SnapshotOptions { path: file(rings), every }),
        ..MatcherOptions::default()
    }
}

fn file(rings: &Rings) -> PathBuf {
    rings.directory.root().parent().unwrap().join("ann.snapshot")
}

fn modes() -> impl Strategy<Value = Mode> {
    let rows = || Queries::new(6, [lanes(3), lanes(40)].concat()).unwrap();
    prop::sample::select(vec![
        Mode::EachVector,
        Mode::Registered { queries: rows(), every: 7 },
        Mode::Standing { patterns: Patterns::with_threshold(rows(), 600.0) },
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_matcher_that_dies_anywhere_publishes_each_match_once(
        mode in modes(),
        metric in prop::sample::select(vec![Metric::L2, Metric::Cosine, Metric::InnerProduct]),
        every in 1u64..60,
        lives in prop::collection::vec((0u64..25, 0usize..40), 1..12),
    ) {
        let (rings, plain) = (Rings::new(6, 512), Rings::new(6, 512));
        let (mut writer, mut other) = (rings.writer(), plain.writer());
        let mut next = 0;
        // The first life is whole, so that there is a snapshot to go on from.
        let mut first = rings.matcher(options(&rings, every, mode.clone(), metric));
        while !first.save().unwrap() || next < 40 {
            feed(&mut writer, next..next + 1);
            next += 1;
            run(&mut first);
        }
        drop(first);
        for (count, steps) in lives {
            feed(&mut writer, next..next + count);
            next += count;
            // Dropped wherever it stands after so many steps: nothing is saved at the end.
            let mut matcher = rings.matcher(options(&rings, every, mode.clone(), metric));
            let _ = matcher.run_once(steps).unwrap();
            let replay = matcher.replay_stats();
            prop_assert_eq!((replay.diverged, replay.unverified), (0, 0));
            prop_assert_eq!(matcher.stats().restored, 1);
        }
        let mut last = rings.matcher(options(&rings, every, mode.clone(), metric));
        run(&mut last);
        feed(&mut other, 0..next);
        let mut whole = plain.matcher(options(&plain, u64::MAX, mode, metric));
        run(&mut whole);
        prop_assert_eq!(rings.matches().drain(), plain.matches().drain());
        let (corpus, whole) = (last.corpus().unwrap(), whole.corpus().unwrap());
        prop_assert_eq!(corpus.saved(), whole.saved(), "and is in the state of one that lived on");
    }
}

#[test]
fn queries_are_answered_once_and_at_their_place_whenever_the_matcher_dies() {
    let rings = Rings::new(6, 512);
    let mut writer = rings.writer();
    let mut client = Client::new(&rings, "queries", 6);
    let options = || MatcherOptions {
        requests: Some("queries".to_owned()),
        ..options(&rings, 5, Mode::EachVector, Metric::L2)
    };
    let mut asked = 0;
    for life in 0..30 {
        feed(&mut writer, life * 6..life * 6 + 6);
        for _ in 0..life % 3 {
            client.ask(&Query { query_id: asked, k: 4, ..Query::empty(0, 0, 5) }, &lanes(asked));
            asked += 1;
        }
        let mut matcher = rings.matcher(options());
        let _ = matcher.run_once(life as usize % 11).unwrap();
        assert_eq!(matcher.replay_stats().diverged, 0, "life {life}");
    }
    let mut last = rings.matcher(options());
    run(&mut last);
    let found: Vec<u64> = answers(&rings).iter().map(|(head, _)| head.query_id).collect();
    assert_eq!(found, (0..asked).collect::<Vec<_>>());
    assert!(answers(&rings).iter().all(|(head, near)| near.len() == usize::from(head.count)));
    let replay = last.replay_stats();
    assert_eq!((replay.diverged, last.stats().restored), (0, 1));
}

#[test]
fn input_that_was_lost_between_two_lives_is_told_and_nothing_is_published_twice() {
    let rings = Rings::new(6, 64);
    let mut writer = rings.writer();
    let options = || options(&rings, 10, Mode::EachVector, Metric::L2);
    feed(&mut writer, 0..50);
    let mut first = rings.matcher(options());
    run(&mut first);
    assert!(first.stats().snapshots > 0);
    drop(first);
    feed(&mut writer, 50..130);
    // One that dies before it is through saves nothing that would be ahead of its input.
    let mut dying = rings.matcher(options());
    let _ = dying.run_once(25).unwrap();
    drop(dying);
    feed(&mut writer, 130..170);
    let mut dying = rings.matcher(options());
    let _ = dying.run_once(25).unwrap();
    assert!(!dying.save().unwrap() || dying.replay_stats().unverified == 0);
    drop(dying);
    let mut second = rings.matcher(options());
    run(&mut second);
    let stats = *second.stats();
    assert_eq!(stats.restored, 1);
    assert!(stats.missed > 0 && stats.incomplete > 0, "{stats:?}");
    assert!(second.replay_stats().unverified > 0);
    let mut asked: Vec<(u64, u16)> =
        rings.matches().drain().iter().map(|m| (m.query_id, m.rank)).collect();
    let all = asked.len();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), all);
    assert_eq!(asked.last().map(|(id, _)| *id), Some(169));
}

/// The text of the error that opening gives.
fn refusal(rings: &Rings, options: MatcherOptions) -> Error {
    Matcher::open(&rings.directory, &rings.vectors, &rings.matches, options).unwrap_err()
}

#[test]
fn a_snapshot_of_other_options_another_ring_or_with_damage_is_refused() {
    let rings = Rings::new(6, 64);
    let mut writer = rings.writer();
    let options = || options(&rings, 10, Mode::EachVector, Metric::L2);
    feed(&mut writer, 0..60);
    let mut first = rings.matcher(options());
    run(&mut first);
    // Between two generations of lists there is nothing to save.
    let mut next = 60;
    while !first.save().unwrap() {
        feed(&mut writer, next..next + 1);
        next += 1;
        assert_ne!(first.run_once(100).unwrap(), Progress::Idle);
    }
    drop(first);
    let path = file(&rings);
    let other = MatcherOptions { k: 4, ..options() };
    let error = refusal(&rings, other).to_string();
    assert!(error.contains("k 4") && error.contains("k 3") && error.contains("remove it"));
    let whole = std::fs::read(&path).unwrap();
    for at in [0, 9, 20, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&path, damaged).unwrap();
        let error = refusal(&rings, options());
        assert!(matches!(error, Error::DamagedSnapshot { .. }), "{at}: {error}");
    }
    std::fs::write(&path, &whole[..10]).unwrap();
    assert!(matches!(refusal(&rings, options()), Error::DamagedSnapshot { .. }));
    std::fs::write(&path, whole).unwrap();
    drop(writer);
    rings.directory.remove(&rings.vectors).unwrap();
    let _reborn = rings.writer();
    let error = refusal(&rings, options()).to_string();
    assert!(error.contains("another ring"), "{error}");
}
