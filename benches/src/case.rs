//! What is measured: the table of cases.

use crate::workload::Load;

/// One kind of record at one pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// What it is called in results.
    pub name: &'static str,
    /// What is sent.
    pub load: Load,
    /// How it is sent.
    pub pace: Pace,
    /// Whether the other process reads; else it sleeps.
    pub is_read: bool,
}

/// When records are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// At equal distances, each at its scheduled time or as soon after it as possible; the
    /// latency counts from the scheduled time.
    Rate {
        /// Records in a second.
        per_second: u32,
    },
    /// As fast as possible, `published` being moved after each batch.
    Full {
        /// Records in a batch.
        batch: u64,
    },
}

const fn case(name: &'static str, load: Load, pace: Pace) -> Case {
    Case { name, load, pace, is_read: true }
}

/// All cases, in the order of a round.
pub const CASES: [Case; 9] = [
    case("10k/s", Load::Ticks, Pace::Rate { per_second: 10_000 }),
    case("100k/s", Load::Ticks, Pace::Rate { per_second: 100_000 }),
    case("1M/s", Load::Ticks, Pace::Rate { per_second: 1_000_000 }),
    Case {
        name: "full speed, no reader",
        load: Load::Ticks,
        pace: Pace::Full { batch: 1 },
        is_read: false,
    },
    case("full speed", Load::Ticks, Pace::Full { batch: 1 }),
    case("full speed, batch 256", Load::Ticks, Pace::Full { batch: 256 }),
    case("vectors 32-d", Load::Vectors(32), Pace::Full { batch: 1 }),
    case("vectors 128-d", Load::Vectors(128), Pace::Full { batch: 1 }),
    case("vectors 768-d", Load::Vectors(768), Pace::Full { batch: 1 }),
];

impl Case {
    /// Whether latency is what this case is about; else it is throughput.
    #[must_use]
    pub fn is_paced(&self) -> bool {
        matches!(self.pace, Pace::Rate { .. })
    }
}
