//! A feed: one source and the rings it publishes to.
//!
//! | ring | what | opened |
//! |---|---|---|
//! | `BUS/ticks` | the source's records | always |
//! | `BUS/vectors` | features of the ticks | on request |
//! | `BUS/quotes` | best bid and offer after each event that changed them, and statistics | on request |
//! | `BUS/depth` | ten levels of each side after each event that changed them | on request |
//! | `BUS/definitions` | instruments | if the source has any |
//! | `BUS/statistics` | imbalances and statistics | if the source has any |
//!
//! Where a source's kinds include heartbeats, a paced feed puts one into each ring that was silent
//! for a second, so that readers of several rings need not wait for it.
//!
//! Quotes and levels come at the end of an event, so none comes from within a snapshot. They carry
//! MAYBE_BAD_BOOK unless the book is [Synced](crate::market), and while it is crossed or locked
//! although orders are matched: that is no market, and something is wrong with it. Only a trading
//! status that says so (an auction or a halt), or with statistics the hours of the venue where no
//! status was told, makes such a book a good one. A change of the label
//! alone is published too, at the next event. Their flags besides are LAST, with SNAPSHOT and
//! BAD_TS_RECV as on the record that ended the event, and TOB on quotes, MBP on levels; sizes
//! beyond 32 bits are given as the largest.
//!
//! Of sources with fractional quantities (TradeW, QuoteW, DeltaW), quotes are QuoteW records and
//! levels DepthW records. A DepthW is flagged like any other. A QuoteW has no room for flags, so a
//! reader may take each for good: while a book is not good, a quote without prices stands in its
//! place. Its quantities are in units of 10^`qty_exp` of the instrument directory, which never
//! changes once a quote was told; what stands before a Restart record was told by another feed,
//! perhaps with another directory.
//!
//! Gap records of the source stand in both rings, before
//! what follows the loss. The state of each book stands in the directory of `BUS/ticks` and of
//! `BUS/quotes`, and [`Reader::latest`](tickring::Reader::latest) of the latter tells the last
//! quote.
//!
//! What the source has seen is shown once a second beside the ring of ticks, see [`RingCount`].
//!
//! Decoding, normalising, books, features and publishing run on the caller's thread. Records of one
//! step are staged, and the rings' `published` moves once at its end.
//!
//! [`RingCount`]: tickring::RingCount

mod derived;
mod directory;
mod rings;
mod summary;

use std::time::Duration;
use tickring::{Directory, JournalSpec, Memory};

pub use derived::{QuoteOptions, StatsOptions};
pub use summary::{Journaled, Summary};

use crate::error::Error;
use crate::features::{FeatureOptions, Plant};
use crate::pace::{Clock, Pace, Pacer, RealClock};
use crate::source::{Progress, Source};
use rings::Rings;

/// Entries for instruments unless said otherwise: 4 MiB, enough for a whole stock exchange.
pub const DEFAULT_INSTRUMENTS: u64 = 1 << 14;

/// Slots of the ring of levels unless said otherwise: 6 MiB.
pub const DEFAULT_DEPTH_CAPACITY: u64 = 1 << 14;

/// Silence after which the books of a live source are stale unless said otherwise.
pub const DEFAULT_STALE_AFTER: Duration = Duration::from_secs(10);
/// From one showing of the counts to the next.
const SHOW_EVERY_NS: u64 = 1_000_000_000;

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
    /// Quotes to publish; none without.
    pub quotes: Option<QuoteOptions>,
    /// Slots of the ring of levels, a power of two; no such ring without.
    pub depth: Option<u64>,
    /// How long a live source is silent before its books are taken as stale.
    pub stale_after: Duration,
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
            quotes: None,
            depth: None,
            stale_after: DEFAULT_STALE_AFTER,
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
    stale_after_ns: u64,
    /// When a live source was last heard, by the feed's clock.
    heard_ns: u64,
    /// When the counts were last shown, by the feed's clock.
    shown_ns: Option<u64>,
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
        let mut pacer = Pacer::new(options.pace, clock)?;
        let rings = Rings::open(options, source.kinds())?;
        let stale_after_ns = u64::try_from(options.stale_after.as_nanos()).unwrap_or(u64::MAX);
        let heard_ns = pacer.now_ns();
        Ok(Self { source, pacer, rings, ended: false, stale_after_ns, heard_ns, shown_ns: None })
    }

    /// Publishes what is due, up to `budget` inputs.
    ///
    /// Gives [`Progress::Idle`] when nothing was due; by then it has slept until something is, or
    /// for 20 ms, unless it is the source that has nothing: see [`wait`](Self::wait). At the end of
    /// the input the rings are closed and every later call gives [`Progress::End`]. Cost: see
    /// [`Source::poll`]; no system call at full speed.
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
            Pace::Step => self.run_in_steps(budget),
        };
        if S::IS_LIVE {
            let now_ns = self.pacer.now_ns();
            if let Ok(Progress::Advanced(_)) = progress {
                self.heard_ns = now_ns;
            }
            let silence_ns = now_ns.saturating_sub(self.heard_ns);
            self.rings.set_silent(silence_ns >= self.stale_after_ns);
        }
        self.rings.flush();
        let now_ns = self.pacer.now_ns();
        if self.shown_ns.is_none_or(|shown_ns| now_ns.saturating_sub(shown_ns) >= SHOW_EVERY_NS) {
            self.shown_ns = Some(now_ns);
            self.rings.show(&self.source.report());
        }
        if let Ok(Progress::End) = progress {
            self.ended = true;
            self.rings.close();
        } else if S::IS_LIVE || self.pacer.pace() != Pace::Max {
            // From a file at full speed the output is a function of the input alone.
            self.rings.break_silence(now_ns);
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

    /// Allows so many inputs more, at the pace of steps.
    pub fn allow(&mut self, steps: u64) {
        self.pacer.allow(steps);
    }

    /// Publishes as many inputs as steps are allowed.
    fn run_in_steps(&mut self, budget: usize) -> Result<Progress, Error> {
        let allowed = self.pacer.allowance(self.rings.published());
        let budget = usize::try_from(allowed).unwrap_or(usize::MAX).min(budget);
        if budget == 0 {
            self.pacer.rest(None);
            return Ok(Progress::Idle);
        }
        let progress = self.source.poll(&mut self.rings, budget)?;
        if let Progress::Advanced(inputs) = progress {
            self.pacer.spend(inputs);
        }
        Ok(progress)
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

    /// Gives the vectors that were planted since the last call, if [`FeatureOptions::plant`] asks
    /// for any. What is not asked for is kept.
    pub fn drain_plants(&mut self) -> impl Iterator<Item = Plant> {
        self.rings.drain_plants()
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
