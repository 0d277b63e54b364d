//! The immutable part of a header: what a segment is, checked by a checksum.

use crate::directory::RingName;
use crate::error::Error;
use crate::geometry::{
    Geometry, LINE_BYTES, MAX_SCHEMA_BYTES, MAX_SEGMENT_BYTES, PAGE_BYTES, SCHEMA_OFFSET,
    STAMP_BYTES, TIME_EVERY,
};
use std::path::Path;
use zerocopy::byteorder::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The first eight bytes of every segment.
pub(crate) const MAGIC: [u8; 8] = *b"TICKRING";
/// Changes when an older reader cannot read the segment any more.
pub(crate) const LAYOUT_MAJOR: u32 = 2;
/// Changes when something was added that an older reader may ignore.
pub(crate) const LAYOUT_MINOR: u32 = 0;
/// Times in this segment are nanoseconds of `CLOCK_REALTIME` since the Unix epoch.
const CLOCK_REALTIME: u64 = 0;
/// Longest bus or ring name, in bytes.
pub(crate) const NAME_BYTES: usize = 64;
/// Size of the identity, in bytes, its checksum included.
pub(crate) const IDENTITY_BYTES: usize = 1024;

/// The identity as it stands in bytes 0..1024 of a segment, little endian.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Layout {
    magic: [u8; 8],
    layout_major: U32,
    layout_minor: U32,
    header_bytes: U64,
    segment_bytes: U64,
    ring_id: [u8; 16],
    created_ns: U64,
    boot_id: [u8; 16],
    schema_offset: U64,
    schema_bytes: U64,
    schema_hash: U64,
    capacity: U64,
    stride_bytes: U64,
    slots_offset: U64,
    times_offset: U64,
    time_every: U64,
    clock: U64,
    instruments: U64,
    instruments_offset: U64,
    kinds: [U64; 4],
    bus: [u8; NAME_BYTES],
    ring: [u8; NAME_BYTES],
    reserved: [u8; 700],
    crc32c: U32,
}

const _: () = assert!(size_of::<Layout>() == IDENTITY_BYTES);

/// Offset of the ring's id, in bytes: the same in every layout.
pub(crate) const RING_ID_AT: usize = core::mem::offset_of!(Layout, ring_id);

/// What a segment is: decided at its birth and never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Random number that tells this segment from any other of the same name.
    pub(crate) ring_id: u128,
    /// Time of birth, in nanoseconds since the Unix epoch.
    pub(crate) created_ns: u64,
    /// The machine's boot in which the segment was born.
    pub(crate) boot_id: u128,
    /// Hash of the schema table.
    pub(crate) schema_hash: u64,
    /// One bit for each rtype that the ring may hold.
    pub(crate) kinds: [u64; 4],
    pub(crate) geometry: Geometry,
}

impl Identity {
    /// Encodes the identity of ring `name`.
    pub(crate) fn encode(&self, name: &RingName) -> [u8; IDENTITY_BYTES] {
        let g = &self.geometry;
        let mut layout = Layout {
            magic: MAGIC,
            layout_major: LAYOUT_MAJOR.into(),
            layout_minor: LAYOUT_MINOR.into(),
            header_bytes: PAGE_BYTES.into(),
            segment_bytes: g.segment_bytes.into(),
            ring_id: self.ring_id.to_le_bytes(),
            created_ns: self.created_ns.into(),
            boot_id: self.boot_id.to_le_bytes(),
            schema_offset: SCHEMA_OFFSET.into(),
            schema_bytes: g.schema_bytes.into(),
            schema_hash: self.schema_hash.into(),
            capacity: g.capacity.into(),
            stride_bytes: g.stride_bytes.into(),
            slots_offset: g.slots_offset.into(),
            times_offset: g.times_offset.into(),
            time_every: TIME_EVERY.into(),
            clock: CLOCK_REALTIME.into(),
            instruments: g.instruments.into(),
            instruments_offset: g.instruments_offset.into(),
            kinds: self.kinds.map(U64::new),
            bus: padded(name.bus()),
            ring: padded(name.ring()),
            reserved: [0; 700],
            crc32c: 0.into(),
        };
        layout.crc32c = checksum(&layout).into();
        zerocopy::transmute!(layout)
    }

    /// Decodes and checks the first bytes of the file at `path`, which has `file_bytes` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::NotASegment`], [`Error::LayoutVersion`], [`Error::Corrupt`] or
    /// [`Error::Truncated`], whichever is found first. The bytes are not trusted.
    pub(crate) fn decode(bytes: &[u8], file_bytes: u64, path: &Path) -> Result<Self, Error> {
        let (layout, _) = Layout::read_from_prefix(bytes).map_err(|_| Error::Truncated {
            path: path.to_owned(),
            expected: PAGE_BYTES,
            found: file_bytes,
        })?;
        if layout.magic != MAGIC {
            return Err(Error::NotASegment { path: path.to_owned(), found: layout.magic });
        }
        if layout.layout_major.get() != LAYOUT_MAJOR {
            return Err(Error::LayoutVersion {
                path: path.to_owned(),
                expected: LAYOUT_MAJOR,
                found: layout.layout_major.get(),
            });
        }
        let corrupt = |what: &'static str, expected: u64, found: u64| Error::Corrupt {
            path: path.to_owned(),
            what,
            expected,
            found,
        };
        let (expected, found) = (checksum(&layout), layout.crc32c.get());
        if expected != found {
            return Err(corrupt("header checksum", expected.into(), found.into()));
        }
        let geometry = layout.geometry(corrupt)?;
        if file_bytes < geometry.segment_bytes {
            return Err(Error::Truncated {
                path: path.to_owned(),
                expected: geometry.segment_bytes,
                found: file_bytes,
            });
        }
        Ok(Self {
            ring_id: u128::from_le_bytes(layout.ring_id),
            created_ns: layout.created_ns.get(),
            boot_id: u128::from_le_bytes(layout.boot_id),
            schema_hash: layout.schema_hash.get(),
            kinds: layout.kinds.map(U64::get),
            geometry,
        })
    }
}

impl Layout {
    /// Recomputes the geometry from capacity, stride and schema size and demands the offsets
    /// that follow from them, so that no offset of the file is ever used unchecked.
    fn geometry(
        &self,
        corrupt: impl Fn(&'static str, u64, u64) -> Error,
    ) -> Result<Geometry, Error> {
        let stride = self.stride_bytes.get();
        let possible = LINE_BYTES..=MAX_SEGMENT_BYTES;
        if !possible.contains(&stride) || !stride.is_multiple_of(LINE_BYTES) {
            return Err(corrupt("stride", LINE_BYTES, stride));
        }
        let schema_bytes = self.schema_bytes.get();
        if schema_bytes > MAX_SCHEMA_BYTES {
            return Err(corrupt("size of the schema table", MAX_SCHEMA_BYTES, schema_bytes));
        }
        let (capacity, instruments) = (self.capacity.get(), self.instruments.get());
        let expected = Geometry::of(capacity, stride - STAMP_BYTES, schema_bytes, instruments)
            .map_err(|error| match error {
                Error::Instruments { .. } => corrupt("number of instruments", 1 << 10, instruments),
                _ => corrupt("capacity", 1 << 16, capacity),
            })?;
        let fields = [
            ("header size", PAGE_BYTES, self.header_bytes.get()),
            ("offset of the schema table", SCHEMA_OFFSET, self.schema_offset.get()),
            ("offset of the time index", expected.times_offset, self.times_offset.get()),
            ("spacing of the time index", TIME_EVERY, self.time_every.get()),
            (
                "offset of the instruments",
                expected.instruments_offset,
                self.instruments_offset.get(),
            ),
            ("offset of the slots", expected.slots_offset, self.slots_offset.get()),
            ("segment size", expected.segment_bytes, self.segment_bytes.get()),
            ("clock", CLOCK_REALTIME, self.clock.get()),
        ];
        match fields.into_iter().find(|(_, expected, found)| expected != found) {
            Some((what, expected, found)) => Err(corrupt(what, expected, found)),
            None => Ok(expected),
        }
    }
}

/// Offset, size and name of every field, for the table of FORMAT.md.
#[cfg(test)]
pub(super) fn layout_fields() -> Vec<(usize, usize, &'static str)> {
    macro_rules! fields {
        ($($field:ident),+) => {{
            let Layout { $($field),+ } = Layout::new_zeroed();
            vec![$((offset_of!(Layout, $field), size_of_val(&$field), stringify!($field))),+]
        }};
    }
    use core::mem::offset_of;
    use zerocopy::FromZeros;
    fields!(
        magic,
        layout_major,
        layout_minor,
        header_bytes,
        segment_bytes,
        ring_id,
        created_ns,
        boot_id,
        schema_offset,
        schema_bytes,
        schema_hash,
        capacity,
        stride_bytes,
        slots_offset,
        times_offset,
        time_every,
        clock,
        instruments,
        instruments_offset,
        kinds,
        bus,
        ring,
        reserved,
        crc32c
    )
}

/// CRC32C over the identity without its last word.
fn checksum(layout: &Layout) -> u32 {
    let bytes = layout.as_bytes();
    crc32c::crc32c(bytes.get(..IDENTITY_BYTES - size_of::<u32>()).unwrap_or(bytes))
}

fn padded(name: &str) -> [u8; NAME_BYTES] {
    let mut field = [0; NAME_BYTES];
    for (to, from) in field.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            ring_id: 7,
            created_ns: 8,
            boot_id: 9,
            schema_hash: 10,
            kinds: [1, 2, 3, 4],
            geometry: Geometry::of(1 << 10, 56, 5000, 1 << 6).unwrap(),
        }
    }

    fn encoded() -> [u8; IDENTITY_BYTES] {
        identity().encode(&RingName::new("demo", "ticks").unwrap())
    }

    fn decode(bytes: &[u8], file_bytes: u64) -> Result<Identity, Error> {
        Identity::decode(bytes, file_bytes, Path::new("x.ring"))
    }

    #[test]
    fn an_encoded_identity_decodes_to_itself() {
        assert_eq!(decode(&encoded(), 1 << 30).unwrap(), identity());
    }

    #[test]
    fn every_changed_byte_is_refused() {
        for at in 0..IDENTITY_BYTES {
            let mut bytes = encoded();
            bytes[at] ^= 0x41;
            assert!(decode(&bytes, 1 << 30).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_header_with_a_right_checksum_and_a_wrong_geometry_is_refused() {
        let (original, _) = Layout::read_from_prefix(&encoded()).unwrap();
        let edits: [fn(&mut Layout); 9] = [
            |l| l.capacity = 1000.into(),
            |l| l.capacity = (1 << 60).into(),
            |l| l.stride_bytes = 0.into(),
            |l| l.stride_bytes = 72.into(),
            |l| l.slots_offset = 0.into(),
            |l| l.times_offset = u64::MAX.into(),
            |l| l.segment_bytes = 64.into(),
            |l| l.schema_bytes = u64::MAX.into(),
            |l| l.schema_offset = 8.into(),
        ];
        for (case, edit) in edits.into_iter().enumerate() {
            let mut layout = original;
            edit(&mut layout);
            layout.crc32c = checksum(&layout).into();
            let result = decode(layout.as_bytes(), 1 << 30);
            assert!(matches!(result, Err(Error::Corrupt { .. })), "case {case}: {result:?}");
        }
    }

    #[test]
    fn a_file_shorter_than_its_header_says_is_truncated() {
        let size = identity().geometry.segment_bytes;
        assert!(decode(&encoded(), size).is_ok());
        let result = decode(&encoded(), size - 1);
        assert!(matches!(
            result,
            Err(Error::Truncated { expected, found, .. }) if (expected, found) == (size, size - 1)
        ));
        assert!(matches!(decode(&encoded()[..100], 100), Err(Error::Truncated { .. })));
    }
}
