//! Messages in the shape of recorded ones: as many levels, as long numbers, as deep in the book.

use super::decimal;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tickring_producer::venue::Venue;

/// Messages of a kind.
const COUNT: u64 = 1 << 14;
/// Levels of a side in a snapshot.
const DEPTH: u64 = 1_000;
/// The middle of the book, in ticks.
const MIDDLE: u64 = 618_000;

/// How numbers are written.
#[derive(Clone, Copy)]
struct Style {
    price_decimals: usize,
    price_zeros: u64,
    qty_decimals: usize,
}

/// A tick of a tenth and whole contracts, as COIN-M futures have it.
const CONTRACTS: Style = Style { price_decimals: 1, price_zeros: 1, qty_decimals: 0 };
/// A tick of a cent, and eight decimals throughout, as spot has it.
const COINS: Style = Style { price_decimals: 8, price_zeros: 10_000_000, qty_decimals: 8 };

/// Names, venues and messages.
pub(super) fn all() -> Vec<(&'static str, Venue, Vec<String>)> {
    vec![
        ("binance depth, 11 levels", Venue::BinanceCoinM, depth(CONTRACTS, 11)),
        ("binance spot depth, 36 levels", Venue::Binance, depth(COINS, 36)),
        ("binance bookTicker", Venue::BinanceCoinM, tickers()),
        ("binance trade", Venue::Binance, trades()),
        ("kraken book with checksum", Venue::Kraken, kraken()),
    ]
}

struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % most
    }

    /// How far from the middle: mostly near, sometimes far.
    fn distance(&mut self) -> u64 {
        let most = 1 << (1 + self.below(10));
        1 + self.below(most)
    }

    /// A changed level: whether it is a bid, its price in ticks, its quantity.
    fn level(&mut self, style: Style) -> (bool, u64, u64) {
        let (is_bid, distance) = (self.below(2) == 0, self.distance());
        let price = if is_bid { MIDDLE - distance } else { MIDDLE + distance };
        let most = if style.qty_decimals == 0 { 2_000 } else { 400_000_000 };
        (is_bid, price, if self.below(3) == 0 { 0 } else { 1 + self.below(most) })
    }
}

fn pair(text: &mut String, style: Style, price: u64, qty: u64) {
    text.push_str(if text.ends_with('[') { "[\"" } else { ",[\"" });
    decimal(text, price * style.price_zeros, style.price_decimals);
    text.push_str("\",\"");
    decimal(text, qty, style.qty_decimals);
    text.push_str("\"]");
}

/// A snapshot and updates that follow it.
fn depth(style: Style, levels: u64) -> Vec<String> {
    let mut random = Random(1);
    let mut id = 1_007_198_631_565_u64;
    let mut snapshot = format!(r#"{{"lastUpdateId":{id},"symbol":"BTCUSD_PERP","bids":["#);
    (1..=DEPTH).for_each(|n| pair(&mut snapshot, style, MIDDLE - n, 7 * n));
    snapshot.push_str("],\"asks\":[");
    (1..=DEPTH).for_each(|n| pair(&mut snapshot, style, MIDDLE + n, 7 * n));
    snapshot.push_str("]}");
    let mut messages = vec![snapshot];
    messages.extend((0..COUNT).map(|number| {
        let (before, time) = (id, 1_723_161_257_460 + 15 * number);
        id += 2 + random.below(300);
        let mut changes: Vec<_> = (0..levels).map(|_| random.level(style)).collect();
        changes.sort_unstable();
        changes.dedup_by_key(|(is_bid, price, _)| (*is_bid, *price));
        let mut text = format!(
            r#"{{"stream":"btcusd_perp@depth@0ms","data":{{"e":"depthUpdate","E":{time},"T":{},"s":"BTCUSD_PERP","ps":"BTCUSD","U":{},"u":{id},"pu":{before},"b":["#,
            time - 9,
            before + 1
        );
        let of = |wanted| changes.iter().filter(move |(is_bid, ..)| *is_bid == wanted);
        of(true).for_each(|(_, price, qty)| pair(&mut text, style, *price, *qty));
        text.push_str("],\"a\":[");
        of(false).for_each(|(_, price, qty)| pair(&mut text, style, *price, *qty));
        text.push_str("]}}");
        text
    }));
    messages
}

fn tickers() -> Vec<String> {
    let mut random = Random(2);
    let mut id = 1_007_198_632_021_u64;
    let text = |number| {
        id += 1 + random.below(100);
        let (time, bid, ask) =
            (1_723_161_257_465 + number, random.below(2_000), random.below(2_000));
        format!(
            r#"{{"stream":"btcusd_perp@bookTicker","data":{{"u":{id},"e":"bookTicker","s":"BTCUSD_PERP","ps":"BTCUSD","b":"61804.7","B":"{bid}","a":"61804.8","A":"{ask}","T":{time},"E":{}}}}}"#,
            time + 11
        )
    };
    (0..COUNT).map(text).collect()
}

fn trades() -> Vec<String> {
    let mut random = Random(3);
    let text = |number| {
        let (time, id) = (1_723_161_255_343 + number, 3_735_683_259 + number);
        let (mut price, mut qty) = (String::new(), String::new());
        decimal(&mut price, 6_183_763_000_000 + random.below(100) * 1_000_000, 8);
        decimal(&mut qty, 1 + random.below(400_000_000), 8);
        let is_maker = random.below(2) == 0;
        format!(
            r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{time},"s":"BTCUSDT","t":{id},"p":"{price}","q":"{qty}","T":{},"m":{is_maker},"M":true}}}}"#,
            time - 1
        )
    };
    (0..COUNT).map(text).collect()
}

/// A snapshot and updates with true checksums, of a book of 10 levels.
fn kraken() -> Vec<String> {
    const LEVELS: usize = 10;
    let style = Style { price_decimals: 5, price_zeros: 10_000, qty_decimals: 8 };
    let mut random = Random(4);
    let side = |price: fn(u64) -> u64| (1..=10).map(|n| (price(n), 100_000 * n)).collect();
    let mut sides: [BTreeMap<u64, u64>; 2] = [side(|n| MIDDLE - n), side(|n| MIDDLE + n)];
    let level = |text: &mut String, price, qty| {
        pair(text, style, price, qty);
        text.pop();
        text.push_str(",\"1618678133.365913\"]");
    };
    let mut snapshot = String::from(r#"[992,{"as":["#);
    let [bids, asks] = &sides;
    asks.iter().for_each(|(price, qty)| level(&mut snapshot, *price, *qty));
    snapshot.push_str("],\"bs\":[");
    bids.iter().rev().for_each(|(price, qty)| level(&mut snapshot, *price, *qty));
    snapshot.push_str(r#"]},"book-10","XBT/USD"]"#);
    let mut messages = vec![snapshot];
    messages.extend((0..COUNT).map(|_| {
        let (is_bid, qty) = (random.below(2) == 0, 1 + random.below(400_000_000));
        let distance = 1 + random.below(12);
        let price = if is_bid { MIDDLE - distance } else { MIDDLE + distance };
        let [bids, asks] = &mut sides;
        if is_bid {
            bids.insert(price, qty);
            while bids.len() > LEVELS {
                bids.pop_first();
            }
        } else {
            asks.insert(price, qty);
            while asks.len() > LEVELS {
                asks.pop_last();
            }
        }
        let mut digits = String::new();
        for (price, qty) in asks.iter().chain(bids.iter().rev()) {
            let _ = write!(digits, "{}{qty}", price * style.price_zeros);
        }
        let mut text = format!(r#"[992,{{"{}":["#, if is_bid { "b" } else { "a" });
        level(&mut text, price, qty);
        let checksum = crc32fast::hash(digits.as_bytes());
        let _ = write!(text, r#"],"c":"{checksum}"}},"book-10","XBT/USD"]"#);
        text
    }));
    messages
}
