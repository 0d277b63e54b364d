//! From a numpy structured dtype to a schema.

use crate::error::{invalid_schema, to_python};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyAny, PyDict, PyTuple, PyType};
use tickring::RingSpec;
use tickring::schema::{Field, FieldType, Kind, Schema, Unit};

/// Makes the schema of a ring of user-defined records, recovery's kinds included.
///
/// # Errors
///
/// `TypeError` for what a record cannot hold, `ValueError` for units that do not fit,
/// `SchemaInvalid` for hidden bytes and everything that the bus refuses.
pub(crate) fn schema(
    dtype: &Bound<'_, PyAny>,
    name: &str,
    rtype: u8,
    units: Option<&Bound<'_, PyDict>>,
) -> PyResult<Schema> {
    static DTYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let dtype = DTYPE.import(dtype.py(), "numpy", "dtype")?.call1((dtype,))?;
    let mut fields = fields_of(&dtype)?;
    for (field, unit) in units.into_iter().flatten() {
        let (field, unit): (String, String) = (field.extract()?, unit.extract()?);
        let names = || fields.iter().map(|field| &*field.name).collect::<Vec<_>>().join(", ");
        let unknown =
            || PyValueError::new_err(format!("no field '{field}'; there are: {}", names()));
        let at = fields.iter().position(|own| own.name == field).ok_or_else(unknown)?;
        if let Some(own) = fields.get_mut(at) {
            own.unit = unit_of(&unit, own)?;
        }
    }
    let kind = Kind::define(name, rtype, fields).map_err(invalid_schema)?;
    Ok(RingSpec::new(vec![kind]).map_err(to_python)?.schema)
}

/// The fields of a dtype, which must cover its rows without hidden bytes.
fn fields_of(dtype: &Bound<'_, PyAny>) -> PyResult<Vec<Field>> {
    let names: Option<Vec<String>> = dtype.getattr("names")?.extract()?;
    let names = names.ok_or_else(|| {
        PyTypeError::new_err(format!("{dtype} has no fields: expected a structured dtype"))
    })?;
    let places = dtype.getattr("fields")?;
    let mut fields = Vec::new();
    let mut end = 0;
    for name in names {
        let place = places.get_item(&name)?.cast_into::<PyTuple>()?;
        let offset: u32 = place.get_item(1)?.extract()?;
        covered(end, offset, &format!("in front of '{name}'"))?;
        let field = field_of(&place.get_item(0)?, name)?;
        end = offset.saturating_add(field.size_bytes());
        fields.push(field);
    }
    covered(end, dtype.getattr("itemsize")?.extract()?, "at the end")?;
    Ok(fields)
}

/// Demands that the next field begins where the last one ended.
fn covered(end: u32, next: u32, place: &str) -> PyResult<()> {
    if next == end {
        return Ok(());
    }
    let Some(hidden) = next.checked_sub(end) else {
        return Err(PyTypeError::new_err(format!(
            "the dtype has fields that overlap {place}, at byte {next}: list fields in order of \
             offset, each behind the last"
        )));
    };
    Err(invalid_schema(format!(
        "the dtype has {hidden} hidden bytes {place}, at bytes {end}..{next}; hint: name them with \
         a reserved field, for example ('_pad', 'u1', ({hidden},)), or order fields from large to \
         small"
    )))
}

/// One field of a dtype.
fn field_of(dtype: &Bound<'_, PyAny>, name: String) -> PyResult<Field> {
    let refuse = |expected: &str| {
        PyTypeError::new_err(format!("field '{name}' is of type {dtype}: expected {expected}"))
    };
    let sub: Option<(Bound<'_, PyAny>, Vec<u32>)> = dtype.getattr("subdtype")?.extract()?;
    let (base, count) = match sub {
        None => (dtype.clone(), None),
        Some((base, shape)) => match shape.as_slice() {
            [count] => (base, Some(*count)),
            _ => return Err(refuse("an array of one dimension")),
        },
    };
    if !base.getattr("isnative")?.extract::<bool>()? {
        return Err(refuse("little-endian numbers, see dtype.newbyteorder('<')"));
    }
    let (kind, size): (char, u32) =
        (base.getattr("kind")?.extract()?, base.getattr("itemsize")?.extract()?);
    if kind == 'S' && count.is_none() {
        return Ok(Field { count: size, ..Field::new(name, FieldType::Bytes, Unit::Text) });
    }
    let ty = match (kind, size) {
        ('u', 1) => FieldType::U8,
        ('u', 2) => FieldType::U16,
        ('u', 4) => FieldType::U32,
        ('u', 8) => FieldType::U64,
        ('i', 1) => FieldType::I8,
        ('i', 2) => FieldType::I16,
        ('i', 4) => FieldType::I32,
        ('i', 8) => FieldType::I64,
        ('f', 2) => FieldType::F16,
        ('f', 4) => FieldType::F32,
        ('f', 8) => FieldType::F64,
        ('b', _) => return Err(refuse("u1, with 0 and 1 for a truth value")),
        ('M', _) => return Err(refuse("u8, with units={'name': 'ns_epoch'} for a time")),
        ('m', _) => return Err(refuse("u8, with units={'name': 'ns'} for a duration")),
        _ => return Err(refuse("u1 to u8, i1 to i8, f2, f4, f8, S, or an array of numbers")),
    };
    Ok(Field { count: count.unwrap_or(1), ..Field::new(name, ty, Unit::None) })
}

/// The unit of this name, where it can go with the field.
fn unit_of(name: &str, field: &Field) -> PyResult<Unit> {
    let unit = Unit::ALL.iter().copied().find(|unit| unit.as_str() == name).ok_or_else(|| {
        let names: Vec<&str> = Unit::ALL.iter().map(|unit| unit.as_str()).collect();
        PyValueError::new_err(format!("no unit '{name}'; there are: {}", names.join(", ")))
    })?;
    // Both change how the bytes of a field look to numpy, which the dtype has already said.
    let changes = |unit| matches!(unit, Unit::Text | Unit::Ascii);
    if unit != field.unit && (changes(unit) || changes(field.unit)) {
        return Err(PyValueError::new_err(format!(
            "field '{}' cannot have the unit '{name}': texts and letters are fields of type S",
            field.name
        )));
    }
    Ok(unit)
}
