//! A ring's schema and state in words.

use crate::failure::Failure;
use crate::notation::{Price, Time};
use crate::output::Output;
use crate::table::{Align, Table};
use serde_json::{Value, json};
use tickring::RingState;
use tickring::schema::{Field, FieldType, Kind, Schema, Unit};

/// What a state is called.
pub(crate) fn state_name(state: RingState) -> &'static str {
    match state {
        RingState::Live => "live",
        RingState::Closed => "closed",
        RingState::Retired => "retired",
        RingState::Dead => "dead",
    }
}

/// Prints one table for each kind.
pub(crate) fn print(schema: &Schema, output: &mut Output) -> Result<(), Failure> {
    for (index, kind) in schema.kinds().iter().enumerate() {
        if index > 0 {
            writeln!(output)?;
        }
        writeln!(output, "{} (rtype {:#04x}, {} bytes)", kind.name, kind.rtype, kind.size_bytes)?;
        table(kind).print(output, 2)?;
    }
    Ok(())
}

fn table(kind: &Kind) -> Table {
    use Align::{Left, Right};
    let titles = [("field", Left), ("offset", Right), ("type", Left), ("unit", Left)];
    let mut table = Table::new(&[&titles[..], &[("null", Left), ("doc", Left)]].concat());
    for field in &kind.fields {
        table.row(vec![
            field.name.to_string(),
            field.offset.to_string(),
            type_name(field),
            field.unit.to_string(),
            null_text(field).unwrap_or_else(|| "-".to_owned()),
            field.doc.to_string(),
        ]);
    }
    table
}

/// The schema as JSON: `{"kinds":[{"name","rtype","size_bytes","fields":[…]}]}`; a field has name,
/// offset, type, count, unit, null (the bit pattern, or null) and doc.
pub(crate) fn json(schema: &Schema) -> Value {
    let field = |field: &Field| {
        json!({
            "name": field.name,
            "offset": field.offset,
            "type": field.ty.as_str(),
            "count": field.count,
            "unit": field.unit.as_str(),
            "null": field.null,
            "doc": field.doc,
        })
    };
    let kind = |kind: &Kind| {
        json!({
            "name": kind.name,
            "rtype": kind.rtype,
            "size_bytes": kind.size_bytes,
            "fields": kind.fields.iter().map(field).collect::<Vec<_>>(),
        })
    };
    json!({ "kinds": schema.kinds().iter().map(kind).collect::<Vec<_>>() })
}

/// `u64`, `f32[32]`.
fn type_name(field: &Field) -> String {
    match field.count {
        1 => field.ty.to_string(),
        count => format!("{}[{count}]", field.ty),
    }
}

/// The value that means "no value", as the field would show it.
fn null_text(field: &Field) -> Option<String> {
    let bits = field.null?;
    Some(match (field.ty, field.unit) {
        (FieldType::I64, Unit::PriceE9) => Price(bits.cast_signed().into()).to_string(),
        (FieldType::U64, Unit::NanosEpoch) if bits != u64::MAX => Time(bits.into()).to_string(),
        _ => format!("{bits:#x}"),
    })
}
