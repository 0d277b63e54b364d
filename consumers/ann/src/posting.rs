//! A posting list that is a queue: codes in chunks, appended at the tail, expired at the head.
//!
//! Positions ascend from head to tail. Whatever leaves a list is its oldest or its newest entry,
//! so that no list ever has a hole, and a chunk that is empty goes back to a pool. A clone of a
//! list shares its chunks and stands still: what is in a chunk that is shared is copied before it
//! is written to. The shared one goes to the pool, too, and is taken from there only once nobody
//! else has it; so it is not freed by a thread that searches, unless that has it for very long.

use crate::code::Measure;
use crate::codes::Coded;
use crate::kernel::CODE_BLOCK;
use bytemuck::{Pod, Zeroable};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// Entries of one chunk.
pub(crate) const CHUNK: usize = 64;
/// Chunks that a pool keeps beside one for each list.
const SPARE: usize = 64;

/// Lanes of codes that begin with a cache line, as they are loaded.
#[derive(Clone, Copy, Debug, Zeroable, Pod)]
#[repr(C, align(64))]
struct Line([u8; CODE_BLOCK]);

/// Some consecutive entries of a list.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    codes: Box<[Line]>,
    middles: [f32; CHUNK],
    steps: [f32; CHUNK],
    sums: [f32; CHUNK],
    squares: [f32; CHUNK],
    slacks: [f32; CHUNK],
    positions: [u64; CHUNK],
}

fn copy<T: Copy>(to: &mut [T], from: &[T], places: Range<usize>) {
    if let (Some(to), Some(from)) = (to.get_mut(places.clone()), from.get(places)) {
        to.copy_from_slice(from);
    }
}

/// Chunks that no list needs at present, those that were given back first in front.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    stride: usize,
    free: VecDeque<Arc<Chunk>>,
    /// So many are kept: one for each list, which may be copied at once, and some.
    most: usize,
}

impl Chunk {
    fn codes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.codes)
    }

    #[inline]
    fn coded(&self) -> Coded<'_> {
        Coded {
            codes: self.codes(),
            middles: &self.middles,
            steps: &self.steps,
            sums: &self.sums,
            squares: &self.squares,
            slacks: &self.slacks,
        }
    }

    fn codes_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.codes)
    }

    /// Takes over the entries at these places.
    fn copy(&mut self, from: &Self, places: Range<usize>, stride: usize) {
        let bytes = places.start * stride..places.end * stride;
        copy(self.codes_mut(), from.codes(), bytes);
        copy(&mut self.middles, &from.middles, places.clone());
        copy(&mut self.steps, &from.steps, places.clone());
        copy(&mut self.sums, &from.sums, places.clone());
        copy(&mut self.squares, &from.squares, places.clone());
        copy(&mut self.slacks, &from.slacks, places.clone());
        copy(&mut self.positions, &from.positions, places);
    }
}

impl Pool {
    pub(crate) fn new(stride: usize) -> Self {
        Self { stride, free: VecDeque::new(), most: SPARE }
    }

    /// A chunk that nobody else has. The last that was given back is in a cache; where a searcher
    /// still has that, the first is the likeliest to be free.
    fn take(&mut self) -> Arc<Chunk> {
        let is_free =
            |chunk: Option<&Arc<Chunk>>| chunk.is_some_and(|chunk| Arc::strong_count(chunk) == 1);
        let found = if is_free(self.free.back()) {
            self.free.pop_back()
        } else if is_free(self.free.front()) {
            self.free.pop_front()
        } else {
            None
        };
        found.unwrap_or_else(|| {
            Arc::new(Chunk {
                codes: vec![Line::zeroed(); self.stride / CODE_BLOCK * CHUNK].into_boxed_slice(),
                middles: [0.0; CHUNK],
                steps: [0.0; CHUNK],
                sums: [0.0; CHUNK],
                squares: [0.0; CHUNK],
                slacks: [0.0; CHUNK],
                positions: [0; CHUNK],
            })
        })
    }

    fn give(&mut self, chunk: Option<Arc<Chunk>>) {
        self.free.extend(chunk);
        if self.free.len() > self.most {
            self.free.pop_front();
        }
    }

    /// Keeps as many chunks as so many lists need, and frees others.
    pub(crate) fn keep_for(&mut self, lists: usize) {
        self.most = lists + SPARE;
        self.free.truncate(self.most);
        self.free.shrink_to(self.most);
    }
}

/// One entry: a code, what is known of it, and its position.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'e> {
    pub(crate) position: u64,
    pub(crate) measure: Measure,
    pub(crate) code: &'e [u8],
}

/// The list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Posting {
    chunks: VecDeque<Arc<Chunk>>,
    /// Place of the oldest entry in the first chunk.
    first: usize,
    len: usize,
}

/// Which entries of a chunk are there, and what stands there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'r> {
    pub(crate) coded: Coded<'r>,
    pub(crate) positions: &'r [u64],
}

impl Posting {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends an entry at the tail.
    pub(crate) fn push_back(&mut self, pool: &mut Pool, entry: Entry<'_>) {
        let place = self.first + self.len;
        if place / CHUNK == self.chunks.len() {
            self.chunks.push_back(pool.take());
        }
        self.len += 1;
        self.put(pool, place, entry);
    }

    /// Puts an entry before the head, which must be younger.
    pub(crate) fn push_front(&mut self, pool: &mut Pool, entry: Entry<'_>) {
        if self.first == 0 {
            self.chunks.push_front(pool.take());
            self.first = CHUNK;
        }
        self.first -= 1;
        self.len += 1;
        self.put(pool, self.first, entry);
    }

    /// Removes the oldest entry if it is the one at `position`, and says whether it was.
    pub(crate) fn pop_front(&mut self, pool: &mut Pool, position: u64) -> bool {
        if self.position(self.first) != Some(position) {
            return false;
        }
        self.first += 1;
        self.len -= 1;
        if self.first == CHUNK || self.len == 0 {
            pool.give(self.chunks.pop_front());
            self.first = 0;
        }
        true
    }

    /// Removes the newest entry if it is the one at `position`, and says whether it was.
    pub(crate) fn pop_back(&mut self, pool: &mut Pool, position: u64) -> bool {
        let Some(last) = (self.first + self.len).checked_sub(1) else { return false };
        if self.position(last) != Some(position) {
            return false;
        }
        self.len -= 1;
        if last.is_multiple_of(CHUNK) || self.len == 0 {
            pool.give(self.chunks.pop_back());
            self.first = if self.len == 0 { 0 } else { self.first };
        }
        true
    }

    /// The entries, chunk by chunk.
    pub(crate) fn runs(&self, stride: usize) -> impl Iterator<Item = Run<'_>> {
        (0..).zip(&self.chunks).map(move |(at, chunk)| {
            let range = self.range_in(at);
            Run {
                coded: chunk.coded().part(range.clone(), stride),
                positions: chunk.positions.get(range).unwrap_or(&[]),
            }
        })
    }

    /// The places of chunk `at` that hold entries.
    fn range_in(&self, at: usize) -> Range<usize> {
        let start = if at == 0 { self.first } else { 0 };
        start..(self.first + self.len).saturating_sub(at * CHUNK).min(CHUNK)
    }

    fn position(&self, place: usize) -> Option<u64> {
        if self.len == 0 {
            return None;
        }
        self.chunks.get(place / CHUNK)?.positions.get(place % CHUNK).copied()
    }

    fn put(&mut self, pool: &mut Pool, place: usize, entry: Entry<'_>) {
        let (number, at, stride) = (place / CHUNK, place % CHUNK, pool.stride);
        let range = self.range_in(number);
        let Some(chunk) = self.chunks.get_mut(number) else { return };
        if Arc::get_mut(chunk).is_none() {
            let mut own = pool.take();
            if let Some(own) = Arc::get_mut(&mut own) {
                own.copy(chunk, range, stride);
            }
            pool.give(Some(std::mem::replace(chunk, own)));
        }
        let Some(chunk) = Arc::get_mut(chunk) else { return };
        if let Some(code) = chunk.codes_mut().get_mut(at * stride..(at + 1) * stride) {
            code.copy_from_slice(entry.code);
        }
        let Measure { middle, step, sum, square, slack } = entry.measure;
        for (all, own) in [
            (&mut chunk.middles, middle),
            (&mut chunk.steps, step),
            (&mut chunk.sums, sum),
            (&mut chunk.squares, square),
            (&mut chunk.slacks, slack),
        ] {
            if let Some(place) = all.get_mut(at) {
                *place = own;
            }
        }
        if let Some(position) = chunk.positions.get_mut(at) {
            *position = entry.position;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn measure(position: u64) -> Measure {
        let of = position as f32;
        Measure { middle: of, step: of + 1.0, sum: of * 2.0, square: of * 3.0, slack: of / 2.0 }
    }

    proptest! {
        #[test]
        fn a_list_is_a_queue_with_two_ends(
            steps in prop::collection::vec((0u8..4, 1usize..90), 1..60),
        ) {
            let mut pool = Pool::new(CODE_BLOCK);
            let (mut list, mut model) = (Posting::default(), VecDeque::new());
            let (mut low, mut high) = (10_000u64, 10_000u64);
            for (kind, count) in steps {
                for _ in 0..count {
                    match kind {
                        0 => {
                            let code = [high.to_le_bytes()[0]; CODE_BLOCK];
                            let measure = measure(high);
                            let entry = Entry { position: high, measure, code: &code };
                            list.push_back(&mut pool, entry);
                            model.push_back(high);
                            high += 1;
                        }
                        1 => {
                            low -= 1;
                            let code = [low.to_le_bytes()[0]; CODE_BLOCK];
                            let entry = Entry { position: low, measure: measure(low), code: &code };
                            list.push_front(&mut pool, entry);
                            model.push_front(low);
                        }
                        2 => {
                            let front = model.pop_front();
                            prop_assert!(!list.pop_front(&mut pool, u64::MAX));
                            prop_assert_eq!(list.pop_front(&mut pool, low), front.is_some());
                            low += u64::from(front.is_some());
                        }
                        _ => {
                            let back = model.pop_back();
                            prop_assert_eq!(list.pop_back(&mut pool, high - 1), back.is_some());
                            high -= u64::from(back.is_some());
                        }
                    }
                }
                let positions = list.runs(CODE_BLOCK).flat_map(|run| run.positions.iter().copied());
                prop_assert!(positions.eq(model.iter().copied()));
                for run in list.runs(CODE_BLOCK) {
                    for (at, position) in run.positions.iter().enumerate() {
                        prop_assert_eq!(run.coded.measure(at), measure(*position));
                        let code = run.coded.codes[at * CODE_BLOCK];
                        prop_assert_eq!(code, position.to_le_bytes()[0]);
                    }
                }
                prop_assert_eq!(list.len(), model.len());
                prop_assert!(list.chunks.len() <= model.len() / CHUNK + 2, "chunks are given back");
            }
        }
    }
}
