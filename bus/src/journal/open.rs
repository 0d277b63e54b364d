//! A file of a journal that is being read, and which one to begin with.

use super::block::{self, Block, Found};
use super::file::{self, JournalFile};
use super::format::{BLOCK_HEADER_BYTES, FileHeader, Head, Origin};
use crate::directory::RingName;
use crate::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The file that is being read.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) first_seq: u64,
    /// Where the next block is expected.
    pub(super) offset: u64,
}

impl Open {
    /// Opens a file of `origin`'s journal at its first block.
    pub(super) fn new(listed: &JournalFile, origin: &Origin) -> Result<Self, Error> {
        let (file, header) = listed.open()?;
        let (expected, found) = (origin.stride_bytes, header.origin.stride_bytes);
        if expected != found || header.origin.schema.hash() != origin.schema.hash() {
            let (path, what) = (listed.path.clone(), "stride, or the schema behind it,");
            return Err(Error::DamagedJournal { path, what, expected, found });
        }
        let (path, first_seq) = (listed.path.clone(), listed.first_seq);
        Ok(Self { file, path, first_seq, offset: header.header_bytes })
    }

    /// Reads the header at the present offset.
    pub(super) fn head(&self, origin: &Origin) -> Result<Head, Error> {
        block::read_head(&self.file, self.offset, origin)
            .map_err(|source| Error::io("read", &self.path, source))
    }

    /// Reads the block at the present offset.
    pub(super) fn read(&self, block: &mut Block, origin: &Origin) -> Result<Found, Error> {
        block
            .read(&self.file, self.offset, origin)
            .map_err(|source| Error::io("read", &self.path, source))
    }

    /// Looks behind something damaged for the next whole block, as far as a block may reach, and
    /// goes there; `false` if there is none.
    pub(super) fn resync(&mut self, block: &mut Block, origin: &Origin) -> Result<bool, Error> {
        let (damaged, step) = (self.offset, BLOCK_HEADER_BYTES as u64);
        let places = (damaged + step..=damaged + origin.most_block_bytes()).step_by(64);
        for offset in places {
            self.offset = offset;
            if matches!(self.head(origin)?, Head::Block(_))
                && matches!(self.read(block, origin)?, Found::Block(_))
            {
                return Ok(true);
            }
        }
        self.offset = damaged;
        Ok(false)
    }
}

/// The rings of this name that have files here, each by the header of its first one, in the order
/// in which they were begun. What is no whole journal file is passed over.
pub(super) fn rings(directory: &Path, name: &RingName) -> Result<Vec<FileHeader>, Error> {
    let mut rings: Vec<FileHeader> = Vec::new();
    for file in file::list(directory)? {
        // Files of a ring stand together, the first one first.
        if file.stem != file::stem_of(name)
            || rings.last().is_some_and(|ring| ring.origin.ring_id == file.ring_id)
        {
            continue;
        }
        match file.open() {
            Ok((_, header)) if header.origin.name == *name => rings.push(header),
            Ok(_) => {}
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(error),
        }
    }
    rings.sort_by_key(|ring| ring.created_ns);
    Ok(rings)
}

/// The header of the newest file of ring `name`, or of the only ring there is.
pub(super) fn latest(directory: &Path, name: Option<&RingName>) -> Result<FileHeader, Error> {
    let mut newest: Option<FileHeader> = None;
    let mut names = Vec::new();
    let mut failure = None;
    let stem = name.map(file::stem_of);
    for file in file::list(directory)? {
        if stem.as_ref().is_some_and(|stem| *stem != file.stem) {
            continue;
        }
        match file.open() {
            Ok((_, header)) if name.is_none_or(|name| *name == header.origin.name) => {
                names.push(header.origin.name.to_string());
                if newest.as_ref().is_none_or(|newest| newest.created_ns <= header.created_ns) {
                    newest = Some(header);
                }
            }
            Ok(_) => {}
            Err(error) => failure = Some(error),
        }
    }
    names.sort();
    names.dedup();
    let path = directory.to_owned();
    match (newest, names.len()) {
        (Some(header), 1) => Ok(header),
        (Some(_), _) => Err(Error::SeveralJournals { path, names }),
        (None, _) => Err(failure.unwrap_or_else(|| {
            let name = name.map_or_else(|| "any ring".to_owned(), RingName::to_string);
            Error::NoJournal { name, path }
        })),
    }
}
