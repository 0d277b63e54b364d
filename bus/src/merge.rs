//! Several rings as one stream, in order of event time.
//!
//! # Concepts
//!
//! Each ring has a *head*, its next outcome, and a *time* that never goes back: the largest event
//! time of its records so far, or the watermark that its last heartbeat promised. What has no
//! event time, such as a restart or a lap, takes the ring's time. The stream is ordered by (time,
//! number of the ring, sequence).
//!
//! The ring whose next outcome comes first in that order is found by a loser tree, in which a
//! ring without a head stands with its time: the earliest that its next outcome can have. If the
//! first one has a head it is given out; if it has none, nothing can be given out, because what
//! it publishes next may belong in front of all others. So the order does not depend on when the
//! records arrived, as long as no ring is taken for idle.
//!
//! A ring that has been silent for a while is *idle*: the others go on without it. What it
//! publishes later may be behind the merged time; it is given out at once then, flagged as late.

use crate::poll::{CloseReason, Poll, RecordRef};
use crate::reader::{Reader, wait_any};
use crate::record::{Heartbeat, UNDEF_TIME};
use std::time::Duration;
use tree::{EXCLUDED, Tree};

mod clock;
mod tree;

pub use clock::{Clock, MonotonicClock};

/// Options of a [`Merge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeOptions {
    /// How long a ring may be silent before the others stop waiting for it. Counts from the first
    /// poll that had to wait and found nothing in the ring.
    pub idle_after: Duration,
}

impl Default for MergeOptions {
    /// Three seconds: writers put a heartbeat in band about once a second.
    fn default() -> Self {
        Self { idle_after: Duration::from_secs(3) }
    }
}

/// What comes next in the merged stream. `ring` is the place of the ring's reader in the list that
/// the merge was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an outcome may say that records were missed"]
pub enum Merged<'a> {
    /// The next record.
    Record {
        /// Its ring.
        ring: usize,
        /// A validated copy.
        record: RecordRef<'a>,
        /// Whether its event time is behind the merged time: before that of a record that was
        /// given out already.
        late: bool,
    },
    /// Records of a ring were overwritten before they were read.
    Lapped {
        /// The ring.
        ring: usize,
        /// How many, exactly.
        missed: u64,
        /// The sequence at which it goes on.
        resume: u64,
    },
    /// A writer died inside a slot: there is no record of this sequence.
    Tombstone {
        /// The ring.
        ring: usize,
        /// The sequence.
        seq: u64,
    },
    /// A new writer has taken over a ring.
    Restarted {
        /// The ring.
        ring: usize,
        /// The number of the writer's life.
        epoch: u64,
    },
    /// A ring has ended. The others go on; it comes back if a new writer does.
    Closed {
        /// The ring.
        ring: usize,
        /// Why.
        reason: CloseReason,
    },
    /// A ring was silent for too long: the others go on without it.
    Idle {
        /// The ring.
        ring: usize,
    },
    /// An idle ring has something again.
    Resumed {
        /// The ring.
        ring: usize,
    },
    /// Nothing can be given out yet.
    Empty,
    /// Every ring has ended, and everything has been given out.
    Ended,
}

/// Merges rings by event time.
///
/// # Examples
///
/// ```no_run
/// use tickring::merge::{Merge, MergeOptions, Merged};
/// use std::time::Duration;
/// use tickring::{Directory, Reader, Start};
///
/// let directory = Directory::from_env();
/// let open = |name: &str| Reader::open(&directory, &name.parse()?, Start::Oldest);
/// let readers = vec![open("xnas/ticks")?, open("bats/ticks")?];
/// let mut merge = Merge::new(readers, MergeOptions::default());
/// loop {
///     match merge.poll() {
///         Merged::Record { ring, record, .. } => println!("{ring} {:?}", record.header()),
///         Merged::Lapped { ring, missed, .. } => eprintln!("missed {missed} of ring {ring}"),
///         Merged::Empty => _ = merge.wait(Duration::from_secs(1)),
///         Merged::Ended => break,
///         _ => {}
///     }
/// }
/// # Ok::<(), tickring::Error>(())
/// ```
#[derive(Debug)]
pub struct Merge<C = MonotonicClock> {
    rings: Box<[Ring]>,
    tree: Tree,
    clock: C,
    idle_after_ns: u64,
    /// The ring whose head was given out last, and which has none yet.
    given: Option<usize>,
    time_ns: u64,
    /// Rings that are idle or closed.
    excluded: usize,
    /// The ring that is looked at next, should it be excluded.
    turn: usize,
}

/// One ring, and what comes next of it.
#[derive(Debug)]
struct Ring {
    reader: Reader,
    state: State,
    /// The ring's time.
    time_ns: u64,
    /// What the heartbeat promised that is, or was last, the head.
    promised_ns: u64,
    /// Since when the others have been waiting for it.
    silent_since_ns: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Has an outcome to give out. A record stands in the reader.
    Head(Head),
    /// Has none, and belongs to those that count.
    Bare,
    Idle,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    Record { ts_event_ns: u64 },
    Lapped { missed: u64, resume: u64 },
    Tombstone { seq: u64 },
    Restarted { epoch: u64 },
    Closed(CloseReason),
}

impl Merge {
    /// Merges what these readers read, from where their cursors stand, by the machine's clock.
    ///
    /// Cost: allocates, here only.
    #[must_use]
    pub fn new(readers: Vec<Reader>, options: MergeOptions) -> Self {
        Self::with_clock(readers, options, MonotonicClock::default())
    }
}

impl<C: Clock> Merge<C> {
    /// The same by a clock of the caller's, which is asked only while the merge must wait.
    #[must_use]
    pub fn with_clock(readers: Vec<Reader>, options: MergeOptions, clock: C) -> Self {
        let rings: Box<[Ring]> = readers.into_iter().map(Ring::new).collect();
        Self {
            tree: Tree::new(rings.len()),
            rings,
            clock,
            idle_after_ns: u64::try_from(options.idle_after.as_nanos()).unwrap_or(u64::MAX),
            given: None,
            time_ns: 0,
            excluded: 0,
            turn: 0,
        }
    }

    /// Gives out what comes next.
    ///
    /// Cost: one poll of the ring that the last record came from, and a comparison for each
    /// doubling of the number of rings; while rings are idle or closed, a poll of one of them.
    /// No allocation, no system call but the clock's, never blocks.
    pub fn poll(&mut self) -> Merged<'_> {
        if let Some(ring) = self.given.take() {
            self.refill(ring);
        }
        if self.excluded > 0
            && let Some(ring) = self.look_at_excluded(1)
        {
            return Merged::Resumed { ring };
        }
        loop {
            let first = self.tree.winner();
            match self.rings.get(first).map(|ring| ring.state) {
                Some(State::Head(head)) => return self.give(first, head),
                Some(State::Bare) if self.refill(first) => {}
                // It may have got something meanwhile: then it is not silent, and the next poll
                // gives it out.
                Some(State::Bare) if self.is_silent(first) => {
                    self.exclude(first, State::Idle);
                    return Merged::Idle { ring: first };
                }
                _ => break,
            }
        }
        match self.look_at_excluded(self.rings.len()) {
            Some(ring) => Merged::Resumed { ring },
            None if self.rings.iter().all(|ring| ring.state == State::Closed) => Merged::Ended,
            None => Merged::Empty,
        }
    }

    /// Waits until a ring that the merge waits for has something, for `limit` at most and no longer
    /// than until it is idle; see [`Reader::wait`]. Gives whether one has. Rings that have ended
    /// are not waited for. Cost: allocates.
    pub fn wait(&mut self, limit: Duration) -> bool {
        let limit = limit.min(Duration::from_nanos(self.idle_after_ns));
        let waits = |ring: &&mut Ring| matches!(ring.state, State::Bare | State::Idle);
        let rings = self.rings.iter_mut().filter(waits);
        let mut readers: Vec<&mut Reader> = rings.map(|ring| &mut ring.reader).collect();
        wait_any(&mut readers, limit)
    }

    /// The merged time: the largest event time given out so far, in nanoseconds since the epoch.
    #[must_use]
    pub fn time_ns(&self) -> u64 {
        self.time_ns
    }

    /// The readers, in the order of their numbers.
    pub fn readers(&self) -> impl ExactSizeIterator<Item = &Reader> {
        self.rings.iter().map(|ring| &ring.reader)
    }

    /// Takes the next outcome of a ring that counts and has none; says whether there is one.
    #[inline]
    fn refill(&mut self, number: usize) -> bool {
        let Some(ring) = self.rings.get_mut(number) else { return false };
        let has_head = ring.advance();
        self.tree.set(number, ring.time_ns);
        has_head
    }

    #[inline]
    fn give(&mut self, ring: usize, head: Head) -> Merged<'_> {
        let behind_ns = self.time_ns;
        if let Head::Record { ts_event_ns } = head
            && ts_event_ns != UNDEF_TIME
        {
            self.time_ns = behind_ns.max(ts_event_ns);
        }
        if let Head::Closed(reason) = head {
            self.exclude(ring, State::Closed);
            return Merged::Closed { ring, reason };
        }
        self.given = Some(ring);
        let Some(Ring { reader, state, .. }) = self.rings.get_mut(ring) else {
            return Merged::Empty;
        };
        *state = State::Bare;
        match head {
            Head::Record { ts_event_ns } => {
                Merged::Record { ring, record: reader.copied(), late: ts_event_ns < behind_ns }
            }
            Head::Lapped { missed, resume } => Merged::Lapped { ring, missed, resume },
            Head::Tombstone { seq } => Merged::Tombstone { ring, seq },
            Head::Restarted { epoch } => Merged::Restarted { ring, epoch },
            Head::Closed(reason) => Merged::Closed { ring, reason },
        }
    }

    /// Whether the others have been waiting for this ring for too long. Looks at all rings without
    /// a head, so that those that are silent together become idle together.
    #[cold]
    fn is_silent(&mut self, number: usize) -> bool {
        let now_ns = self.clock.now_ns();
        for (number, ring) in self.rings.iter_mut().enumerate() {
            if ring.state == State::Bare {
                if ring.advance() {
                    self.tree.put(number, ring.time_ns);
                } else {
                    ring.silent_since_ns.get_or_insert(now_ns);
                }
            }
        }
        self.tree.play_all();
        let since_ns = self.rings.get(number).and_then(|ring| ring.silent_since_ns);
        since_ns.is_some_and(|since_ns| now_ns.saturating_sub(since_ns) >= self.idle_after_ns)
    }

    #[cold]
    fn exclude(&mut self, number: usize, state: State) {
        if let Some(ring) = self.rings.get_mut(number) {
            ring.state = state;
            self.excluded += 1;
            self.tree.set(number, EXCLUDED);
        }
    }

    /// Looks at the next `count` rings, and takes those back that are excluded and have something
    /// again. Stops at the first that was idle, and gives its number.
    #[cold]
    fn look_at_excluded(&mut self, count: usize) -> Option<usize> {
        for _ in 0..count {
            let number = self.turn;
            self.turn = (number + 1) % self.rings.len().max(1);
            let ring = self.rings.get_mut(number)?;
            let before = ring.state;
            if matches!(before, State::Idle | State::Closed) && ring.advance() {
                self.excluded -= 1;
                self.tree.set(number, ring.time_ns);
                if before == State::Idle {
                    return Some(number);
                }
            }
        }
        None
    }
}

impl Ring {
    fn new(reader: Reader) -> Self {
        Self { reader, state: State::Bare, time_ns: 0, promised_ns: 0, silent_since_ns: None }
    }

    /// Polls the ring and moves its time; says whether it has a head now.
    #[inline]
    fn advance(&mut self) -> bool {
        self.time_ns = self.time_ns.max(self.promised_ns);
        let head = match self.reader.poll() {
            Poll::Record(record) => {
                let ts_event_ns = record.header().map_or(UNDEF_TIME, |header| header.ts_event);
                if ts_event_ns != UNDEF_TIME {
                    self.time_ns = self.time_ns.max(ts_event_ns);
                }
                if let Some(heartbeat) = record.get::<Heartbeat>()
                    && heartbeat.watermark != UNDEF_TIME
                {
                    self.promised_ns = heartbeat.watermark;
                }
                Head::Record { ts_event_ns }
            }
            Poll::Empty => return false,
            Poll::Lapped { missed, resume } => Head::Lapped { missed, resume },
            Poll::Tombstone { seq } => Head::Tombstone { seq },
            Poll::Restarted { epoch } => Head::Restarted { epoch },
            Poll::Closed(_) if self.state == State::Closed => return false,
            Poll::Closed(reason) => Head::Closed(reason),
        };
        self.silent_since_ns = None;
        self.state = State::Head(head);
        true
    }
}
