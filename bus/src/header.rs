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
//! | L2 | load state, relaxed, then acquire fence; then look at the stamp once more | L1, L3 | as L1, L3 |
//! | L3 | `state = retired`, release, after the successor's id | L2 | a reader is sent to a successor that it cannot name |
//! | C1 | `control_id = c`, release, after the control segment is filled in | C2 | a reader enters itself into a control segment that is then cleared |
//! | C2 | load control id, relaxed, then acquire fence | C1 | as C1 |
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
/// Another segment has taken the ring's name; no record will follow here.
pub(crate) const STATE_RETIRED: u64 = 3;
/// The value of `control_id` that means: there is no control segment.
pub(crate) const NO_CONTROL: u64 = 0;

/// The live words of one segment's header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    pub(crate) epoch: &'a AtomicU64,
    pub(crate) epoch_start: &'a AtomicU64,
    pub(crate) state: &'a AtomicU64,
    pub(crate) published: &'a AtomicU64,
    /// What sleepers sleep on; see [`Waiters`](crate::registry::Waiters).
    pub(crate) signal: &'a AtomicU64,
    pub(crate) control_id: &'a AtomicU64,
    /// Period of the writer's wake ticker in nanoseconds; 0 without one.
    pub(crate) ticker_ns: &'a AtomicU64,
    /// Ring id of the segment that took the name of a retired one: low word, high word.
    pub(crate) successor: [&'a AtomicU64; 2],
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
    pub(crate) unlisted: &'a AtomicU64,
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

    /// Says that the segment `successor` has taken the ring's name.
    pub(crate) fn retire(self, successor: u128) {
        let [low, high] = self.successor;
        #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
        low.store(successor as u64, Ordering::Relaxed);
        high.store((successor >> 64) as u64, Ordering::Relaxed);
        self.state.store(STATE_RETIRED, Ordering::Release); // row L3
    }

    /// Whether the writer ended the ring, and how. A reader that found no record and sees an end
    /// must look at the stamp of its next slot once more before it believes it (row L2).
    #[inline]
    pub(crate) fn end(self) -> Option<End> {
        let state = self.state.load(Ordering::Relaxed);
        fence(Ordering::Acquire); // row L2
        match state {
            STATE_CLOSED => Some(End::Closed),
            STATE_RETIRED => {
                let [low, high] = self.successor.map(|word| word.load(Ordering::Relaxed));
                Some(End::Retired { successor: u128::from(high) << 64 | u128::from(low) })
            }
            _ => None,
        }
    }

    /// Names the control segment that the writer looks at from now on.
    pub(crate) fn offer_control(self, id: u64) {
        self.control_id.store(id, Ordering::Release); // row C1
    }

    /// The control segment that the writer looks at, or [`NO_CONTROL`].
    pub(crate) fn control(self) -> u64 {
        let id = self.control_id.load(Ordering::Relaxed);
        fence(Ordering::Acquire); // row C2
        id
    }
}

/// How a ring has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its writer closed it; another may go on.
    Closed,
    /// Another segment has its name.
    Retired {
        /// The ring id of that segment.
        successor: u128,
    },
}
