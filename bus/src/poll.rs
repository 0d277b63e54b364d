//! The outcomes of reading: data, nothing, or a loss with its exact size. None is an error.

use crate::record::{Record, RecordHeader};
use crate::schema::Layouts;
use zerocopy::{FromBytes, IntoBytes};

/// What a reader found at its cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an outcome may say that records were missed"]
pub enum Poll<T> {
    /// The next record, or what was made of several; the cursor has moved behind it.
    Record(T),
    /// Nothing new yet.
    Empty,
    /// The writer has overwritten what this reader wanted next.
    Lapped {
        /// How many records this reader has lost by it, exactly.
        missed: u64,
        /// The sequence at which it goes on; the cursor stands there now.
        resume: u64,
    },
    /// A writer died inside this slot: there is no record of this sequence.
    Tombstone {
        /// The sequence; the cursor has moved behind it.
        seq: u64,
    },
    /// A new writer has taken over the ring.
    Restarted {
        /// The number of its life.
        epoch: u64,
    },
    /// The ring has ended and everything has been read. A later poll may find a new writer.
    Closed(CloseReason),
}

/// Why a ring has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// Its writer closed it: the input was complete, or the producer was told to stop.
    Ended,
    /// Another segment has taken the ring's name, because its schema, size or layout changed.
    /// Open the ring again to follow it: its sequences begin at 0.
    Retired {
        /// The [`ring_id`](crate::RingInfo::ring_id) of the one that has the name now, or had it
        /// next.
        successor: u128,
    },
    /// The file was removed under its readers. What a writer that still has it may publish is
    /// seen by nobody else.
    Removed,
    /// Its file was truncated: what was not read is lost, and the ring is not usable any more.
    Truncated,
}

impl<T> Poll<T> {
    /// Applies `f` to the record and leaves every other outcome as it is.
    #[inline]
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Poll<U> {
        match self {
            Self::Record(record) => Poll::Record(f(record)),
            Self::Empty => Poll::Empty,
            Self::Lapped { missed, resume } => Poll::Lapped { missed, resume },
            Self::Tombstone { seq } => Poll::Tombstone { seq },
            Self::Restarted { epoch } => Poll::Restarted { epoch },
            Self::Closed(reason) => Poll::Closed(reason),
        }
    }

    /// The record, if that is what was found.
    pub fn record(self) -> Option<T> {
        match self {
            Self::Record(record) => Some(record),
            _ => None,
        }
    }
}

/// A validated copy of one record of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRef<'a> {
    seq: u64,
    words: &'a [u64],
    /// What the ring's schema says of this record type, see [`Record::is_kind`].
    kind_key: u64,
}

impl<'a> RecordRef<'a> {
    /// Takes the words of the record with sequence `seq` in a ring of these layouts.
    #[inline]
    pub(crate) fn new(seq: u64, words: &'a [u64], layouts: &Layouts) -> Self {
        Self { seq, words, kind_key: layouts.key(rtype_of(words)) }
    }

    /// Takes the words of a record of which the ring's schema says `kind_key`.
    pub(crate) fn with_key(seq: u64, words: &'a [u64], kind_key: u64) -> Self {
        Self { seq, words, kind_key }
    }

    /// The record's sequence.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The same record under another sequence: its place in a stream that several rings make up.
    #[must_use]
    pub fn with_seq(self, seq: u64) -> Self {
        Self { seq, ..self }
    }

    /// The bytes of the slot behind the stamp: the record, and zeros up to the slot's end.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.words.as_bytes()
    }

    /// The record type, which names the kind in the ring's schema.
    #[inline]
    #[must_use]
    pub fn rtype(&self) -> u8 {
        rtype_of(self.words)
    }

    /// The header that every record begins with; `None` for a slot shorter than that.
    #[inline]
    #[must_use]
    pub fn header(&self) -> Option<&'a RecordHeader> {
        RecordHeader::ref_from_prefix(self.bytes()).ok().map(|(header, _)| header)
    }

    /// The record as an `R`; `None` if it is of another kind, or if the ring's kind of that record
    /// type has another layout than `R` (which [`Reader::expect`](crate::Reader::expect) tells
    /// as an error, once and for all records).
    ///
    /// Cost: a comparison, no copy.
    #[inline]
    #[must_use]
    pub fn get<R: Record>(&self) -> Option<&'a R> {
        if !R::is_kind(self.kind_key) {
            return None;
        }
        R::ref_from_prefix(self.bytes()).ok().map(|(record, _)| record)
    }
}

/// The record type in the first word of a record.
#[inline]
pub(crate) fn rtype_of(words: &[u64]) -> u8 {
    words.first().map_or(0, |word| word.to_le_bytes()[1])
}
