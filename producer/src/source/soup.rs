//! ITCH 5.0 over SoupBinTCP: a client that stays logged in.
//!
//! ```text
//!               connected            accepted
//!  waiting ──► connecting ──► logging in ──► streaming ──► ended
//!     ▲             │              │             │   end of session
//!     └─────────────┴──────────────┴─────────────┘
//!       failed, late, rejected, closed, silent, not SoupBinTCP: wait longer each time
//! ```
//!
//! Messages are numbered by the session. After a connection broke the client logs in again, to the
//! session that it knows and from the message that it wants next, so that none is lost and none
//! comes twice. What a server cannot give any more is a Gap record before the record that follows:
//!
//! | what happened | state of the Gap | cause |
//! |---|---|---|
//! | the first login begins behind what was asked for | unrecoverable | sequence |
//! | a later login does | reconnect | disconnect |
//! | the session is another; missing are its first messages, if any are | session reset | disconnect |
//! | a message is not ITCH 5.0 | unrecoverable | malformed |
//!
//! From a loss on, and where the session was joined in its middle, orders and trades are flagged
//! MAYBE_BAD_BOOK until the next session. ts_recv is when the bytes were read from the socket.
//!
//! The first login happens when the source is opened, so that a wrong address or password is an
//! error before there is a ring; from then on the client never gives up, unless it was told to, or
//! its logins are rejected again and again.

mod backoff;
pub(crate) mod connection;
mod counts;
mod error;
mod link;
mod messages;
mod position;

use std::time::{Duration, Instant};

use jiff::civil::Date;
use tickring::record::{
    Gap, Heartbeat, Imbalance, InstrumentDef, Mbo, Record, Stat, Status, Trade, gap_state,
};

use crate::error::Error;
use crate::source::{Kinds, Progress, Report, Sink, Source};
use crate::wire::soupbintcp::{Credentials, ServerPacket, Session};
use link::Link;
use messages::Messages;
use position::{Hole, Position};

pub use error::SoupError;

/// Options of [`SoupSource`].
#[derive(Clone, Debug)]
pub struct SoupOptions {
    /// The server, as `HOST:PORT`. It is looked up once; of several addresses the next is taken
    /// when one fails.
    pub server: String,
    /// Who logs in.
    pub credentials: Credentials,
    /// The session to log in to; [`Session::ANY`] is the active one, and those that follow it.
    pub session: Session,
    /// The first message that is wanted, from 1; 0 is the newest.
    pub sequence: u64,
    /// Date of the session in New York. Without, it is the date there when a session is joined.
    pub date: Option<Date>,
    /// After how many failures in a row to give up; never without.
    pub attempts: Option<u32>,
    /// When to send heartbeats, and when to give up waiting.
    pub timing: Timing,
}

impl SoupOptions {
    /// Returns options for the active session of a server, from its beginning.
    #[must_use]
    pub fn new(server: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            server: server.into(),
            credentials,
            session: Session::ANY,
            sequence: 1,
            date: None,
            attempts: None,
            timing: Timing::default(),
        }
    }
}

/// The times of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timing {
    /// A heartbeat is sent when nothing was sent for so long.
    pub heartbeat: Duration,
    /// A peer that sends nothing for so long is taken for dead.
    pub silence: Duration,
    /// So long a connection may take to be made, and a login to be answered.
    pub login: Duration,
    /// Wait after the first failure; it doubles with each further one.
    pub first_wait: Duration,
    /// Longest wait between two attempts.
    pub longest_wait: Duration,
}

impl Default for Timing {
    /// Heartbeats and silence as the specification has them.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(1),
            silence: Duration::from_secs(15),
            login: Duration::from_secs(10),
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(10),
        }
    }
}

/// Receives the messages of a session from a SoupBinTCP server.
#[derive(Debug)]
pub struct SoupSource {
    link: Link,
    position: Position,
    messages: Messages,
}

impl SoupSource {
    /// Connects and logs in. Blocks until that is done, or failed at each address of the server.
    ///
    /// # Errors
    /// [`Error::Soup`] if the server cannot be reached, does not answer in time, or rejects the
    /// login; [`Error::Option`] if the date is outside 1970 to 2554.
    pub fn open(options: &SoupOptions) -> Result<Self, Error> {
        let messages = Messages::new(options.date)?;
        let position = Position::new(options.session, options.sequence);
        let mut source = Self { link: Link::new(options)?, position, messages };
        loop {
            source.approach(Instant::now())?;
            if source.link.is_streaming() {
                return Ok(source);
            }
            source.link.wait(options.timing.login);
        }
    }

    /// Goes one step towards a login.
    fn approach(&mut self, now: Instant) -> Result<(), Error> {
        let Some((session, sequence)) = self.link.approach(&mut self.position, now)? else {
            return Ok(());
        };
        let was_joined = self.position.is_joined();
        let Ok(hole) = self.position.join(session, sequence) else {
            return self.link.fail(SoupError::NewSession, now);
        };
        if let Some(Hole { state, missing, .. }) = &hole {
            let counts = &mut self.link.counts;
            counts.lost += missing.end - missing.start;
            counts.new_sessions += u64::from(*state == gap_state::SESSION_RESET);
        }
        let is_lost = hole.as_ref().is_some_and(|hole| !hole.missing.is_empty());
        self.messages.join(hole, is_lost || (!was_joined && self.position.is_inside()))?;
        self.link.stream();
        Ok(())
    }

    /// Gives the messages that are there, and reads once where there are none.
    fn stream<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<usize, Error> {
        self.messages.tell(sink).map_err(tickring::Error::from)?;
        let now = Instant::now();
        self.link.keep_alive(now);
        let taken = self.take(sink, budget, now)?;
        if taken > 0 || !self.link.is_streaming() {
            return Ok(taken);
        }
        match self.link.receive(now) {
            Ok(true) => {
                self.messages.received();
                self.take(sink, budget, now)
            }
            Ok(false) => Ok(0),
            Err(why) => self.link.fail(why, now).map(|()| 0),
        }
    }

    /// Takes up to `budget` packets that are there, and gives their records.
    fn take<S: Sink>(&mut self, sink: &mut S, budget: usize, now: Instant) -> Result<usize, Error> {
        let Self { link, position, messages } = self;
        let mut taken = 0;
        while taken < budget {
            let packet = match link.framer.packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(error) => {
                    link.counts.refused_packets += 1;
                    link.fail(error.into(), now)?;
                    break;
                }
            };
            taken += 1;
            let counts = &mut link.counts;
            match ServerPacket::parse(packet) {
                Ok(ServerPacket::Sequenced(bytes)) => match position.take() {
                    Some(sequence) => {
                        let told = messages.message(sequence, bytes, sink);
                        let is_itch = told.map_err(tickring::Error::from)?.is_ok();
                        counts.refused_messages += u64::from(!is_itch);
                    }
                    None => counts.repeated += 1,
                },
                Ok(ServerPacket::Heartbeat) => counts.heartbeats += 1,
                Ok(ServerPacket::Unsequenced(_)) => counts.unsequenced += 1,
                Ok(ServerPacket::Debug(_)) => counts.debug_texts += 1,
                Ok(ServerPacket::EndOfSession) => {
                    link.end();
                    break;
                }
                Ok(ServerPacket::LoginAccepted(_) | ServerPacket::LoginRejected(_)) | Err(_) => {
                    counts.refused_packets += 1;
                }
            }
        }
        if taken > 0 {
            link.heard();
        }
        Ok(taken)
    }
}

impl Source for SoupSource {
    const IS_LIVE: bool = true;

    fn kinds(&self) -> Kinds {
        let orders = [Mbo::kinds(), Trade::kinds(), Status::kinds()].concat();
        Kinds {
            ticks: [orders, Gap::kinds(), Heartbeat::kinds()].concat(),
            definitions: [InstrumentDef::kinds(), Heartbeat::kinds()].concat(),
            statistics: [Imbalance::kinds(), Stat::kinds(), Heartbeat::kinds()].concat(),
        }
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        None
    }

    /// Consumes up to `budget` packets, heartbeats included.
    fn poll<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<Progress, Error> {
        if self.link.is_ended() {
            return Ok(Progress::End);
        }
        let taken = if self.link.is_streaming() {
            self.stream(sink, budget)?
        } else {
            self.approach(Instant::now())?;
            0
        };
        Ok(if taken == 0 { Progress::Idle } else { Progress::Advanced(taken) })
    }

    fn report(&self) -> Report {
        let mut report = self.messages.report();
        self.link.counts.add_to(&mut report);
        report
    }

    fn wait(&mut self, limit: Duration) {
        self.link.wait(limit);
    }
}
