//! Records where they stand in the ring.

use crate::batch::Batch;
use crate::collect::Collected;
use crate::error;
use crate::reader::Reader;
use crate::rows::Rows;
use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyAny, PyType};
use tickring::{Extent, Poll};

/// The next records of a reader where they stand, without a copy: a context manager.
///
/// In a ring with one data kind the view ends in front of a record of another kind, and begins
/// behind those that stand at the cursor: they are in `passed`. In a ring with several data kinds
/// `array` shows the common header of each record. A view never goes around the end of the ring,
/// so it may be shorter than what is there.
///
/// Leaving the `with` block moves the cursor behind the view, or raises `Lapped` if the writer
/// overwrote part of it meanwhile: then everything computed from `array` is void. After the block
/// the array must not be used: it shows whatever the writer puts there. An exception of the
/// block leaves the cursor where it was.
#[pyclass(module = "tickring")]
pub(crate) struct View {
    reader: Py<Reader>,
    max: usize,
    entered: bool,
    extent: Option<Extent>,
    passed: Option<Py<Batch>>,
    array: PyOnceLock<Py<PyAny>>,
}

impl View {
    /// A view of up to `max` records, not entered yet.
    pub(crate) fn new(reader: Py<Reader>, max: usize) -> Self {
        let array = PyOnceLock::new();
        Self { reader, max, entered: false, extent: None, passed: None, array }
    }

    /// Finds the run of records to look at; collects into `passed` what stands in front of it.
    fn find(
        &self,
        py: Python<'_>,
        reader: &mut Reader,
        passed: &mut Collected,
    ) -> PyResult<Option<Extent>> {
        let schema = reader.schema_object().clone_ref(py);
        let layout = schema.get().layout(None)?;
        let collector = reader.collector();
        loop {
            // A view of no records consumes none and tells what else there is.
            let outcome = collector.reader.view(0, |_| ());
            if !collector.note(passed, outcome) {
                return Ok(None);
            }
            let Some(extent) = collector.reader.extent(self.max) else {
                return Ok(None);
            };
            let run = collector.reader.view_at(extent.first, extent.count, |view| {
                view.iter().take_while(|record| layout.accepts(record.rtype())).count()
            });
            match run {
                None => {}
                Some(0) => {
                    let one_more = passed.len() + 1;
                    if !collector.step(passed, one_more) {
                        return Ok(None);
                    }
                }
                Some(count) => return Ok(Some(Extent { count, ..extent })),
            }
        }
    }

    fn checked(&self) -> PyResult<Option<&Extent>> {
        if self.entered {
            Ok(self.extent.as_ref())
        } else {
            Err(PyRuntimeError::new_err("a view is there only within its `with` block"))
        }
    }
}

#[pymethods]
impl View {
    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        let py = slf.py();
        let mut view = slf.borrow_mut();
        if view.entered {
            return Err(PyRuntimeError::new_err("this view is entered already"));
        }
        let mut reader = view.reader.bind(py).borrow_mut();
        let mut passed = reader.begin()?;
        let extent = view.find(py, &mut reader, &mut passed)?;
        let passed = Py::new(py, reader.deliver(py, passed)?)?;
        drop(reader);
        view.array = PyOnceLock::new();
        view.extent = extent;
        view.passed = Some(passed);
        view.entered = true;
        drop(view);
        Ok(slf)
    }

    fn __exit__(
        &mut self,
        py: Python<'_>,
        exc_type: Option<Bound<'_, PyType>>,
        exc_value: Option<Bound<'_, PyAny>>,
        _traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        self.entered = false;
        self.array = PyOnceLock::new();
        let Some(extent) = self.extent.take() else { return Ok(false) };
        let mut reader = self.reader.bind(py).borrow_mut();
        let bus = &mut reader.collector().reader;
        let whole = match exc_type {
            None => bus.validate(&extent),
            Some(class) if class.is_subclass_of::<PyException>()? => {
                bus.view_at(extent.first, 1, |_| ()).is_some()
            }
            // Ctrl-C and the like go on as they are.
            Some(_) => true,
        };
        if whole {
            return Ok(false);
        }
        let (missed, resume) = match bus.view(0, |_| ()) {
            Poll::Lapped { missed, resume } => (missed, resume),
            // The block itself moved the cursor: only the view was lost.
            _ => (0, bus.cursor()),
        };
        let lapped = error::lapped(py, missed, resume);
        lapped.value(py).setattr("__context__", exc_value)?;
        Err(lapped)
    }

    /// The records as a read-only structured array over the slots, see `Schema.dtype()`.
    #[getter]
    fn array<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let extent = self.checked()?;
        let made = self.array.get_or_try_init(py, || {
            let schema = self.reader.bind(py).borrow().schema_object().clone_ref(py);
            let layout = schema.get().layout(None)?;
            let rows = match extent {
                Some(extent) => {
                    Rows::of_slots(self.reader.clone_ref(py), extent, layout.size_bytes)
                }
                None => Rows::of_bytes(Vec::new(), layout.size_bytes),
            };
            rows.into_array(py, Some(layout.dtype(py)?)).map(Bound::unbind)
        })?;
        Ok(made.bind(py).clone())
    }

    /// The sequences of the records in `array`, as u64.
    #[getter]
    fn seq<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let seqs = match self.checked()? {
            Some(extent) => (extent.first..).take(extent.count).collect(),
            None => Vec::new(),
        };
        Rows::of_words(seqs).into_array(py, None)
    }

    /// What stood in front of the view and is not in it: control records and events.
    #[getter]
    fn passed(&self, py: Python<'_>) -> PyResult<Py<Batch>> {
        self.checked()?;
        let none = || PyRuntimeError::new_err("a view is there only within its `with` block");
        self.passed.as_ref().map(|passed| passed.clone_ref(py)).ok_or_else(none)
    }

    fn __len__(&self) -> PyResult<usize> {
        Ok(self.checked()?.map_or(0, |extent| extent.count))
    }
}
