//! What became of the packets of a capture.

use super::capture::Packet;
use crate::source::{Count, Report};
use crate::wire::packet::{self, Datagram, Refusal};

/// What a datagram turned out to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Taken {
    /// Its messages were given, as far as they were new.
    Whole,
    /// It is not of the feed.
    Foreign,
    /// It is of the feed, and damaged.
    Damaged,
    /// It is of a stream beyond those that are kept apart.
    Crowded,
}

/// All counters of packets.
#[derive(Debug, Default)]
pub(super) struct Counts {
    packets: u64,
    not_ip: u64,
    not_udp: u64,
    other_ports: u64,
    foreign: u64,
    unknown_links: u64,
    fragments: u64,
    cut: u64,
    malformed: u64,
    damaged: u64,
    crowded: u64,
}

impl Counts {
    /// Counts a packet and returns its datagram, if it has one to one of the ports.
    pub(super) fn datagram<'a>(
        &mut self,
        packet: &Packet<'a>,
        ports: &[u16],
    ) -> Option<Datagram<'a>> {
        self.packets += 1;
        let Some(link) = packet.link else {
            self.unknown_links += 1;
            return None;
        };
        match packet::datagram(link, packet.bytes, packet.wire_len) {
            Ok(datagram) if ports.is_empty() || ports.contains(&datagram.destination.port()) => {
                return Some(datagram);
            }
            Ok(_) => self.other_ports += 1,
            Err(Refusal::NotIp) => self.not_ip += 1,
            Err(Refusal::NotUdp) => self.not_udp += 1,
            Err(Refusal::Fragment) => self.fragments += 1,
            Err(Refusal::Cut) => self.cut += 1,
            Err(Refusal::Malformed) => self.malformed += 1,
        }
        None
    }

    /// Counts what a datagram turned out to be.
    pub(super) fn payload(&mut self, taken: Taken) {
        match taken {
            Taken::Whole => {}
            Taken::Foreign => self.foreign += 1,
            Taken::Damaged => self.damaged += 1,
            Taken::Crowded => self.crowded += 1,
        }
    }

    /// Adds the counts that are not 0 to a report.
    pub(super) fn add_to(&self, report: &mut Report) {
        let inputs = [
            ("packet", self.packets),
            ("frame without IP", self.not_ip),
            ("packet without UDP", self.not_udp),
            ("datagram to another port", self.other_ports),
            ("datagram of another protocol", self.foreign),
        ];
        let anomalies = [
            ("frame of an unknown link type", self.unknown_links),
            ("fragment", self.fragments),
            ("packet cut by the capture", self.cut),
            ("malformed packet", self.malformed),
            ("malformed datagram", self.damaged),
            ("datagram of a stream too many", self.crowded),
        ];
        add(&mut report.inputs, &inputs);
        add(&mut report.anomalies, &anomalies);
    }
}

/// Adds the counts that are not 0.
pub(super) fn add(to: &mut Vec<Count>, counts: &[(&str, u64)]) {
    let occurred = counts.iter().filter(|&&(_, count)| count > 0);
    to.extend(occurred.map(|&(name, count)| Count::new(name, count)));
}

/// Adds the counts of another report, name by name.
pub(super) fn merge(report: &mut Report, other: Report) {
    for (to, from) in [(&mut report.inputs, other.inputs), (&mut report.anomalies, other.anomalies)]
    {
        for count in from {
            match to.iter_mut().find(|known| known.name == count.name) {
                Some(known) => known.count += count.count,
                None => to.push(count),
            }
        }
    }
}
