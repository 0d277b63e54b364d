//! Records as JSON, one object a line.
//!
//! Keys: `seq`, `kind`, then every field under its name in order of the schema. A price has two:
//! `price` is the decimal as a string, `price_e9` the integer in units of 1e-9.

use super::Row;
use super::layout::{Column, KIND, SEQ};
use crate::failure::Failure;
use crate::output::Output;
use crate::value::{Value, count_of, value_of};

/// Prints JSON.
#[derive(Debug, Default)]
pub(crate) struct JsonPrinter {
    line: String,
}

impl JsonPrinter {
    pub(super) fn row(&mut self, row: Row<'_>, output: &mut Output) -> Result<(), Failure> {
        let line = &mut self.line;
        line.clear();
        // Names are of the form [a-z0-9_]+: nothing in them needs to be escaped.
        *line += "{\"";
        *line += SEQ;
        *line += "\":";
        Value::Integer(row.seq.into()).push_json(line);
        *line += ",\"";
        *line += KIND;
        *line += "\":\"";
        *line += &row.kind.name;
        line.push('"');
        for column in &row.kind.columns {
            member(line, &column.key, column, row.bytes, |value| value);
            if let Some(raw_key) = &column.raw_key {
                member(line, raw_key, column, row.bytes, |value| value.raw());
            }
        }
        *line += "}\n";
        output.write(line.as_bytes())
    }
}

fn member<'a>(
    line: &mut String,
    key: &str,
    column: &Column,
    bytes: &'a [u8],
    form: impl Fn(Value<'a>) -> Value<'a>,
) {
    *line += ",\"";
    *line += key;
    *line += "\":";
    let count = count_of(&column.field);
    if count == 1 {
        form(value_of(&column.field, bytes, 0)).push_json(line);
        return;
    }
    for index in 0..count {
        line.push(if index == 0 { '[' } else { ',' });
        form(value_of(&column.field, bytes, index)).push_json(line);
    }
    line.push(']');
}
