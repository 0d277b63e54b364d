//! The last bars of one instrument.

use tickring::record::{UNDEF_PRICE, WindowBar};

/// What is kept of a bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Point {
    start_ns: u64,
    pub(super) close: i64,
    pub(super) volume: u64,
}

/// What became of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is the newest.
    Newest,
    /// It replaced an earlier revision of itself.
    Revised,
    /// It is older than what is kept, or has no close and none before it.
    Not,
}

/// The last bars of one instrument, in the order in which they came.
#[derive(Clone, Debug)]
pub(super) struct History {
    points: Box<[Point]>,
    /// Where the next one goes: the oldest stands there once all are there.
    next: usize,
    len: usize,
}

impl History {
    /// Room for so many bars, at least one.
    pub(super) fn new(bars: usize) -> Self {
        Self { points: vec![Point::default(); bars.max(1)].into(), next: 0, len: 0 }
    }

    /// Forgets all bars.
    pub(super) fn clear(&mut self) {
        (self.next, self.len) = (0, 0);
    }

    /// Whether there are as many as there is room for.
    pub(super) fn is_full(&self) -> bool {
        self.len == self.points.len()
    }

    /// Takes a bar.
    pub(super) fn push(&mut self, bar: &WindowBar) -> Kept {
        if bar.revision > 0 {
            let is_it = |age: &usize| self.at(*age).start_ns == bar.start_ns;
            let Some(age) = (0..self.len).find(is_it) else { return Kept::Not };
            let before = (age + 1 < self.len).then(|| self.at(age + 1).close);
            let Some(point) = point(bar, before) else { return Kept::Not };
            self.set(age, point);
            return Kept::Revised;
        }
        let newest = (self.len > 0).then(|| self.at(0));
        if newest.is_some_and(|newest| bar.start_ns < newest.start_ns) {
            return Kept::Not;
        }
        let Some(point) = point(bar, newest.map(|newest| newest.close)) else { return Kept::Not };
        self.len = (self.len + 1).min(self.points.len());
        self.next = (self.next + 1) % self.points.len();
        self.set(0, point);
        Kept::Newest
    }

    /// The bars from the oldest to the newest.
    pub(super) fn iter(&self) -> impl Iterator<Item = Point> {
        (0..self.len).rev().map(|age| self.at(age))
    }

    /// Where the bar stands that came `age` bars before the newest.
    fn place(&self, age: usize) -> usize {
        let room = self.points.len();
        (self.next + room - 1 - age % room) % room
    }

    fn at(&self, age: usize) -> Point {
        self.points.get(self.place(age)).copied().unwrap_or_default()
    }

    fn set(&mut self, age: usize, point: Point) {
        let place = self.place(age);
        if let Some(own) = self.points.get_mut(place) {
            *own = point;
        }
    }
}

/// What is kept of a bar; `before` is the close before it.
fn point(bar: &WindowBar, before: Option<i64>) -> Option<Point> {
    let own = Some(bar.close).filter(|close| *close != UNDEF_PRICE);
    let close = own.or(before)?;
    Some(Point { start_ns: bar.start_ns, close, volume: bar.volume })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickring::record::Record;

    fn bar(start_ns: u64, close: i64, revision: u32) -> WindowBar {
        WindowBar { start_ns, close, volume: 1, revision, ..WindowBar::empty(1, 2, start_ns) }
    }

    fn closes(history: &History) -> Vec<i64> {
        history.iter().map(|point| point.close).collect()
    }

    #[test]
    fn the_last_bars_are_kept_in_order() {
        let mut history = History::new(3);
        for n in 0..7 {
            assert_eq!(history.push(&bar(n, i64::try_from(n).unwrap(), 0)), Kept::Newest);
            assert_eq!(history.is_full(), n >= 2);
        }
        assert_eq!(closes(&history), [4, 5, 6]);
        history.clear();
        assert!(closes(&history).is_empty() && !history.is_full());
    }

    #[test]
    fn a_revision_replaces_its_bar_and_an_unknown_one_is_not_kept() {
        let mut history = History::new(3);
        for n in 0..4 {
            let _ = history.push(&bar(n, 10, 0));
        }
        assert_eq!(history.push(&bar(2, 77, 1)), Kept::Revised);
        assert_eq!(history.push(&bar(0, 88, 1)), Kept::Not, "it has left");
        assert_eq!(history.push(&bar(2, 99, 0)), Kept::Not, "an older bar is not put between");
        assert_eq!(closes(&history), [10, 77, 10]);
    }

    #[test]
    fn an_empty_bar_takes_the_close_before_it() {
        let mut history = History::new(3);
        assert_eq!(history.push(&bar(0, UNDEF_PRICE, 0)), Kept::Not);
        let _ = history.push(&bar(1, 5, 0));
        let _ = history.push(&bar(2, UNDEF_PRICE, 0));
        assert_eq!(closes(&history), [5, 5]);
        let _ = history.push(&bar(3, 6, 0));
        assert_eq!(history.push(&bar(3, UNDEF_PRICE, 1)), Kept::Revised, "all of it was busted");
        assert_eq!(closes(&history), [5, 5, 5]);
        assert_eq!(history.push(&bar(1, UNDEF_PRICE, 1)), Kept::Not, "nothing is before it");
    }

    #[test]
    fn two_bars_may_begin_at_one_time() {
        let mut history = History::new(3);
        let _ = history.push(&bar(1, 5, 0));
        assert_eq!(history.push(&bar(1, 6, 0)), Kept::Newest, "bars of so many ticks do");
        assert_eq!(closes(&history), [5, 6]);
    }
}
