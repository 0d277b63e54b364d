//! What a matcher has done since it was opened.

use crate::scan::Scan;

/// Counts since the matcher was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Vectors read.
    pub vectors: u64,
    /// Queries answered.
    pub queries: u64,
    /// Of these, queries of other processes.
    pub answered: u64,
    /// Neighbours published.
    pub matches: u64,
    /// Queries whose window was not there as a whole any more ([`Scan::dropped`]), or had a hole
    /// because records were missed.
    pub incomplete: u64,
    /// Records of the vectors ring that were overwritten before they were read.
    pub missed: u64,
    /// Records read that are neither vectors of the ring's dimension nor control records.
    pub not_vectors: u64,
    /// New writers of the vectors ring.
    pub restarts: u64,
    /// Records that a writer of the vectors ring died in.
    pub tombstones: u64,
    /// Most records that were published and not yet read when the matcher looked.
    pub lag_max: u64,
    /// Snapshots begun.
    pub snapshots: u64,
    /// One if the matcher began where a snapshot stood.
    pub restored: u64,
    /// What all scans did together.
    pub scan: Scan,
}
