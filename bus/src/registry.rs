//! The registry: who reads a ring, and who sleeps until something comes.
//!
//! # Concepts
//!
//! A reader cannot write to the ring, so what it has to tell stands in another mapping, the
//! *control segment*, which is never trusted with market data: if it is lost or scribbled over,
//! figures are wrong and wake-ups come late, and that is all.
//!
//! - An *entry* belongs to one reader, which stores its name, cursor and counters there from time
//!   to time. Whether that reader still lives is not told by the entry but by the lock byte of
//!   the same number, which the kernel frees.
//! - *Waiters* are readers that sleep, or are about to. They sleep on the *signal*, a word of the
//!   ring's header that the writer moves whenever it wakes: all wake then. `waiters`, a word of
//!   the control segment, lies beyond the signal while somebody may sleep on it, and falls behind
//!   by itself when the signal moves: a sleeper that is killed leaves nothing behind but one
//!   wake-up too many.
//!
//! # Protocol
//!
//! | row | code | partner | what goes wrong without it |
//! |-----|------|---------|----------------------------|
//! | S1 | `waiters = max(waiters, signal + 1)`, relaxed | S4 | the writer believes that nobody sleeps |
//! | S2 | heavy barrier, then look for a record once more, then sleep if the signal is the same | S3 | the look is done before S1, and misses what was published before S4 |
//! | S3 | light barrier, after the stamps | S2 | S4 is done before the stamps, and misses S1 |
//! | S4 | load waiters and signal, relaxed: is the one beyond the other? | S1 | nobody is ever woken |
//! | S5 | `signal += 1`, relaxed, then wake | S2 | a reader between S2 and its sleep sleeps on |
//! | N1 | claim an entry: `state` from 0 to the token with a busy bit | N6 | two readers have one entry |
//! | N2 | release fence, before name and process id | N5 | a reader is shown under the name of the next |
//! | N3 | `state = token`, release, after name and process id | N4 | a reader is shown under the name of the one before |
//! | N4 | load state, acquire, then the words | N3 | as N3 |
//! | N5 | acquire fence, then load state again: unchanged? | N2 | as N2 |
//! | N6 | free an entry: `state` from the token seen to 0 | N1 | the entry of a living reader is freed |

use crate::slot::{load, store};
use crate::sync::{AtomicU64, Ordering, fence, heavy_barrier, light_barrier};

#[cfg(all(test, loom))]
mod tests;

/// Words of an entry: 128 bytes, so that no two readers share lines.
pub(crate) const ENTRY_WORDS: usize = 16;
/// Bytes of a reader's name.
pub(crate) const NAME_BYTES: usize = NAME_WORDS * 8;
const NAME_WORDS: usize = 4;
/// Set in `state` while the owner still fills in the entry.
const BUSY: u64 = 1 << 63;
/// The value of `state` that means: nobody's.
const FREE: u64 = 0;

/// The two words by which readers sleep and writers wake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiters<'a> {
    /// In the control segment: beyond the signal while somebody may sleep.
    pub(crate) waiters: &'a AtomicU64,
    /// In the ring's header: moved at each wake-up.
    pub(crate) signal: &'a AtomicU64,
}

impl Waiters<'_> {
    /// Says that this reader will sleep on the signal as it is, and gives that; `None` if the
    /// writer may not see this in time.
    ///
    /// The caller looks for a record once more now, and sleeps only while the signal is the same.
    #[must_use]
    pub(crate) fn announce(self) -> Option<u64> {
        let signal = load(self.signal);
        self.waiters.fetch_max(signal.wrapping_add(1), Ordering::Relaxed); // row S1
        let is_seen = heavy_barrier(); // row S2 => true
        is_seen.then_some(signal)
    }

    /// Whether somebody may sleep. For the writer, behind what it published.
    #[inline(always)]
    #[must_use]
    pub(crate) fn are_there(self) -> bool {
        light_barrier(); // row S3
        load(self.waiters) > load(self.signal) // row S4 => false
    }
}

/// Moves a signal; the caller then wakes all who sleep on it.
pub(crate) fn call(signal: &AtomicU64) {
    signal.fetch_add(1, Ordering::Relaxed); // row S5
}

/// What one reader tells about itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    words: &'a [AtomicU64; ENTRY_WORDS],
}

/// Who has an entry. The numbers of [`Counters`] are theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occupant {
    /// Tells this occupation from every other of the same entry.
    pub(crate) token: u64,
    pub(crate) pid: u64,
    pub(crate) since_ns: u64,
    pub(crate) name: [u64; NAME_WORDS],
    pub(crate) counters: Counters,
}

/// What a reader counts. For display only, and up to 64 records behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) cursor: u64,
    pub(crate) missed: u64,
    pub(crate) laps: u64,
    pub(crate) polls: u64,
    pub(crate) wakeups: u64,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(words: &'a [AtomicU64; ENTRY_WORDS]) -> Self {
        Self { words }
    }

    /// Takes the entry for `occupant` if it is free. The caller holds the entry's lock byte.
    pub(crate) fn claim(self, occupant: &Occupant) -> bool {
        let [state, pid, since_ns, rest @ ..] = self.words;
        let busy = occupant.token | BUSY;
        let claimed = exchange(state, FREE, busy); // row N1 => true
        if !claimed {
            return false;
        }
        fence(Ordering::Release); // row N2
        store(pid, occupant.pid);
        store(since_ns, occupant.since_ns);
        for (word, value) in rest.iter().zip(occupant.name) {
            store(word, value);
        }
        self.report(&occupant.counters);
        state.store(occupant.token, Ordering::Release); // row N3
        true
    }

    /// Stores the counters of the entry's owner.
    #[inline]
    pub(crate) fn report(self, counters: &Counters) {
        let [_, _, _, _, _, _, _, cursor, missed, laps, polls, wakeups, ..] = self.words;
        let Counters { cursor: at, missed: lost, laps: lapped, polls: done, wakeups: woken } =
            *counters;
        for (word, value) in
            [(cursor, at), (missed, lost), (laps, lapped), (polls, done), (wakeups, woken)]
        {
            store(word, value);
        }
    }

    /// Whose the entry is; `None` if it is nobody's, or changes hands just now.
    pub(crate) fn occupant(self) -> Option<Occupant> {
        let [state, pid, since_ns, name @ ..] = self.words;
        let [_, _, _, _, cursor, missed, laps, polls, wakeups, ..] = name;
        let token = state.load(Ordering::Acquire); // row N4
        if token == FREE || token & BUSY != 0 {
            return None;
        }
        let mut occupant = Occupant {
            token,
            pid: load(pid),
            since_ns: load(since_ns),
            name: [0; NAME_WORDS],
            counters: Counters {
                cursor: load(cursor),
                missed: load(missed),
                laps: load(laps),
                polls: load(polls),
                wakeups: load(wakeups),
            },
        };
        for (value, word) in occupant.name.iter_mut().zip(name) {
            *value = load(word);
        }
        fence(Ordering::Acquire); // row N5
        let is_same = load(state) == token; // row N5 => true
        is_same.then_some(occupant)
    }

    /// The token of whoever has the entry, complete or not; `None` if it is free.
    pub(crate) fn token(self) -> Option<u64> {
        let [state, ..] = self.words;
        let token = load(state);
        (token != FREE).then_some(token)
    }

    /// Frees the entry if it is still the one that `token` was seen in. The caller knows that its
    /// owner is gone, or is the owner.
    pub(crate) fn free(self, token: u64) -> bool {
        let [state, ..] = self.words;
        exchange(state, token, FREE) // row N6 => true
    }
}

/// Replaces the value if it is what it was taken for. Orders nothing.
fn exchange(word: &AtomicU64, from: u64, to: u64) -> bool {
    word.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}
