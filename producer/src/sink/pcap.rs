//! UDP datagrams of one multicast group as a pcap file: classic format, nanoseconds, Ethernet.
//!
//! Lengths and checksums are those of a real network, so that any tool reads the file. IPv4
//! without options, no VLAN, no fragments.
//!
//! Source: IETF draft-ietf-opsawg-pcap (classic pcap); RFC 791, 768, 1071 (checksum), 1112
//! (multicast addresses on Ethernet).

use std::io::{self, Write};
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Says that times are in nanoseconds, and by its order that numbers are little endian.
const MAGIC: u32 = 0xA1B2_3C4D;
/// Longest frame that is kept whole.
const SNAP_LEN: u32 = 262_144;
/// Frames are Ethernet.
const LINK_TYPE: u32 = 1;
const ETHERNET_LEN: usize = 14;
const IPV4_LEN: u16 = 20;
const UDP_LEN: u16 = 8;
/// Bytes of payload that one datagram can carry.
const MOST_BYTES: usize = (u16::MAX - IPV4_LEN - UDP_LEN) as usize;
/// The sender: a locally administered address.
const SENDER: [u8; 6] = [2, 0, 0, 0, 0, 1];
const ETHERTYPE_IPV4: u16 = 0x0800;
const DO_NOT_FRAGMENT: u16 = 0x4000;
const TIME_TO_LIVE: u8 = 16;
const PROTOCOL_UDP: u8 = 17;

/// Who sends to whom.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Flow {
    /// Address and port of the sender.
    pub source: SocketAddrV4,
    /// Address and port of the multicast group.
    pub group: SocketAddrV4,
}

/// Writes a pcap file.
///
/// Cost: one copy of each payload; no allocation after the longest one.
#[derive(Debug)]
pub struct PcapWriter<W> {
    path: PathBuf,
    output: W,
    flow: Flow,
    frame: Vec<u8>,
    written: u64,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file's header. `path` is for error messages only.
    ///
    /// # Errors
    /// [`Error::Io`] if the output refuses it.
    pub fn new(path: &Path, output: W, flow: Flow) -> Result<Self, Error> {
        let mut writer =
            Self { path: path.to_owned(), output, flow, frame: Vec::new(), written: 0 };
        // Version 2.4; the time zone and the accuracy of times are always 0.
        let version = [2_u16.to_le_bytes(), 4_u16.to_le_bytes()].concat();
        let words = [0, 0, SNAP_LEN, LINK_TYPE].map(u32::to_le_bytes).concat();
        let header = [&MAGIC.to_le_bytes(), version.as_slice(), &words].concat();
        writer.put(&header)?;
        Ok(writer)
    }

    /// Writes one datagram, captured at `time_ns` since the Unix epoch.
    ///
    /// # Errors
    /// [`Error::Io`] if it is longer than a datagram can be, or the output refuses it.
    pub fn datagram(&mut self, time_ns: u64, payload: &[u8]) -> Result<(), Error> {
        let number = u16::try_from(self.written & u64::from(u16::MAX)).unwrap_or_default();
        let mut frame = std::mem::take(&mut self.frame);
        let written = match frame_of(&mut frame, self.flow, number, payload) {
            true => self.put_frame(time_ns, &frame),
            false => Err(Error::io("write", &self.path, io::ErrorKind::InvalidInput.into())),
        };
        self.frame = frame;
        self.written += u64::from(written.is_ok());
        written
    }

    /// Returns how many datagrams were written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Flushes the output and returns it.
    ///
    /// # Errors
    /// [`Error::Io`] if the output refuses.
    pub fn finish(mut self) -> Result<W, Error> {
        self.output.flush().map_err(|source| Error::io("write", &self.path, source))?;
        Ok(self.output)
    }

    fn put_frame(&mut self, time_ns: u64, frame: &[u8]) -> Result<(), Error> {
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let [seconds, ns] = [time_ns / 1_000_000_000, time_ns % 1_000_000_000]
            .map(|part| u32::try_from(part).unwrap_or(u32::MAX));
        self.put(&[seconds, ns, length, length].map(u32::to_le_bytes).concat())?;
        self.put(frame)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.output.write_all(bytes).map_err(|source| Error::io("write", &self.path, source))
    }
}

/// Makes the frame of a datagram, and returns whether the payload fits one.
fn frame_of(frame: &mut Vec<u8>, flow: Flow, number: u16, payload: &[u8]) -> bool {
    let Some(length) = u16::try_from(payload.len()).ok().filter(|_| payload.len() <= MOST_BYTES)
    else {
        return false;
    };
    let (source, group) = (flow.source.ip().octets(), flow.group.ip().octets());
    let udp_len = UDP_LEN + length;
    let [_, b, c, d] = group;
    frame.clear();
    frame.extend([0x01, 0x00, 0x5E, b & 0x7F, c, d]);
    frame.extend(SENDER);
    frame.extend(ETHERTYPE_IPV4.to_be_bytes());
    let ipv4 = |checksum: u16| {
        let mut header = [0; IPV4_LEN as usize];
        let fields = [
            // Version 4, five words of header.
            [0x45, 0],
            (IPV4_LEN + udp_len).to_be_bytes(),
            number.to_be_bytes(),
            DO_NOT_FRAGMENT.to_be_bytes(),
            [TIME_TO_LIVE, PROTOCOL_UDP],
            checksum.to_be_bytes(),
        ];
        let bytes = fields.into_iter().flatten().chain(source).chain(group);
        header.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        header
    };
    frame.extend(ipv4(checksum([&ipv4(0), &[], &[]])));
    let ports = [flow.source.port().to_be_bytes(), flow.group.port().to_be_bytes()].concat();
    let pseudo = [&source[..], &group, &[0, PROTOCOL_UDP], &udp_len.to_be_bytes()].concat();
    let head = [ports.as_slice(), &udp_len.to_be_bytes()].concat();
    let sum = match checksum([&pseudo, &head, payload]) {
        // 0 means that there is none.
        0 => u16::MAX,
        sum => sum,
    };
    frame.extend(head);
    frame.extend(sum.to_be_bytes());
    frame.extend(payload);
    debug_assert_eq!(frame.len(), ETHERNET_LEN + usize::from(IPV4_LEN + udp_len));
    true
}

/// Returns the internet checksum of parts, of which all but the last have even lengths.
fn checksum(parts: [&[u8]; 3]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        let (pairs, rest) = part.as_chunks::<2>();
        sum += pairs.iter().map(|&pair| u64::from(u16::from_be_bytes(pair))).sum::<u64>();
        sum += rest.first().map_or(0, |&byte| u64::from(byte) << 8);
    }
    while sum > u64::from(u16::MAX) {
        sum = (sum >> 16) + (sum & u64::from(u16::MAX));
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Flow {
        Flow {
            source: "10.1.2.3:40000".parse().unwrap(),
            group: "233.215.21.4:26400".parse().unwrap(),
        }
    }

    fn written(payloads: &[&[u8]]) -> Vec<u8> {
        let mut writer = PcapWriter::new("memory".as_ref(), Vec::new(), flow()).unwrap();
        for (number, payload) in (0..).zip(payloads) {
            writer.datagram(1_767_623_400_000_000_007 + number, payload).unwrap();
        }
        assert_eq!(writer.written(), payloads.len() as u64);
        writer.finish().unwrap()
    }

    /// The sum of 16-bit words with the carries added, which is 0xFFFF over correct bytes.
    fn folded(bytes: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u32::from(low));
            sum = (sum & 0xFFFF) + (sum >> 16);
        }
        u16::try_from(sum).unwrap()
    }

    #[test]
    fn a_file_is_headers_and_payloads_at_their_places() {
        let bytes = written(&[b"", b"first", b"second"]);
        assert_eq!(bytes[..4], [0x4D, 0x3C, 0xB2, 0xA1]);
        assert_eq!(bytes[20..24], [1, 0, 0, 0], "Ethernet");
        let mut rest = &bytes[24..];
        for (number, payload) in (0_u8..).zip([&b""[..], b"first", b"second"]) {
            let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
            assert_eq!((word(0), word(4)), (1_767_623_400, 7 + u32::from(number)));
            let length = u8::try_from(payload.len()).unwrap();
            assert_eq!((word(8), word(12)), (42 + u32::from(length), word(8)));
            let frame = &rest[16..][..42 + payload.len()];
            assert_eq!(frame[..6], [1, 0, 0x5E, 0x57, 21, 4], "the group's Ethernet address");
            assert_eq!(frame[12..15], [8, 0, 0x45]);
            assert_eq!((frame[17], frame[19]), (28 + length, number));
            assert_eq!(frame[26..34], [10, 1, 2, 3, 233, 215, 21, 4]);
            assert_eq!(frame[34..38], [0x9C, 0x40, 0x67, 0x20]);
            assert_eq!(&frame[42..], payload);
            assert_eq!(folded(&frame[14..34]), 0xFFFF, "IPv4");
            let pseudo = [&frame[26..34], &[0, 17], &frame[38..40], &frame[34..]].concat();
            assert_eq!(folded(&pseudo), 0xFFFF, "UDP");
            rest = &rest[16 + frame.len()..];
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn a_payload_that_no_datagram_can_carry_is_refused() {
        let mut writer = PcapWriter::new("memory".as_ref(), Vec::new(), flow()).unwrap();
        assert!(matches!(writer.datagram(0, &[0; MOST_BYTES + 1]), Err(Error::Io { .. })));
        writer.datagram(0, &[0; MOST_BYTES]).unwrap();
        assert_eq!(writer.finish().unwrap().len(), 24 + 16 + 14 + 65_535);
    }
}
