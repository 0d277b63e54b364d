//! Windows of fixed times: tumbling and hopping.
//!
//! State is dense: a ring of panes, each with a cell for every instrument. There is no timer per
//! instrument; one time says when the next window fires or dies. A window is the merge of its
//! panes; with tumbling windows it is its pane.

mod pane;

use crate::WindowError;
use crate::axis::Axis;
use crate::instruments::number_in;
use crate::log::Entry;
use crate::output::Sink;
use crate::shared::{Due, Shared};
use crate::spec::{EmptyWindows, Mode, WindowSpec};
use crate::state::{Loader, Saver};
use crate::store::Store;
use crate::trade::{WindowQuote, WindowTrade};
use pane::Panes;
use tickring::record::{late_reason, window_flag};

/// Windows without any trade that are published at most when the watermark moves; it may leap.
const MOST_EMPTY: i64 = 1 << 16;

/// Tumbling or hopping windows of all instruments.
#[derive(Clone, Debug)]
pub(crate) struct Timed {
    axis: Axis,
    mode: Mode,
    empty: EmptyWindows,
    panes: Panes,
    /// The first window that has not fired, and the first one whose lateness is not over.
    next_fire: i64,
    next_dead: i64,
    /// The watermark at which something happens next.
    next_event: i64,
    /// The first window of all, where windows without trades begin.
    origin: Option<i64>,
    /// The last close of each instrument: time, sequence and price, and whether there is one.
    closes: Vec<[i64; 4]>,
    /// Where a window is put together.
    scratch: Store,
    due: Vec<u64>,
}

impl Timed {
    pub(crate) fn new(spec: &WindowSpec, shared: &Shared) -> Self {
        Self {
            axis: Axis::new(spec),
            mode: spec.mode,
            empty: spec.empty,
            panes: Panes::new(shared.wanted),
            next_fire: i64::MIN,
            next_dead: i64::MIN,
            next_event: i64::MAX,
            origin: None,
            closes: Vec::new(),
            scratch: Store::new(shared.wanted),
            due: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn next_event(&self) -> i64 {
        self.next_event
    }

    /// The cells of the pane in whose time the last trade was.
    #[inline]
    pub(crate) fn current(&self) -> Option<&Store> {
        self.panes.get(self.axis.last_pane()).map(|pane| &pane.store)
    }

    /// Adds a trade; gives the reason if it goes into no window.
    #[inline(always)]
    pub(crate) fn trade(
        &mut self,
        shared: &mut Shared,
        trade: &WindowTrade,
        out: &mut Sink<'_>,
    ) -> Result<(), u8> {
        let Some(pane) = self.axis.pane_of(trade.ts_event_ns) else {
            return Err(late_reason::CLOSED);
        };
        // No window of it has fired, so that none is dead.
        if self.axis.first_window_of(pane) >= self.next_fire {
            let number = shared.instruments.number(trade.instrument_id);
            if self.panes.add(pane, number, trade) {
                return Ok(());
            }
        }
        self.add_rarely(shared, pane, trade, out)
    }

    /// Adds a trade that opens a pane, or comes late.
    #[cold]
    fn add_rarely(
        &mut self,
        shared: &mut Shared,
        pane: i64,
        trade: &WindowTrade,
        out: &mut Sink<'_>,
    ) -> Result<(), u8> {
        if self.axis.last_window_of(pane) < self.next_dead {
            return Err(late_reason::LATE);
        }
        let number = shared.instruments.number(trade.instrument_id);
        if !self.panes.add(pane, number, trade) {
            self.open(shared, pane)?;
            self.panes.add(pane, number, trade);
        }
        if self.axis.first_window_of(pane) < self.next_fire {
            self.add_late(shared, pane, number, trade, out);
        }
        Ok(())
    }

    /// Opens a pane, unless no window of it is alive or too many would be open.
    #[cold]
    fn open(&mut self, shared: &Shared, pane: i64) -> Result<(), u8> {
        if shared.is_dead(self.axis.end_of(self.axis.last_window_of(pane))) {
            return Err(late_reason::LATE);
        }
        if !self.panes.open(pane) {
            return Err(late_reason::AHEAD);
        }
        let first = self.axis.first_window_of(pane);
        self.origin = Some(self.origin.map_or(first, |origin| origin.min(first)));
        self.catch_up(shared);
        Ok(())
    }

    /// Notes, where a pane was opened, that what is over has fired, as far as there was anything
    /// to fire, and plans for what is in that pane.
    fn catch_up(&mut self, shared: &Shared) {
        let watermark = shared.clock.watermark();
        self.next_fire = self.next_fire.max(self.axis.first_open(watermark));
        let lagging = watermark.saturating_sub(shared.lateness_ns);
        self.next_dead = self.next_dead.max(self.axis.first_open(lagging));
        self.plan(shared);
    }

    /// Publishes the revisions that a late but allowed trade makes.
    #[cold]
    fn add_late(
        &mut self,
        shared: &mut Shared,
        pane: i64,
        number: usize,
        trade: &WindowTrade,
        out: &mut Sink<'_>,
    ) {
        let first = self.axis.first_window_of(pane).max(self.next_dead);
        let last = self.axis.last_window_of(pane).min(self.next_fire.saturating_sub(1));
        for window in first..=last {
            if self.mode == Mode::Discarding {
                self.scratch.reset(0);
                self.scratch.add(0, trade);
            } else {
                self.collect(window, number);
            }
            self.publish(shared, window, number, out);
        }
    }

    /// Moves on to a watermark: fires what is due, in order of end and instrument, and forgets
    /// what nothing can change any more.
    #[cold]
    pub(crate) fn advance(&mut self, shared: &mut Shared, out: &mut Sink<'_>) {
        let watermark = shared.clock.watermark();
        let open = self.axis.first_open(watermark);
        if let Some(windows) = self.windows_to_fire(open, watermark, &mut shared.counts.skipped) {
            for window in windows {
                self.fire(shared, window, out);
            }
        }
        self.next_fire = self.next_fire.max(open);
        let over = |lag_ns: i64| match watermark {
            // At the end of the input nothing is waited for.
            i64::MAX => i64::MAX,
            _ => self.axis.first_open(watermark.saturating_sub(lag_ns)),
        };
        self.next_dead = self.next_dead.max(over(shared.lateness_ns));
        let kept = over(shared.retention_ns);
        self.panes.close_before(self.axis.first_pane_of(kept));
        if kept < i64::MAX {
            shared.loss.forget_before(self.axis.start_of(kept));
        }
        self.plan(shared);
    }

    /// The windows before `open` that are to be fired.
    fn windows_to_fire(
        &self,
        open: i64,
        watermark: i64,
        skipped: &mut u64,
    ) -> Option<std::ops::Range<i64>> {
        let held = self.panes.span().map(|(first, last)| {
            (self.axis.first_window_of(first), self.axis.last_window_of(last))
        });
        if self.empty == EmptyWindows::None || watermark == i64::MAX {
            let (first, last) = held?;
            let first = if self.empty == EmptyWindows::None { first } else { self.origin? };
            return Some(first.max(self.next_fire)..open.min(last.saturating_add(1)));
        }
        let first = self.origin?.max(self.next_fire);
        let most = held.map_or(first, |(_, last)| last.saturating_add(1)).max(first);
        let end = open.min(most.saturating_add(MOST_EMPTY));
        *skipped += open.saturating_sub(end).max(0).cast_unsigned();
        Some(first..end)
    }

    fn fire(&mut self, shared: &mut Shared, window: i64, out: &mut Sink<'_>) {
        let first = self.axis.first_pane_of(window);
        let mut due = std::mem::take(&mut self.due);
        due.clear();
        if self.empty == EmptyWindows::None {
            self.panes.touched(first, self.axis.size, &mut due);
        } else {
            due.extend(
                (0..shared.instruments.len()).filter_map(|at| shared.instruments.ordered(at)),
            );
        }
        for packed in &due {
            let number = number_in(*packed);
            // A tumbling window is its pane: nothing is put together.
            let pane = (self.axis.size == 1 && self.empty == EmptyWindows::None)
                .then(|| self.panes.get(first))
                .flatten();
            match pane {
                Some(pane) if pane.cell_count(number) > 0 => {
                    let span = (self.axis.start_of(window), self.axis.end_of(window));
                    let flags = final_flag(shared, span.1);
                    let (store, at) = (&pane.store, number);
                    let due = Due { number, span, ordinal: 0, revision: 0, flags, store, at };
                    shared.publish(&due, out);
                    if shared.retention_ns > 0 {
                        self.panes.count_revision(first, number);
                    }
                }
                Some(_) => {}
                None => {
                    self.collect(window, number);
                    let is_empty = self.scratch.cell(0).is_none_or(|cell| cell.count == 0);
                    if !is_empty || self.empty != EmptyWindows::None {
                        self.publish(shared, window, number, out);
                    }
                }
            }
        }
        self.due = due;
    }

    /// Puts a window of an instrument together in the scratch store.
    fn collect(&mut self, window: i64, number: usize) {
        if self.scratch.len() == 0 {
            self.scratch.grow(0);
        }
        self.scratch.reset(0);
        let first = self.axis.first_pane_of(window);
        for pane in first..first.saturating_add(self.axis.size) {
            if let Some(pane) = self.panes.get(pane) {
                self.scratch.merge(0, &pane.store, number);
            }
        }
    }

    /// Publishes what is in the scratch store as the next revision of a window.
    fn publish(&mut self, shared: &mut Shared, window: i64, number: usize, out: &mut Sink<'_>) {
        let span = (self.axis.start_of(window), self.axis.end_of(window));
        let flags = final_flag(shared, span.1);
        let last_pane = self.axis.first_pane_of(window).saturating_add(self.axis.size - 1);
        let revision = if shared.retention_ns > 0 && flags == 0 {
            if !self.panes.is_open(last_pane) && self.panes.open(last_pane) {
                self.catch_up(shared);
            }
            self.panes.count_revision(last_pane, number)
        } else {
            self.panes.get(last_pane).map_or(0, |pane| pane.revision(number))
        };
        if self.empty == EmptyWindows::Carry {
            self.carry(number);
        }
        let store = &self.scratch;
        let due = Due { number, span, ordinal: 0, revision, flags, store, at: 0 };
        shared.publish(&due, out);
    }

    /// Keeps the close of what is in the scratch store, or gives it the last one.
    fn carry(&mut self, number: usize) {
        if number >= self.closes.len() {
            self.closes.resize(number + 1, [0; 4]);
        }
        let (Some(close), Some(cell)) = (self.closes.get_mut(number), self.scratch.cell_mut(0))
        else {
            return;
        };
        if cell.count == 0 {
            if close[3] != 0 {
                cell.set_prices(close[2]);
            }
            return;
        }
        let (ts, seq, price) = cell.last();
        if close[3] == 0 || (ts, seq) >= (close[0], close[1].cast_unsigned()) {
            *close = [ts, seq.cast_signed(), price, 1];
        }
    }

    /// Adds a quote to the pane of its time, if that is open.
    pub(crate) fn quote(&mut self, shared: &mut Shared, quote: &WindowQuote) {
        let Some(pane) = self.axis.pane_of(quote.ts_event_ns) else { return };
        if self.axis.last_window_of(pane) < self.next_dead {
            return;
        }
        if self.panes.is_open(pane) || self.open(shared, pane).is_ok() {
            let number = shared.instruments.number(quote.instrument_id);
            self.panes.quote(pane, number, quote.spread_e9);
            shared.counts.quotes += 1;
        }
    }

    /// Corrects the trade at a position of the log: computes its pane anew, and publishes the
    /// windows of it that have fired. Gives the reason if that cannot be done.
    pub(crate) fn correct(
        &mut self,
        shared: &mut Shared,
        position: u64,
        correction: &WindowTrade,
        out: &mut Sink<'_>,
    ) -> Result<(), u8> {
        let log = shared.log.as_mut().ok_or(late_reason::NO_CORRECTIONS)?;
        let entry = log.get(position).ok_or(late_reason::UNKNOWN_TRADE)?;
        let number = entry.number as usize;
        let pane = self.axis.pane_of(entry.ts_ns).ok_or(late_reason::CLOSED)?;
        let held = self.panes.get(pane).map_or(0, |pane| pane.cell_count(number));
        if held == 0 {
            return Err(late_reason::UNKNOWN_TRADE);
        }
        let axis = &mut self.axis;
        log.correct(position, correction, held, |entry| axis.pane_of(entry.ts_ns) == Some(pane))?;
        self.panes.empty(pane, number);
        for (_, entry) in log.chain(number) {
            if axis.pane_of(entry.ts_ns) == Some(pane) {
                self.panes.add(pane, number, &entry.trade());
            }
        }
        let first = self.axis.first_window_of(pane);
        let last = self.axis.last_window_of(pane).min(self.next_fire.saturating_sub(1));
        for window in first..=last {
            let end = self.axis.end_of(window);
            if !shared.is_final(end) {
                self.collect(window, number);
                self.publish(shared, window, number, out);
            }
        }
        Ok(())
    }

    /// Flags what a forgotten trade belongs to; says whether it is still there.
    pub(crate) fn forget(&mut self, entry: &Entry) -> bool {
        let Some(pane) = self.axis.pane_of(entry.ts_ns) else { return false };
        self.panes.flag(pane, entry.number as usize, window_flag::UNCORRECTABLE)
    }

    /// The watermark at which something happens next.
    fn plan(&mut self, shared: &Shared) {
        let held = self.panes.span();
        let fire = |window| self.axis.end_of(window).saturating_sub(1);
        let mut next = i64::MAX;
        if let Some((first, last)) = held {
            let (first, last) = (self.axis.first_window_of(first), self.axis.last_window_of(last));
            for (window, lag_ns) in
                [(first.max(self.next_fire), 0), (first.max(self.next_dead), shared.lateness_ns)]
            {
                if window <= last {
                    next = next.min(fire(window).saturating_add(lag_ns));
                }
            }
            let oldest = self.axis.last_window_of(held.map_or(0, |(first, _)| first));
            next = next.min(fire(oldest).saturating_add(shared.retention_ns));
        }
        if self.empty != EmptyWindows::None
            && let Some(origin) = self.origin
        {
            next = next.min(fire(origin.max(self.next_fire)));
        }
        self.next_event = next;
    }

    pub(crate) fn save(&self, to: &mut Saver<'_>) {
        to.value(&[self.next_fire, self.next_dead, self.next_event]);
        to.value(&[i64::from(self.origin.is_some()), self.origin.unwrap_or(0)]);
        to.slice(&self.closes);
        self.panes.save(to);
    }

    pub(crate) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        [self.next_fire, self.next_dead, self.next_event] = from.value()?;
        let [has_origin, origin] = from.value::<[i64; 2]>()?;
        self.origin = (has_origin != 0).then_some(origin);
        self.closes = from.slice()?;
        self.panes.load(from)
    }
}

fn final_flag(shared: &Shared, end: i64) -> u32 {
    if shared.is_final(end) { window_flag::FINAL } else { 0 }
}
