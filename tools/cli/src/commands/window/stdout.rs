//! Bars on stdout, as they are published.

use crate::failure::Failure;
use crate::notation::Grouped;
use crate::note::note;
use crate::output::Output;
use crate::printer::layout::{Layout, Shown};
use crate::printer::{Printer, Row};
use tickring::record::{Record, WindowBar};
use tickring::{Directory, Poll, Reader, ReaderOptions, RecordRef, RingName, Start};

/// How bars are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Aligned columns.
    Text,
    /// One object a line.
    Json,
    /// Comma-separated values of the bars alone.
    Csv,
}

/// A reader of the ring of bars that prints them.
#[derive(Debug)]
pub(super) struct Stdout {
    reader: Reader,
    layout: Layout,
    printer: Printer,
}

impl Stdout {
    /// Prints what is published from now on.
    ///
    /// # Errors
    ///
    /// [`Failure::Bus`] if the ring cannot be attached.
    pub(super) fn open(
        directory: &Directory,
        bars: &RingName,
        format: Format,
    ) -> Result<Self, Failure> {
        let joining = ReaderOptions::named("stdout", Start::Latest);
        let reader = Reader::open_with(directory, bars, &joining)?;
        let bar = [WindowBar::kind().name.into_owned()];
        let kinds = if format == Format::Csv { &bar[..] } else { &[] };
        let layout = Layout::new(bars, reader.schema(), kinds, &[], format == Format::Text)?;
        let printer = match format {
            Format::Text => Printer::text(&layout),
            Format::Json => Printer::json(),
            Format::Csv => Printer::csv(&layout),
        };
        Ok(Self { reader, layout, printer })
    }

    /// Prints what has come.
    ///
    /// # Errors
    ///
    /// [`Failure::Io`] if stdout cannot be written, or nobody reads it any more.
    pub(super) fn print(&mut self, output: &mut Output) -> Result<(), Failure> {
        let Self { reader, layout, printer } = self;
        let mut has_printed = false;
        loop {
            match reader.poll() {
                Poll::Record(record) => {
                    if let Shown::As(kind_index, kind) = layout.find(record.rtype()) {
                        let (seq, bytes) = (record.seq(), RecordRef::bytes(&record));
                        printer.row(Row { seq, kind_index, kind, bytes }, output)?;
                        has_printed = true;
                    }
                }
                Poll::Lapped { missed, .. } => {
                    let missed = Grouped(missed);
                    let hint = "were not printed: more than the ring of bars holds at once";
                    note("window", format_args!("{missed} records {hint}"));
                }
                Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
                Poll::Empty | Poll::Closed(_) => break,
            }
        }
        printer.settle(output)?;
        if has_printed { Ok(()) } else { output.check_reader() }
    }
}
