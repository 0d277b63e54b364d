//! When events happen: a Hawkes process with two exponential kernels.
//!
//! Each event makes others more likely for a while: on average [`BRANCHING_FAST`] more within
//! some 50 µs and [`BRANCHING_SLOW`] more within some 50 ms. That is what makes a market's events
//! come in bursts at every time scale (variance of the count of one second far above its mean),
//! where a Poisson process is smooth.
//!
//! Intensity: mu + fast + slow, where both excitations decay exponentially and jump at each event.
//! The next time is drawn exactly, by inverting the integrated intensity of each part and taking
//! the first; so the draw also tells which part caused the event.
//!
//! Source: A. Dassios, H. Zhao, "Exact simulation of Hawkes process with exponentially decaying
//! intensity", Electronic Communications in Probability 18 (2013), no. 62.

use crate::random::Random;

/// Events that one event causes directly by the fast kernel, on average.
const BRANCHING_FAST: f64 = 0.45;
/// Events that one event causes directly by the slow kernel, on average.
const BRANCHING_SLOW: f64 = 0.45;
/// Decay of the fast kernel, 1/s: 50 µs.
const DECAY_FAST: f64 = 20_000.0;
/// Decay of the slow kernel, 1/s: 50 ms.
const DECAY_SLOW: f64 = 20.0;

/// What caused an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cause {
    /// News from outside.
    Background,
    /// An event of the last microseconds.
    Fast,
    /// An event of the last milliseconds.
    Slow,
}

/// The process.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    background: f64,
    fast: Excitation,
    slow: Excitation,
}

/// One decaying part of the intensity.
#[derive(Clone, Copy, Debug)]
struct Excitation {
    /// Events per second, now.
    intensity: f64,
    decay: f64,
    jump: f64,
}

impl Excitation {
    /// Creates the part at its mean.
    fn new(branching: f64, decay: f64, events_per_second: f64) -> Self {
        Self { intensity: branching * events_per_second, decay, jump: branching * decay }
    }

    /// Returns when this part causes its next event, in seconds from now; infinite if it fades
    /// out before.
    fn next(&self, random: &mut Random) -> f64 {
        let left = 1.0 - random.exponential() * self.decay / self.intensity;
        if left > 0.0 { -libm::log(left) / self.decay } else { f64::INFINITY }
    }

    fn step(&mut self, seconds: f64) {
        self.intensity = self.intensity * libm::exp(-self.decay * seconds) + self.jump;
    }
}

impl Arrivals {
    /// Creates a process with this long-run rate.
    pub(super) fn new(events_per_second: f64) -> Self {
        Self {
            background: events_per_second * (1.0 - BRANCHING_FAST - BRANCHING_SLOW),
            fast: Excitation::new(BRANCHING_FAST, DECAY_FAST, events_per_second),
            slow: Excitation::new(BRANCHING_SLOW, DECAY_SLOW, events_per_second),
        }
    }

    /// Excites both parts as so many events at once would.
    pub(super) fn excite(&mut self, events: f64) {
        for part in [&mut self.fast, &mut self.slow] {
            part.intensity += part.jump * events;
        }
    }

    /// Returns the seconds to the next event and what causes it.
    pub(super) fn next(&mut self, random: &mut Random) -> (f64, Cause) {
        let background = random.exponential() / self.background;
        let fast = self.fast.next(random);
        let slow = self.slow.next(random);
        let (seconds, cause) = if background <= fast && background <= slow {
            (background, Cause::Background)
        } else if fast <= slow {
            (fast, Cause::Fast)
        } else {
            (slow, Cause::Slow)
        };
        self.fast.step(seconds);
        self.slow.step(seconds);
        (seconds, cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_run_rate_is_the_one_asked_for() {
        let mut random = Random::new(11);
        let mut arrivals = Arrivals::new(5_000.0);
        let seconds: f64 = (0..1_000_000).map(|_| arrivals.next(&mut random).0).sum();
        let rate = 1e6 / seconds;
        assert!((rate / 5_000.0 - 1.0).abs() < 0.05, "{rate}");
    }

    #[test]
    fn excitement_brings_the_descendants_of_so_many_events() {
        let mut random = Random::new(13);
        let mut arrivals = Arrivals::new(10.0);
        let mut descendants = 0.0;
        for _ in 0..100 {
            arrivals.excite(100.0);
            // Two seconds are 40 times the slow decay and 4 times the life of a cascade.
            let mut seconds = 0.0;
            while seconds < 2.0 {
                seconds += arrivals.next(&mut random).0;
                descendants += 1.0;
            }
        }
        // 100 parents have 90 children, 81 grandchildren … 900 in all, beside 20 in two seconds.
        let found: f64 = descendants / 100.0;
        assert!((found / 920.0 - 1.0).abs() < 0.1, "{found}");
    }

    #[test]
    fn causes_have_the_share_of_their_branching() {
        let mut random = Random::new(12);
        let mut arrivals = Arrivals::new(5_000.0);
        let mut counts = [0u32; 3];
        for _ in 0..400_000 {
            counts[match arrivals.next(&mut random).1 {
                Cause::Background => 0,
                Cause::Fast => 1,
                Cause::Slow => 2,
            }] += 1;
        }
        for (count, share) in counts.into_iter().zip([0.10, 0.45, 0.45]) {
            let found = f64::from(count) / 4e5;
            assert!((found - share).abs() < 0.02, "{found} for {share}");
        }
    }
}
