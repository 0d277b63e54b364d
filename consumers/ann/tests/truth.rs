//! Against published ground truth: the ids and distances of real vectors, through real rings.

use crate::rings::{Rings, publish, run, vector};
use npyz::NpyFile;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tickring::Start;
use tickring::record::{Record, Vector};
use tickring_ann::{
    Choice, Corpus, CorpusOptions, Filter, IndexChoice, Indexing, MatcherOptions, Metric, Mode,
    Queries, RecallOptions, Terms,
};

/// The folder of the data sets, or `None` with a message if it is not here.
fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("TICKRING_DATA").map_or(beside, PathBuf::from);
    let folder = root.join("ann");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no data in {}; set TICKRING_DATA", folder.display());
    None
}

fn array<T: npyz::Deserialize>(path: &Path) -> Vec<T> {
    let file = BufReader::new(File::open(path).unwrap());
    NpyFile::new(file).unwrap().into_vec().unwrap()
}

/// What a set says: the ids and distances of the ten nearest of each query.
fn truth(folder: &Path, name: &str) -> (Vec<i32>, Vec<f32>) {
    let part = |part: &str| folder.join(format!("{name}.{part}.npy"));
    (array(&part("gt_ids")), array(&part("gt_dist")))
}

/// Looks for `queries` among `base` by one list of codes and by many, and says what share of the
/// true neighbours was found and how long a search took.
fn check_lists(folder: &Path, name: &str, metric: Metric, base: &Queries, queries: &Queries) {
    let (ids, _) = truth(folder, name);
    for (lists, permille, rerank, least) in [(1, 1, 1, 0.99), (32, 400, 4, 0.9), (32, 700, 8, 0.95)]
    {
        let choice = Choice { exact_up_to: 0, lists_from: 100, lists, per_list: 1, rerank };
        let options = CorpusOptions {
            metric,
            window: base.len() as u64,
            ttl: None,
            indexing: Indexing::Lists(choice),
            recall: RecallOptions { every: 0, ..RecallOptions::default() },
            pinned: None,
        };
        let mut corpus = Corpus::new(base.dim(), options).unwrap();
        // Twice, so that the second time all are in lists of trained centroids.
        for (seq, row) in (0..base.len() * 2).map(|seq| (seq as u64, seq % base.len())) {
            let vector = Vector { vec_id: row as u64, ..Vector::empty(0, 0, seq) };
            assert!(corpus.insert(seq, &vector, base.get(row).unwrap()));
        }
        corpus.set_probe_permille(permille);
        let terms = Terms { k: 10, radius: None, filter: Filter::default() };
        let (mut hits, mut times) = (0, Vec::new());
        for row in 0..queries.len() {
            let begin = Instant::now();
            corpus.search(queries.get(row).unwrap(), &terms);
            times.push(begin.elapsed());
            let own = &ids[row * 10..row * 10 + 10];
            let found = corpus.neighbours();
            assert_eq!(found.len(), 10, "{name}");
            hits += found.iter().filter(|near| own.contains(&(near.id as i32))).count();
        }
        times.sort_unstable();
        let recall = hits as f64 / ids.len() as f64;
        let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
        let (p50, p99): (Duration, Duration) = (at(0.5), at(0.99));
        println!(
            "{name}: {lists} lists, reach {permille}, rerank {rerank}: recall@10 {recall:.3}, \
             p50 {p50:?}, p99 {p99:?}"
        );
        assert!(recall >= least, "{name}: {lists} lists: recall {recall}");
    }
}

/// Publishes `base`, asks for `queries` at its end, and compares with `<name>.gt_*`.
fn check(folder: &Path, name: &str, metric: Metric, base: &Queries, queries: Queries, slack: f32) {
    for index in [IndexChoice::InPlace, IndexChoice::Exact] {
        check_exact(folder, name, metric, base, queries.clone(), slack, index);
    }
    check_lists(folder, name, metric, base, &queries);
}

fn check_exact(
    folder: &Path,
    name: &str,
    metric: Metric,
    base: &Queries,
    queries: Queries,
    slack: f32,
    index: IndexChoice,
) {
    let (ids, distances) = truth(folder, name);
    assert_eq!(ids.len(), queries.len() * 10);
    // The window is seven eighths of the ring.
    let capacity = (base.len() as u64 * 8 / 7 + 1).next_power_of_two();
    let rings = Rings::new(base.dim() as u16, capacity);
    let mut writer = rings.writer();
    let mode = Mode::Registered { queries, every: u64::MAX };
    let options =
        MatcherOptions { metric, mode, index, start: Start::Oldest, ..Default::default() };
    let mut matcher = rings.matcher(options);
    for row in 0..base.len() {
        let lanes = base.get(row).unwrap();
        publish(&mut writer, &vector(row as u64, lanes), lanes);
        let _ = matcher.run_once(1).unwrap();
    }
    writer.close();
    assert!(run(&mut matcher));
    assert_eq!(matcher.stats().scan.dropped, 0);
    let found = rings.matches().drain();
    let found_ids: Vec<i32> = found.iter().map(|m| m.match_id as i32).collect();
    assert_eq!(found_ids, ids, "{name}");
    for (m, expected) in found.iter().zip(distances) {
        let far = (m.distance - expected).abs();
        assert!(far <= slack * (1.0 + expected.abs()), "{name}: {m:?}, expected {expected}");
    }
}

fn check_set(name: &str, metric: Metric, slack: f32) {
    let Some(folder) = data() else { return };
    let load = |part: &str| Queries::load(&folder.join(format!("{name}.{part}.npy"))).unwrap();
    check(&folder, name, metric, &load("base"), load("query"), slack);
}

#[test]
fn neighbours_of_sift_descriptors_are_exact() {
    check_set("sift5k_u8", Metric::L2, 0.0);
}

#[test]
fn neighbours_of_handwritten_digits_are_exact() {
    check_set("digits_u8", Metric::L2, 0.0);
}

#[test]
fn neighbours_of_words_by_cosine_are_exact() {
    check_set("glove8k_f32_cos", Metric::Cosine, 1e-6);
}

/// Best bid and ask: 64 consecutive updates make a vector.
struct Bbo {
    log_mid: Vec<f64>,
    imbalance: Vec<f64>,
}

impl Bbo {
    /// Reads the updates of the first instrument: 28 bytes each, time i64, instrument u32, bid
    /// and ask in cents i32, sizes f32.
    fn load(path: &Path) -> Self {
        let file = BufReader::new(File::open(path).unwrap());
        let mut bytes = Vec::new();
        NpyFile::new(file).unwrap().into_inner().read_to_end(&mut bytes).unwrap();
        let word = |row: &[u8; 28], at: usize| -> [u8; 4] { row[at..at + 4].try_into().unwrap() };
        let (rows, _) = bytes.as_chunks::<28>();
        let first = word(&rows[0], 8);
        let (mut log_mid, mut imbalance) = (Vec::new(), Vec::new());
        for row in rows.iter().filter(|row| word(row, 8) == first) {
            let price = |at| f64::from(i32::from_le_bytes(word(row, at)));
            let size = |at| f64::from(f32::from_le_bytes(word(row, at)));
            log_mid.push(((price(12) + price(16)) / 200.0).ln());
            imbalance.push((size(20) - size(24)) / (size(20) + size(24)));
        }
        Self { log_mid, imbalance }
    }

    fn vectors(&self, starts: impl Iterator<Item = usize>) -> Queries {
        let mut lanes = Vec::new();
        for start in starts {
            let mids = &self.log_mid[start..start + 64];
            let mean = mids.iter().sum::<f64>() / 64.0;
            let deviation = (mids.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 64.0).sqrt();
            // Prices that never moved have no deviation but rounding: they are all zero.
            let still = deviation < 1e-12;
            lanes.extend(
                mids.iter().map(|mid| if still { 0.0 } else { ((mid - mean) / deviation) as f32 }),
            );
            lanes.extend(self.imbalance[start..start + 64].iter().map(|lane| *lane as f32));
        }
        Queries::new(128, lanes).unwrap()
    }
}

#[test]
fn neighbours_of_market_states_are_exact() {
    let Some(folder) = data() else { return };
    let bbo = Bbo::load(&folder.join("bbo_binance.npy"));
    let base = bbo.vectors(0..16_000);
    let queries = bbo.vectors((16_000..19_000).step_by(30));
    check(&folder, "bbo_vec128", Metric::L2, &base, queries, 1e-5);
}
