//! Capture files in the classic pcap format.
//!
//! A file is a header of 24 bytes and packets, each after a header of 16 bytes. The first four
//! bytes say in which byte order all numbers are and whether fractions of a second are
//! microseconds or nanoseconds.
//!
//! Source: draft-ietf-opsawg-pcap, "PCAP Capture File Format".

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of the header of a file.
pub const FILE_HEADER_LEN: usize = size_of::<FileHeader>();

/// Bytes of the header of a packet.
pub const PACKET_HEADER_LEN: usize = size_of::<PacketHeader>();

/// The first bytes of a file in big-endian order whose times are in microseconds.
const MICROSECONDS: [u8; 4] = [0xA1, 0xB2, 0xC3, 0xD4];
/// The same with times in nanoseconds.
const NANOSECONDS: [u8; 4] = [0xA1, 0xB2, 0x3C, 0x4D];

/// Order of the bytes of a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ByteOrder {
    /// The lowest byte first.
    Little,
    /// The highest byte first.
    Big,
}

impl ByteOrder {
    /// Returns the number that four bytes are in this order.
    #[inline]
    #[must_use]
    pub const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }
}

/// What the first four bytes of a file say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Format {
    /// Order of the bytes of all numbers.
    pub order: ByteOrder,
    /// Nanoseconds of one unit of the fractions of a second: 1,000 or 1.
    pub fraction_ns: u32,
}

impl Format {
    /// Returns the format that the first four bytes of a file stand for, or `None` if it is not
    /// classic pcap.
    #[must_use]
    pub fn from_magic(magic: [u8; 4]) -> Option<Self> {
        let [a, b, c, d] = magic;
        let fraction = |magic| match magic {
            MICROSECONDS => Some(1_000),
            NANOSECONDS => Some(1),
            _ => None,
        };
        let big = fraction(magic).map(|ns| Self { order: ByteOrder::Big, fraction_ns: ns });
        big.or_else(|| {
            let little = fraction([d, c, b, a])?;
            Some(Self { order: ByteOrder::Little, fraction_ns: little })
        })
    }
}

/// Starts a file: 24 bytes, numbers in the file's byte order.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct FileHeader {
    /// Format; see [`Format::from_magic`].
    pub magic: [u8; 4],
    /// Major and minor version: 2.4.
    pub version: [u8; 4],
    /// Reserved.
    pub reserved: [u8; 8],
    /// Most bytes kept of a packet.
    pub snap_len: [u8; 4],
    /// How frames start, in the low 16 bits; above them the length of the frame check sequence.
    pub link_type: [u8; 4],
}

/// Starts a packet: 16 bytes, numbers in the file's byte order.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct PacketHeader {
    /// When it was captured: seconds since the Unix epoch, UTC.
    pub seconds: [u8; 4],
    /// Fraction of the second, in units that the format gives.
    pub fraction: [u8; 4],
    /// Bytes that were kept, which follow.
    pub captured_len: [u8; 4],
    /// Bytes that it had on the wire.
    pub wire_len: [u8; 4],
}

impl PacketHeader {
    /// Returns when the packet was captured, in ns since the Unix epoch, UTC.
    #[must_use]
    pub fn time_ns(&self, format: Format) -> u64 {
        let (seconds, fraction) = (format.order.u32(self.seconds), format.order.u32(self.fraction));
        u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * u64::from(format.fraction_ns)
    }
}
