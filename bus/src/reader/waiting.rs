//! Waiting for the next record, of one ring or of several.

use super::Reader;
use crate::slot::{Entry, load};
use crate::wait::{MOST_WORDS, Sleep, Slept, Wait};
use std::thread;
use std::time::{Duration, Instant};

/// Longest sleep at a stretch: then the reader looks whether its file, and the control segment by
/// which it is seen, are still those of the ring.
const STRETCH: Duration = Duration::from_millis(500);
/// Looks between two looks at the clock.
const LOOKS: u32 = 64;

impl Reader {
    /// Waits until the next poll has something other than [`Poll::Empty`](crate::Poll) to give, for
    /// `limit` at most, as the reader's [`Wait`] says. Gives whether there is something. A signal
    /// that the process handles ends a sleep early.
    ///
    /// Ordering: rows S1 and S2. Cost: nothing while it sleeps, but for two looks a second; no
    /// allocation.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use tickring::{Directory, Poll, Reader, Start};
    ///
    /// let name = "demo/ticks".parse()?;
    /// let mut reader = Reader::open(&Directory::from_env(), &name, Start::Latest)?;
    /// while reader.wait(Duration::from_secs(10)) {
    ///     if let Poll::Record(record) = reader.poll() {
    ///         println!("{}", record.seq());
    ///     }
    /// }
    /// println!("nothing for ten seconds");
    /// # Ok::<(), tickring::Error>(())
    /// ```
    pub fn wait(&mut self, limit: Duration) -> bool {
        wait_any(&mut [self], limit)
    }

    /// Changes how this reader waits.
    pub fn set_wait(&mut self, wait: Wait) {
        self.wait = wait;
    }

    /// Whether the next poll gives something.
    fn is_ready(&self) -> bool {
        self.lapped_epoch.is_some()
            || self.vanished.is_some()
            || self.segment.is_lost()
            || self.segment.slot(self.cursor).enter(self.cursor) != Entry::NotYet
            || self.segment.header().end().is_some()
    }

    /// Says that this reader will sleep, and what it sleeps on; `None` if nobody would wake it.
    fn announce(&mut self) -> Option<u64> {
        if !self.enrolment.is_current(&self.segment) {
            self.enrolment.renew(&self.segment, &self.counters);
        }
        let header = self.segment.header();
        if self.enrolment.is_seen() {
            self.segment.waiters(self.enrolment.control()).announce()
        } else {
            // The ticker calls whenever something was published, whoever sleeps.
            (load(header.ticker_ns) > 0).then(|| load(header.signal))
        }
    }
}

/// Waits until one of the readers has something other than [`Poll::Empty`](crate::Poll) to give,
/// for `limit` at most, as the [`Wait`] of the first one says. Gives whether one has. A signal
/// that the process handles ends a sleep early.
///
/// Cost: as [`Reader::wait`], times their number. Of more than 128 readers, those beyond are
/// looked at, not slept for.
pub fn wait_any(readers: &mut [&mut Reader], limit: Duration) -> bool {
    let Some(wait) = readers.first().map(|reader| reader.wait) else { return false };
    let ready = |readers: &[&mut Reader]| readers.iter().any(|reader| reader.is_ready());
    // A limit beyond what the clock can tell is none.
    let end = Instant::now().checked_add(limit);
    let left = || end.map_or(STRETCH, |end| end.saturating_duration_since(Instant::now()));
    let mut look = 0_u32;
    loop {
        if ready(readers) {
            return true;
        }
        if !wait.pass(look) {
            break;
        }
        look = look.saturating_add(1);
        if look.is_multiple_of(LOOKS) {
            if left().is_zero() {
                return ready(readers);
            }
            look = look.min(u32::MAX - 2 * LOOKS);
        }
    }
    loop {
        let left = left();
        if left.is_zero() {
            return ready(readers);
        }
        let slept = sleep(readers, wait, left.min(STRETCH));
        readers.iter_mut().for_each(|reader| {
            reader.counters.wakeups = reader.counters.wakeups.wrapping_add(1);
            reader.look_for_file();
        });
        if ready(readers) || slept == Slept::Interrupted {
            return ready(readers);
        }
    }
}

/// Sleeps until a writer calls or the time is over; not at all if there is something by now.
fn sleep(readers: &mut [&mut Reader], wait: Wait, limit: Duration) -> Slept {
    let mut signals = [None; MOST_WORDS];
    let mut is_heard = readers.len() <= signals.len();
    for (signal, reader) in signals.iter_mut().zip(readers.iter_mut()) {
        *signal = reader.announce();
        is_heard &= signal.is_some();
    }
    if readers.iter().any(|reader| reader.is_ready()) {
        return Slept::Woken;
    }
    let mut words = Sleep::new();
    for (signal, reader) in signals.iter().zip(readers.iter()) {
        if let Some(signal) = signal {
            words.add(reader.segment.header().signal, *signal);
        }
    }
    // Who is not heard by all writers looks by itself meanwhile.
    let limit = if is_heard { limit } else { limit.min(wait.look_every) };
    let slept = words.sleep(limit);
    if slept == Slept::Unable {
        thread::sleep(limit.min(wait.look_every));
    }
    slept
}
