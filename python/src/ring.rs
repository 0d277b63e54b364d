//! Rings by name: open, list, create.

use crate::error::{self, to_python};
use crate::info::RingInfo;
use crate::instrument::Instrument;
use crate::latest::Latest;
use crate::reader::{OnLapped, Reader, deadline_of};
use crate::readers::ReaderInfo;
use crate::schema::Schema;
use crate::start::start_of;
use crate::writer::Writer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tickring::record::{Record, Vector, builtin_kinds};
use tickring::schema::Kind;
use tickring::{Directory, Error, OnMismatch, ReaderOptions, RingName, RingSpec, Start, f16};

/// How often an `open` with a timeout looks for the ring.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How a ring is kept open: not as one of its readers.
fn unlisted() -> ReaderOptions {
    ReaderOptions::named("", Start::Latest)
}

pub(crate) fn directory_of(directory: Option<PathBuf>) -> Directory {
    directory.map_or_else(Directory::from_env, Directory::at)
}

/// Opens the ring `bus/ring`.
///
/// With a timeout, waits that many seconds for the ring to appear; Ctrl-C ends it. The directory
/// is that of TICKRING_DIR, or the user's own in /dev/shm, unless given. Raises NotFound and the
/// other subclasses of Error.
#[pyfunction]
#[pyo3(signature = (name, *, timeout=None, directory=None))]
pub(crate) fn open(
    py: Python<'_>,
    name: &str,
    timeout: Option<f64>,
    directory: Option<PathBuf>,
) -> PyResult<Ring> {
    let directory = directory_of(directory);
    let name: RingName = name.parse().map_err(to_python)?;
    let open = || tickring::Reader::open_with(&directory, &name, &unlisted());
    let is_missing = |error: &Error| matches!(error, Error::NotFound { .. });
    let reader = until_there(py, timeout, open, is_missing)?.map_err(to_python)?;
    Ring::new(py, directory, name, reader)
}

/// Opens what may still be missing, again and again for `timeout` seconds; once without a timeout.
/// Ctrl-C ends it.
pub(crate) fn until_there<T, E>(
    py: Python<'_>,
    timeout: Option<f64>,
    mut open: impl FnMut() -> Result<T, E>,
    is_missing: impl Fn(&E) -> bool,
) -> PyResult<Result<T, E>> {
    let deadline = match timeout {
        None => Some(Instant::now()),
        Some(_) => deadline_of(timeout)?,
    };
    loop {
        match open() {
            Err(error)
                if is_missing(&error)
                    && deadline.is_none_or(|deadline| Instant::now() < deadline) => {}
            decided => return Ok(decided),
        }
        py.detach(|| std::thread::sleep(LOOK_EVERY));
        py.check_signals()?;
    }
}

/// Lists the rings of all buses. One that cannot be read is passed over with a warning.
#[pyfunction]
#[pyo3(signature = (directory=None))]
pub(crate) fn list(py: Python<'_>, directory: Option<PathBuf>) -> PyResult<Vec<RingInfo>> {
    let directory = directory_of(directory);
    let mut rings = Vec::new();
    for name in directory.list().map_err(to_python)? {
        match tickring::RingInfo::read(&directory, &name) {
            Ok(info) => rings.push(info.into()),
            // Removed since the listing.
            Err(Error::NotFound { .. }) => {}
            Err(error) => error::warn_unreadable(py, &error)?,
        }
    }
    Ok(rings)
}

/// Creates the ring `bus/ring`, or takes over from a writer that is gone, and gives its writer.
///
/// What the ring holds is told by `kinds`, names of built-in kinds such as "mbo", "trade" or "gap"
/// ("vector" needs the number of its lanes in `dim`, and their type in `lanes` where it is not
/// "f32" but "f16" or "i8"), or by `schema`, see `Schema.from_dtype`. The
/// capacity is a power of two, 65,536 by default. With `instruments`, a power of two, the ring has
/// a directory of instruments and keeps the last quote and trade of each. Raises AlreadyOwned while
/// another writer lives, SchemaMismatch or CapacityMismatch if the ring exists in another form,
/// unless `replace` says to put a new one in its place.
#[pyfunction]
#[pyo3(signature = (
    name, kinds=None, *, schema=None, capacity=None, dim=None, lanes="f32", instruments=0,
    replace=false, mode=0o640, directory=None
))]
#[expect(clippy::too_many_arguments, reason = "each is a keyword in Python")]
pub(crate) fn create(
    py: Python<'_>,
    name: &str,
    kinds: Option<Vec<String>>,
    schema: Option<&Bound<'_, Schema>>,
    capacity: Option<u64>,
    dim: Option<u16>,
    lanes: &str,
    instruments: u64,
    replace: bool,
    mode: u32,
    directory: Option<PathBuf>,
) -> PyResult<Writer> {
    let directory = directory_of(directory);
    let name: RingName = name.parse().map_err(to_python)?;
    let kinds = match (kinds, schema) {
        (Some(kinds), None) => {
            kinds.iter().map(|kind| builtin_kind(kind, dim, lanes)).collect::<PyResult<_>>()?
        }
        (None, Some(schema)) => schema.get().table().kinds().to_vec(),
        _ => return Err(PyValueError::new_err("give either kinds or schema=")),
    };
    let mut spec = RingSpec::new(kinds).map_err(to_python)?;
    spec.capacity = capacity.unwrap_or(spec.capacity);
    spec.instruments = instruments;
    spec.on_mismatch = if replace { OnMismatch::Replace } else { OnMismatch::Refuse };
    spec.mode = mode;
    let writer = py.detach(|| tickring::Writer::open(&directory, &name, &spec));
    Writer::new(py, writer.map_err(to_python)?)
}

/// The built-in kind of this name; of a vector, with that many lanes of that type.
fn builtin_kind(name: &str, dim: Option<u16>, lanes: &str) -> PyResult<Kind> {
    if name == Vector::NAME {
        return match (dim.filter(|dim| *dim > 0), lanes) {
            (Some(dim), "f32") => Ok(Vector::kind_with_lanes::<f32>(dim)),
            (Some(dim), "f16") => Ok(Vector::kind_with_lanes::<f16>(dim)),
            (Some(dim), "i8") => Ok(Vector::kind_with_lanes::<i8>(dim)),
            (Some(_), other) => {
                Err(PyValueError::new_err(format!("lanes='{other}': expected f32, f16 or i8")))
            }
            (None, _) => {
                Err(PyValueError::new_err("kind 'vector' needs dim=, the number of its lanes"))
            }
        };
    }
    let kinds = builtin_kinds();
    kinds.iter().find(|kind| kind.name == name).cloned().ok_or_else(|| {
        let names: Vec<&str> = kinds.iter().map(|kind| &*kind.name).collect();
        PyValueError::new_err(format!("no built-in kind '{name}'; there are: {}", names.join(", ")))
    })
}

/// A ring that exists.
#[pyclass(module = "tickring", frozen)]
#[derive(Debug)]
pub(crate) struct Ring {
    directory: Directory,
    name: RingName,
    /// Keeps the segment mapped, for `info`.
    attached: tickring::Reader,
    schema: Py<Schema>,
}

impl Ring {
    fn new(
        py: Python<'_>,
        directory: Directory,
        name: RingName,
        attached: tickring::Reader,
    ) -> PyResult<Self> {
        let schema = Py::new(py, Schema::new(attached.schema().clone()))?;
        Ok(Self { directory, name, attached, schema })
    }
}

#[pymethods]
impl Ring {
    /// The ring's name, `bus/ring`.
    #[getter]
    fn name(&self) -> String {
        self.name.to_string()
    }

    /// What the ring is and how it does now.
    #[getter]
    fn info(&self) -> RingInfo {
        self.attached.info().into()
    }

    /// The field table of the ring.
    #[getter]
    fn schema(&self, py: Python<'_>) -> Py<Schema> {
        self.schema.clone_ref(py)
    }

    /// Joins the ring at "latest", "oldest", a sequence, a time ("-10s" ago, or a datetime with a
    /// zone: in front of the first record published then, by 64 records at most), or a token of an
    /// earlier reader. Raises InvalidToken for a token of another ring.
    ///
    /// When the writer laps the reader: "skip" notes it in the batch, "raise" raises Lapped once
    /// and goes on, "warn" issues a LappedWarning. `readers` shows the reader under `name`, that of
    /// the program unless given.
    #[pyo3(signature = (start=None, on_lapped="skip", *, name=None))]
    fn reader(
        &self,
        py: Python<'_>,
        start: Option<&Bound<'_, PyAny>>,
        on_lapped: &str,
        name: Option<String>,
    ) -> PyResult<Reader> {
        let mut options = ReaderOptions::new(start.map_or(Ok(Start::Latest), start_of)?);
        options.name = name.unwrap_or(options.name);
        let on_lapped = OnLapped::from_word(on_lapped)?;
        let reader = tickring::Reader::open_with(&self.directory, &self.name, &options)
            .map_err(to_python)?;
        // The name may belong to a new segment with another schema by now.
        let schema = if reader.schema() == self.attached.schema() {
            self.schema.clone_ref(py)
        } else {
            Py::new(py, Schema::new(reader.schema().clone()))?
        };
        Ok(Reader::new(reader, schema, on_lapped))
    }

    /// Who reads the ring, in the order in which they joined. Readers of other users, and those
    /// with an empty name, are not listed.
    fn readers(&self) -> PyResult<Vec<ReaderInfo>> {
        let listed = tickring::ReaderInfo::list(&self.directory, &self.name);
        let mut readers = listed.map_err(to_python)?;
        readers.sort_by_key(|reader| reader.since_ns);
        Ok(readers.into_iter().map(ReaderInfo::from).collect())
    }

    /// The instruments of the ring's directory, in the order of their ids.
    fn instruments(&self) -> Vec<Instrument> {
        let mut known: Vec<_> = self.attached.instruments().collect();
        known.sort_by_key(|instrument| instrument.instrument_id);
        known.into_iter().map(Instrument::from).collect()
    }

    /// The symbol of each instrument id, for those that have one.
    #[getter]
    fn symbols(&self) -> BTreeMap<u32, String> {
        let known = self.attached.instruments();
        let named = known.filter(|instrument| !instrument.symbol().is_empty());
        named.map(|instrument| (instrument.instrument_id, instrument.symbol().into())).collect()
    }

    /// The last quote and trade of an instrument, given by its symbol or its id.
    ///
    /// Raises KeyError if the ring does not list it.
    fn latest(&self, py: Python<'_>, instrument: &Bound<'_, PyAny>) -> PyResult<Latest> {
        let symbols = || self.symbols().into_iter();
        let id = match instrument.cast::<PyString>() {
            Ok(symbol) => {
                let wanted = symbol.to_cow()?;
                symbols().find(|(_, known)| *known == wanted).map(|(id, _)| id)
            }
            Err(_) => {
                let id = instrument.extract::<u32>()?;
                self.attached.instrument(id).map(|_| id)
            }
        };
        let id = id.ok_or_else(|| {
            let known: Vec<String> = symbols().map(|(_, symbol)| symbol).collect();
            let key = instrument.to_string();
            error::no_instrument(py, &self.name.to_string(), &key, &known)
        })?;
        Latest::new(py, &self.attached, &self.schema, id)
    }

    fn __repr__(&self) -> String {
        let info = self.attached.info();
        format!(
            "<tickring.Ring {}: {} records published, {} slots>",
            self.name, info.published, info.capacity
        )
    }
}
