//! The matches ring, and what of it is already written.
//!
//! After a restart from a snapshot the same input gives the same output again. What stands in the
//! ring from then on is remembered and compared instead of being published a second time, so
//! that every match is published once. The latency is the only field that may differ.

use crate::error::Error;
use std::collections::{HashSet, VecDeque};
use tickring::record::{Answer, Match, Record};
use tickring::{Directory, Poll, Reader, RingName, Start, Writer};

/// What became of the output that was given again after a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayStats {
    /// Records that were published before, and not again.
    pub suppressed: u64,
    /// Of these, those that differ from what they were: input or code is not what it was.
    pub diverged: u64,
    /// Of these, those that could not be compared, since they are overwritten.
    pub unverified: u64,
}

/// A record that was published before the restart.
#[derive(Clone, Copy, Debug)]
enum Before {
    Match(Match),
    Answer(Answer),
    Lost,
}

/// The writer of the matches ring.
#[derive(Debug)]
pub(crate) struct Outlet {
    /// `None` once the input has ended.
    writer: Option<Writer>,
    before: VecDeque<Before>,
    /// Queries that were answered before, when the order is lost.
    known: HashSet<u64>,
    pub(crate) stats: ReplayStats,
}

impl Outlet {
    pub(crate) fn new(writer: Writer) -> Self {
        let (before, known) = (VecDeque::new(), HashSet::new());
        Self { writer: Some(writer), before, known, stats: ReplayStats::default() }
    }

    pub(crate) fn writer(&mut self) -> Option<&mut Writer> {
        self.writer.as_mut()
    }

    /// Remembers what was published from `first` on by lives of the writer after `epoch`.
    pub(crate) fn remember(
        &mut self,
        directory: &Directory,
        name: &RingName,
        first: u64,
        epoch: u64,
    ) -> Result<(), Error> {
        let mut reader = Reader::open(directory, name, Start::Sequence(first))?;
        let mut lives = self.writer.as_ref().map_or(0, Writer::epoch).saturating_sub(epoch);
        let mut lost = 0;
        loop {
            match reader.poll() {
                Poll::Record(record) => {
                    if let Some(found) = record.get::<Match>() {
                        self.before.push_back(Before::Match(*found));
                    } else if let Some(found) = record.get::<Answer>() {
                        self.before.push_back(Before::Answer(*found));
                    }
                }
                Poll::Lapped { missed, .. } => lost += missed,
                Poll::Restarted { .. } => lives = lives.saturating_sub(1),
                Poll::Tombstone { .. } => {}
                Poll::Empty | Poll::Closed(_) => break,
            }
        }
        // Each life begins with a record of its own, which was among the lost if it was not seen.
        let lost = if lost == 0 { 0 } else { lost.saturating_sub(lives) };
        (0..lost).for_each(|_| self.before.push_front(Before::Lost));
        Ok(())
    }

    /// Whether some of what comes next was published before.
    pub(crate) fn is_replaying(&self) -> bool {
        !self.before.is_empty()
    }

    /// Whether the ring holds more than follows from the input read so far, so that its end is no
    /// place to go on from.
    pub(crate) fn is_ahead(&self) -> bool {
        self.is_replaying() || !self.known.is_empty()
    }

    /// The answer to another process that was given next, if it was an answer.
    pub(crate) fn next_answer(&self) -> Option<Answer> {
        match self.before.front() {
            Some(Before::Answer(answer)) => Some(*answer),
            _ => None,
        }
    }

    /// Leaves out an answer that cannot be given again, and says whether it was whole.
    pub(crate) fn skip_answer(&mut self) -> bool {
        let Some(Before::Answer(answer)) = self.before.pop_front() else { return true };
        let mut left = answer.count;
        while left > 0 && matches!(self.before.front(), Some(Before::Match(_) | Before::Lost)) {
            self.before.pop_front();
            left -= 1;
        }
        let gone = u64::from(answer.count - left) + 1;
        self.stats.suppressed += gone;
        self.stats.unverified += gone;
        left == 0
    }

    /// Stops comparing, because input was lost: from now on an answer is known by its key only.
    pub(crate) fn loosen(&mut self, key: impl Fn(&Match) -> u64) {
        for before in self.before.drain(..) {
            self.stats.unverified += 1;
            if let Before::Match(found) = before {
                self.known.insert(key(&found));
            }
        }
    }

    /// Forgets what the replay did not give: all input has been read again.
    pub(crate) fn end_replay(&mut self) {
        self.stats.diverged += self.before.len() as u64;
        self.before.clear();
        self.known.clear();
    }

    /// Whether the answer of this key was given before its order was lost.
    pub(crate) fn was_given(&mut self, key: u64) -> bool {
        !self.known.is_empty() && self.known.remove(&key)
    }

    /// Publishes a match with the next [`flush`](Self::flush), unless it was before.
    pub(crate) fn stage_match(&mut self, found: &Match) -> Result<(), Error> {
        let same = |before: &Before| match before {
            Before::Match(own) => Some(Match { latency_ns: found.latency_ns, ..*own } == *found),
            Before::Answer(_) => Some(false),
            Before::Lost => None,
        };
        self.stage(found, same)
    }

    /// Publishes the head of an answer, unless it was before.
    pub(crate) fn stage_answer(&mut self, head: &Answer) -> Result<(), Error> {
        let same = |before: &Before| match before {
            Before::Answer(own) => Some(Answer { latency_ns: head.latency_ns, ..*own } == *head),
            Before::Match(_) => Some(false),
            Before::Lost => None,
        };
        self.stage(head, same)
    }

    fn stage<R: Record>(
        &mut self,
        record: &R,
        same: impl Fn(&Before) -> Option<bool>,
    ) -> Result<(), Error> {
        if let Some(before) = self.before.pop_front() {
            self.stats.suppressed += 1;
            match same(&before) {
                Some(same) => self.stats.diverged += u64::from(!same),
                None => self.stats.unverified += 1,
            }
            return Ok(());
        }
        if let Some(writer) = &mut self.writer {
            writer.stage(record).map_err(tickring::Error::from)?;
        }
        Ok(())
    }

    /// Tells readers of everything staged.
    pub(crate) fn flush(&mut self) {
        if let Some(writer) = &mut self.writer {
            writer.flush();
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.writer.is_none()
    }

    /// Ends the ring.
    pub(crate) fn close(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.close();
        }
    }
}
