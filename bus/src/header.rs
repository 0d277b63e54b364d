//! The live lines of the header: what a writer tells everybody besides the slots.
//!
//! # Protocol
//!
//! | row | code | partner | what goes wrong without it |
//! |-----|------|---------|----------------------------|
//! | P1 | `published = n+1`, release, after the stamps | P2 | a reader is told of a record it cannot find |
//! | P2 | load published, relaxed, then acquire fence | P1 | as P1 |
//! | E1 | `epoch_start = s`, relaxed, before E2 | E3 | – |
//! | E2 | `epoch = e`, release | E3 | a reader sees the new epoch with the old start |
//! | E3 | load epoch, relaxed, then acquire fence | E2 | as E2 |
//! | L1 | `state = closed`, release, after the last stamp | L2 | a reader believes the ring ended before its last record |
//! | L2 | load state, relaxed, then acquire fence; then look at the stamp once more | L1 | as L1 |
//!
//! As in `slot`, readers map the header read-only and therefore load relaxed with a fence.
//! The heartbeat line is for display and has no ordering at all.

use crate::sync::{AtomicU64, Ordering, fence};

#[cfg(all(test, not(loom)))]
mod format;
#[cfg(not(loom))]
pub(crate) mod identity;
#[cfg(all(test, loom))]
mod tests;

/// The ring has, or had, a writer and is not ended.
pub(crate) const STATE_LIVE: u64 = 1;
/// The writer ended the ring on purpose: no record follows until another writer attaches.
pub(crate) const STATE_CLOSED: u64 = 2;

/// The live words of one segment's header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    pub(crate) epoch: &'a AtomicU64,
    pub(crate) epoch_start: &'a AtomicU64,
    pub(crate) state: &'a AtomicU64,
    pub(crate) published: &'a AtomicU64,
    pub(crate) display: Display<'a>,
}

/// Words that are shown to people and decide nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Display<'a> {
    pub(crate) owner_pid: &'a AtomicU64,
    pub(crate) owner_since_ns: &'a AtomicU64,
    pub(crate) heartbeat_ns: &'a AtomicU64,
    pub(crate) watermark_ns: &'a AtomicU64,
    pub(crate) dropped: &'a AtomicU64,
}

/// One life of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch {
    /// Number of this life; the first is 1.
    pub(crate) number: u64,
    /// The first sequence of this life, or of a later one.
    pub(crate) start: u64,
}

impl Header<'_> {
    /// Tells readers that every sequence below `next` is there.
    #[inline]
    pub(crate) fn publish(self, next: u64) {
        self.published.store(next, Ordering::Release); // row P1
    }

    /// The next sequence that the writer will publish; all below it can be found by their stamp.
    #[inline]
    pub(crate) fn published(self) -> u64 {
        let next = self.published.load(Ordering::Relaxed);
        fence(Ordering::Acquire); // row P2
        next
    }

    /// Opens epoch `epoch`: its start first, so that nobody sees the one without the other.
    pub(crate) fn begin_epoch(self, epoch: Epoch) {
        self.epoch_start.store(epoch.start, Ordering::Relaxed); // row E1
        self.epoch.store(epoch.number, Ordering::Release); // row E2
    }

    /// The current epoch.
    pub(crate) fn epoch(self) -> Epoch {
        let number = self.epoch.load(Ordering::Relaxed);
        fence(Ordering::Acquire); // row E3
        Epoch { number, start: self.epoch_start.load(Ordering::Relaxed) }
    }

    /// Says that the ring is live again.
    pub(crate) fn reopen(self) {
        self.state.store(STATE_LIVE, Ordering::Relaxed);
    }

    /// Says that no record follows the ones that are stamped.
    pub(crate) fn close(self) {
        self.state.store(STATE_CLOSED, Ordering::Release); // row L1
    }

    /// Whether the writer ended the ring. A reader that found no record and sees `true` must
    /// look at the stamp of its next slot once more before it believes it (row L2).
    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        let state = self.state.load(Ordering::Relaxed);
        fence(Ordering::Acquire); // row L2
        state == STATE_CLOSED
    }
}
