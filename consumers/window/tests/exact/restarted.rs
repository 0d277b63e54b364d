//! A machine that was started anew: the ring of ticks is another one of the same name, and what was
//! in the one before is in its journal.

use super::desk::{Desk, INPUT, run};
use tickring::record::{WindowBar, window_flag};
use tickring_window::{CheckpointEvery, WindowError};

/// What a bar is but for sequences, which begin anew with the ring.
fn without_sequences(bars: &[WindowBar]) -> Vec<WindowBar> {
    let plain = |bar: &WindowBar| WindowBar { first_seq: 0, last_seq: 0, ..*bar };
    bars.iter().map(plain).collect()
}

fn desk() -> Desk {
    let mut desk = Desk::new(1 << 12).every(CheckpointEvery::Records(1_500));
    desk.is_journaled = true;
    desk
}

/// The bars of the input in one ring.
fn whole() -> Vec<WindowBar> {
    let desk = Desk::new(1 << 16);
    let mut input = desk.input();
    desk.publish(&mut input, 0..INPUT);
    input.close();
    run(&mut desk.consumer().unwrap());
    without_sequences(&desk.bars())
}

/// Publishes a part of the input to a ring that is gone when it is over, with whatever was not
/// read.
fn life(desk: &Desk, range: std::ops::Range<u64>, read: u64, is_closed: bool) {
    let mut input = desk.input();
    let (step, mut next) = (500, range.start);
    let mut consumer = (read > 0).then(|| desk.consumer().unwrap());
    while next < range.end {
        let end = (next + step).min(range.end);
        desk.publish(&mut input, next..end);
        next = end;
        match &mut consumer {
            Some(consumer) if next <= range.start + read => run(consumer),
            _ => consumer = None,
        }
    }
    drop(consumer);
    if is_closed {
        input.close();
    } else {
        input.flush_journal().unwrap();
        drop(input);
    }
    desk.directory.remove(&desk.ticks).unwrap();
}

#[test]
fn what_followed_the_checkpoint_is_read_in_the_journals_of_the_rings_before() {
    let expected = whole();
    // Outputs that survive, and such that are gone with the machine.
    for survives in [true, false] {
        let desk = desk();
        life(&desk, 0..12_000, 7_000, true);
        let before = without_sequences(&desk.bars());
        if !survives {
            desk.directory.remove(&desk.rings.bars).unwrap();
            desk.directory.remove(&desk.rings.late).unwrap();
        }
        // Nobody read this one.
        life(&desk, 12_000..20_000, 0, true);
        let mut input = desk.input();
        desk.publish(&mut input, 20_000..INPUT);
        input.close();
        let mut consumer = desk.consumer().unwrap();
        run(&mut consumer);
        let stats = consumer.stats();
        assert_eq!((stats.former_rings, stats.output_epoch, stats.missed), (2, 0, 0));
        assert_eq!(stats.counts.records, INPUT);
        let bars = without_sequences(&desk.bars());
        if survives {
            assert!(bars == expected, "{} and {}", bars.len(), expected.len());
        } else {
            let first = expected.len() - bars.len();
            assert!(first <= before.len(), "none is missing behind the checkpoint");
            assert!(bars[..] == expected[first..]);
        }
    }
}

#[test]
fn a_ring_that_was_not_closed_may_have_lost_its_end_and_the_bars_say_so() {
    let desk = desk();
    life(&desk, 0..12_000, 7_000, false);
    let mut input = desk.input();
    desk.publish(&mut input, 12_000..INPUT);
    input.close();
    let mut consumer = desk.consumer().unwrap();
    run(&mut consumer);
    let incomplete = |bar: &&WindowBar| bar.flags & window_flag::INCOMPLETE != 0;
    let bars = desk.bars();
    let flagged = bars.iter().filter(incomplete).count();
    assert!((1..bars.len() / 4).contains(&flagged), "{flagged} of {}", bars.len());
}

#[test]
fn a_crash_while_the_journals_are_read_is_exact_too() {
    let desk = desk();
    life(&desk, 0..12_000, 3_000, true);
    let mut input = desk.input();
    desk.publish(&mut input, 12_000..20_000);
    for steps in [1, 4, 9, 25] {
        let mut consumer = desk.consumer().unwrap();
        for _ in 0..steps {
            let _ = consumer.run_once().unwrap();
        }
    }
    desk.publish(&mut input, 20_000..INPUT);
    input.close();
    run(&mut desk.consumer().unwrap());
    assert!(without_sequences(&desk.bars()) == whole());
}

#[test]
fn without_the_journal_of_the_ring_before_another_ring_is_refused() {
    let mut desk = desk();
    life(&desk, 0..2_000, 2_000, true);
    let _input = desk.input();
    std::fs::remove_dir_all(desk.files.join("journal")).unwrap();
    let error = desk.consumer().unwrap_err();
    assert!(matches!(error, WindowError::OtherInput { .. }), "{error}");
    assert!(error.to_string().contains("no journal of test/ticks"), "{error}");
    desk.is_journaled = false;
    let error = desk.consumer().unwrap_err();
    assert!(matches!(error, WindowError::OtherInput { .. }), "{error}");
}
