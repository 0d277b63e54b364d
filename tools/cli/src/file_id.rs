//! Which file a name stands for: removed and created anew, a ring is another file.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Device and inode of the file at `path`, if there is one.
pub(crate) fn at(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
