//! What the writer of a ring counts, for people and metrics.

use super::control_of;
use crate::directory::{Directory, RingName};
use crate::error::Error;
use crate::memory::Memory;
use crate::segment::{Access, Segment};

/// A counter that the writer of a ring shows, see
/// [`Writer::show_count`](crate::Writer::show_count).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingCount {
    /// What is counted.
    pub name: String,
    /// How many so far, in the life of the writer.
    pub count: u64,
}

impl RingCount {
    /// Lists what the writer of ring `name` counts, in the order in which it began to. A ring
    /// without a writer shows nothing, nor does one of another user.
    ///
    /// # Errors
    ///
    /// Those of attaching, see [`Reader::open`](crate::Reader::open).
    pub fn list(directory: &Directory, name: &RingName) -> Result<Vec<Self>, Error> {
        let segment = Segment::attach(directory, name, Access::Read, &Memory::untouched())?;
        let Some(control) = control_of(&segment) else { return Ok(Vec::new()) };
        let counters = control.counters().filter_map(|counter| counter.read());
        Ok(counters.map(|(name, count)| Self { name, count }).collect())
    }
}
