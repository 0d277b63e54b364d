//! The watermark: event times at or before it are not expected any more.
//!
//! Each source has one: the highest event time seen, less the delay, less one nanosecond. That of
//! the windows is the least of the active sources, and never goes back. A source that is idle does
//! not hold it; when all are idle it is the highest of them, as in Flink.

use crate::WindowError;
use crate::spec::{Sources, WindowSpec};
use crate::state::{Loader, Saver};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What is known of one source.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Source {
    watermark: i64,
    key: u32,
    /// 0 active, 1 idle.
    idle: u32,
}

/// The watermarks of all sources.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    delay_ns: i64,
    /// From an event time back to the watermark that it makes.
    lag_ns: i64,
    by: Sources,
    sources: Vec<Source>,
    /// Place of the source that was heard last.
    last: usize,
    watermark: i64,
}

impl Clock {
    pub(crate) fn new(spec: &WindowSpec) -> Self {
        let delay_ns = i64::try_from(spec.delay_ns).unwrap_or(i64::MAX);
        Self {
            delay_ns,
            lag_ns: delay_ns.saturating_add(1),
            by: spec.sources,
            sources: Vec::with_capacity(16),
            last: 0,
            watermark: i64::MIN,
        }
    }

    #[inline]
    pub(crate) fn watermark(&self) -> i64 {
        self.watermark
    }

    pub(crate) fn delay_ns(&self) -> i64 {
        self.delay_ns
    }

    /// Whether each channel is a source.
    #[inline]
    pub(crate) fn is_by_channel(&self) -> bool {
        self.by == Sources::Channel
    }

    /// The key of the source of a record; `None` if it belongs to none.
    #[inline]
    pub(crate) fn key(&self, publisher_id: u16, channel_id: Option<u8>) -> Option<u32> {
        match self.by {
            Sources::Publisher => Some(publisher_id.into()),
            Sources::Ring => Some(0),
            Sources::Channel => {
                channel_id.map(|channel| u32::from(publisher_id) << 8 | u32::from(channel))
            }
        }
    }

    /// Takes an event time of a source; says whether the watermark moved.
    #[inline(always)]
    pub(crate) fn observe(&mut self, key: u32, ts_ns: i64) -> bool {
        if self.delay_ns == i64::MAX {
            return false;
        }
        self.promise(key, ts_ns.saturating_sub(self.lag_ns))
    }

    /// Takes a watermark of a source; says whether that of the windows moved.
    #[inline(always)]
    pub(crate) fn promise(&mut self, key: u32, watermark: i64) -> bool {
        let at = match self.sources.get(self.last) {
            Some(source) if source.key == key => self.last,
            _ => self.find(key),
        };
        let Some(source) = self.sources.get_mut(at) else { return false };
        if watermark <= source.watermark && source.idle == 0 {
            return false;
        }
        // A source that is ahead of the least does not hold the watermark, now or before.
        let held = source.watermark <= self.watermark || source.idle != 0;
        source.idle = 0;
        source.watermark = source.watermark.max(watermark);
        let own = source.watermark;
        match self.sources.len() {
            // The usual case: nothing to compare with.
            1 => self.raise(own),
            _ => held && self.settle(),
        }
    }

    /// Takes a watermark of all sources, known or not; says whether that of the windows moved.
    pub(crate) fn promise_all(&mut self, watermark: i64) -> bool {
        for source in &mut self.sources {
            source.watermark = source.watermark.max(watermark);
        }
        self.raise(watermark)
    }

    /// Takes a source out of those that hold the watermark, until it is heard again; says whether
    /// the watermark moved.
    pub(crate) fn idle(&mut self, key: u32) -> bool {
        let at = self.find(key);
        if let Some(source) = self.sources.get_mut(at) {
            source.idle = 1;
        }
        self.settle()
    }

    #[cold]
    fn settle(&mut self) -> bool {
        let active = self.sources.iter().filter(|source| source.idle == 0);
        let least = active.map(|source| source.watermark).min();
        let highest = || self.sources.iter().map(|source| source.watermark).max();
        least.or_else(highest).is_some_and(|watermark| self.raise(watermark))
    }

    #[inline]
    fn raise(&mut self, watermark: i64) -> bool {
        let moves = watermark > self.watermark;
        self.watermark = self.watermark.max(watermark);
        moves
    }

    #[cold]
    fn find(&mut self, key: u32) -> usize {
        self.last = self.sources.iter().position(|source| source.key == key).unwrap_or_else(|| {
            self.sources.push(Source { watermark: i64::MIN, key, idle: 0 });
            self.sources.len() - 1
        });
        self.last
    }

    pub(crate) fn save(&self, to: &mut Saver<'_>) {
        to.value(&self.watermark);
        to.slice(&self.sources);
    }

    pub(crate) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        self.watermark = from.value()?;
        self.sources = from.slice()?;
        self.last = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(delay_ns: u64) -> Clock {
        Clock::new(&WindowSpec { delay_ns, ..WindowSpec::tumbling(1) })
    }

    #[test]
    fn the_watermark_is_the_least_of_the_active_sources_and_never_goes_back() {
        let mut clock = clock(10);
        assert_eq!(clock.watermark(), i64::MIN);
        assert!(clock.observe(1, 100));
        assert_eq!(clock.watermark(), 89);
        assert!(!clock.observe(2, 50), "a new source is behind");
        assert!(!clock.observe(1, 200));
        assert_eq!(clock.watermark(), 89);
        assert!(clock.observe(2, 150));
        assert_eq!(clock.watermark(), 139);
        assert!(clock.idle(2));
        assert_eq!(clock.watermark(), 189, "an idle source holds nothing");
        assert!(!clock.observe(2, 160), "and is active once it is heard");
        assert!(!clock.observe(1, 300));
        assert!(clock.observe(2, 400));
        assert_eq!(clock.watermark(), 289);
    }

    #[test]
    fn when_all_sources_are_idle_the_highest_counts() {
        let mut clock = clock(0);
        clock.observe(1, 100);
        clock.observe(2, 300);
        assert!(!clock.idle(2));
        assert!(clock.idle(1));
        assert_eq!(clock.watermark(), 299);
    }

    #[test]
    fn times_at_both_ends_are_saturated() {
        let mut clock = clock(1_000);
        assert!(!clock.observe(1, i64::MIN));
        assert!(clock.observe(1, i64::MAX - 1));
        assert_eq!(clock.watermark(), i64::MAX - 1_002);
        let mut clock = self::clock(u64::MAX);
        assert!(!clock.observe(1, i64::MAX - 1), "an unbounded delay leaves it to promises");
        assert!(clock.promise_all(5));
    }
}
