//! Polling until there is enough: the part of a Python reader that knows no Python.

use crate::event::Event;
use crate::storage::{Pool, Storage};
use std::time::Instant;
use tickring::Poll;

/// A reader of the bus and the memory it copies into.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) reader: tickring::Reader,
    /// End a collection at a lap, so that the program hears of it before it gets later records.
    pub(crate) stop_at_lap: bool,
    spare: tickring::Batch,
    pool: Pool,
}

/// What was collected.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) storage: Option<Storage>,
    pub(crate) events: Vec<Event>,
}

impl Collected {
    /// Nothing yet. Cost: no allocation.
    pub(crate) fn new() -> Self {
        Self { storage: None, events: Vec::new() }
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.storage.as_ref().map_or(0, Storage::len)
    }

    /// Whether there is neither record nor event.
    pub(crate) fn is_empty(&self) -> bool {
        self.storage.is_none() && self.events.is_empty()
    }

    fn is_closed(&self) -> bool {
        matches!(self.events.last(), Some(Event::Closed { .. }))
    }

    fn ends_with_lap(&self) -> bool {
        matches!(self.events.last(), Some(Event::Lapped { .. }))
    }
}

impl Collector {
    /// Wraps a reader.
    pub(crate) fn new(reader: tickring::Reader, stop_at_lap: bool) -> Self {
        let (spare, pool) = (tickring::Batch::new(), Pool::default());
        Self { reader, stop_at_lap, spare, pool }
    }

    /// Adds to `into` what was published before the call, up to `max` records in all, and the
    /// events among them. Never blocks.
    pub(crate) fn collect(&mut self, into: &mut Collected, max: usize) {
        let target = self.reader.published();
        while self.step(into, max) && into.len() < max && self.reader.cursor() < target {}
    }

    /// Adds to `into` the next run of records, up to `max` records in all, or the next event, and
    /// says whether there may be more.
    pub(crate) fn step(&mut self, into: &mut Collected, max: usize) -> bool {
        let wanted = max.saturating_sub(into.len());
        match self.reader.poll_batch(&mut self.spare, wanted) {
            Poll::Record(_) => {
                let run = std::mem::replace(&mut self.spare, self.pool.take());
                into.storage.get_or_insert_with(|| Storage::new(&self.pool)).push(run);
                true
            }
            Poll::Empty => false,
            other => self.note(into, other),
        }
    }

    /// Adds an outcome that is not a record to the events, and says whether to go on.
    pub(crate) fn note<T>(&self, into: &mut Collected, outcome: Poll<T>) -> bool {
        let event = match outcome {
            Poll::Record(_) | Poll::Empty => return true,
            Poll::Lapped { missed, resume } => Event::Lapped { missed, resume },
            Poll::Restarted { epoch } => Event::Restarted { epoch },
            Poll::Tombstone { seq } => Event::Tombstone { seq },
            Poll::Closed(reason) => Event::Closed { reason },
        };
        into.events.push(event);
        !(into.is_closed() || self.stop_at_lap && into.ends_with_lap())
    }

    /// Collects until there are `wanted` records, the ring ends, a lap stops it, or it is `until`;
    /// says whether it was one of the first three.
    pub(crate) fn collect_until(
        &mut self,
        into: &mut Collected,
        (wanted, max): (usize, usize),
        until: Instant,
    ) -> bool {
        loop {
            let before = into.len();
            self.collect(into, max);
            let stopped = self.stop_at_lap && into.ends_with_lap();
            if into.len() >= wanted || into.is_closed() || stopped {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            // A wait that a signal ended is one that Ctrl-C may have ended.
            if left.is_zero() || into.len() == before && !self.reader.wait(left) {
                return false;
            }
        }
    }
}
