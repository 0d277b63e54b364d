//! Recorded text files by their presets, against sums by an independent decimal arithmetic.

use std::path::Path;

use tickring::record::{DeltaW, Quote, TradeW, action, flag, side};
use tickring_producer::columns::preset;
use tickring_producer::pipeline::Summary;
use tickring_producer::source::Count;
use tickring_producer::source::csv::CsvSource;

use crate::bus::{Bus, recorded};

/// Publishes a recorded file by a preset, to its end.
fn publish(bus: &Bus, path: &Path, name: &str) -> Summary {
    let source = CsvSource::open(path, &preset(name).unwrap(), true).unwrap();
    bus.feed(source, &bus.options()).unwrap()
}

fn sum(numbers: impl Iterator<Item = i64>) -> i128 {
    numbers.map(i128::from).sum()
}

#[test]
fn truefx_ticks_have_the_sums_of_their_text() {
    let Some(path) = recorded("csv/truefx_usdjpy-ticks.csv") else {
        return;
    };
    let bus = Bus::new();
    let summary = publish(&bus, &path, "truefx");
    assert_eq!(summary.source.inputs, [Count::new("row", 1_000)]);
    assert!(summary.source.anomalies.is_empty());
    let quotes: Vec<Quote> = bus.records("ticks");
    assert_eq!(sum(quotes.iter().map(|quote| quote.bid_px)), 86_758_734_000_000);
    assert_eq!(sum(quotes.iter().map(|quote| quote.ask_px)), 86_780_553_000_000);
    let (first, last) = (&quotes[0], &quotes[999]);
    assert_eq!(first.header.ts_event, 1_357_077_600_295_000_000);
    assert_eq!(last.header.ts_event, 1_357_079_713_494_000_000);
    assert_eq!((first.bid_px, last.ask_px), (86_655_000_000, 86_854_000_000));
}

#[test]
fn quote_ticks_without_a_header_have_the_sums_of_their_text() {
    let Some(path) = recorded("csv/nautilus_quote_tick_data.csv.gz") else {
        return;
    };
    let bus = Bus::new();
    let summary = publish(&bus, &path, "nautilus-quotes");
    assert_eq!(summary.records, 9_500);
    let quotes: Vec<Quote> = bus.records("ticks");
    assert_eq!(sum(quotes.iter().map(|quote| quote.bid_px)), 10_657_904_780_000);
    assert_eq!(sum(quotes.iter().map(|quote| quote.ask_px)), 10_658_373_070_000);
    // 2020-01-01 17:00:00.065 and 23:00:52.125 as they stand, without a zone.
    assert_eq!(quotes[0].header.ts_event, 1_577_898_000_065_000_000);
    assert_eq!(quotes[9_499].header.ts_event, 1_577_919_652_125_000_000);
}

#[test]
fn tardis_trades_have_the_sums_of_their_text_and_no_number_for_ids_that_are_none() {
    let Some(path) = recorded("crypto/nautilus/tardis_bitmex_trades_XBTUSD.csv") else {
        return;
    };
    let bus = Bus::new();
    let summary = publish(&bus, &path, "tardis-trades");
    assert_eq!(summary.source.anomalies, [Count::new("id is not a number of 64 bits", 10)]);
    let trades: Vec<TradeW> = bus.records("ticks");
    assert_eq!(sum(trades.iter().map(|trade| trade.price)), 85_315_000_000_000);
    assert_eq!(sum(trades.iter().map(|trade| trade.qty)), 216_100_000_000);
    assert!(trades.iter().all(|trade| trade.side == side::ASK && trade.trade_id == 0));
    assert_eq!(trades[0].header.ts_event, 1_583_020_803_145_000_000);
    assert_eq!(trades[9].ts_recv, 1_583_020_803_336_743_000);
    let listed = bus.reader("ticks").instrument(1).unwrap();
    assert_eq!((listed.symbol().as_ref(), listed.qty_exp), ("XBTUSD", -8));
}

#[test]
fn tardis_books_are_one_event_a_row() {
    for (levels, prices, amounts) in
        [(5, 1_165_690_080_000_000, 21_402_700_000), (25, 5_828_321_860_000_000, 48_095_800_000)]
    {
        let name = format!("tardis_binance-futures_book_snapshot_{levels}_BTCUSDT.csv");
        let Some(path) = recorded(&format!("crypto/nautilus/{name}")) else {
            return;
        };
        let bus = Bus::new();
        let summary = publish(&bus, &path, "tardis-book");
        assert_eq!(summary.source.inputs, [Count::new("row", 10)]);
        let records: Vec<DeltaW> = bus.records("ticks");
        assert_eq!(records.len(), 10 * (1 + 2 * levels));
        let own = |letter| records.iter().filter(move |record| record.action == letter);
        assert_eq!(own(action::CLEAR).count(), 10);
        assert_eq!(sum(own(action::ADD).map(|level| level.price)), prices);
        assert_eq!(sum(own(action::ADD).map(|level| level.qty)), amounts);
        let lasts = records.iter().filter(|record| record.flags & flag::LAST != 0);
        assert_eq!(lasts.count(), 10);
        assert!(records.iter().all(|record| record.flags & flag::SNAPSHOT != 0));
    }
}

#[test]
fn binance_depth_files_are_a_snapshot_and_an_update() {
    let folder = "crypto/nautilus/binance_btcusdt-depth";
    let Some((snapshot, update)) =
        recorded(&format!("{folder}-snap.csv")).zip(recorded(&format!("{folder}-update.csv")))
    else {
        return;
    };
    let bus = Bus::new();
    assert_eq!(publish(&bus, &snapshot, "binance-depth").records, 101);
    let records: Vec<DeltaW> = bus.records("ticks");
    let (clear, levels) = records.split_first().unwrap();
    assert_eq!((clear.action, clear.flags), (action::CLEAR, flag::SNAPSHOT));
    assert_eq!(sum(levels.iter().map(|level| level.price)), 2_037_141_000_000_000);
    assert_eq!(sum(levels.iter().map(|level| level.qty)), 17_696_000_000);
    assert!(levels.iter().all(|level| level.side == side::BID));
    assert!(records.iter().all(|record| record.sequence == 2_098_021_528_332), "beyond 2^32");
    let lasts = |records: &[DeltaW]| records.iter().filter(|r| r.flags & flag::LAST != 0).count();
    assert_eq!((lasts(&records), records[100].flags), (1, flag::SNAPSHOT | flag::LAST));

    let bus = Bus::new();
    assert_eq!(publish(&bus, &update, "binance-depth").records, 100);
    let records: Vec<DeltaW> = bus.records("ticks");
    let own = |letter| records.iter().filter(move |record| record.action == letter).count();
    assert_eq!((own(action::CANCEL), own(action::MODIFY)), (21, 79));
    assert_eq!(sum(records.iter().map(|level| level.qty)), 39_457_500_000);
    assert_eq!(sum(records.iter().map(|level| level.price)), 2_024_272_100_000_000);
    assert_eq!((lasts(&records), records[99].flags), (1, flag::LAST));
    assert_eq!(records[0].header.ts_event, 1_667_347_199_939_000_000);
}
