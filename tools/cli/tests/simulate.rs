//! `tickring simulate`: files, and the truth about them.

use crate::support::{Bus, Ran};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;

const FILES: [(&str, &str); 5] = [
    ("dbn", "day.dbn"),
    ("itch", "day.itch"),
    ("mold-a", "a.pcap"),
    ("mold-b", "b.pcap"),
    ("truth", "truth.json"),
];

const MARKET: &str = "--seconds 4 --session --instruments 12 --rate 2000";

/// All files of a day under `prefix`.
fn day(bus: &Bus, prefix: &str, more: &str) -> Ran {
    let files = FILES.map(|(option, name)| {
        format!("--{option} {}", bus.path().join(format!("{prefix}{name}")).display())
    });
    let chaos = "--loss 0.02 --duplicate 0.02 --reorder 0.02 --corrupt 0.01 --loss-both 0.005";
    bus.run(&format!("simulate {MARKET} {chaos} {} {more}", files.join(" ")))
}

fn read(bus: &Bus, name: &str) -> Vec<u8> {
    fs::read(bus.path().join(name)).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The sum of the values of an object.
fn sum(object: &Value) -> u64 {
    object.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn the_same_seed_gives_the_same_files_and_the_truth_holds_their_hashes() {
    let bus = Bus::new();
    let ran = day(&bus, "1-", "--json");
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let told = &ran.objects()[0]["files"];
    let again = day(&bus, "2-", "");
    assert_eq!((again.code, again.out.as_str()), (Some(0), ""));
    let truth: Value = serde_json::from_slice(&read(&bus, "1-truth.json")).unwrap();
    assert_eq!(day(&bus, "3-", "--seed 2").code, Some(0));
    for (option, name) in FILES {
        let bytes = read(&bus, &format!("1-{name}"));
        assert!(bytes == read(&bus, &format!("2-{name}")), "{name}");
        assert!(bytes != read(&bus, &format!("3-{name}")), "{name}");
        let key = option.replace('-', "_");
        assert_eq!(told[&key]["sha256"], sha256(&bytes), "{name}");
        assert!(again.err.contains(&sha256(&bytes)), "{}", again.err);
        if option != "truth" {
            assert_eq!(truth["files"][&key]["sha256"], sha256(&bytes), "{name}");
            assert_eq!(truth["files"][&key]["bytes"], bytes.len());
        }
    }
}

#[test]
fn the_truth_is_that_of_the_ring_and_of_the_files_fed_back() {
    let bus = Bus::new();
    assert_eq!(day(&bus, "", "").code, Some(0));
    let truth: Value = serde_json::from_slice(&read(&bus, "truth.json")).unwrap();
    let summary = |arguments: &str| bus.run(arguments).objects().pop().unwrap();
    let path = |name: &str| bus.path().join(name).display().to_string();

    let ring = summary(&format!("feed simulate {MARKET} --pace max --json --to ring"));
    assert_eq!(ring["records"], sum(&truth["records"]));
    for (action, count) in truth["actions"].as_object().unwrap() {
        assert_eq!(&ring["kinds"][format!("mbo {action}")], count, "{action}");
    }
    let dbn = summary(&format!("feed dbn {} --json --to dbn", path("day.dbn")));
    assert_eq!(dbn["kinds"], ring["kinds"]);
    assert_eq!(truth["files"]["dbn"]["counts"]["records"], ring["records"]);

    let date = "--date 2026-01-05";
    let itch = summary(&format!("feed itch {} {date} --json --to itch", path("day.itch")));
    assert_eq!(itch["inputs"], truth["files"]["itch"]["counts"]);
    assert_eq!(sum(&itch["inputs"]), truth["mold"]["messages"].as_u64().unwrap());
    assert_eq!(itch["kinds"]["mbo F"], truth["actions"]["F"]);
    let names: Vec<&String> = itch["anomalies"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["execution not printable"]);

    let instruments = truth["instruments"].as_array().unwrap();
    assert_eq!((instruments.len(), &instruments[3]["symbol"]), (12, &"SIM00004".into()));
    for instrument in instruments {
        assert_eq!(instrument["unknown"], 0);
        let orders = |side: &str| -> u64 {
            let levels = instrument[side].as_array().unwrap().iter();
            levels.map(|level| level[2].as_u64().unwrap()).sum()
        };
        assert_eq!(instrument["orders"], orders("bids") + orders("asks"));
    }
    let traded: u64 = instruments.iter().map(|i| i["traded"]["size"].as_u64().unwrap()).sum();
    assert_eq!(truth["trades"]["size"], traded);
    let lost = truth["mold"]["a"]["lost"].as_array().unwrap();
    assert!(!lost.is_empty() && !truth["mold"]["gaps"].as_array().unwrap().is_empty());
}

#[test]
fn files_that_exist_are_left_alone_without_force() {
    let bus = Bus::new();
    let path = bus.path().join("truth.json");
    fs::write(&path, "mine").unwrap();
    let arguments = format!("simulate --count 100 --truth {}", path.display());
    let error = bus.run(&arguments).failure(2);
    assert!(error.contains("truth.json") && error.contains("-f"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    assert_eq!(bus.run(&format!("{arguments} -f")).code, Some(0));
    assert!(fs::read(&path).unwrap().starts_with(b"{"));
    assert_eq!(fs::read_dir(bus.path()).unwrap().count(), 1, "no draft is left");
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let bus = Bus::new();
    let itch = bus.path().join("day.itch");
    let arguments = format!("simulate --instruments 70000 --count 100 --itch {}", itch.display());
    let ran = bus.run(&arguments);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("instrument 65536"), "{}", ran.err);
    assert_eq!(fs::read_dir(bus.path()).unwrap().count(), 0);
    let error = bus.run("simulate --count 1 --dbn none/there/day.dbn").failure(2);
    assert!(error.contains("none/there/day.dbn"), "{error}");
}
