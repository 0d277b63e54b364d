//! SoupBinTCP: the sequenced messages of one session over TCP.
//!
//! A packet is a length of two bytes, big endian, a type byte that the length counts, and a
//! payload. The [`Framer`] cuts a stream of bytes into [`Packet`]s; [`ServerPacket`] and
//! [`ClientPacket`] say what each end may send:
//!
//! | from the server | from the client |
//! |---|---|
//! | `A` login accepted: session, next sequence | `L` login request: who, which session, from where |
//! | `J` login rejected: why | `O` logout request |
//! | `S` sequenced message | `U` unsequenced message |
//! | `U` unsequenced message | `R` heartbeat |
//! | `H` heartbeat | `+` debug text |
//! | `Z` end of the session | |
//! | `+` debug text | |
//!
//! Sequenced messages carry no number: the first `S` behind a login has the sequence that its `A`
//! gave, and each further one the next. Sequences begin at 1. A client that was cut off logs in
//! with the session that it knows and the sequence that it wants next, and nothing is lost.
//!
//! Each end sends a heartbeat when it had nothing to send for a second; one that is silent for 15
//! seconds is taken for dead.
//!
//! Source: Nasdaq SoupBinTCP specification, version 3.00.

mod framer;
mod login;

#[cfg(test)]
mod tests;

use thiserror::Error;
use zerocopy::FromBytes;

pub use framer::{Framer, MAX_PACKET_LEN, Packet};
pub use login::{Credentials, LoginAccepted, LoginRequest, Rejection, Session};

/// Bytes before a payload: length and type.
pub const HEADER_LEN: usize = 3;

/// A whole packet of the client that says that it lives.
pub const CLIENT_HEARTBEAT: [u8; HEADER_LEN] = [0, 1, b'R'];

/// A whole packet of the client that says that it goes.
pub const LOGOUT_REQUEST: [u8; HEADER_LEN] = [0, 1, b'O'];

/// A whole packet of the server that says that it lives.
pub const SERVER_HEARTBEAT: [u8; HEADER_LEN] = [0, 1, b'H'];

/// A whole packet of the server that ends the session.
pub const END_OF_SESSION: [u8; HEADER_LEN] = [0, 1, b'Z'];

/// Says why bytes are not a SoupBinTCP packet.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PacketError {
    /// The length is 0, which leaves no room for a type. The stream cannot be cut further.
    #[error(
        "packet of length 0: expected a type byte at least; the peer does not speak SoupBinTCP, \
         or bytes were lost: connect again"
    )]
    NoType,
    /// The type is none that this end of a connection sends.
    #[error(
        "packet type {found:#04x}: expected one of {expected}; check that the peer speaks \
         SoupBinTCP"
    )]
    UnknownType {
        /// The type byte.
        found: u8,
        /// The types that there are.
        expected: &'static str,
    },
    /// The payload has not the length of the type.
    #[error(
        "packet of type '{}': expected a payload of {expected} bytes, found {found}; check that \
         the peer speaks SoupBinTCP 3.00",
        char::from(*packet_type)
    )]
    WrongLength {
        /// The type byte.
        packet_type: u8,
        /// Bytes that the type has.
        expected: usize,
        /// Bytes in the packet.
        found: usize,
    },
}

/// A packet from the server.
#[derive(Clone, Copy, Debug)]
pub enum ServerPacket<'a> {
    /// The client is logged in.
    LoginAccepted(&'a LoginAccepted),
    /// The client is not logged in, and will be disconnected.
    LoginRejected(Rejection),
    /// The next message of the session.
    Sequenced(&'a [u8]),
    /// A message that has no place in the session.
    Unsequenced(&'a [u8]),
    /// The server lives.
    Heartbeat,
    /// The session is over: no message will follow, and the client will be disconnected.
    EndOfSession,
    /// Text for people.
    Debug(&'a [u8]),
}

impl<'a> ServerPacket<'a> {
    /// Views a packet that the server sent.
    ///
    /// Cost: a jump by the type and a compare of the length; no copy.
    ///
    /// # Errors
    /// [`PacketError`] if a server sends no packet of this type, or none of this length.
    #[inline]
    pub fn parse(packet: Packet<'a>) -> Result<Self, PacketError> {
        let Packet { packet_type, payload } = packet;
        match packet_type {
            b'S' => Ok(Self::Sequenced(payload)),
            b'U' => Ok(Self::Unsequenced(payload)),
            b'+' => Ok(Self::Debug(payload)),
            b'H' => packet.without_payload(Self::Heartbeat),
            b'Z' => packet.without_payload(Self::EndOfSession),
            b'A' => packet.view().map(Self::LoginAccepted),
            b'J' => match payload {
                &[code] => Ok(Self::LoginRejected(Rejection::of(code))),
                _ => Err(packet.wrong_length(1)),
            },
            found => Err(PacketError::UnknownType { found, expected: "S U H A J Z +" }),
        }
    }
}

/// A packet from the client.
#[derive(Clone, Copy, Debug)]
pub enum ClientPacket<'a> {
    /// The client wants messages.
    LoginRequest(&'a LoginRequest),
    /// The client goes.
    LogoutRequest,
    /// A message that has no place in the session.
    Unsequenced(&'a [u8]),
    /// The client lives.
    Heartbeat,
    /// Text for people.
    Debug(&'a [u8]),
}

impl<'a> ClientPacket<'a> {
    /// Views a packet that the client sent.
    ///
    /// # Errors
    /// [`PacketError`] if a client sends no packet of this type, or none of this length.
    pub fn parse(packet: Packet<'a>) -> Result<Self, PacketError> {
        let Packet { packet_type, payload } = packet;
        match packet_type {
            b'L' => packet.view().map(Self::LoginRequest),
            b'R' => packet.without_payload(Self::Heartbeat),
            b'O' => packet.without_payload(Self::LogoutRequest),
            b'U' => Ok(Self::Unsequenced(payload)),
            b'+' => Ok(Self::Debug(payload)),
            found => Err(PacketError::UnknownType { found, expected: "L O U R +" }),
        }
    }
}

impl<'a> Packet<'a> {
    fn without_payload<T>(self, packet: T) -> Result<T, PacketError> {
        if self.payload.is_empty() { Ok(packet) } else { Err(self.wrong_length(0)) }
    }

    fn view<T>(self) -> Result<&'a T, PacketError>
    where
        T: FromBytes + zerocopy::KnownLayout + zerocopy::Immutable + zerocopy::Unaligned,
    {
        T::ref_from_bytes(self.payload).map_err(|_| self.wrong_length(size_of::<T>()))
    }

    fn wrong_length(self, expected: usize) -> PacketError {
        let Self { packet_type, payload } = self;
        PacketError::WrongLength { packet_type, expected, found: payload.len() }
    }
}

/// Returns what stands before a sequenced message of so many bytes; `None` if it is too long for
/// one packet.
#[must_use]
pub fn sequenced_header(message_len: usize) -> Option<[u8; HEADER_LEN]> {
    let [high, low] = u16::try_from(message_len + 1).ok()?.to_be_bytes();
    Some([high, low, b'S'])
}
