//! Against the naive model: all distances in f64, sorted.

use crate::rings::{Rings, publish, run, vector};
use proptest::prelude::*;
use tickring::Start;
use tickring_ann::{ExactScan, MatcherOptions, Metric, Neighbour};

const METRICS: [Metric; 3] = [Metric::L2, Metric::InnerProduct, Metric::Cosine];

/// The distance as its definition says, in f64.
pub(crate) fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let sum = |term: fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| term(f64::from(*a), f64::from(*b))).sum()
    };
    let dot = sum(|a, b| a * b);
    match metric {
        Metric::L2 => sum(|a, b| (a - b) * (a - b)),
        Metric::InnerProduct => -dot,
        Metric::Cosine => {
            let norms = sum(|a, _| a * a).sqrt() * sum(|_, b| b * b).sqrt();
            if norms == 0.0 { 1.0 } else { 1.0 - dot / norms }
        }
    }
}

/// The sequences of `rows`, which begin at `first`, with their distances, the nearest first.
fn model(metric: Metric, first: u64, rows: &[Vec<f32>], query: &[f32]) -> Vec<(u64, f64)> {
    let mut all: Vec<(u64, f64)> =
        (first..).zip(rows).map(|(seq, row)| (seq, distance(metric, row, query))).collect();
    all.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap());
    all
}

/// Checks an answer up to the rounding of f32, which may swap almost equal neighbours.
fn check(found: &[Neighbour], expected: &[(u64, f64)], k: usize) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), k.min(expected.len()));
    for (near, (_, in_place)) in found.iter().zip(expected) {
        let own = expected.iter().find(|(seq, _)| *seq == near.seq).map(|(_, own)| *own);
        let Some(own) = own else { return Err(TestCaseError::fail("not in the range")) };
        let slack = 1e-4 * (1.0 + own.abs());
        prop_assert!((f64::from(near.distance) - own).abs() <= slack, "{near:?}, not {own}");
        prop_assert!((own - in_place).abs() <= slack, "{near:?} stands where {in_place} should");
    }
    for pair in found.windows(2) {
        let key = |near: &Neighbour| (near.distance, near.seq);
        prop_assert!(key(&pair[0]) < key(&pair[1]), "out of order: {pair:?}");
    }
    Ok(())
}

fn rows(dim: usize, lane: BoxedStrategy<f32>) -> impl Strategy<Value = Vec<Vec<f32>>> {
    prop::collection::vec(prop::collection::vec(lane, dim), 1..300)
}

/// Small integers make ties, and sums that are exact in f32; 0 makes zero vectors.
fn integers() -> BoxedStrategy<f32> {
    (-2i8..3).prop_map(f32::from).boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_k_nearest_of_any_range_are_those_of_the_model(
        rows in (1usize..70).prop_flat_map(|dim| rows(dim, (-9f32..9.0).boxed())),
        k in 0usize..20,
        skip in 0u64..40,
        cut in 0u64..300,
    ) {
        let rings = Rings::new(rows[0].len() as u16, 512);
        let mut writer = rings.writer();
        for (id, row) in (0..).zip(&rows) {
            publish(&mut writer, &vector(id, row), row);
        }
        let end = cut.min(rows.len() as u64);
        let range = skip.min(end)..end;
        let inside = &rows[range.start as usize..range.end as usize];
        let query = &rows[rows.len() / 2];
        for metric in METRICS {
            let mut search = ExactScan::new(metric, k);
            let scan = search.search(&rings.reader(), range.clone(), query);
            prop_assert_eq!(scan.scanned, inside.len() as u64);
            prop_assert_eq!((scan.dropped, scan.not_vectors, scan.not_numbers), (0, 0, 0));
            check(search.neighbours(), &model(metric, range.start, inside, query), k)?;
        }
    }

    #[test]
    fn of_equal_distances_the_lower_sequence_comes_first(
        rows in rows(3, integers()),
        k in 1usize..40,
    ) {
        let rings = Rings::new(3, 512);
        let mut writer = rings.writer();
        for (id, row) in (0..).zip(&rows) {
            publish(&mut writer, &vector(id, row), row);
        }
        for metric in [Metric::L2, Metric::InnerProduct] {
            let mut search = ExactScan::new(metric, k);
            search.search(&rings.reader(), 0..rows.len() as u64, &rows[0]);
            let found: Vec<(u64, f64)> =
                search.neighbours().iter().map(|n| (n.seq, f64::from(n.distance))).collect();
            let mut expected = model(metric, 0, &rows, &rows[0]);
            expected.truncate(k);
            prop_assert_eq!(found, expected);
        }
    }

    /// The ring turns over several times and its writer comes and goes, while the matcher is
    /// behind by up to the guard.
    #[test]
    fn each_vector_is_matched_with_the_window_before_it_and_never_with_itself(
        bursts in prop::collection::vec((1usize..9, prop::bool::weighted(0.1)), 1..40),
        lanes in prop::collection::vec(integers(), 400),
        k in 1u16..12,
        window in prop::option::of(1u64..57),
    ) {
        let rings = Rings::new(4, 64);
        let mut writer = rings.writer();
        let options = MatcherOptions { k, window, start: Start::Oldest, ..Default::default() };
        let mut matcher = rings.matcher(options);
        let mut matches = rings.matches();
        // Rows by sequence; `None` for a restart record.
        let mut published: Vec<Option<Vec<f32>>> = Vec::new();
        for (count, restarts) in bursts {
            let first = published.len();
            if restarts {
                drop(writer);
                writer = rings.writer();
                published.push(None);
            }
            for _ in usize::from(restarts)..count {
                let row: Vec<f32> =
                    (0..4).map(|lane| lanes[(published.len() * 3 + lane) % 400]).collect();
                let seq = publish(&mut writer, &vector(published.len() as u64 + 50, &row), &row);
                prop_assert_eq!(seq, published.len() as u64);
                published.push(Some(row));
            }
            run(&mut matcher);
            let found: Vec<_> = matches
                .drain()
                .iter()
                .map(|m| (m.query_id, m.match_id, m.distance, m.rank, m.k, m.ts_query))
                .collect();
            let mut expected = Vec::new();
            for seq in first..published.len() {
                let Some(query) = &published[seq] else { continue };
                let oldest = seq.saturating_sub(window.unwrap_or(56) as usize);
                let far = |row: &Vec<f32>| distance(Metric::L2, row, query);
                let mut near: Vec<(f64, usize)> = (oldest..seq)
                    .filter_map(|at| Some((far(published[at].as_ref()?), at)))
                    .collect();
                near.sort_by(|a, b| a.partial_cmp(b).unwrap());
                for (rank, (distance, at)) in (0..k).zip(near) {
                    let id = seq as u64 + 50;
                    expected.push((id, at as u64 + 50, distance as f32, rank, k, 1_000 + id));
                }
            }
            prop_assert_eq!(found, expected);
        }
        let stats = matcher.stats();
        prop_assert_eq!((stats.incomplete, stats.missed, stats.scan.dropped), (0, 0, 0));
        let controls = published.iter().filter(|row| row.is_none()).count() as u64;
        prop_assert_eq!(stats.restarts, controls);
        prop_assert_eq!(stats.vectors + controls, published.len() as u64);
    }
}
