//! Packets of a classic pcap file.

use zerocopy::FromBytes;

use super::{MOST_CAPTURED, Place, Ready};
use crate::input::Input;
use crate::source::pcap::PcapError;
use crate::wire::packet::Link;
use crate::wire::pcap::{FILE_HEADER_LEN, FileHeader, Format, PACKET_HEADER_LEN, PacketHeader};

/// What the file's header says.
#[derive(Debug)]
pub(super) struct Classic {
    format: Format,
    link: Link,
}

impl Classic {
    /// Reads the file's header, whose magic number is known to be one of classic pcap.
    pub(super) fn begin(input: &mut Input) -> Result<Self, PcapError> {
        let start = input.fill(FILE_HEADER_LEN);
        let header = FileHeader::read_from_prefix(start).ok();
        let Some((header, format)) = header.and_then(|(header, _)| {
            let format = Format::from_magic(header.magic)?;
            Some((header, format))
        }) else {
            let (found, place) = (start.len(), Place { number: 0, offset: 0 });
            let error = input.take_error();
            return Err(error.unwrap_or_else(|| place.truncated(FILE_HEADER_LEN, found)));
        };
        // The high half is about the frame check sequence.
        let [_, _, high, low] = format.order.u32(header.link_type).to_be_bytes();
        let found = u16::from_be_bytes([high, low]);
        let link = Link::from_code(found).ok_or(PcapError::LinkType { found })?;
        let _ = input.take(FILE_HEADER_LEN);
        Ok(Self { format, link })
    }

    /// Finds the next packet.
    pub(super) fn find(&self, input: &mut Input, number: u64) -> Result<Option<Ready>, PcapError> {
        let place = Place { number, offset: input.offset() };
        let start = input.fill(PACKET_HEADER_LEN);
        let found = start.len();
        let Ok((header, _)) = PacketHeader::read_from_prefix(start) else {
            return match input.take_error() {
                Some(error) => Err(error),
                None if found == 0 => Ok(None),
                None => Err(place.truncated(PACKET_HEADER_LEN, found)),
            };
        };
        let captured_len = self.format.order.u32(header.captured_len) as usize;
        if captured_len > MOST_CAPTURED {
            return Err(place.length(captured_len, 0, MOST_CAPTURED));
        }
        let whole_len = PACKET_HEADER_LEN + captured_len;
        let found = input.fill(whole_len).len();
        if found < whole_len {
            return Err(input.take_error().unwrap_or_else(|| place.truncated(whole_len, found)));
        }
        Ok(Some(Ready {
            time_ns: Some(header.time_ns(self.format)),
            link: Some(self.link),
            bytes: PACKET_HEADER_LEN..whole_len,
            wire_len: self.format.order.u32(header.wire_len) as usize,
            whole_len,
        }))
    }
}
