//! How many values of which size were seen, and how that goes from process to process as text.

use hdrhistogram::Histogram;

/// The largest value that is told apart: some ten minutes, in ticks.
const LARGEST: u64 = 1 << 40;

/// A histogram of ticks with three digits.
#[derive(Clone, Debug)]
pub struct Distribution {
    counts: Histogram<u64>,
}

impl Default for Distribution {
    fn default() -> Self {
        Self::new()
    }
}

impl Distribution {
    /// An empty distribution. Its memory is touched here, so that recording takes no page fault.
    #[must_use]
    pub fn new() -> Self {
        let Ok(mut counts) = Histogram::new_with_bounds(1, LARGEST, 3) else {
            unreachable!("the bounds are constant and valid")
        };
        counts.reset();
        Self { counts }
    }

    /// Adds a value.
    #[inline]
    pub fn record(&mut self, ticks: u64) {
        self.counts.saturating_record(ticks);
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.counts.len()
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The value that the share `quantile` of all values does not exceed.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> u64 {
        self.counts.value_at_quantile(quantile)
    }

    /// The largest value.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.counts.max()
    }

    /// How many values are above `ticks`, as exactly as the histogram tells them apart.
    #[must_use]
    pub fn above(&self, ticks: u64) -> u64 {
        let next = self.counts.next_non_equivalent(ticks);
        if next > LARGEST { 0 } else { self.counts.count_between(next, LARGEST) }
    }

    /// Adds all values of `other`.
    pub fn merge(&mut self, other: &Self) {
        for value in other.counts.iter_recorded() {
            let ticks = value.value_iterated_to();
            self.counts.saturating_record_n(ticks, value.count_at_value());
        }
    }

    /// Writes it as `value:count` separated by blanks.
    #[must_use]
    pub fn encode(&self) -> String {
        let values = self.counts.iter_recorded();
        let pairs = values.map(|v| format!("{}:{}", v.value_iterated_to(), v.count_at_value()));
        pairs.collect::<Vec<_>>().join(" ")
    }

    /// Reads what [`encode`](Self::encode) wrote; `None` if it is something else.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let mut distribution = Self::new();
        for pair in text.split_whitespace() {
            let (value, count) = pair.split_once(':')?;
            distribution.counts.saturating_record_n(value.parse().ok()?, count.parse().ok()?);
        }
        Some(distribution)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[u64]) -> Distribution {
        let mut distribution = Distribution::new();
        for value in values {
            distribution.record(*value);
        }
        distribution
    }

    #[test]
    fn a_distribution_survives_being_written_and_read() {
        let one = of(&[1, 70, 70, 1_500, 3_000_000]);
        let other = Distribution::decode(&one.encode()).unwrap();
        assert_eq!(other.len(), 5);
        assert_eq!(other.quantile(0.5), 70);
        assert_eq!(other.encode(), one.encode());
        assert!(Distribution::decode("").unwrap().is_empty());
        for bad in ["1", "1:", "a:1", "1:2:3"] {
            assert!(Distribution::decode(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn merging_adds_the_counts() {
        let mut sum = of(&[10, 20]);
        sum.merge(&of(&[20, 30]));
        assert_eq!(sum.encode(), "10:1 20:2 30:1");
    }

    #[test]
    fn values_above_a_threshold_are_counted_without_the_threshold() {
        let distribution = of(&[99, 100, 101, 5_000]);
        assert_eq!(distribution.above(100), 2);
        assert_eq!(distribution.above(98), 4);
        assert_eq!(distribution.above(LARGEST), 0);
    }
}
