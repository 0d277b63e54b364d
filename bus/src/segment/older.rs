//! The header of a segment of another layout, of which only the live lines are known.
//!
//! The lines of the first layout stand where they stood in every layout since, so that a writer
//! can take the lock of a ring that it cannot read, and tell its readers that it has ended.

use super::{header_of, part};
use crate::error::Error;
use crate::geometry::PAGE_BYTES;
use crate::header::Header;
use crate::words::Words;
use memmap2::{MmapOptions, MmapRaw};
use std::fs::File;
use std::path::Path;

/// The mapped header page of a segment of another layout.
#[derive(Debug)]
pub(crate) struct Older {
    file: File,
    header: Words,
    // Last, so that it is unmapped after everything that points into it is gone.
    _map: MmapRaw,
}

impl Older {
    /// Maps the first page of the segment at `path`, which was found to begin like one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Truncated`].
    pub(crate) fn attach(path: &Path) -> Result<Self, Error> {
        let file = File::options()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|source| Error::io("open", path, source))?;
        let found = file.metadata().map_err(|source| Error::io("stat", path, source))?.len();
        let truncated = || Error::Truncated { path: path.to_owned(), expected: PAGE_BYTES, found };
        if found < PAGE_BYTES {
            return Err(truncated());
        }
        let bytes = usize::try_from(PAGE_BYTES).unwrap_or(usize::MAX);
        let map = MmapOptions::new()
            .len(bytes)
            .map_raw(&file)
            .map_err(|source| Error::io("map", path, source))?;
        let header = part(&map, 0, PAGE_BYTES).ok_or_else(truncated)?;
        Ok(Self { file, header, _map: map })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// The live lines.
    pub(crate) fn header(&self) -> Header<'_> {
        header_of(&self.header)
    }
}
