//! Where windows lie on the axis of event time.
//!
//! Time is cut into *panes* of equal length, numbered without holes; window `j` covers the panes
//! `j * hop .. j * hop + size`, both counted in panes. With tumbling windows a pane is a window.
//! With a calendar the panes of a session begin at its opening and are numbered on from the session
//! before, and the last one of a session ends at its close.

use crate::spec::{Session, WindowKind, WindowSpec, gcd};

/// A span of time `[start, end)` and its pane.
#[derive(Clone, Copy, Debug)]
struct Lookup {
    start: i64,
    end: i64,
    pane: i64,
}

/// A session, and the number of its first pane.
#[derive(Clone, Copy, Debug)]
struct Numbered {
    session: Session,
    first: i64,
}

/// The windows of fixed times.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    origin: i128,
    pane_ns: i64,
    /// Panes from one window to the next.
    pub(crate) hop: i64,
    /// Panes of a window.
    pub(crate) size: i64,
    sessions: Vec<Numbered>,
    /// The pane that was looked up last: trades come in its neighbourhood.
    last: Lookup,
}

impl Axis {
    /// The axis of a checked specification; windows without fixed times get any.
    pub(crate) fn new(spec: &WindowSpec) -> Self {
        let (size_ns, hop_ns, offset_ns) = match spec.window {
            WindowKind::Tumbling { size_ns, offset_ns } => (size_ns, size_ns, offset_ns),
            WindowKind::Hopping { size_ns, hop_ns, offset_ns } => (size_ns, hop_ns, offset_ns),
            _ => (1, 1, 0),
        };
        let pane_ns = gcd(size_ns, hop_ns);
        let narrow = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut first = 0;
        let number = |session: &Session| {
            let numbered = Numbered { session: *session, first };
            let length = session.close.abs_diff(session.open);
            first += narrow(length.div_ceil(pane_ns));
            numbered
        };
        Self {
            origin: offset_ns.into(),
            pane_ns: narrow(pane_ns),
            hop: narrow(hop_ns / pane_ns),
            size: narrow(size_ns / pane_ns),
            sessions: spec.calendar.iter().map(number).collect(),
            last: Lookup { start: 0, end: 0, pane: 0 },
        }
    }

    /// The pane that was looked up last.
    #[inline]
    pub(crate) fn last_pane(&self) -> i64 {
        self.last.pane
    }

    /// The pane of a time; `None` outside the sessions.
    #[inline]
    pub(crate) fn pane_of(&mut self, ts_ns: i64) -> Option<i64> {
        if self.last.start <= ts_ns && ts_ns < self.last.end {
            return Some(self.last.pane);
        }
        self.look_up(ts_ns)
    }

    #[cold]
    fn look_up(&mut self, ts_ns: i64) -> Option<i64> {
        let pane = self.find(ts_ns)?;
        self.last = Lookup { start: self.pane_start(pane), end: self.pane_end(pane), pane };
        Some(pane)
    }

    fn find(&self, ts_ns: i64) -> Option<i64> {
        if self.sessions.is_empty() {
            let from_origin = i128::from(ts_ns) - self.origin;
            return Some(clamp(from_origin.div_euclid(self.pane_ns.into())));
        }
        let at = self.sessions.partition_point(|there| there.session.open <= ts_ns);
        let Numbered { session, first } = *self.sessions.get(at.checked_sub(1)?)?;
        let within = i128::from(ts_ns) - i128::from(session.open);
        (ts_ns < session.close)
            .then(|| clamp(i128::from(first) + within / i128::from(self.pane_ns)))
    }

    /// The last window that a pane belongs to, which is also the one that ends last.
    #[inline]
    pub(crate) fn last_window_of(&self, pane: i64) -> i64 {
        if self.hop == 1 { pane } else { pane.div_euclid(self.hop) }
    }

    /// The first window that a pane belongs to.
    #[inline]
    pub(crate) fn first_window_of(&self, pane: i64) -> i64 {
        if self.size == 1 { pane } else { (pane - self.size).div_euclid(self.hop) + 1 }
    }

    /// The first pane of a window.
    #[inline]
    pub(crate) fn first_pane_of(&self, window: i64) -> i64 {
        window.saturating_mul(self.hop)
    }

    pub(crate) fn start_of(&self, window: i64) -> i64 {
        self.pane_start(self.first_pane_of(window))
    }

    /// The end of a window; the end of time where it lies beyond.
    pub(crate) fn end_of(&self, window: i64) -> i64 {
        self.pane_end(self.first_pane_of(window).saturating_add(self.size - 1))
    }

    /// The first window that is not over at a watermark: `end - 1 > watermark`.
    pub(crate) fn first_open(&self, watermark: i64) -> i64 {
        if watermark == i64::MAX {
            return i64::MAX;
        }
        let next = i128::from(watermark) + 1;
        if self.sessions.is_empty() {
            let (hop, size) = (self.hop_ns(), i128::from(self.pane_ns) * i128::from(self.size));
            return clamp((next - self.origin - size).div_euclid(hop) + 1);
        }
        let at = self.sessions.partition_point(|there| i128::from(there.session.close) <= next);
        match self.sessions.get(at) {
            Some(Numbered { session, first }) => {
                let within = (next - i128::from(session.open)).max(0) / i128::from(self.pane_ns);
                clamp(i128::from(*first) + within)
            }
            None => i64::MAX,
        }
    }

    fn hop_ns(&self) -> i128 {
        i128::from(self.pane_ns) * i128::from(self.hop)
    }

    fn pane_start(&self, pane: i64) -> i64 {
        match self.session_of(pane) {
            Some(Numbered { session, first }) => clamp(
                i128::from(session.open) + i128::from(pane - first) * i128::from(self.pane_ns),
            ),
            None => clamp(self.origin + i128::from(pane) * i128::from(self.pane_ns)),
        }
    }

    fn pane_end(&self, pane: i64) -> i64 {
        match self.session_of(pane) {
            Some(Numbered { session, first }) => {
                let end = i128::from(pane - first + 1) * i128::from(self.pane_ns);
                clamp((i128::from(session.open) + end).min(session.close.into()))
            }
            None => clamp(self.origin + (i128::from(pane) + 1) * i128::from(self.pane_ns)),
        }
    }

    fn session_of(&self, pane: i64) -> Option<Numbered> {
        let at = self.sessions.partition_point(|there| there.first <= pane);
        self.sessions.get(at.saturating_sub(1)).copied()
    }
}

/// The number, or the end of the clock that it lies beyond.
fn clamp(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hopping(size_ns: u64, hop_ns: u64, offset_ns: i64) -> Axis {
        Axis::new(&WindowSpec::new(WindowKind::Hopping { size_ns, hop_ns, offset_ns }))
    }

    #[test]
    fn windows_are_aligned_by_floor_division_and_offset() {
        let mut axis = hopping(3_000, 1_000, 0);
        let of = |axis: &mut Axis, ts| {
            let pane = axis.pane_of(ts).unwrap();
            let (first, last) = (axis.first_window_of(pane), axis.last_window_of(pane));
            (first..=last).map(|w| (axis.start_of(w), axis.end_of(w))).collect::<Vec<_>>()
        };
        assert_eq!(of(&mut axis, 20), [(-2_000, 1_000), (-1_000, 2_000), (0, 3_000)]);
        assert_eq!(of(&mut axis, -1), [(-3_000, 0), (-2_000, 1_000), (-1_000, 2_000)]);
        let mut axis = hopping(5, 2, 1);
        assert_eq!(of(&mut axis, 4), [(1, 6), (3, 8)]);
        assert_eq!(of(&mut axis, 5), [(1, 6), (3, 8), (5, 10)]);
    }

    #[test]
    fn the_first_open_window_ends_behind_the_watermark() {
        for (size, hop, offset) in [(10, 10, 0), (10, 10, 3), (30, 10, -7), (5, 2, 1), (1, 1, 0)] {
            let axis = hopping(size, hop, offset);
            for watermark in -50..50 {
                let open = axis.first_open(watermark);
                assert!(axis.end_of(open) - 1 > watermark);
                assert!(axis.end_of(open - 1) - 1 <= watermark);
            }
        }
        assert_eq!(hopping(7, 7, 0).first_open(i64::MIN).signum(), -1);
    }

    #[test]
    fn panes_of_a_calendar_begin_at_the_opening_and_end_at_the_close() {
        let sessions = [(100, 125), (125, 145), (300, 310)];
        let calendar = sessions.map(|(open, close)| Session { open, close }).to_vec();
        let mut axis = Axis::new(&WindowSpec { calendar, ..WindowSpec::tumbling(10) });
        let spans: Vec<_> = (0..6).map(|w| (axis.start_of(w), axis.end_of(w))).collect();
        let expected = [(100, 110), (110, 120), (120, 125), (125, 135), (135, 145), (300, 310)];
        assert_eq!(spans, expected);
        for (ts, pane) in [(99, None), (100, Some(0)), (124, Some(2)), (125, Some(3))] {
            assert_eq!(axis.pane_of(ts), pane, "{ts}");
        }
        assert_eq!([145, 299, 310].map(|ts| axis.pane_of(ts)), [None; 3]);
        for (watermark, open) in
            [(0, 0), (108, 0), (109, 1), (123, 2), (124, 3), (144, 5), (309, i64::MAX)]
        {
            assert_eq!(axis.first_open(watermark), open, "{watermark}");
        }
    }

    #[test]
    fn the_end_of_time_ends_windows() {
        let mut axis = hopping(1_000, 1_000, 0);
        let pane = axis.pane_of(i64::MAX - 1).unwrap();
        assert_eq!(axis.end_of(pane), i64::MAX);
        assert!(axis.first_open(i64::MAX) > pane && axis.first_open(i64::MAX - 2) <= pane);
    }
}
