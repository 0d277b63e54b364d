use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use tickring::record::{Trade as TradeRecord, UNDEF_PRICE};

use super::*;
use crate::book::{Book, Level, Side};
use crate::sink::binary_file::BinaryFileWriter;
use crate::sink::tape::{Tape, Taped};
use crate::source::itch::{ItchOptions, ItchSource};
use crate::source::simulator::{Session, Simulator, SimulatorOptions};
use crate::source::{Progress, Source};

const DATE: jiff::civil::Date = jiff::civil::Date::constant(2026, 1, 5);

/// What comes of a source.
fn play<S: Source>(mut source: S) -> (Tape, Vec<Count>) {
    let mut tape = Tape::default();
    while source.poll(&mut tape, 256).unwrap() != Progress::End {}
    (tape, source.report().anomalies)
}

fn simulate(options: &SimulatorOptions) -> Tape {
    play(Simulator::new(options).unwrap()).0
}

fn day(seed: u64, instruments: u32) -> SimulatorOptions {
    SimulatorOptions {
        seed,
        instruments,
        events_per_second: 4_000.0,
        session: Some(Session::within(Duration::from_secs(10))),
        ..SimulatorOptions::default()
    }
}

fn give<R: Record + zerocopy::FromBytes>(taped: &Taped, sink: &mut impl Sink) -> bool {
    let is_own = taped.name == R::NAME;
    if is_own {
        sink.tick(&R::read_from_bytes(&taped.bytes).unwrap()).unwrap();
    }
    is_own
}

/// The records as a BinaryFILE, and the messages in it.
fn file(tape: &Tape) -> (Vec<u8>, Vec<Count>) {
    let mut writer = ItchWriter::new(BinaryFileWriter::new("memory".as_ref(), Vec::new()));
    for taped in &tape.records {
        let given = give::<Mbo>(taped, &mut writer)
            || give::<Status>(taped, &mut writer)
            || give::<Imbalance>(taped, &mut writer)
            || give::<InstrumentDef>(taped, &mut writer);
        assert!(given, "{}", taped.name);
    }
    writer.check().unwrap();
    assert_eq!(writer.refused(), 0);
    let (output, counts) = writer.finish().unwrap();
    (output.finish().unwrap(), counts)
}

/// What comes of the file when it is read again.
fn read(bytes: &[u8]) -> (Tape, Vec<Count>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("simulated.itch");
    fs::write(&path, bytes).unwrap();
    play(ItchSource::open(&path, &ItchOptions { date: DATE, ..ItchOptions::default() }).unwrap())
}

type Levels = (Vec<Level>, Vec<Level>);

/// The levels of each instrument's last book.
fn books(tape: &Tape) -> BTreeMap<u32, Levels> {
    let mut books = BTreeMap::<u32, Book>::new();
    for record in tape.of::<Mbo>() {
        let _ = books.entry(record.header.instrument_id).or_default().apply(&record);
    }
    assert!(books.values().all(|book| book.unknown() + book.refused() == 0));
    let levels = |book: &Book, side| book.levels(side).collect();
    books
        .iter()
        .map(|(&id, book)| (id, (levels(book, Side::Bid), levels(book, Side::Ask))))
        .collect()
}

/// Time, instrument, side, price and size of each fill.
fn fills(tape: &Tape) -> Vec<(u64, u32, u8, i64, u32)> {
    let fills = tape.of::<Mbo>().into_iter().filter(|record| record.action == action::FILL);
    fills.map(|f| (f.header.ts_event, f.header.instrument_id, f.side, f.price, f.size)).collect()
}

/// Quantity traded, by time, instrument, aggressor and price.
type Traded = BTreeMap<(u64, u32, u8, i64), u64>;

#[test]
fn a_day_as_itch_has_the_same_books_trades_and_states() {
    for (seed, instruments) in [(1, 1), (2, 100), (3, 2_000)] {
        let tape = simulate(&day(seed, instruments));
        let (bytes, counts) = file(&tape);
        let (back, anomalies) = read(&bytes);

        assert!(books(&back) == books(&tape));
        assert!(fills(&back) == fills(&tape));
        let (mut told, mut found) = (Traded::new(), Traded::new());
        for t in tape.of::<Mbo>().iter().filter(|record| record.action == action::TRADE) {
            let key = (t.header.ts_event, t.header.instrument_id, t.side, t.price);
            *told.entry(key).or_default() += u64::from(t.size);
        }
        for t in back.of::<TradeRecord>() {
            let key = (t.header.ts_event, t.header.instrument_id, t.side, t.price);
            *found.entry(key).or_default() += u64::from(t.size);
        }
        assert!(told == found && told.len() > 100);

        let states = |tape: &Tape| {
            let states = tape.of::<Status>().into_iter().filter(|status| status.action != 0);
            states
                .map(|mut status| {
                    (status.ts_recv, status.header.publisher_id) = (0, 0);
                    status
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(states(&back), states(&tape));
        let auctions = |tape: &Tape| {
            let mut auctions = tape.of::<Imbalance>();
            for auction in &mut auctions {
                (auction.ts_recv, auction.header.publisher_id) = (0, 0);
            }
            auctions
        };
        assert!(auctions(&back) == auctions(&tape));
        let stocks = |tape: &Tape| {
            let stocks = tape.of::<InstrumentDef>().into_iter();
            stocks
                .map(|r| (r.header.instrument_id, r.raw_symbol, r.min_lot_size_round_lot))
                .collect::<Vec<_>>()
        };
        assert_eq!(stocks(&back), stocks(&tape));

        let types: String = counts.iter().map(|count| count.name.as_str()).collect();
        assert_eq!(types, "SRHAFECXDUPQI");
        let names: Vec<&str> = anomalies.iter().map(|count| count.name.as_str()).collect();
        assert_eq!(names, ["execution not printable"], "those of the auctions");
    }
}

#[test]
fn types_of_crosses_follow_from_the_states() {
    let (bytes, _) = file(&simulate(&day(4, 3)));
    let messages = crate::wire::binary_file::BinaryFile::new(&bytes).unwrap();
    let crosses = messages.map(|frame| frame.unwrap().bytes).filter(|bytes| bytes[0] == b'Q');
    let types: Vec<u8> = crosses.map(|bytes| bytes[39]).collect();
    let first_other = types.iter().position(|&kind| kind != b'O').unwrap();
    let first_closing = types.iter().position(|&kind| kind == b'C').unwrap();
    assert!(types[..first_other].iter().all(|&kind| kind == b'O') && first_other > 0);
    assert!(types[first_other..first_closing].iter().all(|&kind| kind == b'H'));
    assert!(types[first_closing..].iter().all(|&kind| kind == b'C'));
    assert!(first_closing > first_other, "a halt ended by an auction");
}

#[test]
fn the_same_records_give_the_same_bytes() {
    let options = day(5, 10);
    assert!(file(&simulate(&options)).0 == file(&simulate(&options)).0);
    assert!(file(&simulate(&options)).0 != file(&simulate(&day(6, 10))).0);
}

/// Keeps what it is given.
#[derive(Debug, Default)]
struct Kept(Vec<Vec<u8>>);

impl Messages for Kept {
    fn take(&mut self, message: &[u8], _: u64) -> Result<(), Error> {
        self.0.push(message.to_vec());
        Ok(())
    }
}

/// 2026-01-05 14:30 UTC.
const OPEN_NS: u64 = 1_767_623_400_000_000_000;

fn definition(id: u32, symbol: &str) -> InstrumentDef {
    let mut record = InstrumentDef::empty(0, id, OPEN_NS);
    record.raw_symbol[..symbol.len()].copy_from_slice(symbol.as_bytes());
    record
}

fn mbo(action: u8, order_id: u64, side: u8, price: i64, size: u32, flags: u8) -> Mbo {
    Mbo { order_id, price, size, flags, action, side, ..Mbo::empty(0, 7, OPEN_NS) }
}

/// The messages of some records of instrument 7, without those of its definition.
fn encode(records: &[Mbo]) -> Result<Vec<Vec<u8>>, Error> {
    let mut writer = ItchWriter::new(Kept::default());
    writer.definition(&definition(7, "TEST")).unwrap();
    records.iter().for_each(|record| writer.tick(record).unwrap());
    let (Kept(mut messages), _) = writer.finish()?;
    let last = messages.pop().unwrap();
    assert_eq!((last[0], last[11]), (b'S', b'C'));
    Ok(messages.split_off(2))
}

#[test]
fn changes_become_the_messages_of_the_table() {
    const LAST: u8 = flag::LAST;
    let order = mbo(b'A', 1, b'B', 10_000_000_000, 300, LAST);
    let cases: [(&[Mbo], &str); 11] = [
        (&[mbo(b'M', 1, b'B', 10_000_000_000, 200, LAST)], "X"),
        (&[mbo(b'M', 1, b'B', 10_000_000_000, 300, LAST)], "U"),
        (&[mbo(b'M', 1, b'B', 10_000_000_000, 400, LAST)], "U"),
        (&[mbo(b'M', 1, b'B', 10_010_000_000, 200, LAST)], "U"),
        (&[mbo(b'C', 1, b'B', 10_000_000_000, 300, LAST)], "D"),
        (&[mbo(b'C', 1, b'B', 10_000_000_000, 100, LAST)], "X"),
        (&[mbo(b'T', 0, b'N', 10_005_000_000, 100, LAST)], "P"),
        (&[mbo(b'F', 1, b'B', 10_000_000_000, 100, LAST)], "E"),
        (
            &[
                mbo(b'T', 0, b'A', 10_000_000_000, 100, 0),
                mbo(b'F', 1, b'B', 10_000_000_000, 100, 0),
                mbo(b'M', 1, b'B', 10_000_000_000, 200, LAST),
            ],
            "E",
        ),
        (
            &[
                mbo(b'T', 0, b'A', 9_990_000_000, 300, 0),
                mbo(b'F', 1, b'B', 10_000_000_000, 300, 0),
                mbo(b'C', 1, b'B', 10_000_000_000, 300, LAST),
            ],
            "C",
        ),
        (
            &[
                mbo(b'T', 0, b'N', 9_990_000_000, 300, 0),
                mbo(b'F', 1, b'B', 10_000_000_000, 300, 0),
                mbo(b'C', 1, b'B', 10_000_000_000, 300, LAST),
            ],
            "CQ",
        ),
    ];
    for (records, expected) in cases {
        let messages = encode(&[&[order], records].concat()).unwrap();
        let found: String = messages.iter().map(|message| char::from(message[0])).collect();
        assert_eq!(found, format!("A{expected}"), "{records:?}");
        // 09:30 in New York.
        for message in messages {
            assert_eq!(message[5..11], 34_200_000_000_000_u64.to_be_bytes()[2..]);
        }
    }
    let crossed = encode(&[&[order], cases[10].0].concat()).unwrap();
    assert_eq!((crossed[1][31], crossed[2][39]), (b'N', b'O'), "not printable, before the open");
    assert_eq!(encode(&[&[order], cases[9].0].concat()).unwrap()[1][31], b'Y');
}

#[test]
fn what_itch_cannot_say_is_an_error_and_ends_the_output() {
    let add = mbo(b'A', 1, b'B', 10_000_000_000, 300, flag::LAST);
    let late = OPEN_NS + (1 << 48);
    let cases = [
        (Mbo { price: 10_000_000_001, ..add }, EncodeError::Price { found: 10_000_000_001 }),
        (Mbo { price: -100_000, ..add }, EncodeError::Price { found: -100_000 }),
        (Mbo { price: UNDEF_PRICE, ..add }, EncodeError::Price { found: UNDEF_PRICE }),
        (Mbo { action: b'C', order_id: 9, ..add }, EncodeError::Order { found: 9 }),
        (with_instrument(add, 8), EncodeError::NotDefined { found: 8 }),
        (with_time(add, late), EncodeError::Time { found: late }),
        (with_time(add, 1), EncodeError::Time { found: 1 }),
    ];
    for (record, expected) in cases {
        let found = encode(&[record, add]).unwrap_err();
        assert!(matches!(found, Error::Encode(found) if found == expected), "{found:?}");
    }
    let definitions = [
        (definition(70_000, "TEST"), EncodeError::Instrument { found: 70_000 }),
        (definition(0, "TEST"), EncodeError::Instrument { found: 0 }),
        (definition(9, "TOO LONG."), EncodeError::Symbol { instrument_id: 9, found: 9 }),
    ];
    for (record, expected) in definitions {
        let mut writer = ItchWriter::new(Kept::default());
        writer.definition(&record).unwrap();
        let found = writer.check().unwrap_err();
        assert!(matches!(found, Error::Encode(found) if found == expected), "{found:?}");
    }
}

fn with_instrument(mut record: Mbo, instrument_id: u32) -> Mbo {
    record.header.instrument_id = instrument_id;
    record
}

fn with_time(mut record: Mbo, ts_event: u64) -> Mbo {
    record.header.ts_event = ts_event;
    record
}
