//! Wire bytes of a ring as a BinaryFILE: the way back of
//! [`ItchOptions::raw`](crate::source::itch::ItchOptions::raw).

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tickring::RecordRef;
use tickring::record::Raw;

use crate::error::Error;

/// Writes the messages of [`Raw`] records, each behind its length.
///
/// Records of the same sequence are one message; one without bytes is the end of a session.
#[derive(Debug)]
pub struct RawWriter<W> {
    path: PathBuf,
    output: W,
    /// Sequence of the message at hand.
    sequence: Option<u64>,
    /// Its bytes so far.
    message: Vec<u8>,
    written: u64,
    missing: u64,
}

impl<W: Write> RawWriter<W> {
    /// Creates a writer. `path` is for error messages only.
    pub fn new(path: &Path, output: W) -> Self {
        let (path, message) = (path.to_owned(), Vec::new());
        Self { path, output, sequence: None, message, written: 0, missing: 0 }
    }

    /// Takes one record, and returns whether it is one of wire bytes. Others are not written.
    ///
    /// Cost: no allocation once the longest message was seen.
    ///
    /// # Errors
    /// [`Error::Io`] if the output refuses a message, or a message is longer than 65,535 bytes.
    pub fn write(&mut self, record: RecordRef<'_>) -> Result<bool, Error> {
        let Some(raw) = record.get::<Raw>() else {
            return Ok(false);
        };
        if self.sequence != Some(raw.sequence) {
            self.end_message()?;
            if let Some(before) = self.sequence {
                self.missing += raw.sequence.saturating_sub(before.saturating_add(1));
            }
            self.sequence = Some(raw.sequence);
            self.message.clear();
        }
        self.message.extend_from_slice(raw.bytes());
        Ok(true)
    }

    /// Returns how many messages were written; the end of a session counts as one.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Returns how many sequences were left out between the records: messages that the reader
    /// missed. The file does not tell.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// Writes the last message, flushes the output and returns it.
    ///
    /// # Errors
    /// [`Error::Io`] if the output refuses.
    pub fn finish(mut self) -> Result<W, Error> {
        self.end_message()?;
        self.output.flush().map_err(|source| Error::io("write", &self.path, source))?;
        Ok(self.output)
    }

    /// Writes the message at hand, if there is one.
    fn end_message(&mut self) -> Result<(), Error> {
        if self.sequence.is_none() {
            return Ok(());
        }
        let length = u16::try_from(self.message.len()).map_err(|_| {
            let length = self.message.len();
            io::Error::other(format!("a message of {length} bytes; BinaryFILE holds 65535"))
        });
        let written = length
            .and_then(|length| self.output.write_all(&length.to_be_bytes()))
            .and_then(|()| self.output.write_all(&self.message));
        written.map_err(|source| Error::io("write", &self.path, source))?;
        self.written += 1;
        Ok(())
    }
}
