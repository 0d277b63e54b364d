//! The script of a trading day: what happens to the market from outside, and when.
//!
//! ```text
//! pre-open ─ orders gather ─► opening cross ─► trading ─► orders gather ─► closing cross ─► close
//!                                        halts, pauses, bursts
//! ```
//!
//! A halt or pause stops one instrument; in its second half orders gather, and an auction of its
//! own ends it. A burst is news for the whole market. While orders gather, books may be crossed,
//! and the state of the coming auction is told again and again.

use std::time::Duration;

use dbn::StatusReason;
use tickring::record::status_action;

use super::market::Cross;
use crate::error::Error;
use crate::random::{Choice, Random};

/// Shortest time between two states of an auction.
const SHORTEST_PERIOD: Duration = Duration::from_micros(1);

/// A trading day, compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Session {
    /// Time in which orders gather for the opening cross.
    pub opening: Duration,
    /// Time of continuous trading.
    pub trading: Duration,
    /// Time in which orders gather for the closing cross.
    pub closing: Duration,
    /// Halts and pauses in turn, each of one instrument, spread over the trading.
    pub halts: u32,
    /// How long each of them lasts.
    pub halt: Duration,
    /// Bursts, anywhere in the trading.
    pub bursts: u32,
    /// Time between two states of a coming auction.
    pub period: Duration,
}

impl Session {
    /// Returns a whole day within `length`: a tenth for each of opening and closing, four halts
    /// and pauses of a fiftieth, and four bursts.
    #[must_use]
    pub fn within(length: Duration) -> Self {
        Self {
            opening: length / 10,
            trading: length - length / 10 * 2,
            closing: length / 10,
            halts: 4,
            halt: length / 50,
            bursts: 4,
            period: (length / 250).max(SHORTEST_PERIOD),
        }
    }

    fn check(&self) -> Result<(), Error> {
        if self.period < SHORTEST_PERIOD {
            let found = format!("{:?}", self.period);
            return Err(Error::Option { name: "period", expected: "at least 1 µs", found });
        }
        if self.halts > 0 && self.halt >= self.trading / self.halts {
            let found = format!("{} of {:?}", self.halts, self.halt);
            let expected = "halts that follow each other within the time of trading";
            return Err(Error::Option { name: "halts", expected, found });
        }
        Ok(())
    }
}

/// What the script does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    /// Says how far the day is, for the whole market.
    Announce(u16),
    /// News come.
    Burst,
    /// To one instrument.
    Market(u32, MarketAction),
}

/// What the script does to one instrument.
#[derive(Clone, Copy, Debug)]
pub(super) enum MarketAction {
    /// Orders gather for an auction; with the reason.
    Gather(Cross, u16),
    /// Tells the state of the coming auction.
    Indicate,
    /// Holds the auction.
    Uncross,
    /// Trading begins; with the reason.
    Resume(u16),
    /// Trading stops; with the status and the reason.
    Halt(u16, u16),
    /// Nothing happens any more.
    Close,
}

/// Whom a step is about.
#[derive(Clone, Copy, Debug)]
enum Step {
    Whole(Action),
    Each(MarketAction),
}

/// The steps that are left of a day.
#[derive(Clone, Debug)]
pub(super) struct Script {
    /// In order of time, in ns since the Unix epoch.
    steps: std::vec::IntoIter<(u64, Step)>,
    /// The step that is being done.
    current: Option<(u64, Step)>,
    /// The next instrument of the step that is being done.
    market: u32,
    markets: u32,
}

impl Script {
    /// Returns the script of a market that trades from `start_ns` on without end.
    pub(super) fn empty() -> Self {
        Self { steps: Vec::new().into_iter(), current: None, market: 0, markets: 0 }
    }

    /// Returns the script of a session that begins at `start_ns`, and when it is over.
    ///
    /// # Errors
    /// [`Error::Option`] if the halts do not fit the session.
    pub(super) fn new(
        session: &Session,
        start_ns: u64,
        markets: u32,
        choice: &Choice,
        random: &mut Random,
    ) -> Result<(Self, u64), Error> {
        session.check()?;
        let opened_ns = later(start_ns, session.opening);
        let closing_ns = later(opened_ns, session.trading);
        let closed_ns = later(closing_ns, session.closing);
        let none = StatusReason::None as u16;
        let announce = |action| Step::Whole(Action::Announce(action));
        let mut steps = vec![(start_ns, announce(status_action::PRE_OPEN))];
        let each = |action| Step::Each(action);
        gather(&mut steps, start_ns..opened_ns, session.period, Cross::Opening, none, each);
        steps.push((opened_ns, announce(status_action::TRADING)));
        steps.push((opened_ns, Step::Each(MarketAction::Resume(none))));
        for number in 0..session.halts {
            halt(&mut steps, session, opened_ns, number, choice.draw(random), random);
        }
        for _ in 0..session.bursts {
            let time_ns = later(opened_ns, session.trading.mul_f64(random.unit()));
            steps.push((time_ns, Step::Whole(Action::Burst)));
        }
        gather(&mut steps, closing_ns..closed_ns, session.period, Cross::Closing, none, each);
        steps.push((closed_ns, Step::Each(MarketAction::Close)));
        steps.push((closed_ns, announce(status_action::CLOSE)));
        steps.push((closed_ns, announce(status_action::POST_CLOSE)));
        // Stable: what happens at the same time keeps its order.
        steps.sort_by_key(|&(time_ns, _)| time_ns);
        let mut script = Self { steps: steps.into_iter(), current: None, market: 0, markets };
        script.current = script.steps.next();
        Ok((script, closed_ns))
    }

    /// Returns when the next step is, in ns since the Unix epoch; `None` at the end.
    pub(super) fn next_time_ns(&self) -> Option<u64> {
        self.current.map(|(time_ns, _)| time_ns)
    }

    /// Returns whether a step is due before an event at `now_ns`.
    #[inline]
    pub(super) fn is_due(&self, now_ns: u64) -> bool {
        self.current.is_some_and(|(time_ns, _)| time_ns <= now_ns)
    }

    /// Takes the next step, or the part of it that is about one instrument, with its time.
    pub(super) fn take(&mut self) -> Option<(u64, Action)> {
        let (time_ns, step) = self.current?;
        let action = match step {
            Step::Whole(action) => action,
            Step::Each(action) => {
                let action = Action::Market(self.market, action);
                self.market += 1;
                if self.market < self.markets {
                    return Some((time_ns, action));
                }
                action
            }
        };
        self.market = 0;
        self.current = self.steps.next();
        Some((time_ns, action))
    }
}

/// Adds the steps from the gathering of orders to the cross at the end of `time_ns`.
fn gather(
    steps: &mut Vec<(u64, Step)>,
    time_ns: std::ops::Range<u64>,
    period: Duration,
    cross: Cross,
    reason: u16,
    step: impl Fn(MarketAction) -> Step,
) {
    steps.push((time_ns.start, step(MarketAction::Gather(cross, reason))));
    let mut next_ns = later(time_ns.start, period);
    while next_ns < time_ns.end {
        steps.push((next_ns, step(MarketAction::Indicate)));
        next_ns = later(next_ns, period);
    }
    steps.push((time_ns.end, step(MarketAction::Uncross)));
}

/// Adds a halt, or a pause for every other number, in its part of the trading.
fn halt(
    steps: &mut Vec<(u64, Step)>,
    session: &Session,
    opened_ns: u64,
    number: u32,
    market: u32,
    random: &mut Random,
) {
    let part = session.trading / session.halts.max(1);
    let begin = part * number + part.saturating_sub(session.halt).mul_f64(random.unit());
    let begin_ns = later(opened_ns, begin);
    let end_ns = later(begin_ns, session.halt);
    let (action, reason, resumption) = if number.is_multiple_of(2) {
        let resumption = StatusReason::NewsAndResumptionTimes;
        (status_action::HALT, StatusReason::NewsPending, resumption)
    } else {
        (status_action::PAUSE, StatusReason::LuldPause, StatusReason::LuldPause)
    };
    let own = |action| Step::Whole(Action::Market(market, action));
    let resumption = resumption as u16;
    steps.push((begin_ns, own(MarketAction::Halt(action, reason as u16))));
    let gathering = later(begin_ns, session.halt / 2)..end_ns;
    gather(steps, gathering, session.period, Cross::Halt, resumption, own);
    steps.push((end_ns, own(MarketAction::Resume(resumption))));
}

/// Returns a time that is `by` later.
fn later(time_ns: u64, by: Duration) -> u64 {
    time_ns.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX))
}
