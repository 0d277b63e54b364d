//! The rings that a consumer writes, and what of them was written before a crash.
//!
//! # Concepts
//!
//! - Outputs are a function of the input, so behind a crash the replay from the checkpoint gives
//!   again what was published since. Those records *stand* in their ring already: as long as there
//!   are any, an output is compared with the next one that stands and not published.
//! - Takeovers leave restart and tombstone records between the bars, which take sequences of the
//!   ring. They are passed over: what is compared, and counted, are the records of the windows.
//! - If the input has lost what a replay needs, outputs cannot be continued exactly. A new *output
//!   epoch* begins: of what stands, only the names are kept (instrument, start, end and revision of
//!   a bar), and an output of such a name is left out, so that none is published twice.

mod standing;

use crate::checkpoint::{Key, Spot};
use crate::error::WindowError;
use crate::output::Output;
use crate::spec::WindowSpec;
use standing::{Standing, key_of};
use std::collections::BTreeSet;
use tickring::record::{BarStats, Late, Record, WindowBar, rtype};
use tickring::{Directory, Error, Poll, Reader, ReaderOptions, RingInfo, RingName, RingSpec};
use tickring::{RingState, Start, Writer};
use zerocopy::IntoBytes;

/// The rings that a consumer writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowRings {
    /// The ring of bars, and of their further aggregates if any are asked for.
    pub bars: RingName,
    /// Slots of the ring of bars, a power of two.
    pub bars_capacity: u64,
    /// The ring of what went into no window.
    pub late: RingName,
    /// Slots of the ring of late records, a power of two.
    pub late_capacity: u64,
}

/// The writers of the rings.
#[derive(Debug)]
pub(crate) struct Rings {
    bars: OutRing,
    late: OutRing,
    /// Outputs of an epoch before that must not be published again.
    known: BTreeSet<Key>,
    /// Whether outputs go to their rings without a look at what stands there.
    is_plain: bool,
    /// Outputs that stood in their ring already.
    replayed: u64,
    /// Outputs that were left out because an epoch before had published them.
    left_out: u64,
    /// The first failure, to be reported. Nothing is published behind it.
    failure: Option<WindowError>,
}

/// One of the rings.
#[derive(Debug)]
struct OutRing {
    writer: Writer,
    ring_id: u128,
    /// Records of the windows in this ring so far.
    count: u64,
    /// The count at the last checkpoint.
    saved: u64,
    capacity: u64,
    /// What the replay has still to give; `None` if nothing stands behind it.
    standing: Option<Box<Standing>>,
}

impl Rings {
    /// Creates the rings or takes them over; nothing stands in them.
    pub(crate) fn open(
        directory: &Directory,
        names: &WindowRings,
        spec: &WindowSpec,
    ) -> Result<Self, WindowError> {
        let mut kinds = WindowBar::kinds();
        if spec.wanted() != 0 {
            kinds.extend(BarStats::kinds());
        }
        let bars = RingSpec { capacity: names.bars_capacity, ..RingSpec::new(kinds)? };
        let late = RingSpec { capacity: names.late_capacity, ..RingSpec::new(Late::kinds())? };
        Ok(Self {
            bars: OutRing::open(directory, &names.bars, &bars)?,
            late: OutRing::open(directory, &names.late, &late)?,
            known: BTreeSet::new(),
            is_plain: true,
            replayed: 0,
            left_out: 0,
            failure: None,
        })
    }

    /// Finds what stands in the rings behind the places of a checkpoint.
    ///
    /// # Errors
    ///
    /// [`WindowError::RingBehind`], or those of attaching.
    pub(crate) fn resume(
        &mut self,
        directory: &Directory,
        [bars, late]: [Spot; 2],
        known: Vec<Key>,
    ) -> Result<(), WindowError> {
        self.bars.resume(directory, bars)?;
        self.late.resume(directory, late)?;
        self.known = known.into_iter().collect();
        self.note_plain();
        Ok(())
    }

    /// Takes an output.
    #[inline]
    pub(crate) fn stage(&mut self, output: Output<'_>) {
        if !self.is_plain {
            self.stage_behind_crash(output);
            return;
        }
        self.publish(output);
    }

    /// Puts an output into its ring.
    #[inline]
    fn publish(&mut self, output: Output<'_>) {
        let staged = match output {
            Output::Bar(bar) => self.bars.stage(bar),
            Output::Stats(stats) => self.bars.stage(stats),
            Output::Late(late) => self.late.stage(late),
        };
        if let Err(error) = staged {
            self.fail(error.into());
        }
    }

    #[cold]
    fn stage_behind_crash(&mut self, output: Output<'_>) {
        if self.failure.is_some() {
            return;
        }
        let (ring, bytes) = match &output {
            Output::Bar(bar) => (&mut self.bars, bar.as_bytes()),
            Output::Stats(stats) => (&mut self.bars, stats.as_bytes()),
            Output::Late(late) => (&mut self.late, late.as_bytes()),
        };
        if let Some(standing) = &mut ring.standing {
            ring.count += 1;
            self.replayed += 1;
            match standing.compare(bytes) {
                Ok(()) if standing.is_over() => {
                    ring.standing = None;
                    self.note_plain();
                }
                Ok(()) => {}
                Err(error) => self.fail(error),
            }
            return;
        }
        if key_of(bytes).is_some_and(|key| self.known.remove(&key)) {
            self.left_out += 1;
            self.note_plain();
            return;
        }
        self.publish(output);
    }

    /// Goes on although the input lacks records that the replay needs; says whether that begins a
    /// new output epoch, because something still stood.
    pub(crate) fn input_lost(&mut self) -> bool {
        let mut is_new = false;
        for ring in [&mut self.bars, &mut self.late] {
            if let Some(standing) = ring.standing.take() {
                is_new = true;
                ring.count += standing.names(&mut self.known);
            }
        }
        self.note_plain();
        is_new
    }

    /// Makes outputs visible.
    ///
    /// # Errors
    ///
    /// The first failure since.
    pub(crate) fn flush(&mut self, watermark_ns: u64, dropped: u64) -> Result<(), WindowError> {
        for ring in [&mut self.bars, &mut self.late] {
            ring.writer.flush();
            ring.writer.set_watermark(watermark_ns);
            ring.writer.heartbeat();
        }
        self.bars.writer.set_dropped(dropped);
        match self.failure.take() {
            Some(failure) => {
                // Whatever comes is not published either.
                self.is_plain = false;
                self.failure = Some(WindowError::Failed);
                Err(failure)
            }
            None => Ok(()),
        }
    }

    /// Demands that nothing stands that the whole input did not give.
    ///
    /// # Errors
    ///
    /// [`WindowError::Diverged`].
    pub(crate) fn expect_nothing(&self) -> Result<(), WindowError> {
        let standing = [&self.bars, &self.late].into_iter().find_map(|ring| ring.standing.as_ref());
        standing.map_or(Ok(()), |standing| Err(standing.diverged("nothing more".to_owned())))
    }

    /// Whether something stands that the replay has not given yet: no time for a checkpoint.
    pub(crate) fn is_replaying(&self) -> bool {
        self.bars.standing.is_some() || self.late.standing.is_some()
    }

    /// Whether the outputs since the last checkpoint fill half of a ring.
    #[inline]
    pub(crate) fn is_half_full(&self) -> bool {
        self.bars.is_half_full() || self.late.is_half_full()
    }

    /// The places behind everything published.
    pub(crate) fn spots(&self) -> [Spot; 2] {
        [&self.bars, &self.late]
            .map(|ring| Spot::new(ring.ring_id, ring.writer.next_seq(), ring.count))
    }

    /// Notes that a checkpoint of these places was taken.
    pub(crate) fn saved(&mut self) {
        for ring in [&mut self.bars, &mut self.late] {
            ring.saved = ring.count;
        }
    }

    pub(crate) fn known(&self) -> &BTreeSet<Key> {
        &self.known
    }

    /// Outputs that stood in their ring already, and those that were left out.
    pub(crate) fn suppressed(&self) -> (u64, u64) {
        (self.replayed, self.left_out)
    }

    pub(crate) fn show_count(&mut self, name: &str, count: u64) {
        self.bars.writer.show_count(name, count);
    }

    pub(crate) fn close(self) {
        self.bars.writer.close();
        self.late.writer.close();
    }

    fn fail(&mut self, failure: WindowError) {
        self.is_plain = false;
        self.failure.get_or_insert(failure);
    }

    fn note_plain(&mut self) {
        self.is_plain = self.failure.is_none() && self.known.is_empty() && !self.is_replaying();
    }
}

impl OutRing {
    fn open(directory: &Directory, name: &RingName, spec: &RingSpec) -> Result<Self, WindowError> {
        let writer = Writer::open(directory, name, spec)?;
        let ring_id = RingInfo::read(directory, name)?.ring_id;
        let capacity = spec.capacity;
        Ok(Self { writer, ring_id, count: 0, saved: 0, capacity, standing: None })
    }

    /// Finds what stands behind a place. In a ring that was made anew nothing does.
    fn resume(&mut self, directory: &Directory, spot: Spot) -> Result<(), WindowError> {
        if spot.ring_id() != self.ring_id {
            return Ok(());
        }
        (self.count, self.saved) = (spot.number, spot.number);
        let end = self.writer.next_seq();
        let name = self.writer.name();
        if spot.seq > end {
            let ring = name.to_string();
            return Err(WindowError::RingBehind { ring, expected: spot.seq, found: end });
        }
        let joining = ReaderOptions::named("", Start::Sequence(spot.seq));
        let reader = Reader::open_with(directory, name, &joining)?;
        self.standing = Standing::new(reader, end).map(Box::new);
        Ok(())
    }

    #[inline]
    fn stage<R: Record>(&mut self, record: &R) -> Result<(), tickring::WrongKind> {
        self.writer.stage(record)?;
        self.count += 1;
        Ok(())
    }

    #[inline]
    fn is_half_full(&self) -> bool {
        self.count - self.saved >= self.capacity / 2
    }
}

/// Whether a ring holds records of windows, whoever wrote them. A ring that is being written is
/// not looked at: it cannot be taken over.
///
/// # Errors
///
/// Those of attaching.
pub(crate) fn holds_records(directory: &Directory, name: &RingName) -> Result<bool, Error> {
    let mut reader =
        match Reader::open_with(directory, name, &ReaderOptions::named("", Start::Oldest)) {
            Ok(reader) => reader,
            Err(Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
    if reader.info().state == RingState::Live {
        return Ok(false);
    }
    // The oldest is not where the writer would overwrite next: look at all that came.
    reader.seek(Start::Sequence(0))?;
    loop {
        match reader.poll() {
            Poll::Record(record) => {
                if !rtype::is_control(record.rtype()) {
                    return Ok(true);
                }
            }
            Poll::Restarted { .. } | Poll::Tombstone { .. } | Poll::Lapped { .. } => {}
            Poll::Empty | Poll::Closed(_) => return Ok(false),
        }
    }
}
