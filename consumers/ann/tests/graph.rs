//! Pinned vectors in a graph of usearch.

use crate::corpus::record;
use tickring_ann::{
    Choice, Corpus, CorpusOptions, Indexing, MatcherSpec, Metric, Pinned, PinnedIndex, Queries,
    RecallOptions,
};
#[cfg(feature = "usearch")]
use tickring_ann::{Filter, Terms};

const DIM: usize = 24;
const ROWS: usize = 3_000;

/// Rows that are random, in groups.
fn rows(seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    let groups: Vec<f32> = (0..40 * DIM).map(|_| next() * 8.0).collect();
    (0..ROWS * DIM).map(|at| groups[at / DIM % 40 * DIM + at % DIM] + next()).collect()
}

fn corpus(metric: Metric, index: PinnedIndex) -> Result<Corpus, tickring_ann::Error> {
    let rows = Queries::new(DIM, rows(7)).unwrap();
    let options = CorpusOptions {
        metric,
        window: 100,
        ttl: None,
        indexing: Indexing::Lists(Choice::EXACT),
        recall: RecallOptions { every: 4, target_permille: 950 },
        pinned: Some(Pinned { rows, index }),
    };
    let mut corpus = Corpus::new(DIM, options)?;
    for seq in 0..100 {
        let own: Vec<f32> = (0..DIM as u64).map(|lane| ((seq * 7 + lane) % 11) as f32).collect();
        assert!(corpus.insert(seq, &record(seq, seq, 1, 0), &own));
    }
    Ok(corpus)
}

#[cfg(feature = "usearch")]
#[test]
fn a_graph_finds_what_is_there_with_its_exact_distances() {
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let mut graph = corpus(metric, PinnedIndex::Usearch).unwrap();
        let mut exact = corpus(metric, PinnedIndex::AsWindow).unwrap();
        let (mut hits, mut wanted) = (0, 0);
        for (number, query) in rows(8).chunks(DIM).take(400).enumerate() {
            let radius = (number % 50 == 49).then_some(1.0);
            let instrument = (number % 40 == 39).then_some(9);
            let terms = Terms { k: 10, radius, filter: Filter { instrument, ..Filter::default() } };
            graph.search(query, &terms);
            exact.search(query, &terms);
            assert!(!exact.is_approximate());
            let (found, truth) = (graph.neighbours(), exact.neighbours());
            assert_eq!(found.len(), truth.len(), "as many as there are");
            if !graph.is_approximate() {
                assert_eq!(found, truth, "{metric}");
            }
            wanted += truth.len();
            hits += truth.iter().filter(|near| found.contains(near)).count();
        }
        let recall = hits as f64 / wanted as f64;
        assert!(recall > 0.9, "{metric}: {recall}");
        assert!(graph.recall().is_some_and(|found| found.mean > 0.9), "{metric}");
    }
}

#[cfg(not(feature = "usearch"))]
#[test]
fn without_the_feature_a_graph_is_refused_with_what_to_do() {
    let error = corpus(Metric::L2, PinnedIndex::Usearch).unwrap_err().to_string();
    assert!(error.contains("--features usearch"), "{error}");
}

#[test]
fn a_specification_says_how_pinned_vectors_are_searched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.npy");
    let file = std::fs::File::create(&path).unwrap();
    npy(file, &rows(7));
    let text = format!("pinned = {path:?}\npinned-index = 'usearch'");
    let options = MatcherSpec::parse(&text).unwrap().options().unwrap();
    assert_eq!(options.pinned.unwrap().index, PinnedIndex::Usearch);
}

fn npy(file: std::fs::File, lanes: &[f32]) {
    use npyz::WriterBuilder;
    let builder = npyz::WriteOptions::new().default_dtype();
    let shape = [ROWS as u64, DIM as u64];
    let mut writer = builder.shape(&shape).writer(file).begin_nd().unwrap();
    writer.extend(lanes.iter().copied()).unwrap();
    writer.finish().unwrap();
}
