use proptest::prelude::*;
use zerocopy::IntoBytes;

use super::*;

/// A segment with these messages, and so many bytes more in its payload.
fn segment(first: i64, messages: &[&[u8]], more: usize) -> Vec<u8> {
    let mut payload = Vec::new();
    for message in messages {
        payload.extend(u16::try_from(message.len()).unwrap().to_le_bytes());
        payload.extend(*message);
    }
    payload.extend(vec![0xAA; more]);
    let header = Header {
        version: 1,
        reserved: 0,
        protocol: TOPS_16.into(),
        channel: 1.into(),
        session: 77.into(),
        payload_len: u16::try_from(payload.len()).unwrap().into(),
        count: u16::try_from(messages.len()).unwrap().into(),
        stream_offset: 0.into(),
        first_sequence: first.into(),
        send_time: 5.into(),
    };
    [header.as_bytes(), &payload].concat()
}

#[test]
fn the_header_is_that_of_the_specification() {
    // The example of a real segment: protocol, channel, session, lengths, offset, number and time.
    let bytes = [
        1, 0, 0x04, 0x80, 1, 0, 0, 0, 0, 0, 0x87, 0x42, 0x48, 0, 1, 0, 0x8C, 0xA6, 0x21, 0, 0, 0,
        0, 0, 0xCA, 0xC3, 0, 0, 0, 0, 0, 0, 0xEC, 0x45, 0xC2, 0x20, 0x96, 0x86, 0x6D, 0x14,
    ];
    let header = Header::ref_from_bytes(&bytes).unwrap();
    assert_eq!((header.version, header.protocol.get()), (1, DEEP_10));
    assert_eq!((header.channel.get(), header.session.get()), (1, 1_116_143_616));
    assert_eq!((header.payload_len.get(), header.count.get()), (72, 1));
    assert_eq!((header.stream_offset.get(), header.first_sequence.get()), (2_205_324, 50_122));
    assert_eq!(header.send_time.get(), 1_471_980_632_572_839_404);
}

#[test]
fn a_segment_gives_its_messages_and_their_numbers() {
    let bytes = segment(41, &[b"one", b"", b"three"], 0);
    let found = Segment::parse(&bytes).unwrap();
    assert_eq!((found.first_sequence(), found.count(), found.surplus()), (41, 3, 0));
    assert_eq!(found.messages().collect::<Vec<_>>(), [&b"one"[..], b"", b"three"]);
    let heartbeat = segment(44, &[], 0);
    let found = Segment::parse(&heartbeat).unwrap();
    assert_eq!((found.first_sequence(), found.count()), (44, 0));
    assert_eq!(found.messages().next(), None);
}

#[test]
fn bytes_behind_the_messages_are_told_and_those_behind_the_payload_are_not_its_own() {
    let bytes = [&segment(1, &[b"one"], 4)[..], b"padding"].concat();
    let found = Segment::parse(&bytes).unwrap();
    assert_eq!(found.messages().collect::<Vec<_>>(), [b"one"]);
    assert_eq!(found.surplus(), 4);
}

#[test]
fn a_segment_that_is_not_whole_is_an_error_at_every_length() {
    let bytes = segment(1, &[b"one", b"second"], 0);
    for len in 0..bytes.len() {
        let error = Segment::parse(&bytes[..len]).unwrap_err();
        let expected = match len {
            0..40 => IexTpError::NoHeader { found: len },
            40..45 => {
                let expected = if len < 42 { 2 } else { 5 };
                IexTpError::Truncated { number: 0, count: 2, expected, found: len - 40 }
            }
            _ => {
                let expected = if len < 47 { 2 } else { 8 };
                IexTpError::Truncated { number: 1, count: 2, expected, found: len - 45 }
            }
        };
        assert_eq!(error, expected, "{len}");
    }
}

#[test]
fn impossible_headers_are_errors() {
    let mut other = segment(1, &[b"one"], 0);
    other[0] = 2;
    assert_eq!(Segment::parse(&other).unwrap_err(), IexTpError::Version { found: 2 });
    for first in [-1, i64::MIN, i64::MAX] {
        let error = Segment::parse(&segment(first, &[b"one"], 0)).unwrap_err();
        assert_eq!(error, IexTpError::Sequence { first, count: 1 });
    }
    assert!(Segment::parse(&segment(i64::MAX - 1, &[b"one"], 0)).is_ok());
    // A message that is longer than the payload, though the datagram has bytes behind it.
    let mut short = [&segment(1, &[b"one"], 0)[..], b"padding"].concat();
    short[40] = 4;
    let error = IexTpError::Truncated { number: 0, count: 1, expected: 6, found: 5 };
    assert_eq!(Segment::parse(&short).unwrap_err(), error);
}

proptest! {
    #[test]
    fn any_bytes_give_a_segment_or_an_error(
        start in proptest::collection::vec(any::<u8>(), 0..120),
        is_first in any::<bool>(),
    ) {
        let mut bytes = start;
        if is_first && let Some(version) = bytes.first_mut() {
            *version = 1;
        }
        if let Ok(segment) = Segment::parse(&bytes) {
            prop_assert_eq!(segment.messages().count(), usize::from(segment.count()));
            let len: usize = segment.messages().map(|message| message.len() + PREFIX_LEN).sum();
            prop_assert!(HEADER_LEN + len + segment.surplus() <= bytes.len());
        }
    }
}
