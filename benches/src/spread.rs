//! A median with the smallest and the largest value beside it.

use std::fmt;

/// How a quantity came out over the rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The smallest value.
    pub min: f64,
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The largest value.
    pub max: f64,
}

impl Spread {
    /// Sums up `values`; `None` if there is none. Values that are not numbers are left out.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
        let median = median(&mut values)?;
        Some(Self { min: *values.first()?, median, max: *values.last()? })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = |value: f64| match value.abs() {
            0.0..10.0 => 2,
            10.0..100.0 => 1,
            _ => 0,
        };
        let [median, min, max] =
            [self.median, self.min, self.max].map(|value| format!("{value:.*}", decimals(value)));
        f.pad(&format!("{median} [{min}..{max}]"))
    }
}

/// Sorts `values` and returns the middle one; `None` if there is none.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let of = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3.0]), Some(Spread { min: 3.0, median: 3.0, max: 3.0 }));
        assert_eq!(of(&[5.0, 1.0, 9.0]), Some(Spread { min: 1.0, median: 5.0, max: 9.0 }));
        assert_eq!(of(&[4.0, f64::NAN, 2.0]), Some(Spread { min: 2.0, median: 3.0, max: 4.0 }));
    }

    #[test]
    fn a_spread_is_written_with_three_digits() {
        let spread = Spread { min: 2.345, median: 31.42, max: 1234.5 };
        assert_eq!(spread.to_string(), "31.4 [2.35..1234]");
    }
}
