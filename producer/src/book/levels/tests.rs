use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap()
}

fn update(price: &str, qty: &str) -> PriceLevel {
    PriceLevel { price: decimal(price), qty: decimal(qty), orders: 0 }
}

fn shown(book: &LevelBook, side: Side) -> Vec<String> {
    let text = |level: PriceLevel| {
        let mut text = Vec::new();
        level.price.write(&mut text);
        text.push(b'x');
        level.qty.write(&mut text);
        String::from_utf8(text).unwrap()
    };
    book.levels(side).map(text).collect()
}

#[test]
fn a_level_is_added_modified_removed_and_may_be_absent() {
    let mut book = LevelBook::new(10);
    assert_eq!(book.best(Side::Bid), None);
    assert_eq!(book.set(Side::Bid, &update("10.5", "1.20")), LevelChange::Added);
    assert_eq!(book.set(Side::Bid, &update("10.4", "2")), LevelChange::Added);
    assert_eq!(book.set(Side::Bid, &update("10.5", "3")), LevelChange::Modified);
    assert_eq!(book.set(Side::Ask, &update("10.5", "0.0")), LevelChange::Absent);
    assert_eq!(shown(&book, Side::Bid), ["10.5x3", "10.4x2"]);
    assert_eq!(book.set(Side::Bid, &update("10.5", "0.00")), LevelChange::Removed);
    assert_eq!(shown(&book, Side::Bid), ["10.4x2"]);
    book.clear();
    assert_eq!(shown(&book, Side::Bid), [""; 0]);
}

#[test]
fn the_best_level_that_was_touched_is_told_once() {
    let mut book = LevelBook::new(10);
    let touched = |book: &mut LevelBook, side, price, qty| {
        let _ = book.set(side, &update(price, qty));
        book.take_changed()
    };
    assert_eq!(book.take_changed(), None);
    let cases = [
        (Side::Bid, "10", "1", Some(0)),
        (Side::Bid, "9", "1", Some(1)),
        (Side::Bid, "8", "1", Some(2)),
        (Side::Bid, "9", "2", Some(1)),
        (Side::Bid, "9", "0", Some(1)),
        (Side::Bid, "9", "0", None),
        (Side::Bid, "8", "0", Some(1)),
        (Side::Bid, "11", "1", Some(0)),
        (Side::Bid, "11", "0", Some(0)),
        (Side::Ask, "12", "1", Some(0)),
    ];
    for (side, price, qty, expected) in cases {
        assert_eq!(touched(&mut book, side, price, qty), expected, "{price} x {qty}");
    }
    let _ = book.set(Side::Bid, &update("9", "1"));
    let _ = book.set(Side::Bid, &update("7", "1"));
    assert_eq!(book.take_changed(), Some(1), "the best of both");
    book.clear();
    assert_eq!((book.take_changed(), book.take_changed()), (Some(0), None));
}

#[test]
fn prices_keep_the_text_they_were_sent_with_when_a_finer_one_comes() {
    let mut book = LevelBook::new(10);
    for (price, qty) in [("10", "5"), ("10.10", "5.0"), ("9.995", "0.50"), ("10.1", "7")] {
        let _ = book.set(Side::Ask, &update(price, qty));
    }
    assert_eq!(shown(&book, Side::Ask), ["9.995x0.50", "10x5", "10.1x7"]);
    assert_eq!(book.set(Side::Ask, &update("10.000", "0")), LevelChange::Removed);
}

#[test]
fn a_price_that_has_no_room_is_refused_and_changes_nothing() {
    let mut book = LevelBook::new(10);
    let _ = book.set(Side::Bid, &update("9000000000", "1"));
    assert_eq!(book.set(Side::Bid, &update("0.0000000001", "1")), LevelChange::Refused);
    assert_eq!(shown(&book, Side::Bid), ["9000000000x1"]);
}

#[test]
fn a_book_is_crossed_when_its_best_bid_reaches_its_best_ask() {
    let mut book = LevelBook::new(10);
    let _ = book.set(Side::Bid, &update("10.0", "1"));
    assert!(!book.is_crossed());
    let _ = book.set(Side::Ask, &update("10.01", "1"));
    assert!(!book.is_crossed());
    let _ = book.set(Side::Bid, &update("10.010", "1"));
    assert!(book.is_crossed());
}

#[test]
fn what_falls_out_at_the_far_end_is_given_to_the_caller() {
    let mut book = LevelBook::new(2);
    for price in ["10", "11", "12", "13"] {
        let _ = book.set(Side::Ask, &update(price, "1"));
    }
    assert_eq!(book.take_beyond(), Some((Side::Ask, update("13", "1"))));
    assert_eq!(book.take_beyond(), Some((Side::Ask, update("12", "1"))));
    assert_eq!(book.take_beyond(), None);
    assert_eq!(shown(&book, Side::Ask), ["10x1", "11x1"]);
}

/// An update as a test case: side, price in hundredths, decimals it is sent with, quantity.
type Case = (bool, i64, u8, i64);

proptest! {
    #[test]
    fn the_book_is_two_sorted_maps_cut_at_its_depth(
        updates in prop::collection::vec((any::<bool>(), 0..60_i64, 2..6_u8, 0..4_i64), 0..200),
        depth in 1..30_usize,
    ) {
        let mut book = LevelBook::new(depth);
        let mut models = [BTreeMap::new(), BTreeMap::new()];
        for (is_bid, hundredths, sent, qty) in updates as Vec<Case> {
            let side = if is_bid { Side::Bid } else { Side::Ask };
            let model = &mut models[usize::from(is_bid)];
            let mantissa = hundredths * power_of_ten(sent - 2).unwrap();
            let price = Decimal { mantissa, decimals: sent, sent };
            let level = PriceLevel { price, qty: decimal(&qty.to_string()), orders: 7 };
            let expected = match (model.contains_key(&hundredths), qty) {
                (true, 0) => LevelChange::Removed,
                (false, 0) => LevelChange::Absent,
                (true, _) => LevelChange::Modified,
                (false, _) => LevelChange::Added,
            };
            prop_assert_eq!(book.set(side, &level), expected);
            if qty == 0 {
                model.remove(&hundredths);
            } else {
                model.insert(hundredths, level);
            }
            let mut fallen = Vec::new();
            while let Some((side, level)) = book.take_beyond() {
                fallen.push((side, level));
            }
            if model.len() > depth {
                let far = if is_bid { model.pop_first() } else { model.pop_last() };
                prop_assert_eq!(fallen, vec![(side, far.unwrap().1)]);
            } else {
                prop_assert!(fallen.is_empty());
            }
        }
        let bids: Vec<PriceLevel> = book.levels(Side::Bid).collect();
        let asks: Vec<PriceLevel> = book.levels(Side::Ask).collect();
        prop_assert_eq!(bids, models[1].values().rev().copied().collect::<Vec<_>>());
        prop_assert_eq!(asks, models[0].values().copied().collect::<Vec<_>>());
    }
}
