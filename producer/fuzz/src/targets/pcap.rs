//! Bytes as a capture of network packets: pcap or pcapng, plain or compressed.

use super::{capture, checked, iex, market_day, mold};
use tickring_producer::source::pcap::{Payload, PcapOptions, PcapSource};
use tickring_producer::wire::iex::TYPES;
use tickring_producer::wire::iextp::{DEEP_10, TOPS_16};

pub(crate) fn run(bytes: &[u8]) {
    checked::with_file(bytes, |path| {
        for payload in [None, Some(Payload::IexTp), Some(Payload::MoldUdp64)] {
            let merge = payload.is_some();
            let options = PcapOptions { payload, merge, ..PcapOptions::default() };
            checked::read(PcapSource::open(path, &options), bytes);
        }
    });
}

/// A block of pcapng.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let length = u32::try_from(body.len() + padding.len() + 12).expect("a short block");
    [&kind.to_le_bytes()[..], &length.to_le_bytes(), body, &padding, &length.to_le_bytes()].concat()
}

/// A pcapng file with one frame in every kind of packet block, on interfaces of these link types.
fn pcapng(links: &[u16], frame: &[u8]) -> Vec<u8> {
    let words =
        |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let length = u32::try_from(frame.len()).expect("a short frame");
    let version = words(&[0x1A2B_3C4D, 1, u32::MAX, u32::MAX]);
    let mut file = block(0x0A0D_0D0A, &version);
    for (number, link) in (0_u32..).zip(links) {
        // The resolution is in ns, and the times are a second late.
        let options = words(&[0x0001_0009, 9, 0x0008_000E, 1, 0, 0]);
        let description = words(&[u32::from(*link), 65_535]);
        file.extend(block(1, &[description, options].concat()));
        let enhanced = words(&[number, 0x1887_0000, number, length, length]);
        file.extend(block(6, &[&enhanced[..], frame].concat()));
        let obsolete = words(&[number, 0x1887_0000, number, length, length]);
        file.extend(block(2, &[&obsolete[..], frame].concat()));
    }
    file.extend(block(3, &[&words(&[length])[..], frame].concat()));
    file.extend(block(4, &[0; 4]));
    file
}

/// A classic file with one frame of a link type.
fn classic(link: u32, frame: &[u8]) -> Vec<u8> {
    let length = u32::try_from(frame.len()).expect("a short frame");
    let words = [0xA1B2_C3D4, 0x0004_0002, 0, 0, 65_535, link, 1_499_697_138, 7, length, length];
    let mut file: Vec<u8> = words.iter().flat_map(|word: &u32| word.to_be_bytes()).collect();
    // The version is of two halves.
    file[4..8].copy_from_slice(&[0, 2, 0, 4]);
    file.extend(frame);
    file
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let messages = market_day::every_type(TYPES, b'A');
    let [tops, deep] = [TOPS_16, DEEP_10].map(|protocol| iex::segment(protocol, 1, &messages));
    let iex = capture::capture(&capture::join([(0, &tops[..]), (1, &tops), (0, &deep)]));
    // What is behind the header of the file and that of the packet.
    let one = capture::capture(&capture::join([(0, &tops[..])]));
    let ethernet = &one[40..];
    let ip = &ethernet[14..];
    let tagged = [&ethernet[..12], &[0x88, 0xA8, 0, 1, 0x81, 0, 0, 2, 8, 0], ip].concat();
    let cooked = [&[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0], ip].concat();
    let cooked_2 = [&[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0], ip].concat();
    let loopback = [&[2, 0, 0, 0], ip].concat();
    let mut udp = vec![0x60, 0, 0, 0];
    udp.extend(u16::try_from(ip.len() - 20).expect("a short packet").to_be_bytes());
    udp.extend([17, 64]);
    let ip6 = [&udp[..], &[0xFF; 32], &ip[20..]].concat();
    let itch = mold::seeds().into_iter().map(|seed| capture::capture(&seed));
    let plain = [
        iex,
        pcapng(&[1, 101], ethernet),
        pcapng(&[101, 1], ip),
        classic(1, &tagged),
        classic(101, ip),
        classic(101, &ip6),
        classic(113, &cooked),
        classic(276, &cooked_2),
        classic(0, &loopback),
    ];
    let plain = plain.into_iter().chain(itch).collect();
    [super::with_compressed(plain), super::recorded("iex")].concat()
}
