//! Queries of other processes: each has a ring of its own, and finds its answer among the matches.

use crate::rings::{Rings, publish, run, vector};
use tickring::record::{Answer, Match, Query, Record, Vector};
use tickring::{Poll, RingInfo, RingName, RingSpec, Start, Writer};
use tickring_ann::{IndexChoice, Matcher, MatcherOptions, Mode, asker_number};

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
            Poll::Restarted { .. } => {}
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
    let rings = Rings::new(2, 64);
    let mut writer = rings.writer();
    let mut matcher = rings.matcher(options());
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
