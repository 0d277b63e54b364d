//! The candidates of a search over codes: the best by their ranks.

use crate::ranking::{key, rank_of};

/// A vector whose code is near to that of a query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// The [`key`] of its rank: the lower, the nearer.
    key: i32,
    /// How near its vector can be, to be compared with a reach.
    pub(crate) least: f32,
    pub(crate) position: u64,
}

/// The `room` best of what was offered by rank and position.
///
/// A buffer of twice the room: it is cut to the best half when it is full, so that an offer costs
/// a comparison and a store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shortlist {
    held: Vec<Candidate>,
    room: usize,
    limit: f32,
}

impl Shortlist {
    /// Begins anew with room for so many. Cost: allocates if there never was as much.
    pub(crate) fn begin(&mut self, room: usize) {
        self.held.clear();
        self.room = room.max(1);
        self.held.reserve(2 * self.room);
        self.limit = f32::INFINITY;
    }

    /// The rank above which nothing gets in.
    #[inline]
    pub(crate) fn limit(&self) -> f32 {
        self.limit
    }

    /// Takes a candidate, whose rank is not above the limit. What is no number comes last.
    #[inline]
    pub(crate) fn offer(&mut self, candidate: Candidate) {
        self.held.push(candidate);
        if self.held.len() == 2 * self.room {
            self.cut();
        }
    }

    /// The `first` best, in ascending order of their positions, and the others, in none.
    pub(crate) fn best(&mut self, first: usize) -> (&[Candidate], &[Candidate]) {
        self.cut();
        let first = first.min(self.held.len());
        if (1..self.held.len()).contains(&first) {
            self.held.select_nth_unstable_by_key(first - 1, Candidate::order);
        }
        let (best, others) = self.held.split_at_mut(first);
        best.sort_unstable_by_key(|candidate| candidate.position);
        (best, others)
    }

    fn cut(&mut self) {
        if self.held.len() > self.room {
            let (_, worst, _) =
                self.held.select_nth_unstable_by_key(self.room - 1, Candidate::order);
            self.limit = rank_of(worst.key);
            self.held.truncate(self.room);
        }
    }
}

impl Candidate {
    /// A vector at `position` whose code has this rank.
    pub(crate) fn new(rank: f32, least: f32, position: u64) -> Self {
        Self { key: key(rank), least, position }
    }

    fn order(&self) -> (i32, u64) {
        (self.key, self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_best_are_those_of_a_sort_in_whatever_order_they_come(
            ranks in prop::collection::vec(-5i32..20, 0..200),
            room in 1usize..30,
            first in 0usize..40,
        ) {
            let mut offers: Vec<(i32, u64)> = ranks.into_iter().zip(0..).collect();
            let mut list = Shortlist::default();
            let mut found = Vec::new();
            for _ in 0..2 {
                list.begin(room);
                for (rank, position) in &offers {
                    let rank = *rank as f32;
                    if rank <= list.limit() {
                        list.offer(Candidate::new(rank, rank / 2.0, *position));
                    }
                }
                let (best, others) = list.best(first);
                let mut all = best.iter().chain(others);
                prop_assert!(all.all(|own| own.least == rank_of(own.key) / 2.0));
                let positions = |all: &[Candidate]| all.iter().map(|own| own.position).collect();
                let (best, mut others): (Vec<u64>, Vec<u64>) = (positions(best), positions(others));
                others.sort_unstable();
                found.push((best, others));
                offers.reverse();
            }
            offers.sort_unstable();
            let all: Vec<u64> = offers.iter().take(room).map(|offer| offer.1).collect();
            let (best, others) = all.split_at(first.min(all.len()));
            let sorted = |part: &[u64]| {
                let mut part = part.to_vec();
                part.sort_unstable();
                part
            };
            let expected = (sorted(best), sorted(others));
            prop_assert_eq!(&found[0], &expected);
            prop_assert_eq!(&found[1], &expected);
        }
    }
}
