//! The arguments of text files: which column is which field.

use super::Publishing;
use crate::failure::Failure;
use std::fs;
use std::path::PathBuf;
use tickring_producer::Error;
use tickring_producer::columns::{ColumnMap, RowKind, TimeFormat, preset};
use tickring_producer::source::csv::CsvSource;
use tickring_producer::source::jsonl::JsonLinesSource;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Fields: ts (time of the event), ts_recv (of receipt), symbol, price, size, side (buy or sell, bid or
ask), buyer_maker (true or false), id, sequence, bid, ask, bid_size, ask_size, and snapshot (true or
false). A row of kind trade needs ts, price and size; of quote ts, bid and ask; of delta (the new
quantity of a price level, 0 to delete it) ts, side, price and size; of book ts, bid, ask, bid_size
and ask_size, whose columns have {} where the number of the level stands: bids[{}].price.

Presets: truefx, nautilus-quotes, tardis-trades, tardis-quotes, tardis-book, tardis-l2,
binance-depth, binance-trades.")]
pub(super) struct Csv {
    /// The file
    file: PathBuf,
    /// Columns of the file in a preset's spelling: well-known files need no map
    #[arg(long, value_name = "NAME", required_unless_present = "map")]
    preset: Option<String>,
    /// What separates cells: one character, or tab [default: as the first line looks]
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<String>,
    /// Whether the first line names the columns [default: as it looks]
    #[arg(long, value_name = "BOOL")]
    header: Option<bool>,
    #[command(flatten)]
    columns: Columns,
    #[command(flatten)]
    pub(super) publishing: Publishing,
}

#[derive(Debug, clap::Args)]
pub(super) struct Jsonl {
    /// The file
    file: PathBuf,
    #[command(flatten)]
    columns: Columns,
    #[command(flatten)]
    pub(super) publishing: Publishing,
}

/// Options of text files.
#[derive(Debug, clap::Args)]
struct Columns {
    /// The column of each field, by name or number (JSON: by key or pointer), such as
    /// ts=timestamp,price=px,size=#4 or ts=/data/T, or a file of them: map.toml
    #[arg(long, value_name = "MAP")]
    map: Option<String>,
    /// What a row is: trade, quote, delta (a price level) or book (several)
    #[arg(long, value_name = "KIND")]
    kind: Option<RowKind>,
    /// How times are written: auto, calendar, or the unit of a number since 1970: s, ms, us, ns
    /// [default: auto]
    #[arg(long, value_name = "FORMAT")]
    time: Option<TimeFormat>,
    /// Zone of calendar times that do not say theirs, such as -05:00 [default: UTC]
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    zone: Option<String>,
    /// Decimals that quantities have room for; 0 for whole ones, in records as DBN has them
    /// [default: 8]
    #[arg(long, value_name = "N")]
    qty_decimals: Option<u8>,
    /// Symbol of all rows, where no column has it
    #[arg(long, value_name = "SYMBOL")]
    symbol: Option<String>,
    /// Stop at the first row that cannot be a record; otherwise such rows are counted
    #[arg(long)]
    strict: bool,
}

impl Csv {
    pub(super) fn open(&self) -> Result<CsvSource, Failure> {
        let maps = self.preset.as_deref().map(preset).transpose()?;
        let mut maps = self.columns.complete(maps)?;
        for map in &mut maps {
            if let Some(delimiter) = &self.delimiter {
                map.set_delimiter(delimiter)?;
            }
            map.has_header = self.header.or(map.has_header);
        }
        Ok(CsvSource::open(&self.file, &maps, self.columns.strict)?)
    }
}

impl Jsonl {
    pub(super) fn open(&self) -> Result<JsonLinesSource, Failure> {
        let maps = self.columns.complete(None)?;
        let map = maps.first().ok_or_else(no_kind)?;
        Ok(JsonLinesSource::open(&self.file, map, self.columns.strict)?)
    }
}

impl Columns {
    /// Returns the maps of a preset, if there is one, with what the options say besides.
    fn complete(&self, maps: Option<Vec<ColumnMap>>) -> Result<Vec<ColumnMap>, Error> {
        let (file, columns) = match self.map.as_deref() {
            Some(map) if !map.contains('=') || map.ends_with(".toml") => (Some(map), None),
            columns => (None, columns),
        };
        let mut maps = match (maps, file, self.kind) {
            (None, None, None) => return Err(no_kind()),
            (Some(maps), None, _) => maps,
            (_, Some(file), _) => {
                let read = fs::read_to_string(file);
                let text = read.map_err(|source| Error::Io {
                    operation: "read",
                    path: PathBuf::from(file),
                    source,
                })?;
                vec![ColumnMap::from_toml(&text)?]
            }
            (None, None, Some(kind)) => vec![ColumnMap::new(kind)],
        };
        for map in &mut maps {
            if let Some(columns) = columns {
                map.add_columns(columns)?;
            }
            map.kind = self.kind.unwrap_or(map.kind);
            map.time = self.time.unwrap_or(map.time);
            map.qty_decimals = self.qty_decimals.unwrap_or(map.qty_decimals);
            map.symbol = self.symbol.clone().or(map.symbol.take());
            if let Some(zone) = &self.zone {
                map.set_zone(zone)?;
            }
        }
        Ok(maps)
    }
}

/// Says that columns alone do not tell what a row is.
fn no_kind() -> Error {
    let expected = "trade, quote, delta or book beside --map";
    Error::Option { name: "kind", expected, found: "none".to_owned() }
}
