//! MoldUDP64: sequenced messages of one session in datagrams.
//!
//! A downstream packet is a [`Header`] of 20 bytes and as many message blocks as its count says;
//! a block is a length of two bytes, big endian, and so many bytes of message. Messages are
//! numbered from 1 through the session, and the header carries the number of the packet's first,
//! so that a receiver sees what it missed.
//!
//! | count | packet |
//! |---|---|
//! | 1 ..= 65,534 | so many messages, from the header's sequence on |
//! | 0 | heartbeat: nothing to say; the sequence is that of the next message |
//! | 65,535 | end of the session: no messages will follow; the sequence is that of the next one |
//!
//! A request packet is a header alone: it asks a request server to send `count` messages from
//! `sequence` on again, in a downstream packet to the address that asked. A server may send fewer.
//!
//! A packet is checked as a whole by [`Packet::parse`], so that its [`Messages`] are there and
//! their numbers do not overflow: a receiver takes all of a packet or nothing of it.
//!
//! Source: Nasdaq MoldUDP64 protocol specification, version 1.00.

use thiserror::Error;
use zerocopy::byteorder::big_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of a header.
pub const HEADER_LEN: usize = size_of::<Header>();

/// Bytes of the length before each message.
pub const PREFIX_LEN: usize = 2;

/// The count of a heartbeat.
const HEARTBEAT: u16 = 0;

/// The count that ends a session.
const END_OF_SESSION: u16 = u16::MAX;

/// Most messages that one packet can carry, and one request can ask for.
pub const MOST_MESSAGES: u16 = END_OF_SESSION - 1;

/// The name of a session: ten ASCII bytes, padded with spaces.
pub type Session = [u8; 10];

/// Starts every downstream packet, and is a whole request: 20 bytes.
#[derive(
    Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq, Unaligned,
)]
#[repr(C)]
pub struct Header {
    /// The session that the sequence belongs to.
    pub session: Session,
    /// Number of the first message, or of the next one where there is none.
    pub sequence: U64,
    /// Number of messages.
    pub count: U16,
}

impl Header {
    /// Creates the header of a packet with messages, or a request for them.
    #[must_use]
    pub const fn new(session: Session, sequence: u64, count: u16) -> Self {
        Self { session, sequence: U64::new(sequence), count: U16::new(count) }
    }

    /// Creates a heartbeat; `next` is the number of the next message.
    #[must_use]
    pub const fn heartbeat(session: Session, next: u64) -> Self {
        Self::new(session, next, HEARTBEAT)
    }

    /// Creates the packet that ends a session; `next` is the number after its last message.
    #[must_use]
    pub const fn end_of_session(session: Session, next: u64) -> Self {
        Self::new(session, next, END_OF_SESSION)
    }
}

/// What a downstream packet is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Carries messages.
    Messages,
    /// Says that the session lives, and how far it is.
    Heartbeat,
    /// Says that the session is over.
    EndOfSession,
}

/// Says why bytes are not a MoldUDP64 packet.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum MoldError {
    /// There are fewer bytes than a header has.
    #[error(
        "packet of {found} bytes: expected a MoldUDP64 header of 20 bytes; check that the address \
         and port are those of the feed"
    )]
    NoHeader {
        /// Bytes that there are.
        found: usize,
    },
    /// The packet ends inside its messages.
    #[error(
        "truncated at message {number} of {count}: expected {expected} bytes, found {found}; \
         capture whole packets and receive into a buffer of the network's packet size"
    )]
    Truncated {
        /// Messages of the packet before it.
        number: u16,
        /// Messages that the header announces.
        count: u16,
        /// Bytes that the message and its length take, as far as they are known.
        expected: usize,
        /// Bytes that there are.
        found: usize,
    },
    /// The numbers of the messages do not fit: they count from 1 and end below 2^64.
    #[error(
        "messages {sequence} to {sequence} + {count}: expected numbers from 1 to 2^64 - 1; the \
         packet is damaged or not MoldUDP64"
    )]
    Sequence {
        /// Number of the first message.
        sequence: u64,
        /// Messages that the header announces.
        count: u16,
    },
}

/// A checked downstream packet, in place.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    header: &'a Header,
    /// The message blocks, and nothing behind them.
    blocks: &'a [u8],
    surplus: usize,
}

impl<'a> Packet<'a> {
    /// Views a datagram as a packet.
    ///
    /// Cost: one load and one compare for each message; no copy.
    ///
    /// # Errors
    /// [`MoldError`] if a message is not there as a whole or its number is impossible. Total: any
    /// bytes give a packet or an error.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MoldError> {
        let found = bytes.len();
        let (header, body) =
            Header::ref_from_prefix(bytes).map_err(|_| MoldError::NoHeader { found })?;
        let packet = Self { header, blocks: &[], surplus: body.len() };
        if packet.kind() != Kind::Messages {
            return Ok(packet);
        }
        let (sequence, count) = (packet.sequence(), header.count.get());
        if sequence == 0 || sequence.checked_add(count.into()).is_none() {
            return Err(MoldError::Sequence { sequence, count });
        }
        let mut rest = body;
        for number in 0..count {
            let Some((_, behind)) = split_block(rest) else {
                let (expected, found) = (block_len(rest), rest.len());
                return Err(MoldError::Truncated { number, count, expected, found });
            };
            rest = behind;
        }
        let blocks = body.get(..body.len() - rest.len()).unwrap_or_default();
        Ok(Self { blocks, surplus: rest.len(), ..packet })
    }

    /// Returns what the packet is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.header.count.get() {
            HEARTBEAT => Kind::Heartbeat,
            END_OF_SESSION => Kind::EndOfSession,
            _ => Kind::Messages,
        }
    }

    /// Returns the session.
    #[must_use]
    pub fn session(&self) -> &'a Session {
        &self.header.session
    }

    /// Returns the number of the first message, or of the next one where there is none.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.header.sequence.get()
    }

    /// Returns the number of messages; 0 for a heartbeat and the end of a session.
    #[must_use]
    pub fn count(&self) -> u16 {
        match self.kind() {
            Kind::Messages => self.header.count.get(),
            Kind::Heartbeat | Kind::EndOfSession => 0,
        }
    }

    /// Returns the number of the message after the packet's last.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        // A packet whose sum overflows is refused by `parse`; without messages nothing is added.
        self.sequence().saturating_add(self.count().into())
    }

    /// Returns the messages, in order.
    #[must_use]
    pub fn messages(&self) -> Messages<'a> {
        Messages { blocks: self.blocks }
    }

    /// Returns the bytes behind the last message. A correct packet has none.
    #[must_use]
    pub fn surplus(&self) -> usize {
        self.surplus
    }
}

/// Gives messages, in place. They may be empty.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    blocks: &'a [u8],
}

impl<'a> Messages<'a> {
    /// Gives the messages of message blocks, up to the first that is not there as a whole.
    #[must_use]
    pub const fn new(blocks: &'a [u8]) -> Self {
        Self { blocks }
    }

    /// Returns the message blocks of the messages still to come.
    #[must_use]
    pub const fn blocks(&self) -> &'a [u8] {
        self.blocks
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (message, rest) = split_block(self.blocks)?;
        self.blocks = rest;
        Some(message)
    }
}

/// Views a datagram as a request. Bytes behind its header are ignored.
///
/// # Errors
/// [`MoldError::NoHeader`] if there are fewer than 20 bytes, [`MoldError::Sequence`] if the
/// numbers asked for are impossible.
pub fn parse_request(bytes: &[u8]) -> Result<&Header, MoldError> {
    let found = bytes.len();
    let (header, _) = Header::ref_from_prefix(bytes).map_err(|_| MoldError::NoHeader { found })?;
    let (sequence, count) = (header.sequence.get(), header.count.get());
    if sequence == 0 || sequence.checked_add(count.into()).is_none() {
        return Err(MoldError::Sequence { sequence, count });
    }
    Ok(header)
}

/// Splits the first message from what follows it, if it is there as a whole.
#[inline]
fn split_block(blocks: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[high, low], body) = blocks.split_first_chunk::<PREFIX_LEN>()?;
    body.split_at_checked(usize::from(u16::from_be_bytes([high, low])))
}

/// Returns how many bytes the first message and its length take, as far as that is known.
fn block_len(blocks: &[u8]) -> usize {
    match blocks.split_first_chunk::<PREFIX_LEN>() {
        Some((&[high, low], _)) => PREFIX_LEN + usize::from(u16::from_be_bytes([high, low])),
        None => PREFIX_LEN,
    }
}

#[cfg(test)]
mod tests;
