//! Records of one kind as comma-separated values under one header.
//!
//! Columns: `seq`, then every field under its name in order of the schema; a price is followed by
//! its raw integer, `price,price_e9`. The elements of an array stand in one cell, with spaces
//! between them.

use super::Row;
use super::layout::{Column, Layout, SEQ};
use crate::failure::Failure;
use crate::output::Output;
use crate::value::{Value, count_of, value_of};

/// Prints CSV.
#[derive(Debug)]
pub(crate) struct CsvPrinter {
    /// Until it is printed.
    header: Option<String>,
    line: String,
}

impl CsvPrinter {
    pub(super) fn new(layout: &Layout) -> Self {
        let columns = layout.kinds().first().map_or(&[][..], |kind| &kind.columns);
        let keys = columns.iter().flat_map(|it| [Some(&it.key), it.raw_key.as_ref()]).flatten();
        let mut header = SEQ.to_owned();
        for key in keys {
            header.push(',');
            header += key;
        }
        header.push('\n');
        Self { header: Some(header), line: String::new() }
    }

    pub(super) fn row(&mut self, row: Row<'_>, output: &mut Output) -> Result<(), Failure> {
        self.settle(output)?;
        let line = &mut self.line;
        line.clear();
        Value::Integer(row.seq.into()).push_csv(line);
        for column in &row.kind.columns {
            cell(line, column, row.bytes, |value| value);
            if column.raw_key.is_some() {
                cell(line, column, row.bytes, |value| value.raw());
            }
        }
        line.push('\n');
        output.write(line.as_bytes())
    }

    /// Prints the header, if that is still to be done: a file without records has one too.
    pub(super) fn settle(&mut self, output: &mut Output) -> Result<(), Failure> {
        match self.header.take() {
            Some(header) => output.write(header.as_bytes()),
            None => Ok(()),
        }
    }
}

fn cell<'a>(
    line: &mut String,
    column: &Column,
    bytes: &'a [u8],
    form: impl Fn(Value<'a>) -> Value<'a>,
) {
    line.push(',');
    for index in 0..count_of(&column.field) {
        if index > 0 {
            line.push(' ');
        }
        form(value_of(&column.field, bytes, index)).push_csv(line);
    }
}
