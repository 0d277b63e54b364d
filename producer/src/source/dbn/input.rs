//! The bytes of a DBN file: mapped, or decompressed into a buffer.

use std::fmt;
use std::io::{Cursor, Read};
use std::path::Path;

use zerocopy::IntoBytes;
use zstd::stream::read::Decoder;

use super::metadata::is_dbz;
use crate::error::{DbnError, Error};
use crate::map::MappedFile;

/// First bytes of a Zstandard frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// What follows the first byte of a Zstandard frame that has no data for us.
const SKIPPABLE_MAGIC: [u8; 3] = [0x2A, 0x4D, 0x18];

/// Size of the buffer that compressed files are decompressed into, in words.
const BUFFER_WORDS: usize = 32 * 1024;

/// Gives the bytes of a file in order.
#[derive(Debug)]
pub(super) enum Input {
    /// The file as it is.
    Mapped {
        /// All of it.
        file: MappedFile,
        /// Bytes consumed.
        offset: usize,
    },
    /// The file as it comes out of the decompressor.
    Compressed(Box<Inflated>),
}

/// A decompressor and what came out of it and is not consumed yet.
pub(super) struct Inflated {
    decoder: Decoder<'static, Cursor<MappedFile>>,
    /// Words, so that records that begin at the buffer's start are aligned.
    buffer: Vec<u64>,
    start: usize,
    end: usize,
    /// Bytes consumed before `start`.
    before: u64,
    at_end: bool,
    error: Option<std::io::Error>,
}

impl Input {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = MappedFile::open(path)?;
        let skippable = file.get(1..4) == Some(&SKIPPABLE_MAGIC) && !is_dbz(&file);
        if !file.starts_with(&ZSTD_MAGIC) && !skippable {
            return Ok(Self::Mapped { file, offset: 0 });
        }
        let decoder = Decoder::with_buffer(Cursor::new(file))
            .map_err(|source| Error::io("decompress", path, source))?;
        Ok(Self::Compressed(Box::new(Inflated {
            decoder,
            buffer: vec![0; BUFFER_WORDS],
            start: 0,
            end: 0,
            before: 0,
            at_end: false,
            error: None,
        })))
    }

    /// Returns how many bytes were consumed, counted after decompression.
    pub(super) fn offset(&self) -> u64 {
        match self {
            Self::Mapped { offset, .. } => *offset as u64,
            Self::Compressed(inflated) => inflated.before,
        }
    }

    /// Returns the next bytes: at least `wanted`, or fewer when no more come.
    pub(super) fn fill(&mut self, wanted: usize) -> &[u8] {
        match self {
            Self::Mapped { file, offset } => file.get(*offset..).unwrap_or_default(),
            Self::Compressed(inflated) => inflated.fill(wanted),
        }
    }

    /// Steps over bytes that [`fill`](Self::fill) gave.
    pub(super) fn consume(&mut self, bytes: usize) {
        match self {
            Self::Mapped { offset, .. } => *offset += bytes,
            Self::Compressed(inflated) => {
                inflated.start += bytes;
                inflated.before += bytes as u64;
            }
        }
    }

    /// Returns why no more bytes come, if that is for an error.
    pub(super) fn take_error(&mut self) -> Option<DbnError> {
        match self {
            Self::Compressed(inflated) => inflated.take_error(),
            Self::Mapped { .. } => None,
        }
    }
}

impl Inflated {
    fn fill(&mut self, wanted: usize) -> &[u8] {
        if self.end - self.start < wanted && !self.at_end {
            self.refill(wanted);
        }
        self.buffer.as_bytes().get(self.start..self.end).unwrap_or_default()
    }

    /// Moves what is left to the buffer's start and reads until the buffer is full.
    fn refill(&mut self, wanted: usize) {
        self.buffer.as_mut_bytes().copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        // Metadata may be longer than the buffer. Growing by what was really read keeps a false
        // length from claiming memory.
        if wanted > self.end && self.end == self.buffer.len() * 8 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        while let Some(space @ [_, ..]) = self.buffer.as_mut_bytes().get_mut(self.end..) {
            match self.decoder.read(space) {
                Ok(0) => {
                    self.at_end = true;
                    return;
                }
                Ok(read) => self.end += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.at_end = true;
                    self.error = Some(error);
                    return;
                }
            }
        }
        if self.end < wanted {
            self.refill(wanted);
        }
    }

    fn take_error(&mut self) -> Option<DbnError> {
        let offset = self.before + (self.end - self.start) as u64;
        self.error.take().map(|source| DbnError::Zstd { offset, source })
    }
}

impl fmt::Debug for Inflated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflated")
            .field("before", &self.before)
            .field("buffered", &(self.end - self.start))
            .field("at_end", &self.at_end)
            .finish_non_exhaustive()
    }
}
