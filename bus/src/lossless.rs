//! A reader that misses nothing: it goes to the journal for what was overwritten in the ring.
//!
//! While it keeps up it reads the ring as a [`Reader`] does. When it is lapped it reads on in the
//! journal from the very sequence that it wanted, until the ring holds what comes next. A
//! sequence is given once, wherever it came from. What neither of the two has is reported as
//! [`Poll::Lapped`] with its exact count; what the journal is only late with is waited for.

use crate::batch::Batch;
use crate::directory::{Directory, RingName};
use crate::error::Error;
use crate::journal::{JournalEnd, JournalReader, Origin};
use crate::poll::{Poll, RecordRef};
use crate::reader::{Reader, Start};
use crate::schema::{Layouts, Schema};
use crate::slot::Entry;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// From one look at a journal that is behind to the next.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A reader of a ring and of its journal.
///
/// It is complete where the journal is: with a journal that the writer keeps itself
/// ([`RingSpec::journal`](crate::RingSpec::journal)) always, with a
/// [`Recorder`](crate::Recorder) unless that was lapped.
///
/// # Examples
///
/// ```no_run
/// use tickring::{Directory, LosslessReader, Poll, Start};
///
/// let (directory, name) = (Directory::from_env(), "demo/ticks".parse()?);
/// let mut reader = LosslessReader::open(&directory, &name, "/data/journal", Start::Oldest)?;
/// loop {
///     match reader.poll()? {
///         Poll::Record(record) => println!("{}", record.seq()),
///         Poll::Lapped { missed, .. } => eprintln!("{missed} are in neither ring nor journal"),
///         Poll::Closed(_) => break,
///         _ => std::thread::yield_now(),
///     }
/// }
/// # Ok::<(), tickring::Error>(())
/// ```
#[derive(Debug)]
pub struct LosslessReader {
    ring: Reader,
    journal: JournalReader,
    from: Source,
    cursor: u64,
    missed: u64,
    laps: u64,
    is_waiting: bool,
}

/// Where the next record is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Ring,
    Journal,
}

impl LosslessReader {
    /// Attaches to ring `name`, and to its journal in `journal`, which need not be there yet.
    /// With [`Start::Sequence`] it begins in the journal if the ring has the record no more.
    ///
    /// # Errors
    ///
    /// Those of [`Reader::open`]; [`Error::Io`] if the journal cannot be listed.
    pub fn open(
        directory: &Directory,
        name: &RingName,
        journal: impl AsRef<Path>,
        start: Start,
    ) -> Result<Self, Error> {
        let ring = Reader::open(directory, name, start)?;
        let origin = Origin::of(ring.segment());
        let cursor = ring.cursor();
        let journal = JournalReader::of_ring(journal.as_ref(), origin);
        let from = Source::Ring;
        Ok(Self { ring, journal, from, cursor, missed: 0, laps: 0, is_waiting: false })
    }

    /// Gives the next record.
    ///
    /// [`Poll::Empty`] may also mean that the journal is behind, see
    /// [`is_waiting`](Self::is_waiting). Cost: that of [`Reader::poll`], or after a lap that of
    /// [`JournalReader::poll`].
    ///
    /// # Errors
    ///
    /// Those of [`JournalReader::poll`].
    #[inline]
    pub fn poll(&mut self) -> Result<Poll<RecordRef<'_>>, Error> {
        loop {
            let (seq, found) = match self.from {
                Source::Ring => {
                    let found = self.ring.poll().map(|record| record.seq());
                    (self.cursor, self.after_ring(found)?)
                }
                Source::Journal => {
                    let found = self.journal.poll()?.map(|record| record.seq());
                    (self.cursor, self.after_journal(found)?)
                }
            };
            let Some((found, from)) = found else { continue };
            return Ok(match found {
                Poll::Record(_) => match from {
                    Source::Ring => Poll::Record(self.ring.copied()),
                    Source::Journal => match self.journal.record(seq) {
                        Some(record) => Poll::Record(record),
                        None => Poll::Empty,
                    },
                },
                other => other.map(|_| RecordRef::new(seq, &[], Layouts::NONE)),
            });
        }
    }

    /// Copies up to `max` records into `batch`, replacing what it held, and gives their number.
    ///
    /// A batch comes from one place, the ring or one block of the journal.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll).
    pub fn poll_batch(&mut self, batch: &mut Batch, max: usize) -> Result<Poll<usize>, Error> {
        loop {
            let found = match self.from {
                Source::Ring => {
                    let found = self.ring.poll_batch(batch, max);
                    self.after_ring(found)?
                }
                Source::Journal => {
                    let found = self.journal.poll_batch(batch, max)?;
                    self.after_journal(found)?
                }
            };
            if let Some((found, _)) = found {
                return Ok(found);
            }
        }
    }

    /// Waits as [`Reader::wait`] does, for `limit` at most; for a journal that is behind, a
    /// millisecond. Gives whether there may be something.
    pub fn wait(&mut self, limit: Duration) -> bool {
        match self.from {
            Source::Ring => self.ring.wait(limit),
            Source::Journal => {
                if self.is_waiting {
                    thread::sleep(limit.min(LOOK_EVERY));
                }
                true
            }
        }
    }

    /// The sequence that this reader will read next.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// How many records are published and not read. May be out of date at once.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.ring.published().saturating_sub(self.cursor)
    }

    /// How many records were in neither ring nor journal, in all.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// How often this reader was lapped and went to the journal.
    #[must_use]
    pub fn laps(&self) -> u64 {
        self.laps
    }

    /// Whether the last [`Poll::Empty`] was for a record that the ring has no more and the journal
    /// not yet, while somebody keeps the journal. Should that one be stuck, [`skip`](Self::skip)
    /// goes on without.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// Whether the next record is looked for in the journal.
    #[must_use]
    pub fn is_in_journal(&self) -> bool {
        self.from == Source::Journal
    }

    /// Gives up on what the journal may still get: goes on at the oldest record of the ring and
    /// says how many were missed by that.
    pub fn skip(&mut self) -> u64 {
        let missed = self.ring_lap().map_or(0, |(missed, _)| missed);
        self.missed += missed;
        self.cursor = self.ring.cursor();
        self.from = Source::Ring;
        missed
    }

    /// The ring's reader, to look at the ring.
    #[must_use]
    pub fn ring(&self) -> &Reader {
        &self.ring
    }

    /// The ring's schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        self.ring.schema()
    }

    /// What becomes of an outcome of the ring; `None` to look again elsewhere.
    #[inline]
    fn after_ring<T>(&mut self, found: Poll<T>) -> Result<Option<(Poll<T>, Source)>, Error> {
        self.is_waiting = false;
        if let Poll::Lapped { .. } = found {
            self.enter_journal()?;
            return Ok(None);
        }
        self.cursor = self.ring.cursor();
        Ok(Some((found, Source::Ring)))
    }

    /// What becomes of an outcome of the journal; `None` to look again elsewhere.
    fn after_journal<T>(&mut self, found: Poll<T>) -> Result<Option<(Poll<T>, Source)>, Error> {
        self.is_waiting = false;
        match found {
            Poll::Record(_) | Poll::Tombstone { .. } | Poll::Restarted { .. } => {
                self.cursor = self.journal.cursor();
                // Half a ring from being lapped again: otherwise the journal is the better place.
                if self.lag() <= self.ring.segment().geometry().capacity / 2
                    && !self.is_lapped(self.cursor)
                {
                    self.enter_ring();
                }
                Ok(Some((found, Source::Journal)))
            }
            Poll::Empty | Poll::Closed(_) => self.without_journal(),
            Poll::Lapped { resume, .. } => Ok(self.over_gap(resume)),
        }
    }

    /// The journal has nothing at the cursor: the ring has it, or it is still to come, or lost.
    fn without_journal<T>(&mut self) -> Result<Option<(Poll<T>, Source)>, Error> {
        if !self.is_lapped(self.cursor) {
            self.enter_ring();
            return Ok(None);
        }
        // Looked at behind the ring: what was appended before the record was overwritten shows.
        if self.journal.has_more()? {
            return Ok(None);
        }
        if self.journal.end() == JournalEnd::Open && self.journal.has_file() {
            if self.journal.is_kept() {
                self.is_waiting = true;
                return Ok(Some((Poll::Empty, Source::Journal)));
            }
            // Its keeper is gone without a word. It may have appended just before.
            if self.journal.has_more()? {
                return Ok(None);
            }
        }
        Ok(self.over_gap(u64::MAX))
    }

    /// The journal lacks what is before `journal_resume`; the ring may hold part of it, or all.
    fn over_gap<T>(&mut self, journal_resume: u64) -> Option<(Poll<T>, Source)> {
        let Some((_, ring_resume)) = self.ring_lap() else {
            self.from = Source::Ring;
            return None;
        };
        let resume = ring_resume.min(journal_resume);
        if resume == ring_resume {
            self.from = Source::Ring;
        }
        let missed = resume - self.cursor;
        self.missed += missed;
        self.cursor = resume;
        Some((Poll::Lapped { missed, resume }, self.from))
    }

    /// How many records the ring lacks at the cursor, and where it goes on: its reader stands
    /// there then. `None` if it lacks none.
    fn ring_lap(&mut self) -> Option<(u64, u64)> {
        self.ring.set_cursor(self.cursor);
        match self.ring.view(0, |_| ()) {
            Poll::Lapped { missed, resume } => Some((missed, resume)),
            _ => None,
        }
    }

    /// Whether the ring has overwritten `seq`.
    fn is_lapped(&self, seq: u64) -> bool {
        matches!(self.ring.segment().slot(seq).enter(seq), Entry::Lapped { .. })
    }

    fn enter_ring(&mut self) {
        self.ring.set_cursor(self.cursor);
        self.from = Source::Ring;
    }

    /// Goes on in the journal at the sequence that the ring has no more.
    #[cold]
    fn enter_journal(&mut self) -> Result<(), Error> {
        self.laps += 1;
        self.from = Source::Journal;
        self.journal.forward(self.cursor)
    }
}
