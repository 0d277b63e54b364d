//! A checkpoint as bytes.
//!
//! Shape, all little endian: a header of 256 bytes, the specification as text, keys of 32 bytes
//! each, the state as [`Windows::save`](crate::Windows::save) writes it. The checksum is CRC32C
//! over everything but itself, so that a file is whole or is not used.

use super::Source;
use crate::WindowSpec;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const MAGIC: [u8; 8] = *b"TRWCKPT\0";
/// Changes whenever a program of before cannot read it.
const VERSION: u32 = 1;
pub(super) const HEADER_BYTES: usize = 256;
/// Offset of the checksum: the last word of the header.
const CRC_AT: usize = HEADER_BYTES - size_of::<u32>();

/// Names one output for good: kind and instrument, start, end and revision of a bar; of a late
/// record its sequence.
pub(crate) type Key = [u64; 4];

/// A place in a ring.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub(crate) struct Spot {
    ring_id: [u8; 16],
    /// The next sequence.
    pub(crate) seq: u64,
    /// Of the input the epoch of its writer; of an output the records of the windows in it so
    /// far, without those that writers leave there at restarts.
    pub(crate) number: u64,
}

impl Spot {
    pub(crate) fn new(ring_id: u128, seq: u64, number: u64) -> Self {
        Self { ring_id: ring_id.to_le_bytes(), seq, number }
    }

    pub(crate) fn ring_id(&self) -> u128 {
        u128::from_le_bytes(self.ring_id)
    }
}

/// Where everything stands at a checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The next record of the input.
    pub(crate) input: Spot,
    pub(crate) bars: Spot,
    pub(crate) late: Spot,
    /// The seam of the history that is still to be read before the input: the same record's
    /// sequence in the history and in the input.
    pub(crate) seam: Option<(u64, u64)>,
    /// How often outputs could not be continued exactly.
    pub(crate) output_epoch: u64,
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    magic: [u8; 8],
    version: u32,
    header_bytes: u32,
    generation: u64,
    spec_hash: u64,
    input: Spot,
    bars: Spot,
    late: Spot,
    /// 1 if there is a history still to be read.
    has_seam: u64,
    seam_end: u64,
    seam_meets: u64,
    output_epoch: u64,
    spec_bytes: u64,
    known_bytes: u64,
    state_bytes: u64,
    reserved: [u8; 68],
    crc32c: u32,
}

const _: () = assert!(size_of::<Header>() == HEADER_BYTES);

/// A checkpoint that was read and is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) generation: u64,
    pub(crate) place: Place,
    pub(crate) spec: String,
    pub(crate) known: Vec<Key>,
    pub(crate) state: Vec<u8>,
}

/// Why a file holds no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// None was ever written.
    Blank,
    Damaged(String),
}

/// Replaces what `to` holds by a checkpoint without generation and checksum. Cost: copies the
/// state; no allocation if the buffer was as large before.
pub(super) fn encode(to: &mut Vec<u8>, source: &Source<'_>) {
    to.clear();
    to.resize(HEADER_BYTES, 0);
    to.extend_from_slice(source.spec.as_bytes());
    for key in source.known {
        to.extend_from_slice(key.as_bytes());
    }
    let before = to.len();
    source.windows.save(to);
    let Place { input, bars, late, seam, output_epoch } = source.place;
    let (seam_end, seam_meets) = seam.unwrap_or_default();
    let header = Header {
        magic: MAGIC,
        version: VERSION,
        header_bytes: 256,
        generation: 0,
        spec_hash: hash_of(source.spec),
        input,
        bars,
        late,
        has_seam: seam.is_some().into(),
        seam_end,
        seam_meets,
        output_epoch,
        spec_bytes: source.spec.len() as u64,
        known_bytes: (source.known.len() * size_of::<Key>()) as u64,
        state_bytes: (to.len() - before) as u64,
        reserved: [0; 68],
        crc32c: 0,
    };
    put(to, &header);
}

/// Completes what [`encode`] wrote.
pub(super) fn seal(bytes: &mut [u8], generation: u64) {
    let Ok((mut header, _)) = Header::read_from_prefix(bytes) else { return };
    header.generation = generation;
    put(bytes, &header);
    header.crc32c = checksum(bytes);
    put(bytes, &header);
}

fn put(to: &mut [u8], header: &Header) {
    to.iter_mut().zip(header.as_bytes()).for_each(|(to, from)| *to = *from);
}

/// Reads a checkpoint from the bytes of its file, which may go on behind it. They are not trusted.
pub(super) fn decode(bytes: &[u8]) -> Result<Checkpoint, Flaw> {
    let head = bytes.get(..HEADER_BYTES).unwrap_or(bytes);
    if head.iter().all(|byte| *byte == 0) {
        return Err(Flaw::Blank);
    }
    let damaged = |text: String| Flaw::Damaged(text);
    let Ok((header, body)) = Header::read_from_prefix(bytes) else {
        return Err(damaged(format!("{} bytes, a header has {HEADER_BYTES}", bytes.len())));
    };
    if header.magic != MAGIC {
        return Err(damaged(format!("magic {:?}, expected {MAGIC:?}", header.magic)));
    }
    if header.version != VERSION {
        let found = header.version;
        return Err(damaged(format!("version {found}; this program reads {VERSION}")));
    }
    let sizes = [header.spec_bytes, header.known_bytes, header.state_bytes];
    let body_bytes = sizes.iter().fold(0_u64, |sum, size| sum.saturating_add(*size));
    let whole = usize::try_from(body_bytes).ok().and_then(|size| body.get(..size));
    let Some(body) = whole else {
        return Err(damaged(format!("{} bytes behind the header of {body_bytes}", body.len())));
    };
    let sealed = bytes.get(..HEADER_BYTES + body.len()).unwrap_or(bytes);
    let (expected, found) = (checksum(sealed), header.crc32c);
    if expected != found {
        return Err(damaged(format!("checksum {found:#010x}, expected {expected:#010x}")));
    }
    read(&header, body).ok_or_else(|| damaged("parts that are no text, keys and state".to_owned()))
}

/// Takes a body apart whose checksum is right.
fn read(header: &Header, body: &[u8]) -> Option<Checkpoint> {
    let (spec, rest) = body.split_at_checked(usize::try_from(header.spec_bytes).ok()?)?;
    let (known, state) = rest.split_at_checked(usize::try_from(header.known_bytes).ok()?)?;
    let spec = String::from_utf8(spec.to_vec()).ok()?;
    let known = known.chunks(size_of::<Key>()).map(|key| Key::read_from_bytes(key).ok());
    let Header { input, bars, late, output_epoch, .. } = *header;
    let seam = (header.has_seam != 0).then_some((header.seam_end, header.seam_meets));
    (hash_of(&spec) == header.spec_hash).then_some(())?;
    Some(Checkpoint {
        generation: header.generation,
        place: Place { input, bars, late, seam, output_epoch },
        spec,
        known: known.collect::<Option<_>>()?,
        state: state.to_vec(),
    })
}

/// The hash of a canonical text, as [`WindowSpec::hash`] has it.
fn hash_of(canonical: &str) -> u64 {
    WindowSpec::hash_of(canonical)
}

fn checksum(bytes: &[u8]) -> u32 {
    let header = crc32c::crc32c(bytes.get(..CRC_AT).unwrap_or(bytes));
    crc32c::crc32c_append(header, bytes.get(HEADER_BYTES..).unwrap_or(&[]))
}

#[cfg(test)]
mod tests;
