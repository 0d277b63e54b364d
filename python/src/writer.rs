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

/// What a call on the writer of a closed ring raises.
fn ended() -> PyErr {
    PyValueError::new_err("the ring is closed: create it again to go on")
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

    /// Defines an instrument in the ring's directory, or changes its definition.
    ///
    /// `tick` is in units of 1e-9, `lot` in units of 10**qty_exp. Raises NoRoomForInstrument if the
    /// ring was created with too few `instruments`.
    #[pyo3(signature = (
        instrument_id, symbol, publisher_id=0, tick=None, *, lot=None, price_decimals=None,
        qty_decimals=None, qty_exp=0, ts_defined=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword in Python")]
    fn define(
        &mut self,
        instrument_id: u32,
        symbol: &str,
        publisher_id: u16,
        tick: Option<i64>,
        lot: Option<i64>,
        price_decimals: Option<u8>,
        qty_decimals: Option<u8>,
        qty_exp: i8,
        ts_defined: Option<u64>,
    ) -> PyResult<()> {
        let writer = self.writer.as_mut().ok_or_else(ended)?;
        let new = tickring::Instrument::new(publisher_id, instrument_id, symbol);
        let mut instrument = new.map_err(to_python)?;
        instrument.tick = tick.unwrap_or(instrument.tick);
        instrument.lot = lot.unwrap_or(instrument.lot);
        instrument.price_decimals = price_decimals.unwrap_or(instrument.price_decimals);
        instrument.qty_decimals = qty_decimals.unwrap_or(instrument.qty_decimals);
        instrument.qty_exp = qty_exp;
        instrument.ts_defined = ts_defined.unwrap_or(instrument.ts_defined);
        writer.define(&instrument).map_err(to_python)
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
