//! BinaryFILE: how Nasdaq stores a day of messages in a file.
//!
//! Each message follows its length, two bytes, big endian. A length of 0 ends the session: nothing
//! may follow it. A file that simply stops after a whole message is accepted too, as such files
//! are common.
//!
//! A known trap are files whose length prefixes are all 0 (some generators write them). By the
//! format such a file ends at its first message; reading on would be a guess, so it is an error
//! that says where.
//!
//! Source: Nasdaq BinaryFILE specification, version 1.00.

use thiserror::Error;

/// Bytes of a length prefix.
const PREFIX_LEN: usize = 2;

/// One message of the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Frame<'a> {
    /// Number of the message in the file, from 0.
    pub number: u64,
    /// Offset of the message in the file, after its prefix, in bytes.
    pub offset: usize,
    /// The message.
    pub bytes: &'a [u8],
}

/// Says why the file cannot be read further.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FrameError {
    /// The file has no bytes.
    #[error("empty file: expected at least one message or the two zero bytes that end a session")]
    Empty,
    /// A length prefix is 0 although bytes follow it.
    #[error(
        "zero length prefix before message {number} at byte {offset}: BinaryFILE defines 0 as the \
         end of the session, but {remaining} bytes follow, found type byte {next:#04x}; the file \
         was written without lengths or is damaged here: get it again, or rewrite it with the \
         true length of each message in its prefix"
    )]
    ZeroLength {
        /// Messages read before it.
        number: u64,
        /// Offset of the prefix in the file, in bytes.
        offset: usize,
        /// Bytes after the prefix.
        remaining: usize,
        /// The byte after the prefix: a message type if lengths were left out.
        next: u8,
    },
    /// The file ends inside a message or a length prefix.
    #[error(
        "truncated at message {number}, byte {offset}: expected {expected} bytes, found {found}; \
         the messages before it are whole: get the file again or cut it off at byte {offset}"
    )]
    Truncated {
        /// Messages read before it.
        number: u64,
        /// Offset of the prefix in the file, in bytes.
        offset: usize,
        /// Bytes that the prefix and its message take.
        expected: usize,
        /// Bytes that there are.
        found: usize,
    },
}

/// Reads the messages of a BinaryFILE in place.
///
/// Cost of a step: two loads and two compares. After an error or the end it gives `None` forever.
#[derive(Clone, Debug)]
pub struct BinaryFile<'a> {
    rest: &'a [u8],
    offset: usize,
    number: u64,
}

impl<'a> BinaryFile<'a> {
    /// Starts at the first message.
    ///
    /// # Errors
    /// [`FrameError::Empty`] if there are no bytes at all.
    pub fn new(bytes: &'a [u8]) -> Result<Self, FrameError> {
        if bytes.is_empty() {
            return Err(FrameError::Empty);
        }
        Ok(Self { rest: bytes, offset: 0, number: 0 })
    }

    /// Starts at a message in the middle: `bytes` is the whole file.
    ///
    /// An offset behind the end gives a reader that is at its end.
    #[must_use]
    pub fn resume(bytes: &'a [u8], offset: usize, number: u64) -> Self {
        Self { rest: bytes.get(offset..).unwrap_or_default(), offset, number }
    }

    /// Returns the offset of the next length prefix, in bytes.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the number of messages read so far.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Stops at an error.
    fn fail(&mut self, error: FrameError) -> Option<Result<Frame<'a>, FrameError>> {
        self.rest = &[];
        Some(Err(error))
    }
}

impl<'a> Iterator for BinaryFile<'a> {
    type Item = Result<Frame<'a>, FrameError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (number, offset, found) = (self.number, self.offset, self.rest.len());
        let Some((&[high, low], body)) = self.rest.split_first_chunk::<PREFIX_LEN>() else {
            return match found {
                0 => None,
                _ => {
                    let expected = PREFIX_LEN;
                    self.fail(FrameError::Truncated { number, offset, expected, found })
                }
            };
        };
        let len = usize::from(u16::from_be_bytes([high, low]));
        if len == 0 {
            let Some(&next) = body.first() else {
                self.rest = body;
                return None;
            };
            let remaining = body.len();
            return self.fail(FrameError::ZeroLength { number, offset, remaining, next });
        }
        let Some((bytes, rest)) = body.split_at_checked(len) else {
            let expected = PREFIX_LEN + len;
            return self.fail(FrameError::Truncated { number, offset, expected, found });
        };
        self.rest = rest;
        self.offset = offset + PREFIX_LEN + len;
        self.number = number + 1;
        Some(Ok(Frame { number, offset: offset + PREFIX_LEN, bytes }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Frame<'_>>, FrameError> {
        BinaryFile::new(bytes)?.collect()
    }

    #[test]
    fn messages_come_with_their_number_and_offset() {
        let frames = read(b"\x00\x01S\x00\x02AB\x00\x00").unwrap();
        assert_eq!(
            frames,
            [
                Frame { number: 0, offset: 2, bytes: b"S" },
                Frame { number: 1, offset: 5, bytes: b"AB" },
            ]
        );
    }

    #[test]
    fn a_file_without_end_marker_is_accepted() {
        assert_eq!(read(b"\x00\x01S").unwrap().len(), 1);
    }

    #[test]
    fn an_end_marker_alone_is_a_session_without_messages() {
        assert_eq!(read(b"\x00\x00").unwrap(), []);
    }

    #[test]
    fn zero_length_prefixes_stop_at_message_zero_and_say_so() {
        let error = read(b"\x00\x00S\x00\x00A").unwrap_err();
        assert_eq!(
            error,
            FrameError::ZeroLength { number: 0, offset: 0, remaining: 4, next: b'S' }
        );
        let text = error.to_string();
        assert!(text.contains("end of the session"), "{text}");
        assert!(text.contains("message 0 at byte 0"), "{text}");
    }

    #[test]
    fn an_end_marker_inside_the_file_is_an_error_after_the_messages_before_it() {
        let mut file = BinaryFile::new(b"\x00\x01S\x00\x00\x00\x01S").unwrap();
        assert!(file.next().unwrap().is_ok());
        assert_eq!(
            file.next().unwrap().unwrap_err(),
            FrameError::ZeroLength { number: 1, offset: 3, remaining: 3, next: 0 }
        );
        assert_eq!(file.next(), None);
    }

    #[test]
    fn a_truncated_tail_says_expected_and_found() {
        for (bytes, number, offset, expected, found) in [
            (&b"\x00"[..], 0, 0, 2, 1),
            (&b"\x00\x05AB"[..], 0, 0, 7, 4),
            (&b"\x00\x01S\x00"[..], 1, 3, 2, 1),
            (&b"\x00\x01S\xFF\xFF1234"[..], 1, 3, 65_537, 6),
        ] {
            assert_eq!(
                read(bytes).unwrap_err(),
                FrameError::Truncated { number, offset, expected, found }
            );
        }
    }

    #[test]
    fn an_empty_file_is_an_error() {
        assert_eq!(read(b"").unwrap_err(), FrameError::Empty);
    }

    #[test]
    fn resume_continues_where_a_reader_stopped() {
        let bytes = b"\x00\x01S\x00\x02AB\x00\x01C";
        let mut first = BinaryFile::new(bytes).unwrap();
        first.next().unwrap().unwrap();
        let rest: Vec<_> = BinaryFile::resume(bytes, first.offset(), first.number()).collect();
        assert_eq!(rest, first.collect::<Vec<_>>());
        assert_eq!(rest.len(), 2);
        assert_eq!(BinaryFile::resume(bytes, 99, 0).next(), None);
    }

    proptest! {
        #[test]
        fn framing_is_total_and_frames_tile_the_file(
            bytes in prop::collection::vec(any::<u8>(), 1..256),
        ) {
            let mut end = 0;
            for frame in BinaryFile::new(&bytes).unwrap().map_while(Result::ok) {
                prop_assert_eq!(frame.offset, end + PREFIX_LEN);
                end = frame.offset + frame.bytes.len();
            }
            prop_assert!(end <= bytes.len());
        }
    }
}
