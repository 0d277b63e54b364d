//! User-defined records: by a struct of their own, or by a kind that is made at run time.

use crate::role::Role;
use crate::support::Bench;
use tickring::record::{Bar, Heartbeat, Mbo, Record, RecordHeader, Trade, UNDEF_PRICE, Vector};
use tickring::schema::{Field, FieldType, Kind, SchemaError, Unit};
use tickring::{
    Batch, Directory, Error, Poll, Reader, RingName, RingSpec, Start, Writer, WrongRow,
};

tickring::record! {
    /// What a model thinks of an instrument.
    pub struct Signal(0xC8 = "signal") {
        /// Expected return, in standard deviations.
        strength: f64 => None (empty -1.0),
        /// Price at which it is void.
        stop_price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Horizons in seconds.
        horizons: [u16; 3] => Count,
        /// Reserved, zero.
        _reserved: [u8; 2] => None,
    }
}

mod other_build {
    tickring::record! {
        /// The same record as another build of the program has it.
        pub(crate) struct Signal(0xC8 = "signal") {
            /// Price at which it is void.
            stop_price: i64 => PriceE9,
            /// Expected return, in standard deviations.
            strength: f32 => None,
            /// Horizons in seconds.
            horizons: [u16; 2] => Count,
        }
    }
}

/// What the two definitions differ in, the first being "here".
const DIFFERENCE: [&str; 8] = [
    "signal: size_bytes 40 here, 32 there",
    "signal.strength: offset 16 here, 24 there",
    "signal.strength: type f64 here, f32 there",
    "signal.stop_price: offset 24 here, 16 there",
    "signal.stop_price: null 0x7fffffffffffffff here, none there",
    "signal.horizons: offset 32 here, 28 there",
    "signal.horizons: count 3 here, 2 there",
    "signal._reserved: only here",
];

fn bench(kinds: Vec<Kind>) -> Bench {
    let mut bench = Bench::new(64);
    bench.spec = RingSpec { capacity: 64, ..RingSpec::new(kinds).unwrap() };
    bench
}

fn signal(n: u32) -> Signal {
    Signal { strength: f64::from(n) / 2.0, horizons: [1, 5, 60], ..Signal::empty(1, n, 99) }
}

/// The kind of `Signal`, made at run time.
fn defined() -> Kind {
    Kind::define(
        "signal",
        0xC8,
        vec![
            Field::new("strength", FieldType::F64, Unit::None),
            Field {
                null: Some(UNDEF_PRICE.cast_unsigned()),
                ..Field::new("stop_price", FieldType::I64, Unit::PriceE9)
            },
            Field { count: 3, ..Field::new("horizons", FieldType::U16, Unit::Count) },
            Field::reserved("_reserved", 2),
        ],
    )
    .unwrap()
}

#[test]
fn a_record_of_ones_own_is_published_and_read_like_any_other() {
    let bench = bench(Signal::kinds());
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    reader.expect::<Signal>().unwrap();
    for n in 0..5 {
        writer.publish(&signal(n)).unwrap();
    }
    let first = reader.poll().record().unwrap();
    assert_eq!((first.rtype(), first.get::<Signal>()), (0xC8, Some(&signal(0))));
    let mut batch = Batch::new();
    assert_eq!(reader.poll_batch(&mut batch, 10), Poll::Record(4));
    let found: Vec<Signal> = batch.iter().filter_map(|r| r.get().copied()).collect();
    assert_eq!(found, [1, 2, 3, 4].map(signal));
    let empty = Signal::empty(1, 2, 3);
    assert_eq!((empty.strength, empty.stop_price, empty._reserved), (-1.0, UNDEF_PRICE, [0; 2]));
    assert_eq!((empty.header.length, empty.header.rtype), (10, 0xC8));
}

#[test]
fn a_struct_and_a_kind_made_at_run_time_are_the_same_ring() {
    assert_eq!(Signal::kind().difference(&defined()), Vec::<String>::new());
    assert_eq!(defined().layout_hash(), Signal::LAYOUT_HASH);
    let bench = bench(vec![defined()]);
    let mut writer = bench.writer();
    let reader = bench.reader(Start::Oldest);
    reader.expect::<Signal>().unwrap();
    writer.publish(&signal(1)).unwrap();
}

#[test]
fn a_reader_built_from_another_definition_gets_the_difference_and_no_garbage() {
    let bench = bench(other_build::Signal::kinds());
    let mut writer = bench.writer();
    writer.publish(&other_build::Signal::empty(1, 2, 3)).unwrap();
    let refused = writer.publish(&signal(1)).unwrap_err();
    assert_eq!((refused.rtype, refused.found_bytes), (0xC8, 40));
    let mut reader = bench.reader(Start::Oldest);
    let error = reader.expect::<Signal>().unwrap_err();
    let Error::KindMismatch { difference, .. } = &error else { panic!("{error}") };
    assert_eq!(*difference, DIFFERENCE);
    let mut batch = Batch::new();
    assert_eq!(reader.poll_batch(&mut batch, 1), Poll::Record(1));
    let record = batch.iter().next().unwrap();
    assert_eq!(record.rtype(), Signal::RTYPE);
    assert!(record.get::<Signal>().is_none(), "another layout is not read as this one");
    assert!(record.get::<other_build::Signal>().is_some());
}

#[test]
fn a_ring_without_the_kind_is_told_with_what_there_is() {
    let bench = bench([Mbo::kinds(), Bar::kinds()[1..2].to_vec()].concat());
    let _writer = bench.writer();
    let reader = bench.reader(Start::Oldest);
    reader.expect::<Mbo>().unwrap();
    reader.expect::<Bar>().unwrap();
    let error = reader.expect::<Signal>().unwrap_err().to_string();
    assert!(error.contains("only here; there are mbo, bar_1m, restart, tombstone"), "{error}");
    let error = reader.expect::<Trade>().unwrap_err();
    assert!(matches!(error, Error::KindMismatch { ref kind, .. } if kind == "trade"), "{error}");
}

#[test]
fn a_vector_is_expected_by_its_fixed_part_whatever_its_dimension() {
    let bench = bench(vec![Vector::kind_with_dim(7)]);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    reader.expect::<Vector>().unwrap();
    writer.publish(&Vector::empty(1, 2, 3)).unwrap();
    assert!(reader.poll().record().unwrap().get::<Vector>().is_some());
}

#[test]
fn a_second_process_with_another_definition_is_refused_with_the_difference() {
    let bench = bench(other_build::Signal::kinds());
    drop(bench.writer());
    assert!(Role::start("process::other_side", "another definition", &bench).wait().success());
    drop(bench.writer());
    let reader = bench.reader(Start::Oldest);
    assert_eq!(reader.info().epoch, 2, "the refused process has not touched the ring");
}

/// In the other process: both sides see all differences.
pub(crate) fn another_definition(directory: &Directory, name: &RingName) {
    let spec = RingSpec { capacity: 64, ..RingSpec::new(vec![defined()]).unwrap() };
    let error = Writer::open(directory, name, &spec).unwrap_err();
    let Error::SchemaMismatch { difference, .. } = &error else { panic!("{error}") };
    assert_eq!(*difference, DIFFERENCE);
    let reader = Reader::open(directory, name, Start::Oldest).unwrap();
    assert!(reader.expect::<Signal>().is_err());
}

#[test]
fn a_row_of_bytes_is_the_record_with_its_header_filled_in_and_reserved_bytes_zero() {
    let bench = bench(Signal::kinds());
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    let expected = signal(3);
    let mut row = zerocopy_bytes(&expected);
    row[..2].copy_from_slice(&[77, 77]);
    row[38..].copy_from_slice(&[9, 9]);
    assert_eq!(writer.publish_row(0xC8, &row), Ok(0));
    let record = reader.poll().record().unwrap();
    assert_eq!(record.get::<Signal>(), Some(&expected));
    assert!(record.bytes()[40..].iter().all(|byte| *byte == 0));
    assert_eq!(writer.publish_rows(0xC8, &row.repeat(3)), Ok(4));
    assert_eq!(writer.publish_rows(0xC8, &[]), Ok(4));
    assert_eq!(reader.published(), 4);
    assert_eq!(writer.stage_row(0xC8, &row), Ok(4));
    assert_eq!(reader.published(), 4);
}

fn zerocopy_bytes(signal: &Signal) -> Vec<u8> {
    let mut bytes = vec![40 / 4, 0xC8];
    let header = signal.header;
    bytes.extend(header.publisher_id.to_le_bytes());
    bytes.extend(header.instrument_id.to_le_bytes());
    bytes.extend(header.ts_event.to_le_bytes());
    bytes.extend(signal.strength.to_le_bytes());
    bytes.extend(signal.stop_price.to_le_bytes());
    bytes.extend(signal.horizons.iter().flat_map(|horizon| horizon.to_le_bytes()));
    bytes.extend([0; 2]);
    bytes
}

#[test]
fn rows_that_are_no_records_of_the_ring_are_refused_and_nothing_is_written() {
    let bench = bench(Signal::kinds());
    let mut writer = bench.writer();
    let size = |found_bytes| WrongRow::Size { rtype: 0xC8, expected_bytes: 40, found_bytes };
    assert_eq!(writer.publish_row(0xC8, &[0; 39]), Err(size(39)));
    assert_eq!(writer.publish_row(0xC8, &[0; 80]), Err(size(80)));
    assert_eq!(writer.publish_row(0xC8, &[]), Err(size(0)));
    assert_eq!(writer.publish_rows(0xC8, &[0; 79]), Err(size(79)));
    assert_eq!(writer.publish_row(0xC9, &[0; 40]), Err(WrongRow::NoKind { rtype: 0xC9 }));
    for rtype in [0xF2, 0xF3] {
        assert_eq!(writer.publish_row(rtype, &[0; 56]), Err(WrongRow::Recovery { rtype }));
    }
    assert_eq!(writer.next_seq(), 0);
}

#[test]
fn a_row_of_a_vector_has_its_dimension_filled_in_and_a_padded_lane_is_zero() {
    let kind = Vector::kind_with_dim(3);
    let bench = bench(vec![kind.clone()]);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    let row = vec![0x3F; kind.size_bytes as usize];
    writer.publish_row(kind.rtype, &row).unwrap();
    let record = reader.poll().record().unwrap();
    let vector = record.get::<Vector>().unwrap();
    assert_eq!((vector.dim, vector.dtype, vector.metric), (3, 0, 0x3F));
    assert_eq!((vector.header.length, vector.header.rtype), (14, 0xE0));
    assert_eq!(record.bytes()[56..68], [0x3F; 12]);
    assert_eq!(record.bytes()[68..72], [0; 4], "the pad behind an odd number of lanes");
}

#[test]
fn rows_longer_than_a_header_can_say_have_length_zero() {
    let wide = Field { count: 200, ..Field::new("wide", FieldType::U64, Unit::None) };
    let kind = Kind::define("wide", 0xDF, vec![wide]).unwrap();
    let bench = bench(vec![kind]);
    let mut writer = bench.writer();
    writer.publish_row(0xDF, &[1; 1616]).unwrap();
    let mut reader = bench.reader(Start::Oldest);
    let header = *reader.poll().record().unwrap().header().unwrap();
    assert_eq!(header, RecordHeader { length: 0, rtype: 0xDF, ..header });
}

#[test]
fn a_heartbeat_goes_in_band_only_where_the_schema_has_it() {
    let bench = bench([Signal::kinds(), Heartbeat::kinds()].concat());
    let mut writer = bench.writer();
    writer.publish(&signal(0)).unwrap();
    assert_eq!(writer.publish_heartbeat(77), Ok(1));
    let mut reader = bench.reader(Start::Sequence(1));
    let record = reader.poll().record().unwrap();
    let heartbeat = record.get::<Heartbeat>().unwrap();
    assert_eq!((heartbeat.watermark, heartbeat.published, heartbeat.epoch), (77, 1, 1));
    assert!(heartbeat.ts_pub > 0 && heartbeat.header.ts_event == u64::MAX);
    assert_eq!(reader.info().watermark_ns, 77);
    let bench = self::bench(Signal::kinds());
    let mut writer = bench.writer();
    assert_eq!(writer.publish_heartbeat(77).unwrap_err().rtype, 0xF0);
    assert_eq!(writer.next_seq(), 0);
}

#[test]
fn kinds_that_hide_padding_or_leave_the_users_range_are_refused_with_a_way_out() {
    let f64 = || Field::new("strength", FieldType::F64, Unit::None);
    let u32 = || Field::new("size", FieldType::U32, Unit::Count);
    let refused = |rtype, fields| Kind::define("signal", rtype, fields).unwrap_err();
    let error = refused(0xC8, vec![u32(), f64()]);
    assert!(matches!(error, SchemaError::Misaligned { align: 8, found: 20, .. }), "{error}");
    assert!(error.to_string().contains("put 4 reserved bytes in front of it"), "{error}");
    let error = refused(0xC8, vec![f64(), u32()]);
    assert!(matches!(error, SchemaError::Size { found: 28, .. }), "{error}");
    assert!(error.to_string().contains("fill up with 4 reserved bytes"), "{error}");
    for rtype in [0x00, 0xC7, 0xE0, 0xF2] {
        let error = refused(rtype, vec![f64()]);
        assert!(matches!(error, SchemaError::UserRtype { found, .. } if found == rtype), "{error}");
    }
    let error = refused(0xC8, vec![Field::new("ts_event", FieldType::U64, Unit::NanosEpoch)]);
    assert!(matches!(error, SchemaError::DuplicateName { .. }), "the header has it: {error}");
    let error = refused(0xC8, vec![Field { count: u32::MAX, ..f64() }]);
    assert!(matches!(error, SchemaError::Size { .. }), "{error}");
    let bare = Kind { name: "signal".into(), rtype: 0xC8, size_bytes: 8, fields: vec![f64()] };
    assert!(matches!(bare.check_user(), Err(SchemaError::NoHeader { .. })));
    for rtype in [0xC8, 0xDF] {
        assert_eq!(Kind::define("signal", rtype, vec![f64()]).unwrap().size_bytes, 24);
    }
}
