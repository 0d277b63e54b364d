//! Options of the rings that a feed derives from its books.

use crate::duration;
use crate::failure::Failure;
use std::path::PathBuf;
use std::time::Duration;
use tickring_producer::calendar::Venues;
use tickring_producer::pipeline::{
    DEFAULT_DEPTH_CAPACITY, DEFAULT_STALE_AFTER, QuoteOptions, StatsOptions,
};

/// What follows from the books of the instruments.
#[derive(Debug, clap::Args)]
pub(super) struct Books {
    /// Publish the best bid and offer after each event that changed them. Flagged MAYBE_BAD_BOOK
    /// where records were lost, and while a book is crossed outside of auctions and halts; quotes
    /// of fractional quantities, which have no flags, have no prices then
    #[arg(long)]
    quotes: bool,
    /// Slots of the ring of quotes, a power of two
    #[arg(long, value_name = "SLOTS", requires = "quotes")]
    #[arg(default_value_t = tickring::DEFAULT_CAPACITY)]
    quote_capacity: u64,
    /// Publish behind each quote its middle, microprice, spread, the phase of the session, the
    /// previous close, and prices off the tick
    #[arg(long, requires = "quotes")]
    quote_stats: bool,
    /// Hours, holidays and ticks of venues, besides those of XNAS, XNYS and GLBX that are built in:
    /// a TOML file such as
    ///
    /// [XNAS]
    /// holidays = [2025-01-09]
    /// half_days = [2025-07-03]
    ///
    /// [XETR]
    /// zone = "Europe/Berlin"
    /// sessions = [{ phase = "regular", from = "09:00", to = "17:30" }]
    /// ticks = [{ from = "0", tick = "0.005" }]
    /// lot = 1
    ///
    /// A phase is pre-open, pre-market, regular or post-market. A time may be of the day before
    /// the trading date ("previous 17:00"), a session of one weekday only (on = "mon"). Sessions
    /// of half days are half_sessions; holiday_rules is none or us-equities.
    #[arg(long, value_name = "FILE", requires = "quote_stats", verbatim_doc_comment)]
    calendar: Option<PathBuf>,
    /// Venue of all instruments, by its market identifier code [default: that of the publisher]
    #[arg(long, value_name = "MIC", requires = "quote_stats")]
    venue: Option<String>,
    /// Publish the ten best levels of each side after each event that changed them, from orders or
    /// from levels; flagged as the quotes are
    #[arg(long)]
    depth: bool,
    /// Slots of the ring of levels, a power of two
    #[arg(long, value_name = "SLOTS", requires = "depth")]
    #[arg(default_value_t = DEFAULT_DEPTH_CAPACITY)]
    depth_capacity: u64,
    /// Silence of a live source after which its books are flagged as stale [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    stale_after: Option<Duration>,
}

impl Books {
    /// The wishes on the ring of quotes; reads the calendar.
    pub(super) fn quotes(&self) -> Result<Option<QuoteOptions>, Failure> {
        if !self.quotes {
            return Ok(None);
        }
        let stats = self.quote_stats.then(|| {
            let venues = match &self.calendar {
                Some(path) => Venues::read(path),
                None => Venues::builtin(),
            };
            venues.map(|venues| StatsOptions { venues, venue: self.venue.clone() })
        });
        Ok(Some(QuoteOptions { capacity: self.quote_capacity, stats: stats.transpose()? }))
    }

    /// The slots of the ring of levels, if there is to be one.
    pub(super) fn depth(&self) -> Option<u64> {
        self.depth.then_some(self.depth_capacity)
    }

    pub(super) fn stale_after(&self) -> Duration {
        self.stale_after.unwrap_or(DEFAULT_STALE_AFTER)
    }
}
