//! A reader of a ring.

use crate::batch::Batch;
use crate::collect::{Collected, Collector};
use crate::error;
use crate::event::Event;
use crate::schema::Schema;
use crate::start::start_of;
use crate::view::View;
use crate::window::Windows;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::time::{Duration, Instant};

/// Records that a poll gives at most, unless told otherwise.
const DEFAULT_RECORDS: usize = 65_536;
/// From this many records on a poll lets other Python threads run while it copies.
const DETACH_FROM: u64 = 1024;
/// How long a wait goes on before it looks for Ctrl-C, which also ends a wait of the main thread.
const SLICE: Duration = Duration::from_millis(500);

/// What a reader does when the writer has overwritten what it wanted next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnLapped {
    /// Goes on; the batch has the event.
    Skip,
    /// Raises `Lapped` once, then goes on.
    Raise,
    /// Warns and goes on; the batch has the event.
    Warn,
}

impl OnLapped {
    /// Reads "skip", "raise" or "warn".
    ///
    /// # Errors
    ///
    /// `ValueError` for any other word.
    pub(crate) fn from_word(word: &str) -> PyResult<Self> {
        match word {
            "skip" => Ok(Self::Skip),
            "raise" => Ok(Self::Raise),
            "warn" => Ok(Self::Warn),
            other => Err(PyValueError::new_err(format!(
                "on_lapped is '{other}': expected 'skip', 'raise' or 'warn'"
            ))),
        }
    }
}

/// Reads a number of seconds and says when they will be over; `None` for never.
///
/// # Errors
///
/// `ValueError` for a negative number or NaN.
pub(crate) fn deadline_of(timeout: Option<f64>) -> PyResult<Option<Instant>> {
    let Some(seconds) = timeout else { return Ok(None) };
    if seconds.is_nan() || seconds < 0.0 {
        return Err(PyValueError::new_err(format!(
            "timeout is {seconds}: expected seconds, 0 or more, or None for no limit"
        )));
    }
    // Too long to be represented is as good as no limit.
    let duration = Duration::try_from_secs_f64(seconds).ok();
    Ok(duration.and_then(|duration| Instant::now().checked_add(duration)))
}

/// Issues a warning for each lap; the first that the program has made an error is given.
fn warn_of_laps(py: Python<'_>, events: &[Event]) -> PyResult<()> {
    for event in events {
        if let Event::Lapped { missed, resume } = *event {
            error::warn_lapped(py, missed, resume)?;
        }
    }
    Ok(())
}

/// A reader of one ring, with a cursor of its own, to be used by one thread at a time.
#[pyclass(module = "tickring")]
#[derive(Debug)]
pub(crate) struct Reader {
    collector: Collector,
    schema: Py<Schema>,
    on_lapped: OnLapped,
    /// Raised by the next call: what came before it was given out first.
    pending: Option<PyErr>,
    /// Collected by a wait that Ctrl-C ended; the next call gives it out.
    held: Option<Collected>,
}

impl Reader {
    /// Wraps a reader of the bus.
    pub(crate) fn new(reader: tickring::Reader, schema: Py<Schema>, on_lapped: OnLapped) -> Self {
        let collector = Collector::new(reader, on_lapped == OnLapped::Raise);
        Self { collector, schema, on_lapped, pending: None, held: None }
    }

    /// The reader of the bus and what it copies into.
    pub(crate) fn collector(&mut self) -> &mut Collector {
        &mut self.collector
    }

    /// The ring's schema.
    pub(crate) fn schema_object(&self) -> &Py<Schema> {
        &self.schema
    }

    /// Begins a collection with what an earlier call left over.
    ///
    /// # Errors
    ///
    /// The error that was left over.
    pub(crate) fn begin(&mut self) -> PyResult<Collected> {
        match self.pending.take() {
            Some(error) => Err(error),
            None => Ok(self.held.take().unwrap_or_else(Collected::new)),
        }
    }

    /// Makes a batch of what was collected, and tells of laps as `on_lapped` says. If there is
    /// something to give out, an error waits for the next call.
    ///
    /// # Errors
    ///
    /// `Lapped`, or a warning that the program has made an error.
    pub(crate) fn deliver(&mut self, py: Python<'_>, mut collected: Collected) -> PyResult<Batch> {
        let trouble = match self.on_lapped {
            OnLapped::Skip => None,
            OnLapped::Raise => match collected.events.last().copied() {
                Some(Event::Lapped { missed, resume }) => {
                    collected.events.pop();
                    Some(error::lapped(py, missed, resume))
                }
                _ => None,
            },
            OnLapped::Warn => warn_of_laps(py, &collected.events).err(),
        };
        match trouble {
            Some(trouble) if collected.is_empty() => return Err(trouble),
            trouble => self.pending = trouble,
        }
        Ok(Batch::new(self.schema.clone_ref(py), collected))
    }

    fn wait_until(
        &mut self,
        py: Python<'_>,
        wanted: usize,
        deadline: Option<Instant>,
    ) -> PyResult<Batch> {
        let mut collected = self.begin()?;
        let max = wanted.max(DEFAULT_RECORDS);
        loop {
            let slice = Instant::now() + SLICE;
            let until = deadline.map_or(slice, |deadline| deadline.min(slice));
            let collector = &mut self.collector;
            let done = py.detach(|| collector.collect_until(&mut collected, (wanted, max), until));
            if done || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return self.deliver(py, collected);
            }
            if let Err(interrupt) = py.check_signals() {
                self.held = Some(collected);
                return Err(interrupt);
            }
        }
    }
}

#[pymethods]
impl Reader {
    /// Copies what is there, up to `n` records (65,536 by default). Never blocks: the batch is
    /// empty when nothing is new.
    #[pyo3(signature = (n=None))]
    fn poll(&mut self, py: Python<'_>, n: Option<usize>) -> PyResult<Batch> {
        let mut collected = self.begin()?;
        let max = n.unwrap_or(DEFAULT_RECORDS);
        let collector = &mut self.collector;
        if collector.reader.lag() < DETACH_FROM {
            collector.collect(&mut collected, max);
        } else {
            py.detach(|| collector.collect(&mut collected, max));
        }
        self.deliver(py, collected)
    }

    /// Waits until there are `n` records, the ring is closed, or `timeout` seconds are over, and
    /// gives what there is then. Other threads run meanwhile; Ctrl-C ends it.
    #[pyo3(signature = (n=1, timeout=None))]
    fn wait(&mut self, py: Python<'_>, n: usize, timeout: Option<f64>) -> PyResult<Batch> {
        self.wait_until(py, n, deadline_of(timeout)?)
    }

    /// Looks at up to `n` of the next records where they stand, without copying; to be used in a
    /// `with` statement.
    #[pyo3(signature = (n=None))]
    fn view(slf: Py<Self>, n: Option<usize>) -> View {
        View::new(slf, n.unwrap_or(usize::MAX))
    }

    /// Event-time windows over the records that this reader reads from here on: the operator of
    /// `tickring window`, run here.
    ///
    /// `spec` is a specification as TOML or as a dict of the same form. Without it, `size` makes
    /// tumbling windows, with `hop` hopping ones, and `gap` sessions; other keywords are those of
    /// the specification, such as delay="10ms", lateness, aggregates=["twap"].
    ///
    /// Raises ValueError for a specification that makes no sense.
    #[pyo3(signature = (spec=None, **options))]
    fn window(
        slf: Py<Self>,
        py: Python<'_>,
        spec: Option<&Bound<'_, PyAny>>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Windows> {
        Windows::new(slf, py, spec, options)
    }

    /// Moves the cursor: to "latest", "oldest", a sequence, a time ("-10s" ago, or a datetime with
    /// a zone) or a token.
    fn seek(&mut self, start: &Bound<'_, PyAny>) -> PyResult<()> {
        self.collector.reader.seek(start_of(start)?).map_err(error::to_python)?;
        (self.pending, self.held) = (None, None);
        Ok(())
    }

    /// The sequence that will be read next.
    #[getter]
    fn cursor(&self) -> u64 {
        self.collector.reader.cursor()
    }

    /// The sequence that will be published next.
    #[getter]
    fn published(&self) -> u64 {
        self.collector.reader.published()
    }

    /// The place of this reader as text, to be given as a start later, by any process.
    #[getter]
    fn token(&self) -> String {
        self.collector.reader.token().to_string()
    }

    /// How many records are published and not read.
    #[getter]
    fn lag(&self) -> u64 {
        self.collector.reader.lag()
    }

    /// How many records this reader has missed in all.
    #[getter]
    fn missed(&self) -> u64 {
        self.collector.reader.missed()
    }

    /// What the ring is and how it does now.
    #[getter]
    fn info(&self) -> crate::info::RingInfo {
        self.collector.reader.info().into()
    }

    /// The ring's schema.
    #[getter]
    fn schema(&self, py: Python<'_>) -> Py<Schema> {
        self.schema.clone_ref(py)
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// Waits for the next records; ends when the ring is closed and everything has been read.
    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Batch>> {
        let batch = self.wait_until(py, 1, None)?;
        Ok((!batch.is_end()).then_some(batch))
    }

    fn __repr__(&self) -> String {
        let reader = &self.collector.reader;
        format!(
            "<tickring.Reader of {} at {}, lag {}, missed {}>",
            reader.info().name,
            reader.cursor(),
            reader.lag(),
            reader.missed()
        )
    }
}
