//! The IEX capture of the recorded data.

use std::collections::BTreeMap;

use tickring::record::{
    Gap, Imbalance, InstrumentDef, Quote, Status, Trade, action, flag, status_action,
};
use tickring_producer::source::Count;
use tickring_producer::source::pcap::{PcapOptions, PcapSource};

use crate::bus::{Bus, recorded};

fn counts(of: &[Count]) -> BTreeMap<&str, u64> {
    of.iter().map(|Count { name, count }| (name.as_str(), *count)).collect()
}

#[test]
fn the_capture_of_tops_has_the_counts_and_sums_of_its_facts() {
    let Some(path) = recorded("iex/TOPS16.pcap.gz") else {
        return;
    };
    let bus = Bus::new();
    let source = PcapSource::open(&path, &PcapOptions::default()).unwrap();
    let summary = bus.feed(source, &bus.options()).unwrap();
    println!("{summary}");
    let inputs = BTreeMap::from([
        ("Q", 27_217),
        ("T", 6_390),
        ("P", 7_802),
        ("H", 7_803),
        ("O", 7_801),
        ("A", 642),
        ("D", 10),
        ("S", 6),
        ("B", 3),
        ("heartbeat", 237),
        ("packet", 13_022),
    ]);
    assert_eq!(counts(&summary.source.inputs), inputs);
    assert_eq!(counts(&summary.source.anomalies), BTreeMap::new());

    let trades: Vec<Trade> = bus.records("ticks");
    let of = |wanted: u8| trades.iter().filter(move |trade| trade.action == wanted);
    assert_eq!((of(action::TRADE).count(), of(action::CANCEL).count()), (6_390, 3));
    let volume: u64 = of(action::TRADE).map(|trade| u64::from(trade.size)).sum();
    assert_eq!(volume, 1_427_907);
    // By an independent decoder: the breaks.
    let breaks: Vec<_> = of(action::CANCEL).map(|b| (b.price, b.size, b.trade_id)).collect();
    let expected = [
        (29_990_000_000, 3_860, 171_978),
        (9_980_000_000, 3_063, 171_918),
        (19_950_000_000, 1_647, 283_798),
    ];
    assert_eq!(breaks, expected);

    let quotes: Vec<Quote> = bus.records("ticks");
    assert_eq!(quotes.len(), 27_217);
    let empty = quotes.iter().filter(|quote| (quote.bid_sz, quote.ask_sz) == (0, 0)).count();
    assert_eq!(empty, 23_438);
    assert!(quotes.iter().all(|quote| quote.flags == flag::LAST | flag::TOB));

    let states: Vec<Status> = bus.records("ticks");
    assert_eq!(states.len(), 6 + 7_802 + 7_803 + 7_801);
    let (first, last) = (states.first().unwrap(), states.last().unwrap());
    // The facts have microseconds through a float: 14:32:35.788781 and 14:38:51.866065 UTC.
    assert_eq!(first.header.ts_event, 1_499_697_155_788_781_087);
    assert_eq!(last.header.ts_event, 1_499_697_531_866_064_457);
    let restricted = states.iter().filter(|state| state.is_short_sell_restricted == b'Y').count();
    let traded = states.iter().filter(|state| state.action == status_action::TRADING).count();
    // All but MILL and ZEUS at the start, MILL later, the market, and KOOL after IEX's own halt.
    assert_eq!((restricted, traded), (3, 7_799 + 1 + 1 + 1));

    assert!(bus.records::<Gap>("ticks").is_empty());
    assert_eq!(bus.records::<Imbalance>("statistics").len(), 642);
    assert_eq!(bus.records::<InstrumentDef>("definitions").len(), 10);

    // The sequences run from 1 to 57,674, and every record was received after it happened.
    let sequences = quotes.iter().map(|quote| quote.sequence);
    let highest = sequences.chain(trades.iter().map(|trade| trade.sequence)).max();
    assert!(highest.is_some_and(|highest| highest <= 57_674), "{highest:?}");
    assert!(trades.iter().all(|trade| trade.ts_recv > trade.header.ts_event));
    assert!(trades.iter().all(|trade| trade.ts_in_delta >= 0));

    let volume_of = |symbol: &str| {
        let listed = bus.reader("ticks");
        let instrument = listed.instruments().find(|found| found.symbol() == symbol).unwrap();
        let own = of(action::TRADE).filter(|t| t.header.instrument_id == instrument.instrument_id);
        own.map(|trade| u64::from(trade.size)).sum::<u64>()
    };
    assert_eq!(["TWO", "ELLO", "ZXIET"].map(volume_of), [76_687, 76_160, 72_012]);
}
