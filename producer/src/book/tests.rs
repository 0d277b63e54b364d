use std::collections::BTreeMap;

use proptest::prelude::*;
use tickring::record::Record;

use super::*;

fn record(action: u8, order_id: u64, side: u8, price: i64, size: u32) -> Mbo {
    Mbo { order_id, price, size, action, side, ..Mbo::empty(1, 1, 0) }
}

fn level(price: i64, size: u64, orders: u32) -> Option<Level> {
    Some(Level { price, size, orders })
}

#[test]
fn orders_of_one_price_make_one_level() {
    let mut book = Book::new();
    assert_eq!(book.apply(&record(b'A', 1, b'B', 100, 5)), Applied::Changed);
    assert_eq!(book.apply(&record(b'A', 2, b'B', 100, 7)), Applied::Changed);
    assert_eq!(book.apply(&record(b'A', 3, b'A', 101, 1)), Applied::Changed);
    assert_eq!(book.best_bid(), level(100, 12, 2));
    assert_eq!(book.best_ask(), level(101, 1, 1));
    assert!(!book.is_crossed());
}

#[test]
fn levels_are_listed_best_first_on_both_sides() {
    let mut book = Book::new();
    for (id, price) in (0..).zip([5, 3, 4]) {
        let _ = book.apply(&record(b'A', id, b'B', price, 1));
        let _ = book.apply(&record(b'A', 100 + id, b'A', price + 10, 1));
    }
    let prices = |side| book.levels(side).map(|level| level.price).collect::<Vec<_>>();
    assert_eq!(prices(Side::Bid), [5, 4, 3]);
    assert_eq!(prices(Side::Ask), [13, 14, 15]);
}

#[test]
fn cancel_takes_quantity_and_then_the_order() {
    let mut book = Book::new();
    let _ = book.apply(&record(b'A', 1, b'B', 100, 5));
    assert_eq!(book.apply(&record(b'C', 1, b'B', 100, 2)), Applied::Changed);
    assert_eq!(book.best_bid(), level(100, 3, 1));
    assert_eq!(book.apply(&record(b'C', 1, b'B', 100, 3)), Applied::Changed);
    assert_eq!(book.best_bid(), None);
    assert_eq!(book.order_count(), 0);
}

#[test]
fn modify_moves_the_order_with_its_new_size() {
    let mut book = Book::new();
    let _ = book.apply(&record(b'A', 1, b'B', 100, 5));
    assert_eq!(book.apply(&record(b'M', 1, b'B', 99, 8)), Applied::Changed);
    assert_eq!(book.best_bid(), level(99, 8, 1));
    assert_eq!(book.unknown(), 0);
}

#[test]
fn trades_and_fills_inside_an_event_leave_the_book_alone() {
    let mut book = Book::new();
    let _ = book.apply(&record(b'A', 1, b'B', 100, 5));
    assert_eq!(book.apply(&record(b'T', 9, b'A', 100, 5)), Applied::Unchanged);
    assert_eq!(book.apply(&record(b'F', 1, b'B', 100, 5)), Applied::Unchanged);
    assert_eq!(book.best_bid(), level(100, 5, 1));
}

#[test]
fn a_fill_that_ends_its_event_reduces_the_order() {
    let mut book = Book::new();
    let _ = book.apply(&record(b'A', 1, b'B', 100, 5));
    let fill = Mbo { flags: flag::LAST, ..record(b'F', 1, b'B', 100, 2) };
    assert_eq!(book.apply(&fill), Applied::Changed);
    assert_eq!(book.best_bid(), level(100, 3, 1));
}

#[test]
fn clear_empties_the_book() {
    let mut book = Book::new();
    let _ = book.apply(&record(b'A', 1, b'B', 100, 5));
    let _ = book.apply(&record(b'A', 2, b'A', 101, 5));
    assert_eq!(book.apply(&record(b'R', 0, b'N', UNDEF_PRICE, 0)), Applied::Changed);
    assert_eq!((book.best_bid(), book.best_ask(), book.order_count()), (None, None, 0));
}

#[test]
fn a_crossed_book_is_kept_and_told() {
    let mut book = Book::new();
    let _ = book.apply(&record(b'A', 1, b'B', 102, 5));
    let _ = book.apply(&record(b'A', 2, b'A', 101, 5));
    assert!(book.is_crossed());
    assert_eq!(book.order_count(), 2);
    let _ = book.apply(&record(b'C', 1, b'B', 102, 5));
    assert!(!book.is_crossed());
}

#[test]
fn what_does_not_fit_the_book_is_counted() {
    let mut book = Book::new();
    assert_eq!(book.apply(&record(b'C', 7, b'B', 100, 1)), Applied::Unknown);
    assert_eq!(book.apply(&record(b'M', 7, b'B', 100, 2)), Applied::Unknown);
    assert_eq!(book.best_bid(), level(100, 2, 1));
    assert_eq!(book.apply(&record(b'A', 7, b'A', 101, 4)), Applied::Unknown);
    assert_eq!((book.best_bid(), book.best_ask()), (None, level(101, 4, 1)));
    assert_eq!(book.apply(&record(b'C', 7, b'A', 101, 9)), Applied::Unknown);
    assert_eq!(book.order_count(), 0);
    assert_eq!(book.unknown(), 4);
    assert_eq!(book.apply(&record(b'A', 8, b'N', 100, 1)), Applied::Refused);
    assert_eq!(book.apply(&record(b'A', 8, b'B', UNDEF_PRICE, 1)), Applied::Refused);
    assert_eq!(book.apply(&record(b'?', 8, b'B', 100, 1)), Applied::Refused);
    assert_eq!(book.refused(), 3);
}

/// The same rules without levels: sums are made from the orders each time.
#[derive(Default)]
struct Naive {
    orders: BTreeMap<u64, Order>,
}

impl Naive {
    fn apply(&mut self, record: &Mbo) {
        let last = record.flags & flag::LAST != 0;
        match (record.action, resting(record)) {
            (b'A' | b'M', Some(order)) => {
                self.orders.insert(record.order_id, order);
            }
            (b'C', _) | (b'F', _) if record.action == b'C' || last => {
                if let Some(order) = self.orders.get_mut(&record.order_id) {
                    order.size = order.size.saturating_sub(record.size);
                    if order.size == 0 {
                        self.orders.remove(&record.order_id);
                    }
                }
            }
            (b'R', _) => self.orders.clear(),
            _ => {}
        }
    }

    fn levels(&self, side: Side) -> Vec<Level> {
        let mut levels = BTreeMap::<i64, Level>::new();
        for order in self.orders.values().filter(|order| order.side == side) {
            let empty = Level { price: order.price, size: 0, orders: 0 };
            let level = levels.entry(order.price).or_insert(empty);
            level.size += u64::from(order.size);
            level.orders += 1;
        }
        match side {
            Side::Bid => levels.into_values().rev().collect(),
            Side::Ask => levels.into_values().collect(),
        }
    }
}

/// How prices lie: dense, with holes, off every tick, or anywhere.
fn any_prices() -> impl Strategy<Value = Vec<i64>> {
    prop_oneof![
        Just((90..110).collect()),
        Just((0..40).map(|n| 4_800_000_000_000 + n * 250_000_000).collect()),
        prop::collection::vec((-50..50i64).prop_map(|n| n * 10_000_000), 1..20),
        prop::collection::vec(-1_000_000..1_000_000i64, 1..20),
        prop::collection::vec(any::<i64>(), 1..20),
    ]
}

fn any_records() -> impl Strategy<Value = Vec<Mbo>> {
    any_prices().prop_flat_map(|prices| prop::collection::vec(any_record(prices), 0..200))
}

fn any_record(prices: Vec<i64>) -> impl Strategy<Value = Mbo> {
    let action = prop::sample::select(b"AAAACCMMFTRN?".to_vec());
    let side = prop::sample::select(b"BBBAAAN".to_vec());
    let price = prop_oneof![20 => prop::sample::select(prices), 1 => Just(UNDEF_PRICE)];
    (action, 0..40u64, side, price, 0..6u32, prop::sample::select(vec![0, flag::LAST])).prop_map(
        |(action, order_id, side, price, size, flags)| Mbo {
            flags,
            ..record(action, order_id, side, price, size)
        },
    )
}

/// The first level that differs on either side.
fn first_difference(before: &[Vec<Level>; 2], after: &[Vec<Level>; 2]) -> Option<usize> {
    let of_side = |(before, after): (&Vec<Level>, &Vec<Level>)| {
        let most = before.len().max(after.len());
        (0..most).find(|at| before.get(*at) != after.get(*at))
    };
    before.iter().zip(after).filter_map(of_side).min()
}

proptest! {
    #[test]
    fn levels_are_the_sums_of_the_orders(records in any_records()) {
        let mut book = Book::new();
        let mut naive = Naive::default();
        let mut before = [Vec::new(), Vec::new()];
        for record in &records {
            let _ = book.apply(record);
            naive.apply(record);
            let after = [Side::Bid, Side::Ask].map(|side| naive.levels(side));
            for (side, levels) in [Side::Bid, Side::Ask].into_iter().zip(&after) {
                prop_assert_eq!(&book.levels(side).collect::<Vec<_>>(), levels);
            }
            let changed = book.take_changed();
            if let Some(different) = first_difference(&before, &after) {
                prop_assert!(changed.is_some_and(|changed| changed <= different), "{:?}", changed);
            }
            before = after;
        }
        prop_assert_eq!(book.order_count(), naive.orders.len());
    }
}
