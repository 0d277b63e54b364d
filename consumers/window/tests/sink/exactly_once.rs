//! Each sequence is in one file, whatever happens in between.

use super::{FORMATS, bar, expected, open, options, push, rows};
use proptest::prelude::*;
use std::fs;
use tickring::record::{Heartbeat, Record, Trade, WindowBar};
use tickring::{Directory, Poll, Reader, RingName, RingSpec, Start, Writer};
use tickring_window::sink::{FileFormat, FileSink, Pushed, SinkError, SinkOptions};
use zerocopy::IntoBytes;

#[test]
fn the_next_sink_goes_on_behind_what_is_committed() {
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let options = options(&folder, format, 10);
        let mut sink = open(&options);
        for n in 0..25 {
            push(&mut sink, n);
        }
        drop(sink);
        let mut sink = open(&options);
        assert_eq!((sink.committed(), sink.next_seq()), (Some(19), 20));
        for n in 0..40 {
            let pushed = sink.push(n, bar(n).as_bytes()).unwrap();
            assert_eq!(pushed == Pushed::Known, n < 20, "{n}");
        }
        assert_eq!(rows(&sink.files().unwrap()), expected(0..40));
    }
}

#[test]
fn what_a_crash_has_left_is_removed_and_other_files_are_let_alone() {
    let folder = tempfile::tempdir().unwrap();
    let half = folder.path().join(".bars.parquet.tmp");
    let others = ["bars-1-2.parquet", "bars.csv", "bars-x-y.parquet", ".other.parquet.tmp"];
    fs::write(&half, b"PAR1 and then nothing").unwrap();
    others.iter().for_each(|name| fs::write(folder.path().join(name), b"?").unwrap());
    let mut sink = open(&options(&folder, FileFormat::Parquet, 1));
    assert!(!half.exists());
    push(&mut sink, 0);
    assert_eq!(sink.files().unwrap().len(), 1);
    drop(sink);
    assert!(others.iter().all(|name| folder.path().join(name).is_file()));
}

#[test]
fn a_hole_is_an_error_and_the_sink_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let options = SinkOptions { first_seq: 5, ..options(&folder, FileFormat::Arrow, 0) };
    let mut sink = open(&options);
    let hole = |result: Result<Pushed, SinkError>| match result {
        Err(SinkError::Hole { expected, found }) => (expected, found),
        other => panic!("{other:?}"),
    };
    assert_eq!(hole(sink.push(6, bar(6).as_bytes())), (5, 6));
    assert_eq!(sink.push(4, bar(4).as_bytes()).unwrap(), Pushed::Known, "before the first");
    push(&mut sink, 5);
    assert_eq!(hole(sink.push(9, bar(9).as_bytes())), (6, 9));
    push(&mut sink, 6);
    let file = sink.commit().unwrap().unwrap();
    assert_eq!(rows(&[file]), expected(5..7));
}

#[test]
fn a_record_that_is_none_of_the_kind_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = open(&options(&folder, FileFormat::Arrow, 0));
    let whole = bar(0);
    for wrong in [Trade::empty(1, 2, 3).as_bytes(), &whole.as_bytes()[..176], &[]] {
        match sink.push(0, wrong) {
            Err(SinkError::Record { seq, expected_bytes, found_bytes, .. }) => {
                assert_eq!((seq, expected_bytes, found_bytes), (0, 184, wrong.len()));
            }
            other => panic!("{other:?}"),
        }
    }
    push(&mut sink, 0);
}

#[test]
fn two_sinks_do_not_share_a_folder_and_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let first = options(&folder, FileFormat::Arrow, 0);
    let sink = open(&first);
    assert!(matches!(
        FileSink::open(&first, &WindowBar::kind()),
        Err(SinkError::Busy { path }) if path.ends_with(".bars.arrow.lock")
    ));
    open(&SinkOptions { prefix: "late".into(), ..first.clone() });
    open(&SinkOptions { format: FileFormat::Parquet, ..first.clone() });
    drop(sink);
    open(&first);
}

#[test]
fn files_that_do_not_join_are_refused_and_old_ones_may_be_moved_away() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder, FileFormat::Parquet, 10);
    let mut sink = open(&options);
    for n in 0..40 {
        push(&mut sink, n);
    }
    let files = sink.files().unwrap();
    drop(sink);
    fs::remove_file(&files[0].path).unwrap();
    assert_eq!(open(&options).next_seq(), 40);
    fs::remove_file(&files[2].path).unwrap();
    match FileSink::open(&options, &WindowBar::kind()) {
        Err(SinkError::Files { expected, found }) => {
            assert_eq!((expected, found), (20, files[3].path.clone()));
        }
        other => panic!("{other:?}"),
    }
    fs::copy(&files[1].path, folder.path().join(format!("bars-{:020}-{:020}.parquet", 15, 29)))
        .unwrap();
    assert!(
        matches!(
            FileSink::open(&options, &WindowBar::kind()),
            Err(SinkError::Files { expected: 20, .. })
        ),
        "nor are files that overlap taken"
    );
}

#[test]
fn a_folder_with_files_of_another_kind_is_refused_with_the_difference() {
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let options = options(&folder, format, 1);
        push(&mut open(&options), 0);
        for (kind, raw) in [(Trade::kind(), true), (WindowBar::kind(), false)] {
            match FileSink::open(&SinkOptions { raw, ..options.clone() }, &kind) {
                Err(SinkError::Columns { expected, found, .. }) => {
                    assert!(expected.contains(kind.name.as_ref()), "{expected}");
                    assert!(expected.contains(&raw.to_string()), "{expected}");
                    assert!(found.contains("window_bar"), "{found}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_prefix_that_is_no_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for prefix in ["", "a/b", "a-b", ".."] {
        let options =
            SinkOptions { prefix: prefix.into(), ..options(&folder, FileFormat::Arrow, 0) };
        match FileSink::open(&options, &WindowBar::kind()) {
            Err(SinkError::Option { option, found, .. }) => {
                assert_eq!((option, found.as_str()), ("prefix", prefix));
            }
            other => panic!("{prefix}: {other:?}"),
        }
    }
}

#[test]
fn a_ring_of_bars_is_written_with_what_else_is_in_it() {
    let root = tempfile::tempdir().unwrap();
    let directory = Directory::at(root.path().join("rings"));
    let name: RingName = "test/bars".parse().unwrap();
    let kinds = [WindowBar::kinds(), Heartbeat::kinds()].concat();
    let spec = RingSpec { capacity: 64, ..RingSpec::new(kinds).unwrap() };
    let mut writer = Writer::open(&directory, &name, &spec).unwrap();
    for n in 0..20 {
        if n % 5 == 3 {
            writer.publish_heartbeat(n).unwrap();
        } else {
            writer.publish(&bar(n)).unwrap();
        }
    }
    let mut sink = open(&options(&root, FileFormat::Parquet, 0));
    let mut reader = Reader::open(&directory, &name, Start::Oldest).unwrap();
    while let Poll::Record(record) = reader.poll() {
        let _ = sink.push_record(&record).unwrap();
    }
    let file = sink.commit().unwrap().unwrap();
    assert_eq!((file.first, file.last), (0, 19));
    assert_eq!(rows(&[file]), expected((0..20).filter(|n| n % 5 != 3)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_course_leaves_every_committed_sequence_once(
        steps in proptest::collection::vec((0..5_u8, 1..40_u64), 1..40),
        limit in 0..30_u64,
        is_arrow in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let format = if is_arrow { FileFormat::Arrow } else { FileFormat::Parquet };
        let options = options(&folder, format, limit);
        let mut sink = open(&options);
        // What was pushed of the rows up to `next`, to begin again at any time before it.
        let mut next = 0;
        for (what, count) in steps {
            match what {
                0 => { sink.commit().unwrap(); }
                1 => {
                    drop(sink);
                    sink = open(&options);
                    next = sink.next_seq();
                }
                2 => next = next.saturating_sub(count),
                _ => for _ in 0..count {
                    if next % 7 == 0 {
                        let _ = sink.skip(next).unwrap();
                    } else {
                        push(&mut sink, next);
                    }
                    next += 1;
                },
            }
        }
        let whole = sink.committed().map_or(0, |last| last + 1);
        let files = sink.files().unwrap();
        prop_assert_eq!(rows(&files), expected((0..whole).filter(|n| n % 7 != 0)));
    }
}
