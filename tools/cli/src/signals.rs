//! Ctrl-C and the request to end, as a flag that loops look at.

use crate::failure::Failure;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a process was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Ctrl-C (SIGINT).
    Interrupt,
    /// SIGTERM, as a supervisor sends it.
    End,
}

/// Catches SIGINT and SIGTERM from its creation on.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupted: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
}

impl Signals {
    /// Catches the signals. The first one is noted; a second one of the same kind ends the
    /// process at once, with 128 and the signal's number.
    pub(crate) fn catch() -> Result<Self, Failure> {
        Ok(Self { interrupted: noted(SIGINT)?, ended: noted(SIGTERM)? })
    }

    /// What was asked for so far. Cost: two loads.
    pub(crate) fn request(&self) -> Option<Request> {
        // The flags carry nothing but themselves, so they need no ordering.
        if self.interrupted.load(Ordering::Relaxed) {
            Some(Request::Interrupt)
        } else if self.ended.load(Ordering::Relaxed) {
            Some(Request::End)
        } else {
            None
        }
    }
}

fn noted(signal: i32) -> Result<Arc<AtomicBool>, Failure> {
    let caught = Arc::new(AtomicBool::new(false));
    // Handlers run in the order of registration: this one finds the flag of the signal before.
    flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&caught))
        .and_then(|_| flag::register(signal, Arc::clone(&caught)))
        .map_err(Failure::io("catch signals"))?;
    Ok(caught)
}
