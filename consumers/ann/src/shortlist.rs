//! The candidates of a search over codes: the best by an integer score.

/// The `room` best of what was offered by (score, position), the lower the better.
///
/// A buffer of twice the room: it is cut to the best half when it is full, so that an offer costs
/// a comparison and a store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shortlist {
    held: Vec<(i32, u64)>,
    room: usize,
    limit: i32,
}

impl Shortlist {
    /// Begins anew with room for so many. Cost: allocates if there never was as much.
    pub(crate) fn begin(&mut self, room: usize) {
        self.held.clear();
        self.room = room.max(1);
        self.held.reserve(2 * self.room);
        self.limit = i32::MAX;
    }

    /// The score above which nothing gets in.
    #[inline]
    pub(crate) fn limit(&self) -> i32 {
        self.limit
    }

    /// Takes a candidate, whose score is not above the limit.
    #[inline]
    pub(crate) fn offer(&mut self, score: i32, position: u64) {
        self.held.push((score, position));
        if self.held.len() == 2 * self.room {
            self.cut();
        }
    }

    /// The positions of the best, in ascending order.
    pub(crate) fn positions(&mut self) -> impl Iterator<Item = u64> {
        self.cut();
        self.held.sort_unstable_by_key(|(_, position)| *position);
        self.held.iter().map(|(_, position)| *position)
    }

    fn cut(&mut self) {
        if self.held.len() > self.room {
            let (_, worst, _) = self.held.select_nth_unstable(self.room - 1);
            self.limit = worst.0;
            self.held.truncate(self.room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_best_are_those_of_a_sort_in_whatever_order_they_come(
            scores in prop::collection::vec(-5i32..20, 0..200),
            room in 1usize..30,
        ) {
            let mut offers: Vec<(i32, u64)> = scores.into_iter().zip(0..).collect();
            let mut list = Shortlist::default();
            let mut found = Vec::new();
            for _ in 0..2 {
                list.begin(room);
                for (score, position) in &offers {
                    if *score <= list.limit() {
                        list.offer(*score, *position);
                    }
                }
                found.push(list.positions().collect::<Vec<_>>());
                offers.reverse();
            }
            offers.sort_unstable();
            let mut expected: Vec<u64> = offers.iter().take(room).map(|offer| offer.1).collect();
            expected.sort_unstable();
            prop_assert_eq!(&found[0], &expected);
            prop_assert_eq!(&found[1], &expected);
        }
    }
}
