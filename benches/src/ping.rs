//! The limit of the machine: one cache line thrown to and fro between two cores.
//!
//! Both sides take the line in turn, each by the compare-exchange that adds one to its word: an
//! even number is the asking side's to take, an odd one the answering side's. Each take moves the
//! line, writable, from core to core once; that time is "pp". A plain store to a line that the
//! other core has read has to take it away first and be fetched afterwards, so that a message of
//! a bus needs about two pp.
//!
//! The side that asks runs [`measure`], the other [`respond`] until it is told to stop.

use crate::clock::Clock;
use crate::failure::Failure;
use crate::shared::{Line, Shared, ticks, ticks_after_loads};
use crate::spread::median;
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Below this the two cores share a near cache.
const NEAR_BELOW_NS: f64 = 80.0;
/// No placement is slower than this: a process was interrupted for most of the ping-pong.
const FAR_BELOW_NS: f64 = 1_000.0;
/// Round trips that are timed together.
const GROUP: u64 = 64;
/// The bit of a question after which no other follows.
const STOP: u64 = 1 << 63;
/// How long the other side is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// Looks at a word between two looks at the time.
const LOOKS: u32 = 1 << 16;

/// Where the machine has put the two cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// They share a cache: below 80 ns one way before and after the burst.
    Near,
    /// They do not: 80 ns or more before and after, but less than 1 µs.
    Far,
    /// One before and the other after, or interrupted: such a sample is dropped, and counted.
    Mixed,
}

impl State {
    /// Classifies a burst by the pp before and after it.
    #[must_use]
    pub fn of(before_ns: f64, after_ns: f64) -> Self {
        let is_far = |pp_ns: f64| (NEAR_BELOW_NS..FAR_BELOW_NS).contains(&pp_ns);
        match (before_ns < NEAR_BELOW_NS, after_ns < NEAR_BELOW_NS) {
            (true, true) => Self::Near,
            _ if is_far(before_ns) && is_far(after_ns) => Self::Far,
            _ => Self::Mixed,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Near => "near",
            Self::Far => "far",
            Self::Mixed => "mixed",
        })
    }
}

/// Measures pp for about `length` and lets the other side go: the median of groups of 64 round
/// trips, so that a group in which a process was interrupted does not count.
///
/// Units: nanoseconds, one way.
///
/// # Errors
///
/// [`Failure::Stuck`] if the other side does not answer.
pub fn measure(shared: &Shared, clock: &Clock, length: Duration) -> Result<f64, Failure> {
    // The other side may still be busy with what came before: the first answer says it is not.
    ask(shared)?;
    let mut groups = Vec::new();
    let length_ticks = clock.ticks(length);
    let mut even = shared.word(Line::Ping).load(Ordering::Relaxed);
    let begin = ticks();
    let mut before = begin;
    while before.saturating_sub(begin) < length_ticks || groups.is_empty() {
        for _ in 0..GROUP {
            take(shared, even, even + 1)?;
            even += 2;
        }
        let now = ticks();
        groups.push(clock.ns(now.saturating_sub(before)) / (2 * GROUP) as f64);
        before = now;
    }
    await_word(shared, even)?;
    stop(shared)?;
    Ok(median(&mut groups).unwrap_or(f64::NAN))
}

/// Asks once and waits for the answer.
///
/// # Errors
///
/// [`Failure::Stuck`] if there is none.
#[inline]
pub fn ask(shared: &Shared) -> Result<(), Failure> {
    let even = shared.word(Line::Ping).load(Ordering::Relaxed);
    shared.word(Line::Ping).store(even + 1, Ordering::Release);
    await_word(shared, even + 2)
}

/// Lets the other side go on to what comes next.
///
/// # Errors
///
/// [`Failure::Stuck`] if it does not confirm.
pub fn stop(shared: &Shared) -> Result<(), Failure> {
    let even = shared.word(Line::Ping).load(Ordering::Relaxed);
    shared.word(Line::Ping).store((even + 1) | STOP, Ordering::Release);
    await_word(shared, even + 2)
}

/// Answers until the other side says stop.
///
/// # Errors
///
/// [`Failure::Stuck`] if the other side stays silent.
pub fn respond(shared: &Shared) -> Result<(), Failure> {
    let word = shared.word(Line::Ping);
    let mut odd = (word.load(Ordering::Relaxed) & !STOP) | 1;
    while take(shared, odd, odd + 1)? {
        odd += 2;
    }
    word.store(odd + 1, Ordering::Release);
    Ok(())
}

/// Answers until the other side says stop, each time with the ticks here.
///
/// # Errors
///
/// [`Failure::Stuck`] if the other side stays silent.
pub fn respond_with_ticks(shared: &Shared) -> Result<(), Failure> {
    let word = shared.word(Line::Ping);
    let mut odd = (word.load(Ordering::Relaxed) & !STOP) | 1;
    loop {
        let question = spin("ask", || {
            let question = word.load(Ordering::Acquire);
            (question & !STOP == odd).then_some(question)
        })?;
        shared.word(Line::PongTicks).store(ticks_after_loads(), Ordering::Relaxed);
        word.store(odd + 1, Ordering::Release);
        if question & STOP != 0 {
            return Ok(());
        }
        odd += 2;
    }
}

/// Replaces `from` by `to` once it is there; false if it is there with the order to stop.
#[inline]
fn take(shared: &Shared, from: u64, to: u64) -> Result<bool, Failure> {
    let word = shared.word(Line::Ping);
    spin("answer", || match word.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed) {
        Ok(_) => Some(true),
        Err(found) if found == from | STOP => Some(false),
        Err(_) => None,
    })
}

fn await_word(shared: &Shared, wanted: u64) -> Result<(), Failure> {
    let word = shared.word(Line::Ping);
    spin("answer", || (word.load(Ordering::Acquire) == wanted).then_some(()))
}

/// Spins, without a pause, until `look` finds something.
#[inline]
fn spin<T>(what: &'static str, look: impl Fn() -> Option<T>) -> Result<T, Failure> {
    let mut begin = None;
    loop {
        for _ in 0..LOOKS {
            if let Some(found) = look() {
                return Ok(found);
            }
        }
        if begin.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
            return Err(Failure::Stuck { what, seconds: PATIENCE.as_secs() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_between_two_states_or_beside_an_interruption_is_mixed() {
        assert_eq!(State::of(32.0, 31.0), State::Near);
        assert_eq!(State::of(168.0, 170.0), State::Far);
        assert_eq!(State::of(32.0, 168.0), State::Mixed);
        assert_eq!(State::of(168.0, 32.0), State::Mixed);
        assert_eq!(State::of(40_000.0, 168.0), State::Mixed);
        assert_eq!(State::of(f64::NAN, 32.0), State::Mixed);
    }

    #[test]
    fn sessions_follow_each_other_and_all_questions_are_answered() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("shared");
        let shared = Shared::create(&path).unwrap();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let shared = Shared::attach(&path).unwrap();
                respond_with_ticks(&shared).unwrap();
                respond(&shared).unwrap();
                respond(&shared).unwrap();
            });
            for _ in 0..10 {
                let asked = ticks();
                ask(&shared).unwrap();
                let answered = shared.word(Line::PongTicks).swap(0, Ordering::Relaxed);
                assert!(answered > 0 && asked > 0);
            }
            stop(&shared).unwrap();
            let clock = Clock::calibrate();
            for _ in 0..2 {
                assert!(measure(&shared, &clock, Duration::ZERO).unwrap() > 0.0);
            }
            other.join().unwrap();
        });
    }
}
