//! From what the arbiter gives to records.

use jiff::civil::Date;
use tickring::record::{Gap, Record, UNDEF_TIME, flag, gap_cause, gap_state};

use super::UdpOptions;
use crate::arbiter::{Delivery, Loss, Origin, Run};
use crate::error::Error;
use crate::source::itch::normalise::{Normaliser, XNAS};
use crate::source::itch::received::Received;
use crate::source::itch::{new_york_date, new_york_midnight_ns};
use crate::source::{Count, Report, Sink};
use crate::wire::itch50;

/// Makes records of messages, and of what is lost of them.
#[derive(Debug)]
pub(super) struct Records {
    date: Option<Date>,
    channel: u16,
    normaliser: Normaliser,
    /// Of all orders and trades.
    flags: u8,
    /// Whether anything was given, so that a book could be complete.
    has_begun: bool,
    /// Whether the kernel has dropped datagrams since the last loss.
    has_overflowed: bool,
    /// Messages that are not ITCH 5.0.
    undecodable: u64,
}

impl Records {
    pub(super) fn new(options: &UdpOptions) -> Result<Self, Error> {
        Ok(Self {
            date: options.date,
            channel: options.channel,
            normaliser: Normaliser::new(midnight_ns(options.date)?),
            flags: 0,
            has_begun: false,
            has_overflowed: false,
            undecodable: 0,
        })
    }

    /// Notes that the kernel dropped datagrams.
    pub(super) fn overflowed(&mut self) {
        self.has_overflowed = true;
    }

    /// Gives the records of one delivery. `now_ns` is the arbiter's clock and `unix_ns` the same
    /// moment since the Unix epoch.
    #[inline]
    pub(super) fn take<S: Sink>(
        &mut self,
        delivery: Delivery<'_>,
        now_ns: u64,
        unix_ns: u64,
        sink: &mut S,
    ) -> Result<(), Error> {
        match delivery {
            Delivery::Run(run) => self.run(&run, sink),
            Delivery::Loss(loss) => {
                let age_ns = now_ns.saturating_sub(loss.declared_ns);
                self.loss(&loss, unix_ns.saturating_sub(age_ns), sink)
            }
            Delivery::Session { end, .. } => {
                self.normaliser.begin_session(midnight_ns(self.date)?);
                (self.flags, self.has_begun) = (0, true);
                let gap = self.gap(unix_ns, end, end, gap_state::SESSION_RESET);
                Ok(sink.tick(&gap).map_err(tickring::Error::from)?)
            }
        }
    }

    /// Returns the messages by type and the anomalies.
    pub(super) fn report(&self) -> Report {
        let mut report = self.normaliser.report();
        if self.undecodable > 0 {
            report.anomalies.push(Count::new("messages not ITCH 5.0", self.undecodable));
        }
        report
    }

    fn run<S: Sink>(&mut self, run: &Run<'_>, sink: &mut S) -> Result<(), Error> {
        if !self.has_begun {
            self.has_begun = true;
            if run.first > 1 {
                self.flags = flag::MAYBE_BAD_BOOK;
            }
        }
        run.messages().for_each(|(_, bytes)| self.normaliser.foresee(bytes));
        for (number, bytes) in run.messages() {
            let given = match itch50::parse(bytes) {
                Ok(message) => {
                    let mut sink = Received::new(&mut *sink, run.ts_recv_ns, self.flags);
                    // The normaliser counts from 0, messages of a session from 1.
                    self.normaliser.message(number.saturating_sub(1), &message, &mut sink)
                }
                Err(_) => {
                    self.undecodable += 1;
                    self.flags = flag::MAYBE_BAD_BOOK;
                    let end = number.saturating_add(1);
                    let gap = self.gap(run.ts_recv_ns, number, end, gap_state::UNRECOVERABLE);
                    let line = line_of(run.origin);
                    sink.tick(&Gap { cause: gap_cause::MALFORMED, line, ..gap })
                }
            };
            given.map_err(tickring::Error::from)?;
        }
        Ok(())
    }

    fn loss<S: Sink>(&mut self, loss: &Loss, ts_detect: u64, sink: &mut S) -> Result<(), Error> {
        let state = if loss.is_filled() {
            gap_state::FILLED
        } else {
            self.has_begun = true;
            self.flags = flag::MAYBE_BAD_BOOK;
            gap_state::UNRECOVERABLE
        };
        let cause = match std::mem::take(&mut self.has_overflowed) {
            true => gap_cause::SOCKET_OVERFLOW,
            false => gap_cause::SEQUENCE,
        };
        let gap = Gap {
            recovered: loss.recovered,
            line: line_of(loss.origin),
            attempts: loss.attempts,
            cause,
            ..self.gap(ts_detect, loss.first, loss.end, state)
        };
        Ok(sink.tick(&gap).map_err(tickring::Error::from)?)
    }

    fn gap(&self, ts_detect: u64, first_missing: u64, end_missing: u64, state: u8) -> Gap {
        Gap {
            ts_detect,
            first_missing,
            end_missing,
            channel_id: self.channel,
            state,
            cause: gap_cause::SEQUENCE,
            ..Gap::empty(XNAS, 0, UNDEF_TIME)
        }
    }
}

/// Returns the number of a line; 255 for a request server.
fn line_of(origin: Origin) -> u8 {
    match origin {
        Origin::Line(line) => line,
        Origin::Recovery => u8::MAX,
    }
}

fn midnight_ns(date: Option<Date>) -> Result<u64, Error> {
    new_york_midnight_ns(date.unwrap_or_else(new_york_date))
}
