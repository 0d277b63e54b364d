use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::Range;

use proptest::prelude::*;
use zerocopy::IntoBytes;

use super::*;

mod model;

const MS: u64 = 1_000_000;
const SESSION: Session = *b"0000000001";
const OTHER: Session = *b"0000000002";
const A: Origin = Origin::Line(0);
const B: Origin = Origin::Line(1);

/// What came out; messages are told by their numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Out {
    Message(u64),
    Filled(u64, u64),
    Lost { first: u64, end: u64, recovered: u64 },
    Session(u64),
}

fn lost(first: u64, end: u64) -> Out {
    Out::Lost { first, end, recovered: 0 }
}

fn messages(numbers: Range<u64>) -> Vec<Out> {
    numbers.map(Out::Message).collect()
}

/// A packet whose messages are their own numbers.
fn packet(session: Session, numbers: Range<u64>) -> Vec<u8> {
    let count = u16::try_from(numbers.end - numbers.start).unwrap();
    let mut bytes = Header::new(session, numbers.start, count).as_bytes().to_vec();
    for number in numbers {
        bytes.extend([0, 8]);
        bytes.extend(number.to_be_bytes());
    }
    bytes
}

/// An arbiter and what it gave.
struct Rig {
    arbiter: Arbiter,
    now_ns: u64,
    out: Vec<Out>,
    losses: Vec<Loss>,
}

impl Rig {
    fn new(options: ArbiterOptions) -> Self {
        Self { arbiter: Arbiter::new(options), now_ns: 1, out: Vec::new(), losses: Vec::new() }
    }

    /// From message 1, with 10 ms of patience.
    fn from_one() -> Self {
        Self::new(ArbiterOptions { first: Some(1), window: 64, ..ArbiterOptions::default() })
    }

    fn with_server(recovery: RecoveryOptions) -> Self {
        let recovery = Some(recovery);
        let options = ArbiterOptions { first: Some(1), window: 64, ..ArbiterOptions::default() };
        Self::new(ArbiterOptions { recovery, ..options })
    }

    fn bytes(&mut self, origin: Origin, bytes: &[u8]) {
        let packet = Packet::parse(bytes).unwrap();
        let (out, losses, now_ns) = (&mut self.out, &mut self.losses, self.now_ns);
        let mut take = |delivery: Delivery<'_>| {
            keep(delivery, out, losses);
            Ok::<_, Infallible>(())
        };
        self.arbiter.packet(origin, &packet, now_ns, now_ns, &mut take).unwrap();
    }

    fn packet(&mut self, origin: Origin, numbers: Range<u64>) {
        self.bytes(origin, &packet(SESSION, numbers));
    }

    fn header(&mut self, origin: Origin, header: Header) {
        self.bytes(origin, header.as_bytes());
    }

    fn pass(&mut self, ns: u64) {
        self.now_ns += ns;
        let (out, losses) = (&mut self.out, &mut self.losses);
        let mut take = |delivery: Delivery<'_>| {
            keep(delivery, out, losses);
            Ok::<_, Infallible>(())
        };
        self.arbiter.tick(self.now_ns, &mut take).unwrap();
    }

    /// The requests that are due: first number and count.
    fn requests(&mut self) -> Vec<(u64, u16)> {
        let mut found = Vec::new();
        while let Some(request) = self.arbiter.request(self.now_ns) {
            assert_eq!(request.session, SESSION);
            found.push((request.sequence.get(), request.count.get()));
        }
        found
    }

    fn take(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }
}

fn keep(delivery: Delivery<'_>, out: &mut Vec<Out>, losses: &mut Vec<Loss>) {
    match delivery {
        Delivery::Run(run) => {
            assert!(run.count > 0);
            let before = out.len();
            for (number, message) in run.messages() {
                assert_eq!(message, number.to_be_bytes());
                out.push(Out::Message(number));
            }
            assert_eq!((out.len() - before) as u64, run.count);
        }
        Delivery::Loss(loss) => {
            losses.push(loss);
            let Loss { first, end, recovered, .. } = loss;
            out.push(match loss.is_filled() {
                true => Out::Filled(first, end),
                false => Out::Lost { first, end, recovered },
            });
        }
        Delivery::Session { end, .. } => out.push(Out::Session(end)),
    }
}

#[test]
fn an_overtaken_packet_is_no_gap() {
    let mut rig = Rig::from_one();
    rig.packet(A, 1..2);
    rig.packet(A, 3..4);
    assert!(rig.arbiter.has_hole());
    rig.pass(9 * MS);
    rig.packet(A, 2..3);
    assert!(!rig.arbiter.has_hole());
    rig.pass(1_000 * MS);
    assert_eq!(rig.out, messages(1..4));
    assert_eq!(rig.arbiter.counts().lines[0].out_of_order, 1);
}

#[test]
fn each_message_comes_once_from_the_line_that_is_first() {
    let mut rig = Rig::from_one();
    for (origin, numbers) in
        [(A, 1..4), (B, 1..4), (B, 4..6), (A, 4..6), (A, 4..6), (A, 8..9), (B, 8..9), (B, 6..8)]
    {
        rig.packet(origin, numbers);
    }
    assert_eq!(rig.out, messages(1..9));
    let duplicates = |line: usize| rig.arbiter.counts().lines[line].duplicates;
    assert_eq!((duplicates(0), duplicates(1)), (2, 2));
    assert_eq!(rig.arbiter.counts().lines[0].messages, 3 + 2 + 2 + 1);
}

#[test]
fn lines_need_not_cut_the_messages_into_the_same_packets() {
    let mut rig = Rig::from_one();
    for (origin, numbers) in [(A, 1..4), (B, 2..6), (A, 5..7), (B, 9..12), (A, 8..10), (A, 6..9)] {
        rig.packet(origin, numbers);
    }
    assert_eq!(rig.out, messages(1..12));
}

#[test]
fn a_hole_that_nobody_fills_is_one_loss_before_the_next_message() {
    let mut rig = Rig::from_one();
    rig.packet(A, 1..3);
    rig.pass(5 * MS);
    rig.packet(B, 6..8);
    assert_eq!(rig.arbiter.deadline_ns(), Some(rig.now_ns + 10 * MS));
    rig.pass(10 * MS - 1);
    assert_eq!(rig.take(), messages(1..3));
    rig.pass(1);
    assert_eq!(rig.take(), [lost(3, 6), Out::Message(6), Out::Message(7)]);
    assert_eq!((rig.losses[0].attempts, rig.losses[0].origin), (0, B));
    assert_eq!(rig.losses[0].declared_ns, rig.now_ns);
    rig.packet(A, 3..6);
    assert_eq!(rig.take(), [], "what was given up comes too late");
    let counts = rig.arbiter.counts();
    assert_eq!((counts.unrecoverable, counts.lost, counts.filled), (1, 3, 0));
}

#[test]
fn a_server_fills_a_hole_in_as_many_answers_as_it_takes() {
    let mut rig = Rig::with_server(RecoveryOptions { request: 50, ..RecoveryOptions::default() });
    rig.packet(A, 1..11);
    rig.packet(A, 111..121);
    assert_eq!(rig.requests(), [], "it may close by itself");
    rig.pass(10 * MS);
    assert_eq!(rig.requests(), [(11, 50)]);
    rig.packet(Origin::Recovery, 11..41);
    assert_eq!(rig.requests(), [(41, 50)]);
    rig.packet(Origin::Recovery, 41..91);
    // The line is late with a part of it.
    rig.packet(B, 106..116);
    assert_eq!(rig.requests(), [(91, 15)]);
    rig.packet(Origin::Recovery, 91..106);
    let expected = [messages(1..111), vec![Out::Filled(11, 111)], messages(111..121)].concat();
    assert_eq!(rig.out, expected);
    assert_eq!((rig.losses[0].attempts, rig.losses[0].recovered), (3, 100));
    assert_eq!((rig.requests(), rig.arbiter.deadline_ns()), (vec![], None));
}

#[test]
fn an_answer_may_have_more_than_was_asked_for() {
    let mut rig = Rig::with_server(RecoveryOptions::default());
    rig.packet(A, 1..3);
    rig.packet(A, 5..7);
    rig.pass(10 * MS);
    assert_eq!(rig.requests(), [(3, 2)]);
    rig.packet(Origin::Recovery, 2..9);
    let expected = [messages(1..5), vec![Out::Filled(3, 5)], messages(5..9)].concat();
    assert_eq!(rig.out, expected, "the loss stands where the hole ends");
}

#[test]
fn a_silent_server_is_asked_with_growing_pauses_and_then_given_up() {
    let mut rig = Rig::with_server(RecoveryOptions {
        attempts: 4,
        longest_wait: Duration::from_millis(150),
        ..RecoveryOptions::default()
    });
    rig.packet(A, 1..2);
    rig.packet(A, 3..4);
    rig.pass(10 * MS);
    let mut asked_ms = Vec::new();
    let start_ns = rig.now_ns;
    while rig.losses.is_empty() {
        asked_ms.extend(rig.requests().iter().map(|_| (rig.now_ns - start_ns) / MS));
        let deadline_ns = rig.arbiter.deadline_ns().unwrap();
        rig.pass(deadline_ns - rig.now_ns);
    }
    assert_eq!(asked_ms, [0, 50, 150, 300]);
    assert_eq!((rig.now_ns - start_ns) / MS, 450);
    assert_eq!(rig.out, [Out::Message(1), lost(2, 3), Out::Message(3)]);
    assert_eq!(rig.losses[0].attempts, 4);
}

#[test]
fn a_server_that_dies_between_answers_leaves_one_loss_that_says_how_far_it_came() {
    let mut rig = Rig::with_server(RecoveryOptions { attempts: 2, ..RecoveryOptions::default() });
    rig.packet(A, 1..2);
    rig.packet(A, 10..11);
    rig.pass(10 * MS);
    assert_eq!(rig.requests(), [(2, 8)]);
    rig.packet(Origin::Recovery, 2..6);
    for _ in 0..10 {
        rig.requests();
        rig.pass(50 * MS);
    }
    let loss = Out::Lost { first: 2, end: 10, recovered: 4 };
    assert_eq!(rig.out, [messages(1..6), vec![loss, Out::Message(10)]].concat());
    let counts = rig.arbiter.counts();
    assert_eq!((counts.recovered, counts.lost, counts.unrecoverable), (4, 4, 1));
}

#[test]
fn a_server_that_answers_forever_a_little_is_given_up_at_the_limit() {
    let mut rig = Rig::with_server(RecoveryOptions {
        limit: Duration::from_millis(100),
        ..RecoveryOptions::default()
    });
    rig.packet(A, 1..2);
    rig.packet(A, 1_000..1_001);
    rig.pass(10 * MS);
    let mut next = 2;
    while rig.losses.is_empty() {
        assert_eq!(rig.requests().len(), 1);
        rig.packet(Origin::Recovery, next..next + 1);
        next += 1;
        rig.pass(10 * MS);
    }
    let loss = Out::Lost { first: 2, end: 1_000, recovered: 10 };
    assert_eq!(rig.out[11..], [loss, Out::Message(1_000)]);
}

#[test]
fn a_hole_too_large_to_ask_for_is_given_up_at_once() {
    let recovery = RecoveryOptions { most_messages: 100, ..RecoveryOptions::default() };
    for (end, asked) in [(102, vec![(2, 100)]), (103, vec![])] {
        let mut rig = Rig::with_server(recovery);
        rig.packet(A, 1..2);
        rig.packet(A, end..end + 1);
        rig.pass(10 * MS);
        assert_eq!(rig.requests(), asked);
        assert_eq!(rig.losses.len(), usize::from(asked.is_empty()));
    }
}

#[test]
fn a_declared_hole_that_a_line_closes_after_all_is_filled() {
    let mut rig = Rig::with_server(RecoveryOptions::default());
    rig.packet(A, 1..2);
    rig.packet(A, 3..4);
    rig.pass(10 * MS);
    assert_eq!(rig.requests(), [(2, 1)]);
    rig.packet(B, 2..3);
    assert_eq!(rig.out, [messages(1..3), vec![Out::Filled(2, 3), Out::Message(3)]].concat());
    rig.packet(Origin::Recovery, 2..3);
    assert_eq!(rig.arbiter.counts().recovery.duplicates, 1);
}

#[test]
fn a_full_window_ends_the_waiting() {
    let options = ArbiterOptions { first: Some(1), window: 3, ..ArbiterOptions::default() };
    let mut rig = Rig::new(options);
    for first in [1, 3, 5, 7] {
        rig.packet(A, first..first + 1);
    }
    assert_eq!(rig.take(), [Out::Message(1)]);
    rig.packet(A, 9..10);
    assert_eq!(rig.take(), [lost(2, 3), Out::Message(3)]);
    // Held now: 5, 7, 9. One that lies in the hole itself needs no room.
    rig.packet(A, 4..5);
    assert_eq!(rig.take(), messages(4..6));
    rig.packet(A, 13..14);
    rig.packet(A, 11..12);
    assert_eq!(rig.take(), [lost(6, 7), Out::Message(7)]);
    rig.pass(10 * MS);
    let given = [lost(8, 9), Out::Message(9), lost(10, 11), Out::Message(11), lost(12, 13)];
    assert_eq!(rig.take(), [&given[..], &[Out::Message(13)]].concat());
    assert_eq!(rig.arbiter.counts().overflows, 2);
}

#[test]
fn heartbeats_and_the_end_of_a_session_show_what_is_missing_at_its_end() {
    for end in [false, true] {
        let mut rig = Rig::from_one();
        rig.packet(A, 1..3);
        let header =
            if end { Header::end_of_session(SESSION, 5) } else { Header::heartbeat(SESSION, 5) };
        rig.header(B, header);
        assert!(rig.arbiter.has_hole() && !rig.arbiter.is_ended());
        rig.pass(5 * MS);
        // A later one does not prolong the wait.
        rig.header(A, header);
        rig.pass(5 * MS);
        assert_eq!(rig.out, [messages(1..3), vec![lost(3, 5)]].concat());
        assert_eq!(rig.arbiter.is_ended(), end);
        rig.packet(A, 5..6);
        assert_eq!(rig.out[3..], [Out::Message(5)]);
    }
}

#[test]
fn a_session_ends_when_all_of_it_was_given() {
    let mut rig = Rig::from_one();
    rig.header(A, Header::end_of_session(SESSION, 3));
    rig.packet(B, 1..2);
    assert!(!rig.arbiter.is_ended());
    rig.packet(B, 2..3);
    assert!(rig.arbiter.is_ended());
    let mut rig = Rig::from_one();
    rig.packet(A, 1..5);
    rig.header(A, Header::end_of_session(SESSION, 3));
    assert!(!rig.arbiter.is_ended(), "an end before what was seen is damage");
    assert_eq!(rig.arbiter.counts().lines[0].implausible, 1);
    rig.header(B, Header::end_of_session(SESSION, 3));
    assert!(rig.arbiter.is_ended(), "unless it is said again");
}

#[test]
fn another_session_begins_when_a_second_packet_says_so() {
    let mut rig = Rig::from_one();
    rig.packet(A, 1..3);
    rig.packet(A, 5..6);
    rig.bytes(A, &packet(OTHER, 1..3));
    assert_eq!(rig.take(), messages(1..3));
    rig.packet(B, 3..4);
    rig.bytes(B, &packet(OTHER, 1..3));
    let begun = [vec![Out::Message(3), lost(4, 5), Out::Message(5), Out::Session(6)]];
    assert_eq!(rig.take(), [begun.concat(), messages(1..3)].concat());
    assert_eq!(rig.arbiter.session(), Some(&OTHER));
    // What is left of the old session is late.
    rig.packet(B, 4..5);
    rig.packet(B, 6..7);
    rig.bytes(A, &packet(OTHER, 4..5));
    rig.bytes(A, &packet(OTHER, 3..4));
    assert_eq!(rig.take(), messages(3..5));
    let foreign = |line: usize| rig.arbiter.counts().lines[line].foreign;
    assert_eq!((foreign(0), foreign(1)), (1, 2));
}

#[test]
fn a_damaged_number_does_not_end_the_feed() {
    let mut rig = Rig::from_one();
    rig.packet(A, 1..2);
    rig.packet(A, 1 << 60..(1 << 60) + 1);
    rig.packet(B, 2..3);
    rig.header(A, Header::heartbeat(SESSION, 1 << 50));
    rig.header(B, Header::end_of_session(SESSION, u64::MAX));
    rig.pass(1_000 * MS);
    rig.packet(A, 3..4);
    assert_eq!(rig.out, messages(1..4));
    assert!(!rig.arbiter.has_hole());
    let implausible = |line: usize| rig.arbiter.counts().lines[line].implausible;
    assert_eq!((implausible(0), implausible(1)), (2, 1));
}

#[test]
fn a_jump_that_two_packets_agree_on_is_believed() {
    let mut rig = Rig::with_server(RecoveryOptions::default());
    rig.packet(A, 1..2);
    let far = 300_000_000;
    rig.packet(A, far..far + 2);
    rig.packet(A, far + 2..far + 4);
    rig.packet(B, far..far + 2);
    rig.pass(10 * MS);
    assert_eq!(rig.out, [vec![Out::Message(1), lost(2, far)], messages(far..far + 4)].concat());
}

#[test]
fn a_feed_that_is_joined_in_its_middle_begins_with_the_lowest_message_seen() {
    let mut rig = Rig::new(ArbiterOptions { window: 64, ..ArbiterOptions::default() });
    rig.packet(A, 700..702);
    rig.packet(B, 698..700);
    assert_eq!((rig.take(), rig.arbiter.next()), (vec![], None));
    rig.pass(10 * MS);
    assert_eq!(rig.take(), messages(698..702));
    rig.packet(B, 690..698);
    assert_eq!(rig.take(), []);
    let mut rig = Rig::new(ArbiterOptions { window: 64, ..ArbiterOptions::default() });
    rig.header(A, Header::heartbeat(SESSION, 700));
    rig.pass(10 * MS);
    rig.packet(A, 701..702);
    rig.pass(10 * MS);
    assert_eq!(rig.take(), [lost(700, 701), Out::Message(701)]);
    // A window that is full before there was time begins with what it has.
    let mut rig = Rig::new(ArbiterOptions { window: 2, ..ArbiterOptions::default() });
    for number in [10, 12, 11, 13] {
        rig.packet(A, number..number + 1);
    }
    assert_eq!(rig.take(), messages(10..14));
}

#[test]
fn numbers_cross_32_bits_and_end_below_64() {
    for first in [(1 << 32) - 3, u64::MAX - 10] {
        let options = ArbiterOptions { first: Some(first), ..ArbiterOptions::default() };
        let mut rig = Rig::new(options);
        rig.packet(A, first..first + 2);
        rig.packet(A, first + 4..first + 6);
        rig.packet(B, first + 2..first + 4);
        rig.header(B, Header::end_of_session(SESSION, first + 6));
        assert_eq!(rig.out, messages(first..first + 6));
        assert!(rig.arbiter.is_ended());
    }
}

#[test]
fn a_packet_too_long_to_be_held_is_counted_and_can_come_again() {
    let options = ArbiterOptions { first: Some(1), packet_bytes: 64, ..ArbiterOptions::default() };
    let mut rig = Rig::new(options);
    rig.packet(A, 2..20);
    assert_eq!(rig.arbiter.counts().lines[0].too_long, 1);
    rig.packet(A, 1..2);
    rig.packet(B, 2..20);
    assert_eq!(rig.out, messages(1..20));
}
