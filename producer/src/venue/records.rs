//! The records of one instrument: trades, quotes and levels, with their labels.

use tickring::record::{DeltaW, QuoteW, Record, TradeW, UNDEF_PRICE, UNDEF_TIME};
use tickring::record::{action, book_state, flag};
use tickring::{Instrument, WrongKind};

use super::Venue;
use super::count::{Anomaly, Counts};
use super::market::{Deal, Market, Row, Stamp, Tracked};
use crate::book::Side;
use crate::book::levels::PriceLevel;
use crate::decimal::Decimal;
use crate::source::Sink;

impl Market {
    /// Publishes a trade. `flags` are those that its message gives it.
    pub(super) fn trade<S: Sink>(
        &mut self,
        index: usize,
        stamp: Stamp,
        deal: &Deal,
        flags: u8,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let Self { venue, tracked, counts, .. } = self;
        let Some(tracked) = tracked.get_mut(index) else { return Ok(()) };
        let is_told = tracked.scale.learn(&mut tracked.definition, deal.price, deal.qty);
        tracked.scale.settle();
        if is_told {
            sink.instrument(&tracked.definition);
        }
        let (price, bad_price) = price_e9(deal.price, counts);
        let (qty, qty_exp) = tracked.scale.qty(deal.qty);
        let sent_ns = i128::from(stamp.ts_recv) - i128::from(stamp.ts_sent);
        let is_sent = stamp.ts_sent != UNDEF_TIME;
        let ts_in_delta = if is_sent { saturated(sent_ns) } else { 0 };
        let late = bad_ts_recv(stamp.ts_event, stamp.ts_recv, counts);
        sink.tick(&TradeW {
            price,
            qty,
            ts_recv: stamp.ts_recv,
            trade_id: deal.trade_id,
            flags: flags | flag::LAST | late | bad_price | tracked.flags(),
            action: action::TRADE,
            side: deal.aggressor,
            qty_exp,
            ts_in_delta,
            ..TradeW::empty(venue.publisher_id(), tracked.definition.instrument_id, stamp.ts_event)
        })
    }

    /// Publishes the best bid and offer that the venue sent.
    pub(super) fn quote<S: Sink>(
        &mut self,
        index: usize,
        stamp: Stamp,
        best: [Option<PriceLevel>; 2],
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let Self { venue, tracked, counts, .. } = self;
        let Some(tracked) = tracked.get_mut(index) else { return Ok(()) };
        let mut is_told = false;
        for level in best.iter().flatten() {
            is_told |= tracked.scale.learn_level(&mut tracked.definition, level);
        }
        tracked.scale.settle();
        if is_told {
            sink.instrument(&tracked.definition);
        }
        let [bid, ask] = best.map(|level| level.and_then(|level| level.price.rescaled(9)));
        if bid.zip(ask).is_some_and(|(bid, ask)| bid >= ask) {
            counts.anomaly(Anomaly::CrossedQuote);
            return Ok(());
        }
        let _ = bad_ts_recv(stamp.ts_event, stamp.ts_recv, counts);
        sink.tick(&tracked.quote(*venue, stamp, best, counts))
    }

    /// Publishes the levels of an event, and those that fell out of the book.
    pub(super) fn publish<S: Sink>(
        &mut self,
        index: usize,
        stamp: Stamp,
        rows: &[Row],
        flags: u8,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let Self { venue, tracked, counts, actions, fallen, .. } = self;
        let Some(tracked) = tracked.get(index) else { return Ok(()) };
        let flags = flags | tracked.flags();
        let Instrument { instrument_id, qty_exp, .. } = tracked.definition;
        let empty = |ts_event| DeltaW {
            ts_recv: stamp.ts_recv,
            sequence: stamp.sequence,
            qty_exp,
            ..DeltaW::empty(venue.publisher_id(), instrument_id, ts_event)
        };
        let mut left = rows.len() + fallen.len();
        if flags & flag::SNAPSHOT == 0 {
            counts.input("level", u64::try_from(rows.len()).unwrap_or(u64::MAX));
        }
        counts.anomalies(Anomaly::BeyondDepth, u64::try_from(fallen.len()).unwrap_or(u64::MAX));
        if flags & flag::SNAPSHOT != 0 {
            let late = bad_ts_recv(stamp.ts_event, stamp.ts_recv, counts);
            let last = if left == 0 { flag::LAST } else { 0 };
            let (flags, action) = (flags | late | last, action::CLEAR);
            sink.tick(&DeltaW { flags, action, price: UNDEF_PRICE, ..empty(stamp.ts_event) })?;
        }
        let actions = actions.iter().copied().chain(std::iter::repeat(action::CANCEL));
        for (row, action) in rows.iter().chain(fallen.iter()).zip(actions) {
            left -= 1;
            let (price, bad_price) = price_e9(row.level.price, counts);
            let (qty, qty_exp) = tracked.scale.qty(row.level.qty);
            let late = bad_ts_recv(row.ts_event, stamp.ts_recv, counts);
            let last = if left == 0 { flag::LAST } else { 0 };
            sink.tick(&DeltaW {
                price,
                qty,
                flags: flags | late | last | bad_price,
                action,
                side: row.side.letter(),
                qty_exp,
                order_ct: row.level.orders,
                ..empty(row.ts_event)
            })?;
        }
        Ok(())
    }

    /// Publishes the best levels of a book that is good, if they are others than before and the
    /// venue's own quotes are not used.
    pub(super) fn quote_of_book<S: Sink>(
        &mut self,
        index: usize,
        stamp: Stamp,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let Self { venue, tracked, counts, .. } = self;
        let Some(tracked) = tracked.get_mut(index) else { return Ok(()) };
        let is_good = tracked.definition.book_state == book_state::SYNCED;
        if venue.sends_quotes() || !is_good || tracked.book.is_crossed() {
            return Ok(());
        }
        let best = [tracked.book.best(Side::Bid), tracked.book.best(Side::Ask)];
        if best == tracked.best {
            return Ok(());
        }
        tracked.best = best;
        sink.tick(&tracked.quote(*venue, stamp, best, counts))
    }
}

impl Tracked {
    /// The label of this instrument's records while its book is not good.
    fn flags(&self) -> u8 {
        let is_good = !self.has_book || self.definition.book_state == book_state::SYNCED;
        if is_good { 0 } else { flag::MAYBE_BAD_BOOK }
    }

    /// The record of a best bid and offer; a side that does not fit it is undefined, and counted.
    fn quote(
        &self,
        venue: Venue,
        stamp: Stamp,
        best: [Option<PriceLevel>; 2],
        counts: &mut Counts,
    ) -> QuoteW {
        let sides = best.map(|level| self.in_quote(level, counts));
        let [(bid_px, bid_qty), (ask_px, ask_qty)] = sides;
        let instrument_id = self.definition.instrument_id;
        QuoteW {
            bid_px,
            ask_px,
            bid_qty,
            ask_qty,
            ts_recv: stamp.ts_recv,
            ..QuoteW::empty(venue.publisher_id(), instrument_id, stamp.ts_event)
        }
    }

    /// Price and quantity of one side of a quote.
    fn in_quote(&self, level: Option<PriceLevel>, counts: &mut Counts) -> (i64, i64) {
        let Some(PriceLevel { price, qty, .. }) = level else {
            return (UNDEF_PRICE, 0);
        };
        let Some(qty) = self.scale.shared_qty(qty) else {
            counts.anomaly(Anomaly::WideQuantity);
            return (UNDEF_PRICE, 0);
        };
        match price_e9(price, counts).0 {
            UNDEF_PRICE => (UNDEF_PRICE, 0),
            price => (price, qty),
        }
    }
}

/// Returns a price as records have it; undefined, with its label, where they cannot.
#[inline]
fn price_e9(price: Decimal, counts: &mut Counts) -> (i64, u8) {
    match price.rescaled(9) {
        Some(price) if price != UNDEF_PRICE => (price, 0),
        _ => {
            counts.anomaly(Anomaly::FinePrice);
            (UNDEF_PRICE, flag::MAYBE_BAD_BOOK)
        }
    }
}

/// Returns the label of a record that was received before it happened.
#[inline]
fn bad_ts_recv(ts_event: u64, ts_recv: u64, counts: &mut Counts) -> u8 {
    if ts_event == UNDEF_TIME || ts_recv >= ts_event {
        return 0;
    }
    counts.anomaly(Anomaly::BadTsRecv);
    flag::BAD_TS_RECV
}

/// The nearest number that the field can hold.
fn saturated(ns: i128) -> i32 {
    i32::try_from(ns).unwrap_or(if ns < 0 { i32::MIN } else { i32::MAX })
}
