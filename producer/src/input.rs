//! The bytes of an input file: mapped, or decompressed into a buffer.

use std::fmt;
use std::io::{Cursor, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use zerocopy::IntoBytes;
use zstd::stream::read::Decoder;

use crate::error::Error;
use crate::map::MappedFile;

/// First bytes of a gzip member.
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];
/// First bytes of a Zstandard frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// What follows the first byte of a Zstandard frame that has no data for us.
const SKIPPABLE_MAGIC: [u8; 3] = [0x2A, 0x4D, 0x18];

/// Size of the buffer that compressed files are decompressed into, in words.
const BUFFER_WORDS: usize = 32 * 1024;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Compression {
    /// Not at all.
    None,
    /// As members of gzip.
    Gzip,
    /// As frames of Zstandard.
    Zstd,
}

impl Compression {
    /// Returns how a file that begins with these bytes is compressed.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let is_zstd = bytes.starts_with(&ZSTD_MAGIC) || bytes.get(1..4) == Some(&SKIPPABLE_MAGIC);
        match bytes {
            _ if bytes.starts_with(&GZIP_MAGIC) => Self::Gzip,
            _ if is_zstd => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// Why a compressed file gives no more bytes.
#[derive(Debug)]
pub(crate) struct Broken {
    /// Bytes that came out before.
    pub(crate) offset: u64,
    /// The reason that the library gives.
    pub(crate) source: std::io::Error,
}

/// Gives the bytes of a file in order.
#[derive(Debug)]
pub(crate) enum Input {
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
pub(crate) struct Inflated {
    decoder: Box<dyn Read + Send>,
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
    /// Gives the bytes of a file from `path`, which is compressed so.
    ///
    /// # Errors
    /// [`Error::Io`] if the decompressor cannot be made.
    pub(crate) fn new(
        file: MappedFile,
        compression: Compression,
        path: &Path,
    ) -> Result<Self, Error> {
        Ok(match compression {
            Compression::None => Self::Mapped { file, offset: 0 },
            Compression::Gzip => Self::inflate(MultiGzDecoder::new(Cursor::new(file))),
            Compression::Zstd => Self::inflate(
                Decoder::with_buffer(Cursor::new(file))
                    .map_err(|source| Error::io("decompress", path, source))?,
            ),
        })
    }

    fn inflate(decoder: impl Read + Send + 'static) -> Self {
        Self::Compressed(Box::new(Inflated {
            decoder: Box::new(decoder),
            buffer: vec![0; BUFFER_WORDS],
            start: 0,
            end: 0,
            before: 0,
            at_end: false,
            error: None,
        }))
    }

    /// Returns how many bytes were consumed, counted after decompression.
    pub(crate) fn offset(&self) -> u64 {
        match self {
            Self::Mapped { offset, .. } => *offset as u64,
            Self::Compressed(inflated) => inflated.before,
        }
    }

    /// Returns the next bytes: at least `wanted`, or fewer when no more come.
    ///
    /// Cost: no allocation unless more is wanted than ever before.
    #[inline]
    pub(crate) fn fill(&mut self, wanted: usize) -> &[u8] {
        match self {
            Self::Mapped { file, offset } => file.get(*offset..).unwrap_or_default(),
            Self::Compressed(inflated) => inflated.fill(wanted),
        }
    }

    /// Takes bytes that [`fill`](Self::fill) has given.
    #[inline]
    pub(crate) fn take(&mut self, bytes: usize) -> &[u8] {
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
                inflated.buffer.as_bytes().get(from..inflated.start).unwrap_or_default()
            }
        }
    }

    /// Returns why no more bytes come, if that is for an error.
    pub(crate) fn take_error<E: From<Broken>>(&mut self) -> Option<E> {
        match self {
            Self::Compressed(inflated) => inflated.take_error().map(E::from),
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
        while !self.at_end && self.end < self.buffer.as_bytes().len().max(wanted) {
            if self.end == self.buffer.as_bytes().len() {
                // Growing by what was really read keeps a false length from claiming memory.
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
            self.read();
        }
    }

    /// Reads once.
    fn read(&mut self) {
        let space = self.buffer.as_mut_bytes().get_mut(self.end..).unwrap_or_default();
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

    fn take_error(&mut self) -> Option<Broken> {
        let offset = self.before + (self.end - self.start) as u64;
        self.error.take().map(|source| Broken { offset, source })
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
