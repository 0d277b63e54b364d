//! What a ring is and how it does, for people and metrics.

use crate::control::Control;
use crate::directory::{Directory, RingName};
use crate::error::Error;
use crate::header::{End, NO_CONTROL};
use crate::lock;
use crate::memory::Memory;
use crate::segment::{Access, Segment};
use crate::slot::load;
use std::path::PathBuf;

mod counts;
mod readers;

pub use counts::RingCount;
pub use readers::ReaderInfo;

/// A snapshot of a ring's header. Each number is right at some moment during the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingInfo {
    /// The ring's name.
    pub name: RingName,
    /// Its file.
    pub path: PathBuf,
    /// Random number that tells this segment from any other of the same name.
    pub ring_id: u128,
    /// Time of birth, in nanoseconds since the Unix epoch.
    pub created_ns: u64,
    /// Size of the file, in bytes.
    pub segment_bytes: u64,
    /// Slots.
    pub capacity: u64,
    /// Size of a slot, stamp included, in bytes.
    pub stride_bytes: u64,
    /// Hash of the schema table.
    pub schema_hash: u64,
    /// Whether a writer is alive, closed the ring, or is gone.
    pub state: RingState,
    /// Number of the current writer's life.
    pub epoch: u64,
    /// The sequence at which that life began.
    pub epoch_start: u64,
    /// The next sequence to be published.
    pub published: u64,
    /// Process id that the last writer stored.
    pub owner_pid: u64,
    /// When the last writer took the ring, in nanoseconds since the Unix epoch.
    pub owner_since_ns: u64,
    /// When the writer last gave a sign of life, in nanoseconds since the Unix epoch.
    pub heartbeat_ns: u64,
    /// Event time up to which the ring is complete, in nanoseconds since the Unix epoch; 0 if
    /// the writer does not say.
    pub watermark_ns: u64,
    /// Records that the writer's source dropped or refused as late.
    pub dropped: u64,
    /// Entries for instruments.
    pub instruments: u64,
    /// Definitions, quotes and trades whose instrument found no entry.
    pub unlisted: u64,
}

/// Whether somebody writes to a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingState {
    /// A writer holds the lock.
    Live,
    /// The writer ended the ring.
    Closed,
    /// Another segment has taken the ring's name.
    Retired,
    /// The writer is gone without ending the ring: it was killed, or dropped its handle.
    Dead,
}

impl RingInfo {
    /// Looks at ring `name`.
    ///
    /// # Errors
    ///
    /// Those of attaching, see [`Reader::open`](crate::Reader::open).
    pub fn read(directory: &Directory, name: &RingName) -> Result<Self, Error> {
        Ok(Self::of(&Segment::attach(directory, name, Access::Read, &Memory::untouched())?))
    }

    /// Looks at an attached segment.
    pub(crate) fn of(segment: &Segment) -> Self {
        let (identity, geometry) = (segment.identity(), segment.geometry());
        let header = segment.header();
        let display = header.display;
        let epoch = header.epoch();
        Self {
            name: segment.name().clone(),
            path: segment.path().to_owned(),
            ring_id: identity.ring_id,
            created_ns: identity.created_ns,
            segment_bytes: geometry.segment_bytes,
            capacity: geometry.capacity,
            stride_bytes: geometry.stride_bytes,
            schema_hash: identity.schema_hash,
            state: state_of(segment),
            epoch: epoch.number,
            epoch_start: epoch.start,
            published: header.published(),
            owner_pid: load(display.owner_pid),
            owner_since_ns: load(display.owner_since_ns),
            heartbeat_ns: load(display.heartbeat_ns),
            watermark_ns: load(display.watermark_ns),
            dropped: load(display.dropped),
            instruments: geometry.instruments,
            unlisted: load(display.unlisted),
        }
    }
}

/// The control segment that the writer offers, if this process may see it.
fn control_of(segment: &Segment) -> Option<Control> {
    match segment.header().control() {
        NO_CONTROL => None,
        id => Control::attach(segment.identity().ring_id, id),
    }
}

fn state_of(segment: &Segment) -> RingState {
    match segment.header().end() {
        Some(End::Closed) => RingState::Closed,
        Some(End::Retired { .. }) => RingState::Retired,
        None if lock::is_held(segment.file()).unwrap_or(false) => RingState::Live,
        None => RingState::Dead,
    }
}
