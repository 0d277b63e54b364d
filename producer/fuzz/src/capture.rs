//! Packets of a fuzz input, and captures of them.
//!
//! A packet is a byte that says how it comes, its length in two bytes, little endian, and as many
//! bytes as there are of it.

use std::path::Path;
use tickring_producer::sink::mold::{GROUP_A, GROUP_B, SENDER_A, SENDER_B};
use tickring_producer::sink::pcap::{Flow, PcapWriter};

/// When the first packet is captured, in ns since the Unix epoch.
const START_NS: u64 = 1_767_623_400_000_000_000;
/// Bytes of a capture before its packets, and of each packet before what the datagram carries.
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
const FRAME_HEADER: usize = 42;
/// Longest packet.
const MOST_BYTES: usize = 60_000;

/// One packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    /// Bit 0: the line; bit 1: from a request server; the rest: how long after the one before.
    pub(crate) how: u8,
    pub(crate) bytes: &'a [u8],
}

impl Packet<'_> {
    pub(crate) fn line(self) -> u8 {
        self.how & 1
    }

    pub(crate) fn is_answer(self) -> bool {
        self.how & 2 != 0
    }

    /// Time since the packet before, in ns: up to a second.
    pub(crate) fn after_ns(self) -> u64 {
        1 << (self.how >> 3)
    }
}

/// The packets of an input.
pub(crate) fn split(mut bytes: &[u8]) -> impl Iterator<Item = Packet<'_>> {
    std::iter::from_fn(move || {
        let (&[how, low, high], rest) = bytes.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes([low, high])).min(rest.len()).min(MOST_BYTES);
        let (packet, rest) = rest.split_at(length);
        bytes = rest;
        Some(Packet { how, bytes: packet })
    })
}

/// The input of packets.
pub(crate) fn join<'a>(packets: impl IntoIterator<Item = (u8, &'a [u8])>) -> Vec<u8> {
    let joined = packets.into_iter().map(|(how, bytes)| {
        let length = u16::try_from(bytes.len()).expect("a short packet");
        [&[how][..], &length.to_le_bytes(), bytes].concat()
    });
    joined.collect::<Vec<_>>().concat()
}

/// A capture of the packets of an input, on two lines.
pub(crate) fn capture(bytes: &[u8]) -> Vec<u8> {
    let [a, b] = [(SENDER_A, GROUP_A), (SENDER_B, GROUP_B)];
    let mut file = Vec::new();
    let mut time_ns = START_NS;
    for packet in split(bytes) {
        time_ns += packet.after_ns();
        let (source, group) = if packet.line() == 0 { a } else { b };
        let writer = PcapWriter::new(Path::new("memory"), Vec::new(), Flow { source, group });
        let mut writer = writer.expect("memory");
        writer.datagram(time_ns, packet.bytes).expect("a packet that fits a datagram");
        let one = writer.finish().expect("memory");
        let from = if file.is_empty() { 0 } else { FILE_HEADER };
        file.extend(&one[from..]);
    }
    file
}

/// What the datagrams of a capture carry that [`PcapWriter`] wrote, with their times in ns.
pub(crate) fn datagrams(capture: &[u8]) -> Vec<(u64, &[u8])> {
    let word = |at: usize| {
        let bytes = capture[at..].first_chunk().expect("a whole capture");
        u32::from_le_bytes(*bytes)
    };
    let mut found = Vec::new();
    let mut at = FILE_HEADER;
    while at < capture.len() {
        let time_ns = u64::from(word(at)) * 1_000_000_000 + u64::from(word(at + 4));
        let end = at + RECORD_HEADER + usize::try_from(word(at + 8)).expect("a length");
        found.push((time_ns, &capture[at + RECORD_HEADER + FRAME_HEADER..end]));
        at = end;
    }
    found
}
