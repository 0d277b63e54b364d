//! Wire bytes as they came, for lossless capture.

use crate::record::describe::builtin;
use crate::record::{UNDEF_TIME, rtype};

builtin! {
    /// One message of the wire, undecoded.
    ///
    /// Shape: 120 bytes, a slot of 128. A message longer than `wire` takes several records that
    /// bear the same `sequence`.
    pub struct Raw(rtype::RAW = "raw") {
        /// Time of receipt by the capturing host's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// Sequence number of the message at the venue.
        sequence: u64 => Sequence,
        /// Number of bytes of wire that are used.
        wire_len: u16 => Count,
        /// Protocol of the bytes: 0 not known, 1 ITCH 5.0.
        proto: u16 => Enum,
        /// Channel of the feed, counted from 0.
        channel_id: u16 => None,
        /// Reserved, zero.
        _reserved: [u8; 2] => None,
        /// Bytes of the wire; those behind wire_len are zero.
        wire: [u8; 80] => None,
    }
}

impl Raw {
    /// Bytes of the wire that one record holds.
    pub const WIRE_BYTES: usize = 80;

    /// Takes bytes of the wire, at most [`WIRE_BYTES`](Self::WIRE_BYTES): what is behind those is
    /// left out.
    #[expect(clippy::cast_possible_truncation, reason = "at most 80")]
    pub fn set_bytes(&mut self, bytes: &[u8]) {
        let bytes = bytes.get(..Self::WIRE_BYTES).unwrap_or(bytes);
        self.wire = [0; Self::WIRE_BYTES];
        self.wire.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        self.wire_len = bytes.len() as u16;
    }

    /// Returns the bytes in use; all of them when `wire_len` claims more than there are.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.wire.get(..usize::from(self.wire_len)).unwrap_or(&self.wire)
    }
}
