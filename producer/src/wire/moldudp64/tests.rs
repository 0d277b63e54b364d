use proptest::prelude::*;

use super::*;

const SESSION: Session = *b"000000012A";

/// A packet whose header says `count`, with these messages behind it.
fn packet(sequence: u64, count: u16, messages: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Header::new(SESSION, sequence, count).as_bytes().to_vec();
    for message in messages {
        bytes.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        bytes.extend(*message);
    }
    bytes
}

#[test]
fn fields_lie_where_the_specification_has_them() {
    let bytes = b"000000012A\x01\x02\x03\x04\x05\x06\x07\x08\x00\x02\x00\x03ABC\x00\x01D";
    let packet = Packet::parse(bytes).unwrap();
    assert_eq!(packet.session(), b"000000012A");
    assert_eq!(packet.sequence(), 0x0102_0304_0506_0708);
    assert_eq!((packet.kind(), packet.count(), packet.surplus()), (Kind::Messages, 2, 0));
    assert_eq!(packet.next_sequence(), 0x0102_0304_0506_070A);
    assert_eq!(packet.messages().collect::<Vec<_>>(), [&b"ABC"[..], b"D"]);
    assert!(bytes.as_ptr_range().contains(&packet.messages().next().unwrap().as_ptr()));
}

#[test]
fn heartbeats_and_ends_carry_the_next_number_and_no_messages() {
    for (header, kind) in [
        (Header::heartbeat(SESSION, 77), Kind::Heartbeat),
        (Header::end_of_session(SESSION, 77), Kind::EndOfSession),
    ] {
        let packet = Packet::parse(header.as_bytes()).unwrap();
        assert_eq!((packet.kind(), packet.count()), (kind, 0));
        assert_eq!((packet.sequence(), packet.next_sequence()), (77, 77));
        assert_eq!(packet.messages().next(), None);
    }
}

#[test]
fn messages_may_be_empty_and_bytes_behind_them_are_told() {
    let mut bytes = packet(1, 2, &[b"", b"A"]);
    bytes.extend([0; 5]);
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.messages().collect::<Vec<_>>(), [&b""[..], b"A"]);
    assert_eq!(packet.surplus(), 5);
}

#[test]
fn messages_can_be_kept_as_blocks_and_taken_up_in_the_middle() {
    let bytes = packet(1, 3, &[b"AB", b"C", b"D"]);
    let mut messages = Packet::parse(&bytes).unwrap().messages();
    assert_eq!(messages.blocks(), b"\0\x02AB\0\x01C\0\x01D");
    messages.next().unwrap();
    assert_eq!(Messages::new(messages.blocks()).collect::<Vec<_>>(), [b"C", b"D"]);
    let cut = &messages.blocks()[..5];
    assert_eq!(Messages::new(cut).collect::<Vec<_>>(), [b"C"]);
}

#[test]
fn a_truncated_packet_says_where_it_ends() {
    let whole = packet(1, 3, &[b"AB", b"C", b""]);
    for (len, number, expected, found) in
        [(20, 0, 2, 0), (21, 0, 2, 1), (23, 0, 4, 3), (24, 1, 2, 0), (26, 1, 3, 2), (28, 2, 2, 1)]
    {
        assert_eq!(
            Packet::parse(&whole[..len]).unwrap_err(),
            MoldError::Truncated { number, count: 3, expected, found },
            "{len}"
        );
    }
    for found in 0..HEADER_LEN {
        assert_eq!(Packet::parse(&whole[..found]).unwrap_err(), MoldError::NoHeader { found });
    }
}

#[test]
fn impossible_numbers_are_errors() {
    let first = packet(0, 1, &[b"A"]);
    assert_eq!(Packet::parse(&first).unwrap_err(), MoldError::Sequence { sequence: 0, count: 1 });
    let last = packet(u64::MAX - 1, 1, &[b"A"]);
    assert_eq!(Packet::parse(&last).unwrap().next_sequence(), u64::MAX);
    let beyond = packet(u64::MAX, 1, &[b"A"]);
    let error = Packet::parse(&beyond).unwrap_err();
    assert_eq!(error, MoldError::Sequence { sequence: u64::MAX, count: 1 });
    assert!(error.to_string().contains("expected numbers from 1"), "{error}");
}

#[test]
fn a_request_is_a_header_alone() {
    let request = Header::new(SESSION, 9, 40);
    assert_eq!(request.as_bytes(), b"000000012A\0\0\0\0\0\0\0\x09\0\x28");
    assert_eq!(parse_request(request.as_bytes()), Ok(&request));
    let short = &request.as_bytes()[..19];
    assert_eq!(parse_request(short), Err(MoldError::NoHeader { found: 19 }));
    for (sequence, count) in [(0, 1), (u64::MAX, 1)] {
        let wrong = Header::new(SESSION, sequence, count);
        assert_eq!(parse_request(wrong.as_bytes()), Err(MoldError::Sequence { sequence, count }));
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        sequence in 1..u64::MAX - 100,
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..50),
    ) {
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let bytes = packet(sequence, u16::try_from(messages.len()).unwrap(), &messages);
        let packet = Packet::parse(&bytes).unwrap();
        prop_assert_eq!(packet.messages().collect::<Vec<_>>(), messages);
        prop_assert_eq!((packet.sequence(), packet.surplus()), (sequence, 0));
    }

    #[test]
    fn parse_is_total_and_messages_tile_the_packet(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        count in 0..6u16,
        short in any::<bool>(),
    ) {
        // Random counts and lengths are almost never possible: help them half of the time.
        if short && bytes.len() >= HEADER_LEN {
            bytes[18..20].copy_from_slice(&count.to_be_bytes());
            bytes[HEADER_LEN..].iter_mut().step_by(7).for_each(|byte| *byte = 0);
        }
        if let Ok(packet) = Packet::parse(&bytes) {
            let messages: Vec<_> = packet.messages().collect();
            prop_assert_eq!(messages.len(), usize::from(packet.count()));
            let blocks: usize = messages.iter().map(|message| PREFIX_LEN + message.len()).sum();
            prop_assert_eq!(HEADER_LEN + blocks + packet.surplus(), bytes.len());
        }
        let _ = parse_request(&bytes);
    }
}
