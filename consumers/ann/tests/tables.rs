//! Vectors from Parquet and Arrow files.

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder};
use arrow_array::types::{Float16Type, Float32Type, Float64Type, Int64Type, UInt8Type};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, FixedSizeListArray, Int64Array, ListArray, RecordBatch,
};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tickring_ann::{Error, Queries};

/// Three rows of two lanes, which every type can hold.
const ROWS: [[u8; 2]; 3] = [[1, 2], [3, 4], [250, 0]];

fn expected() -> Queries {
    Queries::new(2, ROWS.iter().flatten().map(|lane| f32::from(*lane)).collect()).unwrap()
}

fn fixed<T: ArrowPrimitiveType>(lane: impl Fn(u8) -> T::Native) -> ArrayRef {
    let rows = ROWS.map(|row| Some(row.map(|value| Some(lane(value)))));
    Arc::new(FixedSizeListArray::from_iter_primitive::<T, _, _>(rows, 2))
}

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Writes a table in each format, in two batches.
fn files(folder: &Path, batch: &RecordBatch) -> [PathBuf; 3] {
    let path = |name| folder.join(name);
    let half = batch.num_rows() / 2;
    let parts = [batch.slice(0, half), batch.slice(half, batch.num_rows() - half)];
    let create = |name| File::create(path(name)).unwrap();
    let mut parquet = ArrowWriter::try_new(create("a.parquet"), batch.schema(), None).unwrap();
    let mut file = FileWriter::try_new(create("a.arrow"), &batch.schema()).unwrap();
    let mut stream = StreamWriter::try_new(create("a.arrows"), &batch.schema()).unwrap();
    for part in &parts {
        parquet.write(part).unwrap();
        file.write(part).unwrap();
        stream.write(part).unwrap();
    }
    parquet.close().unwrap();
    file.finish().unwrap();
    stream.finish().unwrap();
    ["a.parquet", "a.arrow", "a.arrows"].map(path)
}

#[test]
fn lists_of_every_type_are_rows_in_every_format() {
    let lists = ROWS.map(|row| Some(row.map(|value| Some(f64::from(value)))));
    let columns: [ArrayRef; 5] = [
        fixed::<Float32Type>(f32::from),
        fixed::<Float64Type>(f64::from),
        fixed::<Float16Type>(<Float16Type as ArrowPrimitiveType>::Native::from),
        fixed::<UInt8Type>(|lane| lane),
        Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(lists)),
    ];
    for column in columns {
        let folder = tempfile::tempdir().unwrap();
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![7, 8, 9]));
        for path in files(folder.path(), &table(vec![("id", ids), ("anything", column.clone())])) {
            assert_eq!(Queries::load(&path).unwrap(), expected(), "{path:?} {column:?}");
        }
    }
}

#[test]
fn of_several_columns_of_lists_the_one_of_that_name_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (vectors, others) = (fixed::<Float32Type>(f32::from), fixed::<Float32Type>(|_| 9.0));
    for name in ["vector", "Embedding", "lanes"] {
        let batch = table(vec![("other", others.clone()), (name, vectors.clone())]);
        for path in files(folder.path(), &batch) {
            assert_eq!(Queries::load(&path).unwrap(), expected(), "{path:?} {name}");
        }
    }
    let batch = table(vec![("one", others.clone()), ("two", vectors)]);
    for path in files(folder.path(), &batch) {
        let error = Queries::load(&path).unwrap_err().to_string();
        assert!(error.contains("found one (") && error.contains("two ("), "{error}");
    }
}

#[test]
fn what_is_no_vector_is_refused_with_its_row() {
    let load = |column: ArrayRef| {
        let folder = tempfile::tempdir().unwrap();
        let paths = files(folder.path(), &table(vec![("vector", column)]));
        paths.map(|path| Queries::load(&path).unwrap_err())
    };
    let ragged = [Some(vec![Some(1.0)]), Some(vec![Some(2.0)]), Some(vec![Some(3.0), Some(4.0)])];
    for error in load(Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(ragged))) {
        assert!(error.to_string().contains("row 2 of"), "{error}");
        assert!(error.to_string().contains("a list of 2, not of 1"), "{error}");
    }
    let null = [Some(vec![Some(1.0)]), None, Some(vec![Some(1.0)])];
    for error in load(Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(null))) {
        assert!(matches!(error, Error::QueryRow { row: 1, .. }), "{error}");
    }
    for error in load(fixed::<Int64Type>(i64::from)) {
        assert!(matches!(&error, Error::QueryType { found, .. } if found == "Int64"), "{error}");
    }
    for error in load(Arc::new(FixedSizeListBuilder::new(Float32Builder::new(), 2).finish())) {
        assert!(matches!(error, Error::Rows { .. }), "no row at all: {error}");
    }
}

#[test]
fn cut_and_damaged_files_are_refused_or_read_and_never_more() {
    let folder = tempfile::tempdir().unwrap();
    let paths = files(folder.path(), &table(vec![("vector", fixed::<Float32Type>(f32::from))]));
    let other = folder.path().join("other");
    let mut refused = 0;
    for path in paths {
        let whole = std::fs::read(&path).unwrap();
        for cut in (4..whole.len()).step_by(7) {
            std::fs::write(&other, &whole[..cut]).unwrap();
            refused += u32::from(Queries::load(&other).is_err());
        }
        for at in (4..whole.len()).step_by(3) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            std::fs::write(&other, &damaged).unwrap();
            if let Ok(rows) = Queries::load(&other) {
                assert!(rows.len() <= 3 * whole.len());
            }
        }
    }
    assert!(refused > 100, "{refused}");
}
