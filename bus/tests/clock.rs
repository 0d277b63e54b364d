//! A writer whose wall clock is set, back and forth, while it publishes.

use crate::role::{PATIENCE, Role};
use crate::support::{Bench, compile_c, id};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;
use tickring::{Poll, Reader, RingInfo, RingState, Start};

const HOUR_NS: u64 = 3_600_000_000_000;
/// Records between two times in the index.
const BLOCK: u64 = 64;

/// A process that publishes without end, by a clock of its own.
struct Clocked {
    bench: Bench,
    clock: File,
    _writer: Role,
}

impl Clocked {
    /// `None`, with a message, on a machine without a C compiler.
    fn start() -> Option<Self> {
        let bench = Bench::new(64);
        let place = bench.directory.root().parent().unwrap().to_owned();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clock/step.c");
        let library = compile_c(&source, &place.join("step.so"), &["-shared", "-fPIC"])?;
        let path = place.join("clock");
        std::fs::write(&path, 0_i64.to_le_bytes()).unwrap();
        let clock = File::options().write(true).open(&path).unwrap();
        let variables =
            [("LD_PRELOAD", library.as_os_str()), ("TICKRING_TEST_CLOCK", path.as_os_str())];
        let writer = Role::start_with("process::other_side", "publish", &bench, &variables);
        Some(Self { bench, clock, _writer: writer })
    }

    fn set(&self, seconds: i64) {
        self.clock.write_all_at(&seconds.to_le_bytes(), 0).unwrap();
    }

    fn reader(&self, start: Start) -> Reader {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Reader::open(&self.bench.directory, &self.bench.name, start) {
                Ok(reader) => return reader,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
        }
    }
}

/// The newest block's time, after some blocks were published behind those there now. What is
/// published meanwhile is read, and must be in order.
fn newest_time(reader: &mut Reader, next: &mut u64) -> (u64, u64) {
    let until = reader.published() + 4 * BLOCK;
    let deadline = Instant::now() + PATIENCE;
    loop {
        for _ in 0..BLOCK {
            match reader.poll().map(id) {
                Poll::Record(seq) => {
                    assert_eq!(seq, *next);
                    *next = seq + 1;
                }
                Poll::Lapped { resume, .. } => *next = resume,
                Poll::Empty => break,
                other => panic!("{other:?}"),
            }
        }
        let block = reader.published().saturating_sub(1) / BLOCK * BLOCK;
        if let Some(at_ns) = reader.published_at_ns(block)
            && block > until
        {
            return (block, at_ns);
        }
        assert!(Instant::now() < deadline, "the writer is stuck at {}", reader.published());
    }
}

#[test]
fn a_clock_that_is_set_back_and_forth_costs_no_record_and_no_join() {
    let Some(clocked) = Clocked::start() else { return };
    let mut reader = clocked.reader(Start::Latest);
    let mut next = reader.cursor();
    let (_, real_ns) = newest_time(&mut reader, &mut next);
    for (seconds, sign) in [(-3600, -1), (3600, 1), (0, 0), (-3600, -1)] {
        clocked.set(seconds);
        let (block, at_ns) = newest_time(&mut reader, &mut next);
        let offset_ns = i128::from(at_ns) - i128::from(real_ns);
        let hours = (offset_ns as f64 / HOUR_NS as f64).round();
        assert_eq!(hours, f64::from(sign), "the writer's clock was not set");
        // A join by that time finds the newest block of that time or one published since, and
        // never one from before the step.
        let joined = clocked.reader(Start::Time(at_ns)).cursor();
        let oldest = clocked.reader(Start::Oldest).cursor();
        assert!(joined >= block || oldest > block, "{joined} for block {block}");
        // Who asks for the past by the real clock gets a place in the ring, whichever it is.
        let past = clocked.reader(Start::Ago(std::time::Duration::from_secs(1)));
        assert!(past.cursor() <= past.published());
        // A writer that lives ahead of or behind its readers is told as alive.
        let info = RingInfo::read(&clocked.bench.directory, &clocked.bench.name).unwrap();
        assert_eq!((info.epoch, info.state), (1, RingState::Live));
        assert!(reader.wait(PATIENCE), "a sleeper is woken by records, not by the clock");
    }
}
