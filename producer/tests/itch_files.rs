//! The artificial ITCH day of the recorded data, and a generated one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::civil::Date;
use tickring::record::{InstrumentDef, Mbo, Raw, Status, Trade, flag};
use tickring_producer::Error;
use tickring_producer::book::{Applied, Book};
use tickring_producer::sink::raw::RawWriter;
use tickring_producer::source::Count;
use tickring_producer::source::itch::{ItchOptions, ItchSource};
use tickring_producer::wire::binary_file::FrameError;

use crate::bus::{Bus, recorded};

fn counts(of: &[Count]) -> BTreeMap<&str, u64> {
    of.iter().map(|Count { name, count }| (name.as_str(), *count)).collect()
}

#[test]
fn the_artificial_day_has_the_counts_and_sums_of_its_facts() {
    let Some(path) = recorded("itch/ritch_ex20101224.fixedlen.itch") else {
        return;
    };
    let options = ItchOptions { date: Date::constant(2010, 12, 24), raw: false };
    let bus = Bus::new();
    let source = ItchSource::open(&path, &options).unwrap();
    let summary = bus.feed(source, &bus.options()).unwrap();
    let inputs = BTreeMap::from([
        ("S", 6),
        ("R", 3),
        ("H", 3),
        ("A", 4_997),
        ("F", 3),
        ("E", 198),
        ("X", 45),
        ("D", 1_745),
        ("U", 12),
        ("P", 5_000),
    ]);
    assert_eq!(counts(&summary.source.inputs), inputs);
    println!("{summary}");

    let mbo: Vec<Mbo> = bus.records("ticks");
    let sum = |action: u8, trades: &[Mbo]| {
        let sizes = trades.iter().filter(|record| record.action == action);
        sizes.map(|record| u64::from(record.size)).sum::<u64>()
    };
    // Adds of A, F and U.
    assert_eq!(sum(b'A', &mbo), 721_688 + 300 + 1_401);
    assert_eq!(sum(b'F', &mbo), 61_798);
    let kinds = counts(&summary.kinds);
    assert_eq!(kinds["mbo A"], 4_997 + 3 + 12);
    assert_eq!(kinds["mbo F"], 198);
    assert_eq!(kinds["mbo C"], 45 + 1_745 + 12);
    let trades: Vec<Trade> = bus.records("ticks");
    assert_eq!(trades.len(), 5_000 + 198);
    let volume: u64 = trades.iter().map(|trade| u64::from(trade.size)).sum();
    assert_eq!(volume, 674_132 + 61_798);
    assert_eq!(bus.records::<Status>("ticks").len(), 6 + 3);
    assert_eq!(bus.records::<InstrumentDef>("definitions").len(), 3);
    assert!(!bus.has("vectors"));

    // New York midnight of the date: 05:00 UTC in winter.
    let midnight = 1_293_166_800_000_000_000;
    assert!(mbo.iter().all(|record| record.header.ts_event >= midnight));
}

#[test]
fn replaying_the_artificial_day_gives_its_book_and_the_orders_it_never_added() {
    let Some(path) = recorded("itch/ritch_ex20101224.fixedlen.itch") else {
        return;
    };
    let bus = Bus::new();
    let source = ItchSource::open(&path, &ItchOptions::default()).unwrap();
    let summary = bus.feed(source, &bus.options()).unwrap();
    // The file names 117 orders that it never adds (94 D, 18 E, 3 X, 2 U), by an independent count.
    assert_eq!(counts(&summary.source.anomalies), BTreeMap::from([("unknown order", 117)]));
    let mut books = BTreeMap::<u32, Book>::new();
    for record in bus.records::<Mbo>("ticks") {
        let applied = books.entry(record.header.instrument_id).or_default().apply(&record);
        let labelled = record.flags & flag::MAYBE_BAD_BOOK != 0;
        assert_eq!(labelled, applied != Applied::Changed, "{record:?}");
    }
    let sum = |of: fn(&Book) -> u64| books.values().map(of).sum::<u64>();
    assert_eq!((sum(Book::unknown), sum(Book::refused)), (117, 2));
    assert_eq!(sum(|book| book.order_count() as u64), 3_204);
}

#[test]
fn the_day_with_zero_length_prefixes_stops_at_message_zero() {
    let Some(path) = recorded("itch/ritch_ex20101224.TEST_ITCH_50") else {
        return;
    };
    let bus = Bus::new();
    let source = ItchSource::open(&path, &ItchOptions::default()).unwrap();
    let error = bus.feed(source, &bus.options()).unwrap_err();
    let Error::Frame { source, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        *source,
        FrameError::ZeroLength { number: 0, offset: 0, remaining: 465_046, next: b'S' }
    );
    assert!(error.to_string().contains("end of the session"), "{error}");
}

/// Writes a file of adds and executions of one stock: every third order is executed in two parts.
pub(crate) fn generated(path: &Path, orders: u64) {
    let mut file = Vec::new();
    let mut put = |code: u8, nanosecond: u64, body: &[&[u8]]| {
        let time = &nanosecond.to_be_bytes()[2..];
        let message = [&[code, 0, 1, 0, 0][..], time, &body.concat()].concat();
        file.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        file.extend(message);
    };
    for order in 1..=orders {
        let id = order.to_be_bytes();
        let price = u32::try_from(10_000 + order % 50 * 100).unwrap().to_be_bytes();
        put(b'A', order, &[&id, b"B", &90u32.to_be_bytes(), b"TEST    ", &price]);
        if order % 3 == 0 {
            for part in [30u32, 60] {
                put(b'E', order, &[&id, &part.to_be_bytes(), &order.to_be_bytes()]);
            }
        }
    }
    file.extend([0, 0]);
    fs::write(path, file).unwrap();
}

#[test]
fn a_generated_day_arrives_whole_and_its_executed_orders_leave_the_book() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("generated.itch");
    generated(&path, 3_000);
    let bus = Bus::new();
    let source = ItchSource::open(&path, &ItchOptions::default()).unwrap();
    let summary = bus.feed(source, &bus.options()).unwrap();
    assert_eq!(counts(&summary.source.inputs), BTreeMap::from([("A", 3_000), ("E", 2_000)]));
    let mut book = Book::new();
    for record in bus.records::<Mbo>("ticks") {
        assert_eq!(book.apply(&record), Applied::Changed);
    }
    assert_eq!(book.order_count(), 2_000);
    let volume: u32 = bus.records::<Trade>("ticks").iter().map(|trade| trade.size).sum();
    assert_eq!(volume, 90_000);
}

/// Publishes a file as raw records, and returns the ring of ticks as a BinaryFILE.
fn there_and_back(path: &Path) -> Vec<u8> {
    let bus = Bus::new();
    let options = ItchOptions { raw: true, ..ItchOptions::default() };
    let summary = bus.feed(ItchSource::open(path, &options).unwrap(), &bus.options()).unwrap();
    println!("{summary}");
    assert!(!bus.has("definitions") && !bus.has("statistics"));
    let mut writer = RawWriter::new(Path::new("out.itch"), Vec::new());
    bus.each("ticks", |record| assert!(writer.write(record).unwrap()));
    assert_eq!(writer.missing(), 0);
    writer.finish().unwrap()
}

#[test]
fn the_artificial_day_goes_through_a_ring_and_back_unchanged() {
    let Some(path) = recorded("itch/ritch_ex20101224.fixedlen.itch") else {
        return;
    };
    assert!(there_and_back(&path) == fs::read(&path).unwrap());
}

#[test]
fn messages_of_every_length_go_through_a_ring_and_back_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("generated.itch");
    generated(&path, 500);
    let day = fs::read(&path).unwrap();
    assert_eq!(day[day.len() - 2..], [0, 0]);
    let frame = |len: usize| {
        let length = u16::try_from(len).unwrap().to_be_bytes();
        [&length[..], &vec![0x5A; len]].concat()
    };
    let foreign = [1, 2, 79, 80, 81, 159, 160, 161, 240, 1_000, 65_535].map(frame).concat();
    for file in [&day, &day[..day.len() - 2], &foreign, &[&foreign[..], &[0, 0]].concat()] {
        fs::write(&path, file).unwrap();
        assert!(there_and_back(&path) == file, "{} bytes", file.len());
    }
}

#[test]
fn a_raw_record_has_time_and_instrument_of_its_message_and_a_foreign_one_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("generated.itch");
    generated(&path, 1);
    let day = fs::read(&path).unwrap();
    fs::write(&path, [&[0, 3, b'A', b'?', b'!'], &day[..]].concat()).unwrap();
    let bus = Bus::new();
    let options = ItchOptions { raw: true, ..ItchOptions::default() };
    let summary = bus.feed(ItchSource::open(&path, &options).unwrap(), &bus.options()).unwrap();
    assert_eq!(counts(&summary.source.inputs), BTreeMap::from([("A", 2), ("end of session", 1)]));
    assert_eq!(counts(&summary.source.anomalies), BTreeMap::from([("not ITCH 5.0", 1)]));
    let records: Vec<Raw> = bus.records("ticks");
    let header = |raw: &Raw| (raw.header.instrument_id, raw.header.ts_event, raw.sequence);
    // New York midnight of 1970-01-01 was 05:00 UTC.
    let midnight = 5 * 3_600 * 1_000_000_000;
    let expected = [(0, u64::MAX, 1), (1, midnight + 1, 2), (0, u64::MAX, 3)];
    assert_eq!(records.iter().map(header).collect::<Vec<_>>(), expected);
    assert_eq!(records[0].bytes(), b"A?!");
    assert_eq!(records[1].bytes(), &day[2..day.len() - 2]);
    assert!(records[2].bytes().is_empty());
}

#[test]
fn messages_that_a_reader_missed_are_counted_when_a_file_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("generated.itch");
    generated(&path, 100);
    let bus = Bus::new();
    let options = ItchOptions { raw: true, ..ItchOptions::default() };
    bus.feed(ItchSource::open(&path, &options).unwrap(), &bus.options()).unwrap();
    let mut writer = RawWriter::new(Path::new("out.itch"), Vec::new());
    let mut number = 0;
    bus.each("ticks", |record| {
        number += 1;
        if !(10..15).contains(&number) {
            writer.write(record).unwrap();
        }
    });
    assert_eq!(writer.missing(), 5);
    assert_eq!(writer.written(), number - 5 - 1, "the last one is not ended yet");
}
