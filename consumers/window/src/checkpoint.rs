//! Checkpoints: what it takes to go on behind a crash as if there had been none.
//!
//! # Concepts
//!
//! - A *checkpoint* is the state of the windows together with the place in the input that it is
//!   the state of, and the places in the output rings up to which its outputs are published.
//! - It is taken between two batches, when every output so far is in its ring. The thread that
//!   makes bars copies the state to a buffer and goes on; a thread of its own checksums the copy,
//!   writes it and waits for the disk. While that one is busy no other checkpoint is taken: the
//!   occasion is put off and counted, the bars do not wait.
//! - There are two files, written in turn and preallocated, so that the older one is whole
//!   whenever the newer one is being written. The higher generation counts; see `format`.
//! - Everything a checkpoint knows is a function of the specification and the input: idleness and
//!   gaps come in band, as heartbeats and gap records, and stand in the state. Nothing else has to
//!   be journalled.

mod files;
mod format;
mod keeper;

pub(crate) use format::{Checkpoint, Key, Place, Spot};

use crate::WindowError;
use files::Files;
use hdrhistogram::Histogram;
use keeper::Keeper;
use std::path::PathBuf;
use std::time::Instant;

/// Where checkpoints are kept, and how often one is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointOptions {
    /// A directory of this consumer's own; made if it is not there.
    pub directory: PathBuf,
    /// From one checkpoint to the next.
    pub every: CheckpointEvery,
}

/// How far it is from one checkpoint to the next. Whatever is chosen, one is taken before the
/// outputs since the last one fill half of their ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointEvery {
    /// So many records of the input. Fewer than its ring has slots: a crash must be noticed, and
    /// the consumer restarted, before the ring forgets what is behind the checkpoint.
    Records(u64),
    /// So much event time, in nanoseconds.
    EventTime(u64),
}

/// What became of checkpoints.
#[derive(Clone, Debug)]
pub struct CheckpointStats {
    /// Checkpoints that are on the disk, of this process.
    pub written: u64,
    /// Occasions that were put off because the one before was still being written.
    pub deferred: u64,
    /// Checkpoints that could not be written; the older one still counts.
    pub failed: u64,
    /// Why the last of them could not.
    pub failure: Option<String>,
    /// Size of the last one, in bytes.
    pub bytes: u64,
    /// How long the thread that makes bars stood still for each, in nanoseconds.
    pub stall_ns: Histogram<u64>,
    /// Sequence of the input at which this process went on; `None` if it began anew.
    pub restored_seq: Option<u64>,
    /// Why the newest checkpoint was not the one restored, if it was not.
    pub fell_back: Option<String>,
}

impl CheckpointStats {
    pub(crate) fn new() -> Self {
        Self {
            written: 0,
            deferred: 0,
            failed: 0,
            failure: None,
            bytes: 0,
            stall_ns: crate::stats::histogram(),
            restored_seq: None,
            fell_back: None,
        }
    }
}

/// The two files of a consumer and the thread that writes them.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    keeper: Keeper,
    every: CheckpointEvery,
    /// Input records and watermark at the last checkpoint.
    records: u64,
    watermark_ns: Option<i64>,
    /// One is due, whatever came since.
    asked: bool,
    /// One is due and the last one is not on the disk yet.
    is_deferred: bool,
    stats: CheckpointStats,
}

impl Checkpoints {
    /// Opens the directory, and gives the checkpoint to begin with, if there is one.
    ///
    /// # Errors
    ///
    /// [`WindowError::CheckpointFile`], [`WindowError::CheckpointOwned`],
    /// [`WindowError::DamagedCheckpoints`].
    pub(crate) fn open(
        options: &CheckpointOptions,
    ) -> Result<(Self, Option<Checkpoint>), WindowError> {
        let mut files = Files::open(&options.directory)?;
        let mut stats = CheckpointStats::new();
        let newest = files.newest()?.map(|newest| {
            stats.fell_back = newest.fell_back;
            newest.checkpoint
        });
        let every = options.every;
        let keeper = Keeper::start(files)?;
        let own = Self {
            keeper,
            every,
            records: 0,
            watermark_ns: None,
            asked: false,
            is_deferred: false,
            stats,
        };
        Ok((own, newest))
    }

    /// Demands a checkpoint at the next occasion.
    pub(crate) fn ask(&mut self) {
        self.asked = true;
    }

    /// Whether one is due after so many records of the input, at this watermark.
    pub(crate) fn is_due(&self, records: u64, watermark_ns: Option<i64>) -> bool {
        self.asked
            || match self.every {
                CheckpointEvery::Records(every) => records.saturating_sub(self.records) >= every,
                CheckpointEvery::EventTime(every_ns) => match (self.watermark_ns, watermark_ns) {
                    (Some(last_ns), Some(now_ns)) => {
                        now_ns.saturating_sub(last_ns).unsigned_abs() >= every_ns
                    }
                    (None, Some(_)) => true,
                    (_, None) => false,
                },
            }
    }

    /// Takes a checkpoint if the last one is on the disk, and says so; otherwise the next occasion
    /// will.
    pub(crate) fn take(
        &mut self,
        records: u64,
        watermark_ns: Option<i64>,
        checkpoint: &Source<'_>,
    ) -> bool {
        let began = Instant::now();
        let buffer = self.keeper.buffer();
        self.notice();
        let Some(mut buffer) = buffer else {
            self.stats.deferred += u64::from(!self.is_deferred);
            self.is_deferred = true;
            return false;
        };
        format::encode(&mut buffer, checkpoint);
        self.stats.bytes = buffer.len() as u64;
        self.keeper.give(buffer);
        let stall_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.stats.stall_ns.saturating_record(stall_ns);
        self.asked = false;
        self.is_deferred = false;
        self.records = records;
        self.watermark_ns = watermark_ns;
        true
    }

    /// Takes a checkpoint and waits until it is on the disk: not for the data path.
    ///
    /// # Errors
    ///
    /// [`WindowError::CheckpointFile`].
    pub(crate) fn take_now(
        &mut self,
        records: u64,
        watermark_ns: Option<i64>,
        checkpoint: &Source<'_>,
    ) -> Result<(), WindowError> {
        // What the one before came to does not matter any more.
        let _ = self.keeper.settle();
        self.take(records, watermark_ns, checkpoint);
        let written = self.keeper.settle();
        self.notice();
        written
    }

    /// What became of checkpoints, as far as it was noticed when the last one was due.
    pub(crate) fn stats(&self) -> &CheckpointStats {
        &self.stats
    }

    /// Notices what became of those given to the thread.
    fn notice(&mut self) {
        let (counts, stats) = (self.keeper.counts(), &mut self.stats);
        stats.written = counts.written;
        if stats.failed != counts.failed {
            stats.failed = counts.failed;
            stats.failure.clone_from(&counts.failure);
        }
    }

    /// Notes where this process went on.
    pub(crate) fn restored_at(&mut self, seq: u64, records: u64, watermark_ns: Option<i64>) {
        self.stats.restored_seq = Some(seq);
        self.records = records;
        self.watermark_ns = watermark_ns;
    }
}

/// What a checkpoint is made of.
pub(crate) struct Source<'a> {
    pub(crate) place: Place,
    /// The specification in its canonical form.
    pub(crate) spec: &'a str,
    /// Outputs of an epoch before that must not be published again.
    pub(crate) known: &'a std::collections::BTreeSet<Key>,
    pub(crate) windows: &'a crate::Windows,
}
