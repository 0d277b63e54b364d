//! Every number of the journal's format: the header of a file and the header of a block.
//!
//! `JOURNAL.md` beside this crate is the byte map; a test compares its tables with these structs.

use crate::directory::RingName;
use crate::error::Error;
use crate::geometry::{LINE_BYTES, MAX_SCHEMA_BYTES, PAGE_BYTES, STAMP_BYTES, TIME_EVERY};
use crate::header::identity::NAME_BYTES;
use crate::schema::{MAX_SIZE_BYTES, Schema};
use crate::segment::Segment;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use zerocopy::byteorder::little_endian::{U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

#[cfg(test)]
mod tests;

/// The first eight bytes of every file.
const MAGIC: [u8; 8] = *b"TRJOURNL";
/// The first eight bytes of every block.
const BLOCK_MAGIC: [u8; 8] = *b"TRJBLOCK";
/// Changes when an older reader cannot read the file any more.
const VERSION_MAJOR: u32 = 1;
/// Changes when something was added that an older reader may ignore.
const VERSION_MINOR: u32 = 0;
/// Size of the fixed part of a file's header; the schema table follows it.
const FIXED_BYTES: usize = 512;
/// Size of a block's header, and what a block's place is a multiple of, in bytes.
pub(super) const BLOCK_HEADER_BYTES: usize = 64;
/// Words of a block's header.
pub(super) const BLOCK_HEADER_WORDS: usize = BLOCK_HEADER_BYTES / 8;
/// Most slots in a block.
pub(super) const MAX_BLOCK_RECORDS: u64 = 1024;
/// So many bytes of slots a block holds at most, unless a single slot is larger.
const BLOCK_TARGET_BYTES: u64 = 1 << 20;
/// Largest slot, in bytes.
const MAX_STRIDE_BYTES: u64 = (MAX_SIZE_BYTES as u64 + STAMP_BYTES).next_multiple_of(LINE_BYTES);
/// Sequences from here on are refused: a ring would need centuries to get there.
const SEQUENCE_LIMIT: u64 = 1 << 62;

/// The fixed part of a file's header, little endian.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct FileLayout {
    magic: [u8; 8],
    version_major: U32,
    version_minor: U32,
    header_bytes: U64,
    ring_id: [u8; 16],
    created_ns: U64,
    first_seq: U64,
    stride_bytes: U64,
    capacity: U64,
    schema_offset: U64,
    schema_bytes: U64,
    schema_hash: U64,
    time_every: U64,
    bus: [u8; NAME_BYTES],
    ring: [u8; NAME_BYTES],
    reserved: [u8; 272],
    schema_crc32c: U32,
    crc32c: U32,
}

const _: () = assert!(size_of::<FileLayout>() == FIXED_BYTES);

/// The header of a block, little endian.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct BlockLayout {
    magic: [u8; 8],
    offset: U64,
    first_seq: U64,
    count: U32,
    kind: U32,
    epoch: U64,
    first_ns: U64,
    last_ns: U64,
    payload_crc32c: U32,
    crc32c: U32,
}

const _: () = assert!(size_of::<BlockLayout>() == BLOCK_HEADER_BYTES);

/// The ring whose slots a journal keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) name: RingName,
    /// Random number of the segment, which tells it from others of the same name.
    pub(crate) ring_id: u128,
    pub(crate) capacity: u64,
    pub(crate) stride_bytes: u64,
    pub(crate) schema: Schema,
}

impl Origin {
    /// The ring of an attached segment.
    pub(crate) fn of(segment: &Segment) -> Self {
        let (identity, geometry) = (segment.identity(), segment.geometry());
        Self {
            name: segment.name().clone(),
            ring_id: identity.ring_id,
            capacity: geometry.capacity,
            stride_bytes: geometry.stride_bytes,
            schema: segment.schema().clone(),
        }
    }

    /// Most records of a block in a journal of this ring.
    pub(super) fn block_records(&self) -> u64 {
        (BLOCK_TARGET_BYTES / self.stride_bytes).clamp(1, MAX_BLOCK_RECORDS)
    }

    /// Words of a slot.
    pub(super) fn stride_words(&self) -> usize {
        usize::try_from(self.stride_bytes / 8).unwrap_or(usize::MAX)
    }

    /// Size of the largest block, in bytes.
    pub(super) fn most_block_bytes(&self) -> u64 {
        Shape::of(1, self.block_records(), self.stride_bytes).block_bytes()
    }
}

/// What a file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub(super) origin: Origin,
    pub(super) created_ns: u64,
    /// Sequence of the first record of the first block.
    pub(super) first_seq: u64,
    /// Where the first block begins, in bytes.
    pub(super) header_bytes: u64,
}

impl FileHeader {
    /// The header of a new file.
    pub(super) fn new(origin: &Origin, first_seq: u64) -> Self {
        let table_bytes = origin.schema.encode().len();
        let header_bytes = (FIXED_BYTES + table_bytes) as u64;
        Self {
            origin: origin.clone(),
            created_ns: crate::now_ns(),
            first_seq,
            header_bytes: header_bytes.next_multiple_of(PAGE_BYTES),
        }
    }

    /// The header as it stands in the file, schema table and padding included.
    pub(super) fn encode(&self) -> Vec<u8> {
        let origin = &self.origin;
        let table = origin.schema.encode();
        let mut layout = FileLayout {
            magic: MAGIC,
            version_major: VERSION_MAJOR.into(),
            version_minor: VERSION_MINOR.into(),
            header_bytes: self.header_bytes.into(),
            ring_id: origin.ring_id.to_le_bytes(),
            created_ns: self.created_ns.into(),
            first_seq: self.first_seq.into(),
            stride_bytes: origin.stride_bytes.into(),
            capacity: origin.capacity.into(),
            schema_offset: (FIXED_BYTES as u64).into(),
            schema_bytes: (table.len() as u64).into(),
            schema_hash: origin.schema.hash().into(),
            time_every: TIME_EVERY.into(),
            bus: padded(origin.name.bus()),
            ring: padded(origin.name.ring()),
            reserved: [0; 272],
            schema_crc32c: crc32c::crc32c(&table).into(),
            crc32c: 0.into(),
        };
        layout.crc32c = checksum(layout.as_bytes()).into();
        let mut bytes = [layout.as_bytes(), table.as_slice()].concat();
        bytes.resize(usize::try_from(self.header_bytes).unwrap_or(bytes.len()), 0);
        bytes
    }

    /// Reads and checks the header of an open file. The bytes are not trusted.
    ///
    /// # Errors
    ///
    /// [`Error::NotAJournal`], [`Error::JournalVersion`], [`Error::DamagedJournal`],
    /// [`Error::Schema`] or [`Error::Io`].
    pub(super) fn read(file: &File, path: &Path) -> Result<Self, Error> {
        let damaged = |what, expected, found| Error::DamagedJournal {
            path: path.to_owned(),
            what,
            expected,
            found,
        };
        let read = |bytes: &mut [u8], at: u64| match file.read_exact_at(bytes, at) {
            Err(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                let found = file.metadata().map_or(0, |metadata| metadata.len());
                Err(damaged("file size", at + bytes.len() as u64, found))
            }
            read => read.map_err(|source| Error::io("read", path, source)),
        };
        let mut layout = FileLayout::new_zeroed();
        read(layout.as_mut_bytes(), 0)?;
        layout.check(path, damaged)?;
        let mut table = vec![0; usize::try_from(layout.schema_bytes.get()).unwrap_or(usize::MAX)];
        read(&mut table, FIXED_BYTES as u64)?;
        let found = crc32c::crc32c(&table);
        if found != layout.schema_crc32c.get() {
            let expected = layout.schema_crc32c.get().into();
            return Err(damaged("checksum of the schema table", expected, found.into()));
        }
        let name = path.display().to_string();
        let schema = Schema::decode(&table).map_err(|source| Error::Schema { name, source })?;
        if schema.hash() != layout.schema_hash.get() {
            return Err(damaged("schema hash", layout.schema_hash.get(), schema.hash()));
        }
        let body_bytes = layout.stride_bytes.get() - STAMP_BYTES;
        if u64::from(schema.max_size_bytes()) > body_bytes {
            return Err(damaged("size of a record", body_bytes, schema.max_size_bytes().into()));
        }
        Ok(Self {
            origin: Origin {
                name: RingName::new(&text(&layout.bus), &text(&layout.ring))?,
                ring_id: u128::from_le_bytes(layout.ring_id),
                capacity: layout.capacity.get(),
                stride_bytes: layout.stride_bytes.get(),
                schema,
            },
            created_ns: layout.created_ns.get(),
            first_seq: layout.first_seq.get(),
            header_bytes: layout.header_bytes.get(),
        })
    }
}

impl FileLayout {
    /// Checks all numbers against the only values that they can have.
    fn check(
        &self,
        path: &Path,
        damaged: impl Fn(&'static str, u64, u64) -> Error,
    ) -> Result<(), Error> {
        if self.magic != MAGIC {
            return Err(Error::NotAJournal { path: path.to_owned(), found: self.magic });
        }
        if self.version_major.get() != VERSION_MAJOR {
            let (expected, found) = (VERSION_MAJOR, self.version_major.get());
            return Err(Error::JournalVersion { path: path.to_owned(), expected, found });
        }
        let (expected, found) = (checksum(self.as_bytes()), self.crc32c.get());
        if expected != found {
            return Err(damaged("header checksum", expected.into(), found.into()));
        }
        let (stride, schema_bytes) = (self.stride_bytes.get(), self.schema_bytes.get());
        if !stride.is_multiple_of(LINE_BYTES) || !(LINE_BYTES..=MAX_STRIDE_BYTES).contains(&stride)
        {
            return Err(damaged("stride", LINE_BYTES, stride));
        }
        if schema_bytes > MAX_SCHEMA_BYTES {
            return Err(damaged("size of the schema table", MAX_SCHEMA_BYTES, schema_bytes));
        }
        if self.first_seq.get() >= SEQUENCE_LIMIT {
            return Err(damaged("first sequence", 0, self.first_seq.get()));
        }
        let header_bytes = (FIXED_BYTES as u64 + schema_bytes).next_multiple_of(PAGE_BYTES);
        let fields = [
            ("header size", header_bytes, self.header_bytes.get()),
            ("offset of the schema table", FIXED_BYTES as u64, self.schema_offset.get()),
            ("spacing of the times", TIME_EVERY, self.time_every.get()),
        ];
        match fields.into_iter().find(|(_, expected, found)| expected != found) {
            Some((what, expected, found)) => Err(damaged(what, expected, found)),
            None => Ok(()),
        }
    }
}

/// What a block says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum BlockKind {
    /// Slots follow.
    Records = 1,
    /// The ring was closed here.
    Ended = 2,
    /// Nobody writes to the journal at present; the ring may go on.
    Paused = 3,
}

/// The header of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub(super) kind: BlockKind,
    /// Sequence of the first slot; of a mark, the sequence that would come next.
    pub(super) first_seq: u64,
    /// Slots, at least one; of a mark, none.
    pub(super) count: u64,
    /// Life of the writer that published the first record.
    pub(super) epoch: u64,
    /// A time not after the publication of the first record, in ns since the Unix epoch.
    pub(super) first_ns: u64,
    /// A time not before the publication of the last record, in ns since the Unix epoch.
    pub(super) last_ns: u64,
    pub(super) payload_crc32c: u32,
}

/// What stands at a place where a block may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Nothing was written here.
    Blank,
    /// Something else than a whole header.
    Bad,
    /// A header that is right in itself; its payload is not checked.
    Block(BlockHeader),
}

impl BlockHeader {
    /// The header as it stands at `offset` of its file.
    pub(super) fn encode(&self, offset: u64) -> [u8; BLOCK_HEADER_BYTES] {
        let mut layout = BlockLayout {
            magic: BLOCK_MAGIC,
            offset: offset.into(),
            first_seq: self.first_seq.into(),
            count: u32::try_from(self.count).unwrap_or(u32::MAX).into(),
            kind: (self.kind as u32).into(),
            epoch: self.epoch.into(),
            first_ns: self.first_ns.into(),
            last_ns: self.last_ns.into(),
            payload_crc32c: self.payload_crc32c.into(),
            crc32c: 0.into(),
        };
        layout.crc32c = checksum(layout.as_bytes()).into();
        zerocopy::transmute!(layout)
    }

    /// Reads and checks the header at `offset` of a file. The bytes are not trusted.
    pub(super) fn decode(bytes: &[u8; BLOCK_HEADER_BYTES], offset: u64, origin: &Origin) -> Head {
        if bytes.iter().all(|byte| *byte == 0) {
            return Head::Blank;
        }
        let layout: BlockLayout = zerocopy::transmute!(*bytes);
        let kind = match layout.kind.get() {
            1 => BlockKind::Records,
            2 => BlockKind::Ended,
            3 => BlockKind::Paused,
            _ => return Head::Bad,
        };
        let (first_seq, count) = (layout.first_seq.get(), u64::from(layout.count.get()));
        let counts = match kind {
            BlockKind::Records => 1..=origin.block_records(),
            BlockKind::Ended | BlockKind::Paused => 0..=0,
        };
        let is_whole = layout.magic == BLOCK_MAGIC
            && layout.offset.get() == offset
            && layout.crc32c.get() == checksum(bytes)
            && counts.contains(&count)
            && first_seq < SEQUENCE_LIMIT;
        if !is_whole {
            return Head::Bad;
        }
        Head::Block(Self {
            kind,
            first_seq,
            count,
            epoch: layout.epoch.get(),
            first_ns: layout.first_ns.get(),
            last_ns: layout.last_ns.get(),
            payload_crc32c: layout.payload_crc32c.get(),
        })
    }

    /// The sequence behind the last one.
    pub(super) fn end_seq(&self) -> u64 {
        self.first_seq.saturating_add(self.count)
    }

    /// What its payload consists of.
    pub(super) fn shape(&self, stride_bytes: u64) -> Shape {
        Shape::of(self.first_seq, self.count, stride_bytes)
    }
}

/// Sizes of a block's payload: times, filled up with zeros to a cache line, then slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Times, one for each sequence that is divisible by 64.
    pub(super) times: u64,
    times_bytes: u64,
    slots_bytes: u64,
}

impl Shape {
    /// The payload of `count` slots from `first_seq` on. Saturates; such sizes fit no file.
    pub(super) fn of(first_seq: u64, count: u64, stride_bytes: u64) -> Self {
        let end = first_seq.saturating_add(count);
        let times = end.div_ceil(TIME_EVERY).saturating_sub(first_seq.div_ceil(TIME_EVERY));
        Self {
            times,
            times_bytes: times.saturating_mul(8).next_multiple_of(LINE_BYTES),
            slots_bytes: count.saturating_mul(stride_bytes),
        }
    }

    /// Size of the whole block, header included, in bytes.
    pub(super) fn block_bytes(&self) -> u64 {
        BLOCK_HEADER_BYTES as u64 + self.times_bytes + self.slots_bytes
    }

    /// Words in front of the first slot, header included.
    pub(super) fn words_before_slots(&self) -> usize {
        BLOCK_HEADER_WORDS + usize::try_from(self.times_bytes / 8).unwrap_or(usize::MAX)
    }
}

/// CRC32C over a header without its last four bytes, which hold it.
fn checksum(bytes: &[u8]) -> u32 {
    let end = bytes.len().saturating_sub(size_of::<u32>());
    crc32c::crc32c(bytes.get(..end).unwrap_or(bytes))
}

fn padded(name: &str) -> [u8; NAME_BYTES] {
    let mut field = [0; NAME_BYTES];
    for (to, from) in field.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    field
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).trim_end_matches('\0').to_owned()
}
