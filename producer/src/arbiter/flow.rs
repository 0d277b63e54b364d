//! Where the sequence is: the next message, the hole before it, and what is done about that.

use super::window::{Held, Window};
use super::{
    ArbiterCounts, ArbiterOptions, Delivery, Loss, Origin, RecoveryOptions, Run, ns, request_count,
};
use crate::wire::moldudp64::Messages;

/// A hole that did not close by itself. It begins at or before the next message.
#[derive(Clone, Copy, Debug)]
struct Hole {
    loss: Loss,
    /// Requests since something of the hole came last.
    tries: u16,
    /// When the next request is due, or the hole is given up after the last.
    due_ns: u64,
    /// When the hole is given up whatever comes.
    limit_ns: u64,
}

/// The position in a session.
#[derive(Debug)]
pub(super) struct Flow {
    patience_ns: u64,
    recovery: Option<RecoveryOptions>,
    /// The next message; `None` until it is known where to begin.
    next: Option<u64>,
    /// The lowest message seen so far and when to begin there, while `next` is not known.
    joining: Option<(u64, u64)>,
    /// The number after the highest message seen.
    seen_end: u64,
    /// A number below which all messages were sent, by a heartbeat: when it came, and from where.
    announced: Option<(u64, u64, Origin)>,
    hole: Option<Hole>,
}

impl Flow {
    pub(super) fn new(options: &ArbiterOptions) -> Self {
        Self {
            patience_ns: ns(options.patience),
            recovery: options.recovery,
            next: options.first,
            joining: None,
            seen_end: options.first.unwrap_or_default(),
            announced: None,
            hole: None,
        }
    }

    /// The next message wanted.
    pub(super) fn next(&self) -> Option<u64> {
        self.next
    }

    /// The number after the highest message that was seen, or announced.
    pub(super) fn seen_end(&self) -> u64 {
        self.seen_end
    }

    /// Whether nothing was seen that says where the session is.
    pub(super) fn is_new(&self) -> bool {
        self.next.is_none() && self.joining.is_none()
    }

    pub(super) fn has_hole(&self, window: &Window) -> bool {
        self.head_hole(window).is_some()
    }

    /// Begins a session at its first message.
    pub(super) fn begin(&mut self) {
        (self.next, self.seen_end) = (Some(1), 1);
        (self.joining, self.announced, self.hole) = (None, None, None);
    }

    /// Notes a message, or a heartbeat before one, while it is not known where to begin.
    pub(super) fn join(&mut self, sequence: u64, now_ns: u64) {
        if self.next.is_none() {
            let begin_ns = now_ns.saturating_add(self.patience_ns);
            let (lowest, begin_ns) = self.joining.unwrap_or((sequence, begin_ns));
            self.joining = Some((lowest.min(sequence), begin_ns));
        }
    }

    /// Notes that messages before `end` are there.
    pub(super) fn see(&mut self, end: u64) {
        self.seen_end = self.seen_end.max(end);
    }

    /// Notes that all messages before `next` were sent.
    pub(super) fn announce(&mut self, next: u64, origin: Origin, now_ns: u64) {
        let pending = self.announced.filter(|(end, ..)| self.next.is_none_or(|next| next < *end));
        self.announced = match pending {
            // What has been missing since the first of them is missing still.
            Some((end, at_ns, origin)) => Some((end.max(next), at_ns, origin)),
            None => Some((next, now_ns, origin)),
        };
        self.see(next);
    }

    /// Gives the messages of a packet from the next one on, which it has.
    pub(super) fn give<E>(
        &mut self,
        packet: &Held,
        mut messages: Messages<'_>,
        counts: &mut ArbiterCounts,
        out: &mut impl FnMut(Delivery<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Held { first, end, ts_recv_ns, origin, .. } = *packet;
        let mut next = self.next.unwrap_or(first).max(first);
        skip(&mut messages, next - first);
        while next < end {
            // The loss stands between the last message of the hole and what follows.
            let hole_end = self.hole.map_or(end, |hole| hole.loss.end);
            let stop = end.min(hole_end.max(next + 1));
            let count = stop - next;
            let run = Run { first: next, count, ts_recv_ns, origin, messages: messages.clone() };
            (next, self.next) = (stop, Some(stop));
            if let Some(hole) = &mut self.hole {
                hole.loss.recovered += count;
                (hole.tries, hole.due_ns) = (0, 0);
            }
            out(Delivery::Run(run))?;
            if self.hole.is_some_and(|hole| stop >= hole.loss.end) {
                self.close_hole(counts, out)?;
            }
            skip(&mut messages, count);
        }
        Ok(())
    }

    /// Gives what is held and complete, and declares and gives up holes whose time has come.
    pub(super) fn advance<E>(
        &mut self,
        now_ns: u64,
        window: &mut Window,
        counts: &mut ArbiterCounts,
        out: &mut impl FnMut(Delivery<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.next.is_none() {
            match self.joining {
                Some((lowest, begin_ns)) if now_ns >= begin_ns => self.next = Some(lowest),
                _ => return Ok(()),
            }
        }
        loop {
            self.drain(window, counts, out)?;
            let Some((end, since_ns, origin)) = self.head_hole(window) else {
                return Ok(());
            };
            match &self.hole {
                Some(hole) if !self.is_hopeless(hole, now_ns) => return Ok(()),
                Some(_) => self.give_up(end, counts, out)?,
                None if now_ns < since_ns.saturating_add(self.patience_ns) => return Ok(()),
                None => {
                    if !self.declare(end, origin, now_ns) {
                        self.give_up(end, counts, out)?;
                    }
                }
            }
        }
    }

    /// Makes room in the window, which is full, by giving up the hole before what it holds, as far
    /// as `limit`.
    pub(super) fn give_up_before<E>(
        &mut self,
        limit: u64,
        window: &mut Window,
        counts: &mut ArbiterCounts,
        out: &mut impl FnMut(Delivery<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(front) = window.front().copied() else {
            return Ok(());
        };
        let end = front.first.min(limit);
        match self.next {
            None => self.next = Some(self.joining.map_or(end, |(lowest, _)| lowest).min(end)),
            Some(next) if next < end => {
                if self.hole.is_none() {
                    self.hole = Some(hole(next, end, front.origin, front.held_ns));
                }
                self.give_up(end, counts, out)?;
            }
            Some(_) => {}
        }
        if self.next.is_some_and(|next| next >= front.first) {
            self.drain(window, counts, out)?;
        }
        Ok(())
    }

    /// Gives everything that is held, and gives up the holes in between.
    pub(super) fn abandon<E>(
        &mut self,
        window: &mut Window,
        counts: &mut ArbiterCounts,
        out: &mut impl FnMut(Delivery<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.next.is_none() {
            self.next = self.joining.map(|(lowest, _)| lowest);
        }
        loop {
            self.drain(window, counts, out)?;
            let Some((end, since_ns, origin)) = self.head_hole(window) else {
                return Ok(());
            };
            if let (None, Some(next)) = (&self.hole, self.next) {
                self.hole = Some(hole(next, end, origin, since_ns));
            }
            self.give_up(end, counts, out)?;
        }
    }

    /// Returns the first number and the count of a request that is due.
    pub(super) fn request(&mut self, now_ns: u64, window: &Window) -> Option<(u64, u16)> {
        let (recovery, next) = (self.recovery?, self.next?);
        let (end, ..) = self.head_hole(window)?;
        let hole = self.hole.as_mut()?;
        if hole.tries >= recovery.attempts || now_ns < hole.due_ns || now_ns >= hole.limit_ns {
            return None;
        }
        let doubled = ns(recovery.first_wait).checked_shl(hole.tries.into()).unwrap_or(u64::MAX);
        hole.due_ns = now_ns.saturating_add(doubled.clamp(1, ns(recovery.longest_wait).max(1)));
        hole.tries += 1;
        hole.loss.attempts = hole.loss.attempts.saturating_add(1);
        let missing = end.min(hole.loss.end).saturating_sub(next);
        Some((next, request_count(missing, recovery.request)))
    }

    pub(super) fn deadline_ns(&self, window: &Window) -> Option<u64> {
        if self.next.is_none() {
            return self.joining.map(|(_, begin_ns)| begin_ns);
        }
        let (_, since_ns, _) = self.head_hole(window)?;
        Some(match &self.hole {
            Some(hole) => hole.due_ns.min(hole.limit_ns),
            None => since_ns.saturating_add(self.patience_ns),
        })
    }

    /// Gives what is held from the next message on.
    fn drain<E>(
        &mut self,
        window: &mut Window,
        counts: &mut ArbiterCounts,
        out: &mut impl FnMut(Delivery<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let (Some(next), Some(front)) = (self.next, window.front())
            && front.first <= next
        {
            let Some((held, messages)) = window.take_front() else {
                break;
            };
            if held.end > next {
                self.give(&held, messages, counts, out)?;
            } else {
                counts.of(held.origin).duplicates += 1;
            }
        }
        Ok(())
    }

    /// The hole that the next message is in: its end, since when it is known, and by whom.
    fn head_hole(&self, window: &Window) -> Option<(u64, u64, Origin)> {
        let next = self.next?;
        let announced = self.announced.filter(|(end, ..)| *end > next);
        match (window.front(), announced) {
            (Some(front), Some((_, at_ns, origin))) if at_ns < front.held_ns => {
                Some((front.first, at_ns, origin))
            }
            (Some(front), _) => Some((front.first, front.held_ns, front.origin)),
            (None, announced) => announced,
        }
    }

    /// Declares the hole from the next message to `end`; `false` if it is not to be asked for.
    fn declare(&mut self, end: u64, origin: Origin, now_ns: u64) -> bool {
        let Some(next) = self.next else {
            return false;
        };
        let mut hole = hole(next, end, origin, now_ns);
        let recovery = self.recovery.filter(|recovery| end - next <= recovery.most_messages);
        if let Some(recovery) = recovery {
            hole.limit_ns = now_ns.saturating_add(ns(recovery.limit));
        }
        self.hole = Some(hole);
        recovery.is_some_and(|recovery| recovery.attempts > 0)
    }

    /// Whether nothing more can be expected of asking.
    fn is_hopeless(&self, hole: &Hole, now_ns: u64) -> bool {
        let attempts = self.recovery.map_or(0, |recovery| recovery.attempts);
        now_ns >= hole.limit_ns || (hole.tries >= attempts && now_ns >= hole.due_ns)
    }

    /// Gives up the hole up to `end`, where messages are, or its own end if that comes first.
    fn give_up<E>(
        &mut self,
        end: u64,
        counts: &mut ArbiterCounts,
        out: &mut impl FnMut(Delivery<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(hole) = &mut self.hole {
            hole.loss.end = hole.loss.end.min(end);
            self.next = Some(hole.loss.end);
        }
        self.close_hole(counts, out)
    }

    /// Tells what became of the hole.
    fn close_hole<E>(
        &mut self,
        counts: &mut ArbiterCounts,
        out: &mut impl FnMut(Delivery<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(Hole { loss, .. }) = self.hole.take() else {
            return Ok(());
        };
        counts.recovered += loss.recovered;
        counts.lost += loss.end - loss.first - loss.recovered;
        *(if loss.is_filled() { &mut counts.filled } else { &mut counts.unrecoverable }) += 1;
        out(Delivery::Loss(loss))
    }
}

/// A hole of which nothing came and that nobody was asked for.
fn hole(first: u64, end: u64, origin: Origin, declared_ns: u64) -> Hole {
    let loss = Loss { first, end, recovered: 0, attempts: 0, declared_ns, origin };
    Hole { loss, tries: 0, due_ns: 0, limit_ns: 0 }
}

/// Passes over so many messages.
fn skip(messages: &mut Messages<'_>, count: u64) {
    for _ in 0..count {
        messages.next();
    }
}
