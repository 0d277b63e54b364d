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
    /// What the source has seen: inputs by type, and anomalies.
    pub source: Report,
}

impl fmt::Display for Summary {
    /// One line a group: `12,345 records: mbo A 5,000, trade 198`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records", self.records)?;
        list(f, ": ", &self.kinds)?;
        if self.vectors > 0 {
            write!(f, "\n{} vectors", self.vectors)?;
        }
        list(f, "\ninputs: ", &self.source.inputs)?;
        list(f, "\nanomalies: ", &self.source.anomalies)
    }
}

fn list(f: &mut fmt::Formatter<'_>, before: &str, counts: &[Count]) -> fmt::Result {
    for (index, Count { name, count }) in counts.iter().enumerate() {
        let before = if index == 0 { before } else { ", " };
        write!(f, "{before}{name} {count}")?;
    }
    Ok(())
}
