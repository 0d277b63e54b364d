//! What the datagrams of a capture carry, by the first of them that is known.

use super::capture::Capture;
use super::count::Counts;
use super::mold;
use super::{Payload, PcapError};
use crate::wire::iextp::{DEEP_10, Segment, TOPS_15, TOPS_16};

/// Packets that are looked at.
const MOST_PACKETS: u64 = 100_000;

/// Finds out what the datagrams carry. A capture without packets may carry anything.
pub(super) fn payload(mut capture: Capture, ports: &[u16]) -> Result<Payload, PcapError> {
    let mut counts = Counts::default();
    let mut other_protocol = None;
    while capture.number() < MOST_PACKETS
        && let Some(packet) = capture.next()?
    {
        let Some(datagram) = counts.datagram(&packet, ports) else {
            continue;
        };
        if mold::is_itch(datagram.payload) {
            return Ok(Payload::MoldUdp64);
        }
        if let Ok(segment) = Segment::parse(datagram.payload)
            && segment.surplus() == 0
        {
            match segment.header().protocol.get() {
                TOPS_15 | TOPS_16 | DEEP_10 => return Ok(Payload::IexTp),
                found => other_protocol = other_protocol.or(Some(found)),
            }
        }
    }
    match (capture.number(), other_protocol) {
        (0, _) => Ok(Payload::IexTp),
        (_, Some(found)) => Err(PcapError::Protocol { found }),
        (packets, None) => Err(PcapError::NoPayload { packets }),
    }
}
