//! A scripted day: auctions, halts, bursts.

use tickring::record::{Imbalance, UNDEF_PRICE, rtype, status_action};
use zerocopy::FromBytes;

use super::*;
use crate::book::Side;

const LENGTH: Duration = Duration::from_secs(20);

fn day(seed: u64, instruments: u32) -> SimulatorOptions {
    SimulatorOptions {
        seed,
        instruments,
        events_per_second: 4_000.0,
        session: Some(Session::within(LENGTH)),
        ..SimulatorOptions::default()
    }
}

/// What a tick of the ring was.
enum Tick {
    Order(Mbo),
    Status(Status),
}

fn ticks(tape: &Tape) -> Vec<Tick> {
    let ticks = tape.records.iter().filter_map(|taped| match taped.rtype {
        rtype::MBO => Some(Tick::Order(Mbo::read_from_bytes(&taped.bytes).unwrap())),
        rtype::STATUS => Some(Tick::Status(Status::read_from_bytes(&taped.bytes).unwrap())),
        _ => None,
    });
    ticks.collect()
}

/// The most that can be matched at one price, by trying every price there is.
fn most_matched(book: &Book) -> u64 {
    let prices = [Side::Bid, Side::Ask].into_iter().flat_map(|side| book.levels(side));
    let matched = prices.map(|level| level.price).map(|price| {
        let bids = book.levels(Side::Bid).filter(|level| level.price >= price);
        let asks = book.levels(Side::Ask).filter(|level| level.price <= price);
        bids.map(|level| level.size).sum::<u64>().min(asks.map(|level| level.size).sum())
    });
    matched.max().unwrap_or(0)
}

#[test]
fn books_are_crossed_only_while_orders_gather_and_an_auction_uncrosses_them() {
    for (seed, instruments) in [(1, 1), (2, 100), (3, 1_000)] {
        let tape = run(&day(seed, instruments), 256);
        let mut books = BTreeMap::<u32, Book>::new();
        let mut states = BTreeMap::<u32, u16>::new();
        let (mut crossed, mut auctions) = (0, 0);
        // The price and the fills of each side of the auction that is being told.
        let mut auction: Option<(i64, [u64; 2])> = None;
        for tick in ticks(&tape) {
            let record = match tick {
                Tick::Status(status) => {
                    states.insert(status.header.instrument_id, status.action);
                    continue;
                }
                Tick::Order(record) => record,
            };
            let id = record.header.instrument_id;
            let gathers = states[&id] == status_action::QUOTING;
            let book = books.entry(id).or_default();
            if record.action == action::TRADE && gathers {
                assert_eq!((record.side, u64::from(record.size)), (b'N', most_matched(book)));
                auction = Some((record.price, [u64::from(record.size); 2]));
                auctions += 1;
            }
            if let (action::FILL, Some((price, left))) = (record.action, &mut auction) {
                let bought = record.side == b'B';
                left[usize::from(bought)] -= u64::from(record.size);
                let accepts = if bought { record.price >= *price } else { record.price <= *price };
                assert!(accepts, "{record:?} at {price}");
            }
            let applied = book.apply(&record);
            assert!(matches!(applied, Applied::Changed | Applied::Unchanged), "{record:?}");
            if record.flags & flag::LAST != 0 {
                let ends_auction = auction.take();
                assert!(ends_auction.is_none_or(|(_, left)| left == [0, 0]), "both sides filled");
                assert!(!book.is_crossed() || gathers && ends_auction.is_none(), "{record:?}");
                crossed += u32::from(book.is_crossed());
            }
        }
        println!("{instruments} instruments: {auctions} auctions, {crossed} crossed states");
        assert!(books.values().all(|book| book.unknown() + book.refused() == 0));
        assert!(books.values().all(|book| !book.is_crossed()), "after the close");
        assert!(auctions >= 2 && crossed > 10);
    }
}

#[test]
fn the_state_of_an_auction_is_told_while_orders_gather() {
    let tape = run(&day(4, 3), 256);
    let imbalances = tape.of::<Imbalance>();
    for kind in *b"OCH" {
        let own = imbalances.iter().filter(|imbalance| imbalance.auction_type == kind);
        let (with, without): (Vec<&Imbalance>, Vec<&Imbalance>) =
            own.partition(|imbalance| imbalance.cont_book_clr_price != UNDEF_PRICE);
        assert!(!with.is_empty(), "{}", char::from(kind));
        assert!(with.iter().all(|i| i.paired_qty > 0 && i.ref_price == i.cont_book_clr_price));
        assert!(without.iter().all(|i| i.paired_qty == 0 && i.side == b'N'));
        assert!(with.iter().all(|i| (i.side == b'N') == (i.total_imbalance_qty == 0)));
    }
}

#[test]
fn a_halted_instrument_has_cancels_only_and_trades_after_its_own_auction() {
    let tape = run(&day(5, 5), 256);
    let (mut states, mut seen) = (BTreeMap::<u32, u16>::new(), BTreeMap::<u16, u32>::new());
    let mut in_halts = 0;
    for tick in ticks(&tape) {
        match tick {
            Tick::Status(status) => {
                *seen.entry(status.action).or_default() += 1;
                states.insert(status.header.instrument_id, status.action);
            }
            Tick::Order(record) => match states[&record.header.instrument_id] {
                status_action::HALT | status_action::PAUSE => {
                    assert_eq!(record.action, action::CANCEL);
                    in_halts += 1;
                }
                status_action::QUOTING => {
                    assert!(record.action != action::TRADE || record.side == b'N')
                }
                state => assert_eq!(state, status_action::TRADING),
            },
        }
    }
    assert!(in_halts > 10, "{in_halts}");
    let expected = [
        (status_action::PRE_OPEN, 1),
        (status_action::QUOTING, 5 + 4 + 5),
        (status_action::TRADING, 1 + 5 + 4),
        (status_action::HALT, 2),
        (status_action::PAUSE, 2),
        (status_action::CLOSE, 1),
        (status_action::POST_CLOSE, 1),
    ];
    assert_eq!(seen, expected.into());
}

#[test]
fn a_day_ends_at_its_close_and_does_not_depend_on_the_budget() {
    let options = day(6, 20);
    let tape = run(&options, 256);
    let last = ticks(&tape).pop().unwrap();
    let close_ns = options.start_ns + u64::try_from(LENGTH.as_nanos()).unwrap();
    assert!(matches!(last, Tick::Status(status)
        if status.action == status_action::POST_CLOSE && status.header.ts_event == close_ns));
    for budget in [1, 7, 100_000] {
        assert!(run(&options, budget) == tape, "budget {budget}");
    }
    let times: Vec<u64> = ticks(&tape)
        .iter()
        .map(|tick| match tick {
            Tick::Order(record) => record.header.ts_event,
            Tick::Status(status) => status.header.ts_event,
        })
        .collect();
    assert!(times.is_sorted());
    // Without the time for a close there is none.
    let cut = SimulatorOptions { duration: Some(LENGTH / 2), ..options };
    let tape = run(&cut, 256);
    assert!(tape.of::<Status>().iter().all(|status| status.action != status_action::CLOSE));
    assert!(!tape.of::<Mbo>().is_empty());
}

#[test]
fn news_make_a_burst() {
    let quiet = Session { halts: 0, bursts: 0, ..Session::within(LENGTH) };
    let peak = |session| {
        let tape = run(&SimulatorOptions { session: Some(session), ..day(7, 1) }, 256);
        let mut counts = BTreeMap::<u64, u32>::new();
        // Events, not records: an auction is one.
        for record in tape.of::<Mbo>().iter().filter(|record| record.flags & flag::LAST != 0) {
            *counts.entry(record.header.ts_event / 1_000_000).or_default() += 1;
        }
        let total: u32 = counts.values().sum();
        f64::from(*counts.values().max().unwrap()) / (f64::from(total) / 20_000.0)
    };
    let (calm, busy) = (peak(quiet), peak(Session { bursts: 8, ..quiet }));
    println!("busiest millisecond: {calm:.0} times the mean, with bursts {busy:.0} times");
    assert!(busy > 1.5 * calm && busy > 30.0, "{calm} {busy}");
}

#[test]
fn sessions_that_cannot_be_are_refused() {
    let session = Session::within(LENGTH);
    for wrong in [
        Session { halt: LENGTH, ..session },
        Session { period: Duration::ZERO, ..session },
        Session::within(Duration::ZERO),
    ] {
        let options = SimulatorOptions { session: Some(wrong), ..day(1, 1) };
        assert!(matches!(Simulator::new(&options), Err(Error::Option { .. })), "{wrong:?}");
    }
}
