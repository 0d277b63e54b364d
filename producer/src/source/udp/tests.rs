use tickring::record::{flag, gap_cause, gap_state};
use zerocopy::IntoBytes;

use super::*;
use crate::sink::tape::Tape;
use crate::wire::moldudp64::Header;

const SESSION: [u8; 10] = *b"0000000001";
/// 2010-12-24 in New York.
const MIDNIGHT_NS: u64 = 1_293_166_800_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// An add of an order at a time of day.
fn add(order: u64, time_ns: u64) -> Vec<u8> {
    let mut message = vec![b'A', 0, 7, 0, 0];
    message.extend(&time_ns.to_be_bytes()[2..]);
    message.extend(order.to_be_bytes());
    message.extend(b"B\0\0\0\x64TEST    \0\x01\0\0");
    message
}

fn packet(sequence: u64, messages: &[&[u8]]) -> Vec<u8> {
    let count = u16::try_from(messages.len()).unwrap();
    let mut bytes = Header::new(SESSION, sequence, count).as_bytes().to_vec();
    for message in messages {
        bytes.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        bytes.extend(*message);
    }
    bytes
}

/// Gives packets, received at these times of day, to the arbiter and makes records of them.
fn records(options: &UdpOptions, packets: &[(u64, Vec<u8>)]) -> (Tape, Records) {
    let mut arbiter = Arbiter::new(ArbiterOptions { first: options.first, ..Default::default() });
    let mut records = Records::new(options).unwrap();
    let mut tape = Tape::default();
    for (time_ns, bytes) in packets {
        let packet = Packet::parse(bytes).unwrap();
        let ts_recv_ns = MIDNIGHT_NS + time_ns;
        arbiter
            .packet(Origin::Line(1), &packet, ts_recv_ns, *time_ns, &mut |given| {
                records.take(given, *time_ns, ts_recv_ns, &mut tape)
            })
            .unwrap();
    }
    (tape, records)
}

fn options() -> UdpOptions {
    let date = Some(Date::constant(2010, 12, 24));
    UdpOptions { first: Some(1), date, channel: 3, ..UdpOptions::new(Vec::new()) }
}

#[test]
fn a_message_that_is_not_itch_is_a_gap_of_one() {
    let packets = [(SECOND, packet(1, &[&add(1, 5), b"Z??", b"", &add(2, 6)]))];
    let (tape, records) = records(&options(), &packets);
    assert_eq!(tape.names(), ["mbo", "gap", "gap", "mbo"]);
    for (gap, number) in tape.of::<Gap>().iter().zip([2, 3]) {
        assert_eq!((gap.first_missing, gap.end_missing, gap.recovered), (number, number + 1, 0));
        assert_eq!((gap.state, gap.cause), (gap_state::UNRECOVERABLE, gap_cause::MALFORMED));
        assert_eq!((gap.line, gap.channel_id, gap.ts_detect), (1, 3, MIDNIGHT_NS + SECOND));
    }
    let mbo = tape.of::<Mbo>();
    let flags: Vec<u8> = mbo.iter().map(|mbo| mbo.flags & flag::MAYBE_BAD_BOOK).collect();
    assert_eq!(flags, [0, flag::MAYBE_BAD_BOOK]);
    assert_eq!((mbo[1].sequence, mbo[1].ts_recv), (4, MIDNIGHT_NS + SECOND));
    let undecodable = Count::new("messages not ITCH 5.0", 2);
    assert!(records.report().anomalies.contains(&undecodable));
}

#[test]
fn what_was_received_before_it_happened_is_flagged_and_keeps_its_times() {
    let packets = [(100, packet(1, &[&add(1, 100), &add(2, 101)]))];
    let (tape, _) = records(&options(), &packets);
    let found = tape.of::<Mbo>();
    let found: Vec<_> = found.iter().map(|m| (m.flags, m.ts_recv, m.header.ts_event)).collect();
    let (early, recv) = (flag::LAST | flag::BAD_TS_RECV, MIDNIGHT_NS + 100);
    assert_eq!(found, [(flag::LAST, recv, recv), (early, recv, recv + 1)]);
}

#[test]
fn a_loss_is_told_with_its_line_and_the_time_when_it_was_declared() {
    let packets = [
        (SECOND, packet(1, &[&add(1, 5)])),
        (2 * SECOND, packet(4, &[&add(4, 6)])),
        (3 * SECOND, Header::heartbeat(SESSION, 5).as_bytes().to_vec()),
    ];
    let (tape, _) = records(&options(), &packets);
    assert_eq!(tape.names(), ["mbo", "gap", "mbo"]);
    let gap = tape.of::<Gap>()[0];
    assert_eq!((gap.first_missing, gap.end_missing, gap.attempts), (2, 4, 0));
    assert_eq!((gap.state, gap.cause), (gap_state::UNRECOVERABLE, gap_cause::SEQUENCE));
    assert_eq!((gap.line, gap.ts_detect), (1, MIDNIGHT_NS + 3 * SECOND));
    assert_eq!(tape.of::<Mbo>()[1].ts_recv, MIDNIGHT_NS + 2 * SECOND);
}

#[test]
fn sequences_are_the_low_32_bits_of_the_number() {
    let first = (1 << 32) - 1;
    let packets = [(SECOND, packet(first, &[&add(1, 5), &add(2, 5), &add(3, 5)]))];
    let (tape, _) = records(&UdpOptions { first: Some(first), ..options() }, &packets);
    let sequences: Vec<u32> = tape.of::<Mbo>().iter().map(|mbo| mbo.sequence).collect();
    assert_eq!(sequences, [u32::MAX, 0, 1]);
}

#[test]
fn lines_have_letters() {
    assert_eq!([0, 1, 25, 26].map(line_name), ["A", "B", "Z", "26"]);
}
