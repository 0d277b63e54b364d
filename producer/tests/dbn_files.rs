//! Recorded DBN files through a ring and back, and generated ones.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use dbn::decode::{DbnDecoder, DecodeRecordRef};
use dbn::encode::dbn::MetadataEncoder;
use dbn::{MetadataBuilder, SType, VersionUpgradePolicy, v3};
use serde_json::Value;
use tickring::record::{Mbo, flag};
use tickring_producer::book::{Book, Side};
use tickring_producer::pipeline::FeedOptions;
use tickring_producer::sink::dbn::{DbnHeader, DbnWriter};
use tickring_producer::source::dbn::DbnSource;
use tickring_producer::{DbnError, Error};

use crate::bus::{Bus, recorded};

const ESH4: &str = "dbn/nautilus/esh4-glbx-mdp3-20231225.mbo.dbn.zst";

/// Publishes a file into a ring that holds all of it.
fn publish(bus: &Bus, path: &Path) -> Result<u64, Error> {
    let options = FeedOptions { capacity: 1 << 17, ..bus.options() };
    Ok(bus.feed(DbnSource::open(path)?, &options)?.records)
}

/// Returns the ring of ticks as a DBN file.
fn export(bus: &Bus) -> Vec<u8> {
    let header = DbnHeader { dataset: "GLBX.MDP3".to_owned(), start_ns: 0 };
    let schema = bus.reader("ticks").schema().clone();
    let mut writer = DbnWriter::new(Path::new("out.dbn"), Vec::new(), header, &schema).unwrap();
    bus.each("ticks", |record| assert!(writer.write(record).unwrap()));
    writer.finish().unwrap()
}

/// Returns the records of a DBN file as version 3, by the vendor's decoder, without the types that
/// no ring holds.
fn decoded(file: &[u8]) -> Vec<Vec<u8>> {
    let plain = match file {
        [0x28, 0xB5, 0x2F, 0xFD, ..] => zstd::decode_all(file).unwrap(),
        _ => file.to_vec(),
    };
    let policy = VersionUpgradePolicy::UpgradeToV3;
    let mut decoder = DbnDecoder::with_upgrade_policy(Cursor::new(plain), policy).unwrap();
    let mut records = Vec::new();
    while let Some(record) = decoder.decode_record_ref().unwrap() {
        if !matches!(record.header().rtype, dbn::rtype::SYSTEM | dbn::rtype::ERROR) {
            records.push(record.as_ref().to_vec());
        }
    }
    records
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
    publish(&bus, &path).unwrap();
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
    let (mut files, mut unsupported, mut fragments) = (0, 0, 0);
    for file in facts.as_array().unwrap() {
        let name = file["path"].as_str().unwrap();
        let Some(path) = name.starts_with("dbn/").then(|| recorded(name)).flatten() else {
            continue;
        };
        let bus = Bus::new();
        match publish(&bus, &path) {
            Ok(published) => {
                files += 1;
                // Files of metadata alone have no count in the facts.
                assert_eq!(published, file["facts"]["n"].as_u64().unwrap_or(0), "{name}");
                let original = decoded(&fs::read(&path).unwrap());
                assert!(decoded(&export(&bus)) == original, "{name} changed on the way");
            }
            Err(Error::Dbn { source: DbnError::Schema { found }, .. }) => {
                unsupported += 1;
                assert_eq!(file["facts"]["schema"].as_str(), Some(found), "{name}");
                assert!(found.contains("bbo") || found.contains("cmbp"), "{name}: {found}");
            }
            Err(Error::Dbn { source: DbnError::NoMetadata { .. }, .. }) => {
                fragments += 1;
                assert!(name.contains(".frag"), "{name}");
            }
            Err(other) => panic!("{name}: {other}"),
        }
    }
    println!("{files} files unchanged, {unsupported} of other schemas, {fragments} fragments");
    assert!(files > 50, "{files}");
}

/// Returns a file of version 3 with one order and one trade for each number below `n`.
fn generated(n: u32) -> Vec<u8> {
    let metadata = MetadataBuilder::new()
        .dataset("GLBX.MDP3".to_owned())
        .schema(None)
        .start(1)
        .stype_in(None)
        .stype_out(SType::InstrumentId)
        .build();
    let mut file = Vec::new();
    MetadataEncoder::new(&mut file).encode(&metadata).unwrap();
    for sequence in 0..n {
        let mbo = v3::MboMsg { sequence, size: 2, ..Default::default() };
        let trade = v3::TradeMsg { sequence, size: 3, ..Default::default() };
        file.extend(mbo.as_ref());
        file.extend(trade.as_ref());
    }
    file
}

#[test]
fn a_generated_file_goes_through_a_ring_and_back_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("generated.dbn");
    let file = generated(1_000);
    for bytes in [file.clone(), zstd::encode_all(&file[..], 1).unwrap()] {
        fs::write(&path, bytes).unwrap();
        let bus = Bus::new();
        assert_eq!(publish(&bus, &path).unwrap(), 2_000);
        let back = export(&bus);
        assert_eq!(decoded(&back), decoded(&file));
        // The metadata may differ, what follows may not.
        let records = 1_000 * (56 + 48);
        assert!(back[back.len() - records..] == file[file.len() - records..]);
    }
}
