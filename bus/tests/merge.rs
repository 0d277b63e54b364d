//! The merge of several rings: against a naive model, and case by case.

use crate::support::trade;
use proptest::prelude::*;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tempfile::TempDir;
use tickring::merge::{Clock, Merge, MergeOptions, Merged};
use tickring::record::{Heartbeat, Record, Trade, UNDEF_TIME};
use tickring::{CloseReason, Directory, Poll, Reader, RingName, RingSpec, Start, Writer};

/// A clock that the test moves.
#[derive(Clone, Debug, Default)]
struct StepClock(Rc<Cell<u64>>);

impl StepClock {
    fn step(&self, ns: u64) {
        self.0.set(self.0.get() + ns);
    }
}

impl Clock for StepClock {
    fn now_ns(&mut self) -> u64 {
        self.0.get()
    }
}

const IDLE_AFTER_NS: u64 = 1_000;

/// Rings and their writers.
struct Rings {
    _root: TempDir,
    directory: Directory,
    writers: Vec<Option<Writer>>,
    capacity: u64,
    clock: StepClock,
}

impl Rings {
    fn new(count: usize, capacity: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::at(root.path().join("tickring"));
        let clock = StepClock::default();
        let writers = (0..count).map(|_| None).collect();
        let mut rings = Self { _root: root, directory, writers, capacity, clock };
        for ring in 0..count {
            rings.open(ring);
        }
        rings
    }

    fn name(ring: usize) -> RingName {
        RingName::new("merge", &format!("r{ring}")).unwrap()
    }

    /// Lets a writer take over from the last one.
    fn open(&mut self, ring: usize) {
        self.writers[ring] = None;
        let kinds = [Trade::kinds(), Heartbeat::kinds()].concat();
        let spec = RingSpec { capacity: self.capacity, ..RingSpec::new(kinds).unwrap() };
        let writer = Writer::open(&self.directory, &Self::name(ring), &spec).unwrap();
        self.writers[ring] = Some(writer);
    }

    fn writer(&mut self, ring: usize) -> &mut Writer {
        self.writers[ring].as_mut().unwrap()
    }

    /// Publishes a trade with this event time; its id is its sequence.
    fn publish(&mut self, ring: usize, ts_event: u64) {
        let writer = self.writer(ring);
        let mut record = trade(writer.next_seq());
        record.header.ts_event = ts_event;
        writer.publish(&record).unwrap();
    }

    fn close(&mut self, ring: usize) {
        if let Some(writer) = self.writers[ring].take() {
            writer.close();
        }
    }

    fn reader(&self, ring: usize) -> Reader {
        Reader::open(&self.directory, &Self::name(ring), Start::Sequence(0)).unwrap()
    }

    fn merge(&self) -> Merge<StepClock> {
        let readers = (0..self.writers.len()).map(|ring| self.reader(ring)).collect();
        let idle_after = Duration::from_nanos(IDLE_AFTER_NS);
        Merge::with_clock(readers, MergeOptions { idle_after }, self.clock.clone())
    }
}

/// An outcome of the merge without its borrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Out {
    Record { ring: usize, seq: u64, ts_event: u64, late: bool },
    Lapped { ring: usize, missed: u64 },
    Tombstone { ring: usize, seq: u64 },
    Restarted { ring: usize, epoch: u64 },
    Closed { ring: usize },
    Idle { ring: usize },
    Resumed { ring: usize },
    Empty,
    Ended,
}

fn out(merged: Merged<'_>) -> Out {
    match merged {
        Merged::Record { ring, record, late } => {
            let (seq, ts_event) = (record.seq(), record.header().unwrap().ts_event);
            Out::Record { ring, seq, ts_event, late }
        }
        Merged::Lapped { ring, missed, .. } => Out::Lapped { ring, missed },
        Merged::Tombstone { ring, seq } => Out::Tombstone { ring, seq },
        Merged::Restarted { ring, epoch } => Out::Restarted { ring, epoch },
        Merged::Closed { ring, reason: CloseReason::Ended } => Out::Closed { ring },
        Merged::Closed { reason, .. } => panic!("closed for {reason:?}"),
        Merged::Idle { ring } => Out::Idle { ring },
        Merged::Resumed { ring } => Out::Resumed { ring },
        Merged::Empty => Out::Empty,
        Merged::Ended => Out::Ended,
    }
}

/// Everything until there is nothing more for now.
fn drain(merge: &mut Merge<StepClock>) -> Vec<Out> {
    let mut outs = Vec::new();
    loop {
        match out(merge.poll()) {
            Out::Empty => return outs,
            Out::Ended => {
                outs.push(Out::Ended);
                return outs;
            }
            other => outs.push(other),
        }
    }
}

/// The merge at its simplest: all of each ring, then a stable sort.
fn model(rings: &Rings) -> Vec<Out> {
    let mut all = Vec::new();
    for ring in 0..rings.writers.len() {
        let mut reader = rings.reader(ring);
        let mut time = 0;
        loop {
            let mut promised = 0;
            let found = match reader.poll() {
                Poll::Record(record) => {
                    let ts_event = record.header().unwrap().ts_event;
                    if ts_event != UNDEF_TIME {
                        time = time.max(ts_event);
                    }
                    if let Some(heartbeat) = record.get::<Heartbeat>() {
                        promised = heartbeat.watermark;
                    }
                    Out::Record { ring, seq: record.seq(), ts_event, late: false }
                }
                Poll::Lapped { missed, .. } => Out::Lapped { ring, missed },
                Poll::Tombstone { seq } => Out::Tombstone { ring, seq },
                Poll::Restarted { epoch } => Out::Restarted { ring, epoch },
                Poll::Closed(_) => Out::Closed { ring },
                Poll::Empty => panic!("the model reads rings that have ended"),
            };
            all.push((time, ring, found));
            time = time.max(promised);
            if found == (Out::Closed { ring }) {
                break;
            }
        }
    }
    all.sort_by_key(|(time, ring, _)| (*time, *ring));
    let mut merged = 0;
    let mut outs: Vec<Out> = Vec::new();
    for (_, _, mut found) in all {
        if let Out::Record { ts_event, late, .. } = &mut found
            && *ts_event != UNDEF_TIME
        {
            *late = *ts_event < merged;
            merged = merged.max(*ts_event);
        }
        outs.push(found);
    }
    outs.push(Out::Ended);
    outs
}

/// What a random writer does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Publishes so many records, each so much behind the last one, or before it.
    Publish {
        count: u8,
        ahead: i8,
    },
    /// A record without event time.
    Untimed,
    /// Promises that nothing before so much later will follow, which the next step may break.
    Heartbeat {
        ahead: i8,
    },
    Restart,
    Poll {
        times: u8,
    },
    Wait {
        ns: u16,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1_u8..20, -5_i8..30).prop_map(|(count, ahead)| Step::Publish { count, ahead }),
        1 => (60_u8..200, 0_i8..5).prop_map(|(count, ahead)| Step::Publish { count, ahead }),
        1 => Just(Step::Untimed),
        2 => (-5_i8..100).prop_map(|ahead| Step::Heartbeat { ahead }),
        1 => Just(Step::Restart),
        4 => (1_u8..40).prop_map(|times| Step::Poll { times }),
        1 => (0_u16..2_000).prop_map(|ns| Step::Wait { ns }),
    ]
}

/// Plays the steps of all rings; `poll` is called for what the merge does among them.
fn play(rings: &mut Rings, steps: &[(usize, Step)], mut poll: impl FnMut(&Rings, Step)) {
    let count = rings.writers.len();
    let mut times = vec![1_000_u64; count];
    for (ring, step) in steps {
        let ring = ring % count;
        match *step {
            Step::Publish { count, ahead } => {
                for _ in 0..count {
                    times[ring] = times[ring].saturating_add_signed(ahead.into());
                    rings.publish(ring, times[ring]);
                }
            }
            Step::Untimed => rings.publish(ring, UNDEF_TIME),
            Step::Heartbeat { ahead } => {
                let watermark = times[ring].saturating_add_signed(ahead.into());
                rings.writer(ring).publish_heartbeat(watermark).unwrap();
            }
            Step::Restart => rings.open(ring),
            Step::Poll { .. } | Step::Wait { .. } => poll(rings, *step),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn rings_that_are_complete_come_out_as_if_sorted(
        count in 1_usize..7,
        steps in prop::collection::vec((0_usize..7, any_step()), 0..60),
    ) {
        let mut rings = Rings::new(count, 64);
        play(&mut rings, &steps, |_, _| ());
        (0..count).for_each(|ring| rings.close(ring));
        prop_assert_eq!(drain(&mut rings.merge()), model(&rings));
    }

    #[test]
    fn the_order_does_not_depend_on_when_the_records_arrived(
        count in 1_usize..7,
        steps in prop::collection::vec((0_usize..7, any_step()), 0..60),
    ) {
        // No lap, and no time for a ring to become idle in.
        let mut rings = Rings::new(count, 1 << 14);
        let mut merge = rings.merge();
        let mut outs = Vec::new();
        play(&mut rings, &steps, |_, step| {
            if let Step::Poll { times } = step {
                let found = (0..times).map(|_| out(merge.poll())).filter(|out| *out != Out::Empty);
                outs.extend(found);
            }
        });
        (0..count).for_each(|ring| rings.close(ring));
        outs.extend(drain(&mut merge));
        prop_assert_eq!(outs, model(&rings));
    }

    #[test]
    fn under_laps_and_silence_every_record_is_accounted_for_and_only_late_ones_go_back(
        count in 1_usize..7,
        steps in prop::collection::vec((0_usize..7, any_step()), 0..80),
    ) {
        let mut rings = Rings::new(count, 64);
        let mut merge = rings.merge();
        let mut outs = Vec::new();
        play(&mut rings, &steps, |rings, step| match step {
            Step::Poll { times } => outs.extend((0..times).map(|_| out(merge.poll()))),
            Step::Wait { ns } => rings.clock.step(ns.into()),
            _ => {}
        });
        let published: Vec<u64> = (0..count).map(|ring| rings.writer(ring).next_seq()).collect();
        (0..count).for_each(|ring| rings.close(ring));
        outs.extend(drain(&mut merge));
        prop_assert_eq!(outs.last(), Some(&Out::Ended));
        let (mut next, mut idle, mut merged) = (vec![0; count], vec![false; count], 0);
        for found in outs {
            match found {
                Out::Record { ring, seq, ts_event, late } => {
                    // In between stand the restart records, which take a sequence each.
                    prop_assert!(seq >= next[ring], "{seq} of ring {ring} again");
                    next[ring] = seq + 1;
                    if ts_event != UNDEF_TIME {
                        prop_assert_eq!(late, ts_event < merged);
                        merged = merged.max(ts_event);
                    }
                    prop_assert!(!idle[ring], "an idle ring is resumed first");
                }
                Out::Lapped { ring, missed } => next[ring] += missed,
                Out::Restarted { ring, .. } => next[ring] = next[ring].max(1),
                Out::Idle { ring } => prop_assert!(!std::mem::replace(&mut idle[ring], true)),
                Out::Resumed { ring } => prop_assert!(std::mem::replace(&mut idle[ring], false)),
                Out::Tombstone { .. } => prop_assert!(false, "nobody died"),
                Out::Closed { .. } | Out::Empty | Out::Ended => {}
            }
        }
        for (ring, reader) in merge.readers().enumerate() {
            prop_assert_eq!(reader.cursor(), published[ring]);
        }
    }
}

fn record(ring: usize, seq: u64, ts_event: u64) -> Out {
    Out::Record { ring, seq, ts_event, late: false }
}

fn late(ring: usize, seq: u64, ts_event: u64) -> Out {
    Out::Record { ring, seq, ts_event, late: true }
}

#[test]
fn a_ring_without_a_head_holds_the_others_back_until_its_watermark_has_reached_them() {
    let mut rings = Rings::new(2, 64);
    let mut merge = rings.merge();
    rings.publish(0, 10);
    assert_eq!(drain(&mut merge), []);
    rings.writer(1).publish_heartbeat(9).unwrap();
    assert_eq!(drain(&mut merge), [record(1, 0, UNDEF_TIME)], "9 may still come");
    rings.writer(1).publish_heartbeat(10).unwrap();
    assert_eq!(drain(&mut merge), [record(1, 1, UNDEF_TIME), record(0, 0, 10)]);
    // Among equal times ring 0 comes first: its watermark has to be above.
    rings.publish(1, 20);
    rings.writer(0).publish_heartbeat(20).unwrap();
    assert_eq!(drain(&mut merge), [record(0, 1, UNDEF_TIME)], "20 of ring 0 comes before");
    rings.publish(0, 20);
    assert_eq!(drain(&mut merge), [record(0, 2, 20)]);
    rings.writer(0).publish_heartbeat(21).unwrap();
    assert_eq!(drain(&mut merge), [record(0, 3, UNDEF_TIME), record(1, 2, 20)]);
    assert_eq!(merge.time_ns(), 20);
}

#[test]
fn a_silent_ring_becomes_idle_once_and_comes_back_with_its_records_late() {
    let mut rings = Rings::new(3, 64);
    let mut merge = rings.merge();
    for time in [10, 11] {
        rings.publish(2, time);
    }
    assert_eq!(drain(&mut merge), []);
    rings.clock.step(IDLE_AFTER_NS - 1);
    assert_eq!(drain(&mut merge), []);
    rings.clock.step(1);
    let idle = [Out::Idle { ring: 0 }, Out::Idle { ring: 1 }];
    assert_eq!(drain(&mut merge), [&idle[..], &[record(2, 0, 10), record(2, 1, 11)]].concat());
    rings.publish(1, 5);
    rings.publish(1, 12);
    assert_eq!(drain(&mut merge), [Out::Resumed { ring: 1 }, late(1, 0, 5)]);
    rings.publish(2, 13);
    assert_eq!(drain(&mut merge), [record(1, 1, 12)], "ring 1 counts again");
    rings.clock.step(IDLE_AFTER_NS);
    assert_eq!(drain(&mut merge), [Out::Idle { ring: 1 }, record(2, 2, 13)]);
    rings.clock.step(10 * IDLE_AFTER_NS);
    assert_eq!(drain(&mut merge), [Out::Idle { ring: 2 }], "all are idle: nothing holds back");
    rings.publish(0, 14);
    assert_eq!(drain(&mut merge), [Out::Resumed { ring: 0 }, record(0, 0, 14)]);
}

#[test]
fn a_record_of_the_same_ring_that_goes_back_in_time_is_late_and_keeps_its_place() {
    let mut rings = Rings::new(1, 64);
    for time in [10, 8, UNDEF_TIME, 11] {
        rings.publish(0, time);
    }
    let expected = [record(0, 0, 10), late(0, 1, 8), record(0, 2, UNDEF_TIME), record(0, 3, 11)];
    assert_eq!(drain(&mut rings.merge()), expected);
}

#[test]
fn an_ended_ring_holds_nobody_back_and_its_next_writer_brings_it_in_again() {
    let mut rings = Rings::new(2, 64);
    let mut merge = rings.merge();
    rings.publish(0, 10);
    rings.close(1);
    assert_eq!(drain(&mut merge), [Out::Closed { ring: 1 }, record(0, 0, 10)]);
    rings.publish(0, 12);
    rings.open(1);
    rings.publish(1, 11);
    // Rings that have ended are looked at in turn, so that this one may come too late.
    let restarted = Out::Restarted { ring: 1, epoch: 2 };
    assert_eq!(drain(&mut merge), [record(0, 1, 12), restarted, late(1, 1, 11)]);
    rings.publish(0, 14);
    assert_eq!(drain(&mut merge), [], "it counts again");
    rings.publish(1, 13);
    assert_eq!(drain(&mut merge), [record(1, 2, 13)]);
    rings.close(0);
    rings.close(1);
    let closed = [0, 1].map(|ring| Out::Closed { ring });
    assert_eq!(drain(&mut merge), [closed[1], record(0, 2, 14), closed[0], Out::Ended]);
    assert_eq!(drain(&mut merge), [Out::Ended]);
}

#[test]
fn what_a_ring_lost_is_told_with_its_number_and_in_its_place() {
    let mut rings = Rings::new(2, 64);
    let mut merge = rings.merge();
    for n in 0..100 {
        rings.publish(1, 100 + n);
    }
    rings.publish(0, 150);
    (0..2).for_each(|ring| rings.close(ring));
    let outs = drain(&mut merge);
    assert_eq!(outs[0], Out::Lapped { ring: 1, missed: 44 });
    assert_eq!(outs[1..7], (44..50).map(|n| record(1, n, 100 + n)).collect::<Vec<_>>());
    assert_eq!(outs[7..10], [record(0, 0, 150), Out::Closed { ring: 0 }, record(1, 50, 150)]);
}

#[test]
fn a_merge_that_waits_is_woken_by_the_ring_that_it_waits_for() {
    let mut rings = Rings::new(2, 64);
    let readers = (0..2)
        .map(|ring| Reader::open(&rings.directory, &Rings::name(ring), Start::Oldest).unwrap());
    let long = Duration::from_secs(60);
    let mut merge = Merge::new(readers.collect(), MergeOptions { idle_after: long });
    assert!(!merge.wait(Duration::from_millis(3)));
    rings.writers[0].as_mut().unwrap().publish(&trade(5)).unwrap();
    assert!(merge.wait(long));
    assert!(matches!(merge.poll(), Merged::Empty), "the other ring may have something earlier");
    let writer = rings.writers[1].as_mut().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| assert!(merge.wait(long)));
        writer.publish(&trade(3)).unwrap();
        waiting.join().unwrap();
    });
    assert!(matches!(merge.poll(), Merged::Record { ring: 1, .. }));
}

#[test]
fn a_merge_of_no_rings_has_ended() {
    let mut merge = Merge::new(Vec::new(), MergeOptions::default());
    assert_eq!(merge.poll(), Merged::Ended);
}
