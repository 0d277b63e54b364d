//! Kills at every instruction of publish and of recovery, without any mark in the code.

use super::follower::{Fact, Follower, Stamps};
use super::victim::{Progress, Victim};
use super::{rounds, seeded};
use crate::support::{Bench, trade};
use rand::RngExt;
use std::fs;
use std::path::PathBuf;
use tickring::{Poll, Start, Writer};

/// What a victim does between its two stops.
struct Operation {
    name: &'static str,
    run: fn(&mut Writer),
}

const OPERATIONS: [Operation; 4] = [
    Operation { name: "publish", run: |writer| publish(writer) },
    Operation {
        name: "publish_batch",
        run: |writer| {
            let next = writer.next_seq();
            writer.publish_batch(&[trade(next), trade(next + 1), trade(next + 2)]).unwrap();
        },
    },
    Operation {
        name: "stage and flush",
        run: |writer| {
            for _ in 0..3 {
                let next = writer.next_seq();
                writer.stage(&trade(next)).unwrap();
            }
            writer.flush();
        },
    },
    Operation {
        name: "claim and commit",
        run: |writer| {
            let next = writer.next_seq();
            let mut claim = writer.claim();
            claim.write(&trade(next)).unwrap();
            claim.commit();
        },
    },
];

fn publish(writer: &mut Writer) {
    let next = writer.next_seq();
    writer.publish(&trade(next)).unwrap();
}

/// Where a victim dies.
#[derive(Clone, Copy, Debug)]
enum Aim {
    /// After so many instructions.
    Instruction(u64),
    /// Right after the store that changes the segment for the n-th time; 0 is before the first.
    Store(u64),
}

/// A ring in which writers die, and what is known of it.
struct Arena {
    bench: Bench,
    path: PathBuf,
    follower: Follower,
    stamps: Stamps,
    kills: u64,
    tombstones: u64,
}

impl Arena {
    fn new(bench: Bench) -> Self {
        publish(&mut bench.writer());
        let mut follower = Follower::new(&bench);
        follower.catch_up();
        let stamps = Stamps::of(&bench);
        let path = bench.directory.path_of(&bench.name);
        Self { bench, path, follower, stamps, kills: 0, tombstones: 0 }
    }

    /// Drives the victim to where it is to die and kills it there.
    fn kill(&mut self, mut victim: Victim, aim: Aim) -> Progress {
        let mut progress = Progress::Running;
        let mut stores = 0;
        let mut image = fs::read(&self.path).unwrap();
        let mut taken = 0;
        while progress == Progress::Running {
            match aim {
                Aim::Instruction(count) if taken == count => break,
                Aim::Store(count) if stores == count => break,
                _ => {}
            }
            progress = victim.step();
            taken += 1;
            if matches!(aim, Aim::Store(_)) {
                let now = fs::read(&self.path).unwrap();
                stores += u64::from(now != image);
                image = now;
            }
        }
        victim.kill();
        self.kills += 1;
        progress
    }

    /// Checks what `kills` victims have left behind sequence `before`, lets a new writer recover
    /// and checks what readers make of it.
    fn settle(&mut self, before: u64, kills: u64) {
        let left = self.stamps.left_from(before);
        self.follower.catch_up();
        assert_eq!(self.follower.next(), before + left.whole, "{left:?}");
        let writer = self.bench.writer();
        let next = before + left.whole + u64::from(left.torn) + 1;
        assert_eq!(writer.next_seq(), next, "the sequence goes on: {left:?}");
        drop(writer);
        self.follower.catch_up();
        let mut expected = vec![Fact::Restart];
        if left.torn {
            expected.insert(0, Fact::Tombstone);
        }
        assert_eq!(self.follower.facts_from(before + left.whole), expected, "{left:?}");
        let facts = self.follower.facts_from(before);
        let tombstones = facts.iter().filter(|fact| **fact == Fact::Tombstone).count() as u64;
        assert!(tombstones <= kills, "{tombstones} tombstones for {kills} kills");
        self.tombstones += tombstones;
        self.follower.compare_with_a_late_reader(&self.bench);
    }

    /// A writer that is about to begin an operation.
    fn publisher(&mut self, operation: &Operation) -> Option<Victim> {
        let before = || {
            let mut writer = self.bench.writer();
            publish(&mut writer);
            writer
        };
        let victim = Victim::start(before, operation.run)?;
        self.follower.catch_up();
        Some(victim)
    }

    /// A writer that is about to take the ring over from one that died, perhaps in a record.
    fn successor(&mut self, torn: bool) -> Option<Victim> {
        let mut writer = self.bench.writer();
        publish(&mut writer);
        if torn {
            drop(writer.claim());
        }
        drop(writer);
        self.follower.catch_up();
        self.next_successor()
    }

    /// A writer in front of its takeover, right behind the lock.
    fn next_successor(&mut self) -> Option<Victim> {
        let mut victim = Victim::start(
            || None,
            |writer| {
                *writer = Some(self.bench.writer());
            },
        )?;
        assert_eq!(victim.step_to_lock(), Progress::Running, "a takeover takes the lock");
        Some(victim)
    }

    /// How many instructions and stores an operation has.
    fn measure(&self, mut victim: Victim) -> (u64, u64) {
        let (mut instructions, mut stores) = (0, 0);
        let mut image = fs::read(&self.path).unwrap();
        while victim.step() == Progress::Running {
            instructions += 1;
            let now = fs::read(&self.path).unwrap();
            stores += u64::from(now != image);
            image = now;
        }
        victim.kill();
        (instructions, stores)
    }
}

/// Kills writers at every instruction of each operation; `None` if tracing is not permitted.
pub(super) fn publishing(role: &str, bench: Bench) -> Option<()> {
    let mut arena = Arena::new(bench);
    for operation in &OPERATIONS {
        let victim = arena.publisher(operation)?;
        let (instructions, stores) = arena.measure(victim);
        let (kills, tombstones) = (arena.kills, arena.tombstones);
        // Every instruction in the long form; in the short one a few hundred of them all over.
        let stride = (instructions * OPERATIONS.len() as u64 / rounds()).max(1);
        for at in (0..).step_by(stride as usize) {
            let victim = arena.publisher(operation)?;
            let before = arena.follower.next();
            let progress = arena.kill(victim, Aim::Instruction(at));
            arena.settle(before, 1);
            if progress == Progress::Ended {
                break;
            }
        }
        println!(
            "{role}: {}: {} kills, one each {stride} of {instructions} instructions with {stores} \
             stores, {} tombstones",
            operation.name,
            arena.kills - kills,
            arena.tombstones - tombstones
        );
    }
    Some(())
}

/// Stops a writer at every instruction of each operation and lets readers look: those that wait
/// for the next record, and one that reads the record which is about to be overwritten.
pub(super) fn stops(role: &str, bench: Bench) -> Option<()> {
    let mut arena = Arena::new(bench);
    let mut writer = arena.bench.writer();
    for _ in 0..arena.bench.spec.capacity {
        publish(&mut writer);
    }
    drop(writer);
    for operation in &OPERATIONS {
        arena.follower = Follower::at_the_end(&arena.bench);
        let mut victim = arena.publisher(operation)?;
        let next = arena.follower.next();
        let last_lap = next - arena.bench.spec.capacity;
        let (mut stops, mut torn, mut whole) = (0, 0, 0);
        while victim.step() == Progress::Running {
            let left = arena.stamps.left_from(next);
            arena.follower.catch_up();
            assert_eq!(arena.follower.next(), next + left.whole, "{left:?}");
            let late = arena.bench.reader(Start::Sequence(last_lap)).poll().map(|r| r.seq());
            match late {
                Poll::Record(seq) => assert_eq!((seq, left.whole, left.torn), (last_lap, 0, false)),
                Poll::Lapped { .. } => assert!(left.torn || left.whole > 0),
                other => panic!("{other:?}"),
            }
            stops += 1;
            torn += u64::from(left.torn);
            whole = left.whole;
        }
        victim.kill();
        assert!(torn > 0 && whole > 0, "{} {torn} {whole}", operation.name);
        println!(
            "{role}: {}: stopped at {stops} instructions, in the middle of a record at {torn}",
            operation.name
        );
        drop(arena.bench.writer());
    }
    Some(())
}

/// Kills writers after every store of their takeover, and at instructions all over it; then
/// kills the next one in its own takeover too. `None` if tracing is not permitted.
pub(super) fn recovery(role: &str, bench: Bench) -> Option<()> {
    let mut arena = Arena::new(bench);
    let mut random = seeded(role);
    for torn in [false, true] {
        let victim = arena.successor(torn)?;
        let (instructions, stores) = arena.measure(victim);
        let before = arena.follower.next();
        arena.settle(before, 1);
        let (kills, tombstones) = (arena.kills, arena.tombstones);
        let stride = (instructions * 8 / rounds()).max(1);
        let each_store = (0..=stores).map(Aim::Store);
        let all_over = (0..instructions).step_by(stride as usize).map(Aim::Instruction);
        for aim in each_store.chain(all_over) {
            let victim = arena.successor(torn)?;
            let before = arena.follower.next();
            arena.kill(victim, aim);
            arena.settle(before, 2);
        }
        for _ in 0..rounds() / 8 {
            let victim = arena.successor(torn)?;
            let before = arena.follower.next();
            arena.kill(victim, Aim::Instruction(random.random_range(0..instructions)));
            let first = arena.stamps.left_from(before);
            let victim = arena.next_successor()?;
            arena.kill(victim, Aim::Instruction(random.random_range(0..instructions)));
            let second = arena.stamps.left_from(before);
            assert!(first <= second, "went back from {first:?} to {second:?}");
            arena.settle(before, 3);
        }
        println!(
            "{role}: torn slot {torn}: {} kills in {instructions} instructions with {stores} \
             stores, {} of them twice in a row, {} tombstones",
            arena.kills - kills,
            rounds() / 8,
            arena.tombstones - tombstones
        );
    }
    Some(())
}

/// Kills writers between any two system calls of a birth: there is the whole ring or none.
pub(super) fn birth(role: &str, bench: &Bench) -> Option<()> {
    let (mut none, mut whole) = (0, 0);
    for count in 0.. {
        let mut progress = Progress::Running;
        let mut victim = Victim::start(|| None, |writer| *writer = Some(bench.writer()))?;
        for _ in 0..count {
            progress = victim.step_to_system_call();
            if progress == Progress::Ended {
                break;
            }
        }
        victim.kill();
        let rings = bench.directory.list().unwrap();
        if rings.is_empty() {
            none += 1;
        } else {
            assert_eq!(rings, std::slice::from_ref(&bench.name));
            whole += 1;
            publish(&mut bench.writer());
            Follower::new(bench).catch_up();
            bench.directory.remove(&bench.name).unwrap();
        }
        let bus = bench.directory.root().join(bench.name.bus());
        let files = fs::read_dir(bus).map_or(0, Iterator::count);
        assert_eq!(files, 0, "a birth that did not happen leaves nothing");
        if progress == Progress::Ended {
            break;
        }
    }
    assert!(none > 0 && whole > 0, "{none} {whole}");
    println!("{role}: {} kills, no ring after {none} and a whole one after {whole}", none + whole);
    Some(())
}
