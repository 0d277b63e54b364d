//! What a caller says of a text file.

use std::str::FromStr;

use super::time::{self, Clock, TimeFormat};
use super::{Field, TableError};
use crate::error::Error;

/// What a row is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RowKind {
    /// A trade.
    Trade,
    /// A best bid and offer.
    Quote,
    /// The new quantity of a price level.
    Delta,
    /// The best levels of both sides.
    Book,
}

impl FromStr for RowKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "trade" => Self::Trade,
            "quote" => Self::Quote,
            "delta" => Self::Delta,
            "book" => Self::Book,
            _ => return Err(wrong("kind", "trade, quote, delta or book", text)),
        })
    }
}

impl RowKind {
    /// Returns the fields without which a row is nothing.
    fn needs(self) -> &'static [Field] {
        use Field::{Ask, AskSize, Bid, BidSize, Price, Side, Size, Ts};
        match self {
            Self::Trade => &[Ts, Price, Size],
            Self::Quote => &[Ts, Bid, Ask],
            Self::Delta => &[Ts, Price, Size, Side],
            Self::Book => &[Ts, Bid, Ask, BidSize, AskSize],
        }
    }
}

/// Where the cells of a field are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Column {
    /// Under this name in the header; of JSON the key, or a pointer if it begins with `/`.
    Name(String),
    /// At this place in the row, from 0.
    Number(usize),
}

impl Column {
    /// Returns the column that a map means by `text`: `#1` is the first one, anything else a name.
    fn new(text: &str) -> Self {
        let number = text.strip_prefix('#').and_then(|number| number.parse::<usize>().ok());
        match number.and_then(|number| number.checked_sub(1)) {
            Some(number) => Self::Number(number),
            None => Self::Name(text.to_owned()),
        }
    }

    /// Returns the place of the column in a file with this header.
    pub(crate) fn find(&self, field: Field, header: &[String]) -> Result<usize, TableError> {
        let name = match self {
            Self::Number(number) if *number < header.len() => return Ok(*number),
            Self::Number(number) => &format!("#{}", number + 1),
            Self::Name(name) => name,
        };
        header.iter().position(|cell| cell == name).ok_or_else(|| TableError::Column {
            name: name.clone(),
            field: field.name(),
            found: header.join(", "),
        })
    }

    /// Returns the column of a level, for names that have `{}` where the number stands.
    pub(crate) fn of_level(&self, level: usize) -> Option<Self> {
        match self {
            Self::Name(name) if name.contains("{}") => {
                Some(Self::Name(name.replace("{}", &level.to_string())))
            }
            _ => None,
        }
    }
}

/// What a caller says of a text file: the kind of its rows, the column of each field, and how
/// things are written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ColumnMap {
    /// What a row is.
    pub kind: RowKind,
    /// The column of each field that the file has.
    pub columns: Vec<(Field, Column)>,
    /// How times are written.
    pub time: TimeFormat,
    /// What calendar times without a zone are ahead of UTC, in seconds.
    pub zone_ahead_s: i32,
    /// Decimals that quantities have room for, at most 18; 0 for whole quantities in records as in
    /// DBN.
    pub qty_decimals: u8,
    /// What separates cells; found out from the first line if `None`.
    pub delimiter: Option<u8>,
    /// Whether the first line names the columns; found out if `None`.
    pub has_header: Option<bool>,
    /// The symbol of all rows, where no column has it.
    pub symbol: Option<String>,
    /// Publisher of the records, in DBN's numbering; 0 if it has no number.
    pub publisher_id: u16,
}

impl ColumnMap {
    /// Decimals of quantities unless said otherwise: those of most venues of digital assets.
    pub const QTY_DECIMALS: u8 = 8;

    /// Creates a map without columns.
    #[must_use]
    pub fn new(kind: RowKind) -> Self {
        Self {
            kind,
            columns: Vec::new(),
            time: TimeFormat::default(),
            zone_ahead_s: 0,
            qty_decimals: Self::QTY_DECIMALS,
            delimiter: None,
            has_header: None,
            symbol: None,
            publisher_id: 0,
        }
    }

    /// Reads columns from a text such as `ts=timestamp,price=#3`.
    ///
    /// # Errors
    /// [`Error::Option`] if it is something else, or names a field that there is not.
    pub fn add_columns(&mut self, text: &str) -> Result<(), Error> {
        for pair in text.split(',') {
            let (field, column) = pair
                .split_once('=')
                .ok_or_else(|| wrong("map", "pairs such as ts=timestamp,price=px", text))?;
            self.add_column(field, column)?;
        }
        Ok(())
    }

    /// Reads a map from TOML: the keys `kind`, `time`, `zone`, `qty_decimals`, `delimiter`,
    /// `header`, `symbol`, `publisher` and a table `columns`.
    ///
    /// # Errors
    /// [`Error::Option`] if it is no TOML, or has other keys or values.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let table: toml::Table =
            text.parse().map_err(|error| wrong("map", "TOML", &format!("{error}")))?;
        let kind = table.get("kind").and_then(toml::Value::as_str).unwrap_or_default();
        let mut map = Self::new(kind.parse()?);
        for (key, value) in &table {
            map.set(key, value)?;
        }
        Ok(map)
    }

    fn set(&mut self, key: &str, value: &toml::Value) -> Result<(), Error> {
        let unfit = |expected| wrong("map", expected, &format!("{key} = {value}"));
        let text = || value.as_str().ok_or_else(|| unfit("a text"));
        let number = || value.as_integer().ok_or_else(|| unfit("a number"));
        match key {
            "kind" => {}
            "columns" => {
                for (field, column) in value.as_table().ok_or_else(|| unfit("a table"))? {
                    let column = column.as_str().ok_or_else(|| unfit("texts: names of columns"))?;
                    self.add_column(field, column)?;
                }
            }
            "time" => self.time = text()?.parse()?,
            "zone" => self.set_zone(text()?)?,
            "qty_decimals" => {
                self.qty_decimals = number()?.try_into().map_err(|_| unfit("0 to 18"))?;
            }
            "delimiter" => self.set_delimiter(text()?)?,
            "header" => {
                self.has_header = Some(value.as_bool().ok_or_else(|| unfit("true or false"))?);
            }
            "symbol" => self.symbol = Some(text()?.to_owned()),
            "publisher" => {
                self.publisher_id = number()?.try_into().map_err(|_| unfit("0 to 65535"))?;
            }
            _ => {
                return Err(unfit(
                    "kind, columns, time, zone, qty_decimals, delimiter, header, symbol, publisher",
                ));
            }
        }
        Ok(())
    }

    fn add_column(&mut self, field: &str, column: &str) -> Result<(), Error> {
        const EXPECTED: &str = "a field: ts, ts_recv, symbol, price, size, side, buyer_maker, id, \
                                sequence, bid, ask, bid_size, ask_size or snapshot";
        let known = Field::ALL.into_iter().find(|known| known.name() == field.trim());
        let known = known.ok_or_else(|| wrong("map", EXPECTED, field))?;
        self.columns.retain(|(field, _)| *field != known);
        self.columns.push((known, Column::new(column.trim())));
        Ok(())
    }

    /// Sets the zone of calendar times that do not say theirs: `UTC`, or a distance such as
    /// `-05:00`.
    ///
    /// # Errors
    /// [`Error::Option`] if it is something else.
    pub fn set_zone(&mut self, text: &str) -> Result<(), Error> {
        self.zone_ahead_s = time::zone(text)?;
        Ok(())
    }

    /// Sets the delimiter: one ASCII character, or `tab`.
    ///
    /// # Errors
    /// [`Error::Option`] if it is something else.
    pub fn set_delimiter(&mut self, text: &str) -> Result<(), Error> {
        self.delimiter = Some(match text.as_bytes() {
            b"tab" => b'\t',
            [one] if one.is_ascii() && !matches!(one, b'"' | b'\r' | b'\n') => *one,
            _ => return Err(wrong("delimiter", "one ASCII character, or tab", text)),
        });
        Ok(())
    }

    /// Returns the column of a field.
    pub(crate) fn column(&self, wanted: Field) -> Option<&Column> {
        self.columns.iter().find(|(field, _)| *field == wanted).map(|(_, column)| column)
    }

    pub(super) fn clock(&self) -> Clock {
        Clock { format: self.time, ahead_s: self.zone_ahead_s }
    }

    /// Checks that rows of this map can be records.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for field in self.kind.needs() {
            if self.column(*field).is_none() {
                let expected = "a column for each field that its kind needs";
                return Err(wrong("map", expected, &format!("none for {}", field.name())));
            }
        }
        if self.qty_decimals > 18 {
            return Err(wrong("qty_decimals", "0 to 18", &self.qty_decimals.to_string()));
        }
        Ok(())
    }

    /// Returns whether quantities are whole numbers of records as in DBN.
    pub(super) fn is_whole(&self) -> bool {
        let has_sizes =
            [Field::BidSize, Field::AskSize].iter().any(|size| self.column(*size).is_some());
        match self.kind {
            RowKind::Trade => self.qty_decimals == 0,
            RowKind::Quote => self.qty_decimals == 0 || !has_sizes,
            RowKind::Delta | RowKind::Book => false,
        }
    }
}

fn wrong(name: &'static str, expected: &'static str, found: &str) -> Error {
    Error::Option { name, expected, found: found.to_owned() }
}
