//! From the messages of a session to records.

use std::time::SystemTime;

use jiff::civil::Date;
use tickring::WrongKind;
use tickring::record::{Gap, Record, UNDEF_TIME, flag, gap_cause, gap_state};

use super::position::Hole;
use crate::error::Error;
use crate::source::itch::normalise::{Normaliser, XNAS};
use crate::source::itch::received::Received;
use crate::source::itch::{new_york_date, new_york_midnight_ns};
use crate::source::{Report, Sink};
use crate::wire::itch50::{self, ItchError};

/// Makes records of messages, and of what is lost of them.
#[derive(Debug)]
pub(super) struct Messages {
    date: Option<Date>,
    normaliser: Normaliser,
    /// When the bytes came that are taken now, in ns since the Unix epoch.
    received_ns: u64,
    /// What is to be told before the next record.
    hole: Option<Hole>,
    /// Of all orders and trades.
    flags: u8,
}

impl Messages {
    /// `date` is that of all sessions; without, each has the date at which it is joined.
    pub(super) fn new(date: Option<Date>) -> Result<Self, Error> {
        let normaliser = Normaliser::new(midnight_ns(date)?);
        Ok(Self { date, normaliser, received_ns: now_ns(), hole: None, flags: 0 })
    }

    /// Follows a login. `is_inside` says that messages of the session came before those that will
    /// come, and were not seen.
    pub(super) fn join(&mut self, hole: Option<Hole>, is_inside: bool) -> Result<(), Error> {
        if hole.as_ref().is_some_and(|hole| hole.state == gap_state::SESSION_RESET) {
            self.normaliser.begin_session(midnight_ns(self.date)?);
            self.flags = 0;
        }
        if is_inside {
            self.flags = flag::MAYBE_BAD_BOOK;
        }
        self.hole = hole;
        Ok(())
    }

    /// Notes that bytes came just now.
    pub(super) fn received(&mut self) {
        self.received_ns = now_ns();
    }

    /// Tells what was lost, if something was.
    pub(super) fn tell<S: Sink>(&mut self, sink: &mut S) -> Result<(), WrongKind> {
        self.hole.take().map_or(Ok(()), |hole| sink.tick(&gap(&hole)))
    }

    /// Gives the records of one message. One that is not ITCH 5.0 is a hole, and so returned.
    #[inline]
    pub(super) fn message<S: Sink>(
        &mut self,
        sequence: u64,
        bytes: &[u8],
        sink: &mut S,
    ) -> Result<Result<(), ItchError>, WrongKind> {
        let message = match itch50::parse(bytes) {
            Ok(message) => message,
            Err(error) => {
                let (state, cause) = (gap_state::UNRECOVERABLE, gap_cause::MALFORMED);
                let missing = sequence..sequence.saturating_add(1);
                self.flags = flag::MAYBE_BAD_BOOK;
                return sink.tick(&gap(&Hole { state, cause, missing })).map(|()| Err(error));
            }
        };
        let mut sink = Received::new(sink, self.received_ns, self.flags);
        // The normaliser counts from 0, sequences from 1.
        self.normaliser.message(sequence.saturating_sub(1), &message, &mut sink).map(Ok)
    }

    pub(super) fn report(&self) -> Report {
        self.normaliser.report()
    }
}

fn gap(hole: &Hole) -> Gap {
    Gap {
        ts_detect: now_ns(),
        first_missing: hole.missing.start,
        end_missing: hole.missing.end,
        state: hole.state,
        cause: hole.cause,
        ..Gap::empty(XNAS, 0, UNDEF_TIME)
    }
}

fn midnight_ns(date: Option<Date>) -> Result<u64, Error> {
    new_york_midnight_ns(date.unwrap_or_else(new_york_date))
}

fn now_ns() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
