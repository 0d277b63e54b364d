//! A small market that speaks the languages of the venues, with checksums of its own making.

use std::collections::BTreeMap;

/// Decimals of prices and of quantities.
const PRICE_DECIMALS: usize = 2;
const QTY_DECIMALS: usize = 5;

/// A change of a level: bid or ask, price, new quantity.
pub(crate) type Change = (bool, i64, i64);

/// A book that changes by chance, the same for the same seed. Numbers are mantissas.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    state: u64,
    /// Bids and asks.
    pub(crate) sides: [BTreeMap<i64, i64>; 2],
    pub(crate) sequence: i64,
    /// How many levels of a side the venue sends.
    pub(crate) depth: usize,
    /// The number of the last message, of a venue that counts them.
    pub(crate) messages: u64,
}

/// When everything happens.
const TIME: &str = "2023-11-14T22:13:20.123456Z";

/// A number as a fixed number of decimals.
fn fixed(mantissa: i64, decimals: usize) -> String {
    let one = 10_i64.pow(u32::try_from(decimals).unwrap());
    format!("{}.{:0decimals$}", mantissa / one, mantissa % one)
}

/// A number without zeros at its end.
fn short(mantissa: i64, decimals: usize) -> String {
    let text = fixed(mantissa, decimals);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn fixed_pair(price: i64, qty: i64) -> [String; 2] {
    [fixed(price, PRICE_DECIMALS), fixed(qty, QTY_DECIMALS)]
}

fn short_pair(price: i64, qty: i64) -> [String; 2] {
    [short(price, PRICE_DECIMALS), short(qty, QTY_DECIMALS)]
}

impl Market {
    pub(crate) fn new(seed: u64, depth: usize) -> Self {
        let mut own = Self {
            state: seed | 1,
            sides: [BTreeMap::new(), BTreeMap::new()],
            // Binance's ids are beyond 32 bits.
            sequence: 5_000_000_000,
            depth,
            messages: 0,
        };
        for _ in 0..20 * depth {
            own.step();
        }
        own
    }

    fn random(&mut self, below: i64) -> i64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        i64::try_from(self.state % u64::try_from(below).unwrap()).unwrap()
    }

    /// Changes one to three levels, and drops what is beyond the depth, which nobody is told.
    pub(crate) fn step(&mut self) -> Vec<Change> {
        let count = 1 + self.random(3);
        let mut changes = BTreeMap::new();
        for _ in 0..count {
            let is_bid = self.random(2) == 0;
            let distance = 1 + self.random(40);
            let price = if is_bid { 100_000 - distance } else { 100_000 + distance };
            let present = self.sides[usize::from(!is_bid)].contains_key(&price);
            let is_gone =
                present && self.random(3) == 0 && self.sides[usize::from(!is_bid)].len() > 3;
            let qty = if is_gone { 0 } else { 1 + self.random(5_000_000) };
            changes.insert((is_bid, price), qty);
        }
        let changes: Vec<Change> =
            changes.into_iter().map(|((is_bid, price), qty)| (is_bid, price, qty)).collect();
        for &(is_bid, price, qty) in &changes {
            let side = &mut self.sides[usize::from(!is_bid)];
            if qty == 0 {
                side.remove(&price);
            } else {
                side.insert(price, qty);
            }
        }
        let [bids, asks] = &mut self.sides;
        while bids.len() > self.depth {
            bids.pop_first();
        }
        while asks.len() > self.depth {
            asks.pop_last();
        }
        self.sequence += i64::try_from(changes.len()).unwrap();
        changes
    }

    /// The levels of a side, the best first.
    fn best_first(&self, is_bid: bool) -> Vec<(i64, i64)> {
        let levels = self.sides[usize::from(!is_bid)].iter().map(|(price, qty)| (*price, *qty));
        if is_bid { levels.rev().collect() } else { levels.collect() }
    }

    /// Kraken's checksum of the book.
    fn kraken_checksum(&self) -> u32 {
        let mut text = String::new();
        for is_bid in [false, true] {
            for (price, qty) in self.best_first(is_bid).into_iter().take(10) {
                for number in fixed_pair(price, qty) {
                    text += number.replace('.', "").trim_start_matches('0');
                }
            }
        }
        crc32fast::hash(text.as_bytes())
    }

    pub(crate) fn kraken_snapshot(&self, pair: &str) -> String {
        let side = |is_bid| {
            let levels = self.best_first(is_bid).into_iter().map(|(price, qty)| {
                let [price, qty] = fixed_pair(price, qty);
                format!(r#"["{price}","{qty}","1700000000.000001"]"#)
            });
            levels.collect::<Vec<_>>().join(",")
        };
        let depth = self.depth;
        let (asks, bids) = (side(false), side(true));
        format!(r#"[7,{{"as":[{asks}],"bs":[{bids}]}},"book-{depth}","{pair}"]"#)
    }

    pub(crate) fn kraken_update(&mut self, pair: &str, time: &str) -> String {
        let changes = self.step();
        let side = |wanted: bool| {
            let own = changes.iter().filter(|(is_bid, ..)| *is_bid == wanted);
            let levels = own.map(|&(_, price, qty)| {
                let [price, qty] = fixed_pair(price, qty);
                format!(r#"["{price}","{qty}","{time}"]"#)
            });
            levels.collect::<Vec<_>>().join(",")
        };
        let (asks, bids) = (side(false), side(true));
        let (depth, checksum) = (self.depth, self.kraken_checksum());
        let checksum = format!(r#""c":"{checksum}""#);
        let parts = match (asks.is_empty(), bids.is_empty()) {
            (false, false) => format!(r#"{{"a":[{asks}]}},{{"b":[{bids}],{checksum}}}"#),
            (false, true) => format!(r#"{{"a":[{asks}],{checksum}}}"#),
            (true, _) => format!(r#"{{"b":[{bids}],{checksum}}}"#),
        };
        format!(r#"[7,{parts},"book-{depth}","{pair}"]"#)
    }

    /// Levels as Kraken's version 2 has them: numbers of JSON, with their zeros.
    fn kraken_v2(&self, kind: &str, symbol: &str, levels: [Vec<(i64, i64)>; 2]) -> String {
        let [bids, asks] = levels.map(|levels| {
            let level = |(price, qty): (i64, i64)| {
                let [price, qty] = fixed_pair(price, qty);
                // What is deleted has no decimals.
                let qty = if qty.trim_matches(['0', '.']).is_empty() { "0" } else { &qty };
                format!(r#"{{"price":{price},"qty":{qty}}}"#)
            };
            levels.into_iter().map(level).collect::<Vec<_>>().join(",")
        });
        let checksum = self.kraken_checksum();
        format!(
            r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":[{bids}],"asks":[{asks}],"checksum":{checksum},"timestamp":"2023-11-14T22:13:20.123456Z"}}]}}"#
        )
    }

    pub(crate) fn kraken_v2_snapshot(&self, symbol: &str) -> String {
        self.kraken_v2("snapshot", symbol, [true, false].map(|is_bid| self.best_first(is_bid)))
    }

    pub(crate) fn kraken_v2_update(&mut self, symbol: &str) -> String {
        let changes = self.step();
        let levels = [true, false].map(|wanted| {
            let own = changes.iter().filter(|(is_bid, ..)| *is_bid == wanted);
            own.map(|&(_, price, qty)| (price, qty)).collect()
        });
        self.kraken_v2("update", symbol, levels)
    }

    /// A message of Coinbase Advanced Trade; `number` counts those of a connection.
    fn advanced(number: u64, kind: &str, symbol: &str, changes: &[Change]) -> String {
        let update = |&(is_bid, price, qty): &Change| {
            let side = if is_bid { "bid" } else { "offer" };
            let [price, qty] = short_pair(price, qty);
            let time = if kind == "snapshot" { "1970-01-01T00:00:00Z" } else { TIME };
            format!(
                r#"{{"side":"{side}","event_time":"{time}","price_level":"{price}","new_quantity":"{qty}"}}"#
            )
        };
        let updates = changes.iter().map(update).collect::<Vec<_>>().join(",");
        format!(
            r#"{{"channel":"l2_data","client_id":"","timestamp":"{TIME}","sequence_num":{number},"events":[{{"type":"{kind}","product_id":"{symbol}","updates":[{updates}]}}]}}"#
        )
    }

    pub(crate) fn advanced_snapshot(&self, number: u64, symbol: &str) -> String {
        let of = |is_bid| self.best_first(is_bid).into_iter().map(move |(p, q)| (is_bid, p, q));
        let levels: Vec<Change> = of(true).chain(of(false)).collect();
        Self::advanced(number, "snapshot", symbol, &levels)
    }

    pub(crate) fn advanced_update(&mut self, symbol: &str) -> String {
        self.messages += 1;
        let changes = self.step();
        Self::advanced(self.messages, "update", symbol, &changes)
    }

    /// OKX's checksum of the book.
    fn okx_checksum(&self) -> i32 {
        let (bids, asks) = (self.best_first(true), self.best_first(false));
        let mut parts = Vec::new();
        for at in 0..25 {
            for side in [&bids, &asks] {
                parts.extend(side.get(at).map(|&(price, qty)| short_pair(price, qty).join(":")));
            }
        }
        crc32fast::hash(parts.join(":").as_bytes()).cast_signed()
    }

    fn okx(&self, symbol: &str, action: &str, levels: [String; 2], previous: i64) -> String {
        let [bids, asks] = levels;
        let (checksum, sequence) = (self.okx_checksum(), self.sequence);
        format!(
            r#"{{"arg":{{"channel":"books","instId":"{symbol}"}},"action":"{action}","data":[{{"asks":[{asks}],"bids":[{bids}],"ts":"1700000000123","checksum":{checksum},"prevSeqId":{previous},"seqId":{sequence}}}]}}"#
        )
    }

    pub(crate) fn okx_snapshot(&self, symbol: &str) -> String {
        let levels = [true, false].map(|is_bid| {
            let levels = self.best_first(is_bid).into_iter().map(|(price, qty)| {
                let [price, qty] = short_pair(price, qty);
                format!(r#"["{price}","{qty}","0","3"]"#)
            });
            levels.collect::<Vec<_>>().join(",")
        });
        self.okx(symbol, "snapshot", levels, -1)
    }

    pub(crate) fn okx_update(&mut self, symbol: &str) -> String {
        let previous = self.sequence;
        let changes = self.step();
        let levels = [true, false].map(|wanted| {
            let own = changes.iter().filter(|(is_bid, ..)| *is_bid == wanted);
            let levels = own.map(|&(_, price, qty)| {
                let [price, qty] = short_pair(price, qty);
                format!(r#"["{price}","{qty}","0","1"]"#)
            });
            levels.collect::<Vec<_>>().join(",")
        });
        self.okx(symbol, "update", levels, previous)
    }

    fn pairs(levels: impl Iterator<Item = (i64, i64)>) -> String {
        let levels = levels.map(|(price, qty)| {
            let [price, qty] = fixed_pair(price, qty);
            format!(r#"["{price}","{qty}"]"#)
        });
        levels.collect::<Vec<_>>().join(",")
    }

    pub(crate) fn binance_snapshot(&self) -> String {
        let [bids, asks] =
            [true, false].map(|is_bid| Self::pairs(self.best_first(is_bid).into_iter()));
        let id = self.sequence;
        format!(r#"{{"lastUpdateId":{id},"bids":[{bids}],"asks":[{asks}]}}"#)
    }

    /// An update of spot or, with `pu`, of futures.
    pub(crate) fn binance_update(&mut self, symbol: &str, is_future: bool) -> String {
        let previous = self.sequence;
        let changes = self.step();
        let [bids, asks] = [true, false].map(|wanted| {
            let own = changes.iter().filter(|(is_bid, ..)| *is_bid == wanted);
            Self::pairs(own.map(|&(_, price, qty)| (price, qty)))
        });
        let (first, last) = (previous + 1, self.sequence);
        let own = if is_future {
            format!(r#""T":1700000000120,"pu":{previous},"#)
        } else {
            String::new()
        };
        format!(
            r#"{{"stream":"x","data":{{"e":"depthUpdate","E":1700000000123,"s":"{symbol}",{own}"U":{first},"u":{last},"b":[{bids}],"a":[{asks}]}}}}"#
        )
    }

    pub(crate) fn coinbase_snapshot(&self, symbol: &str) -> String {
        let [bids, asks] =
            [true, false].map(|is_bid| Self::pairs(self.best_first(is_bid).into_iter()));
        format!(r#"{{"type":"snapshot","product_id":"{symbol}","asks":[{asks}],"bids":[{bids}]}}"#)
    }

    pub(crate) fn coinbase_update(&mut self, symbol: &str) -> String {
        let changes = self.step().into_iter().map(|(is_bid, price, qty)| {
            let side = if is_bid { "buy" } else { "sell" };
            let [price, qty] = short_pair(price, qty);
            format!(r#"["{side}","{price}","{qty}"]"#)
        });
        let changes = changes.collect::<Vec<_>>().join(",");
        format!(
            r#"{{"type":"l2update","product_id":"{symbol}","changes":[{changes}],"time":"2023-11-14T22:13:20.123456Z"}}"#
        )
    }

    /// The book as a ring's records have it: prices of 1e-9, quantities of 1e-8.
    pub(crate) fn in_records(&self) -> [BTreeMap<i64, i64>; 2] {
        self.sides.clone().map(|side| {
            let levels = side.into_iter().map(|(price, qty)| (price * 10_000_000, qty * 1_000));
            levels.collect()
        })
    }
}
