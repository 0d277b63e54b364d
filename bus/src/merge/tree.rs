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
    losers: Box<[Player]>,
}

/// A ring with its key, kept in the node so that a match needs no further load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Player {
    key: u64,
    ring: usize,
}

/// Stands in a node that has not seen a match yet, and loses against everybody.
const NOBODY: Player = Player { key: EXCLUDED, ring: usize::MAX };

impl Player {
    /// Whether this one comes first. Both comparisons are made, without a branch between them:
    /// which of two rings comes first is what no processor can predict.
    #[inline]
    fn beats(self, other: Self) -> bool {
        (self.key < other.key) | ((self.key == other.key) & (self.ring < other.ring))
    }
}

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
        self.losers.first().map_or(NOBODY.ring, |winner| winner.ring)
    }

    /// Gives a ring another key. Cost: a match on each level for the winner; all matches for any
    /// other ring.
    #[inline]
    pub(super) fn set(&mut self, ring: usize, key: u64) {
        self.put(ring, key);
        if ring == self.winner() {
            self.play_up(Player { key, ring });
        } else {
            self.play_all();
        }
    }

    /// Gives a ring another key, to be followed by [`play_all`](Self::play_all).
    #[inline]
    pub(super) fn put(&mut self, ring: usize, key: u64) {
        if let Some(old) = self.keys.get_mut(ring) {
            *old = key;
        }
    }

    /// Plays the matches of one leaf against those that lost on its path.
    #[inline]
    fn play_up(&mut self, leaf: Player) {
        let mut winner = leaf;
        let mut node = (leaf.ring + self.keys.len()) / 2;
        while node > 0 {
            if let Some(loser) = self.losers.get_mut(node) {
                let other = *loser;
                let (first, second) =
                    if other.beats(winner) { (other, winner) } else { (winner, other) };
                *loser = second;
                winner = first;
            }
            node /= 2;
        }
        if let Some(first) = self.losers.first_mut() {
            *first = winner;
        }
    }

    /// Plays all matches anew: each leaf goes up until it has to wait for the other side.
    #[cold]
    pub(super) fn play_all(&mut self) {
        self.losers.fill(NOBODY);
        let count = self.keys.len();
        for (ring, key) in self.keys.iter().enumerate() {
            let mut winner = Player { key: *key, ring };
            let mut node = (ring + count) / 2;
            while let Some(loser) = self.losers.get_mut(node) {
                if node == 0 || *loser == NOBODY {
                    *loser = winner;
                    break;
                }
                if loser.beats(winner) {
                    core::mem::swap(loser, &mut winner);
                }
                node /= 2;
            }
        }
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
                let first = (0..count).min_by_key(|ring| (tree.keys[*ring], *ring));
                prop_assert_eq!(Some(tree.winner()), first);
            }
        }
    }

    #[test]
    fn a_tree_without_rings_has_no_winner() {
        assert_eq!(Tree::new(0).winner(), usize::MAX);
    }
}
