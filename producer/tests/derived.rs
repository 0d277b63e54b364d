//! Quotes and levels of a feed against a recomputation from its ticks that knows no book.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use tickring::Instrument;
use tickring::record::{
    Gap, InstrumentDef, Level, Mbo, Mbp1, Mbp10, Quote, Record, Status, UNDEF_PRICE, action,
    book_state, flag, gap_state, side, status_action,
};
use tickring_producer::Error;
use tickring_producer::pace::Clock;
use tickring_producer::pipeline::{Feed, FeedOptions, QuoteOptions, Summary};
use tickring_producer::source::dbn::DbnSource;
use tickring_producer::source::simulator::{Simulator, SimulatorOptions};
use tickring_producer::source::{Kinds, Progress, Report, Sink, Source};

use crate::bus::{Bus, recorded};
use crate::hand::{Given, Hand};

const LAST: u8 = flag::LAST;
const BAD: u8 = flag::MAYBE_BAD_BOOK;
const ESH4: &str = "dbn/nautilus/esh4-glbx-mdp3-20231225.mbo.dbn.zst";

/// Options of a feed with both rings, each of which holds everything.
fn options(bus: &Bus, capacity: u64) -> FeedOptions {
    let quotes = Some(QuoteOptions { capacity, stats: None });
    let depth = Some(capacity);
    FeedOptions { capacity, quotes, depth, instruments: 64, ..bus.options() }
}

/// One instrument's orders, and what was last said of them.
#[derive(Default)]
struct Orders {
    orders: BTreeMap<u64, (u8, i64, u32)>,
    quote: Option<(Level, bool)>,
    levels: Option<([Level; 10], bool)>,
    is_stale: bool,
    is_syncing: bool,
}

impl Orders {
    /// The rules of the book, order by order.
    fn apply(&mut self, record: &Mbo) {
        let is_fill = record.action == b'F' && record.flags & LAST != 0;
        let is_snapshot = record.flags & flag::SNAPSHOT != 0;
        let mut is_odd = false;
        match record.action {
            b'A' | b'M' if record.side == b'N' || record.price == UNDEF_PRICE => is_odd = true,
            b'A' | b'M' => {
                let order = (record.side, record.price, record.size);
                let was_there = self.orders.insert(record.order_id, order).is_some();
                is_odd = was_there != (record.action == b'M');
            }
            b'C' | b'F' if record.action == b'C' || is_fill => {
                match self.orders.get_mut(&record.order_id) {
                    Some((_, _, size)) => {
                        is_odd = *size < record.size;
                        *size = size.saturating_sub(record.size);
                    }
                    None => is_odd = true,
                }
                self.orders.retain(|id, (_, _, size)| *id != record.order_id || *size > 0);
            }
            b'R' => self.orders.clear(),
            _ => {}
        }
        if is_snapshot || record.action == b'R' {
            self.is_stale = false;
            self.is_syncing = is_snapshot && record.flags & LAST == 0;
        } else {
            self.is_stale |= is_odd;
            self.is_syncing = false;
        }
    }

    fn levels(&self) -> [Level; 10] {
        let none = Level {
            bid_px: UNDEF_PRICE,
            ask_px: UNDEF_PRICE,
            bid_sz: 0,
            ask_sz: 0,
            bid_ct: 0,
            ask_ct: 0,
        };
        let mut levels = [none; 10];
        let of = |letter| {
            let mut sums = BTreeMap::<i64, (u32, u32)>::new();
            for (_, price, size) in self.orders.values().filter(|order| order.0 == letter) {
                let sum = sums.entry(*price).or_default();
                *sum = (sum.0 + size, sum.1 + 1);
            }
            sums
        };
        for (to, (price, (size, count))) in levels.iter_mut().zip(of(b'B').iter().rev()) {
            (to.bid_px, to.bid_sz, to.bid_ct) = (*price, *size, *count);
        }
        for (to, (price, (size, count))) in levels.iter_mut().zip(of(b'A').iter()) {
            (to.ask_px, to.ask_sz, to.ask_ct) = (*price, *size, *count);
        }
        levels
    }
}

/// What the rings are to hold of ticks: instrument, time, flags, and the levels.
type Said<L> = Vec<(u32, u64, u8, L)>;

/// Recomputes both rings, each event from all orders.
fn recompute(ticks: &[Mbo]) -> (Said<Level>, Said<[Level; 10]>) {
    let mut instruments = BTreeMap::<u32, Orders>::new();
    let (mut quotes, mut depth) = (Vec::new(), Vec::new());
    for tick in ticks {
        let id = tick.header.instrument_id;
        let orders = instruments.entry(id).or_default();
        orders.apply(tick);
        if tick.flags & LAST == 0 {
            continue;
        }
        let levels = orders.levels();
        let [top, ..] = levels;
        let is_crossed =
            top.bid_px != UNDEF_PRICE && top.ask_px != UNDEF_PRICE && top.bid_px >= top.ask_px;
        let is_bad = orders.is_stale || orders.is_syncing || is_crossed;
        let kept = tick.flags & (LAST | flag::SNAPSHOT | flag::BAD_TS_RECV);
        let flags = kept | if is_bad { BAD } else { 0 };
        // A quote has no counts of orders.
        let best = Level { bid_ct: 0, ask_ct: 0, ..top };
        let nothing = Orders::default().levels();
        if orders.quote.unwrap_or((nothing[0], false)) != (best, is_bad)
            && (orders.quote.is_some() || best != nothing[0])
        {
            orders.quote = Some((best, is_bad));
            quotes.push((id, tick.header.ts_event, flags | flag::TOB, best));
        }
        if orders.levels.unwrap_or((nothing, false)) != (levels, is_bad)
            && (orders.levels.is_some() || levels != nothing)
        {
            orders.levels = Some((levels, is_bad));
            depth.push((id, tick.header.ts_event, flags | flag::MBP, levels));
        }
    }
    (quotes, depth)
}

/// What the rings hold.
fn published(bus: &Bus) -> (Said<Level>, Said<[Level; 10]>) {
    let quotes = bus.records::<Quote>("quotes").into_iter().map(|quote| {
        let Quote { header, flags, bid_px, ask_px, bid_sz, ask_sz, .. } = quote;
        let level = Level { bid_px, ask_px, bid_sz, ask_sz, bid_ct: 0, ask_ct: 0 };
        (header.instrument_id, header.ts_event, flags, level)
    });
    let depth = bus.records::<Mbp10>("depth").into_iter();
    let depth =
        depth.map(|r| (r.header.instrument_id, r.header.ts_event, r.flags, r.levels)).collect();
    (quotes.collect(), depth)
}

/// Compares both rings with the recomputation from the ticks that were published.
fn check(bus: &Bus, summary: &Summary) -> (usize, usize) {
    let (quotes, depth) = recompute(&bus.records::<Mbo>("ticks"));
    let found = published(bus);
    for (n, (found, expected)) in found.0.iter().zip(&quotes).enumerate() {
        assert_eq!(found, expected, "quote {n}");
    }
    for (n, (found, expected)) in found.1.iter().zip(&depth).enumerate() {
        assert_eq!(found, expected, "levels {n}");
    }
    assert_eq!((found.0.len(), found.1.len()), (quotes.len(), depth.len()));
    let count = |name| summary.derived.iter().find(|c| c.name == name).map(|c| c.count);
    assert_eq!(count("quote"), Some(quotes.len() as u64));
    assert_eq!(count("mbp_10"), Some(depth.len() as u64));
    (quotes.len(), depth.len())
}

fn any_order() -> impl Strategy<Value = Mbo> {
    let action = prop::sample::select(b"AAAAAACCCMMMFTRN".to_vec());
    let side = prop::sample::select(b"BBBBAAAAN".to_vec());
    let flags = prop_oneof![
        6 => Just(LAST),
        2 => Just(0),
        1 => Just(flag::SNAPSHOT),
        1 => Just(flag::SNAPSHOT | LAST),
        1 => Just(LAST | flag::BAD_TS_RECV),
    ];
    let price = prop_oneof![20 => 90..110i64, 1 => Just(UNDEF_PRICE)];
    (action, 1..3u32, 0..24u64, side, price, 0..5u32, flags).prop_map(
        |(action, instrument_id, id, side, price, size, flags)| {
            // Ids are an instrument's own; bids lie mostly below asks.
            let price = if price == UNDEF_PRICE {
                price
            } else {
                price + if side == b'A' { 12 } else { 0 }
            };
            let order_id = u64::from(instrument_id) * 100 + id;
            Mbo { action, order_id, side, price, size, flags, ..Mbo::empty(1, instrument_id, 0) }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn quotes_and_levels_are_those_of_a_recomputation(
        orders in prop::collection::vec(any_order(), 1..400),
    ) {
        let bus = Bus::new();
        let records = (0..).zip(orders).map(|(n, mut order)| {
            order.header.ts_event = n;
            Given::Order(order)
        });
        let summary = bus.feed(Hand::new(records.collect()), &options(&bus, 512)).unwrap();
        check(&bus, &summary);
    }
}

#[test]
fn quotes_and_levels_of_a_simulated_market_are_those_of_a_recomputation() {
    let bus = Bus::new();
    let simulated =
        SimulatorOptions { instruments: 8, count: Some(20_000), ..SimulatorOptions::default() };
    let source = Simulator::new(&simulated).unwrap();
    let summary = bus.feed(source, &options(&bus, 1 << 15)).unwrap();
    let (quotes, depth) = check(&bus, &summary);
    assert!(quotes > 1_000 && depth > quotes, "{quotes} quotes, {depth} levels");
    assert_eq!(summary.derived.len(), 2, "nothing is odd: {:?}", summary.derived);
    bus.each("quotes", |record| {
        let quote = record.get::<Quote>().unwrap();
        assert_eq!(quote.flags, LAST | flag::TOB);
        assert!(quote.bid_px < quote.ask_px);
        assert_ne!(quote.action, action::FILL);
    });
}

#[test]
fn quotes_of_the_es_session_are_those_of_its_facts() {
    let Some(path) = recorded(ESH4) else {
        return;
    };
    let bus = Bus::new();
    let summary = bus.feed(DbnSource::open(&path).unwrap(), &options(&bus, 1 << 17)).unwrap();
    let count = |name| summary.derived.iter().find(|c| c.name == name).map(|c| c.count);
    assert_eq!(
        (count("crossed"), count("unknown order"), count("refused")),
        (Some(891), None, None)
    );
    let quotes: Vec<Quote> = bus.records("quotes");
    let (first, last) = (quotes.first().unwrap(), quotes.last().unwrap());
    // The snapshot of 8,725 orders gives one quote, with the first order behind it.
    let ticks: Vec<Mbo> = bus.records("ticks");
    assert_eq!(first.header.ts_event, ticks[8_725].header.ts_event);
    assert_eq!((last.bid_px, last.bid_sz), (4_810_000_000_000, 22));
    assert_eq!((last.ask_px, last.ask_sz), (4_810_250_000_000, 28));
    for quote in &quotes {
        let is_crossed = quote.bid_px >= quote.ask_px && quote.ask_px != UNDEF_PRICE;
        assert_eq!(quote.flags & BAD != 0, is_crossed, "{quote:?}");
    }
    let levels = *bus.records::<Mbp10>("depth").last().unwrap();
    assert_eq!((levels.levels[0].bid_ct, levels.levels[0].ask_ct), (22, 18));
}

fn add(id: u64, side: u8, price: i64, flags: u8) -> Given {
    let order = Mbo { order_id: id, side, price, size: 5, flags, ..Mbo::empty(1, 7, id) };
    Given::Order(Mbo { action: action::ADD, ..order })
}

fn status(instrument_id: u32, action: u16) -> Given {
    Given::Status(Status { action, ..Status::empty(1, instrument_id, 0) })
}

fn gap(state: u8) -> Given {
    let missing = Gap { first_missing: 5, end_missing: 8, ..Gap::empty(1, 0, 0) };
    Given::Gap(Gap { state, ..missing })
}

/// Publishes records and returns flags and prices of the quotes.
fn quotes_of(records: Vec<Given>) -> Vec<(u8, i64, i64)> {
    let bus = Bus::new();
    bus.feed(Hand::new(records), &options(&bus, 512)).unwrap();
    let quotes: Vec<Quote> = bus.records("quotes");
    quotes.iter().map(|quote| (quote.flags & !flag::TOB, quote.bid_px, quote.ask_px)).collect()
}

#[test]
fn a_crossed_book_is_good_only_while_orders_are_collected() {
    let crossed = || vec![add(1, side::BID, 100, LAST), add(2, side::ASK, 99, LAST)];
    for (before, flags) in [
        (vec![], LAST | BAD),
        (vec![status(7, status_action::TRADING)], LAST | BAD),
        (vec![status(7, status_action::PRE_OPEN)], LAST),
        (vec![status(0, status_action::CROSS)], LAST),
        (vec![status(7, status_action::HALT)], LAST),
        (vec![status(0, status_action::PRE_OPEN), status(7, status_action::TRADING)], LAST | BAD),
    ] {
        let given = format!("{before:?}");
        let quotes = quotes_of([before, crossed()].concat());
        assert_eq!(quotes, [(LAST, 100, UNDEF_PRICE), (flags, 100, 99)], "{given}");
    }
}

#[test]
fn a_snapshot_gives_one_quote_at_its_end() {
    let snapshot = flag::SNAPSHOT;
    let clear = Mbo { action: action::CLEAR, flags: snapshot, ..Mbo::empty(1, 7, 0) };
    let quotes = quotes_of(vec![
        add(1, side::BID, 90, LAST),
        Given::Order(clear),
        add(2, side::BID, 100, snapshot),
        add(3, side::ASK, 105, snapshot),
        add(4, side::ASK, 104, snapshot | LAST),
        add(5, side::BID, 101, LAST),
    ]);
    let expected = [(LAST, 90, UNDEF_PRICE), (LAST | snapshot, 100, 104), (LAST, 101, 104)];
    assert_eq!(quotes, expected);
}

#[test]
fn quotes_after_a_loss_are_labelled_and_follow_the_gap_record() {
    let bus = Bus::new();
    let records = vec![
        add(1, side::BID, 100, LAST),
        gap(gap_state::UNRECOVERABLE),
        // Nothing but the label is new.
        add(2, side::BID, 90, LAST),
        add(3, side::BID, 91, LAST),
    ];
    bus.feed(Hand::new(records), &options(&bus, 512)).unwrap();
    for (ring, control) in [("quotes", flag::TOB), ("depth", flag::MBP)] {
        let mut found = Vec::new();
        bus.each(ring, |record| {
            let levels = record.get::<Mbp10>().map(|levels| levels.flags);
            let quote = record.get::<Quote>().map(|quote| quote.flags);
            let flags = quote.or(levels).map(|flags| flags & !control);
            found.push((record.get::<Gap>().is_some(), flags));
        });
        let mut expected = vec![(false, Some(LAST)), (true, None), (false, Some(LAST | BAD))];
        if ring == "depth" {
            expected.push((false, Some(LAST | BAD)));
        }
        assert_eq!(found, expected, "{ring}");
    }
    let directory = |ring: &str| bus.reader(ring).instrument(7).map(|found| found.book_state);
    assert_eq!(directory("ticks"), Some(book_state::STALE));
    assert_eq!(directory("quotes"), Some(book_state::STALE));
}

#[test]
fn the_directory_of_the_quotes_has_symbols_states_and_last_quotes() {
    let bus = Bus::new();
    let mut definition = InstrumentDef::empty(1, 7, 0);
    definition.raw_symbol[..4].copy_from_slice(b"ABCD");
    definition.min_price_increment = 25;
    let records = vec![Given::Definition(Box::new(definition)), add(1, side::BID, 100, LAST)];
    bus.feed(Hand::new(records), &options(&bus, 512)).unwrap();
    let reader = bus.reader("quotes");
    let found: Instrument = reader.instrument(7).unwrap();
    assert_eq!((found.symbol().as_ref(), found.tick), ("ABCD", 25));
    assert_eq!(found.book_state, book_state::SYNCED);
    let latest = reader.latest(7).quote.unwrap();
    assert_eq!(latest.record().get::<Quote>().map(|quote| quote.bid_px), Some(100));
}

#[test]
fn levels_and_quotes_of_the_source_are_passed_on_where_they_change() {
    let level =
        |bid_px, ask_px| Level { bid_px, ask_px, bid_sz: 3, ask_sz: 4, bid_ct: 1, ask_ct: 1 };
    let best = |bid_px, ask_px| {
        let levels = [level(bid_px, ask_px)];
        Given::Best(Mbp1 { levels, flags: LAST, ..Mbp1::empty(1, 7, 0) })
    };
    let quotes = quotes_of(vec![best(100, 101), best(100, 101), best(100, 102)]);
    assert_eq!(quotes, [(LAST, 100, 101), (LAST, 100, 102)]);

    let quote = |bid_px, bid_sz| Quote { bid_px, bid_sz, flags: LAST, ..Quote::empty(1, 7, 0) };
    let given = [quote(100, 1), quote(100, 1), quote(100, 2)].map(Given::Quote);
    assert_eq!(quotes_of(given.into()).len(), 2);

    let bus = Bus::new();
    let mut levels = [level(UNDEF_PRICE, UNDEF_PRICE); 10];
    levels[0] = level(100, 101);
    let first = Mbp10 { levels, flags: LAST, ..Mbp10::empty(1, 7, 0) };
    levels[9] = level(50, 151);
    let second = Mbp10 { levels, flags: LAST, ..Mbp10::empty(1, 7, 0) };
    let given = [first, first, second].map(|levels| Given::Levels(Box::new(levels)));
    bus.feed(Hand::new(given.into()), &options(&bus, 512)).unwrap();
    assert_eq!(bus.records::<Quote>("quotes").len(), 1);
    let depth: Vec<Mbp10> = bus.records("depth");
    assert_eq!(depth.len(), 2);
    assert_eq!(depth[1].levels, levels);
}

/// A live source that gives an order or nothing at each poll.
struct Live {
    hand: Hand,
    polls: std::vec::IntoIter<bool>,
}

impl Source for Live {
    const IS_LIVE: bool = true;

    fn kinds(&self) -> Kinds {
        self.hand.kinds()
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        None
    }

    fn poll<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<Progress, Error> {
        match self.polls.next() {
            Some(true) => self.hand.poll(sink, budget),
            Some(false) => Ok(Progress::Idle),
            None => Ok(Progress::End),
        }
    }

    fn report(&self) -> Report {
        Report::default()
    }
}

/// A clock that the test sets.
struct Set(Rc<Cell<u64>>);

impl Clock for Set {
    fn now_ns(&mut self) -> u64 {
        self.0.get()
    }

    fn sleep_ns(&mut self, ns: u64) {
        self.0.set(self.0.get() + ns);
    }
}

#[test]
fn the_books_of_a_live_source_are_stale_while_it_is_silent() {
    use book_state::{STALE, SYNCED};
    let bus = Bus::new();
    let records = (0..2).map(|id| add(id, side::BID, 100, LAST)).collect();
    let polls = vec![true, false, false, false, true].into_iter();
    let source = Live { hand: Hand::new(records), polls };
    let now = Rc::new(Cell::new(0));
    let options = FeedOptions { stale_after: Duration::from_secs(10), ..options(&bus, 512) };
    let mut feed = Feed::with_clock(source, &options, Set(Rc::clone(&now))).unwrap();
    for (second, state) in [(1, SYNCED), (5, SYNCED), (10, SYNCED), (11, STALE), (20, SYNCED)] {
        now.set(second * 1_000_000_000);
        assert_ne!(feed.run_once(10).unwrap(), Progress::End);
        for ring in ["ticks", "quotes"] {
            let found = bus.reader(ring).instrument(7).unwrap();
            assert_eq!(found.book_state, state, "{ring} after {second} s");
        }
    }
    let _ = feed.close();
    let quotes: Vec<Quote> = bus.records("quotes");
    assert!(quotes.len() == 2 && quotes.iter().all(|quote| quote.flags & BAD == 0));
}

#[test]
fn a_feed_without_the_options_has_none_of_the_rings() {
    let bus = Bus::new();
    let records = vec![add(1, side::BID, 100, LAST)];
    let mut feed = Feed::open(Hand::new(records), &bus.options()).unwrap();
    while feed.run_once(10).unwrap() != Progress::End {}
    assert!(feed.close().derived.is_empty());
    assert!(!bus.has("quotes") && !bus.has("depth") && bus.has("ticks"));
}
