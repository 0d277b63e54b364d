//! Records for people: columns under their names where there is one kind; where there are
//! several, each line says its kind and names its fields.

use super::Row;
use super::layout::{Column, KindLayout, Layout, SEQ};
use crate::failure::Failure;
use crate::output::Output;
use crate::table::{self, Align, Columns};
use crate::value::{count_of, value_of};
use tickring::schema::{FieldType, Unit};

/// Records that are aligned together before they are printed.
const PAGE: usize = 256;
/// Elements of an array that are shown.
const SHOWN_ELEMENTS: u32 = 4;

/// Prints aligned text.
#[derive(Debug)]
pub(crate) struct TextPrinter {
    /// For each kind.
    columns: Vec<Columns>,
    /// The names of the only kind's columns, until they are printed.
    titles: Option<Vec<String>>,
    is_mixed: bool,
    /// Place of the kind, and the cells.
    pending: Vec<(usize, Vec<String>)>,
}

impl TextPrinter {
    pub(super) fn new(layout: &Layout) -> Self {
        let is_mixed = layout.kinds().len() != 1;
        let mut columns: Vec<Columns> =
            layout.kinds().iter().map(|kind| columns_of(kind, is_mixed)).collect();
        let titles = match layout.kinds() {
            [only] => Some(titles_of(only)),
            _ => None,
        };
        if let (Some(columns), Some(titles)) = (columns.first_mut(), &titles) {
            columns.fit(titles);
        }
        // The kinds of a mixture share the widths of sequence and kind.
        let longest = layout.kinds().iter().map(|kind| &kind.name).max_by_key(|name| name.len());
        if let (true, Some(name)) = (is_mixed, longest) {
            let widest = [String::new(), name.clone()];
            columns.iter_mut().for_each(|columns| columns.fit(&widest));
        }
        Self { columns, titles, is_mixed, pending: Vec::with_capacity(PAGE) }
    }

    pub(super) fn row(&mut self, row: Row<'_>, output: &mut Output) -> Result<(), Failure> {
        let mut cells = vec![row.seq.to_string()];
        if self.is_mixed {
            cells.push(row.kind.name.clone());
        }
        for column in &row.kind.columns {
            let mut cell = String::new();
            if self.is_mixed {
                cell += &column.key;
                cell.push('=');
            }
            push_field(&mut cell, column, row.bytes);
            cells.push(cell);
        }
        self.pending.push((row.kind_index, cells));
        if self.pending.len() >= PAGE { self.settle(output) } else { Ok(()) }
    }

    /// Prints the titles, if that is still to be done, and the page so far.
    pub(super) fn settle(&mut self, output: &mut Output) -> Result<(), Failure> {
        for (index, cells) in &self.pending {
            if self.is_mixed {
                let seq = cells.first().map_or(&[][..], std::slice::from_ref);
                self.columns.iter_mut().for_each(|columns| columns.fit(seq));
            }
            if let Some(columns) = self.columns.get_mut(*index) {
                columns.fit(cells);
            }
        }
        if let (Some(titles), Some(columns)) = (self.titles.take(), self.columns.first()) {
            table::title(output, &columns.line(&titles))?;
        }
        for (index, cells) in self.pending.drain(..) {
            if let Some(columns) = self.columns.get(index) {
                writeln!(output, "{}", columns.line(&cells))?;
            }
        }
        Ok(())
    }
}

fn titles_of(kind: &KindLayout) -> Vec<String> {
    [SEQ].into_iter().chain(kind.columns.iter().map(|it| &*it.key)).map(str::to_owned).collect()
}

fn columns_of(kind: &KindLayout, is_mixed: bool) -> Columns {
    let name = is_mixed.then_some(Align::Left);
    let align = |column: &Column| if is_mixed { Align::Left } else { align_of(column) };
    Columns::new([Align::Right].into_iter().chain(name).chain(kind.columns.iter().map(align)))
}

fn align_of(column: &Column) -> Align {
    let field = &column.field;
    let is_word = matches!(field.unit, Unit::Ascii | Unit::NanosEpoch | Unit::Text | Unit::Flags);
    if is_word || field.ty == FieldType::Bytes || field.count > 1 {
        Align::Left
    } else {
        Align::Right
    }
}

fn push_field(cell: &mut String, column: &Column, bytes: &[u8]) {
    let count = count_of(&column.field);
    if count == 1 {
        value_of(&column.field, bytes, 0).push_text(cell);
        return;
    }
    for index in 0..count.min(SHOWN_ELEMENTS) {
        cell.push(if index == 0 { '[' } else { ' ' });
        value_of(&column.field, bytes, index).push_text(cell);
    }
    *cell += if count > SHOWN_ELEMENTS { " …]" } else { "]" };
}
