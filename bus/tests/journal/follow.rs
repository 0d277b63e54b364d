//! Following a journal that is still being written.

use super::{Desk, drain, publish, records};
use std::fs::{self, File};
use tickring::{Batch, Error, JournalEnd, JournalReader, JournalStart, Poll, RingName};

#[test]
fn a_follower_sees_what_is_appended_and_goes_on_to_the_next_file() {
    let desk = Desk::inline(128);
    let mut writer = desk.bench.writer();
    publish(&mut writer, 1);
    writer.flush_journal().unwrap();
    let mut reader = desk.reader(JournalStart::Oldest);
    let mut seen = drain(&mut reader);
    assert_eq!((seen.len(), reader.end()), (1, JournalEnd::Open));
    for round in 0..400 {
        publish(&mut writer, 37);
        if round % 3 == 0 {
            writer.flush_journal().unwrap();
        }
        seen.extend(drain(&mut reader));
    }
    writer.flush_journal().unwrap();
    seen.extend(drain(&mut reader));
    assert_eq!(seen, records(0..writer.next_seq()));
    assert!(desk.files().len() > 2, "it rotated");
}

#[test]
fn batches_hold_what_single_polls_give() {
    let desk = Desk::inline(128);
    let mut writer = desk.bench.writer();
    publish(&mut writer, 1000);
    drop(writer);
    let mut writer = desk.bench.writer();
    publish(&mut writer, 1000);
    writer.close();
    for max in [1, 7, 64, 5000] {
        let mut reader = desk.reader(JournalStart::Oldest);
        let mut batch = Batch::new();
        let mut found = Vec::new();
        loop {
            match reader.poll_batch(&mut batch, max).unwrap() {
                Poll::Record(count) => {
                    assert_eq!(count, batch.len());
                    assert!(count <= max);
                    found
                        .extend(batch.iter().map(|record| (record.seq(), record.bytes().to_vec())));
                }
                Poll::Restarted { epoch } => assert_eq!((epoch, found.len()), (2, 1000)),
                Poll::Closed(_) => break,
                other => panic!("unexpected {other:?}"),
            }
        }
        let mut single = desk.reader(JournalStart::Oldest);
        for (seq, bytes) in &found {
            let record = loop {
                if let Poll::Record(record) = single.poll().unwrap() {
                    break (record.seq(), record.bytes().to_vec());
                }
            };
            assert_eq!(record, (*seq, bytes.clone()));
        }
        assert_eq!(found.len(), 2000, "batches of {max}");
    }
}

#[test]
fn one_file_is_enough_and_the_later_ones_follow() {
    let desk = Desk::inline(128);
    let mut writer = desk.bench.writer();
    publish(&mut writer, 10_000);
    drop(writer);
    let files = desk.files();
    let mut from_second = JournalReader::open(&files[1], None, JournalStart::Oldest).unwrap();
    let first = from_second.cursor();
    assert!(first > 0);
    assert_eq!(drain(&mut from_second), records(first..10_000));
    assert_eq!(from_second.name(), &desk.bench.name);
    assert_eq!(from_second.capacity(), 128);
}

#[test]
fn what_is_no_journal_is_named_in_the_error() {
    let desk = Desk::inline(128);
    let nothing = JournalReader::open(desk.path(), None, JournalStart::Oldest);
    assert!(matches!(nothing.unwrap_err(), Error::NoJournal { .. }));
    let mut writer = desk.bench.writer();
    publish(&mut writer, 1);
    drop(writer);
    let other: RingName = "test/other".parse().unwrap();
    let error = JournalReader::open(desk.path(), Some(&other), JournalStart::Oldest).unwrap_err();
    assert!(error.to_string().contains("test/other"), "{error}");
    let stray = desk.path().join("stray.journal");
    fs::write(&stray, b"not a journal, whatever its name says").unwrap();
    let error = JournalReader::open(&stray, None, JournalStart::Oldest).unwrap_err();
    assert!(matches!(error, Error::DamagedJournal { .. }), "{error}");
    File::options().write(true).open(&stray).unwrap().set_len(4096).unwrap();
    let error = JournalReader::open(&stray, None, JournalStart::Oldest).unwrap_err();
    assert!(matches!(error, Error::NotAJournal { .. }), "{error}");
    // Beside a journal it disturbs nobody.
    assert_eq!(drain(&mut desk.reader(JournalStart::Oldest)), records(0..1));
    let names = tickring::journaled_rings(desk.path()).unwrap();
    assert_eq!(names, std::slice::from_ref(&desk.bench.name));
}
