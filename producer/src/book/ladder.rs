//! One side of a book: its levels in price order.

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

/// A sorted array of levels with the best one last, where nearly all changes are.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    side: Side,
    levels: Vec<Level>,
}

impl Ladder {
    pub(super) const fn new(side: Side) -> Self {
        Self { side, levels: Vec::new() }
    }

    pub(super) fn best(&self) -> Option<Level> {
        self.levels.last().copied()
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Level> {
        self.levels.iter().rev().copied()
    }

    pub(super) fn clear(&mut self) {
        self.levels.clear();
    }

    /// Adds one order.
    pub(super) fn add(&mut self, price: i64, size: u32) {
        let at = self.position(price);
        match self.levels.get_mut(at) {
            Some(level) if level.price == price => {
                level.size += u64::from(size);
                level.orders += 1;
            }
            _ => self.levels.insert(at, Level { price, size: u64::from(size), orders: 1 }),
        }
    }

    /// Takes quantity off a level, and one order if `gone`. The level leaves with its last order.
    pub(super) fn take(&mut self, price: i64, size: u32, gone: bool) {
        let at = self.position(price);
        let Some(level) = self.levels.get_mut(at).filter(|level| level.price == price) else {
            debug_assert!(false, "the book takes from levels that its orders made");
            return;
        };
        level.size -= u64::from(size);
        level.orders -= u32::from(gone);
        if level.orders == 0 {
            self.levels.remove(at);
        }
    }

    /// Returns where the level of `price` is, or where it belongs.
    fn position(&self, price: i64) -> usize {
        match self.side {
            Side::Bid => self.levels.partition_point(|level| level.price < price),
            Side::Ask => self.levels.partition_point(|level| level.price > price),
        }
    }
}
