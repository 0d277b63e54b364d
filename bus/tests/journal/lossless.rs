//! A reader that is lapped and misses nothing.

use super::{Desk, publish, records, seq};
use crate::process::published_by;
use crate::role::{PATIENCE, Role};
use crate::support::{drain_by, trade};
use proptest::prelude::*;
use std::fs::File;
use std::time::{Duration, Instant};
use tickring::record::Trade;
use tickring::{
    Batch, CloseReason, Directory, JournalSpec, LosslessReader, Poll, Recorder, RecorderProgress,
    RingName, RingSpec, Start, Writer,
};

const END: Poll<u64> = Poll::Closed(CloseReason::Ended);
/// Environment variable that tells the other side where the journal is.
const JOURNAL: &str = "TICKRING_TEST_JOURNAL";
/// Slots of the ring of the tests with processes: small, so that laps are many.
const SLOTS: u64 = 1024;

fn open(desk: &Desk, start: Start) -> LosslessReader {
    let (directory, name) = (&desk.bench.directory, &desk.bench.name);
    LosslessReader::open(directory, name, desk.path(), start).unwrap()
}

/// The outcomes until nothing more is there, records by their sequences.
fn drain(reader: &mut LosslessReader) -> Vec<Poll<u64>> {
    drain_by(|| reader.poll().unwrap().map(seq))
}

#[test]
fn a_reader_that_is_lapped_reads_everything_once_and_in_order() {
    for (capacity, stall) in [(128, 10), (128, 129), (256, 5000), (4096, 5000)] {
        let desk = Desk::inline(capacity);
        let mut writer = desk.bench.writer();
        let mut reader = open(&desk, Start::Oldest);
        let mut seen = Vec::new();
        for _ in 0..20 {
            publish(&mut writer, stall);
            seen.extend(drain(&mut reader));
        }
        assert_eq!(seen, records(0..20 * stall), "{capacity} slots, {stall} at a time");
        assert_eq!((reader.missed(), reader.laps() > 0), (0, stall > capacity));
        assert!(!reader.is_in_journal());
        writer.close();
        assert_eq!(drain(&mut reader), [END]);
    }
}

#[test]
fn a_wait_ends_for_a_record_wherever_it_is_and_without_one_at_its_limit() {
    let desk = Desk::inline(128);
    let mut writer = desk.bench.writer();
    let mut reader = open(&desk, Start::Oldest);
    assert!(!reader.wait(Duration::from_millis(1)));
    publish(&mut writer, 500);
    while reader.cursor() < 500 {
        assert!(reader.wait(PATIENCE), "at {}", reader.cursor());
        let _ = reader.poll().unwrap();
    }
    assert!(reader.laps() > 0);
    assert!(!reader.wait(Duration::from_millis(1)));
}

#[test]
fn batches_are_complete_too() {
    let desk = Desk::inline(128);
    let mut writer = desk.bench.writer();
    let mut reader = open(&desk, Start::Oldest);
    let mut batch = Batch::new();
    let mut next = 0;
    for _ in 0..50 {
        publish(&mut writer, 333);
        while let Poll::Record(_) = reader.poll_batch(&mut batch, 100).unwrap() {
            for record in batch.iter() {
                assert_eq!(record.get::<Trade>(), Some(&trade(next)));
                next += 1;
            }
        }
    }
    assert_eq!((next, reader.cursor()), (50 * 333, 50 * 333));
    assert!(reader.laps() > 10);
}

#[test]
fn a_start_at_a_sequence_begins_in_the_journal() {
    let desk = Desk::inline(128);
    let mut writer = desk.bench.writer();
    publish(&mut writer, 10_000);
    let mut reader = open(&desk, Start::Sequence(77));
    assert_eq!(drain(&mut reader), records(77..10_000));
}

#[test]
fn without_a_journal_a_lap_is_a_loss_of_exactly_that_size() {
    let desk = Desk::new(64);
    let mut writer = desk.bench.writer();
    let mut reader = open(&desk, Start::Oldest);
    publish(&mut writer, 1000);
    let resume = 1000 - 56;
    let lapped = Poll::Lapped { missed: resume, resume };
    assert_eq!(drain(&mut reader), [vec![lapped], records(resume..1000)].concat());
    assert_eq!(reader.missed(), resume);
}

/// A recorder that has taken everything up to now.
fn settle(recorder: &mut Recorder) {
    while let RecorderProgress::Advanced(_) = recorder.step().unwrap() {}
}

fn recorder(desk: &Desk) -> Recorder {
    let mut spec = desk.spec.clone();
    spec.flush_every = std::time::Duration::ZERO;
    Recorder::open(&desk.bench.directory, &desk.bench.name, &spec, Start::Oldest).unwrap()
}

#[test]
fn a_gap_of_the_journal_that_the_ring_has_no_more_is_a_loss_of_exactly_that_size() {
    let desk = Desk::new(64);
    let mut writer = desk.bench.writer();
    let mut reader = open(&desk, Start::Oldest);
    let mut recorder = recorder(&desk);
    publish(&mut writer, 10);
    settle(&mut recorder);
    // The recorder is lapped here, by itself.
    publish(&mut writer, 300);
    settle(&mut recorder);
    for _ in 0..20 {
        publish(&mut writer, 30);
        settle(&mut recorder);
    }
    let resume = 310 - 56;
    let gap = Poll::Lapped { missed: resume - 10, resume };
    assert_eq!(drain(&mut reader), [records(0..10), vec![gap], records(resume..910)].concat());
    assert_eq!(reader.missed(), resume - 10);
}

#[test]
fn a_journal_that_is_behind_is_waited_for_and_one_that_is_given_up_is_not() {
    let desk = Desk::new(256);
    let mut writer = desk.bench.writer();
    let mut reader = open(&desk, Start::Oldest);
    let mut recorder = recorder(&desk);
    publish(&mut writer, 20);
    settle(&mut recorder);
    publish(&mut writer, 230);
    // Record 20 is overwritten in the ring while the recorder has it in hand, not in the journal.
    let progress = recorder.step().unwrap();
    assert_eq!(progress, RecorderProgress::Advanced(230));
    publish(&mut writer, 200);
    assert_eq!(drain(&mut reader), records(0..20));
    assert!(reader.is_waiting());
    assert_eq!(drain(&mut reader), []);
    settle(&mut recorder);
    assert_eq!(drain(&mut reader), records(20..450));
    assert!(!reader.is_waiting());
    // Now it stays behind for ever.
    publish(&mut writer, 1000);
    assert_eq!(drain(&mut reader), []);
    assert!(reader.is_waiting());
    let resume = 1450 - 224;
    assert_eq!(reader.skip(), resume - 450);
    assert_eq!(drain(&mut reader), records(resume..1450));
    assert_eq!(reader.missed(), resume - 450);
}

#[test]
fn a_recorder_that_stopped_is_not_waited_for() {
    let desk = Desk::new(64);
    let mut writer = desk.bench.writer();
    let mut reader = open(&desk, Start::Oldest);
    let mut recorder = recorder(&desk);
    publish(&mut writer, 20);
    settle(&mut recorder);
    recorder.finish().unwrap();
    publish(&mut writer, 1000);
    let resume = 1020 - 56;
    let gap = Poll::Lapped { missed: resume - 20, resume };
    assert_eq!(drain(&mut reader), [records(0..20), vec![gap], records(resume..1020)].concat());
}

#[test]
fn a_recorder_that_died_without_a_word_is_not_waited_for() {
    let desk = Desk::new(64);
    let mut writer = desk.bench.writer();
    let mut reader = open(&desk, Start::Oldest);
    let mut recorder = recorder(&desk);
    publish(&mut writer, 20);
    settle(&mut recorder);
    drop(recorder);
    // Its last word was the mark at the end of the file.
    let file = File::options().write(true).open(&desk.files()[0]).unwrap();
    file.set_len(file.metadata().unwrap().len() - 64).unwrap();
    publish(&mut writer, 1000);
    let resume = 1020 - 56;
    let gap = Poll::Lapped { missed: resume - 20, resume };
    assert_eq!(drain(&mut reader), [records(0..20), vec![gap], records(resume..1020)].concat());
}

#[test]
fn records_that_are_staged_and_lap_the_reader_unflushed_are_found() {
    let desk = Desk::inline(128);
    let mut writer = desk.bench.writer();
    let mut reader = open(&desk, Start::Oldest);
    for n in 0..1000 {
        writer.stage(&trade(n)).unwrap();
    }
    let mut seen = drain(&mut reader);
    writer.flush();
    seen.extend(drain(&mut reader));
    assert_eq!(seen, records(0..1000));
}

/// Reads some, by one of the ways; the sequences of the records, and how many other outcomes.
fn read_some(reader: &mut LosslessReader, by_batch: bool, max: usize) -> (Vec<u64>, u64) {
    let (mut seqs, mut others, mut batch) = (Vec::new(), 0, Batch::new());
    while seqs.len() < max {
        let outcome = if by_batch {
            let found = reader.poll_batch(&mut batch, max - seqs.len()).unwrap();
            found.map(|_| batch.iter().map(|record| record.seq()).collect())
        } else {
            reader.poll().unwrap().map(|record| vec![record.seq()])
        };
        match outcome {
            Poll::Record(found) => seqs.extend(found),
            Poll::Empty | Poll::Closed(_) => break,
            Poll::Restarted { .. } => others += 1,
            other => panic!("{:?}", other.map(|_| ())),
        }
    }
    (seqs, others)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Against the simplest model there is: what was published, once each and in order.
    #[test]
    fn whatever_the_turns_every_sequence_is_read_once(
        turns in prop::collection::vec((0u64..400, 0usize..300, any::<bool>(), 0u8..8), 1..40),
    ) {
        let desk = Desk::inline(128);
        let mut writer = desk.bench.writer();
        let mut reader = open(&desk, Start::Oldest);
        let (mut next, mut passed_over, mut restarts, mut told) = (0, 0, 0, 0);
        let turns = turns.into_iter().chain([(0, usize::MAX, false, 1)]);
        for (count, max, by_batch, event) in turns {
            publish(&mut writer, count);
            match event {
                0 => {
                    drop(writer);
                    writer = desk.bench.writer();
                    restarts += 1;
                }
                2 => writer.flush_journal().unwrap(),
                _ => {}
            }
            let (seqs, others) = read_some(&mut reader, by_batch, max);
            told += others;
            for seq in seqs {
                prop_assert!(seq >= next, "{} again", seq);
                passed_over += seq - next;
                next = seq + 1;
            }
            prop_assert_eq!(reader.missed(), 0);
        }
        // Each restart took a sequence of its own, and no other is left out.
        passed_over += reader.cursor() - next;
        prop_assert_eq!(reader.cursor(), writer.next_seq());
        prop_assert_eq!((told, passed_over), (restarts, restarts));
    }
}

/// What the other process does: publishes for ever at full speed, with a journal of its own.
pub(crate) fn publish_for_ever(directory: &Directory, name: &RingName) {
    use tickring::record::Record;
    let journal = JournalSpec {
        rotate_bytes: 1 << 20,
        ..JournalSpec::new(std::env::var_os(JOURNAL).unwrap())
    };
    let spec = RingSpec {
        capacity: SLOTS,
        journal: Some(journal),
        ..RingSpec::new(Trade::kinds()).unwrap()
    };
    let mut writer = Writer::open(directory, name, &spec).unwrap();
    loop {
        for _ in 0..50 {
            let n = writer.next_seq();
            writer.stage(&trade(n)).unwrap();
        }
        writer.flush();
    }
}

fn start_writer(desk: &Desk) -> Role {
    Role::start_with(
        "process::other_side",
        "journal",
        &desk.bench,
        &[(JOURNAL, desk.path().as_os_str())],
    )
}

/// A ring and a journal directory for another process to write.
fn desk() -> Desk {
    let mut desk = Desk::inline(SLOTS);
    if let Some(journal) = &mut desk.bench.spec.journal {
        journal.rotate_bytes = 1 << 20;
    }
    drop(desk.bench.writer());
    desk
}

/// Reads on until `until`; every sequence is there once and in order or the test fails.
struct Follower {
    reader: LosslessReader,
    next: u64,
    restarts: u64,
    tombstones: u64,
}

impl Follower {
    fn new(desk: &Desk) -> Self {
        Self { reader: open(desk, Start::Oldest), next: 0, restarts: 0, tombstones: 0 }
    }

    fn read_until(&mut self, until: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.next < until {
            match self.reader.poll().unwrap() {
                Poll::Record(record) => {
                    assert_eq!(record.seq(), self.next, "skipped or repeated");
                    assert_eq!(record.get::<Trade>(), Some(&trade(self.next)), "torn");
                    self.next += 1;
                }
                Poll::Restarted { .. } => {
                    self.restarts += 1;
                    self.next += 1;
                }
                Poll::Tombstone { seq } => {
                    assert_eq!(seq, self.next);
                    self.tombstones += 1;
                    self.next += 1;
                }
                Poll::Empty => {
                    assert!(Instant::now() < deadline, "stuck at {} of {until}", self.next);
                    std::thread::yield_now();
                }
                other => panic!("at {}: {:?}", self.next, other.map(|record| record.seq())),
            }
        }
        assert_eq!(self.reader.missed(), 0);
    }
}

fn wait_for(desk: &Desk, published: u64) {
    let deadline = Instant::now() + PATIENCE;
    while published_by(&desk.bench) < published {
        assert!(Instant::now() < deadline, "the writer does not publish");
        std::thread::yield_now();
    }
}

#[test]
fn a_reader_that_stalls_behind_a_writer_process_at_full_speed_catches_up_without_loss() {
    let desk = desk();
    let mut follower = Follower::new(&desk);
    let writer = start_writer(&desk);
    for _ in 0..10 {
        // Stalls for many rounds of the ring, then catches up in the ring itself: the writer has
        // to stand still for that.
        wait_for(&desk, follower.next + 50 * SLOTS);
        writer.pause();
        follower.read_until(published_by(&desk.bench));
        assert!(!follower.reader.is_in_journal());
        writer.resume();
    }
    // And without standing still.
    wait_for(&desk, follower.next + 50 * SLOTS);
    follower.read_until(follower.next + 200 * SLOTS);
    writer.kill();
    let next = desk.bench.writer().next_seq();
    follower.read_until(next);
    let (laps, next) = (follower.reader.laps(), follower.next);
    println!("{next} records, lapped {laps} times, {} restarts", follower.restarts);
    assert!(laps >= 11, "lapped {laps} times");
    assert_eq!(follower.restarts, 2);
}

#[test]
fn kills_of_the_journaling_writer_and_takeovers_lose_nothing_that_was_published() {
    let desk = desk();
    let mut follower = Follower::new(&desk);
    let mut published = 0;
    for kill in 0..15 {
        let writer = start_writer(&desk);
        wait_for(&desk, published + 20 * SLOTS + kill * 61);
        writer.kill();
        published = published_by(&desk.bench);
        if kill % 4 == 3 {
            follower.read_until(published);
        }
    }
    let next = desk.bench.writer().next_seq();
    follower.read_until(next);
    assert_eq!(follower.restarts, 16);
    assert!(follower.tombstones <= 15);
    assert!(follower.reader.laps() > 0);
    // And the journal alone has everything up to the last takeover, in one piece.
    let mut journal = desk.reader(tickring::JournalStart::Oldest);
    let mut batch = Batch::new();
    while !matches!(journal.poll_batch(&mut batch, 1024).unwrap(), Poll::Empty) {}
    assert_eq!((journal.missed(), journal.damaged(), journal.cursor()), (0, 0, next));
}
