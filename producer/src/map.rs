//! Read-only mapping of an input file.
//!
//! # Invariants
//! - The mapping is private, read-only and lives as long as the [`MappedFile`] that owns it.
//! - Every slice of it borrows the [`MappedFile`].
//! - The file must not be changed or truncated while it is mapped. No program can enforce this
//!   on Linux; input files are recordings that nobody writes to any more, and parsers here are
//!   total, so changed bytes would give wrong records or an error. A truncated file would end the
//!   process by SIGBUS.

#![expect(unsafe_code, reason = "mapping a file is unsafe by nature; nothing else here is")]

use std::fs::File;
use std::ops::Deref;
use std::path::Path;

use memmap2::{Advice, Mmap};

use crate::error::Error;

/// An input file, mapped for reading. Dereferences to its bytes.
#[derive(Debug)]
pub(crate) struct MappedFile {
    map: Mmap,
}

impl MappedFile {
    /// Maps the file at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::io("open", path, source))?;
        // SAFETY: the file is opened read-only and mapped privately, the map owns its pages until
        // it is dropped, and slices borrow it. That no other process changes or truncates the
        // file meanwhile is the condition stated for inputs in the invariants above.
        let map = unsafe { Mmap::map(&file) }.map_err(|source| Error::io("map", path, source))?;
        // A hint only: reading is correct without it.
        let _ = map.advise(Advice::Sequential);
        Ok(Self { map })
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}
