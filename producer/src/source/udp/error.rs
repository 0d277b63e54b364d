//! What can go wrong with the sockets of a multicast feed.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use thiserror::Error;

/// Says why a multicast feed cannot be received, or not any more.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UdpError {
    /// The system refused an operation on a socket.
    #[error(
        "cannot {operation} {address}: {source}; check that the group is one of 224.0.0.0/4, that \
         the interface is an address of this machine, and that the port is free"
    )]
    Socket {
        /// What was tried.
        operation: &'static str,
        /// On which group or address.
        address: SocketAddrV4,
        /// The system's reason.
        source: io::Error,
    },
    /// The kernel gives a smaller receive buffer than was asked for.
    #[error(
        "receive buffer: expected {expected} bytes, found {found}; raise the system's limit \
         (sysctl net.core.rmem_max) or ask for less"
    )]
    ReceiveBuffer {
        /// Bytes that were asked for.
        expected: usize,
        /// Bytes that there are.
        found: usize,
    },
    /// A sender was named for an address that is no group.
    #[error(
        "sender {sender} of {address}: expected a multicast group, as only groups are joined for \
         one sender; leave the sender out"
    )]
    Sender {
        /// The address.
        address: SocketAddrV4,
        /// The sender.
        sender: Ipv4Addr,
    },
    /// The system refused to watch the sockets.
    #[error("cannot wait for datagrams: {0}; check the limit of open files")]
    Poll(io::Error),
    /// The system refused to give datagrams.
    #[error("cannot receive datagrams: {0}; check that the interface is up")]
    Receive(io::Error),
}
