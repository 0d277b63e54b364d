//! Where rings are measured.

use crate::failure::Failure;
use std::path::Path;
use tempfile::TempDir;

/// Where shared memory has a file system of its own.
const MEMORY_FILES: &str = "/dev/shm";

/// A directory in memory where there is a file system for that; removed when it is dropped.
///
/// # Errors
///
/// [`Failure::Io`] if it cannot be made.
pub fn directory() -> Result<TempDir, Failure> {
    let files = Path::new(MEMORY_FILES);
    let mut builder = tempfile::Builder::new();
    builder.prefix("tickring-benches-");
    let made = if files.is_dir() { builder.tempdir_in(files) } else { builder.tempdir() };
    made.map_err(|source| Failure::io("make a directory in", files, source))
}
