//! A replay that needs what the input ring has overwritten.

use super::desk::{Desk, INPUT, run};
use std::collections::HashSet;
use tickring::RingInfo;
use tickring::record::{WindowBar, window_flag};
use tickring_window::{CheckpointEvery, WindowConsumer};

const SLOTS: u64 = 1 << 10;

/// Runs to three quarters with a consumer that keeps up and dies, then to the end without one.
fn died_and_lapped(desk: &Desk) -> WindowConsumer {
    let mut input = desk.input();
    let mut consumer = desk.consumer().unwrap();
    let alive = INPUT / 4 * 3;
    for n in 0..alive / 500 {
        desk.publish(&mut input, n * 500..(n + 1) * 500);
        run(&mut consumer);
    }
    drop(consumer);
    desk.publish(&mut input, alive..INPUT);
    input.close();
    desk.consumer().unwrap()
}

#[test]
fn without_a_journal_a_new_output_epoch_begins_flagged_and_without_duplicates() {
    // No checkpoint but the first and those that the ring of bars demands.
    let every = CheckpointEvery::Records(u64::MAX);
    let desk = Desk::new(SLOTS).every(every);
    let mut consumer = died_and_lapped(&desk);
    let before = desk.bars();
    run(&mut consumer);
    let stats = consumer.stats().clone();
    assert_eq!(stats.output_epoch, 1);
    assert!(stats.missed > SLOTS);
    let bars = desk.bars();
    assert_eq!(bars[..before.len()], before[..], "what was published stays");
    let name = |bar: &WindowBar| (bar.header.instrument_id, bar.start_ns, bar.revision);
    let names: HashSet<_> = bars.iter().map(name).collect();
    assert_eq!(names.len(), bars.len(), "none twice");
    let flagged = |bar: &&WindowBar| bar.flags & window_flag::INCOMPLETE != 0;
    assert!(bars[before.len()..].iter().any(|bar| flagged(&bar)));
    drop(consumer);
    // The break is remembered, and made once.
    let mut consumer = desk.consumer().unwrap();
    run(&mut consumer);
    assert_eq!((consumer.stats().output_epoch, consumer.stats().missed), (1, 0));
    assert_eq!(desk.bars(), bars);
    let info = RingInfo::read(&desk.directory, &desk.rings.bars).unwrap();
    assert!(info.published > bars.len() as u64);
}

#[test]
fn a_crash_behind_the_break_is_exact_again() {
    let desk = Desk::new(SLOTS).every(CheckpointEvery::Records(400));
    let mut input = desk.input();
    let mut consumer = desk.consumer().unwrap();
    desk.publish(&mut input, 0..500);
    run(&mut consumer);
    drop(consumer);
    desk.publish(&mut input, 500..20_000);
    let mut seen = Vec::new();
    for n in 40..INPUT / 500 {
        let mut consumer = desk.consumer().unwrap();
        run(&mut consumer);
        desk.publish(&mut input, n * 500..(n + 1) * 500);
        run(&mut consumer);
        seen.push((consumer.stats().output_epoch, consumer.stats().missed > 0));
    }
    input.close();
    run(&mut desk.consumer().unwrap());
    assert!(seen[1..].iter().all(|(epoch, is_lapped)| *epoch == seen[0].0 && !is_lapped));
    let names: HashSet<_> = desk
        .bars()
        .iter()
        .map(|bar| (bar.header.instrument_id, bar.start_ns, bar.revision))
        .collect();
    assert_eq!(names.len(), desk.bars().len());
}

#[test]
fn with_a_journal_the_replay_reads_from_it_and_is_exact() {
    let mut desk = Desk::new(SLOTS).every(CheckpointEvery::Records(u64::MAX));
    desk.is_journaled = true;
    let mut consumer = died_and_lapped(&desk);
    run(&mut consumer);
    assert_eq!((consumer.stats().output_epoch, consumer.stats().missed), (0, 0));
    assert!(consumer.stats().replayed > 0);
    drop(consumer);
    // The uninterrupted run needs a ring that holds everything.
    let whole = Desk::new(1 << 16);
    let mut input = whole.input();
    whole.publish(&mut input, 0..INPUT);
    input.close();
    run(&mut whole.consumer().unwrap());
    whole.assert_exact();
    for (own, other) in
        [(&desk.rings.bars, &whole.rings.bars), (&desk.rings.late, &whole.rings.late)]
    {
        assert!(desk.outputs(own) == whole.outputs(other), "{own}");
    }
}
