//! Segments of IEX-TP with TOPS and DEEP, as a capture.

use super::{capture, checked, market_day};
use tickring_producer::source::pcap::{Payload, PcapOptions, PcapSource};
use tickring_producer::wire::iex::TYPES;
use tickring_producer::wire::iextp::{DEEP_10, Header, TOPS_15, TOPS_16};
use zerocopy::IntoBytes;

pub(crate) fn run(bytes: &[u8]) {
    let file = capture::capture(bytes);
    let options = PcapOptions { payload: Some(Payload::IexTp), ..PcapOptions::default() };
    checked::with_file(&file, |path| {
        checked::read(PcapSource::open(path, &options), &file);
    });
}

/// A segment with these messages.
pub(super) fn segment(protocol: u16, first: i64, messages: &[Vec<u8>]) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).expect("short messages");
    let blocks = messages
        .iter()
        .map(|message| [&length(message).to_le_bytes()[..], message].concat())
        .collect::<Vec<_>>()
        .concat();
    let header = Header {
        version: 1,
        reserved: 0,
        protocol: protocol.into(),
        channel: 1.into(),
        session: 1.into(),
        payload_len: length(&blocks).into(),
        count: u16::try_from(messages.len()).expect("few messages").into(),
        stream_offset: 0.into(),
        first_sequence: first.into(),
        send_time: 1_767_623_400_000_000_000_i64.into(),
    };
    [header.as_bytes(), &blocks].concat()
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let count = i64::try_from(TYPES.len()).expect("few types");
    let of = |protocol, filling: u8| {
        let messages = market_day::every_type(TYPES, filling);
        let first = segment(protocol, 1, &messages);
        let heartbeat = segment(protocol, 1 + count, &[]);
        // One is missing.
        let third = segment(protocol, 1 + 2 * count, &messages);
        capture::join([(0, &first[..]), (1, &first), (0, &heartbeat), (0x20, &third)])
    };
    let protocols = [TOPS_15, TOPS_16, DEEP_10];
    protocols
        .into_iter()
        .flat_map(|protocol| [0, b'A', 0x7F].map(|byte| of(protocol, byte)))
        .collect()
}
