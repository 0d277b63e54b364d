//! Messages of OKX.

use super::conversation;
use tickring_producer::venue::Venue;

/// What OKX sends beside books.
pub(super) const OTHERS: [&str; 3] = [
    r#"{"arg":{"channel":"trades","instId":"A/B"},"data":[{"instId":"A/B","tradeId":"130639474","px":"42219.9","sz":"0.12060306","side":"buy","ts":"1700000000123","count":"3"}]}"#,
    r#"{"event":"error","code":"60012","msg":"x"}"#,
    r#"{"event":"subscribe","arg":{"channel":"books","instId":"A/B"},"connId":"1"}"#,
];

pub(crate) fn run(bytes: &[u8]) {
    conversation::play(Venue::Okx, bytes);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    conversation::seeds(Venue::Okx, &OTHERS)
}
