//! Messages as they came: the lossless mode.
//!
//! Each message of the file is a [`Raw`] record, or several of the same sequence where it is longer
//! than one holds; nothing is left out, be it ITCH 5.0 or not. The two zero bytes that end a
//! session are a record without bytes. [`RawWriter`] makes the file of them again.
//!
//! [`RawWriter`]: crate::sink::raw::RawWriter

use tickring::WrongKind;
use tickring::record::{Raw, Record, UNDEF_TIME, raw_proto};

use super::normalise::XNAS;
use crate::source::{Count, Report, Sink};
use crate::wire::itch50;

/// Gives messages without looking into them, but for the header.
#[derive(Debug)]
pub(super) struct Messages {
    midnight_ns: u64,
    by_type: [u64; 256],
    ends: u64,
    not_itch: u64,
}

impl Messages {
    /// `midnight_ns` is the session's midnight in New York, in ns since the Unix epoch.
    pub(super) fn new(midnight_ns: u64) -> Self {
        Self { midnight_ns, by_type: [0; 256], ends: 0, not_itch: 0 }
    }

    /// Returns the time of a message, in ns since the Unix epoch, UTC.
    pub(super) fn time_ns(&self, header: &itch50::Header) -> u64 {
        self.midnight_ns + header.timestamp_ns()
    }

    /// Gives one message. `number` counts messages from 0.
    pub(super) fn message<S: Sink>(
        &mut self,
        number: u64,
        bytes: &[u8],
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let code = bytes.first().copied().unwrap_or_default();
        if let Some(count) = self.by_type.get_mut(usize::from(code)) {
            *count += 1;
        }
        let mut record = match itch50::parse(bytes) {
            Ok(message) => {
                let header = message.header();
                Raw::empty(XNAS, header.stock_locate.get().into(), self.time_ns(header))
            }
            Err(_) => {
                self.not_itch += 1;
                Raw::empty(XNAS, 0, UNDEF_TIME)
            }
        };
        (record.sequence, record.proto) = (number + 1, raw_proto::ITCH_50);
        for part in bytes.chunks(Raw::WIRE_BYTES) {
            record.set_bytes(part);
            sink.tick(&record)?;
        }
        Ok(())
    }

    /// Gives the mark at the end of a session of `number` messages.
    pub(super) fn end<S: Sink>(&mut self, number: u64, sink: &mut S) -> Result<(), WrongKind> {
        self.ends += 1;
        let (sequence, proto) = (number + 1, raw_proto::ITCH_50);
        sink.tick(&Raw { sequence, proto, ..Raw::empty(XNAS, 0, UNDEF_TIME) })
    }

    pub(super) fn report(&self) -> Report {
        let by_type = (0..=u8::MAX).zip(self.by_type).filter(|&(_, count)| count > 0);
        let by_type = by_type
            .map(|(code, count)| Count::new(char::from(code).escape_default().to_string(), count));
        let ends = (self.ends > 0).then(|| Count::new("end of session", self.ends));
        let not_itch = (self.not_itch > 0).then(|| Count::new("not ITCH 5.0", self.not_itch));
        Report { inputs: by_type.chain(ends).collect(), anomalies: not_itch.into_iter().collect() }
    }
}
