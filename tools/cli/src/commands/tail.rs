//! `tickring tail`: the records of a ring.

mod follow;

use crate::failure::Failure;
use crate::names;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::printer::Printer;
use crate::printer::layout::{self, Layout};
use crate::{duration, start};
use follow::{Limits, Tail};
use std::time::{Duration, Instant};
use tickring::schema::Schema;
use tickring::{Directory, Reader, ReaderOptions, RingName, Start};

const DEFAULT_LAST: u64 = 10;

const AFTER_HELP: &str = "\
Prices are exact decimals, made of integers in units of 1e-9; times are RFC 3339 in UTC with \
nanoseconds; a value that is not there is - in text, empty in CSV and null in JSON. Text shows the \
first four elements of an array. It leaves out length and rtype, unless they are named by --fields.

JSON keys: seq, kind, then each field under its name in order of the schema. Prices have two keys, \
NAME (a string, the decimal) and NAME_e9 (the integer). CSV has the same columns, without kind; \
the elements of an array stand in one cell, separated by spaces. Flags are decimal in both.

Records that were overwritten before they could be printed, new writers, and slots that a writer \
died in are reported on stderr.";

/// Prints the records of a ring by its schema, the last ones or as they come
///
/// Without -f it prints the last records and ends. With -f it goes on with those that come, and
/// ends when the writer has closed the ring and everything is printed; a writer that died is
/// waited for, because another one may take over.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The ring, BUS/RING, or a pattern that one ring matches
    name: String,
    /// Begin with the last N records [default: 10]
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "from")]
    last: Option<u64>,
    /// Go on with records as they are published
    #[arg(short, long)]
    follow: bool,
    /// Begin at oldest, latest, a sequence, an age (-5s), a time (2026-01-05T14:30:00Z) or a token
    #[arg(long, value_name = "START", value_parser = start::parse, allow_hyphen_values = true)]
    from: Option<Start>,
    /// Print one JSON object a line
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print comma-separated values under one header, of one kind
    #[arg(long)]
    csv: bool,
    /// Only records of these kinds, such as mbo or mbo,trade
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    kind: Vec<String>,
    /// Only these fields, in this order, such as ts_event,price
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    fields: Vec<String>,
    /// End after N records
    #[arg(short, long, value_name = "N")]
    count: Option<u64>,
    /// End after so long a time, such as 5s, with exit code 124
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,
}

pub(super) fn run(
    arguments: &Arguments,
    directory: &Directory,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let deadline = arguments.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let name = names::find_one(directory, &arguments.name)?;
    let mut reader =
        Reader::open_with(directory, &name, &ReaderOptions::named("tail", Start::Latest))?;
    let layout = layout(arguments, &name, reader.schema())?;
    let printer = if arguments.json {
        Printer::json()
    } else if arguments.csv {
        Printer::csv(&layout)
    } else {
        Printer::text(&layout)
    };
    let end = reader.published();
    match arguments.from {
        Some(start) => reader.seek(start)?,
        None => {
            let last = arguments.last.unwrap_or(DEFAULT_LAST);
            let first = first_of_last(&reader, end, last, &layout);
            reader.seek(Start::Sequence(first))?;
        }
    }
    let limits =
        Limits { end: (!arguments.follow).then_some(end), count: arguments.count, deadline };
    Tail::new(reader, &layout, printer, limits)?.run(output)
}

fn layout(arguments: &Arguments, name: &RingName, schema: &Schema) -> Result<Layout, Failure> {
    let Arguments { kind, fields, .. } = arguments;
    let is_text = !arguments.json && !arguments.csv;
    if !arguments.csv {
        return Layout::new(name, schema, kind, fields, is_text);
    }
    // Control records beside the one kind of a ring are no reason to ask for --kind.
    let data: Vec<String> = schema.data_kinds().map(|kind| kind.name.to_string()).collect();
    match (kind.as_slice(), data.as_slice()) {
        ([_], _) => Layout::new(name, schema, kind, fields, is_text),
        ([], [_]) => Layout::new(name, schema, &data, fields, is_text),
        _ => {
            let kinds = layout::listed(schema).map(|kind| kind.name.to_string()).collect();
            Err(Failure::SeveralKinds { name: name.to_string(), kinds })
        }
    }
}

/// The sequence at which the last `last` records before `end` begin that are shown; the oldest
/// resident one if there are fewer. Cost: looks at each record from there on once.
fn first_of_last(reader: &Reader, end: u64, last: u64, layout: &Layout) -> u64 {
    let (mut first, mut found) = (end, 0);
    for seq in reader.resident().rev() {
        if found == last {
            break;
        }
        let is_shown = reader.view_at(seq, 1, |view| {
            view.iter().next().is_some_and(|record| layout.shows(record.rtype()))
        });
        match is_shown {
            Some(true) => (first, found) = (seq, found + 1),
            Some(false) => {}
            // The writer has come round to here.
            None => break,
        }
    }
    first
}
