use proptest::prelude::*;

use super::*;

fn credentials() -> Credentials {
    Credentials::new("user", "secret").unwrap()
}

/// What a framer gives of bytes that come in pieces of these sizes, again and again.
fn cut(bytes: &[u8], pieces: &[usize]) -> (Vec<(u8, Vec<u8>)>, Option<PacketError>) {
    let mut framer = Framer::default();
    let (mut rest, mut packets) = (bytes, Vec::new());
    for &piece in pieces.iter().cycle() {
        loop {
            match framer.packet() {
                Ok(Some(Packet { packet_type, payload })) => {
                    packets.push((packet_type, payload.to_vec()));
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(framer.packet(), Err(error), "an error stays");
                    return (packets, Some(error));
                }
            }
        }
        if rest.is_empty() {
            return (packets, None);
        }
        let space = framer.space();
        assert!(!space.is_empty());
        let taken = piece.min(space.len()).min(rest.len());
        let (now, later) = rest.split_at(taken);
        space[..taken].copy_from_slice(now);
        framer.filled(taken);
        rest = later;
    }
    unreachable!("pieces go on for ever")
}

fn framed(packets: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let each = packets.iter().flat_map(|(packet_type, payload)| {
        let len = u16::try_from(payload.len() + 1).unwrap();
        [&len.to_be_bytes()[..], &[*packet_type], payload].concat()
    });
    each.collect()
}

fn parse_server(bytes: &[u8]) -> Result<ServerPacket<'_>, PacketError> {
    ServerPacket::parse(Packet { packet_type: bytes[2], payload: &bytes[3..] })
}

#[test]
fn whole_packets_have_the_bytes_of_the_specification() {
    let session = Session::new("20260105A").unwrap();
    let request = LoginRequest::new(&credentials(), session, 42);
    assert_eq!(&request.packet(), b"\0\x2FLuser  secret     20260105A                  42");
    let accepted = LoginAccepted::new(session, u64::MAX);
    assert_eq!(&accepted.packet(), b"\0\x1FA 20260105A18446744073709551615");
    assert_eq!(Rejection::NotAuthorized.packet(), *b"\0\x02JA");
    assert_eq!(sequenced_header(36), Some(*b"\0\x25S"));
    assert_eq!(sequenced_header(65_534), Some(*b"\xFF\xFFS"));
    assert_eq!(sequenced_header(65_535), None);
}

#[test]
fn each_type_is_viewed_with_what_it_carries() {
    let accepted = LoginAccepted::new(Session::new("S1").unwrap(), 7).packet();
    let Ok(ServerPacket::LoginAccepted(view)) = parse_server(&accepted) else { panic!() };
    assert_eq!((view.session(), view.sequence()), (Session::new(" S1 ").unwrap(), Some(7)));
    for rejection in
        [Rejection::NotAuthorized, Rejection::SessionNotAvailable, Rejection::Other(b'?')]
    {
        let bytes = rejection.packet();
        let Ok(ServerPacket::LoginRejected(found)) = parse_server(&bytes) else { panic!() };
        assert_eq!(found, rejection);
    }
    assert!(matches!(parse_server(&SERVER_HEARTBEAT), Ok(ServerPacket::Heartbeat)));
    assert!(matches!(parse_server(&END_OF_SESSION), Ok(ServerPacket::EndOfSession)));
    assert!(matches!(parse_server(b"\0\x03SAB"), Ok(ServerPacket::Sequenced(b"AB"))));
    assert!(matches!(parse_server(b"\0\x01U"), Ok(ServerPacket::Unsequenced(b""))));
    assert!(matches!(parse_server(b"\0\x03+hi"), Ok(ServerPacket::Debug(b"hi"))));

    let client = |bytes: &'static [u8]| {
        ClientPacket::parse(Packet { packet_type: bytes[2], payload: &bytes[3..] })
    };
    assert!(matches!(client(&CLIENT_HEARTBEAT), Ok(ClientPacket::Heartbeat)));
    assert!(matches!(client(&LOGOUT_REQUEST), Ok(ClientPacket::LogoutRequest)));
    assert!(matches!(client(b"\0\x02Ux"), Ok(ClientPacket::Unsequenced(b"x"))));
    let request = client(b"\0\x2FLUSER  SECRET    0000000005                    ");
    let Ok(ClientPacket::LoginRequest(request)) = request else { panic!() };
    assert!(credentials().allow(request), "case is no difference");
    assert_eq!(request.sequence(), Some(0), "blank is the newest");
    assert_eq!(request.session(), Session::new("0000000005").unwrap());
    assert!(!Credentials::new("user", "other").unwrap().allow(request));
}

#[test]
fn packets_of_the_wrong_type_or_length_say_what_was_expected() {
    for (bytes, expected) in [
        (&b"\0\x01L"[..], PacketError::UnknownType { found: b'L', expected: "S U H A J Z +" }),
        (b"\0\x02Hx", PacketError::WrongLength { packet_type: b'H', expected: 0, found: 1 }),
        (b"\0\x02Zx", PacketError::WrongLength { packet_type: b'Z', expected: 0, found: 1 }),
        (b"\0\x01J", PacketError::WrongLength { packet_type: b'J', expected: 1, found: 0 }),
        (b"\0\x02Ax", PacketError::WrongLength { packet_type: b'A', expected: 30, found: 1 }),
    ] {
        assert_eq!(parse_server(bytes).unwrap_err(), expected);
    }
    let text = parse_server(b"\0\x02Ax").unwrap_err().to_string();
    assert!(text.contains("expected a payload of 30 bytes, found 1"), "{text}");
}

#[test]
fn sequences_are_digits_of_a_number_that_fits() {
    for (field, sequence) in [
        (b"                   1", Some(1)),
        (b"1                   ", Some(1)),
        (b"00000000000000000077", Some(77)),
        (b"18446744073709551615", Some(u64::MAX)),
        (b"18446744073709551616", None),
        (b"                   0", None),
        (b"                    ", None),
        (b"                  +1", None),
        (b"                 1 2", None),
        (b"                  -1", None),
        (b"                \xFF\xFF 1", None),
    ] {
        let bytes = [&b"\0\x1FA         S"[..], field].concat();
        let Ok(ServerPacket::LoginAccepted(accepted)) = parse_server(&bytes) else { panic!() };
        assert_eq!(accepted.sequence(), sequence, "{}", field.escape_ascii());
    }
}

#[test]
fn names_that_do_not_fit_their_field_are_refused() {
    assert_eq!(Session::new("").unwrap(), Session::ANY);
    assert!(Session::new("12345678901").is_none() && Session::new("naïve").is_none());
    assert!(Credentials::new("toolong", "").is_none());
    assert!(Credentials::new("user", "elevenchars").is_none());
    assert!(Credentials::new("us\ner", "").is_none());
    let shown =
        format!("{:?} {:?}", credentials(), LoginRequest::new(&credentials(), Session::ANY, 1));
    assert!(shown.contains("user") && !shown.contains("secret"), "{shown}");
}

#[test]
fn a_length_of_zero_ends_the_cutting() {
    let (packets, error) = cut(b"\0\x01H\0\0\0\x01H", &[1]);
    assert_eq!((packets, error), (vec![(b'H', Vec::new())], Some(PacketError::NoType)));
}

#[test]
fn longest_packets_pass_in_pieces_of_any_size() {
    let packets: Vec<_> = (0..9).map(|n| (b'S', vec![n; 65_534])).collect();
    let bytes = framed(&packets);
    for pieces in [&[1_000_000][..], &[65_537], &[65_536], &[7, 100_001]] {
        assert!(cut(&bytes, pieces) == (packets.clone(), None), "{pieces:?}");
    }
}

#[test]
fn a_cleared_framer_begins_a_new_stream() {
    let mut framer = Framer::default();
    framer.space()[..4].copy_from_slice(b"\0\x09SA");
    framer.filled(4);
    assert_eq!(framer.packet(), Ok(None));
    framer.clear();
    framer.space()[..3].copy_from_slice(b"\0\x01H");
    framer.filled(3);
    assert_eq!(framer.packet(), Ok(Some(Packet { packet_type: b'H', payload: b"" })));
}

proptest! {
    #[test]
    fn packets_do_not_depend_on_how_the_stream_is_chunked(
        packets in prop::collection::vec(
            (any::<u8>(), prop::collection::vec(any::<u8>(), 0..300)),
            0..40,
        ),
        pieces in prop::collection::vec(1usize..2_000, 1..20),
    ) {
        prop_assert_eq!(cut(&framed(&packets), &pieces), (packets, None));
    }

    #[test]
    fn any_bytes_give_the_same_packets_whole_or_in_pieces(
        bytes in prop::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..400),
        pieces in prop::collection::vec(1usize..50, 1..9),
    ) {
        let (packets, error) = cut(&bytes, &pieces);
        let (whole, error_of_whole) = cut(&bytes, &[400]);
        prop_assert_eq!((&packets, error), (&whole, error_of_whole));
        for (packet_type, payload) in &packets {
            let packet = Packet { packet_type: *packet_type, payload };
            let _ = (ServerPacket::parse(packet), ClientPacket::parse(packet));
        }
        let taken: usize = packets.iter().map(|(_, payload)| payload.len() + 3).sum();
        prop_assert!(taken <= bytes.len());
    }

    #[test]
    fn numbers_come_back_from_their_field(number in any::<u64>()) {
        let request = LoginRequest::new(&credentials(), Session::ANY, number);
        prop_assert_eq!(request.sequence(), Some(number));
    }
}
