//! What was last said of an instrument.

use crate::batch::Batch;
use crate::collect::Collected;
use crate::schema::Schema;
use crate::storage::{Pool, Storage};
use pyo3::prelude::*;
use tickring::LastValue;

/// The last quote and the last trade of an instrument, each a batch of one record, or None if
/// nothing was said yet. They may be of different moments.
#[pyclass(module = "tickring", frozen, get_all)]
pub(crate) struct Latest {
    /// The last quote.
    quote: Option<Py<Batch>>,
    /// The last trade.
    trade: Option<Py<Batch>>,
}

impl Latest {
    /// Takes what `reader`'s ring, which has this schema, knows of an instrument.
    pub(crate) fn new(
        py: Python<'_>,
        reader: &tickring::Reader,
        schema: &Py<Schema>,
        instrument_id: u32,
    ) -> PyResult<Self> {
        let batch = |value: &LastValue| {
            let mut storage = Storage::new(&Pool::default());
            storage.push(reader.batch_of(&value.record()));
            let collected = Collected { storage: Some(storage), events: Vec::new() };
            Py::new(py, Batch::new(schema.clone_ref(py), collected))
        };
        let latest = reader.latest(instrument_id);
        Ok(Self {
            quote: latest.quote.as_ref().map(batch).transpose()?,
            trade: latest.trade.as_ref().map(batch).transpose()?,
        })
    }
}

#[pymethods]
impl Latest {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let text = |part: &Option<Py<Batch>>| match part {
            Some(batch) => batch.bind(py).repr().map(|text| text.to_string()),
            None => Ok("None".to_owned()),
        };
        Ok(format!("Latest(quote={}, trade={})", text(&self.quote)?, text(&self.trade)?))
    }
}
