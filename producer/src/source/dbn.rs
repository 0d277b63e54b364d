//! Databento Binary Encoding: `.dbn` and `.dbn.zst`, versions 1 to 3.
//!
//! The format is recognised by its first bytes, not by the file's name. An uncompressed file is
//! mapped, and each record whose layout is the one of version 3 is published straight out of the
//! mapped bytes; records of older versions whose layout has changed (definitions, statistics,
//! symbol mappings) are upgraded first. A compressed file is decompressed as a stream.
//!
//! All records go to the ring `ticks`, in file order: written back by
//! [`DbnWriter`](crate::sink::dbn::DbnWriter) they are the bytes of the file. The ring has the
//! kinds of the schema that the metadata names, or every kind for a live capture, whose metadata
//! names none; errors and notices of its gateway are records like others. Records of kinds that the
//! ring does not have are skipped and counted.
//!
//! A live capture may have the gateway's send time behind each record (`ts_out`). Records in a ring
//! have no room for it: it is left out, and counted.
//!
//! A [`Fragment`] is a file of records alone. It does not say its version, so the caller must.

pub(crate) mod layout;
mod metadata;
mod walk;

use std::path::Path;

use crate::error::{DbnError, Error};
use crate::input::{Compression, Input};
use crate::map::MappedFile;
use crate::source::{Kinds, Progress, Report, Sink, Source};
use metadata::{Preamble, is_dbz};
use walk::Walk;

/// Bytes that are asked for at a time: more than the longest record, which is 1,020 bytes.
const LONGEST_RECORD: usize = 1024;

/// What the caller says of a file without metadata.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fragment {
    /// DBN version of the records, 1 to 3.
    pub version: u8,
    /// Schema in DBN's spelling, such as `mbo`; without it every kind is expected.
    pub schema: Option<String>,
}

/// Reads the records of a DBN file.
#[derive(Debug)]
pub struct DbnSource {
    input: Input,
    preamble: Preamble,
    walk: Walk,
}

impl DbnSource {
    /// Opens the file and decodes its metadata.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Dbn`] if it is no DBN file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Dbn { path: path.to_owned(), source };
        let mut input = open(path)?;
        let preamble = Preamble::read(&mut input).map_err(failed)?;
        let walk = Walk::new(path, input.offset(), &preamble).map_err(failed)?;
        Ok(Self { input, preamble, walk })
    }

    /// Opens a file of records without metadata.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Option`] if there is no such version or
    /// schema, [`Error::Dbn`] if the file is empty.
    pub fn open_fragment(path: &Path, fragment: &Fragment) -> Result<Self, Error> {
        let failed = |source| Error::Dbn { path: path.to_owned(), source };
        let preamble = Preamble::of_fragment(fragment)?;
        let mut input = open(path)?;
        if input.fill(1).is_empty() {
            return Err(failed(input.take_error().unwrap_or(DbnError::Empty)));
        }
        let walk = Walk::new(path, input.offset(), &preamble).map_err(failed)?;
        Ok(Self { input, preamble, walk })
    }

    /// Returns the dataset code that the metadata names, for instance `GLBX.MDP3`; empty for a
    /// fragment.
    #[must_use]
    pub fn dataset(&self) -> &str {
        &self.preamble.dataset
    }

    /// Returns the metadata in DBN version 3: the bytes of a file of that version as they are,
    /// those of an older one upgraded. Empty for a fragment.
    #[must_use]
    pub fn metadata(&self) -> &[u8] {
        &self.preamble.upgraded
    }

    /// Returns the version of the file, 1 to 3. Records are given as of version 3.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.preamble.version
    }
}

/// Gives the bytes of a file. A DBZ begins as if it were compressed.
fn open(path: &Path) -> Result<Input, Error> {
    let file = MappedFile::open(path)?;
    let compression = if is_dbz(&file) { Compression::None } else { Compression::of(&file) };
    Input::new(file, compression, path)
}

impl Source for DbnSource {
    fn kinds(&self) -> Kinds {
        Kinds { ticks: self.preamble.kinds.clone(), ..Kinds::default() }
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        walk::time_ns(self.input.fill(LONGEST_RECORD))
    }

    fn poll<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<Progress, Error> {
        let mut consumed = 0;
        while consumed < budget {
            let bytes = self.input.fill(LONGEST_RECORD);
            let walked = self.walk.records(bytes, budget - consumed, sink);
            if walked.records == 0 && walked.error.is_none() {
                // What is left, if anything, is less than a record and will not become one.
                let truncated = (!bytes.is_empty()).then(|| self.walk.truncated(bytes));
                return match self.input.take_error().or(truncated) {
                    Some(error) => Err(self.walk.error(error)),
                    None if consumed == 0 => Ok(Progress::End),
                    None => Ok(Progress::Advanced(consumed)),
                };
            }
            self.input.take(walked.bytes);
            consumed += walked.records;
            if let Some(error) = walked.error {
                return Err(error);
            }
        }
        Ok(Progress::Advanced(consumed))
    }

    fn report(&self) -> Report {
        self.walk.report()
    }
}

#[cfg(test)]
mod tests;
