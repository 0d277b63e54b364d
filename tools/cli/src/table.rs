//! Text in aligned columns.

use crate::failure::Failure;
use crate::output::Output;
use anstyle::Style;

/// Which end of its column a cell stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Widths of columns that grow with what they hold and never shrink.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    columns: Vec<(Align, usize)>,
}

impl Columns {
    /// Columns without width.
    pub(crate) fn new(aligns: impl IntoIterator<Item = Align>) -> Self {
        Self { columns: aligns.into_iter().map(|align| (align, 0)).collect() }
    }

    /// Makes room for the cells of one line.
    pub(crate) fn fit(&mut self, cells: &[String]) {
        for ((_, width), cell) in self.columns.iter_mut().zip(cells) {
            *width = cell.chars().count().max(*width);
        }
    }

    /// The cells side by side, two spaces between them and none at the end.
    pub(crate) fn line(&self, cells: &[String]) -> String {
        let mut line = String::new();
        for (index, ((align, width), cell)) in self.columns.iter().zip(cells).enumerate() {
            let room = width.saturating_sub(cell.chars().count());
            let (before, after) = match align {
                Align::Left => (0, room),
                Align::Right => (room, 0),
            };
            line.extend(std::iter::repeat_n(' ', before + if index == 0 { 0 } else { GAP }));
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', after));
        }
        line.truncate(line.trim_end().len());
        line
    }
}

const GAP: usize = 2;
const TITLE: Style = Style::new().bold();

/// A table that is complete before it is printed.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Columns,
    titles: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(titles: &[(&str, Align)]) -> Self {
        let mut columns = Columns::new(titles.iter().map(|(_, align)| *align));
        let titles: Vec<String> = titles.iter().map(|(title, _)| (*title).to_owned()).collect();
        columns.fit(&titles);
        Self { columns, titles, rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.columns.fit(&cells);
        self.rows.push(cells);
    }

    /// Prints titles and rows, each line behind `indent` spaces.
    pub(crate) fn print(&self, output: &mut Output, indent: usize) -> Result<(), Failure> {
        write!(output, "{:indent$}", "")?;
        title(output, &self.columns.line(&self.titles))?;
        for row in &self.rows {
            writeln!(output, "{:indent$}{}", "", self.columns.line(row))?;
        }
        Ok(())
    }
}

/// Prints a line of titles, bold where that is welcome.
pub(crate) fn title(output: &mut Output, line: &str) -> Result<(), Failure> {
    if output.has_color() {
        writeln!(output, "{TITLE}{line}{TITLE:#}")
    } else {
        writeln!(output, "{line}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn columns_align_and_end_without_spaces() {
        let mut columns = Columns::new([Align::Left, Align::Right, Align::Left]);
        columns.fit(&cells("name size kind"));
        columns.fit(&cells("µs 12345 a"));
        assert_eq!(columns.line(&cells("name size kind")), "name   size  kind");
        assert_eq!(columns.line(&cells("µs 12345 a")), "µs    12345  a");
    }

    #[test]
    fn columns_never_shrink() {
        let mut columns = Columns::new([Align::Right]);
        columns.fit(&cells("12345"));
        columns.fit(&cells("1"));
        assert_eq!(columns.line(&cells("1")), "    1");
    }
}
