//! The function from ticks to bars.

use crate::error::WindowError;
use crate::instruments::Instruments;
use crate::loss::Loss;
use crate::options::WindowOptions;
use crate::pane::Pane;
use crate::trade::WindowTrade;
use tickring::RecordRef;
use tickring::record::{Heartbeat, UNDEF_TIME, WindowBar, rtype};

/// How many records went where. `trades = accepted + late`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records of any kind.
    pub records: u64,
    /// Trades with an event time.
    pub trades: u64,
    /// Trades that went into a window.
    pub accepted: u64,
    /// Trades whose window had fired already.
    pub late: u64,
    /// Trades without an event time, which belong to no window.
    pub untimed: u64,
    /// Bars given out.
    pub bars: u64,
}

/// Tumbling event-time windows per instrument: a pure function of its options and input.
///
/// # Examples
///
/// ```
/// use tickring_window::{WindowOptions, WindowTrade, Windows};
///
/// let mut windows = Windows::new(WindowOptions { size_ns: 1_000, delay_ns: 0 })?;
/// let mut bars = Vec::new();
/// for (ts_event_ns, price_e9) in [(100, 7), (900, 9), (1_500, 8)] {
///     let trade = WindowTrade {
///         seq: 0, publisher_id: 1, instrument_id: 17, ts_event_ns, price_e9, size: 1, side: b'B',
///     };
///     windows.trade(&trade, &mut |bar| bars.push((bar.start_ns, bar.open, bar.close)));
/// }
/// windows.finish(&mut |bar| bars.push((bar.start_ns, bar.open, bar.close)));
/// assert_eq!(bars, [(0, 7, 9), (1_000, 8, 8)]);
/// # Ok::<(), tickring_window::WindowError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Windows {
    options: WindowOptions,
    instruments: Instruments,
    /// Open windows; window w stands at `w & (panes - 1)`.
    panes: Vec<Pane>,
    /// The first window that has not fired.
    oldest: u64,
    /// Watermark plus one: the first event time that may still come. Zero at the start.
    expected_ns: u64,
    loss: Loss,
    counts: Counts,
}

impl Windows {
    /// Windows without any trade.
    ///
    /// # Errors
    ///
    /// [`WindowError::Size`] or [`WindowError::Delay`].
    pub fn new(options: WindowOptions) -> Result<Self, WindowError> {
        let open = usize::try_from(options.open_windows()?).unwrap_or(usize::MAX);
        Ok(Self {
            options,
            instruments: Instruments::default(),
            panes: vec![Pane::default(); open],
            oldest: 0,
            expected_ns: 0,
            loss: Loss::default(),
            counts: Counts::default(),
        })
    }

    /// Takes the next record: advances the watermark, fires what is due into `out`, then adds the
    /// record if it is a trade.
    ///
    /// Every record with an event time moves the watermark, whatever its kind; a heartbeat moves
    /// it to the time it promises.
    #[inline]
    pub fn record(&mut self, record: &RecordRef<'_>, out: &mut impl FnMut(&WindowBar)) {
        self.counts.records += 1;
        if let Some(trade) = WindowTrade::of(record) {
            self.trade(&trade, out);
        } else if let Some(heartbeat) = record.get::<Heartbeat>() {
            if heartbeat.watermark != UNDEF_TIME {
                self.expect_from(heartbeat.watermark, out);
            }
        } else if !rtype::is_control(record.rtype()) {
            let ts_event_ns = record.header().map_or(UNDEF_TIME, |header| header.ts_event);
            if ts_event_ns != UNDEF_TIME {
                self.observe(ts_event_ns, out);
            }
        }
    }

    /// Takes the next trade.
    #[inline]
    pub fn trade(&mut self, trade: &WindowTrade, out: &mut impl FnMut(&WindowBar)) {
        if trade.ts_event_ns == UNDEF_TIME {
            self.counts.untimed += 1;
            return;
        }
        self.counts.trades += 1;
        self.observe(trade.ts_event_ns, out);
        let window = trade.ts_event_ns / self.options.size_ns;
        if window < self.oldest {
            self.counts.late += 1;
            return;
        }
        self.counts.accepted += 1;
        let number = self.instruments.number(trade.instrument_id);
        let place = self.place(window);
        if let Some(pane) = self.panes.get_mut(place) {
            pane.add(number, trade);
        }
    }

    /// Notes that reading begins in the middle of the stream: the first windows are PARTIAL.
    pub fn attached_late(&mut self) {
        self.loss.attached_late();
    }

    /// Notes that `missed` records were lost before the next one: every window that one of them
    /// can have belonged to is INCOMPLETE.
    pub fn missed(&mut self, missed: u64) {
        self.loss.missed(missed);
    }

    /// Fires everything: the input is bounded and has ended.
    pub fn finish(&mut self, out: &mut impl FnMut(&WindowBar)) {
        self.expect_from(UNDEF_TIME, out);
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The time up to which nothing is expected any more, in nanoseconds since the Unix epoch;
    /// `None` before the first record.
    #[must_use]
    pub fn watermark_ns(&self) -> Option<u64> {
        self.expected_ns.checked_sub(1)
    }

    /// Moves the watermark for a record that was read.
    #[inline]
    fn observe(&mut self, ts_event_ns: u64, out: &mut impl FnMut(&WindowBar)) {
        self.expect_from(ts_event_ns.saturating_sub(self.options.delay_ns), out);
        if self.loss.is_open() {
            let last_ns = ts_event_ns.saturating_add(self.options.delay_ns);
            self.loss.read(last_ns / self.options.size_ns);
        }
    }

    /// Declares that event times below `expected_ns` are over, and fires the windows that end
    /// there or before. The watermark never goes back.
    #[inline]
    fn expect_from(&mut self, expected_ns: u64, out: &mut impl FnMut(&WindowBar)) {
        if expected_ns <= self.expected_ns {
            return;
        }
        self.expected_ns = expected_ns;
        // A window fires when `end - 1 <= watermark`, that is when `end <= expected_ns`.
        let open =
            if expected_ns == UNDEF_TIME { u64::MAX } else { expected_ns / self.options.size_ns };
        if open > self.oldest {
            self.fire(open, out);
        }
    }

    /// Fires every window before `open`. Only so many can hold anything as there are panes.
    #[cold]
    fn fire(&mut self, open: u64, out: &mut impl FnMut(&WindowBar)) {
        let last_held = self.oldest.saturating_add(self.panes.len() as u64);
        for window in self.oldest..open.min(last_held) {
            let loss = self.loss.of(window);
            let start_ns = window.saturating_mul(self.options.size_ns);
            let span = (start_ns, start_ns.saturating_add(self.options.size_ns));
            let watermark_ns = self.expected_ns - 1;
            let place = self.place(window);
            let Some(pane) = self.panes.get_mut(place) else { continue };
            pane.drain(
                |number| self.instruments.id(number),
                |id, aggregate| {
                    self.counts.bars += 1;
                    out(&aggregate.bar(id, span, watermark_ns, loss));
                },
            );
            self.loss.fired(window);
        }
        self.oldest = open;
        self.loss.fired(open - 1);
    }

    #[inline]
    fn place(&self, window: u64) -> usize {
        // Below the number of panes, which is a usize and a power of two.
        #[expect(clippy::cast_possible_truncation, reason = "masked below the number of panes")]
        let place = window as usize & (self.panes.len() - 1);
        place
    }
}
