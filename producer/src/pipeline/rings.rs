//! The writers of one feed, as the sink of its source.

use std::any::Any;

use tickring::record::{Gap, Mbo, Record, UNDEF_TIME};
use tickring::schema::Kind;
use tickring::{Instrument, RingName, RingSpec, Writer, WrongKind};

use super::derived::Derived;
use super::{FeedOptions, Journaled, Summary, directory};
use crate::error::Error;
use crate::features::{Features, Plant};
use crate::source::{Count, Kinds, Report, Sink};

/// Slots of `definitions` and `statistics`: some 14,000 instruments can be read at any time.
const SIDE_CAPACITY: u64 = 1 << 14;

/// Rings of a feed, at most.
const RINGS: usize = 6;
/// A ring that had no record for so long gets a heartbeat.
const SILENCE_NS: u64 = 1_000_000_000;

/// All writers of a feed. They are gone when the rings are closed.
#[derive(Debug)]
pub(super) struct Rings {
    open: Option<Open>,
    by_rtype: [u64; 256],
    by_action: [u64; 256],
    published: u64,
    /// Vectors, and counts of what else was derived, when the rings were closed.
    derived: (u64, Vec<Count>),
    watermark_ns: u64,
    /// When the rings were last looked at for silence, by the feed's clock.
    looked_ns: Option<u64>,
    /// The next sequence of each ring at that time.
    looked_seqs: [u64; RINGS],
    /// What the journals had when the rings were closed.
    journaled: Option<Journaled>,
    /// The plants that nobody had asked for when the rings were closed.
    plants: Vec<Plant>,
}

#[derive(Debug)]
struct Open {
    ticks: Writer,
    definitions: Option<Writer>,
    statistics: Option<Writer>,
    derived: Option<Derived>,
}

impl Open {
    /// Notes what a record tells of an instrument, in the directories of the rings that have one.
    #[inline]
    fn note<R: Record>(&mut self, record: &R) {
        directory::note(&mut self.ticks, record);
        if let Some(derived) = &mut self.derived {
            derived.note(record);
        }
    }

    fn all(&self) -> impl Iterator<Item = &Writer> {
        let derived = self.derived.iter().flat_map(Derived::all);
        let side = [self.definitions.as_ref(), self.statistics.as_ref()];
        side.into_iter().flatten().chain(derived).chain([&self.ticks])
    }

    fn writers(&mut self) -> impl Iterator<Item = &mut Writer> {
        let derived = self.derived.iter_mut().flat_map(Derived::writers);
        let side = [self.definitions.as_mut(), self.statistics.as_mut()];
        [Some(&mut self.ticks)].into_iter().chain(side).flatten().chain(derived)
    }
}

impl Rings {
    pub(super) fn open(options: &FeedOptions, kinds: Kinds) -> Result<Self, Error> {
        let side = |ring, kinds: Vec<Kind>| {
            let wanted =
                (!kinds.is_empty()).then(|| writer(options, ring, kinds, SIDE_CAPACITY, 0));
            wanted.transpose()
        };
        // All options are checked before the first ring appears.
        let features = options.vectors.map(Features::new).transpose()?;
        let derived = Derived::open(options, &kinds.ticks, features)?;
        let open = Open {
            ticks: writer(options, "ticks", kinds.ticks, options.capacity, options.instruments)?,
            definitions: side("definitions", kinds.definitions)?,
            statistics: side("statistics", kinds.statistics)?,
            derived,
        };
        Ok(Self {
            open: Some(open),
            by_rtype: [0; 256],
            by_action: [0; 256],
            published: 0,
            derived: (0, Vec::new()),
            watermark_ns: 0,
            looked_ns: None,
            looked_seqs: [0; RINGS],
            journaled: None,
            plants: Vec::new(),
        })
    }

    /// Notes whether a live source is silent.
    pub(super) fn set_silent(&mut self, silent: bool) {
        if let Some(Open { ticks, derived: Some(derived), .. }) = &mut self.open {
            derived.set_silent(silent, ticks);
        }
    }

    /// Returns how many records were published, derived ones not counted.
    pub(super) fn published(&self) -> u64 {
        self.published
    }

    /// Gives the vectors that were planted since the last call.
    pub(super) fn drain_plants(&mut self) -> impl Iterator<Item = Plant> {
        let derived = self.open.iter_mut().flat_map(|open| &mut open.derived);
        derived.flat_map(Derived::drain_plants).chain(self.plants.drain(..))
    }

    /// Makes everything staged visible.
    pub(super) fn flush(&mut self) {
        let watermark_ns = self.watermark_ns;
        for writer in self.writers() {
            writer.flush();
            writer.set_watermark(watermark_ns);
            writer.heartbeat();
        }
    }

    /// Puts a heartbeat into each ring that has been silent since the last call that did
    /// anything, which is a second or more ago. `now_ns` is the feed's clock.
    ///
    /// The watermark is the largest event time so far: what a source publishes in one ring may
    /// still be behind that by its disorder, and is late for its readers then.
    pub(super) fn break_silence(&mut self, now_ns: u64) {
        let Some(looked_ns) = self.looked_ns else {
            self.looked_ns = Some(now_ns);
            return;
        };
        if now_ns.saturating_sub(looked_ns) < SILENCE_NS {
            return;
        }
        self.looked_ns = Some(now_ns);
        let watermark_ns = if self.watermark_ns == 0 { UNDEF_TIME } else { self.watermark_ns };
        let writers = self.open.iter_mut().flat_map(Open::writers);
        for (writer, looked_seq) in writers.zip(&mut self.looked_seqs) {
            if writer.next_seq() == *looked_seq {
                // Refused where the source has not announced heartbeats: then there are none.
                let _ = writer.publish_heartbeat(watermark_ns);
            }
            *looked_seq = writer.next_seq();
        }
    }

    /// Shows beside the ring of ticks what was published, and what the source has seen.
    ///
    /// Cost: an allocation for each type of input and anomaly.
    pub(super) fn show(&mut self, source: &Report) {
        let gaps = self.by_rtype.get(usize::from(Gap::RTYPE)).copied().unwrap_or(0);
        let inputs = source.inputs.iter().map(|input| input.count).sum();
        let sums = [
            ("records", self.published),
            ("vectors", self.derived().0),
            ("gaps", gaps),
            ("inputs", inputs),
        ];
        let Some(Open { ticks, .. }) = &mut self.open else { return };
        // Without room for more names, those that come first are shown.
        for (name, count) in sums {
            ticks.show_count(name, count);
        }
        for Count { name, count } in &source.anomalies {
            ticks.show_count(&format!("anomaly: {name}"), *count);
        }
        for Count { name, count } in &source.inputs {
            ticks.show_count(&format!("input: {name}"), *count);
        }
    }

    /// Ends the rings: readers that have read everything are told so.
    pub(super) fn close(&mut self) {
        self.flush();
        let failed = self.writers().filter_map(|writer| writer.flush_journal().err()).last();
        if let Some(mut journaled) = self.journaled() {
            journaled.error = failed.map(|error| error.to_string()).or(journaled.error);
            self.journaled = Some(journaled);
        }
        self.plants = self.drain_plants().collect();
        self.derived = self.derived();
        if let Some(Open { ticks, definitions, statistics, derived }) = self.open.take() {
            let side = [definitions, statistics].into_iter().flatten();
            let derived = derived.into_iter().flat_map(Derived::into_writers);
            side.chain(derived).chain([ticks]).for_each(Writer::close);
        }
    }

    /// How many vectors were published, and counts of what else was derived.
    fn derived(&self) -> (u64, Vec<Count>) {
        match &self.open {
            Some(Open { derived: Some(derived), .. }) => (derived.vectors(), derived.counts()),
            Some(_) => (0, Vec::new()),
            None => self.derived.clone(),
        }
    }

    /// Sums up the journals of the open rings.
    fn journaled(&self) -> Option<Journaled> {
        let Some(open) = &self.open else {
            return self.journaled.clone();
        };
        let mut sum: Option<Journaled> = None;
        for writer in open.all() {
            if let Some(status) = writer.journal_status() {
                let sum = sum.get_or_insert_default();
                sum.bytes += status.bytes;
                sum.missed += status.missed;
                let error = writer.journal_error().map(ToString::to_string);
                sum.error = error.or(sum.error.take());
            }
        }
        sum
    }

    pub(super) fn summary(&self, source: Report) -> Summary {
        let mut kinds = Vec::new();
        for kind in tickring::record::builtin_kinds() {
            if kind.rtype == Mbo::RTYPE {
                let actions = (0..=u8::MAX).zip(self.by_action).filter(|&(_, count)| count > 0);
                kinds.extend(actions.map(|(action, count)| {
                    let action = char::from(action).escape_default();
                    Count::new(format!("{} {action}", kind.name), count)
                }));
            } else if let Some(&count) = self.by_rtype.get(usize::from(kind.rtype))
                && count > 0
            {
                kinds.push(Count::new(kind.name, count));
            }
        }
        let (records, journal) = (self.published, self.journaled());
        let (vectors, derived) = self.derived();
        Summary { records, kinds, vectors, derived, source, journal }
    }

    fn writers(&mut self) -> impl Iterator<Item = &mut Writer> {
        self.open.iter_mut().flat_map(Open::writers)
    }

    #[inline(always)]
    fn count<R: Record>(&mut self, record: &R) {
        let header = record.header();
        self.published += 1;
        if let Some(count) = self.by_rtype.get_mut(usize::from(header.rtype)) {
            *count += 1;
        }
        if let Some(mbo) = (record as &dyn Any).downcast_ref::<Mbo>()
            && let Some(count) = self.by_action.get_mut(usize::from(mbo.action))
        {
            *count += 1;
        }
        if header.ts_event != UNDEF_TIME {
            self.watermark_ns = self.watermark_ns.max(header.ts_event);
        }
    }
}

impl Sink for Rings {
    /// Inlined where records are made: there they are in registers, and go to the ring in words.
    #[inline(always)]
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        let Some(open) = &mut self.open else {
            return Err(no_ring(record));
        };
        let seq = open.ticks.stage(record)?;
        open.note(record);
        if let Some(derived) = &mut open.derived {
            derive(derived, seq, *record, &mut open.ticks)?;
        }
        self.count(record);
        Ok(())
    }

    fn definition<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        let writer = self.open.as_mut().and_then(|open| open.definitions.as_mut());
        writer.ok_or_else(|| no_ring(record))?.stage(record)?;
        if let Some(open) = &mut self.open {
            open.note(record);
        }
        self.count(record);
        Ok(())
    }

    fn statistic<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        let writer = self.open.as_mut().and_then(|open| open.statistics.as_mut());
        writer.ok_or_else(|| no_ring(record))?.stage(record)?;
        if let Some(open) = &mut self.open {
            open.note(record);
        }
        self.count(record);
        Ok(())
    }

    fn instrument(&mut self, instrument: &Instrument) {
        if let Some(Open { ticks, derived, .. }) = &mut self.open {
            let _ = ticks.define(instrument);
            if let Some(derived) = derived {
                derived.define(instrument);
            }
        }
    }
}

/// Derives from a copy of a record, so that the record itself can stay in registers.
#[inline(never)]
fn derive<R: Record>(
    derived: &mut Derived,
    seq: u64,
    record: R,
    ticks: &mut Writer,
) -> Result<(), WrongKind> {
    derived.tick(seq, &record, ticks)
}

/// Opens the writer of one ring of the bus.
pub(super) fn writer(
    options: &FeedOptions,
    ring: &str,
    kinds: Vec<Kind>,
    capacity: u64,
    instruments: u64,
) -> Result<Writer, Error> {
    let FeedOptions { journal, mode, memory, wake_ticker, .. } = options;
    let spec = RingSpec {
        capacity,
        instruments,
        journal: journal.clone(),
        mode: *mode,
        memory: *memory,
        wake_ticker: *wake_ticker,
        ..RingSpec::new(kinds)?
    };
    let name = RingName::new(&options.bus, ring)?;
    Ok(Writer::open(&options.directory, &name, &spec)?)
}

/// Says that a record was given for a ring that its source did not announce.
fn no_ring<R: Record>(record: &R) -> WrongKind {
    WrongKind { rtype: record.header().rtype, found_bytes: size_of::<R>(), most_bytes: 0 }
}
