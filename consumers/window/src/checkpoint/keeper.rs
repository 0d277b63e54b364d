//! The thread that writes checkpoints.
//!
//! One buffer goes back and forth: who has it may write to it. While the thread has it, no other
//! checkpoint can be taken. The thread looks for work by itself: a wake-up call would cost the
//! other side a system call, and on a busy machine its core.

use super::files::Files;
use crate::WindowError;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, Builder, JoinHandle};
use std::time::Duration;

/// From one look for work to the next.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What became of the checkpoints given.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) written: u64,
    pub(super) failed: u64,
    pub(super) failure: Option<String>,
}

#[derive(Debug)]
pub(super) struct Keeper {
    /// `None` while the thread has it.
    buffer: Option<Vec<u8>>,
    /// `None` once the thread is to end.
    jobs: Option<SyncSender<Vec<u8>>>,
    done: Receiver<Done>,
    thread: Option<JoinHandle<()>>,
    counts: Counts,
}

#[derive(Debug)]
struct Done {
    buffer: Vec<u8>,
    written: Result<(), WindowError>,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// [`WindowError::CheckpointFile`] if there can be no thread.
    pub(super) fn start(mut files: Files) -> Result<Self, WindowError> {
        let (jobs, taken) = sync_channel::<Vec<u8>>(1);
        let (finished, done) = sync_channel(1);
        let work = move || {
            loop {
                let mut buffer = match taken.try_recv() {
                    Ok(buffer) => buffer,
                    Err(TryRecvError::Empty) => {
                        thread::sleep(LOOK_EVERY);
                        continue;
                    }
                    Err(TryRecvError::Disconnected) => return,
                };
                let written = files.write(&mut buffer);
                make_room(&mut buffer);
                if finished.send(Done { buffer, written }).is_err() {
                    return;
                }
            }
        };
        let path = Path::new("thread");
        let thread = Builder::new().name("checkpoints".to_owned()).spawn(work);
        let thread = thread.map_err(|source| WindowError::CheckpointFile {
            what: "start",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            buffer: Some(Vec::new()),
            jobs: Some(jobs),
            done,
            thread: Some(thread),
            counts: Counts::default(),
        })
    }

    /// The buffer, if the thread has done its work. Never blocks.
    pub(super) fn buffer(&mut self) -> Option<Vec<u8>> {
        if self.buffer.is_none()
            && let Ok(done) = self.done.try_recv()
        {
            let _ = self.take(done);
        }
        self.buffer.take()
    }

    /// Gives the filled buffer to the thread. Never blocks: it has none.
    pub(super) fn give(&mut self, buffer: Vec<u8>) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(buffer);
        }
    }

    /// Waits for what was given.
    ///
    /// # Errors
    ///
    /// That of writing it.
    pub(super) fn settle(&mut self) -> Result<(), WindowError> {
        if self.buffer.is_some() {
            return Ok(());
        }
        match self.done.recv() {
            Ok(done) => self.take(done),
            // The thread ends before the keeper only if it panics, and then says so itself.
            Err(_) => Ok(()),
        }
    }

    /// What became of those whose end was noticed.
    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    fn take(&mut self, done: Done) -> Result<(), WindowError> {
        self.buffer = Some(done.buffer);
        match &done.written {
            Ok(()) => self.counts.written += 1,
            Err(error) => {
                self.counts.failed += 1;
                self.counts.failure = Some(error.to_string());
            }
        }
        done.written
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.jobs.take());
        let _ = self.done.try_recv();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Makes the buffer twice as large as what it held, with pages that are there, so that the next
/// state can be copied without waiting for memory.
fn make_room(buffer: &mut Vec<u8>) {
    let (size, before) = (buffer.len(), buffer.capacity());
    if before < size + size / 2 {
        buffer.reserve(size);
        let whole = buffer.capacity();
        buffer.resize(whole, 0);
    }
}
