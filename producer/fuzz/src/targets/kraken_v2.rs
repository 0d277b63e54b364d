//! Messages of Kraken's WebSocket version 2.

use super::conversation;
use tickring_producer::venue::Venue;

/// What Kraken sends beside books.
const OTHERS: [&str; 4] = [
    r#"{"channel":"trade","type":"update","data":[{"symbol":"A/B","side":"sell","price":1000.10,"qty":0.15850568,"ord_type":"limit","trade_id":7,"timestamp":"2023-11-14T22:13:20.123456Z"}]}"#,
    r#"{"channel":"heartbeat"}"#,
    r#"{"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,"symbol":"A/B"},"success":true}"#,
    r#"{"method":"subscribe","error":"x","success":false}"#,
];

pub(crate) fn run(bytes: &[u8]) {
    conversation::play(Venue::KrakenV2, bytes);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    conversation::seeds(Venue::KrakenV2, &OTHERS)
}
