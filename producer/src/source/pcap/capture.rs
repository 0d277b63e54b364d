//! A capture file, packet by packet.
//!
//! The file may be classic pcap or pcapng; [`open`](Capture::open) tells them apart by their first
//! bytes. A packet is made [ready](Capture::ready) first, so that its time is known before it is
//! taken, and is viewed in place.

mod classic;
mod pcapng;

use std::ops::Range;
use std::path::Path;

use super::PcapError;
use crate::error::Error;
use crate::input::{Compression, Input};
use crate::map::MappedFile;
use crate::wire::packet::Link;
use crate::wire::pcap;
use classic::Classic;
use pcapng::Sections;

/// Most bytes that a capture keeps of a packet: the limit of libpcap.
const MOST_CAPTURED: usize = 262_144;

/// A packet of a capture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// Packets before it.
    pub(super) number: u64,
    /// When it was captured, in ns since the Unix epoch, UTC; `None` if the file does not tell.
    pub(super) time_ns: Option<u64>,
    /// How it starts; `None` if that is not read here.
    pub(super) link: Option<Link>,
    /// What was kept of it.
    pub(super) bytes: &'a [u8],
    /// Bytes that it had on the wire.
    pub(super) wire_len: usize,
}

/// Where the next packet lies in the bytes that the input gives.
#[derive(Clone, Debug)]
struct Ready {
    time_ns: Option<u64>,
    link: Option<Link>,
    /// Its bytes.
    bytes: Range<usize>,
    wire_len: usize,
    /// Bytes of the packet with what is around it.
    whole_len: usize,
}

/// Where in the file an error is.
#[derive(Clone, Copy, Debug)]
struct Place {
    number: u64,
    offset: u64,
}

impl Place {
    fn truncated(self, expected: usize, found: usize) -> PcapError {
        let Self { number, offset } = self;
        PcapError::Truncated { number, offset, expected, found }
    }

    fn length(self, found: usize, least: usize, most: usize) -> PcapError {
        let Self { number, offset } = self;
        PcapError::Length { number, offset, least, most, found }
    }

    fn block(self, block: u32, expected: &'static str) -> PcapError {
        let Self { number, offset } = self;
        PcapError::Block { number, offset, block, expected }
    }
}

#[derive(Debug)]
enum Format {
    Classic(Classic),
    Pcapng(Sections),
}

/// Reads the packets of a capture file.
#[derive(Debug)]
pub(super) struct Capture {
    input: Input,
    format: Format,
    /// Packets taken.
    number: u64,
    ready: Option<Ready>,
}

impl Capture {
    /// Opens the file and reads its header.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = MappedFile::open(path)?;
        let compression = Compression::of(&file);
        let input = Input::new(file, compression, path)?;
        Self::begin(input).map_err(|source| Error::Pcap { path: path.to_owned(), source })
    }

    fn begin(mut input: Input) -> Result<Self, PcapError> {
        let start = input.fill(4);
        let format = match start.first_chunk::<4>() {
            Some(&pcapng::MAGIC) => Format::Pcapng(Sections::default()),
            Some(&magic) if pcap::Format::from_magic(magic).is_some() => {
                Format::Classic(Classic::begin(&mut input)?)
            }
            _ => {
                let found: Vec<u8> = start.iter().take(4).copied().collect();
                return Err(match input.take_error() {
                    Some(error) => error,
                    None if found.is_empty() => PcapError::Empty,
                    None => PcapError::NotCapture { found },
                });
            }
        };
        Ok(Self { input, format, number: 0, ready: None })
    }

    /// Returns how many packets were taken.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Returns when the next packet was captured; `None` at the end, before an error, and if the
    /// file does not tell.
    pub(super) fn next_time_ns(&mut self) -> Option<u64> {
        // An error stays where it is until the packet is taken.
        self.ready().ok().flatten()?.time_ns
    }

    /// Takes the next packet; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Packet<'_>>, PcapError> {
        let Some(Ready { time_ns, link, bytes, wire_len, whole_len }) = self.ready()? else {
            return Ok(None);
        };
        self.ready = None;
        let number = self.number;
        self.number += 1;
        let bytes = self.input.take(whole_len).get(bytes).unwrap_or_default();
        Ok(Some(Packet { number, time_ns, link, bytes, wire_len }))
    }

    /// Makes the next packet ready.
    fn ready(&mut self) -> Result<Option<Ready>, PcapError> {
        if self.ready.is_none() {
            self.ready = match &mut self.format {
                Format::Classic(classic) => classic.find(&mut self.input, self.number)?,
                Format::Pcapng(sections) => sections.find(&mut self.input, self.number)?,
            };
        }
        Ok(self.ready.clone())
    }
}
