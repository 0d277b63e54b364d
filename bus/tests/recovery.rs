//! Taking over from a writer that is gone, and what may not be taken over.

use crate::support::{Bench, drain, trade};
use tickring::record::{Mbo, Record, Restart, Tombstone, restart_cause};
use tickring::{Error, Poll, RingInfo, RingSpec, RingState, Start, Writer};

#[test]
fn a_second_writer_is_refused_and_told_who_has_the_ring() {
    let bench = Bench::new(64);
    let first = bench.writer();
    let Err(error) = Writer::open(&bench.directory, &bench.name, &bench.spec) else {
        panic!("two writers")
    };
    assert!(
        matches!(&error, Error::AlreadyOwned { pid, .. } if *pid == u64::from(std::process::id())),
        "{error}"
    );
    drop(first);
    assert_eq!(bench.writer().epoch(), 2);
}

#[test]
fn a_new_writer_continues_the_sequence_and_readers_keep_their_mapping() {
    let bench = Bench::new(64);
    let mut reader = {
        let mut writer = bench.writer();
        let reader = bench.reader(Start::Oldest);
        for n in 0..5 {
            writer.publish(&trade(n)).unwrap();
        }
        reader
    };
    assert_eq!(drain(&mut reader).len(), 5);
    let mut writer = bench.writer();
    assert_eq!(writer.next_seq(), 6, "the restart record took sequence 5");
    writer.publish(&trade(6)).unwrap();
    assert_eq!(drain(&mut reader), [Poll::Restarted { epoch: 2 }, Poll::Record(6)]);
}

#[test]
fn a_half_written_record_becomes_one_tombstone() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    for n in 0..3 {
        writer.publish(&trade(n)).unwrap();
    }
    drop(writer.claim());
    drop(writer);
    let mut writer = bench.writer();
    writer.publish(&trade(5)).unwrap();
    assert_eq!(
        drain(&mut reader),
        [
            Poll::Record(0),
            Poll::Record(1),
            Poll::Record(2),
            Poll::Tombstone { seq: 3 },
            Poll::Restarted { epoch: 2 },
            Poll::Record(5),
        ]
    );
}

#[test]
fn records_that_were_staged_and_not_flushed_survive_their_writer() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    writer.publish(&trade(0)).unwrap();
    for n in 1..10 {
        writer.stage(&trade(n)).unwrap();
    }
    drop(writer);
    assert_eq!(bench.writer().next_seq(), 11);
    let outcomes = drain(&mut reader);
    let ids: Vec<u64> = outcomes.into_iter().filter_map(Poll::record).collect();
    assert_eq!(ids, (0..10).collect::<Vec<_>>());
}

#[test]
fn recovery_finds_its_place_at_every_fill_level() {
    for published in [0, 1, 63, 64, 65, 127, 128, 129, 1000] {
        for torn in [false, true] {
            let bench = Bench::new(64);
            let mut writer = bench.writer();
            for n in 0..published {
                writer.publish(&trade(n)).unwrap();
            }
            if torn {
                drop(writer.claim());
            }
            drop(writer);
            let next = bench.writer().next_seq();
            assert_eq!(next, published + 1 + u64::from(torn), "{published} {torn}");
        }
    }
}

#[test]
fn the_restart_record_names_the_cause_and_the_previous_sequence() {
    for (close, cause) in [(true, restart_cause::CLOSED), (false, restart_cause::DIED)] {
        let bench = Bench::new(64);
        let mut writer = bench.writer();
        writer.publish(&trade(0)).unwrap();
        if close {
            writer.close()
        } else {
            drop(writer)
        }
        let _writer = bench.writer();
        let reader = bench.reader(Start::Oldest);
        let restart = reader.view_at(1, 1, |view| view.iter().next().map(|r| r.read::<Restart>()));
        let restart = restart.flatten().unwrap();
        assert_eq!((restart.epoch, restart.previous_seq, restart.cause), (2, 0, cause));
    }
}

#[test]
fn a_writer_with_another_schema_or_capacity_is_refused_with_the_difference() {
    let bench = Bench::new(64);
    drop(bench.writer());
    let other = RingSpec { capacity: 64, ..RingSpec::new(Mbo::kinds()).unwrap() };
    let error = Writer::open(&bench.directory, &bench.name, &other).unwrap_err();
    assert!(matches!(error, Error::SchemaMismatch { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("mbo") && text.contains("trade"), "{text}");
    let other = RingSpec { capacity: 128, ..bench.spec.clone() };
    let error = Writer::open(&bench.directory, &bench.name, &other).unwrap_err();
    assert!(matches!(error, Error::CapacityMismatch { expected: 128, found: 64, .. }), "{error}");
}

#[test]
fn info_tells_a_live_from_a_dead_and_a_closed_ring() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    writer.publish(&trade(0)).unwrap();
    writer.set_watermark(12);
    writer.set_dropped(3);
    let info = || RingInfo::read(&bench.directory, &bench.name).unwrap();
    let live = info();
    assert_eq!((live.state, live.published, live.epoch), (RingState::Live, 1, 1));
    assert_eq!((live.watermark_ns, live.dropped), (12, 3));
    assert_eq!(live.owner_pid, u64::from(std::process::id()));
    drop(writer);
    assert_eq!(info().state, RingState::Dead);
    bench.writer().close();
    assert_eq!((info().state, info().epoch), (RingState::Closed, 2));
}

#[test]
fn a_ring_is_removed_by_name_and_made_anew_with_another_identity() {
    let bench = Bench::new(64);
    drop(bench.writer());
    let before = RingInfo::read(&bench.directory, &bench.name).unwrap();
    bench.directory.remove(&bench.name).unwrap();
    assert_eq!(bench.directory.list().unwrap(), []);
    let mut writer = bench.writer();
    assert_eq!((writer.epoch(), writer.next_seq()), (1, 0));
    writer.publish(&trade(0)).unwrap();
    let after = RingInfo::read(&bench.directory, &bench.name).unwrap();
    assert_ne!(before.ring_id, after.ring_id);
    assert!(Tombstone::kinds().iter().all(|kind| writer.schema().contains(kind.rtype)));
}
