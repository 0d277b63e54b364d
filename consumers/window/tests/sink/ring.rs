//! A ring in files: every record of it once, whichever side crashes.

use super::{FORMATS, bar, expected, options, rows};
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use tickring::record::{BarStats, Record, WindowBar};
use tickring::{Directory, RingName, RingSpec, Writer};
use tickring_window::Progress;
use tickring_window::sink::{
    Committed, FileFormat, RingSink, RingSinkCounts, Rotation, SinkError, SinkOptions,
};

const SLOTS: u64 = 64;

/// A ring of bars, and a folder for its files.
struct Desk {
    bus: TempDir,
    files: TempDir,
    ring: RingName,
}

impl Desk {
    fn new() -> Self {
        let (bus, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Self { bus, files, ring: "desk/bars".parse().unwrap() }
    }

    fn directory(&self) -> Directory {
        Directory::at(self.bus.path())
    }

    fn writer(&self) -> Writer {
        let kinds = [WindowBar::kinds(), BarStats::kinds()].concat();
        let spec = RingSpec { capacity: SLOTS, ..RingSpec::new(kinds).unwrap() };
        Writer::open(&self.directory(), &self.ring, &spec).unwrap()
    }

    fn open_with(&self, options: &SinkOptions) -> Result<RingSink, SinkError> {
        let kinds = [("bars", WindowBar::kind()), ("stats", BarStats::kind())];
        RingSink::open(&self.directory(), &self.ring, options, &kinds)
    }

    fn open(&self, format: FileFormat) -> Result<RingSink, SinkError> {
        self.open_with(&options(&self.files, format, 0))
    }
}

/// The files of a prefix in order of sequence.
fn files(folder: &Path, prefix: &str) -> Vec<Committed> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if let Some(range) = name.strip_prefix(prefix) {
            let (first, last) = range[1..].split_once('-').unwrap();
            let (first, last) = (first.parse().unwrap(), last.parse().unwrap());
            files.push(Committed { first, last, path });
        }
    }
    files.sort_by_key(|file| file.first);
    files
}

fn publish(writer: &mut Writer, seqs: std::ops::Range<u64>) {
    for n in seqs {
        assert_eq!(writer.publish(&bar(n)).unwrap(), n);
    }
}

/// Takes all that there is, and says how it ended.
fn drain(sink: &mut RingSink) -> Progress {
    loop {
        match sink.run_once().unwrap() {
            Progress::Advanced(_) => {}
            other => return other,
        }
    }
}

#[test]
fn every_record_of_a_ring_is_in_one_file_over_crashes_of_the_sink() {
    for format in FORMATS {
        let desk = Desk::new();
        let mut writer = desk.writer();
        for round in 0..10 {
            // Dropped without a commit: what it held is gone with it, as in a crash.
            let mut sink = desk.open(format).unwrap();
            for part in 0..3 {
                let first = round * 75 + part * 25;
                publish(&mut writer, first..first + 25);
                assert_eq!(drain(&mut sink), Progress::Idle);
            }
        }
        writer.close();
        let mut sink = desk.open(format).unwrap();
        assert_eq!(drain(&mut sink), Progress::Ended);
        let written = files(desk.files.path(), "bars");
        assert_eq!(rows(&written), expected(0..750), "{format:?}");
        assert!(written.iter().all(|file| file.last - file.first < SLOTS / 2), "{written:?}");
        assert_eq!(files(desk.files.path(), "stats"), [], "nothing to write");
    }
}

#[test]
fn kinds_go_to_files_of_their_own_and_takeovers_leave_no_hole() {
    let desk = Desk::new();
    let mut writer = desk.writer();
    let mut sink = desk.open(FileFormat::Arrow).unwrap();
    publish(&mut writer, 0..3);
    let stats = BarStats::empty(1, 17, 5);
    writer.publish(&stats).unwrap();
    drop(writer);
    // A restart record takes sequence 4.
    let mut writer = desk.writer();
    publish(&mut writer, 5..8);
    assert_eq!(drain(&mut sink), Progress::Idle);
    sink.commit().unwrap();
    assert_eq!(sink.counts(), RingSinkCounts { rows: 7, files: 2 });
    assert_eq!(rows(&files(desk.files.path(), "bars")), expected((0..3).chain(5..8)));
    let stats = files(desk.files.path(), "stats");
    assert_eq!((stats.len(), stats[0].first, stats[0].last), (1, 0, 7));
}

#[test]
fn what_is_overwritten_before_it_is_written_is_an_error() {
    let desk = Desk::new();
    let mut writer = desk.writer();
    let mut sink = desk.open(FileFormat::Parquet).unwrap();
    publish(&mut writer, 0..SLOTS + 10);
    let error = sink.run_once().unwrap_err();
    assert!(matches!(error, SinkError::Lapped { first: 0, .. }), "{error}");
    assert!(error.to_string().contains("desk/bars has overwritten 0 to "), "{error}");
}

#[test]
fn files_of_another_ring_are_no_place_to_go_on() {
    let desk = Desk::new();
    let mut writer = desk.writer();
    publish(&mut writer, 0..40);
    let mut sink = desk.open(FileFormat::Parquet).unwrap();
    assert_eq!(drain(&mut sink), Progress::Idle);
    sink.commit().unwrap();
    drop(sink);
    let anew = Desk { files: desk.files, ..Desk::new() };
    drop(anew.writer());
    let error = anew.open(FileFormat::Parquet).unwrap_err();
    assert!(matches!(error, SinkError::Columns { .. }), "{error}");
    assert!(error.to_string().contains("tickring.source"), "{error}");
}

#[test]
fn files_that_a_crash_could_leave_with_a_hole_are_refused() {
    let desk = Desk::new();
    drop(desk.writer());
    for (rows, is_possible) in [(SLOTS / 2, true), (SLOTS / 2 + 1, false)] {
        let rotation = Rotation { rows, ..Rotation::default() };
        let options = SinkOptions { rotation, ..options(&desk.files, FileFormat::Arrow, 0) };
        let opened = desk.open_with(&options);
        assert_eq!(opened.is_ok(), is_possible, "{:?}", opened.err());
    }
}
