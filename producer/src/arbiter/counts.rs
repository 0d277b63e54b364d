//! What an arbiter has seen.

use super::Origin;

/// Counts of one line, or of the request server.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LineCounts {
    /// Packets, of whatever kind.
    pub packets: u64,
    /// Messages in them.
    pub messages: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Packets whose messages had all come before: repeated, or carried by the other line first.
    pub duplicates: u64,
    /// Packets behind a later one of the same line.
    pub out_of_order: u64,
    /// Packets of another session.
    pub foreign: u64,
    /// Packets that were ahead by too much to be believed.
    pub implausible: u64,
    /// Packets that were too long to be held.
    pub too_long: u64,
    /// The highest first number.
    pub(super) highest: u64,
}

/// Counts of an arbiter.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ArbiterCounts {
    /// By line.
    pub lines: Vec<LineCounts>,
    /// Of the request server.
    pub recovery: LineCounts,
    /// Holes that were filled after they had been declared.
    pub filled: u64,
    /// Holes that were given up.
    pub unrecoverable: u64,
    /// Messages of declared holes that came after all.
    pub recovered: u64,
    /// Messages that never came.
    pub lost: u64,
    /// Requests sent.
    pub requests: u64,
    /// Packets that found the window full.
    pub overflows: u64,
    /// Sessions that began after another.
    pub sessions: u64,
}

impl ArbiterCounts {
    pub(super) fn new(lines: u8) -> Self {
        Self { lines: vec![LineCounts::default(); lines.into()], ..Self::default() }
    }

    /// The counts of an origin; a line that was not announced counts as the request server.
    pub(super) fn of(&mut self, origin: Origin) -> &mut LineCounts {
        let line = match origin {
            Origin::Line(line) => self.lines.get_mut(usize::from(line)),
            Origin::Recovery => None,
        };
        line.unwrap_or(&mut self.recovery)
    }
}
