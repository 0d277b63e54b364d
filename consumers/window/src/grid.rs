//! Prices on a sampling grid: what depends on the path of the price is computed from it.
//!
//! The grid has a point every `step << shift` nanoseconds since the epoch, and keeps for each
//! interval the last trade by (event time, sequence). The shift is the least with which the trades
//! lie in 64 intervals. Both are functions of the set of trades alone, so nothing computed from a
//! grid depends on the order of arrival, and grids of parts merge to the grid of the whole.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Intervals of a grid.
const POINTS: usize = 64;

/// The last trade in an interval.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Sample {
    pub(crate) ts_ns: i64,
    pub(crate) seq: u64,
    pub(crate) price: i64,
}

/// The samples of one instrument in one window or pane; interval i stands at `i & 63`.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Grid {
    /// First and last interval with a trade; meaningless while none is occupied.
    first: i64,
    last: i64,
    /// Bit `i & 63` says whether interval i has a trade.
    occupied: u64,
    shift: u64,
    samples: [Sample; POINTS],
}

/// What a grid tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) twap: i64,
    pub(crate) ewma: i64,
    pub(crate) realised: u128,
}

impl Grid {
    pub(crate) const EMPTY: Self = Self {
        first: 0,
        last: 0,
        occupied: 0,
        shift: 0,
        samples: [Sample { ts_ns: 0, seq: 0, price: 0 }; POINTS],
    };

    /// Adds a trade.
    pub(crate) fn add(&mut self, sample: Sample, step_ns: i64) {
        self.put(sample.ts_ns.div_euclid(step_ns) >> self.shift, sample);
    }

    /// Adds what another grid of the same step has.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.occupied == 0 {
            return;
        }
        let mut other = *other;
        if self.occupied == 0 {
            *self = other;
            return;
        }
        while self.shift < other.shift {
            self.coarsen();
        }
        while other.shift < self.shift {
            other.coarsen();
        }
        // The extent first: intervals must not be put where others still stand.
        self.fit(other.first, &mut other);
        self.fit(other.last, &mut other);
        for interval in other.first..=other.last {
            if let Some(sample) = other.get(interval) {
                self.put(interval, sample);
            }
        }
    }

    /// Mean, weighted mean and sum of squared steps over the intervals from the first to the last
    /// trade; an interval without one has the price before it.
    pub(crate) fn path(&self, ewma_shift: u8) -> Option<Path> {
        // Fractional bits of the weighted mean: a price of 63 bits leaves room for more.
        const FRACTION: u32 = 32;
        let first = self.get(self.first)?.price;
        let (mut price, mut sum, mut count, mut realised) = (first, 0_i128, 0_i128, 0_u128);
        let mut ewma = i128::from(first) << FRACTION;
        for interval in self.first..=self.last {
            let before = price;
            price = self.get(interval).map_or(price, |sample| sample.price);
            let step = u128::from(price.abs_diff(before));
            realised = realised.saturating_add(step.saturating_mul(step));
            sum += i128::from(price);
            count += 1;
            ewma += ((i128::from(price) << FRACTION) - ewma) >> ewma_shift;
        }
        // Means lie between the prices they are of.
        let narrow = |mean: i128| i64::try_from(mean).unwrap_or(price);
        Some(Path { twap: narrow(sum.div_euclid(count)), ewma: narrow(ewma >> FRACTION), realised })
    }

    fn get(&self, interval: i64) -> Option<Sample> {
        let place = place(interval);
        let is_there = self.occupied & (1 << place) != 0;
        self.samples.get(place).filter(|_| is_there).copied()
    }

    /// Coarsens until `interval` lies within the extent; the other grid goes with it.
    fn fit(&mut self, interval: i64, other: &mut Self) {
        let mut interval = interval;
        while interval.max(self.last).abs_diff(interval.min(self.first)) >= POINTS as u64 {
            self.coarsen();
            other.coarsen();
            interval >>= 1;
        }
    }

    fn put(&mut self, interval: i64, sample: Sample) {
        let mut interval = interval;
        if self.occupied == 0 {
            (self.first, self.last) = (interval, interval);
        }
        while interval.max(self.last).abs_diff(interval.min(self.first)) >= POINTS as u64 {
            self.coarsen();
            interval >>= 1;
        }
        self.first = self.first.min(interval);
        self.last = self.last.max(interval);
        let place = place(interval);
        let is_free = self.occupied & (1 << place) == 0;
        if let Some(there) = self.samples.get_mut(place)
            && (is_free || (sample.ts_ns, sample.seq) >= (there.ts_ns, there.seq))
        {
            *there = sample;
            self.occupied |= 1 << place;
        }
    }

    /// Joins each two intervals; the later one's trade is the last of both.
    fn coarsen(&mut self) {
        let old = *self;
        self.shift += 1;
        self.occupied = 0;
        (self.first, self.last) = (old.first >> 1, old.last >> 1);
        for interval in old.first..=old.last {
            let place = place(interval >> 1);
            if let (Some(sample), Some(there)) = (old.get(interval), self.samples.get_mut(place)) {
                *there = sample;
                self.occupied |= 1 << place;
            }
        }
        // What is not occupied is zero, so that equal grids have equal bytes.
        for (place, sample) in self.samples.iter_mut().enumerate() {
            if self.occupied & (1 << place) == 0 {
                *sample = Sample { ts_ns: 0, seq: 0, price: 0 };
            }
        }
    }
}

#[inline]
fn place(interval: i64) -> usize {
    (interval & 63) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grid(samples: &[(i64, u64, i64)], step_ns: i64) -> Grid {
        let mut grid = Grid::EMPTY;
        for &(ts_ns, seq, price) in samples {
            grid.add(Sample { ts_ns, seq, price }, step_ns);
        }
        grid
    }

    #[test]
    fn the_mean_weights_prices_by_how_long_they_stood() {
        let path = grid(&[(0, 1, 10), (30, 2, 20), (40, 3, 0)], 10).path(1).unwrap();
        // Intervals: 10 10 10 20 0.
        assert_eq!(path.twap, 10);
        assert_eq!(path.realised, 100 + 400);
        // 10, 10, 10, 15, 7.5
        assert_eq!(path.ewma, 7);
    }

    proptest! {
        #[test]
        fn neither_arrival_nor_division_into_parts_changes_a_grid(
            samples in prop::collection::vec((-5_000_i64..5_000, 0_i64..100), 1..200),
            cut in any::<prop::sample::Index>(),
            seed in any::<u64>(),
        ) {
            let samples: Vec<_> =
                samples.iter().zip(0..).map(|(&(ts, price), seq)| (ts, seq, price)).collect();
            let whole = grid(&samples, 3);
            let mut shuffled = samples.clone();
            shuffled.sort_by_key(|&(_, seq, _)| (seq ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            prop_assert_eq!(grid(&shuffled, 3), whole);
            let (one, other) = shuffled.split_at(cut.index(samples.len()));
            let mut merged = grid(one, 3);
            merged.merge(&grid(other, 3));
            prop_assert_eq!(merged, whole);
        }
    }
}
