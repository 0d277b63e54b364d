use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice};
use proptest::prelude::*;

use super::*;

const PAYLOAD: &[u8] = b"sixteen bytes of";

/// A UDP datagram from port 1111 to port 2222.
fn udp_bytes(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap();
    let header = [1111, 2222, length, 0].map(u16::to_be_bytes).concat();
    [&header, payload].concat()
}

/// An IPv4 packet with so many words of options.
fn ipv4(options: u8, flags: u16, protocol: u8, body: &[u8]) -> Vec<u8> {
    let header_len = 20 + usize::from(options) * 4;
    let total_len = u16::try_from(header_len + body.len()).unwrap();
    let mut packet = vec![0x45 + options, 0];
    packet.extend(total_len.to_be_bytes());
    packet.extend([0, 7]);
    packet.extend(flags.to_be_bytes());
    packet.extend([64, protocol, 0, 0, 10, 0, 0, 1, 239, 0, 0, 2]);
    packet.resize(header_len, 1);
    packet.extend(body);
    packet
}

fn ipv6(next: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    packet.extend([next, 64]);
    packet.extend(Ipv6Addr::LOCALHOST.octets());
    packet.extend([0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
    packet.extend(body);
    packet
}

/// An Ethernet frame with a tag for each of the given ethertypes.
fn ethernet(tags: &[u16], ethertype: u16, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![1; 12];
    for tag in tags {
        frame.extend(tag.to_be_bytes());
        frame.extend([0x20, 5]);
    }
    frame.extend(ethertype.to_be_bytes());
    frame.extend(body);
    frame
}

fn find(link: Link, frame: &[u8]) -> Result<Datagram<'_>, Refusal> {
    datagram(link, frame, frame.len())
}

#[test]
fn a_datagram_is_found_behind_every_link_header() {
    let v4 = ipv4(0, 0x4000, 17, &udp_bytes(PAYLOAD));
    let v6 = ipv6(17, &udp_bytes(PAYLOAD));
    let mut sll = vec![0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x08, 0x00];
    sll.extend(&v4);
    let mut sll_tagged = vec![0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x81, 0x00];
    sll_tagged.extend([0, 5, 0x86, 0xDD]);
    sll_tagged.extend(&v6);
    let mut sll2 = vec![0x86, 0xDD, 0, 0, 0, 0, 0, 3, 0, 1, 2, 6, 1, 2, 3, 4, 5, 6, 0, 0];
    sll2.extend(&v6);
    let cases = [
        (1, ethernet(&[], 0x0800, &v4)),
        (1, ethernet(&[], 0x86DD, &v6)),
        (1, ethernet(&[0x8100], 0x0800, &v4)),
        (1, ethernet(&[0x88A8, 0x8100], 0x0800, &v4)),
        (1, ethernet(&[0x9100, 0x9200, 0x8100], 0x86DD, &v6)),
        (113, sll),
        (113, sll_tagged),
        (276, sll2),
        (101, v4.clone()),
        (12, v6.clone()),
        (14, v4.clone()),
        (228, v4.clone()),
        (229, v6.clone()),
        (0, [&[2, 0, 0, 0], &v4[..]].concat()),
        (108, [&[0, 0, 0, 24], &v6[..]].concat()),
    ];
    for (code, frame) in cases {
        let link = Link::from_code(code).unwrap();
        let found = find(link, &frame).unwrap();
        assert_eq!(found.payload, PAYLOAD, "link type {code}");
        assert_eq!((found.source.port(), found.destination.port()), (1111, 2222), "{code}");
        let addresses = match found.destination.ip() {
            IpAddr::V4(_) => (Ipv4Addr::new(10, 0, 0, 1).into(), "239.0.0.2".parse().unwrap()),
            IpAddr::V6(_) => (Ipv6Addr::LOCALHOST.into(), "ff02::9".parse().unwrap()),
        };
        assert_eq!((found.source.ip(), found.destination.ip()), addresses, "{code}");
        // Padding and a frame check sequence are no payload.
        let padded = [&frame[..], &[0xEE; 9]].concat();
        assert_eq!(find(link, &padded).map(|found| found.payload), Ok(PAYLOAD), "{code}");
        // Every byte of it is needed; which of the two it is depends on the capture's limit.
        for len in 0..frame.len() {
            let cut = &frame[..len];
            assert_eq!(datagram(link, cut, frame.len()), Err(Refusal::Cut), "{code} at {len}");
            assert_eq!(find(link, cut), Err(Refusal::Malformed), "{code} at {len}");
        }
    }
    assert!(
        [2, 9, 104, 105, 127, 147, 195, 65_535]
            .iter()
            .all(|&code| { Link::from_code(code).is_none() })
    );
}

#[test]
fn extension_headers_are_stepped_over() {
    let datagram = udp_bytes(PAYLOAD);
    let authentication =
        |next: u8| vec![next, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9];
    let hop_by_hop = |next: u8| vec![next, 1, 5, 2, 0, 0, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0];
    let whole = |next: u8| vec![next, 0, 0, 0, 0, 0, 0, 9];
    let chain = [hop_by_hop(43), hop_by_hop(60), hop_by_hop(44), whole(51), authentication(17)];
    let v6 = ipv6(0, &[chain.concat(), datagram.clone()].concat());
    assert_eq!(find(Link::Raw, &v6).map(|found| found.payload), Ok(PAYLOAD));
    let v4 = ipv4(3, 0, 51, &[authentication(17), datagram.clone()].concat());
    assert_eq!(find(Link::Raw, &v4).map(|found| found.payload), Ok(PAYLOAD));
    // IPv6's own are none of IPv4's.
    let v4 = ipv4(0, 0, 0, &[hop_by_hop(17), datagram].concat());
    assert_eq!(find(Link::Raw, &v4), Err(Refusal::NotUdp));
}

#[test]
fn what_is_no_whole_datagram_is_told_by_its_kind() {
    let datagram = udp_bytes(PAYLOAD);
    let v4 = ipv4(0, 0, 17, &datagram);
    let first_v6 = |flags: u16| {
        let [high, low] = flags.to_be_bytes();
        ipv6(44, &[&[17, 0, high, low, 0, 0, 0, 1], &datagram[..]].concat())
    };
    let patched = |at: usize, byte: u8| {
        let mut packet = v4.clone();
        packet[at] = byte;
        packet
    };
    let cases = [
        ("ARP", Link::Ethernet, ethernet(&[], 0x0806, &[0; 28]), Refusal::NotIp),
        ("a length", Link::Ethernet, ethernet(&[], 46, &[0; 46]), Refusal::NotIp),
        ("ARP in a VLAN", Link::Ethernet, ethernet(&[0x8100], 0x0806, &[0; 28]), Refusal::NotIp),
        ("version 5", Link::Raw, patched(0, 0x55), Refusal::NotIp),
        ("TCP", Link::Raw, ipv4(0, 0, 6, &[0; 20]), Refusal::NotUdp),
        ("no next header", Link::Raw, ipv6(59, &[]), Refusal::NotUdp),
        ("ICMP", Link::Raw, ipv6(58, &[0; 8]), Refusal::NotUdp),
        ("first fragment", Link::Raw, ipv4(0, 0x2000, 17, &datagram), Refusal::Fragment),
        ("last fragment", Link::Raw, ipv4(0, 0x0003, 17, &datagram), Refusal::Fragment),
        ("first fragment of IPv6", Link::Raw, first_v6(1), Refusal::Fragment),
        ("last fragment of IPv6", Link::Raw, first_v6(8), Refusal::Fragment),
        ("4 words of header", Link::Raw, patched(0, 0x44), Refusal::Malformed),
        ("total below header", Link::Raw, patched(3, 19), Refusal::Malformed),
        ("total beyond the end", Link::Raw, patched(3, 200), Refusal::Malformed),
        (
            "IPv6 in an IPv4 frame",
            Link::Ethernet,
            ethernet(&[], 0x0800, &ipv6(17, &datagram)),
            Refusal::Malformed,
        ),
        (
            "IPv4 in an IPv6 frame",
            Link::Ethernet,
            ethernet(&[], 0x86DD, &[&v4[..], &[0; 20]].concat()),
            Refusal::Malformed,
        ),
        ("UDP length 7", Link::Raw, patched(25, 7), Refusal::Malformed),
        ("UDP beyond IP", Link::Raw, patched(25, 25), Refusal::Malformed),
    ];
    for (name, link, frame, refusal) in cases {
        assert_eq!(find(link, &frame), Err(refusal), "{name}");
    }
    // The rest of the IP packet is no payload either.
    assert_eq!(find(Link::Raw, &patched(25, 20)).map(|found| found.payload), Ok(&PAYLOAD[..12]));
    // The card was to split it.
    assert_eq!(find(Link::Raw, &patched(3, 0)).map(|found| found.payload), Ok(PAYLOAD));
}

/// What `etherparse` finds in a frame.
fn by_etherparse(frame: &[u8]) -> Option<(u16, u16, Vec<u8>)> {
    let sliced = SlicedPacket::from_ethernet(frame).ok()?;
    let is_fragment = match &sliced.net {
        Some(NetSlice::Ipv4(packet)) => packet.header().is_fragmenting_payload(),
        Some(NetSlice::Ipv6(packet)) => packet.is_payload_fragmented(),
        _ => return None,
    };
    match sliced.transport {
        Some(TransportSlice::Udp(udp)) if !is_fragment => {
            Some((udp.source_port(), udp.destination_port(), udp.payload().to_vec()))
        }
        _ => None,
    }
}

fn by_us(frame: &[u8]) -> Option<(u16, u16, Vec<u8>)> {
    let found = find(Link::Ethernet, frame).ok()?;
    Some((found.source.port(), found.destination.port(), found.payload.to_vec()))
}

prop_compose! {
    /// A frame that `etherparse` writes.
    fn frame()(
        addresses in any::<([u8; 4], [u8; 4], [u8; 16], [u8; 16])>(),
        tags in 0..3usize,
        is_v6 in any::<bool>(),
        ports in any::<(u16, u16)>(),
        payload in proptest::collection::vec(any::<u8>(), 0..80),
    ) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]);
        let (a, b, c, d) = addresses;
        let id = |number: u16| number.try_into().unwrap();
        let builder = match (tags, is_v6) {
            (0, false) => builder.ipv4(a, b, 9),
            (0, true) => builder.ipv6(c, d, 9),
            (1, false) => builder.single_vlan(id(7)).ipv4(a, b, 9),
            (1, true) => builder.single_vlan(id(7)).ipv6(c, d, 9),
            (_, false) => builder.double_vlan(id(7), id(8)).ipv4(a, b, 9),
            (_, true) => builder.double_vlan(id(7), id(8)).ipv6(c, d, 9),
        };
        let mut frame = Vec::new();
        builder.udp(ports.0, ports.1).write(&mut frame, &payload).unwrap();
        frame
    }
}

proptest! {
    #[test]
    fn any_bytes_give_a_datagram_or_a_refusal(
        code in proptest::sample::select(vec![0u16, 1, 101, 113, 276]),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        wire_len in 0..300usize,
    ) {
        let _ = datagram(Link::from_code(code).unwrap(), &bytes, wire_len);
    }

    #[test]
    fn frames_are_read_as_etherparse_reads_them(frame in frame()) {
        let theirs = by_etherparse(&frame);
        prop_assert!(theirs.is_some());
        prop_assert_eq!(by_us(&frame), theirs);
    }

    #[test]
    fn damaged_frames_are_read_as_etherparse_reads_them(
        mut frame in frame(),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        len in any::<proptest::sample::Index>(),
    ) {
        let at = at.index(frame.len());
        frame[at] = byte;
        frame.truncate(frame.len() - len.index(frame.len()) / 4);
        if let (Some(ours), Some(theirs)) = (by_us(&frame), by_etherparse(&frame)) {
            prop_assert_eq!(ours, theirs);
        }
    }
}
