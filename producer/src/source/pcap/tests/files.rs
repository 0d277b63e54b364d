//! Formats of files: byte orders, resolutions, interfaces, compression, and their ends.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tickring::record::UNDEF_TIME;

use super::*;
use crate::wire::iex::TYPES;
use crate::wire::pcap::ByteOrder;
use build::{Bytes, classic, enhanced, interface, section};

const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

/// Three packets with a trade each.
fn three() -> Vec<Packet> {
    let frames = (1..=3).map(|size| tops(1, u64::from(size), &[trade(size)]));
    packets(frames.collect())
}

fn ts_recv(tape: &Tape) -> Vec<u64> {
    tape.of::<Trade>().iter().map(|trade| trade.ts_recv).collect()
}

/// A packet with messages of each type of IEX.
fn every_type() -> Vec<Packet> {
    let messages = TYPES.iter().map(|&(code, len)| {
        let mut message = vec![b'A'; len];
        message[0] = code;
        message
    });
    let messages: Vec<Vec<u8>> = messages.collect();
    packets(vec![tops(1, 1, &messages), tops(1, 15, &messages), tops(2, 1, &[])])
}

/// A pcapng file of packets on an Ethernet interface.
fn pcapng(order: ByteOrder, packets: &[Packet]) -> Vec<u8> {
    let mut file = section(order);
    interface(&mut file, 1, None, None);
    for packet in packets {
        enhanced(&mut file, 0, packet.time_ns / 1_000, packet);
    }
    file.bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn both_byte_orders_and_resolutions_of_classic_pcap_are_read() {
    for order in ORDERS {
        for (is_ns, rest) in [(false, 0), (true, 789)] {
            let mut packets = three();
            packets.iter_mut().for_each(|packet| packet.time_ns += 789);
            let (tape, report) = read_whole(&classic(order, is_ns, 1, &packets));
            let expected = [1_000, 2_000, 3_000].map(|after| START_NS + after + rest);
            assert_eq!(ts_recv(&tape), expected, "{order:?} {is_ns}");
            assert_eq!(report.anomalies, []);
        }
    }
}

#[test]
fn all_link_types_are_read() {
    let packet = ip(1, 5, &segment(DEEP_10, 1, 1, &[trade(1)]));
    let cooked = [&[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0], &packet[..]].concat();
    let cooked_2 =
        [&[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0], &packet[..]].concat();
    let tagged = [&[1; 12], &[0x88, 0xA8, 0, 1, 0x81, 0, 0, 2, 8, 0][..], &packet].concat();
    let frames = [
        (1, ethernet(&packet)),
        (1, tagged),
        // With a frame check sequence of four bytes.
        (0x2400_0001, [ethernet(&packet), vec![9; 4]].concat()),
        (101, packet.clone()),
        (113, cooked),
        (276, cooked_2),
        (0, [&[2, 0, 0, 0], &packet[..]].concat()),
    ];
    for (link, frame) in frames {
        let (tape, report) =
            read_whole(&classic(ByteOrder::Little, false, link, &packets(vec![frame])));
        assert_eq!((tape.names(), report.anomalies), (vec!["trade"], vec![]), "{link}");
    }
    let file = File::new(&classic(ByteOrder::Big, false, 105, &[]));
    let error = PcapSource::open(&file.path(), &PcapOptions::default()).unwrap_err();
    assert!(error.to_string().contains("link type 105: expected Ethernet (1)"), "{error}");
}

#[test]
fn pcapng_is_read_in_both_byte_orders() {
    for order in ORDERS {
        let (tape, report) = read_whole(&pcapng(order, &three()));
        assert_eq!(ts_recv(&tape), [1_000, 2_000, 3_000].map(|after| START_NS + after));
        assert_eq!(report.anomalies, []);
    }
}

#[test]
fn each_interface_has_its_link_type_and_clock() {
    for order in ORDERS {
        let mut file = section(order);
        interface(&mut file, 1, Some(9), None);
        interface(&mut file, 101, Some(3), Some(7));
        interface(&mut file, 1, Some(0x80 | 10), Some(-1));
        interface(&mut file, 1, Some(0x7F), None);
        interface(&mut file, 127, None, None);
        let frame = |first| tops(1, first, &[trade(1)]);
        let raw =
            Packet::new(0, ip(1, 5, &segment(crate::wire::iextp::TOPS_16, 1, 2, &[trade(1)])));
        enhanced(&mut file, 0, START_NS + 5, &Packet::new(0, frame(1)));
        enhanced(&mut file, 1, START_NS / 1_000_000 + 6, &raw);
        enhanced(&mut file, 2, (START_NS / 1_000_000_000) << 10 | 512, &Packet::new(0, frame(3)));
        enhanced(&mut file, 3, u64::MAX, &Packet::new(0, frame(4)));
        // Of a link type that is not read, and of an interface that there is none of.
        enhanced(&mut file, 4, 0, &Packet::new(0, frame(5)));
        enhanced(&mut file, 5, 0, &Packet::new(0, frame(5)));
        let (tape, report) = read_whole(&file.bytes);
        let expected = [START_NS + 5, START_NS + 7_006_000_000, START_NS - 500_000_000, 0];
        assert_eq!(ts_recv(&tape), expected, "{order:?}");
        assert!(counts(&report.anomalies).contains(&("frame of an unknown link type", 2)));
    }
}

#[test]
fn a_time_that_does_not_fit_is_undefined() {
    let mut file = section(ByteOrder::Little);
    interface(&mut file, 1, Some(0), Some(i64::MAX));
    interface(&mut file, 1, Some(0), Some(-1));
    enhanced(&mut file, 0, u64::MAX, &Packet::new(0, tops(1, 1, &[trade(1)])));
    enhanced(&mut file, 1, 0, &Packet::new(0, tops(1, 2, &[trade(2)])));
    let (tape, report) = read_whole(&file.bytes);
    assert_eq!(ts_recv(&tape), [UNDEF_TIME; 2]);
    assert_eq!(report.anomalies, []);
}

#[test]
fn sections_begin_anew_and_other_blocks_are_passed_over() {
    let mut file = section(ByteOrder::Big);
    interface(&mut file, 127, None, None);
    // Name resolution, a custom block, one that nobody has.
    file.block(4, &[0; 4]).block(0xBAD, &[1; 17]).block(0x7777, &[]);
    let mut second = section(ByteOrder::Little);
    interface(&mut second, 1, None, None);
    let frame = tops(1, 1, &[trade(1)]);
    let mut simple = Bytes::new(ByteOrder::Little);
    simple.u32(u32::try_from(frame.len()).unwrap()).raw(&frame);
    second.block(3, &simple.bytes);
    let mut obsolete = Bytes::new(ByteOrder::Little);
    let frame = tops(1, 2, &[trade(2)]);
    let len = u32::try_from(frame.len()).unwrap();
    let units = START_NS / 1_000;
    let (high, low) = (u32::try_from(units >> 32).unwrap(), units & 0xFFFF_FFFF);
    obsolete.u16(0).u16(9).u32(high).u32(u32::try_from(low).unwrap()).u32(len).u32(len).raw(&frame);
    second.block(2, &obsolete.bytes);
    file.raw(&second.bytes);
    let (tape, report) = read_whole(&file.bytes);
    assert_eq!(ts_recv(&tape), [UNDEF_TIME, START_NS]);
    assert_eq!(report.anomalies, []);
}

#[test]
fn compressed_files_are_read_as_plain_ones() {
    let plain = classic(ByteOrder::Little, false, 1, &three());
    let expected = read_whole(&plain);
    let (start, end) = plain.split_at(70);
    let cases = [
        gzip(&plain),
        [gzip(start), gzip(end)].concat(),
        zstd::encode_all(&plain[..], 1).unwrap(),
        [zstd::encode_all(start, 1).unwrap(), zstd::encode_all(end, 1).unwrap()].concat(),
    ];
    for compressed in cases {
        assert_eq!(read_whole(&compressed), expected);
    }
    assert_eq!(read_whole(&gzip(&pcapng(ByteOrder::Big, &three()))).0.names().len(), 3);
}

#[test]
fn a_compressed_file_longer_than_the_buffer_is_read_in_bounded_memory() {
    let packets: Vec<Packet> = (1..9_000u32)
        .map(|size| Packet::new(size.into(), tops(1, size.into(), &[trade(size), trade(0)])))
        .collect();
    let plain = classic(ByteOrder::Little, false, 1, &packets);
    assert!(plain.len() > 4 * 256 * 1024);
    assert_eq!(read_whole(&gzip(&plain)).0, read_whole(&plain).0);
}

#[test]
fn a_damaged_compressed_file_gives_what_came_before() {
    for compressed in [gzip(&pcapng(ByteOrder::Little, &three())), gzip(&ethernet_file(&three()))] {
        let (tape, _, error) = read(&compressed[..compressed.len() - 9]);
        assert!(tape.names().len() <= 3);
        let error = error.unwrap().to_string();
        assert!(error.contains("decompression after"), "{error}");
    }
}

/// The records of a file that is cut at every byte, against the packets that are whole before it.
fn cut_everywhere(bytes: &[u8], header_len: usize, ends: &[usize]) {
    for len in 0..bytes.len() {
        let file = File::new(&bytes[..len]);
        let options = PcapOptions { payload: Some(Payload::IexTp), ..PcapOptions::default() };
        let (names, error) = match PcapSource::open(&file.path(), &options) {
            Ok(source) => {
                let (tape, _, error) = drain(source, 2);
                (tape.names(), error)
            }
            Err(error) => (Vec::new(), Some(error)),
        };
        let whole = ends.iter().filter(|&&end| end <= len).count();
        assert_eq!(names.len(), whole, "cut at {len}");
        let is_end = len >= header_len && (len == header_len || ends.contains(&len));
        match error {
            None => assert!(is_end, "no error at {len}"),
            Some(Error::Pcap { source, .. }) => match source {
                PcapError::Empty => assert_eq!(len, 0),
                PcapError::NotCapture { found } => assert_eq!((found.len(), len < 4), (len, true)),
                PcapError::Truncated { number, offset, expected, found } => {
                    assert!(!is_end && expected > found, "cut at {len}");
                    assert_eq!(number, whole as u64, "cut at {len}");
                    assert_eq!(offset + found as u64, len as u64, "cut at {len}");
                }
                other => panic!("cut at {len}: {other}"),
            },
            Some(other) => panic!("cut at {len}: {other}"),
        }
    }
}

#[test]
fn a_file_cut_at_any_byte_gives_the_packets_before_and_says_where() {
    let bytes = ethernet_file(&three());
    let packet = (bytes.len() - 24) / 3;
    cut_everywhere(&bytes, 24, &[24 + packet, 24 + 2 * packet, bytes.len()]);
}

#[test]
fn a_pcapng_file_cut_at_any_byte_gives_the_packets_before_and_says_where() {
    for order in ORDERS {
        let mut file = section(order);
        let mut ends = Vec::new();
        let section_len = file.bytes.len();
        interface(&mut file, 1, None, None);
        let header_len = file.bytes.len();
        for packet in &three() {
            enhanced(&mut file, 0, 0, packet);
            ends.push(file.bytes.len());
        }
        // A file may end behind its section header too.
        assert!(read(&file.bytes[..section_len]).2.is_none());
        let bytes = file.bytes;
        for len in (0..section_len).chain(section_len + 1..bytes.len()) {
            let (whole, is_end) = (
                ends.iter().filter(|&&end| end <= len).count(),
                len == header_len || ends.contains(&len),
            );
            let file = File::new(&bytes[..len]);
            let options = PcapOptions { payload: Some(Payload::IexTp), ..PcapOptions::default() };
            let Ok(source) = PcapSource::open(&file.path(), &options) else {
                assert!(len < 4, "{len}");
                continue;
            };
            let (tape, _, error) = drain(source, 2);
            assert_eq!((tape.names().len(), error.is_none()), (whole, is_end), "cut at {len}");
            if let Some(Error::Pcap { source: PcapError::Truncated { number, .. }, .. }) = error {
                assert_eq!(number, whole as u64);
            }
        }
    }
}

#[test]
fn files_that_are_no_captures_are_errors_that_say_so() {
    let cases: [(&[u8], &str); 4] = [
        (b"", "empty file"),
        (b"DBN\x03", "no capture"),
        (b"\xA1\xB2\xCD\x34rest of the file..........", "no capture"),
        (&zstd::encode_all(&b"DBN\x03"[..], 1).unwrap(), "no capture"),
    ];
    for (bytes, expected) in cases {
        let file = File::new(bytes);
        let error = PcapSource::open(&file.path(), &PcapOptions::default()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn damaged_lengths_and_blocks_are_errors_that_say_where() {
    let mut long = ethernet_file(&three());
    long[24 + 8..24 + 12].copy_from_slice(&262_145u32.to_le_bytes());
    let ends_of = |patch: fn(&mut Vec<u8>)| {
        let mut file = pcapng(ByteOrder::Little, &three());
        patch(&mut file);
        file
    };
    let cases = [
        (long, "packet 0 at byte 24: a length of 262145 bytes"),
        (ends_of(|file| file[8] = 0), "packet 0 at byte 0: a block of type 0xa0d0d0a"),
        (ends_of(|file| file[12] = 2), "pcapng version 2"),
        (ends_of(|file| file[4] = 29), "a length of 29 bytes: expected 12"),
        (ends_of(|file| file[24] = 32), "its length at its end too"),
        (ends_of(|file| drop(file.drain(..28))), "a section header before other blocks"),
    ];
    for (bytes, expected) in cases {
        let file = File::new(&bytes);
        let options = PcapOptions { payload: Some(Payload::IexTp), ..PcapOptions::default() };
        let error = match PcapSource::open(&file.path(), &options) {
            Ok(source) => drain(source, 1).2.unwrap(),
            Err(error) => error,
        };
        let error = error.to_string();
        assert!(error.contains(expected) || error.contains("no capture"), "{expected}: {error}");
        assert!(!error.contains("no capture") || expected.contains("section header"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_behind_a_header_give_records_or_an_error(
        order in proptest::sample::select(ORDERS.to_vec()),
        is_ng in any::<bool>(),
        rest in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let start = if is_ng { section(order).bytes } else { classic(order, true, 1, &[]) };
        let _ = read(&[start, rest].concat());
    }

    #[test]
    fn changed_files_give_records_or_an_error(
        order in proptest::sample::select(ORDERS.to_vec()),
        is_ng in any::<bool>(),
        is_iex in any::<bool>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        is_compressed in any::<bool>(),
    ) {
        let packets = if is_iex { every_type() } else { packets(lines::frames_of_all_kinds()) };
        let mut bytes =
            if is_ng { pcapng(order, &packets) } else { classic(order, true, 1, &packets) };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if is_compressed {
            bytes = gzip(&bytes);
        }
        let file = File::new(&bytes);
        for payload in [None, Some(Payload::IexTp), Some(Payload::MoldUdp64)] {
            let options = PcapOptions { payload, merge: true, ..PcapOptions::default() };
            if let Ok(source) = PcapSource::open(&file.path(), &options) {
                let _ = drain(source, 2);
            }
        }
    }
}
