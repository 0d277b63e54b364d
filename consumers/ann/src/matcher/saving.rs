//! When the state is saved, and by whom: the matcher only lets it stand still, a thread of its own
//! packs and writes it.

use super::{Matcher, Task};
use crate::error::Error;
use crate::frozen::Frozen;
use crate::snapshot::{self, Stand};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::{Builder, JoinHandle};

/// What a matcher needs to save its state.
#[derive(Debug)]
pub(super) struct Saving {
    pub(super) path: PathBuf,
    /// Vectors from one snapshot to the next.
    pub(super) every: u64,
    /// Vectors since the last one.
    pub(super) since: u64,
    /// What the options are, in words.
    pub(super) config: String,
    /// The matches ring.
    pub(super) matches_id: u128,
    /// The snapshot that is being written.
    pub(super) thread: Option<JoinHandle<io::Result<()>>>,
}

impl Saving {
    /// Waits for the snapshot that is being written.
    fn finish(&mut self) -> Result<(), Error> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let written = thread.join().unwrap_or_else(|_| Err(io::Error::other("its writer failed")));
        written.map_err(|source| Error::Snapshot { path: self.path.clone(), source })
    }
}

impl Matcher {
    /// Saves the state, if there is to be a snapshot and the index is not between two generations
    /// of lists, nor still giving again what is published; waits until the disk has it. Says
    /// whether it was saved.
    ///
    /// # Errors
    ///
    /// [`Error::Snapshot`].
    pub fn save(&mut self) -> Result<bool, Error> {
        self.finish_requests()?;
        // An answer that is half given is not part of the state: it is finished first.
        while let Task::Registered(registered) = &self.task
            && registered.row.is_some()
        {
            self.answer_registered()?;
        }
        let Some((stand, frozen)) = self.frozen() else { return Ok(false) };
        let Some(saving) = &mut self.saving else { return Ok(false) };
        saving.finish()?;
        let failed = |source| Error::Snapshot { path: saving.path.clone(), source };
        write(&saving.path, &stand, &saving.config, &frozen).map_err(failed)?;
        saving.since = 0;
        self.stats.snapshots += 1;
        Ok(true)
    }

    /// Saves where this matcher begins, so that one which dies before its first snapshot is due is
    /// followed by one that knows what was published.
    pub(super) fn save_beginning(&mut self) -> Result<(), Error> {
        if let Some(corpus) = self.search.corpus_mut() {
            corpus.settle();
        }
        self.save().map(|_| ())
    }

    /// Has the state written if it is time; a snapshot that is still being written is waited for
    /// by doing without the next.
    pub(super) fn save_if_due(&mut self) -> Result<(), Error> {
        let Some(saving) = &mut self.saving else { return Ok(()) };
        saving.since += 1;
        let is_busy = saving.thread.as_ref().is_some_and(|thread| !thread.is_finished());
        let is_due = saving.since >= saving.every && !is_busy;
        let is_answering = matches!(&self.task, Task::Registered(own) if own.row.is_some());
        if !is_due || is_answering {
            return Ok(());
        }
        saving.finish()?;
        let Some((stand, frozen)) = self.frozen() else { return Ok(()) };
        let Some(saving) = &mut self.saving else { return Ok(()) };
        saving.since = 0;
        let (path, config) = (saving.path.clone(), saving.config.clone());
        let write = move || write(&path, &stand, &config, &frozen);
        let failed = |source| Error::Snapshot { path: saving.path.clone(), source };
        let builder = Builder::new().name("ann-snapshot".to_owned());
        saving.thread = Some(builder.spawn(write).map_err(failed)?);
        self.stats.snapshots += 1;
        Ok(())
    }

    /// The state, standing still; `None` while it is behind what is published, or the index is
    /// between two generations of lists. Cost: that of [`Corpus::share`](crate::Corpus::share).
    fn frozen(&mut self) -> Option<(Stand, Frozen)> {
        if self.outlet.is_ahead() || !self.search.corpus()?.is_settled() {
            return None;
        }
        let info = self.vectors.info();
        let writer = self.outlet.writer()?;
        let (matches_epoch, matches_next) = (writer.epoch(), writer.next_seq());
        let saving = self.saving.as_ref()?;
        let stand = Stand {
            ring_id: info.ring_id,
            epoch: self.epoch,
            next: self.vectors.cursor(),
            matches_id: saving.matches_id,
            matches_epoch,
            matches_next,
            hole: self.hole,
            fresh: match &self.task {
                Task::Registered(registered) => registered.fresh,
                _ => 0,
            },
            choice: self.search.corpus().and_then(|corpus| corpus.choice()),
        };
        Some((stand, self.search.corpus()?.freeze()))
    }
}

/// Packs a state and writes it.
fn write(path: &Path, stand: &Stand, config: &str, frozen: &Frozen) -> io::Result<()> {
    let packed = snapshot::pack(stand, config, frozen);
    packed.map_or(Ok(()), |packed| snapshot::write(path, &packed))
}

impl Drop for Saving {
    fn drop(&mut self) {
        // The file is whole or not there; its writer must not outlive the matcher.
        let _ = self.finish();
    }
}
