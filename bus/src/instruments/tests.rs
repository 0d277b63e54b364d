use super::*;
use crate::record::{Mbo, Quote, Record, Trade, TradeW, side};
use proptest::prelude::*;
use std::collections::HashMap;
use zerocopy::IntoBytes;

/// A table of `COUNT` entries and a ring of 64 tick slots.
struct Bench {
    table: Instruments,
    ring: Slots,
}

const COUNT: usize = 16;

impl Bench {
    fn new() -> Self {
        let ring = Slots::new(Words::leaked(64 * 8), 64, 8).unwrap();
        let words = Words::leaked(COUNT * ENTRY_WORDS);
        Self { table: Instruments::new(words, COUNT as u64).unwrap(), ring }
    }
}

fn named(id: u32, symbol: &str) -> Instrument {
    Instrument::new(3, id, symbol).unwrap()
}

fn latest(table: Instruments, id: u32) -> Latest {
    table.latest(id, &Layouts::of(&crate::record::builtin_kinds()))
}

fn trade(id: u32, size: u32) -> Trade {
    Trade { price: i64::from(size) * 1_000, size, side: side::BID, ..Trade::empty(1, id, 9) }
}

#[test]
fn a_definition_is_found_by_its_id_and_changed_in_place() {
    let table = Bench::new().table;
    assert_eq!(table.get(17), None);
    assert_eq!(table.define(&named(17, "ESZ6"), true), Stored::Added);
    assert_eq!(table.define(&named(18, "NQZ6"), true), Stored::Added);
    assert_eq!(table.get(17).unwrap().symbol(), "ESZ6");
    let mut halted = named(17, "ESZ6");
    halted.status_action = 8;
    assert_eq!(table.define(&halted, false), Stored::Changed);
    assert_eq!(table.get(17), Some(halted));
    assert_eq!((table.len(), table.iter().count()), (2, 2));
    assert_eq!(table.define(&named(19, "CLZ6"), false), Stored::NoRoom);
}

#[test]
fn the_last_quote_and_trade_are_kept_with_their_sequences() {
    let table = Bench::new().table;
    assert_eq!(latest(table, 17), Latest::default());
    let quote = Quote { bid_px: 5, ask_px: 6, ..Quote::empty(1, 17, 9) };
    assert_eq!(table.remember(Sort::Quote, 3, quote.as_bytes(), true), Stored::Added);
    assert_eq!(table.remember(Sort::Trade, 4, trade(17, 1).as_bytes(), true), Stored::Changed);
    assert_eq!(table.remember(Sort::Trade, 9, trade(17, 2).as_bytes(), true), Stored::Changed);
    let latest = latest(table, 17);
    let last_quote = latest.quote.unwrap();
    assert_eq!(last_quote.record().get::<Quote>(), Some(&quote));
    let last_trade = latest.trade.unwrap();
    assert_eq!(last_trade.record().get::<Trade>(), Some(&trade(17, 2)));
    assert_eq!((last_quote.record().seq(), last_trade.record().seq()), (3, 9));
    assert_eq!(table.get(17).unwrap().symbol(), "", "known by its id alone");
    assert_eq!(table.remember(Sort::Trade, 10, trade(18, 2).as_bytes(), false), Stored::NoRoom);
}

fn sort_of_record<R: Record>(record: &R) -> Option<Sort> {
    sort_of(R::RTYPE, record.as_bytes())
}

#[test]
fn records_have_a_sort_by_type_and_orders_by_action() {
    let order = |action| Mbo { action, ..Mbo::empty(1, 2, 3) };
    assert_eq!(sort_of_record(&trade(1, 1)), Some(Sort::Trade));
    assert_eq!(sort_of_record(&TradeW::empty(1, 2, 3)), Some(Sort::Trade));
    assert_eq!(sort_of_record(&Quote::empty(1, 2, 3)), Some(Sort::Quote));
    assert_eq!(sort_of_record(&order(action::TRADE)), Some(Sort::Trade));
    assert_eq!(sort_of_record(&order(action::ADD)), None);
    assert_eq!(sort_of_record(&crate::record::Gap::empty(1, 2, 3)), None);
}

#[test]
fn what_a_writer_left_half_written_is_completed() {
    let bench = Bench::new();
    let Bench { table, ring } = bench;
    for id in [1, 2, 3] {
        let _ = table.define(&named(id, "X"), true);
        let _ = table.remember(Sort::Trade, u64::from(id), trade(id, id).as_bytes(), true);
    }
    // The record at sequence 70 is in the ring, the one at 71 is not any more.
    ring.slot(70).claim(70);
    let record = trade(1, 70);
    let (words, _) = zerocopy::IntoBytes::as_bytes(&record).as_chunks::<8>();
    ring.slot(70).put(0, words.iter().map(|word| u64::from_le_bytes(*word)));
    ring.slot(70).commit(70);
    let places = |id| match table.find(id) {
        Place::At(places) => places,
        _ => panic!("instrument {id} is listed"),
    };
    places(1).trade.claim(70);
    places(2).trade.claim(71);
    places(3).definition.claim(1);
    let Place::Free(fresh) = table.find(4) else { panic!("not listed") };
    fresh.definition.claim(0);
    fresh.definition.put(0, named(4, "NEW").words().into_iter());
    assert_eq!(latest(table, 1).trade, None, "a reader gives up on it");

    table.repair(&ring);
    assert_eq!(latest(table, 1).trade.unwrap().record().get::<Trade>(), Some(&trade(1, 70)));
    assert_eq!(latest(table, 2).trade, None);
    assert_eq!(table.get(3).unwrap().symbol(), "");
    assert_eq!(table.get(4), None);
    assert_eq!(table.iter().count(), 3);
    // The dead entry stays; the instrument gets another.
    assert_eq!(table.define(&named(4, "NEW"), true), Stored::Added);
    assert_eq!(table.get(4).unwrap().symbol(), "NEW");
    assert_eq!(table.remember(Sort::Trade, 72, trade(2, 5).as_bytes(), false), Stored::Changed);
    assert_eq!(latest(table, 2).trade.unwrap().record().seq(), 72);
}

#[test]
fn symbols_that_do_not_fit_are_refused() {
    assert_eq!(named(1, &"x".repeat(72)).symbol(), "x".repeat(72));
    assert!(Instrument::new(1, 1, &"x".repeat(73)).is_err());
    assert!(Instrument::new(1, 1, "a\0b").is_err());
}

proptest! {
    #[test]
    fn the_table_is_a_map_as_long_as_there_is_room(
        steps in proptest::collection::vec((0_u32..40, 1_u32..1000, any::<bool>()), 1..200)
    ) {
        let table = Bench::new().table;
        let (mut symbols, mut sizes) = (HashMap::new(), HashMap::new());
        for (seq, (id, size, defines)) in (0..).zip(steps) {
            let id = id.wrapping_mul(0x1_0001);
            let may_add = table.len() < table.room();
            let is_known = table.get(id).is_some();
            let stored = if defines {
                table.define(&named(id, &size.to_string()), may_add)
            } else {
                table.remember(Sort::Trade, seq, trade(id, size).as_bytes(), may_add)
            };
            let expected = match (is_known, may_add) {
                (true, _) => Stored::Changed,
                (false, true) => Stored::Added,
                (false, false) => Stored::NoRoom,
            };
            prop_assert_eq!(stored, expected);
            if stored != Stored::NoRoom {
                symbols.entry(id).or_insert(String::new());
                if defines {
                    symbols.insert(id, size.to_string());
                } else {
                    sizes.insert(id, size);
                }
            }
        }
        prop_assert_eq!(table.iter().count(), symbols.len());
        for (id, symbol) in symbols {
            let instrument = table.get(id).unwrap();
            prop_assert_eq!(instrument.symbol(), symbol);
            let last = latest(table, id).trade;
            let size = last.and_then(|last| last.record().get::<Trade>().map(|trade| trade.size));
            prop_assert_eq!(size, sizes.get(&id).copied());
        }
    }
}
