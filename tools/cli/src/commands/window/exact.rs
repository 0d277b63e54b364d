//! The options that say how a window consumer goes on behind a crash, and what it reads before.

use crate::duration;
use std::path::PathBuf;
use tickring::{RingName, Start};
use tickring_window::{CheckpointEvery, CheckpointOptions, WindowHistory, WindowInput};

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
    /// Begin with a journal of the same stream, a directory or a file, as far as the ring of ticks
    /// does not reach back; a DBN file becomes one by feed dbn FILE --to BUS --journal DIR
    #[arg(long, value_name = "JOURNAL", conflicts_with = "from")]
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

    /// What is read.
    pub(super) fn input(&self, ring: RingName, start: Start) -> WindowInput {
        let history = |journal| WindowHistory { journal, ring: self.backfill_ring.clone() };
        let (journal, history) = (self.journal.clone(), self.backfill.clone().map(history));
        WindowInput { ring, start, journal, history }
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
