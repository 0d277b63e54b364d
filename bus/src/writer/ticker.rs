//! The wake ticker: a thread that wakes readers whom the writer cannot see.
//!
//! A reader of another user may not write to the control segment, so the writer does not know
//! that it sleeps. The ticker looks whether something was published since it looked last, and
//! wakes everybody then. It costs the data path nothing, and such a reader a period at most.

use crate::directory::{Directory, RingName};
use crate::error::Error;
use crate::memory::Memory;
use crate::segment::{Access, Segment, call_all};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The running thread. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts it for ring `name`, which has its own mapping for that.
    ///
    /// # Errors
    ///
    /// Those of attaching; [`Error::Io`] if the thread cannot be started.
    pub(super) fn start(
        directory: &Directory,
        name: &RingName,
        period: Duration,
    ) -> Result<Self, Error> {
        let segment = Segment::attach(directory, name, Access::Write, &Memory::untouched())?;
        let path = segment.path().to_owned();
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("tickring-ticker".to_owned())
            .spawn(move || tick(&segment, period, &stopped))
            .map_err(|source| Error::io("start the wake ticker of", &path, source))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn tick(segment: &Segment, period: Duration, stopped: &Receiver<()>) {
    let header = segment.header();
    let mut seen = header.published();
    while stopped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
        let published = header.published();
        if published != seen {
            seen = published;
            call_all(header.signal);
        }
    }
}
