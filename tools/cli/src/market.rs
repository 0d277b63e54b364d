//! Which market is simulated.

use crate::duration;
use std::time::Duration;
use tickring_producer::source::simulator::{Session, SimulatorOptions};

/// Options of the commands that simulate a market.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Market {
    /// The same seed gives the same records
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Instruments, 1 to 100000
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) instruments: u32,
    /// Mean number of events in a simulated second; an event is 1.3 records on average
    #[arg(long, value_name = "EVENTS", default_value_t = 10_000.0)]
    pub(crate) rate: f64,
    /// End after so much simulated time, in seconds [default: no end]
    #[arg(long, value_name = "SECONDS", value_parser = duration::seconds)]
    pub(crate) seconds: Option<Duration>,
    /// End after so many market records [default: no end]
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Make the time a whole trading day: auctions at open and close, halts, pauses, bursts
    #[arg(long, requires = "seconds")]
    pub(crate) session: bool,
}

impl Market {
    /// The options of the simulator.
    pub(crate) fn options(&self) -> SimulatorOptions {
        SimulatorOptions {
            seed: self.seed,
            instruments: self.instruments,
            events_per_second: self.rate,
            count: self.count,
            duration: self.seconds,
            session: self.seconds.filter(|_| self.session).map(Session::within),
            ..SimulatorOptions::default()
        }
    }
}
