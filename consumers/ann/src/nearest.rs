//! The k nearest of what has been offered so far.

/// A vector near to a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Sequence of the vector in its ring.
    pub seq: u64,
    /// Id of the vector, its `vec_id`.
    pub id: u64,
    /// Distance from the query in the [`Metric`](crate::Metric) of the scan; never NaN.
    pub distance: f32,
}

/// At most k neighbours in order of their distance; of equal ones the first offered leads.
///
/// A sorted array: after the first few hundred vectors of a scan hardly one in a hundred gets
/// in, so that a comparison with the last place is all that counts.
#[derive(Clone, Debug)]
pub struct Nearest {
    places: Vec<Neighbour>,
    k: usize,
    /// The limit while there are free places.
    outer: f32,
}

impl Nearest {
    /// Makes room for `k` neighbours.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self { places: Vec::with_capacity(k), k, outer: f32::NAN }
    }

    /// The neighbours, the nearest first.
    #[must_use]
    pub fn as_slice(&self) -> &[Neighbour] {
        &self.places
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.places.clear();
    }

    /// Begins anew, for `k` neighbours that are at most `radius` away. Cost: allocates if `k` was
    /// never as large.
    pub fn begin(&mut self, k: usize, radius: Option<f32>) {
        self.places.clear();
        self.places.reserve(k);
        self.k = k;
        self.outer = radius.map_or(f32::NAN, f32::next_up);
    }

    /// How many neighbours there is room for, free or not.
    #[must_use]
    pub fn room(&self) -> usize {
        self.k
    }

    /// Whether there is no free place.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.places.len() >= self.k
    }

    /// Whether neighbours must lie within a radius.
    #[must_use]
    pub fn has_radius(&self) -> bool {
        !self.outer.is_nan()
    }

    /// The distance from which on none gets in; NaN while any number would, because no number is
    /// as far as that. One comparison therefore turns away what is too far.
    #[inline]
    #[must_use]
    pub fn limit(&self) -> f32 {
        if self.places.len() < self.k {
            return self.outer;
        }
        // Without places, k being zero, nothing gets in.
        self.places.last().map_or(f32::NEG_INFINITY, |last| last.distance)
    }

    /// Takes `neighbour` in if it is near enough, which NaN never is. Of equal ones the first
    /// that was offered leads, so they are offered in the order of their sequences.
    ///
    /// Cost: no allocation.
    pub fn offer(&mut self, neighbour: Neighbour) {
        if neighbour.distance >= self.limit() || neighbour.distance.is_nan() {
            return;
        }
        let place = self.places.partition_point(|held| held.distance <= neighbour.distance);
        self.places.truncate(self.k - 1);
        self.places.insert(place, neighbour);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn collect(k: usize, distances: &[f32]) -> Vec<(u64, f32)> {
        let mut nearest = Nearest::new(k);
        for (seq, distance) in (0..).zip(distances) {
            nearest.offer(Neighbour { seq, id: seq, distance: *distance });
        }
        nearest.as_slice().iter().map(|n| (n.seq, n.distance)).collect()
    }

    #[test]
    fn infinities_fill_free_places_and_nan_never_does() {
        let distances = [f32::INFINITY, f32::NAN, 1.0, f32::INFINITY, f32::NEG_INFINITY];
        assert_eq!(collect(3, &distances), [(4, f32::NEG_INFINITY), (2, 1.0), (0, f32::INFINITY)]);
    }

    #[test]
    fn no_place_takes_nothing() {
        assert_eq!(collect(0, &[1.0, f32::NEG_INFINITY]), []);
    }

    #[test]
    fn a_radius_admits_what_lies_on_it_and_nothing_beyond() {
        let mut nearest = Nearest::new(1);
        nearest.begin(3, Some(2.0));
        for (seq, distance) in (0..).zip([2.0, 2.1, 0.5, f32::NAN, 2.0, 1.0]) {
            nearest.offer(Neighbour { seq, id: seq, distance });
        }
        let found: Vec<u64> = nearest.as_slice().iter().map(|near| near.seq).collect();
        assert_eq!(found, [2, 5, 0]);
    }

    proptest! {
        #[test]
        fn the_kept_ones_are_the_first_k_of_a_stable_sort(
            distances in prop::collection::vec((-3i8..6).prop_map(f32::from), 0..60),
            k in 0usize..20,
        ) {
            let mut expected: Vec<(u64, f32)> = (0..).zip(distances.iter().copied()).collect();
            expected.sort_by(|a, b| a.1.total_cmp(&b.1));
            expected.truncate(k);
            prop_assert_eq!(collect(k, &distances), expected);
        }
    }
}
