//! ITCH 5.0 over MoldUDP64: multicast lines A and B, and a request server for what both lost.
//!
//! ```text
//! line A ──► recvmmsg ──┐
//! line B ──► recvmmsg ──┼─► Arbiter ──► Normaliser ──► records
//! request server ◄──────┘       └─► Gap records
//! ```
//!
//! All of it runs on the thread of the caller: datagrams are taken from the sockets by tens, are
//! viewed in place, and only a packet ahead of a hole is copied. Which message counts is decided by
//! the [`arbiter`](crate::arbiter). ts_recv is when the kernel received the datagram, or when it
//! was taken from the socket where the kernel does not say.
//!
//! What is lost is told by a Gap record before the first record behind the hole:
//!
//! | what happened | state of the Gap | cause |
//! |---|---|---|
//! | a declared hole was filled | filled | sequence or socket overflow |
//! | a hole was given up | unrecoverable | sequence or socket overflow |
//! | a message is not ITCH 5.0 | unrecoverable | malformed |
//! | another session began | session reset; missing is nothing | sequence |
//!
//! From a loss on, and where the session was joined in its middle, orders and trades are flagged
//! MAYBE_BAD_BOOK until the next session. Datagrams that are no packets are counted and dropped:
//! what they should have carried is a hole.

mod datagrams;
mod error;
mod line;
mod records;
mod requester;

#[cfg(test)]
mod tests;

use std::net::SocketAddrV4;
use std::time::{Duration, Instant, SystemTime};

use jiff::civil::Date;
use mio::{Events, Interest, Poll, Token};
use tickring::record::{
    Gap, Heartbeat, Imbalance, InstrumentDef, Mbo, Record, Stat, Status, Trade,
};

use crate::arbiter::{Arbiter, ArbiterOptions, Origin, RecoveryOptions};
use crate::error::Error;
use crate::source::{Count, Kinds, Progress, Report, Sink, Source};
use crate::wire::moldudp64::Packet;
use line::{Line, Stamps};
use records::Records;
use requester::Requester;

pub use error::UdpError;
pub use line::LineOptions;

/// Every event only wakes the source, which looks at all of its sockets.
const TOKEN: Token = Token(0);

/// Options of [`UdpSource`].
#[derive(Clone, Debug)]
pub struct UdpOptions {
    /// The lines that carry the messages: A, B, and so on; at least one.
    pub lines: Vec<LineOptions>,
    /// The request server for lost messages; without one, holes that do not close are given up.
    pub server: Option<SocketAddrV4>,
    /// How messages are asked for.
    pub recovery: RecoveryOptions,
    /// The first message that is wanted, from 1. Without, the lowest that is seen in the first
    /// [`patience`](Self::patience) after the first packet.
    pub first: Option<u64>,
    /// Date of the session in New York. Without, it is the date there when a session begins.
    pub date: Option<Date>,
    /// How long a hole may close by itself.
    pub patience: Duration,
    /// Packets ahead of a hole that can be held.
    pub window: usize,
    /// Bytes of the longest packet.
    pub packet_bytes: usize,
    /// Bytes of the receive buffer of each line; the system's default without.
    pub receive_bytes: Option<usize>,
    /// How long the kernel polls the network card before a socket waits; not at all without.
    pub busy_poll: Option<Duration>,
    /// Whether to look at the sockets again and again instead of sleeping until they have
    /// something.
    pub spin: bool,
    /// Whether to wait for another session when one has ended.
    pub stay: bool,
    /// Number of the channel in Gap records.
    pub channel: u16,
}

impl UdpOptions {
    /// Returns options for lines without a request server.
    #[must_use]
    pub fn new(lines: Vec<LineOptions>) -> Self {
        let ArbiterOptions { first, patience, window, packet_bytes, .. } =
            ArbiterOptions::default();
        Self {
            lines,
            server: None,
            recovery: RecoveryOptions::default(),
            first,
            date: None,
            patience,
            window,
            packet_bytes,
            receive_bytes: None,
            busy_poll: None,
            spin: false,
            stay: false,
            channel: 0,
        }
    }
}

/// Receives ITCH 5.0 over MoldUDP64.
#[derive(Debug)]
pub struct UdpSource {
    lines: Vec<Line>,
    requester: Option<Requester>,
    arbiter: Arbiter,
    records: Records,
    poll: Poll,
    events: Events,
    start: Instant,
    spin: bool,
    stay: bool,
}

impl UdpSource {
    /// Opens the sockets and joins the groups.
    ///
    /// Cost: allocates everything that is needed until the end, but for the map of orders.
    ///
    /// # Errors
    /// [`Error::Udp`] if a socket cannot be opened, bound or joined, or its buffer not sized;
    /// [`Error::Option`] if there is no line or more than 255, or the date is outside 1970 to 2554.
    pub fn open(options: &UdpOptions) -> Result<Self, Error> {
        let lines = u8::try_from(options.lines.len()).ok().filter(|&lines| lines > 0);
        let lines = lines.ok_or_else(|| Error::Option {
            name: "lines",
            expected: "1 to 255 lines",
            found: options.lines.len().to_string(),
        })?;
        let records = Records::new(options)?;
        let arbiter = Arbiter::new(ArbiterOptions {
            lines,
            first: options.first,
            patience: options.patience,
            window: options.window,
            packet_bytes: options.packet_bytes,
            recovery: options.server.map(|_| options.recovery),
            ..ArbiterOptions::default()
        });
        let poll = Poll::new().map_err(UdpError::Poll)?;
        let mut opened = Vec::with_capacity(options.lines.len());
        for line in &options.lines {
            let mut line = Line::open(line, options)?;
            let registry = poll.registry();
            registry
                .register(&mut line.socket, TOKEN, Interest::READABLE)
                .map_err(UdpError::Poll)?;
            opened.push(line);
        }
        let requester = options.server.map(|server| {
            let mut requester = Requester::open(server, options.packet_bytes)?;
            poll.registry()
                .register(&mut requester.socket, TOKEN, Interest::READABLE)
                .map_err(UdpError::Poll)?;
            Ok::<_, UdpError>(requester)
        });
        Ok(Self {
            lines: opened,
            requester: requester.transpose()?,
            arbiter,
            records,
            poll,
            events: Events::with_capacity(usize::from(lines) + 1),
            start: Instant::now(),
            spin: options.spin,
            stay: options.stay,
        })
    }

    /// Returns the address that each line is received on, with the port that the system chose.
    ///
    /// # Errors
    /// [`Error::Udp`] if the system does not tell.
    pub fn addresses(&self) -> Result<Vec<std::net::SocketAddr>, Error> {
        let addresses = self.lines.iter().map(|line| line.socket.local_addr());
        Ok(addresses.collect::<Result<_, _>>().map_err(UdpError::Poll)?)
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Takes datagrams off the lines; returns how many.
    fn receive<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<usize, Error> {
        let mut received = 0;
        for number in 0..self.lines.len() {
            let now_ns = self.now_ns();
            let Some(line) = self.lines.get_mut(number) else {
                break;
            };
            let origin = Origin::Line(u8::try_from(number).unwrap_or(u8::MAX));
            let count = line.receive(budget).map_err(UdpError::Receive)?;
            received += count;
            let clock_ns = if count > 0 { unix_ns() } else { 0 };
            for index in 0..count {
                let datagram = line.get(index);
                let (is_cut, drops) = (datagram.is_cut, datagram.drops);
                let ts_ns = datagram.ts_ns.filter(|_| line.stamps == Stamps::Kernel);
                let ts_recv_ns = ts_ns.unwrap_or(clock_ns);
                let surplus = match Packet::parse(datagram.bytes) {
                    Ok(packet) => {
                        let records = &mut self.records;
                        self.arbiter.packet(origin, &packet, ts_recv_ns, now_ns, &mut |given| {
                            records.take(given, now_ns, clock_ns, sink)
                        })?;
                        Some(packet.surplus())
                    }
                    Err(_) => None,
                };
                line.note(surplus, is_cut);
                if drops.is_some_and(|drops| line.note_drops(drops)) {
                    self.records.overflowed();
                }
            }
        }
        Ok(received)
    }

    /// Takes the answers of the request server, does what the time asks for, and asks for more.
    fn recover<S: Sink>(&mut self, sink: &mut S) -> Result<usize, Error> {
        let now_ns = self.now_ns();
        let Self { requester, arbiter, records, .. } = self;
        let mut received = 0;
        if let Some(requester) = requester {
            while let Some(datagram) = requester.receive() {
                received += 1;
                let clock_ns = unix_ns();
                match Packet::parse(datagram) {
                    Ok(packet) => {
                        let origin = Origin::Recovery;
                        arbiter.packet(origin, &packet, clock_ns, now_ns, &mut |given| {
                            records.take(given, now_ns, clock_ns, sink)
                        })?;
                    }
                    Err(_) => requester.malformed += 1,
                }
                if received >= datagrams::MOST {
                    break;
                }
            }
        }
        arbiter.tick(now_ns, &mut |given| records.take(given, now_ns, unix_ns(), sink))?;
        while let Some(request) = arbiter.request(now_ns) {
            if let Some(requester) = requester {
                requester.send(&request);
            }
        }
        Ok(received)
    }
}

impl Source for UdpSource {
    const IS_LIVE: bool = true;

    fn kinds(&self) -> Kinds {
        let ticks = [Mbo::kinds(), Trade::kinds(), Status::kinds(), Gap::kinds()];
        Kinds {
            ticks: [ticks.concat(), Heartbeat::kinds()].concat(),
            definitions: InstrumentDef::kinds(),
            statistics: [Imbalance::kinds(), Stat::kinds()].concat(),
        }
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        None
    }

    /// Consumes datagrams, up to `budget` of each line.
    fn poll<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<Progress, Error> {
        let received = self.receive(sink, budget)? + self.recover(sink)?;
        Ok(match received {
            0 if self.arbiter.is_ended() && !self.stay => Progress::End,
            0 => Progress::Idle,
            datagrams => Progress::Advanced(datagrams),
        })
    }

    fn report(&self) -> Report {
        let mut report = self.records.report();
        let (counts, anomalies) = (self.arbiter.counts(), &mut report.anomalies);
        let mut inputs = Vec::new();
        let known = |name: String, count: u64| (count > 0).then(|| Count::new(name, count));
        for (number, (line, seen)) in self.lines.iter().zip(&counts.lines).enumerate() {
            let line_name = line_name(number);
            inputs.extend(known(format!("packets on line {line_name}"), seen.packets));
            inputs.extend(known(format!("second copies on line {line_name}"), seen.duplicates));
            let faults = [
                ("dropped by the kernel", line.drops),
                ("out of order", seen.out_of_order),
                ("not MoldUDP64", line.malformed),
                ("longer than the buffer", line.cut),
                ("with bytes behind the last message", line.surplus),
                ("of another session", seen.foreign),
                ("too far ahead", seen.implausible),
                ("too long to be held", seen.too_long),
            ];
            anomalies.extend(faults.into_iter().filter_map(|(name, count)| {
                known(format!("line {line_name}: packets {name}"), count)
            }));
        }
        let (refused, malformed) =
            self.requester.as_ref().map_or((0, 0), |r| (r.refused, r.malformed));
        inputs.extend(known("requests".to_owned(), counts.requests));
        inputs.extend(known("answers".to_owned(), counts.recovery.packets));
        report.inputs.extend(inputs);
        let totals = [
            ("gaps filled", counts.filled),
            ("gaps not filled", counts.unrecoverable),
            ("messages recovered", counts.recovered),
            ("messages lost", counts.lost),
            ("packets that found the window full", counts.overflows),
            ("new sessions", counts.sessions),
            ("requests refused by the network", refused),
            ("answers not MoldUDP64", malformed),
        ];
        anomalies.extend(totals.into_iter().filter_map(|(name, n)| known(name.to_owned(), n)));
        report
    }

    /// Waits for a datagram, or for the time to declare a hole or to ask again.
    fn wait(&mut self, limit: Duration) {
        if self.spin {
            return;
        }
        let deadline_ns = self.arbiter.deadline_ns().unwrap_or(u64::MAX);
        let left = Duration::from_nanos(deadline_ns.saturating_sub(self.now_ns()));
        // A signal ends the wait early, which does no harm.
        let _ = self.poll.poll(&mut self.events, Some(limit.min(left)));
    }
}

/// Returns the letter of a line; its number behind the last letter.
fn line_name(number: usize) -> String {
    match u8::try_from(number) {
        Ok(number @ 0..26) => char::from(b'A' + number).to_string(),
        _ => number.to_string(),
    }
}

/// Returns the time, in ns since the Unix epoch.
fn unix_ns() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
