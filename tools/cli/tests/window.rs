//! `tickring window`: the consumer as a process.

use crate::support::{Bus, ring, trade, wait_for};
use tickring::record::{Record, RecordHeader, Trade};
use tickring::{RingInfo, RingState};

const SECOND_NS: u64 = 1_000_000_000;

/// A trade so many milliseconds behind the open, at this price.
fn at(milliseconds: u64, price: i64) -> Trade {
    let time = crate::support::OPEN_NS + milliseconds * SECOND_NS / 1_000;
    let header = RecordHeader { ts_event: time, ..trade(1).header };
    Trade { header, price: price * 1_000_000_000, size: 1, ..trade(1) }
}

#[test]
fn bars_follow_the_ticks_of_another_process_until_they_end() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    let window = bus.start("window demo --json");
    for (milliseconds, price) in [(0, 10), (500, 14), (999, 9), (1_000, 20), (3_500, 30)] {
        writer.publish(&at(milliseconds, price)).unwrap();
    }
    let info = || RingInfo::read(&bus.directory(), &ring("demo/bars")).ok();
    wait_for(|| info().filter(|info| info.published == 2));
    writer.close();
    let ran = window.end();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let stats = &ran.objects()[0];
    assert_eq!(
        (&stats["trades"], &stats["bars"], &stats["late"]),
        (&5.into(), &3.into(), &0.into())
    );
    assert_eq!(info().unwrap().state, RingState::Closed);
    let bars = bus.run("tail demo/bars --csv --fields start_ns,open_e9,open,high,low,close");
    assert!(bars.failure(4).contains("no field open_e9"));
    assert_eq!(
        bus.run("tail demo/bars --fields start_ns,open,high,low,close,count").clean(),
        "seq  start_ns                                open          high           low         \
         close  count\n\
         \x20 0  2026-01-05T14:30:00.000000000Z  10.000000000  14.000000000   9.000000000   \
         9.000000000      3\n\
         \x20 1  2026-01-05T14:30:01.000000000Z  20.000000000  20.000000000  20.000000000  \
         20.000000000      1\n\
         \x20 2  2026-01-05T14:30:03.000000000Z  30.000000000  30.000000000  30.000000000  \
         30.000000000      1\n"
    );
}

#[test]
fn size_delay_and_rings_are_chosen_by_options() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/other", Trade::kinds());
    for milliseconds in [0, 1_500, 900, 2_500, 100] {
        writer.publish(&at(milliseconds, 10)).unwrap();
    }
    writer.close();
    let run = |options: &str| {
        let ran = bus.run(&format!("window demo --ticks other --json {options}"));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let stats = ran.objects().pop().unwrap();
        (stats["bars"].as_u64().unwrap(), stats["late"].as_u64().unwrap())
    };
    assert_eq!(run("--bars a --capacity 64"), (3, 2));
    assert_eq!(run("--bars b --delay 1s"), (3, 1));
    assert_eq!(run("--bars c --size 5s"), (1, 0));
    let info = |name| RingInfo::read(&bus.directory(), &ring(name)).unwrap();
    assert_eq!(info("demo/a").capacity, 64);
    assert!(bus.run("window demo --ticks other --size 0s").failure(2).contains("0 ns"));
    assert!(bus.run("window demo").failure(3).contains("demo/other"));
}

#[test]
fn a_signal_leaves_the_ring_to_the_next_consumer() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    writer.publish(&at(0, 10)).unwrap();
    let window = bus.start("window demo --stats");
    let info = || RingInfo::read(&bus.directory(), &ring("demo/bars")).ok();
    wait_for(info);
    window.signal("TERM");
    let ran = window.end();
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""));
    assert!(ran.err.starts_with("window: "), "{}", ran.err);
    let info = info().unwrap();
    assert_eq!((info.state, info.published), (RingState::Dead, 0), "no half a window");
}

#[test]
fn a_specification_is_read_from_a_file_and_options_count_more() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    for milliseconds in [0, 400, 1_500, 900, 2_500, 100] {
        writer.publish(&at(milliseconds, 10)).unwrap();
    }
    writer.close();
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("spec.toml");
    let text = "lateness = '2s'\naggregates = ['flow', 'twap']\n[window]\nkind = 'hopping'\n\
                size = '2s'\nhop = '1s'\n";
    std::fs::write(&path, text).unwrap();
    let spec = format!("--spec {}", path.display());
    let run = |options: &str| {
        let ran = bus.run(&format!("window demo --json {options}"));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let stats = ran.objects().pop().unwrap();
        ["bars", "revisions", "late"].map(|name| stats[name].as_u64().unwrap())
    };
    assert_eq!(run(&format!("{spec} --bars a")), [7, 3, 0]);
    assert_eq!(run(&format!("{spec} --bars b --lateness 0s")), [4, 0, 1]);
    assert_eq!(run("--bars c --trades 4 --empty none"), [2, 0, 0]);
    assert_eq!(run("--bars d --gap 800ms --delay 3s"), [2, 0, 0]);
    let late = bus.run("tail demo/b-late --json");
    assert_eq!(late.objects().len(), 1);
    let bars = bus.run("tail demo/a --kind bar_stats --json");
    assert_eq!(bars.objects().len(), 7, "{}", bars.err);

    let printed = bus.run(&format!("window demo {spec} --size 3s --print-spec")).clean();
    assert!(printed.contains("size = 3000000000\nhop = 1000000000"), "{printed}");
    std::fs::write(&path, &printed).unwrap();
    assert_eq!(bus.run(&format!("window demo {spec} --print-spec")).clean(), printed);
    std::fs::write(&path, "[window]\nkind = 'round'").unwrap();
    assert!(bus.run(&format!("window demo {spec}")).failure(2).contains("unknown variant"));
    assert!(bus.run("window demo --empty never").failure(2).contains("`carry`"));
    assert!(bus.run("window demo --spec nowhere.toml").failure(2).contains("nowhere.toml"));
}
