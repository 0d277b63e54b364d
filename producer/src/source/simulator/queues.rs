//! The resting orders of one simulated instrument, in price-time priority.
//!
//! Orders stand in a slab and are linked into the queue of their level; levels stand in two sorted
//! arrays with the best one last. Every operation of continuous trading is constant time but for
//! the search of a level. Prices are in ticks.

use crate::book::Side;

/// Says that there is no neighbour in the queue.
const NONE: u32 = u32::MAX;

/// A resting order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resting {
    pub(super) order_id: u64,
    pub(super) ticks: i64,
    pub(super) size: u32,
    pub(super) side: Side,
    before: u32,
    behind: u32,
    /// Where the order stands in the list of all.
    listed: u32,
}

/// The queue of one level.
#[derive(Clone, Copy, Debug)]
struct Queue {
    ticks: i64,
    first: u32,
    last: u32,
    orders: u32,
}

/// All orders of an instrument.
#[derive(Clone, Debug, Default)]
pub(super) struct Queues {
    slab: Vec<Resting>,
    free: Vec<u32>,
    /// The slots in use, in no order: what a random order is drawn from.
    list: Vec<u32>,
    bids: Vec<Queue>,
    asks: Vec<Queue>,
    counts: [u32; 2],
}

impl Queues {
    /// Returns how many orders rest.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns how many orders rest on a side.
    pub(super) fn side_len(&self, side: Side) -> u32 {
        match (side, self.counts) {
            (Side::Bid, [bids, _]) => bids,
            (Side::Ask, [_, asks]) => asks,
        }
    }

    /// Returns the best price of a side, in ticks.
    pub(super) fn best(&self, side: Side) -> Option<i64> {
        self.side(side).last().map(|queue| queue.ticks)
    }

    /// Returns the slot at a place of the list of all orders.
    pub(super) fn listed(&self, place: usize) -> Option<u32> {
        self.list.get(place).copied()
    }

    /// Returns the slot of the first order of the best level of a side.
    pub(super) fn front(&self, side: Side) -> Option<u32> {
        self.side(side).last().map(|queue| queue.first)
    }

    /// Returns the slot behind `slot` in its queue.
    pub(super) fn behind(&self, slot: u32) -> Option<u32> {
        Some(self.order(slot).behind).filter(|&behind| behind != NONE)
    }

    /// Returns the slots of a side in price-time priority.
    pub(super) fn priority(&self, side: Side) -> impl Iterator<Item = u32> {
        self.side(side).iter().rev().flat_map(|queue| self.queue(queue))
    }

    /// Returns the levels of a side, the best first: price in ticks, and quantity.
    pub(super) fn levels(&self, side: Side) -> impl Iterator<Item = (i64, u64)> {
        let quantity = |queue| self.queue(queue).map(|slot| u64::from(self.order(slot).size)).sum();
        self.side(side).iter().rev().map(move |queue| (queue.ticks, quantity(queue)))
    }

    /// Returns the slots of a level in the order they are served.
    fn queue(&self, queue: &Queue) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(queue.first), |&slot| self.behind(slot))
    }

    /// Returns the order in a slot that this struct gave.
    #[expect(
        clippy::indexing_slicing,
        reason = "slots are given out by this struct and never kept"
    )]
    pub(super) fn order(&self, slot: u32) -> &Resting {
        &self.slab[slot as usize]
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "slots are given out by this struct and never kept"
    )]
    fn order_mut(&mut self, slot: u32) -> &mut Resting {
        &mut self.slab[slot as usize]
    }

    /// Puts an order at the end of the queue of its price.
    pub(super) fn add(&mut self, order_id: u64, side: Side, ticks: i64, size: u32) {
        let listed = u32::try_from(self.list.len()).unwrap_or(NONE);
        let order = Resting { order_id, ticks, size, side, before: NONE, behind: NONE, listed };
        let slot = match self.free.pop() {
            Some(slot) => {
                *self.order_mut(slot) = order;
                slot
            }
            None => {
                self.slab.push(order);
                u32::try_from(self.slab.len() - 1).unwrap_or(NONE)
            }
        };
        self.list.push(slot);
        *self.count_mut(side) += 1;
        self.link(slot);
    }

    /// Takes an order out.
    pub(super) fn remove(&mut self, slot: u32) {
        self.unlink(slot);
        let Resting { side, listed, .. } = *self.order(slot);
        self.list.swap_remove(listed as usize);
        if let Some(&moved) = self.list.get(listed as usize) {
            self.order_mut(moved).listed = listed;
        }
        *self.count_mut(side) -= 1;
        self.free.push(slot);
    }

    /// Gives an order another size; it keeps its place.
    pub(super) fn resize(&mut self, slot: u32, size: u32) {
        self.order_mut(slot).size = size;
    }

    /// Gives an order another price and size; it goes to the end of the queue.
    pub(super) fn move_to(&mut self, slot: u32, ticks: i64, size: u32) {
        self.unlink(slot);
        let order = self.order_mut(slot);
        order.ticks = ticks;
        order.size = size;
        self.link(slot);
    }

    fn link(&mut self, slot: u32) {
        let Resting { side, ticks, .. } = *self.order(slot);
        let at = self.position(side, ticks);
        let levels = self.side_mut(side);
        let before = match levels.get_mut(at) {
            Some(queue) if queue.ticks == ticks => {
                queue.orders += 1;
                std::mem::replace(&mut queue.last, slot)
            }
            _ => {
                levels.insert(at, Queue { ticks, first: slot, last: slot, orders: 1 });
                NONE
            }
        };
        let order = self.order_mut(slot);
        (order.before, order.behind) = (before, NONE);
        if before != NONE {
            self.order_mut(before).behind = slot;
        }
    }

    fn unlink(&mut self, slot: u32) {
        let Resting { side, ticks, before, behind, .. } = *self.order(slot);
        if before != NONE {
            self.order_mut(before).behind = behind;
        }
        if behind != NONE {
            self.order_mut(behind).before = before;
        }
        let at = self.position(side, ticks);
        let levels = self.side_mut(side);
        let Some(queue) = levels.get_mut(at) else {
            return;
        };
        queue.orders -= 1;
        if queue.orders == 0 {
            levels.remove(at);
            return;
        }
        if queue.first == slot {
            queue.first = behind;
        }
        if queue.last == slot {
            queue.last = before;
        }
    }

    fn position(&self, side: Side, ticks: i64) -> usize {
        match side {
            Side::Bid => self.bids.partition_point(|queue| queue.ticks < ticks),
            Side::Ask => self.asks.partition_point(|queue| queue.ticks > ticks),
        }
    }

    fn side(&self, side: Side) -> &[Queue] {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut Vec<Queue> {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }

    fn count_mut(&mut self, side: Side) -> &mut u32 {
        let [bids, asks] = &mut self.counts;
        match side {
            Side::Bid => bids,
            Side::Ask => asks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(queues: &Queues, side: Side) -> Vec<u64> {
        let mut ids = Vec::new();
        let mut slot = queues.front(side);
        while let Some(at) = slot {
            ids.push(queues.order(at).order_id);
            slot = queues.behind(at);
        }
        ids
    }

    #[test]
    fn orders_of_a_level_are_served_in_the_order_they_came() {
        let mut queues = Queues::default();
        for id in 1..=4 {
            queues.add(id, Side::Bid, 100, 1);
        }
        queues.add(5, Side::Bid, 99, 1);
        assert_eq!(queue(&queues, Side::Bid), [1, 2, 3, 4]);
        let second = queues.behind(queues.front(Side::Bid).unwrap()).unwrap();
        queues.move_to(second, 100, 2);
        assert_eq!(queue(&queues, Side::Bid), [1, 3, 4, 2]);
        queues.remove(queues.front(Side::Bid).unwrap());
        assert_eq!(queue(&queues, Side::Bid), [3, 4, 2]);
    }

    #[test]
    fn the_best_level_is_the_one_nearest_to_the_other_side() {
        let mut queues = Queues::default();
        for ticks in [5, 7, 6] {
            queues.add(1, Side::Bid, ticks, 1);
            queues.add(2, Side::Ask, ticks + 10, 1);
        }
        assert_eq!((queues.best(Side::Bid), queues.best(Side::Ask)), (Some(7), Some(15)));
        queues.remove(queues.front(Side::Ask).unwrap());
        assert_eq!(queues.best(Side::Ask), Some(16));
        assert_eq!((queues.side_len(Side::Bid), queues.side_len(Side::Ask)), (3, 2));
    }

    #[test]
    fn slots_are_used_again_and_the_list_has_each_order_once() {
        let mut queues = Queues::default();
        for id in 0..10 {
            queues.add(id, Side::Ask, 100, 1);
        }
        for place in [9, 0, 3] {
            queues.remove(queues.listed(place).unwrap());
        }
        queues.add(10, Side::Ask, 100, 1);
        let mut ids: Vec<u64> = (0..queues.len())
            .map(|place| queues.order(queues.listed(place).unwrap()).order_id)
            .collect();
        ids.sort_unstable();
        assert_eq!(ids.len(), 8);
        ids.dedup();
        assert_eq!(ids.len(), 8);
        assert_eq!(queues.slab.len(), 10);
    }
}
