//! Control records: what the writer tells about the ring and its source.
//!
//! They are 56 bytes and may stand in any ring. `instrument_id` is 0 where the record is not about
//! one instrument; `ts_event` is undefined where the venue's clock has no part in it.

use crate::record::describe::builtin;
use crate::record::{UNDEF_TIME, rtype};

builtin! {
    /// The writer lives, and how far its source is.
    pub struct Heartbeat(rtype::HEARTBEAT = "heartbeat") {
        /// Time of publication by the writer's clock, ns since the Unix epoch, UTC.
        ts_pub: u64 => NanosEpoch (null UNDEF_TIME),
        /// Sequence number that is expected next from the venue, all 64 bits.
        next_venue_seq: u64 => Sequence,
        /// Number of records published on this ring before this one.
        published: u64 => Count,
        /// No record with an earlier event time will follow; ns since the Unix epoch, UTC.
        watermark: u64 => NanosEpoch (null UNDEF_TIME),
        /// Number of gaps that are not filled.
        gaps_open: u16 => Count,
        /// Channel of the feed, counted from 0.
        channel_id: u8 => None,
        /// State of the source: 0 starting, 1 live, 2 stale, 3 recovering, 4 ended.
        state: u8 => Enum,
        /// Epoch of the writer (low 32 bits).
        epoch: u32 => Count,
    }
}

builtin! {
    /// The source lost records, or something became of the loss.
    ///
    /// The missing venue sequences are `first_missing..end_missing`.
    pub struct Gap(rtype::GAP = "gap") {
        /// Time of detection by the writer's clock, ns since the Unix epoch, UTC.
        ts_detect: u64 => NanosEpoch (null UNDEF_TIME),
        /// First venue sequence that is missing.
        first_missing: u64 => Sequence,
        /// Venue sequence after the last missing one.
        end_missing: u64 => Sequence,
        /// Number of the missing records that came after all.
        recovered: u64 => Count,
        /// Channel of the feed, counted from 0.
        channel_id: u16 => None,
        /// Line of the feed where it was seen: 0 is line A.
        line: u8 => None,
        /// 0 open, 1 requested, 2 filled, 3 unrecoverable, 4 session reset, 5 reconnect.
        state: u8 => Enum,
        /// Number of attempts to recover.
        attempts: u16 => Count,
        /// 0 unknown, 1 sequence jump, 2 socket overflow, 3 disconnect, 4 malformed bytes, 5 wrong
        /// checksum.
        cause: u16 => Enum,
    }
}

builtin! {
    /// A new writer took over the ring; the first record of its epoch.
    pub struct Restart(rtype::RESTART = "restart") {
        /// Epoch that begins here.
        epoch: u64 => Count,
        /// Highest sequence of the previous epoch; all ones where it had published nothing.
        previous_seq: u64 => Sequence (null u64::MAX),
        /// Time of the takeover by the writer's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// 0 unknown, 1 previous writer closed, 2 previous writer died, 3 machine restarted.
        cause: u16 => Enum,
        /// Reserved, zero.
        _reserved: [u8; 14] => None,
    }
}

builtin! {
    /// A writer died while it wrote this slot: the sequence is spent and there is no record.
    pub struct Tombstone(rtype::TOMBSTONE = "tombstone") {
        /// Epoch of the writer that closed the slot.
        epoch: u64 => Count,
        /// Highest sequence that was complete before; all ones where there was none.
        previous_seq: u64 => Sequence (null u64::MAX),
        /// Time when the slot was closed, by the writer's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// 0 unknown, 2 previous writer died, 3 machine restarted.
        cause: u16 => Enum,
        /// Reserved, zero.
        _reserved: [u8; 14] => None,
    }
}
