//! Where things stand in a segment: the only place with numbers of the format's layout.
//!
//! ```text
//! offset                 size                     what
//! 0                      4096                     header: identity, then the live lines
//! 4096                   schema table             rounded up to a page
//! times_offset           capacity / 64 * 8        publish time of every 64th sequence, to a page
//! instruments_offset     instruments * 256        definitions and last values, to a page
//! slots_offset           capacity * stride        the slots
//! ```
//!
//! A segment says where its own parts stand; [`Geometry::of`] computes what a writer of this
//! version creates, and an attaching process demands exactly that.

use crate::error::Error;

/// Size of the header and alignment of every part of a segment, in bytes.
pub(crate) const PAGE_BYTES: u64 = 4096;
/// Offset of the schema table, in bytes.
pub(crate) const SCHEMA_OFFSET: u64 = PAGE_BYTES;
/// One publish time is kept for every so many sequences.
pub(crate) const TIME_EVERY: u64 = 64;
/// Smallest capacity of a ring, in slots.
pub(crate) const MIN_CAPACITY: u64 = TIME_EVERY;
/// Capacity unless said otherwise, in slots: above the L2 cache for 64-byte slots.
pub const DEFAULT_CAPACITY: u64 = 1 << 16;
/// Slots are a multiple of so many bytes: a cache line.
pub(crate) const LINE_BYTES: u64 = 64;
/// Size of a stamp, in bytes; the record body follows it.
pub(crate) const STAMP_BYTES: u64 = 8;
/// Size of one instrument's entry, in bytes: its definition, last quote and last trade.
pub(crate) const INSTRUMENT_BYTES: u64 = 256;
/// Size of the definition at the start of an entry, stamp included, in bytes.
pub(crate) const DEFINITION_BYTES: u64 = 128;
/// Largest number of entries for instruments.
pub(crate) const MAX_INSTRUMENTS: u64 = 1 << 24;
/// Sequences from here on are taken for corruption: a ring would need centuries to get there.
/// Stamps tell sequences apart up to twice as far.
pub(crate) const SEQUENCE_LIMIT: u64 = 1 << 62;
/// Largest segment that is created or attached, in bytes.
pub(crate) const MAX_SEGMENT_BYTES: u64 = 1 << 40;
/// Largest schema table that is accepted, in bytes.
pub(crate) const MAX_SCHEMA_BYTES: u64 = 1 << 20;

/// Offsets of the live words of the header, in bytes. Groups stand 128 bytes apart, so that no
/// two of them share a pair of cache lines that the processor fetches together.
pub(crate) mod live {
    /// Lifecycle line: what changes when a writer comes or goes.
    pub(crate) const EPOCH: usize = 1024;
    pub(crate) const EPOCH_START: usize = 1032;
    pub(crate) const STATE: usize = 1040;
    pub(crate) const OWNER_PID: usize = 1048;
    pub(crate) const OWNER_SINCE_NS: usize = 1056;
    pub(crate) const CONTROL_ID: usize = 1064;
    pub(crate) const TICKER_NS: usize = 1072;
    pub(crate) const SUCCESSOR_LOW: usize = 1080;
    pub(crate) const SUCCESSOR_HIGH: usize = 1088;
    /// Heartbeat line: what a writer tells from time to time, for display only.
    pub(crate) const HEARTBEAT_NS: usize = 1152;
    pub(crate) const WATERMARK_NS: usize = 1160;
    pub(crate) const DROPPED: usize = 1168;
    pub(crate) const UNLISTED: usize = 1176;
    /// The next sequence to be published and the word that sleepers sleep on, alone on their lines.
    pub(crate) const PUBLISHED: usize = 1408;
    pub(crate) const SIGNAL: usize = 1416;
}

/// Layout of a control segment: offsets and sizes in bytes.
pub(crate) mod control {
    /// The first eight bytes of every control segment.
    pub(crate) const MAGIC: [u8; 8] = *b"TICKCTRL";
    /// Changes with the layout.
    pub(crate) const VERSION: u64 = 2;
    /// Offsets of the words that say what the control segment is.
    pub(crate) const VERSION_AT: usize = 8;
    pub(crate) const ID_AT: usize = 16;
    pub(crate) const RING_ID_AT: usize = 24;
    /// Path of the ring's file, ended by NUL.
    pub(crate) const PATH_AT: usize = 64;
    pub(crate) const PATH_BYTES: usize = 1024;
    /// Beyond the ring's signal while somebody may sleep on it.
    pub(crate) const WAITERS_AT: usize = 2048;
    /// The readers' entries.
    pub(crate) const ENTRIES_AT: usize = 4096;
    pub(crate) const ENTRY_BYTES: usize = 128;
    /// How many readers have room. More may read; they are not seen.
    pub(crate) const ENTRIES: usize = 1024;
    /// What the writer counts by name.
    pub(crate) const COUNTERS_AT: usize = ENTRIES_AT + ENTRIES * ENTRY_BYTES;
    pub(crate) const COUNTER_BYTES: usize = 64;
    /// How many names have room.
    pub(crate) const COUNTERS: usize = 64;
    pub(crate) const BYTES: usize = COUNTERS_AT + COUNTERS * COUNTER_BYTES;
}

/// Bytes of the segment's file that are locked: nothing is stored there by it.
pub(crate) mod lock {
    /// Held for writing by the ring's writer.
    pub(crate) const WRITER: i64 = 0;
    /// Held for reading by the reader that has the first entry of the control segment; that of
    /// the second is the next byte.
    pub(crate) const FIRST_READER: i64 = 1;
}

/// Sizes and offsets of one segment, in bytes unless the name says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) capacity: u64,
    pub(crate) stride_bytes: u64,
    pub(crate) schema_bytes: u64,
    pub(crate) instruments: u64,
    pub(crate) times_offset: u64,
    pub(crate) instruments_offset: u64,
    pub(crate) slots_offset: u64,
    pub(crate) segment_bytes: u64,
}

impl Geometry {
    /// Computes the layout of a ring with `capacity` slots for records of at most `body_bytes`,
    /// and room for `instruments` instruments.
    ///
    /// # Errors
    ///
    /// [`Error::Capacity`] if the capacity is not a power of two of at least 64 slots, or the
    /// segment would be larger than 1 TiB; [`Error::Instruments`] if their number is neither 0
    /// nor a power of two up to 2^24; [`Error::SchemaTooLarge`] for a table above 1 MiB.
    pub(crate) fn of(
        capacity: u64,
        body_bytes: u64,
        schema_bytes: u64,
        instruments: u64,
    ) -> Result<Self, Error> {
        let refuse = || Error::Capacity { found: capacity, stride_bytes: body_bytes };
        if !capacity.is_power_of_two() || capacity < MIN_CAPACITY {
            return Err(refuse());
        }
        if instruments != 0 && !instruments.is_power_of_two() || instruments > MAX_INSTRUMENTS {
            return Err(Error::Instruments { found: instruments, most: MAX_INSTRUMENTS });
        }
        if schema_bytes > MAX_SCHEMA_BYTES {
            return Err(Error::SchemaTooLarge { found: schema_bytes, most: MAX_SCHEMA_BYTES });
        }
        let stride_bytes = body_bytes
            .checked_add(STAMP_BYTES)
            .and_then(|bytes| bytes.checked_next_multiple_of(LINE_BYTES))
            .ok_or_else(refuse)?;
        let slots_bytes = capacity.checked_mul(stride_bytes).ok_or_else(refuse)?;
        if slots_bytes > MAX_SEGMENT_BYTES {
            return Err(refuse());
        }
        let page = |bytes: u64| bytes.next_multiple_of(PAGE_BYTES);
        let times_offset = SCHEMA_OFFSET + page(schema_bytes);
        let instruments_offset = times_offset + page(capacity / TIME_EVERY * 8);
        let slots_offset = instruments_offset + page(instruments * INSTRUMENT_BYTES);
        let segment_bytes = slots_offset + page(slots_bytes);
        Ok(Self {
            capacity,
            stride_bytes,
            schema_bytes,
            instruments,
            times_offset,
            instruments_offset,
            slots_offset,
            segment_bytes,
        })
    }

    /// Slots that a reader stays away from the writer when it joins at the oldest record or
    /// resumes after a lap, so that it is not lapped again at once.
    pub(crate) fn guard(&self) -> u64 {
        self.capacity / 8
    }

    /// The oldest sequence that a reader joins or resumes at, when `published` is the next one.
    pub(crate) fn oldest(&self, published: u64) -> u64 {
        published.saturating_sub(self.capacity - self.guard())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn parts_are_page_aligned_and_do_not_overlap() {
        for capacity in [64, 1 << 10, DEFAULT_CAPACITY, 1 << 20] {
            for body in [56, 184, 568, 3128] {
                let g = Geometry::of(capacity, body, 20_000, 1 << 10).unwrap();
                assert_eq!(g.stride_bytes % LINE_BYTES, 0);
                assert!(g.stride_bytes >= body + STAMP_BYTES);
                assert!(g.times_offset >= SCHEMA_OFFSET + g.schema_bytes);
                assert!(g.slots_offset >= g.times_offset + capacity / TIME_EVERY * 8);
                assert!(g.instruments_offset >= g.times_offset + capacity / TIME_EVERY * 8);
                assert!(g.slots_offset >= g.instruments_offset + g.instruments * INSTRUMENT_BYTES);
                assert_eq!(g.slots_offset % PAGE_BYTES, 0);
                assert!(g.segment_bytes >= g.slots_offset + capacity * g.stride_bytes);
            }
        }
    }

    #[test]
    fn a_tick_slot_is_one_cache_line_and_a_bar_slot_three() {
        assert_eq!(Geometry::of(64, 56, 0, 0).unwrap().stride_bytes, 64);
        assert_eq!(Geometry::of(64, 184, 0, 0).unwrap().stride_bytes, 192);
    }

    #[test]
    fn impossible_capacities_are_refused() {
        for capacity in [0, 1, 32, 65, 1000, 1 << 50, u64::MAX] {
            assert!(Geometry::of(capacity, 56, 0, 0).is_err(), "capacity {capacity}");
        }
        assert!(Geometry::of(64, u64::MAX, 0, 0).is_err());
        assert!(Geometry::of(64, 56, 1 << 30, 0).is_err());
        for instruments in [3, 1 << 25, u64::MAX] {
            assert!(Geometry::of(64, 56, 0, instruments).is_err(), "{instruments} instruments");
        }
    }

    #[test]
    fn the_oldest_join_keeps_an_eighth_of_the_ring_between_reader_and_writer() {
        let g = Geometry::of(64, 56, 0, 0).unwrap();
        assert_eq!(g.oldest(0), 0);
        assert_eq!(g.oldest(56), 0);
        assert_eq!(g.oldest(57), 1);
        assert_eq!(g.oldest(1000), 944);
    }
}
