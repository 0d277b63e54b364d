//! Cells side by side, with the further aggregates of each where they are asked for.

use crate::cell::Cell;
use crate::grid::{Grid, Sample};
use crate::sketch::{Sketch, size_of_step, step_of};
use crate::state::{Loader, Saver};
use crate::trade::WindowTrade;
use crate::{WindowError, WindowKind, WindowSpec};
use tickring::record::{BarStats, UNDEF_PRICE, WindowBar, bar_stat};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Points of the grid that a window is divided into unless said otherwise.
const POINTS: u64 = 64;
/// Distance of the grid for windows without a length, in nanoseconds.
const STEP_NS: i64 = 1_000_000;

/// Which aggregates there are, and how they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Bits of `bar_stat`.
    pub(crate) bits: u32,
    step_ns: i64,
    ewma_shift: u8,
}

impl Wanted {
    pub(crate) fn of(spec: &WindowSpec) -> Self {
        let length_ns = match spec.window {
            WindowKind::Tumbling { size_ns, .. } | WindowKind::Hopping { size_ns, .. } => size_ns,
            WindowKind::Session { gap_ns } => gap_ns,
            _ => 0,
        };
        let chosen = i64::try_from(spec.sampling_ns).unwrap_or(i64::MAX);
        let default = i64::try_from(length_ns.div_ceil(POINTS)).unwrap_or(i64::MAX);
        let step_ns = [chosen, default].into_iter().find(|step| *step > 0).unwrap_or(STEP_NS);
        Self { bits: spec.wanted(), step_ns, ewma_shift: spec.ewma_shift }
    }

    fn grids(self) -> bool {
        self.bits & (bar_stat::TWAP | bar_stat::REALISED | bar_stat::EWMA) != 0
    }

    fn sketches(self) -> bool {
        self.bits & bar_stat::QUANTILES != 0
    }

    /// Whether there is anything that each trade adds to beside the cell.
    pub(crate) fn paths(self) -> bool {
        self.grids() || self.sketches()
    }

    pub(crate) fn spreads(self) -> bool {
        self.bits & bar_stat::SPREAD != 0
    }
}

/// Quantiles of prices and of sizes.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Sketches {
    prices: Sketch,
    sizes: Sketch,
}

/// Statistics of ask less bid.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Spread {
    sum: i128,
    quotes: u64,
    least: i64,
    most: i64,
    _unused: u64,
}

impl Sketches {
    const EMPTY: Self = Self { prices: Sketch::EMPTY, sizes: Sketch::EMPTY };
}

impl Spread {
    pub(crate) const EMPTY: Self =
        Self { sum: 0, quotes: 0, least: i64::MAX, most: i64::MIN, _unused: 0 };

    /// One quote.
    fn of(spread_e9: i64) -> Self {
        let (least, most) = (spread_e9, spread_e9);
        Self { sum: spread_e9.into(), quotes: 1, least, most, _unused: 0 }
    }

    pub(crate) fn add(&mut self, spread_e9: i64) {
        self.merge(&Self::of(spread_e9));
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.sum = self.sum.saturating_add(other.sum);
        self.quotes += other.quotes;
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
    }
}

/// Cells with consecutive numbers. The hot parts lie apart from the others, which are there only
/// where they are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    wanted: Wanted,
    cells: Vec<Cell>,
    grids: Vec<Grid>,
    sketches: Vec<Sketches>,
    spreads: Vec<Spread>,
}

impl Store {
    pub(crate) fn new(wanted: Wanted) -> Self {
        let (grids, sketches, spreads) = (Vec::new(), Vec::new(), Vec::new());
        Self { wanted, cells: Vec::new(), grids, sketches, spreads }
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    #[inline]
    pub(crate) fn cell(&self, at: usize) -> Option<&Cell> {
        self.cells.get(at)
    }

    pub(crate) fn cell_mut(&mut self, at: usize) -> Option<&mut Cell> {
        self.cells.get_mut(at)
    }

    /// Makes room for cells up to this one.
    #[cold]
    pub(crate) fn grow(&mut self, at: usize) {
        let len = self.cells.len().max(at + 1);
        self.cells.resize(len, Cell::EMPTY);
        if self.wanted.grids() {
            self.grids.resize(len, Grid::EMPTY);
        }
        if self.wanted.sketches() {
            self.sketches.resize(len, Sketches::EMPTY);
        }
        if self.wanted.spreads() {
            self.spreads.resize(len, Spread::EMPTY);
        }
    }

    /// Adds a trade; says whether it is the first one.
    #[inline(always)]
    pub(crate) fn add(&mut self, at: usize, trade: &WindowTrade) -> bool {
        if at >= self.cells.len() {
            self.grow(at);
        }
        let Some(cell) = self.cells.get_mut(at) else { return false };
        let is_first = cell.count == 0;
        cell.add(trade);
        if self.wanted.bits != 0 {
            self.add_further(at, trade);
        }
        is_first
    }

    /// Adds a trade to what there is beside the cell.
    pub(crate) fn add_further(&mut self, at: usize, trade: &WindowTrade) {
        if let Some(grid) = self.grids.get_mut(at) {
            let (ts_ns, seq, price) = (trade.ts_event_ns, trade.seq, trade.price_e9);
            grid.add(Sample { ts_ns, seq, price }, self.wanted.step_ns);
        }
        if let Some(sketches) = self.sketches.get_mut(at) {
            sketches.prices.add(trade.price_e9);
            sketches.sizes.add(step_of(trade.size));
        }
    }

    /// Adds a quote; says whether it is the first one.
    pub(crate) fn quote(&mut self, at: usize, spread_e9: i64) -> bool {
        if at >= self.cells.len() {
            self.grow(at);
        }
        let Some(spread) = self.spreads.get_mut(at) else { return false };
        let is_first = spread.quotes == 0;
        spread.add(spread_e9);
        is_first
    }

    /// What the quotes of a cell come to; nothing where they are not asked for.
    pub(crate) fn spread(&self, at: usize) -> Spread {
        self.spreads.get(at).copied().unwrap_or(Spread::EMPTY)
    }

    /// Sets what the quotes of a cell come to, where they are asked for.
    pub(crate) fn set_spread(&mut self, at: usize, spread: Spread) {
        if let Some(there) = self.spreads.get_mut(at) {
            *there = spread;
        }
    }

    /// Adds what a cell of another store has to one of this store.
    #[inline]
    pub(crate) fn merge(&mut self, at: usize, other: &Self, from: usize) {
        if at >= self.cells.len() {
            self.grow(at);
        }
        if let (Some(cell), Some(other)) = (self.cells.get_mut(at), other.cells.get(from)) {
            cell.merge(other);
        }
        if self.wanted.bits != 0 {
            if let (Some(grid), Some(other)) = (self.grids.get_mut(at), other.grids.get(from)) {
                grid.merge(other);
            }
            let sketches = (self.sketches.get_mut(at), other.sketches.get(from));
            if let (Some(own), Some(other)) = sketches {
                own.prices.merge(&other.prices);
                own.sizes.merge(&other.sizes);
            }
            if let (Some(own), Some(other)) = (self.spreads.get_mut(at), other.spreads.get(from)) {
                own.merge(other);
            }
        }
    }

    /// Adds one cell of this store to another one of it.
    pub(crate) fn merge_within(&mut self, at: usize, from: usize) {
        if let Some(other) = self.cells.get(from).copied()
            && let Some(cell) = self.cells.get_mut(at)
        {
            cell.merge(&other);
        }
        if let Some(other) = self.grids.get(from).copied()
            && let Some(grid) = self.grids.get_mut(at)
        {
            grid.merge(&other);
        }
        if let Some(other) = self.sketches.get(from).copied()
            && let Some(own) = self.sketches.get_mut(at)
        {
            own.prices.merge(&other.prices);
            own.sizes.merge(&other.sizes);
        }
        if let Some(other) = self.spreads.get(from).copied()
            && let Some(own) = self.spreads.get_mut(at)
        {
            own.merge(&other);
        }
    }

    /// Takes everything out of a cell.
    #[inline]
    pub(crate) fn reset(&mut self, at: usize) {
        self.reset_trades(at);
        if let Some(spread) = self.spreads.get_mut(at) {
            *spread = Spread::EMPTY;
        }
    }

    /// Takes the trades out of a cell.
    #[inline]
    pub(crate) fn reset_trades(&mut self, at: usize) {
        if let Some(cell) = self.cells.get_mut(at) {
            *cell = Cell::EMPTY;
        }
        if let Some(grid) = self.grids.get_mut(at) {
            *grid = Grid::EMPTY;
        }
        if let Some(sketches) = self.sketches.get_mut(at) {
            *sketches = Sketches::EMPTY;
        }
    }

    /// The further aggregates of a cell, for this bar of it.
    pub(crate) fn stats(&self, at: usize, bar: &WindowBar) -> BarStats {
        use tickring::record::Record;
        let header = bar.header;
        let mut stats = BarStats {
            start_ns: bar.start_ns,
            end_ns: bar.end_ns,
            revision: bar.revision,
            wanted: self.wanted.bits,
            ..BarStats::empty(header.publisher_id, header.instrument_id, header.ts_event)
        };
        let wants = |bit| self.wanted.bits & bit != 0;
        if wants(bar_stat::FLOW) {
            stats.order_flow = self.cells.get(at).map_or(0, Cell::flow);
        }
        let path = self.grids.get(at).and_then(|grid| grid.path(self.wanted.ewma_shift));
        if let Some(path) = path {
            stats.twap = if wants(bar_stat::TWAP) { path.twap } else { UNDEF_PRICE };
            stats.ewma = if wants(bar_stat::EWMA) { path.ewma } else { UNDEF_PRICE };
            stats.set_realised(if wants(bar_stat::REALISED) { path.realised } else { 0 });
        }
        if let Some(Sketches { prices, sizes }) = self.sketches.get(at) {
            let price = |percent| prices.quantile(percent, 100).unwrap_or(UNDEF_PRICE);
            let size = |percent| sizes.quantile(percent, 100).map_or(0, size_of_step);
            (stats.price_p05, stats.price_p25, stats.price_p50) = (price(5), price(25), price(50));
            (stats.price_p75, stats.price_p95) = (price(75), price(95));
            (stats.size_p50, stats.size_p90, stats.size_p99) = (size(50), size(90), size(99));
        }
        if let Some(spread) = self.spreads.get(at).filter(|spread| spread.quotes > 0) {
            stats.quotes = spread.quotes;
            stats.set_spread_sum(spread.sum);
            (stats.spread_min, stats.spread_max) = (spread.least, spread.most);
        }
        stats
    }

    pub(crate) fn save(&self, to: &mut Saver<'_>) {
        to.slice(&self.cells);
        to.slice(&self.grids);
        to.slice(&self.sketches);
        to.slice(&self.spreads);
    }

    pub(crate) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        self.cells = from.slice()?;
        self.grids = from.slice()?;
        self.sketches = from.slice()?;
        self.spreads = from.slice()?;
        Ok(())
    }
}
