//! How fast a feed runs: as fast as it can, as the recording ran, at a rate, or step by step.
//!
//! The feed asks [`Pacer`] before it polls its source; between two answers the pacer sleeps. It
//! never spins: a sleep ends some 50 µs late on Linux, and what became due meanwhile is published
//! together.

use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::error::Error;

/// Longest single sleep: the caller looks for a signal to stop between two of them.
const LONGEST_SLEEP_NS: u64 = 20_000_000;
/// Shortest sleep at a rate: what becomes due within it is published together.
const SHORTEST_SLEEP_NS: u64 = 500_000;
/// How far a feed at a rate may fall behind before it gives up catching up.
const MOST_BEHIND_NS: u64 = 100_000_000;

/// The speed of a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Pace {
    /// As fast as it can.
    #[default]
    Max,
    /// By the inputs' own times, this many times as fast. At 1 a recorded minute takes a minute.
    Replay(f64),
    /// This many records per second, whatever their times.
    Rate(f64),
    /// One input for each step that is allowed, see [`Pacer::allow`].
    Step,
}

impl FromStr for Pace {
    type Err = Error;

    /// Reads `max`, `step`, `1x`, `2.5x` or `100000/s`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let positive = |text: &str| text.parse().ok().filter(|&n: &f64| n > 0.0 && n.is_finite());
        let pace = if text == "max" {
            Some(Self::Max)
        } else if text == "step" {
            Some(Self::Step)
        } else if let Some(factor) = text.strip_suffix('x') {
            positive(factor).map(Self::Replay)
        } else if let Some(rate) = text.strip_suffix("/s") {
            positive(rate).map(Self::Rate)
        } else {
            None
        };
        pace.ok_or_else(|| Error::Option {
            name: "pace",
            expected: "max, step, a factor such as 1x or 10x, or a rate such as 100000/s",
            found: text.to_owned(),
        })
    }
}

/// Tells the time and passes it.
pub trait Clock {
    /// Returns the time since some fixed moment, in ns.
    fn now_ns(&mut self) -> u64;

    /// Lets this much time pass.
    fn sleep_ns(&mut self, ns: u64);
}

/// The machine's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct RealClock {
    start: Instant,
}

impl Default for RealClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for RealClock {
    fn now_ns(&mut self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn sleep_ns(&mut self, ns: u64) {
        std::thread::sleep(Duration::from_nanos(ns));
    }
}

/// A clock that moves only by sleeping: a test with it takes no time and is deterministic.
#[derive(Clone, Copy, Debug, Default)]
pub struct StepClock {
    now_ns: u64,
}

impl Clock for StepClock {
    fn now_ns(&mut self) -> u64 {
        self.now_ns
    }

    fn sleep_ns(&mut self, ns: u64) {
        self.now_ns += ns;
    }
}

/// Says when the next input may be published.
#[derive(Debug)]
pub struct Pacer<C> {
    pace: Pace,
    clock: C,
    now_ns: u64,
    /// The clock's time and the input's at the first input.
    origin: Option<(u64, u64)>,
    /// Inputs that may be published, at the pace of steps.
    steps: u64,
}

impl<C: Clock> Pacer<C> {
    /// Creates a pacer whose time starts with the first input it is asked about.
    ///
    /// # Errors
    /// [`Error::Option`] if the factor or rate is not positive.
    pub fn new(pace: Pace, clock: C) -> Result<Self, Error> {
        match pace {
            Pace::Replay(number) | Pace::Rate(number) if !(number > 0.0 && number.is_finite()) => {
                let (expected, found) = ("a positive number", number.to_string());
                Err(Error::Option { name: "pace", expected, found })
            }
            _ => Ok(Self { pace, clock, now_ns: 0, origin: None, steps: 0 }),
        }
    }

    /// Returns the speed.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// Returns the clock's time, in ns.
    pub fn now_ns(&mut self) -> u64 {
        self.clock.now_ns()
    }

    /// Forgets the times seen: the next input starts anew.
    pub fn restart(&mut self) {
        self.origin = None;
    }

    /// Returns whether the input of this time may be published now. An input without time, or
    /// from before the first one, may.
    pub fn is_due(&mut self, time_ns: Option<u64>) -> bool {
        self.wait_ns(time_ns) == 0
    }

    /// Allows so many steps more. At another pace than that of steps it changes nothing.
    pub fn allow(&mut self, steps: u64) {
        self.steps = self.steps.saturating_add(steps);
    }

    /// Takes off the steps that were used: one an input.
    pub fn spend(&mut self, inputs: usize) {
        self.steps = self.steps.saturating_sub(u64::try_from(inputs).unwrap_or(u64::MAX));
    }

    /// Returns how many records, or at the pace of steps inputs, may be published now, after
    /// `published` were. Not for replays.
    pub fn allowance(&mut self, published: u64) -> u64 {
        let rate = match self.pace {
            Pace::Rate(rate) => rate,
            Pace::Step => return self.steps,
            Pace::Max | Pace::Replay(_) => return u64::MAX,
        };
        self.now_ns = self.clock.now_ns();
        let (start, already) = *self.origin.get_or_insert((self.now_ns, published));
        let elapsed = self.now_ns.saturating_sub(start);
        let due = scaled(elapsed, rate / 1e9);
        let done = published.saturating_sub(already);
        if due.saturating_sub(done) > scaled(MOST_BEHIND_NS, rate / 1e9).saturating_add(1) {
            self.origin = Some((self.now_ns, published));
            return 1;
        }
        due.saturating_sub(done)
    }

    /// Sleeps until the input of this time is due, or for a while if that is far away. At a rate,
    /// sleeps until some records are due; at the pace of steps, for that while.
    pub fn rest(&mut self, time_ns: Option<u64>) {
        let ns = match self.pace {
            Pace::Max => 0,
            Pace::Step => LONGEST_SLEEP_NS,
            Pace::Replay(_) => self.wait_ns(time_ns).min(LONGEST_SLEEP_NS),
            Pace::Rate(rate) => scaled(1, 1e9 / rate).clamp(SHORTEST_SLEEP_NS, LONGEST_SLEEP_NS),
        };
        if ns > 0 {
            self.clock.sleep_ns(ns);
        }
    }

    /// Returns how long it is until the input of this time is due, in ns.
    fn wait_ns(&mut self, time_ns: Option<u64>) -> u64 {
        let (Pace::Replay(factor), Some(time_ns)) = (self.pace, time_ns) else {
            return 0;
        };
        if self.origin.is_none() {
            self.now_ns = self.clock.now_ns();
        }
        let (start, first) = *self.origin.get_or_insert((self.now_ns, time_ns));
        let due = start.saturating_add(scaled(time_ns.saturating_sub(first), 1.0 / factor));
        // The clock is read only when the time seen last does not answer.
        if due > self.now_ns {
            self.now_ns = self.clock.now_ns();
        }
        due.saturating_sub(self.now_ns)
    }
}

/// Multiplies an integer by a positive factor, rounded down, saturating.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a conversion from float saturates; pacing needs no more than 53 bits"
)]
fn scaled(value: u64, factor: f64) -> u64 {
    (value as f64 * factor) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paces_are_read_from_text() {
        for (text, pace) in [
            ("max", Pace::Max),
            ("step", Pace::Step),
            ("1x", Pace::Replay(1.0)),
            ("2.5x", Pace::Replay(2.5)),
            ("100000/s", Pace::Rate(100_000.0)),
        ] {
            assert_eq!(text.parse::<Pace>().unwrap(), pace);
        }
        for wrong in ["", "x", "0x", "-1x", "infx", "nan/s", "10", "10X"] {
            let error = wrong.parse::<Pace>().unwrap_err().to_string();
            assert!(error.contains("expected max"), "{error}");
        }
    }

    #[test]
    fn a_replay_keeps_the_distances_of_its_inputs() {
        for (factor, waited) in [(1.0, 5_000_000_000), (10.0, 500_000_000)] {
            let mut pacer = Pacer::new(Pace::Replay(factor), StepClock::default()).unwrap();
            let first = 1_700_000_000_000_000_000;
            assert!(pacer.is_due(Some(first)));
            let later = Some(first + 5_000_000_000);
            while !pacer.is_due(later) {
                pacer.rest(later);
            }
            let now = pacer.clock.now_ns();
            assert!(now.abs_diff(waited) < 1_000, "{now} for {waited}");
        }
    }

    #[test]
    fn inputs_without_time_or_from_before_the_first_are_due() {
        let mut pacer = Pacer::new(Pace::Replay(1.0), StepClock::default()).unwrap();
        assert!(pacer.is_due(Some(1_000)));
        assert!(pacer.is_due(None));
        assert!(pacer.is_due(Some(10)));
        assert!(!pacer.is_due(Some(2_000)));
    }

    #[test]
    fn a_rate_gives_its_records_over_time() {
        let mut pacer = Pacer::new(Pace::Rate(10_000.0), StepClock::default()).unwrap();
        let mut published = 0;
        while pacer.clock.now_ns() < 2_000_000_000 {
            published += pacer.allowance(published);
            pacer.rest(None);
        }
        assert!((19_900..=20_000).contains(&published), "{published}");
    }

    #[test]
    fn a_feed_that_stood_still_does_not_catch_up_in_one_burst() {
        let mut pacer = Pacer::new(Pace::Rate(10_000.0), StepClock::default()).unwrap();
        assert_eq!(pacer.allowance(0), 0);
        pacer.clock.sleep_ns(60_000_000_000);
        assert_eq!(pacer.allowance(0), 1);
        pacer.clock.sleep_ns(1_000_000);
        assert!(pacer.allowance(1) <= 10);
    }

    #[test]
    fn steps_are_used_one_an_input() {
        let mut pacer = Pacer::new(Pace::Step, StepClock::default()).unwrap();
        assert_eq!(pacer.allowance(9), 0);
        pacer.allow(3);
        pacer.spend(2);
        assert_eq!(pacer.allowance(9), 1);
        pacer.spend(2);
        pacer.rest(Some(5));
        assert_eq!((pacer.allowance(9), pacer.clock.now_ns()), (0, LONGEST_SLEEP_NS));
    }

    #[test]
    fn max_never_waits() {
        let mut pacer = Pacer::new(Pace::Max, StepClock::default()).unwrap();
        assert!(pacer.is_due(Some(5)) && pacer.is_due(Some(u64::MAX)));
        assert_eq!(pacer.allowance(7), u64::MAX);
        pacer.rest(Some(u64::MAX));
        assert_eq!(pacer.clock.now_ns(), 0);
    }
}
