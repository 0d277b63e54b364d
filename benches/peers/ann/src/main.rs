//! Our lists of codes beside usearch's graph: updates of a full window, and the latency of queries
//! by the recall that it buys, on the same vectors, on one core, in turns.
//!
//! Run by `cargo xtask bench ann`. Each round has vectors of its own. Both windows hold the same
//! 100,000 vectors of 128 lanes whenever they are asked; an update takes the oldest out and puts
//! the next in, and that is what half of the window is updated by, so that the graph has both.

#[path = "../../../benches/ann/windowed.rs"]
mod windowed;

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tickring_ann::Indexing;
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};
use windowed::{DIM, K, Stream, corpus, insert, lists as indexed, terms};

const QUERIES: usize = 500;
/// Lists of ours: fewer for updates, more for latency.
const LISTS: [u32; 2] = [256, 1_024];
/// How far a search of lists looks, in thousandths, and how far the graph is followed.
const PROBES: [u64; 8] = [25, 50, 100, 150, 200, 300, 500, 1_000];
const EXPANSIONS: [usize; 7] = [16, 32, 64, 128, 256, 512, 1_024];
const TARGETS: [f64; 2] = [0.95, 0.99];

/// What an engine did in a round.
#[derive(Clone, Debug)]
struct Did {
    name: String,
    updates: f64,
    curve: Vec<Point>,
}

/// What a setting buys.
#[derive(Clone, Copy, Debug)]
struct Point {
    recall: f64,
    p50: Duration,
    p99: Duration,
}

impl Did {
    /// The fastest setting that reaches a recall.
    fn at(&self, target: f64) -> Option<&Point> {
        self.curve.iter().filter(|point| point.recall >= target).min_by_key(|point| point.p50)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let number = |name: &str, or: usize| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(or)
    };
    let rounds = number("TICKRING_BENCH_ROUNDS", 5);
    let window = number("TICKRING_BENCH_WINDOW", 100_000);
    let mut all: Vec<Vec<Did>> = Vec::new();
    for round in 0..rounds {
        let did = turn(round as u64, window)?;
        for engine in &did {
            println!(
                "round {}: {}: {:.0} updates a second",
                round + 1,
                engine.name,
                engine.updates
            );
            for Point { recall, p50, p99 } in &engine.curve {
                println!("    recall@{K} {recall:.4}: p50 {p50:.1?}, p99 {p99:.1?}");
            }
        }
        all.push(did);
    }
    summary(&all);
    Ok(())
}

/// Medians over the rounds of ratios within each.
fn summary(all: &[Vec<Did>]) {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let ends = (values.first().copied(), values.last().copied());
        let (Some(least), Some(most)) = ends else { return "never".to_owned() };
        format!("{:.2} [{least:.2}..{most:.2}]", values[values.len() / 2])
    };
    let of_rounds = |ratio: &dyn Fn(&[Did]) -> Option<f64>| {
        median(all.iter().filter_map(|did| ratio(did)).collect())
    };
    for (at, lists) in LISTS.iter().enumerate() {
        let updates = of_rounds(&|did| Some(did.get(at)?.updates / did.last()?.updates));
        println!("{lists} lists: updates {updates} of usearch");
        for target in TARGETS {
            let p50 = |did: &Did| did.at(target).map(|point| point.p50.as_secs_f64());
            let ratio = of_rounds(&|did| Some(p50(did.get(at)?)? / p50(did.last()?)?));
            println!("{lists} lists: p50 at recall {target} {ratio} of usearch");
        }
    }
}

/// One round of all engines: ours by the number of lists, then usearch.
fn turn(seed: u64, window: usize) -> Result<Vec<Did>, Box<dyn Error>> {
    let mut stream = Stream::new(100 + seed);
    let rows: Vec<Vec<f32>> = (0..2 * window + window / 2).map(|_| stream.next()).collect();
    let queries: Vec<Vec<f32>> = (0..QUERIES).map(|_| stream.next()).collect();
    let begin = rows.len() - window;
    let truth = truth(&rows, begin, &queries);
    let mut did = Vec::new();
    for lists in LISTS {
        did.push(ours(&rows, (window, lists), &queries, &truth)?);
    }
    did.push(graph(&rows, window, &queries, &truth)?);
    Ok(did)
}

/// The true neighbours of the queries among the rows from `begin` on.
fn truth(rows: &[Vec<f32>], begin: usize, queries: &[Vec<f32>]) -> Vec<Vec<u64>> {
    let mut exact = corpus(rows.len() - begin, Indexing::Exact);
    for (seq, row) in (0..).zip(rows).skip(begin) {
        insert(&mut exact, seq, row);
    }
    let terms = terms();
    queries
        .iter()
        .map(|query| {
            exact.search(query, &terms);
            exact.neighbours().iter().map(|near| near.id).collect()
        })
        .collect()
}

/// Measures a curve; `find` gives ids at a setting.
fn curve<S: Copy>(
    settings: &[S],
    queries: &[Vec<f32>],
    truth: &[Vec<u64>],
    mut find: impl FnMut(S, &[f32]) -> Result<Vec<u64>, Box<dyn Error>>,
) -> Result<Vec<Point>, Box<dyn Error>> {
    let mut curve = Vec::new();
    for setting in settings {
        let (mut hits, mut times) = (0, Vec::new());
        for (query, own) in queries.iter().zip(truth) {
            let begin = Instant::now();
            let found = black_box(find(*setting, query)?);
            times.push(begin.elapsed());
            hits += found.iter().filter(|id| own.contains(id)).count();
        }
        times.sort_unstable();
        let recall = hits as f64 / truth.iter().map(Vec::len).sum::<usize>() as f64;
        curve.push(Point {
            recall,
            p50: times[times.len() / 2],
            p99: times[times.len() * 99 / 100],
        });
    }
    Ok(curve)
}

fn ours(
    rows: &[Vec<f32>],
    (window, lists): (usize, u32),
    queries: &[Vec<f32>],
    truth: &[Vec<u64>],
) -> Result<Did, Box<dyn Error>> {
    let mut corpus = corpus(window, indexed(window, lists));
    let full = rows.len() - window / 2;
    for (seq, row) in (0..).zip(rows).take(full) {
        insert(&mut corpus, seq, row);
    }
    let begin = Instant::now();
    for (seq, row) in (0..).zip(rows).skip(full) {
        insert(&mut corpus, seq, row);
    }
    let updates = (rows.len() - full) as f64 / begin.elapsed().as_secs_f64();
    let terms = terms();
    let mut set = 0;
    let curve = curve(&PROBES, queries, truth, |probes, query| {
        if set != probes {
            corpus.set_probe_permille(probes);
            set = probes;
        }
        corpus.search(query, &terms);
        Ok(corpus.neighbours().iter().map(|near| near.id).collect())
    })?;
    Ok(Did { name: format!("{lists} lists"), updates, curve })
}

fn graph(
    rows: &[Vec<f32>],
    window: usize,
    queries: &[Vec<f32>],
    truth: &[Vec<u64>],
) -> Result<Did, Box<dyn Error>> {
    let index = Index::new(&IndexOptions {
        dimensions: DIM,
        metric: MetricKind::L2sq,
        quantization: ScalarKind::F32,
        connectivity: 16,
        expansion_add: 128,
        ..IndexOptions::default()
    })?;
    index.reserve(2 * window)?;
    let full = rows.len() - window / 2;
    for (seq, row) in rows.iter().enumerate().take(full).skip(full - window) {
        index.add(seq as u64, row)?;
    }
    let begin = Instant::now();
    for (seq, row) in rows.iter().enumerate().skip(full) {
        index.remove((seq - window) as u64)?;
        index.add(seq as u64, row)?;
    }
    let updates = (rows.len() - full) as f64 / begin.elapsed().as_secs_f64();
    let mut set = 0;
    let curve = curve(&EXPANSIONS, queries, truth, |expansion, query| {
        if set != expansion {
            index.change_expansion_search(expansion);
            set = expansion;
        }
        Ok(index.search(query, K)?.keys)
    })?;
    Ok(Did { name: "usearch, 16 connections, f32".to_owned(), updates, curve })
}
