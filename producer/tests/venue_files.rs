//! Recordings of crypto venues: counts, checksums and books as the facts have them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tickring::record::{DeltaW, Gap, QuoteW, TradeW, action, book_state, flag};
use tickring_producer::pipeline::Summary;
use tickring_producer::source::Count;
use tickring_producer::source::recording::RecordingSource;
use tickring_producer::venue::Venue;

use crate::bus::{Bus, recorded};

/// A recording, published.
struct Published {
    bus: Bus,
    summary: Summary,
}

/// Publishes recordings; `None` if they are absent.
fn published(venue: Venue, files: &[&str]) -> Option<Published> {
    let paths: Option<Vec<PathBuf>> =
        files.iter().map(|file| recorded(&format!("crypto/{file}"))).collect();
    let bus = Bus::new();
    let source = RecordingSource::open(venue, &paths?).unwrap();
    let mut options = bus.options();
    options.capacity = 1 << 19;
    let summary = bus.feed(source, &options).unwrap();
    println!("{summary}");
    Some(Published { bus, summary })
}

impl Published {
    fn inputs(&self) -> BTreeMap<&str, u64> {
        counts(&self.summary.source.inputs)
    }

    fn anomalies(&self) -> BTreeMap<&str, u64> {
        counts(&self.summary.source.anomalies)
    }

    /// The books that the ring's records make: by instrument, bids and asks as numbers of 1e-9 and
    /// the quantities that a reader shows.
    fn books(&self) -> BTreeMap<u32, [BTreeMap<i64, f64>; 2]> {
        let mut books = BTreeMap::<u32, [BTreeMap<i64, f64>; 2]>::new();
        for delta in self.bus.records::<DeltaW>("ticks") {
            let book = books.entry(delta.header.instrument_id).or_default();
            if delta.action == action::CLEAR {
                *book = Default::default();
                continue;
            }
            let side = &mut book[usize::from(delta.side == b'A')];
            if delta.qty == 0 {
                side.remove(&delta.price);
            } else {
                let qty = delta.qty as f64 * 10_f64.powi(delta.qty_exp.into());
                side.insert(delta.price, qty);
            }
        }
        books
    }

    /// The best bid and ask of each symbol, in the books that the records make.
    fn best(&self) -> BTreeMap<String, (i64, i64)> {
        let reader = self.bus.reader("ticks");
        let best = |(id, [bids, asks]): (u32, [BTreeMap<i64, f64>; 2])| {
            let symbol = reader.instrument(id).unwrap().symbol().into_owned();
            (symbol, (*bids.keys().next_back().unwrap(), *asks.keys().next().unwrap()))
        };
        self.books().into_iter().map(best).collect()
    }
}

fn counts(of: &[Count]) -> BTreeMap<&str, u64> {
    of.iter().map(|Count { name, count }| (name.as_str(), *count)).collect()
}

#[test]
fn every_checksum_of_the_kraken_recording_matches() {
    let Some(ran) = published(Venue::Kraken, &["cryptofeed/KRAKEN.ws.50.0.gz"]) else { return };
    let inputs = ran.inputs();
    let told = ["snapshot", "book", "heartbeat", "subscriptionStatus", "systemStatus"];
    assert_eq!(told.map(|name| inputs[name]), [10, 4_269, 31, 10, 1]);
    // A wrong checksum would cost the book, with a Gap record.
    assert_eq!(ran.anomalies().get("wrong checksum"), None);
    assert_eq!(ran.bus.records::<Gap>("ticks").len(), 0);
    let best = ran.best();
    assert_eq!(best["XBT/CHF"], (56_060_300_000_000, 56_194_200_000_000));
    assert_eq!(best["XMR/USD"], (353_640_000_000, 354_480_000_000));

    let reader = ran.bus.reader("ticks");
    let listed: Vec<_> = (1..=10).map(|id| reader.instrument(id).unwrap()).collect();
    assert!(listed.iter().all(|instrument| instrument.book_state == book_state::SYNCED));
    assert!(listed.iter().all(|instrument| instrument.qty_exp == -8));
    let decimals = |symbol: &str| {
        let found = listed.iter().find(|instrument| instrument.symbol() == symbol).unwrap();
        (found.price_decimals, found.qty_decimals)
    };
    assert_eq!(decimals("WAVES/EUR"), (6, 8));
    assert_eq!(decimals("XMR/USD"), (8, 8));
    // The last quote in the directory is the top of the book.
    for instrument in &listed {
        let latest = reader.latest(instrument.instrument_id);
        let last = latest.quote.unwrap();
        let quote = *last.record().get::<QuoteW>().unwrap();
        assert_eq!((quote.bid_px, quote.ask_px), best[&*instrument.symbol()]);
    }
}

#[test]
fn the_coin_margined_recording_has_its_counts_no_gap_and_only_late_times() {
    let files = ["hftbacktest/cm_btcusd_perp_20240808.gz"];
    let Some(ran) = published(Venue::BinanceCoinM, &files) else { return };
    let inputs = ran.inputs();
    let told = ["depthUpdate", "bookTicker", "trade", "snapshot"];
    assert_eq!(told.map(|name| inputs[name]), [26_847, 19_136, 2_286, 1]);
    assert_eq!(ran.bus.records::<Gap>("ticks").len(), 0);
    assert_eq!(ran.bus.records::<QuoteW>("ticks").len(), 19_136);
    let trades: Vec<TradeW> = ran.bus.records("ticks");
    assert_eq!(trades.len(), 2_286);
    assert!(trades.iter().all(|trade| trade.flags & flag::BAD_TS_RECV != 0));
    let first = trades[0];
    let expected = (849_714_402, 61_804_800_000_000, 4, 0, b'B');
    assert_eq!(
        (first.trade_id, first.price, first.qty, first.qty_exp, first.side),
        expected,
        "{first:?}"
    );
    assert_eq!(first.header.ts_event, 1_723_161_257_679_000_000);
    assert_eq!(first.ts_recv, 1_723_161_256_419_684_465, "not clamped");
    assert_eq!(first.ts_in_delta, -1_267_315_535);

    let deltas: Vec<DeltaW> = ran.bus.records("ticks");
    let own = deltas.iter().filter(|delta| delta.flags & flag::SNAPSHOT == 0);
    assert_eq!(own.count(), 296_013);
    assert!(deltas.iter().all(|delta| delta.flags & flag::BAD_TS_RECV != 0));
    let last = deltas.last().unwrap();
    assert_eq!((last.sequence, last.flags & flag::LAST), (1_007_202_248_021, flag::LAST));
    assert_eq!(ran.best()["BTCUSD_PERP"], (61_668_600_000_000, 61_668_700_000_000));
    let [bids, asks] = &ran.books()[&1];
    assert_eq!((bids.len(), asks.len()), (1_110, 1_123), "an independent count");
    assert_eq!((bids[&61_668_600_000_000], asks[&61_668_700_000_000]), (1_380.0, 871.0));
}

#[test]
fn the_spot_recording_has_its_counts_and_ids_above_32_bits() {
    let Some(ran) = published(Venue::Binance, &["hftbacktest/spot_btcusdt_20240808.gz"]) else {
        return;
    };
    let inputs = ran.inputs();
    let told = ["depthUpdate", "bookTicker", "trade", "snapshot"];
    assert_eq!(told.map(|name| inputs[name]), [3_451, 28_040, 9_757, 1]);
    assert_eq!(ran.bus.records::<Gap>("ticks").len(), 0);
    assert_eq!(inputs["level"], 124_090);
    assert_eq!(ran.best()["BTCUSDT"], (61_685_990_000_000, 61_686_000_000_000));
    let deltas: Vec<DeltaW> = ran.bus.records("ticks");
    assert!(deltas.iter().all(|delta| delta.sequence > u64::from(u32::MAX)));
    let trades: Vec<TradeW> = ran.bus.records("ticks");
    let sum: i64 = trades.iter().map(|trade| trade.qty).sum();
    assert_eq!((trades[0].trade_id, sum), (3_735_683_259, 21_203_315_000));
}

#[test]
fn the_small_recordings_of_binance_have_their_counts() {
    let files = ["cryptofeed/BINANCE_FUTURES.ws.1.0.gz"];
    let Some(ran) = published(Venue::BinanceUsdM, &files) else { return };
    let inputs = ran.inputs();
    let told = ["depthUpdate", "bookTicker", "aggTrade", "kline"];
    assert_eq!(told.map(|name| inputs[name]), [764, 613, 91, 67]);
    // No snapshot was recorded: all levels are labelled.
    let deltas: Vec<DeltaW> = ran.bus.records("ticks");
    assert!(deltas.iter().all(|delta| delta.flags & flag::MAYBE_BAD_BOOK != 0));
    assert_eq!(ran.bus.records::<Gap>("ticks").len(), 0);

    let files = ["cryptofeed/BINANCE.ws.1.0.gz", "cryptofeed/BINANCE.http.0.0.gz"];
    let Some(ran) = published(Venue::Binance, &files) else { return };
    let inputs = ran.inputs();
    let told = ["depthUpdate", "bookTicker", "aggTrade", "kline", "snapshot"];
    assert_eq!(told.map(|name| inputs[name]), [177, 84, 2, 2, 4]);
    assert_eq!(ran.bus.records::<Gap>("ticks").len(), 0);
    let best = ran.best();
    assert_eq!(best["NKNUSDT"], (352_700_000, 353_100_000));
    assert_eq!(best["BLZETH"], (65_470, 65_600));
    assert_eq!(best["LRCBTC"], (6_370, 6_380));
    assert_eq!(best["RUNEEUR"], (6_251_000_000, 6_269_000_000));
}

#[test]
fn the_coinbase_recording_has_its_counts() {
    let Some(ran) = published(Venue::Coinbase, &["cryptofeed/COINBASE.ws.28.0.gz"]) else {
        return;
    };
    let inputs = ran.inputs();
    let told = ["l2update", "ticker", "match", "snapshot", "last_match", "subscriptions"];
    assert_eq!(told.map(|name| inputs[name]), [9_719, 107, 97, 10, 10, 3]);
    assert_eq!(ran.bus.records::<TradeW>("ticks").len(), 107);
    assert_eq!((inputs["level"], ran.bus.records::<Gap>("ticks").len()), (9_719, 0));
    assert_eq!(ran.anomalies().get("crossed book"), None);
    let best = ran.best();
    assert_eq!(best["BAND-GBP"], (14_736_600_000, 14_766_400_000));
    assert_eq!(best["YFI-BTC"], (825_530_000, 826_960_000));
    assert_eq!(best["SKL-BTC"], (13_030, 13_050));
    assert_eq!(best["NMR-EUR"], (66_925_700_000, 67_021_000_000));
}
