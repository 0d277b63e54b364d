//! The 16 bytes every record begins with.

use crate::record::describe::{self, Member, length_words, part};
use crate::record::{Record, UNDEF_TIME};
use crate::schema::Field;

part! {
    /// The header of every record, identical to DBN's.
    ///
    /// Shape: 16 bytes, alignment 8.
    #[derive(Eq, Hash)]
    pub struct RecordHeader {
        /// Size of the record in words of 4 bytes.
        ///
        /// For a [`Vector`](crate::record::Vector) the size of the part before the lanes. 0 for
        /// user-defined records of more than 1,020 bytes: their schema says the size.
        length: u8 => None,
        /// Record type: which kind this record is.
        ///
        /// See [`rtype`](crate::record::rtype) for the built-in ones.
        rtype: u8 => Enum,
        /// Who published it: venue and dataset, in DBN's numbering where DBN has a number.
        publisher_id: u16 => PublisherId,
        /// Instrument the record is about; key of the instrument directory.
        instrument_id: u32 => InstrumentId,
        /// Time of the event by the venue's clock, ns since the Unix epoch, UTC.
        ts_event: u64 => NanosEpoch (null UNDEF_TIME),
    }
}

impl RecordHeader {
    /// Creates the header of a record of kind `R`.
    ///
    /// Units: `ts_event` in nanoseconds since the Unix epoch, UTC, or [`UNDEF_TIME`].
    #[must_use]
    pub const fn new<R: Record>(publisher_id: u16, instrument_id: u32, ts_event: u64) -> Self {
        Self {
            length: const { length_words::<R>() },
            rtype: R::RTYPE,
            publisher_id,
            instrument_id,
            ts_event,
        }
    }

    /// Returns this header with another record type of the same struct.
    ///
    /// Only structs with several record types need it, such as [`Bar`](crate::record::Bar): their
    /// intervals are told by the record type alone.
    #[must_use]
    pub const fn with_rtype(self, rtype: u8) -> Self {
        Self { rtype, ..self }
    }

    /// Returns the size of the record in bytes, as the header says it.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        usize::from(self.length) * 4
    }

    /// Returns the schema rows of the header: the first rows of every kind, built-in or user-made.
    ///
    /// Cost: allocates.
    #[must_use]
    pub fn fields() -> Vec<Field> {
        let mut rows = Vec::new();
        describe::rows_of(&Member::HEADER, &mut rows);
        rows
    }
}
