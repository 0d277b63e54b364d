//! Servers that misbehave: what each of their connections sends is written out.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tickring::record::{Gap, Mbo, flag, gap_cause, gap_state};
use tickring_producer::Error;
use tickring_producer::sink::tape::Tape;
use tickring_producer::source::Report;
use tickring_producer::source::soup::{SoupError, SoupOptions, SoupSource, Timing};
use tickring_producer::wire::soupbintcp::{
    ClientPacket, END_OF_SESSION, HEADER_LEN, LOGOUT_REQUEST, LoginAccepted, LoginRequest, Packet,
    Rejection, SERVER_HEARTBEAT, Session, sequenced_header,
};

use super::support::{brief, collect, counted, credentials};

/// Accepts a connection for each of `answers`, hears a login and sends the answer; then closes it.
/// Returns the login requests.
fn serve(answers: Vec<Vec<u8>>) -> (SocketAddr, JoinHandle<Vec<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let answered = answers.into_iter().map(|answer| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut login = vec![0; LoginRequest::PACKET_LEN];
            stream.read_exact(&mut login).unwrap();
            stream.write_all(&answer).unwrap();
            login
        });
        answered.collect()
    });
    (address, thread)
}

fn options(address: SocketAddr) -> SoupOptions {
    let attempts = Some(3);
    SoupOptions {
        timing: brief(),
        attempts,
        ..SoupOptions::new(address.to_string(), credentials())
    }
}

/// What came of a session.
type Outcome = Result<(Tape, Report), Error>;

/// What a client makes of these answers, and what it asked for.
fn played(answers: Vec<Vec<u8>>) -> (Outcome, Vec<(Session, u64)>) {
    let (address, thread) = serve(answers);
    let result = SoupSource::open(&options(address)).and_then(|source| collect(source, 10));
    // A client that came too seldom is seen as a login that is cut off, not by waiting for ever.
    while !thread.is_finished() {
        drop(TcpStream::connect(address));
        thread::yield_now();
    }
    let logins = thread.join().unwrap();
    let asked = logins.iter().map(|login| {
        let payload = login.get(HEADER_LEN..).unwrap();
        let packet = Packet { packet_type: b'L', payload };
        let Ok(ClientPacket::LoginRequest(request)) = ClientPacket::parse(packet) else {
            panic!("{}", login.escape_ascii())
        };
        (request.session(), request.sequence().unwrap())
    });
    (result, asked.collect())
}

fn session(name: &str) -> Session {
    Session::new(name).unwrap()
}

fn accepted(name: &str, sequence: u64) -> Vec<u8> {
    LoginAccepted::new(session(name), sequence).packet().to_vec()
}

fn sequenced(message: &[u8]) -> Vec<u8> {
    [&sequenced_header(message.len()).unwrap()[..], message].concat()
}

/// An order added at this id.
fn add(id: u64) -> Vec<u8> {
    let head = [&b"A\0\x01\0\0\0\0\0\0\x03\xE8"[..], &id.to_be_bytes(), b"B"].concat();
    sequenced(&[&head[..], &90u32.to_be_bytes(), b"TEST    ", &10_000u32.to_be_bytes()].concat())
}

/// Sequences and ids of the orders.
fn orders(tape: &Tape) -> Vec<(u32, u64)> {
    tape.of::<Mbo>().iter().map(|order| (order.sequence, order.order_id)).collect()
}

fn gaps(tape: &Tape) -> Vec<(u8, u16, u64, u64)> {
    let gaps = tape.of::<Gap>().into_iter();
    gaps.map(|gap| (gap.state, gap.cause, gap.first_missing, gap.end_missing)).collect()
}

#[test]
fn messages_lost_by_a_reconnect_are_told_before_the_next_record() {
    let (result, asked) = played(vec![
        [accepted("A", 1), add(1), add(2)].concat(),
        [accepted("A", 6), add(6), END_OF_SESSION.to_vec()].concat(),
    ]);
    let (tape, report) = result.unwrap();
    assert_eq!(tape.names(), ["mbo", "mbo", "gap", "mbo"]);
    assert_eq!(orders(&tape), [(1, 1), (2, 2), (6, 6)]);
    assert_eq!(gaps(&tape), [(gap_state::RECONNECT, gap_cause::DISCONNECT, 3, 6)]);
    let flags: Vec<u8> = tape.of::<Mbo>().iter().map(|order| order.flags).collect();
    assert_eq!(flags, [flag::LAST, flag::LAST, flag::LAST | flag::MAYBE_BAD_BOOK]);
    assert_eq!(counted(&report.anomalies, "message lost"), 3);
    assert_eq!(asked, [(Session::ANY, 1), (session("A"), 3)]);
}

#[test]
fn messages_that_come_again_are_passed_over() {
    let (result, _) = played(vec![
        [accepted("A", 1), add(1), add(2)].concat(),
        [accepted("A", 1), add(1), add(2), add(3), END_OF_SESSION.to_vec()].concat(),
    ]);
    let (tape, report) = result.unwrap();
    assert_eq!(orders(&tape), [(1, 1), (2, 2), (3, 3)]);
    assert_eq!(counted(&report.anomalies, "message repeated"), 2);
}

#[test]
fn a_session_that_begins_late_is_a_gap() {
    let (result, _) = played(vec![[accepted("A", 4), add(4), END_OF_SESSION.to_vec()].concat()]);
    let (tape, _) = result.unwrap();
    assert_eq!(gaps(&tape), [(gap_state::UNRECOVERABLE, gap_cause::SEQUENCE, 1, 4)]);
    assert_eq!(orders(&tape), [(4, 4)]);
}

#[test]
fn a_server_that_changes_the_session_by_itself_is_asked_for_its_beginning() {
    let (result, asked) = played(vec![
        [accepted("A", 1), add(1), add(2)].concat(),
        accepted("B", 3),
        [accepted("B", 1), add(7), END_OF_SESSION.to_vec()].concat(),
    ]);
    let (tape, _) = result.unwrap();
    assert_eq!(tape.names(), ["mbo", "mbo", "gap", "mbo"]);
    assert_eq!(orders(&tape), [(1, 1), (2, 2), (1, 7)]);
    assert_eq!(gaps(&tape), [(gap_state::SESSION_RESET, gap_cause::DISCONNECT, 1, 1)]);
    assert_eq!(asked, [(Session::ANY, 1), (session("A"), 3), (session("B"), 1)]);
}

#[test]
fn bytes_that_are_no_packets_break_the_connection_and_not_the_stream() {
    let (result, asked) = played(vec![
        [accepted("A", 1), add(1), vec![0, 0, 9, 9, 9]].concat(),
        [accepted("A", 2), add(2), END_OF_SESSION.to_vec()].concat(),
    ]);
    let (tape, report) = result.unwrap();
    assert_eq!(orders(&tape), [(1, 1), (2, 2)]);
    assert_eq!(gaps(&tape), []);
    assert_eq!(counted(&report.anomalies, "packet refused"), 1);
    assert_eq!(asked[1], (session("A"), 2));
}

#[test]
fn packets_that_no_server_sends_are_counted_and_passed_over() {
    let odd =
        [b"\0\x01L".to_vec(), b"\0\x02Hx".to_vec(), Rejection::NotAuthorized.packet().to_vec()];
    let (result, _) = played(vec![
        [
            b"\0\x06+hello".to_vec(),
            SERVER_HEARTBEAT.to_vec(),
            accepted("A", 1),
            odd.concat(),
            b"\0\x03Uxy".to_vec(),
            add(1),
            END_OF_SESSION.to_vec(),
        ]
        .concat(),
    ]);
    let (tape, report) = result.unwrap();
    assert_eq!(orders(&tape), [(1, 1)]);
    assert_eq!(counted(&report.anomalies, "packet refused"), 3);
    for name in ["heartbeat", "debug text", "unsequenced message"] {
        assert_eq!(counted(&report.inputs, name), 1, "{name}");
    }
}

#[test]
fn a_message_that_is_not_itch_is_a_gap_of_one() {
    for bad in [&b""[..], b"?", b"A too short"] {
        let (result, _) = played(vec![
            [accepted("A", 1), add(1), sequenced(bad), add(3), END_OF_SESSION.to_vec()].concat(),
        ]);
        let (tape, report) = result.unwrap();
        assert_eq!(tape.names(), ["mbo", "gap", "mbo"]);
        assert_eq!(orders(&tape), [(1, 1), (3, 3)]);
        assert_eq!(gaps(&tape), [(gap_state::UNRECOVERABLE, gap_cause::MALFORMED, 2, 3)]);
        assert_eq!(counted(&report.anomalies, "message refused"), 1);
    }
}

#[test]
fn a_first_login_that_is_not_answered_as_it_must_is_an_error() {
    for (answer, expected) in [
        (Vec::new(), "closed the connection"),
        (END_OF_SESSION.to_vec(), "found a packet of type 'Z'"),
        (add(1), "found a packet of type 'S'"),
        (b"\0\x02Ax".to_vec(), "expected a payload of 30 bytes, found 1"),
        (accepted("A", 0), "without a sequence"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "closed the connection"),
        (b"\0\0".to_vec(), "packet of length 0"),
    ] {
        let (result, _) = played(vec![answer]);
        let error = result.map(drop).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_left() {
    // The system accepts the connection; nobody answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let timing = Timing { login: Duration::from_millis(30), ..brief() };
    let options = SoupOptions { timing, ..options(listener.local_addr().unwrap()) };
    let error = SoupSource::open(&options).unwrap_err();
    let is_late = matches!(&error, Error::Soup { source: SoupError::Late { .. }, .. });
    assert!(is_late && error.to_string().contains("no answer to the login within 30ms"), "{error}");
}

#[test]
fn a_server_that_stays_away_is_given_up_after_so_many_attempts() {
    let (address, thread) = serve(vec![[accepted("A", 1), add(1)].concat()]);
    let source = SoupSource::open(&options(address)).unwrap();
    thread.join().unwrap();
    let error = collect(source, 10).map(drop).unwrap_err();
    assert!(error.to_string().contains("cannot connect"), "{error}");
}

#[test]
fn a_login_that_is_rejected_again_and_again_is_an_error() {
    let rejections = vec![Rejection::NotAuthorized.packet().to_vec(); 8];
    let answers = [vec![[accepted("A", 1), add(1)].concat()], rejections].concat();
    let (address, thread) = serve(answers);
    let options = SoupOptions { attempts: None, ..options(address) };
    let error = collect(SoupSource::open(&options).unwrap(), 10).map(drop).unwrap_err();
    assert!(error.to_string().contains("not authorized"), "{error}");
    assert_eq!(thread.join().unwrap().len(), 9);
}

#[test]
fn a_client_says_that_it_lives_and_that_it_goes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let timing = Timing { heartbeat: Duration::from_millis(5), ..brief() };
    let options = SoupOptions { timing, ..options(listener.local_addr().unwrap()) };
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = vec![0; LoginRequest::PACKET_LEN + 3 * 3];
        stream.write_all(&accepted("A", 1)).unwrap();
        stream.read_exact(&mut heard).unwrap();
        stream.write_all(&END_OF_SESSION).unwrap();
        stream.read_to_end(&mut heard).unwrap();
        heard.split_off(LoginRequest::PACKET_LEN)
    });
    collect(SoupSource::open(&options).unwrap(), 10).unwrap();
    let heard = thread.join().unwrap();
    let (last, heartbeats) =
        heard.split_last_chunk::<3>().map(|(rest, last)| (last, rest)).unwrap();
    assert_eq!(*last, LOGOUT_REQUEST);
    assert!(heartbeats.len() >= 9 && heartbeats.chunks(3).all(|packet| packet == b"\0\x01R"));
}

#[test]
fn any_bytes_behind_a_login_are_survived() {
    let strategy = prop::collection::vec(
        prop_oneof![
            Just(b"\0\x01".to_vec()),
            Just(add(1)),
            Just(SERVER_HEARTBEAT.to_vec()),
            prop::collection::vec(any::<u8>(), 1..40),
        ],
        0..12,
    );
    let mut runner = TestRunner::new(Config { cases: 64, ..Config::default() });
    let survived = |parts: Vec<Vec<u8>>| {
        let bytes = [accepted("A", 1), parts.concat()].concat();
        // Closed without an end: the client comes again, and finds nobody.
        let (result, _) = played(vec![bytes]);
        if let Ok((tape, _)) = result {
            prop_assert!(tape.records.len() <= 24);
        }
        Ok(())
    };
    runner.run(&strategy, survived).unwrap();
}
