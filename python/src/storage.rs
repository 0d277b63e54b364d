//! The records of one poll: runs of validated copies, and what is selected from them.

use std::sync::{Arc, Mutex, PoisonError};

/// Records in runs of consecutive sequences, nearly always one run.
#[derive(Debug, Default)]
pub(crate) struct Storage {
    runs: Vec<tickring::Batch>,
    len: usize,
    pool: Pool,
}

/// One emptied run, to be filled again without a fresh allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool(Arc<Mutex<Option<tickring::Batch>>>);

impl Pool {
    /// The spare run, or a new one.
    pub(crate) fn take(&self) -> tickring::Batch {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        spare.unwrap_or_default()
    }

    fn give(&self, run: tickring::Batch) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(run);
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        if let Some(run) = self.runs.pop() {
            self.pool.give(run);
        }
    }
}

impl Storage {
    /// No records yet; their memory goes back to `pool` in the end.
    pub(crate) fn new(pool: &Pool) -> Self {
        Self { runs: Vec::new(), len: 0, pool: pool.clone() }
    }

    /// Adds a run.
    pub(crate) fn push(&mut self, run: tickring::Batch) {
        self.len += run.len();
        self.runs.push(run);
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The run that holds all records, if it is one.
    pub(crate) fn only_run(&self) -> Option<&tickring::Batch> {
        match self.runs.as_slice() {
            [run] => Some(run),
            _ => None,
        }
    }

    /// Sequence of the first record.
    pub(crate) fn first_seq(&self) -> Option<u64> {
        self.runs.first().map(tickring::Batch::first_seq)
    }

    /// Whether every record is of type `rtype`.
    pub(crate) fn all_of(&self, rtype: u8) -> bool {
        self.runs.iter().flat_map(tickring::Batch::iter).all(|record| record.rtype() == rtype)
    }

    /// How many records there are of each type.
    pub(crate) fn counts(&self) -> [usize; 256] {
        let mut counts = [0; 256];
        for record in self.runs.iter().flat_map(tickring::Batch::iter) {
            if let Some(count) = counts.get_mut(usize::from(record.rtype())) {
                *count += 1;
            }
        }
        counts
    }

    /// Copies the first `size_bytes` of every record whose type `accepts` agrees to.
    pub(crate) fn rows(&self, size_bytes: usize, accepts: impl Fn(u8) -> bool) -> Vec<u8> {
        let mut rows = Vec::new();
        for record in self.runs.iter().flat_map(tickring::Batch::iter) {
            if accepts(record.rtype()) {
                // A record that a damaged segment cut short is filled up with zeros.
                let end = rows.len() + size_bytes;
                rows.extend_from_slice(record.bytes().get(..size_bytes).unwrap_or_default());
                rows.resize(end, 0);
            }
        }
        rows
    }

    /// The sequences of all records.
    pub(crate) fn all_seqs(&self) -> Vec<u64> {
        let mut seqs = Vec::with_capacity(self.len);
        for run in &self.runs {
            seqs.extend((run.first_seq()..).take(run.len()));
        }
        seqs
    }

    /// The sequences of the records whose type `accepts` agrees to.
    pub(crate) fn seqs(&self, accepts: impl Fn(u8) -> bool) -> Vec<u64> {
        let records = self.runs.iter().flat_map(tickring::Batch::iter);
        records.filter(|record| accepts(record.rtype())).map(|record| record.seq()).collect()
    }
}
