//! Where a reader joins a ring.

use super::{FIRST_EPOCH, Reader};
use crate::directory::{Directory, RingName};
use crate::enrolment::Enrolment;
use crate::error::Error;
use crate::geometry::{SEQUENCE_LIMIT, TIME_EVERY};
use crate::memory::Memory;
use crate::registry::Counters;
use crate::schema::Layouts;
use crate::segment::{Access, Segment};
use crate::wait::Wait;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Where a reader joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the next record to be published.
    Latest,
    /// At the oldest record, an eighth of the ring away from where the writer overwrites.
    Oldest,
    /// At this sequence. If it is overwritten already the first poll says how many were missed;
    /// if it is still to come the reader waits for it.
    Sequence(u64),
    /// At this time by the writer's clock, in nanoseconds since the Unix epoch: in front of the
    /// first record that was published then or later, by 64 records at most, because the time of
    /// every 64th is kept. The oldest record if the ring does not reach back so far, the latest if
    /// the time is still to come.
    Time(u64),
    /// At the time so long ago.
    Ago(Duration),
    /// Where another reader of the same ring stood.
    Token(Token),
}

/// A place in a ring that outlives the reader and the process.
///
/// Text: `RING_ID-EPOCH-SEQUENCE`, the first in 32 hexadecimal digits.
///
/// # Examples
///
/// ```
/// let text = "000102030405060708090a0b0c0d0e0f-1-4711";
/// let token: tickring::Token = text.parse()?;
/// assert_eq!((token.epoch, token.seq), (1, 4711));
/// assert_eq!(token.to_string(), text);
/// # Ok::<(), tickring::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    /// The ring, see [`RingInfo::ring_id`](crate::RingInfo::ring_id).
    pub ring_id: u128,
    /// The writer's life in which the token was given.
    pub epoch: u64,
    /// The next sequence to be read.
    pub seq: u64,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}-{}-{}", self.ring_id, self.epoch, self.seq)
    }
}

impl FromStr for Token {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut parts = text.split('-');
        let token = (|| {
            let ring_id = parts.next().filter(|digits| digits.len() == 32)?;
            let ring_id = u128::from_str_radix(ring_id, 16).ok()?;
            let (epoch, seq) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            parts.next().is_none().then_some(Self { ring_id, epoch, seq })
        })();
        token.ok_or_else(|| Error::Token { found: text.to_owned() })
    }
}

/// How a reader joins.
#[derive(Clone, Debug)]
pub struct ReaderOptions {
    /// Where.
    pub start: Start,
    /// Under which name it is shown to people, of at most 32 bytes. Need not be unique; one
    /// without a name is not shown.
    pub name: String,
    /// How it waits.
    pub wait: Wait,
    /// Wishes on the memory behind the ring.
    pub memory: Memory,
}

impl ReaderOptions {
    /// Joins at `start` under the name of the program, and waits by default.
    #[must_use]
    pub fn new(start: Start) -> Self {
        let program = std::fs::read_to_string("/proc/self/comm").unwrap_or_default();
        Self::named(program.trim_end(), start)
    }

    /// Joins at `start` under a name, and waits by default.
    #[must_use]
    pub fn named(name: &str, start: Start) -> Self {
        let (wait, memory) = (Wait::default(), Memory::default());
        Self { start, name: name.to_owned(), wait, memory }
    }
}

impl Reader {
    /// Attaches to ring `name`, read-only.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::NotASegment`], [`Error::LayoutVersion`],
    /// [`Error::Truncated`], [`Error::Corrupt`], [`Error::Schema`], [`Error::TokenMismatch`],
    /// [`Error::Memory`] or [`Error::Io`].
    pub fn open(directory: &Directory, name: &RingName, start: Start) -> Result<Self, Error> {
        Self::open_with(directory, name, &ReaderOptions::new(start))
    }

    /// Attaches to ring `name`, read-only, with options. Cost: maps every page of the ring.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(
        directory: &Directory,
        name: &RingName,
        options: &ReaderOptions,
    ) -> Result<Self, Error> {
        let segment = Segment::attach(directory, name, Access::Read, &options.memory)?;
        let words = segment.slots().payload_words();
        let layouts = Layouts::of(segment.schema().kinds());
        let mut reader = Self {
            enrolment: Enrolment::new(&segment, &options.name),
            segment,
            cursor: 0,
            epoch: FIRST_EPOCH,
            lapped_epoch: None,
            scratch: vec![0; words].into_boxed_slice(),
            counters: Counters::default(),
            empties: 0,
            vanished: None,
            wait: options.wait,
            layouts,
        };
        reader.seek(options.start)?;
        Ok(reader)
    }

    /// Moves the cursor, at most to sequence 2^62, which no ring reaches.
    ///
    /// # Errors
    ///
    /// [`Error::TokenMismatch`] for a token of another ring; the cursor stays.
    pub fn seek(&mut self, start: Start) -> Result<(), Error> {
        let published = self.segment.header().published();
        let wanted = match start {
            Start::Latest => published,
            Start::Oldest => self.segment.geometry().oldest(published),
            Start::Sequence(seq) => seq,
            Start::Time(at_ns) if at_ns >= crate::now_ns() => published,
            Start::Time(at_ns) => self.seq_at(at_ns),
            Start::Ago(Duration::ZERO) => published,
            Start::Ago(age) => {
                let age_ns = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
                self.seq_at(crate::now_ns().saturating_sub(age_ns))
            }
            Start::Token(token) => self.seq_of(token)?,
        };
        self.set_cursor(wanted);
        Ok(())
    }

    /// Moves the cursor to a sequence.
    pub(crate) fn set_cursor(&mut self, seq: u64) {
        self.cursor = seq.min(SEQUENCE_LIMIT);
        let epoch = self.segment.header().epoch();
        // The restart record of an epoch that began behind the cursor will not be met.
        self.epoch = if epoch.start < self.cursor { epoch.number } else { FIRST_EPOCH };
        self.lapped_epoch = None;
        self.report();
    }

    /// The place of this reader, to be taken up by another one later.
    #[must_use]
    pub fn token(&self) -> Token {
        let epoch = self.segment.header().epoch().number;
        Token { ring_id: self.segment.identity().ring_id, epoch, seq: self.cursor }
    }

    fn seq_of(&self, token: Token) -> Result<u64, Error> {
        let (epoch, published) = (self.segment.header().epoch().number, self.published());
        let ring_id = self.segment.identity().ring_id;
        if token.ring_id != ring_id || token.epoch > epoch {
            let found = Token { ring_id, epoch, seq: published };
            return Err(Error::TokenMismatch {
                name: self.segment.name().to_string(),
                token: token.to_string(),
                found: found.to_string(),
            });
        }
        Ok(token.seq)
    }

    /// The last sequence whose publish time is kept and not later than `at_ns`. Looks backwards
    /// from the latest one, so that a clock that was set back only affects those before. Cost:
    /// one validated read for each 64 records on the way.
    fn seq_at(&self, at_ns: u64) -> u64 {
        let published = self.segment.header().published();
        let oldest = self.segment.geometry().oldest(published);
        let mut seq = published.saturating_sub(1) / TIME_EVERY * TIME_EVERY;
        while seq > oldest {
            match self.published_at_ns(seq) {
                Some(time_ns) if time_ns <= at_ns => return seq,
                Some(_) => seq -= TIME_EVERY,
                // The writer has come round to here.
                None => break,
            }
        }
        self.segment.geometry().oldest(self.segment.header().published())
    }
}
