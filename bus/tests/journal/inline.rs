//! The journal that the writer of a ring keeps.

use super::{Desk, drain, publish, records};
use crate::support::trade;
use std::fs;
use tickring::record::{Record, Vector};
use tickring::schema::Kind;
use tickring::{
    CloseReason, Directory, Error, JournalEnd, JournalReader, JournalSpec, JournalStart, Poll,
    RingName, RingSpec, Writer,
};

const END: Poll<u64> = Poll::Closed(CloseReason::Ended);

#[test]
fn a_closed_ring_is_in_its_journal_from_the_first_record_to_the_last() {
    for published in [1, 63, 64, 65, 128, 129, 1023, 5000] {
        for capacity in [128, 256, 4096] {
            let desk = Desk::inline(capacity);
            let mut writer = desk.bench.writer();
            publish(&mut writer, published);
            writer.close();
            let mut reader = desk.reader(JournalStart::Oldest);
            let outcomes = drain(&mut reader);
            let expected = [records(0..published), vec![END]].concat();
            assert_eq!(outcomes, expected, "{published} records, {capacity} slots");
            assert_eq!(reader.missed(), 0);
        }
    }
}

#[test]
fn a_flush_at_any_moment_leaves_no_gap() {
    for flush_at in 0..200 {
        let desk = Desk::inline(128);
        let mut writer = desk.bench.writer();
        publish(&mut writer, flush_at);
        writer.flush_journal().unwrap();
        publish(&mut writer, 500);
        writer.close();
        let outcomes = drain(&mut desk.reader(JournalStart::Oldest));
        assert_eq!(outcomes, [records(0..flush_at + 500), vec![END]].concat(), "{flush_at}");
    }
}

#[test]
fn a_heartbeat_appends_what_has_waited_long_enough() {
    let mut desk = Desk::inline(128);
    desk.bench.spec.journal.as_mut().unwrap().flush_every = std::time::Duration::ZERO;
    let mut writer = desk.bench.writer();
    publish(&mut writer, 3);
    writer.heartbeat();
    assert_eq!(writer.journal_status().unwrap().next_seq, 3);
    assert_eq!(drain(&mut desk.reader(JournalStart::Oldest)), records(0..3));
}

#[test]
fn a_new_writer_continues_the_journal_with_what_the_ring_holds_and_it_lacks() {
    let desk = Desk::inline(256);
    let mut expected = Vec::new();
    for life in 1..6 {
        let mut writer = desk.bench.writer();
        if life > 1 {
            expected.push(Poll::Restarted { epoch: life });
        }
        let first = writer.next_seq();
        publish(&mut writer, 97 * life);
        expected.extend(records(first..writer.next_seq()));
        // As by kill -9: nothing more is appended, no lock is given back by a destructor.
        let next = writer.next_seq();
        if life == 3 {
            drop(writer.claim());
            expected.push(Poll::Tombstone { seq: next });
        }
        drop(writer);
    }
    let mut reader = desk.reader(JournalStart::Oldest);
    assert_eq!(drain(&mut reader), expected);
    assert_eq!((reader.missed(), reader.end()), (0, JournalEnd::Paused));
}

#[test]
fn a_ring_too_small_for_a_journal_is_refused_by_name() {
    let desk = Desk::inline(64);
    let error = Writer::open(&desk.bench.directory, &desk.bench.name, &desk.bench.spec);
    let error = error.unwrap_err();
    assert!(matches!(error, Error::JournalOption { least: 128, found: 64, .. }), "{error}");
    assert_eq!(desk.bench.directory.list().unwrap(), [], "nothing is left of the attempt");
}

#[test]
fn a_journal_without_room_is_an_error_with_the_size_needed() {
    let mut desk = Desk::inline(128);
    desk.bench.spec.journal.as_mut().unwrap().rotate_bytes = 1 << 60;
    let error = Writer::open(&desk.bench.directory, &desk.bench.name, &desk.bench.spec);
    let error = error.unwrap_err();
    assert!(matches!(error, Error::NoSpace { needed_bytes, .. } if needed_bytes == 1 << 60));
    assert_eq!(desk.bench.directory.list().unwrap(), [], "nothing is left of the attempt");
}

#[test]
fn a_failing_journal_stops_nothing_is_counted_and_leaves_a_gap_of_that_size() {
    let desk = Desk::inline(128);
    let mut writer = desk.bench.writer();
    publish(&mut writer, 128);
    // The next file cannot be made any more: its directory is gone from under its name.
    let away = desk.path().with_extension("away");
    fs::rename(desk.path(), &away).unwrap();
    publish(&mut writer, 10_000);
    let status = writer.journal_status().unwrap();
    assert!(writer.journal_error().is_some(), "{status:?}");
    assert!(status.failures > 0, "{status:?}");
    fs::rename(&away, desk.path()).unwrap();
    writer.flush_journal().unwrap();
    let status = writer.journal_status().unwrap();
    assert_eq!(status.next_seq, writer.next_seq());
    assert!(status.missed > 0, "{status:?}");
    publish(&mut writer, 1000);
    writer.close();
    let mut reader = desk.reader(JournalStart::Oldest);
    let outcomes = drain(&mut reader);
    let read = outcomes.iter().filter(|outcome| matches!(outcome, Poll::Record(_))).count();
    assert_eq!(reader.missed(), status.missed);
    assert_eq!(read as u64 + status.missed, 11_128);
    let laps = outcomes.iter().filter(|outcome| matches!(outcome, Poll::Lapped { .. })).count();
    assert_eq!(laps, 1);
}

#[test]
fn records_larger_than_a_line_are_journaled_too() {
    let root = tempfile::tempdir().unwrap();
    let directory = Directory::at(root.path().join("rings"));
    let name = RingName::new("demo", "vectors").unwrap();
    let kind: Kind = Vector::kind_with_dim(768);
    let journal = JournalSpec::new(root.path().join("journal"));
    let spec = RingSpec {
        capacity: 128,
        journal: Some(JournalSpec { rotate_bytes: 4 << 20, ..journal }),
        ..RingSpec::new(vec![kind]).unwrap()
    };
    let mut writer = Writer::open(&directory, &name, &spec).unwrap();
    for n in 0..3000_u64 {
        let mut claim = writer.claim();
        claim.write(&Vector { vec_id: n, dim: 768, ..Vector::empty(1, 2, n) }).unwrap();
        claim.write_lanes(&[n as f32; 768]).unwrap();
        claim.commit();
    }
    writer.close();
    let mut reader =
        JournalReader::open(root.path().join("journal"), None, JournalStart::Oldest).unwrap();
    for n in 0..3000 {
        let record = reader.poll().unwrap().record().unwrap();
        assert_eq!(record.get::<Vector>().map(|vector| vector.vec_id), Some(n));
        let lanes = &record.bytes()[size_of::<Vector>()..][..768 * 4];
        assert!(lanes.chunks(4).all(|lane| lane == (n as f32).to_le_bytes()));
    }
    assert!(fs::read_dir(root.path().join("journal")).unwrap().count() > 2, "it rotated");
}

#[test]
fn a_ring_made_anew_has_a_journal_of_its_own_and_the_latest_is_read() {
    let desk = Desk::inline(128);
    let mut writer = desk.bench.writer();
    publish(&mut writer, 10);
    writer.close();
    desk.bench.directory.remove(&desk.bench.name).unwrap();
    let mut writer = desk.bench.writer();
    writer.publish(&trade(0)).unwrap();
    writer.close();
    assert_eq!(drain(&mut desk.reader(JournalStart::Oldest)), [Poll::Record(0), END]);
    assert_eq!(desk.files().len(), 2);
}
