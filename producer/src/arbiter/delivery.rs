//! What an arbiter takes, and what it gives.

use crate::wire::moldudp64::{Messages, Session};

/// Where a packet came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// A line, counted from 0, which is line A.
    Line(u8),
    /// A request server.
    Recovery,
}

/// Messages of one packet, in order, that are given at once.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// Number of the first.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// When their packet was received, as the caller said.
    pub ts_recv_ns: u64,
    /// Where their packet came from.
    pub origin: Origin,
    pub(super) messages: Messages<'a>,
}

impl<'a> Run<'a> {
    /// Returns the messages with their numbers.
    pub fn messages(&self) -> impl Iterator<Item = (u64, &'a [u8])> + use<'a> {
        // A packet's numbers do not overflow.
        (self.first..self.first + self.count).zip(self.messages.clone())
    }
}

/// What became of messages that did not come in time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Loss {
    /// Number of the first that was missing.
    pub first: u64,
    /// The number after the last that was missing.
    pub end: u64,
    /// How many of them came after all. They were given before this.
    pub recovered: u64,
    /// Requests sent for them.
    pub attempts: u16,
    /// When the hole was declared, by the caller's clock.
    pub declared_ns: u64,
    /// Whose packet showed that something is missing.
    pub origin: Origin,
}

impl Loss {
    /// Returns whether all that was missing came after all.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        self.recovered == self.end - self.first
    }
}

/// What the arbiter gives.
#[derive(Clone, Debug)]
pub enum Delivery<'a> {
    /// The next messages.
    Run(Run<'a>),
    /// A hole was filled or given up; the next message is the one behind it.
    Loss(Loss),
    /// A new session begins; the next message is its first. The old one came to this number.
    Session {
        /// The new session.
        session: Session,
        /// The number after the last that is known of the old session.
        end: u64,
    },
}
