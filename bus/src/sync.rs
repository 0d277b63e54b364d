//! The only door to atomics: `core` in a real build, `loom` under `--cfg loom`.
//!
//! Every other module of the bus that touches shared memory imports from here, so the model
//! checker sees the very code that ships.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};
