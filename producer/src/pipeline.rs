//! A feed: one source and the rings it publishes to.
//!
//! | ring | what | opened |
//! |---|---|---|
//! | `BUS/ticks` | the source's records | always |
//! | `BUS/vectors` | features of the ticks | on request |
//! | `BUS/definitions` | instruments | if the source has any |
//! | `BUS/statistics` | imbalances and statistics | if the source has any |
//!
//! Where a source's kinds include heartbeats, a paced feed puts one into each ring that was silent
//! for a second, so that readers of several rings need not wait for it.
//!
//! Decoding, normalising, features and publishing run on the caller's thread. Records of one step
//! are staged, and the rings' `published` moves once at its end.

mod directory;
mod rings;
mod summary;

use std::time::Duration;
use tickring::{Directory, JournalSpec, Memory};

pub use summary::{Journaled, Summary};

use crate::error::Error;
use crate::features::FeatureOptions;
use crate::pace::{Clock, Pace, Pacer, RealClock};
use crate::source::{Progress, Source};
use rings::Rings;

/// Entries for instruments unless said otherwise: 4 MiB, enough for a whole stock exchange.
pub const DEFAULT_INSTRUMENTS: u64 = 1 << 14;

/// Options of [`Feed`].
#[derive(Clone, Debug)]
pub struct FeedOptions {
    /// Where the bus lies.
    pub directory: Directory,
    /// Name of the bus.
    pub bus: String,
    /// Slots of the ring of ticks, a power of two.
    pub capacity: u64,
    /// Entries of the ring of ticks for instruments, a power of two or 0: definitions, and the last
    /// quote and trade of each.
    pub instruments: u64,
    /// Speed.
    pub pace: Pace,
    /// Features to publish; none without.
    pub vectors: Option<FeatureOptions>,
    /// A journal that the rings' writers keep; none without.
    pub journal: Option<JournalSpec>,
    /// Permissions of the rings' files.
    pub mode: u32,
    /// How the rings lie in memory.
    pub memory: Memory,
    /// Period of the threads that wake sleeping readers of other users; none without.
    pub wake_ticker: Option<Duration>,
}

impl FeedOptions {
    /// Returns options for a bus: default capacity, full speed, no vectors.
    #[must_use]
    pub fn new(directory: Directory, bus: impl Into<String>) -> Self {
        Self {
            directory,
            bus: bus.into(),
            capacity: tickring::DEFAULT_CAPACITY,
            instruments: DEFAULT_INSTRUMENTS,
            pace: Pace::Max,
            vectors: None,
            journal: None,
            mode: 0o640,
            memory: Memory::default(),
            wake_ticker: None,
        }
    }
}

/// Publishes a source.
///
/// Dropping a feed that is not [closed](Self::close) leaves its rings open, as if the process had
/// died; another feed may go on.
#[derive(Debug)]
pub struct Feed<S, C = RealClock> {
    source: S,
    pacer: Pacer<C>,
    rings: Rings,
    ended: bool,
}

impl<S: Source> Feed<S> {
    /// Opens the rings.
    ///
    /// # Errors
    /// [`Error::Bus`] if a ring cannot be opened, [`Error::Option`] if an option is out of range.
    pub fn open(source: S, options: &FeedOptions) -> Result<Self, Error> {
        Self::with_clock(source, options, RealClock::default())
    }
}

impl<S: Source, C: Clock> Feed<S, C> {
    /// Opens the rings, with a clock of the caller's.
    ///
    /// # Errors
    /// [`Error::Bus`] if a ring cannot be opened, [`Error::Option`] if an option is out of range.
    pub fn with_clock(source: S, options: &FeedOptions, clock: C) -> Result<Self, Error> {
        let pacer = Pacer::new(options.pace, clock)?;
        let rings = Rings::open(options, source.kinds())?;
        Ok(Self { source, pacer, rings, ended: false })
    }

    /// Publishes what is due, up to `budget` inputs.
    ///
    /// Gives [`Progress::Idle`] when nothing was due; by then it has slept until something is, or
    /// for 20 ms, unless it is the source that has nothing: see [`wait`](Self::wait). At the end of the input the rings are closed and every later call gives
    /// [`Progress::End`]. Cost: see [`Source::poll`]; no system call at full speed.
    ///
    /// # Errors
    /// [`Error`] if the source cannot go on. What came before is published, and the rings are
    /// still open.
    pub fn run_once(&mut self, budget: usize) -> Result<Progress, Error> {
        if self.ended {
            return Ok(Progress::End);
        }
        let progress = match self.pacer.pace() {
            Pace::Max => self.source.poll(&mut self.rings, budget),
            Pace::Rate(_) => self.run_at_rate(budget),
            Pace::Replay(_) => self.replay(budget),
        };
        self.rings.flush();
        if let Ok(Progress::End) = progress {
            self.ended = true;
            self.rings.close();
        } else if S::IS_LIVE || self.pacer.pace() != Pace::Max {
            // From a file at full speed the output is a function of the input alone.
            self.rings.break_silence(self.pacer.now_ns());
        }
        progress
    }

    /// Waits until the source may have input after [`Progress::Idle`], at most for `limit`.
    pub fn wait(&mut self, limit: Duration) {
        self.source.wait(limit);
    }

    /// Publishes as many inputs as the rate allows now.
    fn run_at_rate(&mut self, budget: usize) -> Result<Progress, Error> {
        let allowed = self.pacer.allowance(self.rings.published());
        let budget = usize::try_from(allowed).unwrap_or(usize::MAX).min(budget);
        if budget == 0 {
            self.pacer.rest(None);
            return Ok(Progress::Idle);
        }
        self.source.poll(&mut self.rings, budget)
    }

    /// Publishes the inputs whose time has come.
    fn replay(&mut self, budget: usize) -> Result<Progress, Error> {
        let mut consumed = 0;
        while consumed < budget {
            let time_ns = self.source.next_time_ns();
            if !self.pacer.is_due(time_ns) {
                if consumed == 0 {
                    self.pacer.rest(time_ns);
                    return Ok(Progress::Idle);
                }
                break;
            }
            match self.source.poll(&mut self.rings, 1)? {
                Progress::Advanced(inputs) => consumed += inputs,
                other if consumed == 0 => return Ok(other),
                Progress::Idle | Progress::End => break,
            }
        }
        Ok(Progress::Advanced(consumed))
    }

    /// Returns what was published and seen so far.
    ///
    /// Cost: allocates.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.rings.summary(self.source.report())
    }

    /// Closes the rings, if the end of the input has not, and returns the summary.
    #[must_use]
    pub fn close(mut self) -> Summary {
        self.rings.close();
        self.summary()
    }
}
