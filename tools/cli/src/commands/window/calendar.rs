//! The options that say in which sessions of a venue windows are.

use crate::failure::Failure;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::str::FromStr;
use tickring::record::session_phase;
use tickring_producer::calendar::{Venue, Venues};
use tickring_window::Session;

/// Days by which a session may lie before or behind its trading date in UTC.
const APART_DAYS: i32 = 2;

/// In which sessions windows are.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// Only within the sessions of this venue, such as XNAS, XNYS or GLBX: windows begin at the
    /// opening, and the last one ends at the close
    #[arg(long, value_name = "MIC", requires = "dates")]
    venue: Option<String>,
    /// The trading dates of these sessions, both included
    #[arg(long, value_name = "FROM..TO", requires = "venue")]
    dates: Option<Dates>,
    /// The phases that are sessions: pre-open, pre-market, regular, post-market
    #[arg(long, value_name = "PHASES", value_delimiter = ',', requires = "venue")]
    #[arg(value_enum, default_value = "regular")]
    phases: Vec<Phase>,
    /// Hours and holidays of venues, a file as for `tickring feed --calendar`
    #[arg(long, value_name = "FILE", requires = "venue")]
    calendar: Option<PathBuf>,
}

/// Trading dates, the last one included.
#[derive(Clone, Copy, Debug)]
struct Dates {
    from: Date,
    to: Date,
}

impl FromStr for Dates {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let dates = text.split_once("..").and_then(|(from, to)| {
            let (from, to) = (from.parse().ok()?, to.parse().ok()?);
            (from <= to).then_some(Self { from, to })
        });
        dates.ok_or_else(|| format!("expected 2026-01-05..2026-01-09 or so, found {text:?}"))
    }
}

/// A phase of a trading day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Phase {
    PreOpen,
    PreMarket,
    Regular,
    PostMarket,
}

impl Phase {
    fn code(self) -> u8 {
        match self {
            Self::PreOpen => session_phase::PRE_OPEN,
            Self::PreMarket => session_phase::PRE_MARKET,
            Self::Regular => session_phase::REGULAR,
            Self::PostMarket => session_phase::POST_MARKET,
        }
    }
}

impl Display for Phase {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PreOpen => "pre-open",
            Self::PreMarket => "pre-market",
            Self::Regular => "regular",
            Self::PostMarket => "post-market",
        })
    }
}

impl Options {
    /// The sessions, if a venue was chosen.
    ///
    /// # Errors
    ///
    /// [`Failure::Producer`] for a file that is no calendar, [`Failure::UnknownVenue`],
    /// [`Failure::NoSessions`].
    pub(super) fn sessions(&self) -> Result<Option<Vec<Session>>, Failure> {
        let Some((mic, dates)) = self.venue.as_ref().zip(self.dates) else { return Ok(None) };
        let venues = match &self.calendar {
            Some(path) => Venues::read(path)?,
            None => Venues::builtin()?,
        };
        let Some(venue) = venues.find(mic) else {
            let mut known: Vec<_> = venues.iter().map(|venue| venue.mic().to_owned()).collect();
            known.sort();
            return Err(Failure::UnknownVenue { found: mic.clone(), known });
        };
        let codes: Vec<u8> = self.phases.iter().map(|phase| phase.code()).collect();
        let sessions = sessions(venue, dates, &codes);
        if sessions.is_empty() {
            let phases: Vec<_> = self.phases.iter().map(Phase::to_string).collect();
            let Dates { from, to } = dates;
            return Err(Failure::NoSessions {
                venue: mic.clone(),
                phases: phases.join(" or "),
                from,
                to,
            });
        }
        Ok(Some(sessions))
    }
}

/// The sessions of these phases and trading dates, in order of time.
fn sessions(venue: &Venue, dates: Dates, phases: &[u8]) -> Vec<Session> {
    let Some((mut time_ns, end_ns)) =
        midnight_ns(dates.from, -APART_DAYS).zip(midnight_ns(dates.to, APART_DAYS + 1))
    else {
        return Vec::new();
    };
    let mut sessions = Vec::new();
    while time_ns < end_ns {
        let session = venue.session(time_ns);
        let is_asked_for = phases.contains(&session.phase)
            && session.date.is_some_and(|date| dates.from <= date && date <= dates.to);
        let span = i64::try_from(session.from_ns).ok().zip(i64::try_from(session.until_ns).ok());
        if let Some((open, close)) = span.filter(|_| is_asked_for) {
            sessions.push(Session { open, close });
        }
        // A session holds the time it was asked for, so it ends behind it.
        time_ns = session.until_ns.max(time_ns.saturating_add(1));
    }
    sessions
}

/// Midnight in UTC so many days from a date, in nanoseconds since the Unix epoch.
fn midnight_ns(date: Date, days: i32) -> Option<u64> {
    let zoned = date.checked_add(days.days()).ok()?.to_zoned(TimeZone::UTC).ok()?;
    u64::try_from(zoned.timestamp().as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Openings and closes in UTC.
    fn shown(mic: &str, dates: &str, phases: &[Phase]) -> Vec<String> {
        let venues = Venues::builtin().unwrap();
        let codes: Vec<u8> = phases.iter().map(|phase| phase.code()).collect();
        let time = |ns: i64| {
            let text = jiff::Timestamp::from_nanosecond(ns.into()).unwrap().to_string();
            text.replace(":00Z", "")
        };
        let sessions = sessions(venues.find(mic).unwrap(), dates.parse().unwrap(), &codes);
        sessions.iter().map(|it| format!("{} {}", time(it.open), time(it.close))).collect()
    }

    #[test]
    fn sessions_are_those_of_the_trading_dates_in_utc() {
        let regular = [Phase::Regular];
        // A Friday and, across the weekend, the first Monday of summer time.
        assert_eq!(
            shown("XNAS", "2025-03-07..2025-03-10", &regular),
            ["2025-03-07T14:30 2025-03-07T21:00", "2025-03-10T13:30 2025-03-10T20:00"]
        );
        // A half day and a holiday.
        assert_eq!(
            shown("XNYS", "2025-07-03..2025-07-04", &regular),
            ["2025-07-03T13:30 2025-07-03T17:00"]
        );
        assert_eq!(
            shown("XNAS", "2026-01-05..2026-01-05", &[Phase::PostMarket, Phase::Regular]),
            ["2026-01-05T14:30 2026-01-05T21:00", "2026-01-05T21:00 2026-01-06T01:00"]
        );
        // Monday's date begins on Sunday evening.
        assert_eq!(
            shown("GLBX", "2026-01-05..2026-01-05", &regular),
            ["2026-01-04T23:00 2026-01-05T22:00"]
        );
        assert_eq!(shown("XNAS", "2026-01-03..2026-01-04", &regular), [""; 0]);
    }

    #[test]
    fn dates_are_two_in_order() {
        assert!("2026-01-05..2026-01-05".parse::<Dates>().is_ok());
        for text in ["", "2026-01-05", "2026-01-05..", "2026-01-06..2026-01-05", "a..b"] {
            assert!(
                text.parse::<Dates>().unwrap_err().contains("2026-01-05..2026-01-09"),
                "{text}"
            );
        }
    }
}
