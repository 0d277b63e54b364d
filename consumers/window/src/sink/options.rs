//! Where files go, and when the next one is begun.

use super::error::SinkError;
use std::path::PathBuf;

/// The format of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileFormat {
    /// Parquet with Zstandard compression: `.parquet`.
    #[default]
    Parquet,
    /// The Arrow IPC file format, uncompressed so that it can be mapped: `.arrow`.
    Arrow,
}

impl FileFormat {
    /// The end of a file's name, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }
}

/// When a file is complete. The first limit that is reached counts; zero means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Rows in a file, at most.
    pub rows: u64,
    /// Bytes after which no further batch goes into a file. A batch is what is encoded at once,
    /// [`BATCH_ROWS`](super::BATCH_ROWS) at most: a file is larger by that and its footer.
    pub bytes: u64,
    /// Event time that a file spans, in nanoseconds. Spans are aligned to the Unix epoch: with an
    /// hour, the first record of the next hour begins a file. One of an earlier hour (a revision)
    /// stays in the file that is being written.
    pub span_ns: u64,
}

/// Where a sink writes and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkOptions {
    /// The folder; created if it is not there.
    pub folder: PathBuf,
    /// What file names begin with, `[A-Za-z0-9_]+`. Outputs that count their sequences apart,
    /// such as two output epochs, need two prefixes or folders.
    pub prefix: String,
    /// The format.
    pub format: FileFormat,
    /// When the next file is begun.
    pub rotation: Rotation,
    /// The first output sequence that the files are to hold, where there are none yet.
    pub first_seq: u64,
    /// Whether the integers behind a decimal are columns of their own: `close_e9` beside `close`,
    /// `notional_lo` and `notional_hi` beside `notional`.
    pub raw: bool,
    /// The specification that made the records, kept in each file's metadata.
    pub spec: String,
    /// What the sequences count, such as the identity of a ring: kept in the metadata, and a
    /// folder with files of another one is refused. Empty if that is not to be told.
    pub source: String,
}

impl Default for SinkOptions {
    /// Parquet files `bars-….parquet` of a million rows in the current folder.
    fn default() -> Self {
        Self {
            folder: PathBuf::from("."),
            prefix: "bars".to_owned(),
            format: FileFormat::Parquet,
            rotation: Rotation { rows: 1_000_000, ..Rotation::default() },
            first_seq: 0,
            raw: true,
            spec: String::new(),
            source: String::new(),
        }
    }
}

impl SinkOptions {
    /// Checks what can be checked without a file.
    pub(super) fn check(&self) -> Result<(), SinkError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if self.prefix.is_empty() || !self.prefix.bytes().all(is_plain) {
            return Err(SinkError::Option {
                option: "prefix",
                expected: "letters, digits and underscores",
                found: self.prefix.clone(),
            });
        }
        Ok(())
    }
}
