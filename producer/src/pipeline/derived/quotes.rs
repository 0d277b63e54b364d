//! The ring of quotes: the best bid and offer after each event that changed it, and what follows
//! from each.

use tickring::record::{Level, Quote, QuoteStats, Record, RecordHeader, UNDEF_PRICE};
use tickring::record::{action, flag, side};
use tickring::schema::Kind;
use tickring::{Writer, WrongKind};

use super::stats::{Stats, StatsOptions};
use crate::market::{self, Cause, Update};

/// Options of the ring of quotes.
#[derive(Clone, Debug)]
pub struct QuoteOptions {
    /// Slots of the ring, a power of two.
    pub capacity: u64,
    /// Statistics to publish behind each quote; none without.
    pub stats: Option<StatsOptions>,
}

impl Default for QuoteOptions {
    /// The capacity that rings have unless said otherwise, no statistics.
    fn default() -> Self {
        Self { capacity: tickring::DEFAULT_CAPACITY, stats: None }
    }
}

/// Flags of the last record of an event that are those of its quote too.
pub(super) const KEPT: u8 = flag::LAST | flag::SNAPSHOT | flag::BAD_TS_RECV;

/// What an event is about of which nothing is known.
pub(super) const NO_CAUSE: Cause =
    Cause { action: action::NONE, side: side::NONE, price: UNDEF_PRICE, size: 0 };

/// Publishes quotes.
#[derive(Debug)]
pub(super) struct Quotes {
    pub(super) writer: Writer,
    pub(super) stats: Option<Stats>,
    /// What was last published of each market, by its place.
    last: Vec<Option<Told>>,
    pub(super) published: u64,
}

/// Prices, sizes and label of a quote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Told {
    bid_px: i64,
    ask_px: i64,
    bid_sz: u32,
    ask_sz: u32,
    is_bad: bool,
}

impl Told {
    const NOTHING: Self =
        Self { bid_px: UNDEF_PRICE, ask_px: UNDEF_PRICE, bid_sz: 0, ask_sz: 0, is_bad: false };
}

impl Quotes {
    pub(super) fn new(writer: Writer, stats: Option<Stats>) -> Self {
        Self { writer, stats, last: Vec::new(), published: 0 }
    }

    /// The kinds of the ring.
    pub(super) fn kinds(options: &QuoteOptions) -> Vec<Kind> {
        let stats = options.stats.as_ref().map(|_| QuoteStats::kinds());
        [Quote::kinds(), stats.unwrap_or_default()].concat()
    }

    /// Publishes the quote after an event if it is another than before, or has another label.
    #[inline]
    pub(super) fn observe(&mut self, update: &Update<'_>, is_bad: bool) -> Result<(), WrongKind> {
        let top = update.market.top();
        let Level { bid_px, ask_px, bid_sz, ask_sz, .. } = market::level(top.bid, top.ask);
        let told = Told { bid_px, ask_px, bid_sz, ask_sz, is_bad };
        if self.last.len() <= update.place {
            self.last.resize(update.place + 1, None);
        }
        let Some(last) = self.last.get_mut(update.place) else { return Ok(()) };
        // Nothing is said of a market before it has a price.
        let is_unsaid = last.is_none() && told == Told { is_bad, ..Told::NOTHING };
        if *last == Some(told) || is_unsaid {
            return Ok(());
        }
        *last = Some(told);
        self.published += 1;
        let Cause { action, side, .. } = update.cause.unwrap_or(NO_CAUSE);
        let bad = if is_bad { flag::MAYBE_BAD_BOOK } else { 0 };
        let RecordHeader { publisher_id, instrument_id, ts_event, .. } = update.header;
        let quote = Quote {
            header: RecordHeader::new::<Quote>(publisher_id, instrument_id, ts_event),
            bid_px,
            ask_px,
            ts_recv: update.ts_recv,
            bid_sz,
            ask_sz,
            sequence: update.sequence,
            flags: update.flags & KEPT | flag::TOB | bad,
            action,
            side,
            channel_id: update.channel_id,
        };
        let _ = self.writer.stage(&quote)?;
        if let Some(stats) = &mut self.stats {
            let _ = self.writer.stage(&stats.of(&quote))?;
        }
        Ok(())
    }
}
