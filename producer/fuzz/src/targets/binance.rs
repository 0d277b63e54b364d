//! Messages of Binance, spot and futures.

use super::conversation;
use tickring_producer::venue::Venue;

/// What Binance sends beside books.
pub(super) const OTHERS: [&str; 5] = [
    r#"{"e":"trade","E":1700000000124,"s":"A/B","t":3735683259000,"p":"61837.63000000","q":"0.02000000","T":1700000000123,"m":true,"M":true}"#,
    r#"{"stream":"x@aggTrade","data":{"e":"aggTrade","E":1700000000124,"a":14888302,"s":"A/B","p":"0.01731","q":"312","f":27931348,"l":27931348,"T":1700000000123,"m":false}}"#,
    r#"{"u":50093239212,"s":"A/B","b":"9.99","B":"3.78826","a":"10.01","A":"1.50000"}"#,
    r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#,
    r#"{"result":null,"id":1}"#,
];

pub(crate) fn run(bytes: &[u8]) {
    for venue in [Venue::Binance, Venue::BinanceUsdM, Venue::BinanceCoinM] {
        conversation::play(venue, bytes);
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let of = |venue| conversation::seeds(venue, &OTHERS);
    [of(Venue::Binance), of(Venue::BinanceUsdM)].concat()
}
