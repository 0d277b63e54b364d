//! A history and then the live ring, with no seam.

use super::desk::{Desk, INPUT, run};
use std::ops::Range;
use std::path::PathBuf;
use tickring::record::{Heartbeat, Record, Trade};
use tickring::{JournalSpec, RingName, RingSpec, Writer};
use tickring_window::{CheckpointEvery, WindowError, WindowHistory};

/// Feeds a part of the input to another ring, of which the journal stays.
fn history(desk: &Desk, range: Range<u64>) -> WindowHistory {
    let journal: PathBuf = desk.files.join("history");
    // With a kind more, so that slots are larger than those of the live ring.
    let kinds = [Trade::kinds(), Heartbeat::kinds(), tickring::record::Raw::kinds()].concat();
    let spec = RingSpec {
        capacity: 1 << 10,
        journal: Some(JournalSpec::new(&journal)),
        ..RingSpec::new(kinds).unwrap()
    };
    let name = RingName::new("yesterday", "ticks").unwrap();
    let mut writer = Writer::open(&desk.directory, &name, &spec).unwrap();
    desk.publish(&mut writer, range);
    writer.close();
    WindowHistory { journal, ring: None }
}

/// The live ring from `first` on, behind a history up to `end`.
fn behind(end: u64, first: u64) -> (Desk, Writer) {
    let mut desk = Desk::new(1 << 16).every(CheckpointEvery::Records(1_500));
    desk.history = Some(history(&desk, 0..end));
    let mut input = desk.input();
    desk.publish(&mut input, first..INPUT / 2);
    (desk, input)
}

/// The same input in one ring, without a history.
fn whole() -> Desk {
    let desk = Desk::new(1 << 16);
    let mut input = desk.input();
    desk.publish(&mut input, 0..INPUT);
    input.close();
    run(&mut desk.consumer().unwrap());
    desk
}

#[test]
fn every_record_of_history_and_ring_is_taken_once_wherever_they_meet() {
    let expected = whole().bars();
    for (end, first) in [(8_000, 8_000 - 1), (8_000, 5_000), (12_000, 7), (19_000, 18_990)] {
        let (desk, mut input) = behind(end, first);
        let mut consumer = desk.consumer().unwrap();
        run(&mut consumer);
        desk.publish(&mut input, INPUT / 2..INPUT);
        input.close();
        run(&mut consumer);
        assert_eq!(consumer.stats().counts.records, INPUT, "({end}, {first})");
        // Sequences before the seam are not those of the other ring.
        let bars: Vec<_> = desk.bars();
        assert_eq!(bars.len(), expected.len());
        for (bar, expected) in bars.iter().zip(&expected) {
            let (first_seq, last_seq) = (expected.first_seq, expected.last_seq);
            assert_eq!(tickring::record::WindowBar { first_seq, last_seq, ..*bar }, *expected);
        }
    }
}

#[test]
fn a_crash_within_the_history_or_behind_it_leaves_what_an_uninterrupted_run_does() {
    let run_one = |lives: &[usize], bars_capacity: u64| {
        let (mut desk, mut input) = behind(12_000, 9_000);
        desk.rings.bars_capacity = bars_capacity;
        for steps in lives {
            let mut consumer = desk.consumer().unwrap();
            for _ in 0..*steps {
                let _ = consumer.run_once().unwrap();
            }
        }
        desk.publish(&mut input, INPUT / 2..INPUT);
        input.close();
        let mut consumer = desk.consumer().unwrap();
        run(&mut consumer);
        drop(consumer);
        desk
    };
    let expected = run_one(&[], 1 << 15);
    for lives in [&[3][..], &[5, 5, 2], &[9, 14, 30], &[40, 1, 1]] {
        let desk = run_one(lives, 1 << 15);
        for (ring, other) in
            [(&desk.rings.bars, &expected.rings.bars), (&desk.rings.late, &expected.rings.late)]
        {
            assert!(desk.outputs(ring) == expected.outputs(other), "{lives:?}: {ring}");
        }
    }
}

#[test]
fn a_replay_finds_its_place_in_a_ring_that_has_overwritten_its_beginning() {
    let (mut desk, mut input) = behind(12_000, 9_000);
    desk.rings.bars_capacity = 128;
    let mut consumer = desk.consumer().unwrap();
    for _ in 0..9 {
        let _ = consumer.run_once().unwrap();
    }
    let published = consumer.stats().counts.bars;
    assert!(published > 100, "the ring is full: {published}");
    drop(consumer);
    desk.publish(&mut input, INPUT / 2..INPUT);
    input.close();
    let mut consumer = desk.consumer().unwrap();
    run(&mut consumer);
    let stats = consumer.stats().clone();
    // Each bar has further aggregates behind it.
    assert!(stats.replayed >= 2 * published, "{} of {published}", stats.replayed);
    drop(consumer);
    let expected = whole().outputs(&desk.rings.bars);
    let info = tickring::RingInfo::read(&desk.directory, &desk.rings.bars).unwrap();
    // Of all sequences of the ring, one is that of the takeover.
    assert_eq!(info.published, expected.len() as u64 + 1);
}

#[test]
fn a_history_that_does_not_reach_the_ring_is_refused() {
    let mut desk = Desk::new(1 << 16);
    desk.history = Some(history(&desk, 0..5_000));
    let mut input = desk.input();
    let error = desk.consumer().unwrap_err();
    assert!(error.to_string().contains("test/ticks is empty"), "{error}");
    desk.publish(&mut input, 5_001..6_000);
    let error = desk.consumer().unwrap_err();
    assert!(matches!(error, WindowError::Seam { .. }), "{error}");
    assert!(error.to_string().contains("does not have the oldest record of test/ticks"));
}
