//! Holidays that follow from rules.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

/// Rules by which a venue keeps holidays.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Rules {
    /// None: only dates that are listed.
    #[default]
    None,
    /// NYSE rule 7.2, which Nasdaq follows.
    UsEquities,
}

impl Rules {
    /// Returns the rules of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "us-equities" => Some(Self::UsEquities),
            _ => None,
        }
    }

    /// Returns whether a weekday is a holiday.
    pub(super) fn is_holiday(self, day: Date) -> bool {
        self == Self::UsEquities && is_us_holiday(day)
    }

    /// Returns whether trading ends early on a day that is no holiday.
    pub(super) fn is_half_day(self, day: Date) -> bool {
        self == Self::UsEquities && is_us_half_day(day)
    }
}

fn is_us_holiday(day: Date) -> bool {
    let year = day.year();
    let nth = |month, nth, weekday| {
        date(year, month, 1).nth_weekday_of_month(nth, weekday).is_ok_and(|nth| nth == day)
    };
    match day.month() {
        // New Year's Day; one on a Saturday is not kept, as Friday ends the year's accounts.
        1 => is_kept(day, 1, 1) || nth(1, 3, Weekday::Monday),
        2 => nth(2, 3, Weekday::Monday),
        3 | 4 => easter(year).checked_sub(2.days()).is_ok_and(|friday| friday == day),
        5 => nth(5, -1, Weekday::Monday),
        6 => year >= 2022 && is_kept(day, 6, 19),
        7 => is_kept(day, 7, 4),
        9 => nth(9, 1, Weekday::Monday),
        11 => nth(11, 4, Weekday::Thursday),
        12 => is_kept(day, 12, 25),
        _ => false,
    }
}

fn is_us_half_day(day: Date) -> bool {
    if is_us_holiday(day) {
        return false;
    }
    match (day.month(), day.day()) {
        (7, 3) | (12, 24) => true,
        (11, _) => day.yesterday().is_ok_and(is_us_holiday),
        _ => false,
    }
}

/// Returns whether a holiday is kept on this day: on its date, on Friday if that is a Saturday, on
/// Monday if it is a Sunday.
fn is_kept(day: Date, month: i8, of_month: i8) -> bool {
    let holiday = date(day.year(), month, of_month);
    match holiday.weekday() {
        Weekday::Saturday => holiday.yesterday().is_ok_and(|friday| friday == day),
        Weekday::Sunday => holiday.tomorrow().is_ok_and(|monday| monday == day),
        _ => holiday == day,
    }
}

/// Returns Easter Sunday. Source: the algorithm of Meeus, Jones and Butcher.
fn easter(year: i16) -> Date {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let days = h + l - 7 * m + 114;
    let (month, of_month) = (days / 31, days % 31 + 1);
    let narrow = |value| i8::try_from(value).unwrap_or(1);
    Date::new(year, narrow(month), narrow(of_month)).unwrap_or(Date::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(year: i16, is: impl Fn(Date) -> bool) -> Vec<String> {
        let first = date(year, 1, 1);
        let days = first.series(1.day()).take_while(|day| day.year() == year);
        let weekday = |day: &Date| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        days.filter(weekday).filter(|day| is(*day)).map(|day| day.to_string()[5..].into()).collect()
    }

    /// As the exchanges published them.
    #[test]
    fn holidays_and_half_days_are_those_that_the_exchanges_published() {
        let cases: [(i16, &[&str], &[&str]); 5] = [
            (
                2021,
                &["01-01", "01-18", "02-15", "04-02", "05-31", "07-05", "09-06", "11-25", "12-24"],
                &["11-26"],
            ),
            (
                2022,
                &["01-17", "02-21", "04-15", "05-30", "06-20", "07-04", "09-05", "11-24", "12-26"],
                &["11-25"],
            ),
            (
                2024,
                &[
                    "01-01", "01-15", "02-19", "03-29", "05-27", "06-19", "07-04", "09-02",
                    "11-28", "12-25",
                ],
                &["07-03", "11-29", "12-24"],
            ),
            (
                2025,
                &[
                    "01-01", "01-20", "02-17", "04-18", "05-26", "06-19", "07-04", "09-01",
                    "11-27", "12-25",
                ],
                &["07-03", "11-28", "12-24"],
            ),
            (
                2026,
                &[
                    "01-01", "01-19", "02-16", "04-03", "05-25", "06-19", "07-03", "09-07",
                    "11-26", "12-25",
                ],
                &["11-27", "12-24"],
            ),
        ];
        for (year, holidays, half_days) in cases {
            assert_eq!(days(year, |day| Rules::UsEquities.is_holiday(day)), holidays, "{year}");
            assert_eq!(days(year, |day| Rules::UsEquities.is_half_day(day)), half_days, "{year}");
            assert!(days(year, |day| Rules::None.is_holiday(day)).is_empty());
        }
    }
}
