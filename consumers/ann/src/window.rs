//! The corpus: vectors of one's own in the order in which they came, the oldest leaving first.
//!
//! A window is a ring in private memory. Its vectors are known by their *position*, which counts
//! those that ever came in and so is dense where sequences have holes; the position that is the
//! oldest live one is the watermark that every index expires by. A vector leaves because newer
//! ones need its room, or because its time is over ([`Ttl`]).
//!
//! Nothing of a window is a copy of shared memory that could still change, so what an index finds
//! in it needs no validation.
//!
//! A window is made of blocks. A clone of it shares them and costs a pointer each; a block that is
//! shared is copied before it is written to. So a clone stands still while the window goes on.

use crate::error::Error;
use std::ops::Range;
use std::sync::Arc;

/// The bit of [`Mark::seq`] that says that a vector belongs to the pinned corpus.
pub const PINNED: u64 = 1 << 63;

/// What is known of a vector beside its lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mark {
    /// Its sequence in the vectors ring, or its row with the bit [`PINNED`].
    pub seq: u64,
    /// Its id, its `vec_id`.
    pub id: u64,
    /// Event time, in nanoseconds since the Unix epoch.
    pub ts_event: u64,
    /// The greatest time by the window's clock up to this vector, in nanoseconds: expiry goes
    /// by it, so that it follows the sequence.
    pub clock_ns: u64,
    /// Its instrument.
    pub instrument_id: u32,
    /// Its Euclidean norm.
    pub norm: f32,
    /// Its tag.
    pub tag: u16,
}

/// How long vectors stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    /// The time that a vector stays, in nanoseconds: it leaves once the clock is later by as much.
    pub stay_ns: u64,
    /// Which time is looked at.
    pub clock: Clock,
}

/// The clock of a window. It is that of the vectors: no wall clock is ever read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// Event times, `ts_event`.
    #[default]
    Event,
    /// Receive times, `ts_recv`.
    Receive,
}

/// Vectors of a block are at most two to this power.
const BLOCK_BITS: u32 = 7;

/// Vectors in the order in which they came.
#[derive(Clone, Debug)]
pub struct Window {
    dim: usize,
    most: usize,
    /// Vectors of a block are two to this power.
    block_bits: u32,
    blocks: Vec<Arc<Block>>,
    head: u64,
    tail: u64,
    stay_ns: Option<u64>,
    clock_ns: u64,
}

/// Vectors that lie behind one another.
#[derive(Clone, Debug)]
struct Block {
    lanes: Box<[f32]>,
    marks: Box<[Mark]>,
}

impl Block {
    fn new(dim: usize, count: usize) -> Self {
        let (lanes, marks) = (vec![0.0; dim * count], vec![Mark::default(); count]);
        Self { lanes: lanes.into(), marks: marks.into() }
    }
}

/// Vectors of a window, the most that there may be.
pub(crate) const MOST: u64 = 1 << 28;

impl Window {
    /// Makes a window for at most `most` vectors of `dim` lanes, which stay for `stay_ns`.
    ///
    /// Cost: allocates all; inserting does not.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] if there is no room or no lane, or more than could be kept.
    pub fn new(dim: usize, most: u64, stay_ns: Option<u64>) -> Result<Self, Error> {
        let refuse = |option, found, hint| {
            Err(Error::OutOfRange { option, least: 1, most: MOST, found, hint })
        };
        let Some(slots) =
            usize::try_from(most).ok().filter(|slots| (1..=MOST).contains(&most) && *slots > 0)
        else {
            return refuse("window", most, "a window holds at least one vector");
        };
        if dim == 0 || dim > usize::from(u16::MAX) {
            return refuse("dim", dim as u64, "vectors have up to 65,535 lanes");
        }
        let block_bits = slots.next_power_of_two().trailing_zeros().min(BLOCK_BITS);
        // One more than needed, so that a block that is begun anew holds nothing live.
        let count = slots.div_ceil(1 << block_bits) + 1;
        Ok(Self {
            dim,
            most: slots,
            block_bits,
            blocks: (0..count).map(|_| Arc::new(Block::new(dim, 1 << block_bits))).collect(),
            head: 0,
            tail: 0,
            stay_ns,
            clock_ns: 0,
        })
    }

    /// Lanes of each vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The positions of the live vectors. The first is the watermark of expiry.
    #[must_use]
    pub fn live(&self) -> Range<u64> {
        self.head..self.tail
    }

    /// How many vectors are live.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.tail - self.head).unwrap_or(usize::MAX)
    }

    /// Whether no vector is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head == self.tail
    }

    /// The most vectors that there can be.
    #[must_use]
    pub fn room(&self) -> usize {
        self.most
    }

    /// The mark of the vector at `position`; the blank one if it is not live.
    #[inline]
    #[must_use]
    pub fn mark(&self, position: u64) -> Mark {
        if !self.live().contains(&position) {
            return Mark::default();
        }
        let (at, place) = self.place(position);
        let mark = self.blocks.get(at).and_then(|block| block.marks.get(place));
        mark.copied().unwrap_or_default()
    }

    /// The lanes of the vector at `position`; none if it is not live.
    #[inline]
    #[must_use]
    pub fn lanes(&self, position: u64) -> &[f32] {
        if !self.live().contains(&position) {
            return &[];
        }
        let (at, place) = self.place(position);
        let lanes = place * self.dim..(place + 1) * self.dim;
        self.blocks.get(at).and_then(|block| block.lanes.get(lanes)).unwrap_or(&[])
    }

    /// The block of a position, and the place in it.
    #[inline]
    fn place(&self, position: u64) -> (usize, usize) {
        // There are at most 2^28 blocks, and most positions are small: half a division then.
        let (block, count) = (position >> self.block_bits, self.blocks.len() as u64);
        let at = match (u32::try_from(block), u32::try_from(count)) {
            (Ok(block), Ok(count)) => u64::from(block % count),
            _ => block % count,
        };
        let place = position & ((1 << self.block_bits) - 1);
        (usize::try_from(at).unwrap_or(usize::MAX), usize::try_from(place).unwrap_or(usize::MAX))
    }

    /// The block of a position to be written to, and the place in it. A block that is shared is
    /// left as it is: what was live in it is copied.
    #[inline]
    fn place_mut(&mut self, position: u64) -> Option<(&mut Block, usize)> {
        let (at, place) = self.place(position);
        let block = self.blocks.get_mut(at)?;
        if place == 0 && Arc::get_mut(block).is_none() {
            *block = Arc::new(Block::new(self.dim, 1 << self.block_bits));
        }
        Some((Arc::make_mut(block), place))
    }

    /// The slot of a position: what an index keeps for each live vector stands at this place.
    #[inline]
    #[must_use]
    pub fn slot(&self, position: u64) -> usize {
        usize::try_from(position % self.most as u64).unwrap_or(usize::MAX)
    }

    /// The lanes and marks of live vectors from `position` on that lie behind one another, `most`
    /// at most.
    #[inline]
    pub(crate) fn run(&self, position: u64, most: usize) -> (&[f32], &[Mark]) {
        if !self.live().contains(&position) {
            return (&[], &[]);
        }
        let (at, place) = self.place(position);
        let Some(block) = self.blocks.get(at) else { return (&[], &[]) };
        let left = usize::try_from(self.tail - position).unwrap_or(usize::MAX);
        let count = left.min(block.marks.len() - place).min(most);
        let lanes = block.lanes.get(place * self.dim..(place + count) * self.dim);
        (lanes.unwrap_or(&[]), block.marks.get(place..place + count).unwrap_or(&[]))
    }

    /// Moves the window's clock on, never back, and gives the time that it shows then.
    pub fn advance(&mut self, time_ns: u64) -> u64 {
        if time_ns != tickring::record::UNDEF_TIME {
            self.clock_ns = self.clock_ns.max(time_ns);
        }
        self.clock_ns
    }

    /// The position that must leave before another vector comes, or that has been here too
    /// long; `None` if all may stay.
    #[must_use]
    pub fn due(&self, is_room_needed: bool) -> Option<u64> {
        if self.is_empty() {
            return None;
        }
        let over = |stay: u64| self.clock_ns - self.mark(self.head).clock_ns >= stay;
        let is_full = is_room_needed && self.len() == self.most;
        (is_full || self.stay_ns.is_some_and(over)).then_some(self.head)
    }

    /// Lets the oldest vector go.
    pub fn pop(&mut self) {
        self.head = self.tail.min(self.head + 1);
    }

    /// Takes a vector in and gives its position; `None` if its number of lanes differs or there
    /// is no room, see [`due`](Self::due). The mark's clock is set to the window's.
    pub fn push(&mut self, mark: Mark, lanes: &[f32]) -> Option<u64> {
        if lanes.len() != self.dim || self.len() == self.most {
            return None;
        }
        let (position, dim) = (self.tail, self.dim);
        let clock_ns = self.clock_ns;
        let (block, place) = self.place_mut(position)?;
        block.lanes.get_mut(place * dim..(place + 1) * dim)?.copy_from_slice(lanes);
        *block.marks.get_mut(place)? = Mark { clock_ns, ..mark };
        self.tail += 1;
        Some(position)
    }

    /// Takes a vector of a snapshot in, whose clock is known.
    pub(crate) fn restore(&mut self, mark: Mark, lanes: &[f32]) -> Option<u64> {
        let position = self.push(mark, lanes)?;
        let (block, place) = self.place_mut(position)?;
        *block.marks.get_mut(place)? = mark;
        Some(position)
    }

    /// Begins at `position`, when a snapshot is restored into an empty window.
    pub(crate) fn begin_at(&mut self, position: u64, clock_ns: u64) {
        (self.head, self.tail, self.clock_ns) = (position, position, clock_ns);
    }

    /// The time that the window's clock shows, in nanoseconds.
    #[must_use]
    pub fn clock_ns(&self) -> u64 {
        self.clock_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(most: u64, stay_ns: Option<u64>) -> Window {
        Window::new(2, most, stay_ns).unwrap()
    }

    fn push(window: &mut Window, seq: u64, time: u64) -> Vec<u64> {
        let mut gone = Vec::new();
        window.advance(time);
        while let Some(position) = window.due(true) {
            gone.push(window.mark(position).seq);
            window.pop();
        }
        window.push(Mark { seq, ..Mark::default() }, &[seq as f32, 0.0]).unwrap();
        gone
    }

    #[test]
    fn the_oldest_leaves_when_room_is_needed() {
        let mut window = window(3, None);
        let gone: Vec<_> = (10..16).flat_map(|seq| push(&mut window, seq, 0)).collect();
        assert_eq!(gone, [10, 11, 12]);
        assert_eq!((window.live(), window.len()), (3..6, 3));
        assert_eq!(window.lanes(5), [15.0, 0.0]);
        assert_eq!(window.lanes(2), [0.0; 0], "expired");
        assert_eq!(window.lanes(6), [0.0; 0], "still to come");
    }

    #[test]
    fn vectors_leave_when_the_clock_is_later_by_their_stay() {
        let mut window = window(10, Some(5));
        for (seq, time) in [(0, 100), (1, 102), (2, 101), (3, 104)] {
            assert_eq!(push(&mut window, seq, time), []);
        }
        assert_eq!(push(&mut window, 4, 105), [0]);
        // The second was late: its clock is that of the first.
        assert_eq!(push(&mut window, 5, 107), [1, 2]);
        assert_eq!(push(&mut window, 6, 90), [], "the clock never goes back");
        assert_eq!(push(&mut window, 7, u64::MAX), [], "no time is no time");
        assert_eq!(window.clock_ns(), 107);
    }

    #[test]
    fn runs_end_where_the_memory_does() {
        let mut window = window(4, None);
        (0..6).for_each(|seq| drop(push(&mut window, seq, 0)));
        let (lanes, marks) = window.run(2, 10);
        assert_eq!((lanes, marks.len()), (&[2.0, 0.0, 3.0, 0.0][..], 2));
        assert_eq!(window.run(4, 1).1.len(), 1);
        assert_eq!(window.run(6, 1).1.len(), 0);
    }

    #[test]
    fn a_clone_stands_still_while_the_window_goes_on() {
        for most in [1, 3, 130, 300] {
            let mut own = window(most, None);
            let mut seq = 0;
            for count in [1, 2, 127, 128, 1, 300, 500] {
                let still = own.clone();
                let before: Vec<_> =
                    still.live().map(|at| (still.mark(at), own.lanes(at).to_vec())).collect();
                for _ in 0..count {
                    push(&mut own, seq, 0);
                    seq += 1;
                }
                for (position, (mark, lanes)) in still.live().zip(before) {
                    assert_eq!((still.mark(position), still.lanes(position)), (mark, &lanes[..]));
                }
                for position in own.live() {
                    assert_eq!(own.lanes(position), [own.mark(position).seq as f32, 0.0]);
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut window = window(1, None);
        assert_eq!(window.push(Mark::default(), &[1.0]), None);
        assert_eq!(window.push(Mark::default(), &[1.0, 2.0]), Some(0));
        assert_eq!(window.push(Mark::default(), &[1.0, 2.0]), None);
        for (dim, most) in [(0, 1), (1, 0), (1, MOST + 1), (1 << 16, 1)] {
            assert!(Window::new(dim, most, None).is_err(), "{dim} {most}");
        }
    }
}
