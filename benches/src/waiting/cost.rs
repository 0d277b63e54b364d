//! What publishing costs a writer whose readers sleep, do nothing, or are not there.

use super::sleeper::Task;
use super::{Bench, Ring, trade};
use crate::distribution::Distribution;
use crate::failure::Failure;
use crate::memory::CopyBuffers;
use crate::shared::ticks;
use crate::spread::Spread;
use std::fmt;
use std::hint::black_box;
use std::thread;
use std::time::Duration;
use tickring::record::Trade;
use tickring::{Directory, Poll, Reader, Start, Writer, WrongKind};

/// Entries for instruments in the ring with last values: an eighth of them stays free, so that
/// 1,024 would hold only 896 instruments.
pub const ENTRIES: u64 = 2048;
/// Instruments where there are many; no divisor of it divides [`STRIDE`].
const MANY: u64 = 1000;
/// From the instrument of one trade to that of the next: each comes once before one comes again.
const STRIDE: u64 = 389;
/// Trades that are prepared before the clock runs.
const PREPARED: u64 = 1024;
/// Passes over them between two looks at the clock.
const PASSES: u32 = 4;
/// Bytes of a record's slot.
pub const SLOT_BYTES: f64 = 64.0;
/// Time for readers to fall asleep before a burst.
const REST: Duration = Duration::from_millis(2);
/// From one batch to the next where readers are to be asleep again, for each reader.
const GAP: Duration = Duration::from_micros(150);

/// Who is attached while the writer publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// So many that do nothing.
    Idle(u32),
    /// So many that sleep, and read when they are woken.
    Asleep(u32),
}

/// When the writer publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rhythm {
    /// Without a pause.
    Full,
    /// In batches so far apart that readers fall asleep in between; only the batches are timed.
    Gaps,
}

/// The trades' instruments, of which the ring keeps last values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastValues {
    /// The ring keeps none.
    None,
    /// All trades are of one instrument.
    One,
    /// They are of a thousand, uniformly.
    Many,
}

/// One way of publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// Who is attached.
    pub readers: Readers,
    /// Records in a batch.
    pub batch: usize,
    /// When it is published.
    pub rhythm: Rhythm,
    /// What is kept.
    pub last_values: LastValues,
}

/// What came out for one case.
#[derive(Clone, Debug)]
pub struct Cost {
    /// The case.
    pub case: Case,
    /// Nanoseconds for a record, by round.
    pub ns: Vec<f64>,
    /// How often a reader was woken for a batch, on average, by round.
    pub woken: Vec<f64>,
}

/// What came out for all cases.
#[derive(Clone, Debug)]
pub struct Costs {
    /// By case.
    pub costs: Vec<Cost>,
    /// Nanoseconds to copy as many bytes as a slot has, within 4 MiB, by round.
    pub copy_ns: Vec<f64>,
    /// Nanoseconds to poll a record that is in the cache, by round.
    pub poll_ns: Vec<f64>,
}

/// All cases, in the order of a round.
#[must_use]
pub fn cases() -> Vec<Case> {
    let batches = [1, 64, 1024];
    let plain =
        |readers, batch, rhythm| Case { readers, batch, rhythm, last_values: LastValues::None };
    let idle = |count| plain(Readers::Idle(count), 1, Rhythm::Full);
    let mut cases = Vec::from([0, 1, 4, 64].map(idle));
    for rhythm in [Rhythm::Full, Rhythm::Gaps] {
        for readers in [Readers::Idle(0), Readers::Asleep(1), Readers::Asleep(4)] {
            let of_batches = batches.map(|batch| plain(readers, batch, rhythm));
            cases.extend(of_batches.into_iter().filter(|case| *case != idle(0)));
        }
    }
    cases.extend(
        [LastValues::One, LastValues::Many]
            .map(|last_values| Case { last_values, ..plain(Readers::Idle(0), 1, Rhythm::Full) }),
    );
    cases
}

impl Case {
    /// The same without readers and last values.
    #[must_use]
    pub fn limit(self) -> Self {
        Self { readers: Readers::Idle(0), last_values: LastValues::None, ..self }
    }
}

impl Costs {
    /// The cost of a case beside its [`limit`](Case::limit), round by round.
    #[must_use]
    pub fn ratio(&self, cost: &Cost) -> Option<Spread> {
        let limit = self.costs.iter().find(|other| other.case == cost.case.limit())?;
        Spread::of(cost.ns.iter().zip(&limit.ns).map(|(own, limit)| own / limit))
    }

    /// The cost of a case beside a copy of the same bytes, round by round.
    #[must_use]
    pub fn of_copy(&self, cost: &Cost) -> Option<Spread> {
        Spread::of(cost.ns.iter().zip(&self.copy_ns).map(|(own, copy)| own / copy))
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readers = match self.readers {
            Readers::Idle(0) => "no reader".to_owned(),
            Readers::Idle(count) => format!("{count} idle"),
            Readers::Asleep(count) => format!("{count} sleeping"),
        };
        let last_values = match self.last_values {
            LastValues::None => "",
            LastValues::One => ", last values of 1 instrument",
            LastValues::Many => ", last values of 1000 instruments",
        };
        f.pad(&format!("{readers}{last_values}"))
    }
}

/// Takes a sample of each case in each round.
pub(super) fn measure(bench: &mut Bench) -> Result<Costs, Failure> {
    let mut plain = bench.writer(Ring::Plain)?;
    let mut keeping = bench.writer(Ring::LastValues)?;
    let of_one: Vec<Trade> = (0..PREPARED).map(|seq| trade(seq, 1, 0)).collect();
    let of_many: Vec<Trade> = (0..PREPARED).map(|seq| trade(seq, instrument(seq), 0)).collect();
    let sample = |case| Cost { case, ns: Vec::new(), woken: Vec::new() };
    let mut costs: Vec<Cost> = cases().into_iter().map(sample).collect();
    let (mut buffers, mut copy_ns, mut poll_ns) = (CopyBuffers::new(), Vec::new(), Vec::new());
    for _ in 0..bench.plan.rounds {
        copy_ns.push(SLOT_BYTES / buffers.measure().l3);
        poll_ns.push(bench.burst(|bench| poll(bench, &mut plain, &of_one))?);
        for cost in &mut costs {
            let (writer, trades) = match cost.case.last_values {
                LastValues::None => (&mut plain, &of_one),
                LastValues::One => (&mut keeping, &of_one),
                LastValues::Many => (&mut keeping, &of_many),
            };
            let case = cost.case;
            let (ns, woken) = bench.burst(|bench| burst(bench, case, writer, trades))?;
            cost.ns.push(ns);
            cost.woken.push(woken);
        }
    }
    Ok(Costs { costs, copy_ns, poll_ns })
}

fn instrument(seq: u64) -> u32 {
    u32::try_from(1 + seq * STRIDE % MANY).unwrap_or(1)
}

/// Nanoseconds for a record, and how often a reader was woken for a batch.
fn burst(
    bench: &mut Bench,
    case: Case,
    writer: &mut Writer,
    trades: &[Trade],
) -> Result<(f64, f64), Failure> {
    let (task, count) = match case.readers {
        Readers::Idle(count) => (Task::Hold(count), count),
        Readers::Asleep(count) => (Task::Sleep(count), count),
    };
    bench.sleeper.tell(&task.encode())?;
    bench.sleeper.expect_ready()?;
    thread::sleep(REST);
    // What the sleep has cooled down does not count.
    if case.rhythm == Rhythm::Full {
        send(writer, trades, case.batch)?;
    }
    let from = writer.next_seq();
    let ns = match case.rhythm {
        Rhythm::Full => full(bench, case, writer, trades)?,
        Rhythm::Gaps => gaps(bench, case, writer, trades)?,
    };
    let sent = writer.next_seq() - from;
    bench.sleeper.tell(&Task::Release.encode())?;
    let line = bench.sleeper.line()?;
    let woken: u64 =
        line.parse().map_err(|_| Failure::Protocol { expected: "a number", found: line })?;
    let batches = sent as f64 / case.batch as f64;
    Ok((ns, woken as f64 / f64::from(count.max(1)) / batches))
}

fn full(bench: &Bench, case: Case, writer: &mut Writer, trades: &[Trade]) -> Result<f64, Failure> {
    let (begin, from) = (ticks(), writer.next_seq());
    let end = begin + bench.clock.ticks(bench.plan.full);
    let mut now = begin;
    while now < end {
        for _ in 0..PASSES {
            send(writer, trades, case.batch)?;
        }
        now = ticks();
    }
    let sent = writer.next_seq() - from;
    Ok(bench.clock.ns(now.saturating_sub(begin)) / sent.max(1) as f64)
}

fn gaps(bench: &Bench, case: Case, writer: &mut Writer, trades: &[Trade]) -> Result<f64, Failure> {
    let count = match case.readers {
        Readers::Idle(count) | Readers::Asleep(count) => count,
    };
    let gap = bench.clock.ticks(GAP * count.max(1));
    let begin = ticks();
    let end = begin + bench.clock.ticks(bench.plan.full);
    let mut taken = Distribution::new();
    let mut now = begin;
    for batch in trades.chunks(case.batch).cycle() {
        let due = now + gap;
        while ticks() < due {
            std::hint::spin_loop();
        }
        let before = ticks();
        writer.publish_batch(black_box(batch))?;
        now = ticks();
        taken.record(now.saturating_sub(before));
        if now >= end {
            break;
        }
    }
    Ok(bench.clock.ns(taken.quantile(0.5)) / case.batch as f64)
}

/// Nanoseconds to poll one of the newest records, again and again.
fn poll(bench: &Bench, writer: &mut Writer, trades: &[Trade]) -> Result<f64, Failure> {
    let from = writer.next_seq();
    send(writer, trades, trades.len())?;
    let sum: u64 = trades.iter().map(|trade| trade.trade_id).sum();
    let directory = Directory::at(bench.root.path());
    let mut reader = Reader::open(&directory, &Ring::Plain.name()?, Start::Sequence(from))?;
    let begin = ticks();
    let end = begin + bench.clock.ticks(bench.plan.full);
    let (mut now, mut polled) = (begin, 0);
    while now < end {
        reader.seek(Start::Sequence(from))?;
        let mut found = 0;
        while let Poll::Record(record) = reader.poll() {
            found += record.get::<Trade>().map_or(0, |trade| trade.trade_id);
        }
        if found != sum {
            return Err(Failure::Unaccounted { case: "poll", sent: sum, read: found, missed: 0 });
        }
        polled += trades.len();
        now = ticks();
    }
    Ok(bench.clock.ns(now.saturating_sub(begin)) / polled.max(1) as f64)
}

/// Publishes all `trades` once.
fn send(writer: &mut Writer, trades: &[Trade], batch: usize) -> Result<(), WrongKind> {
    let trades = black_box(trades);
    if batch == 1 {
        for trade in trades {
            writer.publish(trade)?;
        }
    } else {
        for batch in trades.chunks(batch) {
            writer.publish_batch(batch)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_case_has_its_limit_among_the_cases() {
        let cases = cases();
        assert!(cases.iter().all(|case| cases.contains(&case.limit())));
    }

    #[test]
    fn a_thousand_instruments_come_before_one_comes_again() {
        let seen: BTreeSet<u32> = (0..MANY).map(instrument).collect();
        assert_eq!(seen.len() as u64, MANY);
    }
}
