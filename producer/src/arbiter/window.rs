//! Packets that are ahead of a hole, sorted by their first message.

use std::collections::VecDeque;

use super::Origin;
use crate::wire::moldudp64::Messages;

/// A packet that is held, or could be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) first: u64,
    pub(super) end: u64,
    pub(super) ts_recv_ns: u64,
    /// When it came, by the arbiter's clock.
    pub(super) held_ns: u64,
    pub(super) origin: Origin,
}

/// A held packet and where its message blocks lie.
#[derive(Clone, Copy, Debug)]
struct Place {
    held: Held,
    slot: usize,
    len: usize,
}

/// Holds a bounded number of packets.
#[derive(Debug)]
pub(super) struct Window {
    places: VecDeque<Place>,
    /// Slots that hold nothing.
    free: Vec<usize>,
    bytes: Box<[u8]>,
    slot_bytes: usize,
}

impl Window {
    pub(super) fn new(packets: usize, packet_bytes: usize) -> Self {
        let packets = packets.max(1);
        Self {
            places: VecDeque::with_capacity(packets),
            free: (0..packets).rev().collect(),
            bytes: vec![0; packets.saturating_mul(packet_bytes)].into(),
            slot_bytes: packet_bytes,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    /// The packet with the lowest first message.
    pub(super) fn front(&self) -> Option<&Held> {
        self.places.front().map(|place| &place.held)
    }

    /// Whether one packet that is held has all messages of this one.
    pub(super) fn covers(&self, packet: &Held) -> bool {
        let behind = self.places.partition_point(|place| place.held.first <= packet.first);
        let before = behind.checked_sub(1).and_then(|index| self.places.get(index));
        before.is_some_and(|place| place.held.end >= packet.end)
    }

    /// Keeps a copy of a packet, unless it is too long. Not for a window that is full.
    pub(super) fn hold(&mut self, held: Held, blocks: &[u8]) -> bool {
        let len = blocks.len();
        if len > self.slot_bytes {
            return false;
        }
        let Some(slot) = self.free.pop() else {
            return false;
        };
        let start = slot * self.slot_bytes;
        if let Some(bytes) = self.bytes.get_mut(start..start + len) {
            bytes.copy_from_slice(blocks);
        }
        let behind = self.places.partition_point(|place| place.held.first <= held.first);
        self.places.insert(behind, Place { held, slot, len });
        true
    }

    /// Takes the front packet out. Its messages are valid until the next packet is held.
    pub(super) fn take_front(&mut self) -> Option<(Held, Messages<'_>)> {
        let Place { held, slot, len } = self.places.pop_front()?;
        self.free.push(slot);
        let start = slot * self.slot_bytes;
        let blocks = self.bytes.get(start..start + len).unwrap_or_default();
        Some((held, Messages::new(blocks)))
    }
}
