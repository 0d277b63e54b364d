//! Which windows are known to lack records.

use crate::aggregate::BarLoss;
use tickring::record::window_flag;

/// Up to which window records may be lacking, for one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reach {
    /// Nothing lacks.
    #[default]
    Nothing,
    /// Records lack, and none has been read since: any window may be touched.
    Open,
    /// Windows up to this one.
    Until(u64),
}

impl Reach {
    fn touches(self, window: u64) -> bool {
        match self {
            Self::Nothing => false,
            Self::Open => true,
            Self::Until(last) => window <= last,
        }
    }

    fn bound(&mut self, last: u64) {
        if *self == Self::Open {
            *self = Self::Until(last);
        }
    }
}

/// What was missed, and which windows it can have belonged to.
///
/// A missed record was published before the next one that is read, and at most the delay is
/// expected between event times out of order: so it belongs to a window that had not fired, and
/// not to one that lies more than the delay behind the next record.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Loss {
    lapped: Reach,
    missed: u64,
    attached: Reach,
}

impl Loss {
    /// Notes that reading began in the middle of the stream.
    pub(crate) fn attached_late(&mut self) {
        self.attached = Reach::Open;
    }

    /// Notes that the reader was lapped.
    pub(crate) fn missed(&mut self, missed: u64) {
        self.lapped = Reach::Open;
        self.missed = self.missed.saturating_add(missed);
    }

    /// Notes that a record was read; `last` is the last window that anything before it can
    /// belong to.
    #[inline]
    pub(crate) fn read(&mut self, last: u64) {
        self.lapped.bound(last);
        self.attached.bound(last);
    }

    /// Whether a loss still waits for the next record to bound it.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.lapped == Reach::Open || self.attached == Reach::Open
    }

    /// What is known of a window that fires.
    pub(crate) fn of(&self, window: u64) -> BarLoss {
        let lapped = self.lapped.touches(window);
        let incomplete = if lapped { window_flag::INCOMPLETE } else { 0 };
        let partial = if self.attached.touches(window) { window_flag::PARTIAL } else { 0 };
        BarLoss { flags: incomplete | partial, missed: if lapped { self.missed } else { 0 } }
    }

    /// Forgets a loss that no window after `window` can be touched by.
    pub(crate) fn fired(&mut self, window: u64) {
        if matches!(self.lapped, Reach::Until(last) if last <= window) {
            self.lapped = Reach::Nothing;
            self.missed = 0;
        }
        if matches!(self.attached, Reach::Until(last) if last <= window) {
            self.attached = Reach::Nothing;
        }
    }
}
