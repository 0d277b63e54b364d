//! `tickring ann`: the consumer as a process.

use crate::support::{Bus, ring, wait_for};
use std::fs;
use std::path::PathBuf;
use tickring::record::{Match, Record, Trade, Vector};
use tickring::{Poll, Reader, RingInfo, RingSpec, RingState, Start, Writer};

/// Vectors of two lanes on a line: vector n is (n, 0).
fn vectors(bus: &Bus, count: u16) {
    let mut writer = bus.writer("demo/vectors", vec![Vector::kind_with_dim(2)]);
    (0..count).for_each(|n| publish(&mut writer, n));
    writer.close();
}

/// Publishes vector n of [`vectors`].
fn publish(writer: &mut Writer, n: u16) {
    let mut claim = writer.claim();
    claim.write(&Vector { vec_id: n.into(), dim: 2, ..Vector::empty(0, 1, 0) }).unwrap();
    claim.write_lanes(&[n.into(), 0.0]).unwrap();
    claim.commit();
}

/// A .npy file of one float32 row.
fn queries(bus: &Bus, lanes: &[f32]) -> PathBuf {
    let shape = format!("(1, {})", lanes.len());
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}").into_bytes();
    header.resize(117, b' ');
    header.push(b'\n');
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(header);
    bytes.extend(lanes.iter().flat_map(|lane| lane.to_le_bytes()));
    let path = bus.path().join(format!("queries{}.npy", lanes.len()));
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn every_vector_is_a_query_against_those_before_it() {
    let bus = Bus::new();
    vectors(&bus, 5);
    let ran = bus.run("ann demo --from oldest --k 2 --json --no-latency");
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let stats = &ran.objects()[0];
    assert_eq!((&stats["vectors"], &stats["queries"]), (&5.into(), &5.into()));
    assert_eq!(stats["matches"], 1 + 2 + 2 + 2);
    let state = RingInfo::read(&bus.directory(), &ring("demo/matches")).unwrap().state;
    assert_eq!(state, RingState::Closed);
    let fields = "--fields query_id,match_id,distance,rank,k,latency_ns";
    let out = bus.run(&format!("tail demo/matches -n 2 --csv {fields}")).clean();
    let expected = "seq,query_id,match_id,distance,rank,k,latency_ns\n\
                    5,4,3,1.0,0,2,0\n6,4,2,4.0,1,2,0\n";
    assert_eq!(out, expected);
}

#[test]
fn registered_queries_are_answered_from_a_file() {
    let bus = Bus::new();
    vectors(&bus, 20);
    let file = queries(&bus, &[7.25, 0.0]);
    let file = file.display();
    let arguments = format!("ann demo --from oldest --queries {file} --every 10 --k 1");
    let ran = bus.run(&format!("{arguments} --matches found --capacity 64"));
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""));
    assert!(ran.err.starts_with("ann: 20 vectors, 2 queries, 2 matches, "), "{}", ran.err);
    let out = bus.run("tail demo/found --csv --fields query_id,match_id").clean();
    assert_eq!(out, "seq,query_id,match_id\n0,0,7\n1,0,7\n");
    let last = format!("{arguments} --matches last --window 5 --metric ip");
    assert_eq!(bus.run(&last).code, Some(0));
    let out = bus.run("tail demo/last --csv --fields match_id,distance").clean();
    assert_eq!(out, "seq,match_id,distance\n0,9,-65.25\n1,19,-137.75\n");
}

#[test]
fn what_cannot_be_searched_is_refused() {
    let bus = Bus::new();
    bus.writer("demo/ticks", Trade::kinds()).close();
    vectors(&bus, 1);
    let error = bus.run("ann demo --vectors ticks").failure(4);
    assert!(error.contains("demo/ticks is not a ring of vectors"), "{error}");
    let file = queries(&bus, &[1.0, 2.0, 3.0]);
    let error = bus.run(&format!("ann demo --queries {}", file.display())).failure(4);
    assert!(error.contains("the queries have 3 lanes"), "{error}");
    assert!(bus.run("ann demo --queries none.npy").failure(2).contains("none.npy"));
    assert!(bus.run("ann demo --k 0").failure(2).contains("k is 0"));
    assert!(bus.run("ann none").failure(3).contains("demo/vectors"));
}

#[test]
fn a_specification_and_flags_choose_an_index_and_a_snapshot() {
    let bus = Bus::new();
    vectors(&bus, 50);
    let spec = bus.path().join("ann.toml");
    fs::write(&spec, "k = 9\nindex = 'exact'\nwindow = 4\nrequests = 'queries'\n").unwrap();
    let snapshot = bus.path().join("ann.snapshot");
    let (spec, snapshot) = (spec.display(), snapshot.display());
    let command =
        format!("ann demo --from oldest --spec {spec} --k 3 --snapshot {snapshot} --json");
    let stats = &bus.run(&command).objects()[0];
    assert_eq!((&stats["queries"], &stats["restored"]), (&50.into(), &0.into()));
    assert_eq!(stats["matches"], 1 + 2 + 47 * 3, "k is that of the flag");
    let out =
        bus.run("tail demo/matches -n 2 --csv --kind match --fields query_id,match_id").clean();
    assert_eq!(out, "seq,query_id,match_id\n142,49,47\n143,49,46\n");
    let again = &bus.run(&command).objects()[0];
    assert_eq!((&again["vectors"], &again["restored"]), (&0.into(), &1.into()));
    fs::write(spec.to_string(), "neighbours = 9").unwrap();
    assert!(bus.run(&command).failure(2).contains("neighbours"));
}

#[test]
fn patterns_are_matched_within_their_threshold() {
    let bus = Bus::new();
    vectors(&bus, 20);
    let file = queries(&bus, &[7.25, 0.0]);
    let file = file.display();
    let ran = bus.run(&format!("ann demo --from oldest --patterns {file} --threshold 1 --json"));
    assert_eq!(ran.objects()[0]["matches"], 2);
    let out = bus.run("tail demo/matches --csv --fields query_id,match_id,distance").clean();
    assert_eq!(out, "seq,query_id,match_id,distance\n0,0,7,0.0625\n1,0,8,0.5625\n");
    let error = bus.run(&format!("ann demo --patterns {file}")).failure(2);
    assert!(error.contains("threshold"), "{error}");
}

#[test]
fn a_consumer_that_is_killed_again_and_again_publishes_each_match_once() {
    let bus = Bus::new();
    // All of them fit, so that nothing is lost while nobody reads.
    let spec = RingSpec { capacity: 512, ..RingSpec::new(vec![Vector::kind_with_dim(2)]).unwrap() };
    let mut writer = Writer::open(&bus.directory(), &ring("demo/vectors"), &spec).unwrap();
    let snapshot = bus.path().join("ann.snapshot");
    let command = format!(
        "ann demo --from oldest --index exact --window 30 --k 2 --no-latency --json \
         --snapshot-every 7 --snapshot {}",
        snapshot.display()
    );
    let matches = ring("demo/matches");
    let published = || RingInfo::read(&bus.directory(), &matches).map_or(0, |info| info.published);
    let mut next = 0;
    for life in 0..12 {
        let before = published();
        let running = bus.start(&command);
        for _ in 0..20 {
            publish(&mut writer, next);
            next += 1;
        }
        // Each life is killed a little later, in the midst of its work.
        wait_for(|| (published() > before + 3 * life && snapshot.exists()).then_some(()));
        running.kill();
    }
    writer.close();
    let last = &bus.run(&command).objects()[0];
    assert_eq!((&last["restored"], &last["diverged"]), (&1.into(), &0.into()));
    let mut reader = Reader::open(&bus.directory(), &matches, Start::Oldest).unwrap();
    let mut found = Vec::new();
    loop {
        match reader.poll() {
            Poll::Record(record) => {
                let near = record.get::<Match>().unwrap();
                found.push((near.query_id, near.match_id));
            }
            Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
            Poll::Closed(_) => break,
            other => panic!("unexpected {:?}", other.map(|_| ())),
        }
    }
    let near = |n: u64| (1..=n.min(2)).map(move |back| (n, n - back));
    assert_eq!(found, (0..u64::from(next)).flat_map(near).collect::<Vec<_>>());
}
