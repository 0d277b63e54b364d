//! Who reads a ring.

use pyo3::prelude::*;

/// What one reader of a ring tells about itself, up to 64 records behind.
#[pyclass(module = "tickring", frozen, get_all, eq)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReaderInfo {
    /// Its name: that of its program unless it gave another.
    name: String,
    /// Its process.
    pid: u64,
    /// Since when it reads, in nanoseconds since the Unix epoch.
    since_ns: u64,
    /// The sequence that it will read next.
    cursor: u64,
    /// How many records are published and not read by it.
    lag: u64,
    /// How many records it has missed.
    missed: u64,
    /// How many times it was lapped.
    laps: u64,
    /// How many times it has polled.
    polls: u64,
    /// How many times it woke from sleep.
    wakeups: u64,
    /// Whether it still lives; the writer removes one that does not.
    is_alive: bool,
}

impl From<tickring::ReaderInfo> for ReaderInfo {
    fn from(info: tickring::ReaderInfo) -> Self {
        Self {
            name: info.name,
            pid: info.pid,
            since_ns: info.since_ns,
            cursor: info.cursor,
            lag: info.lag,
            missed: info.missed,
            laps: info.laps,
            polls: info.polls,
            wakeups: info.wakeups,
            is_alive: info.is_alive,
        }
    }
}

#[pymethods]
impl ReaderInfo {
    fn __repr__(&self) -> String {
        format!(
            "ReaderInfo(name={:?}, pid={}, cursor={}, lag={}, missed={}, is_alive={})",
            self.name,
            self.pid,
            self.cursor,
            self.lag,
            self.missed,
            if self.is_alive { "True" } else { "False" }
        )
    }
}
