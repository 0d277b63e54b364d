//! Waiting: with and without a control segment, on one ring and on several.

use crate::support::{Bench, drain, trade};
use nix::unistd::{Pid, gettid};
use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tickring::{
    CloseReason, Poll, Reader, ReaderInfo, ReaderOptions, RingInfo, RingName, RingSpec, Start,
    Wait, Writer, wait_any,
};

const LONG: Duration = Duration::from_secs(60);

fn sleeper(bench: &Bench, name: &str) -> Reader {
    let options = ReaderOptions {
        name: name.to_owned(),
        wait: Wait::sleeping(),
        ..ReaderOptions::new(Start::Latest)
    };
    Reader::open_with(&bench.directory, &bench.name, &options).unwrap()
}

/// Lets `act` happen once the reader sleeps, and gives what it then finds.
fn woken_by(mut reader: Reader, act: impl FnOnce()) -> Poll<u64> {
    let (begun, begins) = mpsc::channel();
    let (found, finds) = mpsc::channel();
    let thread = thread::spawn(move || {
        begun.send(gettid()).unwrap();
        assert!(reader.wait(LONG), "nobody woke the reader");
        found.send(reader.poll().map(|record| record.seq())).unwrap();
    });
    wait_until_asleep(begins.recv().unwrap());
    act();
    let outcome = finds.recv().unwrap();
    thread.join().unwrap();
    outcome
}

/// Waits until a thread of this process sleeps, in a futex call or for a time.
fn wait_until_asleep(thread: Pid) {
    const FUTEX_AND_NANOSLEEP: [&str; 4] = ["202 ", "449 ", "230 ", "35 "];
    let path = format!("/proc/self/task/{thread}/syscall");
    // Where the kernel does not tell, the race is left to chance: it may be won either way.
    while let Ok(call) = fs::read_to_string(&path) {
        if FUTEX_AND_NANOSLEEP.iter().any(|number| call.starts_with(number)) {
            return;
        }
        thread::yield_now();
    }
}

#[test]
fn a_reader_that_finds_a_record_does_not_wait() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Latest);
    assert!(!reader.wait(Duration::ZERO));
    assert!(!reader.wait(Duration::from_millis(3)), "the limit ends it");
    writer.publish(&trade(0)).unwrap();
    for _ in 0..2 {
        assert!(reader.wait(Duration::ZERO));
    }
    assert_eq!(drain(&mut reader), [Poll::Record(0)]);
}

#[test]
fn a_sleeping_reader_is_woken_by_a_record_by_the_end_and_by_the_next_writer() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let outcome = woken_by(sleeper(&bench, "a"), || _ = writer.publish(&trade(0)).unwrap());
    assert_eq!(outcome, Poll::Record(0));
    drop(writer);
    let reader = sleeper(&bench, "b");
    let outcome = woken_by(reader, || drop(bench.writer()));
    assert_eq!(outcome, Poll::Restarted { epoch: 2 });
    let writer = bench.writer();
    let outcome = woken_by(sleeper(&bench, "c"), || writer.close());
    assert_eq!(outcome, Poll::Closed(CloseReason::Ended));
}

#[test]
fn a_staged_batch_wakes_once_it_is_flushed() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let outcome = woken_by(sleeper(&bench, "a"), || {
        for n in 0..5 {
            writer.stage(&trade(n)).unwrap();
        }
        writer.flush();
    });
    assert_eq!(outcome, Poll::Record(0));
}

#[test]
fn every_sleeper_is_woken_and_each_record_is_seen() {
    let bench = Bench::new(1 << 12);
    let mut writer = bench.writer();
    let readers: Vec<_> = (0..8)
        .map(|n| {
            let mut reader = sleeper(&bench, &n.to_string());
            thread::spawn(move || {
                let mut seen = 0;
                while seen < 200 {
                    assert!(reader.wait(LONG));
                    seen += drain(&mut reader).len();
                }
            })
        })
        .collect();
    for n in 0..200 {
        writer.publish(&trade(n)).unwrap();
        thread::yield_now();
    }
    readers.into_iter().for_each(|reader| reader.join().unwrap());
}

#[test]
fn a_sleeper_survives_the_loss_of_the_control_segment() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = sleeper(&bench, "a");
    let ring_id = RingInfo::read(&bench.directory, &bench.name).unwrap().ring_id as u64;
    let object = format!("/dev/shm/tickring-control-{ring_id:016x}");
    let first = control_id(&bench);
    assert_ne!(first, 0);
    fs::remove_file(&object).unwrap();
    writer.publish(&trade(0)).unwrap();
    assert!(reader.wait(LONG) && drain(&mut reader).len() == 1, "both still have it mapped");
    // The writer notices within a second or so, and the reader follows.
    while control_id(&bench) == first {
        writer.heartbeat();
        thread::yield_now();
    }
    let outcome = woken_by(reader, || _ = writer.publish(&trade(1)).unwrap());
    assert_eq!(outcome, Poll::Record(1));
    assert!(fs::exists(&object).unwrap());
    drop(writer);
    assert!(!fs::exists(&object).unwrap(), "nothing is left behind");
}

/// The number of the ring's control segment, as FORMAT.md places it.
fn control_id(bench: &Bench) -> u64 {
    let bytes = fs::read(bench.directory.path_of(&bench.name)).unwrap();
    u64::from_le_bytes(bytes[1064..1072].try_into().unwrap())
}

/// Takes the control segment away before anybody attaches, as from a reader of another user.
fn without_control(bench: &Bench) {
    let path = bench.directory.path_of(&bench.name);
    let file = fs::File::options().write(true).open(path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0; 8], 1064).unwrap();
}

#[test]
fn a_reader_that_nobody_sees_is_woken_by_the_ticker_or_looks_by_itself() {
    for wake_ticker in [Some(Duration::from_millis(2)), None] {
        let mut bench = Bench::new(64);
        bench.spec.wake_ticker = wake_ticker;
        let mut writer = bench.writer();
        without_control(&bench);
        let mut reader = sleeper(&bench, "a");
        assert_eq!(ReaderInfo::list(&bench.directory, &bench.name).unwrap(), []);
        for n in 0..5 {
            let outcome = thread::scope(|scope| {
                let waiting = scope.spawn(|| {
                    assert!(reader.wait(LONG));
                    reader.poll().map(|record| record.seq())
                });
                writer.publish(&trade(n)).unwrap();
                waiting.join().unwrap()
            });
            assert_eq!(outcome, Poll::Record(n), "{wake_ticker:?}");
        }
    }
}

#[test]
fn a_reader_waits_for_several_rings_at_once() {
    let bench = Bench::new(64);
    let spec = &bench.spec;
    let names = ["a", "b", "c"].map(|ring| RingName::new("many", ring).unwrap());
    let mut writers =
        names.each_ref().map(|name| Writer::open(&bench.directory, name, spec).unwrap());
    let mut readers = names.each_ref().map(|name| {
        let options = ReaderOptions { wait: Wait::sleeping(), ..ReaderOptions::new(Start::Latest) };
        Reader::open_with(&bench.directory, name, &options).unwrap()
    });
    assert!(!wait_any(&mut [], LONG), "no ring has nothing to wait for");
    assert!(!wait_any(&mut readers.each_mut(), Duration::from_millis(3)));
    for turn in 0..6 {
        thread::scope(|scope| {
            let waiting = scope.spawn(|| assert!(wait_any(&mut readers.each_mut(), LONG)));
            writers[turn % 3].publish(&trade(1)).unwrap();
            waiting.join().unwrap();
        });
        assert_eq!(drain(&mut readers[turn % 3]).len(), 1);
    }
    names.iter().for_each(|name| bench.directory.remove(name).unwrap());
}

#[test]
fn a_ring_removed_under_a_waiting_reader_is_reported() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    writer.publish(&trade(0)).unwrap();
    bench.directory.remove(&bench.name).unwrap();
    assert_eq!(drain(&mut reader), [Poll::Record(0)], "what is there is read first");
    assert!(reader.wait(LONG));
    assert_eq!(reader.poll().map(|_| ()), Poll::Closed(CloseReason::Removed));
    // Found by polling alone, too.
    let mut bench = Bench::new(64);
    bench.spec = RingSpec { capacity: 128, ..bench.spec.clone() };
    let _writer = bench.writer();
    let mut reader = bench.reader(Start::Latest);
    bench.directory.remove(&bench.name).unwrap();
    let closed = (0..200_000).map(|_| reader.poll().map(|_| ())).find(|poll| *poll != Poll::Empty);
    assert_eq!(closed, Some(Poll::Closed(CloseReason::Removed)));
    assert!(RingInfo::read(&bench.directory, &bench.name).is_err());
}
