//! A recorder: the journal of a ring, kept from outside.

use super::{Desk, drain, publish, records};
use crate::support::trade;
use proptest::prelude::*;
use std::time::Duration;
use tickring::{
    CloseReason, Error, Fsync, JournalEnd, JournalSpec, JournalStart, Poll, Recorder,
    RecorderProgress, Start,
};

const END: Poll<u64> = Poll::Closed(CloseReason::Ended);

fn recorder(desk: &Desk) -> Recorder {
    open(desk, &desk.spec)
}

fn open(desk: &Desk, spec: &JournalSpec) -> Recorder {
    Recorder::open(&desk.bench.directory, &desk.bench.name, spec, Start::Oldest).unwrap()
}

/// Steps until there is nothing to do, and says whether the ring has ended.
fn settle(recorder: &mut Recorder) -> bool {
    loop {
        match recorder.step().unwrap() {
            RecorderProgress::Advanced(_) => {}
            RecorderProgress::Idle => return false,
            RecorderProgress::Ended => return true,
        }
    }
}

#[test]
fn a_ring_is_recorded_to_its_end_whatever_the_policy_of_syncing() {
    for fsync in [Fsync::Never, Fsync::Block, Fsync::Every(Duration::from_millis(1))] {
        let desk = Desk::new(64);
        let spec = JournalSpec { fsync, ..desk.spec.clone() };
        let mut writer = desk.bench.writer();
        let mut recorder = open(&desk, &spec);
        for _ in 0..300 {
            publish(&mut writer, 50);
            assert!(!settle(&mut recorder));
        }
        writer.close();
        assert!(settle(&mut recorder));
        let stats = recorder.finish().unwrap();
        assert_eq!((stats.records, stats.missed), (15_000, 0));
        assert!(stats.bytes > 15_000 * 64);
        let outcomes = drain(&mut desk.reader(JournalStart::Oldest));
        assert_eq!(outcomes, [records(0..15_000), vec![END]].concat());
        assert!(desk.files().len() > 2, "it rotated");
    }
}

#[test]
fn a_lapped_recorder_leaves_a_gap_of_exactly_what_it_missed() {
    let desk = Desk::new(64);
    let mut writer = desk.bench.writer();
    let mut recorder = recorder(&desk);
    publish(&mut writer, 10);
    settle(&mut recorder);
    publish(&mut writer, 1000);
    settle(&mut recorder);
    let stats = recorder.finish().unwrap();
    let resume = 1010 - 56;
    assert_eq!(stats.missed, resume - 10);
    let mut reader = desk.reader(JournalStart::Oldest);
    let gap = Poll::Lapped { missed: resume - 10, resume };
    assert_eq!(drain(&mut reader), [records(0..10), vec![gap], records(resume..1010)].concat());
    assert_eq!(reader.end(), JournalEnd::Paused);
}

#[test]
fn restarts_and_tombstones_are_recorded_and_read_as_outcomes() {
    let desk = Desk::new(64);
    let mut recorder = {
        let mut writer = desk.bench.writer();
        let recorder = recorder(&desk);
        publish(&mut writer, 5);
        drop(writer.claim());
        recorder
    };
    let mut writer = desk.bench.writer();
    publish(&mut writer, 3);
    settle(&mut recorder);
    assert_eq!(recorder.finish().unwrap().restarts, 1);
    let outcomes = drain(&mut desk.reader(JournalStart::Oldest));
    let between = vec![Poll::Tombstone { seq: 5 }, Poll::Restarted { epoch: 2 }];
    assert_eq!(outcomes, [records(0..5), between, records(7..10)].concat());
}

#[test]
fn a_restart_in_a_gap_is_still_reported() {
    let desk = Desk::new(64);
    let mut writer = desk.bench.writer();
    let mut recorder = recorder(&desk);
    publish(&mut writer, 10);
    settle(&mut recorder);
    drop(writer);
    let mut writer = desk.bench.writer();
    publish(&mut writer, 500);
    settle(&mut recorder);
    recorder.finish().unwrap();
    let outcomes = drain(&mut desk.reader(JournalStart::Oldest));
    let resume = 511 - 56;
    let between = vec![Poll::Lapped { missed: resume - 10, resume }, Poll::Restarted { epoch: 2 }];
    assert_eq!(outcomes, [records(0..10), between, records(resume..511)].concat());
}

#[test]
fn a_second_recorder_continues_behind_the_first_and_a_simultaneous_one_is_refused() {
    let desk = Desk::new(64);
    let mut writer = desk.bench.writer();
    publish(&mut writer, 20);
    let mut first = recorder(&desk);
    settle(&mut first);
    let error = Recorder::open(&desk.bench.directory, &desk.bench.name, &desk.spec, Start::Oldest);
    assert!(matches!(error.unwrap_err(), Error::JournalOwned { .. }));
    first.finish().unwrap();
    publish(&mut writer, 20);
    let mut second = recorder(&desk);
    settle(&mut second);
    second.finish().unwrap();
    assert_eq!(drain(&mut desk.reader(JournalStart::Oldest)), records(0..40));
}

#[test]
fn old_files_are_left_for_new_ones_by_age() {
    let desk = Desk::new(64);
    let spec = JournalSpec {
        rotate_every: Some(Duration::ZERO),
        flush_every: Duration::ZERO,
        ..desk.spec.clone()
    };
    let mut writer = desk.bench.writer();
    let mut recorder = open(&desk, &spec);
    for n in 0..5 {
        writer.publish(&trade(n)).unwrap();
        settle(&mut recorder);
    }
    recorder.finish().unwrap();
    assert_eq!(desk.files().len(), 5);
    assert_eq!(drain(&mut desk.reader(JournalStart::Oldest)), records(0..5));
}

#[test]
fn files_too_small_for_a_block_are_refused() {
    let desk = Desk::new(64);
    let _writer = desk.bench.writer();
    let spec = JournalSpec { rotate_bytes: 1000, ..desk.spec.clone() };
    let error = Recorder::open(&desk.bench.directory, &desk.bench.name, &spec, Start::Oldest);
    assert!(matches!(error.unwrap_err(), Error::JournalOption { found: 1000, .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Against the simplest model there is: each published record is in the journal or missed.
    #[test]
    fn recorded_and_missed_add_up_to_published(
        turns in prop::collection::vec((0u64..200, 0usize..4, any::<bool>()), 1..40),
    ) {
        let desk = Desk::new(64);
        let mut writer = desk.bench.writer();
        let mut recorder = recorder(&desk);
        let mut restarts = 0;
        for (count, steps, restart) in turns {
            publish(&mut writer, count);
            for _ in 0..steps {
                let _ = recorder.step().unwrap();
            }
            if restart {
                drop(writer);
                writer = desk.bench.writer();
                restarts += 1;
            }
        }
        writer.close();
        settle(&mut recorder);
        let end = recorder.reader().published();
        let stats = recorder.finish().unwrap();
        prop_assert_eq!(stats.records + stats.missed, end);
        if stats.records > 0 {
            let mut reader = desk.reader(JournalStart::Sequence(0));
            let outcomes = drain(&mut reader);
            let of = |is: fn(&Poll<u64>) -> bool| outcomes.iter().filter(|o| is(o)).count() as u64;
            let read = of(|outcome| matches!(outcome, Poll::Record(_)));
            let restarted = of(|outcome| matches!(outcome, Poll::Restarted { .. }));
            prop_assert_eq!(reader.missed(), stats.missed);
            prop_assert!(restarted <= restarts);
            prop_assert!(read <= stats.records && read + restarted >= stats.records);
        }
    }
}
