//! What a feed has done.

use std::fmt;

use crate::source::{Count, Report};

/// Counts of a feed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// Records published to `ticks`, `definitions` and `statistics`.
    pub records: u64,
    /// Those records by kind; orders also by action (`mbo A`).
    pub kinds: Vec<Count>,
    /// Vectors published.
    pub vectors: u64,
    /// Records published to the other derived rings, and what was odd about the books that they
    /// come from: orders that name one which is not there, records that could not be applied, and
    /// events after which a book was crossed although orders were matched. Empty without such
    /// rings.
    pub derived: Vec<Count>,
    /// What the source has seen: inputs by type, and anomalies.
    pub source: Report,
    /// What went into the journals of the rings, if they keep any.
    pub journal: Option<Journaled>,
}

/// Sums over the journals of a feed's rings.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Journaled {
    /// Bytes appended.
    pub bytes: u64,
    /// Records that are in no journal, because it could not be written in time.
    pub missed: u64,
    /// Why a journal could not be written the last time that one could not.
    pub error: Option<String>,
}

impl fmt::Display for Journaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "journal: {} bytes, {} records missed", self.bytes, self.missed)?;
        match &self.error {
            Some(error) => write!(f, ", {error}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Summary {
    /// One line a group: `12,345 records: mbo A 5,000, trade 198`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records", self.records)?;
        list(f, ": ", &self.kinds)?;
        if self.vectors > 0 {
            write!(f, "\n{} vectors", self.vectors)?;
        }
        list(f, "\nderived: ", &self.derived)?;
        list(f, "\ninputs: ", &self.source.inputs)?;
        list(f, "\nanomalies: ", &self.source.anomalies)?;
        match &self.journal {
            Some(journal) => write!(f, "\n{journal}"),
            None => Ok(()),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, before: &str, counts: &[Count]) -> fmt::Result {
    for (index, Count { name, count }) in counts.iter().enumerate() {
        let before = if index == 0 { before } else { ", " };
        write!(f, "{before}{name} {count}")?;
    }
    Ok(())
}
