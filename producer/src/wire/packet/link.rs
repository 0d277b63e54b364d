//! The link layer: what a frame starts with.

use zerocopy::byteorder::big_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::ip::Network;
use super::{Refusal, Stop, view};

/// Ethertype of IPv4.
const IPV4: u16 = 0x0800;
/// Ethertype of IPv6.
const IPV6: u16 = 0x86DD;
/// Ethertypes of VLAN tags: customer, service, and two that were in use before.
const VLAN: [u16; 4] = [0x8100, 0x88A8, 0x9100, 0x9200];

/// How frames start, by the numbers that capture files use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Link {
    /// 0 and 108: four bytes of address family, then IP.
    Loopback,
    /// 1: Ethernet.
    Ethernet,
    /// 12, 14, 101, 228 and 229: IP without anything before it.
    Raw,
    /// 113: Linux "cooked" capture, version 1.
    LinuxSll,
    /// 276: Linux "cooked" capture, version 2.
    LinuxSll2,
}

impl Link {
    /// Returns the link type of a number, or `None` if it is not read here.
    #[must_use]
    pub const fn from_code(code: u16) -> Option<Self> {
        Some(match code {
            0 | 108 => Self::Loopback,
            1 => Self::Ethernet,
            12 | 14 | 101 | 228 | 229 => Self::Raw,
            113 => Self::LinuxSll,
            276 => Self::LinuxSll2,
            _ => return None,
        })
    }

    /// Steps over the link header and VLAN tags.
    pub(super) fn network(self, frame: &[u8]) -> Result<Network<'_>, Stop> {
        match self {
            Self::Loopback => view::<[u8; 4]>(frame).and_then(|(_, bytes)| by_version(bytes)),
            Self::Raw => by_version(frame),
            Self::Ethernet => {
                let (header, rest) = view::<EthernetHeader>(frame)?;
                by_ethertype(header.ethertype, rest)
            }
            Self::LinuxSll => {
                let (header, rest) = view::<LinuxSllHeader>(frame)?;
                by_ethertype(header.protocol, rest)
            }
            Self::LinuxSll2 => {
                let (header, rest) = view::<LinuxSll2Header>(frame)?;
                by_ethertype(header.protocol, rest)
            }
        }
    }
}

/// Tells IPv4 from IPv6 by the version in their first byte.
fn by_version(bytes: &[u8]) -> Result<Network<'_>, Stop> {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => Ok(Network::Ipv4(bytes)),
        Some(6) => Ok(Network::Ipv6(bytes)),
        Some(_) => Err(Stop::Because(Refusal::NotIp)),
        None => Err(Stop::Short),
    }
}

/// Tells IPv4 from IPv6 by the ethertype, behind any number of VLAN tags.
fn by_ethertype(ethertype: U16, rest: &[u8]) -> Result<Network<'_>, Stop> {
    let (mut ethertype, mut rest) = (ethertype.get(), rest);
    while VLAN.contains(&ethertype) {
        let (tag, behind) = view::<VlanTag>(rest)?;
        (ethertype, rest) = (tag.ethertype.get(), behind);
    }
    match ethertype {
        IPV4 => Ok(Network::Ipv4(rest)),
        IPV6 => Ok(Network::Ipv6(rest)),
        _ => Err(Stop::Because(Refusal::NotIp)),
    }
}

/// Starts an Ethernet frame: 14 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct EthernetHeader {
    /// Address of the receiver.
    pub destination: [u8; 6],
    /// Address of the sender.
    pub source: [u8; 6],
    /// What follows; below 0x0600 it is a length and what follows is not IP.
    pub ethertype: U16,
}

/// Follows an ethertype that announces it: 4 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct VlanTag {
    /// Priority, drop bit and number of the VLAN.
    pub control: U16,
    /// What follows the tag.
    pub ethertype: U16,
}

/// Starts a frame of a Linux "cooked" capture, version 1: 16 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct LinuxSllHeader {
    /// To whom the frame was: 0 to this host, 1 broadcast, 2 multicast, 3 others, 4 from this host.
    pub packet_type: U16,
    /// Type of the device, in Linux' numbering.
    pub device_type: U16,
    /// Bytes of the sender's address.
    pub address_len: U16,
    /// Address of the sender.
    pub address: [u8; 8],
    /// What follows, as an ethertype.
    pub protocol: U16,
}

/// Starts a frame of a Linux "cooked" capture, version 2: 20 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct LinuxSll2Header {
    /// What follows, as an ethertype.
    pub protocol: U16,
    /// Reserved.
    pub reserved: U16,
    /// Number of the interface.
    pub interface: U32,
    /// Type of the device, in Linux' numbering.
    pub device_type: U16,
    /// To whom the frame was, as in [`LinuxSllHeader::packet_type`].
    pub packet_type: u8,
    /// Bytes of the sender's address.
    pub address_len: u8,
    /// Address of the sender.
    pub address: [u8; 8],
}
