use proptest::prelude::*;

use super::*;

#[test]
fn the_lengths_are_those_of_the_specifications() {
    let lengths = [
        (b'S', 10),
        (b'D', 31),
        (b'H', 22),
        (b'I', 18),
        (b'O', 18),
        (b'P', 19),
        (b'E', 18),
        (b'Q', 42),
        (b'8', 30),
        (b'5', 30),
        (b'T', 38),
        (b'X', 26),
        (b'B', 38),
        (b'A', 80),
    ];
    assert_eq!(TYPES, lengths);
}

/// A message whose byte at offset n is n, behind the type.
fn counted(code: u8, len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..u8::try_from(len).unwrap()).collect();
    bytes[0] = code;
    bytes
}

/// The little-endian number whose lowest byte is `at`, in [`counted`].
fn at<const N: usize>(at: u8) -> u64 {
    (0..N).rev().fold(0, |number, n| number << 8 | (u64::from(at) + n as u64))
}

#[test]
fn the_fields_stand_where_the_specifications_have_them() {
    let symbol = [10, 11, 12, 13, 14, 15, 16, 17];
    for &(code, len) in TYPES {
        let bytes = counted(code, len);
        let message = parse(&bytes).unwrap();
        let header = message.header();
        assert_eq!((header.message_type, header.code), (code, 1));
        assert_eq!(header.timestamp.get().cast_unsigned(), at::<8>(2));
        match message {
            Message::SystemEvent(_) => {}
            Message::SecurityDirectory(m) => {
                assert_eq!((m.symbol, m.luld_tier), (symbol, 30));
                assert_eq!(u64::from(m.round_lot_size.get()), at::<4>(18));
                assert_eq!(m.adjusted_close.get().cast_unsigned(), at::<8>(22));
            }
            Message::TradingStatus(m) => {
                assert_eq!((m.symbol, m.reason), (symbol, [18, 19, 20, 21]));
            }
            Message::RetailLiquidity(m) => assert_eq!(m.symbol, symbol),
            Message::OperationalHalt(m) => assert_eq!(m.symbol, symbol),
            Message::ShortSalePriceTest(m) => assert_eq!((m.symbol, m.detail), (symbol, 18)),
            Message::SecurityEvent(m) => assert_eq!(m.symbol, symbol),
            Message::QuoteUpdate(m) => {
                assert_eq!(m.symbol, symbol);
                assert_eq!(u64::from(m.bid_size.get()), at::<4>(18));
                assert_eq!(m.bid_price.get().cast_unsigned(), at::<8>(22));
                assert_eq!(m.ask_price.get().cast_unsigned(), at::<8>(30));
                assert_eq!(u64::from(m.ask_size.get()), at::<4>(38));
            }
            Message::PriceLevelBuy(m) | Message::PriceLevelSell(m) => {
                assert_eq!(m.symbol, symbol);
                assert_eq!(u64::from(m.size.get()), at::<4>(18));
                assert_eq!(m.price.get().cast_unsigned(), at::<8>(22));
            }
            Message::TradeReport(m) | Message::TradeBreak(m) => {
                assert_eq!(m.symbol, symbol);
                assert_eq!(u64::from(m.size.get()), at::<4>(18));
                assert_eq!(m.price.get().cast_unsigned(), at::<8>(22));
                assert_eq!(m.trade_id.get().cast_unsigned(), at::<8>(30));
            }
            Message::OfficialPrice(m) => {
                assert_eq!((m.symbol, m.price.get().cast_unsigned()), (symbol, at::<8>(18)));
            }
            Message::AuctionInformation(m) => {
                assert_eq!((m.symbol, m.imbalance_side, m.extension), (symbol, 42, 43));
                assert_eq!(u64::from(m.paired_shares.get()), at::<4>(18));
                assert_eq!(m.reference_price.get().cast_unsigned(), at::<8>(22));
                assert_eq!(m.indicative_price.get().cast_unsigned(), at::<8>(30));
                assert_eq!(u64::from(m.imbalance_shares.get()), at::<4>(38));
                assert_eq!(u64::from(m.scheduled_time.get()), at::<4>(44));
                assert_eq!(m.book_price.get().cast_unsigned(), at::<8>(48));
                assert_eq!(m.collar_reference.get().cast_unsigned(), at::<8>(56));
                assert_eq!(m.lower_collar.get().cast_unsigned(), at::<8>(64));
                assert_eq!(m.upper_collar.get().cast_unsigned(), at::<8>(72));
            }
        }
    }
}

#[test]
fn a_message_may_be_longer_than_its_type_but_not_shorter() {
    for &(code, expected) in TYPES {
        let bytes = counted(code, expected + 7);
        assert!(parse(&bytes).is_ok(), "{}", char::from(code));
        for found in 1..expected {
            let error = IexError::TooShort { message_type: code, expected, found };
            assert_eq!(parse(&bytes[..found]).unwrap_err(), error);
        }
    }
    assert_eq!(parse(&[]).unwrap_err(), IexError::Empty);
}

proptest! {
    #[test]
    fn any_bytes_give_a_message_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..90),
    ) {
        let known = TYPES.iter().find(|(code, _)| bytes.first() == Some(code));
        let is_long_enough = known.is_some_and(|&(_, len)| bytes.len() >= len);
        prop_assert_eq!(parse(&bytes).is_ok(), is_long_enough);
    }
}
