//! A writer of a ring, for data that begins in Python.

use crate::error::to_python;
use crate::schema::{Schema, Shape};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyAny, PyBytes};

/// The one writer of a ring.
///
/// As a context manager it closes the ring at the end of the block. Without that, or when the
/// process ends, the ring stays open: readers wait for the next writer.
#[pyclass(module = "tickring")]
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` once the ring is closed.
    writer: Option<tickring::Writer>,
    name: String,
    epoch: u64,
    next_seq: u64,
    schema: Py<Schema>,
}

impl Writer {
    /// Wraps a writer of the bus.
    pub(crate) fn new(py: Python<'_>, writer: tickring::Writer) -> PyResult<Self> {
        Ok(Self {
            name: writer.name().to_string(),
            epoch: writer.epoch(),
            next_seq: writer.next_seq(),
            schema: Py::new(py, Schema::new(writer.schema().clone()))?,
            writer: Some(writer),
        })
    }
}

#[pymethods]
impl Writer {
    /// Publishes the rows of a structured array in order and gives the sequence behind the last.
    ///
    /// The array's dtype is `schema.dtype(kind)`, or, of a user-defined kind, the one that the
    /// schema was made from: the header is filled in then, without publisher, instrument and time.
    /// The kind may be left out in a ring with one data kind. The header's `length` and `rtype`
    /// are filled in. Readers are told of all rows at once.
    #[pyo3(signature = (array, kind=None))]
    fn publish(
        &mut self,
        py: Python<'_>,
        array: &Bound<'_, PyAny>,
        kind: Option<&str>,
    ) -> PyResult<u64> {
        static ASARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let ended = || PyValueError::new_err("the ring is closed: create it again to go on");
        let writer = self.writer.as_mut().ok_or_else(ended)?;
        let layout = self.schema.get().layout(kind)?;
        let rtype = layout.rtype.ok_or_else(|| {
            PyValueError::new_err("the ring has several kinds: say which with kind=")
        })?;
        let array = ASARRAY.import(py, "numpy", "asarray")?.call1((array,))?;
        let shape = layout.shape_of(py, &array.getattr("dtype")?)?;
        let bytes = array.call_method0("tobytes")?.cast_into::<PyBytes>()?;
        let given = bytes.as_bytes();
        let outcome = py.detach(|| match shape {
            Shape::Whole => writer.publish_rows(rtype, given),
            Shape::WithoutHeader => writer.publish_rows(rtype, &layout.with_headers(given)),
        });
        self.next_seq = writer.next_seq();
        outcome.map_err(|refused| to_python(refused.into()))
    }

    /// Tells whoever looks that the writer is alive though it has nothing to publish.
    fn heartbeat(&mut self) {
        if let Some(writer) = &mut self.writer {
            writer.heartbeat();
        }
    }

    /// Ends the ring: readers that have read everything get Closed. Another writer may go on.
    fn close(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.close();
        }
    }

    /// The ring's name, `bus/ring`.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// The sequence that the next record will have.
    #[getter]
    fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The number of this writer's life, 1 for the one that created the ring.
    #[getter]
    fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The field table of the ring.
    #[getter]
    fn schema(&self, py: Python<'_>) -> Py<Schema> {
        self.schema.clone_ref(py)
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __exit__(
        &mut self,
        _exc_type: Option<Bound<'_, PyAny>>,
        _exc_value: Option<Bound<'_, PyAny>>,
        _traceback: Option<Bound<'_, PyAny>>,
    ) -> bool {
        self.close();
        false
    }

    fn __repr__(&self) -> String {
        let state = if self.writer.is_some() { "open" } else { "closed" };
        format!("<tickring.Writer of {}, {state}, next sequence {}>", self.name, self.next_seq)
    }
}
