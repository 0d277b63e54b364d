//! A journal published again: the same records, in the rhythm of the recording.

use std::time::Duration;
use tempfile::TempDir;
use tickring::record::{Record, Trade};
use tickring::{
    Directory, JournalReader, JournalSpec, JournalStart, Poll, Reader, RingName, RingSpec, Start,
    Writer,
};
use tickring_producer::pace::{Clock, Pace, StepClock};
use tickring_producer::replay::{Replay, ReplayOptions};
use tickring_producer::source::Progress;

struct Desk {
    root: TempDir,
}

/// A clock that the test can read while the replay has it.
#[derive(Clone, Debug, Default)]
struct SharedClock(std::rc::Rc<std::cell::RefCell<StepClock>>);

impl Clock for SharedClock {
    fn now_ns(&mut self) -> u64 {
        self.0.borrow_mut().now_ns()
    }

    fn sleep_ns(&mut self, ns: u64) {
        self.0.borrow_mut().sleep_ns(ns);
    }
}

impl Desk {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn directory(&self) -> Directory {
        Directory::at(self.root.path().join("rings"))
    }

    fn journal(&self) -> JournalReader {
        let path = self.root.path().join("journal");
        JournalReader::open(path, None, JournalStart::Oldest).unwrap()
    }

    /// A writer of the recorded ring.
    fn writer(&self) -> Writer {
        let journal = JournalSpec {
            rotate_bytes: 1 << 20,
            ..JournalSpec::new(self.root.path().join("journal"))
        };
        let spec = RingSpec {
            capacity: 128,
            journal: Some(journal),
            ..RingSpec::new(Trade::kinds()).unwrap()
        };
        let name = RingName::new("demo", "ticks").unwrap();
        Writer::open(&self.directory(), &name, &spec).unwrap()
    }

    fn options(&self, pace: Pace) -> ReplayOptions {
        ReplayOptions {
            directory: self.directory(),
            to: RingName::new("again", "ticks").unwrap(),
            capacity: Some(4096),
            pace,
            start: JournalStart::Oldest,
            repeat: false,
        }
    }

    /// The trade ids in the ring that was replayed to, in order.
    fn replayed(&self) -> Vec<u64> {
        let name = RingName::new("again", "ticks").unwrap();
        let mut reader = Reader::open(&self.directory(), &name, Start::Oldest).unwrap();
        let mut ids = Vec::new();
        while let Poll::Record(record) = reader.poll() {
            ids.push(record.get::<Trade>().unwrap().trade_id);
        }
        ids
    }
}

fn trade(trade_id: u64, ts_recv: u64) -> Trade {
    Trade { trade_id, ts_recv, ..Trade::empty(1, 2, ts_recv) }
}

/// Runs to the end; how much time has passed, in ns.
fn run(desk: &Desk, pace: Pace) -> u64 {
    let mut clock = SharedClock::default();
    let mut replay =
        Replay::with_clock(desk.journal(), &desk.options(pace), clock.clone()).unwrap();
    while replay.run_once(100).unwrap() != Progress::End {}
    assert_eq!(replay.summary().missed, 0);
    clock.now_ns()
}

#[test]
fn records_go_out_at_the_distances_at_which_they_came() {
    let desk = Desk::new();
    let mut writer = desk.writer();
    let pause = Duration::from_millis(30);
    for n in 0..320 {
        if n == 64 || n == 256 {
            // Part of what is recorded, not a synchronisation.
            std::thread::sleep(pause);
        }
        writer.publish(&trade(n, 0)).unwrap();
    }
    writer.close();
    let mut journal = desk.journal();
    let mut spans = Vec::new();
    while let Poll::Record(seq) = journal.poll().unwrap().map(|record| record.seq()) {
        spans.push(journal.publish_span(seq).unwrap());
    }
    let (first, last) = (spans[0], spans[spans.len() - 1]);
    let recorded_ns = last.from_ns - first.from_ns;
    assert!(u128::from(recorded_ns) >= 2 * pause.as_nanos());
    for factor in [1_u32, 10, 1000] {
        let passed_ns = run(&desk, Pace::Replay(f64::from(factor)));
        let least = recorded_ns / u64::from(factor);
        let most = (last.to_ns - first.from_ns) / u64::from(factor);
        // A float's precision, and nothing else: this clock moves by sleeping only.
        assert!((least - 1_000..most + 1_000).contains(&passed_ns), "{factor} {passed_ns}");
    }
    assert_eq!(run(&desk, Pace::Max), 0);
    // The first of four lives.
    assert_eq!(desk.replayed(), (0..320).collect::<Vec<_>>());
}

#[test]
fn restarts_and_tombstones_of_the_recording_are_left_out() {
    let desk = Desk::new();
    let mut writer = desk.writer();
    for n in 0..200 {
        writer.publish(&trade(n, 0)).unwrap();
    }
    drop(writer.claim());
    drop(writer);
    let mut writer = desk.writer();
    for n in 200..300 {
        writer.publish(&trade(n, 0)).unwrap();
    }
    writer.close();
    for pace in [Pace::Max, Pace::Replay(1e6)] {
        let desk = &desk;
        let mut replay =
            Replay::with_clock(desk.journal(), &desk.options(pace), StepClock::default()).unwrap();
        while replay.run_once(64).unwrap() != Progress::End {}
        let summary = replay.summary();
        assert_eq!((summary.records, summary.restarts, summary.tombstones), (300, 1, 1));
        assert_eq!(replay.run_once(64).unwrap(), Progress::End);
        drop(replay);
        assert_eq!(desk.replayed(), (0..300).collect::<Vec<_>>());
        let name = RingName::new("again", "ticks").unwrap();
        desk.directory().remove(&name).unwrap();
    }
}

#[test]
fn a_replay_that_repeats_begins_again_and_an_empty_one_ends() {
    let desk = Desk::new();
    let mut writer = desk.writer();
    for n in 0..10 {
        writer.publish(&trade(n, 0)).unwrap();
    }
    writer.close();
    let options = ReplayOptions { repeat: true, ..desk.options(Pace::Max) };
    let mut replay = Replay::open(desk.journal(), &options).unwrap();
    while replay.summary().records < 35 {
        assert_ne!(replay.run_once(7).unwrap(), Progress::End);
    }
    assert!(replay.summary().rounds >= 3);
    replay.close();
    assert_eq!(desk.replayed()[..25], (0..25).map(|n| n % 10).collect::<Vec<_>>());
    let nothing = ReplayOptions { start: JournalStart::Sequence(1_000), ..options };
    let mut replay = Replay::open(desk.journal(), &nothing).unwrap();
    assert_eq!(replay.run_once(7).unwrap(), Progress::End);
}
