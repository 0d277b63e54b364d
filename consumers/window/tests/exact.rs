//! Exactly once: what stands in the rings behind crashes is what an uninterrupted run leaves.

mod backfill;
pub(crate) mod desk;
mod files;
mod lapped;
mod restarted;

use desk::{Desk, INPUT, run};
use std::collections::HashSet;
use tickring::record::{WindowBar, window_flag};
use tickring::{RingInfo, Writer};
use tickring_window::{CheckpointEvery, Progress, WindowConsumer, WindowError, WindowSpec};

/// Lets consumers die after so many steps each, in the middle of the input, and the last one end.
fn crash_every(desk: &Desk, input: &mut Writer, steps: usize) -> u64 {
    let mut replayed = 0;
    let mut next = 0;
    while next < INPUT {
        let mut consumer = desk.consumer().unwrap();
        for _ in 0..steps {
            desk.publish(input, next..(next + 700).min(INPUT));
            next = (next + 700).min(INPUT);
            let _ = consumer.run_once().unwrap();
        }
        replayed += consumer.stats().replayed;
    }
    replayed
}

#[test]
fn consumers_that_die_leave_the_records_of_an_uninterrupted_run() {
    for every in [CheckpointEvery::Records(900), CheckpointEvery::EventTime(200_000)] {
        let desk = Desk::new(1 << 16).every(every);
        let mut input = desk.input();
        let replayed = crash_every(&desk, &mut input, 4);
        input.close();
        let mut consumer = desk.consumer().unwrap();
        run(&mut consumer);
        assert!(consumer.checkpoint_stats().unwrap().restored_seq.unwrap() > 0);
        assert!(replayed > 0, "{every:?}: something was published behind a checkpoint");
        assert_eq!(consumer.stats().output_epoch, 0);
        desk.assert_exact();
    }
}

#[test]
fn a_consumer_that_is_stopped_goes_on_without_a_replay() {
    let desk = Desk::new(1 << 16);
    let mut input = desk.input();
    for part in 0..10 {
        desk.publish(&mut input, part * INPUT / 10..(part + 1) * INPUT / 10);
        let mut consumer = desk.consumer().unwrap();
        run(&mut consumer);
        consumer.stop().unwrap();
        let stats = consumer.stats().clone();
        assert_eq!((stats.replayed, stats.counts.records), (0, (part + 1) * INPUT / 10));
    }
    input.close();
    run(&mut desk.consumer().unwrap());
    desk.assert_exact();
}

#[test]
fn the_rings_of_input_that_has_ended_are_left_as_they_are() {
    let desk = Desk::new(1 << 16);
    let mut input = desk.input();
    desk.publish(&mut input, 0..INPUT);
    input.close();
    for _ in 0..3 {
        let mut consumer = desk.consumer().unwrap();
        run(&mut consumer);
        assert_eq!(consumer.run_once().unwrap(), Progress::Ended);
        desk.assert_exact();
    }
}

#[test]
fn input_that_goes_on_behind_its_end_gets_windows_of_its_own() {
    let desk = Desk::new(1 << 16);
    let mut input = desk.input();
    desk.publish(&mut input, 0..3000);
    input.close();
    run(&mut desk.consumer().unwrap());
    let before = desk.outputs(&desk.rings.bars);
    let mut input = desk.input();
    desk.publish(&mut input, 3000..6000);
    input.close();
    run(&mut desk.consumer().unwrap());
    let after = desk.outputs(&desk.rings.bars);
    assert_eq!(after[..before.len()], before);
    let added = desk.bars().split_off(desk.count_bars(&before));
    assert!(added.len() > 10 && added[0].flags & window_flag::PARTIAL != 0);
}

#[test]
fn restarts_and_half_written_records_on_either_side_shift_nothing() {
    let desk = Desk::new(1 << 16).every(CheckpointEvery::Records(600));
    let mut input = desk.input();
    for part in 0..20 {
        desk.publish(&mut input, part * INPUT / 20..(part + 1) * INPUT / 20);
        drop(input.claim());
        drop(input);
        input = desk.input();
        let mut consumer = desk.consumer().unwrap();
        run(&mut consumer);
        drop(consumer);
        // A writer that died within a bar: the next takeover leaves a tombstone.
        drop(desk.output_writer(&desk.rings.bars).claim());
    }
    input.close();
    let mut consumer = desk.consumer().unwrap();
    run(&mut consumer);
    desk.assert_exact();
    assert!(RingInfo::read(&desk.directory, &desk.rings.bars).unwrap().epoch >= 40);
}

#[test]
fn what_stands_in_the_ring_and_is_not_what_the_replay_gives_is_an_error() {
    let desk = Desk::new(1 << 16).every(CheckpointEvery::Records(u64::MAX));
    let mut input = desk.input();
    desk.publish(&mut input, 0..5000);
    run(&mut desk.consumer().unwrap());
    let stood = desk.outputs(&desk.rings.bars).len();
    desk.output_writer(&desk.rings.bars).publish(&WindowBar { volume: 7, ..bar() }).unwrap();
    let mut consumer = desk.consumer().unwrap();
    desk.publish(&mut input, 5000..INPUT);
    let error = first_error(&mut consumer);
    let WindowError::Diverged { seq, there, replayed, ring } = &error else {
        panic!("{error}");
    };
    assert!(there.contains("volume: 7,") && !replayed.contains("volume: 7,"), "{error}");
    assert_eq!((ring.as_str(), *seq > stood as u64), ("test/bars", true));
    assert!(matches!(consumer.run_once(), Err(WindowError::Failed)));
    assert_eq!(desk.outputs(&desk.rings.bars).len(), stood + 1, "nothing was published");
}

#[test]
fn what_stands_in_the_ring_and_no_input_explains_is_an_error() {
    let desk = Desk::new(1 << 16).every(CheckpointEvery::Records(u64::MAX));
    let mut input = desk.input();
    desk.publish(&mut input, 0..5000);
    run(&mut desk.consumer().unwrap());
    desk.output_writer(&desk.rings.bars).publish(&bar()).unwrap();
    let mut consumer = desk.consumer().unwrap();
    let error = first_error(&mut consumer);
    assert!(error.to_string().contains("where the replay gives nothing more"), "{error}");
}

fn first_error(consumer: &mut WindowConsumer) -> WindowError {
    loop {
        match consumer.run_once() {
            Ok(Progress::Advanced(_)) => {}
            Ok(progress) => panic!("{progress:?} without an error"),
            Err(error) => return error,
        }
    }
}

fn bar() -> WindowBar {
    use tickring::record::Record;
    WindowBar::empty(1, 1, 0)
}

#[test]
fn rings_with_records_and_no_checkpoint_are_refused_and_untouched() {
    let desk = Desk::new(1 << 16);
    let mut input = desk.input();
    desk.publish(&mut input, 0..5000);
    drop(desk.plain(&desk.rings));
    let mut plain = desk.plain(&desk.rings);
    run(&mut plain);
    drop(plain);
    let before = RingInfo::read(&desk.directory, &desk.rings.bars).unwrap();
    let error = desk.consumer().unwrap_err();
    assert!(matches!(&error, WindowError::NoCheckpoint { ring, .. } if ring == "test/bars"));
    assert_eq!(RingInfo::read(&desk.directory, &desk.rings.bars).unwrap(), before);
}

#[test]
fn another_specification_is_refused_with_the_difference() {
    let desk = Desk::new(1 << 16);
    let _input = desk.input();
    drop(desk.consumer().unwrap());
    let other = WindowSpec { lateness_ns: 5, ..desk.spec.clone() };
    let error = desk.clone_with(other).consumer().unwrap_err();
    let WindowError::OtherSpec { difference, .. } = &error else { panic!("{error}") };
    assert_eq!(difference.lines().count(), 2, "{difference}");
    assert!(difference.contains("- lateness = ") && difference.contains("+ lateness = 5"));
}

#[test]
fn another_input_ring_of_the_same_name_is_refused() {
    let desk = Desk::new(1 << 16);
    let input = desk.input();
    drop(desk.consumer().unwrap());
    drop(input);
    desk.directory.remove(&desk.ticks).unwrap();
    let _input = desk.input();
    let error = desk.consumer().unwrap_err();
    assert!(matches!(error, WindowError::OtherInput { .. }), "{error}");
}

#[test]
fn a_directory_of_checkpoints_has_one_consumer_at_a_time() {
    let desk = Desk::new(1 << 16);
    let _input = desk.input();
    let _consumer = desk.consumer().unwrap();
    assert!(matches!(desk.consumer(), Err(WindowError::CheckpointOwned { .. })));
}

#[test]
fn batches_of_any_size_at_any_speed_give_the_same_bytes() {
    let mut seen = HashSet::new();
    for sizes in [&[1][..], &[3, 1000, 17], &[1024], &[5000]] {
        let desk = Desk::new(1 << 16);
        let mut input = desk.input();
        let mut consumer = desk.consumer().unwrap();
        let mut next = 0;
        for size in sizes.iter().cycle() {
            if next >= 8000 {
                break;
            }
            desk.publish(&mut input, next..(next + size).min(8000));
            next += size;
            run(&mut consumer);
        }
        input.close();
        run(&mut consumer);
        seen.insert((desk.outputs(&desk.rings.bars), desk.outputs(&desk.rings.late)));
    }
    assert_eq!(seen.len(), 1);
    assert!(seen.iter().all(|(bars, late)| bars.len() > 500 && late.len() > 20));
}
