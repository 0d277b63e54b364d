//! Messages of Kraken's WebSocket version 1.

use super::conversation;
use tickring_producer::venue::Venue;

/// What Kraken sends beside books.
pub(super) const OTHERS: [&str; 5] = [
    r#"[0,[["5541.20000","0.15850568","1700000000.123","s","l",""]],"trade","A/B"]"#,
    r#"{"event":"heartbeat"}"#,
    r#"{"channelID":7,"channelName":"book-10","event":"subscriptionStatus","pair":"A/B","status":"subscribed","subscription":{"depth":10,"name":"book"}}"#,
    r#"{"event":"subscriptionStatus","status":"error","errorMessage":"x"}"#,
    r#"[7,{"a":[["1000.10","1.5","1700000001.5","r"]],"c":"1"},"book-10","A/B"]"#,
];

pub(crate) fn run(bytes: &[u8]) {
    conversation::play(Venue::Kraken, bytes);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    conversation::seeds(Venue::Kraken, &OTHERS)
}
