//! Text as a calendar of venues, which is then asked for sessions, dates and steps.

use super::checked;
use tickring_producer::calendar::Venues;

/// Times that are asked for, in ns since the Unix epoch: both ends, the end of summer time, and
/// what is around the end of jiff's years.
const TIMES: [u64; 6] =
    [0, 1_730_613_600_000_000_000, 1_767_623_400_000_000_000, 1 << 62, u64::MAX - 1, u64::MAX];
/// Sessions that are followed from there.
const SESSIONS: usize = 2;

pub(crate) fn run(bytes: &[u8]) {
    let venues = match checked::with_file(bytes, Venues::read) {
        Ok(venues) => venues,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    // A session takes a long search, so that an input is asked for one of the times only.
    let first_ns = TIMES[bytes.len() % TIMES.len()];
    for venue in venues.iter() {
        let mut time_ns = first_ns;
        assert!(venues.find(venue.mic()).is_some() && venue.lot() >= 0);
        for price in [i64::MIN, -1, 0, 999_999_999, 1_000_000_000, i64::MAX] {
            assert!(venue.tick(price).is_none_or(|tick| tick > 0));
        }
        for _ in 0..SESSIONS {
            let session = venue.session(time_ns);
            let is_at = session.is_at(time_ns) || time_ns == u64::MAX;
            assert!(is_at, "{session:?} at {time_ns}");
            let _ = (venue.date(time_ns), session.is_matching());
            time_ns = session.until_ns;
        }
    }
}

const FIELDS: &str = r#"
[XTST]
zone = "Europe/Berlin"
sessions = [
    { phase = "pre-open", from = "previous 23:00", to = "04:00", on = "mon" },
    { phase = "regular", from = "02:30", to = "16:00:00.5" },
    { phase = "post-market", from = "16:00", to = "23:59" },
]
half_sessions = [{ phase = "regular", from = "09:30", to = "13:00" }]
holiday_rules = "us-equities"
holidays = [2025-01-09, 2026-01-05]
half_days = [2025-07-03]
ticks = [{ from = "0", tick = "0.0001" }, { from = "1", tick = "0.01" }]
lot = 100
"#;

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let builtin = include_str!("../../../src/calendar/builtin.toml");
    let small = "[XNAS]\nholidays = [2027-02-03]\nholiday_rules = \"none\"\n";
    [builtin, FIELDS, small].map(|text| text.as_bytes().to_vec()).to_vec()
}
