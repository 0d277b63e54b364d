//! Messages as a BinaryFILE, which [`BinaryFile`](crate::wire::binary_file::BinaryFile) reads.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::itch::Messages;
use crate::error::Error;

/// What ends a session: a length of 0.
const END: [u8; 2] = [0, 0];

/// Writes each message behind its length.
#[derive(Debug)]
pub struct BinaryFileWriter<W> {
    path: PathBuf,
    output: W,
    written: u64,
}

impl<W: Write> BinaryFileWriter<W> {
    /// Begins a file. `path` is for error messages only.
    #[must_use]
    pub fn new(path: &Path, output: W) -> Self {
        Self { path: path.to_owned(), output, written: 0 }
    }

    /// Returns how many messages were written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Ends the session, flushes the output and returns it.
    ///
    /// # Errors
    /// [`Error::Io`] if the output refuses.
    pub fn finish(mut self) -> Result<W, Error> {
        let ended = self.output.write_all(&END).and_then(|()| self.output.flush());
        ended.map_err(|source| Error::io("write", &self.path, source))?;
        Ok(self.output)
    }

    fn write(&mut self, message: &[u8]) -> io::Result<()> {
        let length = u16::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.output.write_all(&length.to_be_bytes())?;
        self.output.write_all(message)
    }
}

impl<W: Write> Messages for BinaryFileWriter<W> {
    fn take(&mut self, message: &[u8], _: u64) -> Result<(), Error> {
        self.write(message).map_err(|source| Error::io("write", &self.path, source))?;
        self.written += 1;
        Ok(())
    }
}
