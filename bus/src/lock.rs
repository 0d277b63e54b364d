//! Locks on bytes of a segment's file: the writer's, and one for each reader in the registry.
//!
//! They are open-file-description locks. The kernel frees them when the last descriptor of the
//! owner's open file goes, so a process that is killed leaves nothing behind; and no other
//! descriptor that happens to be closed in the process can free them by accident, as it would a
//! classic POSIX lock.

use crate::geometry::lock::{FIRST_READER, WRITER};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::fs::File;

fn byte(kind: libc::c_int, offset: i64) -> libc::flock {
    libc::flock {
        l_type: kind.try_into().unwrap_or_default(),
        l_whence: libc::SEEK_SET.try_into().unwrap_or_default(),
        l_start: offset,
        l_len: 1,
        l_pid: 0,
    }
}

fn set(file: &File, kind: libc::c_int, offset: i64) -> Result<bool, Errno> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&byte(kind, offset))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Whether another open file has a lock on the byte.
fn is_locked(file: &File, offset: i64) -> Result<bool, Errno> {
    let mut lock = byte(libc::F_WRLCK, offset);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(i32::from(lock.l_type) != libc::F_UNLCK)
}

/// Takes the writer lock; `false` if another open file has it. Does not wait.
pub(crate) fn acquire(file: &File) -> Result<bool, Errno> {
    set(file, libc::F_WRLCK, WRITER)
}

/// Gives the writer lock up at once, even while a child that was forked and has not yet run another
/// program shares the open file. Without the lock this does nothing.
pub(crate) fn release(file: &File) {
    let _ = set(file, libc::F_UNLCK, WRITER);
}

/// Whether another open file has the writer lock.
pub(crate) fn is_held(file: &File) -> Result<bool, Errno> {
    is_locked(file, WRITER)
}

fn of_reader(entry: usize) -> i64 {
    FIRST_READER.saturating_add_unsigned(entry as u64)
}

/// Marks an entry of the registry as that of a living reader. A file open for reading can do so,
/// and several can: who has the entry is decided by the entry.
pub(crate) fn mark(file: &File, entry: usize) -> bool {
    set(file, libc::F_RDLCK, of_reader(entry)).unwrap_or(false)
}

/// Takes the mark back.
pub(crate) fn unmark(file: &File, entry: usize) {
    let _ = set(file, libc::F_UNLCK, of_reader(entry));
}

/// Whether another open file has marked the entry; `true` if the system does not say.
pub(crate) fn is_marked(file: &File, entry: usize) -> bool {
    is_locked(file, of_reader(entry)).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_open_file_is_refused_until_the_first_is_closed() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let open = || File::options().read(true).write(true).open(path.path()).unwrap();
        let (first, second) = (open(), open());
        assert!(!is_held(&second).unwrap());
        assert!(acquire(&first).unwrap());
        assert!(is_held(&second).unwrap());
        assert!(is_held(&File::open(path.path()).unwrap()).unwrap(), "a read-only file can ask");
        assert!(!acquire(&second).unwrap());
        drop(open());
        assert!(is_held(&second).unwrap(), "closing another descriptor does not free it");
        drop(first);
        assert!(acquire(&second).unwrap());
    }

    #[test]
    fn a_released_lock_is_free_although_a_duplicate_of_the_descriptor_is_open() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let open = || File::options().read(true).write(true).open(path.path()).unwrap();
        let (first, second) = (open(), open());
        let duplicate = first.try_clone().unwrap();
        assert!(acquire(&first).unwrap());
        drop(first);
        assert!(!acquire(&second).unwrap(), "the duplicate keeps it");
        release(&duplicate);
        assert!(acquire(&second).unwrap());
    }

    #[test]
    fn an_entry_is_marked_by_read_only_files_until_the_last_of_them_is_closed() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let open = || File::open(path.path()).unwrap();
        let (first, second, other) = (open(), open(), open());
        assert!(mark(&first, 3) && mark(&second, 3));
        assert!(!is_marked(&other, 2) && is_marked(&other, 3));
        drop(first);
        assert!(is_marked(&other, 3));
        unmark(&second, 3);
        assert!(!is_marked(&other, 3));
        assert!(mark(&other, 3) && !is_marked(&other, 3), "one's own mark is not another's");
    }
}
