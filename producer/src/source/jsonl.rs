//! JSON lines: one object or array a line, also `.gz` and `.zst`.
//!
//! Which value is which field says a [`ColumnMap`], whose columns are keys, or JSON pointers (RFC
//! 6901) such as `/data/0/px`. Numbers are read from their text, be they JSON numbers or strings;
//! `null` and a value that is not there are empty cells.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::columns::lines::Lines;
use crate::columns::rows::{Cut, Rows};
use crate::columns::{Column, ColumnMap, Fault, Field, Row, RowKind};
use crate::error::Error;
use crate::source::{Kinds, Progress, Report, Sink, Source};

/// Reads the lines of a JSON lines file.
#[derive(Debug)]
pub struct JsonLinesSource {
    rows: Rows<Node>,
}

impl JsonLinesSource {
    /// Opens the file.
    ///
    /// With `is_strict` the first line that cannot be a record is an error; without, such lines are
    /// counted and left out.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Option`] if the map lacks a field or is
    /// one of books, [`Error::Table`] if the file is empty.
    pub fn open(path: &Path, map: &ColumnMap, is_strict: bool) -> Result<Self, Error> {
        map.check()?;
        if map.kind == RowKind::Book {
            let (expected, found) = ("trade, quote or delta for JSON", "book".to_owned());
            return Err(Error::Option { name: "kind", expected, found });
        }
        let mut root = Node::default();
        for (field, column) in &map.columns {
            match column {
                Column::Name(name) => root.add(name, *field),
                Column::Number(number) => root.add(&format!("/{number}"), *field),
            }
        }
        Ok(Self { rows: Rows::new(Lines::open(path)?, false, root, map, is_strict) })
    }
}

impl Source for JsonLinesSource {
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

/// What is wanted of a JSON value: itself, or something inside it.
#[derive(Debug, Default)]
struct Node {
    fields: Vec<Field>,
    children: Vec<(String, Node)>,
}

impl Node {
    /// Adds a field and where it is: a key of the object, or a pointer.
    fn add(&mut self, place: &str, field: Field) {
        let Some(pointer) = place.strip_prefix('/') else {
            return self.child(place).fields.push(field);
        };
        let keys = pointer.split('/').map(|key| key.replace("~1", "/").replace("~0", "~"));
        keys.fold(self, |node, key| node.child(&key)).fields.push(field);
    }

    fn child(&mut self, key: &str) -> &mut Self {
        let known = self.children.iter().position(|(known, _)| known == key);
        let at = known.unwrap_or_else(|| {
            self.children.push((key.to_owned(), Self::default()));
            self.children.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found, or put there, in the lines above")]
        &mut self.children[at].1
    }

    fn find(&self, key: &str) -> Option<&Self> {
        self.children.iter().find(|(known, _)| known == key).map(|(_, child)| child)
    }
}

impl Cut for Node {
    fn cut<'a>(&'a mut self, line: &'a [u8]) -> Result<Row<'a>, Fault> {
        let mut row = Row::default();
        let mut json = serde_json::Deserializer::from_slice(line);
        let seed = Seed { node: self, row: &mut row };
        seed.deserialize(&mut json).and_then(|()| json.end()).map_err(|_| Fault::Json)?;
        Ok(row)
    }
}

/// Reads what is wanted of a value into the cells of a row, and passes over the rest.
struct Seed<'n, 'r, 'a> {
    node: &'n Node,
    row: &'r mut Row<'a>,
}

impl<'a> DeserializeSeed<'a> for Seed<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        if !self.node.children.is_empty() {
            return deserializer.deserialize_any(self);
        }
        let text = <&RawValue>::deserialize(deserializer)?.get();
        for field in &self.node.fields {
            self.row.set(*field, unquoted(text));
        }
        Ok(())
    }
}

/// The text of a JSON value: a string's content, a number or a word as it is, nothing of `null`.
fn unquoted(text: &str) -> Cow<'_, [u8]> {
    let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match inside {
        None if text == "null" => Cow::Borrowed(&[]),
        None => Cow::Borrowed(text.as_bytes()),
        // Escapes are rare in what a record can hold: such a string is copied.
        Some(inside) if inside.contains('\\') => match serde_json::from_str::<String>(text) {
            Ok(string) => Cow::Owned(string.into_bytes()),
            Err(_) => Cow::Borrowed(inside.as_bytes()),
        },
        Some(inside) => Cow::Borrowed(inside.as_bytes()),
    }
}

impl<'a> Visitor<'a> for Seed<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(child) = map.next_key_seed(Key(self.node))? {
            match child {
                Some(node) => map.next_value_seed(Seed { node, row: self.row })?,
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        for number in 0_usize.. {
            let at = |(key, _): &&(String, Node)| key.parse() == Ok(number);
            let child = self.node.children.iter().find(at).map(|(_, child)| child);
            let more = match child {
                Some(node) => seq.next_element_seed(Seed { node, row: self.row })?.is_some(),
                None => seq.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    // What is not there at all is an empty cell, and so is what is inside of a plain value.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a key, and returns what is wanted of its value.
struct Key<'n>(&'n Node);

impl<'a, 'n> DeserializeSeed<'a> for Key<'n> {
    type Value = Option<&'n Node>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'n> Visitor<'_> for Key<'n> {
    type Value = Option<&'n Node>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.find(key))
    }
}

#[cfg(test)]
mod tests;
