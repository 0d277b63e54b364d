//! MoldUDP64 on two lines, A and B, that lose, repeat, swap and damage packets by a script.
//!
//! Both lines carry the same packets; what happens to each on its way is drawn from a seed, and the
//! [`MoldTruth`] lists all of it. A receiver that puts the lines together has to end up with every
//! message outside of [`MoldTruth::gaps`], once and in order.
//!
//! A packet is full at 1,400 bytes, or when its next message came 20 µs after its first. A second
//! without a packet brings a heartbeat. Heartbeats and the three packets that end the session come
//! through always. A damaged packet is one that its own structure gives away: cut in its last
//! message, or with a message too many in its header.

mod line;

use std::io::Write;
use std::net::SocketAddrV4;
use std::ops::Range;

use zerocopy::IntoBytes;

use super::itch::Messages;
use super::pcap::PcapWriter;
use crate::error::Error;
use crate::random::Random;
use crate::wire::moldudp64::{HEADER_LEN, Header, MOST_MESSAGES, PREFIX_LEN, Session};
use line::{Fate, Line};

pub use crate::chaos::Chaos;

/// Bytes of a full packet.
const PACKET_BYTES: usize = 1_400;
/// Time between the first and the last message of a packet, in ns.
const PACKET_NS: u64 = 20_000;
/// Silence that brings a heartbeat, in ns.
const HEARTBEAT_NS: u64 = 1_000_000_000;
/// By how much line B is slower than line A, in ns.
const LINE_B_NS: u64 = 4_000;
/// Packets that end the session.
const ENDS: usize = 3;

/// The sender of line A; line B's is the next address.
pub const SENDER_A: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::new(10, 1, 1, 1), 26_477);
/// The group of line A.
pub const GROUP_A: SocketAddrV4 =
    SocketAddrV4::new(std::net::Ipv4Addr::new(233, 54, 12, 111), 26_477);
/// The sender of line B.
pub const SENDER_B: SocketAddrV4 = SocketAddrV4::new(std::net::Ipv4Addr::new(10, 1, 1, 2), 26_477);
/// The group of line B.
pub const GROUP_B: SocketAddrV4 =
    SocketAddrV4::new(std::net::Ipv4Addr::new(233, 86, 230, 111), 26_477);

/// Checks that all are probabilities, and that at most one mishap befalls a packet on a line.
fn check(chaos: &Chaos) -> Result<(), Error> {
    chaos.check()?;
    let together = chaos.loss + chaos.duplicate + chaos.reorder + chaos.corrupt;
    if together > 1.0 {
        return Err(Error::Option {
            name: "loss, duplicate, reorder and corrupt",
            expected: "not above 1 together",
            found: together.to_string(),
        });
    }
    Ok(())
}

/// Draws what happens to a packet on both lines.
fn draw(chaos: &Chaos, random: &mut Random) -> [Fate; 2] {
    let both = random.unit() < chaos.loss_both;
    let own = [draw_one(chaos, random), draw_one(chaos, random)];
    if both { [Fate::Lose; 2] } else { own }
}

fn draw_one(chaos: &Chaos, random: &mut Random) -> Fate {
    let (mut draw, shape) = (random.unit(), random.below(1 << 16));
    for (probability, fate) in [
        (chaos.loss, Fate::Lose),
        (chaos.corrupt, Fate::Corrupt { shape }),
        (chaos.duplicate, Fate::Duplicate),
        (chaos.reorder, Fate::Delay { packets: 1 + shape % 4 }),
    ] {
        if draw < probability {
            return fate;
        }
        draw -= probability;
    }
    Fate::Deliver
}

/// What happened on the lines. Packets are told by the numbers of their messages.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MoldTruth {
    /// Messages of the session, numbered from 1.
    pub messages: u64,
    /// Packets with messages.
    pub packets: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Lines A and B.
    pub lines: [LineTruth; 2],
    /// Messages that came whole on neither line; adjacent packets make one range.
    pub gaps: Vec<Range<u64>>,
}

/// What happened on one line.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LineTruth {
    /// Datagrams in the file, heartbeats and ends included.
    pub written: u64,
    /// Packets that were lost.
    pub lost: Vec<Range<u64>>,
    /// Packets that came damaged, so that their messages are lost too.
    pub corrupted: Vec<Range<u64>>,
    /// Packets that came twice.
    pub duplicated: Vec<Range<u64>>,
    /// Packets that came late.
    pub delayed: Vec<Range<u64>>,
}

/// Sends messages in packets over two lines.
///
/// Cost: a copy of each message and of each packet; no allocation after the first delay but that
/// of the truth.
#[derive(Debug)]
pub struct MoldWriter<W> {
    session: Session,
    chaos: Chaos,
    random: Random,
    lines: [Line<W>; 2],
    /// The packet that is being filled.
    packet: Vec<u8>,
    /// Its messages.
    count: u16,
    /// When its first and its last message came.
    packet_ns: Range<u64>,
    /// When the last packet went out.
    sent_ns: u64,
    truth: MoldTruth,
}

impl<W: Write> MoldWriter<W> {
    /// Begins a session over lines A and B.
    ///
    /// # Errors
    /// [`Error::Option`] if a probability is out of range.
    pub fn new(session: Session, chaos: Chaos, [a, b]: [PcapWriter<W>; 2]) -> Result<Self, Error> {
        check(&chaos)?;
        Ok(Self {
            session,
            chaos,
            random: Random::new(chaos.seed),
            lines: [Line::new(a, 0), Line::new(b, LINE_B_NS)],
            packet: vec![0; HEADER_LEN],
            count: 0,
            packet_ns: 0..0,
            sent_ns: 0,
            truth: MoldTruth::default(),
        })
    }

    /// Ends the session and returns the outputs of lines A and B with what happened.
    ///
    /// # Errors
    /// [`Error::Io`] if an output refuses.
    pub fn finish(mut self) -> Result<([W; 2], MoldTruth), Error> {
        self.send()?;
        let end = Header::end_of_session(self.session, self.truth.messages + 1);
        let time_ns = self.sent_ns;
        let mut truth = self.truth;
        let finish = |mut line: Line<W>, own: &mut LineTruth| {
            line.release_all(time_ns)?;
            for _ in 0..ENDS {
                line.send_whole(time_ns, end.as_bytes())?;
            }
            let (output, line) = line.finish()?;
            *own = line;
            Ok::<_, Error>(output)
        };
        let [a, b] = self.lines;
        let [own_a, own_b] = &mut truth.lines;
        let outputs = [finish(a, own_a)?, finish(b, own_b)?];
        Ok((outputs, truth))
    }

    /// Sends the packet that is being filled, if it has a message.
    fn send(&mut self) -> Result<(), Error> {
        if self.count == 0 {
            return Ok(());
        }
        let first = self.truth.messages + 1;
        let numbers = first..first + u64::from(self.count);
        let header = Header::new(self.session, first, self.count);
        if let Some(place) = self.packet.get_mut(..HEADER_LEN) {
            place.copy_from_slice(header.as_bytes());
        }
        self.truth.packets += 1;
        self.truth.messages += u64::from(self.count);
        self.sent_ns = self.packet_ns.end;
        let fates = draw(&self.chaos, &mut self.random);
        for (line, fate) in self.lines.iter_mut().zip(fates) {
            line.send(self.sent_ns, &self.packet, &numbers, fate)?;
        }
        if fates.iter().all(Fate::is_loss) {
            match self.truth.gaps.last_mut() {
                Some(gap) if gap.end == numbers.start => gap.end = numbers.end,
                _ => self.truth.gaps.push(numbers),
            }
        }
        self.packet.truncate(HEADER_LEN);
        self.count = 0;
        Ok(())
    }

    /// Sends the heartbeats that are due before `time_ns`.
    fn beat(&mut self, time_ns: u64) -> Result<(), Error> {
        while self.sent_ns != 0 && time_ns.saturating_sub(self.sent_ns) > HEARTBEAT_NS {
            self.sent_ns += HEARTBEAT_NS;
            let header = Header::heartbeat(self.session, self.truth.messages + 1);
            for line in &mut self.lines {
                line.send_whole(self.sent_ns, header.as_bytes())?;
            }
            self.truth.heartbeats += 1;
        }
        Ok(())
    }
}

impl<W: Write> Messages for MoldWriter<W> {
    fn take(&mut self, message: &[u8], ts_recv: u64) -> Result<(), Error> {
        let is_full = self.packet.len() + PREFIX_LEN + message.len() > PACKET_BYTES;
        let is_late = ts_recv.saturating_sub(self.packet_ns.start) > PACKET_NS;
        if is_full || is_late || self.count == MOST_MESSAGES {
            self.send()?;
        }
        if self.count == 0 {
            self.beat(ts_recv)?;
            self.packet_ns.start = ts_recv;
        }
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
        self.packet.extend(length.to_be_bytes());
        self.packet.extend(message.iter().take(length.into()));
        self.count += 1;
        self.packet_ns.end = ts_recv;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
