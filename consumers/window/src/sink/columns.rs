//! From a kind's field table to the columns of a file.
//!
//! | unit of the field | column |
//! |---|---|
//! | price_e9, an integer | decimal with 9 decimals, and `NAME_e9`, the integer as it is |
//! | ns_epoch, an integer | timestamp in nanoseconds, UTC; null where it does not fit an i64 |
//! | low_word and high_word, `NAME_lo` and `NAME_hi` one after the other | decimal(38), see below |
//! | ascii, of one byte | text of one letter, null for a zero byte |
//! | text | text without the NULs behind it, its bytes escaped where it is not UTF-8 |
//! | any other | the number as it is |
//!
//! A field of several elements is a list of fixed size. The two words of an i128 are one decimal
//! `NAME`, null where it has more than 38 digits, and the words as they are. `notional` is a price
//! times a quantity and has a price's 9 decimals; any other is a whole number.
//!
//! The first column is `seq`, the output sequence. `length` and `rtype`, which are the kind's,
//! and reserved fields are left out. A value that the table calls "no value" is null. Unit and
//! meaning of a field stand in its metadata.

use super::cells::{self, Cells};
use super::error::SinkError;
use super::rows::Rows;
use arrow_array::{ArrayRef, FixedSizeListArray, RecordBatch, UInt64Array};
use arrow_schema::{DataType, Field as Column, Schema, SchemaRef};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tickring::schema::{Field, FieldType, Kind, Unit};

/// The column of output sequences.
const SEQ: &str = "seq";
/// Fields of the header that say no more than the kind's name.
const OF_KIND: [&str; 2] = ["length", "rtype"];

/// How a column is made.
#[derive(Clone, Debug)]
enum Source {
    Seq,
    One(Field, Shown),
    Words { low: Field, high: Field, scale: i8 },
}

/// What is made of the number in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Plain,
    Price,
    Time,
    Letter,
    Text,
}

/// The columns of one kind.
#[derive(Debug)]
pub(super) struct Columns {
    schema: SchemaRef,
    sources: Vec<Source>,
    out_of_range: u64,
}

impl Columns {
    /// The columns of `kind`, with the integers behind decimals if `raw`; `metadata` is that of
    /// the file's schema.
    ///
    /// # Errors
    ///
    /// [`SinkError::Name`] for a name that two columns have.
    pub(super) fn new(
        kind: &Kind,
        raw: bool,
        metadata: HashMap<String, String>,
    ) -> Result<Self, SinkError> {
        let mut columns = vec![Column::new(SEQ, DataType::UInt64, false)];
        let mut sources = vec![Source::Seq];
        let mut add = |column: Column, source| {
            columns.push(column);
            sources.push(source);
        };
        let mut rest = kind.data_fields().peekable();
        while let Some(field) = rest.next() {
            if OF_KIND.contains(&field.name.as_ref()) {
                continue;
            }
            if let Some(words) = rest.peek().and_then(|high| words(field, high)) {
                add(column_of_words(field, &words), words);
                if !raw {
                    rest.next();
                    continue;
                }
            }
            let shown = shown(field);
            add(column(field, &field.name, shown), Source::One(field.clone(), shown));
            if raw && shown == Shown::Price {
                let name = format!("{}_e9", field.name);
                let plain = Source::One(field.clone(), Shown::Plain);
                add(column(field, &name, Shown::Plain), plain);
            }
        }
        let mut names = HashSet::new();
        match columns.iter().find(|column| !names.insert(column.name().as_str())) {
            Some(twice) => Err(SinkError::Name { name: twice.name().clone() }),
            None => Ok(Self {
                schema: Arc::new(Schema::new_with_metadata(columns, metadata)),
                sources,
                out_of_range: 0,
            }),
        }
    }

    /// The schema of the files.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many values did not fit their column and are null there.
    pub(super) fn out_of_range(&self) -> u64 {
        self.out_of_range
    }

    /// The columns of these records.
    ///
    /// # Errors
    ///
    /// [`SinkError::Format`] if the library does not take them.
    pub(super) fn batch(&mut self, rows: &Rows) -> Result<RecordBatch, SinkError> {
        let mut arrays = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            arrays.push(match source {
                Source::Seq => Arc::new(UInt64Array::from(rows.seqs().to_vec())) as ArrayRef,
                Source::One(field, shown) => one(field, *shown, rows, &mut self.out_of_range)?,
                Source::Words { low, high, scale } => {
                    let cells = (Cells::new(low, rows), Cells::new(high, rows));
                    cells::words(cells, *scale, &mut self.out_of_range)?
                }
            });
        }
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(SinkError::format)
    }
}

/// The array of one field.
fn one(
    field: &Field,
    shown: Shown,
    rows: &Rows,
    out_of_range: &mut u64,
) -> Result<ArrayRef, SinkError> {
    let values = cells::values(Cells::new(field, rows), shown, out_of_range)?;
    let DataType::FixedSizeList(item, length) = data_type(field, shown) else { return Ok(values) };
    let lists = FixedSizeListArray::try_new(item, length, values, None);
    Ok(Arc::new(lists.map_err(SinkError::format)?))
}

/// What is made of a field.
fn shown(field: &Field) -> Shown {
    let is_integer =
        !matches!(field.ty, FieldType::F16 | FieldType::F32 | FieldType::F64 | FieldType::Bytes);
    match field.unit {
        _ if field.ty == FieldType::Bytes => Shown::Text,
        Unit::PriceE9 if is_integer => Shown::Price,
        Unit::NanosEpoch if is_integer => Shown::Time,
        Unit::Ascii if field.ty == FieldType::U8 => Shown::Letter,
        _ => Shown::Plain,
    }
}

/// The two words of an i128 as one column, if these fields are that.
fn words(low: &Field, high: &Field) -> Option<Source> {
    let is_word = |field: &Field, ty, unit| (field.ty, field.unit, field.count) == (ty, unit, 1);
    let name = low.name.strip_suffix("_lo")?;
    let are_words = high.name.strip_suffix("_hi") == Some(name)
        && is_word(low, FieldType::U64, Unit::LowWord)
        && is_word(high, FieldType::I64, Unit::HighWord);
    let scale = if name == "notional" { cells::PRICE_DECIMALS } else { 0 };
    are_words.then(|| Source::Words { low: low.clone(), high: high.clone(), scale })
}

fn column_of_words(low: &Field, words: &Source) -> Column {
    let scale = if let Source::Words { scale, .. } = words { *scale } else { 0 };
    let name = low.name.strip_suffix("_lo").unwrap_or(&low.name);
    let data_type = DataType::Decimal128(cells::WORDS_DIGITS, scale);
    Column::new(name, data_type, true).with_metadata(described(low))
}

fn column(field: &Field, name: &str, shown: Shown) -> Column {
    let nullable = field.null.is_some() || matches!(shown, Shown::Time | Shown::Letter);
    // A list of nullable elements is itself always there.
    let nullable = nullable && elements(field) == 1;
    Column::new(name, data_type(field, shown), nullable).with_metadata(described(field))
}

fn described(field: &Field) -> HashMap<String, String> {
    let doc = field.doc.clone().into_owned();
    HashMap::from([("unit".into(), field.unit.as_str().into()), ("doc".into(), doc)])
}

/// How many values a field has: a text is one.
pub(super) fn elements(field: &Field) -> usize {
    let count = if field.ty == FieldType::Bytes { 1 } else { field.count };
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn data_type(field: &Field, shown: Shown) -> DataType {
    let value = cells::data_type(field.ty, shown);
    match i32::try_from(elements(field)) {
        Ok(count) if count > 1 => {
            let item = Column::new("item", value, shown != Shown::Plain);
            DataType::FixedSizeList(Arc::new(item), count)
        }
        _ => value,
    }
}
