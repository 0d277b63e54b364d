//! `tickring record`, `tickring replay` and `tickring feed --journal`.

use crate::support::{Bus, Ran, kinds, order, publish, ring, trade, wait_for};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tickring::record::{Mbo, Record, Trade};
use tickring::{Batch, Poll, Reader, RingInfo, RingState, Start};

/// The bytes of all records of a ring, those of recovery left out.
fn bytes_of(bus: &Bus, name: &str) -> Vec<u8> {
    let mut reader = Reader::open(&bus.directory(), &ring(name), Start::Sequence(0)).unwrap();
    let (mut bytes, mut batch) = (Vec::new(), Batch::new());
    loop {
        match reader.poll_batch(&mut batch, 4096) {
            Poll::Record(_) => bytes.extend_from_slice(batch.bytes()),
            Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
            Poll::Empty | Poll::Closed(_) => return bytes,
            Poll::Lapped { missed, .. } => panic!("{missed} of {name} missed"),
        }
    }
}

fn journal(bus: &Bus) -> PathBuf {
    bus.path().join("journals/of the day")
}

/// The program with the directory of journals behind `option`.
fn run(bus: &Bus, arguments: &str, option: &str) -> Ran {
    Ran::of(bus.command(arguments).arg(option).arg(journal(bus)).output().unwrap())
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "journal"));
    files.sort();
    files
}

fn state(bus: &Bus, name: &str) -> RingState {
    RingInfo::read(&bus.directory(), &ring(name)).unwrap().state
}

#[test]
fn what_is_recorded_and_replayed_equals_the_original_bit_by_bit() {
    let bus = Bus::new();
    let mut ticks = bus.large_writer("demo/ticks", kinds(), 4096);
    for n in 0..1000 {
        publish(&mut ticks, n..n + 1);
        ticks.publish(&order(n)).unwrap();
    }
    ticks.close();
    bus.writer("demo/other", Mbo::kinds()).close();
    bus.writer("apart/ticks", Trade::kinds()).close();
    let ran = run(&bus, "record demo --json", "-o");
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let report = ran.objects().pop().unwrap();
    assert_eq!((&report["records"], &report["missed"]), (&2000.into(), &0.into()));
    assert_eq!(report["rings"]["demo/ticks"]["ended"], true);
    assert_eq!(report["rings"].as_object().unwrap().len(), 2, "{report}");
    // The empty ring has no journal, so that one is left and needs no name.
    let ran = run(&bus, "replay --to again/ticks --speed max --json", "--");
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_eq!(ran.objects().pop().unwrap()["records"], 2000);
    assert_eq!(bytes_of(&bus, "demo/ticks"), bytes_of(&bus, "again/ticks"));
    assert_eq!(state(&bus, "again/ticks"), RingState::Closed);
    let info = |name| RingInfo::read(&bus.directory(), &ring(name)).unwrap();
    assert_eq!(info("demo/ticks").schema_hash, info("again/ticks").schema_hash);
    assert_eq!(info("again/ticks").capacity, 4096);
}

#[test]
fn a_live_ring_is_recorded_until_a_signal_and_further_by_the_next_run() {
    let bus = Bus::new();
    let mut writer = bus.large_writer("demo/ticks", Trade::kinds(), 1024);
    for (round, (signal, code)) in [("INT", 130), ("TERM", 0)].into_iter().enumerate() {
        let mut command = bus.command("record demo/ticks --json --stats --fsync 50ms -o");
        let recording = bus.spawn(command.arg(journal(&bus)));
        let first = u32::try_from(round).unwrap() * 300;
        publish(&mut writer, first..first + 300);
        // The reports of every second.
        wait_for(|| {
            let report: Value = serde_json::from_str(&recording.line()).unwrap();
            (report["records"] == 300).then_some(())
        });
        recording.signal(signal);
        let ran = recording.end();
        assert_eq!((ran.code, ran.err.as_str()), (Some(code), ""), "{signal}");
        assert_eq!(ran.objects().pop().unwrap()["missed"], 0);
    }
    let ran = run(&bus, "replay --to again/ticks --speed max", "--");
    assert!(ran.err.starts_with("replay: 600 records, 0 missed"), "{}", ran.err);
    assert_eq!(bytes_of(&bus, "demo/ticks"), bytes_of(&bus, "again/ticks"));
}

#[test]
fn a_recorder_that_is_killed_leaves_a_journal_that_the_next_one_continues() {
    let bus = Bus::new();
    let mut writer = bus.large_writer("demo/ticks", Trade::kinds(), 1024);
    publish(&mut writer, 0..500);
    let mut command = bus.command("record demo/ticks --rotate-bytes 2MiB -o");
    let recording = bus.spawn(command.arg(journal(&bus)));
    let used = || {
        let directory = journal(&bus);
        directory.is_dir().then(|| files(&directory)).is_some_and(|files| {
            files.iter().any(|file| {
                let bytes = fs::read(file).unwrap();
                bytes.windows(8).any(|window| window == b"TRJBLOCK")
            })
        })
    };
    wait_for(|| used().then_some(()));
    recording.kill();
    // And what a crash of the machine does to its tail.
    let file = files(&journal(&bus)).pop().unwrap();
    let bytes = fs::read(&file).unwrap();
    let block = bytes.windows(8).position(|window| window == b"TRJBLOCK").unwrap();
    fs::write(&file, &bytes[..block + 1000]).unwrap();
    publish(&mut writer, 500..600);
    writer.close();
    let ran = run(&bus, "record demo/ticks --json", "-o");
    let report = ran.objects().pop().unwrap();
    assert_eq!(report["rings"]["demo/ticks"]["cut"], true, "{report}");
    assert_eq!((&report["records"], &report["missed"]), (&600.into(), &0.into()));
    run(&bus, "replay --to again/ticks --speed max", "--");
    assert_eq!(bytes_of(&bus, "demo/ticks"), bytes_of(&bus, "again/ticks"));
}

#[test]
fn a_feed_keeps_its_own_journal_through_a_ring_too_small_for_it() {
    let bus = Bus::new();
    let feed = "feed simulate --to demo --count 20000 --pace max --capacity 128 --vectors 32";
    let feed = format!("{feed} --vector-capacity 128 --rotate-bytes 2MiB --json");
    let ran = run(&bus, &feed, "--journal");
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let report = ran.objects().pop().unwrap();
    assert_eq!(
        (&report["journal"]["missed"], &report["journal"]["error"]),
        (&0.into(), &Value::Null)
    );
    // Definitions, ticks and vectors.
    let error = run(&bus, "replay --to again/ticks --speed max", "--").failure(2);
    assert!(error.contains("demo/definitions, demo/ticks, demo/vectors"), "{error}");
    for name in ["ticks", "vectors"] {
        let replay = format!("replay --ring demo/{name} --to again/{name} --speed max --json");
        let ran = run(&bus, &format!("{replay} --capacity 32768"), "--");
        let replayed = ran.objects().pop().unwrap();
        assert_eq!(replayed["missed"], 0, "{name} {}", ran.err);
        let info = RingInfo::read(&bus.directory(), &ring(&format!("demo/{name}"))).unwrap();
        assert_eq!(replayed["records"], info.published, "{name}");
    }
    // The same feed without a journal, in a large ring.
    let plain = "feed simulate --to plain --count 20000 --pace max --capacity 32768 --json";
    assert_eq!(bus.run(plain).code, Some(0));
    assert_eq!(bytes_of(&bus, "plain/ticks"), bytes_of(&bus, "again/ticks"));
}

#[test]
fn a_replay_goes_round_until_it_is_stopped_and_ends_its_ring_then() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    publish(&mut writer, 0..10);
    writer.close();
    assert_eq!(run(&bus, "record demo/ticks", "-o").code, Some(0));
    let mut command = bus.command("replay --to again/ticks --loop --speed 10x --json --");
    let replay = bus.spawn(command.arg(journal(&bus)));
    let published =
        || RingInfo::read(&bus.directory(), &ring("again/ticks")).map_or(0, |info| info.published);
    wait_for(|| (published() >= 100).then_some(()));
    replay.signal("TERM");
    let ran = replay.end();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let report = ran.objects().pop().unwrap();
    assert!(report["rounds"].as_u64() >= Some(9), "{report}");
    assert_eq!(state(&bus, "again/ticks"), RingState::Closed);
    let mut reader = Reader::open(&bus.directory(), &ring("again/ticks"), Start::Oldest).unwrap();
    let first = reader.cursor();
    let record = reader.poll().record().and_then(|record| record.get::<Trade>().copied());
    assert_eq!(record, Some(trade(u32::try_from(first % 10).unwrap())));
}

#[test]
fn what_cannot_be_recorded_or_replayed_is_explained() {
    let bus = Bus::new();
    let error = run(&bus, "record none/ticks", "-o").failure(3);
    assert!(error.contains("no ring none/ticks"), "{error}");
    assert!(run(&bus, "record demo/*", "-o").failure(3).contains("no ring matches"));
    let error = run(&bus, "replay --to again/ticks", "--").failure(3);
    assert!(error.contains("no journal of any ring"), "{error}");
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    publish(&mut writer, 0..1);
    let error = run(&bus, "record demo/ticks --rotate-bytes 1KiB", "-o").failure(2);
    assert!(error.contains("size of a journal file"), "{error}");
    let error = run(&bus, "record demo/ticks --rotate-bytes 1000000GiB", "-o").failure(2);
    assert!(error.contains("no room for the journal of demo/ticks"), "{error}");
    writer.close();
    assert_eq!(run(&bus, "record demo/ticks", "-o").code, Some(0));
    bus.writer("again/ticks", Mbo::kinds()).close();
    let error = run(&bus, "replay --to again/ticks", "--").failure(4);
    assert!(error.contains("another schema"), "{error}");
    let file = files(&journal(&bus)).pop().unwrap();
    fs::write(&file, b"TRJOURNL and nothing else").unwrap();
    let error = run(&bus, "replay --to more/ticks", "--").failure(4);
    assert!(error.contains("is damaged: file size"), "{error}");
}

#[test]
fn a_ring_that_is_removed_ends_its_recording() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    publish(&mut writer, 0..5);
    let mut command = bus.command("record demo/ticks --json -o");
    let recording = bus.spawn(command.arg(journal(&bus)));
    wait_for(|| journal(&bus).is_dir().then_some(()));
    bus.directory().remove(&ring("demo/ticks")).unwrap();
    let ran = recording.end();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("demo/ticks was removed"), "{}", ran.err);
    assert_eq!(ran.objects().pop().unwrap()["records"], 5);
}
