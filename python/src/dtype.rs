//! From rows of the schema table to a numpy dtype.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyAny, PyDict, PyType};
use tickring::schema::{Field, FieldType, Unit};

/// Makes the structured dtype of `fields` in rows of `size_bytes`.
///
/// Offsets are explicit, so bytes that belong to no field stay hidden. One ASCII character is
/// `S1`, so that `array["side"] == b"B"` works; a field of several elements is a subarray.
pub(crate) fn of<'py>(
    py: Python<'py>,
    fields: &[Field],
    size_bytes: usize,
) -> PyResult<Bound<'py, PyAny>> {
    static DTYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let names: Vec<&str> = fields.iter().map(|field| &*field.name).collect();
    let formats: Vec<String> = fields.iter().map(format_of).collect();
    let offsets: Vec<u32> = fields.iter().map(|field| field.offset).collect();
    let parts = PyDict::new(py);
    parts.set_item("names", names)?;
    parts.set_item("formats", formats)?;
    parts.set_item("offsets", offsets)?;
    parts.set_item("itemsize", size_bytes)?;
    DTYPE.import(py, "numpy", "dtype")?.call1((parts,))
}

fn format_of(field: &Field) -> String {
    let count = field.count;
    let element = match field.ty {
        FieldType::U8 if field.unit == Unit::Ascii => return format!("S{count}"),
        FieldType::Bytes => return format!("S{count}"),
        FieldType::U8 => "|u1",
        FieldType::I8 => "|i1",
        FieldType::U16 => "<u2",
        FieldType::I16 => "<i2",
        FieldType::U32 => "<u4",
        FieldType::I32 => "<i4",
        FieldType::U64 => "<u8",
        FieldType::I64 => "<i8",
        FieldType::F16 => "<f2",
        FieldType::F32 => "<f4",
        FieldType::F64 => "<f8",
    };
    if count == 1 { element.to_owned() } else { format!("({count},){element}") }
}
