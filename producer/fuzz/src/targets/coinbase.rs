//! Messages of Coinbase Exchange.

use super::conversation;
use tickring_producer::venue::Venue;

/// What Coinbase sends beside books.
pub(super) const OTHERS: [&str; 4] = [
    r#"{"type":"match","trade_id":881613,"maker_order_id":"a","taker_order_id":"b","side":"sell","size":"0.04","price":"14.7775","product_id":"A/B","sequence":1,"time":"2023-11-14T22:13:20.123Z"}"#,
    r#"{"type":"last_match","trade_id":1,"side":"buy","size":"1","price":"2","product_id":"A/B","time":"2023-11-14T22:13:20Z"}"#,
    r#"{"type":"error","message":"x"}"#,
    r#"{"type":"subscriptions","channels":[{"name":"level2","product_ids":["A/B"]}]}"#,
];

pub(crate) fn run(bytes: &[u8]) {
    conversation::play(Venue::Coinbase, bytes);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    conversation::seeds(Venue::Coinbase, &OTHERS)
}
