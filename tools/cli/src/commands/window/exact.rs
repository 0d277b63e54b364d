//! The options that say how a window consumer goes on behind a crash, and what it reads before.

use super::backfill::Backfill;
use crate::duration;
use crate::failure::Failure;
use std::path::PathBuf;
use tickring::{RingName, Start};
use tickring_window::{CheckpointEvery, CheckpointOptions, WindowInput};

/// Records from one checkpoint to the next, unless options say otherwise.
const EVERY: u64 = 10_000;

/// Checkpoints, the journal of the input, and a history before it.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// Be exact over crashes: keep checkpoints in this directory, which is this consumer's own, and
    /// begin at the newest one, if there is any
    #[arg(long, value_name = "DIR")]
    checkpoint: Option<PathBuf>,
    /// From one checkpoint to the next: so many records of the ticks, fewer than their ring has
    /// slots, or so much of their time, such as 10s [default: 10000]
    #[arg(long, value_name = "N|DURATION", value_parser = every, requires = "checkpoint")]
    checkpoint_every: Option<CheckpointEvery>,
    /// The journal of the ticks: what their ring has overwritten is read there, so that nothing is
    /// missed, and what followed the checkpoint in a ring that went with its machine
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    /// Begin with a journal of the same stream, a directory or a file, or with a DBN file of it,
    /// .dbn or .dbn.zst, as far as the ring of ticks does not reach back. A DBN file is made a
    /// journal first, as large as its records, in the directory of checkpoints or a temporary one
    #[arg(long, value_name = "JOURNAL|FILE.dbn", conflicts_with = "from")]
    backfill: Option<PathBuf>,
    /// The recorded ring, BUS/RING, where that directory holds journals of several
    #[arg(long, value_name = "NAME", requires = "backfill")]
    backfill_ring: Option<RingName>,
}

impl Options {
    /// Where checkpoints are kept, if they are.
    pub(super) fn checkpoints(&self) -> Option<CheckpointOptions> {
        let every = self.checkpoint_every.unwrap_or(CheckpointEvery::Records(EVERY));
        self.checkpoint.clone().map(|directory| CheckpointOptions { directory, every })
    }

    /// What is read before the ring, if anything is.
    ///
    /// # Errors
    ///
    /// Those of reading a DBN file.
    pub(super) fn backfill(&self) -> Result<Option<Backfill>, Failure> {
        let of = |path: &PathBuf| {
            Backfill::of(path, self.backfill_ring.clone(), self.checkpoint.as_deref())
        };
        self.backfill.as_ref().map(of).transpose()
    }

    /// What is read.
    pub(super) fn input(
        &self,
        ring: RingName,
        start: Start,
        backfill: Option<&Backfill>,
    ) -> WindowInput {
        let history = backfill.map(|backfill| backfill.history.clone());
        WindowInput { ring, start, journal: self.journal.clone(), history }
    }
}

/// Reads a number of records, or a duration with its unit; for clap.
///
/// # Errors
///
/// A sentence that says what is expected.
fn every(text: &str) -> Result<CheckpointEvery, String> {
    if let Ok(records) = text.parse() {
        return Ok(CheckpointEvery::Records(records));
    }
    let span = duration::parse(text).map_err(|error| format!("{error}, or a number of records"))?;
    Ok(CheckpointEvery::EventTime(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
}
