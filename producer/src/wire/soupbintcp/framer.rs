//! A stream of bytes, cut into packets.

use super::PacketError;

/// Bytes of the length before a packet.
const PREFIX_LEN: usize = 2;

/// Bytes of the longest packet, its length included.
pub const MAX_PACKET_LEN: usize = PREFIX_LEN + u16::MAX as usize;

/// Bytes of the buffer: after the rest of a packet was moved to its front there is room for three
/// of the longest.
const BUFFER_LEN: usize = 4 * MAX_PACKET_LEN;

/// One packet of the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Packet<'a> {
    /// What it is, an ASCII character.
    pub packet_type: u8,
    /// What it carries.
    pub payload: &'a [u8],
}

/// Cuts packets from bytes that come in pieces of any size.
///
/// Bytes are read into [`space`](Self::space) and counted by [`filled`](Self::filled); then
/// [`packet`](Self::packet) gives the whole packets in place.
///
/// Shape: a buffer of 256 KiB that is allocated once. Cost: a rest of a packet is moved when less
/// than one longest packet fits behind it, once for some 190 KiB of stream.
#[derive(Debug)]
pub struct Framer {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Default for Framer {
    fn default() -> Self {
        Self { buffer: vec![0; BUFFER_LEN].into_boxed_slice(), start: 0, end: 0 }
    }
}

impl Framer {
    /// Returns where the next bytes of the stream belong. There is room when
    /// [`packet`](Self::packet) has given `None`.
    pub fn space(&mut self) -> &mut [u8] {
        if self.buffer.len() - self.end < MAX_PACKET_LEN {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// Counts bytes that were put at the front of [`space`](Self::space).
    pub fn filled(&mut self, bytes: usize) {
        self.end = self.end.saturating_add(bytes).min(self.buffer.len());
    }

    /// Returns the next packet, or `None` while it is not whole.
    ///
    /// # Errors
    /// [`PacketError::NoType`] if its length is 0; it stays in front until [`clear`](Self::clear).
    #[inline]
    pub fn packet(&mut self) -> Result<Option<Packet<'_>>, PacketError> {
        let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
        let Some((&prefix, rest)) = bytes.split_first_chunk::<PREFIX_LEN>() else {
            return Ok(None);
        };
        let len = usize::from(u16::from_be_bytes(prefix));
        let Some(packet) = rest.get(..len) else {
            return Ok(None);
        };
        let Some((&packet_type, payload)) = packet.split_first() else {
            return Err(PacketError::NoType);
        };
        self.start += PREFIX_LEN + len;
        if self.start == self.end {
            // The slice above is still there: only the marks move.
            (self.start, self.end) = (0, 0);
        }
        Ok(Some(Packet { packet_type, payload }))
    }

    /// Forgets the bytes that were not given yet: another stream begins.
    pub fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }
}
