//! Kills at random instants of a writer at full speed, and how soon its readers go on.

use super::{rounds, seeded};
use crate::fork::Fork;
use crate::role::PATIENCE;
use crate::support::{Bench, trade};
use hdrhistogram::Histogram;
use nix::time::{ClockId, clock_gettime};
use rand::RngExt;
use std::io::{PipeReader, Read, Write, pipe};
use std::time::{Duration, Instant};
use tickring::record::Trade;
use tickring::{Batch, Poll, Reader, RingInfo, Start, Writer};

/// Longest life of a writer behind its first record.
const LIFE_NS: u64 = 1_000_000;
/// Records that a batch or view reader takes at once.
const SOME: usize = 100;

/// What a reader saw over the lives of several writers: every sequence is accounted for once.
#[derive(Debug, Default)]
struct Seen {
    records: u64,
    missed: u64,
    tombstones: u64,
    restarts: u64,
    epoch: u64,
}

/// One of the ways to read, with what came of it.
struct Follower {
    reader: Reader,
    way: fn(&mut Reader, &mut Batch) -> Poll<u64>,
    batch: Batch,
    seen: Seen,
}

impl Follower {
    /// Reads once; says whether there was anything.
    fn read(&mut self) -> bool {
        let before = self.reader.cursor();
        let seen = &mut self.seen;
        match (self.way)(&mut self.reader, &mut self.batch) {
            Poll::Record(count) => {
                assert_eq!(self.reader.cursor(), before + count, "skipped or repeated");
                seen.records += count;
            }
            Poll::Tombstone { seq } => {
                assert_eq!((seq, self.reader.cursor()), (before, before + 1));
                seen.tombstones += 1;
            }
            Poll::Restarted { epoch } => {
                assert!(epoch > seen.epoch, "{epoch} after {}", seen.epoch);
                seen.epoch = epoch;
                // In band it takes a sequence; after a lap it was among the missed ones.
                seen.restarts += self.reader.cursor() - before;
            }
            Poll::Lapped { missed, resume } => {
                assert_eq!(resume, before + missed);
                assert_eq!(resume, self.reader.cursor());
                seen.missed += missed;
            }
            Poll::Empty => return false,
            other => panic!("nobody ended the ring: {other:?}"),
        }
        true
    }
}

fn one(reader: &mut Reader, _: &mut Batch) -> Poll<u64> {
    reader.poll().map(|record| {
        assert_eq!(record.get::<Trade>(), Some(&trade(record.seq())), "torn");
        1
    })
}

fn some(reader: &mut Reader, batch: &mut Batch) -> Poll<u64> {
    reader.poll_batch(batch, SOME).map(|count| {
        for record in batch.iter() {
            assert_eq!(record.get::<Trade>(), Some(&trade(record.seq())), "torn");
        }
        count as u64
    })
}

/// Publishes for ever, in batches: the record at sequence n is always the trade n.
pub(super) fn publish(mut writer: Writer) -> ! {
    loop {
        for _ in 0..50 {
            let n = writer.next_seq();
            writer.stage(&trade(n)).unwrap();
        }
        writer.flush();
    }
}

fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    Duration::from(now).as_nanos() as u64
}

/// Starts a writer, which tells through the pipe when it began to open the ring.
fn start_writer(bench: &Bench) -> (Fork, PipeReader) {
    let (told, mut tell) = pipe().unwrap();
    let fork = Fork::start(|| {
        tell.write_all(&monotonic_ns().to_le_bytes()).unwrap();
        publish(bench.writer())
    });
    (fork, told)
}

fn show(role: &str, what: &str, latency: &Histogram<u64>) {
    let us = |quantile| latency.value_at_quantile(quantile) as f64 / 1e3;
    println!(
        "{role}: {what} to the next record at a reader, in us: p50 {:.1} p99 {:.1} p99.9 {:.1} \
         max {:.1}",
        us(0.5),
        us(0.99),
        us(0.999),
        latency.max() as f64 / 1e3
    );
}

/// Kills writers one after the other, each some time after its first record.
pub(super) fn run(role: &str, bench: &Bench) {
    let mut random = seeded(role);
    drop(bench.writer());
    let follower = |way: fn(&mut Reader, &mut Batch) -> Poll<u64>| Follower {
        reader: bench.reader(Start::Oldest),
        way,
        batch: Batch::new(),
        seen: Seen { epoch: 1, ..Seen::default() },
    };
    let mut followers = [follower(one), follower(some)];
    let mut from_open = Histogram::<u64>::new(3).unwrap();
    let mut from_kill = Histogram::<u64>::new(3).unwrap();
    let mut killed_ns = None;
    for _ in 0..rounds() {
        let (mut writer, mut told) = start_writer(bench);
        // The first follower meets the restart record, which is the first that a new writer
        // publishes: nobody else is alive who could.
        let restarts = followers[0].seen.epoch;
        let deadline = Instant::now() + PATIENCE;
        while followers[0].seen.epoch == restarts {
            if !followers[0].read() {
                assert!(Instant::now() < deadline, "the writer does not publish");
            }
        }
        let seen_ns = monotonic_ns();
        let mut opened_ns = [0; 8];
        told.read_exact(&mut opened_ns).unwrap();
        from_open.record(seen_ns.saturating_sub(u64::from_le_bytes(opened_ns))).unwrap();
        if let Some(killed_ns) = killed_ns {
            from_kill.record(seen_ns - killed_ns).unwrap();
        }
        let end_ns = seen_ns + random.random_range(0..LIFE_NS);
        while monotonic_ns() < end_ns {
            for follower in &mut followers {
                follower.read();
            }
        }
        killed_ns = Some(monotonic_ns());
        writer.kill();
        let info = RingInfo::read(&bench.directory, &bench.name).unwrap();
        assert!(info.published >= followers[0].reader.cursor().saturating_sub(50));
    }
    // A last recovery makes visible what was stamped and not flushed when the writer died.
    let next = bench.writer().next_seq();
    for follower in &mut followers {
        while follower.read() {}
        let seen = &follower.seen;
        println!("{role}: {} kills, {seen:?}", rounds());
        let sum = seen.records + seen.missed + seen.tombstones + seen.restarts;
        assert_eq!((sum, follower.reader.cursor()), (next, next), "{seen:?}");
        assert_eq!(seen.epoch, rounds() + 2, "the first writer's, one each, the last one's");
        assert!(seen.tombstones <= rounds(), "{seen:?}");
        assert!(seen.records > rounds(), "{seen:?}");
    }
    show(role, "from the new writer's open", &from_open);
    show(role, "from the kill", &from_kill);
}
