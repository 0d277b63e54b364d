//! What is said to each venue: where it is, and how to ask it for books and trades.

use crate::venue::Venue;

/// How a venue is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subscription {
    pub(super) venue: Venue,
    /// Levels of a side, of venues that send the best N.
    pub(super) depth: u32,
}

impl Subscription {
    /// Returns where the venue's public messages come from.
    pub(super) const fn url(self) -> &'static str {
        match self.venue {
            Venue::Binance => "wss://stream.binance.com:9443/stream",
            Venue::BinanceUsdM => "wss://fstream.binance.com/stream",
            Venue::BinanceCoinM => "wss://dstream.binance.com/stream",
            Venue::Coinbase => "wss://ws-feed.exchange.coinbase.com",
            Venue::CoinbaseAdvanced => "wss://advanced-trade-ws.coinbase.com",
            Venue::Kraken => "wss://ws.kraken.com",
            Venue::KrakenV2 => "wss://ws.kraken.com/v2",
            Venue::Okx => "wss://ws.okx.com:8443/ws/v5/public",
        }
    }

    /// Returns where snapshots are fetched from; `None` of venues that send them by themselves.
    pub(super) const fn rest_url(self) -> Option<&'static str> {
        match self.venue {
            Venue::Binance => Some("https://api.binance.com"),
            Venue::BinanceUsdM => Some("https://fapi.binance.com"),
            Venue::BinanceCoinM => Some("https://dapi.binance.com"),
            Venue::Coinbase
            | Venue::CoinbaseAdvanced
            | Venue::Kraken
            | Venue::KrakenV2
            | Venue::Okx => None,
        }
    }

    /// Returns the path and query of an instrument's snapshot.
    pub(super) fn snapshot(self, symbol: &str) -> String {
        let path = match self.venue {
            Venue::BinanceUsdM => "/fapi/v1/depth",
            Venue::BinanceCoinM => "/dapi/v1/depth",
            _ => "/api/v3/depth",
        };
        format!("{path}?symbol={symbol}&limit=1000")
    }

    /// Returns the messages that begin to follow these instruments.
    pub(super) fn begin(self, symbols: &[String]) -> Vec<String> {
        let quoted = list(symbols);
        match self.venue {
            Venue::Binance | Venue::BinanceUsdM | Venue::BinanceCoinM => {
                let trades = if self.venue == Venue::Binance { "trade" } else { "aggTrade" };
                let streams: Vec<String> = symbols
                    .iter()
                    .map(|symbol| symbol.to_ascii_lowercase())
                    .flat_map(|symbol| {
                        ["depth@100ms", "bookTicker", trades].map(|name| format!("{symbol}@{name}"))
                    })
                    .collect();
                let streams = list(&streams);
                vec![format!(r#"{{"method":"SUBSCRIBE","params":[{streams}],"id":1}}"#)]
            }
            Venue::Coinbase => vec![format!(
                r#"{{"type":"subscribe","product_ids":[{quoted}],"channels":["level2_batch","matches","heartbeat"]}}"#
            )],
            Venue::CoinbaseAdvanced => {
                let own = ["level2", "market_trades"]
                    .map(|channel| advanced("subscribe", channel, &quoted));
                let heartbeats = r#"{"type":"subscribe","channel":"heartbeats"}"#.to_owned();
                own.into_iter().chain([heartbeats]).collect()
            }
            Venue::KrakenV2 => vec![
                self.kraken_v2_book("subscribe", &quoted),
                format!(
                    r#"{{"method":"subscribe","params":{{"channel":"trade","symbol":[{quoted}],"snapshot":false}}}}"#
                ),
            ],
            Venue::Kraken => vec![
                self.kraken_book("subscribe", &quoted),
                format!(
                    r#"{{"event":"subscribe","pair":[{quoted}],"subscription":{{"name":"trade"}}}}"#
                ),
            ],
            Venue::Okx => vec![okx("subscribe", symbols, &["books", "trades"])],
        }
    }

    /// Returns the messages that ask for the book of one instrument anew.
    pub(super) fn again(self, symbol: &str) -> Vec<String> {
        let quoted = list(&[symbol.to_owned()]);
        match self.venue {
            Venue::Binance | Venue::BinanceUsdM | Venue::BinanceCoinM => Vec::new(),
            Venue::Coinbase => ["unsubscribe", "subscribe"]
                .map(|verb| {
                    format!(
                        r#"{{"type":"{verb}","product_ids":[{quoted}],"channels":["level2_batch"]}}"#
                    )
                })
                .into(),
            Venue::CoinbaseAdvanced => {
                ["unsubscribe", "subscribe"].map(|verb| advanced(verb, "level2", &quoted)).into()
            }
            Venue::KrakenV2 => {
                ["unsubscribe", "subscribe"].map(|verb| self.kraken_v2_book(verb, &quoted)).into()
            }
            Venue::Kraken => {
                ["unsubscribe", "subscribe"].map(|verb| self.kraken_book(verb, &quoted)).into()
            }
            Venue::Okx => ["unsubscribe", "subscribe"]
                .map(|verb| okx(verb, &[symbol.to_owned()], &["books"]))
                .into(),
        }
    }

    /// Returns the text that this venue answers, where frames of the protocol will not do.
    pub(super) const fn ping(self) -> Option<&'static str> {
        match self.venue {
            Venue::Okx => Some("ping"),
            Venue::Kraken => Some(r#"{"event":"ping"}"#),
            Venue::KrakenV2 => Some(r#"{"method":"ping"}"#),
            _ => None,
        }
    }

    /// Returns whether the answer to a ping of the protocol tells that the venue lives: not where
    /// its messages come every second or in answer to [`ping`](Self::ping).
    pub(super) const fn lives_by_pong(self) -> bool {
        matches!(self.venue, Venue::Binance | Venue::BinanceUsdM | Venue::BinanceCoinM)
    }

    fn kraken_v2_book(self, verb: &str, quoted: &str) -> String {
        let depth = self.depth;
        format!(
            r#"{{"method":"{verb}","params":{{"channel":"book","symbol":[{quoted}],"depth":{depth}}}}}"#
        )
    }

    fn kraken_book(self, verb: &str, quoted: &str) -> String {
        let depth = self.depth;
        format!(
            r#"{{"event":"{verb}","pair":[{quoted}],"subscription":{{"name":"book","depth":{depth}}}}}"#
        )
    }
}

fn advanced(verb: &str, channel: &str, quoted: &str) -> String {
    format!(r#"{{"type":"{verb}","product_ids":[{quoted}],"channel":"{channel}"}}"#)
}

/// Symbols as the elements of a JSON array.
fn list(symbols: &[String]) -> String {
    let quoted = symbols.iter().map(|symbol| format!("\"{symbol}\""));
    quoted.collect::<Vec<_>>().join(",")
}

fn okx(verb: &str, symbols: &[String], channels: &[&str]) -> String {
    let arguments: Vec<String> = symbols
        .iter()
        .flat_map(|symbol| {
            channels
                .iter()
                .map(move |channel| format!(r#"{{"channel":"{channel}","instId":"{symbol}"}}"#))
        })
        .collect();
    format!(r#"{{"op":"{verb}","args":[{}]}}"#, arguments.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_to_a_venue_is_json_and_names_the_instruments() {
        let symbols = ["XBT/USD".to_owned(), "ETH/USD".to_owned()];
        for venue in Venue::ALL {
            let subscription = Subscription { venue, depth: 100 };
            let again = symbols.iter().flat_map(|symbol| subscription.again(symbol));
            for message in subscription.begin(&symbols).into_iter().chain(again) {
                let parsed: serde_json::Value = serde_json::from_str(&message).unwrap();
                assert!(parsed.is_object(), "{message}");
                let lower = message.to_ascii_lowercase();
                let is_named = lower.contains("xbt/usd") || lower.contains("eth/usd");
                assert!(is_named || lower.contains("heartbeats"), "{message}");
            }
            assert!(subscription.url().starts_with("wss://"));
            assert_eq!(subscription.rest_url().is_some(), subscription.lives_by_pong());
        }
    }

    #[test]
    fn binance_is_asked_for_streams_in_small_letters_and_snapshots_in_its_own_paths() {
        let of = |venue| Subscription { venue, depth: 0 };
        assert_eq!(
            of(Venue::Binance).begin(&["BTCUSDT".to_owned()]),
            [
                r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms","btcusdt@bookTicker","btcusdt@trade"],"id":1}"#
            ]
        );
        let path = of(Venue::BinanceCoinM).snapshot("BTCUSD_PERP");
        assert_eq!(path, "/dapi/v1/depth?symbol=BTCUSD_PERP&limit=1000");
    }
}
