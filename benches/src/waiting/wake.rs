//! From publishing to being read by a process that waits.

use super::sleeper::{END, END_SIZE, Strategy, Tally, Task};
use super::{Bench, Ring, trade};
use crate::distribution::Distribution;
use crate::failure::Failure;
use crate::sender::count_of;
use crate::shared::ticks;
use crate::spread::Spread;
use std::time::Duration;
use tickring::Writer;
use tickring::record::Trade;

/// From the reader's being ready to the first record: it has fallen asleep by then.
const RUN_UP: Duration = Duration::from_millis(2);
/// Records a second.
pub const RATES: [u32; 2] = [1_000, 10_000];

/// Who waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiter {
    /// A process that reads lines from a pipe: what the system takes to wake somebody.
    Pipe,
    /// A reader of a ring.
    Reader(Strategy),
}

/// All bursts of one sort.
#[derive(Clone, Debug)]
pub struct Bursts {
    /// Who waited.
    pub waiter: Waiter,
    /// Records a second.
    pub per_second: u32,
    /// Latencies of all rounds, in ticks.
    pub latency: Distribution,
    /// From the scheduled time to the moment the sending process was about to send, in ticks: its
    /// interruptions, which are part of the latencies.
    pub late: Distribution,
    /// The median of each round, in ticks.
    pub medians: Vec<f64>,
    /// The waiting process's share of its core, by round.
    pub busy: Vec<f64>,
}

/// All of them, and readers that nothing came for.
#[derive(Clone, Debug)]
pub struct Wakes {
    /// By waiter and rate.
    pub bursts: Vec<Bursts>,
    /// Share of its core that a reader took while nothing came.
    pub idle: Vec<(Strategy, f64)>,
}

impl Wakes {
    /// The medians of the pipe at a rate, by round.
    #[must_use]
    pub fn pipe(&self, per_second: u32) -> &[f64] {
        let is_pipe = |b: &&Bursts| b.waiter == Waiter::Pipe && b.per_second == per_second;
        self.bursts.iter().find(is_pipe).map_or(&[], |bursts| &bursts.medians)
    }
}

impl Bursts {
    /// The median latency beside that of `other`, round by round.
    #[must_use]
    pub fn ratio(&self, other: &[f64]) -> Option<Spread> {
        Spread::of(self.medians.iter().zip(other).map(|(own, other)| own / other))
    }
}

/// Takes a burst of each sort in each round, and then lets each reader wait for nothing.
pub(super) fn measure(bench: &mut Bench) -> Result<Wakes, Failure> {
    let mut writer = bench.writer(Ring::Plain)?;
    let waiters = [Waiter::Pipe].into_iter().chain(Strategy::ALL.into_iter().map(Waiter::Reader));
    let mut bursts: Vec<Bursts> = waiters
        .flat_map(|waiter| RATES.map(|per_second| Bursts::new(waiter, per_second)))
        .collect();
    for _ in 0..bench.plan.rounds {
        for of in &mut bursts {
            let tally = bench.burst(|bench| burst(bench, &mut writer, of))?;
            of.take(&tally);
        }
    }
    let mut idle = Vec::new();
    for strategy in Strategy::ALL {
        let millis = u64::try_from(bench.plan.idle.as_millis()).unwrap_or(u64::MAX);
        bench.sleeper.tell(&Task::Idle(strategy, millis).encode())?;
        let tally = tally(bench)?;
        check("idle", &tally, 0)?;
        idle.push((strategy, tally.busy()));
    }
    Ok(Wakes { bursts, idle })
}

impl Bursts {
    fn new(waiter: Waiter, per_second: u32) -> Self {
        let latency = Distribution::new();
        let late = Distribution::new();
        Self { waiter, per_second, latency, late, medians: Vec::new(), busy: Vec::new() }
    }

    fn take(&mut self, tally: &Tally) {
        self.medians.push(tally.latency.quantile(0.5) as f64);
        self.latency.merge(&tally.latency);
        self.busy.push(tally.busy());
    }
}

impl Tally {
    fn busy(&self) -> f64 {
        self.cpu_ns as f64 / self.elapsed_ns.max(1) as f64
    }
}

fn burst(bench: &mut Bench, writer: &mut Writer, of: &mut Bursts) -> Result<Tally, Failure> {
    let Bursts { waiter, per_second, late, .. } = of;
    let (waiter, per_second) = (*waiter, *per_second);
    let task = match waiter {
        Waiter::Pipe => Task::Pipe,
        Waiter::Reader(strategy) => Task::Wake(strategy),
    };
    bench.sleeper.tell(&task.encode())?;
    bench.sleeper.expect_ready()?;
    let count = count_of(per_second, bench.plan.paced);
    let begin = ticks() + bench.clock.ticks(RUN_UP);
    let step = bench.clock.ticks(Duration::from_secs(1) / per_second);
    for number in 0..count {
        let due = begin + number * step;
        let mut now = ticks();
        while now < due {
            now = ticks();
        }
        late.record(now - due);
        match waiter {
            Waiter::Pipe => bench.sleeper.tell(&due.to_string())?,
            Waiter::Reader(_) => {
                writer.publish(&trade(writer.next_seq(), 1, due))?;
            }
        }
    }
    match waiter {
        Waiter::Pipe => bench.sleeper.tell(END)?,
        Waiter::Reader(_) => {
            writer.publish(&Trade { size: END_SIZE, ..trade(writer.next_seq(), 1, 0) })?;
        }
    }
    let tally = tally(bench)?;
    check("wake-up", &tally, count)?;
    Ok(tally)
}

fn tally(bench: &mut Bench) -> Result<Tally, Failure> {
    let line = bench.sleeper.line()?;
    Tally::decode(&line).ok_or(Failure::Protocol { expected: "a tally", found: line })
}

/// Every record was read, and was the one that was sent.
fn check(case: &'static str, tally: &Tally, sent: u64) -> Result<(), Failure> {
    let Tally { read, wrong, .. } = *tally;
    if wrong > 0 {
        return Err(Failure::Wrong { case, wrong, disorder: 0 });
    }
    if read != sent {
        return Err(Failure::Unaccounted { case, sent, read, missed: 0 });
    }
    Ok(())
}
