//! The records of one poll.

use crate::collect::Collected;
use crate::event::Event;
use crate::rows::Rows;
use crate::schema::{Layout, Schema};
use crate::storage::Storage;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyAny, PyDict, PyModule};
use std::sync::Arc;

/// Validated copies of records, and what happened to the ring between them.
///
/// `array` holds the records of the ring's data kind if it has exactly one; in a ring of several
/// kinds it holds the common header of every record, and `of(kind)` the records of one kind.
/// Control records that stand among the data, such as gaps, are reached by `of` too: `len(batch)`
/// counts all records. Arrays are read-only and stay valid as long as they are referred to.
#[pyclass(module = "tickring", frozen)]
pub(crate) struct Batch {
    schema: Py<Schema>,
    storage: Option<Arc<Storage>>,
    events: Vec<Event>,
    array: PyOnceLock<Py<PyAny>>,
}

impl Batch {
    /// Takes what was collected from a ring of this schema.
    pub(crate) fn new(schema: Py<Schema>, collected: Collected) -> Self {
        Self {
            schema,
            storage: collected.storage.map(Arc::new),
            events: collected.events,
            array: PyOnceLock::new(),
        }
    }

    /// Whether there is nothing in it but perhaps the end of the ring.
    pub(crate) fn is_end(&self) -> bool {
        let ends = |event: &Event| matches!(event, Event::Closed { .. });
        self.storage.is_none() && self.events.iter().all(ends)
    }

    fn array_of<'py>(&self, py: Python<'py>, layout: &Layout) -> PyResult<Bound<'py, PyAny>> {
        let (dtype, size_bytes) = (layout.dtype(py)?, layout.size_bytes);
        let Some(storage) = &self.storage else {
            return Rows::of_bytes(Vec::new(), size_bytes).into_array(py, Some(dtype));
        };
        // The memory itself serves when it holds this layout's rows and nothing else.
        let rows =
            if is_pure(storage, layout) { Rows::of_storage(storage, size_bytes) } else { None };
        let rows = rows.unwrap_or_else(|| {
            Rows::of_bytes(storage.rows(size_bytes, |rtype| layout.accepts(rtype)), size_bytes)
        });
        rows.into_array(py, Some(dtype))
    }

    fn frame<'py>(
        slf: &Bound<'py, Self>,
        function: &str,
        kind: Option<&str>,
        price: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let frames = PyModule::import(slf.py(), "tickring._frame")?;
        frames.call_method1(function, (slf, kind, price))
    }
}

/// Whether every record has this layout. The records of recovery, which have none, are never
/// stored.
fn is_pure(storage: &Storage, layout: &Layout) -> bool {
    layout.rtype.is_none_or(|rtype| storage.all_of(rtype))
}

#[pymethods]
impl Batch {
    fn __len__(&self) -> usize {
        self.storage.as_ref().map_or(0, |storage| storage.len())
    }

    /// The records as a read-only structured array, see `Schema.dtype()`.
    #[getter]
    fn array<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let made = self.array.get_or_try_init(py, || {
            self.array_of(py, self.schema.get().layout(None)?).map(Bound::unbind)
        })?;
        Ok(made.bind(py).clone())
    }

    /// The sequences of the records in `array`, as u64.
    #[getter]
    fn seq<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.seq_of(py, None)
    }

    /// The records of one kind, as a read-only structured array of its own dtype.
    ///
    /// Raises ValueError if the ring has no such kind.
    fn of<'py>(&self, py: Python<'py>, kind: &str) -> PyResult<Bound<'py, PyAny>> {
        self.array_of(py, self.schema.get().layout(Some(kind))?)
    }

    /// The sequences of the records of one kind, as u64; without a kind, of those in `array`.
    #[pyo3(signature = (kind=None))]
    fn seq_of<'py>(&self, py: Python<'py>, kind: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let layout = self.schema.get().layout(kind)?;
        let seqs = match &self.storage {
            Some(storage) if is_pure(storage, layout) => storage.all_seqs(),
            Some(storage) => storage.seqs(|rtype| layout.accepts(rtype)),
            None => Vec::new(),
        };
        Rows::of_words(seqs).into_array(py, None)
    }

    /// How many records there are of each kind, for the kinds that occur.
    fn kinds<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let kinds = PyDict::new(py);
        let counts = self.storage.as_ref().map_or([0; 256], |storage| storage.counts());
        let table = self.schema.get().table();
        for (rtype, count) in (0..=u8::MAX).zip(counts).filter(|(_, count)| *count > 0) {
            match table.kind_by_rtype(rtype) {
                Some(kind) => kinds.set_item(&*kind.name, count)?,
                None => kinds.set_item(format!("rtype {rtype:#04x}"), count)?,
            }
        }
        Ok(kinds)
    }

    /// What happened to the ring during the poll, in order: Lapped, Restarted, Tombstone, Closed.
    #[getter]
    fn events<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.events.iter().map(|event| event.to_object(py)).collect()
    }

    /// How many records were missed during the poll.
    #[getter]
    fn missed(&self) -> u64 {
        let missed = |event: &Event| match event {
            Event::Lapped { missed, .. } => *missed,
            _ => 0,
        };
        self.events.iter().map(missed).sum()
    }

    /// The ring's schema.
    #[getter]
    fn schema(&self, py: Python<'_>) -> Py<Schema> {
        self.schema.clone_ref(py)
    }

    /// What `numpy.asarray(batch)` gives: `array`.
    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let array = self.array(py)?;
        match (dtype, copy) {
            (Some(dtype), _) => array.call_method1("astype", (dtype,)),
            (None, Some(true)) => array.call_method0("copy"),
            (None, _) => Ok(array),
        }
    }

    /// `array`, or the records of one kind.
    #[pyo3(signature = (kind=None))]
    fn to_numpy<'py>(&self, py: Python<'py>, kind: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        match kind {
            Some(kind) => self.of(py, kind),
            None => self.array(py),
        }
    }

    /// The records as a polars DataFrame, with their sequences in the column `seq`.
    ///
    /// Times are Datetime("ns", "UTC"), prices floats or, with price="fixed", integers of 1e-9,
    /// letters and texts strings, lanes a fixed-size Array; "no value" is null.
    #[pyo3(signature = (kind=None, price="float"))]
    fn to_polars<'py>(
        slf: &Bound<'py, Self>,
        kind: Option<&str>,
        price: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::frame(slf, "to_polars", kind, price)
    }

    /// The records as a pandas DataFrame, with their sequences in the column `seq`.
    ///
    /// Times are datetime64[ns, UTC], prices floats or, with price="fixed", Int64 of 1e-9, letters
    /// and texts strings, lanes one array per row; "no value" is NaT, NaN or NA.
    #[pyo3(signature = (kind=None, price="float"))]
    fn to_pandas<'py>(
        slf: &Bound<'py, Self>,
        kind: Option<&str>,
        price: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::frame(slf, "to_pandas", kind, price)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut text = format!("<tickring.Batch of {} records", self.__len__());
        if let Some(first) = self.storage.as_ref().and_then(|storage| storage.first_seq()) {
            text.push_str(&format!(" from sequence {first}"));
        }
        for event in self.events(py)? {
            text.push_str(&format!(", {}", event.repr()?));
        }
        text.push('>');
        Ok(text)
    }
}
