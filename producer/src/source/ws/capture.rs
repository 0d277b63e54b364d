//! A copy of everything that is received, in the lines of [cryptofeed](crate::source::recording).

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::WsError;

/// A file that is appended to. After an error nothing more is written: a recording has no holes
/// that it does not tell of.
#[derive(Debug)]
pub(super) struct Capture {
    file: Option<BufWriter<File>>,
}

impl Capture {
    /// Opens the file, if there is to be one.
    pub(super) fn open(path: Option<&PathBuf>) -> Result<Self, WsError> {
        let file = path.map(|path| append_to(path)).transpose()?;
        Ok(Self { file: file.map(BufWriter::new) })
    }

    pub(super) fn connected(&mut self, url: &str, at_ns: u64) {
        self.write(|file| writeln!(file, "{url} <-> {}", Seconds(at_ns)));
        self.flush();
    }

    pub(super) fn sent(&mut self, url: &str, at_ns: u64, text: &str) {
        self.write(|file| writeln!(file, "{url} <- {}: {text}", Seconds(at_ns)));
    }

    pub(super) fn fetched(&mut self, url: &str, at_ns: u64, body: &[u8]) {
        self.write(|file| {
            write!(file, "{url} -> {}: ", Seconds(at_ns))?;
            line(file, body)
        });
    }

    pub(super) fn received(&mut self, at_ns: u64, message: &[u8]) {
        self.write(|file| {
            write!(file, "{}: ", Seconds(at_ns))?;
            line(file, message)
        });
    }

    /// Hands what was written to the system.
    pub(super) fn flush(&mut self) {
        self.write(Write::flush);
    }

    fn write(&mut self, write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) {
        if self.file.as_mut().is_some_and(|file| write(file).is_err()) {
            self.file = None;
        }
    }
}

fn append_to(path: &Path) -> Result<File, WsError> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.map_err(|source| WsError::Capture { path: path.to_owned(), source })
}

/// Writes bytes as one line: an end of line in JSON is a space.
fn line(file: &mut BufWriter<File>, bytes: &[u8]) -> std::io::Result<()> {
    for (at, part) in bytes.split(|byte| matches!(byte, b'\n' | b'\r')).enumerate() {
        if at > 0 {
            file.write_all(b" ")?;
        }
        file.write_all(part)?;
    }
    file.write_all(b"\n")
}

/// A time in seconds with nine decimals.
struct Seconds(u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}
