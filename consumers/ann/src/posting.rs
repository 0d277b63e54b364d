//! A posting list that is a queue: codes in chunks, appended at the tail, expired at the head.
//!
//! Positions ascend from head to tail. Whatever leaves a list is its oldest or its newest entry,
//! so that no list ever has a hole, and a chunk that is empty goes back to a pool. A clone of a
//! list shares its chunks and stands still: a chunk that is shared is copied before it is written
//! to, and given back only once nobody else has it.

use crate::kernel::CODE_BLOCK;
use bytemuck::{Pod, Zeroable};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// Entries of one chunk.
pub(crate) const CHUNK: usize = 64;

/// Lanes of codes that begin with a cache line, as they are loaded.
#[derive(Clone, Copy, Debug, Zeroable, Pod)]
#[repr(C, align(64))]
struct Line([u8; CODE_BLOCK]);

/// Some consecutive entries of a list.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    codes: Box<[Line]>,
    squares: [i32; CHUNK],
    slacks: [f32; CHUNK],
    positions: [u64; CHUNK],
}

/// Chunks that no list needs at present. What was allocated once is kept.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    stride: usize,
    free: Vec<Arc<Chunk>>,
}

impl Chunk {
    fn codes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.codes)
    }

    fn codes_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.codes)
    }
}

impl Pool {
    pub(crate) fn new(stride: usize) -> Self {
        Self { stride, free: Vec::new() }
    }

    fn take(&mut self) -> Arc<Chunk> {
        self.free.pop().unwrap_or_else(|| {
            Arc::new(Chunk {
                codes: vec![Line::zeroed(); self.stride / CODE_BLOCK * CHUNK].into_boxed_slice(),
                squares: [0; CHUNK],
                slacks: [0.0; CHUNK],
                positions: [0; CHUNK],
            })
        })
    }

    /// Keeps a chunk, unless somebody else still has it.
    fn give(&mut self, chunk: Option<Arc<Chunk>>) {
        self.free.extend(chunk.filter(|chunk| Arc::strong_count(chunk) == 1));
    }
}

/// What is known of a code: the sum of the squares of its signed lanes, and how far its vector
/// lies from what it stands for, in steps of the quantiser.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Measure {
    pub(crate) square: i32,
    pub(crate) slack: f32,
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
    pub(crate) codes: &'r [u8],
    pub(crate) squares: &'r [i32],
    pub(crate) slacks: &'r [f32],
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
        self.put(pool.stride, place, entry);
    }

    /// Puts an entry before the head, which must be younger.
    pub(crate) fn push_front(&mut self, pool: &mut Pool, entry: Entry<'_>) {
        if self.first == 0 {
            self.chunks.push_front(pool.take());
            self.first = CHUNK;
        }
        self.first -= 1;
        self.len += 1;
        self.put(pool.stride, self.first, entry);
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
            let Range { start, end } = self.range_in(at);
            Run {
                codes: chunk.codes().get(start * stride..end * stride).unwrap_or(&[]),
                squares: chunk.squares.get(start..end).unwrap_or(&[]),
                slacks: chunk.slacks.get(start..end).unwrap_or(&[]),
                positions: chunk.positions.get(start..end).unwrap_or(&[]),
            }
        })
    }

    /// Lets `recode` write the code of each entry anew and say what is known of it.
    pub(crate) fn recode(
        &mut self,
        stride: usize,
        mut recode: impl FnMut(u64, &mut [u8]) -> Measure,
    ) {
        for at in 0..self.chunks.len() {
            let range = self.range_in(at);
            let Some(chunk) = self.chunks.get_mut(at).map(Arc::make_mut) else { return };
            let codes: &mut [u8] = bytemuck::cast_slice_mut(&mut chunk.codes);
            let measures = chunk.squares.iter_mut().zip(&mut chunk.slacks);
            let codes = measures.zip(codes.chunks_exact_mut(stride));
            let entries = chunk.positions.iter().zip(codes);
            for (position, ((square, slack), code)) in entries.take(range.end).skip(range.start) {
                let measure = recode(*position, code);
                (*square, *slack) = (measure.square, measure.slack);
            }
        }
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

    fn put(&mut self, stride: usize, place: usize, entry: Entry<'_>) {
        let at = place % CHUNK;
        let Some(chunk) = self.chunks.get_mut(place / CHUNK).map(Arc::make_mut) else { return };
        if let Some(code) = chunk.codes_mut().get_mut(at * stride..(at + 1) * stride) {
            code.copy_from_slice(entry.code);
        }
        if let (Some(square), Some(slack)) = (chunk.squares.get_mut(at), chunk.slacks.get_mut(at)) {
            (*square, *slack) = (entry.measure.square, entry.measure.slack);
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
        let square = i32::try_from(position).unwrap() * 3;
        Measure { square, slack: position as f32 / 2.0 }
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
                        let (square, slack) = (run.squares[at], run.slacks[at]);
                        prop_assert_eq!(Measure { square, slack }, measure(*position));
                        prop_assert_eq!(run.codes[at * CODE_BLOCK], position.to_le_bytes()[0]);
                    }
                }
                prop_assert_eq!(list.len(), model.len());
                prop_assert!(list.chunks.len() <= model.len() / CHUNK + 2, "chunks are given back");
            }
        }
    }
}
