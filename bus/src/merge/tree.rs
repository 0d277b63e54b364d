//! Which ring comes first: a loser tree (Knuth, The Art of Computer Programming 3, 5.4.1).
//!
//! The rings are the leaves of a binary tree. Each inner node keeps the loser of the match between
//! the winners of its two sides, so that a new key of the overall winner takes one match on each
//! level on its way up, with keys that lie on one path.

/// The key of a ring that does not take part: behind all others.
pub(super) const EXCLUDED: u64 = u64::MAX;

/// A tree over rings 0, 1, …; the smaller key wins, the lower number among equals.
#[derive(Debug)]
pub(super) struct Tree {
    keys: Box<[u64]>,
    /// Node 1 is the root; the leaf of ring `i` is node `i + n`. Node 0 keeps the winner.
    losers: Box<[usize]>,
}

/// A node that has not seen a match yet.
const NOBODY: usize = usize::MAX;

impl Tree {
    /// A tree of `count` rings with key 0.
    pub(super) fn new(count: usize) -> Self {
        let mut tree = Self {
            keys: vec![0; count].into_boxed_slice(),
            losers: vec![NOBODY; count.max(1)].into_boxed_slice(),
        };
        tree.play_all();
        tree
    }

    /// The ring that comes first; none of them if there is no ring.
    #[inline]
    pub(super) fn winner(&self) -> usize {
        self.losers.first().copied().unwrap_or(NOBODY)
    }

    /// The key of a ring.
    #[inline]
    fn key(&self, ring: usize) -> u64 {
        self.keys.get(ring).copied().unwrap_or(EXCLUDED)
    }

    /// Gives a ring another key. Cost: a match on each level for the winner; all matches for any
    /// other ring.
    #[inline]
    pub(super) fn set(&mut self, ring: usize, key: u64) {
        match self.keys.get_mut(ring) {
            Some(old) if *old != key => *old = key,
            _ => return,
        }
        if ring == self.winner() {
            self.play_up(ring);
        } else {
            self.play_all();
        }
    }

    /// Gives a ring another key, to be followed by [`play_all`](Self::play_all).
    pub(super) fn put(&mut self, ring: usize, key: u64) {
        if let Some(old) = self.keys.get_mut(ring) {
            *old = key;
        }
    }

    /// Plays the matches of one leaf against those that lost on its path.
    #[inline]
    fn play_up(&mut self, ring: usize) {
        let mut winner = (self.key(ring), ring);
        let mut node = self.leaf(ring) / 2;
        while node > 0 {
            if let Some(loser) = self.losers.get_mut(node) {
                let other = (self.keys.get(*loser).copied().unwrap_or(EXCLUDED), *loser);
                if other < winner {
                    *loser = winner.1;
                    winner = other;
                }
            }
            node /= 2;
        }
        if let Some(first) = self.losers.first_mut() {
            *first = winner.1;
        }
    }

    /// Plays all matches anew.
    #[cold]
    pub(super) fn play_all(&mut self) {
        self.losers.fill(NOBODY);
        for ring in 0..self.keys.len() {
            self.enter(ring);
        }
    }

    /// Lets a leaf go up until it has to wait for the winner of the other side.
    fn enter(&mut self, ring: usize) {
        let mut winner = ring;
        let mut node = self.leaf(ring) / 2;
        while node > 0 {
            let Some(waiting) = self.losers.get(node).copied() else { return };
            let (wins, loses) = match waiting {
                NOBODY => (NOBODY, winner),
                waiting if (self.key(waiting), waiting) < (self.key(winner), winner) => {
                    (waiting, winner)
                }
                waiting => (winner, waiting),
            };
            if let Some(loser) = self.losers.get_mut(node) {
                *loser = loses;
            }
            if wins == NOBODY {
                return;
            }
            winner = wins;
            node /= 2;
        }
        if let Some(first) = self.losers.first_mut() {
            *first = winner;
        }
    }

    fn leaf(&self, ring: usize) -> usize {
        ring + self.keys.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_winner_has_the_smallest_key_and_the_lowest_number(
            count in 1_usize..70,
            changes in prop::collection::vec((any::<bool>(), 0_usize..70, 0_u64..20), 0..200),
        ) {
            let mut tree = Tree::new(count);
            for (of_winner, ring, key) in changes {
                let ring = if of_winner { tree.winner() } else { ring % count };
                tree.set(ring, if key == 0 { EXCLUDED } else { key });
                let first = (0..count).min_by_key(|ring| (tree.key(*ring), *ring));
                prop_assert_eq!(Some(tree.winner()), first);
            }
        }
    }

    #[test]
    fn a_tree_without_rings_has_no_winner() {
        assert_eq!(Tree::new(0).winner(), NOBODY);
    }
}
