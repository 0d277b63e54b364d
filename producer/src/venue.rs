//! Crypto venues: from their JSON messages to records.
//!
//! A [`Normaliser`] takes the messages of one venue as they were received, whoever received them,
//! and gives records to a [`Sink`]. It does no I/O: what it wants of the venue, such as a new
//! snapshot, it says in [`Normaliser::take_request`].
//!
//! | what the venue says | record |
//! |---|---|
//! | a trade | TradeW |
//! | the best bid and offer | QuoteW; of venues other than Binance made from the book when it changes |
//! | changes of levels | a DeltaW each; the last of an event is flagged LAST |
//! | a snapshot of the book | DeltaW `R`, then a DeltaW for each level, flagged SNAPSHOT |
//! | what was lost | Gap, before the first record after the hole |
//!
//! Nothing is invented:
//! - numbers are read from their text; ts_event is the venue's time or undefined, ts_recv the
//!   receiver's, and a record that was received before it happened is flagged BAD_TS_RECV;
//! - each book is Unsynced, Syncing, Synced or Stale, as the instrument directory says. While it is
//!   not Synced the instrument's records are flagged MAYBE_BAD_BOOK; so are events after which the
//!   book is crossed, or has a price among its best that records cannot hold. QuoteW has no room
//!   for flags: none is made from such a book;
//! - a hole, a wrong checksum, bytes that cannot be read, a lost connection: the book is lost
//!   (Unsynced), a Gap record says why, and a snapshot is asked for;
//! - levels that fall out of a book of limited depth are published as deleted.
//!
//! Instruments are numbered in the order in which they are subscribed or first seen, and the
//! directory learns their decimals from the numbers that the venue sends.
//!
//! Cost: one pass over a message, no allocation after the working set has been seen, except for
//! updates that are kept for a snapshot.

mod binance;
mod coinbase;
mod coinbase_advanced;
mod count;
mod elements;
mod json;
mod kraken;
mod kraken_v2;
mod market;
mod okx;
mod records;
mod scale;
mod scan;
pub(crate) mod time;

use std::fmt;
use std::str::FromStr;

use tickring::WrongKind;
use tickring::record::{book_state, gap_cause, gap_state};

use crate::error::Error;
use crate::source::{Report, Sink};
use count::Anomaly;
use market::{Loss, Market, Row};

/// Levels of a side that a book holds, at most.
pub const MOST_DEPTH: usize = 1 << 16;

/// A venue whose messages are understood.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Venue {
    /// Binance, spot.
    Binance,
    /// Binance, futures margined in US dollars.
    BinanceUsdM,
    /// Binance, futures margined in the coin.
    BinanceCoinM,
    /// Coinbase Exchange.
    Coinbase,
    /// Coinbase Advanced Trade.
    CoinbaseAdvanced,
    /// Kraken, WebSocket version 1.
    Kraken,
    /// Kraken, WebSocket version 2.
    KrakenV2,
    /// OKX.
    Okx,
}

impl Venue {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Binance,
        Self::BinanceUsdM,
        Self::BinanceCoinM,
        Self::Coinbase,
        Self::CoinbaseAdvanced,
        Self::Kraken,
        Self::KrakenV2,
        Self::Okx,
    ];

    /// Returns its name, as the command line has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::BinanceUsdM => "binance-usdm",
            Self::BinanceCoinM => "binance-coinm",
            Self::Coinbase => "coinbase",
            Self::CoinbaseAdvanced => "coinbase-advanced",
            Self::Kraken => "kraken",
            Self::KrakenV2 => "kraken-v2",
            Self::Okx => "okx",
        }
    }

    /// Returns the publisher of its records. DBN has no numbers for these venues; these are far
    /// above those that it has.
    #[must_use]
    pub const fn publisher_id(self) -> u16 {
        match self {
            Self::Binance => 0xF001,
            Self::BinanceUsdM => 0xF002,
            Self::BinanceCoinM => 0xF003,
            Self::Coinbase => 0xF004,
            Self::Kraken => 0xF005,
            Self::Okx => 0xF006,
            Self::KrakenV2 => 0xF007,
            Self::CoinbaseAdvanced => 0xF008,
        }
    }

    /// Returns whether it sends best bids and offers of its own that are used.
    const fn sends_quotes(self) -> bool {
        matches!(self, Self::Binance | Self::BinanceUsdM | Self::BinanceCoinM)
    }

    /// Returns whether it leaves away zeros at the end of numbers.
    const fn has_varying_decimals(self) -> bool {
        matches!(self, Self::Coinbase | Self::CoinbaseAdvanced | Self::KrakenV2 | Self::Okx)
    }

    /// Returns whether a lost update shows in the next one.
    const fn numbers_updates(self) -> bool {
        self.sends_quotes() || matches!(self, Self::CoinbaseAdvanced | Self::Okx)
    }
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Venue {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let venue = Self::ALL.into_iter().find(|venue| venue.name() == text);
        venue.ok_or_else(|| Error::Option {
            name: "venue",
            expected: "binance, binance-usdm, binance-coinm, coinbase, coinbase-advanced, kraken, \
                       kraken-v2 or okx",
            found: text.to_owned(),
        })
    }
}

/// A message as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// When, by the receiver's clock, ns since the Unix epoch, UTC.
    pub ts_recv: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// A snapshot that is wanted, of the book of one instrument.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The instrument's symbol, as the venue writes it.
    pub symbol: String,
}

/// Why a connection is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lost {
    /// It was closed or broke.
    Connection,
    /// Messages came faster than they were published, and there was no room for more.
    Overflow {
        /// How many messages had no room.
        messages: u64,
    },
}

/// What came of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// It was understood.
    Taken,
    /// It is not what the venue's documentation says.
    Malformed,
    /// It says that the venue did not do what was asked.
    Refused,
}

/// Turns the messages of one venue into records.
#[derive(Debug)]
pub struct Normaliser {
    market: Market,
    format: Format,
    /// Levels of the message at hand.
    rows: Vec<Row>,
    is_silent: bool,
}

/// What is the venue's own.
#[derive(Debug)]
enum Format {
    Binance(binance::Binance),
    Coinbase,
    CoinbaseAdvanced(coinbase_advanced::Advanced),
    Kraken(kraken::Kraken),
    KrakenV2(kraken_v2::Kraken),
    Okx(okx::Okx),
}

impl Normaliser {
    /// Creates a normaliser without instruments.
    #[must_use]
    pub fn new(venue: Venue) -> Self {
        let format = match venue {
            Venue::Binance | Venue::BinanceUsdM | Venue::BinanceCoinM => {
                Format::Binance(binance::Binance::default())
            }
            Venue::Coinbase => Format::Coinbase,
            Venue::CoinbaseAdvanced => {
                Format::CoinbaseAdvanced(coinbase_advanced::Advanced::default())
            }
            Venue::Kraken => Format::Kraken(kraken::Kraken::default()),
            Venue::KrakenV2 => Format::KrakenV2(kraken_v2::Kraken::default()),
            Venue::Okx => Format::Okx(okx::Okx::default()),
        };
        let market = Market::new(venue, MOST_DEPTH);
        Self { market, format, rows: Vec::new(), is_silent: false }
    }

    /// Numbers an instrument, and tells of it, before its first message.
    pub fn expect<S: Sink>(&mut self, symbol: &str, sink: &mut S) {
        let _ = self.market.instrument(symbol, sink);
    }

    /// Notes that a connection is made: books are awaited from now on.
    pub fn connected<S: Sink>(&mut self, sink: &mut S) {
        self.is_silent = false;
        self.market.forget_requests();
        // Of Binance a snapshot is asked for when the first update is there.
        let is_sent = !matches!(self.format, Format::Binance(_));
        let state = if is_sent { book_state::SYNCING } else { book_state::UNSYNCED };
        for index in 0..self.market.len() {
            self.market.set_state(index, state, sink);
        }
    }

    /// Gives the records of one message to `sink`.
    ///
    /// # Errors
    /// [`WrongKind`] if the sink refuses a record.
    pub fn message<S: Sink>(
        &mut self,
        message: Message<'_>,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        self.read(message, None, sink)
    }

    /// Gives the records of a snapshot that was asked for to `sink`: those of the book, once it is
    /// joined with the updates that came meanwhile.
    ///
    /// # Errors
    /// [`WrongKind`] if the sink refuses a record.
    pub fn snapshot<S: Sink>(
        &mut self,
        symbol: &str,
        message: Message<'_>,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        self.read(message, Some(symbol), sink)
    }

    fn read<S: Sink>(
        &mut self,
        message: Message<'_>,
        symbol: Option<&str>,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        self.resume(sink);
        let Self { market, format, rows, .. } = self;
        rows.clear();
        let read = match format {
            Format::Binance(binance) => binance.message(market, rows, message, symbol, sink)?,
            Format::Coinbase => coinbase::message(market, rows, message, sink)?,
            Format::CoinbaseAdvanced(own) => own.message(market, rows, message, sink)?,
            Format::Kraken(kraken) => kraken.message(market, rows, message, sink)?,
            Format::KrakenV2(kraken) => kraken.message(market, rows, message, sink)?,
            Format::Okx(okx) => okx.message(market, rows, message, sink)?,
        };
        match read {
            Outcome::Taken => Ok(()),
            Outcome::Refused => {
                self.market.counts.anomaly(Anomaly::Refused);
                Ok(())
            }
            Outcome::Malformed => self.malformed(message.ts_recv, sink),
        }
    }

    /// Notes that nothing has come for long, although the connection is there: books are Stale
    /// until something comes.
    pub fn silent<S: Sink>(&mut self, sink: &mut S) {
        self.market.counts.anomaly(Anomaly::Silence);
        self.is_silent = true;
        for index in 0..self.market.len() {
            if self.market.state(index) == book_state::SYNCED {
                self.market.set_state(index, book_state::STALE, sink);
            }
        }
    }

    /// Notes that the connection lives again, on which nothing was lost.
    pub fn resume<S: Sink>(&mut self, sink: &mut S) {
        if !std::mem::take(&mut self.is_silent) {
            return;
        }
        for index in 0..self.market.len() {
            if self.market.state(index) == book_state::STALE {
                self.market.set_state(index, book_state::SYNCED, sink);
            }
        }
    }

    /// Notes that the connection is gone: a Gap record for each instrument, and no book.
    ///
    /// # Errors
    /// [`WrongKind`] if the sink refuses a record.
    pub fn lost<S: Sink>(
        &mut self,
        lost: Lost,
        ts_recv: u64,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let cause = match lost {
            Lost::Connection => {
                self.market.counts.anomaly(Anomaly::Disconnect);
                gap_cause::DISCONNECT
            }
            Lost::Overflow { messages } => {
                self.market.counts.anomalies(Anomaly::Overflow, messages);
                gap_cause::SOCKET_OVERFLOW
            }
        };
        let loss = Loss { state: gap_state::RECONNECT, ..Loss::of(cause) };
        self.lose_all(loss, ts_recv, sink)?;
        self.market.forget_requests();
        Ok(())
    }

    /// Returns what is wanted of the venue next; its instrument's book is awaited from then on.
    pub fn take_request<S: Sink>(&mut self, sink: &mut S) -> Option<Request> {
        self.market.take_request(sink)
    }

    /// Drops what is wanted of the venue next, as nobody can ask it; `false` if nothing is.
    pub fn drop_request(&mut self) -> bool {
        self.market.drop_request()
    }

    /// Notes bytes that came in place of a message.
    ///
    /// # Errors
    /// [`WrongKind`] if the sink refuses a record.
    pub fn unreadable<S: Sink>(
        &mut self,
        message: Message<'_>,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        self.malformed(message.ts_recv, sink)
    }

    /// Returns the messages by type and the anomalies.
    ///
    /// Cost: allocates.
    #[must_use]
    pub fn report(&self) -> Report {
        self.market.counts.report()
    }

    /// Says that a message cannot be read. Nobody knows what it was: where the updates of books are
    /// numbered the next one will tell, elsewhere all books may be wrong.
    fn malformed<S: Sink>(&mut self, ts_recv: u64, sink: &mut S) -> Result<(), WrongKind> {
        self.market.counts.anomaly(Anomaly::Malformed);
        let loss = Loss::of(gap_cause::MALFORMED);
        if self.market.venue().numbers_updates() || self.market.len() == 0 {
            return self.market.gap(0, loss, ts_recv, sink);
        }
        self.lose_all(loss, ts_recv, sink)
    }

    fn lose_all<S: Sink>(
        &mut self,
        loss: Loss,
        ts_recv: u64,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        match &mut self.format {
            Format::Binance(binance) => binance.reset(),
            Format::Okx(okx) => okx.reset(),
            Format::CoinbaseAdvanced(own) => own.reset(),
            Format::Coinbase | Format::Kraken(_) | Format::KrakenV2(_) => {}
        }
        for index in 0..self.market.len() {
            self.market.lose(index, loss, ts_recv, sink)?;
        }
        Ok(())
    }
}
