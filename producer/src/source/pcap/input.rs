//! The bytes of a capture: mapped, or decompressed into a buffer.

use std::fmt;
use std::io::{Cursor, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use zstd::stream::read::Decoder;

use super::PcapError;
use crate::error::Error;
use crate::map::MappedFile;

/// First bytes of a gzip member.
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];
/// First bytes of a Zstandard frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Size of the buffer that compressed files are decompressed into, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

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
    decoder: Box<dyn Read + Send>,
    buffer: Vec<u8>,
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
        if file.starts_with(&GZIP_MAGIC) {
            return Ok(Self::inflate(MultiGzDecoder::new(Cursor::new(file))));
        }
        if file.starts_with(&ZSTD_MAGIC) {
            let decoder = Decoder::with_buffer(Cursor::new(file))
                .map_err(|source| Error::io("decompress", path, source))?;
            return Ok(Self::inflate(decoder));
        }
        Ok(Self::Mapped { file, offset: 0 })
    }

    fn inflate(decoder: impl Read + Send + 'static) -> Self {
        Self::Compressed(Box::new(Inflated {
            decoder: Box::new(decoder),
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            before: 0,
            at_end: false,
            error: None,
        }))
    }

    /// Returns how many bytes were consumed, counted after decompression.
    pub(super) fn offset(&self) -> u64 {
        match self {
            Self::Mapped { offset, .. } => *offset as u64,
            Self::Compressed(inflated) => inflated.before,
        }
    }

    /// Returns the next bytes: at least `wanted`, or fewer when no more come.
    ///
    /// Cost: no allocation unless more is wanted than ever before.
    #[inline]
    pub(super) fn fill(&mut self, wanted: usize) -> &[u8] {
        match self {
            Self::Mapped { file, offset } => file.get(*offset..).unwrap_or_default(),
            Self::Compressed(inflated) => inflated.fill(wanted),
        }
    }

    /// Takes bytes that [`fill`](Self::fill) has given.
    #[inline]
    pub(super) fn take(&mut self, bytes: usize) -> &[u8] {
        match self {
            Self::Mapped { file, offset } => {
                let from = *offset;
                *offset += bytes;
                file.get(from..*offset).unwrap_or_default()
            }
            Self::Compressed(inflated) => {
                let from = inflated.start;
                inflated.start += bytes;
                inflated.before += bytes as u64;
                inflated.buffer.get(from..inflated.start).unwrap_or_default()
            }
        }
    }

    /// Returns why no more bytes come, if that is for an error.
    pub(super) fn take_error(&mut self) -> Option<PcapError> {
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
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Moves what is left to the buffer's start and reads until the buffer is full.
    fn refill(&mut self, wanted: usize) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while !self.at_end && self.end < self.buffer.len().max(wanted) {
            if self.end == self.buffer.len() {
                // Growing by what was really read keeps a false length from claiming memory.
                self.buffer.resize(self.end * 2, 0);
            }
            self.read();
        }
    }

    /// Reads once.
    fn read(&mut self) {
        let space = self.buffer.get_mut(self.end..).unwrap_or_default();
        match self.decoder.read(space) {
            Ok(0) => self.at_end = true,
            Ok(read) => self.end += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                self.at_end = true;
                self.error = Some(error);
            }
        }
    }

    fn take_error(&mut self) -> Option<PcapError> {
        let offset = self.before + (self.end - self.start) as u64;
        self.error.take().map(|source| PcapError::Decompress { offset, source })
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
