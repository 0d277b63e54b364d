//! Normalisers on generated messages: books, states, gaps, labels, and hostile bytes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tickring::Instrument;
use tickring::record::{DeltaW, Gap, QuoteW, TradeW, UNDEF_PRICE, UNDEF_TIME};
use tickring::record::{action, book_state, flag, gap_cause, gap_state, side};
use tickring_producer::sink::tape::Tape;
use tickring_producer::source::Report;
use tickring_producer::venue::{Lost, Message, Normaliser, Request, Venue};

use crate::venue_market::Market;

mod refused;

/// Later than all times in the generated messages.
const NOW: u64 = 1_800_000_000_000_000_000;

/// A normaliser with everything that it has given.
pub(crate) struct Played {
    normaliser: Normaliser,
    pub(crate) tape: Tape,
}

impl Played {
    pub(crate) fn new(venue: Venue) -> Self {
        Self { normaliser: Normaliser::new(venue), tape: Tape::default() }
    }

    pub(crate) fn message(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.at(NOW, text)
    }

    fn at(&mut self, ts_recv: u64, text: impl AsRef<[u8]>) -> &mut Self {
        let message = Message { ts_recv, bytes: text.as_ref() };
        self.normaliser.message(message, &mut self.tape).unwrap();
        self
    }

    fn snapshot(&mut self, symbol: &str, text: &str) -> &mut Self {
        let message = Message { ts_recv: NOW, bytes: text.as_bytes() };
        self.normaliser.snapshot(symbol, message, &mut self.tape).unwrap();
        self
    }

    pub(crate) fn requests(&mut self) -> Vec<String> {
        let tape = &mut self.tape;
        let next = || self.normaliser.take_request(tape).map(|Request { symbol }| symbol);
        std::iter::from_fn(next).collect()
    }

    fn report(&self) -> Report {
        self.normaliser.report()
    }

    pub(crate) fn anomalies(&self) -> BTreeMap<String, u64> {
        self.report().anomalies.into_iter().map(|count| (count.name, count.count)).collect()
    }

    fn instrument(&self, id: u32) -> Instrument {
        let told = self.tape.instruments.iter().rfind(|known| known.instrument_id == id);
        *told.unwrap()
    }

    pub(crate) fn state(&self) -> u8 {
        self.instrument(1).book_state
    }

    pub(crate) fn deltas(&self) -> Vec<DeltaW> {
        self.tape.of()
    }

    pub(crate) fn gaps(&self) -> Vec<Gap> {
        self.tape.of()
    }
}

/// The book that records make, with quantities of 1e-8; labelled records are left away.
pub(crate) fn book(deltas: &[DeltaW]) -> [BTreeMap<i64, i64>; 2] {
    let mut sides = [BTreeMap::new(), BTreeMap::new()];
    for delta in deltas.iter().filter(|delta| delta.flags & flag::MAYBE_BAD_BOOK == 0) {
        if delta.action == action::CLEAR {
            sides = Default::default();
            continue;
        }
        let side = &mut sides[usize::from(delta.side == side::ASK)];
        let finer = u32::try_from(8 + i32::from(delta.qty_exp)).unwrap();
        match delta.qty * 10_i64.pow(finer) {
            0 => side.remove(&delta.price),
            qty => side.insert(delta.price, qty),
        };
    }
    sides
}

/// Every record but the last of each event is without LAST, and each event ends with one.
fn check_events(deltas: &[DeltaW]) {
    assert_eq!(deltas.last().unwrap().flags & flag::LAST, flag::LAST);
    for pair in deltas.windows(2) {
        if pair[1].action == action::CLEAR {
            assert_eq!(pair[0].flags & flag::LAST, flag::LAST);
            assert_eq!(pair[1].flags & flag::SNAPSHOT, flag::SNAPSHOT);
        }
    }
}

/// Plays a snapshot and updates of a venue, and returns it with the market as it is then.
fn played(venue: Venue, updates: usize) -> (Played, Market) {
    let is_kraken = matches!(venue, Venue::Kraken | Venue::KrakenV2);
    let mut market = Market::new(7, if is_kraken { 10 } else { 1_000 });
    let mut played = Played::new(venue);
    let name = "A/B";
    match venue {
        Venue::KrakenV2 => {
            played.message(market.kraken_v2_snapshot(name));
        }
        Venue::CoinbaseAdvanced => {
            played.message(market.advanced_snapshot(0, name));
        }
        Venue::Kraken => {
            played.message(market.kraken_snapshot(name));
        }
        Venue::Okx => {
            played.message(market.okx_snapshot(name));
        }
        Venue::Coinbase => {
            played.message(market.coinbase_snapshot(name));
        }
        Venue::Binance | Venue::BinanceUsdM | Venue::BinanceCoinM => {
            played.snapshot(name, &market.binance_snapshot());
        }
    }
    for _ in 0..updates {
        played.message(update(venue, &mut market));
    }
    (played, market)
}

/// The next update of a market in the language of a venue.
fn update(venue: Venue, market: &mut Market) -> String {
    match venue {
        Venue::Kraken => market.kraken_update("A/B", "1700000001.5"),
        Venue::KrakenV2 => market.kraken_v2_update("A/B"),
        Venue::CoinbaseAdvanced => market.advanced_update("A/B"),
        Venue::Okx => market.okx_update("A/B"),
        Venue::Coinbase => market.coinbase_update("A/B"),
        Venue::Binance => market.binance_update("A/B", false),
        Venue::BinanceUsdM | Venue::BinanceCoinM => market.binance_update("A/B", true),
    }
}

/// A whole book in the language of a venue that sends it by itself.
fn again(venue: Venue, market: &mut Market) -> String {
    match venue {
        Venue::KrakenV2 => market.kraken_v2_snapshot("A/B"),
        Venue::CoinbaseAdvanced => {
            market.messages += 1;
            market.advanced_snapshot(market.messages, "A/B")
        }
        Venue::Kraken => market.kraken_snapshot("A/B"),
        Venue::Okx => market.okx_snapshot("A/B"),
        Venue::Coinbase => market.coinbase_snapshot("A/B"),
        _ => panic!("{venue} is asked for snapshots"),
    }
}

#[test]
fn the_records_of_every_venue_make_its_book() {
    for venue in Venue::ALL {
        let (played, market) = played(venue, 300);
        let deltas = played.deltas();
        check_events(&deltas);
        assert_eq!(book(&deltas), market.in_records(), "{venue}");
        assert_eq!(played.gaps().len(), 0);
        let expected: Vec<&str> = if matches!(venue, Venue::Kraken | Venue::KrakenV2) {
            vec!["level beyond the depth"]
        } else {
            vec![]
        };
        assert_eq!(played.anomalies().keys().collect::<Vec<_>>(), expected, "{venue}");
        let told = played.instrument(1);
        assert_eq!((told.symbol().as_ref(), told.book_state), ("A/B", book_state::SYNCED));
        assert_eq!((told.publisher_id, told.family), (venue.publisher_id(), b'W'));
        let is_fixed = matches!(
            venue,
            Venue::Kraken | Venue::Binance | Venue::BinanceUsdM | Venue::BinanceCoinM
        );
        let exponent = if is_fixed { -5 } else { -8 };
        assert_eq!((told.price_decimals, told.qty_decimals, told.qty_exp), (2, 5, exponent));
        let quotes: Vec<QuoteW> = played.tape.of();
        if matches!(venue, Venue::Binance | Venue::BinanceUsdM | Venue::BinanceCoinM) {
            assert_eq!(quotes.len(), 0, "{venue} sends its own");
        } else {
            let [bids, asks] = market.in_records();
            let last = quotes.last().unwrap();
            assert_eq!(last.bid_px, *bids.keys().next_back().unwrap(), "{venue}");
            assert_eq!(last.ask_px, *asks.keys().next().unwrap(), "{venue}");
            assert!(quotes.windows(2).all(|pair| pair[0] != pair[1]), "only changes");
        }
    }
}

#[test]
fn a_dropped_update_costs_the_book_until_the_next_snapshot() {
    for venue in [Venue::Kraken, Venue::KrakenV2, Venue::Okx, Venue::CoinbaseAdvanced] {
        let (mut played, mut market) = played(venue, 20);
        let (before, first_missing) = (market.sequence, market.messages + 1);
        // Of Kraken a loss shows if it was among the best ten.
        let sides = market.sides.clone();
        while market.sides == sides {
            let _ = update(venue, &mut market);
        }
        let first = played.tape.records.len();
        let missing = market.sequence;
        played.message(update(venue, &mut market));
        assert_eq!(played.state(), book_state::UNSYNCED, "{venue}");
        let [gap] = played.gaps()[..] else { panic!("{venue}") };
        assert_eq!(played.tape.records[first].name, "gap", "before the first record after it");
        let (cause, range) = match venue {
            Venue::Okx => (gap_cause::SEQUENCE, (before + 1, missing + 1)),
            Venue::CoinbaseAdvanced => {
                let number = |id: u64| i64::try_from(id).unwrap();
                (gap_cause::SEQUENCE, (number(first_missing), number(market.messages)))
            }
            _ => (gap_cause::CHECKSUM, (0, 0)),
        };
        assert_eq!((gap.cause, gap.state, gap.ts_detect), (cause, gap_state::UNRECOVERABLE, NOW));
        let range = (u64::try_from(range.0).unwrap(), u64::try_from(range.1).unwrap());
        assert_eq!((gap.first_missing, gap.end_missing), range);
        assert_eq!(gap.header.instrument_id, 1);

        assert_eq!(played.requests(), ["A/B"]);
        assert_eq!(played.state(), book_state::SYNCING);
        played.message(update(venue, &mut market));
        let labelled = played.deltas().into_iter().rev().take(2);
        assert!(labelled.into_iter().all(|delta| delta.flags & flag::MAYBE_BAD_BOOK != 0));
        played.message(again(venue, &mut market));
        assert_eq!((played.state(), played.gaps().len()), (book_state::SYNCED, 1));
        assert_eq!(book(&played.deltas()), market.in_records(), "{venue}");
    }
}

#[test]
fn a_jump_of_update_ids_is_a_gap_with_its_range() {
    for venue in [Venue::Binance, Venue::BinanceUsdM] {
        let (mut played, mut market) = played(venue, 20);
        let before = u64::try_from(market.sequence).unwrap();
        let _ = update(venue, &mut market);
        let end = u64::try_from(market.sequence).unwrap() + 1;
        played.message(update(venue, &mut market));
        let [gap] = played.gaps()[..] else { panic!("{venue}") };
        assert_eq!((gap.first_missing, gap.end_missing), (before + 1, end));
        assert_eq!(gap.cause, gap_cause::SEQUENCE);
        assert!(gap.first_missing > u64::from(u32::MAX));
        assert_eq!(played.requests(), ["A/B"]);
        // Updates go on while the snapshot is fetched, and are joined with it.
        let snapshot = market.binance_snapshot();
        played.message(update(venue, &mut market)).message(update(venue, &mut market));
        assert_eq!(played.state(), book_state::SYNCING);
        played.snapshot("A/B", &snapshot);
        assert_eq!(played.state(), book_state::SYNCED);
        played.message(update(venue, &mut market));
        assert_eq!(book(&played.deltas()), market.in_records(), "{venue}");
        assert_eq!(played.gaps().len(), 1);
    }
}

#[test]
fn a_snapshot_is_joined_with_the_updates_that_came_meanwhile() {
    for venue in [Venue::Binance, Venue::BinanceCoinM] {
        let mut market = Market::new(3, 1_000);
        let old = market.binance_snapshot();
        let _ = market.step();
        let mut played = Played::new(venue);
        for _ in 0..3 {
            played.message(update(venue, &mut market));
        }
        assert_eq!(played.requests(), ["A/B"]);
        // Older than the first update: another one is asked for.
        played.snapshot("A/B", &old);
        assert_eq!(played.requests(), ["A/B"]);
        assert_eq!(played.state(), book_state::SYNCING);
        assert_eq!(played.anomalies()["snapshot older than the first update"], 1);
        let good = market.binance_snapshot();
        let covered = update(venue, &mut market);
        played.message(&covered).message(update(venue, &mut market));
        let unjoined = played.deltas().len();
        played.snapshot("A/B", &good);
        assert_eq!(played.anomalies()["update older than the snapshot"], 3, "those before it");
        let deltas = played.deltas();
        assert!(deltas[..unjoined].iter().all(|delta| delta.flags & flag::MAYBE_BAD_BOOK != 0));
        let joined = &deltas[unjoined..];
        assert_eq!((joined[0].action, joined[0].price), (action::CLEAR, UNDEF_PRICE));
        assert!(joined.iter().all(|delta| delta.flags & flag::SNAPSHOT != 0));
        let last = joined.iter().filter(|delta| delta.flags & flag::LAST != 0);
        assert_eq!(last.count(), 1);
        assert_eq!(joined[0].sequence, u64::try_from(market.sequence).unwrap());
        assert_eq!(book(&deltas), market.in_records(), "{venue}");
        // An update that the book has already changes nothing.
        played.message(&covered);
        assert_eq!(played.deltas().len(), deltas.len());
        assert_eq!(played.gaps().len(), 0);
    }
}

#[test]
fn a_lost_connection_is_a_gap_of_every_instrument_and_no_book() {
    for venue in Venue::ALL {
        let (mut played, mut market) = played(venue, 3);
        let Played { normaliser, tape } = &mut played;
        normaliser.expect("C/D", tape);
        normaliser.silent(tape);
        assert_eq!(played.state(), book_state::STALE, "{venue}");
        let Played { normaliser, tape } = &mut played;
        normaliser.resume(tape);
        assert_eq!(played.state(), book_state::SYNCED, "{venue}");
        let Played { normaliser, tape } = &mut played;
        normaliser.lost(Lost::Connection, NOW, tape).unwrap();
        let told: Vec<_> = played
            .gaps()
            .iter()
            .map(|gap| (gap.header.instrument_id, gap.cause, gap.state))
            .collect();
        let lost = |id| (id, gap_cause::DISCONNECT, gap_state::RECONNECT);
        assert_eq!(told, [lost(1), lost(2)], "{venue}");
        assert_eq!(played.state(), book_state::UNSYNCED);
        assert_eq!(played.requests(), [""; 0], "the next connection will ask");
        let Played { normaliser, tape } = &mut played;
        normaliser.connected(tape);
        if !venue.name().starts_with("binance") {
            assert_eq!(played.state(), book_state::SYNCING);
            played.message(again(venue, &mut market));
        } else {
            played.snapshot("A/B", &market.binance_snapshot());
        }
        assert_eq!(played.state(), book_state::SYNCED);
        assert_eq!(book(&played.deltas()), market.in_records());
        let Played { normaliser, tape } = &mut played;
        normaliser.lost(Lost::Overflow { messages: 5 }, NOW, tape).unwrap();
        assert_eq!(played.gaps()[2].cause, gap_cause::SOCKET_OVERFLOW);
        assert_eq!(played.anomalies()["message without room in the queue"], 5);
    }
}

#[test]
fn trades_tell_the_side_that_took_and_their_full_ids() {
    let cases = [
        (
            Venue::Binance,
            r#"{"e":"trade","E":1700000000124,"s":"X","t":3735683259000,"p":"61837.63000000","q":"0.02000000","T":1700000000123,"m":true,"M":true}"#,
            (3_735_683_259_000, 61_837_630_000_000, (2_000_000, -8), b'A'),
        ),
        (
            Venue::BinanceUsdM,
            r#"{"stream":"x@aggTrade","data":{"e":"aggTrade","E":1700000000124,"a":14888302,"s":"X","p":"0.01731","q":"312","f":27931348,"l":27931348,"T":1700000000123,"m":false}}"#,
            (14_888_302, 17_310_000, (312, 0), b'B'),
        ),
        (
            Venue::Coinbase,
            r#"{"type":"match","trade_id":881613,"maker_order_id":"a","taker_order_id":"b","side":"sell","size":"0.04","price":"14.7775","product_id":"X","sequence":1,"time":"2023-11-14T22:13:20.123Z"}"#,
            (881_613, 14_777_500_000, (4_000_000, -8), b'B'),
        ),
        (
            Venue::Kraken,
            r#"[0,[["5541.20000","0.15850568","1700000000.123","s","l",""]],"trade","X"]"#,
            (0, 5_541_200_000_000, (15_850_568, -8), b'A'),
        ),
        (
            Venue::KrakenV2,
            r#"{"channel":"trade","type":"update","data":[{"symbol":"X","side":"sell","price":5541.20,"qty":0.15850568,"ord_type":"market","trade_id":4665906,"timestamp":"2023-11-14T22:13:20.123000Z"}]}"#,
            (4_665_906, 5_541_200_000_000, (15_850_568, -8), b'A'),
        ),
        (
            Venue::Okx,
            r#"{"arg":{"channel":"trades","instId":"X"},"data":[{"instId":"X","tradeId":"130639474","px":"42219.9","sz":"0.12060306","side":"buy","ts":"1700000000123","count":"3"}]}"#,
            (130_639_474, 42_219_900_000_000, (12_060_306, -8), b'B'),
        ),
    ];
    for (venue, text, (trade_id, price, (qty, qty_exp), side)) in cases {
        let mut played = Played::new(venue);
        played.message(text).at(1_700_000_000_000_000_000, text);
        let trades: Vec<TradeW> = played.tape.of();
        let [trade, early] = trades[..] else { panic!("{venue}: {:?}", played.report()) };
        assert_eq!((trade.trade_id, trade.price, trade.side), (trade_id, price, side), "{venue}");
        assert_eq!((trade.qty, trade.qty_exp), (qty, qty_exp), "{venue}");
        let times = (trade.header.ts_event, trade.ts_recv);
        assert_eq!(times, (1_700_000_000_123_000_000, NOW), "{venue}");
        assert_eq!((trade.action, trade.flags), (b'T', flag::LAST), "{venue}");
        assert_eq!(early.flags, flag::LAST | flag::BAD_TS_RECV, "{venue}");
        assert_eq!(early.ts_recv, 1_700_000_000_000_000_000, "{venue}: never clamped");
        let sent = matches!(venue, Venue::Binance | Venue::BinanceUsdM);
        assert_eq!(early.ts_in_delta, if sent { -124_000_000 } else { 0 }, "{venue}");
        assert_eq!(played.anomalies()["received before it happened"], 1, "{venue}");
    }
}

#[test]
fn the_trade_before_a_subscription_is_labelled_as_replayed() {
    let mut played = Played::new(Venue::Coinbase);
    played.message(
        r#"{"type":"last_match","trade_id":1,"side":"buy","size":"1","price":"2","product_id":"X","time":"2023-11-14T22:13:20Z"}"#,
    );
    let [trade] = played.tape.of::<TradeW>()[..] else { panic!("one trade") };
    assert_eq!((trade.flags, trade.side), (flag::LAST | flag::SNAPSHOT, b'A'));
}

#[test]
fn quotes_of_the_venue_are_published_unless_they_are_crossed() {
    let text = |bid: &str, ask: &str| {
        format!(
            r#"{{"u":50093239212,"s":"X","b":"{bid}","B":"3.78826","a":"{ask}","A":"1.50000"}}"#
        )
    };
    let mut played = Played::new(Venue::Binance);
    played
        .message(text("1.00", "1.01"))
        .message(text("1.01", "1.01"))
        .message(text("1.02", "1.01"));
    let [quote] = played.tape.of::<QuoteW>()[..] else { panic!("one quote") };
    assert_eq!((quote.bid_px, quote.ask_px), (1_000_000_000, 1_010_000_000));
    assert_eq!((quote.bid_qty, quote.ask_qty), (378_826, 150_000));
    assert_eq!(quote.header.ts_event, UNDEF_TIME, "spot tells no time");
    assert_eq!(played.instrument(1).qty_exp, -5);
    assert_eq!(played.anomalies()["crossed quote, withheld"], 2);
}

#[test]
fn a_crossed_book_is_labelled_and_gives_no_quote() {
    let mut played = Played::new(Venue::Coinbase);
    let change = |side: &str, price: &str, size: &str| {
        format!(
            r#"{{"type":"l2update","product_id":"X","changes":[["{side}","{price}","{size}"]],"time":"2023-11-14T22:13:20Z"}}"#
        )
    };
    played
        .message(r#"{"type":"snapshot","product_id":"X","bids":[["10","1"]],"asks":[["11","1"]]}"#)
        .message(change("buy", "12", "1"))
        .message(change("buy", "12", "0"));
    let flags: Vec<u8> = played.deltas().iter().map(|delta| delta.flags).collect();
    let snapshot = flag::SNAPSHOT;
    let crossed = flag::LAST | flag::MAYBE_BAD_BOOK;
    assert_eq!(flags, [snapshot, snapshot, snapshot | flag::LAST, crossed, flag::LAST]);
    assert_eq!(played.anomalies()["crossed book"], 1);
    let bids: Vec<i64> = played.tape.of::<QuoteW>().iter().map(|quote| quote.bid_px).collect();
    assert_eq!(bids, [10_000_000_000]);
}

#[test]
fn numbers_that_records_cannot_hold_are_labelled_and_finer_ones_have_their_own_exponent() {
    let mut played = Played::new(Venue::BinanceUsdM);
    let trade = |price: &str, qty: &str| {
        format!(
            r#"{{"e":"aggTrade","E":1,"s":"X","a":1,"p":"{price}","q":"{qty}","T":1,"m":true}}"#
        )
    };
    played
        .message(trade("0.0000000012", "5"))
        .message(trade("1", "0.25"))
        .message(trade("1", "100000000000000000"))
        .message(trade("1", "0"));
    let trades: Vec<TradeW> = played.tape.of();
    let bad = flag::LAST | flag::MAYBE_BAD_BOOK;
    assert_eq!((trades[0].price, trades[0].flags), (UNDEF_PRICE, bad));
    let told: Vec<(i64, i8)> = trades.iter().map(|trade| (trade.qty, trade.qty_exp)).collect();
    assert_eq!(
        told,
        [(5, 0), (25, -2), (100_000_000_000_000_000, 0)],
        "exact, each in its own way"
    );
    let listed = played.instrument(1);
    assert_eq!((listed.price_decimals, listed.qty_decimals, listed.qty_exp), (10, 2, 0));
    let expected = [("price that 1e-9 cannot hold", 1)];
    let expected = expected.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(played.anomalies(), BTreeMap::from(expected));
}

#[test]
fn the_exponent_of_quotes_never_changes_and_a_side_that_it_cannot_hold_is_undefined() {
    let text = |bid_qty: &str, ask_qty: &str| {
        format!(r#"{{"u":1,"s":"X","b":"1.00","B":"{bid_qty}","a":"1.01","A":"{ask_qty}"}}"#)
    };
    let mut played = Played::new(Venue::Binance);
    // The first message decides, with all its quantities.
    let quotes = [("5", "2.50"), ("0.25", "1.125"), ("12345678901234567890", "1"), ("7", "7")];
    for (bid_qty, ask_qty) in quotes {
        played.message(text(bid_qty, ask_qty));
        assert_eq!(played.instrument(1).qty_exp, -2);
    }
    played.message(text("1000000000000000000", "7"));
    let told = played.tape.of::<QuoteW>().into_iter().map(|quote| {
        let sides = [(quote.bid_px, quote.bid_qty), (quote.ask_px, quote.ask_qty)];
        sides.map(|(price, qty)| (price != UNDEF_PRICE, qty))
    });
    let expected = [
        [(true, 500), (true, 250)],
        [(true, 25), (false, 0)],
        [(true, 700), (true, 700)],
        [(false, 0), (true, 700)],
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    let anomalies = played.anomalies();
    assert_eq!(anomalies["quantity in a quote that the exponent cannot hold"], 2);
    assert_eq!(anomalies["malformed message"], 1, "a number beyond 63 bits");
}

proptest! {
    #[test]
    fn any_bytes_give_records_or_a_count(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        for venue in Venue::ALL {
            Played::new(venue).message(&bytes);
        }
    }

    #[test]
    fn mutated_messages_give_records_or_a_count(
        seed in any::<u64>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        for venue in Venue::ALL {
            let mut market = Market::new(seed, 10);
            let mut played = Played::new(venue);
            played.message(update(venue, &mut market));
            let mut bytes = update(venue, &mut market).into_bytes();
            for (place, byte) in &places {
                let at = place.index(bytes.len());
                bytes[at] = *byte;
            }
            played.message(&bytes);
            bytes.truncate(cut.index(bytes.len()));
            played.message(&bytes);
            if let Some(last) = played.deltas().last() {
                prop_assert_eq!(last.flags & flag::LAST, flag::LAST);
            }
        }
    }
}
