//! What is told in newer versions of a venue's interface only: Kraken's second, Coinbase's
//! Advanced Trade.

use tickring::record::{TradeW, book_state, flag};
use tickring_producer::venue::Venue;

use crate::venue::{Played, book};
use crate::venue_market::Market;

#[test]
fn trades_of_coinbase_advanced_come_in_events_and_their_messages_are_counted() {
    let mut played = Played::new(Venue::CoinbaseAdvanced);
    let trades = |number: u64, kind: &str| {
        format!(
            r#"{{"channel":"market_trades","client_id":"","timestamp":"2023-11-14T22:13:20.124Z","sequence_num":{number},"events":[{{"type":"{kind}","trades":[{{"trade_id":"7","product_id":"X","price":"14.7775","size":"0.04","side":"SELL","time":"2023-11-14T22:13:20.123Z"}},{{"trade_id":"8","product_id":"Y","price":"2","size":"1","side":"BUY","time":"2023-11-14T22:13:20.123Z"}}]}}]}}"#
        )
    };
    let heartbeat = |number: u64| {
        format!(
            r#"{{"channel":"heartbeats","client_id":"","timestamp":"2023-11-14T22:13:20.124Z","sequence_num":{number},"events":[{{"current_time":"x","heartbeat_counter":3049}}]}}"#
        )
    };
    played.message(trades(0, "snapshot")).message(heartbeat(1)).message(trades(2, "update"));
    let told: Vec<_> = played
        .tape
        .of::<TradeW>()
        .into_iter()
        .map(|trade| (trade.header.instrument_id, trade.trade_id, trade.side, trade.flags))
        .collect();
    let (replayed, last) = (flag::SNAPSHOT | flag::LAST, flag::LAST);
    let expected =
        [(1, 7, b'B', replayed), (2, 8, b'A', replayed), (1, 7, b'B', last), (2, 8, b'A', last)];
    assert_eq!(told, expected);
    let first = played.tape.of::<TradeW>()[0];
    assert_eq!((first.price, first.qty, first.qty_exp), (14_777_500_000, 4_000_000, -8));
    assert_eq!(first.header.ts_event, 1_700_000_000_123_000_000);
    assert!(played.gaps().is_empty());
    // A heartbeat tells that something before it was lost.
    played.message(heartbeat(5));
    let gaps: Vec<_> = played
        .gaps()
        .iter()
        .map(|gap| (gap.header.instrument_id, gap.first_missing, gap.end_missing))
        .collect();
    assert_eq!(gaps, [(1, 3, 5), (2, 3, 5)]);
}

#[test]
fn the_book_of_kraken_v2_is_as_deep_as_the_venue_says_or_as_its_snapshot() {
    let subscribed = concat!(
        r#"{"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,"#,
        r#""symbol":"A/B"},"success":true,"time_in":"x","time_out":"y"}"#,
    );
    for reply in [Some(subscribed), None] {
        let mut market = Market::new(3, 10);
        let mut played = Played::new(Venue::KrakenV2);
        if let Some(reply) = reply {
            played.message(reply);
        }
        played.message(market.kraken_v2_snapshot("A/B"));
        for _ in 0..200 {
            played.message(market.kraken_v2_update("A/B"));
        }
        assert_eq!(book(&played.deltas()), market.in_records());
        assert!(played.anomalies()["level beyond the depth"] > 0 && played.gaps().is_empty());
        // The book is right, and the venue says that it is another one.
        let text = market.kraken_v2_update("A/B");
        let (before, after) = text.split_once(r#""checksum":"#).unwrap();
        let (_, after) = after.split_once(',').unwrap();
        played.message(format!(r#"{before}"checksum":1,{after}"#));
        assert_eq!(played.gaps().len(), 1);
        assert_eq!(played.state(), book_state::UNSYNCED);
        assert_eq!(played.requests(), ["A/B"]);
    }
}
