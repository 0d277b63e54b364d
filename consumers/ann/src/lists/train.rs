//! How an index follows its data: new centroids, and the move to their lists.

use super::{Choice, Generation, Lists, ODD};
use crate::code::encode_for;
use crate::codes::Codes;
use crate::kmeans;
use crate::posting::Entry;
use crate::window::Window;
use std::thread::JoinHandle;

/// Codes of the sample for each centroid.
const SAMPLE: usize = 64;
/// Entries that move from the older lists with each vector that comes.
const MOVES: usize = 4;
/// Centroids are trained again when so many times as many vectors have come as there were: the
/// first ones were made for the beginning of a stream.
const GROWTH: u64 = 4;
/// The first centroids take over when this part of the live vectors has come since training began,
/// later ones when that part has: while there are none, all codes are looked at.
const FIRST_DELAY: u64 = 4;
const DELAY: u64 = 2;

/// Centroids in the making.
#[derive(Debug)]
pub(super) struct Training {
    thread: Option<JoinHandle<Codes>>,
    /// The position at which the centroids take over, whether or not they were ready before.
    due: u64,
}

/// Lists of the centroids before the newest, whose entries are moving.
#[derive(Clone, Debug)]
pub(super) struct Older {
    pub(super) generation: Generation,
    /// The newest position that has not moved; `None` if none is left.
    next: Option<u64>,
}

impl Lists {
    /// Begins to train if there are enough vectors, or the centroids fit no more.
    pub(super) fn train_if_due(&mut self, window: &Window, position: u64) {
        let live = window.len() as u64;
        let has_grown = position >= self.body.trained_at.saturating_mul(GROWTH);
        let wants = self.body.choice.lists > 1 && (has_grown || self.body.is_stale);
        let is_due = live >= self.body.choice.lists_from && wants;
        if !is_due || !self.is_settled() {
            return;
        }
        (self.body.is_stale, self.body.trained_at) = (false, position);
        let count = self.lists_for(live);
        let sample = self.sample(window, count.saturating_mul(SAMPLE));
        let dim = window.dim();
        let train = move || kmeans::train(&sample, dim, count);
        let builder = std::thread::Builder::new().name("ann-train".to_owned());
        // Without a thread it is done when it is due.
        let thread = builder.spawn(train).ok();
        let is_first = self.body.newest.lists.len() == 1;
        let delay = live / if is_first { FIRST_DELAY } else { DELAY };
        self.training = Some(Training { thread, due: position + delay.max(1) });
    }

    /// How many lists there should be for so many vectors.
    fn lists_for(&self, live: u64) -> usize {
        let Choice { lists, per_list, .. } = self.body.choice;
        let lists = (live / u64::from(per_list.max(1))).clamp(1, lists.into());
        usize::try_from(lists).unwrap_or(usize::MAX)
    }

    /// Completes what is under way at once, for a corpus that gets no more vectors.
    pub(crate) fn settle(&mut self, window: &Window) {
        if let Some(training) = &mut self.training {
            training.due = 0;
        }
        self.swap_if_due(window, window.live().end);
        while self.body.older.is_some() {
            self.migrate(window);
        }
    }

    /// Codes of up to `most` live vectors, evenly spread.
    fn sample(&self, window: &Window, most: usize) -> Codes {
        let live = window.live();
        let step = (live.end - live.start).div_ceil(most.max(1) as u64).max(1);
        let (mut sample, mut code) = (Codes::new(self.body.stride), vec![0; self.body.stride]);
        for position in live.step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            let exact = (window.lanes(position), window.mark(position).norm);
            let measure = encode_for(self.body.metric, exact, &mut code);
            sample.push(&code, measure);
        }
        sample
    }

    /// Lets the trained centroids take over if this is the position for it.
    pub(super) fn swap_if_due(&mut self, window: &Window, position: u64) {
        let Some(training) = self.training.take_if(|training| training.due <= position) else {
            return;
        };
        let trained = training.thread.and_then(|thread| thread.join().ok());
        let centroids = trained.unwrap_or_else(|| {
            let count = self.lists_for(window.len() as u64);
            let sample = self.sample(window, count.saturating_mul(SAMPLE));
            kmeans::train(&sample, window.dim(), count)
        });
        self.pool.keep_for(centroids.len());
        let lists = centroids.len() as u64;
        let generation = std::mem::replace(&mut self.body.newest, Generation::new(centroids));
        self.body.older = Some(Older { generation, next: position.checked_sub(1) });
        self.body.stats.generation = self.body.stats.generation.wrapping_add(1);
        self.body.stats.lists = lists;
    }

    /// Moves a few entries of the older lists, the newest first: what is at the tail there goes
    /// to the head here.
    pub(super) fn migrate(&mut self, window: &Window) {
        for _ in 0..MOVES {
            let Some(older) = &mut self.body.older else { return };
            let Some(position) = older.next.filter(|next| window.live().contains(next)) else {
                self.body.older = None;
                return;
            };
            older.next = position.checked_sub(1);
            let slot = window.slot(position);
            let home = self.homes.get(slot).copied().unwrap_or(0);
            let list = usize::try_from(home & !ODD).unwrap_or(usize::MAX);
            let posting = older.generation.list_mut(list);
            let was_there = posting.is_some_and(|list| list.pop_back(&mut self.pool, position));
            debug_assert!(was_there, "position {position} is the newest of its older list");
            let (measure, list) = self.code(window, position);
            let home = self.home_of(list);
            let entry = Entry { position, measure, code: &self.seeker.code };
            if let Some(posting) = self.body.newest.list_mut(list) {
                posting.push_front(&mut self.pool, entry);
            }
            if let Some(at) = self.homes.get_mut(slot) {
                *at = home;
            }
        }
    }
}
