//! A writer that overwrites what is being searched: nothing torn is returned, all loss counted.

use crate::rings::{Rings, publish, run, vector};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tickring::Start;
use tickring::record::{Record, Vector};
use tickring_ann::{ExactScan, MatcherOptions, Metric};

const DIM: u16 = 64;
const CAPACITY: u64 = 1024;

/// What every lane of the vector with this id holds: small, so that sums are exact.
fn lane(id: u64) -> f32 {
    (id % 251) as f32
}

/// Stops the writer also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_torn_vector_is_a_neighbour_while_the_writer_laps_the_scan() {
    let rings = Rings::new(DIM, CAPACITY);
    let mut writer = rings.writer();
    let stop = AtomicBool::new(false);
    for id in 0..CAPACITY {
        publish(&mut writer, &vector(id, &[lane(id); DIM as usize]), &[lane(id); DIM as usize]);
    }
    let reader = rings.reader();
    thread::scope(|scope| {
        let stopping = Stop(&stop);
        scope.spawn(|| {
            let mut fixed = Vector { dim: DIM, ..Vector::empty(1, 1, 0) };
            for id in CAPACITY.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                fixed.vec_id = id;
                publish(&mut writer, &fixed, &[lane(id); DIM as usize]);
            }
        });
        let mut search = ExactScan::new(Metric::L2, 300);
        let (mut scanned, mut dropped) = (0, 0);
        while scanned < 200_000 || dropped < 20_000 {
            let published = reader.published();
            let range = published - CAPACITY..published;
            let scan = search.search(&reader, range.clone(), &[0.0; DIM as usize]);
            assert_eq!(scan.scanned + scan.dropped, CAPACITY);
            assert_eq!((scan.not_vectors, scan.not_numbers), (0, 0));
            assert_eq!(search.neighbours().len() as u64, scan.scanned.min(300));
            for near in search.neighbours() {
                assert_eq!(near.id, near.seq);
                assert!(range.contains(&near.seq));
                let expected = f32::from(DIM) * lane(near.id) * lane(near.id);
                assert!((near.distance - expected).abs() < 0.5, "torn: {near:?}, not {expected}");
            }
            scanned += scan.scanned;
            dropped += scan.dropped;
        }
        drop(stopping);
    });
}

#[test]
fn a_matcher_that_is_lapped_counts_what_it_missed_and_goes_on() {
    let rings = Rings::new(2, 64);
    let mut writer = rings.writer();
    let mut matcher =
        rings.matcher(MatcherOptions { start: Start::Oldest, ..MatcherOptions::default() });
    for id in 0..1_000 {
        publish(&mut writer, &vector(id, &[id as f32, 1.0]), &[id as f32, 1.0]);
    }
    assert_eq!(matcher.lag(), 1_000);
    run(&mut matcher);
    let stats = *matcher.stats();
    assert_eq!((stats.vectors, stats.missed, stats.lag_max), (56, 944, 1_000));
    assert_eq!(stats.vectors + stats.missed, 1_000);
    assert!(stats.incomplete > 0, "the windows of the first queries are partly overwritten");
    assert_eq!(matcher.lag(), 0);
    let info = tickring::RingInfo::read(&rings.directory, &rings.matches).unwrap();
    assert_eq!(info.dropped, 944);

    publish(&mut writer, &vector(1_000, &[999.0, 1.0]), &[999.0, 1.0]);
    run(&mut matcher);
    let found = rings.matches().drain();
    let last: Vec<u64> = found.iter().filter(|m| m.query_id == 1_000).map(|m| m.match_id).collect();
    assert_eq!(last, [999, 998, 997, 996, 995, 994, 993, 992, 991, 990]);
    assert_eq!(matcher.stats().incomplete, stats.incomplete, "this window is whole again");
}
