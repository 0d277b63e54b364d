//! Times from their text: numbers since the epoch, and calendar times.
//!
//! A calendar time is year, month, day, hour, minute, second and decimals of the second, in this
//! order, as ISO 8601 and many others write it:
//!
//! ```text
//! 2024-01-31T09:30:00.123456789Z    2024-01-31 09:30:00+01:00    20240131 09:30:00.123
//! 2024/01/31 09:30:00               20240131 093000123           2024.01.31 09:30
//! ```
//!
//! One that does not say its distance to UTC is in the zone that the caller names, UTC by default.

use std::str::FromStr;

use jiff::civil::Date;

use super::decimal::{digit, whole};
use super::fault::Fault;
use crate::error::Error;

const SECOND_NS: u64 = 1_000_000_000;

/// How times are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TimeFormat {
    /// As the text looks: a calendar time, or a number since the epoch whose unit follows from its
    /// size (a time from 1973 to 5138 has one unit only).
    #[default]
    Auto,
    /// A number since the Unix epoch, decimals allowed; one unit is so many nanoseconds.
    Epoch {
        /// Nanoseconds of the unit.
        unit_ns: u64,
    },
    /// A calendar time.
    Calendar,
}

impl FromStr for TimeFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "auto" => Self::Auto,
            "s" => Self::Epoch { unit_ns: SECOND_NS },
            "ms" => Self::Epoch { unit_ns: 1_000_000 },
            "us" => Self::Epoch { unit_ns: 1_000 },
            "ns" => Self::Epoch { unit_ns: 1 },
            "calendar" => Self::Calendar,
            _ => {
                let expected = "auto, s, ms, us, ns or calendar";
                return Err(Error::Option { name: "time", expected, found: text.to_owned() });
            }
        })
    }
}

/// Reads the times of one column.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Clock {
    pub(super) format: TimeFormat,
    /// What calendar times without a zone are ahead of UTC, in seconds.
    pub(super) ahead_s: i32,
}

impl Clock {
    /// Returns the time in `text`, in ns since the Unix epoch, UTC.
    ///
    /// # Errors
    /// [`Fault::Time`] if it is not one in this format, [`Fault::Decimals`] if it is finer than a
    /// nanosecond, [`Fault::Range`] if it is before 1970 or after 2554.
    pub(super) fn read(self, text: &[u8]) -> Result<u64, Fault> {
        match self.format {
            TimeFormat::Epoch { unit_ns } => epoch(text, unit_ns),
            TimeFormat::Calendar => calendar(text, self.ahead_s),
            TimeFormat::Auto => {
                let whole_part = text.split(|byte| *byte == b'.').next().unwrap_or_default();
                let is_number = text.iter().all(|byte| digit(*byte).is_some() || *byte == b'.');
                match (is_number, whole_part.len()) {
                    (true, ..=11) => epoch(text, SECOND_NS),
                    (true, 12..=14) => epoch(text, 1_000_000),
                    (true, 15..=17) => epoch(text, 1_000),
                    (true, _) => epoch(text, 1),
                    (false, _) => calendar(text, self.ahead_s),
                }
            }
        }
    }
}

/// Returns what a zone such as `UTC`, `Z`, `+01:00` or `-0500` is ahead of UTC, in seconds.
pub(super) fn zone(text: &str) -> Result<i32, Error> {
    let ahead = match text {
        "UTC" => Some(0),
        _ => offset(text.as_bytes()).ok(),
    };
    let (expected, found) = ("UTC or a distance such as -05:00", text.to_owned());
    ahead.ok_or(Error::Option { name: "zone", expected, found })
}

/// A number of units since the epoch.
fn epoch(text: &[u8], unit_ns: u64) -> Result<u64, Fault> {
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let units = whole(parts.next().unwrap_or_default()).map_err(|fault| match fault {
        Fault::NotNumber => Fault::Time,
        other => other,
    })?;
    let ns = units.checked_mul(unit_ns).ok_or(Fault::Range)?;
    match parts.next() {
        None => Ok(ns),
        Some(decimals) => ns.checked_add(fraction(decimals, unit_ns)?).ok_or(Fault::Range),
    }
}

/// The decimals of a unit, in nanoseconds.
fn fraction(decimals: &[u8], unit_ns: u64) -> Result<u64, Fault> {
    let (mut ns, mut place) = (0, unit_ns);
    for byte in decimals {
        let digit = digit(*byte).ok_or(Fault::Time)?;
        if place == 1 && digit != 0 {
            return Err(Fault::Decimals);
        }
        place = (place / 10).max(1);
        ns += place * u64::from(digit);
    }
    Ok(ns)
}

/// A calendar time.
fn calendar(text: &[u8], ahead_s: i32) -> Result<u64, Fault> {
    let mut rest = text;
    let year = i16::try_from(take(&mut rest, 4)?).map_err(|_| Fault::Time)?;
    let separator = skip(&mut rest, b"-/.");
    let month = take(&mut rest, 2)?;
    if separator.is_some() && skip(&mut rest, b"-/.") != separator {
        return Err(Fault::Time);
    }
    let day = take(&mut rest, 2)?;
    let days = days_since_epoch(year, month, day)?;
    let (mut second_of_day, mut ns) = (0, 0);
    if skip(&mut rest, b" Tt_-").is_some() {
        let hour = take(&mut rest, 2)?;
        let has_colons = skip(&mut rest, b":").is_some();
        let minute = take(&mut rest, 2)?;
        let has_seconds = match has_colons {
            true => skip(&mut rest, b":").is_some(),
            false => rest.first().is_some_and(u8::is_ascii_digit),
        };
        let second = if has_seconds { take(&mut rest, 2)? } else { 0 };
        // A leap second is the first one of the next minute, as on POSIX clocks.
        if hour > 23 || minute > 59 || second > 60 {
            return Err(Fault::Time);
        }
        second_of_day = (u64::from(hour) * 60 + u64::from(minute)) * 60 + u64::from(second);
        if has_seconds {
            let has_point = skip(&mut rest, b".,").is_some();
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (decimals, after) = rest.split_at_checked(digits).ok_or(Fault::Time)?;
            if has_point && digits == 0 || !has_point && has_colons && digits > 0 {
                return Err(Fault::Time);
            }
            (ns, rest) = (fraction(decimals, SECOND_NS)?, after);
        }
    }
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let ahead_s = if rest.is_empty() { ahead_s } else { offset(rest)? };
    let seconds = (days * 86_400 + second_of_day).checked_add_signed((-ahead_s).into());
    let seconds = seconds.ok_or(Fault::Range)?;
    seconds.checked_mul(SECOND_NS).and_then(|all| all.checked_add(ns)).ok_or(Fault::Range)
}

/// Days of a date since 1970-01-01.
fn days_since_epoch(year: i16, month: u32, day: u32) -> Result<u64, Fault> {
    let small = |number| i8::try_from(number).map_err(|_| Fault::Time);
    let date = Date::new(year, small(month)?, small(day)?).map_err(|_| Fault::Time)?;
    // Howard Hinnant, chrono-compatible low-level date algorithms: days_from_civil.
    let (month, day) = (i64::from(date.month()), i64::from(date.day()));
    let year = i64::from(year) - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    u64::try_from(era * 146_097 + day_of_era - 719_468).map_err(|_| Fault::Range)
}

/// The distance to UTC at the end of a time, in seconds.
fn offset(text: &[u8]) -> Result<i32, Fault> {
    let (sign, mut rest) = match text {
        b"Z" | b"z" => return Ok(0),
        b"UTC" => return Ok(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return Err(Fault::Time),
    };
    let hours = take(&mut rest, 2)?;
    skip(&mut rest, b":");
    let minutes = if rest.is_empty() { 0 } else { take(&mut rest, 2)? };
    let seconds = i32::try_from((hours * 60 + minutes) * 60).map_err(|_| Fault::Time)?;
    if !rest.is_empty() || hours > 23 || minutes > 59 {
        return Err(Fault::Time);
    }
    Ok(sign * seconds)
}

/// Takes a number of exactly so many digits.
fn take(rest: &mut &[u8], digits: usize) -> Result<u32, Fault> {
    let (number, after) = rest.split_at_checked(digits).ok_or(Fault::Time)?;
    *rest = after;
    whole(number).ok().and_then(|number| u32::try_from(number).ok()).ok_or(Fault::Time)
}

/// Takes one of these bytes, if it is there.
fn skip(rest: &mut &[u8], any_of: &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    any_of.contains(first).then(|| {
        *rest = after;
        *first
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<u64, Fault> {
        Clock::default().read(text.as_bytes())
    }

    #[test]
    fn a_number_says_its_unit_by_its_size() {
        let second = 1_598_918_403;
        for (text, ns) in [
            ("1598918403", second * SECOND_NS),
            ("1598918403.000000001", second * SECOND_NS + 1),
            ("1598918403.5", second * SECOND_NS + 500_000_000),
            ("1598918403696", 1_598_918_403_696_000_000),
            ("1598918403696.25", 1_598_918_403_696_250_000),
            ("1598918403696001", 1_598_918_403_696_001_000),
            ("1598918403696001002", 1_598_918_403_696_001_002),
            ("0", 0),
        ] {
            assert_eq!(read(text), Ok(ns), "{text}");
        }
        let ms = Clock { format: "ms".parse().unwrap(), ahead_s: 0 };
        assert_eq!(ms.read(b"5"), Ok(5_000_000), "a unit that is said is taken");
        assert_eq!(ms.read(b"1.0000001"), Err(Fault::Decimals));
        assert_eq!(ms.read(b"2024-01-31 09:30:00"), Err(Fault::Time));
        assert_eq!(read("99999999999999999999"), Err(Fault::Range));
    }

    #[test]
    fn calendar_times_are_read_as_jiff_reads_them() {
        let ns = |text: &str| {
            u64::try_from(text.parse::<jiff::Timestamp>().unwrap().as_nanosecond()).unwrap()
        };
        for (text, same) in [
            ("2013-01-01 22:00:00.295000+00:00", "2013-01-01T22:00:00.295Z"),
            ("20240229 00:00:00.123", "2024-02-29T00:00:00.123Z"),
            ("20200101 170000065", "2020-01-01T17:00:00.065Z"),
            ("2024-01-31T09:30:00.123456789Z", "2024-01-31T09:30:00.123456789Z"),
            ("2024-01-31t09:30:00z", "2024-01-31T09:30:00Z"),
            ("2024-01-31 09:30:00 -0500", "2024-01-31T14:30:00Z"),
            ("2024-01-31 09:30:00+05", "2024-01-31T04:30:00Z"),
            ("2024/01/31 09:30", "2024-01-31T09:30:00Z"),
            ("2024.12.31 23:59:59,5 UTC", "2024-12-31T23:59:59.5Z"),
            ("2000-03-01", "2000-03-01T00:00:00Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ] {
            assert_eq!(read(text), Ok(ns(same)), "{text}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_in_the_zone_of_the_map() {
        let clock = Clock { format: TimeFormat::Auto, ahead_s: zone("-05:00").unwrap() };
        assert_eq!(clock.read(b"20200101 170000065"), read("2020-01-01T22:00:00.065Z"));
        assert_eq!(clock.read(b"2020-01-01T17:00:00Z"), read("2020-01-01T17:00:00Z"));
        assert_eq!(zone("UTC").unwrap(), 0);
        assert!(zone("New York").unwrap_err().to_string().contains("-05:00"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "x",
            "2024-01",
            "2024-13-01",
            "2023-02-29",
            "2024-01-31T",
            "2024-01-31T24:00",
            "2024-01-31T09:60",
            "2024-01/31",
            "2024-01-31T09:30:00.",
            "2024-01-31T09:30:00+1",
            "2024-01-31T09:30:00Zx",
            "2024-01-31 09:30:0",
            "-5",
            "1.2.3",
            "nan",
        ] {
            let fault = read(text).unwrap_err();
            assert!(matches!(fault, Fault::Time), "{text}: {fault}");
        }
        assert_eq!(read("1969-12-31T23:59:59Z"), Err(Fault::Range));
        assert_eq!(read("2600-01-01"), Err(Fault::Range));
        assert_eq!(read("1970-01-01T00:00:00+01:00"), Err(Fault::Range));
        assert!("minutes".parse::<TimeFormat>().is_err());
    }

    proptest! {
        #[test]
        fn every_time_is_read_back(ns in 0..u64::MAX / 2) {
            let time = jiff::Timestamp::from_nanosecond(ns.into()).unwrap();
            prop_assert_eq!(read(&time.to_string()), Ok(ns));
        }

        #[test]
        fn reading_is_total(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Clock::default().read(&text);
        }
    }
}
