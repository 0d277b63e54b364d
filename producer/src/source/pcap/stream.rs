//! The sequence of one stream of messages, through holes, duplicates and new sessions.
//!
//! The highest message seen decides: what comes later with a lower number is dropped, so that two
//! lines of a feed merge into one and 1, 3, 2 is one hole, not two. A hole is told when the message
//! behind it arrives; at the end of a session, or of the capture, a hole is told that only a
//! heartbeat knew of. Before the first packet of a capture nothing is missing: it may begin in the
//! middle of a session, which is counted.

use tickring::record::{Gap, Record, UNDEF_TIME, gap_cause, gap_state};

use super::count::add;
use crate::source::Report;

/// Holes that are remembered, to tell a late message from a duplicate.
const MOST_HOLES: usize = 64;

/// What the stream of a packet says of its messages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Numbering<T> {
    /// The session that the numbers belong to.
    pub(super) session: T,
    /// Number of the first message, or of the next one if there is none.
    pub(super) first: u64,
    /// Number of messages.
    pub(super) count: u16,
}

/// What a packet is in its stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// Messages at its start that are not to be given.
    pub(super) skip: u16,
    /// What to tell before the others.
    pub(super) gaps: [Option<Hole>; 2],
}

/// Messages that did not come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Hole {
    first: u64,
    end: u64,
    /// Whether a new session begins behind it.
    is_reset: bool,
}

impl Hole {
    /// Returns the record that tells of it.
    pub(super) fn record(self, publisher_id: u16, time_ns: u64, channel: u16, line: u8) -> Gap {
        let Self { first, end, is_reset } = self;
        let (state, cause) = match is_reset {
            true => (gap_state::SESSION_RESET, gap_cause::UNKNOWN),
            false => (gap_state::UNRECOVERABLE, gap_cause::SEQUENCE),
        };
        Gap {
            ts_detect: time_ns,
            first_missing: first,
            end_missing: end,
            channel_id: channel,
            line,
            state,
            cause,
            ..Gap::empty(publisher_id, 0, UNDEF_TIME)
        }
    }
}

/// Counters of a stream, or of several.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct StreamCounts {
    pub(super) heartbeats: u64,
    pub(super) joined_late: u64,
    pub(super) holes: u64,
    pub(super) missing: u64,
    pub(super) resets: u64,
    pub(super) duplicates: u64,
    pub(super) late: u64,
    pub(super) ended_session: u64,
}

impl StreamCounts {
    /// Adds the counts that are not 0 to a report.
    pub(super) fn add_to(&self, report: &mut Report) {
        add(&mut report.inputs, &[("heartbeat", self.heartbeats)]);
        let anomalies = [
            ("stream joined in the middle", self.joined_late),
            ("gap", self.holes),
            ("message missing", self.missing),
            ("session reset", self.resets),
            ("duplicate message", self.duplicates),
            ("message too late", self.late),
            ("datagram of an ended session", self.ended_session),
        ];
        add(&mut report.anomalies, &anomalies);
    }
}

/// The state of one stream. `T` names its sessions.
#[derive(Clone, Debug)]
pub(super) struct Stream<T> {
    session: T,
    /// The session before, whose stragglers are dropped.
    ended: Option<T>,
    /// Number of the next message.
    next: u64,
    /// The next message by what heartbeats have said.
    told: u64,
    /// Whether messages of the session are missing that what follows may build on.
    is_doubtful: bool,
    /// Recent holes.
    holes: [(u64, u64); MOST_HOLES],
    holes_seen: usize,
}

impl<T: Copy + Eq> Stream<T> {
    /// Begins with the first packet of a stream.
    pub(super) fn new(numbering: Numbering<T>, counts: &mut StreamCounts) -> Self {
        let next = numbering.first.max(1);
        counts.joined_late += u64::from(next > 1);
        Self {
            session: numbering.session,
            ended: None,
            next,
            told: next,
            is_doubtful: next > 1,
            holes: [(0, 0); MOST_HOLES],
            holes_seen: 0,
        }
    }

    /// Returns the session that is being read.
    pub(super) fn session(&self) -> T {
        self.session
    }

    /// Returns the number of the next message.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Returns whether messages of the session are missing that what follows may build on.
    pub(super) fn is_doubtful(&self) -> bool {
        self.is_doubtful
    }

    /// Finds the place of a packet, and moves on behind it.
    pub(super) fn place(&mut self, numbering: Numbering<T>, counts: &mut StreamCounts) -> Place {
        let Numbering { session, first, count } = numbering;
        let mut gaps = [None; 2];
        counts.heartbeats += u64::from(count == 0);
        if session != self.session {
            if self.ended == Some(session) {
                counts.ended_session += 1;
                return Place { skip: count, gaps };
            }
            gaps = [self.end(counts), Some(self.reset(numbering, counts))];
        }
        if count == 0 {
            self.told = self.told.max(first);
            return Place { skip: 0, gaps };
        }
        if first > self.next {
            // Not with a new session, which begins where this packet does.
            gaps = [Some(self.hole(first, counts)), None];
        }
        let behind = first.saturating_add(count.into());
        let skip = self.next.saturating_sub(first).min(count.into());
        self.count_known(first, first.saturating_add(skip), counts);
        self.next = self.next.max(behind);
        Place { skip: u16::try_from(skip).unwrap_or(count), gaps }
    }

    /// Ends the session: returns what is missing at its end.
    pub(super) fn end(&mut self, counts: &mut StreamCounts) -> Option<Hole> {
        (self.told > self.next).then(|| self.hole(self.told, counts))
    }

    /// Notes that messages up to `end` are missing.
    fn hole(&mut self, end: u64, counts: &mut StreamCounts) -> Hole {
        let hole = Hole { first: self.next, end, is_reset: false };
        counts.holes += 1;
        counts.missing = counts.missing.saturating_add(end.saturating_sub(self.next));
        if let Some(slot) = self.holes.get_mut(self.holes_seen % MOST_HOLES) {
            *slot = (self.next, end);
        }
        self.holes_seen += 1;
        self.is_doubtful = true;
        self.next = end;
        hole
    }

    /// Begins another session, of which nothing was missed before its first packet but what the
    /// numbers say.
    fn reset(&mut self, numbering: Numbering<T>, counts: &mut StreamCounts) -> Hole {
        let next = numbering.first.max(1);
        counts.resets += 1;
        counts.missing = counts.missing.saturating_add(next - 1);
        *self = Self {
            ended: Some(self.session),
            ..Self::new(Numbering { first: 1, ..numbering }, counts)
        };
        (self.next, self.told, self.is_doubtful) = (next, next, next > 1);
        Hole { first: 1, end: next, is_reset: true }
    }

    /// Counts messages that were passed already: late ones, and those that were given.
    fn count_known(&self, first: u64, end: u64, counts: &mut StreamCounts) {
        let late = self.holes.iter().map(|&(from, to)| to.min(end).saturating_sub(from.max(first)));
        let late = late.sum::<u64>().min(end - first);
        counts.late += late;
        counts.duplicates += end - first - late;
    }
}

#[cfg(test)]
mod tests;
