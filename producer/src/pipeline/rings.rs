//! The writers of one feed, as the sink of its source.

use std::any::Any;

use tickring::record::{Mbo, Record, UNDEF_TIME, Vector};
use tickring::schema::Kind;
use tickring::{Instrument, RingName, RingSpec, Writer, WrongKind};

use super::{FeedOptions, Journaled, Summary, directory};
use crate::error::Error;
use crate::features::Features;
use crate::source::{Count, Kinds, Report, Sink};

/// Slots of `definitions` and `statistics`: some 14,000 instruments can be read at any time.
const SIDE_CAPACITY: u64 = 1 << 14;

/// Rings of a feed, at most.
const RINGS: usize = 4;
/// A ring that had no record for so long gets a heartbeat.
const SILENCE_NS: u64 = 1_000_000_000;

/// All writers of a feed. They are gone when the rings are closed.
#[derive(Debug)]
pub(super) struct Rings {
    open: Option<Open>,
    by_rtype: [u64; 256],
    by_action: [u64; 256],
    published: u64,
    vectors: u64,
    watermark_ns: u64,
    /// When the rings were last looked at for silence, by the feed's clock.
    looked_ns: Option<u64>,
    /// The next sequence of each ring at that time.
    looked_seqs: [u64; RINGS],
    /// What the journals had when the rings were closed.
    journaled: Option<Journaled>,
}

#[derive(Debug)]
struct Open {
    ticks: Writer,
    definitions: Option<Writer>,
    statistics: Option<Writer>,
    vectors: Option<Vectors>,
}

impl Open {
    fn writers(&mut self) -> impl Iterator<Item = &mut Writer> {
        let vectors = self.vectors.as_mut().map(|vectors| &mut vectors.writer);
        let side = [self.definitions.as_mut(), self.statistics.as_mut(), vectors];
        [Some(&mut self.ticks)].into_iter().chain(side).flatten()
    }
}

#[derive(Debug)]
struct Vectors {
    features: Features,
    writer: Writer,
}

impl Rings {
    pub(super) fn open(options: &FeedOptions, kinds: Kinds) -> Result<Self, Error> {
        let side = |ring, kinds: Vec<Kind>| {
            let wanted = (!kinds.is_empty()).then(|| writer(options, ring, kinds, SIDE_CAPACITY));
            wanted.transpose()
        };
        // All options are checked before the first ring appears.
        let features = options.vectors.map(Features::new).transpose()?;
        let ticks = spec(options, kinds.ticks, options.capacity)?;
        let ticks = RingSpec { instruments: options.instruments, ..ticks };
        let ticks = open(options, "ticks", &ticks)?;
        let vectors = features.map(|features| {
            let writer = writer(options, "vectors", features.kinds(), features.capacity())?;
            Ok::<_, Error>(Vectors { features, writer })
        });
        let open = Open {
            ticks,
            definitions: side("definitions", kinds.definitions)?,
            statistics: side("statistics", kinds.statistics)?,
            vectors: vectors.transpose()?,
        };
        Ok(Self {
            open: Some(open),
            by_rtype: [0; 256],
            by_action: [0; 256],
            published: 0,
            vectors: 0,
            watermark_ns: 0,
            looked_ns: None,
            looked_seqs: [0; RINGS],
            journaled: None,
        })
    }

    /// Returns how many records were published, vectors not counted.
    pub(super) fn published(&self) -> u64 {
        self.published
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

    /// Ends the rings: readers that have read everything are told so.
    pub(super) fn close(&mut self) {
        self.flush();
        let failed = self.writers().filter_map(|writer| writer.flush_journal().err()).last();
        if let Some(mut journaled) = self.journaled() {
            journaled.error = failed.map(|error| error.to_string()).or(journaled.error);
            self.journaled = Some(journaled);
        }
        if let Some(Open { ticks, definitions, statistics, vectors }) = self.open.take() {
            let vectors = vectors.map(|vectors| vectors.writer);
            let side = [definitions, statistics, vectors].into_iter().flatten();
            side.chain([ticks]).for_each(Writer::close);
        }
    }

    /// Sums up the journals of the open rings.
    fn journaled(&self) -> Option<Journaled> {
        let Some(Open { ticks, definitions, statistics, vectors }) = &self.open else {
            return self.journaled.clone();
        };
        let vectors = vectors.as_ref().map(|vectors| &vectors.writer);
        let side = [definitions.as_ref(), statistics.as_ref(), vectors].into_iter().flatten();
        let mut sum: Option<Journaled> = None;
        for writer in side.chain([ticks]) {
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
        let (records, vectors, journal) = (self.published, self.vectors, self.journaled());
        Summary { records, kinds, vectors, source, journal }
    }

    fn writers(&mut self) -> impl Iterator<Item = &mut Writer> {
        self.open.iter_mut().flat_map(Open::writers)
    }

    #[inline]
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
    #[inline]
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        let Some(open) = &mut self.open else {
            return Err(no_ring(record));
        };
        let seq = open.ticks.stage(record)?;
        directory::note(&mut open.ticks, record);
        if let Some(Vectors { features, writer }) = &mut open.vectors
            && let Some(feature) = features.observe(seq, record)
        {
            let vec_id = writer.next_seq();
            let mut claim = writer.claim();
            claim.write(&Vector { vec_id, ..feature.vector })?;
            claim.write_lanes(feature.lanes)?;
            let _ = claim.commit();
            self.vectors += 1;
        }
        self.count(record);
        Ok(())
    }

    fn definition<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        let writer = self.open.as_mut().and_then(|open| open.definitions.as_mut());
        writer.ok_or_else(|| no_ring(record))?.stage(record)?;
        if let Some(open) = &mut self.open {
            directory::note(&mut open.ticks, record);
        }
        self.count(record);
        Ok(())
    }

    fn statistic<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        let writer = self.open.as_mut().and_then(|open| open.statistics.as_mut());
        writer.ok_or_else(|| no_ring(record))?.stage(record)?;
        self.count(record);
        Ok(())
    }

    fn instrument(&mut self, instrument: &Instrument) {
        if let Some(open) = &mut self.open {
            let _ = open.ticks.define(instrument);
        }
    }
}

/// Opens the writer of one ring of the bus.
fn writer(
    options: &FeedOptions,
    ring: &str,
    kinds: Vec<Kind>,
    capacity: u64,
) -> Result<Writer, Error> {
    open(options, ring, &spec(options, kinds, capacity)?)
}

fn spec(options: &FeedOptions, kinds: Vec<Kind>, capacity: u64) -> Result<RingSpec, Error> {
    let FeedOptions { journal, mode, memory, wake_ticker, .. } = options;
    Ok(RingSpec {
        capacity,
        journal: journal.clone(),
        mode: *mode,
        memory: *memory,
        wake_ticker: *wake_ticker,
        ..RingSpec::new(kinds)?
    })
}

fn open(options: &FeedOptions, ring: &str, spec: &RingSpec) -> Result<Writer, Error> {
    let name = RingName::new(&options.bus, ring)?;
    Ok(Writer::open(&options.directory, &name, spec)?)
}

/// Says that a record was given for a ring that its source did not announce.
fn no_ring<R: Record>(record: &R) -> WrongKind {
    WrongKind { rtype: record.header().rtype, found_bytes: size_of::<R>(), most_bytes: 0 }
}
