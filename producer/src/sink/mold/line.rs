//! One line: what becomes of each packet on its way.

use std::io::Write;
use std::ops::Range;

use super::LineTruth;
use crate::error::Error;
use crate::sink::pcap::PcapWriter;
use crate::wire::moldudp64::HEADER_LEN;

/// Where the count stands in a packet's header.
const COUNT: Range<usize> = HEADER_LEN - 2..HEADER_LEN;

/// What happens to one packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    Deliver,
    Lose,
    Duplicate,
    /// It comes after so many more packets.
    Delay {
        packets: u32,
    },
    /// It comes damaged; the number says how.
    Corrupt {
        shape: u32,
    },
}

impl Fate {
    /// Returns whether the packet's messages do not come.
    pub(super) fn is_loss(&self) -> bool {
        matches!(self, Self::Lose | Self::Corrupt { .. })
    }
}

/// A packet on its way.
#[derive(Debug)]
struct Delayed {
    /// Packets that come before it.
    packets: u32,
    bytes: Vec<u8>,
}

/// One line and its capture.
#[derive(Debug)]
pub(super) struct Line<W> {
    pcap: PcapWriter<W>,
    /// By how much this line is slower than the packets' times, in ns.
    slower_ns: u64,
    delayed: Vec<Delayed>,
    damaged: Vec<u8>,
    truth: LineTruth,
}

impl<W: Write> Line<W> {
    pub(super) fn new(pcap: PcapWriter<W>, slower_ns: u64) -> Self {
        let (delayed, damaged) = (Vec::new(), Vec::new());
        Self { pcap, slower_ns, delayed, damaged, truth: LineTruth::default() }
    }

    /// Sends the packet with these messages to its fate.
    pub(super) fn send(
        &mut self,
        time_ns: u64,
        packet: &[u8],
        numbers: &Range<u64>,
        fate: Fate,
    ) -> Result<(), Error> {
        let truth = &mut self.truth;
        match fate {
            Fate::Deliver => self.send_whole(time_ns, packet)?,
            Fate::Lose => truth.lost.push(numbers.clone()),
            Fate::Duplicate => {
                truth.duplicated.push(numbers.clone());
                self.send_whole(time_ns, packet)?;
                self.send_whole(time_ns, packet)?;
            }
            Fate::Corrupt { shape } => {
                truth.corrupted.push(numbers.clone());
                let mut damaged = std::mem::take(&mut self.damaged);
                damage(&mut damaged, packet, shape);
                self.send_whole(time_ns, &damaged)?;
                self.damaged = damaged;
            }
            Fate::Delay { packets } => {
                truth.delayed.push(numbers.clone());
                // One more than it waits for: its own turn counts.
                self.delayed.push(Delayed { packets: packets + 1, bytes: packet.to_vec() });
            }
        }
        self.release(time_ns)
    }

    /// Sends a packet as it is.
    pub(super) fn send_whole(&mut self, time_ns: u64, packet: &[u8]) -> Result<(), Error> {
        self.pcap.datagram(time_ns + self.slower_ns, packet)
    }

    /// Sends all packets that were held back.
    pub(super) fn release_all(&mut self, time_ns: u64) -> Result<(), Error> {
        for packet in std::mem::take(&mut self.delayed) {
            self.send_whole(time_ns, &packet.bytes)?;
        }
        Ok(())
    }

    /// Counts a turn, and sends the packets whose delay is over.
    fn release(&mut self, time_ns: u64) -> Result<(), Error> {
        let mut sent = Ok(());
        let (pcap, at_ns) = (&mut self.pcap, time_ns + self.slower_ns);
        self.delayed.retain_mut(|packet| {
            packet.packets -= 1;
            if packet.packets == 0 && sent.is_ok() {
                sent = pcap.datagram(at_ns, &packet.bytes);
            }
            packet.packets > 0
        });
        sent
    }

    /// Ends the capture.
    pub(super) fn finish(self) -> Result<(W, LineTruth), Error> {
        let truth = LineTruth { written: self.pcap.written(), ..self.truth };
        Ok((self.pcap.finish()?, truth))
    }
}

/// Copies a packet and damages the copy in one of two ways: its end is cut off, or its header
/// announces a message that is not there.
fn damage(damaged: &mut Vec<u8>, packet: &[u8], shape: u32) {
    damaged.clear();
    damaged.extend(packet);
    if shape.is_multiple_of(2) {
        // The shortest message has more bytes.
        damaged.truncate(packet.len() - 1 - (shape / 2 % 8) as usize);
    } else if let Some([high, low]) = damaged.get_mut(COUNT) {
        let count = u16::from_be_bytes([*high, *low]).saturating_add(1);
        [*high, *low] = count.to_be_bytes();
    }
}
