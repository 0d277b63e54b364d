//! Forks of processes that have a ring: the writer stays one, readers become two.

use crate::fork::Fork;
use crate::role::Role;
use crate::support::{Bench, drain, trade};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::WaitStatus;
use nix::unistd::{Pid, getpid, getppid};
use std::io::{Read, Write, pipe};
use std::time::Duration;
use tickring::{Error, Poll, ReaderInfo, Start, Writer};

const ENTRY: &str = "forked::other_side";

/// Not a test of its own: what the other process does. Without a role it passes at once.
#[test]
fn other_side() {
    let Some(role) = Role::own() else { return };
    let bench = Bench::inherited(64);
    match role.as_str() {
        "orphan" => orphan(&bench),
        "second writer" => second_writer(&bench),
        "dropped copy" => dropped_copy(&bench),
        "second reader" => second_reader(&bench),
        other => panic!("no role {other}"),
    }
}

/// A writer forks a child and is killed; the child lives on.
fn orphan(bench: &Bench) {
    let (mut told, mut tell) = pipe().unwrap();
    // The orphan lives for as long as this process has the writing end, and no longer.
    let (mut life, line) = pipe().unwrap();
    let mut line = Some(line);
    let mut parent = Fork::start(|| {
        drop(line.take());
        let mut writer = bench.writer();
        writer.publish(&trade(0)).unwrap();
        let mut child = Fork::start(|| {
            set_pdeathsig(None).unwrap();
            tell.write_all(&getpid().as_raw().to_le_bytes()).unwrap();
            i32::from(life.read(&mut [0]).unwrap() != 0)
        });
        child.wait();
        0
    });
    drop(tell);
    let mut pid = [0; 4];
    told.read_exact(&mut pid).unwrap();
    let child = Pid::from_raw(i32::from_le_bytes(pid));
    let refused = Writer::open(&bench.directory, &bench.name, &bench.spec);
    assert!(matches!(refused, Err(Error::AlreadyOwned { .. })), "the parent lives: {refused:?}");
    parent.kill();
    let mut writer = bench.writer();
    kill(child, None).unwrap();
    writer.publish(&trade(2)).unwrap();
    let outcomes = drain(&mut bench.reader(Start::Oldest));
    assert_eq!(outcomes, [Poll::Record(0), Poll::Restarted { epoch: 2 }, Poll::Record(2)]);
}

/// A child of a writer tries to publish.
fn second_writer(bench: &Bench) {
    let mut writer = bench.writer();
    writer.publish(&trade(0)).unwrap();
    let mut child = Fork::start(|| {
        let _ = writer.publish(&trade(1_000));
        0
    });
    let status = child.wait();
    assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGSEGV, _)), "{status:?}");
    writer.publish(&trade(1)).unwrap();
    let outcomes = drain(&mut bench.reader(Start::Oldest));
    assert_eq!(outcomes, [Poll::Record(0), Poll::Record(1)]);
}

/// A child of a writer drops its copy, and what it maps afterwards stays mapped.
fn dropped_copy(bench: &Bench) {
    let mut writer = Some(bench.writer());
    let mut child = Fork::start(|| {
        let other = Bench::new(64);
        let mut others_writer = other.writer();
        let mut others_reader = other.reader(Start::Oldest);
        drop(writer.take());
        others_writer.publish(&trade(0)).unwrap();
        assert_eq!(drain(&mut others_reader), [Poll::Record(0)]);
        0
    });
    let status = child.wait();
    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
    let refused = Writer::open(&bench.directory, &bench.name, &bench.spec);
    assert!(matches!(refused, Err(Error::AlreadyOwned { .. })), "the lock is gone: {refused:?}");
    let mut writer = writer.unwrap();
    writer.publish(&trade(0)).unwrap();
    assert_eq!(writer.vanished(), None);
    assert_eq!(drain(&mut bench.reader(Start::Oldest)), [Poll::Record(0)]);
}

/// A child of a reader reads on, and so does the reader.
fn second_reader(bench: &Bench) {
    let mut writer = bench.writer();
    for n in 0..5 {
        writer.publish(&trade(n)).unwrap();
    }
    let mut reader = bench.reader(Start::Oldest);
    assert_eq!(reader.poll().map(|record| record.seq()), Poll::Record(0));
    let parent = getpid();
    let rest: Vec<_> = (1..5).map(Poll::Record).collect();
    let mut child = Fork::start(|| {
        assert_eq!(getppid(), parent);
        assert_eq!(drain(&mut reader), rest);
        assert_eq!(cursors(bench), [0], "the parent's entry is left alone");
        // A child that waits gets an entry of its own.
        while cursors(bench) != [0, 5] {
            assert!(!reader.wait(Duration::from_millis(20)));
        }
        0
    });
    let status = child.wait();
    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
    assert_eq!(reader.cursor(), 1, "the child's cursor is its own");
    assert_eq!(drain(&mut reader), rest);
    assert_eq!(cursors(bench), [5], "who is gone is not listed as alive");
}

/// The cursors of the living readers, as the registry has them, in order.
fn cursors(bench: &Bench) -> Vec<u64> {
    let readers = ReaderInfo::list(&bench.directory, &bench.name).unwrap();
    let alive = readers.into_iter().filter(|reader| reader.is_alive);
    let mut cursors: Vec<u64> = alive.map(|reader| reader.cursor).collect();
    cursors.sort_unstable();
    cursors
}

#[test]
fn a_child_of_a_writer_that_is_killed_does_not_keep_the_ring() {
    Role::play(ENTRY, "orphan", &Bench::new(64));
}

#[test]
fn a_child_of_a_writer_cannot_write() {
    Role::play(ENTRY, "second writer", &Bench::new(64));
}

#[test]
fn a_child_that_drops_its_copy_of_a_writer_harms_neither_the_writer_nor_itself() {
    Role::play(ENTRY, "dropped copy", &Bench::new(64));
}

#[test]
fn a_child_of_a_reader_reads_on_with_a_cursor_of_its_own() {
    Role::play(ENTRY, "second reader", &Bench::new(64));
}
