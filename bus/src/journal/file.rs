//! The files of a journal: their names, which exist, and one of them open.
//!
//! A name is `<bus>.<ring>-<ring id, 32 hex digits>-<first sequence, 20 digits>.journal`. Names
//! are for finding files in order; what a file is says its header.

use super::format::{FileHeader, Origin};
use crate::directory::RingName;
use crate::error::Error;
use nix::libc;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const EXTENSION: &str = "journal";
/// Hexadecimal digits of a ring id.
const ID_DIGITS: usize = 32;
/// Decimal digits of a sequence.
const SEQ_DIGITS: usize = 20;

/// One file of a journal, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JournalFile {
    pub(super) path: PathBuf,
    /// `bus.ring`; names may hold dots, so that this alone is ambiguous.
    pub(super) stem: String,
    pub(super) ring_id: u128,
    pub(super) first_seq: u64,
}

impl JournalFile {
    /// The file for the records of a ring from `first_seq` on.
    pub(super) fn of(directory: &Path, origin: &Origin, first_seq: u64) -> Self {
        let stem = stem_of(&origin.name);
        let ring_id = origin.ring_id;
        let name = format!("{stem}-{ring_id:032x}-{first_seq:020}.{EXTENSION}");
        Self { path: directory.join(name), stem, ring_id, first_seq }
    }

    /// Reads a name; `None` if it is not of the form above.
    fn parse(path: PathBuf) -> Option<Self> {
        if path.extension() != Some(OsStr::new(EXTENSION)) {
            return None;
        }
        let name = path.file_stem()?.to_str()?;
        let (rest, seq) = name.rsplit_once('-')?;
        let (stem, id) = rest.rsplit_once('-')?;
        let is_hex = id.len() == ID_DIGITS && id.bytes().all(|c| c.is_ascii_hexdigit());
        let is_decimal = seq.len() == SEQ_DIGITS && seq.bytes().all(|c| c.is_ascii_digit());
        if !is_hex || !is_decimal {
            return None;
        }
        let ring_id = u128::from_str_radix(id, 16).ok()?;
        let first_seq = seq.parse().ok()?;
        Some(Self { stem: stem.to_owned(), ring_id, first_seq, path })
    }

    /// Opens the file for reading and checks its header.
    pub(super) fn open(&self) -> Result<(File, FileHeader), Error> {
        let file = open(&self.path)?;
        let header = FileHeader::read(&file, &self.path)?;
        if (header.origin.ring_id, header.first_seq) != (self.ring_id, self.first_seq) {
            return Err(Error::DamagedJournal {
                path: self.path.clone(),
                what: "first sequence",
                expected: self.first_seq,
                found: header.first_seq,
            });
        }
        Ok((file, header))
    }
}

/// Opens a file for reading; what is no file, such as a pipe of that name, does not block.
///
/// # Errors
///
/// [`Error::Io`].
pub(super) fn open(path: &Path) -> Result<File, Error> {
    let mut options = File::options();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    options.open(path).map_err(|source| Error::io("open", path, source))
}

/// The file that holds the lock of a ring's journal.
pub(super) fn lock_path(directory: &Path, origin: &Origin) -> PathBuf {
    directory.join(format!("{}-{:032x}.lock", stem_of(&origin.name), origin.ring_id))
}

/// The part of a file's name that comes from the ring's.
pub(super) fn stem_of(name: &RingName) -> String {
    format!("{}.{}", name.bus(), name.ring())
}

/// Lists all journal files of a directory, in order of ring id and first sequence. A directory
/// that does not exist has none.
///
/// # Errors
///
/// [`Error::Io`].
pub(super) fn list(directory: &Path) -> Result<Vec<JournalFile>, Error> {
    let failed = |source| Error::io("list", directory, source);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed(source)),
    };
    let mut files = Vec::new();
    for entry in entries {
        files.extend(JournalFile::parse(entry.map_err(failed)?.path()));
    }
    files.sort_by(|a, b| (a.ring_id, a.first_seq, &a.stem).cmp(&(b.ring_id, b.first_seq, &b.stem)));
    Ok(files)
}

/// Lists the files that hold the records of one ring, in order of their first sequence.
///
/// # Errors
///
/// [`Error::Io`].
pub(super) fn list_ring(directory: &Path, ring_id: u128) -> Result<Vec<JournalFile>, Error> {
    let mut files = list(directory)?;
    files.retain(|file| file.ring_id == ring_id);
    files.dedup_by_key(|file| file.first_seq);
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str) -> Option<JournalFile> {
        JournalFile::parse(PathBuf::from(name))
    }

    #[test]
    fn a_name_says_ring_id_and_first_sequence() {
        let found =
            parse("a-b.c.d-0000000000000000000000000000002a-00000000000000000017.journal").unwrap();
        assert_eq!((found.stem.as_str(), found.ring_id, found.first_seq), ("a-b.c.d", 42, 17));
    }

    #[test]
    fn other_names_are_passed_over() {
        let id = "0".repeat(ID_DIGITS);
        let seq = "0".repeat(SEQ_DIGITS);
        for name in [
            "notes.txt".to_owned(),
            ".journal".to_owned(),
            format!("a.b-{id}-{seq}"),
            format!("a.b-{id}-{seq}.journal.new"),
            format!("a.b-{id}-1.journal"),
            format!("a.b-+{}-{seq}.journal", "0".repeat(ID_DIGITS - 1)),
            format!("a.b-{id}-{}.journal", "9".repeat(SEQ_DIGITS)),
        ] {
            assert_eq!(parse(&name), None, "{name}");
        }
    }
}
