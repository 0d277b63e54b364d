//! Segments that are truncated under those who have them mapped: a loss that is told, no SIGBUS.

#![expect(unsafe_code, reason = "a SIGBUS that is none of the ring's")]

use crate::role::{PATIENCE, Role};
use crate::support::{Bench, trade};
use memmap2::MmapRaw;
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::Instant;
use tickring::record::Trade;
use tickring::{Batch, CloseReason, Error, Poll, Reader, Start, Writer};

const ENTRY: &str = "truncation::other_side";
const CAPACITY: u64 = 1 << 12;
const SLOT_BYTES: u64 = 64;
const PAGE_BYTES: u64 = 4096;
/// How a process ends whose own handler was called.
const HANDLED: i32 = 42;

/// Not a test of its own: what the other process does. Without a role it passes at once.
#[test]
fn other_side() {
    let Some(role) = Role::own() else { return };
    let bench = Bench::inherited(CAPACITY);
    let path = bench.directory.path_of(&bench.name);
    let cut = |bytes| File::options().write(true).open(&path).unwrap().set_len(bytes).unwrap();
    match role.as_str() {
        "cut everything" => cut(0),
        "cut behind the header" => cut(PAGE_BYTES),
        "cut half of the slots" => {
            cut(fs::metadata(&path).unwrap().len() - CAPACITY * SLOT_BYTES / 2);
        }
        "publish" => publish_until_lost(bench.writer()),
        "foreign fault" => {
            let _reader = bench.reader(Start::Latest);
            fault_elsewhere(&bench);
        }
        "foreign fault, handled" => {
            handle_bus_errors(SigHandler::Handler(leave));
            let _reader = bench.reader(Start::Latest);
            fault_elsewhere(&bench);
        }
        "foreign fault, by default" => {
            handle_bus_errors(SigHandler::SigDfl);
            let _reader = bench.reader(Start::Latest);
            fault_elsewhere(&bench);
        }
        "sent signal" => {
            handle_bus_errors(SigHandler::SigDfl);
            let _reader = bench.reader(Start::Latest);
            raise(Signal::SIGBUS).unwrap();
        }
        other => panic!("no role {other}"),
    }
}

const CUTS: [&str; 3] = ["cut everything", "cut behind the header", "cut half of the slots"];

fn publish_until_lost(mut writer: Writer) {
    let deadline = Instant::now() + PATIENCE;
    while writer.vanished().is_none() {
        assert!(Instant::now() < deadline, "the writer is not told");
        for _ in 0..CAPACITY {
            let n = writer.next_seq();
            writer.publish(&trade(n)).unwrap();
        }
    }
    assert_eq!(writer.vanished(), Some(CloseReason::Truncated));
    // It may go on: nobody sees it, and nothing breaks.
    writer.publish(&trade(0)).unwrap();
    writer.close();
}

/// Touches a page that a file has lost which is no ring.
fn fault_elsewhere(bench: &Bench) {
    let path = bench.directory.root().join("no ring");
    let file = File::options().read(true).write(true).create_new(true).open(path).unwrap();
    file.set_len(PAGE_BYTES).unwrap();
    let map = MmapRaw::map_raw(&file).unwrap();
    file.set_len(0).unwrap();
    // SAFETY: the page is mapped; that the file has lost it is what this is about: the load must
    // raise SIGBUS.
    let value = unsafe { map.as_ptr().read_volatile() };
    panic!("{value} was loaded from nowhere");
}

extern "C" fn leave(_: libc::c_int) {
    // SAFETY: ends the process, at any time.
    unsafe { libc::_exit(HANDLED) }
}

fn handle_bus_errors(handler: SigHandler) {
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handlers of this file do nothing but end the process.
    unsafe { sigaction(Signal::SIGBUS, &action) }.unwrap();
}

fn check(record: Trade, seq: u64) {
    assert_eq!(record, trade(seq), "a record of the truncated ring was accepted");
}

/// Reads something, checks it, and says how many records that was.
type Way = fn(&mut Reader, &mut Batch) -> Poll<u64>;

const WAYS: [(&str, Way); 4] = [
    ("poll", |reader, _| {
        reader.poll().map(|record| {
            check(*record.get().unwrap(), record.seq());
            1
        })
    }),
    ("poll_batch", |reader, batch| {
        reader.poll_batch(batch, 100).map(|count| {
            batch.iter().for_each(|record| check(*record.get().unwrap(), record.seq()));
            count as u64
        })
    }),
    ("view", |reader, _| {
        let seen = reader.view(100, |view| {
            view.iter().map(|record| (record.read::<Trade>(), record.seq())).collect::<Vec<_>>()
        });
        seen.map(|records| {
            let count = records.len() as u64;
            records.into_iter().for_each(|(record, seq)| check(record, seq));
            count
        })
    }),
    ("extent", |reader, _| match reader.extent(100) {
        Some(extent) => {
            // What is read there by others is not ours to test; that it is refused is.
            let at = reader.cursor();
            let seen = reader.view_at(at, extent.count, |view| view.iter().last().map(|r| r.seq()));
            let is_whole = reader.validate(&extent);
            assert!(!is_whole || seen.is_some(), "validated after the view was refused");
            if is_whole { Poll::Record(extent.count as u64) } else { Poll::Empty }
        }
        None => reader.poll().map(|_| 1),
    }),
];

#[test]
fn readers_of_a_truncated_ring_are_told_that_it_is_lost() {
    for cut in CUTS {
        for (way, read) in WAYS {
            let bench = Bench::new(CAPACITY);
            let mut writer = bench.writer();
            for n in 0..CAPACITY {
                writer.publish(&trade(n)).unwrap();
            }
            let mut reader = bench.reader(Start::Sequence(0));
            let mut batch = Batch::new();
            assert!(matches!(read(&mut reader, &mut batch), Poll::Record(_)), "{cut}, {way}");
            assert!(Role::start(ENTRY, cut, &bench).wait().success(), "{cut}, {way}");
            let deadline = Instant::now() + PATIENCE;
            let reason = loop {
                match read(&mut reader, &mut batch) {
                    Poll::Record(_) => {}
                    Poll::Closed(reason) => break reason,
                    // Of an extent, which cannot say more.
                    Poll::Empty => assert!(Instant::now() < deadline, "{cut}, {way}"),
                    other => panic!("{cut}, {way}: {other:?}"),
                }
            };
            assert_eq!(reason, CloseReason::Truncated, "{cut}, {way}");
            let rest = read(&mut reader, &mut batch);
            assert_eq!(rest, Poll::Closed(CloseReason::Truncated), "{cut}, {way}");
            assert_eq!(reader.info().published, 0, "the mapping is blank");
            assert_eq!(writer.vanished(), Some(CloseReason::Truncated), "{cut}, {way}");
            let late = Reader::open(&bench.directory, &bench.name, Start::Latest);
            assert!(matches!(late, Err(Error::Truncated { .. })), "{cut}, {way}");
        }
    }
}

#[test]
fn a_reader_of_another_ring_is_not_concerned() {
    let (lost, kept) = (Bench::new(CAPACITY), Bench::new(CAPACITY));
    let (mut lost_writer, mut kept_writer) = (lost.writer(), kept.writer());
    lost_writer.publish(&trade(0)).unwrap();
    kept_writer.publish(&trade(0)).unwrap();
    let (mut losing, mut keeping) = (lost.reader(Start::Oldest), kept.reader(Start::Oldest));
    assert!(Role::start(ENTRY, "cut everything", &lost).wait().success());
    assert_eq!(losing.poll().map(|_| ()), Poll::Closed(CloseReason::Truncated));
    assert_eq!(keeping.poll().map(|record| record.seq()), Poll::Record(0));
    kept_writer.publish(&trade(1)).unwrap();
    assert_eq!(keeping.poll().map(|record| record.seq()), Poll::Record(1));
    assert_eq!(kept_writer.vanished(), None);
}

#[test]
fn a_writer_whose_ring_is_truncated_lives_on_and_is_told() {
    for cut in CUTS {
        let bench = Bench::new(CAPACITY);
        drop(bench.writer());
        let mut reader = bench.reader(Start::Latest);
        let writer = Role::start(ENTRY, "publish", &bench);
        let deadline = Instant::now() + PATIENCE;
        while matches!(reader.poll(), Poll::Empty) {
            assert!(Instant::now() < deadline, "the writer does not publish");
            thread::yield_now();
        }
        assert!(Role::start(ENTRY, cut, &bench).wait().success());
        let status = writer.wait();
        assert!(status.success(), "{cut}: {status}");
    }
}

#[test]
fn a_bus_error_elsewhere_goes_where_it_went_before() {
    let bench = Bench::new(CAPACITY);
    drop(bench.writer());
    for role in ["foreign fault", "foreign fault, by default", "sent signal"] {
        let status = Role::start(ENTRY, role, &bench).wait();
        assert_eq!(status.signal(), Some(libc::SIGBUS), "{role}: {status}");
        let _ = fs::remove_file(bench.directory.root().join("no ring"));
    }
    let status = Role::start(ENTRY, "foreign fault, handled", &bench).wait();
    assert_eq!(status.code(), Some(HANDLED), "{status}");
}
