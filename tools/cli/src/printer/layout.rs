//! Which kinds and fields are shown, and under which keys.

use crate::failure::Failure;
use std::collections::HashSet;
use tickring::RingName;
use tickring::record::rtype;
use tickring::schema::{Field, Kind, Schema, Unit};

/// Keys in front of the fields, in JSON and CSV.
pub(crate) const SEQ: &str = "seq";
/// The key of the kind's name, in JSON.
pub(crate) const KIND: &str = "kind";

/// A field that is shown.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Row of the schema.
    pub(crate) field: Field,
    /// Its key: the field's name.
    pub(crate) key: String,
    /// The key of the raw integer behind a price: the field's name and `_e9`.
    pub(crate) raw_key: Option<String>,
}

/// A kind that is shown.
#[derive(Clone, Debug)]
pub(crate) struct KindLayout {
    /// Its name.
    pub(crate) name: String,
    /// Its fields, in the order in which they are shown.
    pub(crate) columns: Vec<Column>,
}

/// What to make of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shown<'a> {
    /// It is shown; its kind has this place in [`Layout::kinds`].
    As(usize, &'a KindLayout),
    /// It was not asked for.
    Not,
    /// The schema does not know its type.
    Unknown,
}

/// Everything that is shown of a ring.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The kinds, in order of the schema.
    kinds: Vec<KindLayout>,
    by_rtype: Vec<Option<usize>>,
    known: Vec<bool>,
}

impl Layout {
    /// Chooses `kinds` (all if empty) and `fields` (all if empty) of a ring's schema. A `brief`
    /// layout leaves out `length` and `rtype`, which say no more than the kind's name.
    ///
    /// # Errors
    ///
    /// [`Failure::UnknownKind`], [`Failure::UnknownField`].
    pub(crate) fn new(
        name: &RingName,
        schema: &Schema,
        kinds: &[String],
        fields: &[String],
        brief: bool,
    ) -> Result<Self, Failure> {
        let chosen = choose(name, schema, kinds)?;
        for wanted in fields {
            if !chosen.iter().any(|kind| kind.field(wanted).is_some_and(|it| !it.is_reserved())) {
                return Err(unknown_field(name, wanted, &chosen));
            }
        }
        let mut by_rtype = vec![None; 256];
        let mut known = vec![false; 256];
        for (index, kind) in chosen.iter().enumerate() {
            if let Some(place) = by_rtype.get_mut(usize::from(kind.rtype)) {
                *place = Some(index);
            }
        }
        for kind in schema.kinds() {
            if let Some(known) = known.get_mut(usize::from(kind.rtype)) {
                *known = true;
            }
        }
        let kinds = chosen.iter().map(|kind| KindLayout::new(kind, fields, brief)).collect();
        Ok(Self { kinds, by_rtype, known })
    }

    /// The kinds that are shown.
    pub(crate) fn kinds(&self) -> &[KindLayout] {
        &self.kinds
    }

    /// Whether records of this type are shown.
    pub(crate) fn shows(&self, rtype: u8) -> bool {
        self.by_rtype.get(usize::from(rtype)).copied().flatten().is_some()
    }

    /// What to make of a record of this type.
    pub(crate) fn find(&self, rtype: u8) -> Shown<'_> {
        let index = self.by_rtype.get(usize::from(rtype)).copied().flatten();
        match index.and_then(|index| Some((index, self.kinds.get(index)?))) {
            Some((index, kind)) => Shown::As(index, kind),
            None if self.known.get(usize::from(rtype)) == Some(&true) => Shown::Not,
            None => Shown::Unknown,
        }
    }
}

/// Kinds whose records come as records: not those that recovery writes, which are outcomes.
pub(crate) fn listed(schema: &Schema) -> impl Iterator<Item = &Kind> {
    schema.kinds().iter().filter(|kind| !matches!(kind.rtype, rtype::RESTART | rtype::TOMBSTONE))
}

fn choose<'a>(
    name: &RingName,
    schema: &'a Schema,
    wanted: &[String],
) -> Result<Vec<&'a Kind>, Failure> {
    for found in wanted {
        if !listed(schema).any(|kind| kind.name == *found) {
            let kinds = listed(schema).map(|kind| kind.name.to_string()).collect();
            return Err(Failure::UnknownKind {
                name: name.to_string(),
                found: found.clone(),
                kinds,
            });
        }
    }
    let is_wanted = |kind: &&Kind| wanted.is_empty() || wanted.iter().any(|it| *it == kind.name);
    Ok(listed(schema).filter(is_wanted).collect())
}

fn unknown_field(name: &RingName, found: &str, kinds: &[&Kind]) -> Failure {
    let mut seen = HashSet::new();
    let names = kinds.iter().flat_map(|kind| kind.data_fields()).map(|field| &*field.name);
    let fields = names.filter(|name| seen.insert(*name)).map(str::to_owned).collect();
    Failure::UnknownField { name: name.to_string(), found: found.to_owned(), fields }
}

impl KindLayout {
    fn new(kind: &Kind, fields: &[String], brief: bool) -> Self {
        let is_plumbing = |field: &Field| brief && matches!(&*field.name, "length" | "rtype");
        let chosen: Vec<&Field> = if fields.is_empty() {
            kind.data_fields().filter(|field| !is_plumbing(field)).collect()
        } else {
            let named = fields.iter().filter_map(|name| kind.field(name));
            named.filter(|field| !field.is_reserved()).collect()
        };
        // Fields keep their names; what is added to them gives way.
        let mut taken: HashSet<String> = kind.fields.iter().map(|it| it.name.to_string()).collect();
        let columns = chosen
            .into_iter()
            .map(|field| {
                let key = match &*field.name {
                    own @ (SEQ | KIND) => free(format!("{own}_"), &mut taken),
                    name => name.to_owned(),
                };
                let is_price = field.unit == Unit::PriceE9;
                let raw_key = is_price.then(|| free(format!("{}_e9", field.name), &mut taken));
                Column { field: field.clone(), key, raw_key }
            })
            .collect();
        Self { name: kind.name.to_string(), columns }
    }
}

/// A key that no field has: `key`, with as many underscores behind it as it takes.
fn free(mut key: String, taken: &mut HashSet<String>) -> String {
    while !taken.insert(key.clone()) {
        key.push('_');
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickring::record::{Mbo, Record, RecordHeader, Restart, Tombstone, Trade};
    use tickring::schema::FieldType;

    fn schema() -> Schema {
        Schema::new([Mbo::kinds(), Trade::kinds(), Restart::kinds(), Tombstone::kinds()].concat())
            .unwrap()
    }

    fn layout(kinds: &[&str], fields: &[&str], brief: bool) -> Result<Layout, Failure> {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let name = "demo/ticks".parse().unwrap();
        Layout::new(&name, &schema(), &own(kinds), &own(fields), brief)
    }

    #[test]
    fn all_but_recovery_records_and_reserved_fields_are_shown() {
        let layout = layout(&[], &[], false).unwrap();
        let names: Vec<&str> = layout.kinds().iter().map(|kind| &*kind.name).collect();
        assert_eq!(names, ["mbo", "trade"]);
        assert!(layout.shows(rtype::MBO) && !layout.shows(rtype::RESTART));
        assert!(matches!(layout.find(rtype::TRADE), Shown::As(1, _)));
        assert!(matches!(layout.find(rtype::RESTART), Shown::Not));
        assert!(matches!(layout.find(0x77), Shown::Unknown));
        let [mbo, _] = layout.kinds() else { panic!("two kinds") };
        assert_eq!(mbo.columns.len(), 15);
        let brief = self::layout(&["mbo"], &[], true).unwrap();
        assert_eq!(brief.kinds()[0].columns.len(), 13);
    }

    #[test]
    fn fields_come_in_the_order_asked_for() {
        let layout = layout(&["trade"], &["size", "price", "rtype"], true).unwrap();
        let keys: Vec<&str> = layout.kinds()[0].columns.iter().map(|it| &*it.key).collect();
        assert_eq!(keys, ["size", "price", "rtype"]);
    }

    #[test]
    fn unknown_kinds_and_fields_are_refused_with_what_there_is() {
        let error = layout(&["quote"], &[], false).unwrap_err().to_string();
        assert!(error.contains("quote") && error.contains("mbo, trade"), "{error}");
        let error = layout(&["trade"], &["order_id"], false).unwrap_err().to_string();
        assert!(error.contains("order_id") && error.contains("trade_id"), "{error}");
        assert!(layout(&[], &["order_id"], false).is_ok(), "one of the kinds has it");
    }

    #[test]
    fn added_keys_give_way_to_fields_of_the_same_name() {
        let mut fields = RecordHeader::fields();
        for (index, name) in ["seq", "seq_", "kind", "price", "price_e9"].iter().enumerate() {
            fields.push(Field {
                name: (*name).into(),
                offset: 16 + 8 * u32::try_from(index).unwrap(),
                ty: FieldType::I64,
                count: 1,
                unit: if *name == "price" { Unit::PriceE9 } else { Unit::None },
                null: None,
                doc: "".into(),
            });
        }
        let kind = Kind { name: "own".into(), rtype: 1, size_bytes: 56, fields };
        let columns = KindLayout::new(&kind, &[], true).columns;
        let keys = columns.iter().flat_map(|it| [Some(&it.key), it.raw_key.as_ref()]);
        let keys: Vec<&str> = keys.flatten().map(String::as_str).collect();
        let own = ["seq__", "seq_", "kind_", "price", "price_e9_", "price_e9"];
        assert_eq!(keys.get(3..), Some(&own[..]));
    }
}
