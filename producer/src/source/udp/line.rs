//! The socket of one line.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, BorrowedFd};

use mio::net::UdpSocket;
use nix::sys::socket::{TimestampingFlag, setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use super::datagrams::{self, Datagram, Datagrams};
use super::{UdpError, UdpOptions};

/// Where one line is received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LineOptions {
    /// The multicast group and port; an address of this machine where the line is sent to it alone.
    pub address: SocketAddrV4,
    /// Address of the interface to receive on; the system's choice without.
    pub interface: Option<Ipv4Addr>,
    /// The only sender to receive from, filtered by the network; all without.
    pub source: Option<Ipv4Addr>,
}

impl LineOptions {
    /// Returns options for a group, from any sender, on the system's choice of interface.
    #[must_use]
    pub const fn new(address: SocketAddrV4) -> Self {
        Self { address, interface: None, source: None }
    }
}

/// Who says when a datagram was received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stamps {
    Kernel,
    /// The kernel refused: the clock is read when datagrams are taken from the socket.
    Clock,
}

/// One line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) socket: UdpSocket,
    pub(super) stamps: Stamps,
    datagrams: Datagrams,
    /// What the kernel said last of its drops.
    drops_seen: u32,
    /// Datagrams that the kernel dropped, as the receive buffer was full.
    pub(super) drops: u64,
    /// Datagrams that no packet was in.
    pub(super) malformed: u64,
    /// Datagrams that were longer than the buffer.
    pub(super) cut: u64,
    /// Bytes behind the last message of a packet were found so often.
    pub(super) surplus: u64,
}

impl Line {
    /// Opens the socket and joins the group.
    pub(super) fn open(line: &LineOptions, options: &UdpOptions) -> Result<Self, UdpError> {
        let address = line.address;
        let failed = |operation| move |source| UdpError::Socket { operation, address, source };
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))
            .map_err(failed("open a socket for"))?;
        socket.set_nonblocking(true).map_err(failed("open a socket for"))?;
        // Several processes may receive one group.
        socket.set_reuse_address(true).map_err(failed("share"))?;
        if let Some(bytes) = options.receive_bytes {
            set_receive_bytes(&socket, address, bytes)?;
        }
        let stamps = stamp(socket.as_fd());
        let _ = setsockopt(&socket, sockopt::RxqOvfl, &1);
        if let Some(time) = options.busy_poll {
            let microseconds = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
            datagrams::set_busy_poll(socket.as_fd(), microseconds)
                .map_err(failed("set busy polling for"))?;
        }
        // Groups that others of this machine joined are none of this socket's.
        let _ = socket.set_multicast_all_v4(false);
        socket.bind(&address.into()).map_err(failed("receive on"))?;
        let interface = line.interface.unwrap_or(Ipv4Addr::UNSPECIFIED);
        match (address.ip().is_multicast(), line.source) {
            (true, Some(source)) => socket
                .join_ssm_v4(&source, address.ip(), &interface)
                .map_err(failed("join, for one sender,"))?,
            (true, None) => {
                socket.join_multicast_v4(address.ip(), &interface).map_err(failed("join"))?;
            }
            (false, Some(sender)) => return Err(UdpError::Sender { address, sender }),
            (false, None) => {}
        }
        Ok(Self {
            socket: UdpSocket::from_std(socket.into()),
            stamps,
            datagrams: Datagrams::new(options.packet_bytes),
            drops_seen: 0,
            drops: 0,
            malformed: 0,
            cut: 0,
            surplus: 0,
        })
    }

    /// Takes datagrams off the socket, up to `most`; 0 if none is there.
    pub(super) fn receive(&mut self, most: usize) -> io::Result<usize> {
        none_is_zero(self.datagrams.receive(self.socket.as_fd(), most))
    }

    /// Returns a datagram of the last call.
    pub(super) fn get(&self, index: usize) -> Datagram<'_> {
        self.datagrams.get(index)
    }

    /// Notes a datagram: the bytes behind its packet's messages, or that it was no packet.
    pub(super) fn note(&mut self, surplus: Option<usize>, is_cut: bool) {
        match surplus {
            _ if is_cut => self.cut += 1,
            None => self.malformed += 1,
            Some(0) => {}
            Some(_) => self.surplus += 1,
        }
    }

    /// Notes how many datagrams the kernel has dropped; returns whether they were more than before.
    pub(super) fn note_drops(&mut self, drops: u32) -> bool {
        let more = drops.wrapping_sub(self.drops_seen);
        self.drops_seen = drops;
        self.drops += u64::from(more);
        more > 0
    }
}

/// Makes "nothing there" a result.
pub(super) fn none_is_zero(received: io::Result<usize>) -> io::Result<usize> {
    match received {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
        {
            Ok(0)
        }
        other => other,
    }
}

/// Asks for a receive buffer, and checks that the kernel gives it.
fn set_receive_bytes(
    socket: &Socket,
    address: SocketAddrV4,
    expected: usize,
) -> Result<(), UdpError> {
    let failed = |source| UdpError::Socket { operation: "size the buffer of", address, source };
    socket.set_recv_buffer_size(expected).map_err(failed)?;
    // The kernel doubles what it is asked for, and says so.
    let found = socket.recv_buffer_size().map_err(failed)? / 2;
    if found < expected {
        return Err(UdpError::ReceiveBuffer { expected, found });
    }
    Ok(())
}

/// Asks the kernel to say when datagrams were received.
fn stamp(socket: BorrowedFd<'_>) -> Stamps {
    let software = TimestampingFlag::SOF_TIMESTAMPING_RX_SOFTWARE
        | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE;
    let asked = setsockopt(&socket, sockopt::Timestamping, &software)
        .or_else(|_| setsockopt(&socket, sockopt::ReceiveTimestampns, &true));
    if asked.is_ok() { Stamps::Kernel } else { Stamps::Clock }
}
