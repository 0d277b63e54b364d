//! Records copied out of a ring, one behind the other.

use crate::poll::RecordRef;
use crate::schema::Layouts;
use std::sync::Arc;
use zerocopy::IntoBytes;

/// A reusable run of validated copies with consecutive sequences.
///
/// Shape: each record takes the ring's stride without the stamp; the words behind its end are
/// zero.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    words: Vec<u64>,
    record_words: usize,
    first_seq: u64,
    /// Of the ring that the records came from.
    layouts: Option<Arc<Layouts>>,
}

impl Batch {
    /// An empty batch, to be filled by [`Reader::poll_batch`](crate::Reader::poll_batch).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len().checked_div(self.record_words).unwrap_or(0)
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Size of each record, in bytes.
    #[must_use]
    pub fn record_bytes(&self) -> usize {
        self.record_words * 8
    }

    /// Sequence of the first record; record `i` has this plus `i`.
    #[must_use]
    pub fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// All records, one behind the other.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.words.as_bytes()
    }

    /// The records in order of their sequences.
    pub fn iter(&self) -> impl Iterator<Item = RecordRef<'_>> {
        let seqs = self.first_seq..;
        let words = self.words.chunks(self.record_words.max(1));
        let layouts = self.layouts.as_deref().unwrap_or(Layouts::NONE);
        seqs.zip(words).map(|(seq, words)| RecordRef::new(seq, words, layouts))
    }

    /// Empties the batch for records of `record_words` words from `first_seq` on, out of a ring of
    /// these layouts.
    pub(crate) fn restart(&mut self, first_seq: u64, record_words: usize, of: &Arc<Layouts>) {
        if !self.layouts.as_ref().is_some_and(|own| Arc::ptr_eq(own, of)) {
            self.layouts = Some(Arc::clone(of));
        }
        self.words.clear();
        self.record_words = record_words;
        self.first_seq = first_seq;
    }

    /// Adds `count` records of zeros and lends the words of each.
    #[inline]
    pub(crate) fn append(&mut self, count: usize) -> impl Iterator<Item = &mut [u64]> {
        let start = self.words.len();
        self.words.resize(start + count * self.record_words, 0);
        let added = self.words.get_mut(start..).unwrap_or(&mut []);
        added.chunks_exact_mut(self.record_words.max(1))
    }

    /// Adds a copied record and says how many there are now.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        for words in self.append(1) {
            for (to, from) in words.as_mut_bytes().iter_mut().zip(bytes) {
                *to = *from;
            }
        }
        self.len()
    }

    /// Keeps the first `count` records.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.words.truncate(count.saturating_mul(self.record_words));
    }
}
