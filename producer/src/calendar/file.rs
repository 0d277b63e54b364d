//! Calendars as text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use serde::Deserialize;
use thiserror::Error;
use tickring::record::session_phase;
use toml::value::Datetime;

use super::{Hours, Moment, Rules, Step, Venue, Venues};
use crate::error::Error;

const BUILTIN: &str = include_str!("builtin.toml");

/// Says why a text is no calendar.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CalendarError {
    /// It is no TOML, or has keys that a calendar has not.
    #[error("{source}; see `tickring feed --help` for the format")]
    Toml {
        /// Where and why.
        source: toml::de::Error,
    },
    /// A value cannot be understood.
    #[error("[{mic}] {key}: expected {expected}, found {found:?}")]
    Value {
        /// Code of the venue.
        mic: String,
        /// The key.
        key: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
}

/// A table of one venue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VenueText {
    zone: Option<String>,
    sessions: Option<Vec<HoursText>>,
    half_sessions: Option<Vec<HoursText>>,
    holiday_rules: Option<String>,
    #[serde(default)]
    holidays: Vec<Datetime>,
    #[serde(default)]
    half_days: Vec<Datetime>,
    ticks: Option<Vec<StepText>>,
    lot: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HoursText {
    phase: String,
    from: String,
    to: String,
    on: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepText {
    from: String,
    tick: String,
}

impl Venues {
    /// Returns the venues whose hours follow from published rules: XNAS, XNYS, GLBX.
    ///
    /// # Errors
    /// None in practice: the text is part of the program.
    pub fn builtin() -> Result<Self, Error> {
        let mut venues = Self { venues: Vec::new() };
        let failed = |source| Error::Calendar { path: "builtin.toml".into(), source };
        venues.add(BUILTIN).map_err(failed)?;
        Ok(venues)
    }

    /// Returns the built-in venues with what a file adds to them or changes.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Calendar`] if it is no calendar.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Calendar { path: path.to_owned(), source };
        let text = fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
        let mut venues = Self::builtin()?;
        venues.add(&text).map_err(failed)?;
        Ok(venues)
    }

    /// Adds the venues of a text, or changes those that are there.
    pub(super) fn add(&mut self, text: &str) -> Result<(), CalendarError> {
        let tables: BTreeMap<String, VenueText> =
            toml::from_str(text).map_err(|source| CalendarError::Toml { source })?;
        for (mic, table) in tables {
            let old = self.venues.iter().position(|venue| venue.mic == mic);
            let venue = match old {
                Some(place) => self.venues.swap_remove(place),
                None => blank(&mic),
            };
            self.venues.push(changed(venue, table)?);
        }
        Ok(())
    }
}

/// A venue that never trades.
fn blank(mic: &str) -> Venue {
    Venue {
        mic: mic.to_owned(),
        zone: TimeZone::UTC,
        sessions: Vec::new(),
        half_sessions: Vec::new(),
        rules: Rules::None,
        holidays: BTreeSet::new(),
        half_days: BTreeSet::new(),
        ticks: Vec::new(),
        lot: 0,
    }
}

fn changed(mut venue: Venue, text: VenueText) -> Result<Venue, CalendarError> {
    let mic = venue.mic.clone();
    let wrong = |key, expected, found: &str| CalendarError::Value {
        mic: mic.clone(),
        key,
        expected,
        found: found.to_owned(),
    };
    if let Some(zone) = text.zone {
        let known = TimeZone::get(&zone);
        venue.zone =
            known.map_err(|_| wrong("zone", "a time zone such as Europe/Berlin", &zone))?;
    }
    let hours = |key, hours: HoursText| {
        let found = format!("{hours:?}");
        let expected = "a phase (pre-open, pre-market, regular or post-market) with times \
                        such as 09:30 or \"previous 17:00\", the first before the second";
        hours_of(&hours).ok_or_else(|| wrong(key, expected, &found))
    };
    if let Some(sessions) = text.sessions {
        let sessions = sessions.into_iter().map(|text| hours("sessions", text));
        venue.sessions = sessions.collect::<Result<_, _>>()?;
    }
    if let Some(sessions) = text.half_sessions {
        let sessions = sessions.into_iter().map(|text| hours("half_sessions", text));
        venue.half_sessions = sessions.collect::<Result<_, _>>()?;
    }
    if let Some(rules) = text.holiday_rules {
        let known = Rules::named(&rules);
        venue.rules = known.ok_or_else(|| wrong("holiday_rules", "none or us-equities", &rules))?;
    }
    let date = |key, text: Datetime| {
        let text = text.to_string();
        text.parse::<Date>().map_err(|_| wrong(key, "a date such as 2025-01-09", &text))
    };
    for text in text.holidays {
        venue.holidays.insert(date("holidays", text)?);
    }
    for text in text.half_days {
        venue.half_days.insert(date("half_days", text)?);
    }
    if let Some(steps) = text.ticks {
        let expected = "decimals of at most 9 places, such as 0.01, the tick more than 0";
        let step = |text: StepText| {
            let step = (price_e9(&text.from), price_e9(&text.tick).filter(|tick| *tick > 0));
            let (Some(from), Some(tick)) = step else {
                return Err(wrong("ticks", expected, &format!("{text:?}")));
            };
            Ok(Step { from, tick })
        };
        venue.ticks = steps.into_iter().map(step).collect::<Result<_, _>>()?;
        venue.ticks.sort_by_key(|step| step.from);
    }
    if let Some(lot) = text.lot {
        let is_lot = lot >= 0;
        venue.lot =
            is_lot.then_some(lot).ok_or_else(|| wrong("lot", "0 or more", &lot.to_string()))?;
    }
    Ok(venue)
}

fn hours_of(text: &HoursText) -> Option<Hours> {
    let phase = match text.phase.as_str() {
        "pre-open" => session_phase::PRE_OPEN,
        "pre-market" => session_phase::PRE_MARKET,
        "regular" => session_phase::REGULAR,
        "post-market" => session_phase::POST_MARKET,
        _ => return None,
    };
    let on = match text.on.as_deref() {
        None => None,
        Some(day) => Some(weekday(day)?),
    };
    let (from, to) = (moment(&text.from)?, moment(&text.to)?);
    let order = |moment: Moment| (!moment.is_previous, moment.time);
    (order(from) < order(to)).then_some(Hours { phase, from, to, on })
}

fn moment(text: &str) -> Option<Moment> {
    let (is_previous, time) = match text.strip_prefix("previous ") {
        Some(time) => (true, time),
        None => (false, text),
    };
    let time: Time = time.parse().ok()?;
    Some(Moment { is_previous, time })
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text {
        "mon" => Weekday::Monday,
        "tue" => Weekday::Tuesday,
        "wed" => Weekday::Wednesday,
        "thu" => Weekday::Thursday,
        "fri" => Weekday::Friday,
        _ => return None,
    })
}

/// Returns a decimal in units of 1e-9; `None` if it is none, or has more places.
fn price_e9(text: &str) -> Option<i64> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || places.len() > 9 || !is_number(whole) || !is_number(places) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let places: i64 = format!("{places:0<9}").parse().ok()?;
    whole.checked_mul(1_000_000_000)?.checked_add(places)
}
