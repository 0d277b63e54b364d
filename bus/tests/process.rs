//! The ring between processes: the test binary runs itself again as the other side.

use crate::role::{PATIENCE, Role};
use crate::support::{Bench, trade};
use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::Instant;
use tickring::record::Trade;
use tickring::{
    Directory, Poll, Reader, ReaderOptions, RingInfo, RingName, RingSpec, Start, Writer,
};

const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;
const ENTRY: &str = "process::other_side";

/// Not a test of its own: what the other process does. Without a role it passes at once.
#[test]
fn other_side() {
    let Some(role) = Role::own() else { return };
    let directory = Directory::from_env();
    let name: RingName = "test/ticks".parse().unwrap();
    match role.as_str() {
        "publish" => publish(&directory, &name),
        "journal" => crate::journal::lossless::publish_for_ever(&directory, &name),
        "scribble" => scribble(&directory, &name),
        "read" => read(&directory, &name),
        "another definition" => crate::own::another_definition(&directory, &name),
        other => panic!("no role {other}"),
    }
}

/// Publishes for ever: the record at sequence n is always the trade n.
fn publish(directory: &Directory, name: &RingName) {
    use tickring::record::Record;
    let spec = RingSpec { capacity: 1 << 14, ..RingSpec::new(Trade::kinds()).unwrap() };
    let mut writer = Writer::open(directory, name, &spec).unwrap();
    loop {
        for _ in 0..50 {
            let n = writer.next_seq();
            writer.stage(&trade(n)).unwrap();
        }
        writer.flush();
        thread::yield_now();
    }
}

/// Waits for records for ever.
fn read(directory: &Directory, name: &RingName) {
    let options = ReaderOptions::named("other", Start::Latest);
    let mut reader = Reader::open_with(directory, name, &options).unwrap();
    loop {
        reader.wait(PATIENCE);
        let _ = reader.poll().map(|_| ());
    }
}

/// Attaches as a reader and then tries to store into the ring.
#[expect(unsafe_code, reason = "shows that a reader's store faults")]
fn scribble(directory: &Directory, name: &RingName) {
    let reader = Reader::open(directory, name, Start::Oldest).unwrap();
    let address = reader.extent(1).unwrap().stamp_address;
    let stamp: *mut u64 = std::ptr::with_exposed_provenance_mut(address);
    // SAFETY: the page is mapped; that it cannot be written is what the test is about: the
    // store must end this process with SIGSEGV.
    unsafe { stamp.write_volatile(12345) };
}

#[test]
fn a_store_of_a_reader_faults_and_harms_nobody() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    writer.publish(&trade(0)).unwrap();
    assert_eq!(Role::start(ENTRY, "scribble", &bench).wait().signal(), Some(SIGSEGV));
    let mut reader = bench.reader(Start::Oldest);
    assert_eq!(reader.poll().map(|record| record.get::<Trade>().copied()), {
        Poll::Record(Some(trade(0)))
    });
}

pub(crate) fn published_by(bench: &Bench) -> u64 {
    RingInfo::read(&bench.directory, &bench.name).unwrap().published
}

/// A reader that sleeps is told how many it missed; the writer's own count is the judge.
#[test]
fn a_sleeping_reader_and_a_writer_process_agree_on_what_was_missed() {
    let mut bench = Bench::new(1 << 14);
    bench.spec.capacity = 1 << 14;
    drop(bench.writer());
    let mut sleeper = bench.reader(Start::Oldest);
    let writer = Role::start(ENTRY, "publish", &bench);
    let deadline = Instant::now() + PATIENCE;
    while published_by(&bench) < 100_000 {
        assert!(Instant::now() < deadline, "the writer does not publish");
        thread::yield_now();
    }
    assert_eq!(writer.kill().signal(), Some(SIGKILL));
    let published = bench.writer().next_seq();
    let Poll::Lapped { missed, resume } = sleeper.poll().map(|_| ()) else {
        panic!("the reader was not lapped")
    };
    assert_eq!(missed, resume);
    let mut read = 0;
    loop {
        match sleeper.poll().map(|_| ()) {
            Poll::Empty => break,
            _ => read = sleeper.cursor() - resume,
        }
    }
    assert_eq!(missed + read, published);
}
