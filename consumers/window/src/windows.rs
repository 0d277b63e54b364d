//! The function from records to bars.

use crate::counted::Counted;
use crate::error::WindowError;
use crate::output::Sink;
use crate::session::Sessions;
use crate::shared::{Counts, Shared};
use crate::sliding::Sliding;
use crate::spec::{WindowKind, WindowSpec};
use crate::state::{Loader, Saver};
use crate::timed::Timed;
use crate::trade::{UNTIMED, WindowQuote, WindowTrade, time_ns};
use tickring::RecordRef;
use tickring::record::{
    Gap, Heartbeat, Mbo, Quote, UNDEF_TIME, action, feed_state, late_reason, rtype,
};

/// Trades whose instruments are touched together: about as many as a processor looks ahead.
pub(crate) const TOUCHED: usize = 16;
/// First word of a saved state: name and version of its form.
const STATE_MAGIC: u64 = u64::from_le_bytes(*b"TRWIN\0\0\x02");

/// The state of one kind of windows.
#[derive(Clone, Debug)]
enum Engine {
    Timed(Box<Timed>),
    Sessions(Box<Sessions>),
    Counted(Counted),
    Sliding(Sliding),
}

/// Windows of all instruments: a pure function of its specification and input.
///
/// Each call gives what becomes due by it to `out`, a closure that takes an
/// [`Output`](crate::Output). Cost: no allocation once every instrument has been met and the state
/// has its full size; nothing reads the clock of the machine.
///
/// # Examples
///
/// A strategy that has its own bars:
///
/// ```
/// use tickring_window::{Output, WindowSpec, WindowTrade, Windows};
///
/// let mut windows = Windows::new(&WindowSpec::tumbling(1_000))?;
/// let mut bars = Vec::new();
/// let mut out = |output: Output<'_>| {
///     if let Output::Bar(bar) = output {
///         bars.push((bar.start_ns, bar.open, bar.close));
///     }
/// };
/// for (ts_event_ns, price_e9) in [(100, 7), (900, 9), (1_500, 8)] {
///     let trade =
///         WindowTrade { instrument_id: 17, ts_event_ns, price_e9, size: 1, ..Default::default() };
///     windows.trade(&trade, &mut out);
/// }
/// windows.finish(&mut out);
/// assert_eq!(bars, [(0, 7, 9), (1_000, 8, 8)]);
/// # Ok::<(), tickring_window::WindowError>(())
/// ```
///
/// With a [`Reader`](tickring::Reader), give each record to [`record`](Self::record), and the count
/// of a [`Lapped`](tickring::Poll::Lapped) to [`missed`](Self::missed).
#[derive(Clone, Debug)]
pub struct Windows {
    spec: WindowSpec,
    shared: Shared,
    engine: Engine,
}

impl Windows {
    /// Windows without any trade.
    ///
    /// # Errors
    ///
    /// [`WindowError::Spec`] or [`WindowError::Delay`] for a specification that makes no sense.
    pub fn new(spec: &WindowSpec) -> Result<Self, WindowError> {
        spec.check()?;
        let shared = Shared::new(spec);
        let engine = match spec.window {
            WindowKind::Session { gap_ns } => {
                Engine::Sessions(Box::new(Sessions::new(gap_ns, spec.mode, &shared)))
            }
            WindowKind::Count { size, slide } => {
                Engine::Sliding(Sliding::new(size, slide, &shared))
            }
            kind => match Counted::new(kind, &shared) {
                Some(counted) => Engine::Counted(counted),
                None => Engine::Timed(Box::new(Timed::new(spec, &shared))),
            },
        };
        Ok(Self { spec: spec.clone(), shared, engine })
    }

    /// What these windows are.
    #[must_use]
    pub fn spec(&self) -> &WindowSpec {
        &self.spec
    }

    /// Takes the next record: advances the watermark, fires what is due, then adds the record if
    /// it is a trade, a correction, or a quote that is asked for.
    ///
    /// Every market record with an event time moves the watermark of its source, whatever its
    /// kind; a heartbeat moves it to the time it promises, makes its source idle if it is stale
    /// or ended, and is about all sources if its publisher is 0. A gap makes windows INCOMPLETE.
    #[inline]
    pub fn record(&mut self, record: &RecordRef<'_>, out: &mut Sink<'_>) {
        self.shared.counts.records += 1;
        if let Some(trade) = WindowTrade::of(record) {
            let channel_id = if self.shared.clock.is_by_channel() {
                record.get::<Mbo>().map(|mbo| mbo.channel_id)
            } else {
                None
            };
            self.take(&trade, channel_id, out);
        } else {
            self.other(record, out);
        }
    }

    /// Loads what the trades in these records will change: they then wait for the memory together,
    /// and not one behind the other.
    #[inline]
    pub(crate) fn touch<'a>(&self, records: impl Iterator<Item = RecordRef<'a>>) {
        let ids = records.filter_map(|record| record.header()).map(|header| header.instrument_id);
        self.touch_instruments(ids);
    }

    #[inline]
    fn touch_instruments(&self, ids: impl Iterator<Item = u32>) {
        if let Engine::Timed(timed) = &self.engine
            && let Some(store) = timed.current()
        {
            let cells = ids.filter_map(|id| store.cell(self.shared.instruments.known(id)?));
            std::hint::black_box(cells.fold(0, |sum, cell| sum ^ cell.touch()));
        }
    }

    fn other(&mut self, record: &RecordRef<'_>, out: &mut Sink<'_>) {
        match record.rtype() {
            rtype::HEARTBEAT => {
                if let Some(heartbeat) = record.get() {
                    self.heartbeat(heartbeat, out);
                }
            }
            rtype::GAP => {
                if let Some(gap) = record.get() {
                    self.gap(gap);
                }
            }
            control if rtype::is_control(control) => {}
            _ => {
                let Some(header) = record.header() else { return };
                let ts_event_ns = time_ns(header.ts_event);
                if ts_event_ns == UNTIMED {
                    return;
                }
                let channel_id = record
                    .get::<Mbo>()
                    .map(|mbo| mbo.channel_id)
                    .or_else(|| record.get::<Quote>().map(|quote| quote.channel_id));
                self.observe(header.publisher_id, channel_id, ts_event_ns, out);
                if self.shared.wanted.spreads()
                    && let Some(quote) = WindowQuote::of(record)
                {
                    self.quote(&quote);
                }
            }
        }
    }

    /// Takes the next trades or corrections, one behind the other: as [`trade`](Self::trade), for
    /// less.
    #[inline]
    pub fn trades(&mut self, trades: &[WindowTrade], out: &mut Sink<'_>) {
        for chunk in trades.chunks(TOUCHED) {
            self.touch_instruments(chunk.iter().map(|trade| trade.instrument_id));
            for trade in chunk {
                self.take(trade, None, out);
            }
        }
    }

    /// Takes the next trade or correction.
    #[inline]
    pub fn trade(&mut self, trade: &WindowTrade, out: &mut Sink<'_>) {
        self.take(trade, None, out);
    }

    #[inline(always)]
    fn take(&mut self, trade: &WindowTrade, channel_id: Option<u8>, out: &mut Sink<'_>) {
        if trade.action != action::TRADE {
            self.correct(trade, channel_id, out);
            return;
        }
        if trade.ts_event_ns == UNTIMED {
            self.shared.counts.untimed += 1;
            self.shared.refuse(trade, late_reason::UNTIMED, out);
            return;
        }
        self.shared.counts.trades += 1;
        self.observe(trade.publisher_id, channel_id, trade.ts_event_ns, out);
        let shared = &mut self.shared;
        let added = match &mut self.engine {
            Engine::Timed(timed) => timed.trade(shared, trade, out),
            Engine::Sessions(sessions) => sessions.trade(shared, trade, out),
            Engine::Counted(counted) => {
                counted.trade(shared, trade, out);
                Ok(())
            }
            Engine::Sliding(sliding) => {
                sliding.trade(shared, trade, out);
                Ok(())
            }
        };
        match added {
            Ok(()) => {
                self.shared.counts.accepted += 1;
                if self.shared.log.is_some() {
                    self.keep(trade);
                }
            }
            Err(reason) => {
                self.shared.counts.late += 1;
                self.shared.refuse(trade, reason, out);
            }
        }
    }

    /// Keeps a trade for corrections. Windows in order of arrival do it themselves, with its place
    /// among them.
    fn keep(&mut self, trade: &WindowTrade) {
        if matches!(self.engine, Engine::Counted(_) | Engine::Sliding(_)) {
            return;
        }
        let number = self.shared.instruments.number(trade.instrument_id);
        let Some(log) = &mut self.shared.log else { return };
        if let Some(forgotten) = log.push(number, trade) {
            let was_held = match &mut self.engine {
                Engine::Timed(timed) => timed.forget(&forgotten),
                Engine::Sessions(sessions) => sessions.forget(&forgotten),
                Engine::Counted(_) | Engine::Sliding(_) => false,
            };
            self.shared.counts.forgotten += u64::from(was_held);
        }
    }

    /// Applies a correction, or gives it out as late.
    #[cold]
    fn correct(&mut self, correction: &WindowTrade, channel_id: Option<u8>, out: &mut Sink<'_>) {
        if correction.ts_event_ns != UNTIMED {
            let ts_event_ns = correction.ts_event_ns;
            self.observe(correction.publisher_id, channel_id, ts_event_ns, out);
        }
        let shared = &mut self.shared;
        let number = shared.instruments.known(correction.instrument_id);
        let found = match (&shared.log, number) {
            (None, _) => Err(late_reason::NO_CORRECTIONS),
            (Some(_), None) => Err(late_reason::UNKNOWN_TRADE),
            (Some(log), Some(number)) => {
                log.find(number, correction).ok_or(late_reason::UNKNOWN_TRADE)
            }
        };
        let corrected = found.and_then(|position| match &mut self.engine {
            Engine::Timed(timed) => timed.correct(shared, position, correction, out),
            Engine::Sessions(sessions) => sessions.correct(shared, position, correction, out),
            Engine::Counted(counted) => counted.correct(shared, position, correction, out),
            Engine::Sliding(sliding) => sliding.correct(shared, position, correction, out),
        });
        match corrected {
            Ok(()) => self.shared.counts.corrected += 1,
            Err(reason) => {
                self.shared.counts.refused += 1;
                self.shared.refuse(correction, reason, out);
            }
        }
    }

    /// Takes the next quote, for the statistics of spreads. It moves no watermark.
    pub fn quote(&mut self, quote: &WindowQuote) {
        if quote.ts_event_ns == UNTIMED || !self.shared.wanted.spreads() {
            return;
        }
        match &mut self.engine {
            Engine::Timed(timed) => timed.quote(&mut self.shared, quote),
            Engine::Sessions(sessions) => sessions.quote(&mut self.shared, quote),
            Engine::Counted(counted) => counted.quote(&mut self.shared, quote),
            Engine::Sliding(sliding) => sliding.quote(&mut self.shared, quote),
        }
    }

    /// Takes what a source says of itself.
    pub fn heartbeat(&mut self, heartbeat: &Heartbeat, out: &mut Sink<'_>) {
        let publisher_id = heartbeat.header.publisher_id;
        let watermark = match heartbeat.watermark {
            UNDEF_TIME => None,
            time => Some(time_ns(time).saturating_sub(1)),
        };
        let moved = match (publisher_id, watermark) {
            (0, Some(watermark)) => self.shared.clock.promise_all(watermark),
            (0, None) => false,
            (_, watermark) => {
                let channel_id = Some(heartbeat.channel_id);
                let Some(key) = self.shared.clock.key(publisher_id, channel_id) else { return };
                let clock = &mut self.shared.clock;
                let moved = watermark.is_some_and(|watermark| clock.promise(key, watermark));
                let is_idle = matches!(heartbeat.state, feed_state::STALE | feed_state::ENDED);
                (is_idle && clock.idle(key)) || moved
            }
        };
        if moved {
            self.moved(out);
        }
    }

    /// Takes what a source says of records that it lost.
    pub fn gap(&mut self, gap: &Gap) {
        let from = self.kept_from();
        self.shared.loss.gap(gap, from);
    }

    /// Declares that nothing at or before a watermark is expected any more, of any source.
    pub fn advance(&mut self, watermark_ns: i64, out: &mut Sink<'_>) {
        if self.shared.clock.promise_all(watermark_ns) {
            self.moved(out);
        }
    }

    /// Takes a publisher, and its channel where channels are sources, out of those that hold the
    /// watermark, until it is heard again. To be decided on and recorded by the caller: the same
    /// calls at the same records give the same bars.
    pub fn idle(&mut self, publisher_id: u16, channel_id: u8, out: &mut Sink<'_>) {
        let Some(key) = self.shared.clock.key(publisher_id, Some(channel_id)) else { return };
        if self.shared.clock.idle(key) {
            self.moved(out);
        }
    }

    /// Notes that reading begins in the middle of the stream: the first windows are PARTIAL.
    pub fn attached_late(&mut self) {
        self.shared.loss.attached_late();
    }

    /// Notes that `missed` records were lost before the next one: every window that one of them
    /// can have belonged to is INCOMPLETE.
    pub fn missed(&mut self, missed: u64) {
        let from = self.kept_from();
        self.shared.loss.missed(missed, from);
    }

    /// Fires everything: the input is bounded and has ended.
    pub fn finish(&mut self, out: &mut Sink<'_>) {
        if let Engine::Counted(counted) = &mut self.engine {
            counted.finish(&mut self.shared, out);
        }
        self.advance(i64::MAX, out);
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts
    }

    /// The trades and corrections of an instrument that went into no window.
    #[must_use]
    pub fn late_of(&self, instrument_id: u32) -> u64 {
        self.shared.late_of(instrument_id)
    }

    /// The time up to which nothing is expected any more, in nanoseconds since the Unix epoch;
    /// `None` before the first record.
    #[must_use]
    pub fn watermark_ns(&self) -> Option<i64> {
        Some(self.shared.clock.watermark()).filter(|watermark| *watermark != i64::MIN)
    }

    /// Appends the whole state: what follows is the same for windows of the same specification
    /// that are [restored](Self::restore) from it.
    ///
    /// Shape: little endian; a magic word with the version, the specification's hash, then the
    /// parts of the state, long ones as they lie in memory.
    pub fn save(&self, to: &mut Vec<u8>) {
        let mut saver = Saver::new(to);
        saver.value(&STATE_MAGIC);
        saver.value(&self.spec.hash());
        self.shared.save(&mut saver);
        match &self.engine {
            Engine::Timed(timed) => timed.save(&mut saver),
            Engine::Sessions(sessions) => sessions.save(&mut saver),
            Engine::Counted(counted) => counted.save(&mut saver),
            Engine::Sliding(sliding) => sliding.save(&mut saver),
        }
    }

    /// Takes over a state that was [saved](Self::save). The bytes must be whole, which a checksum
    /// is to tell: they are not checked beyond their form.
    ///
    /// # Errors
    ///
    /// [`WindowError::State`] for bytes of another form, version or specification; the windows are
    /// empty then.
    pub fn restore(&mut self, from: &[u8]) -> Result<(), WindowError> {
        let mut restored = Self::new(&self.spec)?;
        let loaded = restored.load(Loader::new(from));
        *self = if loaded.is_ok() { restored } else { Self::new(&self.spec)? };
        loaded
    }

    fn load(&mut self, mut from: Loader<'_>) -> Result<(), WindowError> {
        let hash = self.spec.hash();
        for (expected, what) in [(STATE_MAGIC, "version"), (hash, "specification")] {
            let found: u64 = from.value()?;
            if found != expected {
                return Err(WindowError::State {
                    expected: format!("{what} {expected:#018x}"),
                    found: format!("{found:#018x}"),
                });
            }
        }
        self.shared.load(&mut from)?;
        match &mut self.engine {
            Engine::Timed(timed) => timed.load(&mut from)?,
            Engine::Sessions(sessions) => sessions.load(&mut from)?,
            Engine::Counted(counted) => counted.load(&mut from)?,
            Engine::Sliding(sliding) => sliding.load(&mut from)?,
        }
        from.end()
    }

    /// The end before which windows are not kept any more.
    fn kept_from(&self) -> i64 {
        let shared = &self.shared;
        shared.clock.watermark().saturating_sub(shared.retention_ns).saturating_add(1)
    }

    /// Moves the watermark for a record that was read.
    #[inline(always)]
    fn observe(
        &mut self,
        publisher_id: u16,
        channel_id: Option<u8>,
        ts_event_ns: i64,
        out: &mut Sink<'_>,
    ) {
        // First of all it bounds a loss, of which the bars that become due tell.
        if self.shared.loss.is_open() {
            let until = ts_event_ns.saturating_add(self.shared.clock.delay_ns());
            self.shared.loss.read(until);
        }
        let clock = &mut self.shared.clock;
        if let Some(key) = clock.key(publisher_id, channel_id)
            && clock.observe(key, ts_event_ns)
        {
            self.moved(out);
        }
    }

    /// Does what is due at the new watermark.
    #[inline]
    fn moved(&mut self, out: &mut Sink<'_>) {
        let watermark = self.shared.clock.watermark();
        match &mut self.engine {
            Engine::Timed(timed) if watermark >= timed.next_event() => {
                timed.advance(&mut self.shared, out);
            }
            Engine::Sessions(sessions) if watermark >= sessions.next_event() => {
                sessions.advance(&mut self.shared, out);
            }
            _ => {}
        }
    }
}
