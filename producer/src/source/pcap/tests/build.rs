//! Captures made for tests.

use zerocopy::IntoBytes;

use crate::wire::iex::{Header, PriceLevelUpdate, QuoteUpdate, TradeReport};
use crate::wire::iextp;
use crate::wire::moldudp64;
use crate::wire::pcap::ByteOrder;

/// When generated captures begin: 2017-07-10 14:32:18 UTC.
pub(super) const START_NS: u64 = 1_499_697_138_000_000_000;

/// A packet to be captured.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) time_ns: u64,
    pub(super) frame: Vec<u8>,
    /// Bytes kept of it.
    pub(super) kept: usize,
}

impl Packet {
    /// The packet that is captured so many microseconds after the start.
    pub(super) fn new(time_us: u64, frame: Vec<u8>) -> Self {
        Self { time_ns: START_NS + time_us * 1_000, kept: frame.len(), frame }
    }
}

/// Numbers in one byte order.
pub(super) struct Bytes {
    pub(super) order: ByteOrder,
    pub(super) bytes: Vec<u8>,
}

impl Bytes {
    pub(super) fn new(order: ByteOrder) -> Self {
        Self { order, bytes: Vec::new() }
    }

    pub(super) fn u16(&mut self, number: u16) -> &mut Self {
        self.bytes.extend(match self.order {
            ByteOrder::Little => number.to_le_bytes(),
            ByteOrder::Big => number.to_be_bytes(),
        });
        self
    }

    pub(super) fn u32(&mut self, number: u32) -> &mut Self {
        self.bytes.extend(match self.order {
            ByteOrder::Little => number.to_le_bytes(),
            ByteOrder::Big => number.to_be_bytes(),
        });
        self
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend(bytes);
        self
    }

    /// A block of pcapng around `body`.
    pub(super) fn block(&mut self, kind: u32, body: &[u8]) -> &mut Self {
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        let len = u32::try_from(body.len() + padding.len() + 12).unwrap();
        self.u32(kind).u32(len).raw(body).raw(&padding).u32(len)
    }
}

/// A classic pcap file.
pub(super) fn classic(order: ByteOrder, is_ns: bool, link: u32, packets: &[Packet]) -> Vec<u8> {
    let mut file = Bytes::new(order);
    file.u32(if is_ns { 0xA1B2_3C4D } else { 0xA1B2_C3D4 });
    file.u16(2).u16(4).u32(0).u32(0).u32(65_535).u32(link);
    for Packet { time_ns, frame, kept } in packets {
        let fraction = time_ns % 1_000_000_000 / if is_ns { 1 } else { 1_000 };
        file.u32(u32::try_from(time_ns / 1_000_000_000).unwrap());
        file.u32(u32::try_from(fraction).unwrap());
        file.u32(u32::try_from(*kept).unwrap()).u32(u32::try_from(frame.len()).unwrap());
        file.raw(&frame[..*kept]);
    }
    file.bytes
}

/// Little-endian, in microseconds, Ethernet.
pub(super) fn ethernet_file(packets: &[Packet]) -> Vec<u8> {
    classic(ByteOrder::Little, false, 1, packets)
}

/// The section header of a pcapng file.
pub(super) fn section(order: ByteOrder) -> Bytes {
    let mut body = Bytes::new(order);
    body.u32(0x1A2B_3C4D).u16(1).u16(0).raw(&[0xFF; 8]);
    let mut file = Bytes::new(order);
    file.block(0x0A0D_0D0A, &body.bytes);
    file
}

/// Adds an interface with options for its resolution and its offset in seconds.
pub(super) fn interface(file: &mut Bytes, link: u16, resolution: Option<u8>, offset: Option<i64>) {
    let mut body = Bytes::new(file.order);
    body.u16(link).u16(0).u32(65_535);
    body.u16(2).u16(3).raw(b"em1\0");
    if let Some(resolution) = resolution {
        body.u16(9).u16(1).raw(&[resolution, 0, 0, 0]);
    }
    if let Some(offset) = offset {
        body.u16(14).u16(8).raw(&match file.order {
            ByteOrder::Little => offset.to_le_bytes(),
            ByteOrder::Big => offset.to_be_bytes(),
        });
    }
    body.u16(0).u16(0);
    file.block(1, &body.bytes);
}

/// Adds a packet of an interface, captured at so many units of its time.
pub(super) fn enhanced(file: &mut Bytes, interface: u32, units: u64, packet: &Packet) {
    let mut body = Bytes::new(file.order);
    let (high, low) = (u32::try_from(units >> 32).unwrap(), units & 0xFFFF_FFFF);
    body.u32(interface).u32(high).u32(u32::try_from(low).unwrap());
    body.u32(u32::try_from(packet.kept).unwrap());
    body.u32(u32::try_from(packet.frame.len()).unwrap());
    body.raw(&packet.frame[..packet.kept]);
    body.raw(&vec![0; packet.kept.next_multiple_of(4) - packet.kept]);
    // A comment and the flags.
    body.u16(1).u16(2).raw(b"hi\0\0").u16(2).u16(4).u32(1).u16(0).u16(0);
    file.block(6, &body.bytes);
}

/// An IPv4 packet with a datagram to 239.0.0.`line`.
pub(super) fn ip(line: u8, port: u16, payload: &[u8]) -> Vec<u8> {
    let length = |more: usize| u16::try_from(payload.len() + more).unwrap().to_be_bytes();
    let mut packet = vec![0x45, 0];
    packet.extend(length(28));
    packet.extend([0, 1, 0x40, 0, 16, 17, 0, 0, 10, 0, 0, 1, 239, 0, 0, line]);
    packet.extend(16_642u16.to_be_bytes());
    packet.extend(port.to_be_bytes());
    packet.extend(length(8));
    packet.extend([0, 0]);
    packet.extend(payload);
    packet
}

/// An Ethernet frame around an IPv4 packet.
pub(super) fn ethernet(packet: &[u8]) -> Vec<u8> {
    [&[1; 12], &[8, 0][..], packet].concat()
}

/// A frame with an IEX-TP segment of TOPS to the port of IEX.
pub(super) fn tops(session: u32, first: u64, messages: &[Vec<u8>]) -> Vec<u8> {
    ethernet(&ip(1, 10_378, &segment(iextp::TOPS_16, session, first, messages)))
}

/// An IEX-TP segment of channel 1, sent at the start.
pub(super) fn segment(protocol: u16, session: u32, first: u64, messages: &[Vec<u8>]) -> Vec<u8> {
    let blocks = messages.iter().map(|message| {
        [&u16::try_from(message.len()).unwrap().to_le_bytes()[..], message].concat()
    });
    let payload = blocks.collect::<Vec<_>>().concat();
    let header = iextp::Header {
        version: 1,
        reserved: 0,
        protocol: protocol.into(),
        channel: 1.into(),
        session: session.into(),
        payload_len: u16::try_from(payload.len()).unwrap().into(),
        count: u16::try_from(messages.len()).unwrap().into(),
        stream_offset: 0.into(),
        first_sequence: first.cast_signed().into(),
        send_time: START_NS.cast_signed().into(),
    };
    [header.as_bytes(), &payload].concat()
}

/// A MoldUDP64 packet.
pub(super) fn mold(session: &[u8; 10], first: u64, messages: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(messages.len()).unwrap();
    let mut packet = moldudp64::Header::new(*session, first, count).as_bytes().to_vec();
    for message in messages {
        packet.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        packet.extend(message);
    }
    packet
}

fn header(message_type: u8, code: u8) -> Header {
    Header { message_type, code, timestamp: START_NS.cast_signed().into() }
}

/// A trade report of so many shares.
pub(super) fn trade(size: u32) -> Vec<u8> {
    let message = TradeReport {
        header: header(b'T', 0),
        symbol: *b"ZIEXT   ",
        size: size.into(),
        price: 10_000.into(),
        trade_id: i64::from(size).into(),
    };
    message.as_bytes().to_vec()
}

/// A quote update with so many shares on both sides.
pub(super) fn quote(size: u32) -> Vec<u8> {
    let message = QuoteUpdate {
        header: header(b'Q', 0),
        symbol: *b"ZIEXT   ",
        bid_size: size.into(),
        bid_price: 9_900.into(),
        ask_price: 10_000.into(),
        ask_size: size.into(),
    };
    message.as_bytes().to_vec()
}

/// A price level of so many shares.
pub(super) fn level(side: u8, code: u8, size: u32) -> Vec<u8> {
    let message = PriceLevelUpdate {
        header: header(side, code),
        symbol: *b"ZIEXT   ",
        size: size.into(),
        price: 9_900.into(),
    };
    message.as_bytes().to_vec()
}
