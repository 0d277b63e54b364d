//! Writers that die, by SIGKILL, wherever that can hurt.
//!
//! Each test is a process of its own, which forks the writers and reads what they publish. The
//! short form runs with all other tests; `cargo xtask torture` sets the larger numbers of the long
//! one.

mod follower;
mod instants;
mod reads;
mod steps;
pub(crate) mod victim;

use crate::role::Role;
use crate::support::Bench;
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::env;

/// Kills in each test, about; 300 without it.
const ROUNDS: &str = "TICKRING_TORTURE_ROUNDS";
/// Seed of the random choices; drawn without it, and printed.
const SEED: &str = "TICKRING_TORTURE_SEED";
const ENTRY: &str = "torture::other_side";

fn rounds() -> u64 {
    env::var(ROUNDS).map_or(300, |text| text.parse().unwrap())
}

fn seeded(role: &str) -> ChaCha8Rng {
    let drawn = || getrandom::u64().unwrap();
    let seed = env::var(SEED).map_or_else(|_| drawn(), |text| text.parse().unwrap());
    println!("{role}: seed {seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// Keeps this process and the victims that it forks on the core where it is. A step hands over
/// from one to the other and back, which takes several times as long between cores.
fn on_one_core<T>(run: impl FnOnce() -> T) -> T {
    let mut here = CpuSet::new();
    let chosen = sched_getcpu().and_then(|core| here.set(core));
    // A system that does not permit it is slower, no more.
    let _ = chosen.and_then(|()| sched_setaffinity(Pid::from_raw(0), &here));
    run()
}

/// Not a test of its own: what the other process does. Without a role it passes at once.
#[test]
fn other_side() {
    let Some(role) = Role::own() else { return };
    // Behind what the test harness has begun to say on this line.
    println!();
    let small = || Bench::inherited(64);
    let done = match role.as_str() {
        "kill-publish" => on_one_core(|| steps::publishing(&role, small())),
        "stop-publish" => on_one_core(|| steps::stops(&role, small())),
        "kill-recovery" => on_one_core(|| steps::recovery(&role, small())),
        "kill-birth" => steps::birth(&role, &small()),
        "read" => {
            reads::run(&role, &Bench::inherited(1 << 12));
            Some(())
        }
        "kill-any-time" => {
            instants::run(&role, &Bench::inherited(tickring::DEFAULT_CAPACITY));
            Some(())
        }
        other => panic!("no role {other}"),
    };
    if done.is_none() {
        println!("{role}: skipped, the system does not permit ptrace");
    }
}

#[test]
fn a_writer_may_die_at_any_instruction_of_publish() {
    Role::play(ENTRY, "kill-publish", &Bench::new(64));
}

#[test]
fn a_writer_that_is_stopped_at_any_instruction_of_publish_shows_nothing_torn() {
    Role::play(ENTRY, "stop-publish", &Bench::new(64));
}

#[test]
fn a_writer_may_die_at_any_instruction_of_recovery_and_the_next_one_too() {
    Role::play(ENTRY, "kill-recovery", &Bench::new(64));
}

#[test]
fn a_writer_that_dies_while_it_creates_leaves_a_whole_ring_or_none() {
    Role::play(ENTRY, "kill-birth", &Bench::new(64));
}

#[test]
fn readers_follow_through_kills_at_any_time_without_attaching_again() {
    Role::play(ENTRY, "kill-any-time", &Bench::new(64));
}

#[test]
fn no_read_against_a_writer_at_full_speed_is_torn_and_every_lap_has_its_size() {
    Role::play(ENTRY, "read", &Bench::new(64));
}
