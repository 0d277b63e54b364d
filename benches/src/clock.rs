//! Ticks as nanoseconds, and whether two cores count the same ticks.

use crate::failure::Failure;
use crate::ping;
use crate::shared::{CLOCK_NAME, Line, Shared, ticks, ticks_after_loads};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long the ticks are compared with the system's clock.
const CALIBRATION: Duration = Duration::from_millis(40);
/// Readings of both clocks for one moment.
const READINGS: u32 = 32;
/// Answers in a comparison of two cores.
const ROUNDS: u64 = 2_000;

/// Turns ticks into nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    ns_per_tick: f64,
}

/// How well the clocks of two cores agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Answers that were looked at; all were stamped between question and arrival.
    pub rounds: u64,
    /// The answering core's clock minus the asking core's, from the quickest answer.
    pub offset_ns: f64,
    /// How far that can be off: half of the quickest round trip.
    pub uncertainty_ns: f64,
}

impl Clock {
    /// Compares the ticks with CLOCK_MONOTONIC. Blocks for 40 ms.
    #[must_use]
    pub fn calibrate() -> Self {
        let (begin, first) = moment();
        while begin.elapsed() < CALIBRATION {
            std::hint::spin_loop();
        }
        let (end, last) = moment();
        let elapsed_ns = end.duration_since(begin).as_nanos() as f64;
        Self { ns_per_tick: elapsed_ns / last.saturating_sub(first).max(1) as f64 }
    }

    /// Ticks in a nanosecond: the clock's rate in GHz.
    #[must_use]
    pub fn ticks_per_ns(&self) -> f64 {
        1.0 / self.ns_per_tick
    }

    /// Turns a number of ticks into nanoseconds.
    #[must_use]
    pub fn ns(&self, ticks: u64) -> f64 {
        ticks as f64 * self.ns_per_tick
    }

    /// Turns a time into ticks, rounded down.
    #[must_use]
    pub fn ticks(&self, time: Duration) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "saturates, as durations never do")]
        #[expect(clippy::cast_sign_loss, reason = "neither factor is negative")]
        let ticks = (time.as_nanos() as f64 / self.ns_per_tick) as u64;
        ticks
    }
}

/// One moment by both clocks: of several readings the one that was interrupted least.
fn moment() -> (Instant, u64) {
    let mut best = (u64::MAX, Instant::now(), ticks());
    for _ in 0..READINGS {
        let (before, now, after) = (ticks(), Instant::now(), ticks());
        let width = after.saturating_sub(before);
        if width < best.0 {
            best = (width, now, before + width / 2);
        }
    }
    (best.1, best.2)
}

/// Asks the other process, which must be in [`ping::respond_with_ticks`], whether its clock
/// agrees with this one: each answer has to be stamped between its question and its arrival.
///
/// # Errors
///
/// [`Failure::Clocks`] if one was not, [`Failure::Stuck`] without answers.
pub fn compare(shared: &Shared, clock: &Clock) -> Result<Agreement, Failure> {
    let mut violations = 0;
    let mut quickest = u64::MAX;
    let mut offset_ns = 0.0;
    for _ in 0..ROUNDS {
        let asked = ticks();
        ping::ask(shared)?;
        let arrived = ticks_after_loads();
        let stamped = shared.word(Line::PongTicks).load(Ordering::Relaxed);
        if !(asked..=arrived).contains(&stamped) {
            violations += 1;
            continue;
        }
        let trip = arrived - asked;
        if trip < quickest {
            quickest = trip;
            offset_ns = clock.ns(stamped - asked) - clock.ns(trip) / 2.0;
        }
    }
    ping::stop(shared)?;
    if violations > 0 {
        return Err(Failure::Clocks { clock: CLOCK_NAME, violations, rounds: ROUNDS });
    }
    Ok(Agreement { rounds: ROUNDS, offset_ns, uncertainty_ns: clock.ns(quickest) / 2.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_and_ticks_are_inverse() {
        let clock = Clock { ns_per_tick: 0.4 };
        assert_eq!(clock.ticks(Duration::from_micros(1)), 2500);
        assert!((clock.ns(2500) - 1000.0).abs() < 1e-9);
        assert!((clock.ticks_per_ns() - 2.5).abs() < 1e-9);
    }

    #[test]
    fn a_calibrated_clock_runs_as_fast_as_the_systems() {
        let clock = Clock::calibrate();
        let (begin, first) = moment();
        while begin.elapsed() < Duration::from_millis(20) {}
        let (end, last) = moment();
        let elapsed_ns = end.duration_since(begin).as_nanos() as f64;
        let difference_ns = clock.ns(last - first) - elapsed_ns;
        assert!(difference_ns.abs() < 0.01 * elapsed_ns, "{difference_ns} ns");
    }
}
