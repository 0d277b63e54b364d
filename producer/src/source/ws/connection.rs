//! The thread that talks to the venue.

use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{Duration, SystemTime};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

use super::capture::Capture;
use super::fetch::{Fetched, Fetches};
use super::subscription::Subscription;
use super::trust::Trust;
use super::{Event, WsError, WsOptions};
use crate::venue::{Lost, Request};

/// The longest time that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How often a queue without room is looked at when the publisher is to learn of a loss.
const LOOK: Duration = Duration::from_millis(5);
/// The longest message, in bytes: ten times the largest snapshot seen.
const MOST_MESSAGE: usize = 1 << 25;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The publisher is gone: there is nobody to work for.
struct Stop;

/// Everything that the thread has.
pub(super) struct Connection {
    subscription: Subscription,
    symbols: Vec<String>,
    url: String,
    rest_url: String,
    trust: Trust,
    silence: Duration,
    backoff: Duration,
    most_backoff: Duration,
    capture: Capture,
    events: SyncSender<Event>,
    wanted: UnboundedReceiver<Request>,
}

impl Connection {
    /// Checks the options.
    pub(super) fn new(
        options: &WsOptions,
        subscription: Subscription,
        events: SyncSender<Event>,
        wanted: UnboundedReceiver<Request>,
    ) -> Result<Self, WsError> {
        let own = |url: &Option<String>, usual: &str| url.as_deref().unwrap_or(usual).to_owned();
        let url = own(&options.url, subscription.url());
        let rest_url = own(&options.rest_url, subscription.rest_url().unwrap_or("https://"));
        check(&url, ["ws://", "wss://"], "ws:// or wss:// and a host")?;
        check(&rest_url, ["http://", "https://"], "http:// or https:// and a host")?;
        Ok(Self {
            subscription,
            symbols: options.symbols.clone(),
            url,
            rest_url,
            trust: Trust::new(options.ca_file.as_deref())?,
            silence: options.silence.max(Duration::from_millis(1)),
            backoff: options.backoff,
            most_backoff: options.most_backoff.max(options.backoff),
            capture: Capture::open(options.capture.as_ref())?,
            events,
            wanted,
        })
    }

    /// Works until the publisher is gone.
    pub(super) fn run(mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(4)
            .build();
        // Without a runtime the thread ends, and the publisher sees the end of its input.
        if let Ok(runtime) = runtime {
            let Stop = runtime.block_on(self.work());
            self.capture.flush();
            // A snapshot that is being fetched is not waited for.
            runtime.shutdown_background();
        }
    }

    async fn work(&mut self) -> Stop {
        let mut wait = self.backoff;
        loop {
            match self.connect().await {
                Ok(stream) => match self.follow(stream).await {
                    Ok(has_received) if has_received => wait = self.backoff,
                    Ok(_) => {}
                    Err(stop) => return stop,
                },
                Err(Some(why)) => {
                    if let Err(stop) = self.deliver(Event::NotConnected { why }).await {
                        return stop;
                    }
                }
                Err(None) => return Stop,
            }
            if let Err(stop) = self.rest(wait).await {
                return stop;
            }
            wait = (wait * 2).min(self.most_backoff);
        }
    }

    /// Connects; why not, or `None` if the publisher is gone.
    async fn connect(&mut self) -> Result<Stream, Option<String>> {
        let mut config = WebSocketConfig::default();
        config.max_message_size = Some(MOST_MESSAGE);
        config.max_frame_size = Some(MOST_MESSAGE);
        let connector = Connector::Rustls(self.trust.config.clone());
        let connecting = tokio_tungstenite::connect_async_tls_with_config(
            self.url.as_str(),
            Some(config),
            true,
            Some(connector),
        );
        tokio::select! {
            connected = timeout(CONNECT, connecting) => match connected {
                Ok(Ok((stream, _))) => Ok(stream),
                Ok(Err(error)) => Err(Some(error.to_string())),
                Err(_) => Err(Some(format!("no answer in {} s", CONNECT.as_secs()))),
            },
            Stop = stopped(&mut self.wanted) => Err(None),
        }
    }

    /// Follows the venue on a connection until that is lost, and says so; returns whether anything
    /// was received.
    async fn follow(&mut self, mut stream: Stream) -> Result<bool, Stop> {
        self.capture.connected(&self.url, now_ns());
        self.deliver(Event::Connected).await?;
        let mut has_received = false;
        let begin = self.subscription.begin(&self.symbols);
        let lost = match self.say(&mut stream, &begin).await {
            Ok(()) => self.receive(&mut stream, &mut has_received).await?,
            Err(_) => Lost::Connection,
        };
        drop(stream);
        self.deliver(Event::Lost { lost, ts_recv: now_ns() }).await?;
        Ok(has_received)
    }

    /// Receives until the connection is lost.
    async fn receive(&mut self, stream: &mut Stream, any: &mut bool) -> Result<Lost, Stop> {
        let agent = self.trust.agent.clone();
        let mut fetches = Fetches::new(agent, self.subscription, &self.rest_url);
        let mut life = Life::new(self.silence);
        loop {
            let sent = tokio::select! {
                frame = stream.next() => match frame {
                    Some(Ok(tungstenite::Message::Text(text))) => {
                        *any = true;
                        life.heard();
                        match self.message(text.into())? {
                            None => Ok(()),
                            Some(lost) => return Ok(lost),
                        }
                    }
                    Some(Ok(tungstenite::Message::Binary(bytes))) => {
                        life.heard();
                        match self.message(bytes)? {
                            None => Ok(()),
                            Some(lost) => return Ok(lost),
                        }
                    }
                    Some(Ok(tungstenite::Message::Pong(_))) => {
                        if self.subscription.lives_by_pong() && life.heard() {
                            self.deliver(Event::Resumed).await?;
                        }
                        Ok(())
                    }
                    Some(Ok(tungstenite::Message::Ping(_) | tungstenite::Message::Frame(_))) => {
                        stream.flush().await
                    }
                    Some(Ok(tungstenite::Message::Close(_)) | Err(_)) | None => {
                        return Ok(Lost::Connection);
                    }
                },
                request = self.wanted.recv() => match request {
                    None => return Err(Stop),
                    Some(request) if self.subscription.rest_url().is_some() => {
                        fetches.begin(request);
                        Ok(())
                    }
                    Some(Request { symbol }) => {
                        self.say(stream, &self.subscription.again(&symbol)).await
                    }
                },
                fetched = fetches.next() => {
                    self.fetched(fetched, &mut fetches).await?;
                    Ok(())
                }
                due = life.due() => match due {
                    Due::Ping => self.ping(stream).await,
                    Due::Silence => {
                        self.deliver(Event::Silent).await?;
                        Ok(())
                    }
                    Due::End => return Ok(Lost::Connection),
                },
            };
            if sent.is_err() {
                return Ok(Lost::Connection);
            }
        }
    }

    /// Hands a message on, without ever waiting for room.
    fn message(&mut self, bytes: Bytes) -> Result<Option<Lost>, Stop> {
        let ts_recv = now_ns();
        self.capture.received(ts_recv, &bytes);
        match self.events.try_send(Event::Message { ts_recv, bytes }) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(_)) => Ok(Some(Lost::Overflow { messages: 1 })),
            Err(TrySendError::Disconnected(_)) => Err(Stop),
        }
    }

    async fn fetched(&mut self, fetched: Fetched, fetches: &mut Fetches) -> Result<(), Stop> {
        let Fetched { symbol, answer } = fetched;
        match answer {
            Ok(bytes) => {
                let ts_recv = now_ns();
                let url = format!("{}{}", self.rest_url, self.subscription.snapshot(&symbol));
                self.capture.fetched(&url, ts_recv, &bytes);
                self.deliver(Event::Snapshot { symbol, ts_recv, bytes }).await
            }
            Err(why) => {
                fetches.begin(Request { symbol });
                self.deliver(Event::NotFetched { why }).await
            }
        }
    }

    /// Hands an event on that the publisher must learn of, when there is room.
    async fn deliver(&mut self, event: Event) -> Result<(), Stop> {
        let mut event = event;
        loop {
            match self.events.try_send(event) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(back)) => event = back,
                Err(TrySendError::Disconnected(_)) => return Err(Stop),
            }
            sleep(LOOK).await;
        }
    }

    async fn say(&mut self, stream: &mut Stream, texts: &[String]) -> tungstenite::Result<()> {
        for text in texts {
            self.capture.sent(&self.url, now_ns(), text);
            stream.send(tungstenite::Message::text(text.as_str())).await?;
        }
        Ok(())
    }

    async fn ping(&mut self, stream: &mut Stream) -> tungstenite::Result<()> {
        self.capture.flush();
        match self.subscription.ping() {
            Some(text) => stream.send(tungstenite::Message::text(text)).await,
            None => stream.send(tungstenite::Message::Ping(Bytes::new())).await,
        }
    }

    /// Waits; snapshots that are wanted meanwhile will be asked for by the next connection.
    async fn rest(&mut self, time: Duration) -> Result<(), Stop> {
        tokio::select! {
            () = sleep(time) => Ok(()),
            stop = stopped(&mut self.wanted) => Err(stop),
        }
    }
}

/// Waits until the publisher is gone.
async fn stopped(wanted: &mut UnboundedReceiver<Request>) -> Stop {
    while wanted.recv().await.is_some() {}
    Stop
}

/// What a silent connection calls for.
enum Due {
    Ping,
    Silence,
    End,
}

/// How long a connection has been silent.
struct Life {
    silence: Duration,
    heard: Instant,
    pinged: Instant,
    is_silent: bool,
}

impl Life {
    fn new(silence: Duration) -> Self {
        let now = Instant::now();
        Self { silence, heard: now, pinged: now, is_silent: false }
    }

    /// Notes a sign of life; says whether the connection was silent.
    fn heard(&mut self) -> bool {
        self.heard = Instant::now();
        std::mem::take(&mut self.is_silent)
    }

    /// Waits until something is to be done.
    async fn due(&mut self) -> Due {
        let ping_at = self.pinged + self.silence / 2;
        let end_at = self.heard + if self.is_silent { 2 * self.silence } else { self.silence };
        sleep_until(ping_at.min(end_at)).await;
        if ping_at < end_at {
            self.pinged = Instant::now();
            return Due::Ping;
        }
        if self.is_silent {
            return Due::End;
        }
        self.is_silent = true;
        Due::Silence
    }
}

/// Returns the time of receipt, in ns since the Unix epoch, UTC.
fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn check(url: &str, schemes: [&str; 2], expected: &'static str) -> Result<(), WsError> {
    if schemes.into_iter().any(|scheme| url.starts_with(scheme)) {
        return Ok(());
    }
    Err(WsError::Url { expected, found: url.to_owned() })
}
