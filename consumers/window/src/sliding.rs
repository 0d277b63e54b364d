//! Count windows: the last so many trades of an instrument, every so many trades.
//!
//! # Corrections
//!
//! A trade keeps its place: a correction changes what the windows over it hold, and a broken trade
//! leaves them short. Every published window with the trade that is within the horizon is published
//! again.

mod daba;
mod tail;

use crate::WindowError;
use crate::kept::{Kept, Published, entries};
use crate::log::Entry;
use crate::output::Sink;
use crate::shared::{Due, Shared};
use crate::state::{Loader, Saver};
use crate::store::{Spread, Store};
use crate::trade::{WindowQuote, WindowTrade};
use std::ops::Range;
use tail::Tail;
use tickring::record::{late_reason, window_flag};

/// Count windows of all instruments.
#[derive(Clone, Debug)]
pub(crate) struct Sliding {
    size: u64,
    slide: u64,
    /// The last trades of each instrument.
    tails: Vec<Tail>,
    /// Windows that can still be corrected; none where no corrections are taken.
    kept: Kept,
    /// Where a window is put together.
    scratch: Store,
}

/// What of an instrument a correction changes.
struct Changed {
    number: usize,
    /// The ordinals of the windows that are published again.
    windows: Range<u64>,
    /// The positions of the trades from which they are computed.
    trades: Range<u64>,
    /// Whether the window that is published next has the trade.
    is_in_tail: bool,
}

impl Sliding {
    pub(crate) fn new(size: u32, slide: u32, shared: &Shared) -> Self {
        let mut scratch = Store::new(shared.wanted);
        scratch.grow(0);
        let (tails, kept) = (Vec::new(), Kept::default());
        Self { size: size.into(), slide: slide.into(), tails, kept, scratch }
    }

    /// Adds a trade, and publishes the window that ends with it, if one does.
    pub(crate) fn trade(&mut self, shared: &mut Shared, trade: &WindowTrade, out: &mut Sink<'_>) {
        let number = shared.instruments.number(trade.instrument_id);
        if number >= self.tails.len() {
            self.tails.resize_with(number + 1, || Tail::new(self.size, 0));
        }
        let Some(tail) = self.tails.get_mut(number) else { return };
        tail.push(Some(trade));
        if shared.wanted.spreads() {
            tail.begin_quotes();
        }
        if shared.log.is_some() {
            self.log(shared, number, trade);
        }
        let Some(tail) = self.tails.get_mut(number) else { return };
        if !tail.is_due(self.slide) {
            return;
        }
        let spread = if shared.wanted.spreads() { tail.spread() } else { Spread::EMPTY };
        collect(tail, spread, shared, &mut self.scratch);
        let Some(sum) = self.scratch.cell(0) else { return };
        let (start, end) = (sum.first_ns, sum.last_ns.saturating_add(1));
        let (count, ordinal) = (sum.count, tail.positions().end / self.slide - 1);
        let is_final = shared.log.is_none() || shared.is_final(end);
        let mut flags = if is_final { window_flag::FINAL } else { 0 };
        if tail.is_uncorrectable() {
            flags |= window_flag::UNCORRECTABLE;
        }
        let (revision, store) = (0, &self.scratch);
        let due = Due { number, span: (start, end), ordinal, revision, flags, store, at: 0 };
        shared.publish(&due, out);
        if shared.log.is_some() {
            let _unused = 0;
            let published =
                Published { spread, ordinal, start, end, count, revision, flags, _unused };
            self.kept.push(shared, number, published);
        }
    }

    /// Adds a quote to the windows that end with later trades.
    pub(crate) fn quote(&mut self, shared: &mut Shared, quote: &WindowQuote) {
        let number = shared.instruments.known(quote.instrument_id);
        if let Some(tail) = number.and_then(|number| self.tails.get_mut(number)) {
            shared.counts.quotes += u64::from(tail.quote(quote.spread_e9));
        }
    }

    /// Keeps the newest trade of an instrument for corrections.
    fn log(&mut self, shared: &mut Shared, number: usize, trade: &WindowTrade) {
        let (Some(log), Some(tail)) = (&mut shared.log, self.tails.get(number)) else { return };
        let position = tail.positions().end.saturating_sub(1);
        if let Some(forgotten) = log.push_part(number, trade, position, false) {
            self.forget(shared, &forgotten);
        }
    }

    /// Flags what a forgotten trade belongs to, and counts it if that could still be corrected.
    #[cold]
    fn forget(&mut self, shared: &mut Shared, entry: &Entry) {
        let (number, position) = (entry.number as usize, entry.ordinal);
        let is_in_tail = self.tails.get_mut(number).is_some_and(|tail| tail.forget(position));
        let first = position / self.slide;
        let is_held = is_in_tail || self.kept.get_mut(shared, number, first).is_some();
        shared.counts.forgotten += u64::from(is_held);
        self.kept.forget_before(number, first);
    }

    /// Corrects the trade at a position of the log: computes the windows with it anew, and
    /// publishes those that have been before. Gives the reason if that cannot be done.
    pub(crate) fn correct(
        &mut self,
        shared: &mut Shared,
        position: u64,
        correction: &WindowTrade,
        out: &mut Sink<'_>,
    ) -> Result<(), u8> {
        let changed = self.changed(shared, position)?;
        let Some(log) = &mut shared.log else { return Ok(()) };
        log.change(position, correction, correction.size);
        self.compute(shared, changed, out);
        Ok(())
    }

    /// What a correction of the trade at a position of the log changes.
    fn changed(&mut self, shared: &Shared, position: u64) -> Result<Changed, u8> {
        let log = shared.log.as_ref().ok_or(late_reason::NO_CORRECTIONS)?;
        let entry = log.get(position).ok_or(late_reason::UNKNOWN_TRADE)?;
        let (number, position) = (entry.number as usize, entry.ordinal);
        let tail = self.tails.get(number).ok_or(late_reason::UNKNOWN_TRADE)?;
        let held = tail.positions();
        let behind = (position + self.size).min(held.end) / self.slide;
        let kept = |ordinal: &u64| self.kept.get_mut(shared, number, *ordinal).is_some();
        let first = (position / self.slide..behind).find(kept);
        let is_in_tail = held.contains(&position);
        let windows = first.unwrap_or(behind)..behind;
        let start = |ordinal: u64| ((ordinal + 1) * self.slide).saturating_sub(self.size);
        let trades = match (windows.is_empty(), is_in_tail) {
            (true, false) => return Err(late_reason::UNKNOWN_TRADE),
            (true, true) => held,
            (false, false) => start(windows.start)..windows.end * self.slide,
            (false, true) => start(windows.start).min(held.start)..held.end,
        };
        let logged = entries(log, number, trades.clone()).count();
        if logged as u64 != trades.end - trades.start {
            return Err(late_reason::FORGOTTEN);
        }
        Ok(Changed { number, windows, trades, is_in_tail })
    }

    /// Goes again over the trades, publishes the windows, and leaves the tail as it then is.
    fn compute(&mut self, shared: &mut Shared, changed: Changed, out: &mut Sink<'_>) {
        let Changed { number, windows, trades, .. } = changed;
        let Some(log) = &shared.log else { return };
        let mut anew = Tail::new(self.size, trades.start);
        let mut again: Vec<Option<WindowTrade>> = entries(log, number, trades.clone())
            .map(|entry| entry.stands().then(|| entry.trade()))
            .collect();
        again.reverse();
        for (trade, position) in again.iter().zip(trades) {
            anew.push(trade.as_ref());
            let behind = position + 1;
            if behind % self.slide != 0 || !windows.contains(&(behind / self.slide - 1)) {
                continue;
            }
            let ordinal = behind / self.slide - 1;
            let Some(published) = self.kept.get_mut(shared, number, ordinal) else { continue };
            collect(&anew, published.spread, shared, &mut self.scratch);
            published.revision = published.revision.saturating_add(1);
            published.count = self.scratch.cell(0).map_or(0, |cell| cell.count);
            let Published { start, end, revision, flags, .. } = *published;
            let (span, store) = ((start, end), &self.scratch);
            shared.publish(&Due { number, span, ordinal, revision, flags, store, at: 0 }, out);
        }
        if let Some(tail) = self.tails.get_mut(number).filter(|_| changed.is_in_tail) {
            tail.replace(anew);
        }
    }

    pub(crate) fn save(&self, to: &mut Saver<'_>) {
        to.value(&(self.tails.len() as u64));
        for tail in &self.tails {
            tail.save(to);
        }
        self.kept.save(to);
    }

    pub(crate) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        self.tails.clear();
        for _ in 0..from.value::<u64>()? {
            let mut tail = Tail::new(self.size, 0);
            tail.load(from)?;
            self.tails.push(tail);
        }
        self.kept.load(from)
    }
}

/// Puts a window together.
#[inline]
fn collect(tail: &Tail, spread: Spread, shared: &Shared, into: &mut Store) {
    if shared.wanted.paths() {
        into.reset_trades(0);
        tail.add_further(into);
    }
    into.set_spread(0, spread);
    if let Some(sum) = into.cell_mut(0) {
        tail.sum_to(sum);
    }
}
