//! Quotes and levels with fractional quantities, against a recomputation that knows no book.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;
use tickring::Instrument;
use tickring::record::{
    DeltaW, DepthW, Gap, QuoteStats, QuoteW, Record, TradeW, UNDEF_PRICE, UNDEF_TIME, Vector,
    action, book_state, family, flag, gap_state, side,
};
use tickring_producer::calendar::Venues;
use tickring_producer::features::FeatureOptions;
use tickring_producer::pipeline::{FeedOptions, QuoteOptions, StatsOptions, Summary};
use tickring_producer::source::recording::RecordingSource;
use tickring_producer::venue::Venue;

use crate::bus::{Bus, recorded};
use crate::hand::{Given, Hand};

const BAD: u8 = flag::MAYBE_BAD_BOOK;

fn options(bus: &Bus, capacity: u64) -> FeedOptions {
    let quotes = Some(QuoteOptions { capacity, stats: None });
    FeedOptions { capacity, quotes, depth: Some(capacity), instruments: 64, ..bus.options() }
}

/// A quantity in units of 1e-18.
fn fine(qty: i64, exponent: i8) -> i128 {
    i128::from(qty) * 10_i128.pow(u32::try_from(18 + i32::from(exponent)).unwrap())
}

/// One instrument's levels: bids and asks, price to quantity.
#[derive(Clone, Default)]
struct Levels {
    sides: [BTreeMap<i64, i128>; 2],
    is_doubted: bool,
    /// Nothing was lost since the last clear.
    is_known: bool,
}

/// Price and quantity of each side.
type Best = [Option<(i64, i128)>; 2];

impl Levels {
    fn apply(&mut self, delta: &DeltaW) {
        self.is_doubted |= delta.flags & BAD != 0;
        if delta.action == action::CLEAR {
            self.sides = Default::default();
            self.is_known = true;
            return;
        }
        if delta.price == UNDEF_PRICE {
            return;
        }
        let side = &mut self.sides[usize::from(delta.side == side::ASK)];
        match delta.qty {
            0 => side.remove(&delta.price),
            qty => side.insert(delta.price, fine(qty, delta.qty_exp)),
        };
    }

    fn best(&self) -> Best {
        let [bids, asks] = &self.sides;
        let owned = |(price, qty): (&i64, &i128)| (*price, *qty);
        [bids.iter().next_back().map(owned), asks.iter().next().map(owned)]
    }

    fn is_good(&self) -> bool {
        let [bid, ask] = self.best();
        let is_crossed = bid.zip(ask).is_some_and(|((bid, _), (ask, _))| bid >= ask);
        self.is_known && !self.is_doubted && !is_crossed
    }

    /// The levels at each distance from the top, ten of a side.
    fn ten(&self) -> Ten {
        let [bids, asks] = &self.sides;
        let owned = |(price, qty): (&i64, &i128)| (*price, *qty);
        [bids.iter().rev().take(10).map(owned).collect(), asks.iter().take(10).map(owned).collect()]
    }
}

/// Price and quantity of the best levels of each side.
type Ten = [Vec<(i64, i128)>; 2];

/// What the rings are to hold: instrument, time, and what is told.
#[derive(Debug, Default, PartialEq)]
struct Said {
    quotes: Vec<(u32, u64, Best)>,
    depth: Vec<(u32, u64, bool, Ten)>,
}

/// Recomputes both rings from the ring of ticks.
fn recompute(bus: &Bus) -> Said {
    let mut books = BTreeMap::<u32, Levels>::new();
    let mut quotes = BTreeMap::<u32, Best>::new();
    let mut depth = BTreeMap::new();
    let mut said = Said::default();
    let mut quote = |said: &mut Said, id, ts_recv, best: Best| {
        if quotes.get(&id).copied().unwrap_or_default() != best {
            quotes.insert(id, best);
            said.quotes.push((id, ts_recv, best));
        }
    };
    bus.each("ticks", |record| {
        if let Some(gap) = record.get::<Gap>() {
            let id = gap.header.instrument_id;
            let lost = books.iter_mut().filter(|(own, _)| id == 0 || **own == id);
            for (id, levels) in lost {
                levels.is_known = false;
                quote(&mut said, *id, gap.ts_detect, [None; 2]);
            }
        } else if let Some(delta) = record.get::<DeltaW>() {
            let id = delta.header.instrument_id;
            let levels = books.entry(id).or_default();
            levels.apply(delta);
            if delta.flags & flag::LAST == 0 {
                return;
            }
            let is_good = levels.is_good();
            let best = if is_good { levels.best() } else { [None; 2] };
            quote(&mut said, id, delta.ts_recv, best);
            let ten = levels.ten();
            levels.is_doubted = false;
            let is_empty = ten == [vec![], vec![]];
            if depth.get(&id).map_or(!is_empty, |last| *last != (!is_good, ten.clone())) {
                depth.insert(id, (!is_good, ten.clone()));
                said.depth.push((id, delta.ts_recv, !is_good, ten));
            }
        }
    });
    said
}

/// What the rings hold.
fn said(bus: &Bus) -> Said {
    let reader = bus.reader("quotes");
    let mut said = Said::default();
    for quote in bus.records::<QuoteW>("quotes") {
        let id = quote.header.instrument_id;
        let exponent = reader.instrument(id).unwrap().qty_exp;
        let side = |price: i64, qty| (price != UNDEF_PRICE).then(|| (price, fine(qty, exponent)));
        let best = [side(quote.bid_px, quote.bid_qty), side(quote.ask_px, quote.ask_qty)];
        said.quotes.push((id, quote.ts_recv, best));
    }
    for record in bus.records::<DepthW>("depth") {
        let mut sides = [Vec::new(), Vec::new()];
        for level in record.levels {
            let levels = [(level.bid_px, level.bid_qty), (level.ask_px, level.ask_qty)];
            for (side, (price, qty)) in sides.iter_mut().zip(levels) {
                if price != UNDEF_PRICE {
                    side.push((price, fine(qty, record.qty_exp)));
                }
            }
        }
        let is_bad = record.flags & BAD != 0;
        said.depth.push((record.header.instrument_id, record.ts_recv, is_bad, sides));
    }
    said
}

/// Compares both rings with their recomputation, and returns how many records they have.
fn check(bus: &Bus) -> (usize, usize) {
    let (found, expected) = (said(bus), recompute(bus));
    for (found, expected) in found.quotes.iter().zip(&expected.quotes) {
        assert_eq!(found, expected);
    }
    for (found, expected) in found.depth.iter().zip(&expected.depth) {
        assert_eq!(found, expected);
    }
    let counts = |said: &Said| (said.quotes.len(), said.depth.len());
    assert_eq!(counts(&found), counts(&expected));
    counts(&found)
}

/// Publishes recordings with both rings; `None` if they are absent.
fn published(venue: Venue, files: &[&str]) -> Option<(Bus, Summary)> {
    let paths: Option<Vec<PathBuf>> =
        files.iter().map(|file| recorded(&format!("crypto/{file}"))).collect();
    let bus = Bus::new();
    let source = RecordingSource::open(venue, &paths?).unwrap();
    let summary = bus.feed(source, &options(&bus, 1 << 19)).unwrap();
    println!("{summary}");
    Some((bus, summary))
}

#[test]
fn the_quotes_and_levels_of_the_recordings_are_those_of_their_changes() {
    let cases = [
        (Venue::Kraken, "cryptofeed/KRAKEN.ws.50.0.gz"),
        (Venue::Coinbase, "cryptofeed/COINBASE.ws.28.0.gz"),
        (Venue::Binance, "hftbacktest/spot_btcusdt_20240808.gz"),
        (Venue::BinanceCoinM, "hftbacktest/cm_btcusd_perp_20240808.gz"),
    ];
    for (venue, file) in cases {
        let Some((bus, summary)) = published(venue, &[file]) else { return };
        let (quotes, depth) = check(&bus);
        assert!(quotes > 100 && depth >= quotes, "{venue}: {quotes} {depth}");
        let counts: BTreeMap<&str, u64> =
            summary.derived.iter().map(|count| (count.name.as_str(), count.count)).collect();
        assert_eq!(counts["quote_w"], u64::try_from(quotes).unwrap());
        assert_eq!(counts["depth_w"], u64::try_from(depth).unwrap());
        if matches!(venue, Venue::Kraken | Venue::Coinbase) {
            // What the normaliser makes of the venue's text, without going through records.
            let deltas: Vec<DeltaW> = bus.records("ticks");
            let is_odd = |delta: &&DeltaW| delta.price == UNDEF_PRICE && delta.side != side::NONE;
            let odd: Vec<u32> =
                deltas.iter().filter(is_odd).map(|delta| delta.header.instrument_id).collect();
            let own = |ring| {
                let mut quotes: Vec<QuoteW> = bus.records(ring);
                quotes.retain(|quote| (quote.bid_px, quote.ask_px) != (UNDEF_PRICE, UNDEF_PRICE));
                quotes.retain(|quote| !odd.contains(&quote.header.instrument_id));
                // Of an event with several times each takes another one.
                quotes.iter_mut().for_each(|quote| quote.header.ts_event = 0);
                quotes
            };
            assert!(odd.len() <= 1 && own("quotes") == own("ticks"), "{venue}");
        }
    }
}

#[test]
fn a_book_without_a_snapshot_gives_no_quote_and_its_levels_are_labelled() {
    let files = ["cryptofeed/BINANCE_FUTURES.ws.1.0.gz"];
    let Some((bus, _)) = published(Venue::BinanceUsdM, &files) else { return };
    assert_eq!(said(&bus).depth, recompute(&bus).depth);
    let depth: Vec<DepthW> = bus.records("depth");
    assert!(!depth.is_empty() && depth.iter().all(|record| record.flags & BAD != 0));
    // Until the first levels of an instrument its quotes are the venue's own.
    let mut last = BTreeMap::new();
    for quote in bus.records::<QuoteW>("quotes") {
        last.insert(quote.header.instrument_id, (quote.bid_px, quote.ask_px));
    }
    assert!(!last.is_empty() && last.into_values().all(|px| px == (UNDEF_PRICE, UNDEF_PRICE)));
}

/// An instrument with a state that the source tells.
fn listed(state: u8) -> Given {
    let mut instrument = Instrument::new(1, 7, "A/B").unwrap();
    (instrument.family, instrument.qty_exp, instrument.book_state) = (family::WIDE, -2, state);
    Given::Listed(Box::new(instrument))
}

fn delta(number: u64, letter: u8, price: i64, qty: i64, flags: u8) -> DeltaW {
    let action = if letter == side::NONE { action::CLEAR } else { action::MODIFY };
    let price = if letter == side::NONE { UNDEF_PRICE } else { price };
    let empty = DeltaW::empty(1, 7, number);
    let ts_recv = number;
    DeltaW { action, side: letter, price, qty, qty_exp: -2, flags, ts_recv, ..empty }
}

/// A snapshot of one level a side.
fn snapshot(number: u64) -> [Given; 3] {
    let (none, first, last) = (flag::SNAPSHOT, flag::SNAPSHOT, flag::SNAPSHOT | flag::LAST);
    [
        delta(number, side::NONE, 0, 0, none),
        delta(number, side::BID, 100, 500, first),
        delta(number, side::ASK, 110, 700, last),
    ]
    .map(Given::WideLevel)
}

fn lost(number: u64) -> Given {
    let state = gap_state::UNRECOVERABLE;
    Given::Gap(Gap { state, ts_detect: number, ..Gap::empty(1, 7, UNDEF_TIME) })
}

fn one(number: u64, letter: u8, price: i64, qty: i64, flags: u8) -> Given {
    Given::WideLevel(delta(number, letter, price, qty, flags | flag::LAST))
}

/// The time of receipt, bid and ask of a quote, 0 for an undefined one.
type Quoted = (u64, i64, i64);

fn quotes(records: Vec<Given>) -> Vec<Quoted> {
    let bus = Bus::new();
    bus.feed(Hand::new(records), &options(&bus, 512)).unwrap();
    let told = |price| if price == UNDEF_PRICE { 0 } else { price };
    let quotes: Vec<QuoteW> = bus.records("quotes");
    quotes.iter().map(|quote| (quote.ts_recv, told(quote.bid_px), told(quote.ask_px))).collect()
}

#[test]
fn a_quote_is_withdrawn_while_its_book_is_not_good() {
    use book_state::{STALE, SYNCED, SYNCING, UNSYNCED};
    let good = |number| (number, 100, 110);
    let begin = |state: u8| {
        let mut records = vec![listed(state)];
        records.extend(snapshot(1));
        records
    };
    let cases: [(&str, Vec<Given>, Vec<Quoted>); 9] = [
        ("in order", vec![one(2, side::BID, 105, 1, 0)], vec![good(1), (2, 105, 110)]),
        ("the same again", vec![one(2, side::BID, 100, 500, 0)], vec![good(1)]),
        (
            "crossed",
            vec![one(2, side::BID, 110, 1, BAD), one(3, side::BID, 110, 0, 0)],
            vec![good(1), (2, 0, 0), good(3)],
        ),
        ("crossed, not labelled", vec![one(2, side::BID, 111, 1, 0)], vec![good(1), (2, 0, 0)]),
        (
            "lost, the source tells the state",
            vec![
                listed(UNSYNCED),
                lost(2),
                one(3, side::BID, 105, 1, BAD),
                listed(SYNCING),
                one(4, side::BID, 106, 1, BAD),
                listed(SYNCED),
                one(5, side::BID, 107, 1, 0),
            ],
            vec![good(1), (2, 0, 0), (5, 107, 110)],
        ),
        (
            "stale without a loss",
            vec![listed(STALE), listed(STALE), listed(SYNCED), one(2, side::BID, 101, 1, 0)],
            vec![good(1), (UNDEF_TIME, 0, 0), (2, 101, 110)],
        ),
        (
            "a price that cannot be told",
            vec![one(2, side::BID, UNDEF_PRICE, 1, 0), one(3, side::BID, 105, 1, 0)],
            vec![good(1), (2, 0, 0)],
        ),
        ("one side", vec![one(2, side::ASK, 110, 0, 0)], vec![good(1), (2, 100, 0)]),
        (
            "a quote of the venue's own beside the levels",
            vec![Given::WideQuote(QuoteW { bid_px: 50, bid_qty: 1, ..QuoteW::empty(1, 7, 2) })],
            vec![good(1)],
        ),
    ];
    for (name, after, expected) in cases {
        let mut records = begin(SYNCED);
        records.extend(after);
        assert_eq!(quotes(records), expected, "{name}");
    }
}

#[test]
fn a_source_that_tells_no_state_is_judged_by_its_records() {
    let mut records = vec![listed(book_state::UNSYNCED)];
    records.push(one(1, side::BID, 90, 1, 0));
    records.push(lost(2));
    records.push(one(3, side::BID, 91, 1, 0));
    records.extend(snapshot(4));
    records.push(one(5, side::BID, 101, 1, BAD));
    let expected = [(1, 90, 0), (2, 0, 0), (4, 100, 110), (5, 0, 0)];
    assert_eq!(quotes(records), expected);
}

#[test]
fn quotes_of_a_source_without_levels_are_told_until_they_cross() {
    let quote = |number, bid_px, ask_px| {
        let (bid_qty, ask_qty, ts_recv) = (1, 2, number);
        let quote = QuoteW { bid_px, ask_px, bid_qty, ask_qty, ts_recv, ..QuoteW::empty(1, 7, 0) };
        Given::WideQuote(quote)
    };
    let records = vec![
        listed(book_state::UNSYNCED),
        quote(1, 100, 101),
        quote(2, 100, 101),
        quote(3, 101, 101),
        quote(4, 99, UNDEF_PRICE),
    ];
    assert_eq!(quotes(records), [(1, 100, 101), (3, 0, 0), (4, 99, 0)]);
}

#[test]
fn a_quantity_that_the_exponent_cannot_hold_leaves_its_side_undefined() {
    let mut records = vec![listed(book_state::SYNCED)];
    records.extend(snapshot(1));
    let finer = DeltaW { qty_exp: -3, ..delta(2, side::BID, 105, 15, flag::LAST) };
    records.push(Given::WideLevel(finer));
    let bus = Bus::new();
    let summary = bus.feed(Hand::new(records), &options(&bus, 512)).unwrap();
    let last = *bus.records::<QuoteW>("quotes").last().unwrap();
    assert_eq!((last.bid_px, last.bid_qty), (UNDEF_PRICE, 0));
    assert_eq!((last.ask_px, last.ask_qty), (110, 700));
    let count = summary.derived.iter().find(|count| count.name == "quote side without room");
    assert_eq!(count.map(|count| count.count), Some(1));
    // The ring of levels has an exponent in each record.
    let depth = *bus.records::<DepthW>("depth").last().unwrap();
    assert_eq!((depth.qty_exp, depth.levels[0].bid_qty, depth.levels[0].ask_qty), (-3, 15, 7_000));
}

#[test]
fn statistics_and_features_follow_from_fractional_quantities() {
    let mut records = vec![listed(book_state::SYNCED)];
    records.extend(snapshot(1));
    for number in 2..40 {
        records.push(one(number, side::BID, 100, i64::try_from(number).unwrap(), 0));
        let trade = TradeW {
            price: 110,
            qty: 5,
            qty_exp: -2,
            side: side::BID,
            ..TradeW::empty(1, 7, number)
        };
        records.push(Given::WideTrade(TradeW { flags: flag::LAST, ts_recv: number, ..trade }));
    }
    records.push(one(40, side::BID, 120, 1, BAD));
    let bus = Bus::new();
    let stats = Some(StatsOptions { venues: Venues::builtin().unwrap(), venue: None });
    let quotes = Some(QuoteOptions { capacity: 512, stats });
    let vectors = Some(FeatureOptions { dim: 32, every: 1, ..FeatureOptions::default() });
    let options = FeedOptions { quotes, vectors, ..options(&bus, 512) };
    bus.feed(Hand::new(records), &options).unwrap();
    let (quotes, stats): (Vec<QuoteW>, Vec<QuoteStats>) =
        (bus.records("quotes"), bus.records("quotes"));
    assert_eq!(quotes.len(), stats.len());
    // 1e-9 units: (100 × 7 + 110 × 5) / 12, and the middle.
    assert_eq!((stats[0].microprice, stats[0].mid, stats[0].spread), (104, 105, 10));
    assert_eq!(stats[0].flags, flag::LAST | flag::SNAPSHOT | flag::TOB);
    let last = stats.last().unwrap();
    assert_eq!((last.mid, last.flags & BAD), (UNDEF_PRICE, BAD));
    assert!(bus.records::<Vector>("vectors").len() > 10);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_changes_give_the_quotes_and_levels_of_a_recomputation(
        steps in prop::collection::vec((0..12_u8, 0..30_i64, 0..4_i64, any::<bool>()), 1..200),
    ) {
        let mut records = vec![listed(book_state::SYNCED)];
        records.extend(snapshot(0));
        for (number, (choice, price, qty, is_last)) in (1..).zip(steps) {
            let last = if is_last { flag::LAST } else { 0 };
            match choice {
                0 => {
                    records.extend([listed(book_state::UNSYNCED), lost(number)]);
                    records.extend([listed(book_state::SYNCING), listed(book_state::SYNCED)]);
                    records.extend(snapshot(number));
                }
                // Around the snapshot's 100 and 110, so that some cross.
                1..7 => {
                    let given = delta(number, side::BID, 85 + price, qty, last);
                    records.push(Given::WideLevel(given));
                }
                _ => {
                    let given = delta(number, side::ASK, 97 + price, qty, last);
                    records.push(Given::WideLevel(given));
                }
            }
        }
        let bus = Bus::new();
        bus.feed(Hand::new(records), &options(&bus, 2048)).unwrap();
        check(&bus);
    }
}
