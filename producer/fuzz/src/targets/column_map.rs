//! Text as what a caller says of a text file, and a file that is read by it.
//!
//! The map is TOML, or the texts of options, before a line of three dashes; the file is behind it.

use super::{checked, csv, jsonl};
use tickring_producer::columns::{ColumnMap, PRESETS, RowKind};
use tickring_producer::source::csv::CsvSource;
use tickring_producer::source::jsonl::JsonLinesSource;

const BORDER: &str = "\n---\n";

pub(crate) fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (map, file) = text.split_once(BORDER).unwrap_or((&text, csv::FILES[3]));
    let map = ColumnMap::from_toml(map).or_else(|error| {
        assert!(!error.to_string().is_empty());
        of_options(map)
    });
    let Ok(map) = map else { return };
    let file = file.as_bytes();
    checked::with_file(file, |path| {
        for is_strict in [false, true] {
            checked::read(CsvSource::open(path, std::slice::from_ref(&map), is_strict), file);
            checked::read(JsonLinesSource::open(path, &map, is_strict), file);
        }
    });
}

/// Reads options of the command line, one a line: kind, columns, time, zone, delimiter.
fn of_options(text: &str) -> Result<ColumnMap, tickring_producer::Error> {
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default();
    let mut map = ColumnMap::new(next().parse()?);
    map.add_columns(next())?;
    map.time = next().parse()?;
    map.set_zone(next())?;
    map.set_delimiter(next())?;
    Ok(map)
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let presets = PRESETS.iter().flat_map(|(.., maps)| maps.iter().copied());
    let mut seeds: Vec<String> = presets
        .zip(csv::FILES.iter().cycle())
        .map(|(map, file)| [map, BORDER, file].concat())
        .collect();
    let fields = "kind = \"delta\"\ntime = \"auto\"\nzone = \"-05:00\"\nqty_decimals = 3\n\
                  delimiter = \"tab\"\nheader = false\nsymbol = \"X\"\npublisher = 7\n\
                  columns = { ts = \"#1\", price = \"#2\", size = \"#3\", side = \"#4\" }";
    seeds.push([fields, BORDER, "1\t2\t3\tb\n1\t2\t3.5\ta\n"].concat());
    for (kind, columns) in jsonl::MAPS {
        let kind = match kind {
            RowKind::Trade => "trade",
            RowKind::Quote => "quote",
            RowKind::Delta => "delta",
            RowKind::Book => "book",
        };
        let options = format!("{kind}\n{columns}\nauto\n+01:30\n;");
        seeds.push([&options, BORDER, jsonl::FILES[0]].concat());
    }
    seeds.into_iter().map(String::into_bytes).collect()
}
