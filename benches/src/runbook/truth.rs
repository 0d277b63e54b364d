//! How far the last neighbour of each query is, as the exact engine found it: a file.

use crate::failure::Failure;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// The truth of one query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Truth {
    /// Neighbours that there are.
    pub(super) count: u32,
    /// Distance of the last of them.
    pub(super) farthest: f32,
}

impl Truth {
    fn bytes(self) -> [u8; 8] {
        let Self { count, farthest } = self;
        (u64::from(count) | u64::from(farthest.to_bits()) << 32).to_le_bytes()
    }

    fn of(bytes: [u8; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = bytes;
        let count = u32::from_le_bytes([a, b, c, d]);
        Self { count, farthest: f32::from_le_bytes([e, f, g, h]) }
    }
}

/// The file, while it is written or read from one end to the other.
#[derive(Debug)]
pub(super) struct Truths {
    path: PathBuf,
    file: End,
}

#[derive(Debug)]
enum End {
    Written(BufWriter<File>),
    Read(BufReader<File>),
}

impl Truths {
    /// Begins a new file.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|source| Failure::io("write", path, source))?;
        Ok(Self { path: path.to_owned(), file: End::Written(BufWriter::new(file)) })
    }

    /// Opens a file that was written.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|source| Failure::io("read", path, source))?;
        Ok(Self { path: path.to_owned(), file: End::Read(BufReader::new(file)) })
    }

    /// Takes what was found for the next query, or tells what should have been found.
    pub(super) fn next(&mut self, found: Truth) -> Result<Truth, Failure> {
        let Self { path, file } = self;
        let failed = |source| Failure::io("use", path, source);
        match file {
            End::Written(file) => {
                file.write_all(&found.bytes()).map_err(failed)?;
                Ok(found)
            }
            End::Read(file) => {
                let mut bytes = [0; 8];
                file.read_exact(&mut bytes).map_err(failed)?;
                Ok(Truth::of(bytes))
            }
        }
    }

    /// Completes the file.
    pub(super) fn end(self) -> Result<(), Failure> {
        let Self { path, file } = self;
        match file {
            End::Written(mut file) => {
                file.flush().map_err(|source| Failure::io("write", &path, source))
            }
            End::Read(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("truth");
        let truths = [(10, 0.25), (0, f32::INFINITY), (u32::MAX, -1.5)]
            .map(|(count, farthest)| Truth { count, farthest });
        let mut file = Truths::create(&path).unwrap();
        truths.iter().for_each(|truth| assert_eq!(file.next(*truth).unwrap(), *truth));
        file.end().unwrap();
        let mut file = Truths::open(&path).unwrap();
        let blank = Truth { count: 0, farthest: 0.0 };
        truths.iter().for_each(|truth| assert_eq!(file.next(blank).unwrap(), *truth));
        assert!(file.next(blank).unwrap_err().to_string().contains("truth"), "no more");
    }
}
