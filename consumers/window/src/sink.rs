//! Files of output records: Parquet or Arrow IPC, rotated, committed by rename, exactly once.
//!
//! # Concepts
//!
//! - Records come with their *output sequence*, each one higher than the one before. A sequence
//!   that holds no row of the sink's kind is [skipped](FileSink::skip), so that files cover all
//!   sequences and a missing one is found.
//! - A file is *committed* when it is complete and synced under its final name, which says the
//!   first and the last sequence that it covers: see [`Committed`]. It is never touched again.
//! - A file that is being written has a hidden name. After a crash it is removed, and what it
//!   held is due again: the first sequence behind the committed files.
//! - A record whose sequence is committed already is [known](Pushed::Known) and not written
//!   again. A consumer that replays its output after a crash therefore pushes all of it, and each
//!   record is in exactly one file. Where the output's sequences begin again (a new output
//!   epoch), files go to another folder or prefix.
//! - A [`RingSink`] is a reader of a ring that writes each record of it to files. It commits before
//!   half the ring waits for its file, so that what a crash takes from a file is still in the ring.
//! - Columns are made from the field table of a [`Kind`]: every kind, a user's
//!   too, is written without code of its own. The table at the top of `sink/columns.rs` says how.

mod cells;
mod columns;
mod encoder;
mod error;
mod folder;
mod label;
mod options;
mod ring;
mod rows;

pub use error::SinkError;
pub use folder::Committed;
pub use options::{FileFormat, Rotation, SinkOptions};
pub use ring::{RingSink, RingSinkCounts};

use columns::Columns;
use encoder::Encoder;
use folder::Folder;
use rows::Rows;
use tickring::RecordRef;
use tickring::schema::Kind;

/// Records that are encoded at once, at most.
pub const BATCH_ROWS: usize = 8192;

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// It will be in the next file that is committed.
    Pending,
    /// It is in a file already, or will be in the next.
    Known,
    /// A file is complete and committed. The record is in it, or begins the next one.
    Committed(Committed),
}

/// Writes records of one kind to files, each exactly once.
///
/// Cost: `push` copies the record; once in [`BATCH_ROWS`] it encodes, which allocates; at a
/// rotation it waits for the medium. A sink belongs on a thread that reads the ring, not on the
/// one that writes it.
///
/// # Examples
///
/// ```
/// use tickring::record::{Record, WindowBar};
/// use tickring_window::sink::{FileSink, Pushed, SinkOptions};
/// use zerocopy::IntoBytes;
///
/// let folder = tempfile::tempdir()?;
/// let options = SinkOptions { folder: folder.path().to_owned(), ..SinkOptions::default() };
/// let bar = WindowBar { open: 4_810_250_000_000, ..WindowBar::empty(1, 17, 1_000) };
/// let mut sink = FileSink::open(&options, &WindowBar::kind())?;
/// assert_eq!(sink.push(0, bar.as_bytes())?, Pushed::Pending);
/// let file = sink.commit()?.expect("a record was pending");
/// assert!(file.path.ends_with("bars-00000000000000000000-00000000000000000000.parquet"));
/// assert_eq!(sink.push(0, bar.as_bytes())?, Pushed::Known);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileSink {
    options: SinkOptions,
    rtype: u8,
    /// Offset of the event time in a record, for files that span some of it.
    time_offset: Option<usize>,
    folder: Folder,
    columns: Columns,
    rows: Rows,
    encoder: Option<Encoder>,
    /// Rows that went to the encoder since the last commit.
    encoded: u64,
    committed: Option<u64>,
    /// The first sequence of the next file.
    first: u64,
    /// The sequence that is due.
    next: u64,
    /// The event time that belongs to the next file; of the first record of this file on.
    span_end_ns: Option<u64>,
    failed: bool,
}

impl FileSink {
    /// Opens the folder for records of `kind`, to go on behind what is committed there.
    ///
    /// Removes the file that a crash has left behind half written.
    ///
    /// # Errors
    ///
    /// [`SinkError::Busy`] if another sink has the folder's prefix, [`SinkError::Files`] if a
    /// committed file is missing between others, [`SinkError::Columns`] if the newest holds
    /// something else, [`SinkError::Option`], [`SinkError::Name`], [`SinkError::Schema`], and
    /// those of the file system.
    pub fn open(options: &SinkOptions, kind: &Kind) -> Result<Self, SinkError> {
        options.check()?;
        let label = label::of(kind, options)?;
        let columns = Columns::new(kind, options.raw, label.clone())?;
        let time_offset = time_offset(kind, options)?;
        let folder = Folder::open(options)?;
        let committed = folder.committed()?.pop();
        if let Some(newest) = &committed {
            label::check(&newest.path, options, &label)?;
        }
        let committed = committed.map(|newest| newest.last);
        let next = committed.map_or(options.first_seq, |last| last.saturating_add(1));
        let row_bytes = usize::try_from(kind.size_bytes).unwrap_or(usize::MAX);
        Ok(Self {
            options: options.clone(),
            rtype: kind.rtype,
            time_offset,
            folder,
            columns,
            rows: Rows::new(row_bytes, BATCH_ROWS),
            encoder: None,
            encoded: 0,
            committed,
            first: next,
            next,
            span_end_ns: None,
            failed: false,
        })
    }

    /// Takes the record with output sequence `seq`: its bytes, which may be followed by others
    /// as in a slot.
    ///
    /// # Errors
    ///
    /// [`SinkError::Hole`] if a sequence before it was not seen, [`SinkError::Record`] if it is
    /// not of the sink's kind (after both the sink goes on), [`SinkError::Broken`], and those of
    /// the file system.
    pub fn push(&mut self, seq: u64, record: &[u8]) -> Result<Pushed, SinkError> {
        if self.is_known(seq)? {
            return Ok(Pushed::Known);
        }
        let row_bytes = self.rows.row_bytes();
        let rtype = record.get(1).copied().unwrap_or(0);
        let Some(row) = record.get(..row_bytes).filter(|_| rtype == self.rtype) else {
            return Err(SinkError::Record {
                seq,
                expected_rtype: self.rtype,
                expected_bytes: row_bytes,
                found_rtype: rtype,
                found_bytes: record.len(),
            });
        };
        let before = if self.ends_before(row) { self.commit()? } else { None };
        self.enter_span(row);
        self.rows.push(seq, row);
        self.next = seq.saturating_add(1);
        if self.rows.len() >= BATCH_ROWS {
            self.guarded(Self::encode)?;
        }
        let after = if self.is_full()? { self.commit()? } else { None };
        // Both at once only where each record has a file of its own: the later one is told.
        Ok(after.or(before).map_or(Pushed::Pending, Pushed::Committed))
    }

    /// Takes a record out of a ring: a row if it is of the sink's kind, else a sequence without
    /// a row.
    ///
    /// # Errors
    ///
    /// Those of [`push`](Self::push).
    pub fn push_record(&mut self, record: &RecordRef<'_>) -> Result<Pushed, SinkError> {
        if record.rtype() == self.rtype {
            return self.push(record.seq(), record.bytes());
        }
        self.skip(record.seq())
    }

    /// Notes that `seq` holds no row: a record of another kind, or a tombstone.
    ///
    /// # Errors
    ///
    /// [`SinkError::Hole`] and [`SinkError::Broken`].
    pub fn skip(&mut self, seq: u64) -> Result<Pushed, SinkError> {
        if self.is_known(seq)? {
            return Ok(Pushed::Known);
        }
        self.next = seq.saturating_add(1);
        Ok(Pushed::Pending)
    }

    /// Completes the file with what is pending, and returns it once it is on the medium; `None`
    /// if no row is pending. Sequences without a row that wait alone go with the next file.
    ///
    /// # Errors
    ///
    /// [`SinkError::Broken`] and those of the file system.
    pub fn commit(&mut self) -> Result<Option<Committed>, SinkError> {
        self.guarded(|sink| {
            sink.encode()?;
            let Some(encoder) = sink.encoder.take() else { return Ok(None) };
            let (first, last) = (sink.first, sink.next.saturating_sub(1));
            let pairs = [(label::FIRST, first.to_string()), (label::LAST, last.to_string())];
            let file = encoder.finish(pairs)?;
            let committed = sink.folder.commit(&file, first, last)?;
            sink.committed = Some(last);
            sink.first = sink.next;
            sink.encoded = 0;
            sink.span_end_ns = None;
            Ok(Some(committed))
        })
    }

    /// The highest sequence that is committed; `None` before the first file.
    #[must_use]
    pub fn committed(&self) -> Option<u64> {
        self.committed
    }

    /// The sequence that is due: lower ones are known, higher ones a hole.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// Rows that are taken and not committed.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.encoded.saturating_add(count(self.rows.len()))
    }

    /// How many values did not fit their column and are null there: times after the year 2262,
    /// sums of more than 38 digits. With [`SinkOptions::raw`] the sums' words are there.
    #[must_use]
    pub fn out_of_range(&self) -> u64 {
        self.columns.out_of_range()
    }

    /// The committed files that are in the folder now, in order of sequence.
    ///
    /// # Errors
    ///
    /// [`SinkError::Files`] if one is missing between others; those of the file system.
    pub fn files(&self) -> Result<Vec<Committed>, SinkError> {
        self.folder.committed()
    }

    fn is_known(&self, seq: u64) -> Result<bool, SinkError> {
        if self.failed {
            return Err(SinkError::Broken);
        }
        if seq > self.next {
            return Err(SinkError::Hole { expected: self.next, found: seq });
        }
        Ok(seq < self.next)
    }

    /// Whether the file spans no more time than up to this record.
    fn ends_before(&self, row: &[u8]) -> bool {
        let time_ns = self.time_of(row);
        self.span_end_ns.zip(time_ns).is_some_and(|(end_ns, time_ns)| time_ns >= end_ns)
    }

    /// Notes where the span of the file's first record ends.
    fn enter_span(&mut self, row: &[u8]) {
        if self.span_end_ns.is_none() {
            let span_ns = self.options.rotation.span_ns;
            let of = |time_ns: u64| {
                let spans = time_ns.checked_div(span_ns)?.saturating_add(1);
                Some(spans.saturating_mul(span_ns))
            };
            self.span_end_ns = self.time_of(row).and_then(of);
        }
    }

    /// The event time of a record, if files are to span some of it.
    fn time_of(&self, row: &[u8]) -> Option<u64> {
        let bytes = row.get(self.time_offset?..)?.first_chunk()?;
        let time_ns = u64::from_le_bytes(*bytes);
        (time_ns != tickring::record::UNDEF_TIME).then_some(time_ns)
    }

    fn is_full(&mut self) -> Result<bool, SinkError> {
        let Rotation { rows, bytes, .. } = self.options.rotation;
        if rows > 0 && self.pending() >= rows {
            return Ok(true);
        }
        // What is not encoded has no size yet.
        let is_measured = bytes > 0 && self.rows.len() == 0;
        let path = self.folder.temporary();
        match self.encoder.as_mut().filter(|_| is_measured) {
            Some(encoder) => Ok(encoder.bytes(&path)? >= bytes),
            None => Ok(false),
        }
    }

    /// Hands the rows to the encoder, creating the file if there is none.
    fn encode(&mut self) -> Result<(), SinkError> {
        if self.rows.len() == 0 {
            return Ok(());
        }
        let batch = self.columns.batch(&self.rows)?;
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(Encoder::create(
                self.options.format,
                &self.folder.temporary(),
                self.columns.schema(),
            )?),
        };
        encoder.write(&batch)?;
        self.encoded = self.encoded.saturating_add(count(self.rows.len()));
        self.rows.clear();
        Ok(())
    }

    /// Does a step after whose failure it is not known what the file holds.
    fn guarded<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, SinkError>,
    ) -> Result<T, SinkError> {
        if self.failed {
            return Err(SinkError::Broken);
        }
        let result = step(self);
        self.failed = result.is_err();
        result
    }
}

impl Drop for FileSink {
    /// Removes the file that is being written: what was not committed is due again.
    fn drop(&mut self) {
        self.encoder = None;
        // The next sink removes it, should this one not be able to.
        let _ = self.folder.discard();
    }
}

/// Where the event time stands, if files are to span some of it.
fn time_offset(kind: &Kind, options: &SinkOptions) -> Result<Option<usize>, SinkError> {
    if options.rotation.span_ns == 0 {
        return Ok(None);
    }
    let field = kind.field("ts_event").and_then(|field| usize::try_from(field.offset).ok());
    field.map(Some).ok_or_else(|| SinkError::Option {
        option: "span_ns",
        expected: "a kind with a field `ts_event`",
        found: kind.name.clone().into_owned(),
    })
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
