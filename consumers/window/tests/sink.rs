//! Files of records: read back by the libraries of the formats, and continued after a crash.

mod columns;
mod crash;
mod exactly_once;
mod golden;
mod ring;
mod rotation;

use arrow_array::{Array, RecordBatch, UInt64Array};
use arrow_ipc::reader::FileReader;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::Path;
use tempfile::TempDir;
use tickring::record::{Record, WindowBar};
use tickring_window::sink::{Committed, FileFormat, FileSink, Rotation, SinkOptions};
use zerocopy::IntoBytes;

const FORMATS: [FileFormat; 2] = [FileFormat::Parquet, FileFormat::Arrow];

/// Options for a folder with a limit of rows.
fn options(folder: &TempDir, format: FileFormat, rows: u64) -> SinkOptions {
    SinkOptions {
        folder: folder.path().to_owned(),
        format,
        rotation: Rotation { rows, ..Rotation::default() },
        ..SinkOptions::default()
    }
}

fn open(options: &SinkOptions) -> FileSink {
    FileSink::open(options, &WindowBar::kind()).unwrap()
}

/// The bar with output sequence `n`.
fn bar(n: u64) -> WindowBar {
    let price = 1_000_000_000 * i64::try_from(n % 1000).unwrap() - 7;
    let mut bar = WindowBar {
        start_ns: n * 100,
        end_ns: n * 100 + 100,
        open: price,
        high: price + 3,
        low: price - 3,
        close: price + 1,
        volume: n,
        count: n % 7,
        ..WindowBar::empty(1, 17, n * 100 + 100)
    };
    bar.set_notional(i128::from(price) * i128::from(n));
    bar
}

fn push(sink: &mut FileSink, n: u64) -> Option<Committed> {
    match sink.push(n, bar(n).as_bytes()).unwrap() {
        tickring_window::sink::Pushed::Committed(file) => Some(file),
        _ => None,
    }
}

/// What is in a file.
fn read(path: &Path) -> Vec<RecordBatch> {
    let file = File::open(path).unwrap();
    if path.extension().unwrap() == "parquet" {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        reader.map(|batch| batch.unwrap()).collect()
    } else {
        FileReader::try_new(file, None).unwrap().map(|batch| batch.unwrap()).collect()
    }
}

fn column<'a, A: Array + 'static>(batch: &'a RecordBatch, name: &str) -> &'a A {
    let array = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    array.as_any().downcast_ref().unwrap_or_else(|| panic!("{name} is {}", array.data_type()))
}

/// Sequence and volume of every row of the files, in order of the files.
fn rows(files: &[Committed]) -> Vec<(u64, u64)> {
    let mut rows = Vec::new();
    for batch in files.iter().flat_map(|file| read(&file.path)) {
        let seqs: &UInt64Array = column(&batch, "seq");
        let volumes: &UInt64Array = column(&batch, "volume");
        rows.extend(seqs.values().iter().copied().zip(volumes.values().iter().copied()));
    }
    rows
}

/// What [`rows`] gives for these sequences.
fn expected(seqs: impl Iterator<Item = u64>) -> Vec<(u64, u64)> {
    seqs.map(|n| (n, bar(n).volume)).collect()
}
