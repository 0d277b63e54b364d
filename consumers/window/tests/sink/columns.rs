//! Every field of a kind becomes a typed column and can be read back.

use super::{FORMATS, bar, column, open, options, push, read};
use arrow_array::types::Float32Type;
use arrow_array::{
    Array, Decimal128Array, FixedSizeListArray, Float64Array, Int64Array, StringArray,
    TimestampNanosecondArray, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_ipc::reader::FileReader;
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::HashMap;
use std::fs::File;
use tickring::record::{Record, Trade, UNDEF_PRICE, Vector, WindowBar};
use tickring::schema::Schema;
use tickring_window::sink::{FileFormat, FileSink, SinkError, SinkOptions};
use zerocopy::IntoBytes;

tickring::record! {
    /// A user's record with what the bars do not have.
    pub struct Mixed(0xC8 = "mixed") {
        /// Some floating point.
        strength: f64 => None (empty -1.0),
        /// Some text.
        label: [u8; 8] => Text,
        /// A price that may be absent.
        stop: i64 => PriceE9 (null UNDEF_PRICE),
        /// The low word of a sum.
        sum_lo: u64 => LowWord,
        /// The high word of a sum.
        sum_hi: i64 => HighWord,
        /// Some numbers.
        levels: [u16; 3] => Count,
        /// Reserved, zero.
        _reserved: [u8; 2] => None,
    }
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes
}

#[test]
fn every_field_of_a_bar_is_read_back_exactly_in_both_formats() {
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let mut sink = open(&options(&folder, format, 0));
        let bars: Vec<WindowBar> = (0..20_000).map(bar).collect();
        for n in 0..20_000 {
            assert_eq!(push(&mut sink, n), None);
        }
        let file = sink.commit().unwrap().unwrap();
        assert_eq!((file.first, file.last, sink.committed()), (0, 19_999, Some(19_999)));
        let mut at = 0;
        for batch in read(&file.path) {
            let closes: &Decimal128Array = column(&batch, "close");
            let raw: &Int64Array = column(&batch, "close_e9");
            let notional: &Decimal128Array = column(&batch, "notional");
            let low: &UInt64Array = column(&batch, "notional_lo");
            let high: &Int64Array = column(&batch, "notional_hi");
            let ends: &TimestampNanosecondArray = column(&batch, "end_ns");
            let ids: &UInt32Array = column(&batch, "instrument_id");
            assert_eq!(*closes.data_type(), DataType::Decimal128(20, 9));
            assert_eq!(*notional.data_type(), DataType::Decimal128(38, 9));
            let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
            assert_eq!(*ends.data_type(), utc);
            for row in 0..batch.num_rows() {
                let bar = &bars[at];
                assert_eq!(closes.value(row), i128::from(bar.close));
                assert_eq!(raw.value(row), bar.close);
                assert_eq!(notional.value(row), bar.notional());
                assert_eq!((low.value(row), high.value(row)), (bar.notional_lo, bar.notional_hi));
                assert_eq!(ends.value(row).cast_unsigned(), bar.end_ns);
                assert_eq!(ids.value(row), bar.header.instrument_id);
                at += 1;
            }
            let watermarks: &TimestampNanosecondArray = column(&batch, "watermark_ns");
            assert_eq!(watermarks.null_count(), batch.num_rows(), "undefined times are null");
        }
        assert_eq!(at, bars.len());
    }
}

#[test]
fn the_columns_are_those_of_the_kind_without_what_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let plain = SinkOptions { raw: false, ..options(&folder, FileFormat::Arrow, 1) };
    let file = push(&mut open(&plain), 0).unwrap();
    let batch = &read(&file.path)[0];
    let schema = batch.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let kind = WindowBar::kind();
    let mut expected: Vec<&str> = vec!["seq"];
    expected.extend(kind.data_fields().map(|field| field.name.as_ref()));
    expected.retain(|name| !["length", "rtype", "notional_hi"].contains(name));
    let expected: Vec<&str> = expected
        .into_iter()
        .map(|name| if name == "notional_lo" { "notional" } else { name })
        .collect();
    assert_eq!(names, expected);
    let open = schema.field_with_name("open").unwrap();
    assert_eq!(open.metadata().get("unit").map(String::as_str), Some("price_e9"));
    assert!(open.metadata().get("doc").unwrap().starts_with("First price"));
}

#[test]
fn other_kinds_are_written_by_the_same_code() {
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let mut sink = FileSink::open(&options(&folder, format, 0), &Mixed::kind()).unwrap();
        let first = Mixed {
            strength: 2.5,
            label: bytes("ESZ6"),
            stop: -5,
            sum_lo: u64::MAX,
            sum_hi: -1,
            levels: [1, 2, 3],
            ..Mixed::empty(3, 4, 5)
        };
        let label = [0xFF, b'a', 0, 0, 0, 0, 0, 0];
        let second = Mixed { label, sum_hi: i64::MAX, ..Mixed::empty(3, 4, 5) };
        let _ = sink.push(0, first.as_bytes()).unwrap();
        let _ = sink.push(1, second.as_bytes()).unwrap();
        let file = sink.commit().unwrap().unwrap();
        assert_eq!(sink.out_of_range(), 1, "a sum of 39 digits");
        let batch = &read(&file.path)[0];
        let strengths: &Float64Array = column(batch, "strength");
        assert_eq!(strengths.values().to_vec(), [2.5, -1.0]);
        let labels: &StringArray = column(batch, "label");
        assert_eq!((labels.value(0), labels.value(1)), ("ESZ6", "\\xffa"));
        let stops: &Decimal128Array = column(batch, "stop");
        assert_eq!((stops.value(0), stops.is_null(1)), (-5, true));
        let sums: &Decimal128Array = column(batch, "sum");
        assert_eq!(*sums.data_type(), DataType::Decimal128(38, 0), "a whole number");
        assert_eq!((sums.value(0), sums.is_null(1)), (-1, true));
        assert_eq!(column::<Int64Array>(batch, "sum_hi").value(1), i64::MAX, "it is not lost");
        let levels: &FixedSizeListArray = column(batch, "levels");
        let levels = levels.value(0);
        let levels: &UInt16Array = levels.as_any().downcast_ref().unwrap();
        assert_eq!(levels.values().to_vec(), [1, 2, 3]);
    }
}

#[test]
fn letters_of_a_trade_and_lanes_of_a_vector_are_columns_too() {
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let trades = SinkOptions { prefix: "trades".into(), ..options(&folder, format, 1) };
        let mut sink = FileSink::open(&trades, &Trade::kind()).unwrap();
        let trade = Trade { side: b'B', action: 0, ..Trade::empty(1, 2, 3) };
        let _ = sink.push(0, trade.as_bytes()).unwrap();
        let batch = &read(&sink.files().unwrap()[0].path)[0];
        assert_eq!(column::<StringArray>(batch, "side").value(0), "B");
        assert!(column::<StringArray>(batch, "action").is_null(0));

        let vectors = SinkOptions { prefix: "vectors".into(), ..options(&folder, format, 1) };
        let mut sink = FileSink::open(&vectors, &Vector::kind_with_dim(8)).unwrap();
        let lanes: [f32; 8] = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0];
        let record = [Vector::empty(1, 2, 3).as_bytes(), lanes.as_bytes(), &[0; 40]].concat();
        let _ = sink.push(0, &record).unwrap();
        let batch = &read(&sink.files().unwrap()[0].path)[0];
        let found = column::<FixedSizeListArray>(batch, "lanes").value(0);
        let found: &arrow_array::PrimitiveArray<Float32Type> =
            found.as_any().downcast_ref().unwrap();
        assert_eq!(found.values().to_vec(), lanes);
    }
}

#[test]
fn a_time_after_the_range_of_a_timestamp_is_null_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = open(&options(&folder, FileFormat::Arrow, 1));
    let late = WindowBar { end_ns: 1 << 63, ..bar(0) };
    let _ = sink.push(0, late.as_bytes()).unwrap();
    assert_eq!(sink.out_of_range(), 1);
    let batch = &read(&sink.files().unwrap()[0].path)[0];
    assert!(column::<TimestampNanosecondArray>(batch, "end_ns").is_null(0));
}

#[test]
fn a_file_says_what_made_it() {
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let spec = "size = \"1s\"\n".to_owned();
        let mut sink = open(&SinkOptions { spec, ..options(&folder, format, 0) });
        for n in 0..3 {
            push(&mut sink, n);
        }
        let path = sink.commit().unwrap().unwrap().path;
        let file = File::open(path).unwrap();
        let metadata: HashMap<String, String> = if format == FileFormat::Parquet {
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
            let pairs = pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone().unwrap()));
            pairs.collect()
        } else {
            let reader = FileReader::try_new(file, None).unwrap();
            let mut all = reader.custom_metadata().clone();
            all.extend(reader.schema().metadata().iter().map(|(k, v)| (k.clone(), v.clone())));
            all
        };
        let hash = Schema::new(vec![WindowBar::kind()]).unwrap().hash();
        let expected = [
            ("tickring.kind", "window_bar".to_owned()),
            ("tickring.schema_hash", format!("{hash:016x}")),
            ("tickring.spec", "size = \"1s\"\n".to_owned()),
            ("tickring.first_seq", "0".to_owned()),
            ("tickring.last_seq", "2".to_owned()),
        ];
        for (key, value) in expected {
            assert_eq!(metadata.get(key), Some(&value), "{key}");
        }
    }
}

#[test]
fn two_columns_of_one_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut kind = Mixed::kind();
    let levels = kind.fields.iter_mut().find(|field| field.name == "levels").unwrap();
    levels.name = "stop_e9".into();
    let options = options(&folder, FileFormat::Arrow, 0);
    match FileSink::open(&options, &kind) {
        Err(SinkError::Name { name }) => assert_eq!(name, "stop_e9"),
        other => panic!("{other:?}"),
    }
    FileSink::open(&SinkOptions { raw: false, ..options }, &kind).unwrap();
}
