//! Tick, volume and value bars: one window of an instrument behind the other, each of so much.
//!
//! They are in order of arrival, that is of sequences, so nothing is late and nothing waits for
//! the watermark. A trade that overfills a volume or value bar is split: each part is a trade of
//! its bar. At the end of the input the bars that are not full are published as PARTIAL.

use crate::WindowError;
use crate::instruments::number_in;
use crate::output::Sink;
use crate::shared::{Due, Shared};
use crate::spec::WindowKind;
use crate::state::{Loader, Saver};
use crate::store::Store;
use crate::trade::{WindowQuote, WindowTrade};
use tickring::record::window_flag;

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

/// The bars of all instruments; each has one.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    by: By,
    /// What a bar holds.
    full: i128,
    store: Store,
    /// What the bar of each instrument holds.
    filled: Vec<i128>,
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
        Some(Self { by, full, store: Store::new(shared.wanted), filled: Vec::new() })
    }

    /// Adds a trade.
    pub(crate) fn trade(&mut self, shared: &mut Shared, trade: &WindowTrade, out: &mut Sink<'_>) {
        let number = shared.instruments.number(trade.instrument_id);
        if number >= self.filled.len() {
            self.filled.resize(number + 1, 0);
        }
        let mut rest = *trade;
        for bars in 1..=MOST_BARS {
            let filled = self.filled.get(number).copied().unwrap_or(0);
            let size =
                if bars == MOST_BARS { rest.size } else { self.part(&rest, self.full - filled) };
            self.store.add(number, &WindowTrade { size, ..rest });
            rest.size -= size;
            let filled = filled.saturating_add(self.worth(&rest, size));
            let is_full = filled >= self.full;
            if let Some(there) = self.filled.get_mut(number) {
                *there = if is_full { 0 } else { filled };
            }
            if is_full {
                let cut = if bars == MOST_BARS { window_flag::OVERFLOW } else { 0 };
                self.publish(shared, number, window_flag::FINAL | cut, out);
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

    fn publish(&mut self, shared: &mut Shared, number: usize, flags: u32, out: &mut Sink<'_>) {
        let Some(cell) = self.store.cell(number).filter(|cell| cell.count > 0) else { return };
        let span = (cell.first_ns, cell.last_ns.saturating_add(1));
        let store = &self.store;
        shared.publish(&Due { number, span, revision: 0, flags, store, at: number }, out);
        self.store.reset(number);
    }

    /// Publishes the bars that are not full: the input has ended.
    pub(crate) fn finish(&mut self, shared: &mut Shared, out: &mut Sink<'_>) {
        for at in 0..shared.instruments.len() {
            if let Some(number) = shared.instruments.ordered(at).map(number_in) {
                self.publish(shared, number, window_flag::PARTIAL | window_flag::FINAL, out);
            }
        }
        self.filled.fill(0);
    }

    /// Adds a quote to the bar of its instrument.
    pub(crate) fn quote(&mut self, shared: &mut Shared, quote: &WindowQuote) {
        let number = shared.instruments.number(quote.instrument_id);
        self.store.quote(number, quote.spread_e9);
        shared.counts.quotes += 1;
    }

    pub(crate) fn save(&self, to: &mut Saver<'_>) {
        to.slice(&self.filled);
        self.store.save(to);
    }

    pub(crate) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        self.filled = from.slice()?;
        self.store.load(from)
    }
}
