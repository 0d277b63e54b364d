//! IEX-TP, the transport of IEX's feeds: sequenced messages of one session in segments.
//!
//! A segment is the payload of one datagram: a [`Header`] of 40 bytes and as many messages as its
//! count says, each after its length in two bytes. All numbers are little endian. Messages are
//! numbered from 1 through the session of a channel, and the header carries the number of the
//! segment's first; a segment without messages is a heartbeat and carries the number of the next.
//!
//! A segment is checked as a whole by [`Segment::parse`], so that all of it is taken or nothing.
//!
//! Source: IEX Transport Protocol specification, version 1.25.

use thiserror::Error;
use zerocopy::byteorder::little_endian::{I64, U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The version of the protocol.
pub const VERSION: u8 = 1;

/// Protocol number of TOPS 1.5, whose messages have the layouts of TOPS 1.6.
pub const TOPS_15: u16 = 0x8002;
/// Protocol number of TOPS 1.6.
pub const TOPS_16: u16 = 0x8003;
/// Protocol number of DEEP 1.0.
pub const DEEP_10: u16 = 0x8004;

/// Bytes of a header.
pub const HEADER_LEN: usize = size_of::<Header>();

/// Bytes of the length before each message.
pub const PREFIX_LEN: usize = 2;

/// Starts every segment: 40 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Header {
    /// Version of the transport: 1.
    pub version: u8,
    /// Reserved.
    pub reserved: u8,
    /// Number of the protocol of the messages.
    pub protocol: U16,
    /// Channel: the stream that the sequence belongs to.
    pub channel: U32,
    /// Session of the channel: the sequence begins again with a new one.
    pub session: U32,
    /// Bytes behind the header.
    pub payload_len: U16,
    /// Number of messages.
    pub count: U16,
    /// Bytes of payload that the session had before.
    pub stream_offset: I64,
    /// Number of the first message, or of the next one where there is none.
    pub first_sequence: I64,
    /// When it was sent, in ns since the Unix epoch, UTC.
    pub send_time: I64,
}

/// Says why bytes are not an IEX-TP segment.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum IexTpError {
    /// There are fewer bytes than a header has.
    #[error("segment of {found} bytes: expected an IEX-TP header of 40 bytes")]
    NoHeader {
        /// Bytes that there are.
        found: usize,
    },
    /// The version of the transport is another.
    #[error("IEX-TP version {found}: expected 1")]
    Version {
        /// Version of the segment.
        found: u8,
    },
    /// The segment ends inside its messages.
    #[error("truncated at message {number} of {count}: expected {expected} bytes, found {found}")]
    Truncated {
        /// Messages of the segment before it.
        number: u16,
        /// Messages that the header announces.
        count: u16,
        /// Bytes that the message and its length take, as far as they are known.
        expected: usize,
        /// Bytes that there are.
        found: usize,
    },
    /// The numbers of the messages are negative or do not fit.
    #[error("messages {first} to {first} + {count}: expected numbers from 0 to 2^63 - 1")]
    Sequence {
        /// Number of the first message.
        first: i64,
        /// Messages that the header announces.
        count: u16,
    },
}

/// A checked segment, in place.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    header: &'a Header,
    first_sequence: u64,
    /// The messages with their lengths, and nothing behind them.
    blocks: &'a [u8],
    surplus: usize,
}

impl<'a> Segment<'a> {
    /// Views a datagram as a segment. Bytes behind the payload that the header gives are ignored.
    ///
    /// Cost: one load and one compare for each message; no copy.
    ///
    /// # Errors
    /// [`IexTpError`] if a message is not there as a whole or its number is impossible. Total: any
    /// bytes give a segment or an error.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, IexTpError> {
        let found = bytes.len();
        let (header, body) =
            Header::ref_from_prefix(bytes).map_err(|_| IexTpError::NoHeader { found })?;
        if header.version != VERSION {
            return Err(IexTpError::Version { found: header.version });
        }
        let (count, first) = (header.count.get(), header.first_sequence.get());
        let last = first.checked_add(count.into());
        let (Ok(first_sequence), Some(_)) = (u64::try_from(first), last) else {
            return Err(IexTpError::Sequence { first, count });
        };
        let body = body.get(..header.payload_len.get().into()).unwrap_or(body);
        let mut rest = body;
        for number in 0..count {
            let Some((_, behind)) = split_block(rest) else {
                let (expected, found) = (block_len(rest), rest.len());
                return Err(IexTpError::Truncated { number, count, expected, found });
            };
            rest = behind;
        }
        let blocks = body.get(..body.len() - rest.len()).unwrap_or_default();
        Ok(Self { header, first_sequence, blocks, surplus: rest.len() })
    }

    /// Returns the header.
    #[must_use]
    pub fn header(&self) -> &'a Header {
        self.header
    }

    /// Returns the number of the first message, or of the next one where there is none.
    #[must_use]
    pub fn first_sequence(&self) -> u64 {
        self.first_sequence
    }

    /// Returns the number of messages; 0 for a heartbeat.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.header.count.get()
    }

    /// Returns the messages, in order.
    #[must_use]
    pub fn messages(&self) -> Messages<'a> {
        Messages { blocks: self.blocks }
    }

    /// Returns the bytes of payload behind the last message. A correct segment has none.
    #[must_use]
    pub fn surplus(&self) -> usize {
        self.surplus
    }
}

/// Gives the messages of a segment, in place. They may be empty.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    blocks: &'a [u8],
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

/// Splits the first message from what follows it, if it is there as a whole.
#[inline]
fn split_block(blocks: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[low, high], body) = blocks.split_first_chunk::<PREFIX_LEN>()?;
    body.split_at_checked(usize::from(u16::from_le_bytes([low, high])))
}

/// Returns how many bytes the first message and its length take, as far as that is known.
fn block_len(blocks: &[u8]) -> usize {
    match blocks.split_first_chunk::<PREFIX_LEN>() {
        Some((&[low, high], _)) => PREFIX_LEN + usize::from(u16::from_le_bytes([low, high])),
        None => PREFIX_LEN,
    }
}

#[cfg(test)]
mod tests;
