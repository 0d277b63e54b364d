//! Resting orders by their number.
//!
//! Executions, cancels and deletes name an order by its number alone, so every other message is a
//! look-up among as many orders as rest, and these lie in no cache. Two things keep that cheap:
//!
//! - Numbers are given out almost consecutively. Seven consecutive ones share a line of 64 bytes,
//!   so new orders enter a line that is in the nearest cache, and one access finds any of them.
//! - Whoever knows which messages come next says so by [`Orders::foresee`], and the line is on its
//!   way while the messages before it are decoded.
//!
//! Lines stand in an open table with linear probing. One that holds no order any more is taken out
//! and those behind it move up, so that nothing has to be cleaned later. Chosen numbers are not
//! defended against, as with [`order_id`](crate::order_id): they make a feed slow, never wrong.

#![expect(unsafe_code, reason = "the instruction that fetches a line is an intrinsic")]

use std::alloc::{Layout, handle_alloc_error};
use std::collections::HashMap;
use std::{fmt, mem};

use zerocopy::FromZeros;

use crate::book::Side;
use crate::order_id::{FACTOR, OrderIdHash};

/// Orders of one line.
const ORDERS: usize = 7;
/// Lines of the first table: 4 MiB, of which the kernel gives what is used. Some 200,000 orders can
/// rest before it grows.
const FEWEST_LINES: usize = 1 << 16;

/// An order that rests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Resting {
    /// Dollars x 10^4.
    pub(super) price: u32,
    /// Shares left.
    pub(super) size: u32,
    pub(super) side: Side,
}

/// An order as it lies in a line. Without shares there is none.
#[derive(Clone, Copy, Debug, FromZeros)]
struct Entry {
    /// Twice the price, and 1 more for an ask.
    price_and_side: u32,
    size: u32,
}

impl Entry {
    /// `None` for what does not fit: no shares, or a price above any that the venue allows.
    #[inline]
    fn of(order: Resting) -> Option<Self> {
        let Resting { price, size, side } = order;
        let fits = size > 0 && price < 1 << 31;
        fits.then_some(Self { price_and_side: price << 1 | u32::from(side == Side::Ask), size })
    }

    #[inline]
    fn order(self) -> Option<Resting> {
        let Self { price_and_side, size } = self;
        let side = if price_and_side & 1 == 0 { Side::Bid } else { Side::Ask };
        (size > 0).then_some(Resting { price: price_and_side >> 1, size, side })
    }
}

/// Seven consecutive numbers, in one line of a cache.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C, align(64))]
struct Line {
    /// One more than the numbers divided by seven; 0 if the line is free.
    block: u64,
    entries: [Entry; ORDERS],
}

impl Line {
    #[inline]
    fn is_without_orders(&self) -> bool {
        self.entries.iter().fold(0, |sizes, entry| sizes | entry.size) == 0
    }
}

/// All orders that rest.
#[derive(Default)]
pub(super) struct Orders {
    /// None before the first order; then a power of two of them, at most half of them in use.
    lines: Box<[Line]>,
    used: usize,
    /// What fits into no line. A venue has none.
    odd: HashMap<u64, Resting, OrderIdHash>,
}

impl fmt::Debug for Orders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, used, odd } = self;
        let mut shown = formatter.debug_struct("Orders");
        shown.field("lines", &lines.len()).field("used", used).field("odd", odd).finish()
    }
}

impl Orders {
    /// Forgets all orders.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Fetches what a later call for this order will need.
    #[inline]
    pub(super) fn foresee(&self, order_id: u64) {
        let (block, _) = place(order_id);
        if let Some(line) = self.lines.get(self.home(block)) {
            fetch(line);
        }
    }

    /// Puts an order in, in place of one of the same number, which it returns.
    ///
    /// Cost: one line; now and then all of them, when the table grows.
    #[inline]
    pub(super) fn insert(&mut self, order_id: u64, order: Resting) -> Option<Resting> {
        let Some(new) = Entry::of(order) else {
            return self.insert_odd(order_id, order);
        };
        let (block, within) = place(order_id);
        let at = match self.find(block) {
            Ok(at) => at,
            Err(free) => self.begin(block, free),
        };
        let entry = self.lines.get_mut(at)?.entries.get_mut(within)?;
        let old = mem::replace(entry, new).order();
        if self.odd.is_empty() { old } else { old.or(self.odd.remove(&order_id)) }
    }

    /// Takes an order out.
    #[inline]
    pub(super) fn remove(&mut self, order_id: u64) -> Option<Resting> {
        self.take(order_id, u32::MAX)
    }

    /// Takes shares off an order, and the order out if none are left. Returns it as it was.
    #[inline]
    pub(super) fn take(&mut self, order_id: u64, size: u32) -> Option<Resting> {
        let (block, within) = place(order_id);
        let Ok(at) = self.find(block) else {
            return self.take_odd(order_id, size);
        };
        let line = self.lines.get_mut(at)?;
        let entry = line.entries.get_mut(within)?;
        let Some(order) = entry.order() else {
            return self.take_odd(order_id, size);
        };
        entry.size = entry.size.saturating_sub(size);
        if entry.size == 0 && line.is_without_orders() {
            self.end(at);
        }
        Some(order)
    }

    /// Where a line would stand in an empty table.
    #[inline]
    fn home(&self, block: u64) -> usize {
        // The high bits of the product depend on all bits of the block.
        let bits = self.lines.len().trailing_zeros();
        index(block.wrapping_mul(FACTOR) >> ((u64::BITS - bits) & (u64::BITS - 1)))
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.lines.len() - 1)
    }

    /// Where the line of a block stands, or the place where it would.
    #[inline]
    fn find(&self, block: u64) -> Result<usize, usize> {
        let mut at = self.home(block);
        loop {
            match self.lines.get(at) {
                Some(line) if line.block == block => return Ok(at),
                Some(line) if line.block != 0 => at = self.next(at),
                // Half of the lines are free.
                _ => return Err(at),
            }
        }
    }

    /// Begins a line at a free place, or at another if the table has to grow first.
    fn begin(&mut self, block: u64, free: usize) -> usize {
        let mut at = free;
        if (self.used + 1) * 2 > self.lines.len() {
            self.grow();
            at = self.find(block).unwrap_or_else(|free| free);
        }
        if let Some(line) = self.lines.get_mut(at) {
            line.block = block;
            self.used += 1;
        }
        at
    }

    /// Takes a line out. Those behind it that are not at home move up.
    #[inline]
    fn end(&mut self, mut hole: usize) {
        let most = self.lines.len() - 1;
        let mut at = hole;
        loop {
            at = self.next(at);
            let Some(line) = self.lines.get(at).copied().filter(|line| line.block != 0) else {
                break;
            };
            let from_home = at.wrapping_sub(self.home(line.block)) & most;
            let from_hole = at.wrapping_sub(hole) & most;
            if from_home >= from_hole {
                if let Some(place) = self.lines.get_mut(hole) {
                    *place = line;
                }
                hole = at;
            }
        }
        if let Some(line) = self.lines.get_mut(hole) {
            line.zero();
        }
        self.used -= 1;
    }

    #[cold]
    fn grow(&mut self) {
        let old = mem::take(&mut self.lines);
        self.lines = lines((old.len() * 2).max(FEWEST_LINES));
        for line in old.into_iter().filter(|line| line.block != 0) {
            let (Ok(at) | Err(at)) = self.find(line.block);
            if let Some(place) = self.lines.get_mut(at) {
                *place = line;
            }
        }
    }

    #[cold]
    fn insert_odd(&mut self, order_id: u64, order: Resting) -> Option<Resting> {
        let old = self.remove(order_id);
        self.odd.insert(order_id, order);
        old
    }

    #[cold]
    fn take_odd(&mut self, order_id: u64, size: u32) -> Option<Resting> {
        let order = self.odd.get_mut(&order_id)?;
        let was = *order;
        order.size = order.size.saturating_sub(size);
        if order.size == 0 {
            self.odd.remove(&order_id);
        }
        Some(was)
    }
}

/// The block of a number, never 0, and the number's place in it.
#[inline]
fn place(order_id: u64) -> (u64, usize) {
    (1 + order_id / ORDERS as u64, index(order_id % ORDERS as u64))
}

#[expect(clippy::cast_possible_truncation, reason = "of a place, or there is nothing to index")]
const fn index(number: u64) -> usize {
    number as usize
}

fn lines(count: usize) -> Box<[Line]> {
    let lines = <[Line]>::new_box_zeroed_with_elems(count);
    lines.unwrap_or_else(|_| handle_alloc_error(Layout::new::<Line>()))
}

/// Begins to bring a line to the processor, and waits for nothing.
#[inline]
fn fetch(line: &Line) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction changes nothing that a program can see, at any address; this is
        // the address of a line that is borrowed.
        unsafe { _mm_prefetch::<_MM_HINT_T0>((&raw const *line).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BID: Resting = Resting { price: 1_000_000, size: 100, side: Side::Bid };
    const ASK: Resting = Resting { price: u32::MAX >> 1, size: u32::MAX, side: Side::Ask };
    /// A price that no line has room for.
    const ODD: Resting = Resting { price: 1 << 31, size: 100, side: Side::Ask };
    const EMPTY: Resting = Resting { price: 5, size: 0, side: Side::Bid };

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Insert(u64, Resting),
        Take(u64, u32),
        Remove(u64),
        Clear,
    }

    /// Few numbers, some of one block, some of blocks that share a home, some at the ends.
    fn order_id() -> impl Strategy<Value = u64> {
        prop_oneof![0..40_u64, (0..3_000_u64).prop_map(|block| block * 7), u64::MAX - 20..=u64::MAX]
    }

    fn step() -> impl Strategy<Value = Step> {
        let order = prop_oneof![
            8 => (0..1_u32 << 31, 1..200_u32)
                .prop_map(|(price, size)| Resting { price, size, ..BID }),
            1 => Just(ASK),
            1 => Just(ODD),
            1 => Just(EMPTY),
        ];
        prop_oneof![
            600 => (order_id(), order).prop_map(|(id, order)| Step::Insert(id, order)),
            200 => (order_id(), 0..300_u32).prop_map(|(id, size)| Step::Take(id, size)),
            200 => order_id().prop_map(Step::Remove),
            1 => Just(Step::Clear),
        ]
    }

    fn take_of(model: &mut HashMap<u64, Resting>, id: u64, size: u32) -> Option<Resting> {
        let order = model.get_mut(&id)?;
        let was = *order;
        order.size = order.size.saturating_sub(size);
        if order.size == 0 {
            model.remove(&id);
        }
        Some(was)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn they_are_a_map(steps in prop::collection::vec(step(), 0..4_000)) {
            let (mut orders, mut model) = (Orders::default(), HashMap::new());
            for step in steps {
                match step {
                    Step::Insert(id, order) => {
                        orders.foresee(id);
                        prop_assert_eq!(orders.insert(id, order), model.insert(id, order));
                    }
                    Step::Take(id, size) => {
                        let expected = take_of(&mut model, id, size);
                        prop_assert_eq!(orders.take(id, size), expected);
                    }
                    Step::Remove(id) => prop_assert_eq!(orders.remove(id), model.remove(&id)),
                    Step::Clear => {
                        orders.clear();
                        model.clear();
                    }
                }
            }
            let used = orders.lines.iter().filter(|line| line.block != 0).count();
            prop_assert_eq!(orders.used, used);
            for (id, order) in model {
                prop_assert_eq!(orders.remove(id), Some(order));
            }
            prop_assert_eq!((orders.used, orders.odd.len()), (0, 0));
        }
    }

    #[test]
    fn a_line_is_one_of_the_cache_and_is_freed_with_its_last_order() {
        assert_eq!((size_of::<Line>(), align_of::<Line>()), (64, 64));
        let mut orders = Orders::default();
        for id in 7..14 {
            assert_eq!(orders.insert(id, BID), None);
        }
        assert_eq!(orders.used, 1);
        for id in 7..14 {
            assert_eq!(orders.used, 1);
            assert_eq!(orders.remove(id), Some(BID));
        }
        assert_eq!(orders.used, 0);
    }

    #[test]
    fn it_grows_with_the_orders_that_rest_and_not_with_those_that_were() {
        let mut orders = Orders::default();
        for id in 0..1_000_000 {
            orders.insert(id, BID);
            assert_eq!(orders.remove(id), Some(BID));
        }
        assert_eq!(orders.lines.len(), FEWEST_LINES);
        for id in 0..100_000 {
            orders.insert(id * 7, ASK);
        }
        assert_eq!(orders.lines.len(), (2 * 100_000_usize).next_power_of_two());
        for id in 0..100_000 {
            assert_eq!(orders.remove(id * 7), Some(ASK));
        }
    }
}
