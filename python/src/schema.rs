//! The schema table of a ring as Python objects, and the layouts that follow from it.

use crate::dtype;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use tickring::record::{RecordHeader, rtype};
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
}

impl Layout {
    fn of(kind: &tickring::schema::Kind) -> Self {
        Self {
            kind: Some(kind.name.to_string()),
            rtype: Some(kind.rtype),
            size_bytes: usize::try_from(kind.size_bytes).unwrap_or(usize::MAX),
            fields: kind.data_fields().cloned().collect(),
            dtype: PyOnceLock::new(),
        }
    }

    fn header() -> Self {
        Self {
            kind: None,
            rtype: None,
            size_bytes: size_of::<RecordHeader>(),
            fields: RecordHeader::fields(),
            dtype: PyOnceLock::new(),
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
        FieldType::F32 => f32::from_bits(bits as u32).into_bound_py_any(py),
        FieldType::F64 => f64::from_bits(bits).into_bound_py_any(py),
        FieldType::U8 | FieldType::U16 | FieldType::U32 | FieldType::U64 | FieldType::Bytes => {
            bits.into_bound_py_any(py)
        }
    }
}
