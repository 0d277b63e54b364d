//! Who reads a ring, for people and metrics.

use super::control_of;
use crate::directory::{Directory, RingName};
use crate::error::Error;
use crate::lock;
use crate::memory::Memory;
use crate::registry::{NAME_BYTES, Occupant};
use crate::segment::{Access, Segment};

/// What one reader of a ring tells about itself, up to 64 records behind.
///
/// Readers are not forced to tell anything: those of other users, and those beyond 1,024, are
/// not listed, and the numbers are for people and metrics only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderInfo {
    /// Its name, see [`ReaderOptions::name`](crate::ReaderOptions::name).
    pub name: String,
    /// Its process.
    pub pid: u64,
    /// Since when it reads, in nanoseconds since the Unix epoch.
    pub since_ns: u64,
    /// The sequence that it will read next.
    pub cursor: u64,
    /// How many records are published and not read by it.
    pub lag: u64,
    /// How many records it has missed.
    pub missed: u64,
    /// How many times it was lapped.
    pub laps: u64,
    /// How many times it has polled.
    pub polls: u64,
    /// How many times it was woken from sleep, or woke by itself.
    pub wakeups: u64,
    /// Whether it still lives. One that does not is removed from the list by the writer.
    pub is_alive: bool,
}

impl ReaderInfo {
    /// Lists the readers of ring `name` that can be seen, in no order. A ring without a writer
    /// has no list.
    ///
    /// # Errors
    ///
    /// Those of attaching, see [`Reader::open`](crate::Reader::open).
    pub fn list(directory: &Directory, name: &RingName) -> Result<Vec<Self>, Error> {
        let segment = Segment::attach(directory, name, Access::Read, &Memory::untouched())?;
        let Some(control) = control_of(&segment) else { return Ok(Vec::new()) };
        let published = segment.header().published();
        let listed = control.entries().enumerate().filter_map(|(index, entry)| {
            let occupant = entry.occupant()?;
            Some(Self::of(&occupant, published, lock::is_marked(segment.file(), index)))
        });
        Ok(listed.collect())
    }

    fn of(occupant: &Occupant, published: u64, is_alive: bool) -> Self {
        let mut name = Vec::with_capacity(NAME_BYTES);
        occupant.name.iter().for_each(|word| name.extend(word.to_le_bytes()));
        let name = name.split(|byte| *byte == 0).next().unwrap_or(&[]);
        let counters = occupant.counters;
        Self {
            name: String::from_utf8_lossy(name).into_owned(),
            pid: occupant.pid,
            since_ns: occupant.since_ns,
            cursor: counters.cursor,
            lag: published.saturating_sub(counters.cursor),
            missed: counters.missed,
            laps: counters.laps,
            polls: counters.polls,
            wakeups: counters.wakeups,
            is_alive,
        }
    }
}
