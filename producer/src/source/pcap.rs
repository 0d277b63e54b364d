//! Market data from captures of network packets, pcap and pcapng, plain or compressed.
//!
//! ```text
//!                                     ┌─► IEX-TP ─────► TOPS or DEEP messages ─┐
//! file ─► packet ─► UDP datagram ─────┤                                        ├─► records
//!                                     └─► MoldUDP64 ──► ITCH 5.0 messages ─────┘
//! ```
//!
//! - Files compressed with gzip or Zstandard are decompressed as they are read.
//! - Frames are Ethernet with any VLAN tags, raw IP, Linux cooked or loopback; see
//!   [`wire::packet`](crate::wire::packet). What is not a UDP datagram of the feed is counted.
//! - What IEX's messages become is said in [`iex`](crate::source::iex), what those of ITCH become
//!   in [`itch`](crate::source::itch::normalise).
//! - The messages of a stream, which is a channel of a feed, come in the order of their numbers,
//!   each once. Messages that are missing are told by a Gap record before the next message, with
//!   the state `unrecoverable`, because a file has no more to give; a new session by one with the
//!   state `session reset`. Gap::channel_id counts the streams in the order of their first
//!   packets. Levels of IEX and orders and trades of ITCH have
//!   MAYBE_BAD_BOOK after a hole.
//! - Lines of a feed that were captured together merge: those of IEX always, as their segments name
//!   channel and session, those of MoldUDP64 by option. A MoldUDP64 packet that is ahead of the
//!   others waits for what the other line may bring, a bounded time; what comes later than that is
//!   dropped and counted, as it is at once with IEX.
//! - ts_recv is when the packet was captured.
//!
//! A file that ends in the middle of a packet gives the records of all packets before, then an
//! error that says where.

mod capture;
mod count;
mod detect;
mod error;
mod held;
mod mold;
mod segments;
mod stream;

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use tickring::record::{
    DeltaW, Gap, Heartbeat, Imbalance, InstrumentDef, Mbo, Quote, Record, Stat, Status, Trade,
};

pub use error::PcapError;

use crate::error::Error;
use crate::source::{Kinds, Progress, Report, Sink, Source};
use capture::Capture;
use count::Counts;
use mold::MoldFeed;
use segments::Segments;

/// What the datagrams of a capture carry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Payload {
    /// IEX-TP with TOPS 1.6 (or 1.5) and DEEP 1.0, told apart by their protocol numbers.
    IexTp,
    /// MoldUDP64 with Nasdaq TotalView-ITCH 5.0.
    MoldUdp64,
}

/// Options of [`PcapSource`].
#[derive(Clone, Debug, Default)]
pub struct PcapOptions {
    /// What the datagrams carry; by default what the first of them that is known carries.
    pub payload: Option<Payload>,
    /// Ports whose datagrams are read; all if there are none.
    pub ports: Vec<u16>,
    /// Whether MoldUDP64 packets to several destinations are lines of one feed, such as A and B.
    pub merge: bool,
    /// Date of the session in New York, which ITCH does not tell; by default when the first packet
    /// was captured.
    pub date: Option<Date>,
}

/// Reads market data from a capture.
#[derive(Debug)]
pub struct PcapSource {
    path: PathBuf,
    capture: Capture,
    ports: Vec<u16>,
    counts: Counts,
    feed: Feed,
    has_ended: bool,
}

/// What reads the datagrams.
#[derive(Debug)]
enum Feed {
    IexTp(Box<Segments>),
    MoldUdp64(Box<MoldFeed>),
}

impl PcapSource {
    /// Opens the file, and looks for the first datagram that is known if no option says what they
    /// carry.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be mapped, [`Error::Pcap`] if it is no capture or if none of its
    /// first 100,000 packets carries a payload that is read.
    pub fn open(path: &Path, options: &PcapOptions) -> Result<Self, Error> {
        let in_file = |source| Error::Pcap { path: path.to_owned(), source };
        let PcapOptions { payload, ports, merge, date } = options;
        let payload = match payload {
            Some(payload) => *payload,
            None => detect::payload(Capture::open(path)?, ports).map_err(in_file)?,
        };
        let feed = match payload {
            Payload::IexTp => Feed::IexTp(Box::default()),
            Payload::MoldUdp64 => {
                Feed::MoldUdp64(Box::new(MoldFeed::new(*date, *merge, !ports.is_empty())))
            }
        };
        Ok(Self {
            path: path.to_owned(),
            capture: Capture::open(path)?,
            ports: ports.clone(),
            counts: Counts::default(),
            feed,
            has_ended: false,
        })
    }
}

impl Source for PcapSource {
    fn kinds(&self) -> Kinds {
        let market = match &self.feed {
            Feed::IexTp(_) => [Quote::kinds(), DeltaW::kinds()].concat(),
            Feed::MoldUdp64(_) => Mbo::kinds(),
        };
        let both = [Trade::kinds(), Status::kinds(), Gap::kinds(), Heartbeat::kinds()].concat();
        Kinds {
            ticks: [market, both].concat(),
            definitions: InstrumentDef::kinds(),
            statistics: [Imbalance::kinds(), Stat::kinds()].concat(),
        }
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        self.capture.next_time_ns()
    }

    fn poll<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<Progress, Error> {
        let mut consumed = 0;
        while consumed < budget {
            let next = self.capture.next();
            let next = next.map_err(|source| Error::Pcap { path: self.path.clone(), source })?;
            let Some(packet) = next else {
                break;
            };
            if let Some(datagram) = self.counts.datagram(&packet, &self.ports) {
                let taken = match &mut self.feed {
                    Feed::IexTp(feed) => feed
                        .datagram(packet.time_ns, datagram.payload, sink)
                        .map_err(tickring::Error::from)?,
                    Feed::MoldUdp64(feed) => feed.datagram(&packet, &datagram, &self.path, sink)?,
                };
                self.counts.payload(taken);
            }
            consumed += 1;
        }
        if consumed > 0 || budget == 0 {
            return Ok(Progress::Advanced(consumed));
        }
        if !self.has_ended {
            self.has_ended = true;
            match &mut self.feed {
                Feed::IexTp(feed) => feed.end(sink).map_err(tickring::Error::from)?,
                Feed::MoldUdp64(feed) => feed.end(&self.path, sink)?,
            }
        }
        Ok(Progress::End)
    }

    fn report(&self) -> Report {
        let mut report = match &self.feed {
            Feed::IexTp(feed) => feed.report(),
            Feed::MoldUdp64(feed) => feed.report(),
        };
        self.counts.add_to(&mut report);
        report
    }
}

#[cfg(test)]
mod tests;
