//! Records that an encoder should not write: none may crash, none may be a neighbour by it.

use crate::rings::{Rings, publish, run, vector};
use tickring::record::{Heartbeat, Record, Vector, lane_type};
use tickring::{Start, Writer};
use tickring_ann::{ExactScan, MatcherOptions, Metric, Scan};

const NAN: f32 = f32::NAN;
const INF: f32 = f32::INFINITY;

fn good(writer: &mut Writer, id: u64, lanes: [f32; 4]) {
    publish(writer, &vector(id, &lanes), &lanes);
}

fn search(rings: &Rings, metric: Metric, query: [f32; 4]) -> (Vec<(u64, f32)>, Scan) {
    let reader = rings.reader();
    let mut search = ExactScan::new(metric, 10);
    let scan = search.search(&reader, reader.resident(), &query);
    (search.neighbours().iter().map(|n| (n.id, n.distance)).collect(), scan)
}

#[test]
fn vectors_that_are_no_numbers_are_counted_and_never_returned() {
    let rings = Rings::new(4, 64);
    let mut writer = rings.writer();
    good(&mut writer, 1, [1.0, 0.0, 0.0, 0.0]);
    good(&mut writer, 2, [NAN, 0.0, 0.0, 0.0]);
    good(&mut writer, 3, [INF, 0.0, 0.0, 0.0]);
    good(&mut writer, 4, [INF, -INF, 0.0, 0.0]);
    good(&mut writer, 5, [0.0, 2.0, 0.0, 0.0]);
    let query = [1.0, 1.0, 0.0, 0.0];
    let cases = [
        (Metric::L2, vec![(1, 1.0), (5, 2.0), (3, INF), (4, INF)], 1),
        (Metric::InnerProduct, vec![(3, -INF), (5, -2.0), (1, -1.0)], 2),
    ];
    for (metric, expected, not_numbers) in cases {
        let (found, scan) = search(&rings, metric, query);
        assert_eq!(found, expected, "{metric}");
        assert_eq!((scan.scanned, scan.not_numbers), (5, not_numbers), "{metric}");
    }
    let (found, scan) = search(&rings, Metric::Cosine, query);
    assert_eq!(found.iter().map(|near| near.0).collect::<Vec<_>>(), [1, 5]);
    assert_eq!(scan.not_numbers, 3);
}

#[test]
fn a_query_that_is_no_number_is_near_to_nothing() {
    let rings = Rings::new(4, 64);
    let mut writer = rings.writer();
    good(&mut writer, 1, [1.0, 0.0, 0.0, 0.0]);
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let (found, scan) = search(&rings, metric, [NAN, 0.0, 0.0, 0.0]);
        assert_eq!((found, scan.not_numbers), (vec![], 1), "{metric}");
    }
}

#[test]
fn a_norm_that_does_not_fit_the_lanes_makes_no_neighbour() {
    let rings = Rings::new(4, 64);
    let mut writer = rings.writer();
    let lanes = [3.0, 4.0, 0.0, 0.0];
    for (id, norm) in [(1, 5.0), (2, NAN), (3, INF), (4, -5.0), (5, 1e-30), (6, 0.0)] {
        publish(&mut writer, &Vector { norm, ..vector(id, &lanes) }, &lanes);
    }
    let (found, scan) = search(&rings, Metric::Cosine, lanes);
    assert_eq!(found, [(1, 0.0), (6, 1.0)], "a norm of zero says that it is a zero vector");
    assert_eq!(scan.not_numbers, 4);
    let (found, _) = search(&rings, Metric::L2, lanes);
    assert_eq!(found.len(), 6, "only cosine uses the norm");
}

#[test]
fn other_dimensions_types_and_kinds_are_skipped_and_counted() {
    let rings = Rings::new(4, 64);
    let mut writer = rings.writer();
    let lanes = [1.0, 2.0, 3.0, 4.0];
    good(&mut writer, 1, lanes);
    for dim in [0, 3, 5, u16::MAX] {
        publish(&mut writer, &Vector { dim, ..vector(9, &lanes) }, &lanes);
    }
    for dtype in [lane_type::F16, lane_type::I8, 255] {
        publish(&mut writer, &Vector { dtype, ..vector(9, &lanes) }, &lanes);
    }
    writer.publish(&Heartbeat::empty(1, 0, 5)).unwrap();
    drop(writer);
    let mut writer = rings.writer();
    good(&mut writer, 2, lanes);
    let (found, scan) = search(&rings, Metric::L2, lanes);
    assert_eq!(found, [(1, 0.0), (2, 0.0)]);
    assert_eq!((scan.scanned, scan.not_vectors), (2, 9));

    let mut matcher =
        rings.matcher(MatcherOptions { start: Start::Oldest, ..MatcherOptions::default() });
    run(&mut matcher);
    let stats = matcher.stats();
    assert_eq!((stats.vectors, stats.not_vectors, stats.restarts), (2, 8, 1));
    assert_eq!((stats.queries, stats.matches), (2, 1));
}

#[test]
fn a_query_of_another_dimension_finds_nothing() {
    let rings = Rings::new(4, 64);
    let mut writer = rings.writer();
    good(&mut writer, 1, [1.0; 4]);
    let mut search = ExactScan::new(Metric::L2, 3);
    for query in [&[1.0; 3][..], &[1.0; 5], &[]] {
        let scan = search.search(&rings.reader(), 0..1, query);
        assert_eq!((scan.not_vectors, search.neighbours()), (1, &[][..]));
    }
}

#[test]
fn sequences_that_are_gone_or_still_to_come_are_dropped() {
    let rings = Rings::new(4, 64);
    let mut writer = rings.writer();
    for id in 0..200 {
        good(&mut writer, id, [id as f32; 4]);
    }
    let mut search = ExactScan::new(Metric::L2, 100);
    let scan = search.search(&rings.reader(), 0..300, &[0.0; 4]);
    let (scanned, dropped) = (scan.scanned, scan.dropped);
    assert_eq!(scanned + dropped, 300);
    assert_eq!(search.neighbours().len() as u64, scanned);
    assert!(scanned >= 64 - 32 && search.neighbours().iter().all(|n| (136..200).contains(&n.seq)));
    let scan = search.search(&rings.reader(), u64::MAX - 5..u64::MAX, &[0.0; 4]);
    assert_eq!((scan.dropped, search.neighbours().len()), (5, 0));
}
