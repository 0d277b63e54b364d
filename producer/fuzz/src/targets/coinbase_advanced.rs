//! Messages of Coinbase Advanced Trade.

use super::conversation;
use tickring_producer::venue::Venue;

/// What Coinbase sends beside books.
const OTHERS: [&str; 4] = [
    r#"{"channel":"market_trades","client_id":"","timestamp":"2023-11-14T22:13:20.123Z","sequence_num":9,"events":[{"type":"update","trades":[{"trade_id":"7","product_id":"A/B","price":"1000.10","size":"0.5","side":"BUY","time":"2023-11-14T22:13:20.123Z"}]}]}"#,
    r#"{"channel":"heartbeats","client_id":"","timestamp":"2023-11-14T22:13:20.124Z","sequence_num":10,"events":[{"current_time":"x","heartbeat_counter":3049}]}"#,
    r#"{"channel":"subscriptions","sequence_num":11,"events":[{"subscriptions":{"level2":["A/B"]}}]}"#,
    r#"{"type":"error","message":"x"}"#,
];

pub(crate) fn run(bytes: &[u8]) {
    conversation::play(Venue::CoinbaseAdvanced, bytes);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    conversation::seeds(Venue::CoinbaseAdvanced, &OTHERS)
}
