//! MoldUDP64 packets: the lines of one feed, and the ITCH 5.0 messages in them.
//!
//! MoldUDP64 has no mark of its own, so a destination is taken for one of the feed's when a
//! datagram to it is a packet whose messages are all ITCH 5.0, or when its port was chosen. Several
//! destinations are refused unless an option says that they are lines of one feed.

use std::net::SocketAddr;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tickring::record::{UNDEF_TIME, flag};

use super::PcapError;
use super::capture::Packet as Captured;
use super::count::{self, Taken};
use super::held::{Arrival, Held, Waiting};
use super::stream::{Numbering, Stream, StreamCounts};
use crate::error::Error;
use crate::source::itch::normalise::{Normaliser, XNAS};
use crate::source::itch::received::Received;
use crate::source::itch::{ItchOptions, new_york_midnight_ns};
use crate::source::{Report, Sink};
use crate::wire::itch50;
use crate::wire::moldudp64::{Packet, Session};
use crate::wire::packet::Datagram;

/// Lines of a feed.
const MOST_LINES: usize = 16;

/// One feed of ITCH 5.0 messages.
#[derive(Debug)]
pub(super) struct MoldFeed {
    date: Option<Date>,
    /// Whether several destinations are lines of the feed.
    is_merged: bool,
    /// Whether all datagrams are the feed's, whatever is in them.
    is_chosen: bool,
    lines: Vec<SocketAddr>,
    running: Option<Running>,
    held: Held,
    /// What the sessions before had.
    ended: Report,
    counts: StreamCounts,
    received_before: u64,
    /// When the last packet was captured.
    time_ns: u64,
}

/// A session that is being read.
#[derive(Debug)]
struct Running {
    stream: Stream<Session>,
    normaliser: Normaliser,
}

/// Returns whether a datagram is a MoldUDP64 packet with messages, all of them ITCH 5.0.
pub(super) fn is_itch(payload: &[u8]) -> bool {
    Packet::parse(payload).is_ok_and(|packet| {
        packet.count() > 0 && packet.messages().all(|message| itch50::parse(message).is_ok())
    })
}

impl MoldFeed {
    /// Creates a feed without lines. `is_chosen` says that the datagrams were chosen by port.
    pub(super) fn new(date: Option<Date>, is_merged: bool, is_chosen: bool) -> Self {
        Self {
            date,
            is_merged,
            is_chosen,
            lines: Vec::new(),
            running: None,
            held: Held::default(),
            ended: Report::default(),
            counts: StreamCounts::default(),
            received_before: 0,
            time_ns: UNDEF_TIME,
        }
    }

    /// Gives the messages of a datagram that are new, and of those that waited for it.
    pub(super) fn datagram<S: Sink>(
        &mut self,
        captured: &Captured<'_>,
        datagram: &Datagram<'_>,
        path: &Path,
        sink: &mut S,
    ) -> Result<Taken, Error> {
        let in_file = |source| Error::Pcap { path: path.to_owned(), source };
        let Some(line) = self.line(captured, datagram).map_err(in_file)? else {
            return Ok(Taken::Foreign);
        };
        let Ok(packet) = Packet::parse(datagram.payload) else {
            return Ok(Taken::Damaged);
        };
        let arrival = Arrival { number: captured.number, time_ns: captured.time_ns, line };
        if self.is_other_session(&packet) {
            while let Some(waiting) = self.held.take() {
                self.take_waiting(waiting, path, sink)?;
            }
        }
        if self.is_early(&packet) {
            self.held.keep(arrival, &packet, datagram.payload);
        } else {
            self.take(arrival, &packet, path, sink)?;
        }
        let time_ns = captured.time_ns;
        while let Some(next) = self.running.as_ref().map(|running| running.stream.next())
            && let Some(waiting) = self.held.take_due(next, time_ns)
        {
            self.take_waiting(waiting, path, sink)?;
        }
        Ok(Taken::Whole)
    }

    /// Gives what waits, and tells what is missing at the end of the session.
    pub(super) fn end<S: Sink>(&mut self, path: &Path, sink: &mut S) -> Result<(), Error> {
        while let Some(waiting) = self.held.take() {
            self.take_waiting(waiting, path, sink)?;
        }
        let hole = self.running.as_mut().and_then(|running| running.stream.end(&mut self.counts));
        if let Some(hole) = hole {
            let gap = hole.record(XNAS, self.time_ns, 0, 0);
            sink.tick(&gap).map_err(tickring::Error::from)?;
        }
        Ok(())
    }

    /// Returns whether a packet is of another session than the one that is being read.
    fn is_other_session(&self, packet: &Packet<'_>) -> bool {
        let session = self.running.as_ref().map(|running| running.stream.session());
        session.is_some_and(|session| session != *packet.session())
    }

    /// Returns whether messages before a packet may still come by another line.
    fn is_early(&self, packet: &Packet<'_>) -> bool {
        let next = self.running.as_ref().map(|running| running.stream.next());
        self.lines.len() > 1
            && packet.count() > 0
            && !self.is_other_session(packet)
            && next.is_some_and(|next| packet.sequence() > next)
    }

    /// Gives the messages of a packet that waited.
    fn take_waiting<S: Sink>(
        &mut self,
        waiting: Waiting,
        path: &Path,
        sink: &mut S,
    ) -> Result<(), Error> {
        if let Ok(packet) = Packet::parse(&waiting.bytes) {
            self.take(waiting.arrival, &packet, path, sink)?;
        }
        self.held.give_back(waiting);
        Ok(())
    }

    /// Gives the messages of a packet that are new.
    fn take<S: Sink>(
        &mut self,
        arrival: Arrival,
        packet: &Packet<'_>,
        path: &Path,
        sink: &mut S,
    ) -> Result<(), Error> {
        let Arrival { number, time_ns, line } = arrival;
        let numbering = Numbering {
            session: *packet.session(),
            first: packet.sequence(),
            count: packet.count(),
        };
        let ts_recv = time_ns.unwrap_or(UNDEF_TIME);
        let Self { date, running, counts, .. } = self;
        let running = match running {
            Some(running) => running,
            None => running.insert(Running {
                stream: Stream::new(numbering, counts),
                normaliser: Normaliser::new(midnight_ns(*date, time_ns)?),
            }),
        };
        let session = running.stream.session();
        let place = running.stream.place(numbering, counts);
        for hole in place.gaps.into_iter().flatten() {
            let gap = hole.record(XNAS, ts_recv, 0, line);
            sink.tick(&gap).map_err(tickring::Error::from)?;
        }
        if running.stream.session() != session {
            // The orders of the session before are void.
            let normaliser = Normaliser::new(midnight_ns(*date, time_ns)?);
            let before = std::mem::replace(&mut running.normaliser, normaliser);
            count::merge(&mut self.ended, before.report());
        }
        self.time_ns = ts_recv;
        let flags = if running.stream.is_doubtful() { flag::MAYBE_BAD_BOOK } else { 0 };
        let mut sink = Received::new(sink, ts_recv, flags);
        let skip = usize::from(place.skip);
        packet.messages().for_each(|message| running.normaliser.foresee(message));
        // In this order no number is made behind the last message, which may be the highest.
        for (message, sequence) in packet.messages().zip(numbering.first..).skip(skip) {
            let message = itch50::parse(message).map_err(|source| {
                let source = PcapError::Itch { number, sequence, source };
                Error::Pcap { path: path.to_owned(), source }
            })?;
            let given = running.normaliser.message(sequence.saturating_sub(1), &message, &mut sink);
            given.map_err(tickring::Error::from)?;
        }
        self.received_before += sink.early();
        Ok(())
    }

    /// Returns the messages by type and the anomalies.
    pub(super) fn report(&self) -> Report {
        let mut report = self.ended.clone();
        if let Some(running) = &self.running {
            count::merge(&mut report, running.normaliser.report());
        }
        self.counts.add_to(&mut report);
        let received_before = ("record received before it happened", self.received_before);
        count::add(&mut report.anomalies, &[received_before]);
        report
    }

    /// Returns the number of the line that a datagram came by; `None` if it is not the feed's.
    fn line(
        &mut self,
        captured: &Captured<'_>,
        datagram: &Datagram<'_>,
    ) -> Result<Option<u8>, PcapError> {
        let destination = datagram.destination;
        let known = self.lines.iter().position(|line| *line == destination);
        let index = match (known, self.lines.first()) {
            (Some(index), _) => index,
            (None, _) if !self.is_chosen && !is_itch(datagram.payload) => return Ok(None),
            (None, Some(&first)) if !self.is_merged => {
                let (number, second) = (captured.number, destination);
                return Err(PcapError::Destinations { number, first, second });
            }
            (None, _) if self.lines.len() == MOST_LINES => return Ok(None),
            (None, _) => {
                self.lines.push(destination);
                self.lines.len() - 1
            }
        };
        Ok(u8::try_from(index).ok())
    }
}

/// Returns midnight in New York of the session's date: by option, or when its first packet was
/// captured.
fn midnight_ns(date: Option<Date>, time_ns: Option<u64>) -> Result<u64, Error> {
    let captured = || {
        let captured = Timestamp::from_nanosecond(time_ns?.into()).ok()?;
        Some(captured.to_zoned(TimeZone::get("America/New_York").ok()?).date())
    };
    new_york_midnight_ns(date.or_else(captured).unwrap_or(ItchOptions::default().date))
}
