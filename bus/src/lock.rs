//! The writer lock: an open-file-description lock on the segment's first byte.
//!
//! The kernel frees it when the last descriptor of the owner's open file goes, so a writer that
//! is killed leaves nothing behind; and no other descriptor that happens to be closed in the
//! process can free it by accident, as it would a classic POSIX lock.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::fs::File;

fn first_byte(kind: libc::c_int) -> libc::flock {
    libc::flock {
        l_type: kind.try_into().unwrap_or_default(),
        l_whence: libc::SEEK_SET.try_into().unwrap_or_default(),
        l_start: 0,
        l_len: 1,
        l_pid: 0,
    }
}

/// Takes the lock; `false` if another open file has it. Does not wait.
pub(crate) fn acquire(file: &File) -> Result<bool, Errno> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&first_byte(libc::F_WRLCK))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Gives the lock up at once, even while a child that was forked and has not yet run another
/// program shares the open file. Without the lock this does nothing.
pub(crate) fn release(file: &File) {
    let _ = fcntl(file, FcntlArg::F_OFD_SETLK(&first_byte(libc::F_UNLCK)));
}

/// Whether another open file has the lock.
pub(crate) fn is_held(file: &File) -> Result<bool, Errno> {
    let mut lock = first_byte(libc::F_WRLCK);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(i32::from(lock.l_type) != libc::F_UNLCK)
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
}
