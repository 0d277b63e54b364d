//! What can go wrong when an input is opened, decoded or published.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::calendar::CalendarError;
use crate::columns::TableError;
use crate::input::Broken;
use crate::sink::itch::EncodeError;
use crate::source::pcap::PcapError;
use crate::source::recording::RecordingError;
use crate::source::soup::SoupError;
use crate::source::udp::UdpError;
use crate::source::ws::WsError;
use crate::venue::Venue;
use crate::wire::binary_file::FrameError;
use crate::wire::itch50::ItchError;

/// Says why a feed cannot start or go on: what was expected, what was found, what to do next.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A ring cannot be created, attached or written.
    #[error(transparent)]
    Bus(#[from] tickring::Error),
    /// The operating system refused an operation on an input or output file.
    #[error("cannot {operation} {path}: {source}; check the path and its permissions")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// An option has a value that makes no sense.
    #[error("option {name}: expected {expected}, found {found}")]
    Option {
        /// Name of the option.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A file is no calendar of trading hours.
    #[error("{path}: {source}")]
    Calendar {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CalendarError,
    },
    /// A BinaryFILE cannot be read further.
    #[error("{path}: {source}")]
    Frame {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: FrameError,
    },
    /// A message of an ITCH file is not one of ITCH 5.0.
    #[error("{path}: message {number} at byte {offset}: {source}")]
    Itch {
        /// The file.
        path: PathBuf,
        /// Messages read before it.
        number: u64,
        /// Offset of the message in the file, in bytes.
        offset: usize,
        /// Why.
        source: ItchError,
    },
    /// A text file has no rows, not the columns that it should have, or a row that is no record.
    #[error("{path}: {source}")]
    Table {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: TableError,
    },
    /// A record cannot be written as ITCH.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// An input file is not DBN or cannot be decoded.
    #[error("{path}: {source}")]
    Dbn {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: DbnError,
    },
    /// A multicast feed cannot be received or sent.
    #[error(transparent)]
    Udp(#[from] UdpError),
    /// An input file is no capture of network packets or cannot be read further.
    #[error("{path}: {source}")]
    Pcap {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: PcapError,
    },
    /// A SoupBinTCP server cannot be reached, or not any more.
    #[error("{server}: {source}")]
    Soup {
        /// The server, as it was given.
        server: String,
        /// Why.
        source: SoupError,
    },
    /// A recording of WebSocket messages cannot be read.
    #[error("{path}: line {line}: {source}")]
    Recording {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: u64,
        /// Why.
        source: RecordingError,
    },
    /// A connection to a venue cannot be made ready.
    #[error("{venue}: {source}")]
    Ws {
        /// The venue.
        venue: Venue,
        /// Why.
        source: WsError,
    },
}

impl Error {
    pub(crate) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { operation, path: path.to_owned(), source }
    }
}

/// Says why bytes are not a DBN file that can be published.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DbnError {
    /// The file has no bytes.
    #[error("empty file: expected DBN metadata, found 0 bytes; download the file again")]
    Empty,
    /// The file begins with something else than DBN metadata.
    #[error(
        "no DBN metadata: expected the bytes \"DBN\" at the start, found {found:02x?}; a fragment \
         without metadata does not say its version: use the whole file, or say the version \
         (--dbn-version)"
    )]
    NoMetadata {
        /// The first bytes, at most four.
        found: Vec<u8>,
    },
    /// The file is in DBZ, which DBN replaced in 2023.
    #[error(
        "legacy DBZ file: expected DBN (.dbn or .dbn.zst), found a DBZ header; convert it once \
         with Databento's `dbn` command: dbn old.dbz --output new.dbn.zst --zstd"
    )]
    LegacyDbz,
    /// The version is newer than this build knows, or zero.
    #[error(
        "DBN version {found}: expected 1, 2 or 3; use a newer tickring or ask for the data in an \
         older version"
    )]
    Version {
        /// Version byte of the file.
        found: u8,
    },
    /// The metadata cannot be decoded.
    #[error("DBN metadata: {source}; download the file again")]
    Metadata {
        /// The reason that the DBN library gives.
        source: dbn::Error,
    },
    /// Metadata stand where a record is expected.
    #[error(
        "DBN metadata in place of record {number}, byte {offset}: expected a record; another file \
         begins here: feed the files one after the other, and a file that begins with metadata \
         without saying its version"
    )]
    MetadataInside {
        /// Records read before it.
        number: u64,
        /// Offset of the metadata in the decompressed file, in bytes.
        offset: u64,
    },
    /// The file ends inside the metadata.
    #[error(
        "truncated metadata: expected {expected} bytes, found {found}; download the file again"
    )]
    TruncatedMetadata {
        /// Bytes that the metadata takes.
        expected: usize,
        /// Bytes that there are.
        found: usize,
    },
    /// The file ends inside a record.
    #[error(
        "truncated at record {number}, byte {offset}: expected {expected} bytes, found {found}; \
         the records before it are whole: download the file again"
    )]
    Truncated {
        /// Records read before it.
        number: u64,
        /// Offset of the record in the decompressed file, in bytes.
        offset: u64,
        /// Bytes that the record takes.
        expected: usize,
        /// Bytes that there are.
        found: usize,
    },
    /// A record's length is not the one of its type.
    #[error(
        "record {number} at byte {offset}: rtype {rtype:#04x}: expected {expected} bytes, found \
         {found}; the file is damaged from here on: download it again"
    )]
    Length {
        /// Records read before it.
        number: u64,
        /// Offset of the record in the decompressed file, in bytes.
        offset: u64,
        /// Record type.
        rtype: u8,
        /// Bytes of such a record in this version of DBN.
        expected: usize,
        /// Bytes that its header gives.
        found: usize,
    },
    /// A record of an older version cannot be upgraded.
    #[error("record {number} at byte {offset}: upgrade to DBN version 3: {source}")]
    Upgrade {
        /// Records read before it.
        number: u64,
        /// Offset of the record in the decompressed file, in bytes.
        offset: u64,
        /// The reason that the DBN library gives.
        source: dbn::Error,
    },
    /// The compressed data cannot be decompressed.
    #[error("Zstandard after {offset} decompressed bytes: {source}; download the file again")]
    Zstd {
        /// Bytes that came out before.
        offset: u64,
        /// The reason that the library gives.
        source: io::Error,
    },
}

impl From<Broken> for DbnError {
    fn from(Broken { offset, source }: Broken) -> Self {
        Self::Zstd { offset, source }
    }
}
