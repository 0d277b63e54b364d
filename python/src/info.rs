//! What a ring is and how it does.

use pyo3::prelude::*;
use std::path::PathBuf;
use tickring::RingState;

/// A snapshot of a ring: what it is and how it does. Times are nanoseconds since the Unix epoch.
#[pyclass(module = "tickring", frozen, get_all, eq)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RingInfo {
    /// The ring's name, `bus/ring`.
    name: String,
    /// Its file.
    path: PathBuf,
    /// Random number that tells this segment from any other of the same name, as 32 hex digits.
    ring_id: String,
    /// Time of birth.
    created_ns: u64,
    /// Size of the file.
    segment_bytes: u64,
    /// Slots.
    capacity: u64,
    /// Size of a slot, stamp included.
    stride_bytes: u64,
    /// Hash of the schema table.
    schema_hash: u64,
    /// "live" (a writer holds the ring), "closed" (it was ended), "dead" (its writer is gone) or
    /// "retired" (another ring has its name).
    state: &'static str,
    /// Number of the current writer's life.
    epoch: u64,
    /// The sequence at which that life began.
    epoch_start: u64,
    /// The next sequence to be published.
    published: u64,
    /// Process id that the last writer stored.
    owner_pid: u64,
    /// When the last writer took the ring.
    owner_since_ns: u64,
    /// When the writer last gave a sign of life.
    heartbeat_ns: u64,
    /// Event time up to which the ring is complete; 0 if the writer does not say.
    watermark_ns: u64,
    /// Records that the writer's source dropped or refused as late.
    dropped: u64,
    /// Entries for instruments.
    instruments: u64,
    /// Quotes and trades whose instrument found no entry.
    unlisted: u64,
}

impl From<tickring::RingInfo> for RingInfo {
    fn from(info: tickring::RingInfo) -> Self {
        Self {
            name: info.name.to_string(),
            path: info.path,
            ring_id: format!("{:032x}", info.ring_id),
            created_ns: info.created_ns,
            segment_bytes: info.segment_bytes,
            capacity: info.capacity,
            stride_bytes: info.stride_bytes,
            schema_hash: info.schema_hash,
            state: word_of(info.state),
            epoch: info.epoch,
            epoch_start: info.epoch_start,
            published: info.published,
            owner_pid: info.owner_pid,
            owner_since_ns: info.owner_since_ns,
            heartbeat_ns: info.heartbeat_ns,
            watermark_ns: info.watermark_ns,
            dropped: info.dropped,
            instruments: info.instruments,
            unlisted: info.unlisted,
        }
    }
}

fn word_of(state: RingState) -> &'static str {
    match state {
        RingState::Live => "live",
        RingState::Closed => "closed",
        RingState::Retired => "retired",
        RingState::Dead => "dead",
    }
}

#[pymethods]
impl RingInfo {
    fn __repr__(&self) -> String {
        format!(
            "RingInfo(name='{}', state='{}', published={}, capacity={}, stride_bytes={}, epoch={})",
            self.name, self.state, self.published, self.capacity, self.stride_bytes, self.epoch
        )
    }
}
