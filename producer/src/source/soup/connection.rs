//! One TCP connection that speaks SoupBinTCP, seen from either end: it never blocks.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::wire::soupbintcp::Framer;

/// A TCP connection, what waits to be sent on it, and when either end was last heard of.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    outbox: Vec<u8>,
    /// Bytes at the front of the outbox that were sent.
    sent: usize,
    heard: Instant,
    said: Instant,
    drained: bool,
}

/// What came of trying to receive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Received {
    /// One byte at least.
    Bytes,
    /// Nothing for now.
    Nothing,
    /// The peer has ended the connection.
    Closed,
}

impl Connection {
    /// Begins to connect.
    pub(crate) fn open(
        address: SocketAddr,
        registry: &Registry,
        token: Token,
        room: usize,
    ) -> io::Result<Self> {
        Self::over(TcpStream::connect(address)?, registry, token, room)
    }

    /// Takes a stream, with room for so many bytes that wait to be sent.
    pub(crate) fn over(
        mut stream: TcpStream,
        registry: &Registry,
        token: Token,
        room: usize,
    ) -> io::Result<Self> {
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let now = Instant::now();
        let outbox = Vec::with_capacity(room);
        Ok(Self { stream, outbox, sent: 0, heard: now, said: now, drained: false })
    }

    /// Returns whether the connection that was begun is there now.
    pub(crate) fn is_there(&mut self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                // A heartbeat must not wait for the acknowledgement of what was sent before it.
                let _ = self.stream.set_nodelay(true);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads once into the framer, which has given all whole packets that it had.
    pub(crate) fn receive(&mut self, framer: &mut Framer, now: Instant) -> io::Result<Received> {
        match self.stream.read(framer.space()) {
            Ok(0) => Ok(Received::Closed),
            Ok(bytes) => {
                framer.filled(bytes);
                (self.heard, self.drained) = (now, false);
                Ok(Received::Bytes)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.drained = true;
                Ok(Received::Nothing)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                self.drained = false;
                Ok(Received::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns whether all that had come was read: the next bytes wake whoever waits.
    pub(crate) fn is_drained(&self) -> bool {
        self.drained
    }

    /// Returns how many bytes fit behind those that wait to be sent.
    pub(crate) fn room(&self) -> usize {
        self.outbox.capacity() - self.outbox.len()
    }

    /// Puts bytes behind those that wait to be sent; does nothing where they do not fit.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        if bytes.len() <= self.room() {
            self.outbox.extend_from_slice(bytes);
        }
    }

    /// Sends what waits, as far as the system takes it. Returns whether everything is sent.
    pub(crate) fn send(&mut self, now: Instant) -> io::Result<bool> {
        while let Some(waiting) = self.outbox.get(self.sent..).filter(|bytes| !bytes.is_empty()) {
            match self.stream.write(waiting) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(bytes) => (self.sent, self.said) = (self.sent + bytes, now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outbox.clear();
        self.sent = 0;
        Ok(true)
    }

    /// Sends `heartbeat` when nothing was sent for so long, and what waits before it.
    pub(crate) fn keep_alive(
        &mut self,
        heartbeat: &[u8],
        every: Duration,
        now: Instant,
    ) -> io::Result<()> {
        // What still waits says more than a heartbeat.
        if self.outbox.is_empty() && now.saturating_duration_since(self.said) >= every {
            self.put(heartbeat);
        }
        self.send(now).map(|_| ())
    }

    /// Returns for how long nothing was heard of the peer.
    pub(crate) fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard)
    }

    /// Sends a last packet, if that can be done at once, and ends the connection.
    pub(crate) fn close(mut self, last: &[u8]) {
        let now = Instant::now();
        self.put(last);
        let _ = self.send(now);
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}
