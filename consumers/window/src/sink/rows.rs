//! Records that wait to be encoded.

/// Records of one size with their sequences, in the order in which they came.
#[derive(Debug)]
pub(super) struct Rows {
    row_bytes: usize,
    seqs: Vec<u64>,
    bytes: Vec<u8>,
}

impl Rows {
    /// Room for `capacity` records of `row_bytes` each, which is not zero.
    pub(super) fn new(row_bytes: usize, capacity: usize) -> Self {
        let row_bytes = row_bytes.max(1);
        Self {
            row_bytes,
            seqs: Vec::with_capacity(capacity),
            bytes: Vec::with_capacity(capacity * row_bytes),
        }
    }

    /// Size of a record, in bytes.
    pub(super) fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// Adds a record of this size.
    pub(super) fn push(&mut self, seq: u64, row: &[u8]) {
        self.seqs.push(seq);
        self.bytes.extend_from_slice(row);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.seqs.len()
    }

    /// Forgets all of them and keeps the room.
    pub(super) fn clear(&mut self) {
        self.seqs.clear();
        self.bytes.clear();
    }

    /// The sequences.
    pub(super) fn seqs(&self) -> &[u64] {
        &self.seqs
    }

    /// The records.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(self.row_bytes)
    }
}
