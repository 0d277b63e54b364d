//! Event-time windows over what a reader reads: the operator of the window consumer.

use crate::dtype;
use crate::reader::{Reader, deadline_of};
use crate::rows::Rows;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyModule};
use serde_json::{Map, Value};
use std::time::{Duration, Instant};
use tickring::Poll;
use tickring::record::{BarStats, Late, Record, WindowBar};
use tickring_window::{Output, WindowSpec};
use zerocopy::IntoBytes;

/// Records taken from the ring at once.
const BATCH: usize = 1024;
/// Records that a poll takes at most, unless told otherwise.
const DEFAULT_RECORDS: usize = 1 << 20;
/// How long a wait goes on before it looks for Ctrl-C.
const SLICE: Duration = Duration::from_millis(500);
/// Keywords that say what a window is.
const OF_WINDOW: [&str; 6] = ["kind", "size", "hop", "gap", "slide", "offset"];

/// Event-time windows over a reader, to be used by one thread at a time. The reader's cursor moves
/// with them.
#[pyclass(module = "tickring")]
#[derive(Debug)]
pub(crate) struct Windows {
    reader: Py<Reader>,
    windows: tickring_window::Windows,
    batch: tickring::Batch,
    ended: bool,
}

/// What became due by one call.
#[derive(Debug, Default)]
struct Collected {
    bars: Vec<u8>,
    stats: Vec<u8>,
    late: Vec<u8>,
    records: u64,
    missed: u64,
    ended: bool,
}

impl Collected {
    fn take(&mut self, output: Output<'_>) {
        match output {
            Output::Bar(bar) => self.bars.extend_from_slice(bar.as_bytes()),
            Output::Stats(stats) => self.stats.extend_from_slice(stats.as_bytes()),
            Output::Late(late) => self.late.extend_from_slice(late.as_bytes()),
        }
    }
}

impl Windows {
    /// Windows over a reader, of what is specified.
    ///
    /// # Errors
    ///
    /// `ValueError` for a specification that makes no sense.
    pub(crate) fn new(
        reader: Py<Reader>,
        py: Python<'_>,
        spec: Option<&Bound<'_, PyAny>>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let spec = match (spec, options) {
            (Some(_), Some(_)) => Err("give a specification or keywords, not both".to_owned()),
            (Some(spec), None) => match spec.extract::<String>() {
                Ok(text) => WindowSpec::from_toml(&text).map_err(|error| error.to_string()),
                Err(_) => spec_of(json_of(py, spec)?),
            },
            (None, Some(options)) => spec_of(nested(json_of(py, options)?)),
            (None, None) => Ok(WindowSpec::default()),
        };
        let spec = spec.map_err(PyValueError::new_err)?;
        let windows = tickring_window::Windows::new(&spec).map_err(invalid)?;
        let mut windows = Self { reader, windows, batch: tickring::Batch::new(), ended: false };
        if windows.reader.borrow_mut(py).collector().reader.cursor() > 0 {
            windows.windows.attached_late();
        }
        Ok(windows)
    }

    /// Takes up to `most` records that are there.
    fn take(&mut self, reader: &mut tickring::Reader, most: usize, into: &mut Collected) {
        let mut left = most;
        while left > 0 && !self.ended {
            match reader.poll_batch(&mut self.batch, left.min(BATCH)) {
                Poll::Record(count) => {
                    left -= count.min(left);
                    into.records += count as u64;
                    let mut out = |output: Output<'_>| into.take(output);
                    for record in self.batch.iter() {
                        self.windows.record(&record, &mut out);
                    }
                }
                Poll::Empty => break,
                Poll::Lapped { missed, .. } => {
                    into.missed += missed;
                    self.windows.missed(missed);
                }
                Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
                Poll::Closed(_) => self.end(into),
            }
        }
        into.ended = self.ended;
    }

    fn end(&mut self, into: &mut Collected) {
        self.ended = true;
        self.windows.finish(&mut |output| into.take(output));
        into.ended = true;
    }
}

#[pymethods]
impl Windows {
    /// Takes the records that are there, up to `n`, and gives what became due. Never blocks. At the
    /// end of the ring everything becomes due.
    #[pyo3(signature = (n=None))]
    fn poll(&mut self, py: Python<'_>, n: Option<usize>) -> WindowOutput {
        let mut collected = Collected::default();
        let reader = self.reader.clone_ref(py);
        let mut reader = reader.borrow_mut(py);
        let reader = &mut reader.collector().reader;
        py.detach(|| self.take(reader, n.unwrap_or(DEFAULT_RECORDS), &mut collected));
        WindowOutput { collected }
    }

    /// Takes records until something becomes due, the ring is closed, or `timeout` seconds are
    /// over. Other threads run meanwhile; Ctrl-C ends it.
    #[pyo3(signature = (timeout=None))]
    fn wait(&mut self, py: Python<'_>, timeout: Option<f64>) -> PyResult<WindowOutput> {
        let deadline = deadline_of(timeout)?;
        let mut collected = Collected::default();
        let reader = self.reader.clone_ref(py);
        let mut reader = reader.borrow_mut(py);
        let reader = &mut reader.collector().reader;
        loop {
            let slice = Instant::now() + SLICE;
            let until = deadline.map_or(slice, |deadline| deadline.min(slice));
            py.detach(|| {
                while collected.bars.is_empty() && collected.late.is_empty() && !self.ended {
                    self.take(reader, BATCH, &mut collected);
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return;
                    }
                    if reader.lag() == 0 && collected.bars.is_empty() && !self.ended {
                        let _ = reader.wait(left);
                    }
                }
            });
            let is_done = !collected.bars.is_empty() || !collected.late.is_empty() || self.ended;
            if is_done || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                collected.ended = self.ended;
                return Ok(WindowOutput { collected });
            }
            py.check_signals()?;
        }
    }

    /// Makes everything due, as at the end of the ring.
    fn finish(&mut self) -> WindowOutput {
        let mut collected = Collected::default();
        self.end(&mut collected);
        WindowOutput { collected }
    }

    /// The whole state. Windows of the same specification that are restored from it go on the same
    /// way; the place of the reader is not part of it, see `Reader.token`.
    fn save<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut state = Vec::new();
        self.windows.save(&mut state);
        PyBytes::new(py, &state)
    }

    /// Takes over a state that was saved.
    ///
    /// Raises ValueError if it is of another specification or form.
    fn restore(&mut self, state: &[u8]) -> PyResult<()> {
        self.ended = false;
        self.windows.restore(state).map_err(invalid)
    }

    /// The trades and corrections of an instrument that went into no window.
    fn late_of(&self, instrument_id: u32) -> u64 {
        self.windows.late_of(instrument_id)
    }

    /// How many records went where.
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = self.windows.counts();
        let of = PyDict::new(py);
        for (name, count) in [
            ("records", counts.records),
            ("trades", counts.trades),
            ("accepted", counts.accepted),
            ("late", counts.late),
            ("untimed", counts.untimed),
            ("corrected", counts.corrected),
            ("refused", counts.refused),
            ("quotes", counts.quotes),
            ("bars", counts.bars),
            ("revisions", counts.revisions),
            ("forgotten", counts.forgotten),
            ("skipped", counts.skipped),
        ] {
            of.set_item(name, count)?;
        }
        Ok(of)
    }

    /// The time up to which nothing is expected any more; None before the first record.
    #[getter]
    fn watermark_ns(&self) -> Option<i64> {
        self.windows.watermark_ns()
    }

    /// The specification as TOML.
    #[getter]
    fn spec(&self) -> String {
        self.windows.spec().canonical()
    }

    fn __repr__(&self) -> String {
        let counts = self.windows.counts();
        format!("<tickring.Windows: {} trades, {} bars>", counts.trades, counts.bars)
    }
}

/// What became due by one call: arrays of bars, of further aggregates, and of what was late.
#[pyclass(module = "tickring", frozen)]
#[derive(Debug)]
pub(crate) struct WindowOutput {
    collected: Collected,
}

#[pymethods]
impl WindowOutput {
    /// The bars, as a structured array of kind `window_bar`.
    #[getter]
    fn bars<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        array_of::<WindowBar>(py, &self.collected.bars)
    }

    /// Their further aggregates in the same order, of kind `bar_stats`; empty unless asked for.
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        array_of::<BarStats>(py, &self.collected.stats)
    }

    /// What went into no window, of kind `late`.
    #[getter]
    fn late<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        array_of::<Late>(py, &self.collected.late)
    }

    /// Records taken from the ring.
    #[getter]
    fn records(&self) -> u64 {
        self.collected.records
    }

    /// Records that were missed; the bars that they can have belonged to are flagged.
    #[getter]
    fn missed(&self) -> u64 {
        self.collected.missed
    }

    /// Whether the ring has ended and everything has become due.
    #[getter]
    fn ended(&self) -> bool {
        self.collected.ended
    }

    /// How many bars there are.
    fn __len__(&self) -> usize {
        self.collected.bars.len() / size_of::<WindowBar>()
    }
}

fn array_of<'py, R: Record>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let fields = R::kind().fields;
    let shown: Vec<_> = fields.into_iter().filter(|field| !field.name.starts_with('_')).collect();
    let dtype = dtype::of(py, &shown, size_of::<R>())?;
    Rows::of_bytes(bytes.to_vec(), size_of::<R>()).into_array(py, Some(&dtype))
}

fn invalid(error: tickring_window::WindowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn spec_of(value: Value) -> Result<WindowSpec, String> {
    serde_json::from_value(value).map_err(|error| format!("not a window specification: {error}"))
}

fn json_of(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Value> {
    let text = PyModule::import(py, "json")?.call_method1("dumps", (value,))?;
    let text = text.extract::<String>()?;
    serde_json::from_str(&text).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Puts the keywords of a window where the specification has them, with its kind.
fn nested(options: Value) -> Value {
    let Value::Object(options) = options else { return options };
    let (mut window, mut spec) = (Map::new(), Map::new());
    for (name, value) in options {
        let into = if OF_WINDOW.contains(&name.as_str()) { &mut window } else { &mut spec };
        into.insert(name, value);
    }
    let kind = match (window.contains_key("gap"), window.contains_key("hop")) {
        (true, _) => "session",
        (_, true) => "hopping",
        _ => "tumbling",
    };
    window.entry("kind").or_insert_with(|| kind.into());
    spec.entry("window").or_insert(Value::Object(window));
    Value::Object(spec)
}
