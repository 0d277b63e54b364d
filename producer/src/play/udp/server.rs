//! A MoldUDP64 request server of a recording, good or bad on purpose.

use std::net::{SocketAddr, SocketAddrV4};

use mio::net::UdpSocket;
use zerocopy::IntoBytes;

use super::UdpPlayerOptions;
use crate::play::Recording;
use crate::source::udp::UdpError;
use crate::wire::moldudp64::{HEADER_LEN, Header, PREFIX_LEN, Session, parse_request};

/// Bytes of a request, with room to see that there are more.
const REQUEST_BYTES: usize = 64;

/// What is wrong with the server.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Trouble {
    /// It answers no request.
    pub refuse: bool,
    /// It does not answer the first so many requests.
    pub ignore: u64,
    /// After so many answers it gives half of one more and is gone: nobody listens at its port.
    pub die_after: Option<u64>,
}

/// Answers requests, one packet for each.
#[derive(Debug)]
pub(super) struct Server {
    /// `None` once the server is dead.
    socket: Option<UdpSocket>,
    session: Session,
    packet_bytes: usize,
    trouble: Trouble,
    buffer: [u8; REQUEST_BYTES],
    answer: Vec<u8>,
    pub(super) requests: u64,
    pub(super) answers: u64,
}

impl Server {
    pub(super) fn open(
        address: SocketAddrV4,
        options: &UdpPlayerOptions,
    ) -> Result<Self, UdpError> {
        let socket = UdpSocket::bind(address.into()).map_err(|source| UdpError::Socket {
            operation: "serve requests on",
            address,
            source,
        })?;
        Ok(Self {
            socket: Some(socket),
            session: options.session,
            packet_bytes: options.packet_bytes,
            trouble: options.trouble,
            buffer: [0; REQUEST_BYTES],
            answer: Vec::with_capacity(options.packet_bytes),
            requests: 0,
            answers: 0,
        })
    }

    pub(super) fn socket(&mut self) -> Option<&mut UdpSocket> {
        self.socket.as_mut()
    }

    /// Answers up to `most` requests for messages before `released`; returns how many came.
    pub(super) fn answer(&mut self, recording: &Recording, released: u64, most: usize) -> usize {
        for received in 0..most {
            let Some((request, from)) = self.receive() else {
                return received;
            };
            let Some(request) = request else {
                continue;
            };
            self.requests += 1;
            let is_ignored = self.trouble.refuse || self.requests <= self.trouble.ignore;
            if is_ignored || request.session != self.session {
                continue;
            }
            let is_dying = self.trouble.die_after.is_some_and(|after| self.answers >= after);
            let most = request.count.get() / if is_dying { 2 } else { 1 };
            let count = self.fill(recording, request.sequence.get(), most, released);
            if let Some(socket) = self.socket.as_ref().filter(|_| count > 0) {
                // An answer that is lost will be asked for again.
                let _ = socket.send_to(&self.answer, from);
                self.answers += 1;
            }
            if is_dying {
                self.socket = None;
            }
        }
        most
    }

    /// Takes a datagram: the request in it, if there is one, and who sent it.
    fn receive(&mut self) -> Option<(Option<Header>, SocketAddr)> {
        let (len, from) = self.socket.as_ref()?.recv_from(&mut self.buffer).ok()?;
        let request = self.buffer.get(..len).and_then(|bytes| parse_request(bytes).ok());
        Some((request.copied(), from))
    }

    /// Makes a packet of messages that are released, from a number on; returns how many.
    fn fill(&mut self, recording: &Recording, first: u64, most: u16, released: u64) -> u16 {
        self.answer.clear();
        self.answer.extend([0; HEADER_LEN]);
        let mut count = 0;
        let available = u16::try_from(released.saturating_sub(first)).unwrap_or(u16::MAX);
        let messages = recording.from(first.saturating_sub(1));
        for frame in messages.map_while(Result::ok).take(most.min(available).into()) {
            if self.answer.len() + PREFIX_LEN + frame.bytes.len() > self.packet_bytes {
                break;
            }
            let len = u16::try_from(frame.bytes.len()).unwrap_or(u16::MAX);
            self.answer.extend(len.to_be_bytes());
            self.answer.extend(frame.bytes);
            count += 1;
        }
        if let Some(bytes) = self.answer.get_mut(..HEADER_LEN) {
            bytes.copy_from_slice(Header::new(self.session, first, count).as_bytes());
        }
        count
    }
}
