//! What it takes and costs to wait: wake-up latency, publishing to readers that sleep or do
//! nothing, and the time to create and attach a ring.
//!
//! # Concepts
//!
//! - [`wake`]: records at a schedule, read by another process that waits in one of three ways;
//!   beside them a line through a pipe, which wakes a sleeping process too.
//! - [`cost`]: a writer at full speed, or with gaps in which readers fall asleep again, beside a
//!   copy of the same bytes. All cases take turns; a ratio is one within a round.
//! - [`attach`]: a ring of 64 MiB created, taken over and attached, beside setting as many bytes.
//! - The other process is [`sleeper`].

pub mod attach;
pub mod cost;
pub mod options;
pub mod record;
pub mod sleeper;
pub mod wake;

use crate::clock::{self, Agreement, Clock};
use crate::failure::Failure;
use crate::machine::{Machine, Scheduling};
use crate::peer::{PATIENCE_SECONDS, SHARED_FILE};
use crate::pin::{self, Cores};
use crate::place;
use crate::process::Process;
use crate::shared::Shared;
use crate::workload::price;
use sleeper::Task;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tickring::record::{Record, Trade};
use tickring::{Directory, RingName, RingSpec, Writer};

/// Slots of a ring whose readers wait: 4 MiB.
const SLOTS: u64 = 1 << 16;

/// What is to be measured, and how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// The cores of the two processes.
    pub cores: Cores,
    /// Rounds; each takes one sample of each case of [`wake`] and [`cost`].
    pub rounds: u32,
    /// Length of a burst at a schedule.
    pub paced: Duration,
    /// Length of a burst at full speed.
    pub full: Duration,
    /// How long an idle reader waits.
    pub idle: Duration,
    /// How often a ring is created and attached.
    pub tries: u32,
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
    /// Wake-up latencies.
    pub wake: wake::Wakes,
    /// Costs of publishing.
    pub cost: cost::Costs,
    /// Times to create and attach.
    pub attach: attach::Times,
}

/// The two processes, and where they meet.
struct Bench {
    // Before the directory: the other process is gone when it is removed.
    sleeper: Process,
    clock: Clock,
    plan: Plan,
    /// Whether other processes are kept out and need their share of the cores afterwards.
    rests: bool,
    root: TempDir,
}

impl Plan {
    /// Starts the other process and measures everything.
    ///
    /// # Errors
    ///
    /// [`Failure`]: also if a single record was wrong or not accounted for.
    pub fn run(self) -> Result<Outcome, Failure> {
        let machine = Machine::inspect()?;
        pin::end_after(PATIENCE_SECONDS);
        pin::pin(self.cores.sender)?;
        let root = place::directory()?;
        let shared = Shared::create(&root.path().join(SHARED_FILE))?;
        let mut bench = Bench {
            sleeper: Process::start(root.path(), self.cores.receiver)?,
            clock: Clock::calibrate(),
            plan: self,
            rests: machine.scheduling == Scheduling::RealTime,
            root,
        };
        bench.sleeper.tell(&Task::Compare.encode())?;
        let agreement = clock::compare(&shared, &bench.clock)?;
        let wake = wake::measure(&mut bench)?;
        let cost = cost::measure(&mut bench)?;
        let attach = attach::measure(&bench)?;
        Ok(Outcome { plan: self, machine, clock: bench.clock, agreement, wake, cost, attach })
    }
}

impl Bench {
    /// Does `burst` and then leaves the core for as long to others, where they were kept out.
    fn burst<T>(
        &mut self,
        burst: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        pin::end_after(PATIENCE_SECONDS);
        let begin = Instant::now();
        let outcome = burst(self)?;
        if self.rests {
            thread::sleep(begin.elapsed());
        }
        Ok(outcome)
    }

    fn writer(&self, ring: Ring) -> Result<Writer, Failure> {
        ring.writer(self.root.path())
    }
}

/// The rings between the two processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// Without last values.
    Plain,
    /// With the last values of as many instruments as [`cost`] uses.
    LastValues,
}

impl Ring {
    /// Its name.
    ///
    /// # Errors
    ///
    /// None in practice: the names are valid.
    pub fn name(self) -> Result<RingName, tickring::Error> {
        match self {
            Self::Plain => RingName::new("waiting", "plain"),
            Self::LastValues => RingName::new("waiting", "last-values"),
        }
    }

    /// Opens it under `root` for writing.
    ///
    /// # Errors
    ///
    /// [`Failure::Bus`].
    pub fn writer(self, root: &Path) -> Result<Writer, Failure> {
        let instruments = match self {
            Self::Plain => 0,
            Self::LastValues => cost::ENTRIES,
        };
        let spec = RingSpec { capacity: SLOTS, instruments, ..RingSpec::new(Trade::kinds())? };
        Ok(Writer::open(&Directory::at(root), &self.name()?, &spec)?)
    }
}

/// The trade of sequence `seq`, due at `due_ticks`.
#[inline]
#[must_use]
pub fn trade(seq: u64, instrument: u32, due_ticks: u64) -> Trade {
    Trade {
        trade_id: seq,
        price: price(seq),
        size: 1,
        ts_recv: due_ticks,
        ..Trade::empty(1, instrument, seq)
    }
}

/// Whether `found` is the trade of sequence `seq`, whenever it was due.
#[inline]
#[must_use]
pub fn is_trade(seq: u64, found: &Trade) -> bool {
    found.trade_id == seq && found.price == price(seq) && found.header.ts_event == seq
}
