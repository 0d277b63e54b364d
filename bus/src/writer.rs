//! The one writer of a ring: claim or create, publish, close.

use crate::directory::{Directory, RingName};
use crate::error::{Error, WrongKind};
use crate::header::Epoch;
use crate::lock;
use crate::record::{Record, Restart, Tombstone, UNDEF_TIME, restart_cause};
use crate::schema::{Kind, Schema};
use crate::segment::{Access, Segment};
use crate::slot::{Residue, load, store};
use crate::sync::AtomicU64;
use zerocopy::{Immutable, IntoBytes};

/// Attempts to attach before a ring that comes and goes is given up.
const ATTACH_ATTEMPTS: usize = 16;
/// Sequences from here on are taken for corruption: a ring would need centuries to get there.
const SEQUENCE_LIMIT: u64 = 1 << 62;
/// Words of a vector record in front of its lanes.
const VECTOR_WORDS: usize = size_of::<crate::record::Vector>() / 8;
/// The value that stands for "no sequence".
const NO_SEQUENCE: u64 = u64::MAX;

/// What a ring is made of.
#[derive(Clone, Debug)]
pub struct RingSpec {
    /// The kinds of records that the ring may hold; see [`RingSpec::new`].
    pub schema: Schema,
    /// Slots in the ring, a power of two from 64 on.
    pub capacity: u64,
    /// Permissions of the file. Readers need read permission only.
    pub mode: u32,
}

impl RingSpec {
    /// A ring of [`DEFAULT_CAPACITY`](crate::DEFAULT_CAPACITY) slots and mode 0640 for `kinds`.
    /// The kinds `restart` and `tombstone`, which recovery writes, are added if missing.
    ///
    /// # Errors
    ///
    /// [`Error::Schema`] if the kinds do not form a valid schema.
    pub fn new(kinds: Vec<Kind>) -> Result<Self, Error> {
        let mut kinds = kinds;
        for own in [Restart::kind(), Tombstone::kind()] {
            if kinds.iter().all(|kind| kind.rtype != own.rtype) {
                kinds.push(own);
            }
        }
        let schema = Schema::new(kinds)
            .map_err(|source| Error::Schema { name: "the new ring".to_owned(), source })?;
        Ok(Self { schema, capacity: crate::DEFAULT_CAPACITY, mode: 0o640 })
    }
}

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
    kinds: [u64; 4],
    payload_bytes: usize,
    next: u64,
    epoch: u64,
    pid: u32,
}

impl Writer {
    /// Creates the ring, or takes over an existing one whose writer is gone.
    ///
    /// A takeover continues the sequence, closes a record that the dead writer left half written
    /// with a tombstone, and puts a restart record in band. Cost: birth touches every page;
    /// takeover looks at every stamp.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyOwned`] while another writer lives; [`Error::SchemaMismatch`] or
    /// [`Error::CapacityMismatch`] if the ring exists in another form; [`Error::NoSpace`] and
    /// the errors of attaching.
    pub fn open(directory: &Directory, name: &RingName, spec: &RingSpec) -> Result<Self, Error> {
        for _ in 0..ATTACH_ATTEMPTS {
            match Segment::attach(directory, name, Access::Write) {
                Ok(segment) => {
                    let writer = Self::take_over(segment, spec)?;
                    // Removed and perhaps created anew between open and lock: look again.
                    if writer.segment.is_linked() {
                        return Ok(writer);
                    }
                }
                Err(Error::NotFound { .. }) => {
                    let born =
                        Segment::create(directory, name, &spec.schema, spec.capacity, spec.mode)?;
                    if let Some(segment) = born {
                        return Ok(Self::first(segment));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(directory.not_found(name))
    }

    /// The writer of a segment that was just born.
    fn first(segment: Segment) -> Self {
        let mut writer = Self::over(segment, 0, 1);
        writer.segment.header().begin_epoch(Epoch { number: 1, start: 0 });
        writer.enter_office();
        writer
    }

    fn over(segment: Segment, next: u64, epoch: u64) -> Self {
        Self {
            kinds: segment.identity().kinds,
            payload_bytes: segment.slots().payload_words() * 8,
            segment,
            next,
            epoch,
            pid: std::process::id(),
        }
    }

    fn take_over(segment: Segment, spec: &RingSpec) -> Result<Self, Error> {
        let name = || segment.name().to_string();
        let path = || segment.path().to_owned();
        let difference = spec.schema.difference(segment.schema());
        if !difference.is_empty() {
            return Err(Error::SchemaMismatch { name: name(), path: path(), difference });
        }
        let found = segment.geometry().capacity;
        if found != spec.capacity {
            let expected = spec.capacity;
            return Err(Error::CapacityMismatch { name: name(), path: path(), expected, found });
        }
        if !lock::acquire(segment.file()).map_err(|errno| segment.io("lock", errno))? {
            let display = segment.header().display;
            return Err(Error::AlreadyOwned {
                name: name(),
                pid: load(display.owner_pid),
                since_ns: load(display.owner_since_ns),
            });
        }
        Self::recover(segment)
    }

    /// Continues behind the highest stamp. Killed at any store, the next recovery finds the same
    /// or a later state, and never a second torn slot.
    fn recover(segment: Segment) -> Result<Self, Error> {
        let found = Findings::of(&segment)?;
        let closed = segment.header().is_closed();
        let epoch = segment.header().epoch().number.saturating_add(1);
        let mut writer = Self::over(segment, found.next, epoch);
        let cause = if closed { restart_cause::CLOSED } else { restart_cause::DIED };
        let previous_seq = found.next.checked_sub(1).unwrap_or(NO_SEQUENCE);
        if found.torn {
            let ts_recv = crate::now_ns();
            let epoch = epoch - 1;
            writer.publish(&Tombstone {
                epoch,
                previous_seq,
                ts_recv,
                cause,
                ..Tombstone::empty(0, 0, UNDEF_TIME)
            })?;
        }
        writer.segment.header().begin_epoch(Epoch { number: epoch, start: writer.next });
        writer.enter_office();
        writer.publish(&Restart {
            epoch,
            previous_seq,
            ts_recv: crate::now_ns(),
            cause,
            ..Restart::empty(0, 0, UNDEF_TIME)
        })?;
        writer.segment.header().reopen();
        Ok(writer)
    }

    fn enter_office(&mut self) {
        let header = self.segment.header();
        store(header.display.owner_pid, self.pid.into());
        store(header.display.owner_since_ns, crate::now_ns());
        header.publish(self.next);
        if self.epoch == 1 {
            header.reopen();
        }
        self.heartbeat();
    }

    /// Publishes one record and returns its sequence.
    ///
    /// Ordering: rows W1 to W4 and P1. Cost: a store per word of the slot and three more; the
    /// clock is read once every 64 records; no system call, no allocation, never blocks.
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
        self.check(record.header().rtype, size_of::<R>())?;
        let seq = self.next;
        let slot = self.segment.slot(seq);
        slot.claim(seq);
        slot.put(0, words_of(record));
        slot.clear(size_of::<R>() / 8);
        self.seal(seq);
        Ok(seq)
    }

    /// Moves `published` behind everything staged.
    #[inline]
    pub fn flush(&mut self) {
        self.segment.header().publish(self.next);
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

    /// Tells whoever looks that the writer is alive, idle or not. For display only.
    pub fn heartbeat(&mut self) {
        store(self.segment.header().display.heartbeat_ns, crate::now_ns());
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

    /// Ends the ring: readers that have read everything get [`Poll::Closed`](crate::Poll).
    ///
    /// Another writer may attach later and go on.
    pub fn close(mut self) {
        self.flush();
        self.heartbeat();
        self.segment.header().close();
    }

    #[inline]
    fn check(&self, rtype: u8, found_bytes: usize) -> Result<(), WrongKind> {
        let word = self.kinds.get(usize::from(rtype / 64)).copied().unwrap_or(0);
        if word >> (rtype % 64) & 1 == 1 && found_bytes <= self.payload_bytes {
            Ok(())
        } else {
            Err(WrongKind { rtype, found_bytes, most_bytes: self.payload_bytes })
        }
    }

    /// Notes the time where one is due, makes the claimed slot visible and steps on.
    #[inline(always)]
    fn seal(&mut self, seq: u64) {
        if let Some(time) = self.segment.time(seq) {
            note_time(time);
        }
        self.segment.slot(seq).commit(seq);
        self.next = seq + 1;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A forked child shares the parent's lock and must not free it.
        if self.pid == std::process::id() {
            lock::release(self.segment.file());
        }
    }
}

/// A claimed slot. Written in parts, then committed.
#[derive(Debug)]
#[must_use = "a claim that is not committed publishes nothing"]
pub struct Claim<'w> {
    writer: &'w mut Writer,
    /// Words written so far, from the first on.
    filled: usize,
}

impl Claim<'_> {
    /// Writes a record, or its fixed part, at the start of the slot.
    ///
    /// # Errors
    ///
    /// [`WrongKind`] if the ring's schema has no such kind; nothing was written then.
    #[inline]
    pub fn write<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.writer.check(record.header().rtype, size_of::<R>())?;
        self.writer.segment.slot(self.writer.next).put(0, words_of(record));
        self.filled = self.filled.max(size_of::<R>() / 8);
        Ok(())
    }

    /// Writes the lanes of a vector behind its fixed part, which is written before; an odd last
    /// lane is followed by zero.
    ///
    /// # Errors
    ///
    /// [`WrongKind`] if the slot is too short for them; nothing was written then.
    #[inline]
    pub fn write_lanes(&mut self, lanes: &[f32]) -> Result<(), WrongKind> {
        let first_bytes = VECTOR_WORDS * 8;
        let found_bytes = first_bytes + lanes.len().next_multiple_of(2) * size_of::<f32>();
        let most_bytes = self.writer.payload_bytes;
        if found_bytes > most_bytes {
            let rtype = crate::record::Vector::RTYPE;
            return Err(WrongKind { rtype, found_bytes, most_bytes });
        }
        let slot = self.writer.segment.slot(self.writer.next);
        let first = first_bytes / 8;
        slot.put(self.filled, core::iter::repeat_n(0, first.saturating_sub(self.filled)));
        let (pairs, odd) = lanes.as_chunks::<2>();
        slot.put(first, pairs.iter().map(|pair| bytemuck::cast(*pair)));
        let last = odd.first().map(|lane| u64::from(lane.to_bits()));
        slot.put(first + pairs.len(), last.into_iter());
        self.filled = self.filled.max(found_bytes / 8);
        Ok(())
    }

    /// Publishes the slot and returns its sequence.
    #[inline]
    pub fn commit(self) -> u64 {
        let seq = self.writer.next;
        self.writer.segment.slot(seq).clear(self.filled);
        self.writer.seal(seq);
        self.writer.flush();
        seq
    }
}

/// Stores the time of publication, once in 64 records. Apart, and given no part of the writer,
/// so that the loop around a publish keeps the writer's fields in registers.
#[cold]
#[inline(never)]
fn note_time(time: &AtomicU64) {
    store(time, crate::now_ns());
}

/// The words of a record as they stand in memory, which is little endian (`lib.rs` checks).
#[inline]
fn words_of<R: IntoBytes + Immutable>(record: &R) -> impl ExactSizeIterator<Item = u64> {
    let (words, _) = record.as_bytes().as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word))
}

/// What the stamps of a ring without a writer say.
struct Findings {
    next: u64,
    torn: bool,
}

impl Findings {
    fn of(segment: &Segment) -> Result<Self, Error> {
        let corrupt = |what, expected, found| Error::Corrupt {
            path: segment.path().to_owned(),
            what,
            expected,
            found,
        };
        let capacity = segment.geometry().capacity;
        let mut next = 0;
        let mut torn = None;
        for index in 0..capacity {
            let seq = match segment.slot(index).residue() {
                Residue::Blank => continue,
                Residue::Whole(seq) => {
                    next = next.max(seq.saturating_add(1));
                    seq
                }
                Residue::Torn(seq) => {
                    if let Some(other) = torn.replace(seq) {
                        return Err(corrupt("a second half-written slot", other, seq));
                    }
                    seq
                }
            };
            if seq % capacity != index || seq >= SEQUENCE_LIMIT {
                return Err(corrupt("the stamp of a slot", index, seq));
            }
        }
        if let Some(torn) = torn.filter(|torn| *torn != next) {
            return Err(corrupt("the sequence of a half-written slot", next, torn));
        }
        let published = segment.header().published();
        if published > next {
            return Err(corrupt("the published sequence", next, published));
        }
        Ok(Self { next, torn: torn.is_some() })
    }
}
