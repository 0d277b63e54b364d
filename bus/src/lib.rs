//! A seqlock-protected, memory-mapped broadcast ring of fixed-layout records.
//!
//! One [`Writer`] puts records into the slots of a ring that lives in a mapped file; any number
//! of [`Reader`]s in any number of processes read them there. The writer never waits for a
//! reader, a reader can never write to the ring, and a reader that falls behind is told exactly
//! how many records it missed.
//!
//! # One minute
//!
//! - A ring has a name, `bus/ring`, and a file, found by [`Directory`].
//! - [`Writer::open`] creates it for the kinds of a [`RingSpec`], or takes over from a writer
//!   that is gone; [`Writer::publish`] puts a [`Record`](record::Record) into the next slot.
//! - [`Reader::open`] joins it at a [`Start`]; [`Reader::poll`] copies the next record,
//!   [`Reader::poll_batch`] many, [`Reader::view`] lets a closure look at them in place.
//! - All of these give a [`Poll`]: a record, nothing, or what happened to the ring.
//! - [`Reader::wait`] sleeps until there is something, [`wait_any`] on several rings at once;
//!   [`merge::Merge`] reads several as one stream in order of event time.
//! - [`Reader::latest`] tells the last quote and trade of an instrument, however long ago it was.
//! - A journal ([`JournalSpec`]) keeps what the ring forgets; a [`LosslessReader`] reads both as
//!   one.
//!
//! `FORMAT.md` beside this crate is the byte map of a segment, `JOURNAL.md` that of a journal,
//! `DESIGN.md` says why they are so. The protocol itself stands in `src/slot.rs`.

#[cfg(target_endian = "big")]
compile_error!(
    "segments are little endian and read in place: big-endian machines are not supported"
);

// `record!` names this crate by this name, here as elsewhere.
extern crate self as tickring;

// The model checker compiles the protocols alone: `slot`, `header` and `registry` over loom's
// atomics.
mod header;
mod registry;
mod slot;
mod sync;

#[cfg(not(loom))]
mod batch;
#[cfg(not(loom))]
mod control;
#[cfg(not(loom))]
mod counter;
#[cfg(not(loom))]
mod directory;
#[cfg(not(loom))]
mod enrolment;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod fault;
#[cfg(not(loom))]
mod geometry;
#[cfg(not(loom))]
mod info;
#[cfg(not(loom))]
mod instruments;
#[cfg(not(loom))]
mod journal;
#[cfg(not(loom))]
mod lanes;
#[cfg(not(loom))]
mod lock;
#[cfg(not(loom))]
mod lossless;
#[cfg(not(loom))]
mod memory;
#[cfg(not(loom))]
pub mod merge;
#[cfg(not(loom))]
mod poll;
#[cfg(not(loom))]
mod reader;
#[cfg(not(loom))]
pub mod record;
#[cfg(not(loom))]
pub mod schema;
#[cfg(not(loom))]
mod segment;
#[cfg(not(loom))]
mod spec;
#[cfg(not(loom))]
mod view;
#[cfg(not(loom))]
mod wait;
#[cfg(not(loom))]
mod words;
#[cfg(not(loom))]
mod writer;

#[cfg(not(loom))]
pub use crate::{
    batch::Batch,
    directory::{DIRECTORY_VARIABLE, Directory, RingName},
    error::{Error, WrongKind, WrongRow},
    geometry::DEFAULT_CAPACITY,
    info::{ReaderInfo, RingCount, RingInfo, RingState},
    instruments::{Instrument, LastValue, Latest},
    journal::{
        Fsync, JournalEnd, JournalReader, JournalSpec, JournalStart, JournalStatus, PublishSpan,
        Recorder, RecorderProgress, RecorderStats, journaled_rings,
    },
    lanes::Lanes,
    lossless::LosslessReader,
    memory::{Huge, Memory},
    poll::{CloseReason, Poll, RecordRef},
    reader::{Extent, Reader, ReaderOptions, Start, Token, wait_any},
    spec::{OnMismatch, RingSpec},
    view::{LiveRecord, View},
    wait::Wait,
    writer::{Claim, Writer},
};

#[cfg(not(loom))]
pub use half::f16;

/// The time by the clock of the segments: nanoseconds since the Unix epoch.
#[cfg(not(loom))]
fn now_ns() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
