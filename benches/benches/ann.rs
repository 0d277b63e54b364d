//! The nearest-neighbour index by itself, on one core: updates of a full window, the latency of
//! queries against the recall that it buys, exact search in place beside a flat array, and
//! standing patterns. Vectors are clouds around centres that drift; each figure is printed with
//! what it was measured on.

use std::hint::black_box;
use std::time::{Duration, Instant};
use tickring::record::{Record, Vector};
use tickring::{Directory, Reader, RingName, RingSpec, Start, Writer};
use tickring_ann::{
    Choice, Corpus, CorpusOptions, ExactScan, Filter, Indexing, Metric, PatternScan, Patterns,
    Queries, RecallOptions, Terms,
};

const DIM: usize = 128;
const K: usize = 10;
/// Centres of the clouds.
const CENTRES: usize = 2_000;
/// Queries of one measurement.
const QUERIES: usize = 500;

/// Numbers that follow from a seed: SplitMix64, by Steele, Lea and Flood.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// About normal: the sum of four uniform numbers.
    fn normal(&mut self) -> f32 {
        let bits = self.next().to_le_bytes();
        let (parts, _) = bits.as_chunks::<2>();
        let sum: f32 = parts.iter().map(|part| f32::from(u16::from_le_bytes(*part))).sum();
        (sum / 65_535.0 - 2.0) * 1.7
    }
}

/// A stream of vectors around centres that drift.
struct Stream {
    random: Random,
    centres: Vec<Vec<f32>>,
    seq: u64,
}

impl Stream {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut row = || (0..DIM).map(|_| random.normal()).collect();
        let centres = (0..CENTRES).map(|_| row()).collect();
        Self { random, centres, seq: 0 }
    }

    fn next(&mut self) -> Vec<f32> {
        self.seq += 1;
        let at = usize::try_from(self.random.next() % CENTRES as u64).unwrap_or(0);
        let Some(centre) = self.centres.get_mut(at) else { return Vec::new() };
        for lane in centre.iter_mut().step_by(16) {
            *lane += self.random.normal() * 0.02;
        }
        centre.iter().map(|lane| lane + self.random.normal() * 0.5).collect()
    }
}

fn main() {
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    let (window, updates) = if is_test { (2_000, 2_000) } else { (100_000, 200_000) };
    for lists in [256, 1_024] {
        lists_of(window, updates, if is_test { 16 } else { lists });
    }
    in_place(if is_test { 1_000 } else { 65_536 });
    standing(if is_test { 100 } else { 10_000 }, if is_test { 100 } else { 20_000 });
}

fn corpus(window: usize, lists: u32, indexing: Option<Indexing>) -> Corpus {
    let choice = Choice { exact_up_to: 0, lists_from: window as u64 / 2, lists, rerank: 4 };
    let options = CorpusOptions {
        metric: Metric::L2,
        window: window as u64,
        ttl: None,
        indexing: indexing.unwrap_or(Indexing::Lists(choice)),
        recall: RecallOptions { every: 0, ..RecallOptions::default() },
        pinned: None,
    };
    Corpus::new(DIM, options).expect("a corpus")
}

fn insert(corpus: &mut Corpus, seq: u64, lanes: &[f32]) {
    let vector = Vector { vec_id: seq, ..Vector::empty(0, 1, seq) };
    corpus.advance(&vector);
    assert!(corpus.insert(seq, &vector, lanes), "finite lanes");
}

/// Updates of a full window, then queries with more and more lists looked through.
fn lists_of(window: usize, updates: usize, lists: u32) {
    let mut stream = Stream::new(7);
    let mut coded = corpus(window, lists, None);
    let mut exact = corpus(window, 1, Some(Indexing::Exact));
    // Two turnovers: the first fills the window, the second moves all to trained lists.
    for seq in 0..2 * window as u64 {
        insert(&mut coded, seq, &stream.next());
    }
    let rows: Vec<Vec<f32>> = (0..updates).map(|_| stream.next()).collect();
    let begin = Instant::now();
    for (seq, row) in (2 * window as u64..).zip(&rows) {
        insert(&mut coded, seq, row);
    }
    let rate = updates as f64 / begin.elapsed().as_secs_f64();
    let last = rows.len().saturating_sub(window);
    for (seq, row) in (0..).zip(rows.iter().skip(last)) {
        insert(&mut exact, seq + (2 * window + last) as u64, row);
    }
    println!("updates: {window} x {DIM}-d window, {lists} lists: {rate:.0} a second");
    let queries: Vec<Vec<f32>> = (0..QUERIES).map(|_| stream.next()).collect();
    let terms = Terms { k: K, radius: None, filter: Filter::default() };
    let mut truth: Vec<Vec<u64>> = Vec::new();
    let mut times = Vec::new();
    for query in &queries {
        let begin = Instant::now();
        exact.search(query, &terms);
        times.push(begin.elapsed());
        truth.push(exact.neighbours().iter().map(|near| near.id).collect());
    }
    println!("query, exact f32: {}", quantiles(&mut times));
    for probes in [1, 2, 4, 8, 16, 32, 64, 128, u64::from(lists)] {
        coded.set_probes(probes);
        let (mut hits, mut times) = (0, Vec::new());
        for (query, own) in queries.iter().zip(&truth) {
            let begin = Instant::now();
            coded.search(query, &terms);
            times.push(begin.elapsed());
            hits += coded.neighbours().iter().filter(|near| own.contains(&near.id)).count();
        }
        let wanted: usize = truth.iter().map(Vec::len).sum();
        let recall = hits as f64 / wanted as f64;
        println!(
            "query, {lists} lists, {probes} looked at: recall@{K} {recall:.4}, {}",
            quantiles(&mut times)
        );
    }
}

/// The exact scan in the ring beside the exact scan of a flat array.
fn in_place(slots: u64) {
    let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let root = root.expect("a temporary directory");
    let directory = Directory::at(root.path());
    let name = RingName::new("bench", "vectors").expect("a name");
    let kinds = vec![Vector::kind_with_dim(128)];
    let capacity = (slots * 8 / 7).next_power_of_two();
    let spec = RingSpec { capacity, ..RingSpec::new(kinds).expect("a schema") };
    let mut writer = Writer::open(&directory, &name, &spec).expect("a new ring");
    let mut stream = Stream::new(9);
    let count = usize::try_from(slots).unwrap_or(0);
    let mut flat = corpus(count, 1, Some(Indexing::Exact));
    for seq in 0..slots {
        let row = stream.next();
        let mut claim = writer.claim();
        let fixed = Vector { vec_id: seq, dim: 128, ..Vector::empty(0, 1, seq) };
        claim.write(&fixed).expect("the ring holds vectors");
        claim.write_lanes(&row).expect("the slot holds the lanes");
        claim.commit();
        insert(&mut flat, seq, &row);
    }
    let reader = Reader::open(&directory, &name, Start::Oldest).expect("the ring");
    let mut scan = ExactScan::new(Metric::L2, K);
    let terms = Terms { k: K, radius: None, filter: Filter::default() };
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for _ in 0..41 {
        let query = stream.next();
        let begin = Instant::now();
        black_box(scan.search(&reader, 0..slots, &query));
        own.push(begin.elapsed());
        let begin = Instant::now();
        black_box(flat.search(&query, &terms));
        other.push(begin.elapsed());
        assert_eq!(scan.neighbours(), flat.neighbours(), "the same to the last bit");
    }
    let (own_text, other_text) = (quantiles(&mut own), quantiles(&mut other));
    println!("exact, {slots} x {DIM}-d in place: {own_text}; in a flat array: {other_text}");
}

/// Vectors matched against standing patterns.
fn standing(patterns: usize, vectors: usize) {
    let mut stream = Stream::new(11);
    let lanes: Vec<f32> = (0..patterns).flat_map(|_| stream.next()).collect();
    let rows = Queries::new(DIM, lanes).expect("patterns");
    let mut scan = PatternScan::new(Metric::L2, Patterns::with_threshold(rows, 40.0));
    let vectors: Vec<Vec<f32>> = (0..vectors).map(|_| stream.next()).collect();
    let begin = Instant::now();
    let hits: usize = vectors.iter().map(|row| scan.matches(row).len()).sum();
    let rate = vectors.len() as f64 / begin.elapsed().as_secs_f64();
    println!("standing: {patterns} patterns: {rate:.0} vectors a second, {hits} matches");
}

fn quantiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() - 1) * part / 100).copied().unwrap_or_default();
    format!("p50 {:.1?}, p99 {:.1?}", at(50), at(99))
}
