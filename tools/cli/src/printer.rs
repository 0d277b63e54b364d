//! Records in the format that was asked for.
//!
//! Nothing here knows a record: names, types, units and the value for "none" come from the schema
//! in the segment, so that kinds which were defined elsewhere are shown like any other.

mod csv;
mod json;
pub(crate) mod layout;
mod text;

use crate::failure::Failure;
use crate::output::Output;
use csv::CsvPrinter;
use json::JsonPrinter;
use layout::{KindLayout, Layout};
use text::TextPrinter;

/// A record to be printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    /// Its sequence.
    pub(crate) seq: u64,
    /// Place of its kind in the layout.
    pub(crate) kind_index: usize,
    /// Its kind.
    pub(crate) kind: &'a KindLayout,
    /// Its bytes.
    pub(crate) bytes: &'a [u8],
}

/// Prints records.
#[derive(Debug)]
pub(crate) enum Printer {
    Text(TextPrinter),
    Json(JsonPrinter),
    Csv(CsvPrinter),
}

impl Printer {
    /// Aligned columns under their names, or `name=value` where there are several kinds.
    pub(crate) fn text(layout: &Layout) -> Self {
        Self::Text(TextPrinter::new(layout))
    }

    /// One object a line.
    pub(crate) fn json() -> Self {
        Self::Json(JsonPrinter::default())
    }

    /// Comma-separated values by RFC 4180, lines ending in LF, of the one kind of the layout.
    pub(crate) fn csv(layout: &Layout) -> Self {
        Self::Csv(CsvPrinter::new(layout))
    }

    /// Prints one record, or keeps it until [`settle`](Self::settle).
    pub(crate) fn row(&mut self, row: Row<'_>, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Text(printer) => printer.row(row, output),
            Self::Json(printer) => printer.row(row, output),
            Self::Csv(printer) => printer.row(row, output),
        }
    }

    /// Prints what was kept, and hands everything to the system.
    pub(crate) fn settle(&mut self, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Text(printer) => printer.settle(output)?,
            Self::Csv(printer) => printer.settle(output)?,
            Self::Json(_) => {}
        }
        output.flush()
    }
}
