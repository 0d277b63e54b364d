//! Consumers that die, by SIGKILL, at any moment of their work.
//!
//! The other process is this binary, which takes a step for each byte that it is sent. The short
//! form runs with all other tests; `cargo xtask torture` sets the larger number of the long one.

mod role;

use crate::exact::desk::{Desk, INPUT, run};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use role::Role;
use std::time::{Duration, Instant};
use tickring::{RingInfo, Writer};
use tickring_window::{CheckpointEvery, Progress};

/// Kills of one run over the input.
const KILLS: u64 = 20;

/// Not a test of its own: what the other process does. Without a role it passes at once.
#[test]
fn other_side() {
    let open = |path, every| {
        let mut desk = Desk::at(path, 1 << 16);
        desk.every = CheckpointEvery::Records(every);
        desk.consumer().unwrap()
    };
    role::play(open, |consumer| consumer.run_once().unwrap() == Progress::Ended);
}

/// What happened to the consumers of one run.
#[derive(Debug, Default)]
struct Seen {
    kills: u64,
    /// Killed before they had taken over everything.
    early: u64,
    restarts: u64,
    replayed: u64,
    outputs: u64,
}

/// Kills consumers over one input, which may be there from the beginning or come meanwhile.
fn run_once(random: &mut ChaCha8Rng, kills: u64, seen: &mut Seen) {
    let every = random.random_range(200..6_000);
    let desk = Desk::new(1 << 16).every(CheckpointEvery::Records(every));
    let is_live = random.random_ratio(1, 2);
    let mut input = Some(desk.input());
    let mut next = 0;
    if !is_live {
        feed(&desk, &mut input, &mut next, INPUT);
    }
    for _ in 0..kills {
        if is_live {
            feed(&desk, &mut input, &mut next, random.random_range(0..4_000));
            if random.random_ratio(1, 8) {
                break_input(&desk, &mut input);
            }
        }
        let began = Instant::now();
        let mut role = Role::start(&desk.files, every);
        let lives = if random.random_ratio(1, 4) {
            Duration::from_micros(random.random_range(0..15_000))
        } else {
            assert!(role.wait_ready(), "the consumer ended without a word");
            role.send(random.random_range(0..9));
            if is_live {
                feed(&desk, &mut input, &mut next, random.random_range(0..2_000));
            }
            began.elapsed() + Duration::from_micros(random.random_range(0..800))
        };
        while began.elapsed() < lives {
            std::hint::spin_loop();
        }
        seen.early += u64::from(!role.kill());
        seen.kills += 1;
    }
    feed(&desk, &mut input, &mut next, INPUT);
    let mut consumer = desk.consumer().unwrap();
    run(&mut consumer);
    seen.replayed += consumer.stats().replayed;
    assert_eq!(consumer.stats().output_epoch, 0);
    drop(consumer);
    let info = RingInfo::read(&desk.directory, &desk.rings.bars).unwrap();
    seen.restarts += info.epoch - 1;
    seen.outputs += desk.outputs(&desk.rings.bars).len() as u64;
    desk.assert_exact();
}

/// Publishes up to `count` more records, and closes the ring behind the last.
fn feed(desk: &Desk, input: &mut Option<Writer>, next: &mut u64, count: u64) {
    let Some(mut writer) = input.take() else { return };
    let end = (*next + count).min(INPUT);
    desk.publish(&mut writer, *next..end);
    *next = end;
    if end == INPUT {
        writer.close();
    } else {
        *input = Some(writer);
    }
}

/// Lets the writer of the input die within a record, and another one take over.
fn break_input(desk: &Desk, input: &mut Option<Writer>) {
    if let Some(mut writer) = input.take() {
        drop(writer.claim());
        drop(writer);
        *input = Some(desk.input());
    }
}

#[test]
fn a_window_consumer_may_be_killed_at_any_moment_and_no_bar_is_lost_or_doubled() {
    let seen: Seen = role::torture("kill-window", KILLS, run_once);
    assert!(seen.restarts > 0 && seen.outputs > 1_000);
}
