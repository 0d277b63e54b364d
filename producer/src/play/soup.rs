//! A SoupBinTCP server that plays a BinaryFILE, well or badly on purpose.
//!
//! All clients are served by one thread, and none can hold up another: a client that does not read
//! is sent nothing, and waits for nobody but itself. The messages are those of the file, numbered
//! from 1, released all at once or at a [`Pace`] that begins with the first login; when all are
//! sent the session ends.
//!
//! [`Trouble`] is what a client must survive: connections cut off in the middle of a packet, a
//! server that falls silent, logins that are rejected, a session that is another after a reconnect.

mod client;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Recording;
use crate::error::Error;
use crate::pace::{Pace, Pacer, RealClock};
use crate::source::soup::connection::Connection;
use crate::source::soup::{SoupError, Timing};
use crate::source::{Count, Progress};
use crate::wire::itch50;
use crate::wire::soupbintcp::{Credentials, Rejection, Session, sequenced_header};
use client::{Client, Fate};

/// Every event only wakes the server, which looks at all of its sockets.
const TOKEN: Token = Token(0);
/// Clients at a time; further ones are closed at once.
const MOST_CLIENTS: usize = 64;
/// Messages released between two looks at the clients.
const RELEASED_AT_ONCE: u64 = 4_096;

/// Options of [`SoupServer`].
#[derive(Clone, Debug)]
pub struct SoupServerOptions {
    /// The BinaryFILE.
    pub file: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Name of the session.
    pub session: Session,
    /// Who may log in; everybody without.
    pub credentials: Option<Credentials>,
    /// How fast messages are released.
    pub pace: Pace,
    /// When heartbeats are sent, and when clients are given up.
    pub timing: Timing,
    /// What goes wrong.
    pub trouble: Trouble,
}

impl SoupServerOptions {
    /// Returns options for a faultless server of a file on a free port of this machine.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            session: session(1),
            credentials: None,
            pace: Pace::Max,
            timing: Timing::default(),
            trouble: Trouble::default(),
        }
    }
}

/// What goes wrong on purpose.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Trouble {
    /// Chooses where connections are cut off.
    pub seed: u64,
    /// Each connection is cut off in the middle of a packet, after up to so many messages.
    pub cut_after: Option<u64>,
    /// Each connection falls silent, and stays open, after so many messages.
    pub silent_after: Option<u64>,
    /// All logins are rejected.
    pub reject: Option<Rejection>,
    /// After so many messages of a connection the session is gone; another one plays the file
    /// from its beginning.
    pub new_session_after: Option<u64>,
}

/// What is the same for all clients.
#[derive(Debug)]
struct Stage {
    recording: Recording,
    session: Session,
    credentials: Option<Credentials>,
    timing: Timing,
    trouble: Trouble,
    /// Messages that may be sent.
    released: u64,
    /// Whether all of them may be sent from the first login on.
    at_once: bool,
    /// Whether anybody has logged in.
    has_begun: bool,
    tally: Tally,
}

/// What the server did.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    connections: u64,
    logins: u64,
    rejected: u64,
    messages: u64,
    refused: u64,
    cut: u64,
    silenced: u64,
    new_sessions: u64,
    completed: u64,
}

/// Serves the messages of a file to SoupBinTCP clients.
#[derive(Debug)]
pub struct SoupServer {
    stage: Stage,
    listener: TcpListener,
    address: SocketAddr,
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    pacer: Pacer<RealClock>,
    /// Offset of the message that is released next.
    offset: usize,
    random: ChaCha8Rng,
}

impl SoupServer {
    /// Opens the file and listens.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Frame`] of the file, [`Error::Soup`] if the address is taken,
    /// [`Error::Option`] if the pace makes no sense.
    pub fn open(options: &SoupServerOptions) -> Result<Self, Error> {
        let SoupServerOptions { file, listen, session, credentials, pace, timing, trouble } =
            options;
        if *pace == Pace::Step {
            let (expected, found) = ("max, a factor or a rate", "step".to_owned());
            return Err(Error::Option { name: "pace", expected, found });
        }
        let pacer = Pacer::new(*pace, RealClock::default())?;
        let recording = Recording::open(file)?;
        if sequenced_header(recording.longest()).is_none() {
            let expected = "messages of 65,534 bytes at most, as a packet can carry";
            let found = format!("one of {} bytes", recording.longest());
            return Err(Error::Option { name: "file", expected, found });
        }
        let (listener, poll, address) = listening(*listen).map_err(|source| {
            let source = SoupError::Listen { source };
            Error::Soup { server: listen.to_string(), source }
        })?;
        let stage = Stage {
            recording,
            session: *session,
            credentials: *credentials,
            timing: *timing,
            trouble: *trouble,
            released: 0,
            at_once: *pace == Pace::Max,
            has_begun: false,
            tally: Tally::default(),
        };
        Ok(Self {
            stage,
            listener,
            address,
            poll,
            events: Events::with_capacity(MOST_CLIENTS),
            clients: Vec::new(),
            pacer,
            offset: 0,
            random: ChaCha8Rng::seed_from_u64(trouble.seed),
        })
    }

    /// Returns the address that it listens at.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns how many messages the session has.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.stage.recording.messages()
    }

    /// Serves whoever can be served at once, without blocking; there is no end.
    pub fn run_once(&mut self) -> Progress {
        let now = Instant::now();
        let mut served = self.accept(now) + self.release();
        let (mut at, mut is_over) = (0, false);
        while let Some(client) = self.clients.get_mut(at) {
            match client.step(&mut self.stage, now) {
                Ok(Fate::Stays { did }) => {
                    served += usize::from(did);
                    at += 1;
                }
                Ok(Fate::NewSession) => {
                    is_over = true;
                    break;
                }
                Ok(Fate::Leaves) | Err(_) => {
                    served += 1;
                    drop(self.clients.swap_remove(at));
                }
            }
        }
        if is_over {
            self.begin_another();
            served += 1;
        }
        if served == 0 { Progress::Idle } else { Progress::Advanced(served) }
    }

    /// Waits until there may be something to do, for `limit` at most.
    pub fn wait(&mut self, limit: Duration) {
        let is_paced =
            self.stage.has_begun && self.stage.released < self.stage.recording.messages();
        let due = if is_paced { Duration::from_millis(1) } else { self.stage.timing.heartbeat };
        // An interrupted wait is a short one.
        let _ = self.poll.poll(&mut self.events, Some(limit.min(due)));
    }

    /// Returns what was done so far, without what did not occur.
    ///
    /// Cost: allocates.
    #[must_use]
    pub fn counts(&self) -> Vec<Count> {
        let tally = &self.stage.tally;
        let counts = [
            ("connection", tally.connections),
            ("login", tally.logins),
            ("login rejected", tally.rejected),
            ("message", tally.messages),
            ("packet refused", tally.refused),
            ("connection cut", tally.cut),
            ("connection silenced", tally.silenced),
            ("new session", tally.new_sessions),
            ("session completed", tally.completed),
        ];
        let counts = counts.into_iter().filter(|&(_, count)| count > 0);
        counts.map(|(name, count)| Count::new(name, count)).collect()
    }

    /// Takes the clients that have come; returns how many.
    fn accept(&mut self, now: Instant) -> usize {
        let before = self.stage.tally.connections;
        while let Ok((stream, _)) = self.listener.accept() {
            self.stage.tally.connections += 1;
            if self.clients.len() >= MOST_CLIENTS {
                continue;
            }
            let _ = stream.set_nodelay(true);
            let registry = self.poll.registry();
            if let Ok(connection) = Connection::over(stream, registry, TOKEN, client::OUTBOX_LEN) {
                let cut_after = self.stage.trouble.cut_after;
                let cut = cut_after.map(|most| 1 + self.random.next_u64() % most.max(1));
                self.clients.push(Client::new(connection, cut, now + self.stage.timing.login));
            }
        }
        usize::try_from(self.stage.tally.connections - before).unwrap_or(usize::MAX)
    }

    /// Releases the messages whose time has come; returns how many.
    fn release(&mut self) -> usize {
        let Stage { recording, released, has_begun, .. } = &mut self.stage;
        let left = recording.messages() - *released;
        if !*has_begun || left == 0 {
            return 0;
        }
        let before = *released;
        match self.pacer.pace() {
            Pace::Max => {}
            Pace::Rate(_) | Pace::Step => {
                *released += self.pacer.allowance(*released).min(left);
            }
            Pace::Replay(_) => {
                let mut walk = recording.resume(self.offset, *released);
                while let Some(Ok(frame)) = walk.next() {
                    let message = itch50::parse(frame.bytes).ok();
                    let time_ns = message.map(|message| message.header().timestamp_ns());
                    if !self.pacer.is_due(time_ns) || *released - before == RELEASED_AT_ONCE {
                        break;
                    }
                    (*released, self.offset) = (walk.number(), walk.offset());
                }
            }
        }
        usize::try_from(*released - before).unwrap_or(usize::MAX)
    }

    /// Ends the session without saying so, and begins another.
    fn begin_another(&mut self) {
        let stage = &mut self.stage;
        stage.tally.new_sessions += 1;
        stage.trouble.new_session_after = None;
        let names = [session(2), session(3)];
        stage.session = names.into_iter().find(|name| *name != stage.session).unwrap_or(session(2));
        (stage.released, stage.has_begun, self.offset) = (0, false, 0);
        self.pacer.restart();
        self.clients.clear();
    }
}

/// Name of the session of this number.
fn session(number: u64) -> Session {
    Session::new(&format!("{number:010}")).unwrap_or(Session::ANY)
}

fn listening(at: SocketAddr) -> io::Result<(TcpListener, Poll, SocketAddr)> {
    let poll = Poll::new()?;
    let mut listener = TcpListener::bind(at)?;
    poll.registry().register(&mut listener, TOKEN, Interest::READABLE)?;
    let address = listener.local_addr()?;
    Ok((listener, poll, address))
}
