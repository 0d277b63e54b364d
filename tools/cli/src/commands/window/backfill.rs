//! What a window consumer reads before the ring: a journal, or a DBN file, which is made a journal
//! first.

use crate::failure::Failure;
use crate::note::note;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;
use tempfile::TempDir;
use tickring::{Directory, JournalSpec, RingName};
use tickring_producer::pipeline::{Feed, FeedOptions};
use tickring_producer::source::Progress;
use tickring_producer::source::dbn::DbnSource;
use tickring_window::WindowHistory;

/// The bus whose journal a file becomes.
const BUS: &str = "backfill";
/// Inputs of a step.
const STEP: usize = 1 << 12;
/// How files begin: DBN, and what zstd compresses.
const DBN: &[u8] = b"DBN";
const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
/// The file that says of which one the journal is, beside it.
const OF: &str = "of";

/// A history, with what has to stay as long as it is read.
#[derive(Debug)]
pub(super) struct Backfill {
    pub(super) history: WindowHistory,
    _folder: Option<TempDir>,
}

impl Backfill {
    /// Takes a journal as it is, and makes one of a DBN file: in `kept`, where it is found again
    /// after a crash, or in a temporary directory.
    ///
    /// # Errors
    ///
    /// Those of reading the file and of writing a journal.
    pub(super) fn of(
        path: &Path,
        ring: Option<RingName>,
        kept: Option<&Path>,
    ) -> Result<Self, Failure> {
        if !is_dbn(path).map_err(|source| failed(path, source))? {
            let history = WindowHistory { journal: path.to_owned(), ring };
            return Ok(Self { history, _folder: None });
        }
        let (place, folder) = match kept {
            Some(kept) => (kept.join(BUS), None),
            None => {
                let folder = tempfile::Builder::new().prefix("tickring-backfill-").tempdir();
                let folder = folder.map_err(|source| failed(&std::env::temp_dir(), source))?;
                (folder.path().to_owned(), Some(folder))
            }
        };
        let identity = identity(path).map_err(|source| failed(path, source))?;
        let of = place.join(OF);
        if fs::read_to_string(&of).ok().as_ref() != Some(&identity) {
            let records = convert(path, &place)?;
            fs::write(&of, identity).map_err(|source| failed(&of, source))?;
            note("window", format_args!("{records} records of {} come first", path.display()));
        }
        let ring = Some(RingName::new(BUS, "ticks")?);
        Ok(Self { history: WindowHistory { journal: place, ring }, _folder: folder })
    }
}

fn failed(path: &Path, source: io::Error) -> Failure {
    Failure::Bus(tickring::Error::Io { operation: "read", path: path.to_owned(), source })
}

/// Whether this is a file that begins as DBN, compressed or not.
fn is_dbn(path: &Path) -> io::Result<bool> {
    if !path.is_file() {
        return Ok(false);
    }
    let mut begin = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut begin)?;
    Ok(begin.starts_with(DBN) || begin == ZSTD)
}

/// What tells a file from others, and from what it was before.
fn identity(path: &Path) -> io::Result<String> {
    let file = fs::metadata(path)?;
    let changed = file.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let path = fs::canonicalize(path)?;
    Ok(format!("{}\n{} bytes, {} ns\n", path.display(), file.len(), changed.as_nanos()))
}

/// Makes a journal of the records that a feed of the file would publish; says how many.
fn convert(path: &Path, place: &Path) -> Result<u64, Failure> {
    let source = DbnSource::open(path)?;
    if place.exists() {
        // Of another file, or not whole.
        fs::remove_dir_all(place).map_err(|source| failed(place, source))?;
    }
    let rings = place.join("rings");
    let options = FeedOptions {
        instruments: 0,
        journal: Some(JournalSpec::new(place)),
        ..FeedOptions::new(Directory::at(&rings), BUS)
    };
    let mut feed = Feed::open(source, &options)?;
    let summary = loop {
        match feed.run_once(STEP) {
            Ok(Progress::End) => break feed.summary(),
            Ok(_) => {}
            Err(error) => {
                drop(feed);
                remove(&options.directory, &rings);
                return Err(error.into());
            }
        }
    };
    drop(feed);
    remove(&options.directory, &rings);
    match summary.journal.and_then(|journal| journal.error) {
        Some(error) => Err(failed(place, io::Error::other(error))),
        None => Ok(summary.records),
    }
}

/// Removes the rings that led to the journal.
fn remove(directory: &Directory, path: &Path) {
    for name in directory.list().unwrap_or_default() {
        let _ = directory.remove(&name);
    }
    let _ = fs::remove_dir(path);
}
