//! Packets of a pcapng file.
//!
//! A file is blocks, each with its type and its length at the start and its length again at the
//! end. A section header begins a section, says its byte order and forgets the interfaces of the
//! section before; interface descriptions, counted from 0, say how frames start and what a unit of
//! time is; packet blocks name their interface. Other blocks are passed over.
//!
//! Section headers and interface descriptions, which have options, are read by the `pcap_parser`
//! crate; packet blocks are viewed in place, because reading their options would allocate.
//!
//! Source: draft-ietf-opsawg-pcapng, "PCAP Now Generic Dump File Format", section 4.

use pcap_parser::pcapng::{
    parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
    parse_sectionheaderblock,
};
use pcap_parser::{InterfaceDescriptionBlock, OptionCode};

use super::{MOST_CAPTURED, Place, Ready};
use crate::input::Input;
use crate::source::pcap::PcapError;
use crate::wire::packet::Link;
use crate::wire::pcap::ByteOrder;

/// The type of a section header, which reads the same in both byte orders: a file starts with it.
pub(super) const MAGIC: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];

/// Types of blocks.
const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Type, length and byte order, or what stands there in other blocks.
const START_LEN: usize = 12;
/// Type and the two lengths.
const LEAST_BLOCK: usize = 12;
/// Wireshark's limit.
const MOST_BLOCK: usize = 16 << 20;
/// Interfaces that are remembered; frames of further ones are of an unknown link type.
const MOST_INTERFACES: usize = 1 << 16;

/// Where the bytes of a packet start in its block.
const PACKET_AT: usize = 28;
/// The same in a simple packet block.
const SIMPLE_AT: usize = 12;

/// What is known of the section that is being read.
#[derive(Debug, Default)]
pub(super) struct Sections {
    /// `None` before the first section.
    order: Option<ByteOrder>,
    interfaces: Vec<Interface>,
}

/// An interface that packets were captured on.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Option<Link>,
    /// Most bytes kept of a packet; 0 if there is no limit.
    snap_len: u32,
    /// Units of time: 10^-n seconds, or 2^-n with the highest bit set.
    resolution: u8,
    /// Seconds to add to all times.
    offset_seconds: i64,
}

/// A whole block.
#[derive(Clone, Copy)]
struct Block<'a> {
    kind: u32,
    order: ByteOrder,
    bytes: &'a [u8],
}

impl Block<'_> {
    /// Returns the number at an offset; 0 behind the block's end.
    fn word(&self, at: usize) -> u32 {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
        self.order.u32(bytes.copied().unwrap_or_default())
    }
}

impl Sections {
    /// Finds the next packet, and learns from the blocks before it.
    pub(super) fn find(
        &mut self,
        input: &mut Input,
        number: u64,
    ) -> Result<Option<Ready>, PcapError> {
        loop {
            let place = Place { number, offset: input.offset() };
            let Some(block) = whole_block(self.order, input, place)? else {
                return Ok(None);
            };
            let len = block.bytes.len();
            match block.kind {
                SECTION => self.begin(block, place)?,
                INTERFACE => self.add(block, place)?,
                ENHANCED_PACKET => return self.packet(block, block.word(8), place).map(Some),
                OBSOLETE_PACKET => {
                    // The low half is a number of dropped packets.
                    let [a, b, ..] = block
                        .bytes
                        .get(8..)
                        .and_then(|b| b.first_chunk::<4>())
                        .copied()
                        .unwrap_or_default();
                    let padded = match block.order {
                        ByteOrder::Little => [a, b, 0, 0],
                        ByteOrder::Big => [0, 0, a, b],
                    };
                    return self.packet(block, block.order.u32(padded), place).map(Some);
                }
                SIMPLE_PACKET => return self.simple(block, place).map(Some),
                _ => {}
            }
            let _ = input.take(len);
        }
    }

    /// Begins a section.
    fn begin(&mut self, block: Block<'_>, place: Place) -> Result<(), PcapError> {
        let (_, header) = parse_sectionheaderblock(block.bytes)
            .map_err(|_| place.block(SECTION, "a version and a byte order"))?;
        if header.major_version != 1 {
            return Err(PcapError::Version { found: header.major_version });
        }
        self.order = Some(block.order);
        self.interfaces.clear();
        Ok(())
    }

    /// Adds an interface.
    fn add(&mut self, block: Block<'_>, place: Place) -> Result<(), PcapError> {
        let parsed = match block.order {
            ByteOrder::Little => parse_interfacedescriptionblock_le(block.bytes),
            ByteOrder::Big => parse_interfacedescriptionblock_be(block.bytes),
        };
        let (_, description) =
            parsed.map_err(|_| place.block(INTERFACE, "a link type, a limit and options"))?;
        if self.interfaces.len() < MOST_INTERFACES {
            self.interfaces.push(Interface::new(&description, block.order));
        }
        Ok(())
    }

    /// Finds the bytes of a packet block of either kind.
    fn packet(&self, block: Block<'_>, interface: u32, place: Place) -> Result<Ready, PcapError> {
        let captured_len = block.word(20) as usize;
        let bytes = PACKET_AT..PACKET_AT.saturating_add(captured_len);
        let whole_len = block.bytes.len();
        if captured_len > MOST_CAPTURED || bytes.end + 4 > whole_len {
            let most = whole_len.saturating_sub(PACKET_AT + 4).min(MOST_CAPTURED);
            return Err(place.length(captured_len, 0, most));
        }
        let interface = self.interfaces.get(interface as usize);
        let units = (u64::from(block.word(12)) << 32) | u64::from(block.word(16));
        Ok(Ready {
            time_ns: interface.and_then(|interface| interface.time_ns(units)),
            link: interface.and_then(|interface| interface.link),
            bytes,
            wire_len: block.word(24) as usize,
            whole_len,
        })
    }

    /// Finds the bytes of a simple packet block: it has no time, and is of the first interface.
    fn simple(&self, block: Block<'_>, place: Place) -> Result<Ready, PcapError> {
        let whole_len = block.bytes.len();
        let Some(room) = whole_len.checked_sub(SIMPLE_AT + 4) else {
            return Err(place.block(SIMPLE_PACKET, "the length of a packet"));
        };
        let interface = self.interfaces.first();
        let limit = interface.map_or(0, |interface| interface.snap_len as usize);
        let limit = if limit == 0 { MOST_CAPTURED } else { limit };
        let wire_len = block.word(8) as usize;
        let captured_len = wire_len.min(limit);
        if captured_len > room || captured_len > MOST_CAPTURED {
            return Err(place.length(captured_len, 0, room.min(MOST_CAPTURED)));
        }
        Ok(Ready {
            time_ns: None,
            link: interface.and_then(|interface| interface.link),
            bytes: SIMPLE_AT..SIMPLE_AT + captured_len,
            wire_len,
            whole_len,
        })
    }
}

/// Views the next block without taking it; `None` at the end.
fn whole_block(
    order: Option<ByteOrder>,
    input: &mut Input,
    place: Place,
) -> Result<Option<Block<'_>>, PcapError> {
    let start = input.fill(START_LEN);
    let found = start.len();
    let Some(&[a, b, c, d, e, f, g, h, i, j, k, l]) = start.first_chunk::<START_LEN>() else {
        return match input.take_error() {
            Some(error) => Err(error),
            None if found == 0 => Ok(None),
            None => Err(place.truncated(START_LEN, found)),
        };
    };
    let order = match ([a, b, c, d], [i, j, k, l]) {
        (MAGIC, [0x1A, 0x2B, 0x3C, 0x4D]) => ByteOrder::Big,
        (MAGIC, [0x4D, 0x3C, 0x2B, 0x1A]) => ByteOrder::Little,
        (MAGIC, _) => return Err(place.block(SECTION, "the byte order 1A2B3C4D")),
        (kind, _) => {
            let expected = "a section header before other blocks";
            let kind = u32::from_be_bytes(kind);
            order.ok_or_else(|| place.block(kind, expected))?
        }
    };
    let (kind, len) = (order.u32([a, b, c, d]), order.u32([e, f, g, h]) as usize);
    if !(LEAST_BLOCK..=MOST_BLOCK).contains(&len) || len % 4 != 0 {
        return Err(place.length(len, LEAST_BLOCK, MOST_BLOCK));
    }
    if input.fill(len).len() < len {
        let found = input.fill(len).len();
        return Err(input.take_error().unwrap_or_else(|| place.truncated(len, found)));
    }
    let bytes = input.fill(len).get(..len).unwrap_or_default();
    let block = Block { kind, order, bytes };
    if block.word(len - 4) as usize != len {
        return Err(place.block(kind, "its length at its end too"));
    }
    Ok(Some(block))
}

impl Interface {
    fn new(description: &InterfaceDescriptionBlock<'_>, order: ByteOrder) -> Self {
        // The crate reads the offset as little endian in either order.
        let offset =
            description.options.iter().find(|option| option.code == OptionCode::IfTsoffset);
        let offset = offset.and_then(|option| option.value.first_chunk::<8>()).copied();
        let offset = offset.unwrap_or_default();
        Self {
            link: u16::try_from(description.linktype.0).ok().and_then(Link::from_code),
            snap_len: description.snaplen,
            resolution: description.if_tsresol,
            offset_seconds: match order {
                ByteOrder::Little => i64::from_le_bytes(offset),
                ByteOrder::Big => i64::from_be_bytes(offset),
            },
        }
    }

    /// Converts a time to ns since the Unix epoch; `None` if it does not fit.
    fn time_ns(&self, units: u64) -> Option<u64> {
        const NS: u128 = 1_000_000_000;
        let exponent = u32::from(self.resolution & 0x7F);
        // Below 2^94, so that neither step overflows; a resolution beyond any clock gives 0.
        let scaled = u128::from(units) * NS;
        let since = match self.resolution & 0x80 {
            0 => 10u128.checked_pow(exponent).map_or(0, |per_second| scaled / per_second),
            _ => scaled.checked_shr(exponent).unwrap_or(0),
        };
        let offset = i128::from(self.offset_seconds) * 1_000_000_000;
        u64::try_from(i128::try_from(since).ok()? + offset).ok()
    }
}
