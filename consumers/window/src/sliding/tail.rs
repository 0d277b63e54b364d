//! The last trades of one instrument and their sum.
//!
//! The trades stand in blocks. The sum of a window is that of three parts: what is left of the
//! block that it is leaving, the blocks behind that one, and what there is of the newest block. The
//! first part is a sum from each trade of a block to the block's end; these are computed for the
//! next block, one at each trade, while the window leaves the one before. The second slides by
//! [`Daba`], which moves once in a block. So each trade costs two additions to running sums, one
//! to the next block's, and one merge, however long the window is, and none costs more.

use super::daba::Daba;
use crate::WindowError;
use crate::cell::Cell;
use crate::state::{Loader, Saver};
use crate::store::{Spread, Store};
use crate::trade::WindowTrade;
use std::ops::Range;
use tickring::record::action;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most trades of a block.
const MOST: u64 = 64;

/// A trade as far as a window needs it.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Raw {
    ts_ns: i64,
    seq: u64,
    price: i64,
    size: u64,
    publisher_id: u16,
    side: u8,
    /// 1 unless the venue broke the trade.
    stands: u8,
    _unused: u32,
}

impl Raw {
    /// The place of a broken trade.
    const NONE: Self = Self {
        ts_ns: 0,
        seq: 0,
        price: 0,
        size: 0,
        publisher_id: 0,
        side: 0,
        stands: 0,
        _unused: 0,
    };

    #[inline]
    fn of(trade: &WindowTrade) -> Self {
        Self {
            ts_ns: trade.ts_event_ns,
            seq: trade.seq,
            price: trade.price_e9,
            size: trade.size,
            publisher_id: trade.publisher_id,
            side: trade.side,
            stands: 1,
            _unused: 0,
        }
    }

    #[inline]
    fn trade(&self) -> WindowTrade {
        WindowTrade {
            seq: self.seq,
            publisher_id: self.publisher_id,
            instrument_id: 0,
            ts_event_ns: self.ts_ns,
            price_e9: self.price,
            size: self.size,
            side: self.side,
            action: action::TRADE,
            trade_id: 0,
            sequence: 0,
        }
    }
}

/// What of a tail is of fixed size. Positions count the instrument's trades.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
struct Fixed {
    /// Sum from the first block that is in the window as a whole to the end.
    running: Cell,
    /// Sum of the newest block, which is not full.
    newest: Cell,
    /// Sum of the end of the next block, as far as it is computed.
    next: Cell,
    /// The oldest trade of the window, and behind the newest one.
    front: u64,
    end: u64,
    /// Sums of the next block that are computed.
    computed: u64,
    /// Trades since the last window was published.
    since: u64,
    /// Behind the newest trade of the window that no correction finds any more.
    uncorrectable: u64,
    /// Where the next trade goes, and where the next block ends.
    place: u64,
    coming: u64,
    _unused: u64,
}

/// The last trades of one instrument.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    size: u64,
    /// Places of trades: whole blocks.
    room: u64,
    /// Trades of a block less one; those of a block are a power of two.
    mask: u64,
    fixed: Fixed,
    /// The trades; that at a position stands at it modulo the room.
    trades: Vec<Raw>,
    /// The quotes since each trade, where they are asked for.
    spreads: Vec<Spread>,
    /// The blocks that are in the window as a whole.
    blocks: Daba,
    /// Sums from each trade to the end of its block: of the block that the window is leaving, and
    /// of the next one.
    leaving: Vec<Cell>,
    coming: Vec<Cell>,
}

impl Tail {
    /// A tail that holds up to `size` trades, the first of which will be at `position`.
    pub(super) fn new(size: u64, position: u64) -> Self {
        // Two blocks are in a window at least, or else blocks are single trades.
        let block = (size / 2).clamp(1, MOST);
        let block = if block.is_power_of_two() { block } else { block.next_power_of_two() / 2 };
        // Whoever begins in the midst of a block begins it without trades.
        let begin = position - position % block;
        let room = size.div_ceil(block) * block;
        let cells = || vec![Cell::EMPTY; usize::try_from(block).unwrap_or(0)];
        let blocks = usize::try_from(size / block + 1).unwrap_or(usize::MAX);
        let fixed = Fixed {
            running: Cell::EMPTY,
            newest: Cell::EMPTY,
            next: Cell::EMPTY,
            front: begin,
            end: begin,
            computed: 0,
            since: 0,
            uncorrectable: 0,
            place: begin % room,
            coming: begin % room + block,
            _unused: 0,
        };
        let mut tail = Self {
            size,
            room,
            mask: block - 1,
            fixed,
            trades: Vec::new(),
            spreads: Vec::new(),
            blocks: Daba::new(blocks),
            leaving: cells(),
            coming: cells(),
        };
        if begin > 0 {
            tail.trades.resize(usize::try_from(room).unwrap_or(0), Raw::NONE);
        }
        for _ in begin..position {
            tail.push(None);
        }
        tail
    }

    /// The positions of the trades of the window.
    pub(super) fn positions(&self) -> Range<u64> {
        self.fixed.front..self.fixed.end
    }

    /// Takes the next trade, or the place of a broken one, and lets go of the oldest trade if there
    /// are too many.
    #[inline]
    pub(super) fn push(&mut self, trade: Option<&WindowTrade>) {
        if self.fixed.end - self.fixed.front == self.size {
            self.pop();
        }
        let raw = trade.map_or(Raw::NONE, Raw::of);
        match self.trades.get_mut(place(self.fixed.place)) {
            Some(there) => *there = raw,
            None => self.trades.push(raw),
        }
        self.fixed.place = self.behind(self.fixed.place, 1);
        if let Some(trade) = trade {
            self.fixed.newest.add(trade);
            self.fixed.running.add(trade);
        }
        self.fixed.end += 1;
        if self.fixed.end & self.mask == 0 {
            self.blocks.push(&self.fixed.newest);
            self.fixed.newest = Cell::EMPTY;
        }
        self.compute();
    }

    /// Lets go of the oldest trade.
    #[inline]
    fn pop(&mut self) {
        if self.fixed.front & self.mask == 0 {
            self.leave();
        }
        self.fixed.front += 1;
    }

    /// Begins to leave the next block.
    fn leave(&mut self) {
        std::mem::swap(&mut self.leaving, &mut self.coming);
        let block = self.mask + 1;
        // Where a block ends is never 0.
        self.fixed.coming = self.behind(self.fixed.coming - 1, block) + 1;
        self.fixed.computed = 0;
        self.fixed.next = Cell::EMPTY;
        self.blocks.pop();
        self.fixed.running = self.blocks.sum();
        self.fixed.running.merge(&self.fixed.newest);
    }

    /// Computes one more sum of the next block, if that is full. That of the whole block is not
    /// needed.
    #[inline]
    fn compute(&mut self) {
        let Fixed { front, end, computed, .. } = self.fixed;
        let behind = ((front + self.mask) & !self.mask) + self.mask + 1;
        if computed == self.mask || behind > end {
            return;
        }
        let at = self.fixed.coming - 1 - computed;
        if let Some(raw) = self.trades.get(place(at)).filter(|raw| raw.stands != 0) {
            self.fixed.next.add(&raw.trade());
        }
        if let Some(there) = self.coming.get_mut(place(self.mask - computed)) {
            *there = self.fixed.next;
        }
        self.fixed.computed += 1;
    }

    /// The place so far behind another.
    #[inline]
    fn behind(&self, at: u64, by: u64) -> u64 {
        let behind = at + by;
        if behind >= self.room { behind - self.room } else { behind }
    }

    /// Makes a cell the sum of the window.
    #[inline]
    pub(super) fn sum_to(&self, sum: &mut Cell) {
        let within = place(self.fixed.front & self.mask);
        match self.leaving.get(within).filter(|_| within > 0) {
            Some(left) => {
                *sum = *left;
                sum.merge(&self.fixed.running);
            }
            None => *sum = self.fixed.running,
        }
    }

    /// Counts a trade; says whether a window is due that is published every `slide` trades.
    #[inline]
    pub(super) fn is_due(&mut self, slide: u64) -> bool {
        self.fixed.since += 1;
        if self.fixed.since < slide {
            return false;
        }
        self.fixed.since = 0;
        true
    }

    /// Adds a quote to the newest trade.
    pub(super) fn quote(&mut self, spread_e9: i64) -> bool {
        let Some(newest) = self.fixed.end.checked_sub(1) else { return false };
        let at = place(newest % self.room);
        if at >= self.spreads.len() {
            self.spreads.resize(at + 1, Spread::EMPTY);
        }
        self.spreads.get_mut(at).map(|spread| spread.add(spread_e9)).is_some()
    }

    /// Forgets the quotes of a trade that had the newest one's place.
    pub(super) fn begin_quotes(&mut self) {
        let newest = self.fixed.end.saturating_sub(1);
        if let Some(spread) = self.spreads.get_mut(place(newest % self.room)) {
            *spread = Spread::EMPTY;
        }
    }

    /// Adds the trades of the window to what a store has beside the cell, one after the other.
    pub(super) fn add_further(&self, to: &mut Store) {
        for position in self.positions() {
            let raw = self.trades.get(place(position % self.room));
            if let Some(raw) = raw.filter(|raw| raw.stands != 0) {
                to.add_further(0, &raw.trade());
            }
        }
    }

    /// What the quotes of the window come to.
    pub(super) fn spread(&self) -> Spread {
        let mut sum = Spread::EMPTY;
        for position in self.positions() {
            if let Some(spread) = self.spreads.get(place(position % self.room)) {
                sum.merge(spread);
            }
        }
        sum
    }

    /// Notes that no correction finds the trade at a position any more; says whether the window
    /// has it.
    pub(super) fn forget(&mut self, position: u64) -> bool {
        let has = self.positions().contains(&position);
        if has {
            self.fixed.uncorrectable = position + 1;
        }
        has
    }

    /// Whether the window has a trade that no correction finds.
    #[inline]
    pub(super) fn is_uncorrectable(&self) -> bool {
        self.fixed.uncorrectable > self.fixed.front
    }

    /// Takes over what was computed anew: the same positions, with corrected trades.
    pub(super) fn replace(&mut self, anew: Self) {
        let Fixed { since, uncorrectable, .. } = self.fixed;
        let spreads = std::mem::take(&mut self.spreads);
        *self = Self { spreads, ..anew };
        (self.fixed.since, self.fixed.uncorrectable) = (since, uncorrectable);
    }

    pub(super) fn save(&self, to: &mut Saver<'_>) {
        to.value(&self.fixed);
        to.slice(&self.trades);
        to.slice(&self.spreads);
        to.slice(&self.leaving);
        to.slice(&self.coming);
        self.blocks.save(to);
    }

    pub(super) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        self.fixed = from.value()?;
        self.trades = from.slice()?;
        self.spreads = from.slice()?;
        self.leaving = from.slice()?;
        self.coming = from.slice()?;
        self.blocks.load(from)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "places are below a length in memory")]
fn place(at: u64) -> usize {
    at as usize
}
