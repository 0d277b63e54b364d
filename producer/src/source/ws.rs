//! Live messages of a crypto venue, over WebSocket.
//!
//! ```text
//! venue ──TLS── connection thread ──bounded queue──► poll: normalise ──► Sink
//!                     ▲                                   │
//!                     └──────── snapshots wanted ─────────┘
//! ```
//!
//! The connection has a thread of its own, so that a venue's messages are stamped when they are
//! there and answered in time whatever the publisher does. It never waits for the publisher: a
//! message without room in the queue ends the connection, which is a loss like any other, with a
//! Gap record for each instrument. After a loss it connects again, by itself, later each time until
//! messages come.
//!
//! A venue that says nothing for [`silence`](WsOptions::silence) makes the books Stale; twice as
//! long, and the connection is given up.

mod capture;
mod connection;
mod fetch;
mod subscription;
mod trust;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::Error as TlsError;
use thiserror::Error;
use tickring::WrongKind;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Bytes;

use crate::error::Error;
use crate::source::{Count, Kinds, Progress, Report, Sink, Source, recording};
use crate::venue::{Lost, Message, Normaliser, Request, Venue};
use connection::Connection;
use subscription::Subscription;

/// Says why a connection cannot be made ready.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WsError {
    /// A file of certificates cannot be used.
    #[error(
        "certificates {path}: expected PEM certificates, found: {found}; give the file of the \
         authority that signed the server's certificate"
    )]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// The TLS library cannot be set up.
    #[error("TLS: {source}")]
    Tls {
        /// The library's reason.
        source: TlsError,
    },
    /// A URL cannot be connected to.
    #[error("URL {found:?}: expected {expected}; see the venue's documentation")]
    Url {
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A file to capture to cannot be made.
    #[error("capture to {path}: {source}; check the path and its permissions")]
    Capture {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The thread of the connection cannot be started.
    #[error("cannot start a thread: {source}; the system is out of threads or memory")]
    Thread {
        /// The system's reason.
        source: std::io::Error,
    },
}

/// Options of [`WsSource`].
#[derive(Clone, Debug)]
pub struct WsOptions {
    /// The venue.
    pub venue: Venue,
    /// The instruments to follow, as the venue writes them.
    pub symbols: Vec<String>,
    /// Where to connect to instead of the venue's public address: `ws://` or `wss://`.
    pub url: Option<String>,
    /// Where to fetch snapshots from instead of the venue's public address: `http://` or `https://`.
    pub rest_url: Option<String>,
    /// PEM certificates to trust instead of the roots that browsers trust.
    pub ca_file: Option<PathBuf>,
    /// Levels of a side, of venues that send the best N (Kraken: 10, 25, 100, 500 or 1000).
    pub depth: u32,
    /// Messages that may wait for the publisher.
    pub queue: usize,
    /// After so long without a message books are Stale; after twice as long it connects again.
    pub silence: Duration,
    /// How long to wait after the first lost connection; twice as long after each further one.
    pub backoff: Duration,
    /// The longest such wait.
    pub most_backoff: Duration,
    /// A file to append everything to that is received, as cryptofeed writes it.
    pub capture: Option<PathBuf>,
}

impl WsOptions {
    /// Returns options for a venue's public address.
    #[must_use]
    pub fn new(venue: Venue, symbols: Vec<String>) -> Self {
        Self {
            venue,
            symbols,
            url: None,
            rest_url: None,
            ca_file: None,
            depth: 1000,
            queue: 1 << 16,
            silence: Duration::from_secs(30),
            backoff: Duration::from_millis(250),
            most_backoff: Duration::from_secs(30),
            capture: None,
        }
    }
}

/// What the connection's thread tells the publisher.
#[derive(Debug)]
enum Event {
    /// A connection was made and everything asked for.
    Connected,
    /// A message was received.
    Message { ts_recv: u64, bytes: Bytes },
    /// A snapshot was fetched.
    Snapshot { symbol: String, ts_recv: u64, bytes: Vec<u8> },
    /// A snapshot could not be fetched; it is tried again.
    NotFetched { why: String },
    /// Nothing has come for long.
    Silent,
    /// The connection lives after all.
    Resumed,
    /// The connection is gone.
    Lost { lost: Lost, ts_recv: u64 },
    /// A connection could not be made; it is tried again.
    NotConnected { why: String },
}

/// Follows instruments of a venue.
#[derive(Debug)]
pub struct WsSource {
    symbols: Vec<String>,
    normaliser: Normaliser,
    /// `None` when it is being dropped: the thread sees that and ends.
    events: Option<Receiver<Event>>,
    requests: Option<UnboundedSender<Request>>,
    thread: Option<JoinHandle<()>>,
    /// An event that was waited for.
    waited: Option<Event>,
    is_told: bool,
    not_connected: Failures,
    not_fetched: Failures,
}

/// Failures of one kind.
#[derive(Clone, Debug, Default)]
struct Failures {
    count: u64,
    /// Why the last one was.
    why: String,
}

impl WsSource {
    /// Begins to connect.
    ///
    /// # Errors
    /// [`Error::Ws`] if a URL, a file or the system is not as it should be; that a venue cannot be
    /// reached is no error, but tried again.
    pub fn open(options: &WsOptions) -> Result<Self, Error> {
        let venue = options.venue;
        Self::start(options).map_err(|source| Error::Ws { venue, source })
    }

    fn start(options: &WsOptions) -> Result<Self, WsError> {
        let subscription = Subscription { venue: options.venue, depth: options.depth };
        let (events, receiver) = sync_channel(options.queue.max(1));
        let (requests, wanted) = unbounded_channel();
        let connection = Connection::new(options, subscription, events, wanted)?;
        let thread = std::thread::Builder::new()
            .name(format!("ws {}", options.venue))
            .spawn(move || connection.run())
            .map_err(|source| WsError::Thread { source })?;
        Ok(Self {
            symbols: options.symbols.clone(),
            normaliser: Normaliser::new(options.venue),
            events: Some(receiver),
            requests: Some(requests),
            thread: Some(thread),
            waited: None,
            is_told: false,
            not_connected: Failures::default(),
            not_fetched: Failures::default(),
        })
    }

    /// Returns the next event; `None` for ever after the connection's thread has ended.
    fn next(&mut self) -> Result<Event, TryRecvError> {
        if let Some(event) = self.waited.take() {
            return Ok(event);
        }
        self.events.as_ref().map_or(Err(TryRecvError::Disconnected), Receiver::try_recv)
    }

    fn publish<S: Sink>(&mut self, event: Event, sink: &mut S) -> Result<(), WrongKind> {
        match event {
            Event::Connected => self.normaliser.connected(sink),
            Event::Message { ts_recv, bytes } => {
                self.normaliser.message(Message { ts_recv, bytes: &bytes }, sink)?;
            }
            Event::Snapshot { symbol, ts_recv, bytes } => {
                self.normaliser.snapshot(&symbol, Message { ts_recv, bytes: &bytes }, sink)?;
            }
            Event::Silent => self.normaliser.silent(sink),
            Event::Resumed => self.normaliser.resume(sink),
            Event::Lost { lost, ts_recv } => self.normaliser.lost(lost, ts_recv, sink)?,
            Event::NotFetched { why } => self.not_fetched.note(why),
            Event::NotConnected { why } => self.not_connected.note(why),
        }
        Ok(())
    }
}

impl Failures {
    fn note(&mut self, why: String) {
        self.count += 1;
        self.why = why;
    }

    fn counted(&self, what: &str) -> Option<Count> {
        let Self { count, why } = self;
        (*count > 0).then(|| Count::new(format!("{what} ({why})"), *count))
    }
}

impl Source for WsSource {
    const IS_LIVE: bool = true;

    fn kinds(&self) -> Kinds {
        recording::kinds()
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        None
    }

    fn poll<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<Progress, Error> {
        if !std::mem::replace(&mut self.is_told, true) {
            for symbol in &self.symbols {
                self.normaliser.expect(symbol, sink);
            }
        }
        let mut consumed = 0;
        while consumed < budget {
            match self.next() {
                Ok(event) => self.publish(event, sink).map_err(tickring::Error::from)?,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) if consumed == 0 => return Ok(Progress::End),
                Err(TryRecvError::Disconnected) => break,
            }
            consumed += 1;
        }
        while let Some(request) = self.normaliser.take_request(sink) {
            // A thread that has ended asks for nothing.
            let _ = self.requests.as_ref().map(|requests| requests.send(request));
        }
        Ok(if consumed == 0 { Progress::Idle } else { Progress::Advanced(consumed) })
    }

    fn report(&self) -> Report {
        let mut report = self.normaliser.report();
        report.anomalies.extend(self.not_connected.counted("failed connection"));
        report.anomalies.extend(self.not_fetched.counted("failed snapshot"));
        report
    }

    fn wait(&mut self, limit: Duration) {
        if self.waited.is_some() {
            return;
        }
        match self.events.as_ref().map(|events| events.recv_timeout(limit)) {
            Some(Ok(event)) => self.waited = Some(event),
            Some(Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)) | None => {}
        }
    }
}

impl Drop for WsSource {
    /// Ends the connection and its thread.
    fn drop(&mut self) {
        drop(self.events.take());
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
