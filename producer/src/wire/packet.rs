//! Network packets: from a captured frame to the UDP datagram in it.
//!
//! ```text
//! link header | VLAN tags | IPv4 or IPv6, extension headers | UDP | payload | padding
//! ```
//!
//! [`datagram`] walks the headers in place. Lengths come from the headers: padding behind the IP
//! packet, which short Ethernet frames have, and a frame check sequence are left out. Checksums
//! are not verified, because captures on the sending host have them unfilled. Fragments are not
//! put together: market data is sent in whole packets, so a fragment is told as such.
//!
//! Source: IEEE 802.3, 802.1Q and 802.1ad; RFC 791 (IPv4), RFC 8200 (IPv6), RFC 4302 (AH), RFC 768
//! (UDP); tcpdump.org, "Link-layer header types".

mod ip;
mod link;

use std::net::SocketAddr;

use zerocopy::byteorder::big_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use ip::{Ipv4Header, Ipv6Header};
pub use link::{EthernetHeader, Link, LinuxSll2Header, LinuxSllHeader, VlanTag};

/// Starts a UDP datagram: 8 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct UdpHeader {
    /// Port of the sender.
    pub source: U16,
    /// Port of the receiver.
    pub destination: U16,
    /// Bytes of header and payload.
    pub length: U16,
    /// Checksum; not verified.
    pub checksum: U16,
}

/// A UDP datagram, in place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// What it carries.
    pub payload: &'a [u8],
}

/// Says why a frame gives no datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// It carries something else than IP.
    NotIp,
    /// It carries something else than UDP.
    NotUdp,
    /// It carries a part of an IP packet.
    Fragment,
    /// The capture kept too little of it.
    Cut,
    /// Its headers contradict each other or its end.
    Malformed,
}

/// Why a header cannot be read, before it is known whether the frame was cut.
enum Stop {
    /// This is why.
    Because(Refusal),
    /// Bytes are missing at the end.
    Short,
}

/// Finds the UDP datagram in a frame of which `captured` was kept; on the wire it had `wire_len`
/// bytes.
///
/// Cost: one pass over the headers; no copy.
///
/// # Errors
/// [`Refusal`] if there is none, or not the whole of it. Total: any bytes give a datagram or a
/// refusal.
pub fn datagram(link: Link, captured: &[u8], wire_len: usize) -> Result<Datagram<'_>, Refusal> {
    let found = link.network(captured).and_then(ip::transport).and_then(udp);
    found.map_err(|stop| match stop {
        Stop::Because(refusal) => refusal,
        Stop::Short if captured.len() < wire_len => Refusal::Cut,
        Stop::Short => Refusal::Malformed,
    })
}

/// Views the UDP header.
fn udp(transport: ip::Transport<'_>) -> Result<Datagram<'_>, Stop> {
    let ip::Transport { source, destination, bytes } = transport;
    let (header, body) = view::<UdpHeader>(bytes)?;
    let len = usize::from(header.length.get());
    let len = len.checked_sub(size_of::<UdpHeader>()).ok_or(MALFORMED)?;
    Ok(Datagram {
        source: SocketAddr::new(source, header.source.get()),
        destination: SocketAddr::new(destination, header.destination.get()),
        payload: body.get(..len).ok_or(Stop::Short)?,
    })
}

const MALFORMED: Stop = Stop::Because(Refusal::Malformed);

/// Views a header and returns what follows it.
fn view<T: FromBytes + Immutable + KnownLayout + Unaligned>(
    bytes: &[u8],
) -> Result<(&T, &[u8]), Stop> {
    T::ref_from_prefix(bytes).map_err(|_| Stop::Short)
}

#[cfg(test)]
mod tests;
