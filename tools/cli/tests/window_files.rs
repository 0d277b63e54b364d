//! Bars in files and on stdout.

use crate::support::{Bus, OPEN_NS, Ran, ring, trade, wait_for};
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tickring::record::{Record, RecordHeader, Trade};
use tickring::{Poll, Reader, RingInfo, Start};

/// The n-th trade of an instrument that trades once a second: each makes a bar of its own.
fn second(n: u64) -> Trade {
    let header = RecordHeader { ts_event: OPEN_NS + n * 1_000_000_000, ..trade(1).header };
    Trade { header, price: 1_000_000_000, size: 1, ..trade(1) }
}

/// A file, and the first and last sequence in its name.
type Named = (u64, u64, PathBuf);

/// The committed files of a prefix, in order.
fn files(folder: &Path, prefix: &str) -> Vec<Named> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let parts: Vec<_> = name.split(['-', '.']).collect();
        if let [found, first, last, _] = parts[..]
            && found == prefix
        {
            files.push((first.parse().unwrap(), last.parse().unwrap(), path));
        }
    }
    files.sort();
    files
}

/// Checks that files join from sequence 0 on, and gives the sequences of their rows.
fn rows(files: &[Named]) -> Vec<u64> {
    let mut rows = Vec::new();
    let mut expected = 0;
    for (first, last, path) in files {
        assert_eq!(*first, expected, "{files:?}");
        expected = last + 1;
        let file = File::open(path).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        for batch in reader.map(Result::unwrap) {
            let seqs = batch.column_by_name("seq").unwrap().as_primitive::<UInt64Type>();
            rows.extend_from_slice(seqs.values());
        }
    }
    rows
}

/// The sequences of the bars in the ring.
fn bars(bus: &Bus) -> Vec<u64> {
    let mut reader = Reader::open(&bus.directory(), &ring("demo/bars"), Start::Oldest).unwrap();
    let mut seqs = Vec::new();
    loop {
        match reader.poll() {
            Poll::Record(record) => seqs.push(record.seq()),
            Poll::Closed(_) | Poll::Empty => return seqs,
            _ => {}
        }
    }
}

#[test]
fn bars_and_what_is_late_are_in_files_by_kind() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    (0..20).for_each(|n| assert!(writer.publish(&second(n)).is_ok()));
    writer.publish(&second(3)).unwrap();
    writer.close();
    let folder = bus.path().join("files");
    let arguments = format!("window demo --aggregates twap --json --files {}", folder.display());
    let ran = bus.run(&format!("{arguments} --rotate-rows 8"));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_eq!(ran.objects()[0]["files"], serde_json::json!({"rows": 41, "files": 7}));
    let written = files(&folder, "bars");
    assert_eq!(rows(&written), (0..40).step_by(2).collect::<Vec<_>>());
    assert_eq!(rows(&files(&folder, "stats")), (1..40).step_by(2).collect::<Vec<_>>());
    assert_eq!(rows(&files(&folder, "late")), [0]);

    let arrow = bus.path().join("arrow");
    let run =
        |options: &str| bus.run(&format!("window demo --files {} {options}", arrow.display()));
    let ran = run("--bars b --format arrow --rotate-span 10s --rotate-bytes 1MiB");
    assert!(ran.err.contains(", 21 rows in 4 files\n"), "{}", ran.err);
    let spans = files(&arrow, "bars");
    assert_eq!(spans.iter().map(|(first, last, _)| last - first + 1).sum::<u64>(), 20);
    assert!(spans.iter().all(|(.., path)| path.extension().unwrap() == "arrow"));
    let error = bus.run(&format!("{arguments} --bars c")).failure_of_files();
    assert!(error.contains("use another folder or prefix"), "{error}");
    let error = run("--capacity 64 --rotate-rows 33 --bars d").failure_of_files();
    assert!(error.contains("33 with 64 slots"), "{error}");
}

impl Ran {
    /// Stderr of a run that could not open its files.
    #[track_caller]
    fn failure_of_files(self) -> String {
        assert!(matches!(self.code, Some(2 | 4)), "{self:?}");
        self.err
    }
}

#[test]
fn a_killed_consumer_and_the_next_leave_every_record_of_the_ring_in_one_file() {
    let bus = Bus::new();
    let folder = bus.path().join("files");
    let command = format!("window demo --from latest --rotate-rows 8 --files {}", folder.display());
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    for round in 0..3 {
        let window = bus.start(&command);
        // Its ring is opened behind the ticks: what is published from then on is read.
        let info = || RingInfo::read(&bus.directory(), &ring("demo/bars")).ok();
        wait_for(|| info().filter(|info| info.owner_pid == u64::from(window.id())));
        let wanted = files(&folder, "bars").len() + 2;
        (0..20).for_each(|n| assert!(writer.publish(&second(round * 20 + n)).is_ok()));
        wait_for(|| (files(&folder, "bars").len() >= wanted).then_some(()));
        if round < 2 {
            window.kill();
        } else {
            writer.close();
            assert_eq!(window.end().code, Some(0));
            break;
        }
    }
    let written = rows(&files(&folder, "bars"));
    assert_eq!(written, bars(&bus));
    assert_eq!(written.len(), 19 + 19 + 20, "the last window of each who was killed was open");
}

#[test]
fn bars_are_printed_as_tail_prints_them() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    (0..5).for_each(|n| assert!(writer.publish(&second(n)).is_ok()));
    let window = bus.start("window demo --stdout json");
    let lines: Vec<_> = (0..4).map(|_| window.line()).collect();
    assert!(lines[3].starts_with("{\"seq\":3,\"kind\":\"window_bar\","), "{}", lines[3]);
    writer.close();
    let ran = window.end();
    assert_eq!((ran.code, ran.objects().len()), (Some(0), 1));
    assert!(ran.err.starts_with("window: 5 records, 5 trades, 5 bars, "), "{}", ran.err);
    let whole = lines.join("\n") + "\n" + &ran.out;
    assert_eq!(bus.run("tail demo/bars --json").clean(), whole);

    for (format, option) in [("text", ""), ("csv", "--csv --kind window_bar")] {
        let name = format!("{format}-bars");
        let ran = bus.run(&format!("window demo --bars {name} --stdout {format}"));
        let tail = bus.run(&format!("tail demo/{name} {option}")).clean();
        assert_eq!((ran.code, ran.out), (Some(0), tail));
    }
}
