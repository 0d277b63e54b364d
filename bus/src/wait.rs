//! How a reader waits while nothing comes: it looks again, gives up the processor, and in the end
//! sleeps until the writer wakes it.
//!
//! # Invariants
//!
//! - A futex call is given the address of a word that is borrowed for the length of the call;
//!   the kernel reads four bytes of it and writes nothing.

#![expect(unsafe_code, reason = "the futex system calls")]

use crate::sync::AtomicU64;
use nix::libc::{self, SYS_futex, SYS_futex_waitv, syscall};
use std::marker::PhantomData;
use std::ptr;
use std::time::Duration;

/// What a reader does between two looks for a record, in this order.
///
/// A strategy is a value; the waiting itself is [`Reader::wait`](crate::Reader::wait), which has a
/// limit each time.
///
/// | phase | finds a record after | costs meanwhile |
/// |---|---|---|
/// | spin | some 100 ns | a core |
/// | yield | some 100 ns, if nobody else wants the core | a core that others may have |
/// | sleep | some 10 µs | nothing |
///
/// A sleeper is woken by the writer if it may write to the ring's control segment, which readers
/// of the same user may; else by the writer's wake ticker, if it has one
/// ([`RingSpec::wake_ticker`](crate::RingSpec)); else it looks again every
/// [`look_every`](Self::look_every).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Looks with a pause instruction between them, of some 20 ns.
    pub spins: u32,
    /// Looks after those, with an offer of the processor to other threads between them.
    pub yields: u32,
    /// Whether to sleep then; without, it goes on with yields, or spins if there are none.
    pub sleeps: bool,
    /// From one look to the next for a sleeper that nobody can wake.
    pub look_every: Duration,
}

impl Default for Wait {
    /// 100 spins (about 2 µs), 20 yields, then sleep: a record that follows closely is found by
    /// looking, and an idle ring costs nothing.
    fn default() -> Self {
        Self { spins: 100, yields: 20, sleeps: true, look_every: Duration::from_millis(1) }
    }
}

impl Wait {
    /// Never gives up the processor: for a reader with a core of its own.
    #[must_use]
    pub fn spinning() -> Self {
        Self { spins: u32::MAX, yields: 0, sleeps: false, ..Self::default() }
    }

    /// Sleeps at once: for a reader that shares its core, above all with the writer.
    #[must_use]
    pub fn sleeping() -> Self {
        Self { spins: 0, yields: 0, ..Self::default() }
    }

    /// Passes the time between two looks, of which this is number `look`, counted from 0; `false`
    /// when it is time to sleep.
    pub(crate) fn pass(&self, look: u32) -> bool {
        if look < self.spins {
            core::hint::spin_loop();
        } else if look < self.spins.saturating_add(self.yields) {
            std::thread::yield_now();
        } else if self.sleeps {
            return false;
        } else if self.yields > 0 {
            std::thread::yield_now();
        } else {
            core::hint::spin_loop();
        }
        true
    }
}

/// Most words that [`sleep_on`] takes, which is the kernel's limit.
pub(crate) const MOST_WORDS: usize = 128;

/// `FUTEX2_SIZE_U32` of `linux/futex.h`; shared between processes, as no private flag is given.
const SIZE_U32: u32 = 2;

/// `struct futex_waitv` of `linux/futex.h`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Waiter {
    value: u64,
    address: u64,
    flags: u32,
    reserved: u32,
}

/// Words to sleep on, each with the value that it must still have.
pub(crate) struct Sleep<'a> {
    waiters: [Waiter; MOST_WORDS],
    count: usize,
    words: PhantomData<&'a AtomicU64>,
}

impl<'a> Sleep<'a> {
    pub(crate) fn new() -> Self {
        let none = Waiter { value: 0, address: 0, flags: SIZE_U32, reserved: 0 };
        Self { waiters: [none; MOST_WORDS], count: 0, words: PhantomData }
    }

    /// Adds a word; `false` if there are too many.
    pub(crate) fn add(&mut self, word: &'a AtomicU64, value: u64) -> bool {
        let Some(waiter) = self.waiters.get_mut(self.count) else { return false };
        // The futex is the low half of the word, which stands first (`lib.rs` checks).
        waiter.value = value & u64::from(u32::MAX);
        waiter.address = word.as_ptr().expose_provenance() as u64;
        self.count += 1;
        true
    }

    /// Sleeps until one of the words is called, or is not what it was, or the time is over. May
    /// return early.
    pub(crate) fn sleep(&self, limit: Duration) -> Slept {
        let sleepers = self.waiters.get(..self.count).unwrap_or(&[]);
        let result = match sleepers {
            [] => return Slept::Unable,
            [one] => wait_on_one(one, limit),
            many => wait_on_many(many, limit),
        };
        match result {
            0.. => Slept::Woken,
            _ => match errno() {
                libc::EAGAIN | libc::ETIMEDOUT => Slept::Woken,
                libc::EINTR => Slept::Interrupted,
                _ => Slept::Unable,
            },
        }
    }
}

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Slept {
    /// By a call, by the end of the time, or without having begun: look.
    Woken,
    /// By a signal of the process.
    Interrupted,
    /// The kernel cannot do it.
    Unable,
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: duration.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

fn wait_on_one(waiter: &Waiter, limit: Duration) -> i64 {
    let limit = timespec(limit);
    // SAFETY: the kernel reads four bytes at the address, or refuses it (EFAULT), and the limit,
    // which lives until the call returns.
    unsafe {
        syscall(
            SYS_futex,
            waiter.address,
            libc::FUTEX_WAIT,
            waiter.value,
            &raw const limit,
            ptr::null::<u32>(),
            0,
        )
    }
}

fn wait_on_many(waiters: &[Waiter], limit: Duration) -> i64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
    let now = now.map_or(Duration::ZERO, Duration::from);
    let until = timespec(now.saturating_add(limit));
    // SAFETY: the kernel reads the waiters, four bytes at each address or refuses it (EFAULT),
    // and the time, all of which live until the call returns.
    unsafe {
        syscall(
            SYS_futex_waitv,
            waiters.as_ptr(),
            waiters.len(),
            0,
            &raw const until,
            libc::CLOCK_MONOTONIC,
        )
    }
}

/// Wakes everybody who sleeps on the word, in all processes.
#[cold]
#[inline(never)]
pub(crate) fn wake(word: &AtomicU64) {
    // SAFETY: the address only names a queue of the kernel's.
    let _ = unsafe { syscall(SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_word_that_has_changed_is_not_slept_on() {
        let words = [AtomicU64::new(5), AtomicU64::new(1 << 32)];
        for count in [1, 2] {
            let mut sleep = Sleep::new();
            for word in &words[..count] {
                assert!(sleep.add(word, 4));
            }
            assert_eq!(sleep.sleep(LONG), Slept::Woken, "returns at once");
        }
    }

    #[test]
    fn sleepers_on_one_and_on_several_words_are_woken() {
        for count in [1, 3] {
            let words = Arc::new([const { AtomicU64::new(7) }; 3]);
            let sleeper = thread::spawn({
                let words = Arc::clone(&words);
                move || {
                    let mut sleep = Sleep::new();
                    words[..count].iter().for_each(|word| assert!(sleep.add(word, 7)));
                    sleep.sleep(LONG)
                }
            });
            // Wakes until it has been heard: the sleeper may not be asleep yet.
            while !sleeper.is_finished() {
                wake(&words[count - 1]);
                thread::yield_now();
            }
            assert_eq!(sleeper.join().unwrap(), Slept::Woken);
        }
    }

    #[test]
    fn the_limit_ends_a_sleep() {
        let words = [AtomicU64::new(7), AtomicU64::new(7)];
        for count in [1, 2] {
            let mut sleep = Sleep::new();
            words[..count].iter().for_each(|word| assert!(sleep.add(word, 7)));
            assert_eq!(sleep.sleep(Duration::from_millis(2)), Slept::Woken);
        }
    }

    #[test]
    fn no_words_and_too_many_are_refused() {
        let word = AtomicU64::new(0);
        let mut sleep = Sleep::new();
        assert_eq!(sleep.sleep(LONG), Slept::Unable);
        for _ in 0..MOST_WORDS {
            assert!(sleep.add(&word, 0));
        }
        assert!(!sleep.add(&word, 0));
    }

    #[test]
    fn a_strategy_spins_then_yields_then_sleeps() {
        let wait = Wait { spins: 2, yields: 1, ..Wait::default() };
        assert_eq!([0, 1, 2, 3].map(|look| wait.pass(look)), [true, true, true, false]);
        assert!(!Wait::sleeping().pass(0));
        assert!(Wait::spinning().pass(u32::MAX));
    }
}
