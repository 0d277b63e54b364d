//! When venues trade: the phases of each day in the venue's own time zone, holidays, half days,
//! and the steps of its prices.
//!
//! A [`Venue`] is known by its market identifier code (MIC). [`Venues::builtin`] has those whose
//! hours follow from published rules; [`Venues::read`] adds to them, or changes them, from a TOML
//! file with one table for each venue:
//!
//! ```toml
//! [XNAS]
//! zone = "America/New_York"
//! sessions = [
//!     { phase = "pre-market", from = "04:00", to = "09:30" },
//!     { phase = "regular", from = "09:30", to = "16:00" },
//!     { phase = "post-market", from = "16:00", to = "20:00" },
//! ]
//! half_sessions = [{ phase = "regular", from = "09:30", to = "13:00" }]
//! holiday_rules = "us-equities"
//! holidays = [2025-01-09]
//! half_days = [2025-07-03]
//! ticks = [{ from = "0", tick = "0.0001" }, { from = "1", tick = "0.01" }]
//! lot = 100
//! ```
//!
//! A phase is `pre-open`, `pre-market`, `regular` or `post-market`; outside of all it is closed. A
//! time is of the trading date, or of the day before it as `previous 17:00`; a session with
//! `on = "mon"` is of that weekday only. Trading dates are Monday to Friday without the holidays.
//! Of a venue that is built in, a file need not say all: dates are added to those there are, other
//! keys replace what there is.
//!
//! Times of sessions are civil times, so that summer time is right on its own. Source of the
//! built-in hours: Nasdaq Equity 4 rule 1 and NYSE rule 7.34 (sessions), NYSE rule 7.2 (holidays
//! and half days), SEC rule 612 (price steps), CME Globex trading hours (Sunday 17:00 to Friday
//! 16:00 Chicago, with a pause from 16:00 to 17:00). CME's holidays differ by product and are not
//! built in.

mod file;
mod holidays;

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use tickring::record::session_phase;

pub use file::CalendarError;
use holidays::Rules;

/// Days in which a session before and behind a time is searched for.
const SEARCHED_DAYS: std::ops::Range<i32> = -7..14;
const HOUR_NS: u64 = 3_600_000_000_000;

/// A venue's trading hours and steps of price and quantity.
#[derive(Clone, Debug)]
pub struct Venue {
    mic: String,
    zone: TimeZone,
    sessions: Vec<Hours>,
    half_sessions: Vec<Hours>,
    rules: Rules,
    holidays: BTreeSet<Date>,
    half_days: BTreeSet<Date>,
    ticks: Vec<Step>,
    lot: i64,
}

/// From when to when a phase lasts.
#[derive(Clone, Copy, Debug)]
struct Hours {
    phase: u8,
    from: Moment,
    to: Moment,
    /// The only weekday of which this is true.
    on: Option<Weekday>,
}

/// A time of a trading date, or of the day before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Moment {
    is_previous: bool,
    time: Time,
}

/// Prices from `from` on are multiples of `tick`, both 1e-9.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Step {
    from: i64,
    tick: i64,
}

/// What phase it is, and how long it lasts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Session {
    /// A value of [`session_phase`].
    pub phase: u8,
    /// The trading date; `None` while closed.
    pub date: Option<Date>,
    /// When the phase began, in ns since the Unix epoch, UTC; not earlier than known.
    pub from_ns: u64,
    /// When it ends, in ns since the Unix epoch, UTC; not later than known.
    pub until_ns: u64,
}

impl Session {
    /// What is known of a venue without a calendar.
    pub const UNKNOWN: Self =
        Self { phase: session_phase::UNKNOWN, date: None, from_ns: 0, until_ns: u64::MAX };

    /// Returns whether this is the session at a time.
    #[must_use]
    #[inline]
    pub fn is_at(&self, time_ns: u64) -> bool {
        self.from_ns <= time_ns && time_ns < self.until_ns
    }

    /// Returns whether orders are matched as they come; `None` if that is not known.
    #[must_use]
    pub fn is_matching(&self) -> Option<bool> {
        match self.phase {
            session_phase::UNKNOWN => None,
            phase => Some(!matches!(phase, session_phase::CLOSED | session_phase::PRE_OPEN)),
        }
    }
}

impl Venue {
    /// Returns the market identifier code.
    #[must_use]
    pub fn mic(&self) -> &str {
        &self.mic
    }

    /// Returns the smallest quantity that is quoted in full; 0 if not known.
    #[must_use]
    pub fn lot(&self) -> i64 {
        self.lot
    }

    /// Returns the step of prices at a price, both 1e-9; `None` if not known.
    #[must_use]
    pub fn tick(&self, price: i64) -> Option<i64> {
        let step = self.ticks.iter().rev().find(|step| step.from <= price)?;
        Some(step.tick)
    }

    /// Returns the session at a time, in ns since the Unix epoch, UTC.
    ///
    /// Cost: some conversions between time zones, a few microseconds; no allocation. Keep the
    /// result while it [lasts](Session::is_at).
    #[must_use]
    pub fn session(&self, time_ns: u64) -> Session {
        let Ok(time) = Timestamp::from_nanosecond(time_ns.into()) else {
            let until_ns = time_ns.saturating_add(1);
            return Session { from_ns: time_ns, until_ns, ..Session::UNKNOWN };
        };
        let today = time.to_zoned(self.zone.clone()).date();
        let (mut before, mut after) = (None, None);
        for days in SEARCHED_DAYS {
            let Ok(date) = today.checked_add(days.days()) else { break };
            for hours in self.hours(date) {
                let (Some(from_ns), Some(until_ns)) =
                    (self.ns(date, hours.from), self.ns(date, hours.to))
                else {
                    continue;
                };
                if from_ns <= time_ns && time_ns < until_ns {
                    return Session { phase: hours.phase, date: Some(date), from_ns, until_ns };
                }
                if until_ns <= time_ns {
                    before = before.max(Some(until_ns));
                } else if after.is_none_or(|after| from_ns < after) {
                    after = Some(from_ns);
                }
            }
            // A session of the next date may begin today.
            if after.is_some() && days > 0 {
                break;
            }
        }
        Session {
            phase: session_phase::CLOSED,
            date: None,
            from_ns: before.unwrap_or(time_ns),
            until_ns: after.unwrap_or_else(|| time_ns.saturating_add(HOUR_NS)),
        }
    }

    /// Returns the trading date that a time belongs to: that of its session, or while closed the
    /// last one before.
    pub fn date(&self, time_ns: u64) -> Option<Date> {
        let session = self.session(time_ns);
        session.date.or_else(|| {
            let last_ns = session.from_ns.checked_sub(1)?;
            self.session(last_ns).date
        })
    }

    /// Returns the hours of a trading date; none on other days.
    fn hours(&self, date: Date) -> impl Iterator<Item = &Hours> {
        let weekday = date.weekday();
        let is_weekend = matches!(weekday, Weekday::Saturday | Weekday::Sunday);
        let is_off = is_weekend || self.holidays.contains(&date) || self.rules.is_holiday(date);
        let is_half = self.half_days.contains(&date) || self.rules.is_half_day(date);
        let hours = match (is_off, is_half) {
            (true, _) => &[],
            (false, true) => self.half_sessions.as_slice(),
            (false, false) => self.sessions.as_slice(),
        };
        hours.iter().filter(move |hours| hours.on.is_none_or(|on| on == weekday))
    }

    /// Returns when a moment of a trading date is, in ns since the Unix epoch.
    fn ns(&self, date: Date, moment: Moment) -> Option<u64> {
        let date = if moment.is_previous { date.yesterday().ok()? } else { date };
        let zoned = date.to_datetime(moment.time).to_zoned(self.zone.clone()).ok()?;
        u64::try_from(zoned.timestamp().as_nanosecond()).ok()
    }
}

/// The venues that are known.
#[derive(Clone, Debug)]
pub struct Venues {
    venues: Vec<Venue>,
}

impl Venues {
    /// Returns the venue with this code.
    #[must_use]
    pub fn find(&self, mic: &str) -> Option<&Venue> {
        self.venues.iter().find(|venue| venue.mic == mic)
    }

    /// Returns all venues, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Venue> {
        self.venues.iter()
    }
}

#[cfg(test)]
mod tests;
