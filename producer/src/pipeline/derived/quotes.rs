//! The ring of quotes: the best bid and offer after each event that changed it, and what follows
//! from each.
//!
//! [`Quote`] is flagged while its book is not good. [`QuoteW`] has no room for flags, and is never
//! told of such a book: a quote of which both sides are undefined withdraws the one before, at the
//! event that made the book bad, at once when records were lost or the source is silent, and stands
//! until the book is good again. A side alone is undefined where it is empty, or its quantity is no
//! whole number of the instrument's units.

use tickring::record::{Level, Quote, QuoteStats, QuoteW, Record, RecordHeader, UNDEF_PRICE};
use tickring::record::{action, flag, side};
use tickring::schema::Kind;
use tickring::{Writer, WrongKind};

use super::Families;
use super::stats::{Basis, Stats, StatsOptions};
use crate::book;
use crate::market::{self, Cause, Top, Update};

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
    /// Quotes with sizes of 32 bits, and with fractional quantities.
    pub(super) published: [u64; 2],
    /// Sides that were told as undefined, as their quantity is no whole number of units.
    pub(super) unheld: u64,
}

/// What a quote tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Told {
    Narrow { bid_px: i64, ask_px: i64, bid_sz: u32, ask_sz: u32, is_bad: bool },
    Wide { bid_px: i64, ask_px: i64, bid_qty: i64, ask_qty: i64 },
}

impl Told {
    const WITHDRAWN: Self =
        Self::Wide { bid_px: UNDEF_PRICE, ask_px: UNDEF_PRICE, bid_qty: 0, ask_qty: 0 };

    fn narrow(top: Top, is_bad: bool) -> Self {
        let Level { bid_px, ask_px, bid_sz, ask_sz, .. } = market::level(top.bid, top.ask);
        Self::Narrow { bid_px, ask_px, bid_sz, ask_sz, is_bad }
    }

    fn wide(top: Top, is_bad: bool) -> Self {
        if is_bad {
            return Self::WITHDRAWN;
        }
        let side = |level: Option<book::Level>| {
            let told = level.and_then(|level| Some((level.price, held(level.size)?)));
            told.unwrap_or((UNDEF_PRICE, 0))
        };
        let ((bid_px, bid_qty), (ask_px, ask_qty)) = (side(top.bid), side(top.ask));
        Self::Wide { bid_px, ask_px, bid_qty, ask_qty }
    }

    /// Returns whether neither side has a price.
    fn is_nothing(&self) -> bool {
        match *self {
            Self::Narrow { bid_px, ask_px, .. } | Self::Wide { bid_px, ask_px, .. } => {
                (bid_px, ask_px) == (UNDEF_PRICE, UNDEF_PRICE)
            }
        }
    }
}

/// Returns a size that a record can hold.
fn held(size: u64) -> Option<i64> {
    i64::try_from(size).ok()
}

impl Quotes {
    pub(super) fn new(writer: Writer, stats: Option<Stats>) -> Self {
        Self { writer, stats, last: Vec::new(), published: [0; 2], unheld: 0 }
    }

    /// The kinds of the ring.
    pub(super) fn kinds(options: &QuoteOptions, families: Families) -> Vec<Kind> {
        let stats = options.stats.as_ref().map(|_| QuoteStats::kinds());
        [families.kinds(Quote::kinds(), QuoteW::kinds()), stats.unwrap_or_default()].concat()
    }

    /// Publishes the quote after an event if it is another than before, or has another label.
    #[inline]
    pub(super) fn observe(&mut self, update: &Update<'_>, is_bad: bool) -> Result<(), WrongKind> {
        let (top, is_wide) = (update.market.top(), update.market.is_wide());
        let told = if is_wide { Told::wide(top, is_bad) } else { Told::narrow(top, is_bad) };
        if self.last.len() <= update.place {
            self.last.resize(update.place + 1, None);
        }
        let Some(last) = self.last.get_mut(update.place) else { return Ok(()) };
        // Nothing is said of a market before it has a price.
        let is_unsaid = last.is_none() && told.is_nothing();
        if *last == Some(told) || is_unsaid {
            return Ok(());
        }
        *last = Some(told);
        if is_wide && !is_bad {
            let sides = [top.bid, top.ask].into_iter().flatten();
            let unheld = sides.filter(|level| held(level.size).is_none()).count();
            self.unheld += u64::try_from(unheld).unwrap_or(0);
        }
        let bad = if is_bad { flag::MAYBE_BAD_BOOK } else { 0 };
        let flags = update.flags & KEPT | flag::TOB | bad;
        let (header, ts_recv) = (update.header, update.ts_recv);
        let sequence = low_bits(update.sequence);
        match told {
            Told::Wide { .. } => self.stage_wide(told, header, ts_recv)?,
            Told::Narrow { bid_px, ask_px, bid_sz, ask_sz, .. } => {
                let Cause { action, side, .. } = update.cause.unwrap_or(NO_CAUSE);
                let RecordHeader { publisher_id, instrument_id, ts_event, .. } = header;
                let [published, _] = &mut self.published;
                *published += 1;
                let _ = self.writer.stage(&Quote {
                    header: RecordHeader::new::<Quote>(publisher_id, instrument_id, ts_event),
                    bid_px,
                    ask_px,
                    ts_recv,
                    bid_sz,
                    ask_sz,
                    sequence,
                    flags,
                    action,
                    side,
                    channel_id: update.channel_id,
                })?;
            }
        }
        match &mut self.stats {
            Some(_) => self.stage_stats(told, header, sequence, flags, update.market.qty_exp()),
            None => Ok(()),
        }
    }

    /// Withdraws the last quote of a market, if it was one without flags.
    #[cold]
    pub(super) fn withdraw(
        &mut self,
        place: usize,
        header: RecordHeader,
        ts_recv: u64,
    ) -> Result<(), WrongKind> {
        let Some(last @ Some(Told::Wide { .. })) = self.last.get_mut(place) else {
            return Ok(());
        };
        if last.replace(Told::WITHDRAWN) == Some(Told::WITHDRAWN) {
            return Ok(());
        }
        self.stage_wide(Told::WITHDRAWN, header, ts_recv)?;
        let flags = flag::LAST | flag::TOB | flag::MAYBE_BAD_BOOK;
        self.stage_stats(Told::WITHDRAWN, header, 0, flags, 0)
    }

    fn stage_wide(
        &mut self,
        told: Told,
        header: RecordHeader,
        ts_recv: u64,
    ) -> Result<(), WrongKind> {
        let Told::Wide { bid_px, ask_px, bid_qty, ask_qty } = told else { return Ok(()) };
        let RecordHeader { publisher_id, instrument_id, ts_event, .. } = header;
        let header = RecordHeader::new::<QuoteW>(publisher_id, instrument_id, ts_event);
        let [_, published] = &mut self.published;
        *published += 1;
        let quote = QuoteW { header, bid_px, ask_px, bid_qty, ask_qty, ts_recv };
        self.writer.stage(&quote).map(drop)
    }

    /// Puts the statistics of a quote behind it, if they are wanted.
    fn stage_stats(
        &mut self,
        told: Told,
        header: RecordHeader,
        sequence: u32,
        flags: u8,
        qty_exp: i8,
    ) -> Result<(), WrongKind> {
        let Some(stats) = &mut self.stats else { return Ok(()) };
        let basis = match told {
            Told::Narrow { bid_px, ask_px, bid_sz, ask_sz, .. } => {
                let sizes = [bid_sz, ask_sz].map(u64::from);
                Basis { header, prices: [bid_px, ask_px], sizes, qty_exp: 0, sequence, flags }
            }
            Told::Wide { bid_px, ask_px, bid_qty, ask_qty } => {
                let sizes = [bid_qty, ask_qty].map(|qty| u64::try_from(qty).unwrap_or(0));
                Basis { header, prices: [bid_px, ask_px], sizes, qty_exp, sequence, flags }
            }
        };
        self.writer.stage(&stats.of(&basis)).map(drop)
    }
}

/// The part of a sequence that a record with 32 bits for it holds.
#[expect(clippy::cast_possible_truncation, reason = "the record has room for the low bits only")]
pub(super) const fn low_bits(sequence: u64) -> u32 {
    sequence as u32
}
