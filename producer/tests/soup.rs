//! ITCH over SoupBinTCP: the client against the server, and against peers that misbehave.

mod cost;
mod peer;
mod resume;
mod support;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use tickring::record::{Gap, Mbo, flag};
use tickring_producer::Error;
use tickring_producer::pace::Pace;
use tickring_producer::play::soup::{SoupServer, SoupServerOptions, Trouble};
use tickring_producer::source::soup::{SoupError, SoupOptions, SoupSource, Timing};
use tickring_producer::wire::soupbintcp::{Credentials, Rejection, Session};

use crate::bus::{Bus, recorded};
use support::{Day, Playing, brief, collect, credentials, without_receipt};

#[test]
fn a_whole_session_gives_the_records_of_its_file() {
    let day = Day::generated(3_000);
    for budget in [1, 7, 256, 100_000] {
        let server = Playing::start(day.server());
        let (tape, report) = collect(day.client(&server), budget).unwrap();
        assert!(without_receipt(&tape) == day.tape.records, "budget {budget}");
        assert_eq!(report.anomalies, []);
        let counts = server.stop();
        assert_eq!(
            (counts["message"], counts["login"], counts["session completed"]),
            (5_000, 1, 1)
        );
    }
}

#[test]
fn the_artificial_day_arrives_as_it_is_in_its_file() {
    let Some(path) = recorded("itch/ritch_ex20101224.fixedlen.itch") else { return };
    let day = Day::of(path);
    let server = Playing::start(day.server());
    let (tape, report) = collect(day.client(&server), 256).unwrap();
    assert!(without_receipt(&tape) == day.tape.records);
    assert_eq!(report.inputs, day.report.inputs);
    assert_eq!(report.anomalies, day.report.anomalies);
}

#[test]
fn records_carry_the_time_of_their_receipt() {
    let day = Day::generated(30);
    let server = Playing::start(day.server());
    let from_ns = now_ns();
    let (tape, _) = collect(day.client(&server), 256).unwrap();
    let until_ns = now_ns();
    let times: BTreeSet<u64> = tape.of::<Mbo>().iter().map(|order| order.ts_recv).collect();
    assert!(times.iter().all(|time| (from_ns..=until_ns).contains(time)), "{times:?}");
}

fn now_ns() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_nanos()).unwrap()
}

#[test]
fn a_feed_of_a_session_publishes_and_closes_its_rings() {
    let day = Day::generated(300);
    let server = Playing::start(day.server());
    let bus = Bus::new();
    let summary = bus.feed(day.client(&server), &bus.options()).unwrap();
    assert_eq!(summary.records, day.tape.records.len() as u64);
    assert_eq!(bus.records::<Mbo>("ticks").len(), day.tape.of::<Mbo>().len());
}

#[test]
fn a_session_can_be_joined_in_its_middle() {
    let day = Day::generated(300);
    let (all, first) = (day.tape.of::<Mbo>(), 250);
    let server = Playing::start(day.server());
    let options = SoupOptions { sequence: first, ..day.options(&server) };
    let (tape, _) = collect(SoupSource::open(&options).unwrap(), 256).unwrap();
    let orders = tape.of::<Mbo>();
    let expected = all.iter().filter(|order| u64::from(order.sequence) >= first);
    assert_eq!(
        orders.iter().map(|order| order.sequence).collect::<Vec<_>>(),
        expected.map(|order| order.sequence).collect::<Vec<_>>()
    );
    // Nobody knows what was in the books before.
    assert!(orders.iter().all(|order| order.flags & flag::MAYBE_BAD_BOOK != 0));
    assert_eq!(tape.of::<Gap>(), []);
}

#[test]
fn the_newest_message_is_where_sequence_zero_begins() {
    let day = Day::generated(300);
    let server = Playing::start(day.server());
    let options = SoupOptions { sequence: 0, ..day.options(&server) };
    let (tape, _) = collect(SoupSource::open(&options).unwrap(), 256).unwrap();
    let sequences: BTreeSet<u32> = tape.of::<Mbo>().iter().map(|order| order.sequence).collect();
    assert_eq!(sequences, BTreeSet::from([500]));
}

#[test]
fn a_rejected_login_is_an_error_that_says_why() {
    let day = Day::generated(3);
    let server =
        Playing::start(SoupServerOptions { credentials: Some(credentials()), ..day.server() });
    let stranger = Credentials::new("nobody", "none").unwrap();
    let unknown = Session::new("20200101").unwrap();
    for (options, reason, text) in [
        (
            SoupOptions { credentials: stranger, ..day.options(&server) },
            Rejection::NotAuthorized,
            "'nobody' to session '' rejected: not authorized (A); check user name and password",
        ),
        (
            SoupOptions { session: unknown, ..day.options(&server) },
            Rejection::SessionNotAvailable,
            "session '20200101' rejected: session not available (S); name a session",
        ),
    ] {
        let error = SoupSource::open(&options).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        let Error::Soup { source: SoupError::Rejected { reason: found, .. }, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(found, reason);
    }
    assert_eq!(server.stop()["login rejected"], 2);
}

#[test]
fn a_server_can_reject_everybody() {
    let day = Day::generated(3);
    let trouble = Trouble { reject: Some(Rejection::Other(b'X')), ..Trouble::default() };
    let server = Playing::start(SoupServerOptions { trouble, ..day.server() });
    let error = SoupSource::open(&day.options(&server)).unwrap_err().to_string();
    assert!(error.contains("rejected: reason 'X'"), "{error}");
}

#[test]
fn a_paced_session_is_kept_alive_by_heartbeats() {
    let day = Day::generated(4);
    let timing = Timing { heartbeat: Duration::from_millis(5), ..brief() };
    let server =
        Playing::start(SoupServerOptions { pace: Pace::Rate(20.0), timing, ..day.server() });
    let (tape, report) = collect(day.client(&server), 256).unwrap();
    assert!(without_receipt(&tape) == day.tape.records);
    let heartbeats = report.inputs.iter().find(|count| count.name == "heartbeat");
    assert!(heartbeats.is_some_and(|heartbeats| heartbeats.count > 3), "{report:?}");
}

#[test]
fn a_server_serves_its_clients_side_by_side() {
    let day = Day::generated(600);
    let server = Playing::start(day.server());
    // Logged in, and never reads on.
    let _idle = day.client(&server);
    let clients: Vec<_> = (0..4).map(|_| day.client(&server)).collect();
    std::thread::scope(|scope| {
        for client in clients {
            scope.spawn(|| {
                let (tape, _) = collect(client, 64).unwrap();
                assert!(without_receipt(&tape) == day.tape.records);
            });
        }
    });
}

#[test]
fn what_cannot_be_opened_says_so() {
    let day = Day::generated(3);
    let server = Playing::start(day.server());
    let taken = SoupServerOptions { listen: server.address(), ..day.server() };
    let error = SoupServer::open(&taken).unwrap_err().to_string();
    assert!(error.contains("cannot listen"), "{error}");
    for (address, expected) in [("nowhere", "HOST:PORT"), ("127.0.0.1:99999", "HOST:PORT")] {
        let error = SoupSource::open(&SoupOptions::new(address, credentials())).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let address = server.address().to_string();
    server.stop();
    let error = SoupSource::open(&SoupOptions::new(address, credentials())).unwrap_err();
    assert!(error.to_string().contains("cannot connect"), "{error}");
}
