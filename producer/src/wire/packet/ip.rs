//! The network layer: IPv4, and IPv6 with its extension headers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zerocopy::byteorder::big_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{MALFORMED, Refusal, Stop, view};

/// Protocol number of UDP.
const UDP: u8 = 17;
/// Protocol number of the authentication header.
const AUTHENTICATION: u8 = 51;
/// Protocol number of IPv6's fragment header.
const FRAGMENT: u8 = 44;
/// Protocol numbers of IPv6's other extension headers, which give their length in units of eight
/// bytes: hop-by-hop, routing, destination options, mobility, host identity, shim6.
const EXTENSIONS: [u8; 6] = [0, 43, 60, 135, 139, 140];

/// More fragments, and where this one belongs.
const IPV4_FRAGMENT: u16 = 0x3FFF;
/// Where an IPv6 fragment belongs, and more fragments.
const IPV6_FRAGMENT: u16 = 0xFFF9;

/// An IP packet and what is behind it, by version.
pub(super) enum Network<'a> {
    /// IPv4.
    Ipv4(&'a [u8]),
    /// IPv6.
    Ipv6(&'a [u8]),
}

/// A UDP datagram and nothing behind it.
pub(super) struct Transport<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) bytes: &'a [u8],
}

/// Starts an IPv4 packet: 20 bytes, and options.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Ipv4Header {
    /// Version 4 in the high half, the header's length in words of 4 bytes in the low one.
    pub version_and_words: u8,
    /// Type of service.
    pub service: u8,
    /// Bytes of header and payload; 0 in captures of packets that the network card was to split.
    pub total_len: U16,
    /// What the fragments of a packet have in common.
    pub identification: U16,
    /// Reserved, don't fragment, more fragments, and the fragment's offset in units of 8 bytes.
    pub fragment: U16,
    /// Hops left.
    pub time_to_live: u8,
    /// What follows.
    pub protocol: u8,
    /// Checksum of the header; not verified.
    pub checksum: U16,
    /// Address of the sender.
    pub source: [u8; 4],
    /// Address of the receiver.
    pub destination: [u8; 4],
}

/// Starts an IPv6 packet: 40 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Ipv6Header {
    /// Version 6 in the highest 4 bits, then class and flow.
    pub version_and_flow: U32,
    /// Bytes behind this header.
    pub payload_len: U16,
    /// What follows.
    pub next: u8,
    /// Hops left.
    pub hop_limit: u8,
    /// Address of the sender.
    pub source: [u8; 16],
    /// Address of the receiver.
    pub destination: [u8; 16],
}

/// Starts an extension header: its successor, and a length in units that depend on its kind.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Extension {
    next: u8,
    units: u8,
    /// Of a fragment header: offset and "more".
    fragment: U16,
    /// Every extension header has eight bytes or more.
    rest: [u8; 4],
}

/// Finds the UDP datagram of an IP packet.
pub(super) fn transport(network: Network<'_>) -> Result<Transport<'_>, Stop> {
    match network {
        Network::Ipv4(bytes) => ipv4(bytes),
        Network::Ipv6(bytes) => ipv6(bytes),
    }
}

fn ipv4(bytes: &[u8]) -> Result<Transport<'_>, Stop> {
    let (header, _) = view::<Ipv4Header>(bytes)?;
    let header_len = usize::from(header.version_and_words & 0x0F) * 4;
    if header.version_and_words >> 4 != 4 || header_len < size_of::<Ipv4Header>() {
        return Err(MALFORMED);
    }
    let total_len = match usize::from(header.total_len.get()) {
        0 => bytes.len(),
        len if len < header_len => return Err(MALFORMED),
        len => len,
    };
    if header.fragment.get() & IPV4_FRAGMENT != 0 {
        return Err(Stop::Because(Refusal::Fragment));
    }
    let body = bytes.get(header_len..total_len).ok_or(Stop::Short)?;
    Ok(Transport {
        source: IpAddr::V4(Ipv4Addr::from(header.source)),
        destination: IpAddr::V4(Ipv4Addr::from(header.destination)),
        bytes: behind_extensions(header.protocol, body, &[AUTHENTICATION])?,
    })
}

fn ipv6(bytes: &[u8]) -> Result<Transport<'_>, Stop> {
    let (header, rest) = view::<Ipv6Header>(bytes)?;
    if header.version_and_flow.get() >> 28 != 6 {
        return Err(MALFORMED);
    }
    let body = rest.get(..usize::from(header.payload_len.get())).ok_or(Stop::Short)?;
    let [a, b, c, d, e, f] = EXTENSIONS;
    Ok(Transport {
        source: IpAddr::V6(Ipv6Addr::from(header.source)),
        destination: IpAddr::V6(Ipv6Addr::from(header.destination)),
        bytes: behind_extensions(header.next, body, &[a, b, c, d, e, f, FRAGMENT, AUTHENTICATION])?,
    })
}

/// Steps over the extension headers that may come. Each takes eight bytes or more, so there is
/// an end.
fn behind_extensions<'a>(first: u8, body: &'a [u8], known: &[u8]) -> Result<&'a [u8], Stop> {
    let (mut protocol, mut bytes) = (first, body);
    while known.contains(&protocol) {
        let (extension, _) = view::<Extension>(bytes)?;
        let units = usize::from(extension.units);
        let len = match protocol {
            FRAGMENT if extension.fragment.get() & IPV6_FRAGMENT != 0 => {
                return Err(Stop::Because(Refusal::Fragment));
            }
            FRAGMENT => size_of::<Extension>(),
            AUTHENTICATION => (units + 2) * 4,
            _ => (units + 1) * 8,
        };
        bytes = bytes.get(len..).ok_or(Stop::Short)?;
        protocol = extension.next;
    }
    if protocol == UDP { Ok(bytes) } else { Err(Stop::Because(Refusal::NotUdp)) }
}
