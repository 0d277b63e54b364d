//! Memory that numpy looks at without copying, through the protocol `__array_interface__`.

use crate::reader::Reader;
use crate::storage::Storage;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyAny, PyDict};
use std::sync::Arc;
use tickring::Extent;

/// A record stands this far behind its stamp.
const STAMP_BYTES: usize = 8;

/// Rows in memory with what keeps it alive. Arrays made of it are read-only.
#[pyclass(module = "tickring._native", frozen)]
#[derive(Debug)]
pub(crate) struct Rows {
    /// Held so that the memory stays while an array refers to it.
    _owner: Owner,
    address: usize,
    count: usize,
    stride_bytes: usize,
    typestr: String,
}

/// Whose memory it is.
#[expect(dead_code, reason = "held so that the memory stays while an array refers to it")]
#[derive(Debug)]
enum Owner {
    /// Validated copies as the bus made them.
    Storage(Arc<Storage>),
    /// Selected copies.
    Bytes(Vec<u8>),
    /// Sequences.
    Words(Vec<u64>),
    /// The mapping of a reader.
    Mapping(Py<Reader>),
}

impl Rows {
    /// The rows of one run of validated copies, of which each row's first `size_bytes` count.
    pub(crate) fn of_storage(storage: &Arc<Storage>, size_bytes: usize) -> Option<Self> {
        let run = storage.only_run()?;
        Some(Self {
            address: run.bytes().as_ptr().expose_provenance(),
            count: run.len(),
            stride_bytes: run.record_bytes(),
            typestr: format!("|V{size_bytes}"),
            _owner: Owner::Storage(Arc::clone(storage)),
        })
    }

    /// Rows of `size_bytes` one behind the other.
    pub(crate) fn of_bytes(bytes: Vec<u8>, size_bytes: usize) -> Self {
        Self {
            address: bytes.as_ptr().expose_provenance(),
            count: bytes.len().checked_div(size_bytes).unwrap_or(0),
            stride_bytes: size_bytes,
            typestr: format!("|V{size_bytes}"),
            _owner: Owner::Bytes(bytes),
        }
    }

    /// Sequences.
    pub(crate) fn of_words(words: Vec<u64>) -> Self {
        Self {
            address: words.as_ptr().expose_provenance(),
            count: words.len(),
            stride_bytes: size_of::<u64>(),
            typestr: "<u8".to_owned(),
            _owner: Owner::Words(words),
        }
    }

    /// The slots of a ring that `extent` tells, of which each record's first `size_bytes` count.
    pub(crate) fn of_slots(reader: Py<Reader>, extent: &Extent, size_bytes: usize) -> Self {
        Self {
            _owner: Owner::Mapping(reader),
            address: extent.stamp_address + STAMP_BYTES,
            count: extent.count,
            stride_bytes: extent.stride_bytes,
            typestr: format!("|V{size_bytes}"),
        }
    }

    /// The rows as a read-only array, structured by `dtype` where one is given.
    pub(crate) fn into_array<'py>(
        self,
        py: Python<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static ASARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let array = ASARRAY.import(py, "numpy", "asarray")?.call1((self,))?;
        match dtype {
            Some(dtype) => array.call_method1("view", (dtype,)),
            None => Ok(array),
        }
    }
}

#[pymethods]
impl Rows {
    /// See numpy's documentation, "The array interface protocol", version 3.
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("typestr", &self.typestr)?;
        interface.set_item("shape", (self.count,))?;
        interface.set_item("strides", (self.stride_bytes,))?;
        interface.set_item("data", (self.address, true))?;
        Ok(interface)
    }
}
