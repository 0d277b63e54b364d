//! One sequence of messages out of several lines that carry it.
//!
//! ```text
//! line A ──┐                ┌─ first of its messages ─► given at once
//! line B ──┼─► Packet ──────┼─ known already ─────────► dropped, counted
//! recovery ┘                └─ ahead of a hole ───────► held in the window
//! ```
//!
//! Lines carry the same messages, numbered from 1 through a session, and each may lose, repeat and
//! reorder packets. The arbiter gives every message once and in order. What decides is how far the
//! highest number seen is ahead of the next one wanted, so that 1, 3, 2 is no gap: packets ahead
//! of a hole are held, and the hole has [`ArbiterOptions::patience`] to close by itself.
//!
//! A hole that does not close is *declared*: it is asked for from a request server, again and
//! again with growing pauses, and ends as exactly one [`Loss`], which is given before the first
//! message behind the hole: filled when all of it came after all, unrecoverable when the server
//! did not help in time, when there is none, when the hole is larger than is worth asking for, or
//! when the window is full. Messages of the hole that did come are given before the loss.
//!
//! Packets are believed with care, as one damaged header must not end a feed: another session, or
//! a number far ahead, or an end before what was seen, counts only once a second packet says the
//! same. A packet of the session that was left comes late and is dropped.
//!
//! There is no input and no output here, and time is what the caller says it is: the same calls
//! give the same results. Memory is bounded by the window and is taken when the arbiter is made.

mod counts;
mod delivery;
mod flow;
mod options;
mod window;

use std::time::Duration;

use crate::wire::moldudp64::{Header, Kind, MOST_MESSAGES, Messages, Packet, Session};
use flow::Flow;
use window::{Held, Window};

pub use counts::{ArbiterCounts, LineCounts};
pub use delivery::{Delivery, Loss, Origin, Run};
pub use options::{ArbiterOptions, RecoveryOptions};

/// Puts lines together.
#[derive(Debug)]
pub struct Arbiter {
    options: ArbiterOptions,
    session: Option<Session>,
    /// The session before this one, whose packets are late.
    previous: Option<Session>,
    /// Another session that one packet claimed.
    claimed: Option<Session>,
    /// A number far ahead that one packet claimed.
    far: Option<u64>,
    /// The number after the last message of the session, once it is over.
    end: Option<u64>,
    /// An end before what was seen that one packet claimed.
    claimed_end: Option<u64>,
    window: Window,
    flow: Flow,
    counts: ArbiterCounts,
}

impl Arbiter {
    /// Creates an arbiter that has seen nothing.
    ///
    /// Cost: allocates the window; nothing is allocated later.
    #[must_use]
    pub fn new(options: ArbiterOptions) -> Self {
        Self {
            options,
            session: None,
            previous: None,
            claimed: None,
            far: None,
            end: None,
            claimed_end: None,
            window: Window::new(options.window, options.packet_bytes),
            flow: Flow::new(&options),
            counts: ArbiterCounts::new(options.lines),
        }
    }

    /// Takes a packet and gives what can be given now.
    ///
    /// `ts_recv_ns` goes with the messages; `now_ns` is a clock that never goes back. Cost: a copy
    /// of the packet if it has to be held; no allocation.
    ///
    /// # Errors
    /// That of `out`; what was given to it is not given again.
    pub fn packet<E>(
        &mut self,
        origin: Origin,
        packet: &Packet<'_>,
        ts_recv_ns: u64,
        now_ns: u64,
        out: &mut impl FnMut(Delivery<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.counts.of(origin).packets += 1;
        if !self.is_of_session(origin, packet, out)? || !self.is_near(origin, packet) {
            return Ok(());
        }
        self.flow.join(packet.sequence(), now_ns);
        match packet.kind() {
            Kind::Messages => self.messages(origin, packet, ts_recv_ns, now_ns, out)?,
            Kind::Heartbeat => {
                self.counts.of(origin).heartbeats += 1;
                self.flow.announce(packet.sequence(), origin, now_ns);
            }
            Kind::EndOfSession => self.end_of_session(origin, packet.sequence(), now_ns),
        }
        self.tick(now_ns, out)
    }

    /// Gives what can be given because of the time.
    ///
    /// # Errors
    /// That of `out`; what was given to it is not given again.
    pub fn tick<E>(
        &mut self,
        now_ns: u64,
        out: &mut impl FnMut(Delivery<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.flow.advance(now_ns, &mut self.window, &mut self.counts, out)
    }

    /// Returns a request that is to be sent now, if there is one; ask until there is none.
    pub fn request(&mut self, now_ns: u64) -> Option<Header> {
        let (first, count) = self.flow.request(now_ns, &self.window)?;
        self.counts.requests += 1;
        Some(Header::new(self.session?, first, count))
    }

    /// Returns when [`tick`](Self::tick) or [`request`](Self::request) will have something to do
    /// if no packet comes.
    #[must_use]
    pub fn deadline_ns(&self) -> Option<u64> {
        self.flow.deadline_ns(&self.window)
    }

    /// Returns whether the session is over and all of it was given, or given up.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.end.is_some_and(|end| self.flow.next().is_some_and(|next| next >= end))
    }

    /// Returns the session.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Returns the number of the next message, once that is known.
    #[must_use]
    pub fn next(&self) -> Option<u64> {
        self.flow.next()
    }

    /// Returns whether messages are known to be missing now.
    #[must_use]
    pub fn has_hole(&self) -> bool {
        self.flow.has_hole(&self.window)
    }

    /// Returns what was seen so far.
    #[must_use]
    pub fn counts(&self) -> &ArbiterCounts {
        &self.counts
    }

    /// Whether the packet belongs to the session; begins a new one if it is the second to say so.
    fn is_of_session<E>(
        &mut self,
        origin: Origin,
        packet: &Packet<'_>,
        out: &mut impl FnMut(Delivery<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let session = *packet.session();
        match self.session {
            Some(own) if own == session => return Ok(true),
            _ if !is_name(&session) => {
                self.counts.of(origin).foreign += 1;
                return Ok(false);
            }
            None if matches!(origin, Origin::Line(_)) => {
                self.session = Some(session);
                return Ok(true);
            }
            _ => {}
        }
        if self.previous == Some(session) || origin == Origin::Recovery {
            self.counts.of(origin).foreign += 1;
            return Ok(false);
        }
        if self.claimed != Some(session) {
            self.claimed = Some(session);
            self.counts.of(origin).foreign += 1;
            return Ok(false);
        }
        self.flow.abandon(&mut self.window, &mut self.counts, out)?;
        let end = self.flow.next().unwrap_or_default();
        (self.previous, self.session) = (self.session, Some(session));
        (self.claimed, self.far, self.end, self.claimed_end) = (None, None, None, None);
        self.flow.begin();
        self.counts.sessions += 1;
        out(Delivery::Session { session, end })?;
        Ok(true)
    }

    /// Notes that the session ends. An end before what was seen counts when it is said again.
    fn end_of_session(&mut self, origin: Origin, end: u64, now_ns: u64) {
        if end < self.flow.seen_end() && self.claimed_end != Some(end) {
            self.claimed_end = Some(end);
            self.counts.of(origin).implausible += 1;
            return;
        }
        self.end = Some(end);
        self.flow.announce(end, origin, now_ns);
    }

    /// Whether the packet is near to what was seen, or the second to say the same.
    fn is_near(&mut self, origin: Origin, packet: &Packet<'_>) -> bool {
        let Some(limit) = self.flow.seen_end().checked_add(self.options.most_ahead) else {
            return true;
        };
        let first = packet.sequence();
        if first <= limit || self.flow.is_new() {
            return true;
        }
        let is_second = self.far.is_some_and(|far| first.abs_diff(far) <= self.options.most_ahead);
        self.far = if is_second { None } else { Some(first) };
        if !is_second {
            self.counts.of(origin).implausible += 1;
        }
        is_second
    }

    /// Gives the messages of a packet, holds them, or drops them.
    fn messages<E>(
        &mut self,
        origin: Origin,
        packet: &Packet<'_>,
        ts_recv_ns: u64,
        now_ns: u64,
        out: &mut impl FnMut(Delivery<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (first, end, messages) = (packet.sequence(), packet.next_sequence(), packet.messages());
        let line = self.counts.of(origin);
        line.messages += u64::from(packet.count());
        if first < line.highest {
            line.out_of_order += 1;
        }
        line.highest = line.highest.max(first);
        self.flow.see(end);
        let Some(next) = self.flow.next() else {
            let held = Held { first, end, ts_recv_ns, held_ns: now_ns, origin };
            return self.hold(held, &messages, out);
        };
        if end <= next {
            self.counts.of(origin).duplicates += 1;
            return Ok(());
        }
        let held = Held { first, end, ts_recv_ns, held_ns: now_ns, origin };
        if first > next {
            return self.hold(held, &messages, out);
        }
        self.flow.give(&held, messages, &mut self.counts, out)
    }

    /// Holds a packet that is ahead of a hole. A full window ends the waiting for the hole.
    fn hold<E>(
        &mut self,
        held: Held,
        messages: &Messages<'_>,
        out: &mut impl FnMut(Delivery<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.window.covers(&held) {
            self.counts.of(held.origin).duplicates += 1;
            return Ok(());
        }
        while self.window.is_full() {
            self.counts.overflows += 1;
            self.flow.give_up_before(held.first, &mut self.window, &mut self.counts, out)?;
            match self.flow.next() {
                Some(next) if held.end <= next => return Ok(()),
                Some(next) if held.first <= next => {
                    return self.flow.give(&held, messages.clone(), &mut self.counts, out);
                }
                _ => {}
            }
        }
        if !self.window.hold(held, messages.blocks()) {
            self.counts.of(held.origin).too_long += 1;
        }
        Ok(())
    }
}

/// Returns whether bytes can be the name of a session.
fn is_name(session: &Session) -> bool {
    session.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
}

/// Returns a duration in ns.
fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns how many messages a request asks for, of so many that are missing.
fn request_count(missing: u64, most: u16) -> u16 {
    u16::try_from(missing).unwrap_or(u16::MAX).min(most).clamp(1, MOST_MESSAGES)
}

#[cfg(test)]
mod tests;
