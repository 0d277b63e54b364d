//! The table as bytes. The byte map stands in the first lines of [`schema`](super).
//!
//! Decoding admits exactly the bytes that encoding writes: what decodes, encodes to the same bytes.

use super::{Field, FieldType, Kind, MAX_FIELDS, MAX_KINDS, Schema, SchemaError, Unit, check};

/// Size of the table header in bytes.
pub const HEADER_BYTES: usize = 32;
/// Size of a kind's entry in bytes.
pub const KIND_BYTES: usize = 64;
/// Size of a field's entry in bytes.
pub const FIELD_BYTES: usize = 160;
/// Room for the name of a kind or a field, in bytes.
pub const NAME_BYTES: usize = 40;
/// Room for the doc line of a field, in bytes.
pub const DOC_BYTES: usize = 96;

const MAGIC: [u8; 8] = *b"TRSCHEMA";
const VERSION: u32 = 1;

impl Schema {
    /// Returns the table as it stands in a segment.
    ///
    /// Cost: allocates; linear in kinds and fields.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.to_bytes(true)
    }

    /// Reads a table; `bytes` is the table and nothing more.
    ///
    /// The bytes are not trusted. Cost: linear; allocates at most in proportion to `bytes`.
    ///
    /// # Errors
    /// [`SchemaError`] when the bytes are not what [`encode`](Self::encode) writes, or describe a
    /// schema that [`new`](Self::new) refuses.
    pub fn decode(bytes: &[u8]) -> Result<Self, SchemaError> {
        let mut input = Input { rest: bytes, at: 0, len: bytes.len() };
        let (kind_count, field_count) = table_header(&mut input)?;
        let mut kinds = Vec::with_capacity(kind_count);
        for _ in 0..kind_count {
            kinds.push(kind_entry(&mut input)?);
        }
        let found = kinds.iter().fold(0, |sum: usize, (_, fields)| sum.saturating_add(*fields));
        if found != field_count {
            return Err(SchemaError::FieldTotal { expected: field_count, found });
        }
        let mut complete = Vec::with_capacity(kind_count);
        for (mut kind, fields) in kinds {
            kind.fields.reserve_exact(fields);
            for _ in 0..fields {
                kind.fields.push(field_entry(&mut input)?);
            }
            complete.push(kind);
        }
        check::kinds(&complete)?;
        Ok(Self { kinds: complete })
    }

    /// Returns a hash of the layout: FNV-1a, 64 bits, over the encoded table with every doc slot
    /// taken as zero, so that a better wording does not make two processes disagree.
    ///
    /// Equal exactly when [`difference`](Self::difference) is empty, up to collisions.
    #[must_use]
    pub fn hash(&self) -> u64 {
        const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        self.to_bytes(false)
            .into_iter()
            .fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
    }

    fn to_bytes(&self, with_docs: bool) -> Vec<u8> {
        let kinds = self.kinds();
        let field_count = kinds.iter().map(|kind| kind.fields.len()).sum();
        let size = table_bytes(kinds.len(), field_count);
        let mut out = Vec::with_capacity(size);
        out.extend_from_slice(&MAGIC);
        for word in [VERSION, count(kinds.len()), count(field_count), count(size), 0, 0] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        for kind in kinds {
            put_text(&mut out, &kind.name, NAME_BYTES);
            out.extend_from_slice(&kind.size_bytes.to_le_bytes());
            out.extend_from_slice(&count(kind.fields.len()).to_le_bytes());
            out.push(kind.rtype);
            out.extend_from_slice(&[0; 15]);
        }
        for field in kinds.iter().flat_map(|kind| &kind.fields) {
            put_text(&mut out, &field.name, NAME_BYTES);
            out.extend_from_slice(&field.null.unwrap_or(0).to_le_bytes());
            out.extend_from_slice(&field.offset.to_le_bytes());
            out.extend_from_slice(&field.count.to_le_bytes());
            let has_null = u8::from(field.null.is_some());
            out.extend_from_slice(&[field.ty.code(), field.unit.code(), has_null]);
            out.extend_from_slice(&[0; 5]);
            put_text(&mut out, if with_docs { &field.doc } else { "" }, DOC_BYTES);
        }
        out
    }
}

const fn table_bytes(kinds: usize, fields: usize) -> usize {
    HEADER_BYTES + KIND_BYTES * kinds + FIELD_BYTES * fields
}

/// Returns a count or size as the table holds it. Checked schemas stay far below the limit of u32.
fn count(value: usize) -> u32 {
    const { assert!(table_bytes(MAX_KINDS, MAX_FIELDS) <= u32::MAX as usize) };
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Appends a text and fills its slot up with NUL. Checked texts are never longer than the slot.
fn put_text(out: &mut Vec<u8>, text: &str, room: usize) {
    let end = out.len() + room;
    out.extend_from_slice(text.as_bytes());
    out.resize(end, 0);
}

/// Reads the table header; returns the numbers of kinds and fields, both within their limits and
/// in agreement with the length of the table.
fn table_header(input: &mut Input<'_>) -> Result<(usize, usize), SchemaError> {
    if input.take()? != MAGIC {
        return Err(SchemaError::Magic);
    }
    let version = input.u32()?;
    if version != VERSION {
        return Err(SchemaError::Version { expected: VERSION, found: version });
    }
    let kinds = input.count("kinds", MAX_KINDS)?;
    let fields = input.count("fields", MAX_FIELDS)?;
    let expected = table_bytes(kinds, fields);
    let stated = input.u32()?;
    input.reserved::<8>()?;
    if stated != count(expected) {
        return Err(SchemaError::Length { expected, found: index(stated) });
    }
    if input.len != expected {
        return Err(SchemaError::Length { expected, found: input.len });
    }
    Ok((kinds, fields))
}

/// Reads a kind without its fields; returns it and the number of its fields.
fn kind_entry(input: &mut Input<'_>) -> Result<(Kind, usize), SchemaError> {
    let name = input.text::<NAME_BYTES>()?;
    let size_bytes = input.u32()?;
    let fields = input.count("fields of a kind", MAX_FIELDS)?;
    let [rtype] = input.take()?;
    input.reserved::<15>()?;
    Ok((Kind { name: name.into(), rtype, size_bytes, fields: Vec::new() }, fields))
}

fn field_entry(input: &mut Input<'_>) -> Result<Field, SchemaError> {
    let name = input.text::<NAME_BYTES>()?;
    let null = u64::from_le_bytes(input.take()?);
    let offset = input.u32()?;
    let count = input.u32()?;
    let at = input.at;
    let [ty, unit, has_null] = input.take()?;
    let code = |what, at, found| SchemaError::Code { what, at, found };
    let ty = FieldType::from_code(ty).ok_or(code("type", at, ty))?;
    let unit = Unit::from_code(unit).ok_or(code("unit", at + 1, unit))?;
    let null = match (has_null, null) {
        (0, 0) => None,
        (1, null) => Some(null),
        _ => return Err(code("null", at + 2, has_null)),
    };
    input.reserved::<5>()?;
    let doc = input.text::<DOC_BYTES>()?;
    Ok(Field { name: name.into(), offset, ty, count, unit, null, doc: doc.into() })
}

/// Returns a number from the table as an index. Where usize is shorter than u32 a number that does
/// not fit becomes the limit, which no check lets through.
fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// Untrusted bytes, read from the front.
struct Input<'a> {
    rest: &'a [u8],
    at: usize,
    len: usize,
}

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], SchemaError> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(SchemaError::Length { expected: self.at + N, found: self.len })?;
        self.rest = rest;
        self.at += N;
        Ok(*head)
    }

    fn u32(&mut self) -> Result<u32, SchemaError> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn count(&mut self, what: &'static str, limit: usize) -> Result<usize, SchemaError> {
        let found = index(self.u32()?);
        if (1..=limit).contains(&found) {
            Ok(found)
        } else {
            Err(SchemaError::Count { what, limit, found })
        }
    }

    fn text<const N: usize>(&mut self) -> Result<String, SchemaError> {
        let at = self.at;
        let slot: [u8; N] = self.take()?;
        let text = core::str::from_utf8(&slot).map_err(|_| SchemaError::Text { at })?;
        // A NUL that is left inside fails the check of names and docs.
        Ok(text.trim_end_matches('\0').to_owned())
    }

    fn reserved<const N: usize>(&mut self) -> Result<(), SchemaError> {
        let at = self.at;
        if self.take::<N>()? == [0; N] { Ok(()) } else { Err(SchemaError::Reserved { at }) }
    }
}
