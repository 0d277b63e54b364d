//! The two files that checkpoints are written to in turn.

use super::format::{self, Checkpoint, Flaw, HEADER_BYTES};
use crate::WindowError;
use nix::fcntl::posix_fallocate;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const NAMES: [&str; 2] = ["a.checkpoint", "b.checkpoint"];
/// Files grow by multiples of this, in bytes.
const STEP_BYTES: u64 = 1 << 20;

/// The files of one consumer, locked.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    files: [OneFile; 2],
    /// Which one is written next: the one that is not the newest.
    next: usize,
    /// Of the newest checkpoint; 0 if there is none.
    generation: u64,
}

#[derive(Debug)]
struct OneFile {
    path: PathBuf,
    file: File,
    allocated: u64,
}

/// The checkpoint to begin with.
pub(super) struct Newest {
    pub(super) checkpoint: Checkpoint,
    /// What is wrong with the one behind it.
    pub(super) fell_back: Option<String>,
}

impl Files {
    /// Makes the directory and the files if they are not there, and locks them for this process.
    ///
    /// # Errors
    ///
    /// [`WindowError::CheckpointFile`], [`WindowError::CheckpointOwned`].
    pub(super) fn open(directory: &Path) -> Result<Self, WindowError> {
        std::fs::create_dir_all(directory).map_err(failure("make", directory))?;
        let [a, b] = NAMES.map(|name| OneFile::open(directory.join(name)));
        let files = [a?, b?];
        for one in &files {
            match one.file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(WindowError::CheckpointOwned { path: directory.to_owned() });
                }
                Err(TryLockError::Error(source)) => return Err(failure("lock", &one.path)(source)),
            }
        }
        // The names, too, must survive.
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(failure("sync", directory))?;
        Ok(Self { directory: directory.to_owned(), files, next: 0, generation: 0 })
    }

    /// Reads both files and gives the newest checkpoint that is whole.
    ///
    /// # Errors
    ///
    /// [`WindowError::DamagedCheckpoints`] if there were some and none is whole.
    pub(super) fn newest(&mut self) -> Result<Option<Newest>, WindowError> {
        let [a, b] = &self.files;
        let (index, checkpoint, flaw) = match (a.read()?, b.read()?) {
            (Err(Flaw::Blank), Err(Flaw::Blank)) => return Ok(None),
            (Ok(a), Ok(b)) if a.generation >= b.generation => (0, a, None),
            (Ok(_), Ok(b)) => (1, b, None),
            (Ok(a), Err(flaw)) => (0, a, Some((1, flaw))),
            (Err(flaw), Ok(b)) => (1, b, Some((0, flaw))),
            (Err(a), Err(b)) => {
                let text = |flaw| match flaw {
                    Flaw::Blank => "nothing".to_owned(),
                    Flaw::Damaged(found) => found,
                };
                return Err(WindowError::DamagedCheckpoints {
                    path: self.directory.clone(),
                    found: format!("{}: {}; {}: {}", NAMES[0], text(a), NAMES[1], text(b)),
                });
            }
        };
        self.next = 1 - index;
        self.generation = checkpoint.generation;
        let fell_back = match flaw {
            Some((which, Flaw::Damaged(found))) => {
                let path = self.files.get(which).map(|one| one.path.display().to_string());
                Some(format!("{}: {found}", path.unwrap_or_default()))
            }
            Some((_, Flaw::Blank)) | None => None,
        };
        Ok(Some(Newest { checkpoint, fell_back }))
    }

    /// Puts a checkpoint in the place of the older one; it counts when this returns.
    ///
    /// # Errors
    ///
    /// [`WindowError::CheckpointFile`]; the other file still counts then.
    pub(super) fn write(&mut self, bytes: &mut [u8]) -> Result<(), WindowError> {
        format::seal(bytes, self.generation + 1);
        let Some(one) = self.files.get_mut(self.next) else { return Ok(()) };
        one.write(bytes).map_err(failure("write", &one.path))?;
        self.generation += 1;
        self.next = 1 - self.next;
        Ok(())
    }
}

impl OneFile {
    fn open(path: PathBuf) -> Result<Self, WindowError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(failure("open", &path))?;
        let allocated = file.metadata().map_err(failure("look at", &path))?.len();
        Ok(Self { path, file, allocated })
    }

    fn read(&self) -> Result<Result<Checkpoint, Flaw>, WindowError> {
        let bytes = std::fs::read(&self.path).map_err(failure("read", &self.path))?;
        Ok(format::decode(&bytes))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let size = bytes.len() as u64;
        if size > self.allocated {
            let wanted = size.saturating_mul(2).next_multiple_of(STEP_BYTES);
            let length = i64::try_from(wanted).map_err(io::Error::other)?;
            posix_fallocate(&self.file, 0, length)?;
            self.allocated = wanted;
        }
        // The header last: a file that never had one stays blank until its body is there.
        let (header, body) = bytes.split_at_checked(HEADER_BYTES).unwrap_or((bytes, &[]));
        self.file.write_all_at(body, HEADER_BYTES as u64)?;
        self.file.write_all_at(header, 0)?;
        self.file.sync_data()
    }
}

fn failure(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WindowError {
    move |source| WindowError::CheckpointFile { what, path: path.to_owned(), source }
}
