//! The lines on which packets are sent, each with its script.

use std::io;
use std::net::{SocketAddrV4, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use super::UdpPlayerOptions;
use super::chaos::{Fate, Script};
use crate::source::udp::UdpError;
use crate::source::{Count, Report};

/// A packet that comes later.
#[derive(Debug)]
struct Late {
    /// Number of the packet after which it is sent.
    after: u64,
    bytes: Vec<u8>,
}

/// One line.
#[derive(Debug)]
struct Line {
    address: SocketAddrV4,
    script: Script,
    late: Vec<Late>,
    sent: u64,
    lost: u64,
    twice: u64,
    delayed: u64,
    damaged: u64,
}

/// All lines.
#[derive(Debug)]
pub(super) struct Lines {
    socket: UdpSocket,
    lines: Vec<Line>,
    /// What happens on all of them.
    script: Script,
    lost_by_all: u64,
    number: u64,
    scratch: Vec<u8>,
}

impl Lines {
    pub(super) fn open(options: &UdpPlayerOptions) -> Result<Self, UdpError> {
        let line = |(number, address): (u64, &SocketAddrV4)| Line {
            address: *address,
            script: Script::new(options.chaos, number),
            late: Vec::new(),
            sent: 0,
            lost: 0,
            twice: 0,
            delayed: 0,
            damaged: 0,
        };
        Ok(Self {
            socket: open(options)?,
            lines: (1..).zip(&options.lines).map(line).collect(),
            script: Script::new(options.chaos, 0),
            lost_by_all: 0,
            number: 0,
            scratch: Vec::with_capacity(options.packet_bytes),
        })
    }

    /// Sends a packet on every line, as its script says.
    pub(super) fn send(&mut self, packet: &[u8]) -> Result<(), UdpError> {
        let is_lost_by_all = self.script.loses_all();
        self.lost_by_all += u64::from(is_lost_by_all);
        let number = self.number;
        self.number += 1;
        let Self { socket, lines, scratch, .. } = self;
        for line in lines {
            let fate = line.script.fate();
            if !is_lost_by_all {
                line.carry(packet, fate, number, socket, scratch)?;
            }
            line.catch_up(Some(number), socket)?;
        }
        Ok(())
    }

    /// Sends everything that is late.
    pub(super) fn flush(&mut self) -> Result<(), UdpError> {
        let Self { socket, lines, .. } = self;
        lines.iter_mut().try_for_each(|line| line.catch_up(None, socket))
    }

    /// Sends a packet on every line that no chaos touches.
    pub(super) fn speak(&mut self, packet: &[u8]) -> Result<(), UdpError> {
        let Self { socket, lines, .. } = self;
        lines.iter_mut().try_for_each(|line| send(socket, line.address, packet))
    }

    pub(super) fn report(&self) -> Report {
        let mut report = Report::default();
        for (letter, line) in ('A'..).zip(&self.lines) {
            report.inputs.push(Count::new(format!("packets on line {letter}"), line.sent));
            let mishaps = [
                ("lost", line.lost),
                ("sent twice", line.twice),
                ("delayed", line.delayed),
                ("damaged", line.damaged),
            ];
            let happened = mishaps.into_iter().filter(|(_, count)| *count > 0);
            report.anomalies.extend(
                happened.map(|(name, count)| {
                    Count::new(format!("line {letter}: packets {name}"), count)
                }),
            );
        }
        if self.lost_by_all > 0 {
            report.anomalies.push(Count::new("packets lost by all lines", self.lost_by_all));
        }
        report
    }
}

impl Line {
    fn carry(
        &mut self,
        packet: &[u8],
        fate: Fate,
        number: u64,
        socket: &UdpSocket,
        scratch: &mut Vec<u8>,
    ) -> Result<(), UdpError> {
        if fate.is_lost {
            self.lost += 1;
            return Ok(());
        }
        scratch.clear();
        scratch.extend(packet);
        if let Some((place, bits)) = fate.damage {
            self.damaged += 1;
            let len = u64::try_from(scratch.len()).unwrap_or(u64::MAX).max(1);
            let place = usize::try_from(place % len).unwrap_or_default();
            if let Some(byte) = scratch.get_mut(place) {
                *byte ^= bits;
            }
        }
        if fate.late > 0 {
            self.delayed += 1;
            self.late.push(Late { after: number + fate.late, bytes: scratch.clone() });
        } else {
            self.sent += 1;
            send(socket, self.address, scratch)?;
        }
        if fate.is_twice {
            (self.twice, self.sent) = (self.twice + 1, self.sent + 1);
            send(socket, self.address, scratch)?;
        }
        Ok(())
    }

    /// Sends what is late by now, or all of it.
    fn catch_up(&mut self, number: Option<u64>, socket: &UdpSocket) -> Result<(), UdpError> {
        let is_due = |late: &Late| number.is_none_or(|number| late.after <= number);
        while let Some(index) = self.late.iter().position(is_due) {
            let late = self.late.remove(index);
            self.sent += 1;
            send(socket, self.address, &late.bytes)?;
        }
        Ok(())
    }
}

/// Opens a socket that sends to groups.
fn open(options: &UdpPlayerOptions) -> Result<UdpSocket, UdpError> {
    let opened = || -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        if let Some(interface) = &options.interface {
            socket.set_multicast_if_v4(interface)?;
        }
        socket.set_multicast_ttl_v4(options.ttl)?;
        // Receivers of this machine are to get it too.
        socket.set_multicast_loop_v4(true)?;
        Ok(socket.into())
    };
    let (operation, address) = ("open a socket to send to", options.lines.first().copied());
    let unset = SocketAddrV4::new(std::net::Ipv4Addr::UNSPECIFIED, 0);
    let address = address.unwrap_or(unset);
    opened().map_err(|source| UdpError::Socket { operation, address, source })
}

/// Sends a datagram. Nobody there to receive it is no error.
fn send(socket: &UdpSocket, address: SocketAddrV4, bytes: &[u8]) -> Result<(), UdpError> {
    match socket.send_to(bytes, address) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(source) => Err(UdpError::Socket { operation: "send to", address, source }),
    }
}
