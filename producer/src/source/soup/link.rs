//! The way to the server: connections, logins, and what happens between them.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::backoff::Backoff;
use super::connection::{Connection, Received};
use super::counts::Counts;
use super::position::Position;
use super::{SoupError, SoupOptions, Timing};
use crate::error::Error;
use crate::wire::soupbintcp::{
    CLIENT_HEARTBEAT, Credentials, Framer, LOGOUT_REQUEST, LoginRequest, Rejection, ServerPacket,
    Session,
};

/// The only socket.
const TOKEN: Token = Token(0);
/// Bytes that may wait to be sent: a login request and heartbeats behind it.
const OUTBOX_LEN: usize = 2 * LoginRequest::PACKET_LEN;
/// After so many rejections in a row the client gives up. A server that has not noticed the end of
/// the last connection may reject some.
const MOST_REJECTIONS: u32 = 8;

/// The connection to the server, or the way to the next one.
#[derive(Debug)]
pub(super) struct Link {
    server: String,
    addresses: Vec<SocketAddr>,
    credentials: Credentials,
    takes_only: Option<Session>,
    timing: Timing,
    attempts: Option<u32>,
    poll: Poll,
    events: Events,
    connection: Option<Connection>,
    phase: Phase,
    backoff: Backoff,
    was_joined: bool,
    rejections: u32,
    /// What the server sent.
    pub(super) framer: Framer,
    /// What happened on all connections.
    pub(super) counts: Counts,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Connects at this time.
    Waiting(Instant),
    /// The connection must be there by then.
    Connecting(Instant),
    /// The login must be answered by then.
    LoggingIn(Instant),
    /// Messages come.
    Streaming,
    /// None will come.
    Ended,
}

/// What came of a login.
enum Answer {
    None,
    Accepted(Session, u64),
    Rejected(Rejection),
    Failed(SoupError),
}

impl Link {
    /// Looks the server up.
    pub(super) fn new(options: &SoupOptions) -> Result<Self, Error> {
        let SoupOptions { server, credentials, session, timing, attempts, .. } = options;
        let failed = |source| Error::Soup { server: server.clone(), source };
        let addresses = server.to_socket_addrs().map(Vec::from_iter);
        let addresses = addresses.map_err(|source| failed(SoupError::Address { source }))?;
        let seed = RandomState::new().build_hasher().finish();
        Ok(Self {
            server: server.clone(),
            addresses,
            credentials: *credentials,
            takes_only: Some(*session).filter(|session| !session.is_any()),
            timing: *timing,
            attempts: *attempts,
            poll: Poll::new().map_err(|source| failed(SoupError::Events { source }))?,
            events: Events::with_capacity(8),
            connection: None,
            phase: Phase::Waiting(Instant::now()),
            backoff: Backoff::new(timing.first_wait, timing.longest_wait, seed),
            was_joined: false,
            rejections: 0,
            framer: Framer::default(),
            counts: Counts::default(),
        })
    }

    pub(super) fn is_streaming(&self) -> bool {
        self.phase == Phase::Streaming
    }

    pub(super) fn is_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Goes one step towards a login, without blocking; gives the session and the next sequence
    /// when the server has let the client in.
    pub(super) fn approach(
        &mut self,
        position: &mut Position,
        now: Instant,
    ) -> Result<Option<(Session, u64)>, Error> {
        let (what, deadline) = match self.phase {
            Phase::Waiting(until) if now >= until => {
                return self.connect(now).map(|()| None);
            }
            Phase::Waiting(_) | Phase::Streaming | Phase::Ended => return Ok(None),
            Phase::Connecting(deadline) => {
                self.request_login(position, now)?;
                ("connection", deadline)
            }
            Phase::LoggingIn(deadline) => match self.answer(now) {
                Answer::Accepted(session, sequence) => return Ok(Some((session, sequence))),
                Answer::Rejected(reason) => {
                    return self.rejected(reason, position, now).map(|()| None);
                }
                Answer::Failed(why) => return self.fail(why, now).map(|()| None),
                Answer::None => ("answer to the login", deadline),
            },
        };
        let is_late = now >= deadline && !matches!(self.phase, Phase::Waiting(_));
        if is_late {
            self.fail(SoupError::Late { what, limit: self.timing.login }, now)?;
        }
        Ok(None)
    }

    /// Begins to connect, to another address after each failure.
    fn connect(&mut self, now: Instant) -> Result<(), Error> {
        let turn = usize::try_from(self.backoff.failures()).unwrap_or(0);
        let Some(&address) = self.addresses.get(turn % self.addresses.len().max(1)) else {
            let source = std::io::ErrorKind::AddrNotAvailable.into();
            let source = SoupError::Address { source };
            return Err(Error::Soup { server: self.server.clone(), source });
        };
        self.framer.clear();
        match Connection::open(address, self.poll.registry(), TOKEN, OUTBOX_LEN) {
            Ok(connection) => {
                self.connection = Some(connection);
                self.phase = Phase::Connecting(now + self.timing.login);
                Ok(())
            }
            Err(source) => self.fail(SoupError::Connect { address, source }, now),
        }
    }

    /// Sends the login request once the connection is there.
    fn request_login(&mut self, position: &Position, now: Instant) -> Result<(), Error> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let sent = connection.is_there().and_then(|is_there| {
            if is_there {
                let (session, sequence) = position.request();
                connection.put(&LoginRequest::new(&self.credentials, session, sequence).packet());
                connection.send(now)?;
            }
            Ok(is_there)
        });
        match sent {
            Ok(true) => {
                self.phase = Phase::LoggingIn(now + self.timing.login);
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(source) => {
                let turn = usize::try_from(self.backoff.failures()).unwrap_or(0);
                let address = self.addresses.get(turn % self.addresses.len().max(1)).copied();
                let why = match address {
                    Some(address) => SoupError::Connect { address, source },
                    None => SoupError::Broken { source },
                };
                self.fail(why, now)
            }
        }
    }

    /// Looks for the answer to the login; reads at most once.
    fn answer(&mut self, now: Instant) -> Answer {
        let Some(connection) = &mut self.connection else { return Answer::None };
        if let Err(source) = connection.send(now) {
            return Answer::Failed(SoupError::Broken { source });
        }
        let mut has_read = false;
        loop {
            match self.framer.packet() {
                Ok(Some(packet)) => {
                    let found = char::from(packet.packet_type);
                    match ServerPacket::parse(packet) {
                        Ok(ServerPacket::LoginAccepted(accepted)) => {
                            let Some(sequence) = accepted.sequence() else {
                                return Answer::Failed(SoupError::NoSequence);
                            };
                            return Answer::Accepted(accepted.session(), sequence);
                        }
                        Ok(ServerPacket::LoginRejected(reason)) => return Answer::Rejected(reason),
                        Ok(ServerPacket::Debug(_)) => self.counts.debug_texts += 1,
                        Ok(ServerPacket::Heartbeat) => self.counts.heartbeats += 1,
                        Ok(_) => return Answer::Failed(SoupError::NoAnswer { found }),
                        Err(error) => return Answer::Failed(error.into()),
                    }
                }
                Ok(None) if has_read => return Answer::None,
                Ok(None) => match connection.receive(&mut self.framer, now) {
                    Ok(Received::Bytes) => has_read = true,
                    Ok(Received::Nothing) => return Answer::None,
                    Ok(Received::Closed) => return Answer::Failed(SoupError::Closed),
                    Err(source) => return Answer::Failed(SoupError::Broken { source }),
                },
                Err(error) => return Answer::Failed(error.into()),
            }
        }
    }

    /// Says that the login was followed: messages come now.
    pub(super) fn stream(&mut self) {
        self.phase = Phase::Streaming;
        self.rejections = 0;
        self.counts.reconnects += u64::from(self.was_joined);
        self.was_joined = true;
    }

    /// Says that the server sent packets behind the login: the next failure is a new one.
    pub(super) fn heard(&mut self) {
        self.backoff.reset();
    }

    /// Reads once into the framer, which has given all that it had. Returns whether bytes came.
    ///
    /// # Errors
    /// Why the connection is of no use any more.
    pub(super) fn receive(&mut self, now: Instant) -> Result<bool, SoupError> {
        let Some(connection) = &mut self.connection else { return Ok(false) };
        match connection.receive(&mut self.framer, now) {
            Ok(Received::Bytes) => Ok(true),
            Ok(Received::Nothing) if connection.silence(now) >= self.timing.silence => {
                Err(SoupError::Silent { limit: self.timing.silence })
            }
            Ok(Received::Nothing) => Ok(false),
            Ok(Received::Closed) => Err(SoupError::Closed),
            Err(source) => Err(SoupError::Broken { source }),
        }
    }

    /// Sends a heartbeat if one is due.
    pub(super) fn keep_alive(&mut self, now: Instant) {
        if let Some(connection) = &mut self.connection {
            // A connection that is broken tells so to whoever reads from it, behind what came
            // before it broke.
            let _ = connection.keep_alive(&CLIENT_HEARTBEAT, self.timing.heartbeat, now);
        }
    }

    /// Follows a rejection: the session may be gone.
    fn rejected(
        &mut self,
        reason: Rejection,
        position: &mut Position,
        now: Instant,
    ) -> Result<(), Error> {
        self.counts.rejected_logins += 1;
        self.rejections += 1;
        let (session, _) = position.request();
        let (username, session) = (self.credentials.username(), session.to_string());
        let why = SoupError::Rejected { username, session, reason };
        if !self.was_joined || self.rejections >= MOST_REJECTIONS {
            self.phase = Phase::Ended;
            return Err(Error::Soup { server: self.server.clone(), source: why });
        }
        if reason == Rejection::SessionNotAvailable && self.takes_only.is_none() {
            position.take_any();
        }
        self.fail(why, now)
    }

    /// Gives the connection up and waits for the next one.
    ///
    /// # Errors
    /// The reason, if there is not to be a next one.
    pub(super) fn fail(&mut self, why: SoupError, now: Instant) -> Result<(), Error> {
        self.connection = None;
        self.counts.failed_connections += 1;
        let wait = self.backoff.next();
        let failures = self.backoff.failures();
        let tries_each = u32::try_from(self.addresses.len()).unwrap_or(u32::MAX);
        let most = if self.was_joined { self.attempts } else { Some(tries_each) };
        if most.is_some_and(|most| failures >= most) {
            self.phase = Phase::Ended;
            return Err(Error::Soup { server: self.server.clone(), source: why });
        }
        self.phase = Phase::Waiting(if self.was_joined { now + wait } else { now });
        Ok(())
    }

    /// Leaves the server: the session is over.
    pub(super) fn end(&mut self) {
        self.phase = Phase::Ended;
        self.leave();
    }

    fn leave(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close(&LOGOUT_REQUEST);
        }
    }

    /// Waits until there may be something to do, for `limit` at most.
    pub(super) fn wait(&mut self, limit: Duration) {
        let now = Instant::now();
        let drained = self.connection.as_ref().is_none_or(Connection::is_drained);
        let due = match self.phase {
            Phase::Ended => return,
            Phase::Streaming | Phase::LoggingIn(_) if !drained => return,
            // Silence is looked for as often as a heartbeat is sent.
            Phase::Streaming => self.timing.heartbeat.min(self.timing.silence),
            Phase::Waiting(at) | Phase::Connecting(at) | Phase::LoggingIn(at) => {
                at.saturating_duration_since(now)
            }
        };
        // An interrupted wait is a short one.
        let _ = self.poll.poll(&mut self.events, Some(limit.min(due)));
    }
}

impl Drop for Link {
    /// Logs out, so that the server need not find out.
    fn drop(&mut self) {
        self.leave();
    }
}
