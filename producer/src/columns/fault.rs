//! Why a row is no record, and how often.

use thiserror::Error;

use super::Field;
use crate::source::Count;

/// Says why the text of a field, or a whole row, cannot be used.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// There is no such cell in the row.
    #[error("expected a cell, found none")]
    Missing,
    /// The text is not a number.
    #[error("expected a decimal number")]
    NotNumber,
    /// The number has more decimals than the record has room for.
    #[error("expected fewer decimals: the record has no room for them")]
    Decimals,
    /// The number is too large for its field, or negative where it cannot be.
    #[error("expected a number in the range of the field")]
    Range,
    /// The text is not a time in the format that the map says.
    #[error("expected a time in the format of the map")]
    Time,
    /// The text says neither that the row is of a snapshot nor that it is not.
    #[error("expected true or false (or snap, set)")]
    Bool,
    /// The text is not a side.
    #[error("expected a side (buy or sell, bid or ask, b or a)")]
    Side,
    /// The row is longer than 1 MiB.
    #[error("expected a row of at most 1 MiB")]
    Length,
    /// A quote is not closed in the row.
    #[error("expected a closing quote in the same line")]
    Quote,
    /// The line is not one JSON value.
    #[error("expected one JSON value")]
    Json,
}

/// A fault and the field that has it, if it is one field's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct At {
    pub(crate) field: Option<Field>,
    pub(crate) fault: Fault,
}

impl Fault {
    /// Says that it is this field's.
    pub(super) fn of(self, field: Field) -> At {
        At { field: Some(field), fault: self }
    }
}

impl From<Fault> for At {
    fn from(fault: Fault) -> Self {
        Self { field: None, fault }
    }
}

/// How often each fault was seen, and in which line first.
#[derive(Debug, Default)]
pub(super) struct Faults {
    seen: Vec<(At, u64, u64)>,
}

impl Faults {
    /// Counts a refused row. Cost: looks through the few sorts of faults; a new sort allocates.
    pub(super) fn add(&mut self, at: At, line: u64) {
        match self.seen.iter_mut().find(|(seen, ..)| *seen == at) {
            Some((_, _, count)) => *count += 1,
            None => self.seen.push((at, line, 1)),
        }
    }

    /// Returns the counts, each named with the line where it was seen first.
    pub(super) fn counts(&self) -> impl Iterator<Item = Count> {
        self.seen.iter().map(|(At { field, fault }, line, count)| {
            let field = field.map_or("row", Field::name);
            Count::new(format!("row refused, {field}: {fault}, first in line {line}"), *count)
        })
    }
}
