//! What a ring is made of.

use crate::error::Error;
use crate::journal::JournalSpec;
use crate::memory::Memory;
use crate::record::{Record, Restart, Tombstone};
use crate::schema::{Kind, Schema};
use std::time::Duration;

/// What a ring is made of, and how its writer treats it.
#[derive(Clone, Debug)]
pub struct RingSpec {
    /// The kinds of records that the ring may hold; see [`RingSpec::new`].
    pub schema: Schema,
    /// Slots in the ring, a power of two from 64 on.
    pub capacity: u64,
    /// Entries for instruments, a power of two or 0: definitions, and the last quote and trade of
    /// each. An eighth of them stays free.
    pub instruments: u64,
    /// Permissions of the file. Readers need read permission only.
    pub mode: u32,
    /// Group of the file; the process's own without one.
    pub group: Option<u32>,
    /// What to do if the ring exists with another schema, size or layout.
    pub on_mismatch: OnMismatch,
    /// Period of a thread that wakes sleeping readers who may not write to the control segment,
    /// because they are of another user. Without one they look by themselves.
    pub wake_ticker: Option<Duration>,
    /// How the segment lies in memory.
    pub memory: Memory,
    /// A journal that the writer keeps itself, complete unless the disk fails; see
    /// [`JournalSpec`]. The ring needs 128 slots then. Without it publishing costs nothing more.
    pub journal: Option<JournalSpec>,
}

/// What a writer does with a ring of its name that is not as it needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMismatch {
    /// Leaves it and fails with the difference.
    #[default]
    Refuse,
    /// Puts a new ring in its place. Readers of the old one read it to its end and are then told
    /// the successor ([`CloseReason::Retired`](crate::CloseReason)). The old ring must have no
    /// writer.
    Replace,
}

impl RingSpec {
    /// A ring of [`DEFAULT_CAPACITY`](crate::DEFAULT_CAPACITY) slots and mode 0640 for `kinds`,
    /// without instruments. The kinds `restart` and `tombstone`, which recovery writes, are added
    /// if missing.
    ///
    /// # Errors
    ///
    /// [`Error::Schema`] if the kinds do not form a valid schema.
    pub fn new(kinds: Vec<Kind>) -> Result<Self, Error> {
        let mut kinds = kinds;
        for own in [Restart::kind(), Tombstone::kind()] {
            if kinds.iter().all(|kind| kind.rtype != own.rtype) {
                kinds.push(own);
            }
        }
        let schema = Schema::new(kinds)
            .map_err(|source| Error::Schema { name: "the new ring".to_owned(), source })?;
        Ok(Self {
            schema,
            capacity: crate::DEFAULT_CAPACITY,
            instruments: 0,
            mode: 0o640,
            group: None,
            on_mismatch: OnMismatch::default(),
            wake_ticker: None,
            memory: Memory::default(),
            journal: None,
        })
    }
}
