//! `tickring ls`

use crate::support::{Bus, kinds, ring, trade};
use serde_json::json;
use std::fs;
use tickring::record::{Record, Trade};

fn cells(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn each_ring_is_a_line_with_its_state() {
    let bus = Bus::new();
    let mut live = bus.writer("demo/live", kinds());
    live.publish(&trade(1)).unwrap();
    bus.writer("demo/closed", Trade::kinds()).close();
    drop(bus.writer("demo/dead", Trade::kinds()));
    let out = bus.run("ls").clean();
    let lines: Vec<Vec<&str>> = out.lines().map(cells).collect();
    let titles = "name state kinds records epoch capacity size heartbeat pid";
    assert_eq!(lines[0].join(" "), titles);
    let pid = std::process::id().to_string();
    // Without the age of the heartbeat, in column 7.
    assert_eq!(lines[1][..7], ["demo/closed", "closed", "trade", "0", "1", "64", "20.0 KiB"]);
    assert_eq!(lines[2][..7], ["demo/dead", "dead", "trade", "0", "1", "64", "20.0 KiB"]);
    assert_eq!(lines[3][..6], ["demo/live", "live", "mbo,trade,status", "1", "1", "64"]);
    assert_eq!([lines[1][8], lines[2][8], lines[3][8]], ["-", "-", &pid]);
    assert_eq!(lines.len(), 4);
}

#[test]
fn json_has_one_object_a_line_with_stable_keys() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", kinds());
    writer.publish(&trade(1)).unwrap();
    writer.set_watermark(7);
    writer.set_dropped(3);
    let ran = bus.run("ls --json");
    let [object] = &ran.objects()[..] else { panic!("one line: {ran:?}") };
    let keys: Vec<&String> = object.as_object().unwrap().keys().collect();
    let expected = "name state kinds published epoch capacity stride_bytes segment_bytes \
                    heartbeat_ns heartbeat_age_ns watermark_ns dropped pid path";
    assert_eq!(keys, expected.split_whitespace().collect::<Vec<_>>());
    assert_eq!(object["name"], "demo/ticks");
    assert_eq!(object["state"], "live");
    assert_eq!(object["kinds"], json!(["mbo", "trade", "status"]));
    assert_eq!(object["published"], 1);
    assert_eq!((&object["watermark_ns"], &object["dropped"]), (&json!(7), &json!(3)));
    assert_eq!(object["pid"], std::process::id());
    let path = bus.directory().path_of(&ring("demo/ticks"));
    assert_eq!(object["path"], path.to_str().unwrap());
}

#[test]
fn a_pattern_chooses_rings_and_no_match_is_a_negative_answer() {
    let bus = Bus::new();
    for name in ["demo/ticks", "demo/bars", "lab/ticks"] {
        bus.writer(name, Trade::kinds()).close();
    }
    let names = |pattern: &str| {
        let ran = bus.run(&format!("ls --json {pattern}"));
        let names = ran.objects().into_iter().map(|it| it["name"].as_str().unwrap().to_owned());
        (ran.code, names.collect::<Vec<_>>().join(" "))
    };
    assert_eq!(names("demo"), (Some(0), "demo/bars demo/ticks".to_owned()));
    assert_eq!(names("*/ticks"), (Some(0), "demo/ticks lab/ticks".to_owned()));
    assert_eq!(names("demo/b?rs"), (Some(0), "demo/bars".to_owned()));
    let err = bus.run("ls none/*").failure(1);
    assert_eq!(err, "ls: no ring matches none/*\n");
    assert!(bus.run("ls [").failure(2).contains("not a pattern"));
}

#[test]
fn an_empty_root_is_no_error() {
    let bus = Bus::new();
    let ran = bus.run("ls");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""));
    assert!(ran.err.starts_with("ls: no rings in "), "{}", ran.err);
}

#[test]
fn a_file_that_is_no_segment_is_reported_and_the_others_are_listed() {
    let bus = Bus::new();
    bus.writer("demo/ticks", Trade::kinds()).close();
    fs::write(bus.directory().path_of(&ring("demo/bad")), "not a segment").unwrap();
    let ran = bus.run("ls");
    assert_eq!(ran.code, Some(2));
    assert!(ran.out.contains("demo/ticks") && !ran.out.contains("demo/bad"), "{}", ran.out);
    assert!(ran.err.contains("bad.ring"), "{}", ran.err);
}
