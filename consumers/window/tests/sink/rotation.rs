//! When a file is complete.

use super::{FORMATS, bar, expected, open, options, push, rows};
use std::fs;
use tickring::record::{Record, Vector, WindowBar};
use tickring_window::sink::{
    BATCH_ROWS, FileFormat, FileSink, Pushed, Rotation, SinkError, SinkOptions,
};
use zerocopy::IntoBytes;

fn ranges(sink: &FileSink) -> Vec<(u64, u64)> {
    sink.files().unwrap().iter().map(|file| (file.first, file.last)).collect()
}

#[test]
fn a_file_ends_with_its_last_row_and_is_named_after_its_sequences() {
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let mut sink = open(&options(&folder, format, 10));
        let complete: Vec<u64> =
            (0..35).filter_map(|n| push(&mut sink, n)).map(|f| f.last).collect();
        assert_eq!(complete, [9, 19, 29]);
        assert_eq!((sink.committed(), sink.pending(), sink.next_seq()), (Some(29), 5, 35));
        sink.commit().unwrap();
        assert_eq!(sink.commit().unwrap(), None, "nothing is pending");
        assert_eq!(ranges(&sink), [(0, 9), (10, 19), (20, 29), (30, 34)]);
        assert_eq!(rows(&sink.files().unwrap()), expected(0..35));
        let name = format!("bars-00000000000000000010-00000000000000000019.{}", format.extension());
        assert!(folder.path().join(name).is_file());
    }
}

#[test]
fn a_file_that_has_its_bytes_takes_no_further_batch() {
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let rotation = Rotation { bytes: 1, ..Rotation::default() };
        let mut sink = open(&SinkOptions { rotation, ..options(&folder, format, 0) });
        let batch = u64::try_from(BATCH_ROWS).unwrap();
        for n in 0..2 * batch + 5 {
            push(&mut sink, n);
        }
        assert_eq!(ranges(&sink), [(0, batch - 1), (batch, 2 * batch - 1)]);
        let large = Rotation { bytes: 1 << 40, ..Rotation::default() };
        drop(sink);
        let mut sink = open(&SinkOptions { rotation: large, ..options(&folder, format, 0) });
        for n in 2 * batch..4 * batch {
            push(&mut sink, n);
        }
        assert_eq!(ranges(&sink).len(), 2);
    }
}

#[test]
fn a_span_of_event_time_ends_a_file_and_an_older_record_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let rotation = Rotation { span_ns: 1_000, ..Rotation::default() };
    let mut sink = open(&SinkOptions { rotation, ..options(&folder, FileFormat::Arrow, 0) });
    // A record without a time stays where the others are.
    let times = [1_000, 1_999, 500, 2_000, 1_500, u64::MAX, 2_999, 7_000];
    for (seq, time) in (0..).zip(times) {
        let record = WindowBar { ..WindowBar::empty(1, 2, time) };
        let pushed = sink.push(seq, record.as_bytes()).unwrap();
        assert_eq!(matches!(pushed, Pushed::Committed(_)), [3, 7].contains(&seq), "{seq}");
    }
    sink.commit().unwrap();
    assert_eq!(ranges(&sink), [(0, 2), (3, 6), (7, 7)]);
}

#[test]
fn a_span_needs_a_kind_with_an_event_time() {
    let folder = tempfile::tempdir().unwrap();
    let rotation = Rotation { span_ns: 1, ..Rotation::default() };
    let options = SinkOptions { rotation, ..options(&folder, FileFormat::Arrow, 0) };
    let mut kind = Vector::kind();
    FileSink::open(&options, &kind).unwrap();
    kind.fields.iter_mut().find(|field| field.name == "ts_event").unwrap().name = "when".into();
    match FileSink::open(&options, &kind) {
        Err(SinkError::Option { option, .. }) => assert_eq!(option, "span_ns"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn sequences_without_a_row_are_covered_by_the_file_around_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = open(&options(&folder, FileFormat::Parquet, 2));
    for seq in [0, 1, 4, 7] {
        assert_eq!(sink.skip(seq).err().is_some(), seq > 1, "a skip leaves no hole either");
    }
    push(&mut sink, 2);
    let _ = sink.skip(3).unwrap();
    push(&mut sink, 4);
    let _ = sink.skip(5).unwrap();
    assert_eq!(sink.commit().unwrap(), None, "no file without a row");
    assert_eq!(sink.committed(), Some(4));
    push(&mut sink, 6);
    sink.commit().unwrap();
    assert_eq!(ranges(&sink), [(0, 4), (5, 6)]);
    assert_eq!(rows(&sink.files().unwrap()), expected([2, 4, 6].into_iter()));
}

#[test]
fn a_sink_that_cannot_write_says_so_and_takes_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let mut sink =
        open(&SinkOptions { folder: gone.clone(), ..options(&folder, FileFormat::Arrow, 0) });
    push(&mut sink, 0);
    fs::remove_dir_all(&gone).unwrap();
    match sink.commit() {
        Err(SinkError::File { action, path, .. }) => {
            assert_eq!((action, path.parent().unwrap()), ("create", gone.as_path()));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(sink.push(1, bar(1).as_bytes()), Err(SinkError::Broken)));
    assert!(matches!(sink.skip(1), Err(SinkError::Broken)));
    assert!(matches!(sink.commit(), Err(SinkError::Broken)));
}
