//! The nearest-neighbour index by itself, on one core: updates of a full window, the latency of
//! queries against the recall that it buys, exact search in place beside a flat array, and
//! standing patterns; then on two cores, searches of one thread while another inserts. Vectors are
//! clouds around centres that drift; each figure is printed with
//! what it was measured on.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tickring::record::{Record, Vector};
use tickring::{Directory, Reader, RingName, RingSpec, Start, Writer};
use tickring_ann::{Corpus, ExactScan, Indexing, Metric, PatternScan, Patterns, Queries};

#[path = "ann/windowed.rs"]
mod windowed;

use windowed::{DIM, K, Stream, corpus, insert, lists as indexed, terms};

/// Queries of one measurement.
const QUERIES: usize = 500;

fn main() {
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    let (window, updates) = if is_test { (2_000, 2_000) } else { (100_000, 200_000) };
    for lists in [256, 1_024] {
        lists_of(window, updates, if is_test { 16 } else { lists });
    }
    in_place(if is_test { 1_000 } else { 65_536 });
    standing(if is_test { 100 } else { 10_000 }, if is_test { 100 } else { 20_000 });
    let each = Duration::from_millis(if is_test { 20 } else { 3_000 });
    two_cores(window, if is_test { 16 } else { 1_024 }, each);
}

/// Updates of a full window, then queries with more and more lists looked through.
fn lists_of(window: usize, updates: usize, lists: u32) {
    let mut stream = Stream::new(7);
    let mut coded = corpus(window, indexed(window, lists));
    let mut exact = corpus(window, Indexing::Exact);
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
    let terms = terms();
    let mut truth: Vec<Vec<u64>> = Vec::new();
    let mut times = Vec::new();
    for query in &queries {
        let begin = Instant::now();
        exact.search(query, &terms);
        times.push(begin.elapsed());
        truth.push(exact.neighbours().iter().map(|near| near.id).collect());
    }
    println!("query, exact f32: {}", quantiles(&mut times));
    for permille in [50, 100, 150, 200, 300, 400, 500, 700, 1_000, 2_000] {
        coded.set_probe_permille(permille);
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
            "query, {lists} lists, {permille} ‰ of the distance: recall@{K} {recall:.4}, {}",
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
    let mut flat = corpus(count, Indexing::Exact);
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
    let terms = terms();
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

/// Searches by one thread and insertions by another, each alone and both at once.
fn two_cores(window: usize, lists: u32, each: Duration) {
    const RATE: f64 = 100_000.0;
    let mut stream = Stream::new(13);
    let mut coded = corpus(window, indexed(window, lists));
    let mut seq = 0;
    for _ in 0..2 * window {
        insert(&mut coded, seq, &stream.next());
        seq += 1;
    }
    coded.set_probe_permille(50);
    let rows: Vec<Vec<f32>> = (0..window).map(|_| stream.next()).collect();
    let queries: Vec<Vec<f32>> = (0..QUERIES).map(|_| stream.next()).collect();
    // Inserts for as long as was said, at this rate or as fast as it goes; says how fast it was.
    let mut inserted = |coded: &mut Corpus, rate: f64, each: Duration| {
        let (begin, mut count) = (Instant::now(), 0_u64);
        let mut rows = rows.iter().cycle();
        while begin.elapsed() < each {
            let due = begin.elapsed().as_secs_f64() * rate;
            if count as f64 > due {
                std::hint::spin_loop();
                continue;
            }
            for row in rows.by_ref().take(16) {
                insert(coded, seq, row);
                seq += 1;
                count += 1;
            }
        }
        count as f64 / begin.elapsed().as_secs_f64()
    };
    let alone = inserted(&mut coded, f64::INFINITY, each);
    println!("two cores: insertions alone: {alone:.0} a second");
    // All stands in the lists of one set of centroids: searches without insertions would look into
    // those of two all the time.
    while coded.saved().is_none() {
        inserted(&mut coded, f64::INFINITY, each / 50);
    }
    for (what, rate) in [
        ("without insertions", None),
        ("beside insertions at the rate", Some(RATE)),
        ("beside insertions at full speed", Some(f64::INFINITY)),
    ] {
        let mut searcher = coded.searcher();
        let is_over = AtomicBool::new(false);
        let (rate, mut times) = std::thread::scope(|scope| {
            let searching = scope.spawn(|| {
                let terms = terms();
                let mut times = Vec::with_capacity(1 << 20);
                for query in queries.iter().cycle() {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let begin = Instant::now();
                    black_box(searcher.search(query, &terms));
                    times.push(begin.elapsed());
                }
                times
            });
            let rate = rate.map(|rate| inserted(&mut coded, rate, each));
            if rate.is_none() {
                std::thread::sleep(each);
            }
            is_over.store(true, Ordering::Relaxed);
            (rate.unwrap_or(0.0), searching.join().expect("no panic"))
        });
        let searches = times.len() as f64 / each.as_secs_f64();
        let quantiles = quantiles(&mut times);
        println!(
            "two cores: searches {what}: {searches:.0} a second, {quantiles}; \
             insertions {rate:.0} a second"
        );
    }
}

fn quantiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    let at = |part: usize| times.get(last * part / 1_000).copied().unwrap_or_default();
    let [p50, p99, p999, most] = [500, 990, 999, 1_000].map(at);
    format!("p50 {p50:.1?}, p99 {p99:.1?}, p99.9 {p999:.1?}, max {most:.1?}")
}
