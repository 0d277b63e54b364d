//! What a record of a file costs: no allocation once the source has seen what it will see.

use std::fs;
use std::io::Write;
use std::path::Path;

use dbn::encode::dbn::MetadataEncoder;
use dbn::{MetadataBuilder, SType, Schema, v1};
use tickring::WrongKind;
use tickring::record::Record;
use tickring_producer::columns::{ColumnMap, RowKind, preset};
use tickring_producer::source::csv::CsvSource;
use tickring_producer::source::dbn::DbnSource;
use tickring_producer::source::itch::{ItchOptions, ItchSource};
use tickring_producer::source::jsonl::JsonLinesSource;
use tickring_producer::source::{Progress, Sink, Source};

use crate::allocations;

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

/// Writes a file of orders that are added and deleted again.
fn itch_file(path: &Path, orders: u64) {
    let mut file = Vec::new();
    for order in 0..orders {
        let head = |code: u8| [&[code, 0, 1, 0, 0][..], &order.to_be_bytes()[2..]].concat();
        let id = order.to_be_bytes();
        let mut added = [&head(b'A'), &id[..], b"B"].concat();
        added.extend(90_u32.to_be_bytes());
        added.extend(b"TEST    ");
        added.extend(12_345_u32.to_be_bytes());
        let deleted = [&head(b'D'), &id[..]].concat();
        for message in [added, deleted] {
            file.write_all(&u16::try_from(message.len()).unwrap().to_be_bytes()).unwrap();
            file.write_all(&message).unwrap();
        }
    }
    fs::write(path, file).unwrap();
}

#[test]
fn itch_files_allocate_nothing_for_a_message_decoded_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.itch");
    itch_file(&path, 5_000);
    for raw in [false, true] {
        let options = ItchOptions { raw, ..ItchOptions::default() };
        check(ItchSource::open(&path, &options).unwrap(), 10_000, "itch");
    }
}
