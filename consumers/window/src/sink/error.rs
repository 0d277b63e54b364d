//! What can go wrong with a file sink.

use std::io;
use std::path::PathBuf;

/// A failure of a [`FileSink`](super::FileSink). After one that [`push`](super::FileSink::push),
/// [`skip`](super::FileSink::skip) or [`commit`](super::FileSink::commit) returned while writing,
/// the sink takes nothing any more: open it again, it goes on behind what is committed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// A file or the folder could not be used.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was to be done.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file format's library refused something.
    #[error(
        "cannot write columns: {reason}; open the sink again to go on behind what is committed"
    )]
    Format {
        /// What it says.
        reason: String,
    },
    /// Another sink writes files of this name.
    #[error(
        "{} is held by another sink: expected one writer for a prefix and format, use another \
         folder or prefix",
        path.display()
    )]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// A sequence is missing between two records, or between the files and the first record.
    #[error(
        "expected output sequence {expected}, found {found}: replay the output from {expected} on"
    )]
    Hole {
        /// The sequence that was due.
        expected: u64,
        /// The sequence that came.
        found: u64,
    },
    /// Records of a ring were overwritten before they were read.
    #[error(
        "{ring} has overwritten {first} to {last} before they were in files: make it with more \
         slots, and go on in another folder or prefix"
    )]
    Lapped {
        /// The ring.
        ring: String,
        /// The first sequence that is lost.
        first: u64,
        /// The last one.
        last: u64,
    },
    /// The files hold more than the ring has published.
    #[error(
        "expected {ring} to have published {expected} records or more, found {found}: use \
         another folder or prefix"
    )]
    Ahead {
        /// The ring.
        ring: String,
        /// The sequence behind the files.
        expected: u64,
        /// The sequence that the ring publishes next.
        found: u64,
    },
    /// A ring could not be attached.
    #[error(transparent)]
    Ring(#[from] tickring::Error),
    /// The committed files do not join.
    #[error(
        "expected a file that begins with sequence {expected}, found {}: restore the missing \
         file, or use another folder or prefix",
        found.display()
    )]
    Files {
        /// The sequence behind the file before.
        expected: u64,
        /// The file that comes next.
        found: PathBuf,
    },
    /// The newest committed file holds other columns, or records of another source.
    #[error(
        "{}: expected {expected}, found {found}: use another folder or prefix for another kind \
         or source",
        path.display()
    )]
    Columns {
        /// The file.
        path: PathBuf,
        /// What this sink writes.
        expected: String,
        /// What the file says that it holds.
        found: String,
    },
    /// The kind is none that a ring could have.
    #[error(transparent)]
    Schema(#[from] tickring::schema::SchemaError),
    /// Two columns would have the same name.
    #[error(
        "two columns would be called `{name}`: expected names that differ, rename the field or \
         leave out the raw integers"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// A record is shorter than its kind, or of another kind.
    #[error(
        "sequence {seq}: expected a record of type {expected_rtype:#04x} with {expected_bytes} \
         bytes, found type {found_rtype:#04x} with {found_bytes}: skip the sequence if it holds \
         no row"
    )]
    Record {
        /// The record's sequence.
        seq: u64,
        /// Record type of the sink's kind.
        expected_rtype: u8,
        /// Size of the sink's kind.
        expected_bytes: usize,
        /// Type of the record.
        found_rtype: u8,
        /// Size of the record.
        found_bytes: usize,
    },
    /// An option is out of its range.
    #[error("{option}: expected {expected}, found {found}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What it was.
        found: String,
    },
    /// The sink has failed before.
    #[error("the sink has failed before: open it again, it goes on behind what is committed")]
    Broken,
}

impl SinkError {
    /// Turns an I/O error into one that names the file; for `map_err`.
    pub(super) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    /// Turns an error of a format's library into text; for `map_err`.
    pub(super) fn format(error: impl std::error::Error) -> Self {
        Self::Format { reason: error.to_string() }
    }
}
