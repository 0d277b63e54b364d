//! The journal: the durable, append-only form of a ring.
//!
//! # Concepts
//!
//! A journal is a directory that holds the files of one or more rings. A file begins with a
//! checked header (which ring, its schema) and goes on with *blocks*: up to 1,024 whole slots as
//! they stood in the ring, with the publish times that fall among them and a checksum over all
//! of it. `JOURNAL.md` is the byte map. A block is there as a whole or it is not there: what a
//! crash leaves half written at the end is cut when somebody goes on appending.
//!
//! A journal is written in one of two ways:
//!
//! - by the [`Writer`](crate::Writer) of the ring itself, where its
//!   [`RingSpec`](crate::RingSpec::journal) says so, before it overwrites the slots: nothing is
//!   ever missing, unless the disk fails;
//! - by a [`Recorder`], which reads the ring like anybody else, usually in a process of its own:
//!   the writer is not slowed down, and a recorder that is lapped leaves a visible gap.
//!
//! It is read by a [`JournalReader`], with the outcomes of a ring's reader, and by a
//! [`LosslessReader`](crate::LosslessReader), which goes to the journal for what it missed in the
//! ring. Sequences are those of the ring; a gap is a jump of the sequence, and readers are told
//! its exact size.

mod block;
mod file;
mod format;
mod inline;
mod open;
mod reader;
mod recorder;
mod seek;
mod writer;

pub(crate) use format::Origin;
pub(crate) use inline::InlineJournal;
pub use inline::JournalStatus;
pub use reader::{JournalEnd, JournalReader, JournalStart, PublishSpan};
pub use recorder::{Progress as RecorderProgress, Recorder, RecorderStats};

use crate::directory::RingName;
use crate::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Size of a file unless said otherwise, in bytes.
const DEFAULT_ROTATE_BYTES: u64 = 128 << 20;
/// How long a record may wait for its block to fill, unless said otherwise.
const DEFAULT_FLUSH_EVERY: Duration = Duration::from_millis(200);

/// How a journal is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalSpec {
    /// The directory; made if it does not exist.
    pub directory: PathBuf,
    /// Size of a file, in bytes. It is allocated when the file is begun, and what is not used of
    /// it is given back when the file is left.
    pub rotate_bytes: u64,
    /// Begin a new file when the present one is so old; without it by size only.
    pub rotate_every: Option<Duration>,
    /// When to wait for the disk.
    pub fsync: Fsync,
    /// How long records may wait for their block to fill. Looked at by
    /// [`Writer::heartbeat`](crate::Writer::heartbeat) and [`Recorder::step`].
    pub flush_every: Duration,
}

impl JournalSpec {
    /// Files of 128 MiB in `directory`, never waiting for the disk, a block every 200 ms at least.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            rotate_bytes: DEFAULT_ROTATE_BYTES,
            rotate_every: None,
            fsync: Fsync::Never,
            flush_every: DEFAULT_FLUSH_EVERY,
        }
    }
}

/// When the writer of a journal waits until its bytes are on the disk.
///
/// What was appended survives the death of the process in any case; this is about the loss of
/// power. The wait takes place in the thread that appends, some milliseconds on most disks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Never: the kernel writes within its own time, usually 30 s.
    #[default]
    Never,
    /// When so much time has passed since the last wait.
    Every(Duration),
    /// After every block.
    Block,
}

/// Lists the rings that have a journal in `directory`, in order of their names.
///
/// # Errors
///
/// [`Error::Io`] if the directory cannot be read. Files whose header is damaged are passed over.
pub fn journaled_rings(directory: &Path) -> Result<Vec<RingName>, Error> {
    let mut names = Vec::new();
    let mut files = file::list(directory)?;
    files.dedup_by_key(|file| file.ring_id);
    for file in files {
        if let Ok((_, header)) = file.open() {
            names.push(header.origin.name);
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}
