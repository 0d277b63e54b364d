//! Rings that change their schema, size or layout: refused, or replaced with a successor.

use crate::support::{Bench, drain, trade};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tickring::record::{Mbo, Quote, Record, Trade, side};
use tickring::{
    CloseReason, Error, OnMismatch, Poll, Reader, RingInfo, RingName, RingSpec, RingState, Start,
    Writer,
};

fn replacing(spec: RingSpec) -> RingSpec {
    RingSpec { on_mismatch: OnMismatch::Replace, ..spec }
}

#[test]
fn readers_of_a_replaced_ring_read_it_to_its_end_and_learn_the_successor() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    for n in 0..5 {
        writer.publish(&trade(n)).unwrap();
    }
    let other = RingSpec { capacity: 64, ..RingSpec::new(Mbo::kinds()).unwrap() };
    let open = |spec: &RingSpec| Writer::open(&bench.directory, &bench.name, spec);
    let error = open(&replacing(other.clone())).unwrap_err();
    assert!(matches!(error, Error::AlreadyOwned { .. }), "the old writer lives: {error}");
    drop(writer);
    let error = open(&other).unwrap_err();
    assert!(matches!(error, Error::SchemaMismatch { .. }), "{error}");

    let mut writer = open(&replacing(other)).unwrap();
    assert_eq!((writer.epoch(), writer.next_seq()), (1, 0));
    writer.publish(&Mbo::empty(1, 2, 3)).unwrap();
    let successor = RingInfo::read(&bench.directory, &bench.name).unwrap().ring_id;
    let mut outcomes = drain(&mut reader);
    assert_eq!(outcomes.pop(), Some(Poll::Closed(CloseReason::Retired { successor })));
    assert_eq!(outcomes.len(), 5);
    assert!(reader.wait(Duration::from_secs(60)), "there is something to be told");
    assert_eq!(reader.info().state, RingState::Retired);
    let mut next = bench.reader(Start::Oldest);
    assert!(matches!(next.poll(), Poll::Record(record) if record.get::<Mbo>().is_some()));
    let names = fs::read_dir(bench.directory.root().join("test")).unwrap().count();
    assert_eq!(names, 1, "nothing else is left in the bus");
}

#[test]
fn another_size_is_replaced_too_and_the_same_spec_is_taken_over() {
    let bench = Bench::new(64);
    drop(bench.writer());
    for changed in [
        RingSpec { capacity: 128, ..bench.spec.clone() },
        RingSpec { capacity: 128, instruments: 8, ..bench.spec.clone() },
    ] {
        let spec = replacing(changed);
        let writer = Writer::open(&bench.directory, &bench.name, &spec).unwrap();
        assert_eq!(writer.epoch(), 1);
        drop(writer);
        let writer = Writer::open(&bench.directory, &bench.name, &spec).unwrap();
        assert_eq!(writer.epoch(), 2, "a ring as it should be is never replaced");
    }
}

fn golden(layout: u32) -> PathBuf {
    let file = format!("tests/golden/layout-{layout}.ring");
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn bus_with(layout: u32) -> (Bench, RingName) {
    let bench = Bench::new(64);
    let name = RingName::new("golden", "ticks").unwrap();
    let path = bench.directory.path_of(&name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::copy(golden(layout), &path).unwrap();
    (bench, name)
}

/// What every golden file holds at sequence `n` of 100.
fn golden_trade(n: u32) -> Trade {
    Trade {
        price: i64::from(n) * 1_000_000_000,
        size: n + 1,
        side: side::BID,
        sequence: n,
        ..Trade::empty(1, 17077, 1_700_000_000_000_000_000 + u64::from(n))
    }
}

/// Golden files are written once, by the first version that has the layout:
/// `TICKRING_GOLDEN=1 cargo test -p tickring golden`.
#[test]
fn the_golden_file_of_this_layout_is_read_as_it_was_written() {
    if std::env::var_os("TICKRING_GOLDEN").is_some() {
        write_golden();
    }
    let (bench, name) = bus_with(2);
    let mut reader = Reader::open(&bench.directory, &name, Start::Sequence(36)).unwrap();
    for n in 36..100 {
        let expected = golden_trade(n);
        match reader.poll() {
            Poll::Record(record) => assert_eq!(record.get::<Trade>(), Some(&expected)),
            other => panic!("record {n}: {other:?}"),
        }
    }
    assert_eq!(reader.poll().map(|_| ()), Poll::Closed(CloseReason::Ended));
    assert_eq!(reader.instrument(17077).unwrap().symbol(), "GOLD");
    let last = reader.latest(17077).trade.unwrap();
    assert_eq!(last.record().get::<Trade>(), Some(&golden_trade(99)));
    let spec = RingSpec { capacity: 64, instruments: 8, ..RingSpec::new(golden_kinds()).unwrap() };
    let writer = Writer::open(&bench.directory, &name, &spec).unwrap();
    assert_eq!((writer.epoch(), writer.next_seq()), (2, 101));
}

fn golden_kinds() -> Vec<tickring::schema::Kind> {
    [Trade::kinds(), Quote::kinds()].concat()
}

fn write_golden() {
    let bench = Bench::new(64);
    let name = RingName::new("golden", "ticks").unwrap();
    let spec = RingSpec { capacity: 64, instruments: 8, ..RingSpec::new(golden_kinds()).unwrap() };
    let mut writer = Writer::open(&bench.directory, &name, &spec).unwrap();
    writer.define(&tickring::Instrument::new(1, 17077, "GOLD").unwrap()).unwrap();
    for n in 0..100 {
        writer.publish(&golden_trade(n)).unwrap();
    }
    writer.close();
    fs::copy(bench.directory.path_of(&name), golden(2)).unwrap();
}

#[test]
fn the_first_layout_is_named_and_refused_and_replaced_on_request() {
    let (bench, name) = bus_with(1);
    let path = bench.directory.path_of(&name);
    let spec = RingSpec { capacity: 64, ..RingSpec::new(Trade::kinds()).unwrap() };
    let reading = Reader::open(&bench.directory, &name, Start::Oldest).unwrap_err();
    let writing = Writer::open(&bench.directory, &name, &spec).unwrap_err();
    for error in [reading, writing] {
        assert!(matches!(error, Error::LayoutVersion { expected: 2, found: 1, .. }), "{error}");
    }
    // A reader of the old version keeps its mapping, and is told that the ring ended.
    let old = fs::File::options().read(true).write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&old, &[1], 1040).unwrap();
    let writer = Writer::open(&bench.directory, &name, &replacing(spec)).unwrap();
    assert_eq!((writer.epoch(), writer.next_seq()), (1, 0));
    let mut state = [0; 8];
    std::os::unix::fs::FileExt::read_exact_at(&old, &mut state, 1040).unwrap();
    assert_eq!(u64::from_le_bytes(state), 2);
    assert!(Reader::open(&bench.directory, &name, Start::Oldest).is_ok());
}
