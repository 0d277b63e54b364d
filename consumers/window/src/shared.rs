//! What all kinds of windows have in common: the clock, the losses, the instruments and the counts,
//! and how a bar is published.

use crate::WindowError;
use crate::clock::Clock;
use crate::instruments::Instruments;
use crate::log::Log;
use crate::loss::Loss;
use crate::output::{Output, Sink};
use crate::spec::WindowSpec;
use crate::state::{Loader, Saver};
use crate::store::{Store, Wanted};
use crate::trade::WindowTrade;
use tickring::record::{Late, Record, UNDEF_TIME, window_flag};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// How many records went where. `trades = accepted + late`, always; with `untimed` these are all
/// trades there were.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Counts {
    /// Records of any kind.
    pub records: u64,
    /// Trades with an event time.
    pub trades: u64,
    /// Trades that went into a window.
    pub accepted: u64,
    /// Trades that went into no window, for any reason but a missing event time.
    pub late: u64,
    /// Trades without an event time, which belong to no window.
    pub untimed: u64,
    /// Corrections that changed a window.
    pub corrected: u64,
    /// Corrections that changed nothing: they went to the late output.
    pub refused: u64,
    /// Quotes that went into a window; of the others there is no count.
    pub quotes: u64,
    /// Bars given out, revisions included.
    pub bars: u64,
    /// Bars with a revision above 0.
    pub revisions: u64,
    /// Trades that left the correction log before their time, as it was full.
    pub forgotten: u64,
    /// Windows without trades that were not published, as too many came at once.
    pub skipped: u64,
}

/// A bar that is due: which one, of what, with which contents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due<'a> {
    pub(crate) number: usize,
    /// Start and end.
    pub(crate) span: (i64, i64),
    /// Which window of its instrument, in order of arrival; 0 for windows of time.
    pub(crate) ordinal: u64,
    pub(crate) revision: u32,
    /// Bits of `window_flag` that the kind of windows knows of.
    pub(crate) flags: u32,
    pub(crate) store: &'a Store,
    pub(crate) at: usize,
}

/// The common state.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) loss: Loss,
    pub(crate) instruments: Instruments,
    pub(crate) counts: Counts,
    pub(crate) log: Option<Log>,
    pub(crate) wanted: Wanted,
    pub(crate) lateness_ns: i64,
    pub(crate) retention_ns: i64,
    /// Late trades of each instrument, by its number.
    late: Vec<u64>,
}

impl Shared {
    pub(crate) fn new(spec: &WindowSpec) -> Self {
        let narrow = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
        Self {
            clock: Clock::new(spec),
            loss: Loss::default(),
            instruments: Instruments::default(),
            counts: Counts::default(),
            log: spec.corrections.map(|corrections| Log::new(corrections.log)),
            wanted: Wanted::of(spec),
            lateness_ns: narrow(spec.lateness_ns),
            retention_ns: narrow(spec.retention_ns()),
            late: Vec::new(),
        }
    }

    /// Whether the allowed lateness of a window with this end is over.
    #[inline]
    pub(crate) fn is_dead(&self, end: i64) -> bool {
        end.saturating_sub(1).saturating_add(self.lateness_ns) <= self.clock.watermark()
    }

    /// Whether nothing can change a window with this end any more.
    #[inline]
    pub(crate) fn is_final(&self, end: i64) -> bool {
        end.saturating_sub(1).saturating_add(self.retention_ns) <= self.clock.watermark()
    }

    /// Gives a bar out, with its further aggregates.
    pub(crate) fn publish(&mut self, due: &Due<'_>, out: &mut Sink<'_>) {
        let Some(cell) = due.store.cell(due.at) else { return };
        let instrument_id = self.instruments.id(due.number);
        let (start, end) = due.span;
        let loss = self.loss.of(due.span, instrument_id);
        let mut bar = cell.bar(instrument_id, end.cast_unsigned());
        bar.start_ns = start.cast_unsigned();
        bar.ordinal = due.ordinal;
        bar.revision = due.revision;
        let empty = if cell.count == 0 { window_flag::EMPTY } else { 0 };
        bar.flags |= due.flags | loss.flags | empty;
        bar.missed = loss.missed;
        bar.missed_until_ns = loss.until.map_or(UNDEF_TIME, i64::cast_unsigned);
        bar.watermark_ns = self.watermark_ns();
        self.counts.bars += 1;
        self.counts.revisions += u64::from(due.revision > 0);
        out(Output::Bar(&bar));
        if self.wanted.bits != 0 {
            out(Output::Stats(&due.store.stats(due.at, &bar)));
        }
    }

    /// Counts a trade or correction that goes into no window, and gives it out with the reason.
    #[cold]
    pub(crate) fn refuse(&mut self, trade: &WindowTrade, reason: u8, out: &mut Sink<'_>) {
        let number = self.instruments.number(trade.instrument_id);
        if number >= self.late.len() {
            self.late.resize(number + 1, 0);
        }
        if let Some(count) = self.late.get_mut(number) {
            *count += 1;
        }
        let ts_event = match trade.ts_event_ns {
            i64::MAX => UNDEF_TIME,
            known => known.cast_unsigned(),
        };
        out(Output::Late(&Late {
            price: trade.price_e9,
            size: trade.size,
            src_seq: trade.seq,
            trade_id: trade.trade_id,
            watermark_ns: self.watermark_ns(),
            sequence: trade.sequence,
            reason,
            action: trade.action,
            side: trade.side,
            ..Late::empty(trade.publisher_id, trade.instrument_id, ts_event)
        }));
    }

    /// Trades and corrections of an instrument that went into no window.
    pub(crate) fn late_of(&self, instrument_id: u32) -> u64 {
        let number = self.instruments.known(instrument_id);
        number.and_then(|number| self.late.get(number)).copied().unwrap_or(0)
    }

    /// The watermark as it stands in records: undefined before the first one.
    pub(crate) fn watermark_ns(&self) -> u64 {
        match self.clock.watermark() {
            i64::MIN => UNDEF_TIME,
            watermark => watermark.cast_unsigned(),
        }
    }

    pub(crate) fn save(&self, to: &mut Saver<'_>) {
        to.value(&self.counts);
        self.clock.save(to);
        self.loss.save(to);
        self.instruments.save(to);
        to.slice(&self.late);
        if let Some(log) = &self.log {
            log.save(to);
        }
    }

    pub(crate) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        self.counts = from.value()?;
        self.clock.load(from)?;
        self.loss.load(from)?;
        self.instruments.load(from)?;
        self.late = from.slice()?;
        if let Some(log) = &mut self.log {
            log.load(from)?;
        }
        Ok(())
    }
}
