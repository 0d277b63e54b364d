//! Queries of other processes: each has a ring of its own, and finds its answer among the matches.

use crate::rings::{Rings, publish, run, vector};
use std::sync::atomic::{AtomicBool, Ordering};
use tickring::record::{Answer, Match, Query, Record, Vector};
use tickring::{Poll, RingInfo, RingName, RingSpec, Start, Writer};
use tickring_ann::{
    Choice, IndexChoice, Matcher, MatcherOptions, Mode, SnapshotOptions, asker_number,
};

/// A process that asks.
pub(crate) struct Client {
    writer: Writer,
    pub(crate) number: u32,
}

impl Client {
    pub(crate) fn new(rings: &Rings, ring: &str, dim: u16) -> Self {
        let name = RingName::new("test", ring).unwrap();
        let kinds = vec![Query::kind_with_dim(dim)];
        let spec = RingSpec { capacity: 64, ..RingSpec::new(kinds).unwrap() };
        let writer = Writer::open(&rings.directory, &name, &spec).unwrap();
        let number = asker_number(&RingInfo::read(&rings.directory, &name).unwrap());
        Self { writer, number }
    }

    pub(crate) fn ask(&mut self, query: &Query, lanes: &[f32]) -> u64 {
        let mut claim = self.writer.claim();
        claim.write(&Query { dim: lanes.len() as u16, ..*query }).unwrap();
        claim.write_lanes(lanes).unwrap();
        claim.commit()
    }
}

/// Answers with their neighbours, as a client reads them.
pub(crate) fn answers(rings: &Rings) -> Vec<(Answer, Vec<Match>)> {
    let mut reader = rings.matches().0;
    let mut found: Vec<(Answer, Vec<Match>)> = Vec::new();
    loop {
        match reader.poll() {
            Poll::Record(record) => match (record.get::<Answer>(), record.get::<Match>()) {
                (Some(head), _) => found.push((*head, Vec::new())),
                (_, Some(near)) => match found.last_mut() {
                    Some((head, nears)) if nears.len() < usize::from(head.count) => {
                        nears.push(*near);
                    }
                    _ => {}
                },
                _ => panic!("unexpected rtype {}", record.rtype()),
            },
            Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
            Poll::Empty | Poll::Closed(_) => return found,
            other => panic!("unexpected {:?}", other.map(|_| ())),
        }
    }
}

pub(crate) fn options() -> MatcherOptions {
    MatcherOptions {
        index: IndexChoice::Exact,
        mode: Mode::Quiet,
        requests: Some("queries".to_owned()),
        start: Start::Oldest,
        ..MatcherOptions::default()
    }
}

/// Vectors on a line, of instruments 0 to 2 in turn, the tag being the parity.
fn feed(writer: &mut Writer, ids: std::ops::Range<u64>) {
    for id in ids {
        let lanes = [id as f32, 0.0];
        let mut fixed = Vector { flags: (id % 2) as u16, ..vector(id, &lanes) };
        fixed.header.instrument_id = (id % 3) as u32;
        publish(writer, &fixed, &lanes);
    }
}

fn query(query_id: u64, k: u16) -> Query {
    Query { query_id, k, ..Query::empty(0, 0, 77) }
}

fn ids(nears: &[Match]) -> Vec<u64> {
    nears.iter().map(|near| near.match_id).collect()
}

#[test]
fn each_query_is_answered_by_its_terms_and_says_what_was_searched() {
    answer_by_their_terms(0);
}

#[test]
fn search_threads_answer_as_the_matcher_itself_does_and_in_the_order_of_the_queries() {
    answer_by_their_terms(1);
    answer_by_their_terms(3);
}

fn answer_by_their_terms(search_threads: u16) {
    let rings = Rings::new(2, 64);
    let mut writer = rings.writer();
    let mut matcher = rings.matcher(MatcherOptions { search_threads, ..options() });
    feed(&mut writer, 0..30);
    run(&mut matcher);
    let mut client = Client::new(&rings, "queries", 2);
    let of_instrument = |id| {
        let mut own = Query { filters: Query::OF_INSTRUMENT, ..query(id, 2) };
        own.header.instrument_id = 1;
        own
    };
    let cases = [
        (query(1, 3), vec![10, 11, 9]),
        (of_instrument(2), vec![10, 13]),
        (Query { filters: Query::WITHIN_RADIUS, radius: 1.25, ..query(3, 9) }, vec![10, 11, 9]),
        (Query { tag_mask: 1, tag: 1, ..query(4, 2) }, vec![11, 9]),
        (Query { since: 1_020, until: 1_022, ..query(5, 9) }, vec![20, 21, 22]),
        (query(6, 0), vec![]),
        (query(7, 100), (0..30).collect()),
    ];
    for (ask, _) in &cases {
        client.ask(ask, &[10.1, 0.0]);
    }
    run(&mut matcher);
    // A new ring is found while nothing else happens; it may take another look.
    while matcher.stats().answered < cases.len() as u64 {
        matcher.wait(std::time::Duration::from_millis(5));
        run(&mut matcher);
    }
    let found = answers(&rings);
    assert_eq!(found.len(), cases.len());
    for ((seq, (ask, expected)), (head, nears)) in (0..).zip(cases).zip(found) {
        let mut nears = ids(&nears);
        if ask.query_id == 7 {
            nears.sort_unstable();
        }
        assert_eq!(nears, expected, "query {}", ask.query_id);
        assert_eq!((head.query_id, head.query_seq, head.watermark), (ask.query_id, seq, 30));
        assert_eq!((head.asker, head.epoch, head.flags), (client.number, 1, 0));
        assert!(head.latency_ns > 0 && head.header.ts_event == 77);
    }
}

#[test]
fn a_new_matcher_answers_what_the_one_before_did_not() {
    let rings = Rings::new(2, 64);
    let mut writer = rings.writer();
    feed(&mut writer, 0..30);
    let mut clients = [Client::new(&rings, "queries", 2), Client::new(&rings, "queries-two", 2)];
    let mut asked = Vec::new();
    for round in 0..4 {
        for (client, at) in clients.iter_mut().zip(0..) {
            let id = round * 10 + at;
            client.ask(&query(id, 1), &[id as f32, 0.0]);
            asked.push(id);
        }
        let mut matcher = rings.matcher(options());
        run(&mut matcher);
        assert_eq!(matcher.stats().answered, 2, "round {round}");
        assert_eq!(matcher.asker_stats().unwrap().rings, 2);
    }
    let mut found: Vec<u64> = answers(&rings).iter().map(|(head, _)| head.query_id).collect();
    found.sort_unstable();
    assert_eq!(found, asked);
}

#[test]
fn rings_and_records_that_are_no_queries_are_counted() {
    let rings = Rings::new(2, 64);
    let mut writer = rings.writer();
    feed(&mut writer, 0..3);
    let _wide = Client::new(&rings, "queries-wide", 3);
    let name = RingName::new("test", "queries-of-vectors").unwrap();
    let spec = RingSpec { capacity: 64, ..RingSpec::new(vec![Vector::kind()]).unwrap() };
    let _vectors = Writer::open(&rings.directory, &name, &spec).unwrap();
    let mut client = Client::new(&rings, "queries", 2);
    client.ask(&Query { dtype: 1, ..query(1, 1) }, &[0.0, 0.0]);
    client.ask(&query(2, 1), &[0.0]);
    client.ask(&query(3, 1), &[f32::NAN, 0.0]);
    client.ask(&query(4, 1), &[0.0, 0.0]);
    let mut matcher = rings.matcher(options());
    run(&mut matcher);
    let stats = matcher.asker_stats().unwrap();
    assert_eq!((stats.rings, stats.refused, stats.not_queries), (1, 2, 2));
    let found: Vec<_> = answers(&rings).iter().map(|(a, near)| (a.query_id, near.len())).collect();
    assert_eq!(found, [(3, 0), (4, 1)], "what is no number is near to nothing");
    for id in 0..200 {
        client.ask(&query(id, 1), &[0.0, 0.0]);
    }
    run(&mut matcher);
    let stats = matcher.asker_stats().unwrap();
    assert_eq!(stats.missed + matcher.stats().answered, 202);
    assert!(stats.missed > 0);
}

#[test]
fn queries_need_a_window_of_ones_own() {
    let rings = Rings::new(2, 64);
    let _writer = rings.writer();
    let in_place = MatcherOptions { index: IndexChoice::InPlace, ..options() };
    let error = Matcher::open(&rings.directory, &rings.vectors, &rings.matches, in_place);
    assert!(error.unwrap_err().to_string().contains("requests cannot be had"));
}

/// One thread feeds and matches until there were some answers, this one asks and checks, both at
/// full speed.
#[test]
fn beside_inserts_search_threads_answer_from_what_their_watermark_says() {
    const VECTORS: u64 = 30_000;
    const WINDOW: u64 = 700;
    let rings = Rings::new(2, 1 << 15);
    let choice = Choice { exact_up_to: 0, lists_from: 300, lists: 8, per_list: 1, rerank: 4 };
    let options = MatcherOptions {
        index: IndexChoice::Lists(choice),
        window: Some(WINDOW),
        search_threads: 2,
        capacity: 1 << 16,
        ..options()
    };
    let mut writer = rings.writer();
    let mut matcher = rings.matcher(options);
    let mut client = Client::new(&rings, "queries", 2);
    let mut reader = rings.matches().0;
    let is_enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let matching = scope.spawn(|| {
            feed(&mut writer, 0..VECTORS);
            let (mut open, begin) = (Some(writer), std::time::Instant::now());
            while matcher.run_once(16).unwrap() != tickring_ann::Progress::Ended {
                // Whatever becomes of the other thread, this one ends.
                let is_over = begin.elapsed() > std::time::Duration::from_secs(60);
                if (is_over || is_enough.load(Ordering::Relaxed))
                    && let Some(writer) = open.take()
                {
                    writer.close();
                }
            }
            matcher
        });
        let (mut asked, mut heads, mut nears) = (0_u64, Vec::new(), Vec::new());
        loop {
            if asked < heads.len() as u64 + 8 {
                let mut own = Query { filters: Query::OF_INSTRUMENT, ..query(asked, 5) };
                own.header.instrument_id = (asked % 3) as u32;
                client.ask(&own, &[(asked * 997 % VECTORS) as f32, 0.0]);
                asked += 1;
            }
            is_enough.store(heads.len() > 8, Ordering::Relaxed);
            match reader.poll() {
                Poll::Record(record) => match record.get::<Answer>() {
                    Some(head) => heads.push(*head),
                    None => nears.push(*record.get::<Match>().expect("an answer or a match")),
                },
                Poll::Closed(_) => break,
                _ => {}
            }
        }
        let matcher = matching.join().unwrap();
        assert_eq!(matcher.stats().answered, heads.len() as u64);
        assert!(heads.len() > 8, "{} answers", heads.len());
        let mut left = nears.into_iter();
        for (id, head) in (0..).zip(&heads) {
            assert_eq!(
                (head.query_id, head.query_seq, head.flags & Answer::INCOMPLETE),
                (id, id, 0)
            );
            let live = head.watermark.saturating_sub(WINDOW)..head.watermark;
            let own: Vec<u64> = live.filter(|seq| seq % 3 == id % 3).collect();
            assert_eq!(usize::from(head.count), own.len().min(5), "at {}", head.watermark);
            for near in left.by_ref().take(head.count.into()) {
                assert!(own.contains(&near.match_id), "{near:?} at {}", head.watermark);
                let far = near.match_id as f32 - (id * 997 % VECTORS) as f32;
                assert_eq!((near.query_id, near.distance), (id, far * far));
            }
        }
        assert!(left.next().is_none());
    });
}

#[test]
fn what_search_threads_answered_stands_after_a_restart_from_a_snapshot() {
    let rings = Rings::new(2, 1 << 10);
    let file = tempfile::tempdir().unwrap();
    let path = file.path().join("ann.snapshot");
    let options = MatcherOptions {
        search_threads: 2,
        snapshot: Some(SnapshotOptions { path, every: 40 }),
        mode: Mode::EachVector,
        ..options()
    };
    let mut writer = rings.writer();
    let mut client = Client::new(&rings, "queries", 2);
    let mut asked = 0;
    for round in 0..6 {
        let mut matcher = rings.matcher(options.clone());
        for part in 0..3 {
            let first = round * 90 + part * 30;
            feed(&mut writer, first..first + 30);
            for _ in 0..2 {
                client.ask(&query(asked, 3), &[asked as f32, 0.0]);
                asked += 1;
            }
            while matcher.stats().answered < (part + 1) * 2 {
                run(&mut matcher);
                matcher.wait(std::time::Duration::from_millis(5));
            }
        }
        assert_eq!(matcher.replay_stats().diverged, 0, "round {round}");
        // As if killed: what was snapshotted last is behind what is published.
        drop(matcher);
    }
    let mut reader = rings.matches().0;
    let (mut heads, mut by_vector) = (Vec::new(), Vec::new());
    loop {
        match reader.poll() {
            Poll::Record(record) => match (record.get::<Answer>(), record.get::<Match>()) {
                (Some(head), _) => heads.push((head.query_id, head.watermark)),
                (_, Some(near)) if near.ts_query != 77 && near.rank == 0 => {
                    by_vector.push(near.query_id);
                }
                _ => {}
            },
            Poll::Empty => break,
            _ => {}
        }
    }
    let ids: Vec<u64> = heads.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, (0..asked).collect::<Vec<_>>(), "each query once");
    assert_eq!(by_vector, (1..540).collect::<Vec<_>>(), "each vector once");
}
