//! Records that were defined elsewhere: nothing but the schema in the segment says what they are.
//!
//! The structs of the library are all built in, so the test takes one of them and publishes its
//! bytes under another kind of the same record type, whose fields mean something else.

use crate::support::Bus;
use tickring::record::{Record, RecordHeader, Trade};
use tickring::schema::{Field, FieldType, Kind, Unit};

fn field(name: &'static str, offset: u32, ty: FieldType, count: u32, unit: Unit) -> Field {
    Field { name: name.into(), offset, ty, count, unit, null: None, doc: "".into() }
}

/// The bytes of a trade as a kind of its own.
fn signal() -> Kind {
    let mut fields = RecordHeader::fields();
    fields.extend([
        field("kind", 16, FieldType::Bytes, 8, Unit::Text),
        field("levels", 24, FieldType::I16, 2, Unit::None),
        field("letters", 28, FieldType::U8, 2, Unit::Ascii),
        Field { null: Some(7), ..field("few", 30, FieldType::U8, 1, Unit::Count) },
        field("_gap", 31, FieldType::U8, 1, Unit::None),
        field("strength", 32, FieldType::F64, 1, Unit::None),
        field("pair", 40, FieldType::I32, 2, Unit::PriceE9),
        field("when", 48, FieldType::I64, 1, Unit::NanosEpoch),
    ]);
    Kind { name: "signal".into(), rtype: Trade::RTYPE, size_bytes: 56, fields }
}

#[test]
fn fields_of_a_kind_that_no_program_knows_are_shown_by_the_schema() {
    let bus = Bus::new();
    let mut writer = bus.writer("lab/signals", vec![signal()]);
    let record = Trade {
        price: i64::from_le_bytes(*b"a,b\"c\0\0\0"),
        size: 0xFFFE_0003,
        action: b'X',
        side: 0,
        flags: 7,
        ts_recv: (-0.5_f64).to_bits(),
        ts_in_delta: -1,
        sequence: 1_500_000_000,
        trade_id: (-1_i64).cast_unsigned(),
        ..Trade::empty(1, 2, 3)
    };
    writer.publish(&record).unwrap();
    let out = |arguments: &str| bus.run(&format!("tail lab/signals {arguments}")).clean();
    assert_eq!(
        out(""),
        "seq  publisher_id  instrument_id  ts_event                        kind_  levels  \
         letters  few  strength  pair                        when\n\
         \x20 0             1              2  1970-01-01T00:00:00.000000003Z  a,b\"c  [3 -2]  \
         [X -]      -      -0.5  [-0.000000001 1.500000000]  1969-12-31T23:59:59.999999999Z\n"
    );
    assert_eq!(
        out("--fields kind,levels,letters,few,strength,pair,when --json"),
        "{\"seq\":0,\"kind\":\"signal\",\"kind_\":\"a,b\\\"c\",\"levels\":[3,-2],\
         \"letters\":[\"X\",null],\"few\":null,\"strength\":-0.5,\
         \"pair\":[\"-0.000000001\",\"1.500000000\"],\"pair_e9\":[-1,1500000000],\
         \"when\":\"1969-12-31T23:59:59.999999999Z\"}\n"
    );
    assert_eq!(
        out("--fields kind,letters,few,pair --csv"),
        "seq,kind_,letters,few,pair,pair_e9\n\
         0,\"a,b\"\"c\",X ,,-0.000000001 1.500000000,-1 1500000000\n"
    );
    let err = bus.run("tail lab/signals --fields _gap").failure(4);
    assert!(err.contains("no field _gap"), "{err}");
}

#[test]
fn records_of_no_kind_of_the_schema_are_counted_on_stderr() {
    let bus = Bus::new();
    let kind = Kind { rtype: 0x33, ..signal() };
    let mut writer = bus.writer("lab/signals", vec![kind]);
    // A claim that is committed empty has record type 0.
    assert_eq!(writer.claim().commit(), 0);
    let ran = bus.run("tail lab/signals --from oldest --json");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""));
    assert_eq!(ran.err, "tail: 1 records of no kind that the schema knows were passed over\n");
}
