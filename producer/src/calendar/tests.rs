use jiff::civil::date;
use tickring::record::session_phase::{CLOSED, POST_MARKET, PRE_MARKET, PRE_OPEN, REGULAR};

use super::*;

/// A time as people write it, such as 2025-03-07T09:30[America/New_York].
fn ns(text: &str) -> u64 {
    let zoned: jiff::Zoned = text.parse().unwrap();
    zoned.timestamp().as_nanosecond().try_into().unwrap()
}

fn builtin(mic: &str) -> Venue {
    Venues::builtin().unwrap().find(mic).unwrap().clone()
}

#[test]
fn phases_follow_civil_time_on_both_sides_of_a_change_to_summer_time() {
    let venue = builtin("XNAS");
    // The clocks went forward on Sunday 2025-03-09, and back on 2025-11-02.
    for day in ["2025-03-07", "2025-03-10", "2025-10-31", "2025-11-03"] {
        let at = |time: &str| venue.session(ns(&format!("{day}T{time}[America/New_York]")));
        let cases = [
            ("03:59:59.999999999", CLOSED),
            ("04:00", PRE_MARKET),
            ("09:29:59.999999999", PRE_MARKET),
            ("09:30", REGULAR),
            ("15:59:59.999999999", REGULAR),
            ("16:00", POST_MARKET),
            ("19:59:59.999999999", POST_MARKET),
            ("20:00", CLOSED),
        ];
        for (time, phase) in cases {
            assert_eq!(at(time).phase, phase, "{day} {time}");
        }
        let regular = at("12:00");
        assert_eq!(regular.date, Some(day.parse().unwrap()));
        assert_eq!(regular.until_ns - regular.from_ns, 6_500_000_000_000 * 36 / 10);
    }
    let weekend = venue.session(ns("2025-03-08T12:00[America/New_York]"));
    assert_eq!((weekend.phase, weekend.date), (CLOSED, None));
    assert_eq!(weekend.from_ns, ns("2025-03-07T20:00[America/New_York]"));
    assert_eq!(weekend.until_ns, ns("2025-03-10T04:00[America/New_York]"));
}

#[test]
fn holidays_are_closed_and_half_days_end_early() {
    let venue = builtin("XNAS");
    let phase = |text: &str| venue.session(ns(&format!("{text}[America/New_York]"))).phase;
    assert_eq!(phase("2025-07-04T12:00"), CLOSED);
    assert_eq!(phase("2025-07-03T12:59:59"), REGULAR);
    assert_eq!(phase("2025-07-03T13:00"), POST_MARKET);
    assert_eq!(phase("2025-07-03T17:00"), CLOSED);
}

#[test]
fn globex_days_begin_the_evening_before() {
    let venue = builtin("GLBX");
    let at = |text: &str| venue.session(ns(&format!("{text}[America/Chicago]")));
    let cases = [
        ("2025-03-07T15:59:59", REGULAR, Some(date(2025, 3, 7))),
        ("2025-03-07T16:45", CLOSED, None),
        ("2025-03-08T12:00", CLOSED, None),
        ("2025-03-09T15:59:59", CLOSED, None),
        ("2025-03-09T16:00", PRE_OPEN, Some(date(2025, 3, 10))),
        ("2025-03-09T16:59:59", PRE_OPEN, Some(date(2025, 3, 10))),
        ("2025-03-09T17:00", REGULAR, Some(date(2025, 3, 10))),
        ("2025-03-10T15:59:59", REGULAR, Some(date(2025, 3, 10))),
        ("2025-03-10T16:30", CLOSED, None),
        ("2025-03-10T16:45", PRE_OPEN, Some(date(2025, 3, 11))),
        ("2025-03-10T17:00", REGULAR, Some(date(2025, 3, 11))),
    ];
    for (text, phase, date) in cases {
        assert_eq!((at(text).phase, at(text).date), (phase, date), "{text}");
    }
    assert_eq!(venue.date(ns("2025-03-08T12:00[America/Chicago]")), Some(date(2025, 3, 7)));
}

#[test]
fn every_time_lies_in_its_session_and_sessions_join() {
    for mic in ["XNAS", "XNYS", "GLBX"] {
        let venue = builtin(mic);
        let (mut time_ns, end_ns) = (ns("2025-01-01T00:00[UTC]"), ns("2026-01-08T00:00[UTC]"));
        let mut sessions = 0;
        while time_ns < end_ns {
            let session = venue.session(time_ns);
            assert!(session.is_at(time_ns), "{mic} {time_ns}: {session:?}");
            let middle_ns = session.from_ns.midpoint(session.until_ns);
            assert_eq!(venue.session(middle_ns), session, "{mic}");
            assert_eq!(venue.session(session.until_ns - 1), session, "{mic}");
            if sessions > 0 {
                assert_eq!(session.from_ns, time_ns, "{mic}: {session:?}");
            }
            time_ns = session.until_ns;
            sessions += 1;
        }
        assert!(sessions > 600, "{mic}: {sessions}");
    }
}

#[test]
fn times_that_no_calendar_has_give_a_session_all_the_same() {
    let venue = builtin("XNAS");
    for time_ns in [0, 1, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
        let session = venue.session(time_ns);
        assert!(session.is_at(time_ns) || time_ns == u64::MAX, "{session:?}");
    }
}

#[test]
fn a_file_adds_venues_and_changes_those_that_are_there() {
    let mut venues = Venues::builtin().unwrap();
    venues
        .add(
            r#"
            [XNAS]
            holidays = [2025-01-09]
            half_days = [2025-01-10]
            [XETR]
            zone = "Europe/Berlin"
            sessions = [{ phase = "regular", from = "09:00", to = "17:30" }]
            ticks = [{ from = "10", tick = "0.005" }, { from = "0", tick = "0.001" }]
            lot = 1
            "#,
        )
        .unwrap();
    let nasdaq = venues.find("XNAS").unwrap();
    let phase = |text: &str| nasdaq.session(ns(&format!("{text}[America/New_York]"))).phase;
    assert_eq!(phase("2025-01-09T12:00"), CLOSED);
    assert_eq!((phase("2025-01-10T12:00"), phase("2025-01-10T14:00")), (REGULAR, POST_MARKET));
    assert_eq!(phase("2025-07-04T12:00"), CLOSED, "the rules stay");
    let xetra = venues.find("XETR").unwrap();
    assert_eq!(xetra.session(ns("2025-06-02T07:00[UTC]")).phase, REGULAR);
    assert_eq!(xetra.session(ns("2025-12-01T07:59[UTC]")).phase, CLOSED);
    let ticks = [-1, 0, 9_999_999_999, 10_000_000_000].map(|price| xetra.tick(price));
    assert_eq!(ticks, [None, Some(1_000_000), Some(1_000_000), Some(5_000_000)]);
    assert_eq!((xetra.lot(), nasdaq.lot()), (1, 100));
    assert_eq!(venues.iter().count(), 4);
}

#[test]
fn what_is_no_calendar_is_refused_with_the_reason() {
    let cases = [
        ("[XNAS", "unclosed"),
        ("[XNAS]\nhour = 1", "unknown field"),
        ("[XNAS]\nzone = \"Mars\"", "expected a time zone"),
        ("[XNAS]\nsessions = [{ phase = \"noon\", from = \"1:00\", to = \"2:00\" }]", "a phase"),
        (
            "[XNAS]\nsessions = [{ phase = \"regular\", from = \"10:00\", to = \"09:00\" }]",
            "the first before the second",
        ),
        ("[XNAS]\nholiday_rules = \"lunar\"", "none or us-equities"),
        ("[XNAS]\nholidays = [2025-02-30]", "2025-02-30"),
        ("[XNAS]\nticks = [{ from = \"0\", tick = \"0\" }]", "more than 0"),
        ("[XNAS]\nticks = [{ from = \"0\", tick = \"0.0000000001\" }]", "9 places"),
        ("[XNAS]\nlot = -1", "0 or more"),
    ];
    for (text, expected) in cases {
        let error = Venues::builtin().unwrap().add(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
