//! The rules of a schema, the same for one made in a program and one read from a segment.

use std::collections::{HashMap, HashSet};

use super::{
    DOC_BYTES, Field, FieldType, Kind, MAX_FIELDS, MAX_KINDS, MAX_SIZE_BYTES, NAME_BYTES,
    SchemaError,
};

/// Checks all kinds and what holds between them.
pub(super) fn kinds(kinds: &[Kind]) -> Result<(), SchemaError> {
    if kinds.is_empty() {
        return Err(SchemaError::Empty);
    }
    in_limits("kinds", kinds.len(), MAX_KINDS)?;
    in_limits("fields", kinds.iter().map(|kind| kind.fields.len()).sum(), MAX_FIELDS)?;
    let mut names = HashSet::new();
    let mut rtypes = HashMap::new();
    for kind in kinds {
        name(&kind.name)?;
        if !names.insert(&*kind.name) {
            return Err(SchemaError::DuplicateName {
                place: "the table".to_owned(),
                name: kind.name.to_string(),
            });
        }
        if let Some(first) = rtypes.insert(kind.rtype, &*kind.name) {
            return Err(SchemaError::DuplicateRtype {
                rtype: kind.rtype,
                first: first.to_owned(),
                second: kind.name.to_string(),
            });
        }
        self::kind(kind)?;
    }
    Ok(())
}

fn in_limits(what: &'static str, found: usize, limit: usize) -> Result<(), SchemaError> {
    if (1..=limit).contains(&found) {
        Ok(())
    } else {
        Err(SchemaError::Count { what, limit, found })
    }
}

fn name(name: &str) -> Result<(), SchemaError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(())
    } else {
        Err(SchemaError::Name { name: name.to_owned(), limit: NAME_BYTES })
    }
}

/// Checks one kind: its size, and that its fields cover it exactly.
fn kind(kind: &Kind) -> Result<(), SchemaError> {
    let size = kind.size_bytes;
    if !size.is_multiple_of(8) || !(8..=MAX_SIZE_BYTES).contains(&size) {
        return Err(SchemaError::Size {
            kind: kind.name.to_string(),
            limit: MAX_SIZE_BYTES,
            found: size,
        });
    }
    let mut names = HashSet::new();
    let mut end = 0;
    for field in &kind.fields {
        name(&field.name)?;
        if !names.insert(&*field.name) {
            return Err(SchemaError::DuplicateName {
                place: kind.name.to_string(),
                name: field.name.to_string(),
            });
        }
        end = place(kind, field, end)?;
        meaning(kind, field)?;
    }
    if end < size {
        return Err(SchemaError::Hole { kind: kind.name.to_string(), from: end, to: size });
    }
    Ok(())
}

/// Checks that a field begins at `start` and ends within the record; returns its end.
fn place(kind: &Kind, field: &Field, start: u32) -> Result<u32, SchemaError> {
    let (kind_name, field_name) = (kind.name.to_string(), field.name.to_string());
    if field.count == 0 {
        return Err(SchemaError::NoElements { kind: kind_name, field: field_name });
    }
    let end = field.offset.saturating_add(field.size_bytes());
    if end > kind.size_bytes {
        return Err(SchemaError::OutsideRecord {
            kind: kind_name,
            field: field_name,
            limit: kind.size_bytes,
            found: end,
        });
    }
    let align = field.ty.size_bytes();
    if !field.offset.is_multiple_of(align) {
        return Err(SchemaError::Misaligned {
            kind: kind_name,
            field: field_name,
            align,
            found: field.offset,
        });
    }
    if field.offset < start {
        return Err(SchemaError::Overlap {
            kind: kind_name,
            field: field_name,
            expected: start,
            found: field.offset,
        });
    }
    if field.offset > start {
        return Err(SchemaError::Hole { kind: kind_name, from: start, to: field.offset });
    }
    Ok(end)
}

/// Checks the null pattern and the doc line of a field.
fn meaning(kind: &Kind, field: &Field) -> Result<(), SchemaError> {
    if let Some(null) = field.null {
        let beyond = null.checked_shr(field.ty.size_bytes() * 8).unwrap_or(0);
        if field.count != 1 || field.ty == FieldType::Bytes || beyond != 0 {
            return Err(SchemaError::Null {
                kind: kind.name.to_string(),
                field: field.name.to_string(),
                ty: field.ty.as_str(),
                null,
            });
        }
    }
    if field.doc.len() > DOC_BYTES || field.doc.chars().any(char::is_control) {
        return Err(SchemaError::Doc {
            kind: kind.name.to_string(),
            field: field.name.to_string(),
            limit: DOC_BYTES,
            found: field.doc.len(),
        });
    }
    Ok(())
}
