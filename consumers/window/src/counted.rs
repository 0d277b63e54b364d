//! Tick, volume and value bars: one window of an instrument behind the other, each of so much.
//!
//! They are in order of arrival, that is of sequences, so nothing is late and nothing waits for
//! the watermark. A trade that overfills a volume or value bar is split: each part is a trade of
//! its bar. At the end of the input the bars that are not full are published as PARTIAL.
//!
//! # Corrections
//!
//! A trade stays in the bars into which it came, and so do all others: a correction changes what
//! its bars hold, never where they begin and end. A broken trade leaves its bar short. The
//! corrected quantity of a split trade fills the parts in order, none but the last above what it
//! was.

use crate::WindowError;
use crate::instruments::number_in;
use crate::kept::{Kept, Published, entries};
use crate::log::Entry;
use crate::output::Sink;
use crate::shared::{Due, Shared};
use crate::spec::WindowKind;
use crate::state::{Loader, Saver};
use crate::store::Store;
use crate::trade::{WindowQuote, WindowTrade};
use std::ops::RangeInclusive;
use tickring::record::{late_reason, window_flag};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Units of price in a unit of the currency.
const PRICE_UNITS: i128 = 1_000_000_000;
/// Bars that one trade can fill at most; what is left of it goes into the last one, which is
/// flagged OVERFLOW.
const MOST_BARS: u32 = 1 << 16;

/// What fills a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Ticks,
    Volume,
    Value,
}

/// The bar of an instrument that is not full; its contents are in the store.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Open {
    /// What was put into it.
    filled: i128,
    ordinal: u64,
    _unused: u64,
}

/// The bars of all instruments; each has one.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    by: By,
    /// What a bar holds.
    full: i128,
    store: Store,
    open: Vec<Open>,
    /// Bars that can still be corrected; none where no corrections are taken.
    kept: Kept,
    /// Where a bar is put together anew.
    scratch: Store,
    /// The parts of the trade that is corrected: position in the log, and size as told.
    parts: Vec<(u64, u64)>,
}

impl Counted {
    /// `None` for another kind of windows.
    pub(crate) fn new(kind: WindowKind, shared: &Shared) -> Option<Self> {
        let (by, full) = match kind {
            WindowKind::Ticks { size } => (By::Ticks, size.into()),
            WindowKind::Volume { size } => (By::Volume, size.into()),
            WindowKind::Value { size } => (By::Value, i128::from(size) * PRICE_UNITS),
            _ => return None,
        };
        let (store, mut scratch) = (Store::new(shared.wanted), Store::new(shared.wanted));
        scratch.grow(0);
        let (open, parts) = (Vec::new(), Vec::new());
        Some(Self { by, full, store, open, kept: Kept::default(), scratch, parts })
    }

    /// Adds a trade.
    pub(crate) fn trade(&mut self, shared: &mut Shared, trade: &WindowTrade, out: &mut Sink<'_>) {
        let number = shared.instruments.number(trade.instrument_id);
        if number >= self.open.len() {
            self.open.resize(number + 1, Open::default());
        }
        let mut rest = *trade;
        for bars in 1..=MOST_BARS {
            let Some(open) = self.open.get(number).copied() else { return };
            let room = self.full - open.filled;
            let size = if bars == MOST_BARS { rest.size } else { self.part(&rest, room) };
            let part = WindowTrade { size, ..rest };
            self.store.add(number, &part);
            if shared.log.is_some() {
                self.log(shared, number, &part, (open.ordinal, bars > 1));
            }
            rest.size -= size;
            let filled = open.filled.saturating_add(self.worth(&rest, size));
            if let Some(open) = self.open.get_mut(number) {
                open.filled = filled;
            }
            if filled >= self.full {
                let cut = if bars == MOST_BARS { window_flag::OVERFLOW } else { 0 };
                self.publish(shared, number, cut, out);
            }
            if rest.size == 0 {
                return;
            }
        }
    }

    /// The part of a trade that goes into the bar when there is so much room.
    fn part(&self, trade: &WindowTrade, room: i128) -> u64 {
        let most = match self.by {
            By::Ticks => return trade.size,
            By::Volume => room,
            By::Value => match i128::from(trade.price_e9.unsigned_abs()) {
                0 => return trade.size,
                // The least whole quantity that fills the bar; both are positive.
                price => (room + price - 1) / price,
            },
        };
        u64::try_from(most).map_or(trade.size, |most| most.min(trade.size))
    }

    /// What such a part of a trade fills.
    fn worth(&self, trade: &WindowTrade, size: u64) -> i128 {
        match self.by {
            By::Ticks => 1,
            By::Volume => size.into(),
            By::Value => i128::from(trade.price_e9.unsigned_abs()) * i128::from(size),
        }
    }

    /// Publishes the bar of an instrument, and begins the next one.
    fn publish(&mut self, shared: &mut Shared, number: usize, flags: u32, out: &mut Sink<'_>) {
        let Some(open) = self.open.get_mut(number) else { return };
        let ordinal = open.ordinal;
        *open = Open { ordinal: ordinal + 1, ..Open::default() };
        let Some(cell) = self.store.cell(number) else { return };
        let (start, end) = (cell.first_ns, cell.last_ns.saturating_add(1));
        let (count, revision, store) = (cell.count, 0, &self.store);
        let is_final = shared.log.is_none() || shared.is_final(end);
        let flags = if is_final { flags | window_flag::FINAL } else { flags };
        let due = Due { number, span: (start, end), ordinal, revision, flags, store, at: number };
        shared.publish(&due, out);
        if shared.log.is_some() {
            let (spread, _unused) = (store.spread(number), 0);
            let published =
                Published { spread, ordinal, start, end, count, revision, flags, _unused };
            self.kept.push(shared, number, published);
        }
        self.store.reset(number);
    }

    /// Publishes the bars that are not full: the input has ended.
    pub(crate) fn finish(&mut self, shared: &mut Shared, out: &mut Sink<'_>) {
        for at in 0..shared.instruments.len() {
            if let Some(number) = shared.instruments.ordered(at).map(number_in)
                && self.store.cell(number).is_some_and(|cell| cell.count > 0)
            {
                self.publish(shared, number, window_flag::PARTIAL | window_flag::FINAL, out);
            }
        }
    }

    /// Adds a quote to the bar of its instrument.
    pub(crate) fn quote(&mut self, shared: &mut Shared, quote: &WindowQuote) {
        let number = shared.instruments.number(quote.instrument_id);
        self.store.quote(number, quote.spread_e9);
        shared.counts.quotes += 1;
    }

    /// Keeps a part of a trade for corrections.
    fn log(
        &mut self,
        shared: &mut Shared,
        number: usize,
        part: &WindowTrade,
        (ordinal, continues): (u64, bool),
    ) {
        let Some(log) = &mut shared.log else { return };
        if let Some(forgotten) = log.push_part(number, part, ordinal, continues) {
            self.forget(shared, &forgotten);
        }
    }

    /// Flags what a forgotten trade belongs to, and counts it if that could still be corrected.
    #[cold]
    fn forget(&mut self, shared: &mut Shared, entry: &Entry) {
        let (number, ordinal) = (entry.number as usize, entry.ordinal);
        let is_open = self.is_open(number, ordinal);
        if is_open && let Some(cell) = self.store.cell_mut(number) {
            cell.flags |= window_flag::UNCORRECTABLE;
        }
        let is_held = is_open || self.kept.get_mut(shared, number, ordinal).is_some();
        shared.counts.forgotten += u64::from(is_held);
        self.kept.forget_before(number, ordinal);
    }

    /// Corrects the trade whose last part is at a position of the log: computes its bars anew, and
    /// publishes those that have been before. Gives the reason if that cannot be done.
    pub(crate) fn correct(
        &mut self,
        shared: &mut Shared,
        position: u64,
        correction: &WindowTrade,
        out: &mut Sink<'_>,
    ) -> Result<(), u8> {
        let mut parts = std::mem::take(&mut self.parts);
        let bars = self.bars_of(shared, position, &mut parts);
        let number = shared.instruments.number(correction.instrument_id);
        if let Ok(bars) = &bars {
            change(shared, &parts, correction);
            for ordinal in bars.clone() {
                self.compute(shared, number, ordinal, out);
            }
        }
        self.parts = parts;
        bars.map(|_| ())
    }

    /// The bars that hold the parts of the trade at a position of the log, which all can be
    /// corrected.
    fn bars_of(
        &mut self,
        shared: &Shared,
        position: u64,
        parts: &mut Vec<(u64, u64)>,
    ) -> Result<RangeInclusive<u64>, u8> {
        let log = shared.log.as_ref().ok_or(late_reason::NO_CORRECTIONS)?;
        log.parts(position, parts)?;
        let entry = |at: Option<&(u64, u64)>| at.and_then(|(at, _)| log.get(*at));
        let (Some(first), Some(last)) = (entry(parts.first()), entry(parts.last())) else {
            return Err(late_reason::UNKNOWN_TRADE);
        };
        let number = first.number as usize;
        for ordinal in first.ordinal..=last.ordinal {
            let held = if self.is_open(number, ordinal) {
                self.store.cell(number).map(|cell| cell.count)
            } else {
                self.kept.get_mut(shared, number, ordinal).map(|published| published.count)
            };
            let held = held.ok_or(late_reason::UNKNOWN_TRADE)?;
            let bar = entries(log, number, ordinal..ordinal + 1).filter(|entry| entry.stands());
            if bar.count() as u64 != held {
                return Err(late_reason::FORGOTTEN);
            }
        }
        Ok(first.ordinal..=last.ordinal)
    }

    fn is_open(&self, number: usize, ordinal: u64) -> bool {
        self.open.get(number).is_some_and(|open| open.ordinal == ordinal)
    }

    /// Computes a bar anew from the log, and publishes it if it has been before.
    fn compute(&mut self, shared: &mut Shared, number: usize, ordinal: u64, out: &mut Sink<'_>) {
        let Some(log) = &shared.log else { return };
        let is_open = self.is_open(number, ordinal);
        let (store, at) = if is_open { (&mut self.store, number) } else { (&mut self.scratch, 0) };
        store.reset_trades(at);
        for entry in entries(log, number, ordinal..ordinal + 1).filter(|entry| entry.stands()) {
            store.add(at, &entry.trade());
        }
        let Some(published) = self.kept.get_mut(shared, number, ordinal) else { return };
        published.revision = published.revision.saturating_add(1);
        published.count = self.scratch.cell(0).map_or(0, |cell| cell.count);
        self.scratch.set_spread(0, published.spread);
        let Published { start, end, revision, flags, .. } = *published;
        let (span, store) = ((start, end), &self.scratch);
        shared.publish(&Due { number, span, ordinal, revision, flags, store, at: 0 }, out);
    }

    pub(crate) fn save(&self, to: &mut Saver<'_>) {
        to.slice(&self.open);
        self.store.save(to);
        self.kept.save(to);
    }

    pub(crate) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        self.open = from.slice()?;
        self.store.load(from)?;
        self.kept.load(from)
    }
}

/// Corrects the parts of a trade, which are at these positions of the log and had these sizes: the
/// size fills one after the other, and the last one takes what is left.
fn change(shared: &mut Shared, parts: &[(u64, u64)], correction: &WindowTrade) {
    let Some(log) = &mut shared.log else { return };
    let mut rest = correction.size;
    for (at, (position, told)) in parts.iter().enumerate() {
        let size = if at + 1 == parts.len() { rest } else { rest.min(*told) };
        rest -= size;
        log.change(*position, correction, size);
    }
}
