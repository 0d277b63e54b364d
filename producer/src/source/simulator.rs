//! A simulated market: the same seed gives the same bytes.
//!
//! It opens with a definition of every instrument and a small book for each, and then makes events
//! one by one: the `arrivals` say when and how events hang together, the instrument is
//! drawn by Zipf's law or taken from the event's cause, and the instrument's `market`
//! makes one add, cancel, modify or trade of it. All times are simulated; how fast they pass for
//! the reader is the business of [`pace`](crate::pace).

mod arrivals;
mod market;
mod queues;
mod random;

use std::time::Duration;

use tickring::record::{Heartbeat, InstrumentDef, Mbo, Record};

use crate::error::Error;
use crate::source::{Count, Kinds, Progress, Report, Sink, Source};
use arrivals::{Arrivals, Cause};
use market::{EventTime, Habits, Market};
use random::{Choice, Random};

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
    /// Number of market records after which the input ends; no end without.
    pub count: Option<u64>,
    /// Simulated time after which the input ends; no end without.
    pub duration: Option<Duration>,
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
    recent: [u32; RECENT_EVENTS],
    events: u64,
    now_ns: u64,
    /// The part of the time below a nanosecond.
    fraction_ns: f64,
    next_market: u32,
    last_recv_ns: u64,
    end_ns: u64,
    next_order_id: u64,
    most_records: u64,
    records: u64,
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
    /// [`Error::Option`] if the number of instruments or the rate is out of range.
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
        let length = options.duration.map(|length| u64::try_from(length.as_nanos()));
        let length = length.and_then(Result::ok).unwrap_or(u64::MAX);
        Ok(Self {
            random,
            arrivals: Arrivals::new(options.events_per_second),
            zipf: Choice::power_law(options.instruments, ZIPF),
            habits: Habits::new(),
            markets,
            opening: Some(Opening::Definition { market: 0 }),
            recent: [0; RECENT_EVENTS],
            events: 0,
            now_ns: options.start_ns,
            fraction_ns: 0.0,
            next_market: 0,
            last_recv_ns: 0,
            end_ns: options.start_ns.saturating_add(length),
            next_order_id: 1,
            most_records: options.count.unwrap_or(u64::MAX),
            records: 0,
        })
    }

    /// Makes one step of the opening.
    fn open<S: Sink>(&mut self, opening: Opening, sink: &mut S) -> Result<(), tickring::Error> {
        let time = self.event_time();
        self.opening = match opening {
            Opening::Definition { market: index } => match self.markets.get(index) {
                Some(market) => {
                    sink.definition(&market.definition(time))?;
                    Some(Opening::Definition { market: index + 1 })
                }
                None => Some(Opening::Book { market: 0, place: 0 }),
            },
            Opening::Book { market: index, place } => match self.markets.get_mut(index) {
                Some(market) => match market.open(place) {
                    Some(order) => {
                        let id = self.next_order_id;
                        market.enter(time, id, order, &mut self.random, sink)?;
                        self.next_order_id += 1;
                        self.records += 1;
                        Some(Opening::Book { market: index, place: place + 1 })
                    }
                    None => Some(Opening::Book { market: index + 1, place: 0 }),
                },
                None => {
                    self.advance();
                    None
                }
            },
        };
        Ok(())
    }

    /// Makes the event that is due.
    fn event<S: Sink>(&mut self, sink: &mut S) -> Result<(), tickring::Error> {
        let time = self.event_time();
        let most = self.most_records - self.records;
        if let Some(market) = self.markets.get_mut(self.next_market as usize) {
            let (ids, random) = (&mut self.next_order_id, &mut self.random);
            self.records += market.event(time, ids, most, &self.habits, random, sink)?;
        }
        self.advance();
        Ok(())
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

    /// Returns what the records of the event that is due share.
    fn event_time(&mut self) -> EventTime {
        let sent = MATCH_TO_SEND_NS + self.random.below(JITTER_NS);
        let travelled = SEND_TO_RECEIVE_NS + self.random.below(JITTER_NS);
        // Datagrams do not overtake each other.
        let arrived = self.now_ns.saturating_add(u64::from(sent + travelled));
        let ts_recv = arrived.max(self.last_recv_ns);
        self.last_recv_ns = ts_recv;
        EventTime {
            ts_event: self.now_ns,
            ts_recv,
            ts_in_delta: travelled.cast_signed(),
            sequence: low_word(self.events),
        }
    }

    fn is_over(&self) -> bool {
        self.records >= self.most_records || self.now_ns >= self.end_ns
    }
}

impl Source for Simulator {
    fn kinds(&self) -> Kinds {
        Kinds {
            ticks: [Mbo::kinds(), Heartbeat::kinds()].concat(),
            definitions: InstrumentDef::kinds(),
            ..Kinds::default()
        }
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        (!self.is_over()).then_some(self.now_ns)
    }

    fn poll<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<Progress, Error> {
        for made in 0..budget {
            if self.is_over() {
                return Ok(if made == 0 { Progress::End } else { Progress::Advanced(made) });
            }
            match self.opening {
                None => self.event(sink)?,
                Some(opening) => self.open(opening, sink)?,
            }
        }
        Ok(Progress::Advanced(budget))
    }

    fn report(&self) -> Report {
        let inputs = [Count::new("event", self.events), Count::new("record", self.records)];
        Report { inputs: inputs.to_vec(), anomalies: Vec::new() }
    }
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
