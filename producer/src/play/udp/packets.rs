//! Cuts the messages of a file into packets.

use zerocopy::IntoBytes;

use super::UdpPlayerOptions;
use crate::error::Error;
use crate::play::Recording;
use crate::wire::itch50;
use crate::wire::moldudp64::{HEADER_LEN, Header, PREFIX_LEN, Session};

/// What is said of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    /// Number of its first message, from 1.
    pub(super) first: u64,
    pub(super) count: u64,
    /// Time of its last message since midnight, in ns; `None` if that cannot be read.
    pub(super) time_ns: Option<u64>,
}

/// The packets of a file, one after the other.
#[derive(Debug)]
pub(super) struct Packets {
    session: Session,
    most_messages: u64,
    most_bytes: usize,
    span_ns: u64,
    /// Where the next packet begins in the file, and its messages before that.
    offset: usize,
    number: u64,
    /// The packet at that place, once it was looked at, and where it ends.
    bytes: Vec<u8>,
    peeked: Option<(Next, usize)>,
    is_at_end: bool,
    sent: u64,
}

impl Packets {
    pub(super) fn new(options: &UdpPlayerOptions) -> Self {
        Self {
            session: options.session,
            most_messages: options.packet_messages.into(),
            most_bytes: options.packet_bytes,
            span_ns: u64::try_from(options.packet_span.as_nanos()).unwrap_or(u64::MAX),
            offset: 0,
            number: 0,
            bytes: Vec::with_capacity(options.packet_bytes),
            peeked: None,
            is_at_end: false,
            sent: 0,
        }
    }

    /// The number of the next message, from 1.
    pub(super) fn next(&self) -> u64 {
        self.number + 1
    }

    /// Packets that were passed.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// The packet that was looked at.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Makes the next packet, and says what it is; `None` at the end.
    pub(super) fn peek(&mut self, recording: &Recording) -> Result<Option<Next>, Error> {
        if self.peeked.is_none() {
            self.make(recording)?;
        }
        self.is_at_end = self.peeked.is_none();
        Ok(self.peeked.map(|(next, _)| next))
    }

    /// Passes the packet that was looked at.
    pub(super) fn advance(&mut self) {
        if let Some((next, end)) = self.peeked.take() {
            self.offset = end;
            self.number += next.count;
            self.sent += 1;
        }
    }

    fn make(&mut self, recording: &Recording) -> Result<(), Error> {
        self.bytes.clear();
        self.bytes.extend([0; HEADER_LEN]);
        let mut walk = recording.resume(self.offset, self.number);
        let (mut count, mut end) = (0, self.offset);
        let (mut first_ns, mut last_ns) = (None, None);
        while count < self.most_messages {
            // The recording was walked through when it was opened.
            let Some(Ok(frame)) = walk.next() else {
                break;
            };
            let time_ns = itch50::parse(frame.bytes).ok().map(|m| m.header().timestamp_ns());
            let span_ns = time_ns
                .zip(first_ns)
                .map_or(0, |(now, first): (u64, u64)| now.saturating_sub(first));
            let len = PREFIX_LEN + frame.bytes.len();
            let is_full = self.bytes.len() + len > self.most_bytes || span_ns > self.span_ns;
            if is_full && count > 0 {
                break;
            }
            (first_ns, last_ns) = (first_ns.or(time_ns), time_ns.or(last_ns));
            let len = u16::try_from(frame.bytes.len()).unwrap_or(u16::MAX);
            self.bytes.extend(len.to_be_bytes());
            self.bytes.extend(frame.bytes);
            (count, end) = (count + 1, walk.offset());
        }
        let first = self.next();
        let header = Header::new(self.session, first, u16::try_from(count).unwrap_or(u16::MAX));
        if let Some(bytes) = self.bytes.get_mut(..HEADER_LEN) {
            bytes.copy_from_slice(header.as_bytes());
        }
        self.peeked = (count > 0).then_some((Next { first, count, time_ns: last_ns }, end));
        Ok(())
    }
}
