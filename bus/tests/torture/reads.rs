//! Readers against a writer at full speed in another process: not one torn record among very
//! many, and every lap with its exact size.

use super::instants::publish;
use crate::fork::Fork;
use crate::support::{Bench, trade};
use std::env;
use std::thread;
use std::time::Instant;
use tickring::record::Trade;
use tickring::{Batch, Poll, Reader, Start};

/// Validated reads in all; ten million without it.
const READS: &str = "TICKRING_TORTURE_READS";
/// Records that are read in place or in a batch at once.
const SOME: usize = 256;
/// Reads in one way before the next has its turn.
const TURN: u64 = 1 << 16;

/// Reads once. Gives the number of records and that of the torn ones among them.
type Read = fn(&mut Reader, &mut Batch) -> Poll<(u64, u64)>;

const WAYS: [(&str, Read); 4] = [
    ("poll", |reader, _| reader.poll().map(|record| (1, is_torn(record.get(), record.seq())))),
    ("poll_batch", |reader, batch| {
        reader.poll_batch(batch, SOME).map(|count| {
            (count as u64, batch.iter().map(|record| is_torn(record.get(), record.seq())).sum())
        })
    }),
    ("view", |reader, _| {
        // What is counted here is garbage until the view is validated, and thrown away with it.
        reader.view(SOME, |view| {
            let torn = view.iter().map(|record| is_torn(Some(&record.read()), record.seq()));
            (view.len() as u64, torn.sum())
        })
    }),
    ("view_at", |reader, _| {
        let first = reader.cursor();
        let seen = reader.view_at(first, SOME, |view| {
            let torn = view.iter().map(|record| is_torn(Some(&record.read()), record.seq()));
            (view.len() as u64, torn.sum())
        });
        match seen {
            Some((count, torn)) => {
                reader.seek(Start::Sequence(first + count)).unwrap();
                Poll::Record((count, torn))
            }
            // Lapped or too early: the single poll knows.
            None => reader.poll().map(|record| (1, is_torn(record.get(), record.seq()))),
        }
    }),
];

fn is_torn(found: Option<&Trade>, seq: u64) -> u64 {
    u64::from(found != Some(&trade(seq)))
}

/// What came of one way of reading.
struct Tally {
    way: &'static str,
    read: Read,
    reader: Reader,
    reads: u64,
    torn: u64,
    missed: u64,
    laps: u64,
}

impl Tally {
    /// Reads once; says whether there was anything.
    fn read(&mut self, batch: &mut Batch) -> bool {
        let before = self.reader.cursor();
        match (self.read)(&mut self.reader, batch) {
            Poll::Record((count, torn)) => {
                assert_eq!(self.reader.cursor(), before + count, "{}", self.way);
                self.reads += count;
                self.torn += torn;
            }
            Poll::Lapped { missed, resume } => {
                let cursor = self.reader.cursor();
                assert_eq!((resume, before + missed), (cursor, cursor), "{}", self.way);
                self.missed += missed;
                self.laps += 1;
            }
            Poll::Empty => return false,
            other => panic!("{}: {other:?}", self.way),
        }
        true
    }
}

pub(super) fn run(role: &str, bench: &Bench) {
    let wanted = env::var(READS).map_or(10_000_000, |text| text.parse().unwrap());
    let writer = bench.writer();
    let tally = |(way, read)| {
        let reader = bench.reader(Start::Oldest);
        Tally { way, read, reader, reads: 0, torn: 0, missed: 0, laps: 0 }
    };
    let mut tallies = WAYS.map(tally);
    let mut batch = Batch::new();
    drop(writer);
    let begin = Instant::now();
    let mut writer = Fork::start(|| publish(bench.writer()));
    // The restart record of the writer is the first of the ring.
    for tally in &mut tallies {
        while !matches!(tally.reader.poll(), Poll::Restarted { .. }) {}
        tally.missed = tally.reader.cursor();
    }
    while tallies.iter().map(|tally| tally.reads).sum::<u64>() < wanted {
        for tally in &mut tallies {
            let end = tally.reads + TURN;
            while tally.reads < end {
                if !tally.read(&mut batch) {
                    thread::yield_now();
                }
            }
        }
    }
    let took = begin.elapsed();
    writer.kill();
    drop(bench.writer());
    let (mut reads, mut torn) = (0, 0);
    for tally in &mut tallies {
        println!(
            "{role}: {}: {} reads, {} torn, {} laps with {} missed",
            tally.way, tally.reads, tally.torn, tally.laps, tally.missed
        );
        assert_eq!(tally.torn, 0, "{}", tally.way);
        assert!(tally.laps > 0, "{} was never lapped", tally.way);
        assert_eq!(tally.reads + tally.missed, tally.reader.cursor(), "{}", tally.way);
        reads += tally.reads;
        torn += tally.torn;
    }
    println!("{role}: {reads} validated reads, {torn} torn, {:.1} s", took.as_secs_f64());
}
