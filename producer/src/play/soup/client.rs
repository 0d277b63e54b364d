//! One client of the server.

use std::io::{self, ErrorKind};
use std::time::Instant;

use super::Stage;
use crate::source::soup::connection::{Connection, Received};
use crate::wire::soupbintcp::{
    ClientPacket, END_OF_SESSION, Framer, LoginAccepted, LoginRequest, MAX_PACKET_LEN, Rejection,
    SERVER_HEARTBEAT, Session, sequenced_header,
};

/// Bytes that may wait to be sent to a client: two packets of any length.
pub(super) const OUTBOX_LEN: usize = 2 * MAX_PACKET_LEN;
/// Packets taken from a client between two looks at the others.
const HEARD_AT_ONCE: usize = 256;

/// A client and what it gets.
#[derive(Debug)]
pub(super) struct Client {
    connection: Connection,
    framer: Framer,
    phase: Phase,
    /// Number of the message that it gets next, from 0, and its offset in the file.
    next: u64,
    offset: usize,
    /// Messages sent on this connection.
    sent: u64,
    /// After how many of them it is cut off.
    cut: Option<u64>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// It must log in by then.
    Coming(Instant),
    /// It gets messages.
    Sending,
    /// It gets nothing any more, and is not told so.
    Silent,
    /// It got everything.
    Complete,
}

/// What becomes of a client after a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// It stays; whether something was done for it.
    Stays { did: bool },
    /// It is disconnected.
    Leaves,
    /// It is disconnected and everybody else too: the session is another.
    NewSession,
}

/// What a packet asks for.
enum Wish {
    Nothing,
    Login { session: Session, sequence: Option<u64>, is_allowed: bool },
    Logout,
}

impl Client {
    /// Takes a connection that was just made.
    pub(super) fn new(connection: Connection, cut: Option<u64>, deadline: Instant) -> Self {
        let phase = Phase::Coming(deadline);
        Self { connection, framer: Framer::default(), phase, next: 0, offset: 0, sent: 0, cut }
    }

    /// Hears the client and sends what can be sent at once.
    ///
    /// # Errors
    /// The connection is broken, or the client is late or silent.
    pub(super) fn step(&mut self, stage: &mut Stage, now: Instant) -> io::Result<Fate> {
        let mut did = false;
        for _ in 0..HEARD_AT_ONCE {
            match self.hear(stage, now)? {
                None => break,
                Some(Wish::Nothing) => {}
                Some(Wish::Logout) => return Ok(Fate::Leaves),
                Some(Wish::Login { session, sequence, is_allowed }) => {
                    if let Some(rejection) = rejection(stage, session, is_allowed) {
                        stage.tally.rejected += 1;
                        self.connection.put(&rejection.packet());
                        self.connection.send(now)?;
                        return Ok(Fate::Leaves);
                    }
                    self.log_in(stage, sequence.unwrap_or(1));
                }
            }
            did = true;
        }
        if self.connection.silence(now) >= stage.timing.silence {
            return Err(ErrorKind::TimedOut.into());
        }
        match self.phase {
            Phase::Coming(deadline) if now >= deadline => return Err(ErrorKind::TimedOut.into()),
            Phase::Coming(_) | Phase::Silent => return Ok(Fate::Stays { did }),
            Phase::Sending => {
                let before = self.sent;
                if let Some(fate) = self.fill(stage) {
                    self.connection.send(now)?;
                    return Ok(fate);
                }
                did |= self.sent > before;
            }
            Phase::Complete => {}
        }
        self.connection.keep_alive(&SERVER_HEARTBEAT, stage.timing.heartbeat, now)?;
        Ok(Fate::Stays { did })
    }

    /// Takes the next packet of the client, if it is there.
    fn hear(&mut self, stage: &mut Stage, now: Instant) -> io::Result<Option<Wish>> {
        // Bytes that are no packets end the connection.
        let broken = |_| io::Error::from(ErrorKind::InvalidData);
        let packet = loop {
            match self.framer.packet().map_err(broken)? {
                Some(packet) => break packet,
                None => match self.connection.receive(&mut self.framer, now)? {
                    Received::Bytes => {}
                    Received::Nothing => return Ok(None),
                    Received::Closed => return Err(ErrorKind::UnexpectedEof.into()),
                },
            }
        };
        let is_coming = matches!(self.phase, Phase::Coming(_));
        Ok(Some(match ClientPacket::parse(packet) {
            Ok(ClientPacket::LoginRequest(request)) if is_coming => login(stage, request),
            Ok(ClientPacket::LogoutRequest) => Wish::Logout,
            Ok(ClientPacket::Heartbeat | ClientPacket::Debug(_)) => Wish::Nothing,
            Ok(ClientPacket::LoginRequest(_) | ClientPacket::Unsequenced(_)) | Err(_) => {
                stage.tally.refused += 1;
                Wish::Nothing
            }
        }))
    }

    /// Lets the client in, from this sequence on or from the newest message.
    fn log_in(&mut self, stage: &mut Stage, sequence: u64) {
        stage.has_begun = true;
        if stage.at_once {
            stage.released = stage.recording.messages();
        }
        let newest = stage.released.max(1);
        let sequence = if sequence == 0 { newest } else { sequence.min(stage.released + 1) };
        let walk = stage.recording.from(sequence - 1);
        (self.next, self.offset, self.phase) = (walk.number(), walk.offset(), Phase::Sending);
        self.connection.put(&LoginAccepted::new(stage.session, sequence).packet());
        stage.tally.logins += 1;
    }

    /// Puts the released messages where they wait to be sent, as far as they fit.
    fn fill(&mut self, stage: &mut Stage) -> Option<Fate> {
        let mut walk = stage.recording.resume(self.offset, self.next);
        while walk.number() < stage.released {
            if self.connection.room() < MAX_PACKET_LEN {
                break;
            }
            let frame = walk.next()?.ok()?;
            // The file was walked, and has no message that is too long for a packet.
            let header = sequenced_header(frame.bytes.len())?;
            let is_cut = self.cut == Some(self.sent);
            let reached = |after: Option<u64>| after.is_some_and(|after| self.sent >= after);
            if reached(stage.trouble.new_session_after) {
                return Some(Fate::NewSession);
            }
            if reached(stage.trouble.silent_after) {
                stage.tally.silenced += 1;
                self.phase = Phase::Silent;
                return None;
            }
            self.connection.put(&header);
            if is_cut {
                let (half, _) = frame.bytes.split_at(frame.bytes.len() / 2);
                self.connection.put(half);
                stage.tally.cut += 1;
                return Some(Fate::Leaves);
            }
            self.connection.put(frame.bytes);
            self.sent += 1;
            stage.tally.messages += 1;
            (self.next, self.offset) = (walk.number(), walk.offset());
        }
        if self.next == stage.recording.messages() && self.connection.room() >= MAX_PACKET_LEN {
            self.connection.put(&END_OF_SESSION);
            self.phase = Phase::Complete;
            stage.tally.completed += 1;
        }
        None
    }
}

/// Whether the login is rejected, and why.
fn rejection(stage: &Stage, session: Session, is_allowed: bool) -> Option<Rejection> {
    let other_session = !session.is_any() && session != stage.session;
    let own = match (is_allowed, other_session) {
        (false, _) => Some(Rejection::NotAuthorized),
        (true, true) => Some(Rejection::SessionNotAvailable),
        (true, false) => None,
    };
    stage.trouble.reject.or(own)
}

fn login(stage: &Stage, request: &LoginRequest) -> Wish {
    let is_allowed = stage.credentials.is_none_or(|credentials| credentials.allow(request));
    Wish::Login { session: request.session(), sequence: request.sequence(), is_allowed }
}
