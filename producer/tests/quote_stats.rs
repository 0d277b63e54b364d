//! Statistics of quotes: phases, closing prices, ticks and lots.

use std::collections::BTreeMap;

use tickring::record::{
    InstrumentDef, Quote, QuoteStats, Record, Stat, Status, Trade, UNDEF_PRICE, UNDEF_TIME, flag,
    quote_label, session_phase, status_action,
};
use tickring_producer::calendar::Venues;
use tickring_producer::pipeline::{Feed, FeedOptions, QuoteOptions, StatsOptions};
use tickring_producer::source::dbn::DbnSource;
use tickring_producer::source::simulator::{Simulator, SimulatorOptions};

use crate::bus::{Bus, recorded};
use crate::hand::{Given, Hand};

const LAST: u8 = flag::LAST;
const BAD: u8 = flag::MAYBE_BAD_BOOK;
const ESH4: &str = "dbn/nautilus/esh4-glbx-mdp3-20231225.mbo.dbn.zst";

fn with_stats(bus: &Bus, capacity: u64, venue: Option<&str>) -> FeedOptions {
    let venues = Venues::builtin().unwrap();
    let stats = Some(StatsOptions { venues, venue: venue.map(str::to_owned) });
    let quotes = Some(QuoteOptions { capacity, stats });
    FeedOptions { capacity, quotes, instruments: 64, ..bus.options() }
}

#[test]
fn statistics_stand_behind_each_quote_of_the_es_session() {
    let Some(path) = recorded(ESH4) else {
        return;
    };
    let bus = Bus::new();
    let options = with_stats(&bus, 1 << 17, None);
    let summary = bus.feed(DbnSource::open(&path).unwrap(), &options).unwrap();
    assert!(summary.derived.iter().all(|count| count.name != "crossed"), "{:?}", summary.derived);
    let (mut quote, mut phases, mut crossed) = (None::<Quote>, BTreeMap::new(), 0);
    bus.each("quotes", |record| {
        if let Some(found) = record.get::<Quote>() {
            assert_eq!(quote.replace(*found), None);
            // All crossing happens before the open at 17:00 in Chicago, by the hours of Globex.
            assert_eq!(found.flags & BAD, 0);
        } else {
            let stats = record.get::<QuoteStats>().unwrap();
            let quote = quote.take().unwrap();
            assert_eq!(stats.header.ts_event, quote.header.ts_event);
            assert_eq!((stats.sequence, stats.flags), (quote.sequence, quote.flags));
            assert_eq!(stats.spread, quote.ask_px - quote.bid_px);
            assert_eq!(stats.mid, quote.bid_px.midpoint(quote.ask_px));
            let (bid, ask) = (quote.bid_px.min(quote.ask_px), quote.bid_px.max(quote.ask_px));
            assert!((bid..=ask).contains(&stats.microprice));
            crossed += u32::from(stats.labels & (quote_label::CROSSED | quote_label::LOCKED) != 0);
            *phases.entry(stats.phase).or_insert(0) += 1;
        }
    });
    assert_eq!(quote, None);
    assert!(crossed > 0, "there are such quotes");
    let phases: Vec<u8> = phases.into_keys().collect();
    assert_eq!(phases, [session_phase::CLOSED, session_phase::PRE_OPEN, session_phase::REGULAR]);
}

/// A time in New York, such as 2025-03-07T09:30.
fn new_york(text: &str) -> u64 {
    let zoned: jiff::Zoned = format!("{text}[America/New_York]").parse().unwrap();
    zoned.timestamp().as_nanosecond().try_into().unwrap()
}

fn trade(time: &str, price: i64) -> Given {
    let time_ns = new_york(time);
    let trade = Trade { price: price * 1_000_000_000, size: 1, ..Trade::empty(2, 7, time_ns) };
    Given::Trade(Trade { flags: LAST, ..trade })
}

/// A quote whose bid is new at each time.
fn quoted(time: &str) -> Given {
    let ts_event = new_york(time);
    let bid_sz = u32::try_from(ts_event / 1_000_000_000 % 1_000_000_000).unwrap();
    let quote =
        Quote { bid_px: 99_000_000_000, bid_sz, flags: LAST, ..Quote::empty(2, 7, ts_event) };
    Given::Quote(quote)
}

fn closing(stat_type: u16, ts_ref: u64, price: i64) -> Given {
    let stat = Stat { stat_type, ts_ref, price: price * 1_000_000_000, ..Stat::empty(2, 7, 0) };
    Given::Stat(Stat { update_action: 1, ..stat })
}

/// Phase, previous close and whether it is official, of each quote.
fn closes(records: Vec<Given>) -> Vec<(u8, Option<i64>, bool)> {
    let bus = Bus::new();
    bus.feed(Hand::new(records), &with_stats(&bus, 512, None)).unwrap();
    let stats: Vec<QuoteStats> = bus.records("quotes");
    let closes = stats.iter().map(|stats| {
        let price = (stats.prev_close != UNDEF_PRICE).then_some(stats.prev_close / 1_000_000_000);
        (stats.phase, price, stats.labels & quote_label::OFFICIAL_CLOSE != 0)
    });
    closes.collect()
}

#[test]
fn the_previous_close_is_the_last_regular_trade_of_the_date_before_over_weekends() {
    use session_phase::{POST_MARKET, PRE_MARKET, REGULAR};
    let found = closes(vec![
        quoted("2025-03-07T09:30"),
        trade("2025-03-07T10:00", 100),
        trade("2025-03-07T15:59:59", 101),
        trade("2025-03-07T17:00", 150),
        quoted("2025-03-07T17:01"),
        // Monday, the clocks have changed meanwhile.
        quoted("2025-03-10T04:00"),
        trade("2025-03-10T04:01", 160),
        quoted("2025-03-10T12:00"),
        // Nothing was traded on Monday in regular hours.
        quoted("2025-03-11T12:00"),
    ]);
    let expected = [
        (REGULAR, None, false),
        (POST_MARKET, None, false),
        (PRE_MARKET, Some(101), false),
        (REGULAR, Some(101), false),
        (REGULAR, Some(101), false),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_close_told_by_the_venue_goes_before_the_last_trade() {
    let midnight = |date: &str| {
        let date: jiff::civil::Date = date.parse().unwrap();
        let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).unwrap();
        u64::try_from(zoned.timestamp().as_nanosecond()).unwrap()
    };
    let (close, settlement) = (11, 3);
    let found = closes(vec![
        quoted("2025-03-06T12:00"),
        trade("2025-03-06T15:59", 100),
        closing(close, midnight("2025-03-06"), 102),
        quoted("2025-03-07T12:00"),
        trade("2025-03-07T12:01", 103),
        // For the day before, told late, and for one before that, which is history.
        closing(settlement, midnight("2025-03-06"), 104),
        closing(settlement, midnight("2025-03-05"), 90),
        // Another statistic, the opening price.
        closing(1, midnight("2025-03-06"), 80),
        quoted("2025-03-07T12:02"),
        quoted("2025-03-10T12:00"),
    ]);
    let prices: Vec<_> = found.iter().map(|(_, price, official)| (*price, *official)).collect();
    assert_eq!(prices, [(None, false), (Some(102), true), (Some(104), true), (Some(103), false)]);
}

#[test]
fn a_status_of_close_ends_the_regular_hours() {
    let time = new_york("2025-03-07T13:00");
    let halt = Status { action: status_action::CLOSE, ..Status::empty(2, 7, time) };
    let found = closes(vec![
        trade("2025-03-07T12:00", 100),
        Given::Status(halt),
        trade("2025-03-07T14:00", 110),
        quoted("2025-03-10T12:00"),
    ]);
    assert_eq!(found, [(session_phase::REGULAR, Some(100), false)]);
}

#[test]
fn prices_off_tick_and_odd_lots_are_labelled_by_the_definition_or_by_the_venue() {
    let labels = |definition: Option<InstrumentDef>, quotes: &[(i64, u32, i64, u32)]| {
        let mut records: Vec<Given> =
            definition.into_iter().map(|d| Given::Definition(Box::new(d))).collect();
        records.extend(quotes.iter().map(|(bid_px, bid_sz, ask_px, ask_sz)| {
            let (bid_px, bid_sz, ask_px, ask_sz) = (*bid_px, *bid_sz, *ask_px, *ask_sz);
            let empty = Quote::empty(2, 7, new_york("2025-03-07T12:00"));
            Given::Quote(Quote { bid_px, bid_sz, ask_px, ask_sz, flags: LAST, ..empty })
        }));
        let bus = Bus::new();
        bus.feed(Hand::new(records), &with_stats(&bus, 512, None)).unwrap();
        let stats: Vec<QuoteStats> = bus.records("quotes");
        stats.iter().map(|stats| stats.labels).collect::<Vec<_>>()
    };
    use quote_label::{ASK_ODD_LOT, ASK_OFF_TICK, BID_ODD_LOT, BID_OFF_TICK, CROSSED, LOCKED};
    let quotes = [
        (10_000_000_000, 100, 10_010_000_000, 100),
        (10_001_000_000, 99, 10_010_000_000, 100),
        (999_900_000, 100, 999_950_000, 1),
        (10_020_000_000, 100, 10_010_000_000, 100),
        (10_010_000_000, 100, 10_010_000_000, 100),
    ];
    let by_venue = [0, BID_OFF_TICK | BID_ODD_LOT, ASK_OFF_TICK | ASK_ODD_LOT, CROSSED, LOCKED];
    assert_eq!(labels(None, &quotes), by_venue);
    let own = InstrumentDef {
        min_price_increment: 50_000,
        min_lot_size_round_lot: 1,
        ..InstrumentDef::empty(2, 7, UNDEF_TIME)
    };
    assert_eq!(labels(Some(own), &quotes), [0, 0, 0, CROSSED, LOCKED]);
}

#[test]
fn an_unknown_venue_is_refused_and_one_without_hours_is_of_no_phase() {
    let bus = Bus::new();
    let options = with_stats(&bus, 512, Some("XXXX"));
    let error = Feed::open(Hand::new(Vec::new()), &options).unwrap_err().to_string();
    assert!(error.contains("XXXX") && error.contains("venue"), "{error}");
    assert!(!bus.has("quotes"));
    let simulated = SimulatorOptions { count: Some(1_000), ..SimulatorOptions::default() };
    for (venue, phase) in [(None, session_phase::UNKNOWN), (Some("XNAS"), session_phase::REGULAR)] {
        let bus = Bus::new();
        let source = Simulator::new(&simulated).unwrap();
        bus.feed(source, &with_stats(&bus, 4096, venue)).unwrap();
        let stats: Vec<QuoteStats> = bus.records("quotes");
        assert!(stats.len() > 50 && stats.iter().all(|stats| stats.phase == phase));
    }
}
