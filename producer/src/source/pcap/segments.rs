//! IEX-TP segments: their streams, and the messages in them.

use tickring::WrongKind;
use tickring::record::UNDEF_TIME;

use super::count::{Taken, add};
use super::stream::{Hole, Numbering, Stream, StreamCounts};
use crate::source::iex::{Normaliser, PUBLISHER, Receipt};
use crate::source::{Report, Sink};
use crate::wire::iextp::{DEEP_10, Header, Segment, TOPS_15, TOPS_16, VERSION};

/// Streams that are kept apart.
const MOST_STREAMS: usize = 64;

/// The streams of IEX's feeds, each a channel of a protocol.
#[derive(Debug, Default)]
pub(super) struct Segments {
    streams: Vec<Channel>,
    normaliser: Normaliser,
    counts: StreamCounts,
    /// Bytes behind the messages of segments.
    surplus: u64,
    /// When the last segment was captured.
    time_ns: u64,
}

#[derive(Debug)]
struct Channel {
    protocol: u16,
    channel: u32,
    stream: Stream<u32>,
}

impl Segments {
    /// Gives the messages of a datagram that are new.
    pub(super) fn datagram<S: Sink>(
        &mut self,
        time_ns: Option<u64>,
        bytes: &[u8],
        sink: &mut S,
    ) -> Result<Taken, WrongKind> {
        let segment = match Segment::parse(bytes) {
            Ok(segment) if is_known(segment.header()) => segment,
            Err(_) if starts_as_known(bytes) => return Ok(Taken::Damaged),
            _ => return Ok(Taken::Foreign),
        };
        let ts_recv = time_ns.unwrap_or(UNDEF_TIME);
        let header = segment.header();
        let numbering = Numbering {
            session: header.session.get(),
            first: segment.first_sequence(),
            count: segment.count(),
        };
        let Some(index) = self.index(header, numbering) else {
            return Ok(Taken::Crowded);
        };
        let Some(channel) = self.streams.get_mut(usize::from(index)) else {
            return Ok(Taken::Crowded);
        };
        let place = channel.stream.place(numbering, &mut self.counts);
        for hole in place.gaps.into_iter().flatten() {
            sink.tick(&hole.record(PUBLISHER, ts_recv, index.into(), 0))?;
        }
        self.surplus += u64::from(segment.surplus() > 0);
        self.time_ns = ts_recv;
        let receipt = Receipt {
            ts_recv,
            ts_in_delta: delta(ts_recv, header.send_time.get()),
            channel_id: index,
            is_doubtful: channel.stream.is_doubtful(),
        };
        let skip = usize::from(place.skip);
        for (sequence, message) in (numbering.first..).zip(segment.messages()).skip(skip) {
            self.normaliser.message(sequence, receipt, message, sink)?;
        }
        Ok(Taken::Whole)
    }

    /// Tells what is missing at the end of the streams.
    pub(super) fn end<S: Sink>(&mut self, sink: &mut S) -> Result<(), WrongKind> {
        for (index, channel) in (0..).zip(&mut self.streams) {
            if let Some(hole) = channel.stream.end(&mut self.counts) {
                sink.tick(&Hole::record(hole, PUBLISHER, self.time_ns, index, 0))?;
            }
        }
        Ok(())
    }

    /// Returns the messages by type and the anomalies.
    pub(super) fn report(&self) -> Report {
        let mut report = self.normaliser.report();
        self.counts.add_to(&mut report);
        add(&mut report.anomalies, &[("bytes behind the messages", self.surplus)]);
        report
    }

    /// Returns the number of a segment's stream; `None` if there are too many.
    fn index(&mut self, header: &Header, numbering: Numbering<u32>) -> Option<u8> {
        let (protocol, channel) = (header.protocol.get(), header.channel.get());
        let is_own = |known: &Channel| known.protocol == protocol && known.channel == channel;
        let index = self.streams.iter().position(is_own).unwrap_or(self.streams.len());
        if index == MOST_STREAMS {
            return None;
        }
        if index == self.streams.len() {
            let stream = Stream::new(numbering, &mut self.counts);
            self.streams.push(Channel { protocol, channel, stream });
        }
        u8::try_from(index).ok()
    }
}

/// Returns whether the messages of a segment are read here.
fn is_known(header: &Header) -> bool {
    header.version == VERSION && matches!(header.protocol.get(), TOPS_15 | TOPS_16 | DEEP_10)
}

/// Returns whether bytes that are no segment start as one that is read here.
fn starts_as_known(bytes: &[u8]) -> bool {
    let known = [TOPS_15, TOPS_16, DEEP_10].map(u16::to_le_bytes);
    matches!(bytes, [VERSION, _, low, high, ..] if known.contains(&[*low, *high]))
}

/// Returns how long before its receipt something was sent, in ns, as far as 32 bits reach.
fn delta(ts_recv: u64, sent: i64) -> i32 {
    if ts_recv == UNDEF_TIME {
        return 0;
    }
    let delta = i128::from(ts_recv) - i128::from(sent);
    let delta = delta.clamp(i32::MIN.into(), i32::MAX.into());
    i32::try_from(delta).unwrap_or_default()
}
