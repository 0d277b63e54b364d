//! Where a consumer reads: a ring, with its journal or without, behind a history or not, or behind
//! the journals of rings that were there before.

mod former;
mod history;

pub(crate) use former::Former;
pub use history::WindowHistory;
pub(crate) use history::{History, find};

use crate::error::WindowError;
use std::path::PathBuf;
use std::time::Duration;
use tickring::{
    Batch, Directory, LosslessReader, Poll, Reader, ReaderOptions, RingName, Start, Token,
};

/// What a consumer reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowInput {
    /// The ring of ticks.
    pub ring: RingName,
    /// Where to begin, unless there is a checkpoint or a history.
    pub start: Start,
    /// The directory of the ring's journal: what the ring has overwritten is read there, so that
    /// nothing is missed and a restart is exact however long it takes. So is what followed the
    /// checkpoint in a ring that is no more, because the machine was started anew.
    pub journal: Option<PathBuf>,
    /// What to read before the ring, the first time.
    pub history: Option<WindowHistory>,
}

impl WindowInput {
    /// A ring from `start` on.
    #[must_use]
    pub fn new(ring: RingName, start: Start) -> Self {
        Self { ring, start, journal: None, history: None }
    }
}

/// An attached input.
#[derive(Debug)]
pub(crate) struct Input {
    source: Source,
    /// What comes before it.
    before: Option<Before>,
}

/// What is read before the ring.
#[derive(Debug)]
enum Before {
    /// A journal of the same stream, which meets the ring.
    History(Box<History>),
    /// The journals of rings that had its name.
    Former(Former),
}

#[derive(Debug)]
enum Source {
    Ring(Box<Reader>),
    Lossless(Box<LosslessReader>),
}

impl Input {
    /// Attaches to the ring and its journal.
    ///
    /// # Errors
    ///
    /// Those of the readers.
    pub(crate) fn open(
        directory: &Directory,
        input: &WindowInput,
        start: Start,
    ) -> Result<Self, tickring::Error> {
        let source = match &input.journal {
            Some(journal) => Source::Lossless(Box::new(LosslessReader::open(
                directory,
                &input.ring,
                journal,
                start,
            )?)),
            None => {
                let joining = ReaderOptions::named("window", start);
                Source::Ring(Box::new(Reader::open_with(directory, &input.ring, &joining)?))
            }
        };
        Ok(Self { source, before: None })
    }

    /// Reads a history first.
    pub(crate) fn begin_with(&mut self, history: History) {
        self.before = Some(Before::History(Box::new(history)));
    }

    /// Reads the rest of former rings first.
    pub(crate) fn follow(&mut self, former: Former) {
        self.before = Some(Before::Former(former));
    }

    /// Whether what is read is not yet the ring.
    pub(crate) fn is_before(&self) -> bool {
        self.before.is_some()
    }

    /// How many former rings are read before the ring.
    pub(crate) fn former_rings(&self) -> u64 {
        match &self.before {
            Some(Before::Former(former)) => former.count(),
            _ => 0,
        }
    }

    pub(crate) fn history(&self) -> Option<&History> {
        match &self.before {
            Some(Before::History(history)) => Some(history),
            _ => None,
        }
    }

    /// Takes up to `max` records.
    ///
    /// # Errors
    ///
    /// Those of a journal, [`WindowError::Seam`] if the history ends early.
    #[inline]
    pub(crate) fn poll_batch(
        &mut self,
        batch: &mut Batch,
        max: usize,
    ) -> Result<Poll<usize>, WindowError> {
        if let Some(before) = &mut self.before {
            let found = match before {
                Before::History(history) => history.poll_batch(batch, max)?,
                Before::Former(former) => former.poll_batch(batch, max)?,
            };
            if let Some(found) = found {
                return Ok(found);
            }
            self.before = None;
        }
        match &mut self.source {
            Source::Ring(reader) => Ok(reader.poll_batch(batch, max)),
            Source::Lossless(reader) => Ok(reader.poll_batch(batch, max)?),
        }
    }

    pub(crate) fn wait(&mut self, limit: Duration) -> bool {
        match &mut self.source {
            Source::Ring(reader) => reader.wait(limit),
            Source::Lossless(reader) => reader.wait(limit),
        }
    }

    /// Whether nothing is there only because the journal is behind.
    pub(crate) fn is_waiting(&self) -> bool {
        match &self.source {
            Source::Ring(_) => false,
            Source::Lossless(reader) => reader.is_waiting(),
        }
    }

    pub(crate) fn cursor(&self) -> u64 {
        match &self.source {
            Source::Ring(reader) => reader.cursor(),
            Source::Lossless(reader) => reader.cursor(),
        }
    }

    pub(crate) fn lag(&self) -> u64 {
        match &self.source {
            Source::Ring(reader) => reader.lag(),
            Source::Lossless(reader) => reader.lag(),
        }
    }

    /// The place in the ring.
    pub(crate) fn token(&self) -> Token {
        Token { seq: self.cursor(), ..self.ring().token() }
    }

    /// The ring's reader, to look at the ring.
    pub(crate) fn ring(&self) -> &Reader {
        match &self.source {
            Source::Ring(reader) => reader,
            Source::Lossless(reader) => reader.ring(),
        }
    }
}
