use proptest::prelude::*;

use super::*;

/// Lengths as the specification prints them, independent of the structs.
const SPECIFIED: [(u8, usize); 23] = [
    (b'S', 12),
    (b'R', 39),
    (b'H', 25),
    (b'Y', 20),
    (b'L', 26),
    (b'V', 35),
    (b'W', 12),
    (b'K', 28),
    (b'J', 35),
    (b'h', 21),
    (b'A', 36),
    (b'F', 40),
    (b'E', 31),
    (b'C', 36),
    (b'X', 23),
    (b'D', 19),
    (b'U', 35),
    (b'P', 44),
    (b'Q', 40),
    (b'B', 19),
    (b'I', 50),
    (b'N', 20),
    (b'O', 48),
];

#[test]
fn lengths_are_those_of_the_specification() {
    assert_eq!(TYPES, SPECIFIED);
    for (code, len) in SPECIFIED {
        assert_eq!(message_len(code), Some(len));
    }
    assert_eq!(message_len(b'Z'), None);
}

#[test]
fn every_type_parses_at_its_length_and_at_no_other() {
    for (code, len) in SPECIFIED {
        let mut bytes = vec![0xA5; len + 1];
        bytes[0] = code;
        let message = parse(&bytes[..len]).unwrap();
        assert_eq!(message.header().message_type, code);
        for wrong in [1, len - 1, len + 1] {
            assert_eq!(
                parse(&bytes[..wrong]).unwrap_err(),
                ItchError::WrongLength { message_type: code, expected: len, found: wrong }
            );
        }
    }
}

#[test]
fn fields_are_read_big_endian_at_their_offsets() {
    let bytes: [u8; 36] = *b"A\x00\x07\x00\x09\x00\x00\x00\x00\x01\x02\
        \x00\x00\x00\x00\x00\x00\x03\x04S\x00\x00\x01\x2CAAPL    \x00\x1B\x77\x40";
    let Message::AddOrder(add) = parse(&bytes).unwrap() else {
        panic!("not an add");
    };
    assert_eq!(add.header.stock_locate.get(), 7);
    assert_eq!(add.header.tracking_number.get(), 9);
    assert_eq!(add.header.timestamp_ns(), 0x0102);
    assert_eq!(add.order_reference.get(), 0x0304);
    assert_eq!(add.side, b'S');
    assert_eq!(add.shares.get(), 300);
    assert_eq!(&add.stock, b"AAPL    ");
    assert_eq!(add.price.get(), 1_800_000);
}

#[test]
fn a_view_lies_over_the_bytes_it_was_given() {
    let mut bytes = [0; 19];
    bytes[0] = b'D';
    let Message::OrderDelete(delete) = parse(&bytes).unwrap() else {
        panic!("not a delete");
    };
    assert!(std::ptr::eq(delete.as_bytes(), &raw const bytes[..]));
}

#[test]
fn empty_and_unknown_messages_are_errors() {
    assert_eq!(parse(&[]).unwrap_err(), ItchError::Empty);
    assert_eq!(parse(b"Z123").unwrap_err(), ItchError::UnknownType { found: b'Z' });
}

proptest! {
    #[test]
    fn parse_is_total(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(message) = parse(&bytes) {
            prop_assert_eq!(message_len(bytes[0]), Some(bytes.len()));
            prop_assert_eq!(message.header().message_type, bytes[0]);
        }
    }
}
