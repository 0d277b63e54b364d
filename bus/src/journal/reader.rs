//! A reader of a journal: the outcomes of a ring's reader, from files.

use super::block::{Block, Found};
use super::file;
use super::format::{BlockHeader, BlockKind, FileHeader, Head, Origin};
use super::open::{self, Open};
use super::seek;
use crate::batch::Batch;
use crate::directory::RingName;
use crate::error::Error;
use crate::lock;
use crate::poll::{CloseReason, Poll, RecordRef, rtype_of};
use crate::reader::{is_recovery, restart_epoch};
use crate::schema::{Layouts, Schema};
use std::path::{Path, PathBuf};

/// Where a reader of a journal begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalStart {
    /// At the oldest record.
    Oldest,
    /// At this sequence. If the journal does not have it the first poll says how many are
    /// missing; if it is still to come the reader waits for it.
    Sequence(u64),
    /// At a time, in ns since the Unix epoch: no record published then or later is left out, and
    /// at most 64 that were published before are let in.
    Time(u64),
}

/// Why a journal has nothing more at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalEnd {
    /// Its writer may be about to append, or died without a word.
    Open,
    /// Its writer stopped; the ring may go on without being journaled.
    Paused,
    /// The ring was closed.
    Ended,
}

/// Between which times a record was published, in ns since the Unix epoch.
///
/// Rings keep the time of every 64th record; the records of a span were published one after the
/// other between its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishSpan {
    /// Not before this.
    pub from_ns: u64,
    /// Not after this.
    pub to_ns: u64,
    /// The record's place in the span, from 0.
    pub index: u64,
    /// Records in the span.
    pub count: u64,
}

/// A reader of the journal of one ring, with a cursor of its own. Follows a journal that is still
/// being written, from file to file.
///
/// # Examples
///
/// ```no_run
/// use tickring::{JournalReader, JournalStart, Poll};
///
/// let name = "demo/ticks".parse()?;
/// let mut journal = JournalReader::open("/data/journal", Some(&name), JournalStart::Oldest)?;
/// loop {
///     match journal.poll()? {
///         Poll::Record(record) => println!("{} {:?}", record.seq(), record.header()),
///         Poll::Lapped { missed, .. } => eprintln!("the journal lacks {missed} records"),
///         Poll::Empty | Poll::Closed(_) => break,
///         _ => {}
///     }
/// }
/// # Ok::<(), tickring::Error>(())
/// ```
#[derive(Debug)]
pub struct JournalReader {
    directory: PathBuf,
    origin: Origin,
    open: Option<Open>,
    block: Block,
    cursor: u64,
    missed: u64,
    damaged: u64,
    /// Life of the writer at the cursor; `None` until a block has told it.
    epoch: Option<u64>,
    /// An epoch whose restart record was among the missed ones, to be reported next.
    lapped_epoch: Option<u64>,
    end: JournalEnd,
    /// The block in memory, if its place in the sequence was not looked at yet.
    ahead: Option<BlockHeader>,
}

impl JournalReader {
    /// Opens the journal that `path` holds: a directory, or one file of it, from which the reader
    /// goes on to the later ones. `name` says which ring, and is needed where a directory has
    /// several; of rings that had the same name one after the other, the latest is taken.
    ///
    /// # Errors
    ///
    /// [`Error::NoJournal`], [`Error::SeveralJournals`], [`Error::NotAJournal`],
    /// [`Error::JournalVersion`], [`Error::DamagedJournal`], [`Error::Schema`] or [`Error::Io`].
    pub fn open(
        path: impl AsRef<Path>,
        name: Option<&RingName>,
        start: JournalStart,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let (directory, header) = if path.is_file() {
            let file = file::open(path)?;
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            (parent.unwrap_or(Path::new(".")), FileHeader::read(&file, path)?)
        } else {
            (path, open::latest(path, name)?)
        };
        let mut reader = Self::of_ring(directory, header.origin);
        reader.seek(match start {
            JournalStart::Oldest if path.is_file() => JournalStart::Sequence(header.first_seq),
            start => start,
        })?;
        Ok(reader)
    }

    /// Opens the journals of rings that had the same name one after the other: that of the ring
    /// `ring_id` at `seq`, then those of the rings that came behind it, each at its beginning. So
    /// what follows a ring can be read when the machine was started anew and the ring is another
    /// one. The last of them may be that of a ring that still is there.
    ///
    /// # Errors
    ///
    /// [`Error::NoJournal`] if the directory has no journal of that ring, and those of
    /// [`open`](Self::open).
    pub fn open_successors(
        directory: impl AsRef<Path>,
        name: &RingName,
        (ring_id, seq): (u128, u64),
    ) -> Result<Vec<Self>, Error> {
        let directory = directory.as_ref();
        let rings = open::rings(directory, name)?;
        let known = rings.into_iter().skip_while(|ring| ring.origin.ring_id != ring_id);
        let mut readers: Vec<Self> =
            known.map(|ring| Self::of_ring(directory, ring.origin)).collect();
        let (first, others) = readers.split_first_mut().ok_or_else(|| Error::NoJournal {
            name: format!("{name} with the id {ring_id:032x}"),
            path: directory.to_owned(),
        })?;
        first.seek(JournalStart::Sequence(seq))?;
        for other in others {
            other.seek(JournalStart::Sequence(0))?;
        }
        Ok(readers)
    }

    /// A reader of the journal of a ring, which need not have any file yet.
    pub(crate) fn of_ring(directory: &Path, origin: Origin) -> Self {
        Self {
            directory: directory.to_owned(),
            block: Block::new(&origin),
            origin,
            open: None,
            cursor: 0,
            missed: 0,
            damaged: 0,
            epoch: None,
            lapped_epoch: None,
            end: JournalEnd::Open,
            ahead: None,
        }
    }

    /// Moves the cursor. Cost: reads the list of files, and of one file the header of every
    /// block up to the place, some milliseconds for a file of 128 MiB.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], and if the file is damaged the errors of [`open`](Self::open).
    pub fn seek(&mut self, start: JournalStart) -> Result<(), Error> {
        let place = seek::find(&self.directory, &self.origin, &mut self.block, start)?;
        self.open = place.open;
        self.cursor = place.cursor;
        self.block.clear();
        self.epoch = None;
        self.lapped_epoch = None;
        self.end = JournalEnd::Open;
        self.ahead = None;
        Ok(())
    }

    /// Gives the next record.
    ///
    /// [`Poll::Lapped`] says how many records the journal lacks: its recorder was lapped, its disk
    /// was full, or a block is damaged. [`Poll::Closed`] says that the ring was closed;
    /// [`Poll::Empty`] that nothing more is there, see [`end`](Self::end). Cost: a copy of nothing
    /// while a block lasts; for a block two system calls and a checksum; at the end of the journal
    /// a look at the directory.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], and at the begin of a file the errors of [`open`](Self::open).
    pub fn poll(&mut self) -> Result<Poll<RecordRef<'_>>, Error> {
        let seq = self.cursor;
        match self.ready()? {
            Poll::Record(()) => {}
            other => return Ok(other.map(|()| RecordRef::new(seq, &[], Layouts::NONE))),
        }
        let Some(record) = self.block.record(seq) else { return Ok(Poll::Empty) };
        self.cursor = seq + 1;
        if !is_recovery(record.rtype()) {
            return Ok(Poll::Record(record));
        }
        Ok(match restart_epoch(record.bytes()) {
            Some(epoch) => {
                self.epoch = Some(epoch);
                Poll::Restarted { epoch }
            }
            None => Poll::Tombstone { seq },
        })
    }

    /// Copies up to `max` records into `batch`, replacing what it held, and gives their number.
    ///
    /// Ends early at the end of a block, and in front of a restart or tombstone, which the next
    /// call reports. Cost: as [`poll`](Self::poll), and a copy.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll).
    pub fn poll_batch(&mut self, batch: &mut Batch, max: usize) -> Result<Poll<usize>, Error> {
        let record_words = self.origin.stride_words().saturating_sub(1);
        batch.restart(self.cursor, record_words, self.block.layouts());
        if max == 0 {
            return Ok(Poll::Empty);
        }
        match self.ready()? {
            Poll::Record(()) => {}
            other => {
                batch.restart(self.cursor, record_words, self.block.layouts());
                return Ok(other.map(|()| 0));
            }
        }
        for words in self.block.records_from(self.cursor).take(max) {
            if is_recovery(rtype_of(words)) {
                break;
            }
            for copy in batch.append(1) {
                copy.copy_from_slice(words);
            }
        }
        if batch.is_empty() {
            return self.poll().map(|outcome| outcome.map(|_| 0));
        }
        self.cursor += batch.len() as u64;
        Ok(Poll::Record(batch.len()))
    }

    /// The sequence that this reader will read next.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// How many records the journal lacked since it was opened, in all.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// How many damaged places were passed over.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Why there was nothing at the last poll that found nothing.
    #[must_use]
    pub fn end(&self) -> JournalEnd {
        self.end
    }

    /// The name of the ring.
    #[must_use]
    pub fn name(&self) -> &RingName {
        &self.origin.name
    }

    /// The random number that tells the ring from others of the same name.
    #[must_use]
    pub fn ring_id(&self) -> u128 {
        self.origin.ring_id
    }

    /// Slots that the ring had.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.origin.capacity
    }

    /// The ring's schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.origin.schema
    }

    /// When record `seq` was published, as far as the block in memory tells; `None` if it does
    /// not hold the record. For the record that was polled last.
    #[must_use]
    pub fn publish_span(&self, seq: u64) -> Option<PublishSpan> {
        let block = self.block.header().filter(|block| block.first_seq <= seq)?;
        let before = self.block.times().take_while(|(noted, _)| *noted <= seq).last();
        let after = self.block.times().find(|(noted, _)| *noted > seq);
        let (first, from_ns) = before.unwrap_or((block.first_seq, block.first_ns));
        let (end, to_ns) = after.unwrap_or((block.end_seq(), block.last_ns));
        let (index, count) = (seq - first, end.saturating_sub(first));
        (index < count).then_some(PublishSpan { from_ns, to_ns, index, count })
    }

    /// Record `seq`, if the block in memory holds it.
    pub(crate) fn record(&self, seq: u64) -> Option<RecordRef<'_>> {
        self.block.record(seq)
    }

    /// Whether any file of the journal was found.
    pub(crate) fn has_file(&self) -> bool {
        self.open.is_some()
    }

    /// Whether anybody holds the lock of those who append. `false` is certain: who appended did so
    /// before.
    pub(crate) fn is_kept(&self) -> bool {
        let file = file::open(&file::lock_path(&self.directory, &self.origin));
        file.is_ok_and(|file| lock::is_held(&file).unwrap_or(true))
    }

    /// Whether something at or behind the cursor is in the journal by now.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll).
    pub(crate) fn has_more(&mut self) -> Result<bool, Error> {
        if self.block.record(self.cursor).is_none() && self.ahead.is_none() {
            self.ahead = self.advance()?;
        }
        Ok(self.block.record(self.cursor).is_some() || self.ahead.is_some())
    }

    /// Moves the cursor to `seq`; without looking from the start if it is not behind.
    ///
    /// # Errors
    ///
    /// As [`seek`](Self::seek).
    pub(crate) fn forward(&mut self, seq: u64) -> Result<(), Error> {
        if self.open.is_none() || self.ahead.is_some() || seq < self.cursor {
            return self.seek(JournalStart::Sequence(seq));
        }
        self.cursor = seq;
        self.epoch = None;
        self.lapped_epoch = None;
        Ok(())
    }

    /// Makes the block in memory hold the cursor, or says why it cannot.
    fn ready(&mut self) -> Result<Poll<()>, Error> {
        if let Some(epoch) = self.lapped_epoch.take() {
            return Ok(Poll::Restarted { epoch });
        }
        let ahead = match self.ahead.take() {
            Some(block) => Some(block),
            None if self.block.record(self.cursor).is_some() => return Ok(Poll::Record(())),
            None => self.advance()?,
        };
        let Some(block) = ahead else {
            return Ok(match self.end {
                JournalEnd::Ended => Poll::Closed(CloseReason::Ended),
                JournalEnd::Open | JournalEnd::Paused => Poll::Empty,
            });
        };
        let missed = block.first_seq.saturating_sub(self.cursor);
        let is_restart =
            self.block.record(block.first_seq).is_some_and(|r| restart_epoch(r.bytes()).is_some());
        if missed == 0 {
            self.epoch.get_or_insert(block.epoch);
            return Ok(Poll::Record(()));
        }
        if block.kind == BlockKind::Records {
            let is_later = self.epoch.is_some_and(|epoch| block.epoch > epoch);
            self.lapped_epoch = (is_later && !is_restart).then_some(block.epoch);
            self.epoch = Some(block.epoch);
        }
        self.missed += missed;
        self.cursor = block.first_seq;
        Ok(Poll::Lapped { missed, resume: block.first_seq })
    }

    /// Reads the next block with something at or behind the cursor; `None` if there is none yet.
    fn advance(&mut self) -> Result<Option<BlockHeader>, Error> {
        // A later file, once it was seen: its existence makes the present one final.
        let mut later: Option<Later> = None;
        loop {
            let Some(open) = &mut self.open else {
                let Some(next) = self.later_file(None)? else { return Ok(None) };
                self.damaged += next.damaged;
                self.open = Some(next.open);
                continue;
            };
            if let Head::Block(block) = open.head(&self.origin)?
                && block.kind == BlockKind::Records
                && block.end_seq() <= self.cursor
            {
                open.offset += block.shape(self.origin.stride_bytes).block_bytes();
                continue;
            }
            let mut found = open.read(&mut self.block, &self.origin)?;
            if found == Found::Bad && open.resync(&mut self.block, &self.origin)? {
                self.damaged += 1;
                found = open.read(&mut self.block, &self.origin)?;
            }
            self.end = JournalEnd::Open;
            match found {
                Found::Block(block) if block.kind == BlockKind::Records => {
                    open.offset += block.shape(self.origin.stride_bytes).block_bytes();
                    if block.end_seq() <= self.cursor {
                        continue;
                    }
                    return Ok(Some(block));
                }
                // A mark knows what came before it, though that be damaged.
                Found::Block(mark) if mark.first_seq > self.cursor => return Ok(Some(mark)),
                Found::Block(mark) if mark.kind == BlockKind::Ended => {
                    self.end = JournalEnd::Ended;
                }
                Found::Block(_) => self.end = JournalEnd::Paused,
                Found::Blank | Found::Bad => {}
            }
            self.block.clear();
            if let Some(next) = later.take() {
                // Looked at once more since the later file was seen, and still nothing.
                self.damaged += next.damaged + u64::from(found == Found::Bad);
                self.open = Some(next.open);
                continue;
            }
            let first_seq = open.first_seq;
            later = self.later_file(Some(first_seq))?;
            if later.is_none() {
                return Ok(None);
            }
        }
    }

    /// The first file, or the one behind the file that begins at `than`. Files whose headers are
    /// damaged are passed over: what they held will show as a gap.
    fn later_file(&self, than: Option<u64>) -> Result<Option<Later>, Error> {
        let files = file::list_ring(&self.directory, self.origin.ring_id)?;
        let mut damaged = 0;
        for file in files.iter().filter(|file| than.is_none_or(|than| file.first_seq > than)) {
            match Open::new(file, &self.origin) {
                Ok(open) => return Ok(Some(Later { open, damaged })),
                Err(error) if error.is_damage() => damaged += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// A file to go on with, and how many were passed over on the way to it.
struct Later {
    open: Open,
    damaged: u64,
}
