//! What two processes on one machine share: words of memory, and the time stamp counter.
//!
//! # Invariants
//!
//! - The mapping of a [`Shared`] is `BYTES` long, page aligned, and lives as long as it does.
//! - Both processes access the memory as the [`AtomicU64`]s of [`Line`] only.

#![expect(unsafe_code, reason = "mapped memory as atomics, and reading the time stamp counter")]

use crate::failure::Failure;
use memmap2::{MmapOptions, MmapRaw};
use std::fs::File;
use std::path::Path;
use std::sync::atomic::AtomicU64;

/// Size of the shared memory, in bytes.
const BYTES: usize = 4096;
/// Distance of the words, in bytes: the processor fetches lines of 64 bytes in pairs.
const LINE_BYTES: usize = 128;

/// The words, each on cache lines of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// What the two sides throw to and fro.
    Ping = 0,
    /// The ticks at which the reading side answered, where they are asked for.
    PongTicks = 1,
    /// The sequence behind the last record of a burst; 0 until that is known.
    End = 2,
}

/// Memory that the sending and the reading process share.
#[derive(Debug)]
pub struct Shared {
    map: MmapRaw,
}

impl Shared {
    /// Creates the file at `path`, full of zeros, and maps it.
    ///
    /// # Errors
    ///
    /// [`Failure::Io`] if the file cannot be created or mapped.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(|source| Failure::io("create", path, source))?;
        file.set_len(BYTES as u64).map_err(|source| Failure::io("size", path, source))?;
        Self::map(&file, path)
    }

    /// Maps the file that the other process has created.
    ///
    /// # Errors
    ///
    /// [`Failure::Io`] if the file cannot be opened or mapped.
    pub fn attach(path: &Path) -> Result<Self, Failure> {
        let file = File::options()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|source| Failure::io("open", path, source))?;
        Self::map(&file, path)
    }

    fn map(file: &File, path: &Path) -> Result<Self, Failure> {
        let map = MmapOptions::new()
            .len(BYTES)
            .map_raw(file)
            .map_err(|source| Failure::io("map", path, source))?;
        Ok(Self { map })
    }

    /// The word of `line`.
    #[inline]
    #[must_use]
    pub fn word(&self, line: Line) -> &AtomicU64 {
        const { assert!((Line::End as usize + 1) * LINE_BYTES <= BYTES) };
        let words = self.map.as_mut_ptr().cast::<AtomicU64>();
        // SAFETY: the words of all lines lie inside the mapping, as the assertion shows.
        let word = unsafe { words.add(line as usize * (LINE_BYTES / size_of::<AtomicU64>())) };
        // SAFETY: the mapping is page aligned, so the word is aligned; it stays mapped while
        // `self` is borrowed; everybody accesses it as an atomic.
        unsafe { &*word }
    }
}

/// Name of the clock behind [`ticks`].
#[cfg(target_arch = "x86_64")]
pub const CLOCK_NAME: &str = "TSC";
/// Name of the clock behind [`ticks`].
#[cfg(not(target_arch = "x86_64"))]
pub const CLOCK_NAME: &str = "CLOCK_MONOTONIC";

/// Reads the clock. May be read before loads and stores that stand in front of it.
///
/// Units: ticks of [`Clock`](crate::clock::Clock). Cost: about 10 ns.
#[cfg(target_arch = "x86_64")]
#[inline]
#[must_use]
pub fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the instruction; where a system forbids it the process
    // ends by a signal.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Reads the clock after all loads that stand in front of it.
///
/// Units: ticks of [`Clock`](crate::clock::Clock). Cost: about 10 ns and what the loads take.
#[cfg(target_arch = "x86_64")]
#[inline]
#[must_use]
pub fn ticks_after_loads() -> u64 {
    // SAFETY: the fence needs SSE2, which is part of x86-64.
    unsafe { core::arch::x86_64::_mm_lfence() };
    ticks()
}

/// Reads the clock. Units: nanoseconds. Cost: about 25 ns.
#[cfg(not(target_arch = "x86_64"))]
#[must_use]
pub fn ticks() -> u64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
    time.map_or(0, |time| {
        let ns = i128::from(time.tv_sec()) * 1_000_000_000 + i128::from(time.tv_nsec());
        u64::try_from(ns).unwrap_or(0)
    })
}

/// Reads the clock after all loads that stand in front of it.
#[cfg(not(target_arch = "x86_64"))]
#[must_use]
pub fn ticks_after_loads() -> u64 {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    ticks()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn a_word_stored_through_one_mapping_is_seen_through_the_other_and_nowhere_else() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("shared");
        let one = Shared::create(&path).unwrap();
        let other = Shared::attach(&path).unwrap();
        one.word(Line::PongTicks).store(7, Ordering::Relaxed);
        let seen = [Line::Ping, Line::PongTicks, Line::End]
            .map(|line| other.word(line).load(Ordering::Relaxed));
        assert_eq!(seen, [0, 7, 0]);
    }

    #[test]
    fn the_clock_does_not_go_back() {
        let mut before = ticks_after_loads();
        for _ in 0..1000 {
            let now = ticks_after_loads();
            assert!(now >= before);
            before = now;
        }
    }
}
