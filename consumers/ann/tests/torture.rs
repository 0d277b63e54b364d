//! Matchers that die, by SIGKILL, at any moment of their work.
//!
//! The other process is this binary, which takes a step for each byte that it is sent. The short
//! form runs with all other tests; `cargo xtask torture` sets the larger number of the long one.

#[path = "../../window/tests/torture/role.rs"]
mod role;

use crate::requests::{Client, answers};
use crate::resume::{feed, lanes, options};
use crate::rings::{Rings, run};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use role::Role;
use std::time::{Duration, Instant};
use tickring::Poll;
use tickring::record::{Answer, Match, Query, Record};
use tickring_ann::{IndexChoice, Matcher, MatcherOptions, Metric, Mode, Progress};

/// Kills of one run over the input, and vectors and queries of it, all of which fit into the rings.
const KILLS: u64 = 20;
const VECTORS: u64 = 900;
const SLOTS: u64 = 1 << 11;
const QUERIES: u64 = 60;
const DIM: u16 = 6;
/// Vectors of a window, and neighbours of a query.
const WINDOW: u64 = 60;
const K: u16 = 4;

fn desk(rings: &Rings, every: u64) -> MatcherOptions {
    MatcherOptions { capacity: 1 << 13, ..options(rings, every, Mode::EachVector, Metric::L2) }
}

/// As a desk that takes queries, which change nothing of what vectors find: all are compared.
fn asked_desk(rings: &Rings, every: u64) -> MatcherOptions {
    let requests = Some("queries".to_owned());
    MatcherOptions { requests, index: IndexChoice::Exact, ..desk(rings, every) }
}

/// Not a test of its own: what the other process does. Without a role it passes at once.
#[test]
fn other_side() {
    let open = |path: std::path::PathBuf, every| {
        let rings = Rings::at::<f32>(&path, DIM, SLOTS);
        let is_asked = path.ends_with("asked");
        rings.matcher(if is_asked { asked_desk(&rings, every) } else { desk(&rings, every) })
    };
    role::play(open, |matcher| matcher.run_once(7).unwrap() == Progress::Ended);
}

/// What happened to the matchers of one run.
#[derive(Debug, Default)]
struct Seen {
    kills: u64,
    /// Killed before they had taken over everything.
    early: u64,
    matches: u64,
    answers: u64,
}

/// Kills matchers over vectors and queries that come meanwhile.
fn run_once(random: &mut ChaCha8Rng, kills: u64, seen: &mut Seen) {
    let every = random.random_range(20..300);
    let is_asked = random.random_ratio(1, 2);
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join(if is_asked { "asked" } else { "plain" });
    std::fs::create_dir(&path).unwrap();
    let rings = Rings::at::<f32>(&path, DIM, SLOTS);
    let mut writer = rings.writer();
    let mut client = is_asked.then(|| Client::new(&rings, "queries", DIM));
    let (mut next, mut asked) = (0, 0);
    // One life is whole, so that no ring is missing.
    feed(&mut writer, next..next + 1);
    next += 1;
    let open =
        || rings.matcher(if is_asked { asked_desk(&rings, every) } else { desk(&rings, every) });
    drop(open());
    for _ in 0..kills {
        let more = (next + random.random_range(0..80)).min(VECTORS);
        feed(&mut writer, next..more);
        next = more;
        for _ in 0..random.random_range(0..5) {
            if let Some(client) = client.as_mut().filter(|_| asked < QUERIES) {
                let query = Query { query_id: asked, k: K, ..Query::empty(0, 0, 5) };
                client.ask(&query, &lanes(asked));
                asked += 1;
            }
        }
        let began = Instant::now();
        let mut role = Role::start(&path, every);
        let lives = if random.random_ratio(1, 4) {
            Duration::from_micros(random.random_range(0..15_000))
        } else {
            assert!(role.wait_ready(), "the matcher ended without a word");
            role.send(random.random_range(0..20));
            // Some live until their snapshot is on the disk.
            began.elapsed() + Duration::from_micros(random.random_range(0..8_000))
        };
        while began.elapsed() < lives {
            std::hint::spin_loop();
        }
        seen.early += u64::from(!role.kill());
        seen.kills += 1;
    }
    feed(&mut writer, next..VECTORS);
    let mut last = open();
    run(&mut last);
    assert_eq!(last.replay_stats().diverged, 0);
    assert_eq!(last.stats().restored, 1, "there is a snapshot from the beginning");

    let plain = Rings::new(DIM, SLOTS);
    feed(&mut plain.writer(), 0..VECTORS);
    let own = if is_asked { asked_desk(&plain, u64::MAX) } else { desk(&plain, u64::MAX) };
    let mut whole = plain.matcher(own);
    run(&mut whole);
    let saved = |matcher: &Matcher| matcher.corpus().unwrap().saved();
    assert_eq!(saved(&last), saved(&whole), "the window is that of one that lived on");
    let expected = plain.matches().drain();
    let found = answers(&rings);
    let ids: Vec<u64> = found.iter().map(|(head, _)| head.query_id).collect();
    assert_eq!(ids, (0..asked).collect::<Vec<_>>(), "each query is answered once, in order");
    for (head, near) in &found {
        let live = head.watermark.saturating_sub(WINDOW)..head.watermark;
        assert_eq!(near.len(), usize::from(K).min(live.clone().count()));
        assert!(near.iter().all(|near| live.contains(&near.match_id)), "{head:?}: {near:?}");
        assert!(near.is_sorted_by(|a, b| a.distance <= b.distance));
    }
    let own = matches_of_vectors(&rings);
    let first = own.iter().zip(&expected).position(|(own, expected)| own != expected);
    let all = (own.len(), expected.len());
    assert_eq!((first, all.0), (None, all.1), "each vector is matched once, as in one life");
    seen.matches += expected.len() as u64;
    seen.answers += found.len() as u64;
}

/// The matches that belong to no answer.
fn matches_of_vectors(rings: &Rings) -> Vec<Match> {
    let (mut reader, mut found, mut answered) = (rings.matches().0, Vec::new(), 0);
    loop {
        match reader.poll() {
            Poll::Record(record) => match (record.get::<Answer>(), record.get::<Match>()) {
                (Some(head), _) => answered = head.count,
                (None, Some(_)) if answered > 0 => answered -= 1,
                (None, near) => found.extend(near),
            },
            Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
            Poll::Empty | Poll::Closed(_) => return found,
            other => panic!("unexpected {:?}", other.map(|_| ())),
        }
    }
}

#[test]
fn a_matcher_may_be_killed_at_any_moment_and_no_match_or_answer_is_lost_or_doubled() {
    let seen: Seen = role::torture("kill-matcher", KILLS, run_once);
    assert!(seen.matches > 1_000);
}
