//! Which windows are known to lack records.
//!
//! A lost record was published before the next one that is read, and at most the delay is expected
//! between event times out of order: so it belongs to a window that was not over when it was lost,
//! and not to one that begins more than the delay behind the next record. Both bounds are kept with
//! the number lost, and every bar of a window in between is flagged.

use crate::WindowError;
use crate::state::{Loader, Saver};
use tickring::record::{Gap, gap_state, window_flag};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Losses that are kept apart; when there are more, the two oldest become one that spans both.
const KEPT: usize = 64;
/// The instrument of a loss that may touch any.
const ANY: u32 = 0;

/// One loss: windows that end behind `from` and begin at or before `until` may lack records.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Range {
    from: i64,
    /// The end of time until a record has been read after the loss.
    until: i64,
    missed: u64,
    /// Of a gap of the source: its missing sequences, and where.
    gap_first: u64,
    gap_end: u64,
    instrument_id: u32,
    channel_id: u16,
    publisher_id: u16,
    /// Bit of `window_flag`.
    flag: u32,
    /// 1 for a gap of the source.
    is_gap: u32,
}

/// What is known to be missing from a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BarLoss {
    /// PARTIAL, INCOMPLETE or both or none.
    pub(crate) flags: u32,
    /// Records that were missed and may have belonged to the window.
    pub(crate) missed: u64,
    /// Up to when they can reach.
    pub(crate) until: Option<i64>,
}

/// All losses that open windows may have suffered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loss {
    ranges: Vec<Range>,
    /// Whether a loss still waits for the next record to bound it.
    open: bool,
}

impl Loss {
    /// Notes that reading began in the middle of the stream.
    pub(crate) fn attached_late(&mut self) {
        self.push(i64::MIN, 0, window_flag::PARTIAL, None);
    }

    /// Notes that records were missed when windows that end at or before `from` were over.
    pub(crate) fn missed(&mut self, missed: u64, from: i64) {
        self.push(from, missed, window_flag::INCOMPLETE, None);
    }

    /// Takes what the source says of a loss of its own. A gap that is filled is none any more;
    /// bars published in between stay flagged.
    pub(crate) fn gap(&mut self, gap: &Gap, from: i64) {
        let is_same = |range: &Range| {
            range.is_gap != 0
                && (range.publisher_id, range.channel_id)
                    == (gap.header.publisher_id, gap.channel_id)
                && gap.first_missing <= range.gap_first
                && range.gap_end <= gap.end_missing
        };
        // Venues count from 1: 0 to 0 says that nobody knows what is missing.
        let is_nothing = gap.first_missing == gap.end_missing && gap.first_missing != 0;
        match gap.state {
            gap_state::FILLED => {
                self.ranges.retain(|range| !is_same(range));
                self.open = self.ranges.iter().any(|range| range.until == i64::MAX);
            }
            gap_state::OPEN
            | gap_state::UNRECOVERABLE
            | gap_state::RECONNECT
            | gap_state::SESSION_RESET => {
                if is_nothing || self.ranges.iter().any(is_same) {
                    return;
                }
                // A reset without a hole loses nothing.
                if gap.state == gap_state::SESSION_RESET && gap.first_missing == gap.end_missing {
                    return;
                }
                let missed = gap.end_missing.saturating_sub(gap.first_missing);
                self.push(from, missed, window_flag::INCOMPLETE, Some(gap));
            }
            _ => {}
        }
    }

    /// Whether a loss still waits for the next record to bound it.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Notes that a record was read; what was lost before it is not later than `until`.
    #[cold]
    pub(crate) fn read(&mut self, until: i64) {
        for range in self.ranges.iter_mut().filter(|range| range.until == i64::MAX) {
            range.until = until;
        }
        self.open = until == i64::MAX;
    }

    /// What is known of the window `start..end` of an instrument.
    #[inline]
    pub(crate) fn of(&self, (start, end): (i64, i64), instrument_id: u32) -> BarLoss {
        if self.ranges.is_empty() {
            BarLoss::default()
        } else {
            self.find(start, end, instrument_id)
        }
    }

    fn find(&self, start: i64, end: i64, instrument_id: u32) -> BarLoss {
        let touching = self.ranges.iter().filter(|range| {
            start <= range.until
                && end > range.from
                && (range.instrument_id == ANY || range.instrument_id == instrument_id)
        });
        touching.fold(BarLoss::default(), |loss, range| BarLoss {
            flags: loss.flags | range.flag,
            missed: loss.missed.saturating_add(range.missed),
            until: loss.until.max(Some(range.until)),
        })
    }

    /// Forgets what no window that begins at `oldest` or later can have suffered.
    pub(crate) fn forget_before(&mut self, oldest: i64) {
        if !self.ranges.is_empty() {
            self.ranges.retain(|range| range.until >= oldest);
        }
    }

    fn push(&mut self, from: i64, missed: u64, flag: u32, gap: Option<&Gap>) {
        self.open = true;
        if self.ranges.len() >= KEPT {
            self.join_oldest();
        }
        self.ranges.push(Range {
            from,
            until: i64::MAX,
            missed,
            gap_first: gap.map_or(0, |gap| gap.first_missing),
            gap_end: gap.map_or(0, |gap| gap.end_missing),
            instrument_id: gap.map_or(ANY, |gap| gap.header.instrument_id),
            channel_id: gap.map_or(0, |gap| gap.channel_id),
            publisher_id: gap.map_or(0, |gap| gap.header.publisher_id),
            flag,
            is_gap: gap.is_some().into(),
        });
    }

    fn join_oldest(&mut self) {
        let first = self.ranges.remove(0);
        if let Some(second) = self.ranges.first_mut() {
            second.from = second.from.min(first.from);
            second.until = second.until.max(first.until);
            second.missed = second.missed.saturating_add(first.missed);
            second.flag |= first.flag;
            second.is_gap = 0;
            if second.instrument_id != first.instrument_id {
                second.instrument_id = ANY;
            }
        }
    }

    pub(crate) fn save(&self, to: &mut Saver<'_>) {
        to.slice(&self.ranges);
    }

    pub(crate) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        self.ranges = from.slice()?;
        self.open = self.ranges.iter().any(|range| range.until == i64::MAX);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickring::record::Record;

    fn gap(state: u8, first_missing: u64, end_missing: u64) -> Gap {
        Gap { state, first_missing, end_missing, ..Gap::empty(1, 0, u64::MAX) }
    }

    fn flags(loss: &Loss, spans: &[(i64, i64)]) -> Vec<(u32, u64)> {
        spans.iter().map(|span| loss.of(*span, 7)).map(|loss| (loss.flags, loss.missed)).collect()
    }

    #[test]
    fn windows_between_the_bounds_are_touched_and_no_others() {
        let mut loss = Loss::default();
        loss.missed(9, 100);
        assert!(loss.is_open());
        loss.read(250);
        let spans = [(0, 100), (100, 200), (200, 300), (250, 350), (251, 351)];
        assert_eq!(flags(&loss, &spans), [(0, 0), (2, 9), (2, 9), (2, 9), (0, 0)]);
        assert_eq!(loss.of((100, 200), 7).until, Some(250));
        loss.forget_before(251);
        assert_eq!(flags(&loss, &spans), [(0, 0); 5]);
    }

    #[test]
    fn a_filled_gap_is_none_and_one_that_stays_open_counts_once() {
        let mut loss = Loss::default();
        loss.gap(&gap(gap_state::OPEN, 5, 8), 0);
        loss.gap(&gap(gap_state::REQUESTED, 5, 8), 0);
        assert_eq!(flags(&loss, &[(0, 10)]), [(2, 3)]);
        loss.gap(&gap(gap_state::FILLED, 5, 8), 0);
        assert!(!loss.is_open());
        assert_eq!(flags(&loss, &[(0, 10)]), [(0, 0)]);
        loss.gap(&gap(gap_state::OPEN, 9, 10), 0);
        loss.gap(&gap(gap_state::UNRECOVERABLE, 9, 10), 0);
        loss.gap(&gap(gap_state::SESSION_RESET, 0, 0), 0);
        assert_eq!(flags(&loss, &[(0, 10)]), [(2, 1)]);
        loss.gap(&gap(gap_state::RECONNECT, 0, 0), 0);
        assert_eq!(flags(&loss, &[(0, 10)]), [(2, 1)], "how many is not known");
    }

    #[test]
    fn a_gap_of_one_instrument_touches_no_other() {
        let mut loss = Loss::default();
        let mut one = gap(gap_state::OPEN, 5, 8);
        one.header.instrument_id = 3;
        loss.gap(&one, 0);
        assert_eq!((loss.of((0, 9), 3).flags, loss.of((0, 9), 4).flags), (2, 0));
    }

    #[test]
    fn many_losses_are_joined_and_still_counted() {
        let mut loss = Loss::default();
        for n in 0..100 {
            loss.missed(1, n * 10);
            loss.read(n * 10 + 5);
        }
        assert_eq!(loss.ranges.len(), KEPT);
        assert_eq!(loss.of((i64::MIN, i64::MAX), 1).missed, 100);
    }
}
