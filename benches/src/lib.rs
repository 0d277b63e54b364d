//! Measures tickring's own engine: what the criterion benches and the latency harness share.
//!
//! # Concepts
//!
//! - The benches in `benches/` measure one process: `publish`, `poll` and `dot`, each beside the
//!   limit of the machine (a copy of the same bytes) in the same run.
//! - The binary `latency` measures two processes, each pinned to a core of its own. It runs
//!   itself again as the reading side ([`peer`], [`receiver`]); the sending side is [`sender`].
//! - A [`case`] is one kind of load at one pace. A [`sample`] is one burst of a case between two
//!   measurements of the [`ping`]-pong of a cache line, whose time "pp" is the unit that a result
//!   is compared in: the machine moves between placements, and with it all that is measured.
//! - A round takes one sample of each case; a [`report`] gives medians over the rounds, for each
//!   state of the machine apart.
//! - The binary `waiting` measures what it takes and costs to wait: see [`waiting`]. What the two
//!   binaries share is in [`harness`].
//! - The binary `windows` measures bars beside other engines, each in a process: see [`windowing`].
//! - The binary `matching` measures from a vector to its matches: see [`matching`].
//! - The binary `runbook` lets the nearest-neighbour corpus follow a [`runbook`] over
//!   [`stream`]s of vectors.
//!
//! Times are taken by the time stamp counter, in ticks; [`clock`] turns them into nanoseconds.

pub mod case;
pub mod clock;
pub mod distribution;
pub mod failure;
pub mod harness;
pub mod machine;
pub mod matching;
pub mod memory;
pub mod options;
pub mod peer;
pub mod pin;
pub mod ping;
pub mod place;
pub mod plain;
pub mod plot;
pub mod process;
pub mod random;
pub mod receiver;
pub mod record;
pub mod report;
pub mod run;
pub mod runbook;
pub mod sample;
pub mod sender;
pub mod shared;
pub mod spread;
pub mod stream;
pub mod table;
pub mod waiting;
pub mod windowing;
pub mod workload;
