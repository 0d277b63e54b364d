use tickring::record::{UNDEF_PRICE, book_state, gap_state, side};

use super::*;
use crate::book;

const LAST: u8 = flag::LAST;
const SNAPSHOT: u8 = flag::SNAPSHOT;

fn order(action: u8, order_id: u64, flags: u8) -> Mbo {
    let price = if action == b'R' { UNDEF_PRICE } else { 100 };
    let side = if action == b'R' { side::NONE } else { side::BID };
    Mbo { order_id, action, side, price, size: 1, flags, ..Mbo::empty(1, 7, 5) }
}

fn gap(state: u8, first_missing: u64, end_missing: u64) -> Gap {
    Gap { state, first_missing, end_missing, ..Gap::empty(1, 0, 5) }
}

/// What happens to a feed.
enum Step {
    Order(Mbo),
    Gap(Gap),
    Silent(bool),
}
use Step::{Order, Silent};

/// The state of instrument 7 after each step; `None` while it is not known.
fn states(steps: &[Step]) -> Vec<Option<u8>> {
    let mut markets = Markets::new();
    let state_after = |step: &Step| {
        let own = |markets: &Markets| {
            let mut states = markets.states();
            states.find(|(_, id, _)| *id == 7).map(|(_, _, state)| state)
        };
        let before = own(&markets);
        match step {
            Order(record) => {
                let update = markets.apply(record).unwrap();
                let (state, is_new) = (update.state, update.is_new_state);
                assert_eq!(Some(state), own(&markets));
                assert_eq!(is_new, state != before.unwrap_or(book_state::UNSYNCED));
            }
            Step::Gap(gap) => {
                let told = markets.gap(gap);
                assert!(told || own(&markets) == before, "{gap:?}");
            }
            Silent(silent) => {
                let told = markets.set_silent(*silent);
                assert!(told || own(&markets) == before);
            }
        }
        own(&markets)
    };
    steps.iter().map(state_after).collect()
}

/// A step as the cases write it: `a1`, `c1` add and cancel an order, `s1` adds one in a snapshot
/// and `e1` one at its end, `open5-8` says that these sequences are missing, and so on.
fn step(text: &str) -> Step {
    let range = |text: &str| {
        let (first, end) = text.split_once('-').unwrap();
        (first.parse().unwrap(), end.parse().unwrap())
    };
    let states = [
        ("open", gap_state::OPEN),
        ("asked", gap_state::REQUESTED),
        ("filled", gap_state::FILLED),
        ("gone", gap_state::UNRECOVERABLE),
        ("again", gap_state::RECONNECT),
        ("session", gap_state::SESSION_RESET),
    ];
    for (name, state) in states {
        if let Some(missing) = text.strip_prefix(name) {
            let (first, end) = range(missing);
            return Step::Gap(gap(state, first, end));
        }
    }
    match text {
        "silent" => return Silent(true),
        "heard" => return Silent(false),
        "clear" => return Order(order(b'R', 0, LAST)),
        "begin" => return Order(order(b'R', 0, SNAPSHOT)),
        _ => {}
    }
    let (letter, id) = text.split_at(1);
    let id = id.parse().unwrap();
    Order(match letter {
        "a" => order(b'A', id, LAST),
        "c" => order(b'C', id, LAST),
        "s" => order(b'A', id, SNAPSHOT),
        "e" => order(b'A', id, SNAPSHOT | LAST),
        "d" => order(b'A', id, LAST | flag::MAYBE_BAD_BOOK),
        other => panic!("{other}"),
    })
}

#[test]
fn states_follow_orders_clears_snapshots_gaps_and_silence() {
    // After each step: - not known, u unsynced, y syncing, s synced, t stale.
    let cases = [
        ("from the beginning", "a1 c1", "ss"),
        ("an unknown order", "a1 c2 c1 clear", "stts"),
        ("a snapshot that ends with LAST", "begin s1 e2", "yys"),
        ("a snapshot that ends with the first order behind it", "s1 a2", "ys"),
        ("a gap that is filled", "a1 open5-8 asked5-8 a2 filled5-8", "sttts"),
        ("a gap that is told when it is filled", "a1 filled5-8 a2", "sss"),
        ("two gaps", "a1 open5-8 open9-10 filled5-8 filled9-10", "sttts"),
        ("a gap for good, until a snapshot", "a1 open5-8 gone5-8 a2 begin e3", "stttys"),
        ("one gone, one filled", "a1 open5-8 open9-10 gone5-8 clear filled9-10", "stttts"),
        ("first seen after a loss", "again5-8 a1 clear", "-ts"),
        ("a loss of which nobody knows what it was", "a1 again0-0", "st"),
        ("a new session that was joined too late", "a1 session1-5 a1 clear", "stts"),
        ("a reconnection without loss", "a1 again5-5", "ss"),
        ("a new session", "a1 gone5-8 session0-0 a1", "stus"),
        ("silence", "a1 silent heard", "sts"),
        ("what the source doubts itself", "d1 a2", "tt"),
    ];
    for (name, steps, expected) in cases {
        let steps: Vec<Step> = steps.split(' ').map(step).collect();
        let letter = |state| match state {
            None => '-',
            Some(book_state::UNSYNCED) => 'u',
            Some(book_state::SYNCING) => 'y',
            Some(book_state::SYNCED) => 's',
            Some(_) => 't',
        };
        let found: String = states(&steps).into_iter().map(letter).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn more_open_gaps_than_can_be_kept_are_losses() {
    let mut markets = Markets::new();
    let _ = markets.apply(&order(b'A', 1, LAST));
    for n in 0..100 {
        assert!(markets.gap(&gap(gap_state::OPEN, n * 10, n * 10 + 1)));
    }
    for n in 0..100 {
        assert!(markets.gap(&gap(gap_state::FILLED, n * 10, n * 10 + 1)));
    }
    assert_eq!(markets.states().next(), Some((1, 7, book_state::STALE)));
}

#[test]
fn a_gap_of_one_instrument_leaves_the_others_alone() {
    let mut markets = Markets::new();
    for instrument_id in [7, 8] {
        let mut add = order(b'A', 1, LAST);
        add.header.instrument_id = instrument_id;
        let _ = markets.apply(&add);
    }
    let mut lost = gap(gap_state::UNRECOVERABLE, 0, 0);
    lost.header.instrument_id = 8;
    assert!(markets.gap(&lost));
    let mut states: Vec<_> = markets.states().map(|(_, id, state)| (id, state)).collect();
    states.sort_unstable();
    assert_eq!(states, [(7, book_state::SYNCED), (8, book_state::STALE)]);
}

#[test]
fn an_event_is_about_its_trade_or_else_about_its_last_record() {
    let event = |records: &[(u8, u8)]| {
        let mut markets = Markets::new();
        for id in 0..3 {
            let _ = markets.apply(&order(b'A', id, LAST));
        }
        let mut cause = None;
        for (n, (action, side)) in records.iter().enumerate() {
            let flags = if n + 1 == records.len() { LAST } else { 0 };
            let record = Mbo { side: *side, ..order(*action, 1, flags) };
            let update = markets.apply(&record).unwrap();
            assert_eq!(update.ends_event, flags == LAST);
            assert_eq!(update.cause.is_some(), update.ends_event);
            cause = update.cause;
        }
        let cause = cause.unwrap();
        (cause.action, cause.side)
    };
    assert_eq!(event(&[(b'C', b'B'), (b'A', b'B')]), (b'A', b'B'));
    assert_eq!(event(&[(b'T', b'A'), (b'F', b'B'), (b'C', b'B')]), (b'T', b'A'));
    assert_eq!(event(&[(b'F', b'B')]), (b'T', b'A'), "the order that was hit tells who hit it");
}

#[test]
fn a_status_of_the_instrument_goes_before_that_of_the_venue() {
    let mut markets = Markets::new();
    let mut collecting = |statuses: &[(u32, u16)]| {
        for (instrument_id, action) in statuses {
            let status = Status { action: *action, ..Status::empty(1, *instrument_id, 5) };
            assert!(markets.apply(&status).is_none());
        }
        markets.apply(&order(b'A', 1, LAST)).unwrap().is_collecting
    };
    assert_eq!(collecting(&[]), None);
    assert_eq!(collecting(&[(0, status_action::PRE_OPEN)]), Some(true));
    assert_eq!(collecting(&[(0, status_action::TRADING)]), Some(false));
    assert_eq!(collecting(&[(7, status_action::HALT)]), Some(true));
    assert_eq!(collecting(&[(8, status_action::TRADING)]), Some(true));
    assert_eq!(collecting(&[(7, status_action::SSR_CHANGE)]), Some(true), "says nothing of it");
    assert_eq!(collecting(&[(7, status_action::TRADING)]), Some(false));
}

#[test]
fn prices_come_from_what_the_source_has() {
    let mut markets = Markets::new();
    let trade = Trade { price: 99, size: 2, side: side::BID, ..Trade::empty(1, 7, 5) };
    let update = markets.apply(&trade).unwrap();
    assert!(update.ends_event && !update.market.is_quoted(), "there is nothing but trades");
    assert_eq!(update.traded, Some(Traded { price: 99, size: 2, side: side::BID }));
    assert_eq!(update.market.top(), Top::default());

    let quote = Quote { bid_px: 98, bid_sz: 3, flags: LAST, ..Quote::empty(1, 7, 5) };
    let update = markets.apply(&quote).unwrap();
    let bid = book::Level { price: 98, size: 3, orders: 0 };
    assert_eq!(update.market.top(), Top { bid: Some(bid), ask: None });
    assert!(!markets.apply(&trade).unwrap().ends_event, "a trade without LAST is part of an event");

    let mut levels = [level(None, None); DEPTH];
    for (n, to) in (0..).zip(&mut levels) {
        (to.bid_px, to.bid_sz, to.bid_ct) = (97 - n, 5, 1);
        (to.ask_px, to.ask_sz, to.ask_ct) = (101 + n, 6, 2);
    }
    let update = markets.apply(&Mbp10 { levels, flags: LAST, ..Mbp10::empty(1, 7, 5) }).unwrap();
    let mut found = [level(None, None); DEPTH];
    assert!(update.market.levels(&mut found) && found == levels);
    assert_eq!(update.market.top().ask, Some(book::Level { price: 101, size: 6, orders: 2 }));

    let [first, ..] = levels;
    let update =
        markets.apply(&Mbp1 { levels: [first], flags: LAST, ..Mbp1::empty(1, 7, 5) }).unwrap();
    assert!(!update.market.levels(&mut found), "one level is not ten");
    assert_eq!(update.market.top().bid, Some(book::Level { price: 97, size: 5, orders: 1 }));
}
