//! What happened to a ring during a poll, apart from its records.

use crate::error;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use tickring::CloseReason;

/// One outcome of a poll that is not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The writer had overwritten what the reader wanted next.
    Lapped { missed: u64, resume: u64 },
    /// A new writer took over.
    Restarted { epoch: u64 },
    /// A writer died inside this slot.
    Tombstone { seq: u64 },
    /// The ring has ended and everything has been read.
    Closed { reason: CloseReason },
}

impl Event {
    /// The object that Python sees.
    pub(crate) fn to_object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Self::Lapped { missed, resume } => error::lapped_object(py, missed, resume),
            Self::Restarted { epoch } => Restarted { epoch }.into_bound_py_any(py),
            Self::Tombstone { seq } => Tombstone { seq }.into_bound_py_any(py),
            Self::Closed { reason } => Closed { reason: word_of(reason) }.into_bound_py_any(py),
        }
    }
}

fn word_of(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Ended => "ended",
        CloseReason::Retired { .. } => "retired",
        CloseReason::Removed => "removed",
        CloseReason::Truncated => "truncated",
        _ => "other",
    }
}

/// A new writer has taken over the ring.
#[pyclass(module = "tickring", frozen, eq, hash)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Restarted {
    /// The number of its life.
    #[pyo3(get)]
    epoch: u64,
}

#[pymethods]
impl Restarted {
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("epoch",)
    }

    fn __repr__(&self) -> String {
        format!("Restarted(epoch={})", self.epoch)
    }
}

/// A writer died inside this slot: there is no record of this sequence.
#[pyclass(module = "tickring", frozen, eq, hash)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tombstone {
    /// The sequence that holds no record.
    #[pyo3(get)]
    seq: u64,
}

#[pymethods]
impl Tombstone {
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("seq",)
    }

    fn __repr__(&self) -> String {
        format!("Tombstone(seq={})", self.seq)
    }
}

/// The ring has ended and everything has been read. A later poll may find a new writer.
#[pyclass(module = "tickring", frozen, eq, hash)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Closed {
    /// Why: "ended" when the writer closed the ring, "retired" when another one took its name,
    /// "removed" or "truncated" when somebody did that to its file.
    #[pyo3(get)]
    reason: &'static str,
}

#[pymethods]
impl Closed {
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("reason",)
    }

    fn __repr__(&self) -> String {
        format!("Closed(reason='{}')", self.reason)
    }
}
