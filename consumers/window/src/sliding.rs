//! Count windows: the last so many trades of an instrument, every so many trades.
//!
//! Sums slide in constant time, in the worst case too, by DABA Lite: a queue of partial sums, part
//! of which always are sums up to a border, with each step moving one border on by one.
//! Source: Tangwongsan, Hirzel, Schneider, "In-order sliding-window aggregation in worst-case
//! constant time", VLDB Journal 2021.

use crate::WindowError;
use crate::cell::Cell;
use crate::output::Sink;
use crate::shared::{Due, Shared};
use crate::state::{Loader, Saver};
use crate::store::Store;
use crate::trade::WindowTrade;
use tickring::record::window_flag;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The borders in the queue of one instrument, by position; a position stands at itself modulo
/// the length of the queue.
///
/// From `front` to `left` a cell is the sum from there to `back`; from `left` to `right` the sum to
/// `right`; from `right` to `accum` a trade; from `accum` to `back` the sum to `back`; from `back`
/// to `end` a trade. Always `front <= left <= right <= accum <= back <= end`.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
struct Borders {
    /// Sum from `right` to `back`.
    middle: Cell,
    /// Sum from `back` to `end`.
    newest: Cell,
    front: u64,
    left: u64,
    right: u64,
    accum: u64,
    back: u64,
    end: u64,
    /// Trades since the last window.
    since: u64,
    _unused: u64,
}

/// The last trades of one instrument.
#[derive(Clone, Debug)]
struct Queue {
    borders: Borders,
    /// A power of two, above the trades of a window.
    cells: Vec<Cell>,
}

impl Queue {
    fn new(size: u64) -> Self {
        let room = usize::try_from(size + 1).unwrap_or(usize::MAX).next_power_of_two();
        let borders = Borders {
            middle: Cell::EMPTY,
            newest: Cell::EMPTY,
            front: 0,
            left: 0,
            right: 0,
            accum: 0,
            back: 0,
            end: 0,
            since: 0,
            _unused: 0,
        };
        Self { borders, cells: vec![Cell::EMPTY; room] }
    }

    fn len(&self) -> u64 {
        self.borders.end - self.borders.front
    }

    fn push(&mut self, trade: &WindowTrade) {
        let mut cell = Cell::EMPTY;
        cell.add(trade);
        self.set(self.borders.end, cell);
        self.borders.end += 1;
        self.borders.newest.merge(&cell);
        self.step();
    }

    fn pop(&mut self) {
        self.borders.front += 1;
        self.step();
    }

    /// Makes a cell the sum of all.
    fn sum_to(&self, sum: &mut Cell) {
        let oldest = self.cells.get(self.place(self.borders.front));
        *sum = match oldest.filter(|_| self.borders.front != self.borders.back) {
            Some(oldest) => *oldest,
            None => Cell::EMPTY,
        };
        sum.merge(&self.borders.newest);
    }

    fn step(&mut self) {
        if self.borders.left == self.borders.back {
            self.flip();
        }
        let Borders { front, left, right, accum, back, .. } = self.borders;
        if front == back {
            return;
        }
        if accum != right {
            let places = [self.place(accum - 1), self.place(accum)];
            if accum != back
                && let Ok([to, from]) = self.cells.get_disjoint_mut(places)
            {
                to.merge(from);
            }
            self.borders.accum -= 1;
        }
        if left != right {
            let place = self.place(left);
            if let Some(cell) = self.cells.get_mut(place) {
                cell.merge(&self.borders.middle);
            }
            self.borders.left += 1;
        } else {
            self.borders.left += 1;
            self.borders.right += 1;
            self.borders.accum += 1;
            let accum = self.borders.accum;
            self.borders.middle = if accum == back { Cell::EMPTY } else { self.get(accum) };
        }
    }

    fn flip(&mut self) {
        let borders = &mut self.borders;
        borders.left = borders.front;
        borders.right = borders.back;
        borders.accum = borders.end;
        borders.back = borders.end;
        borders.middle = std::mem::replace(&mut borders.newest, Cell::EMPTY);
    }

    #[inline]
    fn get(&self, position: u64) -> Cell {
        self.cells.get(self.place(position)).copied().unwrap_or(Cell::EMPTY)
    }

    #[inline]
    fn set(&mut self, position: u64, cell: Cell) {
        let place = self.place(position);
        if let Some(there) = self.cells.get_mut(place) {
            *there = cell;
        }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "masked below the number of cells")]
    fn place(&self, position: u64) -> usize {
        position as usize & (self.cells.len() - 1)
    }
}

/// Count windows of all instruments.
#[derive(Clone, Debug)]
pub(crate) struct Sliding {
    size: u64,
    slide: u64,
    queues: Vec<Queue>,
    scratch: Store,
}

impl Sliding {
    pub(crate) fn new(size: u32, slide: u32, shared: &Shared) -> Self {
        let mut scratch = Store::new(shared.wanted);
        scratch.grow(0);
        Self { size: size.into(), slide: slide.into(), queues: Vec::new(), scratch }
    }

    /// Adds a trade, and publishes the window that ends with it, if one does.
    pub(crate) fn trade(&mut self, shared: &mut Shared, trade: &WindowTrade, out: &mut Sink<'_>) {
        let number = shared.instruments.number(trade.instrument_id);
        if number >= self.queues.len() {
            self.queues.resize_with(number + 1, || Queue::new(self.size));
        }
        let Some(queue) = self.queues.get_mut(number) else { return };
        if queue.len() == self.size {
            queue.pop();
        }
        queue.push(trade);
        queue.borders.since += 1;
        if queue.borders.since < self.slide {
            return;
        }
        queue.borders.since = 0;
        let Some(sum) = self.scratch.cell_mut(0) else { return };
        queue.sum_to(sum);
        let span = (sum.first_ns, sum.last_ns.saturating_add(1));
        let (flags, store) = (window_flag::FINAL, &self.scratch);
        shared.publish(&Due { number, span, revision: 0, flags, store, at: 0 }, out);
    }

    pub(crate) fn save(&self, to: &mut Saver<'_>) {
        to.value(&(self.queues.len() as u64));
        for queue in &self.queues {
            to.value(&queue.borders);
            to.slice(&queue.cells);
        }
    }

    pub(crate) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        self.queues.clear();
        for _ in 0..from.value::<u64>()? {
            let borders = from.value()?;
            let cells: Vec<Cell> = from.slice()?;
            if !cells.len().is_power_of_two() {
                let found = format!("{}", cells.len());
                return Err(WindowError::State { expected: "a power of two".to_owned(), found });
            }
            self.queues.push(Queue { borders, cells });
        }
        Ok(())
    }
}
