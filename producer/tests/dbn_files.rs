//! Recorded DBN files through a ring and back, and generated ones.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use dbn::decode::{DbnDecoder, DbnMetadata, DecodeRecordRef};
use dbn::encode::dbn::MetadataEncoder;
use dbn::{MetadataBuilder, SType, Schema, VersionUpgradePolicy, v3};
use serde_json::Value;
use tickring::record::{Mbo, UNDEF_PRICE, UNDEF_TIME, flag};
use tickring_producer::Error;
use tickring_producer::book::{Book, Side};
use tickring_producer::pipeline::FeedOptions;
use tickring_producer::sink::dbn::{DbnHeader, DbnWriter};
use tickring_producer::source::dbn::{DbnSource, Fragment};

use crate::bus::{Bus, recorded};

const ESH4: &str = "dbn/nautilus/esh4-glbx-mdp3-20231225.mbo.dbn.zst";

/// Opens a file; fragments, which do not say their version, by the length of their definitions.
fn open(path: &Path) -> Result<DbnSource, Error> {
    if !path.to_str().unwrap().contains(".frag") {
        return DbnSource::open(path);
    }
    let version = match plain(&fs::read(path).unwrap()).first() {
        Some(90) => 1,
        Some(100) => 2,
        Some(130) => 3,
        words => panic!("{} has no definitions: {words:?} words", path.display()),
    };
    DbnSource::open_fragment(path, &Fragment { version, schema: None })
}

/// Publishes a file into a ring that holds all of it, and returns the ring of ticks as a DBN file.
fn there_and_back(path: &Path) -> Result<Vec<u8>, Error> {
    let bus = Bus::new();
    let source = open(path)?;
    let metadata = source.metadata().to_vec();
    bus.feed(source, &FeedOptions { capacity: 1 << 17, ..bus.options() })?;
    let mut writer = DbnWriter::with_metadata(Path::new("out.dbn"), Vec::new(), &metadata)?;
    bus.each("ticks", |record| assert!(writer.write(record).unwrap()));
    writer.finish()
}

/// Returns a file without its compression.
fn plain(file: &[u8]) -> Vec<u8> {
    match file {
        [0x28, 0xB5, 0x2F, 0xFD, ..] => zstd::decode_all(file).unwrap(),
        _ => file.to_vec(),
    }
}

/// Returns a file as the vendor's decoder and encoder bring it to version 3: the metadata and each
/// record.
fn upgraded(file: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let policy = VersionUpgradePolicy::UpgradeToV3;
    let mut decoder = DbnDecoder::with_upgrade_policy(Cursor::new(plain(file)), policy).unwrap();
    let mut metadata = Vec::new();
    MetadataEncoder::new(&mut metadata).encode(decoder.metadata()).unwrap();
    let mut records = Vec::new();
    while let Some(record) = decoder.decode_record_ref().unwrap() {
        records.push(record.as_ref().to_vec());
    }
    (metadata, records)
}

#[test]
fn the_es_session_arrives_with_its_counts() {
    let Some(path) = recorded(ESH4) else {
        return;
    };
    let bus = Bus::new();
    let options = FeedOptions { capacity: 1 << 17, ..bus.options() };
    let summary = bus.feed(DbnSource::open(&path).unwrap(), &options).unwrap();
    let kinds: Vec<_> = summary.kinds.iter().map(|k| (k.name.as_str(), k.count)).collect();
    assert_eq!(
        kinds,
        [
            ("mbo A", 29_216),
            ("mbo C", 17_999),
            ("mbo F", 6_371),
            ("mbo M", 12_233),
            ("mbo T", 2_973)
        ]
    );
    let records: Vec<Mbo> = bus.records("ticks");
    assert_eq!(records.len(), 68_792);
    assert_eq!(records.iter().map(|record| u64::from(record.size)).sum::<u64>(), 192_312);
    let flags = |flags| records.iter().filter(|record| record.flags == flags).count();
    assert_eq!([0x82, 0x00, 0x28, 0x80].map(flags), [47_021, 13_045, 8_725, 1]);
    assert!(records.windows(2).all(|pair| pair[0].ts_recv <= pair[1].ts_recv));
    let (first, last) = (&records[0], &records[68_791]);
    assert_eq!(
        (first.order_id, first.side, first.price),
        (6_412_777_162_812, b'B', 4_799_000_000_000)
    );
    assert_eq!((last.order_id, last.action, last.sequence), (6_412_777_285_103, b'M', 59_585));
    assert_eq!(last.ts_recv, 1_703_548_799_446_821_072);
}

#[test]
fn replaying_the_es_session_gives_the_book_of_its_facts() {
    let Some(path) = recorded(ESH4) else {
        return;
    };
    let bus = Bus::new();
    let options = FeedOptions { capacity: 1 << 17, ..bus.options() };
    bus.feed(DbnSource::open(&path).unwrap(), &options).unwrap();
    let mut book = Book::new();
    let (mut ends, mut crossed, mut fills_at_end) = (0, 0, 0);
    for record in bus.records::<Mbo>("ticks") {
        let _ = book.apply(&record);
        if record.flags & flag::LAST != 0 {
            ends += 1;
            crossed += u32::from(book.is_crossed());
            fills_at_end += u32::from(record.action == b'F');
        }
    }
    assert_eq!((book.unknown(), book.refused(), book.order_count()), (0, 0, 11_217));
    assert_eq!((book.levels(Side::Bid).len(), book.levels(Side::Ask).len()), (922, 565));
    let (bid, ask) = (book.best_bid().unwrap(), book.best_ask().unwrap());
    assert_eq!((bid.price, bid.size, bid.orders), (4_810_000_000_000, 22, 22));
    assert_eq!((ask.price, ask.size, ask.orders), (4_810_250_000_000, 28, 18));
    assert_eq!((ends, crossed), (47_022, 891));
    assert_eq!(fills_at_end, 0, "the book's rule for fills rests on this");
}

#[test]
fn every_recorded_file_goes_through_a_ring_and_back_unchanged() {
    let Some(root) = recorded("FACTS.json") else {
        return;
    };
    let facts: Value = serde_json::from_slice(&fs::read(&root).unwrap()).unwrap();
    let (mut files, mut fragments) = (0, 0);
    for file in facts.as_array().unwrap() {
        let name = file["path"].as_str().unwrap();
        let Some(path) = name.starts_with("dbn/").then(|| recorded(name)).flatten() else {
            continue;
        };
        let back = there_and_back(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let original = plain(&fs::read(&path).unwrap());
        if name.contains(".frag") {
            fragments += 1;
            let error = DbnSource::open(&path).unwrap_err().to_string();
            assert!(error.contains("fragment without metadata"), "{name}: {error}");
            assert!(back == original || !name.contains("v3"), "{name} changed on the way");
            continue;
        }
        files += 1;
        let (metadata, records) = upgraded(&original);
        assert!(back == [metadata, records.concat()].concat(), "{name} changed on the way");
        assert!(back == original || original[3] != 3, "{name} of version 3 changed on the way");
        // Files of metadata alone have no count in the facts.
        assert_eq!(records.len() as u64, file["facts"]["n"].as_u64().unwrap_or(0), "{name}");
    }
    println!("{files} files and {fragments} fragments unchanged");
    assert!(files > 70 && fragments == 4, "{files} {fragments}");
}

#[test]
fn the_mixed_live_capture_has_its_kinds_although_its_times_are_not_monotone() {
    let Some(path) = recorded("dbn/databento-python/LIVE/test_data.live.dbn.zst") else {
        return;
    };
    let bus = Bus::new();
    let summary = bus.feed(DbnSource::open(&path).unwrap(), &bus.options()).unwrap();
    let count = |records: &str| {
        let own = summary.kinds.iter().filter(|kind| kind.name.starts_with(records));
        own.map(|kind| kind.count).sum::<u64>()
    };
    let expected = [
        ("symbol_mapping", 20),
        ("stat", 9),
        ("mbo", 5),
        ("bar_", 4),
        ("instrument_def", 2),
        ("mbp_10", 2),
        ("trade", 2),
    ];
    for (records, expected) in expected {
        assert_eq!(count(records), expected, "{records}");
    }
    assert_eq!((summary.records, count("mbp_1") - count("mbp_10")), (46, 2));
    assert!(summary.source.anomalies.is_empty(), "{:?}", summary.source.anomalies);
    let mut times = Vec::new();
    bus.each("ticks", |record| times.push(record.header().unwrap().ts_event));
    assert!(!times.is_sorted(), "the trap");
}

#[test]
fn snapshot_records_with_an_old_event_time_and_undefined_prices_pass_as_they_are() {
    let order = |price, flags: u8, ts_event| {
        let mut order =
            v3::MboMsg { price, flags: flags.into(), ts_recv: 500, ..Default::default() };
        order.hd.ts_event = ts_event;
        order.order_id = (1 << 40) + 7;
        order
    };
    let old = flag::SNAPSHOT | flag::BAD_TS_RECV;
    let orders = [
        order(UNDEF_PRICE, flag::SNAPSHOT, UNDEF_TIME),
        order(5_000_000_000, old, 3),
        order(5_250_000_000, flag::LAST, 499),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot.dbn");
    let file = [&metadata()[..], &orders.each_ref().map(AsRef::<[u8]>::as_ref).concat()].concat();
    fs::write(&path, &file).unwrap();
    assert!(there_and_back(&path).unwrap() == file);
    let bus = Bus::new();
    let summary = bus.feed(DbnSource::open(&path).unwrap(), &bus.options()).unwrap();
    assert!(summary.source.anomalies.is_empty());
    let records: Vec<Mbo> = bus.records("ticks");
    let found: Vec<_> = records.iter().map(|r| (r.price, r.flags, r.header.ts_event)).collect();
    assert_eq!(
        found,
        [(UNDEF_PRICE, 0x20, UNDEF_TIME), (5_000_000_000, 0x28, 3), (5_250_000_000, 0x80, 499)]
    );
    assert!(records.iter().all(|record| record.order_id == 1_099_511_627_783), "beyond 2^32");
}

/// Returns the metadata of a file of all kinds.
fn metadata() -> Vec<u8> {
    let metadata = MetadataBuilder::new()
        .dataset("GLBX.MDP3".to_owned())
        .schema(None)
        .start(1)
        .stype_in(None)
        .stype_out(SType::InstrumentId)
        .build();
    let mut file = Vec::new();
    MetadataEncoder::new(&mut file).encode(&metadata).unwrap();
    file
}

/// Returns a file of version 3 with one record of each of DBN's structs for each number below `n`.
fn generated(n: u32) -> Vec<u8> {
    let mut file = metadata();
    for sequence in 0..n {
        let size = sequence % 100;
        file.extend(v3::MboMsg { sequence, size, ..Default::default() }.as_ref());
        file.extend(v3::TradeMsg { sequence, size, ..Default::default() }.as_ref());
        file.extend(v3::Mbp1Msg { sequence, size, ..Default::default() }.as_ref());
        file.extend(v3::Mbp10Msg { sequence, size, ..Default::default() }.as_ref());
        for schema in [Schema::Cmbp1, Schema::Tcbbo] {
            let record = v3::Cmbp1Msg { size, ..v3::Cmbp1Msg::default_for_schema(schema) };
            file.extend(record.as_ref());
        }
        for schema in [Schema::Cbbo1S, Schema::Cbbo1M] {
            let record = v3::CbboMsg { size, ..v3::CbboMsg::default_for_schema(schema) };
            file.extend(record.as_ref());
        }
        for schema in [Schema::Bbo1S, Schema::Bbo1M] {
            let record = v3::BboMsg { sequence, ..v3::BboMsg::default_for_schema(schema) };
            file.extend(record.as_ref());
        }
        let volume = sequence.into();
        let bar = v3::OhlcvMsg { volume, ..v3::OhlcvMsg::default_for_schema(Schema::Ohlcv1H) };
        file.extend(bar.as_ref());
        file.extend(v3::StatusMsg { ts_recv: volume, ..Default::default() }.as_ref());
        file.extend(v3::ImbalanceMsg { ts_recv: volume, ..Default::default() }.as_ref());
        file.extend(v3::InstrumentDefMsg { ts_recv: volume, ..Default::default() }.as_ref());
        file.extend(v3::StatMsg { sequence, ..Default::default() }.as_ref());
        file.extend(v3::SymbolMappingMsg { start_ts: volume, ..Default::default() }.as_ref());
        file.extend(v3::ErrorMsg::default().as_ref());
        file.extend(v3::SystemMsg::heartbeat(volume).as_ref());
    }
    file
}

#[test]
fn a_generated_file_of_every_record_goes_through_a_ring_and_back_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("generated.dbn");
    let file = generated(300);
    for bytes in [zstd::encode_all(&file[..], 1).unwrap(), file.clone()] {
        fs::write(&path, bytes).unwrap();
        assert!(there_and_back(&path).unwrap() == file);
    }
}

#[test]
fn a_ring_of_one_kind_is_written_with_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("generated.dbn");
    for schema in [Schema::Trades, Schema::Bbo1M, Schema::Tcbbo, Schema::Cbbo1S, Schema::Ohlcv1H] {
        let metadata = MetadataBuilder::new()
            .dataset("XNAS.ITCH".to_owned())
            .schema(Some(schema))
            .start(1)
            .stype_in(None)
            .stype_out(SType::InstrumentId)
            .build();
        let mut file = Vec::new();
        MetadataEncoder::new(&mut file).encode(&metadata).unwrap();
        fs::write(&path, file).unwrap();
        let bus = Bus::new();
        bus.feed(DbnSource::open(&path).unwrap(), &bus.options()).unwrap();
        let header = DbnHeader { dataset: "XNAS.ITCH".to_owned(), start_ns: 7 };
        let ring = bus.reader("ticks").schema().clone();
        let writer = DbnWriter::new(Path::new("out.dbn"), Vec::new(), header, &ring).unwrap();
        let decoder = DbnDecoder::new(Cursor::new(writer.finish().unwrap())).unwrap();
        let metadata = decoder.metadata();
        assert_eq!((metadata.schema, metadata.start), (Some(schema), 7));
    }
}
