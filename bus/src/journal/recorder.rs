//! A recorder: a reader of a ring that appends what it reads to a journal.

use super::JournalSpec;
use super::block::stamp_of;
use super::format::{BlockHeader, BlockKind, Origin};
use super::writer::JournalWriter;
use crate::directory::{Directory, RingName};
use crate::error::Error;
use crate::geometry::TIME_EVERY;
use crate::poll::{CloseReason, Poll};
use crate::reader::{Reader, ReaderOptions, Start, restart_epoch, wait_any};
use crate::view::View;
use std::time::{Duration, Instant};
use zerocopy::IntoBytes;

/// Keeps a ring durably, from outside: its writer is not slowed down and does not know.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use tickring::{Directory, JournalSpec, Recorder, RecorderProgress, Start};
///
/// let name = "demo/ticks".parse()?;
/// let spec = JournalSpec::new("/data/journal");
/// let mut recorder = Recorder::open(&Directory::from_env(), &name, &spec, Start::Oldest)?;
/// loop {
///     match recorder.step()? {
///         RecorderProgress::Advanced(_) => {}
///         RecorderProgress::Idle => _ = recorder.wait(Duration::from_secs(1)),
///         RecorderProgress::Ended => break,
///     }
/// }
/// recorder.finish()?;
/// # Ok::<(), tickring::Error>(())
/// ```
#[derive(Debug)]
pub struct Recorder {
    reader: Reader,
    writer: JournalWriter,
    spec: JournalSpec,
    run: Run,
    stats: RecorderStats,
    epoch: u64,
    /// The publish time noted last, at or before the first record of the run.
    noted_ns: u64,
    has_ended: bool,
}

/// What a step achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// So many records were taken, or something happened to the ring; there may be more at once.
    Advanced(usize),
    /// Nothing is there now.
    Idle,
    /// The ring was closed and everything is in the journal. A later step may find a new writer.
    Ended,
}

/// What a recorder has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecorderStats {
    /// Records taken, those of recovery included.
    pub records: u64,
    /// Bytes appended to the journal.
    pub bytes: u64,
    /// Records that were overwritten before they could be taken: gaps of the journal.
    pub missed: u64,
    /// Restarts of the ring's writer.
    pub restarts: u64,
    /// Whether something half written was cut from the journal when it was opened.
    pub was_cut: bool,
}

/// Consecutive records that wait for their block to be full.
#[derive(Debug, Default)]
struct Run {
    first_seq: u64,
    count: u64,
    /// Slots without their stamps.
    words: Vec<u64>,
    times: Vec<u64>,
    since: Option<Instant>,
}

impl Recorder {
    /// Attaches to ring `name` and opens its journal. Where the journal has records of this ring
    /// already it goes on behind the last of them, wherever `start` is.
    ///
    /// # Errors
    ///
    /// Those of [`Reader::open`]; [`Error::JournalOwned`] while another process keeps the same
    /// journal; [`Error::JournalOption`]; [`Error::NoSpace`]; [`Error::DamagedJournal`].
    pub fn open(
        directory: &Directory,
        name: &RingName,
        spec: &JournalSpec,
        start: Start,
    ) -> Result<Self, Error> {
        let mut reader =
            Reader::open_with(directory, name, &ReaderOptions::named("recorder", start))?;
        let origin = Origin::of(reader.segment());
        let writer = JournalWriter::open(spec, &origin)?;
        if let Some(next) = writer.next_seq() {
            reader.seek(Start::Sequence(next))?;
        }
        let info = reader.info();
        let epoch = if info.epoch_start <= reader.cursor() { info.epoch } else { 1 };
        let payload_words = origin.stride_words().saturating_sub(1);
        let most = usize::try_from(origin.block_records()).unwrap_or(0);
        let words = Vec::with_capacity(most.saturating_mul(payload_words));
        Ok(Self {
            stats: RecorderStats { was_cut: writer.was_cut(), ..RecorderStats::default() },
            run: Run { words, ..Run::default() },
            noted_ns: info.created_ns,
            spec: spec.clone(),
            has_ended: false,
            epoch,
            writer,
            reader,
        })
    }

    /// Takes what the ring has, at most what fills a block, and appends full or old blocks.
    ///
    /// # Errors
    ///
    /// [`Error::NoSpace`] or [`Error::Io`] of the journal. What could not be appended is kept and
    /// tried again by the next step; meanwhile the ring may lap the recorder.
    pub fn step(&mut self) -> Result<Progress, Error> {
        let most = self.writer.origin().block_records();
        let room = usize::try_from(most.saturating_sub(self.run.count)).unwrap_or(0);
        let is_apart = self.run.first_seq + self.run.count != self.reader.cursor();
        if room == 0 || (is_apart && self.run.count > 0) {
            self.append()?;
            return Ok(Progress::Advanced(0));
        }
        let first = self.reader.cursor();
        let before = self.run.words.len();
        let words = &mut self.run.words;
        let outcome = self.reader.view(room, |view| copy(view, words));
        if !matches!(outcome, Poll::Record(_)) {
            // What was copied meanwhile is not valid.
            self.run.words.truncate(before);
        }
        match outcome {
            Poll::Record(count) => {
                self.take(first, count);
                if self.run.count >= most {
                    self.append()?;
                }
                Ok(Progress::Advanced(count))
            }
            Poll::Lapped { missed, .. } => {
                self.stats.missed += missed;
                self.append()?;
                Ok(Progress::Advanced(0))
            }
            Poll::Restarted { epoch } => {
                self.append()?;
                // A restart that was taken with other records is known already.
                self.stats.restarts += u64::from(epoch > self.epoch);
                self.epoch = epoch;
                Ok(Progress::Advanced(0))
            }
            Poll::Closed(reason) => {
                self.append()?;
                if !self.has_ended {
                    // A ring that vanished has not ended: nobody knows what is missing.
                    self.writer.finish(match reason {
                        CloseReason::Ended | CloseReason::Retired { .. } => BlockKind::Ended,
                        CloseReason::Removed | CloseReason::Truncated => BlockKind::Paused,
                    })?;
                    self.has_ended = true;
                }
                Ok(Progress::Ended)
            }
            Poll::Empty | Poll::Tombstone { .. } => {
                if self.run.since.is_some_and(|since| since.elapsed() >= self.spec.flush_every) {
                    self.append()?;
                }
                self.writer.sync_if_due()?;
                Ok(Progress::Idle)
            }
        }
    }

    /// Waits until there is something to take, for `limit` at most; but no longer than until a
    /// block is due that waits for more.
    pub fn wait(&mut self, limit: Duration) -> bool {
        Self::wait_any(&mut [self], limit)
    }

    /// Waits until one of the recorders has something to take, as [`wait`](Self::wait) does. Cost:
    /// allocates.
    pub fn wait_any(recorders: &mut [&mut Self], limit: Duration) -> bool {
        let due = |recorder: &Self| {
            let since = recorder.run.since?;
            Some(recorder.spec.flush_every.saturating_sub(since.elapsed()))
        };
        let limit = recorders.iter().filter_map(|own| due(own)).fold(limit, Duration::min);
        let mut readers: Vec<_> = recorders.iter_mut().map(|own| &mut own.reader).collect();
        wait_any(&mut readers, limit)
    }

    /// Appends what is waiting and, unless the ring was closed, marks the journal as paused.
    ///
    /// Dropping a recorder does the same, and nobody is told if it fails.
    ///
    /// # Errors
    ///
    /// [`Error::NoSpace`] or [`Error::Io`].
    pub fn finish(mut self) -> Result<RecorderStats, Error> {
        self.append()?;
        if !self.has_ended {
            self.writer.finish(BlockKind::Paused)?;
        }
        Ok(self.stats())
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> RecorderStats {
        RecorderStats { bytes: self.writer.bytes(), ..self.stats }
    }

    /// The reader, to look at the ring.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Accounts for `count` records from `first` on that were copied to the end of the run.
    fn take(&mut self, first: u64, count: usize) {
        if self.run.count == 0 {
            self.run.first_seq = first;
            self.run.since = Some(Instant::now());
            if let Some(at_ns) = self.reader.published_at_ns(first / TIME_EVERY * TIME_EVERY) {
                self.noted_ns = at_ns;
            }
        }
        let end = first + count as u64;
        let mut last = self.run.times.last().copied().unwrap_or(self.noted_ns);
        for index in first.div_ceil(TIME_EVERY)..end.div_ceil(TIME_EVERY) {
            // Overwritten since: the time noted before is not after the publication either.
            last = self.reader.published_at_ns(index * TIME_EVERY).unwrap_or(last);
            self.run.times.push(last);
        }
        self.run.count += count as u64;
        self.stats.records += count as u64;
    }

    /// Appends the run as a block.
    fn append(&mut self) -> Result<(), Error> {
        let Run { first_seq, count, .. } = self.run;
        if count == 0 {
            return Ok(());
        }
        let behind = (first_seq + count).next_multiple_of(TIME_EVERY);
        let header = BlockHeader {
            kind: BlockKind::Records,
            first_seq,
            count,
            epoch: self.epoch,
            first_ns: self.noted_ns,
            last_ns: self.reader.published_at_ns(behind).unwrap_or_else(crate::now_ns),
            payload_crc32c: 0,
        };
        let stride_words = self.writer.origin().stride_words();
        let run = &self.run;
        let restart = restarts_in(run, stride_words);
        self.writer.append(header, |times, slots| {
            for (time, noted) in times.iter_mut().zip(&run.times) {
                *time = *noted;
            }
            let copies = run.words.chunks_exact(stride_words.saturating_sub(1).max(1));
            let slots = slots.chunks_exact_mut(stride_words.max(1));
            for ((seq, slot), copy) in (first_seq..).zip(slots).zip(copies) {
                if let [stamp, payload @ ..] = slot {
                    *stamp = stamp_of(seq);
                    payload.copy_from_slice(copy);
                }
            }
        })?;
        if let Some(epoch) = restart {
            self.epoch = epoch.0;
            self.stats.restarts += epoch.1;
        }
        self.noted_ns = self.run.times.last().copied().unwrap_or(self.noted_ns);
        self.run.words.clear();
        self.run.times.clear();
        self.run.count = 0;
        self.run.since = None;
        self.has_ended = false;
        Ok(())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.writer.is_own() {
            // The mark follows when the writer of the journal is dropped.
            let _ = self.append();
        }
    }
}

/// Copies the records of a view behind those that are there, and says how many they were.
fn copy(view: &View<'_>, words: &mut Vec<u64>) -> usize {
    for record in view.iter() {
        let start = words.len();
        words.resize(start + record.payload_words(), 0);
        record.copy_to(words.get_mut(start..).unwrap_or_default());
    }
    view.len()
}

/// The life that the last restart record of a run begins, and how many there are.
fn restarts_in(run: &Run, stride_words: usize) -> Option<(u64, u64)> {
    let records = run.words.chunks_exact(stride_words.saturating_sub(1).max(1));
    let restarts = records.filter_map(|words| restart_epoch(words.as_bytes()));
    let mut found = None;
    for epoch in restarts {
        found = Some((epoch, found.map_or(1, |(_, count)| count + 1)));
    }
    found
}
