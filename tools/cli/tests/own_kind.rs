//! Records that were defined elsewhere: nothing but the schema in the segment says what they are.

use crate::support::Bus;
use tickring::record::Record;
use tickring::schema::Kind;

tickring::record! {
    /// A record with fields of every sort that the program shows in a way of its own.
    struct Signal(0xC8 = "signal") {
        /// Named as the column of kinds is.
        kind: [u8; 8] => Text,
        /// Two signed numbers.
        levels: [i16; 2] => None,
        /// Two letters.
        letters: [u8; 2] => Ascii,
        /// A number that may be missing.
        few: u8 => Count (null 7),
        /// Reserved, zero.
        _gap: u8 => None,
        /// A fraction.
        strength: f64 => None,
        /// Two prices.
        pair: [i32; 2] => PriceE9,
        /// A time before the epoch.
        when: i64 => NanosEpoch,
    }
}

#[test]
fn fields_of_a_kind_that_no_program_knows_are_shown_by_the_schema() {
    let bus = Bus::new();
    let mut writer = bus.writer("lab/signals", Signal::kinds());
    let record = Signal {
        kind: *b"a,b\"c\0\0\0",
        levels: [3, -2],
        letters: [b'X', 0],
        strength: -0.5,
        pair: [-1, 1_500_000_000],
        when: -1,
        ..Signal::empty(1, 2, 3)
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
    let kind = Kind { rtype: 0xDF, ..Signal::kind() };
    let mut writer = bus.writer("lab/signals", vec![kind]);
    // A claim that is committed empty has record type 0.
    assert_eq!(writer.claim().commit(), 0);
    let ran = bus.run("tail lab/signals --from oldest --json");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""));
    assert_eq!(ran.err, "tail: 1 records of no kind that the schema knows were passed over\n");
}
