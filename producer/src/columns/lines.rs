//! The lines of a text file: plain, gzip or Zstandard, recognised by its first bytes.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::TableError;
use crate::error::Error;

/// Bytes that are read at a time, at most.
const CHUNK_BYTES: usize = 1 << 18;
/// Bytes of the longest line that is taken.
const LONGEST_LINE: usize = 1 << 20;

/// Gives the lines of a file one after the other.
pub(crate) struct Lines {
    path: PathBuf,
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// The line at hand, in `buffer`.
    line: std::ops::Range<usize>,
    /// What was read and not given yet starts here.
    next: usize,
    /// What was read ends here.
    end: usize,
    at_end: bool,
    number: u64,
}

/// What came of a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// There is a line.
    Line,
    /// There is one, but it is too long to be kept.
    TooLong,
    /// There are no more.
    End,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |operation| move |source| Error::io(operation, path, source);
        let mut file = File::open(path).map_err(failed("open"))?;
        let mut first = Vec::with_capacity(4);
        (&mut file).take(4).read_to_end(&mut first).map_err(failed("read"))?;
        file.seek(SeekFrom::Start(0)).map_err(failed("read"))?;
        let input: Box<dyn Read + Send> = match first[..] {
            [] => return Err(Error::Table { path: path.to_owned(), source: TableError::Empty }),
            [0x1F, 0x8B, ..] => Box::new(MultiGzDecoder::new(file)),
            [0x28, 0xB5, 0x2F, 0xFD] => {
                Box::new(zstd::stream::read::Decoder::new(file).map_err(failed("decompress"))?)
            }
            _ => Box::new(file),
        };
        Ok(Self::new(path, input))
    }

    fn new(path: &Path, input: Box<dyn Read + Send>) -> Self {
        let (path, buffer) = (path.to_owned(), vec![0; CHUNK_BYTES]);
        Self { path, input, buffer, line: 0..0, next: 0, end: 0, at_end: false, number: 0 }
    }

    /// Steps to the next line.
    ///
    /// Cost: no allocation once the longest line was seen.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read or decompressed.
    pub(crate) fn step(&mut self) -> Result<Step, Error> {
        let mut looked = 0;
        let mut is_too_long = false;
        loop {
            let rest = self.buffer.get(self.next..self.end).unwrap_or_default();
            let unseen = rest.get(looked..).unwrap_or_default();
            if let Some(found) = memchr::memchr(b'\n', unseen) {
                let length = looked + found;
                return Ok(self.take(length, 1, is_too_long));
            }
            looked = rest.len();
            if looked > LONGEST_LINE {
                is_too_long = true;
                (self.next, looked) = (self.end, 0);
            }
            if self.at_end {
                if looked == 0 && !is_too_long {
                    self.line = 0..0;
                    return Ok(Step::End);
                }
                return Ok(self.take(looked, 0, is_too_long));
            }
            self.read()?;
        }
    }

    /// Returns the line at hand, without its end.
    pub(crate) fn line(&self) -> &[u8] {
        let line = self.buffer.get(self.line.clone()).unwrap_or_default();
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// Returns the number of the line at hand, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn take(&mut self, length: usize, line_end: usize, is_too_long: bool) -> Step {
        self.line = self.next..self.next + length;
        self.next += length + line_end;
        self.number += 1;
        if is_too_long || length > LONGEST_LINE { Step::TooLong } else { Step::Line }
    }

    /// Reads more behind what is there.
    fn read(&mut self) -> Result<(), Error> {
        self.buffer.copy_within(self.next..self.end, 0);
        (self.next, self.end) = (0, self.end - self.next);
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let space = self.buffer.get_mut(self.end..).unwrap_or_default();
        loop {
            match self.input.read(space) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(source) => return Err(Error::io("read", &self.path, source)),
            }
            return Ok(());
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("path", &self.path)
            .field("number", &self.number)
            .field("at_end", &self.at_end)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives its bytes a few at a time.
    struct Trickle(Vec<u8>, usize);

    impl Read for Trickle {
        fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
            let some = self.0.len().min(self.1).min(space.len());
            space[..some].copy_from_slice(&self.0[..some]);
            self.0.drain(..some);
            Ok(some)
        }
    }

    fn lines(bytes: &[u8], at_a_time: usize) -> Vec<Result<Vec<u8>, u64>> {
        let input = Box::new(Trickle(bytes.to_vec(), at_a_time));
        let mut lines = Lines::new(Path::new("x"), input);
        let mut found = Vec::new();
        loop {
            match lines.step().unwrap() {
                Step::Line => found.push(Ok(lines.line().to_vec())),
                Step::TooLong => found.push(Err(lines.number())),
                Step::End => return found,
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_is_whole() {
        for long in [LONGEST_LINE, LONGEST_LINE + 2, 3 * LONGEST_LINE] {
            for end in [&b"\nc\r\n"[..], b"\nc", b""] {
                let bytes = [&b"a\n"[..], &vec![b'x'; long], end].concat();
                let found = lines(&bytes, CHUNK_BYTES);
                let last: &[Result<Vec<u8>, u64>] =
                    if end.is_empty() { &[] } else { &[Ok(b"c".to_vec())] };
                assert_eq!(found[0], Ok(b"a".to_vec()));
                assert_eq!(found[1].is_err(), long > LONGEST_LINE, "{long}");
                assert_eq!(&found[2..], last);
            }
        }
    }

    proptest! {
        #[test]
        fn lines_are_those_of_a_split(
            bytes in prop::collection::vec(prop::sample::select(&b"a\n\r,"[..]), 0..200),
            at_a_time in 1..50_usize,
        ) {
            let ended = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
            let split = ended.split(|byte| *byte == b'\n');
            let expected: Vec<_> = split
                .map(|line| Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
                .collect();
            let expected = if bytes.is_empty() { Vec::new() } else { expected };
            prop_assert_eq!(lines(&bytes, at_a_time), expected);
        }
    }
}
