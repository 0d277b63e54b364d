//! Session windows: from the first trade of an instrument to a gap behind the last one.
//!
//! Each trade makes the window `[ts, ts + gap)`; windows of an instrument that overlap or touch
//! become one, as in Flink. A trade that joins no living window and whose own is over is late.
//! A session that was published and grows is published again, with its new bounds and the next
//! revision; it stands for those that it covers. A broken trade leaves the bounds as they are.

use crate::WindowError;
use crate::log::Entry;
use crate::output::Sink;
use crate::shared::{Due, Shared};
use crate::spec::Mode;
use crate::state::{Loader, Saver};
use crate::store::Store;
use crate::trade::{WindowQuote, WindowTrade};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use tickring::record::{late_reason, window_flag};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The end of a list, and what no session is queued for.
const NONE: u32 = u32::MAX;

/// One session; its contents stand at the same place in the store.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Node {
    start: i64,
    end: i64,
    /// Watermark at which it is looked at; only this entry of the queue counts.
    queued: i64,
    number: u32,
    /// How often it, or one that it covers, was published.
    revisions: u32,
    /// The instrument's next session, or the next free node.
    next: u32,
    /// 0 free, 1 published or to be published at once, 2 to be published at its end.
    state: u32,
}

const FREE: u32 = 0;
const FIRED: u32 = 1;
const PENDING: u32 = 2;

/// The sessions of all instruments.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    gap_ns: i64,
    mode: Mode,
    nodes: Vec<Node>,
    store: Store,
    /// The first session of each instrument.
    heads: Vec<u32>,
    free: u32,
    /// When to look at which session; entries that do not count any more are passed over.
    queue: BinaryHeap<Reverse<(i64, u32)>>,
    /// Sessions that are due, to be sorted.
    due: Vec<(i64, i64, u32, u32)>,
}

impl Sessions {
    pub(crate) fn new(gap_ns: u64, mode: Mode, shared: &Shared) -> Self {
        Self {
            gap_ns: i64::try_from(gap_ns).unwrap_or(i64::MAX),
            mode,
            nodes: Vec::new(),
            store: Store::new(shared.wanted),
            heads: Vec::new(),
            free: NONE,
            queue: BinaryHeap::new(),
            due: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn next_event(&self) -> i64 {
        self.queue.peek().map_or(i64::MAX, |Reverse((at, _))| *at)
    }

    /// Adds a trade; gives the reason if it goes into no window.
    pub(crate) fn trade(
        &mut self,
        shared: &mut Shared,
        trade: &WindowTrade,
        out: &mut Sink<'_>,
    ) -> Result<(), u8> {
        let number = shared.instruments.number(trade.instrument_id);
        let start = trade.ts_event_ns;
        let end = start.saturating_add(self.gap_ns);
        let at = match self.join(shared, number, start, end) {
            Some(at) => at,
            None if shared.is_dead(end) => return Err(late_reason::LATE),
            None => self.create(number, start, end),
        };
        self.store.add(at as usize, trade);
        let Some(node) = self.nodes.get_mut(at as usize) else { return Ok(()) };
        if node.end.saturating_sub(1) <= shared.clock.watermark() {
            node.state = FIRED;
            self.publish(shared, at, out);
        } else {
            node.state = PENDING;
        }
        self.enqueue(shared, at);
        Ok(())
    }

    /// Makes one of all living sessions of an instrument that touch a span, and of the span.
    fn join(&mut self, shared: &Shared, number: usize, start: i64, end: i64) -> Option<u32> {
        let mut joined = None;
        let mut at = self.heads.get(number).copied().unwrap_or(NONE);
        while let Some(node) = self.nodes.get(at as usize).copied() {
            let (here, next) = (at, node.next);
            at = next;
            if node.start > end || node.end < start || shared.is_dead(node.end) {
                continue;
            }
            let Some(into) = joined else {
                joined = Some(here);
                self.stretch(here, start, end, 0);
                continue;
            };
            self.store.merge_within(into as usize, here as usize);
            self.stretch(into, node.start, node.end, node.revisions);
            self.remove(here);
        }
        joined
    }

    fn stretch(&mut self, at: u32, start: i64, end: i64, revisions: u32) {
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.start = node.start.min(start);
            node.end = node.end.max(end);
            node.revisions = node.revisions.max(revisions);
        }
    }

    fn create(&mut self, number: usize, start: i64, end: i64) -> u32 {
        if number >= self.heads.len() {
            self.heads.resize(number + 1, NONE);
        }
        let head = self.heads.get_mut(number);
        let next = head.as_ref().map_or(NONE, |head| **head);
        let node = Node {
            start,
            end,
            queued: i64::MAX,
            number: u32::try_from(number).unwrap_or(NONE),
            revisions: 0,
            next,
            state: PENDING,
        };
        let at = match self.nodes.get_mut(self.free as usize) {
            Some(there) => {
                let at = std::mem::replace(&mut self.free, there.next);
                *there = node;
                at
            }
            None => {
                self.nodes.push(node);
                self.store.grow(self.nodes.len() - 1);
                u32::try_from(self.nodes.len() - 1).unwrap_or(NONE)
            }
        };
        if let Some(head) = head {
            *head = at;
        }
        at
    }

    /// Takes a session out of its instrument's list.
    fn remove(&mut self, at: u32) {
        let Some(node) = self.nodes.get(at as usize).copied() else { return };
        let number = node.number as usize;
        let mut before = self.heads.get(number).copied().unwrap_or(NONE);
        if before == at {
            if let Some(head) = self.heads.get_mut(number) {
                *head = node.next;
            }
        } else {
            while let Some(other) = self.nodes.get_mut(before as usize) {
                if other.next == at {
                    other.next = node.next;
                    break;
                }
                before = other.next;
            }
        }
        self.store.reset(at as usize);
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.state = FREE;
            node.next = std::mem::replace(&mut self.free, at);
        }
    }

    /// Has a session looked at when the next thing happens to it.
    fn enqueue(&mut self, shared: &Shared, at: u32) {
        let Some(node) = self.nodes.get_mut(at as usize) else { return };
        let over = node.end.saturating_sub(1);
        let due =
            if node.state == PENDING { over } else { over.saturating_add(shared.retention_ns) };
        // An entry that comes too early is put off when it comes.
        if due < node.queued {
            node.queued = due;
            self.queue.push(Reverse((due, at)));
        }
    }

    /// Moves on to a watermark: publishes what is due, in order of end, start and instrument, and
    /// forgets what nothing can change any more.
    #[cold]
    pub(crate) fn advance(&mut self, shared: &mut Shared, out: &mut Sink<'_>) {
        let watermark = shared.clock.watermark();
        let mut due = std::mem::take(&mut self.due);
        due.clear();
        while let Some(Reverse((at_ns, at))) = self.queue.peek().copied() {
            if at_ns > watermark {
                break;
            }
            self.queue.pop();
            let Some(node) = self.nodes.get_mut(at as usize) else { continue };
            if node.state == FREE || node.queued != at_ns {
                continue;
            }
            node.queued = i64::MAX;
            if node.end.saturating_sub(1) > watermark {
                self.enqueue(shared, at);
            } else if node.state == PENDING {
                let id = shared.instruments.id(node.number as usize);
                due.push((node.end, node.start, id, at));
            } else {
                self.retire(shared, at);
            }
        }
        due.sort_unstable();
        for (_, _, _, at) in &due {
            if let Some(node) = self.nodes.get_mut(*at as usize) {
                node.state = FIRED;
            }
            self.publish(shared, *at, out);
            self.retire(shared, *at);
        }
        self.due = due;
    }

    /// Removes a session if nothing can change it any more, or has it looked at then.
    fn retire(&mut self, shared: &Shared, at: u32) {
        let end = self.nodes.get(at as usize).map_or(i64::MAX, |node| node.end);
        if shared.is_final(end) || shared.clock.watermark() == i64::MAX {
            self.remove(at);
        } else {
            self.enqueue(shared, at);
        }
    }

    /// Publishes a session, unless it is empty and was never published.
    fn publish(&mut self, shared: &mut Shared, at: u32, out: &mut Sink<'_>) {
        let Some(node) = self.nodes.get_mut(at as usize) else { return };
        let is_empty = self.store.cell(at as usize).is_none_or(|cell| cell.count == 0);
        if is_empty && (node.revisions == 0 || self.mode == Mode::Discarding) {
            return;
        }
        let revision = node.revisions;
        node.revisions = revision.saturating_add(1);
        let is_final = shared.is_final(node.end) || shared.clock.watermark() == i64::MAX;
        let due = Due {
            number: node.number as usize,
            span: (node.start, node.end),
            ordinal: 0,
            revision,
            flags: if is_final { window_flag::FINAL } else { 0 },
            store: &self.store,
            at: at as usize,
        };
        shared.publish(&due, out);
        if self.mode == Mode::Discarding {
            self.store.reset(at as usize);
        }
    }

    /// The session of an instrument that covers a time.
    fn covering(&self, number: usize, ts_ns: i64) -> Option<u32> {
        let mut at = self.heads.get(number).copied().unwrap_or(NONE);
        while let Some(node) = self.nodes.get(at as usize) {
            if node.start <= ts_ns && ts_ns < node.end {
                return Some(at);
            }
            at = node.next;
        }
        None
    }

    /// Adds a quote to the session of its time, if there is one.
    pub(crate) fn quote(&mut self, shared: &mut Shared, quote: &WindowQuote) {
        let number = shared.instruments.known(quote.instrument_id);
        let at = number.and_then(|number| self.covering(number, quote.ts_event_ns));
        if let Some(at) = at {
            self.store.quote(at as usize, quote.spread_e9);
            shared.counts.quotes += 1;
        }
    }

    /// Corrects the trade at a position of the log: computes its session anew, and publishes it if
    /// it has been before. Gives the reason if that cannot be done.
    pub(crate) fn correct(
        &mut self,
        shared: &mut Shared,
        position: u64,
        correction: &WindowTrade,
        out: &mut Sink<'_>,
    ) -> Result<(), u8> {
        let log = shared.log.as_mut().ok_or(late_reason::NO_CORRECTIONS)?;
        let entry = log.get(position).ok_or(late_reason::UNKNOWN_TRADE)?;
        let (number, ts_ns) = (entry.number as usize, entry.ts_ns);
        let at = self.covering(number, ts_ns).ok_or(late_reason::UNKNOWN_TRADE)?;
        let node = self.nodes.get(at as usize).copied().ok_or(late_reason::UNKNOWN_TRADE)?;
        let within = |entry: &Entry| (node.start..node.end).contains(&entry.ts_ns);
        let held = self.store.cell(at as usize).map_or(0, |cell| cell.count);
        log.correct(position, correction, held, within)?;
        self.store.reset_trades(at as usize);
        for (_, entry) in log.chain(number).filter(|(_, entry)| within(entry)) {
            self.store.add(at as usize, &entry.trade());
        }
        if node.state == FIRED {
            self.publish(shared, at, out);
        }
        Ok(())
    }

    /// Flags what a forgotten trade belongs to; says whether it is still there.
    pub(crate) fn forget(&mut self, entry: &Entry) -> bool {
        let at = self.covering(entry.number as usize, entry.ts_ns);
        let cell = at.and_then(|at| self.store.cell_mut(at as usize));
        cell.map(|cell| cell.flags |= window_flag::UNCORRECTABLE).is_some()
    }

    pub(crate) fn save(&self, to: &mut Saver<'_>) {
        to.value(&self.free);
        to.slice(&self.nodes);
        to.slice(&self.heads);
        self.store.save(to);
    }

    pub(crate) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        self.free = from.value()?;
        self.nodes = from.slice()?;
        self.heads = from.slice()?;
        self.store.load(from)?;
        let queued = self.nodes.iter().zip(0..).filter(|(node, _)| node.state != FREE);
        self.queue = queued.map(|(node, at)| Reverse((node.queued, at))).collect();
        Ok(())
    }
}
