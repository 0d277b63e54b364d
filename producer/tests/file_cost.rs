//! What a record of a file costs: no allocation once the source has seen what it will see.

use std::fs;
use std::io::Write;

use dbn::encode::dbn::MetadataEncoder;
use dbn::{MetadataBuilder, SType, Schema, v1};
use tickring::WrongKind;
use tickring::record::Record;
use tickring_producer::columns::{ColumnMap, RowKind, preset};
use tickring_producer::pace::StepClock;
use tickring_producer::pipeline::Feed;
use tickring_producer::source::csv::CsvSource;
use tickring_producer::source::dbn::DbnSource;
use tickring_producer::source::itch::{ItchOptions, ItchSource};
use tickring_producer::source::jsonl::JsonLinesSource;
use tickring_producer::source::pcap::{Payload, PcapOptions, PcapSource};
use tickring_producer::source::{Progress, Sink, Source};
use tickring_producer::wire::iextp::{self, TOPS_16};
use tickring_producer::wire::moldudp64;
use zerocopy::IntoBytes;

use crate::allocations;
use crate::bus::Bus;
use crate::fuzz::source::capture;

/// Counts records and forgets them.
#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn tick<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        self.0 += 1;
        Ok(())
    }

    fn definition<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        self.0 += 1;
        Ok(())
    }

    fn statistic<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        self.0 += 1;
        Ok(())
    }
}

/// Asserts that a source allocates nothing behind its first tenth, and gives so many records.
fn check(mut source: impl Source, records: u64, what: &str) {
    let mut sink = Count::default();
    let mut step = |sink: &mut Count| source.poll(sink, 100).unwrap();
    while sink.0 < records / 10 {
        assert_ne!(step(&mut sink), Progress::End, "{what}");
    }
    let allocations = allocations::during(|| while step(&mut sink) != Progress::End {});
    assert_eq!((allocations, sink.0), (0, records), "{what}");
}

/// The forms in which text files and DBN are read.
fn forms(bytes: &[u8]) -> [Vec<u8>; 2] {
    [bytes.to_vec(), zstd::encode_all(bytes, 1).unwrap()]
}

#[test]
fn text_files_allocate_nothing_for_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    let rows = 20_000;
    let mut depth =
        "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu\n"
            .to_owned();
    let mut book = "symbol,timestamp,local_timestamp,bids[0].price,bids[0].amount,asks[0].price,\
                    asks[0].amount\n"
        .to_owned();
    let mut json = String::new();
    for row in 0..rows {
        let (time, cents) = (1_700_000_000_000_u64 + row, row % 100);
        depth += &format!("\"BTCUSDT\",{time},1,{row},b,set,20377.{cents:02},1.{cents:02},0\n");
        book += &format!("BTCUSDT,{time}000,{time}001,1.{cents:02},2,3.{cents:02},4\n");
        json += &format!(
            "{{\"T\":{time},\"d\":[{{\"p\":1.{cents:02},\"q\":\"2\"}}],\"s\":\"ETH{cents}\"}}\n"
        );
    }
    for depth in forms(depth.as_bytes()) {
        fs::write(&path, depth).unwrap();
        let source = CsvSource::open(&path, &preset("binance-depth").unwrap(), true).unwrap();
        check(source, rows, "depth");
    }
    for book in forms(book.as_bytes()) {
        fs::write(&path, book).unwrap();
        let source = CsvSource::open(&path, &preset("tardis-book").unwrap(), true).unwrap();
        check(source, rows * 3, "book");
    }
    let mut map = ColumnMap::new(RowKind::Trade);
    map.add_columns("ts=T,price=/d/0/p,size=/d/0/q,symbol=s").unwrap();
    for json in forms(json.as_bytes()) {
        fs::write(&path, json).unwrap();
        check(JsonLinesSource::open(&path, &map, true).unwrap(), rows, "json");
    }
}

#[test]
fn dbn_files_allocate_nothing_for_a_record_upgraded_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.dbn");
    let metadata = MetadataBuilder::new()
        .version(1)
        .dataset("GLBX.MDP3".to_owned())
        .schema(None::<Schema>)
        .start(1)
        .stype_in(None)
        .stype_out(SType::InstrumentId)
        .build();
    let mut file = Vec::new();
    MetadataEncoder::new(&mut file).encode(&metadata).unwrap();
    for _ in 0..2_000 {
        file.extend(v1::MboMsg::default().as_ref());
        file.extend(v1::StatMsg::default().as_ref());
        file.extend(v1::InstrumentDefMsg::default().as_ref());
    }
    for file in forms(&file) {
        fs::write(&path, file).unwrap();
        check(DbnSource::open(&path).unwrap(), 6_000, "dbn");
    }
}

/// The messages that add an order and delete it again, behind their lengths.
fn order(order: u64) -> Vec<u8> {
    let head = |code: u8| [&[code, 0, 1, 0, 0][..], &order.to_be_bytes()[2..]].concat();
    let id = order.to_be_bytes();
    let mut added = [&head(b'A'), &id[..], b"B"].concat();
    added.extend(90_u32.to_be_bytes());
    added.extend(b"TEST    ");
    added.extend(12_345_u32.to_be_bytes());
    let deleted = [&head(b'D'), &id[..]].concat();
    let mut messages = Vec::new();
    for message in [added, deleted] {
        messages.write_all(&u16::try_from(message.len()).unwrap().to_be_bytes()).unwrap();
        messages.write_all(&message).unwrap();
    }
    messages
}

#[test]
fn itch_files_allocate_nothing_for_a_message_decoded_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.itch");
    fs::write(&path, (0..5_000).flat_map(order).collect::<Vec<u8>>()).unwrap();
    for raw in [false, true] {
        let options = ItchOptions { raw, ..ItchOptions::default() };
        check(ItchSource::open(&path, &options).unwrap(), 10_000, "itch");
    }
}

/// Asserts that a capture goes to the rings of a bus without an allocation behind its first tenth.
fn check_capture(file: &[u8], packets: usize, options: &PcapOptions) {
    let bus = Bus::new();
    let path = tempfile::NamedTempFile::new().unwrap();
    fs::write(path.path(), file).unwrap();
    let source = PcapSource::open(path.path(), options).unwrap();
    // Time stands still, so that no report is written while messages are counted.
    let mut feed = Feed::with_clock(source, &bus.options(), StepClock::default()).unwrap();
    let mut read = 0;
    let mut until = |wanted: usize| {
        while read < wanted {
            let Progress::Advanced(more) = feed.run_once((wanted - read).min(64)).unwrap() else {
                panic!("{wanted} packets")
            };
            read += more;
        }
    };
    until(packets / 10);
    assert_eq!(allocations::during(|| until(packets)), 0);
    assert_eq!(feed.run_once(64).unwrap(), Progress::End);
    println!("{}", feed.close());
}

/// Packets of both lines: what line A loses, which is one in ten, line B brings two packets later.
fn two_lines(packets: u64) -> Vec<u8> {
    const EACH: u64 = 4;
    let packet = |number: u64| {
        let count = u16::try_from(2 * EACH).unwrap();
        let header = moldudp64::Header::new(*b"SESSION   ", 1 + number * 2 * EACH, count);
        let orders = (number * EACH..(number + 1) * EACH).flat_map(order);
        [header.as_bytes(), &orders.collect::<Vec<u8>>()].concat()
    };
    let packets: Vec<Vec<u8>> = (0..packets).map(packet).collect();
    let mut sent = Vec::new();
    for (number, packet) in packets.iter().enumerate() {
        if number % 10 != 5 {
            sent.push((0xA0, &packet[..]));
        }
        if let Some(late) = number.checked_sub(2) {
            sent.push((0xA1, &packets[late][..]));
        }
    }
    sent.push((0xA1, &packets[packets.len() - 2][..]));
    sent.push((0xA1, &packets[packets.len() - 1][..]));
    capture::capture(&capture::join(sent))
}

#[test]
fn captures_of_itch_allocate_nothing_for_a_message_on_the_way_to_a_ring() {
    let plain = two_lines(1_000);
    let options =
        PcapOptions { payload: Some(Payload::MoldUdp64), merge: true, ..PcapOptions::default() };
    for file in forms(&plain) {
        check_capture(&file, 1_900, &options);
    }
}

#[test]
fn captures_of_iex_allocate_nothing_for_a_message_on_the_way_to_a_ring() {
    let quote = |number: u64| {
        let time = (1_767_623_400_000_000_000 + number).to_le_bytes();
        let sizes = 100_u32.to_le_bytes();
        let (bid, ask) = (990_000_u64.to_le_bytes(), 1_000_000_u64.to_le_bytes());
        let symbol = format!("S{:<7}", number % 50);
        [b"Q\0", &time[..], symbol.as_bytes(), &sizes, &bid, &ask, &sizes].concat()
    };
    let segment = |number: u64| {
        let quotes = (0..5).map(|place| quote(number * 5 + place));
        let blocks = quotes
            .map(|quote| [&u16::try_from(quote.len()).unwrap().to_le_bytes()[..], &quote].concat());
        let blocks = blocks.collect::<Vec<_>>().concat();
        let header = iextp::Header {
            version: 1,
            reserved: 0,
            protocol: TOPS_16.into(),
            channel: 1.into(),
            session: 1.into(),
            payload_len: u16::try_from(blocks.len()).unwrap().into(),
            count: 5.into(),
            stream_offset: 0.into(),
            first_sequence: i64::try_from(1 + number * 5).unwrap().into(),
            send_time: 0.into(),
        };
        [header.as_bytes(), &blocks].concat()
    };
    let segments: Vec<Vec<u8>> = (0..1_000).map(segment).collect();
    let plain = capture::capture(&capture::join(segments.iter().map(|bytes| (0xA0, &bytes[..]))));
    for file in forms(&plain) {
        check_capture(&file, 1_000, &PcapOptions::default());
    }
}
