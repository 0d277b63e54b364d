//! Asks a request server for lost messages.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use mio::net::UdpSocket;
use zerocopy::IntoBytes;

use super::UdpError;
use crate::wire::moldudp64::Header;

/// Refusals of the network that are passed over at a time.
const MOST_REFUSALS: usize = 8;

/// A socket to the server. Datagrams of others do not reach it.
#[derive(Debug)]
pub(super) struct Requester {
    pub(super) socket: UdpSocket,
    buffer: Box<[u8]>,
    /// Requests that could not be sent or did not reach a server, as far as the network says so.
    pub(super) refused: u64,
    /// Answers that were no packets.
    pub(super) malformed: u64,
}

impl Requester {
    pub(super) fn open(server: SocketAddrV4, packet_bytes: usize) -> Result<Self, UdpError> {
        let own = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let opened = UdpSocket::bind(own).and_then(|socket| {
            socket.connect(server.into())?;
            Ok(socket)
        });
        let socket = opened.map_err(|source| {
            let operation = "send requests to";
            UdpError::Socket { operation, address: server, source }
        })?;
        let buffer = vec![0; packet_bytes.max(1)].into();
        Ok(Self { socket, buffer, refused: 0, malformed: 0 })
    }

    /// Sends a request. One that cannot be sent is as good as lost: it will be sent again.
    pub(super) fn send(&mut self, request: &Header) {
        if self.socket.send(request.as_bytes()).is_err() {
            self.refused += 1;
        }
    }

    /// Takes an answer off the socket; `None` if none is there.
    pub(super) fn receive(&mut self) -> Option<&[u8]> {
        for _ in 0..MOST_REFUSALS {
            match self.socket.recv(&mut self.buffer) {
                Ok(len) => return self.buffer.get(..len),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // What a machine answers where no server is. Behind it there may be an answer.
                Err(_) => self.refused += 1,
            }
        }
        None
    }
}
