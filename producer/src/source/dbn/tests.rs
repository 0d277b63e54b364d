use std::fs;
use std::io::Write;

use dbn::encode::dbn::MetadataEncoder;
use dbn::{MetadataBuilder, SType, Schema, v1, v2, v3};
use proptest::prelude::*;
use tickring::record::rtype;

use super::*;
use crate::error::DbnError;
use crate::sink::tape::{Ring, Tape};
use crate::source::Count;

/// The bytes of all records, which go to the ring of ticks.
fn bytes_of(tape: &Tape) -> Vec<Vec<u8>> {
    assert!(tape.records.iter().all(|taped| taped.ring == Ring::Ticks));
    tape.records.iter().map(|taped| taped.bytes.clone()).collect()
}

/// Metadata of this version and schema.
fn metadata(version: u8, schema: Option<Schema>, ts_out: bool) -> Vec<u8> {
    let metadata = MetadataBuilder::new()
        .version(version)
        .dataset("GLBX.MDP3".to_owned())
        .schema(schema)
        .start(1)
        .stype_in(Some(SType::RawSymbol))
        .stype_out(SType::InstrumentId)
        .ts_out(ts_out)
        .symbols(vec!["ESH4".to_owned()])
        .build();
    let mut bytes = Vec::new();
    MetadataEncoder::new(&mut bytes).encode(&metadata).unwrap();
    bytes
}

fn mbo(order_id: u64) -> v3::MboMsg {
    let mut record = v3::MboMsg { order_id, price: 5, size: 3, ts_recv: 77, ..Default::default() };
    record.hd.instrument_id = 9;
    record
}

fn file_of(version: u8, schema: Option<Schema>, records: &[&[u8]]) -> Vec<u8> {
    [metadata(version, schema, false), records.concat()].concat()
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn open(bytes: &[u8]) -> (tempfile::TempDir, Result<DbnSource, Error>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.dbn");
    fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    (folder, DbnSource::open(&path))
}

fn read(bytes: &[u8]) -> Result<(Tape, Report), Error> {
    let (_folder, source) = open(bytes);
    let mut source = source?;
    let mut tape = Tape::default();
    while source.poll(&mut tape, 7)? != Progress::End {}
    Ok((tape, source.report()))
}

/// Returns the DBN reason that a file is refused for, at once or at some record.
fn refused(bytes: &[u8]) -> DbnError {
    match read(bytes) {
        Err(Error::Dbn { source, path }) => {
            assert!(path.ends_with("file.dbn"));
            source
        }
        Err(other) => panic!("not a DBN error: {other}"),
        Ok(_) => panic!("the file was read"),
    }
}

#[test]
fn records_come_byte_for_byte_from_plain_and_compressed_files_of_all_versions() {
    let records: Vec<v3::MboMsg> = (0..10_000).map(mbo).collect();
    let bytes: Vec<&[u8]> = records.iter().map(AsRef::as_ref).collect();
    for version in 1..=3 {
        let plain = file_of(version, Some(Schema::Mbo), &bytes);
        for file in [compressed(&plain), plain] {
            let (tape, report) = read(&file).unwrap();
            assert_eq!(bytes_of(&tape), bytes, "version {version}");
            assert_eq!(report.inputs, [Count::new("mbo", 10_000)]);
            assert!(report.anomalies.is_empty());
        }
    }
}

#[test]
fn a_trade_gets_room_for_the_trade_id_that_dbn_does_not_have() {
    let trade = v3::TradeMsg { price: 5, size: 3, depth: 1, sequence: 8, ..Default::default() };
    let (tape, _) = read(&file_of(3, Some(Schema::Trades), &[trade.as_ref()])).unwrap();
    let [record] = &bytes_of(&tape)[..] else { panic!("one record") };
    assert_eq!(record.len(), 56);
    assert_eq!(record[0], 14, "the length is the record's own");
    assert_eq!(record[1..48], trade.as_ref()[1..]);
    assert_eq!(record[48..], [0; 8]);
}

#[test]
fn changed_layouts_of_older_versions_are_upgraded() {
    let (old, middle) = (v1::InstrumentDefMsg::default(), v2::InstrumentDefMsg::default());
    let new = v3::InstrumentDefMsg::default();
    for (version, bytes) in [(1, old.as_ref()), (2, middle.as_ref()), (3, new.as_ref())] {
        let bytes: &[u8] = bytes;
        let file = file_of(version, Some(Schema::Definition), &[bytes, bytes]);
        for file in [compressed(&file), file] {
            let (tape, _) = read(&file).unwrap();
            assert_eq!(bytes_of(&tape), [new.as_ref(), new.as_ref()], "version {version}");
        }
    }
    let stat = v1::StatMsg { quantity: 12, ..Default::default() };
    let (tape, _) = read(&file_of(1, Some(Schema::Statistics), &[stat.as_ref()])).unwrap();
    assert_eq!(bytes_of(&tape), [v3::StatMsg::from(&stat).as_ref()]);
}

#[test]
fn a_live_capture_gives_all_kinds_and_counts_what_no_ring_can_hold() {
    let (mbo, stat) = (mbo(1), v3::StatMsg::default());
    let notice = v3::SystemMsg::heartbeat(1);
    let mut unknown = mbo.clone();
    unknown.hd.rtype = 0x77;
    let records: [&[u8]; 5] =
        [mbo.as_ref(), notice.as_ref(), unknown.as_ref(), stat.as_ref(), unknown.as_ref()];
    let (tape, report) = read(&file_of(3, None, &records)).unwrap();
    assert_eq!(bytes_of(&tape), [records[0], records[1], records[3]]);
    let inputs = [("gateway_notice", 1), ("stat", 1), ("mbo", 1)];
    assert_eq!(report.inputs, inputs.map(|(name, count)| Count::new(name, count)));
    assert_eq!(report.anomalies, [Count::new("rtype 0x77 skipped", 2)]);
}

#[test]
fn what_a_gateway_said_in_version_1_is_upgraded() {
    let mut error = v1::ErrorMsg::default();
    let mut notice = v1::SystemMsg::default();
    for (to, from) in error.err.iter_mut().chain(&mut notice.msg).zip(b"too slow".iter().cycle()) {
        *to = from.cast_signed();
    }
    error.err[8..].fill(0);
    notice.msg[8..].fill(0);
    let file = file_of(1, None, &[error.as_ref(), notice.as_ref()]);
    let (tape, report) = read(&file).unwrap();
    assert!(report.anomalies.is_empty());
    let [error, notice] = &bytes_of(&tape)[..] else { panic!("two records") };
    assert_eq!((error.len(), notice.len()), (320, 320));
    assert_eq!((error[0], &error[16..25]), (80, &b"too slow\0"[..]));
    assert_eq!(&notice[16..24], b"too slow");
}

#[test]
fn kinds_are_those_of_the_schema() {
    let kinds = |schema| {
        let (_folder, source) = open(&file_of(3, schema, &[]));
        let kinds = source.unwrap().kinds();
        assert!(kinds.definitions.is_empty() && kinds.statistics.is_empty());
        kinds.ticks.iter().map(|kind| kind.rtype).collect::<Vec<_>>()
    };
    assert_eq!(kinds(Some(Schema::Mbo)), [rtype::MBO]);
    assert_eq!(kinds(Some(Schema::Tbbo)), [rtype::MBP_1]);
    assert_eq!(kinds(Some(Schema::Ohlcv1M)), [rtype::BAR_1M]);
    assert_eq!(kinds(Some(Schema::Cbbo1S)), [rtype::CBBO_1S]);
    assert_eq!(kinds(Some(Schema::Tcbbo)), [rtype::TCBBO]);
    assert_eq!(kinds(Some(Schema::Bbo1M)), [rtype::BBO_1M]);
    assert_eq!(kinds(None).len(), 22);
}

#[test]
fn the_time_of_a_record_is_when_it_was_received() {
    let (mbo, bar) = (mbo(1), v3::OhlcvMsg::default_for_schema(Schema::Ohlcv1S));
    let time = |bytes: &[u8]| walk::time_ns(bytes);
    assert_eq!(time(mbo.as_ref()), Some(77));
    assert_eq!(time(bar.as_ref()), None, "an undefined time is none");
    assert_eq!(time(&mbo.as_ref()[..30]), None);
    let (_folder, source) = open(&file_of(3, Some(Schema::Mbo), &[mbo.as_ref()]));
    assert_eq!(source.unwrap().next_time_ns(), Some(77));
}

#[test]
fn an_empty_file_is_refused() {
    assert!(matches!(refused(b""), DbnError::Empty));
    assert!(matches!(refused(&compressed(b"")), DbnError::Empty));
}

#[test]
fn a_fragment_without_metadata_is_refused() {
    let record = mbo(1);
    for file in [record.as_ref().to_vec(), compressed(record.as_ref())] {
        let error = refused(&file);
        assert!(matches!(&error, DbnError::NoMetadata { found } if found[..2] == [14, 0xA0]));
        assert!(error.to_string().contains("fragment without metadata"));
    }
}

#[test]
fn a_legacy_dbz_file_is_refused() {
    let error = refused(b"\x51\x2A\x4D\x18\x00\x10\x00\x00DBZ\x01\x28\xB5\x2F\xFD");
    assert!(matches!(error, DbnError::LegacyDbz));
    assert!(error.to_string().contains("--output"));
}

#[test]
fn a_version_that_is_not_known_is_refused() {
    for version in [0, 4, 255] {
        let mut file = file_of(3, Some(Schema::Mbo), &[]);
        file[3] = version;
        assert!(matches!(refused(&file), DbnError::Version { found } if found == version));
    }
}

#[test]
fn the_send_time_of_a_gateway_is_left_out_and_counted() {
    let (mbo, stat) = (mbo(1), v1::StatMsg::default());
    let sent = |bytes: &[u8]| {
        let mut bytes = [bytes, &77_u64.to_le_bytes()].concat();
        bytes[0] += 2;
        bytes
    };
    for version in 1..=3 {
        let stat = if version == 1 { sent(stat.as_ref()) } else { sent(mbo.as_ref()) };
        let file = [metadata(version, None, true), sent(mbo.as_ref()), stat].concat();
        for file in [compressed(&file), file] {
            let (tape, report) = read(&file).unwrap();
            let records = bytes_of(&tape);
            assert_eq!(records[0], mbo.as_ref(), "the record is as it was before it was sent");
            assert_eq!(records[1].len(), if version == 1 { 80 } else { 56 });
            assert_eq!(report.anomalies, [Count::new("ts_out not kept", 2)]);
        }
    }
    let without = [metadata(3, None, true), mbo.as_ref().to_vec()].concat();
    assert!(matches!(refused(&without), DbnError::Length { expected: 64, found: 56, .. }));
    let (_folder, source) = open(&metadata(3, None, true));
    assert_eq!(source.unwrap().metadata(), metadata(3, None, false));
}

#[test]
fn the_metadata_are_those_of_the_file_or_upgraded() {
    for version in 1..=3 {
        let (_folder, source) = open(&metadata(version, Some(Schema::Mbo), false));
        assert_eq!(source.unwrap().metadata(), metadata(3, Some(Schema::Mbo), false), "{version}");
    }
}

#[test]
fn a_second_file_behind_the_first_is_told_and_not_taken_for_a_record() {
    let record = mbo(1);
    let file = file_of(3, Some(Schema::Mbo), &[record.as_ref()]);
    let long = file_of(3, Some(Schema::Mbo), &[record.as_ref(); 5]);
    for second in [&file, &long] {
        let both = [&file[..], second].concat();
        for both in [[compressed(&file), compressed(second)].concat(), both] {
            let error = refused(&both);
            assert!(
                matches!(error, DbnError::MetadataInside { number: 1, offset }
                    if offset == file.len() as u64),
                "{error}"
            );
        }
    }
}

#[test]
fn a_compressed_file_may_have_several_frames_and_frames_without_data() {
    let records: Vec<v3::MboMsg> = (0..100).map(mbo).collect();
    let bytes: Vec<&[u8]> = records.iter().map(AsRef::as_ref).collect();
    let file = file_of(3, Some(Schema::Mbo), &bytes);
    let skippable = b"\x50\x2A\x4D\x18\x05\x00\x00\x00abcde";
    for cut in [1, 9, 200, file.len() - 1] {
        let (first, second) = file.split_at(cut);
        let frames = [&compressed(first)[..], skippable, &compressed(second)].concat();
        for frames in [[skippable, &frames[..]].concat(), frames] {
            assert_eq!(bytes_of(&read(&frames).unwrap().0), bytes, "cut at {cut}");
        }
    }
}

#[test]
fn a_fragment_is_read_when_its_version_is_told() {
    let (old, new) = (v1::InstrumentDefMsg::default(), v3::InstrumentDefMsg::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.dbn.frag");
    let open = |bytes: &[u8], version, schema: Option<&str>| {
        fs::write(&path, bytes).unwrap();
        DbnSource::open_fragment(&path, &Fragment { version, schema: schema.map(str::to_owned) })
    };
    for (version, bytes) in [(1, old.as_ref()), (3, new.as_ref())] {
        let bytes: &[u8] = bytes;
        for (schema, kinds) in [(Some("definition"), 1), (None, 22)] {
            for file in [compressed(bytes), bytes.to_vec()] {
                let mut source = open(&file, version, schema).unwrap();
                assert_eq!(source.kinds().ticks.len(), kinds);
                assert!(source.metadata().is_empty() && source.dataset().is_empty());
                let mut tape = Tape::default();
                assert_eq!(source.poll(&mut tape, 9).unwrap(), Progress::Advanced(1));
                assert_eq!(source.poll(&mut tape, 9).unwrap(), Progress::End);
                assert_eq!(bytes_of(&tape), [new.as_ref()]);
            }
        }
    }
    let mut wrong = open(old.as_ref(), 3, None).unwrap();
    let error = wrong.poll(&mut Tape::default(), 9).unwrap_err();
    assert!(error.to_string().contains("expected 520 bytes"), "{error}");
    let mut whole = open(&metadata(3, None, false), 3, None).unwrap();
    let error = whole.poll(&mut Tape::default(), 9).unwrap_err();
    assert!(error.to_string().contains("in place of record 0"), "{error}");
    for (version, schema, name) in
        [(0, None, "version"), (4, None, "version"), (1, Some("x"), "schema")]
    {
        let error = open(b"x", version, schema).unwrap_err();
        assert!(matches!(&error, Error::Option { name: found, .. } if *found == name), "{error}");
    }
    assert!(open(b"", 3, None).unwrap_err().to_string().contains("empty file"));
}

#[test]
fn symbols_without_room_for_their_end_are_refused() {
    let mut bytes = metadata(3, Some(Schema::Mbo), true);
    // The length of symbols; then no symbols of any sort, and one mapping without intervals.
    bytes[53..55].fill(0);
    bytes[112..].fill(0);
    bytes[124] = 1;
    let DbnError::Metadata { source } = refused(&bytes) else { panic!("another error") };
    assert!(source.to_string().contains("symbols of 0 bytes"), "{source}");
}

#[test]
fn truncated_metadata_is_refused() {
    let whole = metadata(3, Some(Schema::Mbo), false);
    for cut in [4, 7, 8, whole.len() - 1] {
        let error = refused(&whole[..cut]);
        let wanted = if cut < 8 { 8 } else { whole.len() };
        assert!(
            matches!(error, DbnError::TruncatedMetadata { expected, found }
                if (expected, found) == (wanted, cut)),
            "{error}"
        );
    }
}

#[test]
fn a_truncated_record_is_an_error_after_the_records_before_it() {
    let (first, second) = (mbo(1), mbo(2));
    let whole = file_of(3, Some(Schema::Mbo), &[first.as_ref(), second.as_ref()]);
    let start = whole.len() as u64 - 56;
    for missing in [1, 40, 55] {
        let cut = &whole[..whole.len() - missing];
        for file in [cut.to_vec(), compressed(cut)] {
            let (_folder, source) = open(&file);
            let mut source = source.unwrap();
            let mut tape = Tape::default();
            let Err(Error::Dbn { source: error, .. }) =
                (0..3).find_map(|_| source.poll(&mut tape, 100).err()).map_or(Ok(()), Err)
            else {
                panic!("the end was not noticed");
            };
            assert!(
                matches!(error, DbnError::Truncated { number: 1, offset, expected, found }
                    if (offset, found) == (start, 56 - missing)
                        && expected == 56),
                "{error}"
            );
            assert_eq!(tape.records.len(), 1);
        }
    }
}

#[test]
fn a_truncated_compressed_file_is_an_error_and_not_an_end() {
    let records: Vec<v3::MboMsg> = (0..5_000).map(|id| mbo(id * 977 % 4_001)).collect();
    let bytes: Vec<&[u8]> = records.iter().map(AsRef::as_ref).collect();
    let whole = compressed(&file_of(3, Some(Schema::Mbo), &bytes));
    let error = refused(&whole[..whole.len() - 9]);
    assert!(matches!(error, DbnError::Zstd { .. } | DbnError::Truncated { .. }), "{error}");
    let mut damaged = whole.clone();
    damaged.truncate(whole.len() / 2);
    damaged.extend([0xFF; 64]);
    assert!(matches!(refused(&damaged), DbnError::Zstd { .. }));
}

#[test]
fn a_length_that_is_not_the_one_of_its_type_is_an_error() {
    let record = mbo(1);
    let mut wrong = record.as_ref().to_vec();
    wrong[0] = 13;
    let file = file_of(3, Some(Schema::Mbo), &[record.as_ref(), &wrong]);
    let error = refused(&file);
    assert!(
        matches!(error, DbnError::Length { number: 1, rtype: 0xA0, expected: 56, found: 52, .. }),
        "{error}"
    );
    // A length of zero must not be walked on for ever, whatever the type.
    let nothing =
        refused(&file_of(3, None, &[&[0, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]));
    assert!(matches!(nothing, DbnError::Length { expected: 16, found: 0, .. }), "{nothing}");
}

proptest! {
    #[test]
    fn reading_is_total(
        version in 0..5u8,
        schema in prop::sample::select(vec![None, Some(Schema::Mbo), Some(Schema::Definition)]),
        tail in prop::collection::vec(any::<u8>(), 0..600),
        noise in prop::option::of((0..100usize, any::<u8>())),
        zipped in any::<bool>(),
    ) {
        let mut bytes = metadata(3, schema, false);
        bytes[3] = version;
        bytes.extend(tail);
        if let Some((at, value)) = noise {
            bytes[at] = value;
        }
        let _ = read(&if zipped { compressed(&bytes) } else { bytes });
    }
}
