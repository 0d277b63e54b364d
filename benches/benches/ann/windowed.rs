//! A corpus of a window by count, as all these measurements have it.

use tickring::record::{Record, Vector};
use tickring_ann::{Choice, Corpus, CorpusOptions, Filter, Indexing, Metric, RecallOptions, Terms};
use tickring_benches::stream::Clouds;

/// Lanes of a vector.
pub(crate) const DIM: usize = 128;
/// Neighbours that are asked for.
pub(crate) const K: usize = 10;

/// Vectors around 2,000 centres that drift.
pub(crate) struct Stream(Clouds);

impl Stream {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Clouds::new(DIM, 2_000, 0.5, 0.02, seed))
    }

    pub(crate) fn next(&mut self) -> Vec<f32> {
        let mut lanes = vec![0.0; DIM];
        self.0.next(&mut lanes);
        lanes
    }
}

/// So many lists of codes, once two thirds of the window are full: centroids are trained then, and
/// again after two and two thirds windows, which is beyond what is measured.
pub(crate) fn lists(window: usize, lists: u32) -> Indexing {
    let lists_from = window as u64 * 2 / 3;
    Indexing::Lists(Choice { exact_up_to: 0, lists_from, lists, per_list: 1, rerank: 2 })
}

/// An empty corpus, which measures no recall by itself.
pub(crate) fn corpus(window: usize, indexing: Indexing) -> Corpus {
    let recall = RecallOptions { every: 0, ..RecallOptions::default() };
    let (metric, window) = (Metric::L2, window as u64);
    let options = CorpusOptions { metric, window, ttl: None, indexing, recall, pinned: None };
    Corpus::new(DIM, options).expect("a corpus")
}

/// Puts a vector in, and lets the oldest go once the window is full.
pub(crate) fn insert(corpus: &mut Corpus, seq: u64, lanes: &[f32]) {
    let vector = Vector { vec_id: seq, ..Vector::empty(0, 1, seq) };
    corpus.advance(&vector);
    assert!(corpus.insert(seq, &vector, lanes), "finite lanes");
}

/// What all queries ask for.
pub(crate) fn terms() -> Terms {
    Terms { k: K, radius: None, filter: Filter::default() }
}
