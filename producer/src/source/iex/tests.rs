use dbn::{StatType, StatusReason};
use tickring::record::{Imbalance, InstrumentDef, Stat, Status, UNDEF_SIZE, status_action};
use zerocopy::IntoBytes;

use super::*;
use crate::sink::tape::{Ring, Tape};
use crate::source::Count;
use crate::wire::iex::{
    AuctionInformation, Header, OfficialPrice, OperationalHalt, RetailLiquidity, SecurityDirectory,
    SecurityEvent, ShortSalePriceTest, SystemEvent, TYPES, TradingStatus,
};

const TIME: u64 = 1_499_697_158_000_000_000;
const SYMBOL: Symbol = *b"ZIEXT   ";

fn header(message_type: u8, code: u8) -> Header {
    Header { message_type, code, timestamp: TIME.cast_signed().into() }
}

/// Gives messages, numbered from 1 and received a microsecond after they happened.
fn normalise(messages: &[Vec<u8>]) -> (Tape, Report) {
    let mut tape = Tape::default();
    let mut normaliser = Normaliser::default();
    let receipt =
        Receipt { ts_recv: TIME + 1_000, ts_in_delta: 400, channel_id: 2, is_doubtful: false };
    for (sequence, message) in (1..).zip(messages) {
        normaliser.message(sequence, receipt, message, &mut tape).unwrap();
    }
    (tape, normaliser.report())
}

/// The only record of a message.
fn one<R: Record>(message: &impl IntoBytesImmutable, ring: Ring) -> R {
    let (tape, report) = normalise(&[message.bytes()]);
    assert_eq!(report.anomalies, []);
    assert_eq!(tape.records.iter().map(|taped| taped.ring).collect::<Vec<_>>(), [ring]);
    let [record] = tape.of::<R>()[..] else { panic!("{tape:?}") };
    record
}

/// A message as bytes.
trait IntoBytesImmutable {
    fn bytes(&self) -> Vec<u8>;
}

impl<T: IntoBytes + zerocopy::Immutable> IntoBytesImmutable for T {
    fn bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

fn quote(code: u8, bid: (u32, i64), ask: (u32, i64)) -> QuoteUpdate {
    QuoteUpdate {
        header: header(b'Q', code),
        symbol: SYMBOL,
        bid_size: bid.0.into(),
        bid_price: bid.1.into(),
        ask_price: ask.1.into(),
        ask_size: ask.0.into(),
    }
}

fn trade(message_type: u8) -> TradeReport {
    TradeReport {
        header: header(message_type, 0x20),
        symbol: SYMBOL,
        size: 57.into(),
        price: 299_900.into(),
        trade_id: 171_978.into(),
    }
}

fn level(message_type: u8, code: u8, size: u32) -> PriceLevelUpdate {
    PriceLevelUpdate {
        header: header(message_type, code),
        symbol: SYMBOL,
        size: size.into(),
        price: 990_500.into(),
    }
}

#[test]
fn a_quote_update_is_a_quote() {
    let record: Quote = one(&quote(0, (9_700, 990_500), (1_000, 990_700)), Ring::Ticks);
    let expected = Quote {
        bid_px: 99_050_000_000,
        ask_px: 99_070_000_000,
        bid_sz: 9_700,
        ask_sz: 1_000,
        ts_recv: TIME + 1_000,
        sequence: 1,
        flags: flag::LAST | flag::TOB,
        channel_id: 2,
        ..Quote::empty(PUBLISHER, 1, TIME)
    };
    assert_eq!(record, expected);
    let record: Quote = one(&quote(QuoteUpdate::NOT_AVAILABLE, (0, 0), (0, 0)), Ring::Ticks);
    assert_eq!((record.bid_px, record.ask_px), (UNDEF_PRICE, UNDEF_PRICE));
    assert_eq!((record.bid_sz, record.ask_sz), (0, 0));
}

#[test]
fn a_crossed_quote_is_labelled_and_counted_and_a_one_sided_one_is_not() {
    let cases = [
        ((1, 200), (1, 100), true),
        ((1, 100), (1, 100), false),
        ((1, 100), (0, 0), false),
        ((0, 0), (1, 100), false),
        ((0, 0), (0, 0), false),
    ];
    for (bid, ask, is_crossed) in cases {
        let (tape, report) = normalise(&[quote(0, bid, ask).bytes()]);
        let flags = tape.of::<Quote>()[0].flags;
        assert_eq!(flags & flag::MAYBE_BAD_BOOK != 0, is_crossed, "{bid:?} {ask:?}");
        assert_eq!(report.anomalies.len(), usize::from(is_crossed));
    }
}

#[test]
fn a_trade_report_is_a_trade_and_a_break_cancels_it() {
    for (letter, action) in [(b'T', action::TRADE), (b'B', action::CANCEL)] {
        let record: Trade = one(&trade(letter), Ring::Ticks);
        let expected = Trade {
            price: 29_990_000_000,
            size: 57,
            action,
            side: side::NONE,
            flags: flag::LAST,
            ts_recv: TIME + 1_000,
            ts_in_delta: 400,
            sequence: 1,
            trade_id: 171_978,
            ..Trade::empty(PUBLISHER, 1, TIME)
        };
        assert_eq!(record, expected);
    }
}

#[test]
fn price_levels_are_deltas_and_the_last_of_an_event_says_so() {
    let messages = [
        level(b'8', 0, 300).bytes(),
        trade(b'T').bytes(),
        level(b'5', 1, 0).bytes(),
        trade(b'T').bytes(),
    ];
    let (tape, report) = normalise(&messages);
    assert_eq!(report.anomalies, []);
    assert_eq!(tape.names(), ["delta_w", "trade", "delta_w", "trade"]);
    let expected = DeltaW {
        price: 99_050_000_000,
        qty: 300,
        ts_recv: TIME + 1_000,
        sequence: 1,
        flags: flag::MBP,
        action: action::MODIFY,
        side: side::BID,
        ..DeltaW::empty(PUBLISHER, 1, TIME)
    };
    let gone = DeltaW {
        qty: 0,
        sequence: 3,
        flags: flag::MBP | flag::LAST,
        action: action::CANCEL,
        side: side::ASK,
        ..expected
    };
    assert_eq!(tape.of::<DeltaW>(), [expected, gone]);
    let flags: Vec<u8> = tape.of::<Trade>().iter().map(|trade| trade.flags).collect();
    assert_eq!(flags, [0, flag::LAST], "one in the event, one behind it");
}

#[test]
fn a_directory_entry_is_a_definition() {
    let message = SecurityDirectory {
        header: header(b'D', 0x80),
        symbol: SYMBOL,
        round_lot_size: 100.into(),
        adjusted_close: 200_000.into(),
        luld_tier: 1,
    };
    let record: InstrumentDef = one(&message, Ring::Definitions);
    assert_eq!(&record.raw_symbol[..6], b"ZIEXT\0");
    assert_eq!((record.min_lot_size_round_lot, record.inst_attrib_value), (100, 0x80));
    assert_eq!((record.header.instrument_id, record.raw_instrument_id), (1, 1));
    assert_eq!((record.ts_recv, record.header.ts_event), (TIME + 1_000, TIME));
    assert_eq!((&record.exchange, &record.currency), (b"IEXG\0", b"USD\0"));
}

#[test]
fn system_events_are_states_of_the_market() {
    let cases = [
        (b'O', status_action::NONE),
        (b'S', status_action::PRE_OPEN),
        (b'R', status_action::TRADING),
        (b'M', status_action::CLOSE),
        (b'E', status_action::POST_CLOSE),
        (b'C', status_action::NONE),
    ];
    for (code, action) in cases {
        let record: Status = one(&SystemEvent { header: header(b'S', code) }, Ring::Ticks);
        assert_eq!((record.header.instrument_id, record.action), (0, action));
        assert_eq!((record.is_trading, record.is_quoting), (b'~', b'~'));
    }
}

#[test]
fn trading_states_have_their_reasons() {
    let cases = [
        (b'H', b"T1  ", status_action::HALT, b'N', b'N', StatusReason::NewsPending),
        (b'H', b"MCB3", status_action::HALT, b'N', b'N', StatusReason::MarketWideHaltLevel3),
        (b'O', b"T2  ", status_action::PRE_CROSS, b'N', b'~', StatusReason::NewsReleased),
        (b'O', b"IPO2", status_action::PRE_CROSS, b'N', b'~', StatusReason::NewIssue),
        (b'P', b"NA  ", status_action::PAUSE, b'N', b'~', StatusReason::None),
        (b'T', b"    ", status_action::TRADING, b'Y', b'Y', StatusReason::None),
    ];
    for (code, reason, action, is_trading, is_quoting, found) in cases {
        let message = TradingStatus { header: header(b'H', code), symbol: SYMBOL, reason: *reason };
        let expected = Status {
            ts_recv: TIME + 1_000,
            action,
            reason: found as u16,
            is_trading,
            is_quoting,
            ..Status::empty(PUBLISHER, 1, TIME)
        };
        assert_eq!(one::<Status>(&message, Ring::Ticks), expected);
    }
}

#[test]
fn the_end_of_an_operational_halt_is_the_state_before_it() {
    let halt = |code| OperationalHalt { header: header(b'O', code), symbol: SYMBOL }.bytes();
    let status = |code| {
        let reason = *b"    ";
        TradingStatus { header: header(b'H', code), symbol: SYMBOL, reason }.bytes()
    };
    let (tape, _) = normalise(&[halt(b'N'), status(b'T'), halt(b'N'), halt(b'O'), halt(b'N')]);
    let states = tape.of::<Status>();
    let found: Vec<(u16, u8)> = states.iter().map(|s| (s.action, s.is_trading)).collect();
    let none = (status_action::NONE, b'~');
    let trading = (status_action::TRADING, b'Y');
    assert_eq!(found, [none, trading, none, (status_action::HALT, b'N'), trading]);
    let operational = StatusReason::Operational as u16;
    assert!([0, 2, 3, 4].iter().all(|&at: &usize| states[at].reason == operational));
}

#[test]
fn price_tests_and_security_events_are_states() {
    for (code, restricted) in [(0, b'N'), (1, b'Y')] {
        let message =
            ShortSalePriceTest { header: header(b'P', code), symbol: SYMBOL, detail: b'A' };
        let record: Status = one(&message, Ring::Ticks);
        assert_eq!(record.action, status_action::SSR_CHANGE);
        assert_eq!(record.is_short_sell_restricted, restricted);
    }
    for (code, action) in [(b'O', status_action::TRADING), (b'C', status_action::CLOSE)] {
        let message = SecurityEvent { header: header(b'E', code), symbol: SYMBOL };
        assert_eq!(one::<Status>(&message, Ring::Ticks).action, action);
    }
}

#[test]
fn official_prices_are_statistics() {
    for (code, stat_type) in [(b'Q', StatType::OpeningPrice), (b'M', StatType::ClosePrice)] {
        let message =
            OfficialPrice { header: header(b'X', code), symbol: SYMBOL, price: 123_400.into() };
        let expected = Stat {
            ts_recv: TIME + 1_000,
            price: 12_340_000_000,
            sequence: 1,
            ts_in_delta: 400,
            stat_type: stat_type as u16,
            channel_id: 2,
            ..Stat::empty(PUBLISHER, 1, TIME)
        };
        assert_eq!(one::<Stat>(&message, Ring::Statistics), expected);
    }
}

#[test]
fn auction_information_is_an_imbalance() {
    let message = AuctionInformation {
        header: header(b'A', b'C'),
        symbol: SYMBOL,
        paired_shares: 1_023.into(),
        reference_price: 100_200.into(),
        indicative_price: 100_000.into(),
        imbalance_shares: 2_815.into(),
        imbalance_side: b'S',
        extension: 1,
        scheduled_time: 1_499_720_400.into(),
        book_price: 0.into(),
        collar_reference: 100_000.into(),
        lower_collar: 89_800.into(),
        upper_collar: 110_200.into(),
    };
    let expected = Imbalance {
        ts_recv: TIME + 1_000,
        ref_price: 10_020_000_000,
        cont_book_clr_price: 10_000_000_000,
        auct_interest_clr_price: UNDEF_PRICE,
        lower_collar: 8_980_000_000,
        upper_collar: 11_020_000_000,
        auction_time: 1_499_720_400_000_000_000,
        paired_qty: 1_023,
        total_imbalance_qty: 2_815,
        auction_type: b'C',
        side: side::ASK,
        num_extensions: 1,
        ..Imbalance::empty(PUBLISHER, 1, TIME)
    };
    let record: Imbalance = one(&message, Ring::Statistics);
    assert_eq!(record, expected);
    assert_eq!(record.market_imbalance_qty, UNDEF_SIZE);
}

#[test]
fn a_retail_indicator_is_counted_and_names_its_instrument() {
    let message = RetailLiquidity { header: header(b'I', b'A'), symbol: SYMBOL };
    let (tape, report) = normalise(&[message.bytes(), trade(b'T').bytes()]);
    assert_eq!(tape.names(), ["trade"]);
    assert_eq!(report.inputs, [Count::new('I', 1), Count::new('T', 1)]);
    let [instrument] = tape.instruments[..] else { panic!("{tape:?}") };
    assert_eq!((instrument.symbol().as_ref(), instrument.instrument_id), ("ZIEXT", 1));
    assert_eq!((instrument.publisher_id, instrument.price_decimals), (PUBLISHER, 4));
}

#[test]
fn what_a_correct_feed_does_not_have_is_labelled_or_counted() {
    let mut early = trade(b'T');
    early.header.timestamp = i64::MIN.into();
    let mut late = trade(b'T');
    late.header.timestamp = (TIME + 1_001).cast_signed().into();
    let mut wide = trade(b'T');
    wide.price = (i64::MAX / 1_000).into();
    let unknown = OfficialPrice { header: header(b'X', b'?'), symbol: SYMBOL, price: 1.into() };
    let messages = [
        early.bytes(),
        late.bytes(),
        wide.bytes(),
        unknown.bytes(),
        SystemEvent { header: header(b'S', b'?') }.bytes(),
        b"?".to_vec(),
        b"T".to_vec(),
        Vec::new(),
    ];
    let (tape, report) = normalise(&messages);
    let trades = tape.of::<Trade>();
    assert_eq!(trades[0].header.ts_event, UNDEF_TIME);
    let flags: Vec<u8> = trades.iter().map(|trade| trade.flags).collect();
    assert_eq!(flags, [flag::LAST, flag::LAST | flag::BAD_TS_RECV, flag::LAST]);
    assert_eq!(trades[1].ts_recv, TIME + 1_000, "labelled, not clamped");
    assert_eq!(trades[2].price, UNDEF_PRICE);
    let anomalies = [
        ("message of an unknown type", 1),
        ("message too short", 2),
        ("received before it happened", 1),
        ("time before 1970", 1),
        ("price out of range", 1),
        ("unknown code", 2),
    ];
    assert_eq!(report.anomalies, anomalies.map(|(name, count)| Count::new(name, count)));
}

#[test]
fn every_type_of_message_is_counted() {
    let messages: Vec<Vec<u8>> = TYPES
        .iter()
        .map(|&(code, len)| {
            let mut message = vec![0; len];
            message[0] = code;
            message
        })
        .collect();
    let (_, report) = normalise(&messages);
    assert_eq!(report.inputs.len(), TYPES.len());
    assert!(report.inputs.iter().all(|input| input.count == 1), "{report:?}");
}
