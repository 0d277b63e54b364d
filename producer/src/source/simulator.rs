//! A simulated market: the same seed gives the same bytes.
//!
//! It opens with a definition of every instrument and a small book for each, and then makes events
//! one by one: the `arrivals` say when and how events hang together, the instrument is
//! drawn by Zipf's law or taken from the event's cause, and the instrument's `market`
//! makes one add, cancel, modify or trade of it. All times are simulated; how fast they pass for
//! the reader is the business of [`pace`](crate::pace).
//!
//! With a [`Session`] the day has a script: auctions at its open and close, halts, pauses, bursts.
//! Its status records (instrument 0 is the whole market) go to the ring `ticks`, the states of
//! coming auctions to `statistics`. A book may be crossed from a status QUOTING of its instrument
//! to the next TRADING, or to the close, and at no other time.

mod arrivals;
mod market;
mod queues;
mod script;

use std::time::Duration;

use tickring::record::{Heartbeat, Imbalance, InstrumentDef, Mbo, Record, Status};

pub use script::Session;

use crate::error::Error;
use crate::random::{Choice, Random};
use crate::source::{Count, Kinds, Progress, Report, Sink, Source};
use arrivals::{Arrivals, Cause};
use market::{EventTime, Habits, Market};
use script::{Action, MarketAction, Script};

/// The publisher of simulated records: none of DBN's venues.
const PUBLISHER: u16 = 0;
/// Exponent of Zipf's law for the instruments.
const ZIPF: f64 = 1.0;
/// Events whose instruments an event of the slow kernel may come back to.
const RECENT_EVENTS: usize = 64;
/// Time from the match to the venue's sender, in ns.
const MATCH_TO_SEND_NS: u32 = 8_000;
/// Shortest time from the venue's sender to the receiver, and what may come on top of it, in ns.
const SEND_TO_RECEIVE_NS: u32 = 12_000;
const JITTER_NS: u32 = 6_000;
/// A burst excites as the events of so many seconds at the mean rate, all at once.
const BURST_SECONDS: f64 = 0.1;

/// Options of [`Simulator`].
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatorOptions {
    /// Seed: the same options give the same records.
    pub seed: u64,
    /// Number of instruments, 1 to 100,000.
    pub instruments: u32,
    /// Mean number of events per simulated second, over all instruments. An event is 1.3 records
    /// on average.
    pub events_per_second: f64,
    /// When the market opens, in ns since the Unix epoch, UTC.
    pub start_ns: u64,
    /// Number of records of the ring `ticks` after which the input ends; no end without. With a
    /// session the event that reaches it is whole, and so may go beyond it.
    pub count: Option<u64>,
    /// Simulated time after which the input ends; no end without.
    pub duration: Option<Duration>,
    /// The script of the day, at whose close the input ends; without it there is trading and
    /// nothing else.
    pub session: Option<Session>,
}

impl Default for SimulatorOptions {
    /// One instrument, 10,000 events a second, from 2026-01-05 14:30 UTC (a Monday's open in New
    /// York), without end.
    fn default() -> Self {
        Self {
            seed: 1,
            instruments: 1,
            events_per_second: 10_000.0,
            start_ns: 1_767_623_400_000_000_000,
            count: None,
            duration: None,
            session: None,
        }
    }
}

/// Simulates a market.
#[derive(Debug)]
pub struct Simulator {
    random: Random,
    arrivals: Arrivals,
    zipf: Choice,
    habits: Habits,
    markets: Vec<Market>,
    opening: Option<Opening>,
    script: Script,
    has_session: bool,
    recent: [u32; RECENT_EVENTS],
    events: u64,
    /// Messages of the venue that gave ticks: opening orders, steps of the script, events.
    messages: u64,
    now_ns: u64,
    /// The part of the time below a nanosecond.
    fraction_ns: f64,
    next_market: u32,
    last_recv_ns: u64,
    end_ns: u64,
    next_order_id: u64,
    most_records: u64,
    records: u64,
    burst_events: f64,
}

/// How far the opening is.
#[derive(Clone, Copy, Debug)]
enum Opening {
    Definition { market: usize },
    Book { market: usize, place: i64 },
}

impl Simulator {
    /// Creates a market that has not opened.
    ///
    /// # Errors
    /// [`Error::Option`] if the number of instruments or the rate is out of range, or the session's
    /// halts do not fit it.
    pub fn new(options: &SimulatorOptions) -> Result<Self, Error> {
        if !(1..=100_000).contains(&options.instruments) {
            let found = options.instruments.to_string();
            return Err(Error::Option { name: "instruments", expected: "1 to 100000", found });
        }
        if !(1e-3..=1e9).contains(&options.events_per_second) {
            let found = options.events_per_second.to_string();
            let expected = "0.001 to 1000000000 events per second";
            return Err(Error::Option { name: "events_per_second", expected, found });
        }
        let mut random = Random::new(options.seed);
        let markets = (1..=options.instruments).map(|id| Market::new(id, &mut random)).collect();
        let zipf = Choice::power_law(options.instruments, ZIPF);
        let length = options.duration.map(|length| u64::try_from(length.as_nanos()));
        let length = length.and_then(Result::ok).unwrap_or(u64::MAX);
        let (start_ns, end_ns) = (options.start_ns, options.start_ns.saturating_add(length));
        let (script, close_ns) = match &options.session {
            Some(session) => {
                Script::new(session, start_ns, options.instruments, &zipf, &mut random)?
            }
            None => (Script::empty(), u64::MAX),
        };
        Ok(Self {
            random,
            arrivals: Arrivals::new(options.events_per_second),
            zipf,
            habits: Habits::new(),
            markets,
            opening: Some(Opening::Definition { market: 0 }),
            script,
            has_session: options.session.is_some(),
            recent: [0; RECENT_EVENTS],
            events: 0,
            messages: 0,
            now_ns: start_ns,
            fraction_ns: 0.0,
            next_market: 0,
            last_recv_ns: 0,
            end_ns: end_ns.min(close_ns),
            next_order_id: 1,
            most_records: options.count.unwrap_or(u64::MAX),
            records: 0,
            burst_events: options.events_per_second * BURST_SECONDS,
        })
    }

    /// Defines an instrument, or ends the definitions.
    fn define<S: Sink>(&mut self, index: usize, sink: &mut S) -> Result<(), tickring::Error> {
        let time = self.event_time(self.now_ns);
        self.opening = match self.markets.get(index) {
            Some(market) => {
                sink.definition(&market.definition(time))?;
                Some(Opening::Definition { market: index + 1 })
            }
            None => Some(Opening::Book { market: 0, place: 0 }),
        };
        Ok(())
    }

    /// Enters an order of an opening book, or goes on to the next book.
    fn open<S: Sink>(
        &mut self,
        index: usize,
        place: i64,
        sink: &mut S,
    ) -> Result<(), tickring::Error> {
        let time = self.event_time(self.now_ns);
        let Some(market) = self.markets.get_mut(index) else {
            self.opening = None;
            self.advance();
            return Ok(());
        };
        let Some(order) = market.open(place) else {
            self.opening = Some(Opening::Book { market: index + 1, place: 0 });
            return Ok(());
        };
        market.enter(time, self.next_order_id, order, &mut self.random, sink)?;
        self.next_order_id += 1;
        self.told(1);
        self.opening = Some(Opening::Book { market: index, place: place + 1 });
        Ok(())
    }

    /// Does the step of the script that is due.
    fn play<S: Sink>(&mut self, sink: &mut S) -> Result<(), tickring::Error> {
        let Some((time_ns, action)) = self.script.take() else { return Ok(()) };
        let time = self.event_time(time_ns);
        let records = match action {
            Action::Burst => {
                self.arrivals.excite(self.burst_events);
                0
            }
            Action::Announce(action) => {
                sink.tick(&market::status(time, 0, action, 0))?;
                1
            }
            Action::Market(index, action) => match self.markets.get_mut(index as usize) {
                Some(market) => act(market, action, time, sink)?,
                None => 0,
            },
        };
        self.told(records);
        Ok(())
    }

    /// Makes the event that is due.
    fn event<S: Sink>(&mut self, sink: &mut S) -> Result<(), tickring::Error> {
        let time = self.event_time(self.now_ns);
        let most = self.most_records - self.records;
        if let Some(market) = self.markets.get_mut(self.next_market as usize) {
            let (ids, random) = (&mut self.next_order_id, &mut self.random);
            let records = market.event(time, ids, most, &self.habits, random, sink)?;
            self.told(records);
        }
        self.advance();
        Ok(())
    }

    /// Counts the ticks of one message.
    fn told(&mut self, records: u64) {
        self.records += records;
        self.messages += u64::from(records > 0);
    }

    /// Draws when and where the next event is.
    fn advance(&mut self) {
        let (seconds, cause) = self.arrivals.next(&mut self.random);
        let elapsed_ns = seconds * 1e9 + self.fraction_ns;
        self.fraction_ns = elapsed_ns.fract();
        self.now_ns = self.now_ns.saturating_add(whole(elapsed_ns));
        let recent = self.recent.len();
        let back = match cause {
            Cause::Background => None,
            Cause::Fast => Some(1),
            Cause::Slow => Some(1 + self.random.index(recent)),
        };
        let newest = usize::try_from(self.events % RECENT_EVENTS as u64).unwrap_or_default();
        let caused = back.and_then(|back| self.recent.get((newest + recent - back) % recent));
        self.next_market = match caused {
            Some(&market) => market,
            None => self.zipf.draw(&mut self.random),
        };
        if let Some(place) = self.recent.get_mut(newest) {
            *place = self.next_market;
        }
        self.events += 1;
    }

    /// Returns what the records of a message at `now_ns` share.
    fn event_time(&mut self, now_ns: u64) -> EventTime {
        let sent = MATCH_TO_SEND_NS + self.random.below(JITTER_NS);
        let travelled = SEND_TO_RECEIVE_NS + self.random.below(JITTER_NS);
        // Datagrams do not overtake each other.
        let arrived = now_ns.saturating_add(u64::from(sent + travelled));
        let ts_recv = arrived.max(self.last_recv_ns);
        self.last_recv_ns = ts_recv;
        EventTime {
            ts_event: now_ns,
            ts_recv,
            ts_in_delta: travelled.cast_signed(),
            sequence: low_word(self.messages + 1),
        }
    }

    fn is_over(&self) -> bool {
        self.records >= self.most_records
            || self.now_ns >= self.end_ns && !self.script.is_due(self.end_ns)
    }
}

impl Source for Simulator {
    fn kinds(&self) -> Kinds {
        let mut kinds = Kinds {
            ticks: [Mbo::kinds(), Heartbeat::kinds()].concat(),
            definitions: InstrumentDef::kinds(),
            ..Kinds::default()
        };
        if self.has_session {
            kinds.ticks.extend(Status::kinds());
            kinds.statistics = Imbalance::kinds();
        }
        kinds
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        let script_ns = self.script.next_time_ns().unwrap_or(u64::MAX);
        (!self.is_over()).then_some(self.now_ns.min(script_ns))
    }

    fn poll<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<Progress, Error> {
        for made in 0..budget {
            if self.is_over() {
                return Ok(if made == 0 { Progress::End } else { Progress::Advanced(made) });
            }
            match self.opening {
                Some(Opening::Definition { market }) => self.define(market, sink)?,
                _ if self.script.is_due(self.now_ns) => self.play(sink)?,
                Some(Opening::Book { market, place }) => self.open(market, place, sink)?,
                None => self.event(sink)?,
            }
        }
        Ok(Progress::Advanced(budget))
    }

    fn report(&self) -> Report {
        let inputs = [Count::new("event", self.events), Count::new("record", self.records)];
        Report { inputs: inputs.to_vec(), anomalies: Vec::new() }
    }
}

/// Does to a market what the script says and returns how many ticks that gave.
fn act<S: Sink>(
    market: &mut Market,
    action: MarketAction,
    time: EventTime,
    sink: &mut S,
) -> Result<u64, tickring::Error> {
    let status = match action {
        MarketAction::Gather(cross, reason) => market.gather(time, cross, reason),
        MarketAction::Resume(reason) => market.resume(time, reason),
        MarketAction::Halt(action, reason) => market.halt(time, action, reason),
        MarketAction::Uncross => return Ok(market.uncross(time, sink)?),
        MarketAction::Indicate => {
            if let Some(imbalance) = market.imbalance(time) {
                sink.statistic(&imbalance)?;
            }
            return Ok(0);
        }
        MarketAction::Close => {
            market.close();
            return Ok(0);
        }
    };
    sink.tick(&status)?;
    Ok(1)
}

/// Returns the whole nanoseconds of a time that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates, and the fraction is kept by the caller"
)]
fn whole(ns: f64) -> u64 {
    ns as u64
}

/// Returns the low 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "the high bits are dropped on purpose")]
const fn low_word(number: u64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests;
