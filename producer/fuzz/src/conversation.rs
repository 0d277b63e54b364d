//! What happens between a venue and its client, as text: a message a line.
//!
//! A line that begins with `@` is a snapshot that was asked for: its symbol, a space, the message.
//! `+` connects, `-` loses the connection, `?` is a long silence, `#` messages that had no room.

use super::checked::Checked;
use super::venue_market::Market;
use tickring::record::{DeltaW, Gap, Heartbeat, QuoteW, Record, TradeW};
use tickring_producer::source::Kinds;
use tickring_producer::venue::{Lost, Message, Normaliser, Venue};

/// When the first message comes, in ns since the Unix epoch.
const START_NS: u64 = 1_700_000_000_000_000_000;
/// Snapshots that a client asks for between two messages; more is asking without end.
const MOST_REQUESTS: usize = 10_000;

/// Gives the lines to a normaliser of the venue.
///
/// # Panics
/// If it gives what it must not, or asks without end.
pub(crate) fn play(venue: Venue, bytes: &[u8]) {
    let ticks =
        [TradeW::kinds(), QuoteW::kinds(), DeltaW::kinds(), Gap::kinds(), Heartbeat::kinds()];
    let mut sink = Checked::new(Kinds { ticks: ticks.concat(), ..Kinds::default() });
    let mut normaliser = Normaliser::new(venue);
    normaliser.expect("A/B", &mut sink);
    normaliser.connected(&mut sink);
    for (ts_recv, line) in (START_NS..).zip(bytes.split(|byte| *byte == b'\n')) {
        let given = match line {
            b"+" => {
                normaliser.connected(&mut sink);
                Ok(())
            }
            b"-" => normaliser.lost(Lost::Connection, ts_recv, &mut sink),
            b"?" => {
                normaliser.silent(&mut sink);
                Ok(())
            }
            b"#" => normaliser.lost(Lost::Overflow { messages: 1 }, ts_recv, &mut sink),
            [b'@', rest @ ..] => {
                let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
                let (symbol, bytes) = rest.split_at(end);
                let symbol = String::from_utf8_lossy(symbol);
                normaliser.snapshot(&symbol, Message { ts_recv, bytes }, &mut sink)
            }
            bytes => normaliser.message(Message { ts_recv, bytes }, &mut sink),
        };
        given.expect("a kind of the venue");
        let asked = std::iter::from_fn(|| normaliser.take_request(&mut sink));
        assert!(asked.take(MOST_REQUESTS).count() < MOST_REQUESTS, "asks without end");
    }
    let _ = normaliser.report();
}

/// Some lines of a venue: a snapshot, updates, and what else it says.
pub(crate) fn lines(venue: Venue, others: &[&str]) -> Vec<String> {
    let mut market = Market::new(7, 10);
    let name = "A/B";
    let mut lines = match venue {
        Venue::Kraken => vec![market.kraken_snapshot(name)],
        Venue::Okx => vec![market.okx_snapshot(name)],
        Venue::Coinbase => vec![market.coinbase_snapshot(name)],
        Venue::CoinbaseAdvanced => vec![market.advanced_snapshot(0, name)],
        Venue::KrakenV2 => vec![market.kraken_v2_snapshot(name)],
        Venue::Binance | Venue::BinanceUsdM | Venue::BinanceCoinM => {
            let is_future = venue != Venue::Binance;
            let first = market.binance_update(name, is_future);
            vec![first, format!("@{name} {}", market.binance_snapshot())]
        }
    };
    for _ in 0..8 {
        lines.push(match venue {
            Venue::Kraken => market.kraken_update(name, "1700000001.5"),
            Venue::Okx => market.okx_update(name),
            Venue::Coinbase => market.coinbase_update(name),
            Venue::CoinbaseAdvanced => market.advanced_update(name),
            Venue::KrakenV2 => market.kraken_v2_update(name),
            Venue::Binance => market.binance_update(name, false),
            Venue::BinanceUsdM | Venue::BinanceCoinM => market.binance_update(name, true),
        });
    }
    lines.extend(others.iter().map(|line| (*line).to_owned()));
    lines
}

/// Inputs of a venue: all lines, pauses between them, and single ones.
pub(crate) fn seeds(venue: Venue, others: &[&str]) -> Vec<Vec<u8>> {
    let lines = lines(venue, others);
    let mut seeds = vec![lines.join("\n").into_bytes(), lines.join("\n?\n").into_bytes()];
    seeds.push([lines.join("\n"), lines.join("\n")].join("\n-\n+\n#\n").into_bytes());
    seeds.extend(lines.into_iter().map(String::into_bytes));
    seeds
}
