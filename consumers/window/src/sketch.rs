//! Quantiles of prices or sizes: counts in at most 64 bins of equal width.
//!
//! A bin holds the values with the same `value >> shift`; the shift is the least with which 64 bins
//! are enough. So quantiles are exact for up to 64 different values, and a sketch is a function of
//! the set of values, whatever their order. Sizes are put in by a log-linear scale first, 32 steps
//! for each power of two.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const BINS: usize = 64;
/// Sizes below this are exact; above, 32 steps for each power of two.
const LINEAR: u64 = 64;

#[derive(Clone, Copy, Debug, Default, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Bin {
    key: i64,
    count: u64,
}

/// The distribution of a number; bins in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Sketch {
    shift: u32,
    len: u32,
    bins: [Bin; BINS],
}

impl Sketch {
    pub(crate) const EMPTY: Self =
        Self { shift: 0, len: 0, bins: [Bin { key: 0, count: 0 }; BINS] };

    /// Adds a value.
    pub(crate) fn add(&mut self, value: i64) {
        self.add_many(value, 1);
    }

    /// Adds what another sketch has.
    pub(crate) fn merge(&mut self, other: &Self) {
        let mut other = *other;
        while self.shift < other.shift {
            self.coarsen();
        }
        while other.shift < self.shift {
            other.coarsen();
        }
        let shift = self.shift;
        for bin in other.used() {
            self.add_many(bin.key << shift, bin.count);
        }
    }

    /// The least value of the bin that holds the quantile: of `parts` in `of` of the values, none
    /// is above that bin.
    pub(crate) fn quantile(&self, parts: u64, of: u64) -> Option<i64> {
        let total: u64 = self.used().iter().map(|bin| bin.count).sum();
        let rank = (u128::from(total) * u128::from(parts)).div_ceil(of.into()).max(1);
        let mut seen = 0_u128;
        let found = self.used().iter().find(|bin| {
            seen += u128::from(bin.count);
            seen >= rank
        });
        found.map(|bin| bin.key << self.shift)
    }

    fn used(&self) -> &[Bin] {
        self.bins.get(..self.len as usize).unwrap_or_default()
    }

    fn add_many(&mut self, value: i64, count: u64) {
        loop {
            let key = value >> self.shift;
            match self.used().binary_search_by_key(&key, |bin| bin.key) {
                Ok(found) => {
                    if let Some(bin) = self.bins.get_mut(found) {
                        bin.count += count;
                    }
                    return;
                }
                Err(place) if (self.len as usize) < BINS => {
                    let behind = self.bins.get_mut(place..=self.len as usize).unwrap_or_default();
                    behind.rotate_right(1);
                    if let Some(bin) = behind.first_mut() {
                        *bin = Bin { key, count };
                    }
                    self.len += 1;
                    return;
                }
                Err(_) => self.coarsen(),
            }
        }
    }

    /// Doubles the width of the bins.
    fn coarsen(&mut self) {
        let old = *self;
        *self = Self { shift: old.shift + 1, ..Self::EMPTY };
        let mut len = 0;
        for bin in old.used() {
            let key = bin.key >> 1;
            let before = self.bins.get_mut(..len).unwrap_or_default().last_mut();
            if let Some(last) = before.filter(|last| last.key == key) {
                last.count += bin.count;
            } else if let Some(next) = self.bins.get_mut(len) {
                *next = Bin { key, count: bin.count };
                len += 1;
            }
        }
        self.len = u32::try_from(len).unwrap_or(0);
    }
}

/// The step of the log-linear scale that a size lies on.
pub(crate) fn step_of(size: u64) -> i64 {
    if size < LINEAR {
        return size as i64;
    }
    let power = u64::from(size.ilog2());
    let within = (size >> (power - 5)) & 31;
    (LINEAR + (power - 6) * 32 + within) as i64
}

/// The least size on a step.
pub(crate) fn size_of_step(step: i64) -> u64 {
    let step = u64::try_from(step).unwrap_or(0);
    if step < LINEAR {
        return step;
    }
    let (power, within) = ((step - LINEAR) / 32 + 6, (step - LINEAR) % 32);
    if power > 63 { u64::MAX } else { (32 + within) << (power - 5) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sketch(values: &[i64]) -> Sketch {
        let mut sketch = Sketch::EMPTY;
        values.iter().for_each(|value| sketch.add(*value));
        sketch
    }

    #[test]
    fn up_to_64_values_are_exact() {
        let values: Vec<i64> = (0..64).map(|n| n * 1_000_000_007).rev().collect();
        let sketch = sketch(&values);
        assert_eq!(sketch.quantile(50, 100), Some(31 * 1_000_000_007));
        assert_eq!(sketch.quantile(100, 100), Some(63 * 1_000_000_007));
        assert_eq!(sketch.quantile(0, 100), Some(0));
        assert_eq!(Sketch::EMPTY.quantile(50, 100), None);
    }

    #[test]
    fn the_scale_of_sizes_is_exact_below_64_and_within_a_32nd_above() {
        for size in (0..64).chain([64, 100, 1_000, 123_456_789, u64::MAX]) {
            let least = size_of_step(step_of(size));
            assert!(least <= size && size - least <= size / 32, "{size} {least}");
            assert_eq!(step_of(least), step_of(size));
        }
    }

    proptest! {
        #[test]
        fn neither_arrival_nor_division_into_parts_changes_a_sketch(
            values in prop::collection::vec(-100_000_i64..100_000, 1..300),
            cut in any::<prop::sample::Index>(),
        ) {
            let whole = sketch(&values);
            let mut sorted = values.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sketch(&sorted), whole);
            let (one, other) = values.split_at(cut.index(values.len()));
            let mut merged = sketch(one);
            merged.merge(&sketch(other));
            prop_assert_eq!(merged, whole);
            let median = whole.quantile(1, 2).unwrap();
            let exact = sorted[(sorted.len() - 1) / 2];
            prop_assert!(median <= exact && exact - median < 1 << whole.shift);
        }
    }
}
