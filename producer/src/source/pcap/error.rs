//! Why a capture cannot be read further.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use crate::input::Broken;
use crate::wire::itch50::ItchError;

/// Says why bytes are not a capture that can be published.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PcapError {
    /// The file has no bytes.
    #[error("empty file: expected a pcap or pcapng capture, found 0 bytes; capture it again")]
    Empty,
    /// The file begins with something else than a capture.
    #[error(
        "no capture: expected a pcap or pcapng file, plain or compressed with gzip or Zstandard, \
         found {found:02x?} at the start; convert other formats with editcap -F pcapng"
    )]
    NotCapture {
        /// The first bytes, at most four.
        found: Vec<u8>,
    },
    /// Frames start in a way that is not read.
    #[error(
        "link type {found}: expected Ethernet (1), raw IP (101), Linux cooked (113, 276) or \
         loopback (0, 108); capture on a single network interface"
    )]
    LinkType {
        /// Link type of the file.
        found: u16,
    },
    /// The version of pcapng is a later one.
    #[error("pcapng version {found}: expected 1; convert it with editcap -F pcapng")]
    Version {
        /// Major version of the section.
        found: u16,
    },
    /// The file ends inside its header, a packet or a block.
    #[error(
        "truncated at packet {number}, byte {offset}: expected {expected} bytes, found {found}; \
         the packets before it are whole: get the file again or cut it off at byte {offset}"
    )]
    Truncated {
        /// Packets read before it.
        number: u64,
        /// Offset in the decompressed file, in bytes.
        offset: u64,
        /// Bytes that the header, packet or block takes, as far as they are known.
        expected: usize,
        /// Bytes that there are.
        found: usize,
    },
    /// A packet or block gives itself a length that none has.
    #[error(
        "packet {number} at byte {offset}: a length of {found} bytes: expected {least} to {most}; \
         the file is damaged from here on: get it again"
    )]
    Length {
        /// Packets read before it.
        number: u64,
        /// Offset in the decompressed file, in bytes.
        offset: u64,
        /// Fewest bytes that there may be.
        least: usize,
        /// Most bytes that there may be.
        most: usize,
        /// Bytes that its header gives.
        found: usize,
    },
    /// A block of a pcapng file contradicts itself.
    #[error(
        "packet {number} at byte {offset}: a block of type {block:#x} that is none: expected \
         {expected}; the file is damaged from here on: get it again"
    )]
    Block {
        /// Packets read before it.
        number: u64,
        /// Offset in the decompressed file, in bytes.
        offset: u64,
        /// Type of the block.
        block: u32,
        /// What the block should have.
        expected: &'static str,
    },
    /// The compressed data cannot be decompressed.
    #[error(
        "decompression after {offset} bytes: {source}; the packets before it are whole: get the \
         file again"
    )]
    Decompress {
        /// Bytes that came out before.
        offset: u64,
        /// The reason that the library gives.
        source: io::Error,
    },
    /// None of the packets carried a payload that is read.
    #[error(
        "no market data in the first {packets} packets: expected UDP datagrams with IEX-TP (TOPS \
         1.5 and 1.6, DEEP 1.0) or with MoldUDP64 and ITCH 5.0; check the capture's filter, and \
         the ports if you chose some"
    )]
    NoPayload {
        /// Packets that were looked at.
        packets: u64,
    },
    /// The packets carry another protocol of IEX.
    #[error(
        "IEX-TP with protocol {found:#06x}: expected TOPS 1.5 or 1.6 (0x8002, 0x8003) or DEEP 1.0 \
         (0x8004); get a capture of one of those feeds"
    )]
    Protocol {
        /// Number of the protocol.
        found: u16,
    },
    /// A message is not one of ITCH 5.0.
    #[error("packet {number}, message {sequence}: {source}")]
    Itch {
        /// Packets read before it.
        number: u64,
        /// Number of the message in its session.
        sequence: u64,
        /// Why.
        source: ItchError,
    },
    /// Packets went to several destinations and nothing says that they are lines of one feed.
    #[error(
        "packet {number} is to {second}, those before to {first}: choose one by its port, or say \
         that they are lines of one feed (merge)"
    )]
    Destinations {
        /// Packets read before it.
        number: u64,
        /// Where the packets before it went.
        first: SocketAddr,
        /// Where it went.
        second: SocketAddr,
    },
}

impl From<Broken> for PcapError {
    fn from(Broken { offset, source }: Broken) -> Self {
        Self::Decompress { offset, source }
    }
}
