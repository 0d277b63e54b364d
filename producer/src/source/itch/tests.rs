use std::fs;

use tickring::record::{UNDEF_PRICE, UNDEF_TIME, action, flag, side, status_action};

use super::*;
use crate::book::{Applied, Book};
use crate::sink::tape;
use crate::source::Count;
use crate::wire::itch50::{message_len, parse};

/// Every record by kind, in order.
struct Tape {
    mbo: Vec<Mbo>,
    trade: Vec<Trade>,
    status: Vec<Status>,
    definition: Vec<InstrumentDef>,
    stat: Vec<Stat>,
    imbalance: Vec<Imbalance>,
    order: String,
}

impl From<tape::Tape> for Tape {
    fn from(tape: tape::Tape) -> Self {
        let mut ticks = tape.records.iter().filter(|taped| taped.ring == tape::Ring::Ticks);
        assert!(ticks.all(|taped| taped.bytes.len() <= 56), "ticks of ITCH fill one cache line");
        Self {
            mbo: tape.of(),
            trade: tape.of(),
            status: tape.of(),
            definition: tape.of(),
            stat: tape.of(),
            imbalance: tape.of(),
            order: tape.names().iter().flat_map(|name| [name, " "]).collect(),
        }
    }
}

/// One message: type, then header with locate 7 and time 1,000 ns, then `body`.
fn message(code: u8, body: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![code, 0, 7, 0, 0, 0, 0, 0, 0, 0x03, 0xE8];
    bytes.extend(body.concat());
    assert_eq!(Some(bytes.len()), message_len(code), "type {}", char::from(code));
    bytes
}

fn id(order: u64) -> [u8; 8] {
    order.to_be_bytes()
}

fn word(value: u32) -> [u8; 4] {
    value.to_be_bytes()
}

fn add(order: u64, side: u8, shares: u32, price: u32) -> Vec<u8> {
    message(b'A', &[&id(order), &[side], &word(shares), b"AAPL    ", &word(price)])
}

fn executed(order: u64, shares: u32) -> Vec<u8> {
    message(b'E', &[&id(order), &word(shares), &id(900)])
}

const MIDNIGHT_NS: u64 = 1_000_000_000;

fn normalise(messages: &[Vec<u8>]) -> (Tape, Report) {
    let mut normaliser = Normaliser::new(MIDNIGHT_NS);
    let mut tape = tape::Tape::default();
    for (number, bytes) in (0..).zip(messages) {
        normaliser.message(number, &parse(bytes).unwrap(), &mut tape).unwrap();
    }
    (tape.into(), normaliser.report())
}

fn anomalies(report: &Report) -> Vec<(&str, u64)> {
    report.anomalies.iter().map(|Count { name, count }| (name.as_str(), *count)).collect()
}

#[test]
fn an_add_becomes_an_order_with_units_converted() {
    let (tape, _) = normalise(&[add(5, b'B', 300, 1_800_001)]);
    let expected = Mbo {
        order_id: 5,
        price: 180_000_100_000,
        size: 300,
        flags: flag::LAST,
        action: action::ADD,
        side: side::BID,
        ts_recv: UNDEF_TIME,
        sequence: 1,
        ..Mbo::empty(2, 7, MIDNIGHT_NS + 1_000)
    };
    assert_eq!(tape.mbo, [expected]);
}

#[test]
fn an_execution_becomes_a_trade_and_a_fill_that_ends_the_event() {
    let (tape, report) = normalise(&[add(5, b'S', 300, 10_000), executed(5, 120)]);
    assert_eq!(tape.order, "mbo trade mbo ");
    let trade = tape.trade[0];
    assert_eq!((trade.price, trade.size, trade.trade_id), (1_000_000_000, 120, 900));
    assert_eq!((trade.side, trade.flags), (side::BID, 0), "the aggressor bought");
    let fill = tape.mbo[1];
    assert_eq!((fill.action, fill.side, fill.size), (action::FILL, side::ASK, 120));
    assert_eq!((fill.price, fill.flags), (1_000_000_000, flag::LAST));
    assert!(report.anomalies.is_empty());
}

#[test]
fn an_execution_with_price_trades_there_and_fills_at_the_order() {
    let with_price =
        |printable| message(b'C', &[&id(5), &word(100), &id(901), &[printable], &word(20_000)]);
    let messages = [add(5, b'B', 300, 10_000), with_price(b'Y'), with_price(b'N')];
    let (tape, report) = normalise(&messages);
    assert_eq!(tape.order, "mbo trade mbo mbo ");
    assert_eq!((tape.trade[0].price, tape.trade[0].side), (2_000_000_000, side::ASK));
    assert!(tape.mbo[1..].iter().all(|fill| fill.price == 1_000_000_000));
    assert_eq!(anomalies(&report), [("execution not printable", 1)]);
}

#[test]
fn cancel_delete_and_replace_say_what_was_left() {
    let (tape, report) = normalise(&[
        add(5, b'B', 300, 10_000),
        message(b'X', &[&id(5), &word(100)]),
        message(b'U', &[&id(5), &id(6), &word(50), &word(11_000)]),
        message(b'D', &[&id(6)]),
    ]);
    let seen: Vec<_> =
        tape.mbo.iter().map(|m| (m.action, m.order_id, m.size, m.price, m.flags)).collect();
    let (low, high) = (1_000_000_000, 1_100_000_000);
    assert_eq!(
        seen,
        [
            (action::ADD, 5, 300, low, flag::LAST),
            (action::CANCEL, 5, 100, low, flag::LAST),
            (action::CANCEL, 5, 200, low, 0),
            (action::ADD, 6, 50, high, flag::LAST),
            (action::CANCEL, 6, 50, high, flag::LAST),
        ]
    );
    assert!(tape.mbo.iter().all(|record| record.side == side::BID));
    assert!(report.anomalies.is_empty());
}

#[test]
fn replaying_the_records_through_a_book_gives_the_venues_book() {
    let (tape, _) = normalise(&[
        add(1, b'B', 300, 10_000),
        add(2, b'B', 200, 10_000),
        add(3, b'S', 500, 10_100),
        executed(1, 300),
        executed(2, 50),
        message(b'X', &[&id(3), &word(100)]),
        message(b'U', &[&id(3), &id(4), &word(70), &word(10_050)]),
        executed(4, 20),
    ]);
    let mut book = Book::new();
    for record in &tape.mbo {
        assert_eq!(book.apply(record), Applied::Changed, "{record:?}");
    }
    let (bid, ask) = (book.best_bid().unwrap(), book.best_ask().unwrap());
    assert_eq!((bid.price, bid.size, bid.orders), (1_000_000_000, 150, 1));
    assert_eq!((ask.price, ask.size, ask.orders), (1_005_000_000, 50, 1));
    assert_eq!(book.order_count(), 2);
}

#[test]
fn orders_never_added_are_labelled_and_counted_and_nothing_is_invented() {
    let (tape, report) = normalise(&[
        executed(1, 10),
        message(b'X', &[&id(1), &word(10)]),
        message(b'D', &[&id(1)]),
        message(b'U', &[&id(1), &id(2), &word(10), &word(10_000)]),
    ]);
    assert_eq!(anomalies(&report), [("unknown order", 4)]);
    assert_eq!(tape.trade[0].price, UNDEF_PRICE);
    for record in &tape.mbo {
        assert_eq!(record.side, side::NONE, "{record:?}");
        assert_ne!(record.flags & flag::MAYBE_BAD_BOOK, 0, "{record:?}");
        let added = record.action == action::ADD;
        assert_eq!(record.price, if added { 1_000_000_000 } else { UNDEF_PRICE });
    }
}

#[test]
fn what_contradicts_the_book_is_labelled_and_counted() {
    let (tape, report) = normalise(&[
        add(1, b'B', 10, 10_000),
        add(1, b'B', 20, 10_000),
        executed(1, 99),
        add(2, b'?', 10, 10_000),
    ]);
    assert_eq!(
        anomalies(&report),
        [("duplicate order", 1), ("more taken than left", 1), ("unknown side", 1)]
    );
    let labelled: Vec<bool> =
        tape.mbo.iter().map(|record| record.flags & flag::MAYBE_BAD_BOOK != 0).collect();
    assert_eq!(labelled, [false, true, true, true]);
}

#[test]
fn trades_off_the_book_do_not_name_an_aggressor() {
    let hidden = message(b'P', &[&id(0), b"B", &word(40), b"AAPL    ", &word(12_345), &id(77)]);
    let cross =
        |shares: u64| message(b'Q', &[&id(shares), b"AAPL    ", &word(50_000), &id(78), b"O"]);
    let broken = message(b'B', &[&id(77)]);
    let (tape, report) = normalise(&[hidden, cross(1_000), cross(0), cross(1 << 33), broken]);
    let seen: Vec<_> = tape.trade.iter().map(|t| (t.action, t.price, t.size, t.trade_id)).collect();
    assert_eq!(
        seen,
        [
            (action::TRADE, 1_234_500_000, 40, 77),
            (action::TRADE, 5_000_000_000, 1_000, 78),
            (action::TRADE, 5_000_000_000, u32::MAX, 78),
            (action::CANCEL, UNDEF_PRICE, 0, 77),
        ]
    );
    assert!(tape.trade.iter().all(|t| t.side == side::NONE && t.flags == flag::LAST));
    assert_eq!(anomalies(&report), [("quantity above 32 bits", 1), ("cross without shares", 1)]);
}

#[test]
fn the_directory_becomes_definitions() {
    let (tape, _) =
        normalise(&[message(b'R', &[b"BRK.A   QN", &word(1), b"YCZ PNN1N", &word(0), b"N"])]);
    let definition = tape.definition[0];
    assert_eq!(&definition.raw_symbol[..6], b"BRK.A\0");
    assert_eq!(&definition.secsubtype[..2], b"Z\0");
    assert_eq!(&definition.exchange, b"XNAS\0");
    assert_eq!(definition.min_lot_size_round_lot, 1);
    assert_eq!(definition.header.instrument_id, 7);
    assert_eq!(definition.min_price_increment, UNDEF_PRICE, "ITCH does not say it");
}

#[test]
fn trading_states_become_statuses() {
    let halt = |state: &[u8], reason: &[u8]| message(b'H', &[b"AAPL    ", state, b" ", reason]);
    let cases: [(Vec<u8>, u16, u16, [u8; 3]); 11] = [
        (message(b'S', &[b"O"]), status_action::NONE, 0, *b"~~~"),
        (message(b'S', &[b"Q"]), status_action::TRADING, 0, *b"~~~"),
        (message(b'S', &[b"M"]), status_action::CLOSE, 0, *b"~~~"),
        (halt(b"H", b"T1  "), status_action::HALT, 30, *b"NN~"),
        (halt(b"P", b"LUDP"), status_action::PAUSE, 50, *b"NN~"),
        (halt(b"Q", b"    "), status_action::QUOTING, 0, *b"NY~"),
        (halt(b"T", b"    "), status_action::TRADING, 0, *b"YY~"),
        (message(b'Y', &[b"AAPL    1"]), status_action::SSR_CHANGE, 0, *b"~~Y"),
        (
            message(b'K', &[b"AAPL    ", &word(9), b"A", &word(1)]),
            status_action::PRE_CROSS,
            15,
            *b"~~~",
        ),
        (message(b'W', &[b"2"]), status_action::HALT, 121, *b"~~~"),
        (message(b'h', &[b"AAPL    BH"]), status_action::HALT, 60, *b"N~~"),
    ];
    for (bytes, action, reason, letters) in cases {
        let (tape, _) = normalise(std::slice::from_ref(&bytes));
        let found = tape.status[0];
        let shown = [found.is_trading, found.is_quoting, found.is_short_sell_restricted];
        assert_eq!((found.action, found.reason), (action, reason), "{bytes:?}");
        assert_eq!(shown, letters, "{bytes:?}");
        assert_eq!(found.header.publisher_id, if bytes[0] == b'h' { 3 } else { 2 });
    }
}

#[test]
fn collars_and_levels_become_a_status_and_three_statistics() {
    let (tape, _) = normalise(&[
        message(b'J', &[b"AAPL    ", &word(1), &word(2), &word(3), &word(0)]),
        message(b'V', &[&id(100), &id(200), &id(u64::MAX)]),
    ]);
    assert_eq!(tape.order, "status stat stat stat status stat stat stat ");
    let seen: Vec<_> = tape.stat.iter().map(|stat| (stat.stat_type, stat.price)).collect();
    assert_eq!(
        seen,
        [(24, 100_000), (25, 200_000), (26, 300_000), (21, 1_000), (22, 2_000), (23, UNDEF_PRICE),]
    );
}

#[test]
fn auction_messages_become_imbalances() {
    let noii = message(
        b'I',
        &[&id(500), &id(1 << 40), b"SAAPL    ", &word(0), &word(20_000), &word(30_000), b"C1"],
    );
    let listing = message(
        b'O',
        &[b"AAPL    Y", &word(1), &word(2), &word(3), &id(5_000), &word(4), &word(6)],
    );
    let (tape, report) = normalise(&[noii, listing]);
    let noii = tape.imbalance[0];
    assert_eq!((noii.paired_qty, noii.total_imbalance_qty), (500, u32::MAX));
    assert_eq!(anomalies(&report), [("quantity above 32 bits", 1)]);
    assert_eq!((noii.auct_interest_clr_price, noii.side), (UNDEF_PRICE, side::ASK));
    assert_eq!((noii.cont_book_clr_price, noii.ref_price), (2_000_000_000, 3_000_000_000));
    assert_eq!((noii.auction_type, noii.significant_imbalance), (b'C', b'1'));
    let listing = tape.imbalance[1];
    assert_eq!((listing.ind_match_price, listing.auction_status), (300_000, 1));
    assert_eq!((listing.lower_collar, listing.upper_collar), (400_000, 600_000));
    assert_eq!(listing.auction_time, MIDNIGHT_NS + 5_000);
}

#[test]
fn positions_and_retail_interest_are_counted_and_give_no_record() {
    let (tape, report) =
        normalise(&[message(b'L', &[b"MPIDAAPL    YNA"]), message(b'N', &[b"AAPL    B"])]);
    assert_eq!(tape.order, "");
    assert_eq!(report.inputs, [Count::new('L', 1), Count::new('N', 1)]);
}

#[test]
fn the_session_date_gives_new_york_midnight() {
    for (year, month, day, seconds) in [
        (1970, 1, 1, 18_000),
        (2010, 12, 24, 1_293_166_800),
        // Summer time, and the day it begins.
        (2024, 7, 25, 1_721_880_000),
        (2024, 3, 10, 1_710_046_800),
    ] {
        let date = Date::constant(year, month, day);
        assert_eq!(new_york_midnight_ns(date).unwrap(), seconds * 1_000_000_000, "{date}");
    }
    for year in [1969, 2600] {
        let error = new_york_midnight_ns(Date::constant(year, 1, 1)).unwrap_err();
        assert!(matches!(error, Error::Option { name: "date", .. }));
    }
}

fn file_of(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for message in messages {
        file.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        file.extend(message);
    }
    file
}

fn open(bytes: &[u8]) -> (tempfile::TempDir, Result<ItchSource, Error>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.itch");
    fs::write(&path, bytes).unwrap();
    let source = ItchSource::open(&path, &ItchOptions::default());
    (folder, source)
}

#[test]
fn a_file_is_read_to_its_end_whatever_the_budget() {
    let messages: Vec<_> = (0..100).map(|order| add(order, b'B', 1, 10_000)).collect();
    for budget in [1, 7, 1000] {
        let (_folder, source) = open(&file_of(&messages));
        let mut source = source.unwrap();
        let mut tape = tape::Tape::default();
        assert_eq!(source.next_time_ns(), Some(18_000_000_000_000 + 1_000));
        let mut inputs = 0;
        while let Progress::Advanced(advanced) = source.poll(&mut tape, budget).unwrap() {
            assert!(advanced <= budget);
            inputs += advanced;
        }
        assert_eq!((inputs, tape.of::<Mbo>().len()), (100, 100));
        assert_eq!(tape.of::<Mbo>().last().unwrap().sequence, 100);
        assert_eq!(source.next_time_ns(), None);
        assert_eq!(source.report().inputs, [Count::new('A', 100)]);
    }
}

#[test]
fn errors_name_the_file_and_the_place() {
    let good = file_of(&[add(1, b'B', 1, 10_000)]);
    let cases: [(&[u8], &str); 4] = [
        (&[0, 0, b'A', 1], "zero length prefix before message 1"),
        (&[0, 36, b'A'], "truncated at message 1, byte 38: expected 38 bytes, found 3"),
        (&[0, 3, b'A', 1, 2], "message of type 'A': expected 36 bytes, found 3"),
        (&[0, 1, b'z'], "unknown message type 0x7a"),
    ];
    for (tail, expected) in cases {
        let (_folder, source) = open(&[&good, tail].concat());
        let mut source = source.unwrap();
        let mut tape = tape::Tape::default();
        let error = source.poll(&mut tape, 10).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("day.itch"), "{error}");
        assert_eq!(tape.of::<Mbo>().len(), 1, "what came before is given");
        assert_eq!(source.poll(&mut tape, 10).unwrap_err().to_string(), error);
        assert_eq!(tape.of::<Mbo>().len(), 1, "and not again");
    }
}

#[test]
fn an_empty_file_is_an_error() {
    let (_folder, source) = open(b"");
    let error = source.unwrap_err();
    assert!(matches!(error, Error::Frame { source: FrameError::Empty, .. }), "{error}");
}
