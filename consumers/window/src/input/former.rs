//! Rings that had the name of the input before it: what followed the checkpoint in them is in their
//! journals.

use crate::error::WindowError;
use std::collections::VecDeque;
use std::path::Path;
use tickring::{Batch, JournalEnd, JournalReader, Poll, RingName, Token};

/// The journals of former rings, from a place on, one behind the other.
#[derive(Debug)]
pub(crate) struct Former {
    readers: VecDeque<JournalReader>,
}

impl Former {
    /// What followed `place`, up to where the ring `present` begins.
    ///
    /// # Errors
    ///
    /// [`Error::NoJournal`](tickring::Error::NoJournal) if there is no journal of that ring, and
    /// those of opening one.
    pub(crate) fn open(
        journal: &Path,
        name: &RingName,
        place: &Token,
        present: u128,
    ) -> Result<Self, tickring::Error> {
        let from = (place.ring_id, place.seq);
        let mut readers: VecDeque<JournalReader> =
            JournalReader::open_successors(journal, name, from)?.into();
        readers.retain(|reader| reader.ring_id() != present);
        Ok(Self { readers })
    }

    /// How many rings there were.
    pub(crate) fn count(&self) -> u64 {
        self.readers.len() as u64
    }

    /// Takes up to `max` records; `None` at the end. A ring that was not closed may have had
    /// records that its journal has not, nobody knows how many: a lap without a count says so.
    ///
    /// # Errors
    ///
    /// Those of reading a journal.
    pub(super) fn poll_batch(
        &mut self,
        batch: &mut Batch,
        max: usize,
    ) -> Result<Option<Poll<usize>>, WindowError> {
        while let Some(reader) = self.readers.front_mut() {
            match reader.poll_batch(batch, max)? {
                Poll::Closed(_) => _ = self.readers.pop_front(),
                Poll::Empty => {
                    let (end, resume) = (reader.end(), reader.cursor());
                    self.readers.pop_front();
                    if end != JournalEnd::Ended {
                        return Ok(Some(Poll::Lapped { missed: 0, resume }));
                    }
                }
                found => return Ok(Some(found)),
            }
        }
        Ok(None)
    }
}
