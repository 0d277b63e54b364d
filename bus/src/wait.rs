//! What a process does between two polls that found nothing.

use std::time::Duration;

/// Waits a little longer each time: spins, then gives up the processor, then sleeps.
///
/// # Examples
///
/// ```no_run
/// # let directory = tickring::Directory::from_env();
/// # let name = "demo/ticks".parse()?;
/// # let mut reader = tickring::Reader::open(&directory, &name, tickring::Start::Latest)?;
/// let mut wait = tickring::Wait::default();
/// loop {
///     match reader.poll() {
///         tickring::Poll::Empty => wait.pause(),
///         _ => wait.reset(),
///     }
/// }
/// # #[expect(unreachable_code)]
/// # Ok::<(), tickring::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Wait {
    /// Pauses that only spin.
    pub spins: u32,
    /// Pauses after those that yield to other threads.
    pub yields: u32,
    /// Length of every pause after those.
    pub sleep: Duration,
    taken: u32,
}

impl Default for Wait {
    /// 100 spins (about 2 µs), 20 yields, then sleeps of 50 µs.
    fn default() -> Self {
        Self { spins: 100, yields: 20, sleep: Duration::from_micros(50), taken: 0 }
    }
}

impl Wait {
    /// Never gives up the processor: for a reader with a core of its own.
    #[must_use]
    pub fn spinning() -> Self {
        Self { spins: u32::MAX, yields: 0, sleep: Duration::ZERO, taken: 0 }
    }

    /// Waits once.
    pub fn pause(&mut self) {
        if self.taken < self.spins {
            core::hint::spin_loop();
        } else if self.taken < self.spins.saturating_add(self.yields) {
            std::thread::yield_now();
        } else {
            std::thread::sleep(self.sleep);
        }
        self.taken = self.taken.saturating_add(1);
    }

    /// Begins with the shortest pause again.
    #[inline]
    pub fn reset(&mut self) {
        self.taken = 0;
    }
}
