//! Which vectors a query may find.

use crate::window::Mark;

/// What a neighbour must be like. The default admits all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Only vectors of this instrument.
    pub instrument: Option<u32>,
    /// Only vectors of this event time or a later one, in nanoseconds since the Unix epoch.
    pub since_ns: u64,
    /// Only vectors of this event time or an earlier one, in nanoseconds since the Unix epoch.
    pub until_ns: u64,
    /// The bits of a vector's tag that are compared with [`tag`](Self::tag).
    pub tag_mask: u16,
    /// What those bits must be.
    pub tag: u16,
}

impl Default for Filter {
    fn default() -> Self {
        Self { instrument: None, since_ns: 0, until_ns: u64::MAX, tag_mask: 0, tag: 0 }
    }
}

impl Filter {
    /// Whether the vector of this mark may be found.
    #[inline]
    #[must_use]
    pub fn admits(&self, mark: &Mark) -> bool {
        self.instrument.is_none_or(|own| own == mark.instrument_id)
            && (self.since_ns..=self.until_ns).contains(&mark.ts_event)
            && mark.tag & self.tag_mask == self.tag & self.tag_mask
    }

    /// Whether every vector may be found.
    #[must_use]
    pub fn admits_all(&self) -> bool {
        *self == Self { tag: self.tag, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_turns_away_what_does_not_meet_it() {
        let mark = Mark { instrument_id: 7, ts_event: 100, tag: 0b0110, ..Mark::default() };
        let all = Filter::default();
        let cases = [
            (all, true),
            (Filter { instrument: Some(7), ..all }, true),
            (Filter { instrument: Some(8), ..all }, false),
            (Filter { since_ns: 100, until_ns: 100, ..all }, true),
            (Filter { since_ns: 101, ..all }, false),
            (Filter { until_ns: 99, ..all }, false),
            (Filter { tag_mask: 0b0010, tag: 0b0011, ..all }, true),
            (Filter { tag_mask: 0b0001, tag: 0b0001, ..all }, false),
            (Filter { tag_mask: 0, tag: 9, ..all }, true),
        ];
        for (filter, expected) in cases {
            assert_eq!(filter.admits(&mark), expected, "{filter:?}");
        }
        assert!(all.admits_all() && Filter { tag: 3, ..all }.admits_all());
        assert!(!Filter { until_ns: 5, ..all }.admits_all());
    }
}
