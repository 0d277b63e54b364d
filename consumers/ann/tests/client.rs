//! Clients of a matcher, which here runs in another thread.

use crate::requests::{Client as Asking, options};
use crate::rings::{Rings, publish, run, vector};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tickring::record::{Answer, Match, Record};
use tickring::{RingInfo, RingSpec, Writer};
use tickring_ann::{
    Client, ClientOptions, Error, Filter, MatcherOptions, Mode, Reply, Terms, asker_number,
};

const SOON: Duration = Duration::from_secs(20);

fn terms(k: usize) -> Terms {
    Terms { k, radius: None, filter: Filter::default() }
}

fn client(rings: &Rings) -> Result<Client, Error> {
    Client::open(&rings.directory, "test", &ClientOptions::default())
}

fn ids(reply: &Reply) -> Vec<u64> {
    reply.neighbours.iter().map(|(id, _)| *id).collect()
}

/// Runs a matcher of `count` vectors on a line beside what is done.
fn beside<T>(rings: &Rings, count: u64, options: MatcherOptions, work: impl FnOnce() -> T) -> T {
    let mut writer = rings.writer();
    for id in 0..count {
        let lanes = [id as f32, 0.0];
        let mut fixed = vector(id, &lanes);
        fixed.header.instrument_id = (id % 3) as u32;
        publish(&mut writer, &fixed, &lanes);
    }
    let is_over = AtomicBool::new(false);
    let mut matcher = rings.matcher(options);
    assert!(!run(&mut matcher), "all vectors are read, and more may come");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let _ = matcher.run_once(64).unwrap();
                matcher.wait(Duration::from_millis(5));
            }
        });
        // Also where the work panics.
        let over = Over(&is_over);
        let done = work();
        drop(over);
        done
    })
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn several_clients_get_their_own_answers_in_order_and_leave_no_ring() {
    let rings = Rings::new(2, 1 << 10);
    beside(&rings, 300, options(), || {
        let ask = |offset: f32| {
            let mut client = client(&rings).unwrap();
            let lanes: Vec<f32> = (0..400).flat_map(|n| [(n % 299) as f32 + offset, 0.0]).collect();
            let replies = client.search(&lanes, &terms(2), SOON).unwrap();
            assert_eq!(replies.len(), 400);
            replies
        };
        let (one, other) = std::thread::scope(|scope| {
            let one = scope.spawn(|| ask(0.25));
            (ask(0.75), one.join().unwrap())
        });
        for (n, (near, far)) in (0..).zip(one.iter().zip(&other)) {
            let n = n % 299;
            assert_eq!((ids(near), ids(far)), (vec![n + 1, n], vec![n, n + 1]));
            assert_eq!((near.watermark, near.is_approximate, near.epoch), (300, false, 1));
        }
        let mut last = client(&rings).unwrap();
        let filter = Filter { instrument: Some(2), ..Filter::default() };
        let within = Terms { k: 100, radius: Some(26.0), filter };
        let reply = &last.search(&[9.0, 0.0], &within, SOON).unwrap()[0];
        assert_eq!(ids(reply), [8, 11, 5, 14]);
        assert_eq!(reply.neighbours[0].1, 1.0);
    });
    let names = rings.directory.list().unwrap();
    assert!(names.iter().all(|name| !name.ring().starts_with("queries")), "{names:?}");
}

#[test]
fn queries_that_cannot_be_are_refused_before_they_are_asked() {
    let rings = Rings::new(2, 64);
    beside(&rings, 3, options(), || {
        let mut client = client(&rings).unwrap();
        assert_eq!(client.dim(), 2);
        let error = client.ask(&[1.0], &terms(1)).unwrap_err();
        assert!(matches!(error, Error::Dimension { expected: 2, found: 1, .. }), "{error}");
        let error = client.ask(&[1.0, f32::NAN], &terms(1)).unwrap_err();
        assert!(matches!(error, Error::NotFinite { .. }), "{error}");
        let error = client.ask(&[1.0, 0.0], &terms(1 << 16)).unwrap_err();
        assert!(matches!(error, Error::OutOfRange { option: "k", .. }), "{error}");
        let error = client.search(&[1.0, 0.0, 2.0], &terms(1), SOON).unwrap_err();
        assert!(matches!(error, Error::Rows { .. }), "{error}");
        assert_eq!(client.waiting(), 0);
        assert!(client.wait(SOON).unwrap().is_none(), "nothing was asked");
        while client.waiting() < 128 {
            client.ask(&[1.0, 0.0], &terms(1)).unwrap();
        }
        let error = client.ask(&[1.0, 0.0], &terms(1)).unwrap_err();
        assert!(matches!(error, Error::OutOfRange { option: "open queries", .. }), "{error}");
    });
}

#[test]
fn without_an_answer_the_error_says_whether_a_matcher_is_there() {
    let rings = Rings::new(2, 64);
    let _writer = rings.writer();
    let error = client(&rings).unwrap_err();
    assert!(matches!(error, Error::Bus(tickring::Error::NotFound { .. })), "{error}");
    let deaf = MatcherOptions { requests: None, mode: Mode::EachVector, ..options() };
    drop(rings.matcher(deaf));
    let error = client(&rings).unwrap_err();
    assert!(error.to_string().contains("--requests"), "{error}");
    rings.directory.remove(&rings.matches).unwrap();

    let matcher = rings.matcher(MatcherOptions { requests: Some("other".to_owned()), ..options() });
    let mut client = client(&rings).unwrap();
    let search = |client: &mut Client| {
        client.search(&[1.0, 0.0], &terms(1), Duration::from_millis(20)).unwrap_err().to_string()
    };
    assert!(search(&mut client).contains("the same prefix"));
    drop(matcher);
    assert!(search(&mut client).contains("start `tickring ann test --requests`"));
}

#[test]
fn a_client_goes_on_with_the_matcher_that_takes_over() {
    let rings = Rings::new(2, 64);
    let mut asking = None;
    for life in 1..4 {
        beside(&rings, 5, options(), || {
            let client = asking.get_or_insert_with(|| client(&rings).unwrap());
            let replies = client.search(&[3.25, 0.0], &terms(1), SOON).unwrap();
            assert_eq!((ids(&replies[0]), replies[0].epoch), (vec![3], life));
        });
    }
}

#[test]
fn a_client_that_was_idle_misses_nothing_and_many_answers_do_not_overwrite_each_other() {
    let rings = Rings::new(2, 64);
    let small = MatcherOptions { capacity: 256, ..options() };
    beside(&rings, 40, small, || {
        let mut idle = client(&rings).unwrap();
        let mut busy = client(&rings).unwrap();
        let lanes: Vec<f32> = (0..300).flat_map(|n| [(n % 40) as f32, 0.0]).collect();
        let replies = busy.search(&lanes, &terms(10), SOON).unwrap();
        assert!((0..).zip(&replies).all(|(n, reply)| ids(reply)[0] == n % 40));
        // The ring was written over many times since.
        let reply = &idle.search(&[17.0, 0.0], &terms(1), SOON).unwrap()[0];
        assert_eq!(ids(reply), [17]);
        assert!(!idle.has_room(64) || idle.waiting() == 0);
    });
}

#[test]
fn an_answer_that_a_kill_cut_off_is_whole_once_the_next_matcher_has_given_the_rest() {
    let rings = Rings::new(2, 64);
    let (vectors, matches) = (rings.writer(), rings.matches.clone());
    let kinds = vec![Match::kind(), Answer::kind()];
    let spec = RingSpec { capacity: 64, ..RingSpec::new(kinds).unwrap() };
    let open = || Writer::open(&rings.directory, &matches, &spec).unwrap();
    let mut writer = open();
    let mut client = client(&rings).unwrap();
    let seq = client.ask(&[1.0, 0.0], &terms(2)).unwrap();
    let names = rings.directory.list().unwrap();
    let own = names.iter().find(|name| name.ring().starts_with("queries-")).unwrap();
    let asker = asker_number(&RingInfo::read(&rings.directory, own).unwrap());
    let query_id = u64::from(asker) << 32 | seq;
    let head = Answer { query_id, query_seq: seq, asker, count: 2, ..Answer::empty(0, 0, 0) };
    let near = |query_id, match_id| Match { query_id, match_id, ..Match::empty(0, 0, 0) };
    writer.publish(&head).unwrap();
    writer.publish(&near(query_id, 5)).unwrap();
    assert!(client.poll().unwrap().is_none());
    drop(writer);
    let mut writer = open();
    // Of a vector, as it stands among answers.
    writer.publish(&near(seq, 7)).unwrap();
    writer.publish(&near(query_id, 6)).unwrap();
    assert_eq!(ids(&client.wait(SOON).unwrap().unwrap()), [5, 6]);
    drop(vectors);
}

#[test]
fn the_ring_of_a_process_that_was_killed_is_removed_by_the_next_client() {
    let rings = Rings::new(2, 64);
    beside(&rings, 3, options(), || {
        // No process has this number: it is above the largest that Linux gives.
        drop(Asking::new(&rings, "queries-4999999-0", 2));
        drop(Asking::new(&rings, "queries-own", 2));
        let client = client(&rings).unwrap();
        let names: Vec<String> =
            rings.directory.list().unwrap().iter().map(|name| name.ring().to_owned()).collect();
        assert!(!names.contains(&"queries-4999999-0".to_owned()), "{names:?}");
        assert!(names.contains(&"queries-own".to_owned()), "{names:?}");
        drop(client);
    });
}

#[test]
fn answers_that_were_overwritten_are_told_and_those_behind_come() {
    let rings = Rings::new(2, 64);
    let small = MatcherOptions { capacity: 64, ..options() };
    beside(&rings, 40, small, || {
        let mut client = client(&rings).unwrap();
        let asked: Vec<u64> =
            (0..20).map(|_| client.ask(&[1.0, 0.0], &terms(30)).unwrap()).collect();
        // More than the ring holds, while nobody reads.
        while RingInfo::read(&rings.directory, &rings.matches).unwrap().published < 500 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let error = client.wait(SOON).unwrap_err();
        assert!(matches!(error, Error::AnswersLost { lost: 20, .. }), "{error}");
        assert_eq!((asked.len(), client.waiting()), (20, 0));
        let replies = client.search(&[7.0, 0.0], &terms(1), SOON).unwrap();
        assert_eq!(ids(&replies[0]), [7]);
    });
}
