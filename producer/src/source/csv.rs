//! Comma-separated values, and others with a delimiter: `.csv`, also `.gz` and `.zst`.
//!
//! Which column is which field says a [`ColumnMap`]. A row is a line: cells may be quoted, but a
//! line end inside quotes is a fault of its row. Compression, delimiter and header are found out
//! from the file unless the map says them; a header is taken for one if the map names a column, or
//! if the cell of the time does not begin with a digit.

use std::borrow::Cow;
use std::path::Path;

use csv_core::{ReadRecordResult, ReaderBuilder};

use crate::columns::lines::{Lines, Step};
use crate::columns::rows::{Cut, Rows};
use crate::columns::{Column, ColumnMap, Fault, Field, Levels, Row, RowKind, TableError};
use crate::error::Error;
use crate::source::{Kinds, Progress, Report, Sink, Source};

/// What may separate cells when nobody says it, the likeliest first.
const DELIMITERS: &[u8] = b",;\t|";

/// Reads the rows of a CSV file.
#[derive(Debug)]
pub struct CsvSource {
    rows: Rows<Cells>,
}

impl CsvSource {
    /// Opens the file and finds the columns. Of several maps the first that fits is taken.
    ///
    /// With `is_strict` the first row that cannot be a record is an error; without, such rows are
    /// counted and left out.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Option`] if a map lacks a field,
    /// [`Error::Table`] if the file is empty or has none of the maps' columns.
    pub fn open(path: &Path, maps: &[ColumnMap], is_strict: bool) -> Result<Self, Error> {
        maps.iter().try_for_each(ColumnMap::check)?;
        let mut lines = Lines::open(path)?;
        let failed = |source| Error::Table { path: path.to_owned(), source };
        while lines.step()? != Step::End && lines.line().trim_ascii().is_empty() {}
        let mut reason = TableError::Empty;
        for map in maps {
            let first = lines.line();
            let first = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(first);
            match Cells::find(first, map) {
                Ok((cells, has_header)) => {
                    let rows = Rows::new(lines, !has_header, cells, map, is_strict);
                    return Ok(Self { rows });
                }
                Err(error) => reason = error,
            }
        }
        Err(failed(reason))
    }
}

impl Source for CsvSource {
    fn kinds(&self) -> Kinds {
        self.rows.kinds()
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        self.rows.next_time_ns()
    }

    fn poll<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<Progress, Error> {
        self.rows.poll(sink, budget)
    }

    fn report(&self) -> Report {
        self.rows.report()
    }
}

/// Finds the cells of a line.
#[derive(Debug)]
struct Cells {
    reader: Box<csv_core::Reader>,
    fields: Vec<(Field, usize)>,
    levels: Vec<[usize; 4]>,
    /// The cells of the line at hand, without quotes and delimiters.
    text: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Cells {
    /// Finds the columns of `map` from the first line; returns also whether that is a header.
    fn find(first: &[u8], map: &ColumnMap) -> Result<(Self, bool), TableError> {
        let delimiter = map.delimiter.unwrap_or_else(|| likely_delimiter(first));
        let mut cells = Self {
            reader: Box::new(ReaderBuilder::new().delimiter(delimiter).build()),
            fields: Vec::new(),
            levels: Vec::new(),
            text: vec![0; 256],
            ends: vec![0; 32],
        };
        let count = cells.split(first);
        let header: Vec<String> = (0..count)
            .map(|number| String::from_utf8_lossy(cells.cell(number)).trim().to_owned())
            .collect();
        let is_named = map.columns.iter().any(|(_, column)| matches!(column, Column::Name(_)));
        if map.kind == RowKind::Book {
            cells.levels = levels(map, &header)?;
        }
        for (field, column) in &map.columns {
            let is_level =
                matches!(field, Field::Bid | Field::Ask | Field::BidSize | Field::AskSize);
            if !(is_level && map.kind == RowKind::Book) {
                cells.fields.push((*field, column.find(*field, &header)?));
            }
        }
        let time = cells.fields.iter().find(|(field, _)| *field == Field::Ts);
        let time = time.and_then(|(_, number)| header.get(*number));
        let begins_with_digit =
            time.is_some_and(|time| time.starts_with(|first: char| first.is_ascii_digit()));
        Ok((cells, map.has_header.unwrap_or(is_named || !begins_with_digit)))
    }

    /// Splits a line, and returns how many cells it has.
    fn split(&mut self, line: &[u8]) -> usize {
        self.reader.reset();
        let (mut read, mut written, mut count) = (0, 0, 0);
        loop {
            let (result, bytes_read, bytes_written, cells) = self.reader.read_record(
                line.get(read..).unwrap_or_default(),
                self.text.get_mut(written..).unwrap_or_default(),
                self.ends.get_mut(count..).unwrap_or_default(),
            );
            read += bytes_read;
            written += bytes_written;
            count += cells;
            match result {
                // At the end of the line the next call has no input, which ends the record.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record | ReadRecordResult::End => return count,
            }
        }
    }

    /// Returns a cell of the line that was split last.
    fn cell(&self, number: usize) -> &[u8] {
        Levels { text: &self.text, ends: &self.ends, columns: &[] }.cell(number)
    }
}

impl Cut for Cells {
    fn cut<'a>(&'a mut self, line: &'a [u8]) -> Result<Row<'a>, Fault> {
        let quotes = memchr::memchr_iter(b'"', line).count();
        if !quotes.is_multiple_of(2) {
            return Err(Fault::Quote);
        }
        let count = self.split(line);
        let ends = self.ends.get(..count).unwrap_or_default();
        let levels = Levels { text: &self.text, ends, columns: &self.levels };
        let mut row = Row { levels, ..Row::default() };
        for (field, number) in &self.fields {
            row.set(*field, Cow::Borrowed(levels.cell(*number).trim_ascii()));
        }
        Ok(row)
    }
}

/// The delimiter that the line has most of; a comma if it has none.
fn likely_delimiter(line: &[u8]) -> u8 {
    let count = |delimiter: u8| memchr::memchr_iter(delimiter, line).count();
    // Of equals the last is taken: the likeliest.
    DELIMITERS.iter().rev().copied().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// The columns of each level, as many as the header has.
fn levels(map: &ColumnMap, header: &[String]) -> Result<Vec<[usize; 4]>, TableError> {
    let of_level = |level: usize| {
        let mut columns = [0; 4];
        let fields = [Field::Bid, Field::BidSize, Field::Ask, Field::AskSize];
        for (found, field) in columns.iter_mut().zip(fields) {
            let column = map.column(field).and_then(|column| column.of_level(level));
            let column = column.ok_or_else(|| TableError::Column {
                name: "{}".to_owned(),
                field: field.name(),
                found: "a column without {} for the number of the level".to_owned(),
            })?;
            *found = column.find(field, header)?;
        }
        Ok(columns)
    };
    let mut levels = vec![of_level(0)?];
    while let Ok(columns) = of_level(levels.len()) {
        levels.push(columns);
    }
    Ok(levels)
}

#[cfg(test)]
mod tests;
