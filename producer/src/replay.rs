//! Replay: a journal published again, to a ring of the same schema.
//!
//! A [`Source`](crate::source::Source) gives records of types that it knows; a journal holds
//! records of any schema, so they go as bytes from the journal into the slots, unchanged. Restart
//! and tombstone records tell about the ring they stood in and are left out.
//!
//! # Time
//!
//! A replay is paced by when the records were published. A journal knows that for every 64th
//! record; between two of those, a record's own `ts_recv` (or `ts_event`, where its kind has no
//! `ts_recv`) places it if that lies between them, as it does for live data; other records are
//! spread evenly. So a busy ring keeps its rhythm to a few microseconds, a sparse one keeps it
//! too, and the replay of a file that was published at full speed takes as long as that did.

#[cfg(test)]
mod tests;

use tickring::schema::{Field, FieldType, Kind, Schema};
use tickring::{
    Batch, Directory, JournalReader, JournalStart, Poll, PublishSpan, RingName, RingSpec, Writer,
};

use crate::error::Error;
use crate::pace::{Clock, Pace, Pacer, RealClock};
use crate::source::Progress;

/// Options of [`Replay`].
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// Where the bus lies.
    pub directory: Directory,
    /// The ring to publish to.
    pub to: RingName,
    /// Slots of that ring; as many as the recorded one had without.
    pub capacity: Option<u64>,
    /// Speed.
    pub pace: Pace,
    /// Where to begin.
    pub start: JournalStart,
    /// Whether to begin again at the end, for ever.
    pub repeat: bool,
}

/// What a replay has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReplaySummary {
    /// Records published.
    pub records: u64,
    /// Records that the journal lacks.
    pub missed: u64,
    /// Damaged places of the journal that were passed over.
    pub damaged: u64,
    /// Restarts of the recorded writer, left out.
    pub restarts: u64,
    /// Slots in which the recorded writer died, left out.
    pub tombstones: u64,
    /// How often the end was reached.
    pub rounds: u64,
}

/// Puts a record, given as the bytes of its slot, into the next slot of another ring.
fn stage(writer: &mut Writer, sizes: &[usize; 256], slot: &[u8]) -> Result<(), Error> {
    let rtype = slot.get(1).copied().unwrap_or(0);
    let size = sizes.get(usize::from(rtype)).copied().unwrap_or(0);
    writer.stage_row(rtype, slot.get(..size).unwrap_or(slot)).map_err(tickring::Error::from)?;
    Ok(())
}

fn sizes_of(schema: &Schema) -> [usize; 256] {
    let mut sizes = [0; 256];
    for kind in schema.kinds() {
        if let Some(size) = sizes.get_mut(usize::from(kind.rtype)) {
            *size = usize::try_from(kind.size_bytes).unwrap_or(0);
        }
    }
    sizes
}

/// Publishes a journal.
///
/// Dropping a replay that is not [closed](Self::close) leaves its ring open, as if the process had
/// died.
#[derive(Debug)]
pub struct Replay<C = RealClock> {
    journal: JournalReader,
    /// `None` once the ring is closed.
    writer: Option<Writer>,
    pacer: Pacer<C>,
    times: Times,
    /// Sizes of records in bytes, by record type.
    sizes: [usize; 256],
    start: JournalStart,
    repeat: bool,
    batch: Batch,
    /// A record that is not due yet: its bytes and its time.
    held: Vec<u8>,
    held_ns: Option<u64>,
    published_in_round: u64,
    summary: ReplaySummary,
}

impl Replay {
    /// Opens the ring to publish to.
    ///
    /// # Errors
    /// [`Error::Bus`] if the ring cannot be opened, for instance because it exists with another
    /// schema; [`Error::Option`] if the pace is out of range.
    pub fn open(journal: JournalReader, options: &ReplayOptions) -> Result<Self, Error> {
        Self::with_clock(journal, options, RealClock::default())
    }
}

impl<C: Clock> Replay<C> {
    /// Opens the ring to publish to, with a clock of the caller's.
    ///
    /// # Errors
    /// As [`open`](Replay::open).
    pub fn with_clock(
        mut journal: JournalReader,
        options: &ReplayOptions,
        clock: C,
    ) -> Result<Self, Error> {
        let pacer = Pacer::new(options.pace, clock)?;
        let spec = RingSpec {
            capacity: options.capacity.unwrap_or(journal.capacity()),
            ..RingSpec::new(journal.schema().kinds().to_vec())?
        };
        let writer = Writer::open(&options.directory, &options.to, &spec)?;
        journal.seek(options.start)?;
        Ok(Self {
            times: Times::of(journal.schema()),
            sizes: sizes_of(journal.schema()),
            journal,
            writer: Some(writer),
            pacer,
            start: options.start,
            repeat: options.repeat,
            batch: Batch::new(),
            held: Vec::new(),
            held_ns: None,
            published_in_round: 0,
            summary: ReplaySummary::default(),
        })
    }

    /// Publishes what is due, up to `budget` records.
    ///
    /// Gives [`Progress::Idle`] when nothing was due; by then it has slept until something is, or
    /// for 20 ms. At the end of the journal, as it is then, the ring is closed and every later
    /// call gives [`Progress::End`].
    ///
    /// # Errors
    /// [`Error::Bus`] if the journal cannot be read further.
    pub fn run_once(&mut self, budget: usize) -> Result<Progress, Error> {
        if self.writer.is_none() {
            return Ok(Progress::End);
        }
        let progress = match self.pacer.pace() {
            Pace::Max => self.run_at_once(budget),
            Pace::Rate(_) | Pace::Step => {
                let allowed = self.pacer.allowance(self.summary.records);
                let allowed = usize::try_from(allowed).unwrap_or(usize::MAX).min(budget);
                if allowed == 0 {
                    self.pacer.rest(None);
                    return Ok(Progress::Idle);
                }
                let progress = self.run_at_once(allowed)?;
                if let Progress::Advanced(records) = progress {
                    self.pacer.spend(records);
                }
                Ok(progress)
            }
            Pace::Replay(_) => self.run_by_time(budget),
        };
        if let Some(writer) = &mut self.writer {
            writer.flush();
            writer.heartbeat();
        }
        if let Ok(Progress::End) = progress {
            self.end();
        }
        progress
    }

    /// Allows so many records more, at the pace of steps.
    pub fn allow(&mut self, steps: u64) {
        self.pacer.allow(steps);
    }

    /// Publishes the next records whatever their times.
    fn run_at_once(&mut self, budget: usize) -> Result<Progress, Error> {
        match self.journal.poll_batch(&mut self.batch, budget)? {
            Poll::Record(count) => {
                if let Some(writer) = &mut self.writer {
                    for record in self.batch.iter() {
                        stage(writer, &self.sizes, record.bytes())?;
                    }
                }
                self.count(count);
                Ok(Progress::Advanced(count))
            }
            other => self.other(other.map(|_| ())),
        }
    }

    /// Publishes the records whose time has come.
    fn run_by_time(&mut self, budget: usize) -> Result<Progress, Error> {
        let mut published = 0;
        while published < budget {
            if self.held.is_empty() {
                match self.hold()? {
                    Poll::Record(()) => {}
                    other if published == 0 => return self.other(other),
                    other => {
                        // Counted now, for it will not be met again; what it means for the
                        // progress shows at the next call.
                        let _ = self.other(other)?;
                        break;
                    }
                }
            }
            if !self.pacer.is_due(self.held_ns) {
                if published == 0 {
                    self.pacer.rest(self.held_ns);
                    return Ok(Progress::Idle);
                }
                break;
            }
            if let Some(writer) = &mut self.writer {
                stage(writer, &self.sizes, &self.held)?;
            }
            self.held.clear();
            self.count(1);
            published += 1;
        }
        Ok(Progress::Advanced(published))
    }

    /// Takes the next record out of the journal, with its time.
    fn hold(&mut self) -> Result<Poll<()>, Error> {
        let held = &mut self.held;
        let outcome = self.journal.poll()?.map(|record| {
            held.extend_from_slice(record.bytes());
            record.seq()
        });
        Ok(outcome.map(|seq| {
            let span = self.journal.publish_span(seq);
            self.held_ns = span.map(|span| self.times.place(&span, &self.held));
        }))
    }

    /// Accounts for an outcome that is no record.
    fn other(&mut self, outcome: Poll<()>) -> Result<Progress, Error> {
        match outcome {
            Poll::Record(()) | Poll::Lapped { .. } => {}
            Poll::Tombstone { .. } => self.summary.tombstones += 1,
            Poll::Restarted { .. } => self.summary.restarts += 1,
            Poll::Empty | Poll::Closed(_) => {
                self.summary.rounds += 1;
                // A journal without records would be begun again and again.
                if !self.repeat || self.published_in_round == 0 {
                    return Ok(Progress::End);
                }
                self.published_in_round = 0;
                self.journal.seek(self.start)?;
                self.pacer.restart();
            }
        }
        Ok(Progress::Advanced(1))
    }

    fn count(&mut self, records: usize) {
        self.summary.records += records as u64;
        self.published_in_round += records as u64;
    }

    fn end(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.close();
        }
    }

    /// Returns what was done so far.
    #[must_use]
    pub fn summary(&self) -> ReplaySummary {
        let (missed, damaged) = (self.journal.missed(), self.journal.damaged());
        ReplaySummary { missed, damaged, ..self.summary }
    }

    /// Closes the ring, if the end of the journal has not.
    pub fn close(&mut self) {
        self.end();
    }
}

/// Where the records of each kind say when they came.
#[derive(Debug)]
struct Times {
    /// By record type: offset of the time and its value for "none".
    fields: Vec<Option<(usize, Option<u64>)>>,
}

impl Times {
    fn of(schema: &Schema) -> Self {
        let mut fields = vec![None; 256];
        for kind in schema.kinds() {
            if let Some(field) = fields.get_mut(usize::from(kind.rtype)) {
                *field = time_field(kind);
            }
        }
        Self { fields }
    }

    /// When the record of these bytes, which was published within `span`, is taken to have been.
    fn place(&self, span: &PublishSpan, record: &[u8]) -> u64 {
        let rtype = record.get(1).copied().unwrap_or(0);
        let field = self.fields.get(usize::from(rtype)).copied().flatten();
        let own = field.and_then(|(offset, none)| {
            let bytes = record.get(offset..)?.first_chunk::<8>()?;
            Some(u64::from_le_bytes(*bytes)).filter(|own| Some(*own) != none)
        });
        let within = span.from_ns..=span.to_ns;
        own.filter(|own| within.contains(own)).unwrap_or_else(|| {
            let length = u128::from(span.to_ns.saturating_sub(span.from_ns));
            let part = length * u128::from(span.index) / u128::from(span.count.max(1));
            span.from_ns.saturating_add(u64::try_from(part).unwrap_or(0))
        })
    }
}

fn time_field(kind: &Kind) -> Option<(usize, Option<u64>)> {
    let field = kind.field("ts_recv").or_else(|| kind.field("ts_event"));
    let field: &Field = field.filter(|field| field.ty == FieldType::U64 && field.count == 1)?;
    Some((usize::try_from(field.offset).ok()?, field.null))
}
