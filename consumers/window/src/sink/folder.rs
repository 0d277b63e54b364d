//! The committed files and their names.
//!
//! ```text
//! bars-{first:020}-{last:020}.parquet   committed: complete, synced, never touched again
//! .bars.parquet.tmp                     being written; removed when a sink is opened
//! .bars.parquet.lock                    locked while a sink is open
//! ```

use super::error::SinkError;
use super::options::SinkOptions;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// Digits of a sequence in a name: all of a u64.
const DIGITS: usize = 20;

/// A committed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// First output sequence that it covers.
    pub first: u64,
    /// Last output sequence that it covers.
    pub last: u64,
    /// The file.
    pub path: PathBuf,
}

/// The folder of one prefix and format, held by one sink.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    prefix: String,
    extension: &'static str,
    /// Locked as long as the folder is held.
    lock: File,
}

impl Folder {
    /// Creates the folder if it is not there, locks it, and removes what a crash has left.
    pub(super) fn open(options: &SinkOptions) -> Result<Self, SinkError> {
        let (path, extension) = (options.folder.clone(), options.format.extension());
        fs::create_dir_all(&path).map_err(SinkError::file("create", &path))?;
        let lock_path = path.join(format!(".{}.{extension}.lock", options.prefix));
        let lock = File::create(&lock_path).map_err(SinkError::file("create", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SinkError::Busy { path: lock_path }),
            Err(TryLockError::Error(source)) => {
                return Err(SinkError::file("lock", lock_path)(source));
            }
        }
        let folder = Self { path, prefix: options.prefix.clone(), extension, lock };
        folder.discard()?;
        Ok(folder)
    }

    /// The name of the file that is being written. A dot in front: no glob takes it for data.
    pub(super) fn temporary(&self) -> PathBuf {
        self.path.join(format!(".{}.{}.tmp", self.prefix, self.extension))
    }

    /// Removes the file that was being written, if there is one.
    pub(super) fn discard(&self) -> Result<(), SinkError> {
        let path = self.temporary();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(SinkError::file("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// The committed files in order of sequence.
    ///
    /// # Errors
    ///
    /// [`SinkError::Files`] if two of them do not join. Older files may be moved away, the oldest
    /// first; the newest must stay, as it says where to go on.
    pub(super) fn committed(&self) -> Result<Vec<Committed>, SinkError> {
        let mut found = Vec::new();
        let unreadable = || SinkError::file("list", &self.path);
        for entry in fs::read_dir(&self.path).map_err(unreadable())? {
            let path = entry.map_err(unreadable())?.path();
            if let Some((first, last)) = self.range_of(&path) {
                found.push(Committed { first, last, path });
            }
        }
        found.sort_by_key(|file| (file.first, file.last));
        for (before, after) in found.iter().zip(found.iter().skip(1)) {
            let expected = before.last.saturating_add(1);
            if after.first != expected {
                return Err(SinkError::Files { expected, found: after.path.clone() });
            }
        }
        Ok(found)
    }

    /// The first and last sequence in a name; `None` for a file that is none of ours.
    fn range_of(&self, path: &Path) -> Option<(u64, u64)> {
        let name = path.file_name()?.to_str()?;
        let rest = name.strip_prefix(&self.prefix)?.strip_prefix('-')?;
        let rest = rest.strip_suffix(self.extension)?.strip_suffix('.')?;
        let (first, last) = rest.split_once('-')?;
        let sequence = |text: &str| {
            let is_number = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse().ok()).flatten()
        };
        let (first, last) = (sequence(first)?, sequence(last)?);
        (first <= last).then_some((first, last))
    }

    /// Makes a complete file one of the committed: its bytes are on the medium before its name
    /// is, and its name is when this returns.
    pub(super) fn commit(
        &self,
        file: &File,
        first: u64,
        last: u64,
    ) -> Result<Committed, SinkError> {
        let temporary = self.temporary();
        file.sync_all().map_err(SinkError::file("sync", &temporary))?;
        let (prefix, extension) = (&self.prefix, self.extension);
        let name = format!("{prefix}-{first:0DIGITS$}-{last:0DIGITS$}.{extension}");
        let path = self.path.join(name);
        fs::rename(&temporary, &path).map_err(SinkError::file("rename", &temporary))?;
        let folder = File::open(&self.path).and_then(|folder| folder.sync_all());
        folder.map_err(SinkError::file("sync", &self.path))?;
        Ok(Committed { first, last, path })
    }
}

impl Drop for Folder {
    /// Closing the file is not enough: a process that is just being started by another thread
    /// has it open until it runs its own program.
    fn drop(&mut self) {
        // One that cannot be unlocked is when it is closed everywhere.
        let _ = self.lock.unlock();
    }
}
