//! Records in the format that was asked for.

use super::csv::CsvPrinter;
use super::json::JsonPrinter;
use super::layout::{KindLayout, Layout};
use super::text::TextPrinter;
use crate::failure::Failure;
use crate::output::Output;

/// A record to be printed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    /// Its sequence.
    pub(super) seq: u64,
    /// Place of its kind in the layout.
    pub(super) kind_index: usize,
    /// Its kind.
    pub(super) kind: &'a KindLayout,
    /// Its bytes.
    pub(super) bytes: &'a [u8],
}

/// Prints records.
#[derive(Debug)]
pub(super) enum Printer {
    Text(TextPrinter),
    Json(JsonPrinter),
    Csv(CsvPrinter),
}

impl Printer {
    /// Aligned columns under their names, or `name=value` where there are several kinds.
    pub(super) fn text(layout: &Layout) -> Self {
        Self::Text(TextPrinter::new(layout))
    }

    /// One object a line.
    pub(super) fn json() -> Self {
        Self::Json(JsonPrinter::default())
    }

    /// Comma-separated values by RFC 4180, lines ending in LF, of the one kind of the layout.
    pub(super) fn csv(layout: &Layout) -> Self {
        Self::Csv(CsvPrinter::new(layout))
    }

    /// Prints one record, or keeps it until [`settle`](Self::settle).
    pub(super) fn row(&mut self, row: Row<'_>, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Text(printer) => printer.row(row, output),
            Self::Json(printer) => printer.row(row, output),
            Self::Csv(printer) => printer.row(row, output),
        }
    }

    /// Prints what was kept, and hands everything to the system.
    pub(super) fn settle(&mut self, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Text(printer) => printer.settle(output)?,
            Self::Csv(printer) => printer.settle(output)?,
            Self::Json(_) => {}
        }
        output.flush()
    }
}
