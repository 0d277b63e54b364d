//! Bytes as a recording of WebSocket messages, of each venue.

use super::{binance, checked, coinbase, conversation, kraken, okx};
use tickring_producer::source::recording::RecordingSource;
use tickring_producer::venue::Venue;

pub(crate) fn run(bytes: &[u8]) {
    checked::with_file(bytes, |path| {
        for venue in Venue::ALL {
            checked::read(RecordingSource::open(venue, &[path.to_owned()]), bytes);
        }
    });
}

/// Recordings of a venue in both formats.
fn of(venue: Venue, others: &[&str]) -> [Vec<u8>; 2] {
    let url = "wss://a.example";
    let mut seconds =
        format!("configuration: {{}}\n{url} <-> 1700000000.5\n{url} <- 1700000000.6: {{}}\n");
    let mut nanoseconds = String::new();
    for (number, line) in (1_u64..).zip(conversation::lines(venue, others)) {
        match line.strip_prefix("@A/B ") {
            Some(snapshot) => {
                let url = "https://a.example/depth?symbol=A/B&limit=1000";
                seconds += &format!("{url} -> 170000000{number}.5: {snapshot}\n");
            }
            None => seconds += &format!("170000000{number}.25: {line}\n"),
        }
        nanoseconds += &format!("{} {line}\n", 1_700_000_000_000_000_000 + number);
    }
    seconds += &format!("{url} <-> 1700000099\n");
    [seconds.into_bytes(), nanoseconds.into_bytes()]
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let plain = [
        of(Venue::Binance, &binance::OTHERS),
        of(Venue::BinanceUsdM, &binance::OTHERS),
        of(Venue::Coinbase, &coinbase::OTHERS),
        of(Venue::Kraken, &kraken::OTHERS),
        of(Venue::Okx, &okx::OTHERS),
    ];
    let compressed = plain.iter().map(|[seconds, _]| checked::gzip(seconds)).collect();
    [plain.concat(), compressed, super::recorded("crypto")].concat()
}
