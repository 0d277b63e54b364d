//! One side of a book: its levels in price order.
//!
//! A sorted array with the best level last. Where levels lie a tick apart, the level that is `n`
//! ticks from the best is the `n`-th from the end; where some are missing between, it is nearer.
//! So the distance in ticks says where to look first, and how far to search at most. The tick is
//! the smallest distance of two neighbours seen so far; where a price off every tick has spoiled
//! it, the search goes from the best level outwards in steps that double.

use super::Side;

/// The orders of one side at one price.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Level {
    /// Price, 1e-9.
    pub price: i64,
    /// Sum of the orders' quantities.
    pub size: u64,
    /// Number of orders.
    pub orders: u32,
}

/// The levels of one side.
///
/// Inside, prices are ranks: the price of a bid, the complement of an ask's, so that the greater
/// rank is the better price on either side, and nothing in here has to ask which side it is.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    /// What turns a price into its rank and back: 0 for bids, all ones for asks.
    mask: i64,
    /// With ranks for prices, the best last.
    levels: Vec<Level>,
    tick: Tick,
}

/// The smallest distance of two prices.
#[derive(Clone, Copy, Debug)]
struct Tick {
    size: u64,
    /// 2^64 divided by the size, rounded up: multiplying by it is quicker than to divide.
    inverse: u64,
}

impl Tick {
    const UNKNOWN: Self = Self { size: u64::MAX, inverse: 2 };

    fn narrow(&mut self, distance: u64) {
        // A distance of 1 has no inverse in 64 bits, and no venue has such a tick.
        if (2..self.size).contains(&distance) {
            *self = Self { size: distance, inverse: u64::MAX / distance + 1 };
        }
    }

    /// Returns a distance in ticks; a little less or more if it is no multiple or very large.
    #[inline]
    fn count(self, distance: u64) -> u64 {
        let product = u128::from(distance) * u128::from(self.inverse);
        u64::try_from(product >> u64::BITS).unwrap_or(u64::MAX)
    }
}

impl Ladder {
    pub(super) const fn new(side: Side) -> Self {
        let mask = match side {
            Side::Bid => 0,
            Side::Ask => -1,
        };
        Self { mask, levels: Vec::new(), tick: Tick::UNKNOWN }
    }

    #[inline]
    pub(super) fn best(&self) -> Option<Level> {
        self.levels.last().map(|level| self.shown(level))
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Level> {
        self.levels.iter().rev().map(|level| self.shown(level))
    }

    pub(super) fn clear(&mut self) {
        self.levels.clear();
    }

    /// Adds one order and returns how many levels are better than its.
    #[inline]
    pub(super) fn add(&mut self, price: i64, size: u32) -> usize {
        let rank = price ^ self.mask;
        let at = self.position(rank);
        match self.levels.get_mut(at) {
            Some(level) if level.price == rank => {
                level.size += u64::from(size);
                level.orders += 1;
            }
            _ => self.insert(at, Level { price: rank, size: u64::from(size), orders: 1 }),
        }
        self.levels.len() - 1 - at
    }

    /// Takes quantity off a level, and one order if `gone`. The level leaves with its last order.
    /// Returns how many levels are better.
    #[inline]
    pub(super) fn take(&mut self, price: i64, size: u32, gone: bool) -> usize {
        let rank = price ^ self.mask;
        let at = self.position(rank);
        let count = self.levels.len();
        let Some(level) = self.levels.get_mut(at).filter(|level| level.price == rank) else {
            debug_assert!(false, "the book takes from levels that its orders made");
            return 0;
        };
        level.size -= u64::from(size);
        level.orders -= u32::from(gone);
        if level.orders == 0 {
            self.levels.remove(at);
        }
        count - 1 - at
    }

    /// Changes the quantity of one order and returns how many levels are better than its.
    #[inline]
    pub(super) fn resize(&mut self, price: i64, from: u32, to: u32) -> usize {
        let rank = price ^ self.mask;
        let at = self.position(rank);
        let Some(level) = self.levels.get_mut(at).filter(|level| level.price == rank) else {
            debug_assert!(false, "the book resizes orders of levels that they made");
            return 0;
        };
        level.size = level.size - u64::from(from) + u64::from(to);
        self.levels.len() - 1 - at
    }

    fn shown(&self, level: &Level) -> Level {
        Level { price: level.price ^ self.mask, ..*level }
    }

    #[cold]
    #[inline(never)]
    fn insert(&mut self, at: usize, level: Level) {
        self.levels.insert(at, level);
        let beside = [at.checked_sub(1), at.checked_add(1)];
        for neighbour in beside.into_iter().flatten().filter_map(|at| self.levels.get(at)) {
            self.tick.narrow(neighbour.price.abs_diff(level.price));
        }
    }

    /// Returns where the level of a rank is, or where it belongs.
    #[inline]
    fn position(&self, rank: i64) -> usize {
        let Some(best) = self.levels.last() else { return 0 };
        if rank > best.price {
            return self.levels.len();
        }
        let ticks = usize::try_from(self.tick.count(best.price.abs_diff(rank)));
        let guess = ticks.ok().and_then(|ticks| (self.levels.len() - 1).checked_sub(ticks));
        match guess.and_then(|at| Some((at, self.levels.get(at)?.price))) {
            Some((at, found)) if found == rank => at,
            // As far as the tick is right, fewer levels lie between than ticks.
            Some((at, found)) if found < rank => self.search(at, rank),
            _ => self.search(self.gallop(rank), rank),
        }
    }

    /// Returns a place at or before that of a rank, not far from it if that is near the best.
    fn gallop(&self, rank: i64) -> usize {
        let mut back = 2;
        while let Some(from) = self.levels.len().checked_sub(back)
            && self.levels.get(from).is_some_and(|level| level.price > rank)
        {
            back *= 2;
        }
        self.levels.len().saturating_sub(back)
    }

    /// Returns the place of a rank, which is at `from` or behind it.
    fn search(&self, from: usize, rank: i64) -> usize {
        let levels = self.levels.get(from..).unwrap_or_default();
        from + levels.partition_point(|level| level.price < rank)
    }
}
