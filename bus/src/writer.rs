//! The one writer of a ring: publish, claim, close. How it comes into office stands in `open`.

mod claim;
mod findings;
mod heartbeat;
mod journal;
mod open;
mod row;
mod ticker;

pub use claim::Claim;

use crate::control::Control;
use crate::directory::RingName;
use crate::error::{Error, WrongKind};
use crate::fault;
use crate::instruments::{Instrument, Sort, Stored, sort_of};
use crate::journal::InlineJournal;
use crate::poll::CloseReason;
use crate::record::Record;
use crate::schema::{Layouts, Schema, key};
use crate::segment::{Segment, call_all};
use crate::slot::{Slot, store};
use crate::sync::AtomicU64;
use crate::words::Slots;
use row::RowForm;
use std::sync::Arc;
use ticker::Ticker;
use zerocopy::{Immutable, IntoBytes};

/// From one look at the registry to the next, in nanoseconds.
const TEND_EVERY_NS: u64 = 1_000_000_000;

/// The handle that publishes to a ring. There is one at a time, in all processes together.
///
/// Dropping it gives up the lock but does not close the ring: readers go on waiting for the next
/// writer, as they do when the process is killed.
///
/// # Examples
///
/// ```
/// use tickring::record::{Record, Trade};
/// use tickring::{Directory, Poll, Reader, RingSpec, Start, Writer};
///
/// let root = tempfile::tempdir().expect("a temporary directory");
/// let directory = Directory::at(root.path());
/// let name = "demo/ticks".parse()?;
/// let mut writer = Writer::open(&directory, &name, &RingSpec::new(Trade::kinds())?)?;
/// let mut reader = Reader::open(&directory, &name, Start::Latest)?;
///
/// writer.publish(&Trade { price: 4_810_250_000_000, size: 2, ..Trade::empty(1, 17, 0) })?;
/// match reader.poll() {
///     Poll::Record(record) => assert_eq!(record.get::<Trade>().map(|t| t.size), Some(2)),
///     other => panic!("expected the trade, found {other:?}"),
/// }
/// # Ok::<(), tickring::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer {
    segment: Segment,
    control: Control,
    layouts: Arc<Layouts>,
    /// One for each kind that is published by its bytes.
    forms: Box<[RowForm]>,
    payload_bytes: usize,
    next: u64,
    epoch: u64,
    pid: u32,
    forks: u64,
    /// Whether the ring has last values.
    remembers: bool,
    /// Instruments that still have room.
    room: usize,
    unlisted: u64,
    /// When the registry was last looked after.
    tended_ns: u64,
    /// The entry that is looked at next.
    tended_to: usize,
    has_swept: bool,
    journal: Option<Box<InlineJournal>>,
    // Kept for its end: it stops then.
    _ticker: Option<Ticker>,
}

impl Writer {
    /// Publishes one record and returns its sequence.
    ///
    /// Ordering: rows W1 to W4, P1, S3 and S4. Cost: a store per word of the slot and three more,
    /// two loads; the clock is read once every 64 records; one system call if a reader sleeps,
    /// else none; no allocation, never blocks. In a ring with
    /// [`instruments`](crate::RingSpec::instruments), quotes and trades are stored a second time,
    /// as the last of their instrument.
    ///
    /// # Errors
    ///
    /// [`WrongKind`] if the ring's schema has no such kind; nothing was written then.
    #[inline(always)]
    pub fn publish<R: Record>(&mut self, record: &R) -> Result<u64, WrongKind> {
        let seq = self.stage(record)?;
        self.flush();
        Ok(seq)
    }

    /// Publishes records in order, telling readers of all of them at once, and returns the
    /// sequence behind the last.
    ///
    /// # Errors
    ///
    /// [`WrongKind`] at the first record that the schema does not contain; those before it are
    /// published.
    #[inline]
    pub fn publish_batch<R: Record>(&mut self, records: &[R]) -> Result<u64, WrongKind> {
        for record in records {
            if let Err(refused) = self.stage(record) {
                self.flush();
                return Err(refused);
            }
        }
        self.flush();
        Ok(self.next)
    }

    /// Puts one record into its slot, where readers that poll find it at once, and leaves it to
    /// [`flush`](Self::flush) to move `published`: what a feed handler does for each record of
    /// a datagram, flushing at its end.
    ///
    /// # Errors
    ///
    /// [`WrongKind`] if the ring's schema has no such kind; nothing was written then.
    #[inline(always)]
    pub fn stage<R: Record>(&mut self, record: &R) -> Result<u64, WrongKind> {
        self.check(record)?;
        let (seq, slots) = (self.next, *self.segment.slots());
        let slot = slots.slot(seq);
        slot.claim(seq);
        slot.put(0, words_of(record));
        slot.clear(size_of::<R>() / 8);
        self.seal(seq, slot);
        if self.remembers
            && let Some(sort) = sort_of(R::RTYPE, record.as_bytes())
        {
            // Of a copy, so that the record itself can stay in registers.
            let copy = *record;
            self.remember(sort, seq, copy.as_bytes());
        }
        Ok(seq)
    }

    /// Moves `published` behind everything staged, and wakes the readers that sleep.
    #[inline]
    pub fn flush(&mut self) {
        self.segment.header().publish(self.next);
        let waiters = self.segment.waiters(&self.control);
        if waiters.are_there() {
            call_all(waiters.signal);
        }
    }

    /// Claims the next slot, to write a record in parts straight into it.
    ///
    /// A claim that is dropped without [`Claim::commit`] publishes nothing; the slot is claimed
    /// again by the next record. What is not written reads as zero.
    #[inline]
    pub fn claim(&mut self) -> Claim<'_> {
        self.segment.slot(self.next).claim(self.next);
        Claim { writer: self, filled: 0 }
    }

    /// The sequence that the next record will have.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// The number of this writer's life, 1 for the one that created the ring.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The ring's name.
    #[must_use]
    pub fn name(&self) -> &RingName {
        self.segment.name()
    }

    /// The ring's schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        self.segment.schema()
    }

    /// Tells whoever looks that the writer is alive, idle or not, and about once a second looks
    /// after the registry: entries of readers that are gone are freed, a control segment that was
    /// lost is made anew. A journal takes the opportunity to append what has waited long enough for
    /// its block to fill.
    pub fn heartbeat(&mut self) {
        let now_ns = crate::now_ns();
        store(self.segment.header().display.heartbeat_ns, now_ns);
        if let Some(journal) = &mut self.journal {
            journal.tick(self.next, now_ns, self.segment.slots());
        }
        if now_ns.abs_diff(self.tended_ns) >= TEND_EVERY_NS {
            self.tended_ns = now_ns;
            self.tend();
        }
    }

    /// Defines an instrument, or changes its definition, in the ring's directory.
    ///
    /// # Errors
    ///
    /// [`Error::NoRoomForInstrument`] if the directory is full, or the ring has none.
    pub fn define(&mut self, instrument: &Instrument) -> Result<(), Error> {
        match self.segment.instruments().define(instrument, self.room > 0) {
            Stored::Changed => Ok(()),
            Stored::Added => {
                self.room -= 1;
                Ok(())
            }
            Stored::NoRoom => {
                self.count_unlisted();
                Err(Error::NoRoomForInstrument {
                    name: self.name().to_string(),
                    instrument_id: instrument.instrument_id,
                    room: self.segment.instruments().room(),
                })
            }
        }
    }

    /// The definition of an instrument, if it is listed.
    #[must_use]
    pub fn instrument(&self, instrument_id: u32) -> Option<Instrument> {
        self.segment.instruments().get(instrument_id)
    }

    #[cold]
    fn count_unlisted(&mut self) {
        self.unlisted += 1;
        store(self.segment.header().display.unlisted, self.unlisted);
    }

    /// Shows the event time up to which this ring is complete, in nanoseconds since the Unix
    /// epoch. For display only.
    pub fn set_watermark(&mut self, watermark_ns: u64) {
        store(self.segment.header().display.watermark_ns, watermark_ns);
    }

    /// Shows how many records this writer's source has dropped, refused as late or otherwise
    /// not published, in all. For display only.
    pub fn set_dropped(&mut self, dropped: u64) {
        store(self.segment.header().display.dropped, dropped);
    }

    /// Shows a count by a name of up to 47 bytes to whoever looks, see
    /// [`RingCount`](crate::RingCount). Returns `false` where nobody will see it: after 64 other
    /// names, and where the ring has no control segment.
    ///
    /// Counts begin anew with each writer, and names are in the order in which they were first
    /// shown. For display only: to be called at the pace of heartbeats. Cost: loads of the names
    /// before it, a store.
    pub fn show_count(&mut self, name: &str, count: u64) -> bool {
        self.control.counters().any(|counter| counter.show(name, count))
    }

    /// Why nobody can see what this writer publishes, if the ring is gone under it: it was
    /// truncated, and the writer writes to memory of its own. `None` while all is well.
    ///
    /// Cost: a system call; ask at the pace of heartbeats.
    #[must_use]
    pub fn vanished(&self) -> Option<CloseReason> {
        self.segment.vanished()
    }

    /// Ends the ring: readers that have read everything get [`Poll::Closed`](crate::Poll).
    ///
    /// Another writer may attach later and go on.
    pub fn close(mut self) {
        self.flush();
        self.heartbeat();
        if let Some(journal) = &mut self.journal {
            journal.close(self.next, self.segment.slots());
        }
        self.segment.header().close();
        call_all(self.segment.header().signal);
    }

    #[inline]
    fn remember(&mut self, sort: Sort, seq: u64, record: &[u8]) {
        let instruments = *self.segment.instruments();
        match instruments.remember(sort, seq, record, self.room > 0) {
            Stored::Changed => {}
            Stored::Added => self.room -= 1,
            Stored::NoRoom => self.count_unlisted(),
        }
    }

    /// Says whether the ring has the kind of this record, with the layout of its struct.
    #[inline]
    fn check<R: Record>(&self, record: &R) -> Result<(), WrongKind> {
        let rtype = record.header().rtype;
        // A ring with a kind of this layout has slots that are long enough.
        if self.layouts.key(rtype) == key(rtype, R::LAYOUT_HASH) {
            Ok(())
        } else {
            let found_bytes = size_of::<R>();
            Err(WrongKind { rtype, found_bytes, most_bytes: self.payload_bytes })
        }
    }

    /// Notes the time where one is due, makes the claimed slot visible and steps on.
    #[inline(always)]
    fn seal(&mut self, seq: u64, slot: Slot<'_>) {
        if let Some(time) = self.segment.time(seq) {
            // Copies and a pointer, none of them into the writer; see `note_time`.
            note_time(time, seq, *self.segment.slots(), self.journal.as_deref_mut());
        }
        slot.commit(seq);
        self.next = seq + 1;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A forked child shares the parent's lock and control segment, and must not free them.
        if self.forks == fault::forks() && self.pid == std::process::id() {
            let _ = self.flush_journal();
            // Given up before the ring, so that who takes the ring finds the journal free.
            self.journal = None;
            self.leave_office();
        }
    }
}

/// Stores the time of publication, once in 64 records. Apart, and given no part of the writer,
/// so that the loop around a publish keeps the writer's fields in registers.
#[cold]
#[inline(never)]
fn note_time(time: &AtomicU64, seq: u64, slots: Slots, journal: Option<&mut InlineJournal>) {
    let now_ns = crate::now_ns();
    store(time, now_ns);
    if let Some(journal) = journal {
        journal.step(seq, now_ns, &slots);
    }
}

/// The words of a record as they stand in memory, which is little endian (`lib.rs` checks).
#[inline]
fn words_of<R: IntoBytes + Immutable>(record: &R) -> impl ExactSizeIterator<Item = u64> {
    let (words, _) = record.as_bytes().as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word))
}
