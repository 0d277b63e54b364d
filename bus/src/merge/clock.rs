//! The time by which a ring is taken for idle.

use std::time::Instant;

/// Tells the time.
pub trait Clock {
    /// Returns the time since some fixed moment, in nanoseconds.
    fn now_ns(&mut self) -> u64;
}

/// The machine's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicClock {
    start: Instant,
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for MonotonicClock {
    fn now_ns(&mut self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
