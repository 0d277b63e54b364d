//! Packets that came before others of their stream, and wait for them.
//!
//! Two lines of a feed carry the same packets, seldom at the same time: what one line lost, the
//! other may bring a little later. A packet that is ahead of the stream waits until the messages
//! before it came, until 64 packets wait, or until 100 ms went by in the capture.

use crate::wire::moldudp64::Packet;

/// Packets that wait, at most.
const MOST_HELD: usize = 64;
/// The longest wait, by the times of the capture.
const LONGEST_NS: u64 = 100_000_000;

/// How a packet came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Packets of the capture before it.
    pub(super) number: u64,
    /// When it was captured; `None` if the file does not tell.
    pub(super) time_ns: Option<u64>,
    /// The line that it came by.
    pub(super) line: u8,
}

/// A packet that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    first: u64,
    pub(super) arrival: Arrival,
    pub(super) bytes: Vec<u8>,
}

/// The packets that wait, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Held {
    waiting: Vec<Waiting>,
    /// Buffers for packets to come.
    free: Vec<Vec<u8>>,
}

impl Held {
    /// Keeps a packet.
    ///
    /// Cost: a copy of it, and no allocation once as many and as long ones have waited.
    pub(super) fn keep(&mut self, arrival: Arrival, packet: &Packet<'_>, bytes: &[u8]) {
        let mut copy = self.free.pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(bytes);
        let first = packet.sequence();
        let at = self.waiting.partition_point(|waiting| waiting.first <= first);
        self.waiting.insert(at, Waiting { first, arrival, bytes: copy });
    }

    /// Takes out the first packet if it need not wait: because the stream is at `next`, because
    /// too many wait, or because it is `now_ns` and one has waited too long.
    pub(super) fn take_due(&mut self, next: u64, now_ns: Option<u64>) -> Option<Waiting> {
        let is_old = |waiting: &Waiting| {
            let waited = now_ns.zip(waiting.arrival.time_ns);
            waited.is_some_and(|(now, since)| now.saturating_sub(since) > LONGEST_NS)
        };
        let is_due = self.waiting.first().is_some_and(|waiting| waiting.first <= next)
            || self.waiting.len() > MOST_HELD
            || self.waiting.iter().any(is_old);
        if is_due { self.take() } else { None }
    }

    /// Takes out the first packet.
    pub(super) fn take(&mut self) -> Option<Waiting> {
        (!self.waiting.is_empty()).then(|| self.waiting.remove(0))
    }

    /// Takes back a packet's buffer.
    pub(super) fn give_back(&mut self, waiting: Waiting) {
        self.free.push(waiting.bytes);
    }
}
