//! `tickring feed ws` and `ws-file`: crypto venues, live and from recordings.

use super::Publishing;
use crate::duration;
use std::path::PathBuf;
use std::time::Duration;
use tickring_producer::Error;
use tickring_producer::source::recording::RecordingSource;
use tickring_producer::source::ws::{WsOptions, WsSource};
use tickring_producer::venue::Venue;

/// Names of the venues, for help.
const VENUES: &str = "binance, binance-usdm, binance-coinm, coinbase, coinbase-advanced, kraken, \
                      kraken-v2 or okx";

#[derive(Debug, clap::Args)]
pub(super) struct Ws {
    #[arg(help = format!("The exchange: {VENUES}"))]
    exchange: Venue,
    /// The instruments to follow, as the venue writes them, with commas between: BTCUSDT for
    /// Binance, BTC-USD for Coinbase, XBT/USD for Kraken (BTC/USD in version 2), BTC-USDT for OKX
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',', required = true)]
    symbols: Vec<String>,
    /// Connect to this address instead of the venue's: ws:// or wss://
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Fetch snapshots of books from this address instead of the venue's: http:// or https://, without
    /// a path. Only Binance needs them
    #[arg(long, value_name = "URL")]
    rest_url: Option<String>,
    /// Trust the certificates of this PEM file instead of those that browsers trust
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Levels of a side, of Kraken (both versions): 10, 25, 100, 500 or 1000
    #[arg(long, value_name = "LEVELS", default_value_t = 1000)]
    book_depth: u32,
    /// After so many seconds without a message books are stale; after twice as many it connects
    /// again
    #[arg(long, value_name = "SECONDS", value_parser = duration::seconds, default_value = "30")]
    silence: Duration,
    /// Append everything that is received to this file, for `feed ws-file`
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
    #[command(flatten)]
    pub(super) publishing: Publishing,
}

impl Ws {
    /// Begins to connect.
    ///
    /// # Errors
    ///
    /// That of an option.
    pub(super) fn open(&self) -> Result<WsSource, Error> {
        WsSource::open(&WsOptions {
            url: self.url.clone(),
            rest_url: self.rest_url.clone(),
            ca_file: self.ca_file.clone(),
            depth: self.book_depth,
            silence: self.silence,
            capture: self.capture.clone(),
            ..WsOptions::new(self.exchange, self.symbols.clone())
        })
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct WsFile {
    #[arg(help = format!("The exchange: {VENUES}"))]
    exchange: Venue,
    /// Recordings by cryptofeed, hftbacktest or `feed ws --capture`, plain or compressed by gzip;
    /// several are merged by their times
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) publishing: Publishing,
}

impl WsFile {
    /// Opens the recordings.
    ///
    /// # Errors
    ///
    /// That of a file that cannot be read or is no recording.
    pub(super) fn open(&self) -> Result<RecordingSource, Error> {
        RecordingSource::open(self.exchange, &self.files)
    }
}
