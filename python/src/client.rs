//! A client of the nearest-neighbour consumer of another process.

use crate::error::ann_error;
use crate::reader::deadline_of;
use crate::ring::{directory_of, until_there};
use crate::rows::Rows;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyBytes, PyModule};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tickring_ann::{ClientOptions, Filter, Reply, Terms};

/// How long a wait goes on before it looks for Ctrl-C.
const SLICE: Duration = Duration::from_millis(200);
/// What stands where a row has fewer neighbours than others.
const NO_ID: u64 = u64::MAX;

/// Asks the nearest-neighbour consumer of a bus, `tickring ann BUS --requests`, to be used by one
/// thread at a time.
///
/// With a timeout, waits that many seconds for the rings of vectors and matches to appear; Ctrl-C
/// ends it. It keeps a ring of queries of its own, which `close`, or the end of a `with`, removes.
#[pyclass(module = "tickring")]
#[derive(Debug)]
pub(crate) struct Client {
    /// `None` once it is closed.
    client: Option<tickring_ann::Client>,
    dim: usize,
}

impl Client {
    fn open(&mut self) -> PyResult<&mut tickring_ann::Client> {
        self.client.as_mut().ok_or_else(|| {
            PyValueError::new_err("the client is closed: make another one, tickring.Client(bus)")
        })
    }
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (
        bus, *, vectors="vectors", matches="matches", requests="queries", timeout=None,
        directory=None
    ))]
    fn new(
        py: Python<'_>,
        bus: &str,
        vectors: &str,
        matches: &str,
        requests: &str,
        timeout: Option<f64>,
        directory: Option<PathBuf>,
    ) -> PyResult<Self> {
        let options = ClientOptions {
            vectors: vectors.to_owned(),
            matches: matches.to_owned(),
            prefix: requests.to_owned(),
        };
        let directory = directory_of(directory);
        let open = || tickring_ann::Client::open(&directory, bus, &options);
        let is_missing = |error: &tickring_ann::Error| {
            matches!(error, tickring_ann::Error::Bus(tickring::Error::NotFound { .. }))
        };
        let client = until_there(py, timeout, open, is_missing)?.map_err(ann_error)?;
        let dim = client.dim();
        Ok(Self { client: Some(client), dim })
    }

    /// Finds what is near to a vector, or to each row of an array of vectors.
    ///
    /// A neighbour may be asked to be within a `radius`, of one `instrument`, of event times from
    /// `since` to `until` in nanoseconds, and to have a `tag` where `tag_mask` has ones. Waits for
    /// each answer for `timeout` seconds at most; other threads run meanwhile, Ctrl-C ends it.
    /// Raises NoAnswer, AnswersLost or MatcherEnded, and ValueError for what cannot be asked.
    #[pyo3(signature = (
        queries, k=10, *, radius=None, instrument=None, since=0, until=u64::MAX, tag=0,
        tag_mask=None, timeout=5.0
    ))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword in Python")]
    fn search(
        &mut self,
        py: Python<'_>,
        queries: &Bound<'_, PyAny>,
        k: usize,
        radius: Option<f32>,
        instrument: Option<u32>,
        since: u64,
        until: u64,
        tag: u16,
        tag_mask: Option<u16>,
        timeout: Option<f64>,
    ) -> PyResult<Neighbours> {
        let (lanes, is_one) = lanes_of(py, queries, self.dim)?;
        let tag_mask = tag_mask.unwrap_or(if tag == 0 { 0 } else { u16::MAX });
        let filter = Filter { instrument, since_ns: since, until_ns: until, tag_mask, tag };
        let terms = Terms { k, radius, filter };
        let dim = self.dim;
        let client = self.open()?;
        let mut rows = lanes.chunks_exact(dim.max(1));
        let (count, mut replies) = (rows.len(), Vec::with_capacity(rows.len()));
        while replies.len() < count {
            while client.has_room(k) {
                let Some(row) = rows.next() else { break };
                client.ask(row, &terms).map_err(ann_error)?;
            }
            let (began, deadline) = (Instant::now(), deadline_of(timeout)?);
            loop {
                let left = deadline
                    .map_or(SLICE, |end| end.saturating_duration_since(Instant::now()).min(SLICE));
                if let Some(reply) = py.detach(|| client.wait(left)).map_err(ann_error)? {
                    replies.push(reply);
                    break;
                }
                if deadline.is_some_and(|end| end <= Instant::now()) {
                    return Err(ann_error(client.give_up(began.elapsed())));
                }
                if let Err(interrupt) = py.check_signals() {
                    let _ = client.give_up(began.elapsed());
                    return Err(interrupt);
                }
            }
        }
        Ok(Neighbours { replies, is_one })
    }

    /// Removes the ring of queries.
    fn close(&mut self) {
        self.client = None;
    }

    /// Lanes that a query must have.
    #[getter]
    fn dim(&self) -> usize {
        self.dim
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (*_arguments))]
    fn __exit__(&mut self, _arguments: &Bound<'_, PyAny>) {
        self.close();
    }
}

/// What is near to a vector, or to each of several.
#[pyclass(module = "tickring", frozen)]
#[derive(Debug)]
pub(crate) struct Neighbours {
    replies: Vec<Reply>,
    /// Whether one vector was asked for, and no array of them.
    is_one: bool,
}

impl Neighbours {
    /// An array with a row for each query, or without rows if one vector was asked for.
    fn table<'py, T, const N: usize>(
        &self,
        py: Python<'py>,
        dtype: &str,
        (value, none): (impl Fn(&(u64, f32)) -> T, T),
        bytes: impl Fn(T) -> [u8; N],
    ) -> PyResult<Bound<'py, PyAny>>
    where
        T: Copy,
    {
        let most = self.replies.iter().map(|reply| reply.neighbours.len()).max().unwrap_or(0);
        let mut table = Vec::with_capacity(self.replies.len() * most * N);
        for reply in &self.replies {
            for at in 0..most {
                let value = reply.neighbours.get(at).map_or(none, &value);
                table.extend_from_slice(&bytes(value));
            }
        }
        let array = array_of(py, table, N, dtype)?;
        if self.is_one {
            return Ok(array);
        }
        array.call_method1("reshape", ((self.replies.len(), most),))
    }

    fn column<'py, const N: usize>(
        &self,
        py: Python<'py>,
        dtype: &str,
        bytes: impl Fn(&Reply) -> [u8; N],
    ) -> PyResult<Bound<'py, PyAny>> {
        array_of(py, self.replies.iter().flat_map(bytes).collect(), N, dtype)
    }
}

#[pymethods]
impl Neighbours {
    /// The `vec_id` of each neighbour, the nearest first; a row for each query if several were
    /// asked. Where a row has fewer than others stands 2**64 - 1.
    #[getter]
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.table(py, "<u8", (|near| near.0, NO_ID), u64::to_le_bytes)
    }

    /// The distances, as `ids`; NaN where there is no neighbour.
    #[getter]
    fn distances<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.table(py, "<f4", (|near| near.1, f32::NAN), f32::to_le_bytes)
    }

    /// How many neighbours each query has.
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.column(py, "<u8", |reply| (reply.neighbours.len() as u64).to_le_bytes())
    }

    /// For each query, the sequence of the vectors ring up to which, exclusive, was searched.
    #[getter]
    fn watermarks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.column(py, "<u8", |reply| reply.watermark.to_le_bytes())
    }

    /// For each query, the nanoseconds from its having been read to its answer; 0 if not told.
    #[getter]
    fn latencies_ns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.column(py, "<u4", |reply| reply.latency_ns.to_le_bytes())
    }

    /// Whether neighbours may be missing, because a search was approximate.
    #[getter]
    fn approximate(&self) -> bool {
        self.replies.iter().any(|reply| reply.is_approximate)
    }

    /// Whether a part of the window was not there, for any of the queries.
    #[getter]
    fn incomplete(&self) -> bool {
        self.replies.iter().any(|reply| reply.is_incomplete)
    }

    /// How many queries were answered.
    fn __len__(&self) -> usize {
        self.replies.len()
    }
}

/// The lanes of a vector, or of the rows of an array, and whether it is one vector.
fn lanes_of(py: Python<'_>, queries: &Bound<'_, PyAny>, dim: usize) -> PyResult<(Vec<f32>, bool)> {
    let array = PyModule::import(py, "numpy")?.call_method1("asarray", (queries, "<f4"))?;
    let shape: Vec<usize> = array.getattr("shape")?.extract()?;
    let is_one = match shape.as_slice() {
        [lanes] if *lanes == dim => true,
        [_, lanes] if *lanes == dim => false,
        _ => {
            return Err(PyValueError::new_err(format!(
                "queries have the shape {shape:?}: expected ({dim},) or (n, {dim}), the lanes of \
                 the ring of vectors"
            )));
        }
    };
    let bytes = array.call_method0("tobytes")?;
    let (lanes, _) = bytes.cast::<PyBytes>()?.as_bytes().as_chunks::<4>();
    Ok((lanes.iter().map(|lane| f32::from_le_bytes(*lane)).collect(), is_one))
}

fn array_of<'py>(
    py: Python<'py>,
    bytes: Vec<u8>,
    size: usize,
    dtype: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let dtype = PyModule::import(py, "numpy")?.call_method1("dtype", (dtype,))?;
    Rows::of_bytes(bytes, size).into_array(py, Some(&dtype))
}
