//! Where between two noted times a record is placed.

use super::*;
use tickring::record::{Quote, Record, Trade, UNDEF_TIME};
use zerocopy::IntoBytes;

fn times() -> Times {
    Times::of(&Schema::new([Trade::kinds(), Quote::kinds()].concat()).unwrap())
}

fn span(index: u64) -> PublishSpan {
    PublishSpan { from_ns: 1_000, to_ns: 7_400, index, count: 64 }
}

fn trade(ts_recv: u64) -> Trade {
    Trade { ts_recv, ..Trade::empty(1, 2, 5_000) }
}

#[test]
fn a_record_that_came_between_the_noted_times_is_placed_where_it_came() {
    for ts_recv in [1_000, 1_001, 4_321, 7_400] {
        assert_eq!(times().place(&span(3), trade(ts_recv).as_bytes()), ts_recv);
    }
}

#[test]
fn other_records_are_spread_evenly_between_the_noted_times() {
    for ts_recv in [0, 999, 7_401, u64::MAX - 1, UNDEF_TIME] {
        for (index, expected) in [(0, 1_000), (1, 1_100), (32, 4_200), (63, 7_300)] {
            let placed = times().place(&span(index), trade(ts_recv).as_bytes());
            assert_eq!(placed, expected, "{ts_recv} {index}");
        }
    }
}

#[test]
fn bytes_of_no_kind_are_placed_too() {
    for bytes in [&[][..], &[0], &[0, 0x7f, 0], &[0xff; 56]] {
        assert_eq!(times().place(&span(1), bytes), 1_100);
    }
    let clocks_back = PublishSpan { from_ns: 9, to_ns: 3, index: 5, count: 0 };
    assert_eq!(times().place(&clocks_back, trade(4).as_bytes()), 9);
}
