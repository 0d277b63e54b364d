//! The ring between processes: the test binary runs itself again as the other side.

use crate::support::{Bench, trade};
use std::env;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tickring::record::Trade;
use tickring::{
    Directory, Poll, Reader, ReaderOptions, RingInfo, RingName, RingSpec, Start, Writer,
};

const ROLE: &str = "TICKRING_TEST_ROLE";
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;
/// Kills in the test of recovery.
const KILLS: u64 = 40;
/// A child that outlives this is stuck: the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// A child process that is killed when the test is over, however it ends.
pub(crate) struct Role(Child);

impl Role {
    pub(crate) fn start(role: &str, bench: &Bench) -> Self {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "process::other_side", "--nocapture"])
            .env(ROLE, role)
            .env(tickring::DIRECTORY_VARIABLE, bench.directory.root())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    pub(crate) fn kill(mut self) -> ExitStatus {
        self.0.kill().unwrap();
        self.0.wait().unwrap()
    }

    pub(crate) fn wait(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the other side is stuck");
            thread::yield_now();
        }
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test of its own: what the other process does. Without a role it passes at once.
#[test]
fn other_side() {
    let Ok(role) = env::var(ROLE) else { return };
    let directory = Directory::from_env();
    let name: RingName = "test/ticks".parse().unwrap();
    match role.as_str() {
        "publish" => publish(&directory, &name),
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
    let options = ReaderOptions { name: "other".to_owned(), ..ReaderOptions::new(Start::Latest) };
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
    assert_eq!(Role::start("scribble", &bench).wait().signal(), Some(SIGSEGV));
    let mut reader = bench.reader(Start::Oldest);
    assert_eq!(reader.poll().map(|record| record.get::<Trade>().copied()), {
        Poll::Record(Some(trade(0)))
    });
}

/// What a follower saw over the lives of several writers.
#[derive(Debug, Default)]
struct Seen {
    records: u64,
    missed: u64,
    tombstones: u64,
    restarts: u64,
    next: u64,
}

impl Seen {
    /// Polls once; every sequence is accounted for exactly once or the test fails.
    fn poll(&mut self, reader: &mut Reader) -> bool {
        match reader.poll() {
            Poll::Record(record) => {
                assert_eq!(record.seq(), self.next, "skipped or repeated");
                assert_eq!(record.get::<Trade>(), Some(&trade(record.seq())), "torn");
                self.records += 1;
                self.next += 1;
            }
            Poll::Tombstone { seq } => {
                assert_eq!(seq, self.next);
                self.tombstones += 1;
                self.next += 1;
            }
            Poll::Restarted { .. } => {
                self.restarts += 1;
                // In band it takes a sequence; after a lap it was among the missed ones.
                self.next = reader.cursor();
            }
            Poll::Lapped { missed, resume } => {
                assert_eq!(resume, self.next + missed);
                self.missed += missed;
                self.next = resume;
            }
            Poll::Empty => return false,
            Poll::Closed(reason) => panic!("nobody closed the ring: {reason:?}"),
        }
        true
    }
}

#[test]
fn readers_follow_through_kills_of_the_writer_without_attaching_again() {
    let mut bench = Bench::new(1 << 14);
    bench.spec.capacity = 1 << 14;
    drop(bench.writer());
    let bench = Arc::new(bench);
    let (stop, stopped) = mpsc::channel::<()>();
    let follower = thread::spawn({
        let bench = Arc::clone(&bench);
        move || {
            let mut reader = bench.reader(Start::Oldest);
            let mut seen = Seen::default();
            loop {
                if !seen.poll(&mut reader) {
                    if stopped.try_recv().is_ok() {
                        while seen.poll(&mut reader) {}
                        return seen;
                    }
                    thread::yield_now();
                }
            }
        }
    });
    let mut published = 0;
    for kill in 0..KILLS {
        let writer = Role::start("publish", &bench);
        let deadline = Instant::now() + PATIENCE;
        // Another number of records each time, so that the kill comes at another moment.
        while published_by(&bench) < published + 500 + kill * 37 {
            assert!(Instant::now() < deadline, "the writer does not publish");
            thread::yield_now();
        }
        assert_eq!(writer.kill().signal(), Some(SIGKILL));
        published = published_by(&bench);
    }
    // A last recovery makes visible what was stamped and not flushed when the writer died.
    let next = bench.writer().next_seq();
    stop.send(()).unwrap();
    let seen = follower.join().unwrap();
    println!("{KILLS} kills: {seen:?}");
    assert_eq!(seen.next, next, "{seen:?}");
    assert_eq!(seen.restarts, KILLS + 1, "{seen:?}");
    assert!(seen.tombstones <= KILLS, "{seen:?}");
    let restarts_in_band = next - seen.records - seen.missed - seen.tombstones;
    assert!(restarts_in_band <= seen.restarts, "{seen:?}");
    assert!(seen.records > KILLS * 100, "{seen:?}");
}

fn published_by(bench: &Bench) -> u64 {
    RingInfo::read(&bench.directory, &bench.name).unwrap().published
}

/// A reader that sleeps is told how many it missed; the writer's own count is the judge.
#[test]
fn a_sleeping_reader_and_a_writer_process_agree_on_what_was_missed() {
    let mut bench = Bench::new(1 << 14);
    bench.spec.capacity = 1 << 14;
    drop(bench.writer());
    let mut sleeper = bench.reader(Start::Oldest);
    let writer = Role::start("publish", &bench);
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
