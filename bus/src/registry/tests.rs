//! Loom models of sleeping and waking, and of the entries; each dies when its row is removed or
//! weakened.

use super::{Counters, ENTRY_WORDS, Entry, Occupant, Waiters};
use crate::slot::{Entry as Found, Slot};
use crate::sync::AtomicU64;
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

/// One slot, the two words, and a futex: a queue behind a lock, as the kernel has it.
struct Ring {
    slot: [AtomicU64; 2],
    waiters: AtomicU64,
    signal: AtomicU64,
    queue: Mutex<()>,
    woken: Condvar,
}

impl Ring {
    fn new() -> Self {
        Self {
            slot: std::array::from_fn(|_| AtomicU64::new(0)),
            waiters: AtomicU64::new(0),
            signal: AtomicU64::new(0),
            queue: Mutex::new(()),
            woken: Condvar::new(),
        }
    }

    fn slot(&self) -> Slot<'_> {
        let [stamp, payload @ ..] = &self.slot;
        Slot::new(stamp, payload)
    }

    fn waiters(&self) -> Waiters<'_> {
        Waiters { waiters: &self.waiters, signal: &self.signal }
    }

    fn is_ready(&self, seq: u64) -> bool {
        self.slot().enter(seq) != Found::NotYet
    }

    /// Publishes as `Writer::publish` does, and wakes as `FUTEX_WAKE` does.
    fn publish(&self, seq: u64) {
        self.slot().claim(seq);
        self.slot().put(0, [seq].into_iter());
        self.slot().commit(seq);
        if self.waiters().are_there() {
            super::call(&self.signal);
            let _queue = self.queue.lock().unwrap();
            self.woken.notify_all();
        }
    }

    /// Waits as `Reader::wait` does, without a limit; sleeps as `FUTEX_WAIT` does.
    fn wait(&self, seq: u64) {
        while !self.is_ready(seq) {
            let signal = self.waiters().announce().expect("loom sees every store");
            if self.is_ready(seq) {
                return;
            }
            let queue = self.queue.lock().unwrap();
            if crate::slot::load(&self.signal) == signal {
                drop(self.woken.wait(queue).unwrap());
            }
        }
    }
}

/// Explores the schedules with at most two preemptions: the models below are too large for all.
fn model(check: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(check);
}

/// A lost wake-up is a deadlock, which loom reports.
#[test]
fn loom_a_reader_that_goes_to_sleep_is_woken_by_the_record() {
    loom::model(|| {
        let ring = Arc::new(Ring::new());
        let reader = thread::spawn({
            let ring = Arc::clone(&ring);
            move || ring.wait(0)
        });
        ring.publish(0);
        reader.join().unwrap();
        assert!(ring.is_ready(0));
    });
}

#[test]
fn loom_a_reader_that_goes_to_sleep_between_two_records_is_woken_by_the_second() {
    model(|| {
        let ring = Arc::new(Ring::new());
        let reader = thread::spawn({
            let ring = Arc::clone(&ring);
            move || ring.wait(1)
        });
        ring.publish(0);
        ring.publish(1);
        reader.join().unwrap();
    });
}

#[test]
fn loom_a_writer_calls_only_while_somebody_may_sleep() {
    loom::model(|| {
        let ring = Ring::new();
        assert!(!ring.waiters().are_there());
        let signal = ring.waiters().announce();
        assert_eq!(signal, Some(0));
        assert!(ring.waiters().are_there());
        super::call(&ring.signal);
        assert!(!ring.waiters().are_there(), "the call was for all of them");
        // One that read the signal before the call does not hide one that read it after.
        assert_eq!(ring.waiters().announce(), Some(1));
        assert!(ring.waiters().are_there());
    });
}

struct Words([AtomicU64; ENTRY_WORDS]);

impl Words {
    fn new() -> Arc<Self> {
        Arc::new(Self(std::array::from_fn(|_| AtomicU64::new(0))))
    }

    fn entry(&self) -> Entry<'_> {
        Entry::new(&self.0)
    }
}

fn occupant(token: u64) -> Occupant {
    Occupant {
        token,
        pid: 100 + token,
        since_ns: 200 + token,
        name: [token; 4],
        counters: Counters::default(),
    }
}

#[test]
fn loom_an_entry_has_one_owner() {
    loom::model(|| {
        let words = Words::new();
        let other = thread::spawn({
            let words = Arc::clone(&words);
            move || words.entry().claim(&occupant(1))
        });
        let mine = words.entry().claim(&occupant(2));
        let theirs = other.join().unwrap();
        assert!(mine != theirs, "exactly one of the two has it");
        let owner = if mine { 2 } else { 1 };
        assert_eq!(words.entry().occupant(), Some(occupant(owner)));
        assert!(!words.entry().free(7), "somebody else's token");
        assert!(words.entry().free(owner));
        assert_eq!((words.entry().occupant(), words.entry().token()), (None, None));
    });
}

#[test]
fn loom_an_entry_that_changes_hands_is_shown_as_one_or_the_other() {
    model(|| {
        let words = Words::new();
        assert!(words.entry().claim(&occupant(1)));
        let other = thread::spawn({
            let words = Arc::clone(&words);
            move || {
                assert!(words.entry().free(1));
                assert!(words.entry().claim(&occupant(2)));
            }
        });
        if let Some(seen) = words.entry().occupant() {
            assert_eq!(seen, occupant(seen.token));
        }
        other.join().unwrap();
    });
}
