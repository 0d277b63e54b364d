//! The schema table of a ring as Python objects, and the layouts that follow from it.

use crate::{define, dtype};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyAny, PyDict};
use tickring::f16;
use tickring::record::{RecordHeader, UNDEF_TIME, rtype};
use tickring::schema::FieldType;

/// The field table of a ring: which kinds of records it may hold and what they are made of.
#[pyclass(module = "tickring", frozen)]
pub(crate) struct Schema {
    schema: tickring::schema::Schema,
    /// The layout of the data kind; of the common header in a ring that has none or several.
    main: Layout,
    /// A layout for each kind, in the schema's order.
    layouts: Vec<Layout>,
}

/// How rows of one kind, or the headers of all, look to numpy.
pub(crate) struct Layout {
    /// The kind's name; `None` for the common header.
    pub(crate) kind: Option<String>,
    /// Only records of this type have the layout; `None` for the common header.
    pub(crate) rtype: Option<u8>,
    /// Size of a row, in bytes.
    pub(crate) size_bytes: usize,
    /// The fields with data.
    fields: Vec<tickring::schema::Field>,
    dtype: PyOnceLock<Py<PyAny>>,
    /// Of a user-defined kind, all fields behind the header; none of the others.
    body: Vec<tickring::schema::Field>,
    /// The dtypes of rows without their header: with the reserved fields, and without.
    bodies: PyOnceLock<[Py<PyAny>; 2]>,
}

/// What the rows of an array are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Records.
    Whole,
    /// Records without their header.
    WithoutHeader,
}

const HEADER_BYTES: usize = size_of::<RecordHeader>();

impl Layout {
    fn of(kind: &tickring::schema::Kind) -> Self {
        Self {
            kind: Some(kind.name.to_string()),
            rtype: Some(kind.rtype),
            size_bytes: usize::try_from(kind.size_bytes).unwrap_or(usize::MAX),
            fields: kind.data_fields().cloned().collect(),
            dtype: PyOnceLock::new(),
            body: body_of(kind),
            bodies: PyOnceLock::new(),
        }
    }

    fn header() -> Self {
        Self {
            kind: None,
            rtype: None,
            size_bytes: HEADER_BYTES,
            fields: RecordHeader::fields(),
            dtype: PyOnceLock::new(),
            body: Vec::new(),
            bodies: PyOnceLock::new(),
        }
    }

    /// Whether records of type `rtype` have this layout. The records of recovery never do: they
    /// are events.
    pub(crate) fn accepts(&self, rtype: u8) -> bool {
        self.rtype.map_or(!matches!(rtype, rtype::RESTART | rtype::TOMBSTONE), |own| own == rtype)
    }

    /// The numpy dtype of a row. Cost: made once.
    pub(crate) fn dtype<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        let made = self.dtype.get_or_try_init(py, || {
            dtype::of(py, &self.fields, self.size_bytes).map(Bound::unbind)
        })?;
        Ok(made.bind(py))
    }

    /// What rows of dtype `found` are.
    ///
    /// # Errors
    ///
    /// `TypeError` if they are no rows of this layout.
    pub(crate) fn shape_of(&self, py: Python<'_>, found: &Bound<'_, PyAny>) -> PyResult<Shape> {
        let expected = self.dtype(py)?;
        if found.eq(expected)? {
            return Ok(Shape::Whole);
        }
        if !self.body.is_empty() {
            let bodies = self.bodies.get_or_try_init(py, || self.body_dtypes(py))?;
            for body in bodies {
                if found.eq(body)? {
                    return Ok(Shape::WithoutHeader);
                }
            }
        }
        let name = self.kind.as_deref().unwrap_or("header");
        Err(PyTypeError::new_err(format!(
            "an array of dtype {found} cannot be published as {name}: expected \
             schema.dtype('{name}'), {expected}"
        )))
    }

    fn body_dtypes(&self, py: Python<'_>) -> PyResult<[Py<PyAny>; 2]> {
        let size_bytes = self.size_bytes.saturating_sub(HEADER_BYTES);
        let shown: Vec<_> =
            self.body.iter().filter(|field| !field.is_reserved()).cloned().collect();
        let of = |fields| dtype::of(py, fields, size_bytes).map(Bound::unbind);
        Ok([of(&self.body)?, of(&shown)?])
    }

    /// Puts a header in front of each row that has none: without publisher, instrument and time.
    pub(crate) fn with_headers(&self, rows: &[u8]) -> Vec<u8> {
        let body_bytes = self.size_bytes.saturating_sub(HEADER_BYTES).max(1);
        let mut whole = Vec::with_capacity(rows.len() / body_bytes * self.size_bytes);
        for row in rows.chunks_exact(body_bytes) {
            // Length and record type are filled in by the bus.
            whole.extend_from_slice(&[0; 8]);
            whole.extend_from_slice(&UNDEF_TIME.to_le_bytes());
            whole.extend_from_slice(row);
        }
        whole
    }
}

/// The fields behind the header of a user-defined kind, as if there were none in front of them.
fn body_of(kind: &tickring::schema::Kind) -> Vec<tickring::schema::Field> {
    if kind.check_user().is_err() {
        return Vec::new();
    }
    let header_bytes = u32::try_from(HEADER_BYTES).unwrap_or(u32::MAX);
    let behind = |field: &tickring::schema::Field| {
        let offset = field.offset.checked_sub(header_bytes)?;
        Some(tickring::schema::Field { offset, ..field.clone() })
    };
    kind.fields.iter().filter_map(behind).collect()
}

impl Schema {
    /// Wraps a ring's schema.
    pub(crate) fn new(schema: tickring::schema::Schema) -> Self {
        let data: Vec<_> = schema.data_kinds().collect();
        let main = match data.as_slice() {
            [only] => Layout::of(only),
            _ => Layout::header(),
        };
        let layouts = schema.kinds().iter().map(Layout::of).collect();
        Self { schema, main, layouts }
    }

    /// The layout of kind `name`; the ring's main layout without one.
    ///
    /// # Errors
    ///
    /// `ValueError` if the ring has no such kind.
    pub(crate) fn layout(&self, name: Option<&str>) -> PyResult<&Layout> {
        let Some(name) = name else { return Ok(&self.main) };
        self.layouts.iter().find(|layout| layout.kind.as_deref() == Some(name)).ok_or_else(|| {
            let names: Vec<&str> = self.schema.kinds().iter().map(|kind| &*kind.name).collect();
            PyValueError::new_err(format!(
                "no kind '{name}' in this ring; it has: {}",
                names.join(", ")
            ))
        })
    }

    /// The table itself.
    pub(crate) fn table(&self) -> &tickring::schema::Schema {
        &self.schema
    }
}

#[pymethods]
impl Schema {
    /// Makes the schema of a ring of one's own records from a numpy structured dtype.
    ///
    /// Each field of the dtype becomes a field of the record, behind the header that all records
    /// begin with (`length`, `rtype`, `publisher_id`, `instrument_id`, `ts_event`): numbers of 8
    /// to 64 bits, one-dimensional arrays of them, and `S` texts. Names that begin with `_` are
    /// reserved bytes: written as zero, never shown. The record type is one of 0xC8 to 0xDF; units
    /// are those that `Field.unit` gives, such as "price_e9", "ns_epoch" or "count". Raises
    /// SchemaInvalid where the dtype has hidden bytes, a field that is not aligned or a size that
    /// is no multiple of 8, and says what to add.
    #[staticmethod]
    #[pyo3(signature = (dtype, name, rtype=0xC8, units=None))]
    fn from_dtype(
        dtype: &Bound<'_, PyAny>,
        name: &str,
        rtype: u8,
        units: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        define::schema(dtype, name, rtype, units).map(Self::new)
    }

    /// All kinds, control kinds included.
    #[getter]
    fn kinds(&self, py: Python<'_>) -> PyResult<Vec<Kind>> {
        self.schema.kinds().iter().map(|kind| Kind::new(py, kind)).collect()
    }

    /// The name of the data kind; None in a ring that has several.
    #[getter]
    fn data_kind(&self) -> Option<&str> {
        self.main.kind.as_deref()
    }

    /// The numpy dtype of one kind. Without a name: of the ring's data kind if it has exactly
    /// one, else of the header that all records begin with.
    #[pyo3(signature = (kind=None))]
    fn dtype<'py>(&self, py: Python<'py>, kind: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        self.layout(kind)?.dtype(py).cloned()
    }

    /// The fields of that dtype.
    #[pyo3(signature = (kind=None))]
    fn fields(&self, py: Python<'_>, kind: Option<&str>) -> PyResult<Vec<Field>> {
        self.layout(kind)?.fields.iter().map(|field| Field::new(py, field)).collect()
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.schema == other.schema
    }

    fn __repr__(&self) -> String {
        let names: Vec<&str> = self.schema.kinds().iter().map(|kind| &*kind.name).collect();
        format!("Schema(kinds=[{}])", names.join(", "))
    }
}

/// One kind of record.
#[pyclass(module = "tickring", frozen, get_all)]
#[derive(Debug)]
pub(crate) struct Kind {
    /// The kind's name.
    name: String,
    /// Record type, the second byte of each of its records.
    rtype: u8,
    /// Size of a record, in bytes.
    size: u32,
    /// Whether it tells about the ring and not about a market.
    is_control: bool,
    /// Its fields, without the reserved ones.
    fields: Vec<Py<Field>>,
}

impl Kind {
    fn new(py: Python<'_>, kind: &tickring::schema::Kind) -> PyResult<Self> {
        let fields = kind.data_fields().map(|field| Py::new(py, Field::new(py, field)?));
        Ok(Self {
            name: kind.name.to_string(),
            rtype: kind.rtype,
            size: kind.size_bytes,
            is_control: kind.is_control(),
            fields: fields.collect::<PyResult<_>>()?,
        })
    }
}

#[pymethods]
impl Kind {
    fn __repr__(&self) -> String {
        format!(
            "Kind(name='{}', rtype={:#04x}, size={}, fields={})",
            self.name,
            self.rtype,
            self.size,
            self.fields.len()
        )
    }
}

/// One field of a record.
#[pyclass(module = "tickring", frozen, get_all)]
#[derive(Debug)]
pub(crate) struct Field {
    /// The field's name.
    name: String,
    /// Distance from the start of the record, in bytes.
    offset: u32,
    /// Machine type of an element: "u8" to "u64", "i8" to "i64", "f32", "f64" or "bytes".
    r#type: &'static str,
    /// Number of elements; of a text, its room in bytes.
    count: u32,
    /// What the number means: "price_e9", "ns_epoch", "count", ...
    unit: &'static str,
    /// The number that means "no value"; None if all numbers are values.
    null: Option<Py<PyAny>>,
    /// One line about the field.
    doc: String,
}

impl Field {
    fn new(py: Python<'_>, field: &tickring::schema::Field) -> PyResult<Self> {
        let null = field.null.map(|bits| number_of(py, field.ty, bits)).transpose()?;
        Ok(Self {
            name: field.name.to_string(),
            offset: field.offset,
            r#type: field.ty.as_str(),
            count: field.count,
            unit: field.unit.as_str(),
            null: null.map(Bound::unbind),
            doc: field.doc.to_string(),
        })
    }
}

#[pymethods]
impl Field {
    fn __repr__(&self) -> String {
        format!(
            "Field(name='{}', offset={}, type='{}', count={}, unit='{}')",
            self.name, self.offset, self.r#type, self.count, self.unit
        )
    }
}

/// The number whose zero-extended bit pattern is `bits`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the pattern is zero-extended: see Field::null"
)]
fn number_of(py: Python<'_>, ty: FieldType, bits: u64) -> PyResult<Bound<'_, PyAny>> {
    use pyo3::IntoPyObjectExt;
    match ty {
        FieldType::I8 => (bits as i8).into_bound_py_any(py),
        FieldType::I16 => (bits as i16).into_bound_py_any(py),
        FieldType::I32 => (bits as i32).into_bound_py_any(py),
        FieldType::I64 => bits.cast_signed().into_bound_py_any(py),
        FieldType::F16 => f16::from_bits(bits as u16).to_f32().into_bound_py_any(py),
        FieldType::F32 => f32::from_bits(bits as u32).into_bound_py_any(py),
        FieldType::F64 => f64::from_bits(bits).into_bound_py_any(py),
        FieldType::U8 | FieldType::U16 | FieldType::U32 | FieldType::U64 | FieldType::Bytes => {
            bits.into_bound_py_any(py)
        }
    }
}
