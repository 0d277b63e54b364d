//! A machine that is not as one would like it: full, crowded, or with a writer that stands still.

use crate::fork::Fork;
use crate::role::{PATIENCE, Role};
use crate::support::{Bench, drain, trade};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::statvfs::statvfs;
use nix::sys::wait::WaitStatus;
use std::fs;
use std::io::{Read, Write, pipe};
use std::thread;
use std::time::Instant;
use tickring::record::Trade;
use tickring::{Error, Poll, Reader, RingInfo, RingName, RingSpec, RingState, Start, Writer};

const ENTRY: &str = "pressure::other_side";
/// The exit code of a child that may not have a file system of its own.
const NOT_PERMITTED: i32 = 77;
/// Size of `/dev/shm` in a container unless it is told otherwise, in bytes.
const SMALL_BYTES: u64 = 64 << 20;
/// Slots of 64 bytes that fill half of it.
const HALF: u64 = 1 << 19;

/// Not a test of its own: what the other process does. Without a role it passes at once.
#[test]
fn other_side() {
    let Some(role) = Role::own() else { return };
    println!();
    let bench = Bench::inherited(64);
    match role.as_str() {
        "full" => {
            // In a fork, which has one thread, as a new user namespace demands.
            let mut child = Fork::start(|| fill(&bench));
            match child.wait() {
                WaitStatus::Exited(_, 0) => {}
                WaitStatus::Exited(_, NOT_PERMITTED) => {
                    println!("{role}: skipped, the system does not permit a mount of our own");
                }
                status => panic!("{status:?}"),
            }
        }
        "stopped" => stop(&bench),
        "crowd" => crowd(&role, &bench),
        other => panic!("no role {other}"),
    }
}

/// Mounts a small memory file system that only this process sees over the bench.
fn mount_small(bench: &Bench) -> Result<(), Errno> {
    let root = bench.directory.root();
    fs::create_dir_all(root).unwrap();
    if !nix::unistd::geteuid().is_root() {
        unshare(CloneFlags::CLONE_NEWUSER)?;
    }
    unshare(CloneFlags::CLONE_NEWNS)?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
    let size = format!("size={SMALL_BYTES}");
    mount(Some("tickring"), root, Some("tmpfs"), MsFlags::empty(), Some(size.as_str()))
}

/// Creates rings until there is no room, and one that has none from the start.
fn fill(bench: &Bench) -> i32 {
    if mount_small(bench).is_err() {
        return NOT_PERMITTED;
    }
    let root = bench.directory.root();
    let free_bytes = || {
        let space = statvfs(root).unwrap();
        space.blocks_available() * space.fragment_size()
    };
    let open = |ring: &str, capacity| {
        let name = RingName::new("test", ring).unwrap();
        let spec = RingSpec { capacity, ..bench.spec.clone() };
        Writer::open(&bench.directory, &name, &spec)
    };
    for (ring, capacity) in [("too-large", 2 * HALF), ("half", HALF), ("other-half", HALF)] {
        let free = free_bytes();
        match open(ring, capacity) {
            Ok(mut writer) => {
                assert_eq!(ring, "half");
                for n in 0..2 * capacity {
                    writer.publish(&trade(n)).unwrap();
                }
            }
            Err(error) => {
                assert_ne!(ring, "half", "{error}");
                let Error::NoSpace { needed_bytes, available_bytes, .. } = error else {
                    panic!("{error}")
                };
                assert!(needed_bytes > capacity * 64, "{error}");
                assert!(available_bytes <= free && available_bytes < needed_bytes, "{error}");
                assert!(error.to_string().contains("--shm-size"), "{error}");
                let is_left = |file: &fs::DirEntry| file.file_name() != "half.ring";
                let files = fs::read_dir(root.join("test")).unwrap().map(Result::unwrap);
                assert_eq!(files.filter(is_left).count(), 0, "something is left behind");
                let directory_bytes = 8192;
                assert!(free_bytes() + directory_bytes >= free, "room is lost");
            }
        }
    }
    0
}

/// A writer that is stopped keeps its ring, and goes on when it is let.
fn stop(bench: &Bench) {
    let spec = RingSpec { capacity: 1 << 16, ..bench.spec.clone() };
    let (mut told, mut tell) = pipe().unwrap();
    let mut child = Fork::start(|| {
        let mut writer = Writer::open(&bench.directory, &bench.name, &spec).unwrap();
        tell.write_all(&[1]).unwrap();
        loop {
            let n = writer.next_seq();
            writer.publish(&trade(n)).unwrap();
            thread::yield_now();
        }
    });
    told.read_exact(&mut [0]).unwrap();
    let mut reader = bench.reader(Start::Sequence(0));
    let mut next = 0;
    for _ in 0..20 {
        kill(child.pid(), Signal::SIGSTOP).unwrap();
        assert!(matches!(child.wait(), WaitStatus::Stopped(..)));
        follow(&mut reader, &mut next);
        let refused = Writer::open(&bench.directory, &bench.name, &spec);
        let pid = u64::try_from(child.pid().as_raw()).unwrap();
        assert!(
            matches!(&refused, Err(Error::AlreadyOwned { pid: owner, .. }) if *owner == pid),
            "{refused:?}"
        );
        let info = RingInfo::read(&bench.directory, &bench.name).unwrap();
        assert_eq!((info.state, info.epoch), (RingState::Live, 1));
        assert_eq!(reader.poll(), Poll::Empty, "nothing comes from a writer that stands still");
        kill(child.pid(), Signal::SIGCONT).unwrap();
        let (before, deadline) = (next, Instant::now() + PATIENCE);
        while next < before + 100 {
            assert!(Instant::now() < deadline, "the writer does not go on");
            follow(&mut reader, &mut next);
        }
    }
}

/// Reads what is there: every record, whole and in order.
fn follow(reader: &mut Reader, next: &mut u64) {
    loop {
        match reader.poll() {
            Poll::Record(record) => {
                assert_eq!((record.seq(), record.get()), (*next, Some(&trade(*next))));
                *next += 1;
            }
            Poll::Empty => return,
            other => panic!("{other:?}"),
        }
    }
}

const PROCESSES: usize = 4;
const READERS: usize = 250;
const RECORDS: u64 = 1_000;

/// Very many readers, each of which must see every record.
fn crowd(role: &str, bench: &Bench) {
    let spec = RingSpec { capacity: 1 << 12, ..bench.spec.clone() };
    let mut writer = Writer::open(&bench.directory, &bench.name, &spec).unwrap();
    let (mut ready, mut tell) = pipe().unwrap();
    let children: Vec<Fork> = (0..PROCESSES)
        .map(|_| {
            Fork::start(|| {
                let mut readers: Vec<(Reader, u64)> =
                    (0..READERS).map(|_| (bench.reader(Start::Oldest), 0)).collect();
                tell.write_all(&[1]).unwrap();
                while readers.iter().any(|(_, next)| *next < RECORDS) {
                    readers.iter_mut().for_each(|(reader, next)| follow(reader, next));
                    thread::yield_now();
                }
                assert!(readers.iter().all(|(reader, _)| reader.missed() == 0));
                0
            })
        })
        .collect();
    let mut all = [0; PROCESSES];
    ready.read_exact(&mut all).unwrap();
    let begin = Instant::now();
    for n in 0..RECORDS {
        writer.publish(&trade(n)).unwrap();
    }
    let took = begin.elapsed();
    for mut child in children {
        let status = child.wait();
        assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
    }
    println!(
        "{role}: {} readers in {PROCESSES} processes saw {RECORDS} records each; publishing took \
         {:.0} ns per record",
        PROCESSES * READERS,
        took.as_nanos() as f64 / RECORDS as f64
    );
}

#[test]
fn a_full_file_system_refuses_a_ring_with_what_it_needs_and_keeps_nothing_of_it() {
    Role::play(ENTRY, "full", &Bench::new(64));
}

#[test]
fn a_writer_that_is_stopped_keeps_its_ring_and_goes_on_unharmed() {
    Role::play(ENTRY, "stopped", &Bench::new(64));
}

#[test]
fn a_thousand_readers_each_see_every_record() {
    Role::play(ENTRY, "crowd", &Bench::new(64));
}

#[test]
fn a_ring_that_is_removed_is_read_to_its_end_and_made_anew_beside_it() {
    let bench = Bench::new(64);
    let mut old = bench.writer();
    old.publish(&trade(0)).unwrap();
    let mut reader = bench.reader(Start::Oldest);
    bench.directory.remove(&bench.name).unwrap();
    let mut new = bench.writer();
    new.publish(&trade(7)).unwrap();
    old.publish(&trade(1)).unwrap();
    let read = |reader: &mut Reader| match reader.poll() {
        Poll::Record(record) => record.get::<Trade>().map(|trade| trade.trade_id),
        _ => None,
    };
    assert_eq!([read(&mut reader), read(&mut reader)], [Some(0), Some(1)]);
    assert_eq!(drain(&mut bench.reader(Start::Oldest)), [Poll::Record(7)]);
    let refused = Writer::open(&bench.directory, &bench.name, &bench.spec);
    assert!(matches!(refused, Err(Error::AlreadyOwned { .. })), "{refused:?}");
}
