//! Where a consumer reads: a ring, with its journal or without, behind a history or not.

mod history;

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
    /// nothing is missed and a restart is exact however long it takes.
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
    history: Option<History>,
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
        Ok(Self { source, history: None })
    }

    /// Reads this first.
    pub(crate) fn begin_with(&mut self, history: History) {
        self.history = Some(history);
    }

    pub(crate) fn history(&self) -> Option<&History> {
        self.history.as_ref()
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
        if let Some(history) = &mut self.history {
            if let Some(found) = history.poll_batch(batch, max)? {
                return Ok(found);
            }
            self.history = None;
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
