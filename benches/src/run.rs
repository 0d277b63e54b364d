//! A whole measurement: rounds of samples of all cases.

use crate::case::{CASES, Case, Pace};
use crate::clock::{self, Agreement, Clock};
use crate::failure::Failure;
use crate::machine::{Machine, Scheduling};
use crate::memory::{CopyBuffers, CopyRate};
use crate::peer::{PATIENCE_SECONDS, Peer, SHARED_FILE, Task};
use crate::pin::{self, Cores};
use crate::ping;
use crate::place;
use crate::receiver::Order;
use crate::sample::Sample;
use crate::sender::{GAP, Sender, count_of};
use crate::shared::{Line, Shared};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// One record in this many, at the beginning of a burst, is not timed.
const SKIP_ONE_IN: u64 = 20;

/// What is to be measured, and how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// The cores of the two processes.
    pub cores: Cores,
    /// Rounds; each takes one sample of each case.
    pub rounds: u32,
    /// Length of a burst.
    pub burst: Duration,
    /// Length of a ping-pong.
    pub ping: Duration,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was asked for.
    pub plan: Plan,
    /// Where.
    pub machine: Machine,
    /// By which clock.
    pub clock: Clock,
    /// How well the two cores' clocks agree.
    pub agreement: Agreement,
    /// All samples, mixed ones included, in the order in which they were taken.
    pub samples: Vec<Sample>,
}

/// Two processes between which is measured.
struct Bench {
    // Before the directory: the rings and the other process are gone when it is removed.
    peer: Peer,
    senders: Vec<Sender>,
    shared: Shared,
    clock: Clock,
    plan: Plan,
    root: TempDir,
}

impl Plan {
    /// Starts the other process and takes all samples.
    ///
    /// # Errors
    ///
    /// [`Failure`]: also if a single record was wrong, out of order or not accounted for.
    pub fn run(self) -> Result<Outcome, Failure> {
        let machine = Machine::inspect()?;
        pin::end_after(PATIENCE_SECONDS);
        pin::pin(self.cores.sender)?;
        let mut bench = Bench::open(self)?;
        bench.peer.tell(Task::Compare)?;
        let agreement = clock::compare(&bench.shared, &bench.clock)?;
        let mut buffers = CopyBuffers::new();
        let mut samples = Vec::new();
        for round in 0..self.rounds {
            let copy = buffers.measure();
            for case in CASES {
                let begin = Instant::now();
                pin::end_after(PATIENCE_SECONDS);
                let sample = bench.sample(round, case, copy)?;
                sample.check()?;
                samples.push(sample);
                if machine.scheduling == Scheduling::RealTime {
                    thread::sleep(begin.elapsed());
                }
            }
        }
        Ok(Outcome { plan: self, machine, clock: bench.clock, agreement, samples })
    }
}

impl Bench {
    fn open(plan: Plan) -> Result<Self, Failure> {
        let root = place::directory()?;
        let shared = Shared::create(&root.path().join(SHARED_FILE))?;
        let mut senders: Vec<Sender> = Vec::new();
        for case in CASES {
            if senders.iter().all(|sender| sender.load() != case.load) {
                senders.push(Sender::open(case.load, root.path())?);
            }
        }
        let peer = Peer::start(root.path(), plan.cores.receiver)?;
        Ok(Self { peer, senders, shared, clock: Clock::calibrate(), plan, root })
    }

    fn sample(&mut self, round: u32, case: Case, copy: CopyRate) -> Result<Sample, Failure> {
        let Plan { burst, ping, .. } = self.plan;
        let order = self.order(&case);
        let (shared, clock) = (&self.shared, &self.clock);
        let Some(sender) = self.senders.iter_mut().find(|sender| sender.load() == case.load) else {
            unreachable!("a sender was opened in {:?} for each load", self.root)
        };
        shared.word(Line::End).store(0, Ordering::Relaxed);
        let task = if case.is_read { Task::Read(case.load, order) } else { Task::Ping };
        self.peer.tell(task)?;
        let before_ns = ping::measure(shared, clock, ping)?;
        let sent = sender.burst(&case, burst, shared, clock)?;
        if !case.is_read {
            self.peer.tell(Task::Ping)?;
        }
        let after_ns = ping::measure(shared, clock, ping)?;
        let tally = if case.is_read { Some(self.peer.tally()?) } else { None };
        Ok(Sample { round, case, before_ns, after_ns, sent, tally, copy })
    }

    fn order(&self, case: &Case) -> Order {
        let skip = match case.pace {
            Pace::Rate { per_second } => count_of(per_second, self.plan.burst) / SKIP_ONE_IN,
            Pace::Full { .. } => 0,
        };
        Order { is_timed: case.is_paced(), skip, gap_ticks: self.clock.ticks(GAP) }
    }
}
