//! A recorded session whose messages are found by their number.

use std::path::Path;

use crate::error::Error;
use crate::map::MappedFile;
use crate::wire::binary_file::BinaryFile;

/// One offset is kept for every so many messages.
const EVERY: u64 = 1024;

/// The messages of a BinaryFILE, found by their number.
///
/// Shape: the file is mapped; 8 bytes of memory for every 1,024 messages.
#[derive(Debug)]
pub struct Recording {
    file: MappedFile,
    offsets: Vec<usize>,
    messages: u64,
    longest: usize,
}

impl Recording {
    /// Maps a file and walks through it once.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be mapped, [`Error::Frame`] if it is not whole.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = MappedFile::open(path)?;
        let failed = |source| Error::Frame { path: path.to_owned(), source };
        let (mut offsets, mut longest) = (Vec::new(), 0);
        let mut walk = BinaryFile::new(&file).map_err(failed)?;
        loop {
            if walk.number().is_multiple_of(EVERY) {
                offsets.push(walk.offset());
            }
            match walk.next() {
                Some(frame) => longest = longest.max(frame.map_err(failed)?.bytes.len()),
                None => break,
            }
        }
        let messages = walk.number();
        Ok(Self { file, offsets, messages, longest })
    }

    /// Returns how many messages there are.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Returns how long the longest of them is, in bytes.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Returns the messages from this number on, counted from 0; none behind the last.
    ///
    /// Cost: walks through up to 1,023 messages.
    #[must_use]
    pub fn from(&self, number: u64) -> BinaryFile<'_> {
        let block = number.min(self.messages) / EVERY;
        let offset = usize::try_from(block).ok().and_then(|block| self.offsets.get(block));
        let mut walk = self.resume(offset.copied().unwrap_or(0), block * EVERY);
        while walk.number() < number && walk.next().is_some() {}
        walk
    }

    /// Returns the messages from where a walk was at this offset and number.
    pub(super) fn resume(&self, offset: usize, number: u64) -> BinaryFile<'_> {
        BinaryFile::resume(&self.file, offset, number)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::wire::binary_file::Frame;

    #[test]
    fn messages_are_found_by_their_number() {
        let folder = tempfile::tempdir().unwrap();
        for messages in [1, 5, 1_023, 1_024, 1_025, 5_000u64] {
            let path = folder.path().join(messages.to_string());
            let each = (0..messages).flat_map(|n| [&[0, 8][..], &n.to_be_bytes()].concat());
            fs::write(&path, each.chain([0, 0]).collect::<Vec<_>>()).unwrap();
            let recording = Recording::open(&path).unwrap();
            assert_eq!(recording.messages(), messages);
            for number in [0, 1, 4, 1_022, 1_023, 1_024, 1_025, 2_048, 4_999, 5_000, u64::MAX] {
                let Some(frame) = recording.from(number).next() else {
                    assert!(number >= messages, "{number} of {messages}");
                    continue;
                };
                let Frame { number: found, bytes, .. } = frame.unwrap();
                assert_eq!((found, bytes), (number, &number.to_be_bytes()[..]));
            }
        }
    }

    #[test]
    fn a_file_that_is_not_whole_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("short");
        fs::write(&path, b"\0\x01S\0\x05AB").unwrap();
        let error = Recording::open(&path).unwrap_err().to_string();
        assert!(error.contains("truncated at message 1"), "{error}");
    }
}
