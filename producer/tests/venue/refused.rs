//! What is no message, and what a venue refuses.

use super::*;

#[test]
fn bytes_that_cannot_be_read_are_counted_and_cost_the_books_that_nothing_else_checks() {
    let bad = ["", "{", "[1,2", "\u{0}", r#"{"type":"l2update"}"#, r#"[1,{"a":[["x","1","2"]]}]"#];
    for venue in Venue::ALL {
        let (mut played, mut market) = played(venue, 2);
        played.message(bad[1]);
        let [gap] = played.gaps()[..] else { panic!("{venue}") };
        assert_eq!(gap.cause, gap_cause::MALFORMED);
        assert_eq!(played.anomalies()["malformed message"], 1);
        let is_checked = !matches!(venue, Venue::Kraken | Venue::KrakenV2 | Venue::Coinbase);
        assert_eq!(gap.header.instrument_id, u32::from(!is_checked), "{venue}");
        let state = if is_checked { book_state::SYNCED } else { book_state::UNSYNCED };
        assert_eq!(played.state(), state, "{venue}");
        for text in bad {
            played.message(text);
        }
        if !is_checked {
            played.message(again(venue, &mut market));
        }
        played.message(update(venue, &mut market));
        assert_eq!(book(&played.deltas()), market.in_records(), "{venue}");
    }
}

#[test]
fn a_negative_quantity_makes_a_message_malformed() {
    let cases = [
        (Venue::Kraken, r#"[7,{"b":[["1000.10","-1","1700000001.5"]],"c":"1"},"book-10","A/B"]"#),
        (Venue::Kraken, r#"[0,[["5541.2","-0.1","1700000000.123","s","l",""]],"trade","A/B"]"#),
        (Venue::Coinbase, r#"{"type":"l2update","product_id":"A/B","changes":[["buy","9","-1"]]}"#),
        (
            Venue::Coinbase,
            r#"{"type":"match","trade_id":8,"side":"sell","size":"-4","price":"7","product_id":"A/B"}"#,
        ),
        (
            Venue::Okx,
            r#"{"arg":{"channel":"books","instId":"A/B"},"action":"update","data":[{"asks":[["9","-1","0","3"]],"bids":[],"ts":"1700000000123","checksum":1,"prevSeqId":1,"seqId":2}]}"#,
        ),
        (
            Venue::Okx,
            r#"{"arg":{"channel":"trades","instId":"A/B"},"data":[{"instId":"A/B","tradeId":"1","px":"4","sz":"-1","side":"buy","ts":"1700000000123"}]}"#,
        ),
        (
            Venue::Binance,
            r#"{"e":"depthUpdate","E":1700000000123,"s":"A/B","U":1,"u":2,"b":[["9","-1"]],"a":[]}"#,
        ),
        (
            Venue::Binance,
            r#"{"e":"trade","E":1,"s":"A/B","t":3,"p":"6","q":"-0.02","T":1,"m":true}"#,
        ),
        (Venue::Binance, r#"{"u":5,"s":"A/B","b":"9","B":"-3","a":"10","A":"1"}"#),
        (
            Venue::KrakenV2,
            r#"{"channel":"book","type":"update","data":[{"symbol":"A/B","bids":[{"price":9,"qty":-1}],"asks":[],"checksum":1,"timestamp":"2023-11-14T22:13:20.123456Z"}]}"#,
        ),
        (
            Venue::KrakenV2,
            r#"{"channel":"trade","type":"update","data":[{"symbol":"A/B","side":"sell","price":9,"qty":-1,"ord_type":"limit","trade_id":7,"timestamp":"2023-11-14T22:13:20.123456Z"}]}"#,
        ),
        (
            Venue::CoinbaseAdvanced,
            r#"{"channel":"l2_data","client_id":"","timestamp":"2023-11-14T22:13:20.123Z","sequence_num":0,"events":[{"type":"update","product_id":"A/B","updates":[{"side":"bid","event_time":"2023-11-14T22:13:20.123Z","price_level":"9","new_quantity":"-1"}]}]}"#,
        ),
    ];
    for (venue, text) in cases {
        let mut played = Played::new(venue);
        played.message(text);
        assert_eq!(played.anomalies()["malformed message"], 1, "{text}");
        assert_eq!(played.tape.names(), ["gap"], "{text}");
    }
}

#[test]
fn what_a_venue_refuses_is_counted() {
    let cases = [
        (Venue::Binance, r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#),
        (Venue::Kraken, r#"{"event":"subscriptionStatus","status":"error","errorMessage":"x"}"#),
        (Venue::Okx, r#"{"event":"error","code":"60012","msg":"x"}"#),
        (Venue::Coinbase, r#"{"type":"error","message":"x"}"#),
        (Venue::CoinbaseAdvanced, r#"{"type":"error","message":"x"}"#),
        (Venue::KrakenV2, r#"{"error":"x","method":"subscribe","success":false}"#),
    ];
    for (venue, text) in cases {
        let mut played = Played::new(venue);
        played.message(text);
        assert_eq!(played.anomalies()["error from the venue"], 1, "{venue}");
        assert!(played.tape.records.is_empty());
    }
    let mut okx = Played::new(Venue::Okx);
    okx.message("pong");
    assert!(okx.anomalies().is_empty());
}

#[test]
fn deep_nesting_is_refused_and_does_not_exhaust_the_stack() {
    for venue in Venue::ALL {
        let mut played = Played::new(venue);
        for open in ["[", r#"{"a":"#, r#"{"data":"#, r#"[{"x":"#, r#"{"e":[{"s":"#] {
            played.message(open.repeat(200_000));
        }
        assert_eq!(played.anomalies()["malformed message"], 5, "{venue}");
    }
}
