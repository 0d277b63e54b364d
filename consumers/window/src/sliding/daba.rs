//! Sums that slide in constant time, in the worst case too: DABA Lite, a queue of partial sums,
//! part of which always are sums up to a border, with each step moving one border on by one.
//! Source: Tangwongsan, Hirzel, Schneider, "In-order sliding-window aggregation in worst-case
//! constant time", VLDB Journal 2021.

use crate::WindowError;
use crate::cell::Cell;
use crate::state::{Loader, Saver};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The borders in a queue, by position; a position stands at itself modulo the length of the
/// queue.
///
/// From `front` to `left` a cell is the sum from there to `back`; from `left` to `right` the sum to
/// `right`; from `right` to `accum` what was put in; from `accum` to `back` the sum to `back`; from
/// `back` to `end` what was put in. Always `front <= left <= right <= accum <= back <= end`.
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
    _unused: [u64; 2],
}

/// A queue of cells with the sum of all of them.
#[derive(Clone, Debug)]
pub(super) struct Daba {
    borders: Borders,
    /// A power of two, above the cells that are in the queue at once.
    cells: Vec<Cell>,
}

impl Daba {
    /// A queue that holds `most` cells at once.
    pub(super) fn new(most: usize) -> Self {
        let borders = Borders {
            middle: Cell::EMPTY,
            newest: Cell::EMPTY,
            front: 0,
            left: 0,
            right: 0,
            accum: 0,
            back: 0,
            end: 0,
            _unused: [0; 2],
        };
        Self { borders, cells: vec![Cell::EMPTY; (most + 1).next_power_of_two()] }
    }

    pub(super) fn push(&mut self, cell: &Cell) {
        let place = self.place(self.borders.end);
        if let Some(there) = self.cells.get_mut(place) {
            *there = *cell;
        }
        self.borders.end += 1;
        self.borders.newest.merge(cell);
        self.step();
    }

    pub(super) fn pop(&mut self) {
        if self.borders.front < self.borders.end {
            self.borders.front += 1;
            self.step();
        }
    }

    /// The sum of all.
    pub(super) fn sum(&self) -> Cell {
        let Borders { front, back, .. } = self.borders;
        let mut sum = if front == back { Cell::EMPTY } else { self.get(front) };
        sum.merge(&self.borders.newest);
        sum
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

    fn get(&self, position: u64) -> Cell {
        self.cells.get(self.place(position)).copied().unwrap_or(Cell::EMPTY)
    }

    #[expect(clippy::cast_possible_truncation, reason = "masked below the number of cells")]
    fn place(&self, position: u64) -> usize {
        position as usize & (self.cells.len() - 1)
    }

    pub(super) fn save(&self, to: &mut Saver<'_>) {
        to.value(&self.borders);
        to.slice(&self.cells);
    }

    pub(super) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        let borders = from.value()?;
        let cells: Vec<Cell> = from.slice()?;
        if cells.len() != self.cells.len() {
            let expected = format!("{} partial sums", self.cells.len());
            let found = cells.len().to_string();
            return Err(WindowError::State { expected, found });
        }
        *self = Self { borders, cells };
        Ok(())
    }
}
