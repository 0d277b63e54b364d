//! A BinaryFILE as MoldUDP64 on lines A and B, with a request server beside them.
//!
//! ```text
//! BinaryFILE ──► packets ──┬─► script of line A ──► group A
//!                          ├─► script of line B ──► group B
//!                          └─► request server ◄───► who lost some
//! ```
//!
//! Which messages share a packet depends on the file and the options alone, and what happens to
//! each packet on each line is drawn from a seed: the same options put the same bytes on the same
//! line in the same order, whatever the pace. [`Chaos`] says what happens to packets, [`Trouble`]
//! what is wrong with the server.
//!
//! The session begins with heartbeats, so that receivers can join, and ends with packets that say
//! so, repeated while the server still answers. Neither those nor heartbeats suffer from chaos.

mod chaos;
mod lines;
mod packets;
mod server;

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use zerocopy::IntoBytes;

use super::Recording;
use crate::error::Error;
use crate::pace::{Pace, Pacer, RealClock};
use crate::source::udp::UdpError;
use crate::source::{Count, Progress, Report};
use crate::wire::moldudp64::{HEADER_LEN, Header, PREFIX_LEN, Session};
use lines::Lines;
use packets::Packets;
use server::Server;

pub use crate::chaos::Chaos;
pub use server::Trouble;

const TOKEN: Token = Token(0);
/// Requests answered between two looks at the lines.
const ANSWERS_AT_ONCE: usize = 16;
/// Longest datagram that IPv4 carries.
const MOST_BYTES: usize = 65_507;

/// Options of [`UdpPlayer`].
#[derive(Clone, Debug)]
pub struct UdpPlayerOptions {
    /// The BinaryFILE.
    pub file: PathBuf,
    /// Groups, or single receivers, of lines A, B and so on.
    pub lines: Vec<SocketAddrV4>,
    /// Address of the interface to send on; the system's choice without.
    pub interface: Option<Ipv4Addr>,
    /// Networks that packets cross: 0 stays on this machine.
    pub ttl: u32,
    /// Where the request server listens; none without, and port 0 takes a free one.
    pub server: Option<SocketAddrV4>,
    /// Name of the session.
    pub session: Session,
    /// Most messages in a packet.
    pub packet_messages: u16,
    /// Most bytes in a packet.
    pub packet_bytes: usize,
    /// Most time between the first and the last message of a packet, by the messages' clock.
    pub packet_span: Duration,
    /// How fast messages are sent.
    pub pace: Pace,
    /// How long there are only heartbeats before the first message.
    pub delay: Duration,
    /// Silence after which a heartbeat is sent.
    pub heartbeat: Duration,
    /// How long the server goes on after the last message, or the last request.
    pub linger: Duration,
    /// What happens to packets.
    pub chaos: Chaos,
    /// What is wrong with the server.
    pub trouble: Trouble,
}

impl UdpPlayerOptions {
    /// Returns options for lines without chaos, at the pace of the messages, on this machine.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>, lines: Vec<SocketAddrV4>) -> Self {
        Self {
            file: file.into(),
            lines,
            interface: None,
            ttl: 0,
            server: None,
            session: *b"0000000001",
            packet_messages: 40,
            packet_bytes: 1_400,
            packet_span: Duration::from_millis(1),
            pace: Pace::Replay(1.0),
            delay: Duration::ZERO,
            heartbeat: Duration::from_secs(1),
            linger: Duration::from_secs(2),
            chaos: Chaos::default(),
            trouble: Trouble::default(),
        }
    }

    /// Checks what needs no file.
    fn check(&self) -> Result<(), Error> {
        let bytes = (HEADER_LEN + PREFIX_LEN..=MOST_BYTES).contains(&self.packet_bytes);
        let checks = [
            ("lines", "at least one line", !self.lines.is_empty(), self.lines.len()),
            ("packet bytes", "22 to 65507", bytes, self.packet_bytes),
            (
                "packet messages",
                "1 to 65534",
                (1..u16::MAX).contains(&self.packet_messages),
                self.packet_messages.into(),
            ),
        ];
        for (name, expected, is_right, found) in checks {
            if !is_right {
                return Err(Error::Option { name, expected, found: found.to_string() });
            }
        }
        self.chaos.check()
    }
}

/// How far a player is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Waiting,
    Playing,
    /// All was sent; requests are still answered.
    Lingering,
    Ended,
}

/// Plays a file to multicast groups.
#[derive(Debug)]
pub struct UdpPlayer {
    recording: Recording,
    packets: Packets,
    lines: Lines,
    server: Option<Server>,
    pacer: Pacer<RealClock>,
    poll: Poll,
    events: Events,
    stage: Stage,
    session: Session,
    /// When this stage ends, unless playing.
    until: Instant,
    linger: Duration,
    heartbeat: Duration,
    spoke: Instant,
}

impl UdpPlayer {
    /// Maps the file and opens the sockets. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Frame`] if the file cannot be read, [`Error::Udp`] if a socket
    /// cannot be opened, [`Error::Option`] if an option is out of its range.
    pub fn open(options: &UdpPlayerOptions) -> Result<Self, Error> {
        options.check()?;
        let recording = Recording::open(&options.file)?;
        let least = HEADER_LEN + PREFIX_LEN + recording.longest();
        if options.packet_bytes < least {
            return Err(Error::Option {
                name: "packet bytes",
                expected: "room for the longest message of the file with 22 bytes around it",
                found: format!("{} where {least} are needed", options.packet_bytes),
            });
        }
        let pacer = Pacer::new(options.pace, RealClock::default())?;
        let poll = Poll::new().map_err(UdpError::Poll)?;
        let server = options.server.map(|address| {
            let mut server = Server::open(address, options)?;
            if let Some(socket) = server.socket() {
                poll.registry()
                    .register(socket, TOKEN, Interest::READABLE)
                    .map_err(UdpError::Poll)?;
            }
            Ok::<_, UdpError>(server)
        });
        let now = Instant::now();
        Ok(Self {
            recording,
            packets: Packets::new(options),
            lines: Lines::open(options)?,
            server: server.transpose()?,
            pacer,
            poll,
            events: Events::with_capacity(4),
            stage: Stage::Waiting,
            session: options.session,
            until: now + options.delay,
            linger: options.linger,
            heartbeat: options.heartbeat,
            spoke: now.checked_sub(options.heartbeat).unwrap_or(now),
        })
    }

    /// Returns where the request server listens.
    ///
    /// # Errors
    /// [`Error::Udp`] if the system does not tell.
    pub fn server_address(&mut self) -> Result<Option<SocketAddr>, Error> {
        let socket = self.server.as_mut().and_then(Server::socket);
        let address = socket.map(|socket| socket.local_addr());
        Ok(address.transpose().map_err(UdpError::Poll)?)
    }

    /// Answers requests and sends what is due, up to `budget` messages and the rest of a packet.
    ///
    /// # Errors
    /// [`Error::Udp`] if packets cannot be sent.
    pub fn run_once(&mut self, budget: usize) -> Result<Progress, Error> {
        let now = Instant::now();
        let answered = self.answer(now);
        let sent = match self.stage {
            Stage::Ended => return Ok(Progress::End),
            Stage::Playing => self.play(budget, now)?,
            Stage::Waiting | Stage::Lingering => 0,
        };
        if self.stage == Stage::Playing && self.packets.is_at_end() {
            self.lines.flush()?;
            (self.stage, self.until) = (Stage::Lingering, now + self.linger);
            self.end_session(now)?;
        } else if self.stage != Stage::Playing && now >= self.until {
            self.stage = match self.stage {
                Stage::Waiting => Stage::Playing,
                _ => Stage::Ended,
            };
        } else if now.saturating_duration_since(self.spoke) >= self.heartbeat {
            match self.stage {
                Stage::Lingering => self.end_session(now)?,
                _ => {
                    let header = Header::heartbeat(self.session, self.packets.next());
                    self.speak(header, now)?;
                }
            }
        }
        Ok(if sent + answered > 0 { Progress::Advanced(sent + answered) } else { Progress::Idle })
    }

    /// Waits until there may be something to do, at most for `limit`.
    pub fn wait(&mut self, limit: Duration) {
        let now = Instant::now();
        let due = match self.stage {
            // What becomes due within a millisecond is sent together.
            Stage::Playing => now + Duration::from_millis(1),
            _ => self.until.min(self.spoke + self.heartbeat),
        };
        let left = due.saturating_duration_since(now).min(limit);
        // A signal ends the wait early, which does no harm.
        let _ = self.poll.poll(&mut self.events, Some(left));
    }

    /// Returns what was sent so far, and what went wrong on purpose.
    ///
    /// Cost: allocates.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut report = self.lines.report();
        report.inputs.insert(0, Count::new("messages", self.packets.next() - 1));
        report.inputs.insert(1, Count::new("packets", self.packets.sent()));
        if let Some(server) = &self.server {
            let counts = [("requests", server.requests), ("answers", server.answers)];
            report.inputs.extend(counts.map(|(name, count)| Count::new(name, count)));
        }
        report
    }

    fn answer(&mut self, now: Instant) -> usize {
        let Some(server) = &mut self.server else {
            return 0;
        };
        let released = self.packets.next();
        let answered = server.answer(&self.recording, released, ANSWERS_AT_ONCE);
        if answered > 0 && self.stage == Stage::Lingering {
            self.until = self.until.max(now + self.linger);
        }
        answered
    }

    /// Sends packets that are due; returns how many messages.
    fn play(&mut self, budget: usize, now: Instant) -> Result<usize, Error> {
        let mut sent = 0;
        while sent < budget {
            let Some(packet) = self.packets.peek(&self.recording)? else {
                break;
            };
            let is_due = match self.pacer.pace() {
                Pace::Rate(_) => self.pacer.allowance(packet.first - 1) >= packet.count,
                _ => self.pacer.is_due(packet.time_ns),
            };
            if !is_due {
                break;
            }
            sent += usize::try_from(packet.count).unwrap_or(usize::MAX);
            self.lines.send(self.packets.bytes())?;
            self.packets.advance();
            self.spoke = now;
        }
        Ok(sent)
    }

    fn end_session(&mut self, now: Instant) -> Result<(), Error> {
        let header = Header::end_of_session(self.session, self.packets.next());
        self.speak(header, now)
    }

    /// Sends a packet without messages on all lines.
    fn speak(&mut self, header: Header, now: Instant) -> Result<(), Error> {
        self.spoke = now;
        Ok(self.lines.speak(header.as_bytes())?)
    }
}
